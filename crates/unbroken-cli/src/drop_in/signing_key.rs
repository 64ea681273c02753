//! The private key that a drop-in signs with, under the id that the user's generation gives it.
//!
//! 1.x and 2.x hash a member into the id that later generations no longer write. Their layouts list
//! keys by it, and their verifiers look for link files by it.

use unbroken_crypto::{
    KeyError, KeyIdStyle, Passphrase, PublicKey, SignatureEntry, Signer, SigningError, SigningKey,
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
    /// in-toto-golang.
    Golang,
}

/// Reads a private key. Keys in JSON exist in 1.x alone, whatever option names them.
pub(super) fn read_signing_key(
    path: &str,
    password: Option<&Passphrase>,
    given_as: Generation,
) -> Result<Box<dyn Signer>, Failure> {
    let bytes = std::fs::read(path).map(Zeroizing::new);
    let bytes = bytes.map_err(|error| Failure::os(&error, path))?;
    // A password without characters opens nothing, and is one that was given all the same.
    let (is_given, password) = (password.is_some(), password.filter(|given| !given.is_empty()));
    let key = SigningKey::read(&bytes, password).map_err(|error| Failure::key(&error, path))?;
    if is_given && password.is_none() {
        return Err(Failure::key(&KeyError::PassphraseNotNeeded, path));
    }
    let is_json = bytes.trim_ascii_start().starts_with(b"{")
        || bytes.windows(4).any(|characters| characters == b"@@@@");
    let style = match given_as {
        Generation::Golang => golang_style(key.public()),
        Generation::First => KeyIdStyle::Legacy,
        Generation::Third if is_json => KeyIdStyle::Legacy,
        Generation::Third => return Ok(Box::new(key)),
    };
    Ok(Box::new(Named(key, style)))
}

/// Returns the style of the id by which in-toto-golang's program knows a key.
pub(super) fn golang_style(key: &PublicKey) -> KeyIdStyle {
    let other_curve = key.key_ids().iter().any(|(style, _)| *style == KeyIdStyle::LegacyNistp256);
    if other_curve { KeyIdStyle::LegacyNistp256 } else { KeyIdStyle::Legacy }
}

/// A key that goes by one id, whatever style is asked for.
struct Named(SigningKey, KeyIdStyle);

impl Signer for Named {
    fn public(&self) -> &PublicKey {
        self.0.public()
    }

    fn key_id(&self, _: KeyIdStyle) -> String {
        self.0.public().key_id(self.1)
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
