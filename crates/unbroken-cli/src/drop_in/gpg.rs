//! GPG keys, as the drop-ins name them: `-g`, with an id or without, and `--gpg-home`.

use unbroken_crypto::{KeyError, PublicKey, Signer};
use unbroken_model::timestamp::Timestamp;
use unbroken_signer::{Gpg, GpgKeyId, SignerError};

use super::argparse::{Flag, Parsed, Takes};
use super::failure::{Failure, reasons};
use crate::commands::verify::clock;
use crate::keys::gpg::program;

pub(super) const GPG_HOME: Flag = Flag::new(
    &["--gpg-home"],
    "gpg_home",
    Takes::One("<path>"),
    "folder of the GPG keys; that of gpg by default",
);

/// Finds the key that signs; the default key where none is named.
pub(super) fn signer(parsed: &Parsed, id: Option<&str>) -> Result<Box<dyn Signer>, Failure> {
    let key = || {
        let id = id.map(GpgKeyId::parse).transpose()?;
        gpg(parsed)?.key(id.as_ref(), clock)
    };
    match key() {
        Ok(key) => Ok(Box::new(key)),
        Err(error) => Err(failure(&error)),
    }
}

/// Reads the certificates of keys, as they are at a time.
pub(super) fn public_keys(parsed: &Parsed, now: Timestamp) -> Result<Vec<PublicKey>, Failure> {
    let key = |id: &String| {
        let id = GpgKeyId::parse(id)?.long_enough_to_trust()?;
        gpg(parsed)?.public_key(&id, now)
    };
    let keys: Result<_, SignerError> = parsed.many("gpg").iter().map(key).collect();
    keys.map_err(|error| failure(&error))
}

fn gpg(parsed: &Parsed) -> Result<Gpg, SignerError> {
    program(parsed.one("gpg_home").filter(|home| !home.is_empty()).map(Into::into))
}

fn failure(error: &SignerError) -> Failure {
    let kind = match error {
        SignerError::GpgMissing { .. } => "UnsupportedLibraryError",
        SignerError::NoKey { .. } => "KeyNotFoundError",
        SignerError::GpgName { .. } => "ValueError",
        SignerError::Unusable { source: KeyError::Expired { .. }, .. } => "KeyExpirationError",
        SignerError::Unusable { .. } | SignerError::GpgSignature { .. } => "VerificationError",
        _ => "OSError",
    };
    Failure::new(kind, reasons(error))
}
