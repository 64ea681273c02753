//! The kinds of keys that can be made.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, PqdsaKeyPair};

use super::{Pair, ecdsa_signing, ml_dsa_signing};
use crate::error::KeyError;
use crate::key::kind::KeyKind;

/// A kind of key that [`crate::SigningKey::generate`] makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyAlgorithm {
    /// Ed25519: small, fast, verified everywhere.
    #[default]
    Ed25519,
    /// ECDSA on P-256.
    EcdsaP256,
    /// ECDSA on P-384.
    EcdsaP384,
    /// ECDSA on P-521.
    EcdsaP521,
    /// RSA with 3072 bits.
    Rsa3072,
    /// RSA with 4096 bits.
    Rsa4096,
    /// ML-DSA-65 (FIPS 204): withstands quantum computers; signatures of 3,309 bytes.
    MlDsa65,
}

impl KeyAlgorithm {
    /// All algorithms.
    pub const ALL: [Self; 7] = [
        Self::Ed25519,
        Self::EcdsaP256,
        Self::EcdsaP384,
        Self::EcdsaP521,
        Self::Rsa3072,
        Self::Rsa4096,
        Self::MlDsa65,
    ];

    /// Returns the algorithm's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::EcdsaP256 => "ecdsa-p256",
            Self::EcdsaP384 => "ecdsa-p384",
            Self::EcdsaP521 => "ecdsa-p521",
            Self::Rsa3072 => "rsa-3072",
            Self::Rsa4096 => "rsa-4096",
            Self::MlDsa65 => "ml-dsa-65",
        }
    }

    pub(super) fn generate(self) -> Result<Pair, KeyError> {
        let ecdsa = |kind| EcdsaKeyPair::generate(ecdsa_signing(kind)?).ok().map(Pair::Ecdsa);
        let rsa = |size| rsa::KeyPair::generate(size).ok().map(Pair::Rsa);
        match self {
            Self::Ed25519 => Ed25519KeyPair::generate().ok().map(Pair::Ed25519),
            Self::EcdsaP256 => ecdsa(KeyKind::EcdsaP256),
            Self::EcdsaP384 => ecdsa(KeyKind::EcdsaP384),
            Self::EcdsaP521 => ecdsa(KeyKind::EcdsaP521),
            Self::Rsa3072 => rsa(KeySize::Rsa3072),
            Self::Rsa4096 => rsa(KeySize::Rsa4096),
            Self::MlDsa65 => ml_dsa_signing(KeyKind::MlDsa65)
                .and_then(|parameters| PqdsaKeyPair::generate(parameters).ok())
                .map(Pair::MlDsa),
        }
        .ok_or(KeyError::Generation { algorithm: self.name() })
    }
}

/// Makes an RSA key of this many bits.
pub(super) fn generate_rsa(bits: u32) -> Result<Pair, KeyError> {
    let size = match bits {
        0..2048 => return Err(KeyError::Weak { reason: "an RSA modulus of fewer than 2048 bits" }),
        2048 => KeySize::Rsa2048,
        3072 => KeySize::Rsa3072,
        4096 => KeySize::Rsa4096,
        8192 => KeySize::Rsa8192,
        _ => {
            let what = format!("an RSA key of {bits} bits, rather than 2048, 3072, 4096 or 8192,");
            return Err(KeyError::Unsupported { what });
        }
    };
    let failed = |_| KeyError::Generation { algorithm: "rsa" };
    rsa::KeyPair::generate(size).map(Pair::Rsa).map_err(failed)
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for KeyAlgorithm {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == text)
            .ok_or_else(|| KeyError::UnknownAlgorithm { name: text.to_owned() })
    }
}
