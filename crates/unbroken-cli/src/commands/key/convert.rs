//! `unbroken key convert`.

use std::path::PathBuf;

use clap::Args;
use unbroken_crypto::Passphrase;

use super::key_files::KeyFiles;
use crate::error::Result;
use crate::exit::Exit;
use crate::keys::{NewPassphraseSource, PassphraseSource, ask_new, open_signing_key};
use crate::output::Output;

/// Write a private key of any format as PKCS#8: NAME (private) and NAME.pub
///
/// Reads PEM (PKCS#8, PKCS#1, SEC1, also with `Proc-Type: 4,ENCRYPTED`), OpenSSH, and the JSON keys
/// of python in-toto 1.x. A key that was encrypted stays encrypted, under the same passphrase unless
/// another is named. The key itself and its key ids do not change.
#[derive(Args, Debug)]
pub(crate) struct Convert {
    /// The private key
    file: PathBuf,
    /// The file of the converted key; the public key gets the ending .pub
    #[arg(short, long, value_name = "NAME")]
    output: PathBuf,
    /// Protect the converted key by a new passphrase, asked for on the terminal
    #[arg(short, long, conflicts_with_all = ["new_passphrase_file", "new_passphrase_env", "decrypt"])]
    encrypt: bool,
    /// Leave the converted key without protection, though FILE is encrypted
    #[arg(long, conflicts_with_all = ["new_passphrase_file", "new_passphrase_env"])]
    decrypt: bool,
    /// Replace files that are there already
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    passphrase: PassphraseSource,
    #[command(flatten)]
    new_passphrase: NewPassphraseSource,
}

impl Convert {
    pub(super) fn run(self, output: &Output) -> Result<Exit> {
        let (key, opened_by) = open_signing_key(&self.file, &self.passphrase)?;
        let passphrase: Option<Passphrase> = if self.encrypt {
            Some(ask_new()?)
        } else if self.decrypt {
            None
        } else {
            self.new_passphrase.given()?.or(opened_by)
        };
        KeyFiles::prepare(self.output, self.force)?.write(&key, passphrase.as_ref(), output)?;
        Ok(Exit::Success)
    }
}
