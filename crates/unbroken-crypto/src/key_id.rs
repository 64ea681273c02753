//! The many names that one key has in in-toto metadata.
//!
//! The specification says "the SHA-256 of the canonical JSON of the public key" (1.0, section
//! 4.2.1) and leaves open what that JSON is. Every form that is in use is known here, so that
//! metadata of every implementation finds its keys. An id is a hint only: which key signed is
//! decided by the signature, and votes are counted by [`crate::KeyMaterial`].

use std::fmt;
use std::str::FromStr;

use unbroken_model::canonical_json;
use unbroken_model::json::{Object, Value};

use crate::error::KeyError;
use crate::hash::sha256_hex;
use crate::key::PublicKey;
use crate::scheme::SignatureScheme;

/// A way to derive a key id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum KeyIdStyle {
    /// Type, scheme and value; PEM with its last line feed: the reference implementation since 2.2.
    #[default]
    Securesystemslib,
    /// The same with `keyid_hash_algorithms`, PEM without its last line feed: the reference
    /// implementation before 2.2, and the Go one.
    Legacy,
    /// As [`KeyIdStyle::Securesystemslib`], PEM without its last line feed: an old key object
    /// without `keyid_hash_algorithms`.
    SecuresystemslibStripped,
    /// As [`KeyIdStyle::Legacy`], PEM with its last line feed.
    LegacyUnstripped,
    /// As [`KeyIdStyle::Legacy`], the scheme said to be `ecdsa-sha2-nistp256` on every curve, as a
    /// widespread command line labels its keys. Only for other curves than P-256.
    LegacyNistp256,
    /// As [`KeyIdStyle::Securesystemslib`], with the scheme of [`KeyIdStyle::LegacyNistp256`]: the reference
    /// implementation 2.2. Only for other curves than P-256.
    SecuresystemslibNistp256,
    /// As [`KeyIdStyle::Legacy`], the key type said to be `ecdsa-sha2-nistp256`, as early metadata
    /// has it. Only for ECDSA keys.
    LegacyEcdsaType,
    /// As [`KeyIdStyle::Legacy`], the key written as the digits of its point: the Rust implementation. Only
    /// for ECDSA keys on P-256.
    LegacyPoint,
    /// The digest of the SubjectPublicKeyInfo in DER.
    SpkiSha256,
    /// The digest of the PEM text.
    PemSha256,
    /// The fingerprint of an OpenPGP key, which has no other id than this one.
    Fingerprint,
    /// Whatever id the layout lists the key by; only for keys that were read from a layout.
    Declared,
}

impl KeyIdStyle {
    /// All styles.
    pub const ALL: [Self; 12] = [
        Self::Securesystemslib,
        Self::Legacy,
        Self::SecuresystemslibStripped,
        Self::LegacyUnstripped,
        Self::LegacyNistp256,
        Self::SecuresystemslibNistp256,
        Self::LegacyEcdsaType,
        Self::LegacyPoint,
        Self::SpkiSha256,
        Self::PemSha256,
        Self::Fingerprint,
        Self::Declared,
    ];

    /// Returns the style's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Securesystemslib => "securesystemslib",
            Self::Legacy => "legacy",
            Self::SecuresystemslibStripped => "securesystemslib-stripped",
            Self::LegacyUnstripped => "legacy-unstripped",
            Self::LegacyNistp256 => "legacy-nistp256",
            Self::SecuresystemslibNistp256 => "securesystemslib-nistp256",
            Self::LegacyEcdsaType => "legacy-ecdsa-type",
            Self::LegacyPoint => "legacy-point",
            Self::SpkiSha256 => "spki-sha256",
            Self::PemSha256 => "pem-sha256",
            Self::Fingerprint => "fingerprint",
            Self::Declared => "declared",
        }
    }

    /// Tells whether key objects of this style carry `keyid_hash_algorithms` and stripped PEM.
    pub(crate) fn is_legacy_object(self) -> bool {
        matches!(self, Self::Legacy | Self::LegacyNistp256 | Self::LegacyEcdsaType)
    }
}

impl fmt::Display for KeyIdStyle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for KeyIdStyle {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|style| style.name() == text)
            .ok_or_else(|| KeyError::UnknownKeyIdStyle { name: text.to_owned() })
    }
}

/// Derives every id of a key.
pub(crate) fn all(key: &PublicKey) -> Vec<(KeyIdStyle, String)> {
    if let Some(fingerprint) = key.fingerprint() {
        return vec![(KeyIdStyle::Fingerprint, fingerprint)];
    }
    KeyIdStyle::ALL.into_iter().filter_map(|style| Some((style, derive(key, style)?))).collect()
}

/// Derives one id; `None` for a style that does not apply to the key.
fn derive(key: &PublicKey, style: KeyIdStyle) -> Option<String> {
    let (own_type, scheme) = (key.key_type(), key.scheme().name());
    let text = key.public_text();
    let stripped = text.trim_end();
    let nistp256 = SignatureScheme::EcdsaSha2Nistp256;
    let is_other_curve = key.is_ecdsa() && key.scheme() != nistp256;
    match style {
        KeyIdStyle::Securesystemslib => Some(of_object(own_type, scheme, &text, false)),
        KeyIdStyle::Legacy => Some(of_object(own_type, scheme, stripped, true)),
        KeyIdStyle::SecuresystemslibStripped => Some(of_object(own_type, scheme, stripped, false)),
        KeyIdStyle::LegacyUnstripped => Some(of_object(own_type, scheme, &text, true)),
        KeyIdStyle::LegacyNistp256 => {
            is_other_curve.then(|| of_object(own_type, nistp256.name(), stripped, true))
        }
        KeyIdStyle::SecuresystemslibNistp256 => {
            is_other_curve.then(|| of_object(own_type, nistp256.name(), &text, false))
        }
        KeyIdStyle::LegacyEcdsaType => {
            key.is_ecdsa().then(|| of_object(nistp256.name(), scheme, stripped, true))
        }
        KeyIdStyle::LegacyPoint => {
            key.p256_point_text().map(|point| of_object(own_type, scheme, &point, true))
        }
        KeyIdStyle::SpkiSha256 => Some(sha256_hex(key.spki_der())),
        KeyIdStyle::PemSha256 => Some(sha256_hex(key.spki_pem().as_bytes())),
        // Answered before.
        KeyIdStyle::Fingerprint => None,
        KeyIdStyle::Declared => key.declared_id().map(str::to_owned),
    }
}

fn of_object(key_type: &str, scheme: &str, public: &str, with_hash_algorithms: bool) -> String {
    let mut keyval = Object::new();
    keyval.insert("public", public);
    let mut object = Object::new();
    object.insert("keytype", key_type);
    object.insert("scheme", scheme);
    object.insert("keyval", keyval);
    if with_hash_algorithms {
        object.insert("keyid_hash_algorithms", hash_algorithms());
    }
    sha256_hex(&canonical_json::encode(&Value::from(object)))
}

/// Returns the member that legacy key objects carry; it has never had another value.
pub(crate) fn hash_algorithms() -> Vec<Value<'static>> {
    vec![Value::from("sha256"), Value::from("sha512")]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles_are_written_as_they_are_read() {
        for style in KeyIdStyle::ALL {
            assert_eq!(style.to_string().parse::<KeyIdStyle>().unwrap(), style);
        }
    }
}
