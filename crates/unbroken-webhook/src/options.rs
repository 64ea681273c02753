//! What both commands are told: the policies, and how registries are reached.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use unbroken_model::timestamp::Timestamp;
use unbroken_oci::reference::Host;
use unbroken_oci::registry::{Client, CredentialPlaces, Proxies, Settings};
use unbroken_policy::PolicySet;

use crate::failure::Failed;

/// The largest file of policies: a layout may stand in it.
const LARGEST_FILE: u64 = 64 << 20;

/// How registries are reached. Proxies are those of `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Registries")]
pub struct Registries {
    /// A file of credentials, as docker and podman keep it
    #[arg(long, value_name = "FILE")]
    auth_file: Vec<PathBuf>,
    /// Speak plain HTTP to a registry, without credentials; to localhost it is spoken anyway
    #[arg(long, value_name = "HOST")]
    plain_http: Vec<Host>,
    /// Trust the authorities of a PEM file too
    #[arg(long, value_name = "FILE")]
    registry_ca: Vec<PathBuf>,
    /// Read one registry in place of another: HOST=MIRROR
    #[arg(long, value_name = "HOST=MIRROR", value_parser = parse_mirror)]
    mirror: Vec<(Host, Host)>,
}

fn parse_mirror(text: &str) -> Result<(Host, Host), String> {
    let (of, mirror) = text.split_once('=').ok_or("it has not the form HOST=MIRROR")?;
    Ok((of.parse()?, mirror.parse()?))
}

impl Registries {
    /// Makes a client; nothing is connected to yet.
    ///
    /// # Errors
    /// [`Failed`] for authorities that cannot be used.
    pub fn client(&self) -> Result<Client, Failed> {
        let mut settings = Settings {
            plain_http: self.plain_http.iter().cloned().collect(),
            proxies: Proxies::of_variables(|name| std::env::var(name).ok())
                .map_err(|error| Failed::usage(error.to_string()))?,
            credentials: CredentialPlaces { inline: None, files: self.auth_file.clone() },
            ..Settings::default()
        };
        for (of, mirror) in &self.mirror {
            settings.mirrors.entry(of.clone()).or_default().push(mirror.clone());
        }
        for path in &self.registry_ca {
            let name = path.display().to_string();
            let text = read(path)?;
            let added = settings.authorities.add(&name, &text);
            added.map_err(|error| Failed::usage(error.to_string()))?;
        }
        Ok(Client::new(settings))
    }
}

/// Reads policies and settings.
///
/// # Errors
/// [`Failed`] for a file that holds none.
pub fn load_policies(path: &Path, now: Timestamp) -> Result<PolicySet, Failed> {
    let unusable = |fault: &dyn std::fmt::Display| {
        Failed::usage(format!("the policies in {} cannot be used: {fault}", path.display()))
    };
    let text = String::from_utf8(read(path)?).map_err(|error| unusable(&error))?;
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    PolicySet::parse(&text, folder, now).map_err(|error| unusable(&error))
}

/// Returns the time of the machine.
pub fn clock() -> Timestamp {
    Timestamp::from_unix(jiff::Timestamp::now().as_second())
}

fn read(path: &Path) -> Result<Vec<u8>, Failed> {
    let cannot = |error| Failed::usage(format!("cannot read {}: {error}", path.display()));
    let size = fs::metadata(path).map_err(cannot)?.len();
    if size > LARGEST_FILE {
        return Err(Failed::usage(format!("{} is too large", path.display())));
    }
    fs::read(path).map_err(cannot)
}
