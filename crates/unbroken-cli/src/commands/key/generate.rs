//! `unbroken key generate`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use unbroken_crypto::{KeyAlgorithm, KeyError, KeyIdStyle, Passphrase, SigningKey};
use unbroken_record::atomic::Overwrite;

use crate::error::{CliError, Result};
use crate::exit::Exit;
use crate::files;
use crate::keys::{PassphraseSource, ask_new};
use crate::output::Output;

/// Make a key pair: NAME (private, readable by you alone) and NAME.pub
#[derive(Args, Debug)]
pub(crate) struct Generate {
    /// The file of the private key; the public key gets the ending .pub
    name: PathBuf,
    /// The kind of key
    #[arg(short, long, value_name = "TYPE", default_value = "ed25519")]
    #[arg(value_parser = types())]
    r#type: KeyAlgorithm,
    /// Protect the private key by a passphrase, asked for on the terminal
    #[arg(short, long, conflicts_with_all = ["passphrase_file", "passphrase_env"])]
    encrypt: bool,
    #[command(flatten)]
    passphrase: PassphraseSource,
    /// Replace files that are there already
    #[arg(long)]
    force: bool,
}

fn types() -> impl TypedValueParser<Value = KeyAlgorithm> {
    PossibleValuesParser::new(KeyAlgorithm::ALL.map(KeyAlgorithm::name)).map(|name| {
        KeyAlgorithm::ALL.into_iter().find(|kind| kind.name() == name).unwrap_or_default()
    })
}

impl Generate {
    pub(super) fn run(self, output: &Output) -> Result<Exit> {
        let passphrase = self.passphrase()?;
        let public_path = with_pub(&self.name)?;
        if !self.force
            && let Some(there) = [&self.name, &public_path].into_iter().find(|path| path.exists())
        {
            return Err(CliError::usage(format!("{} is there already", there.display()))
                .remedy("choose another name, or use --force to replace it"));
        }
        // The rename that replaces a file would put a key where /dev/null was.
        let is_special =
            |path: &&PathBuf| path.metadata().is_ok_and(|metadata| !metadata.is_file());
        if let Some(special) = [&self.name, &public_path].into_iter().find(is_special) {
            return Err(CliError::usage(format!("{} is no file", special.display())));
        }
        if let Some(folder) = self.name.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|error| {
                CliError::undecided(format!("cannot make the folder {}", folder.display()))
                    .because(error)
            })?;
        }

        let failed = |error| match error {
            KeyError::PassphraseEmpty => CliError::usage("cannot make a key").because(error),
            error => CliError::undecided("cannot make a key").because(error),
        };
        let key = SigningKey::generate(self.r#type).map_err(failed)?;
        let private = key.to_pkcs8_pem(passphrase.as_ref()).map_err(failed)?;
        let overwrite = if self.force { Overwrite::Replace } else { Overwrite::Refuse };
        files::write(&self.name, private.as_bytes(), 0o600, overwrite)?;
        files::write(&public_path, key.public().spki_pem().as_bytes(), 0o644, overwrite)?;

        output.talk(&format!(
            "{} (private{}) and {} (public)\nkey id {}",
            self.name.display(),
            if passphrase.is_some() { ", encrypted" } else { ", not encrypted" },
            public_path.display(),
            key.public().key_id(KeyIdStyle::default())
        ));
        Ok(Exit::Success)
    }

    fn passphrase(&self) -> Result<Option<Passphrase>> {
        if !self.encrypt {
            return self.passphrase.given();
        }
        let asked = ask_new()
            .map_err(|error| CliError::usage("cannot ask for a passphrase").because(error))?;
        let fault = || CliError::usage("the passphrase is empty, or not the same twice");
        asked.map(Some).ok_or_else(fault)
    }
}

fn with_pub(name: &std::path::Path) -> Result<PathBuf> {
    let mut file = name
        .file_name()
        .ok_or_else(|| CliError::usage(format!("{} names no file", name.display())))?
        .to_owned();
    file.push(".pub");
    Ok(name.with_file_name(file))
}
