//! What a public key is, read from its SubjectPublicKeyInfo (RFC 5280, 4.1.2.7).

use pkcs8::der::asn1::ObjectIdentifier;
use pkcs8::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};

use crate::error::KeyError;
use crate::key::rsa_strength;
use crate::scheme::SignatureScheme;

const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const ED448: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.113");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSASSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const DSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10040.4.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const P224: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.33");
const SECP256K1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.10");
const ML_DSA_44: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.17");
const ML_DSA_65: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.18");
const ML_DSA_87: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.19");

/// A kind of key that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyKind {
    Ed25519,
    EcdsaP256,
    EcdsaP384,
    EcdsaP521,
    Rsa,
    /// Only as an OpenPGP key.
    Dsa,
    MlDsa44,
    MlDsa65,
    MlDsa87,
}

impl KeyKind {
    /// Returns the `keytype` that metadata uses.
    pub(crate) fn key_type(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::EcdsaP256 | Self::EcdsaP384 | Self::EcdsaP521 => "ecdsa",
            Self::Rsa => "rsa",
            Self::Dsa => "dsa",
            Self::MlDsa44 | Self::MlDsa65 | Self::MlDsa87 => "ml-dsa",
        }
    }

    /// Names the kind for people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "Ed25519",
            Self::EcdsaP256 => "ECDSA P-256",
            Self::EcdsaP384 => "ECDSA P-384",
            Self::EcdsaP521 => "ECDSA P-521",
            Self::Rsa => "RSA",
            Self::Dsa => "DSA",
            Self::MlDsa44 => "ML-DSA-44",
            Self::MlDsa65 => "ML-DSA-65",
            Self::MlDsa87 => "ML-DSA-87",
        }
    }

    /// Returns the scheme that a key of this kind signs by when nothing else is said.
    pub(crate) fn default_scheme(self) -> SignatureScheme {
        match self {
            Self::Ed25519 => SignatureScheme::Ed25519,
            Self::EcdsaP256 => SignatureScheme::EcdsaSha2Nistp256,
            Self::EcdsaP384 => SignatureScheme::EcdsaSha2Nistp384,
            Self::EcdsaP521 => SignatureScheme::EcdsaSha2Nistp521,
            Self::Rsa => SignatureScheme::RsassaPssSha256,
            Self::Dsa => SignatureScheme::OpenPgpDsa,
            Self::MlDsa44 => SignatureScheme::MlDsa44,
            Self::MlDsa65 => SignatureScheme::MlDsa65,
            Self::MlDsa87 => SignatureScheme::MlDsa87,
        }
    }

    /// Tells whether the key is a point on a NIST curve.
    pub(crate) fn is_ecdsa(self) -> bool {
        matches!(self, Self::EcdsaP256 | Self::EcdsaP384 | Self::EcdsaP521)
    }

    /// Reads the kind from an algorithm identifier.
    pub(crate) fn of(algorithm: &AlgorithmIdentifierRef<'_>) -> Result<Self, KeyError> {
        match algorithm.oid {
            ED25519 => Ok(Self::Ed25519),
            RSA => Ok(Self::Rsa),
            ML_DSA_44 => Ok(Self::MlDsa44),
            ML_DSA_65 => Ok(Self::MlDsa65),
            ML_DSA_87 => Ok(Self::MlDsa87),
            // Explicit curve parameters let an attacker choose the generator (CVE-2020-0601).
            EC => algorithm
                .parameters_oid()
                .map_err(|_| unsupported("an elliptic curve that is not given by its name"))
                .and_then(Self::of_curve),
            ED448 => Err(unsupported("an Ed448 key")),
            RSASSA_PSS => Err(unsupported("an RSA key restricted to RSASSA-PSS")),
            DSA => Err(unsupported("a DSA key")),
            other => Err(unsupported(&format!("a key of algorithm {other}"))),
        }
    }

    /// Reads the kind from the name of a curve.
    pub(crate) fn of_curve(curve: ObjectIdentifier) -> Result<Self, KeyError> {
        match curve {
            P256 => Ok(Self::EcdsaP256),
            P384 => Ok(Self::EcdsaP384),
            P521 => Ok(Self::EcdsaP521),
            P224 => Err(unsupported("an ECDSA key on P-224 (secp224r1)")),
            SECP256K1 => Err(unsupported("an ECDSA key on secp256k1")),
            other => Err(unsupported(&format!("an ECDSA key on the curve {other}"))),
        }
    }
}

fn unsupported(what: &str) -> KeyError {
    KeyError::Unsupported { what: what.to_owned() }
}

/// Reads what a SubjectPublicKeyInfo holds, and refuses weak RSA keys.
///
/// # Checks
/// One DER value and nothing behind it; a known algorithm; a curve given by name; for RSA the
/// strength that [`rsa_strength::check`] asks for.
///
/// # Does not check
/// That the key itself is well-formed: the library does when it parses it.
pub(crate) fn read_spki(der: &[u8]) -> Result<KeyKind, KeyError> {
    let malformed = KeyError::Malformed { what: "public key (SubjectPublicKeyInfo)" };
    let Ok(info) = SubjectPublicKeyInfoRef::try_from(der) else { return Err(malformed) };
    let kind = KeyKind::of(&info.algorithm)?;
    if kind == KeyKind::Rsa {
        let Some(key) = info.subject_public_key.as_bytes() else { return Err(malformed) };
        rsa_strength::check_public_key(key)?;
    }
    Ok(kind)
}
