//! Signature schemes under the names that in-toto metadata gives them (specification 1.0, 4.2).

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{
    self, ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1,
    ECDSA_P521_SHA256_ASN1, ECDSA_P521_SHA512_ASN1, ED25519, ML_DSA_44, ML_DSA_65, ML_DSA_87,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters,
    VerificationAlgorithm,
};

use crate::error::KeyError;
use crate::key::kind::KeyKind;

/// How a key signs: the algorithm, its hash and its encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SignatureScheme {
    /// Ed25519 over the message (RFC 8032), points of low order refused.
    Ed25519,
    /// ECDSA on P-256 with SHA-256, DER-encoded.
    EcdsaSha2Nistp256,
    /// ECDSA on P-384 with SHA-384, DER-encoded.
    EcdsaSha2Nistp384,
    /// ECDSA on P-521 with SHA-512, DER-encoded.
    EcdsaSha2Nistp521,
    /// RSASSA-PSS with SHA-256 and MGF1-SHA-256.
    RsassaPssSha256,
    /// RSASSA-PSS with SHA-384 and MGF1-SHA-384.
    RsassaPssSha384,
    /// RSASSA-PSS with SHA-512 and MGF1-SHA-512.
    RsassaPssSha512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RsaPkcs1v15Sha256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RsaPkcs1v15Sha384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RsaPkcs1v15Sha512,
    /// ML-DSA-44 over the message as TAP 21 prepares it.
    MlDsa44,
    /// ML-DSA-65 over the message as TAP 21 prepares it.
    MlDsa65,
    /// ML-DSA-87 over the message as TAP 21 prepares it.
    MlDsa87,
    /// ML-DSA-44 over the message itself, without a context (FIPS 204), as Sigstore has it.
    MlDsa44Pure,
    /// ML-DSA-65 over the message itself, without a context.
    MlDsa65Pure,
    /// ML-DSA-87 over the message itself, without a context.
    MlDsa87Pure,
    /// RSASSA-PKCS1-v1_5 as OpenPGP makes it, over the message and the headers of the signature.
    OpenPgpRsa,
    /// DSA as OpenPGP makes it.
    OpenPgpDsa,
    /// Ed25519 as OpenPGP makes it, over a digest.
    OpenPgpEd25519,
}

impl SignatureScheme {
    /// All schemes by which a key signs on its own; those of OpenPGP keys belong to their certificates.
    pub const ALL: [Self; 16] = [
        Self::Ed25519,
        Self::EcdsaSha2Nistp256,
        Self::EcdsaSha2Nistp384,
        Self::EcdsaSha2Nistp521,
        Self::RsassaPssSha256,
        Self::RsassaPssSha384,
        Self::RsassaPssSha512,
        Self::RsaPkcs1v15Sha256,
        Self::RsaPkcs1v15Sha384,
        Self::RsaPkcs1v15Sha512,
        Self::MlDsa44,
        Self::MlDsa65,
        Self::MlDsa87,
        Self::MlDsa44Pure,
        Self::MlDsa65Pure,
        Self::MlDsa87Pure,
    ];

