//! How registries are reached: the options, the environment, and what to do when they are not.

use std::path::PathBuf;

use clap::Args;
use unbroken_oci::reference::Host;
use unbroken_oci::registry::{Client, CredentialPlaces, Proxies, Secret, Settings};
use unbroken_oci::{OciError, limits::Limits};

use crate::error::{CliError, Result};
use crate::files;

/// The variable that holds the text of a file of credentials, as CI systems set it.
const INLINE_CREDENTIALS: &str = "DOCKER_AUTH_CONFIG";

/// How registries are reached. Proxies are those of `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct RegistryOptions {
    /// A file of credentials [default: those of docker and podman]
    #[arg(long, value_name = "FILE", hide_short_help = true, help_heading = "Registries")]
    auth_file: Option<PathBuf>,
    /// Speak plain HTTP to a registry, without credentials; to localhost it is spoken anyway
    #[arg(long, value_name = "HOST", hide_short_help = true, help_heading = "Registries")]
    plain_http: Vec<Host>,
    /// Trust the authorities of a PEM file too; localhost is then reached over HTTPS
    #[arg(long, value_name = "FILE", hide_short_help = true, help_heading = "Registries")]
    registry_ca: Vec<PathBuf>,
    /// Read one registry in place of another: HOST=MIRROR
    #[arg(long, value_name = "HOST=MIRROR", value_parser = parse_mirror)]
    #[arg(hide_short_help = true, help_heading = "Registries")]
    mirror: Vec<(Host, Host)>,
    /// Let a registry redirect to a host that is not public
    #[arg(long, value_name = "HOST", hide_short_help = true, help_heading = "Registries")]
    trust_host: Vec<Host>,
    /// Give credentials to a token service that is neither the registry nor a domain above it
    #[arg(long, value_name = "HOST", hide_short_help = true, help_heading = "Registries")]
    auth_host: Vec<Host>,
}

fn parse_mirror(text: &str) -> std::result::Result<(Host, Host), String> {
    let (of, mirror) = text.split_once('=').ok_or("it has not the form HOST=MIRROR")?;
    Ok((of.parse()?, mirror.parse()?))
}

impl RegistryOptions {
    /// Makes a client; nothing is connected to yet.
    pub(crate) fn client(&self) -> Result<Client> {
        let mut settings = Settings {
            limits: Limits::default(),
            plain_http: self.plain_http.iter().cloned().collect(),
            trusted_hosts: self.trust_host.iter().cloned().collect(),
            auth_hosts: self.auth_host.iter().cloned().collect(),
            proxies: Proxies::of_variables(|name| std::env::var(name).ok())
                .map_err(|error| oci_error(&error))?,
            credentials: self.credentials(),
            ..Settings::default()
        };
        for (of, mirror) in &self.mirror {
            settings.mirrors.entry(of.clone()).or_default().push(mirror.clone());
        }
        for path in &self.registry_ca {
            let name = path.display().to_string();
            settings
                .authorities
                .add(&name, &files::read_key(path)?)
                .map_err(|error| oci_error(&error))?;
        }
        Ok(Client::new(settings))
    }

    /// The places of credentials in the order of podman, then docker.
    fn credentials(&self) -> CredentialPlaces {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        if let Some(file) = &self.auth_file {
            return CredentialPlaces { inline: None, files: vec![file.clone()] };
        }
        let inline = std::env::var(INLINE_CREDENTIALS).ok().filter(|text| !text.is_empty());
        let home = set("HOME").map(PathBuf::from);
        let podman =
            set("XDG_RUNTIME_DIR").map(|folder| PathBuf::from(folder).join("containers/auth.json"));
        let config = set("XDG_CONFIG_HOME").map(PathBuf::from);
        let config = config.or_else(|| home.as_ref().map(|home| home.join(".config")));
        let docker = set("DOCKER_CONFIG").map(PathBuf::from);
        let docker = docker.or_else(|| home.as_ref().map(|home| home.join(".docker")));
        let files = [
            set("REGISTRY_AUTH_FILE").map(PathBuf::from),
            podman,
            config.map(|folder| folder.join("containers/auth.json")),
            docker.map(|folder| folder.join("config.json")),
        ];
        CredentialPlaces {
            inline: inline.map(|text| (INLINE_CREDENTIALS.to_owned(), Secret::new(text))),
            files: files.into_iter().flatten().collect(),
        }
    }
}

/// Turns a failure of the room of images into one of the program, with what to do about it.
pub(crate) fn oci_error(error: &OciError) -> CliError {
    let remedy = remedy(error);
    let failed = if error.is_usage() {
        CliError::usage(error.to_string())
    } else {
        let source = std::error::Error::source(error).map(reasons);
        let message = match source {
            Some(reasons) => format!("{error}: {reasons}"),
            None => error.to_string(),
        };
        CliError::undecided(message)
    };
    if remedy.is_empty() { failed } else { failed.remedy(remedy) }
}

fn reasons(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    crate::error::append_reasons(&mut text, error.source());
    text
}

fn remedy(error: &OciError) -> &'static str {
    match error {
        OciError::Reference { .. } => {
            "name it as registry/repository:tag or registry/repository@sha256:..., or a place such as oci:FOLDER"
        }
        OciError::Mismatch { .. } => {
            "do not use what this registry gives out: ask its operator, or use another copy"
        }
        OciError::Limit { .. } => {
            "nothing was decided: look at what lies there before raising a bound"
        }
        OciError::NotFound { .. } => {
            "correct the name; in a registry, what is private needs credentials to be seen"
        }
        OciError::Status { status: 401, .. } => {
            "log in with docker or podman, or name a file of credentials with --auth-file"
        }
        OciError::Status { status: 403, .. } => {
            "use credentials that may do this, and look at the rights of the repository"
        }
        OciError::Status { status: 429, .. } => {
            "wait, or use credentials or a mirror: the registry limits its use"
        }
        OciError::Status { .. } => {
            "nothing was decided: try again later, or ask the registry's operator"
        }
        OciError::Host { fault, .. } if fault.starts_with("credentials of") => {
            "if that host is the registry's token service, name it with --auth-host"
        }
        OciError::Host { .. } => "if the host belongs to the registry, name it with --trust-host",
        OciError::Transport { .. } | OciError::Deadline { .. } => {
            "nothing was decided: look at the name of the registry, the network and the proxy; a registry without TLS needs --plain-http"
        }
        OciError::Contended { .. } => "do it again: what is attached already stays",
        OciError::Credentials { .. } => {
            "log in again, or name another file of credentials with --auth-file"
        }
        _ => "",
    }
}
