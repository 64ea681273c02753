//! Keys in a GnuPG keyring, as users name them: `gpg:ID`, `gpg:ID;home=FOLDER`.

use std::path::{Path, PathBuf};

use unbroken_crypto::PublicKey;
use unbroken_model::timestamp::Timestamp;
use unbroken_signer::{Gpg, GpgKey, GpgUri, ProgramSearch, SignerError};

use crate::commands::verify::clock;
use crate::error::{CliError, Result};

/// Finds the gpg program, with the folder of its keys where one is named. None is run that lies in
/// the working directory, which is what is recorded and judged.
pub(crate) fn program(home: Option<PathBuf>) -> std::result::Result<Gpg, SignerError> {
    let (named, path) = (std::env::var("GNUPG").ok(), std::env::var_os("PATH"));
    let search =
        ProgramSearch { named: named.as_deref(), path: path.as_deref(), avoid: Path::new(".") };
    Gpg::find(&search, home)
}

/// Finds the key that signs.
pub(super) fn signer(name: &str) -> Result<GpgKey> {
    let key = || {
        let uri = GpgUri::parse(name)?;
        program(uri.home)?.key(uri.id.as_ref(), clock)
    };
    key().map_err(|error| unusable(name, error))
}

/// Reads the certificate of a key, as it is at a time.
pub(super) fn public_key(name: &str, now: Timestamp) -> Result<PublicKey> {
    let key = || {
        let uri = GpgUri::parse(name)?;
        let Some(id) = uri.id else {
            let reason = "which key is trusted must be said: gpg:FINGERPRINT";
            return Err(SignerError::GpgName { reason });
        };
        program(uri.home)?.public_key(&id.long_enough_to_trust()?, now)
    };
    key().map_err(|error| unusable(name, error))
}

fn unusable(name: &str, error: SignerError) -> CliError {
    let remedy = match &error {
        SignerError::NoKey { .. } => {
            "`gpg --list-keys --with-subkey-fingerprints` shows what is there"
        }
        SignerError::GpgMissing { .. } => {
            "install GnuPG, or name the program by its full path in the variable GNUPG"
        }
        SignerError::GpgSilent { .. } => "see whether gpg waits for a passphrase: gpg --sign",
        _ => "",
    };
    let failed = CliError::usage(format!("cannot use the key {name}")).because(error);
    if remedy.is_empty() { failed } else { failed.remedy(remedy) }
}
