//! The private key that a drop-in signs with, under the id that the user's generation gives it.
//!
//! 1.x and 2.x hash a member into the id that later generations no longer write. Their layouts list
//! keys by it, and their verifiers look for link files by it.

use unbroken_crypto::{
    KeyIdStyle, Passphrase, PublicKey, SignatureEntry, Signer, SigningError, SigningKey,
};
use unbroken_model::envelope::EnvelopeKind;
use zeroize::Zeroizing;

use super::failure::Failure;

/// Whose options named a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Generation {
    /// 1.x, or the options of 2.x that are the same.
    First,
    /// 3.x
    Third,
}

/// Reads a private key. Keys in JSON exist in 1.x alone, whatever option names them.
pub(super) fn read_signing_key(
    path: &str,
    password: Option<&Passphrase>,
    given_as: Generation,
) -> Result<Box<dyn Signer>, Failure> {
    let bytes = std::fs::read(path).map(Zeroizing::new);
    let bytes = bytes.map_err(|error| Failure::os(&error, path))?;
    let password = password.filter(|password| !password.is_empty());
    let key = SigningKey::read(&bytes, password).map_err(|error| Failure::key(&error, path))?;
    let is_json = bytes.trim_ascii_start().starts_with(b"{")
        || bytes.windows(4).any(|characters| characters == b"@@@@");
    Ok(if given_as == Generation::First || is_json {
        Box::new(FirstGeneration(key))
    } else {
        Box::new(key)
    })
}

/// A key that goes by its id of 1.x.
struct FirstGeneration(SigningKey);

impl Signer for FirstGeneration {
    fn public(&self) -> &PublicKey {
        self.0.public()
    }

    fn key_id(&self, _: KeyIdStyle) -> String {
        self.0.public().key_id(KeyIdStyle::Legacy)
    }

    fn sign_entry(
        &self,
        message: &[u8],
        kind: EnvelopeKind,
    ) -> Result<SignatureEntry, SigningError> {
        self.0.sign_entry(message, kind)
    }

    fn is_remote(&self) -> bool {
        self.0.is_remote()
    }
}