    /// Returns the name that metadata uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::EcdsaSha2Nistp256 => "ecdsa-sha2-nistp256",
            Self::EcdsaSha2Nistp384 => "ecdsa-sha2-nistp384",
            Self::EcdsaSha2Nistp521 => "ecdsa-sha2-nistp521",
            Self::RsassaPssSha256 => "rsassa-pss-sha256",
            Self::RsassaPssSha384 => "rsassa-pss-sha384",
            Self::RsassaPssSha512 => "rsassa-pss-sha512",
            Self::RsaPkcs1v15Sha256 => "rsa-pkcs1v15-sha256",
            Self::RsaPkcs1v15Sha384 => "rsa-pkcs1v15-sha384",
            Self::RsaPkcs1v15Sha512 => "rsa-pkcs1v15-sha512",
            Self::MlDsa44 => "ml-dsa-44/1",
            Self::MlDsa65 => "ml-dsa-65/1",
            Self::MlDsa87 => "ml-dsa-87/1",
            Self::MlDsa44Pure => "ml-dsa-44",
            Self::MlDsa65Pure => "ml-dsa-65",
            Self::MlDsa87Pure => "ml-dsa-87",
            Self::OpenPgpRsa => "pgp+rsa-pkcsv1.5",
            Self::OpenPgpDsa => "pgp+dsa-fips-180-2",
            Self::OpenPgpEd25519 => "pgp+eddsa-ed25519",
        }
    }

    /// Tells whether a key of this kind can sign by this scheme.
    pub(crate) fn fits(self, kind: KeyKind) -> bool {
        match kind {
            KeyKind::Rsa => matches!(
                self,
                Self::RsassaPssSha256
                    | Self::RsassaPssSha384
                    | Self::RsassaPssSha512
                    | Self::RsaPkcs1v15Sha256
                    | Self::RsaPkcs1v15Sha384
                    | Self::RsaPkcs1v15Sha512
            ),
            KeyKind::MlDsa44 => matches!(self, Self::MlDsa44 | Self::MlDsa44Pure),
            KeyKind::MlDsa65 => matches!(self, Self::MlDsa65 | Self::MlDsa65Pure),
            KeyKind::MlDsa87 => matches!(self, Self::MlDsa87 | Self::MlDsa87Pure),
            other => self == other.default_scheme(),
        }
    }

    /// Tells whether TAP 21 prepares the message before it is signed.
    pub(crate) fn is_tap21(self) -> bool {
        matches!(self, Self::MlDsa44 | Self::MlDsa65 | Self::MlDsa87)
    }

    /// Returns the library's algorithm, where it has one: it has no DSA. RSASSA-PSS signatures have a salt as long as the hash.
    pub(crate) fn algorithm(self) -> Option<&'static dyn VerificationAlgorithm> {
        Some(match self {
            Self::Ed25519 | Self::OpenPgpEd25519 => &ED25519,
            Self::EcdsaSha2Nistp256 => &ECDSA_P256_SHA256_ASN1,
            Self::EcdsaSha2Nistp384 => &ECDSA_P384_SHA384_ASN1,
            Self::EcdsaSha2Nistp521 => &ECDSA_P521_SHA512_ASN1,
            Self::RsassaPssSha256 => &RSA_PSS_2048_8192_SHA256,
            Self::RsassaPssSha384 => &RSA_PSS_2048_8192_SHA384,
            Self::RsassaPssSha512 => &RSA_PSS_2048_8192_SHA512,
            Self::RsaPkcs1v15Sha256 | Self::OpenPgpRsa => &RSA_PKCS1_2048_8192_SHA256,
            Self::RsaPkcs1v15Sha384 => &RSA_PKCS1_2048_8192_SHA384,
            Self::RsaPkcs1v15Sha512 => &RSA_PKCS1_2048_8192_SHA512,
            Self::MlDsa44 | Self::MlDsa44Pure => &ML_DSA_44,
            Self::MlDsa65 | Self::MlDsa65Pure => &ML_DSA_65,
            Self::MlDsa87 | Self::MlDsa87Pure => &ML_DSA_87,
            Self::OpenPgpDsa => return None,
        })
    }

    /// Returns the library's algorithm for a signature of a SHA-256 digest, where the scheme has a longer one: python
    /// in-toto before 3.0 signs nothing else with ECDSA, whatever the curve.
    pub(crate) fn with_sha256(self) -> Option<&'static dyn VerificationAlgorithm> {
        match self {
            Self::EcdsaSha2Nistp384 => Some(&ECDSA_P384_SHA256_ASN1),
            Self::EcdsaSha2Nistp521 => Some(&ECDSA_P521_SHA256_ASN1),
            _ => None,
        }
    }

    /// Returns the library's algorithm and hash, for RSASSA-PSS.
    pub(crate) fn pss(self) -> Option<(RsaParameters, &'static digest::Algorithm)> {
        match self {
            Self::RsassaPssSha256 => Some((RSA_PSS_2048_8192_SHA256, &digest::SHA256)),
            Self::RsassaPssSha384 => Some((RSA_PSS_2048_8192_SHA384, &digest::SHA384)),
            Self::RsassaPssSha512 => Some((RSA_PSS_2048_8192_SHA512, &digest::SHA512)),
            _ => None,
        }
    }

    /// Returns the library's way to sign with an RSA key.
    pub(crate) fn rsa_encoding(self) -> Option<&'static dyn signature::RsaEncoding> {
        match self {
            Self::RsassaPssSha256 => Some(&signature::RSA_PSS_SHA256),
            Self::RsassaPssSha384 => Some(&signature::RSA_PSS_SHA384),
            Self::RsassaPssSha512 => Some(&signature::RSA_PSS_SHA512),
            Self::RsaPkcs1v15Sha256 => Some(&signature::RSA_PKCS1_SHA256),
            Self::RsaPkcs1v15Sha384 => Some(&signature::RSA_PKCS1_SHA384),
            Self::RsaPkcs1v15Sha512 => Some(&signature::RSA_PKCS1_SHA512),
            _ => None,
        }
    }
}

/// Prepares a message for ML-DSA as TAP 21 has it: `"tuf" || 0x01 || SHA-512(message)`.
pub(crate) fn tap21_message(message: &[u8]) -> Vec<u8> {
    let mut prepared = b"tuf\x01".to_vec();
    prepared.extend_from_slice(&crate::hash::sha512(message));
    prepared
}

impl fmt::Display for SignatureScheme {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for SignatureScheme {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|scheme| scheme.name() == text)
            .ok_or_else(|| KeyError::UnknownScheme { scheme: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for scheme in SignatureScheme::ALL {
            assert_eq!(scheme.name().parse::<SignatureScheme>().unwrap(), scheme);
            assert_eq!(scheme.to_string(), scheme.name());
            assert_eq!(scheme.pss().is_some(), scheme.name().starts_with("rsassa-pss"), "{scheme}");
        }
        assert!(matches!(
            "ED25519".parse::<SignatureScheme>(),
            Err(KeyError::UnknownScheme { scheme }) if scheme == "ED25519"
        ));
    }

    #[test]
    fn a_scheme_fits_only_its_kind_of_key() {
        assert!(SignatureScheme::RsaPkcs1v15Sha512.fits(KeyKind::Rsa));
        assert!(SignatureScheme::EcdsaSha2Nistp384.fits(KeyKind::EcdsaP384));
        assert!(!SignatureScheme::EcdsaSha2Nistp256.fits(KeyKind::EcdsaP384));
        assert!(!SignatureScheme::RsassaPssSha256.fits(KeyKind::Ed25519));
        assert!(!SignatureScheme::Ed25519.fits(KeyKind::Rsa));
    }
}
