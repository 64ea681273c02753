//! Names of keys in a GnuPG keyring, as users write them.

use std::fmt;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use unbroken_crypto::PublicKey;

use crate::error::SignerError;

/// The length of a fingerprint of version 4, of the long key id, and of the short one.
const LENGTHS: [usize; 3] = [40, 16, 8];

/// A fingerprint or a key id, in lowercase digits. Nothing else: gpg takes other text for a part of
/// somebody's name, and anybody can call himself so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GpgKeyId(String);

impl GpgKeyId {
    /// Reads an id: 40, 16 or 8 hexadecimal digits, perhaps behind `0x`.
    ///
    /// # Errors
    /// [`SignerError::GpgName`].
    pub fn parse(text: &str) -> Result<Self, SignerError> {
        let digits = text.strip_prefix("0x").unwrap_or(text).to_ascii_lowercase();
        if LENGTHS.contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(Self(digits));
        }
        Err(SignerError::GpgName {
            reason: "an id has 40, 16 or 8 hexadecimal digits: `gpg --list-keys` shows them",
        })
    }

    /// Refuses the short id, where the key will be trusted: somebody else's key can be made to have
    /// the same one in minutes.
    ///
    /// # Errors
    /// [`SignerError::GpgName`].
    pub fn long_enough_to_trust(self) -> Result<Self, SignerError> {
        if self.0.len() > 8 {
            return Ok(self);
        }
        Err(SignerError::GpgName {
            reason: "others can make a key with the same 8 digits: use the fingerprint",
        })
    }

    /// Returns the digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether a key, or a subkey that signs for it, goes by this id.
    pub(super) fn is_of(&self, key: &PublicKey) -> bool {
        let ids = key.fingerprint().into_iter().chain(key.signing_fingerprints());
        ids.into_iter().any(|fingerprint| fingerprint.ends_with(&self.0))
    }
}

impl fmt::Display for GpgKeyId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// `gpg:ID`, `gpg:ID;home=FOLDER`, and without an id for the default key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GpgUri {
    /// Which key is meant.
    pub id: Option<GpgKeyId>,
    /// The folder of the keys.
    pub home: Option<PathBuf>,
}

impl GpgUri {
    /// Reads a URI, `gpg:` at its beginning included. `%3b` in a folder is a semicolon.
    ///
    /// # Errors
    /// [`SignerError::GpgName`].
    pub fn parse(text: &str) -> Result<Self, SignerError> {
        let refused = |reason| SignerError::GpgName { reason };
        let rest = text.strip_prefix("gpg:").ok_or_else(|| refused("it does not begin so"))?;
        let mut parts = rest.split(';');
        let id = parts.next().filter(|id| !id.is_empty()).map(GpgKeyId::parse).transpose()?;
        let mut uri = Self { id, home: None };
        for part in parts {
            let home = part.strip_prefix("home=").filter(|home| !home.is_empty());
            let home =
                home.ok_or_else(|| refused("behind the id only `;home=FOLDER` may stand"))?;
            let home = percent_decode_str(home).decode_utf8();
            let home = home.map_err(|_| refused("the name of its folder is not UTF-8"))?;
            if uri.home.replace(home.into_owned().into()).is_some() {
                return Err(refused("its folder stands there twice"));
            }
        }
        Ok(uri)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINGERPRINT: &str = "3bf8135765a07e21bd12bf89a5627f6bf439f3c2";

    #[test]
    fn ids_and_folders_are_read() {
        let uri = GpgUri::parse("gpg:0xA5627F6BF439F3C2;home=/keys/a%3bb").unwrap();
        assert_eq!(uri.id.unwrap().as_str(), "a5627f6bf439f3c2");
        assert_eq!(uri.home.unwrap(), PathBuf::from("/keys/a;b"));
        assert_eq!(GpgUri::parse("gpg:").unwrap(), GpgUri::default());
        let uri = GpgUri::parse("gpg:;home=keys").unwrap();
        assert_eq!((uri.id, uri.home), (None, Some("keys".into())));
        assert_eq!(GpgKeyId::parse(FINGERPRINT).unwrap().to_string(), FINGERPRINT);
    }

    #[test]
    fn what_gpg_would_take_for_a_name_or_an_option_is_refused() {
        for text in [
            "gpg:alice",
            "gpg:a@b.c",
            "gpg:--export",
            "gpg:abc",
            "gpg:=a",
            "gpg:F439F3C2!",
            "gpg: ",
        ] {
            assert!(GpgUri::parse(text).is_err(), "{text}");
        }
        for (text, reason) in [
            ("gpg:F439F3C2;home=", "only"),
            ("gpg:F439F3C2;house=a", "only"),
            ("gpg:;home=a;home=b", "twice"),
            ("gpg:;home=%ff", "UTF-8"),
            ("pgp:", "begin"),
        ] {
            let error = GpgUri::parse(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn the_short_id_names_nobody_to_trust() {
        let parse = |text| GpgKeyId::parse(text).unwrap();
        assert!(parse("F439F3C2").long_enough_to_trust().is_err());
        assert!(parse("A5627F6BF439F3C2").long_enough_to_trust().is_ok());
        assert!(parse(FINGERPRINT).long_enough_to_trust().is_ok());
    }
}
