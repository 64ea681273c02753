//! `unbroken key generate`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use unbroken_crypto::{KeyAlgorithm, Passphrase, SigningKey};

use super::key_files::KeyFiles;
use crate::error::{CliError, Result};
use crate::exit::Exit;
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
        let files = KeyFiles::prepare(self.name, self.force)?;
        let key = SigningKey::generate(self.r#type)
            .map_err(|error| CliError::undecided("cannot make a key").because(error))?;
        files.write(&key, passphrase.as_ref(), output)?;
        Ok(Exit::Success)
    }

    fn passphrase(&self) -> Result<Option<Passphrase>> {
        if !self.encrypt {
            return self.passphrase.given();
        }
        ask_new().map(Some)
    }
}
