//! Private keys in the formats that tools write.

use aws_lc_rs::rsa;
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, PqdsaKeyPair};
use pkcs8::PrivateKeyInfoRef;
use pkcs8::der::asn1::{ObjectIdentifier, OctetStringRef};
use pkcs8::der::{Reader, SliceReader, TagMode, TagNumber};

use super::{Pair, ecdsa_signing, encryption, legacy_pem, ml_dsa_signing};
use crate::error::KeyError;
use crate::key::kind::KeyKind;
use crate::key::pem::{self, PemBlock};
use crate::key::{check_private_key, ssh};
use crate::secret::Passphrase;

const MALFORMED_PKCS8: KeyError = KeyError::Malformed { what: "private key (PKCS#8)" };
const MALFORMED_SEC1: KeyError = KeyError::Malformed { what: "EC private key (SEC1)" };

/// Reads a private key in PEM.
pub(super) fn pair(text: &[u8], passphrase: Option<&Passphrase>) -> Result<Pair, KeyError> {
    let text = pem::key_text(text)?;
    let Some(block) = pem::first_block(text)? else { return Err(no_pem(text)) };
    pair_of_block(block, passphrase)
}

fn pair_of_block(block: PemBlock, passphrase: Option<&Passphrase>) -> Result<Pair, KeyError> {
    if let Some(dek_info) = &block.legacy_encryption {
        let passphrase = passphrase.ok_or(KeyError::PassphraseMissing)?;
        let der = legacy_pem::decrypt(dek_info, &block.der, passphrase)?;
        let opened = PemBlock { label: block.label, der, legacy_encryption: None, ..block };
        return match pair_of_block(opened, None) {
            // Padding alone does not notice every wrong passphrase.
            Err(KeyError::Malformed { .. }) => Err(KeyError::PassphraseWrong),
            other => other,
        };
    }
    let plain = |read: fn(&[u8]) -> Result<Pair, KeyError>, der: &[u8]| match passphrase {
        None => read(der),
        Some(_) => Err(KeyError::PassphraseNotNeeded),
    };
    let PemBlock { label, der, .. } = block;
    match label.as_str() {
        "PRIVATE KEY" => plain(pkcs8, &der),
        "RSA PRIVATE KEY" => plain(pkcs1, &der),
        "EC PRIVATE KEY" => plain(sec1, &der),
        "OPENSSH PRIVATE KEY" => ssh::private_key(&der, passphrase),
        "ENCRYPTED PRIVATE KEY" => {
            let passphrase = passphrase.ok_or(KeyError::PassphraseMissing)?;
            pkcs8(&encryption::decrypt(&der, passphrase)?)
        }
        "PUBLIC KEY" | "RSA PUBLIC KEY" => Err(KeyError::PublicHalfGiven { what: "PEM" }),
        "CERTIFICATE" => Err(KeyError::PublicHalfGiven { what: "X.509 certificate" }),
        "ENCRYPTED COSIGN PRIVATE KEY" | "ENCRYPTED SIGSTORE PRIVATE KEY" => {
            Err(KeyError::Unsupported { what: format!("a PEM block of type {label:?}") })
        }
        _ => Err(KeyError::UnknownPemLabel { label }),
    }
}

/// Says what a text is that holds no PEM.
fn no_pem(text: &str) -> KeyError {
    let text = text.trim_start();
    if text.starts_with("ssh-") || text.starts_with("ecdsa-sha2-") || text.starts_with("sk-") {
        KeyError::PublicHalfGiven { what: "OpenSSH" }
    } else {
        KeyError::NotAKey
    }
}

/// Reads PKCS#8 (RFC 5958).
pub(super) fn pkcs8(der: &[u8]) -> Result<Pair, KeyError> {
    let info = PrivateKeyInfoRef::try_from(der).map_err(|_| MALFORMED_PKCS8)?;
    let kind = KeyKind::of(&info.algorithm)?;
    match kind {
        KeyKind::Dsa => None,
        KeyKind::Ed25519 => Ed25519KeyPair::from_pkcs8(der).ok().map(Pair::Ed25519),
        KeyKind::EcdsaP256 | KeyKind::EcdsaP384 | KeyKind::EcdsaP521 => ecdsa_pair(kind, der),
        KeyKind::Rsa => {
            check_private_key(info.private_key.as_bytes())?;
            rsa::KeyPair::from_pkcs8(der).ok().map(Pair::Rsa)
        }
        KeyKind::MlDsa44 | KeyKind::MlDsa65 | KeyKind::MlDsa87 => ml_dsa_signing(kind)
            .and_then(|parameters| PqdsaKeyPair::from_pkcs8(parameters, der).ok())
            .map(Pair::MlDsa),
    }
    .ok_or(MALFORMED_PKCS8)
}

/// Reads RSAPrivateKey of PKCS#1 (RFC 8017, A.1.2).
fn pkcs1(der: &[u8]) -> Result<Pair, KeyError> {
    check_private_key(der)?;
    let malformed = KeyError::Malformed { what: "RSA private key (PKCS#1)" };
    rsa::KeyPair::from_der(der).map(Pair::Rsa).map_err(|_| malformed)
}

/// Reads ECPrivateKey of SEC1 (RFC 5915).
fn sec1(der: &[u8]) -> Result<Pair, KeyError> {
    let kind = curve_of_sec1(der)?;
    ecdsa_pair(kind, der).ok_or(MALFORMED_SEC1)
}

fn ecdsa_pair(kind: KeyKind, der: &[u8]) -> Option<Pair> {
    EcdsaKeyPair::from_private_key_der(ecdsa_signing(kind)?, der).ok().map(Pair::Ecdsa)
}

/// Reads the curve that an ECPrivateKey names.
fn curve_of_sec1(der: &[u8]) -> Result<KeyKind, KeyError> {
    let read = || -> pkcs8::der::Result<Option<ObjectIdentifier>> {
        let mut reader = SliceReader::new(der)?;
        reader.sequence(|inner| {
            inner.decode::<u8>()?;
            inner.decode::<&OctetStringRef>()?;
            let curve = inner.context_specific(TagNumber(0), TagMode::Explicit)?;
            inner.drain(inner.remaining_len())?;
            Ok(curve)
        })
    };
    match read() {
        Ok(Some(curve)) => KeyKind::of_curve(curve),
        Ok(None) | Err(_) => Err(MALFORMED_SEC1),
    }
}
