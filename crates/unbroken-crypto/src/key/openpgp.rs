//! OpenPGP keys, and the signatures that they make, as in-toto has carried them since 2017.
//!
//! A layout lists such a key by its version 4 fingerprint (RFC 9580, 5.5.4) with its bare numbers, and
//! its subkeys below it; a Metablock signature has the hashed part of the signature packet in
//! `other_headers`. The layout's owner vouches for the subkeys there, and a revocation cannot be seen.
//! Where a certificate is at hand it says itself which of its keys may sign, until when, and what
//! was revoked.

pub(crate) mod certificate;
mod dsa;
mod headers;
pub(super) mod listed;
mod numbers;
mod packet;
mod self_signatures;

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_lc_rs::digest;
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use unbroken_model::json::{Object, Value};
use unbroken_model::timestamp::Timestamp;

pub(super) use self::dsa::DsaKey;
use self::headers::Headers;
use self::numbers::Numbers;
pub use self::packet::OpenPgpSignature;
use super::{KeyMaterial, PublicKey, Verifier};
use crate::error::{KeyError, SignatureError};
use crate::key::kind::KeyKind;

/// The most subkeys that are looked at: each costs a parse.
const MAX_SUBKEYS: usize = 32;

/// The OpenPGP side of a key: who it is there, and when it is judged.
pub(super) struct OpenPgp {
    /// The main key, then its subkeys.
    parts: Vec<Part>,
    now: Timestamp,
}

/// The main key or a subkey.
struct Part {
    fingerprint: [u8; 20],
    algorithm: u8,
    created: Option<u32>,
    /// For how many seconds it is valid from then on.
    validity: Option<u32>,
    /// Whether its certificate lets it sign; in layouts every key may.
    may_sign: bool,
    numbers: Numbers,
    key: PublicKey,
}

/// Tells whether a key object is of this kind.
pub(super) fn is_openpgp(object: &Object<'_>) -> bool {
    object.get("method").and_then(Value::as_str).is_some_and(|method| method.starts_with("pgp+"))
}

/// Holds a key's time against the time of verification.
fn check_age(created: Option<u32>, validity: Option<u32>, now: Timestamp) -> Result<(), KeyError> {
    let Some(created) = created.map(i64::from) else { return Ok(()) };
    if created > now.unix() {
        return Err(KeyError::NotYetValid { from: Timestamp::from_unix(created).to_string() });
    }
    // A period of zero is none (RFC 9580, 5.2.3.13).
    match validity.filter(|period| *period > 0).map(|period| created + i64::from(period)) {
        Some(end) if now.unix() >= end => {
            Err(KeyError::Expired { at: Timestamp::from_unix(end).to_string() })
        }
        _ => Ok(()),
    }
}

impl PublicKey {
    /// Reads a public key as [`PublicKey::from_pem_or_other`], or an OpenPGP key as it is at a time:
    /// a certificate, armored or not, or the key object that the reference implementation exports.
    ///
    /// # Checks
    /// Of a certificate: that its holder signed what it says, by SHA-256, SHA-384 or SHA-512; that
    /// main key and subkeys are in force at that time and not revoked; that a subkey may sign and
    /// agreed to be one of this certificate (its back-signature). Revocations that tell of a
    /// compromise, or of nothing, count for all times, others from their making.
    ///
    /// # Does not check
    /// Who the holder is: user ids and what others certified are not looked at. Revocations by others
    /// than the holder.
    ///
    /// # Errors
    /// [`KeyError`], among them [`KeyError::Expired`], [`KeyError::Revoked`],
    /// [`KeyError::Certificate`] and [`KeyError::NoSigningKey`].
    pub fn read_at(bytes: &[u8], now: Timestamp) -> Result<Self, KeyError> {
        if certificate::is_openpgp_file(bytes) {
            return certificate::read(bytes, now);
        }
        match listed::of_file(bytes) {
            Some(listed) => listed::read(&listed, now),
            None => Self::from_pem_or_other(bytes),
        }
    }

    /// Returns the fingerprint of an OpenPGP key.
    pub fn fingerprint(&self) -> Option<String> {
        let main = self.inner.openpgp.as_ref()?.parts.first()?;
        Some(HEXLOWER.encode(&main.fingerprint))
    }

    /// Returns the fingerprints of an OpenPGP key and of its subkeys, those that may sign.
    pub fn signing_fingerprints(&self) -> Vec<String> {
        let parts = self.inner.openpgp.iter().flat_map(|openpgp| &openpgp.parts);
        parts.filter(|part| part.may_sign).map(|part| HEXLOWER.encode(&part.fingerprint)).collect()
    }

    /// Makes a key of DSA.
    fn from_dsa(key: DsaKey) -> Result<Self, KeyError> {
        let kind = KeyKind::Dsa;
        let spki = key.to_spki()?;
        Ok(Self::of_parts(kind, kind.default_scheme(), None, spki, Verifier::Dsa(key)))
    }

    fn verify_dsa(&self, digest: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        match &self.inner.verifier {
            Verifier::Dsa(key) => key.verify(digest, signature),
            Verifier::Library(_) => Err(SignatureError::Mismatch),
        }
    }
}

impl OpenPgp {
    /// Makes the key that signs as these parts do, the first of which is the main key.
    fn key_of(parts: Vec<Part>, now: Timestamp) -> Result<PublicKey, KeyError> {
        let main = parts.first().ok_or(KeyError::Encoding)?;
        let id = HEXLOWER.encode(&main.fingerprint);
        let mut key = main.numbers.key()?;
        // Nobody else holds the new key.
        let inner = Arc::get_mut(&mut key.inner).ok_or(KeyError::Encoding)?;
        inner.declared_id = Some(id);
        inner.openpgp = Some(Self { parts, now });
        Ok(key)
    }

    /// Returns the identities of the key and its subkeys.
    pub(super) fn materials(&self) -> Vec<KeyMaterial> {
        let all: BTreeSet<_> = self.parts.iter().map(|part| part.key.material()).collect();
        all.into_iter().collect()
    }

    /// Tells whether an id is the fingerprint of the key or of a subkey.
    pub(super) fn answers_to(&self, hint: &str) -> bool {
        self.part_of(hint).is_some()
    }

    fn part_of(&self, hint: &str) -> Option<&Part> {
        let bytes = HEXLOWER_PERMISSIVE.decode(hint.as_bytes()).ok()?;
        self.parts.iter().find(|part| part.fingerprint[..] == bytes)
    }

    /// Checks a signature that the key or a subkey made, in the form of the reference implementation.
    ///
    /// # Checks
    /// The key id, that this key may sign, the headers (see [`Headers::read`]), that the signature is
    /// neither older than the key nor from the future nor expired, and the signature itself:
    /// RSASSA-PKCS1-v1_5, DSA or Ed25519.
    pub(super) fn verify(
        &self,
        message: &[u8],
        key_id: &str,
        other_headers: &str,
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        let refused = |reason| SignatureError::Headers { reason };
        let part = self.part_of(key_id).ok_or(SignatureError::Mismatch)?;
        if !part.may_sign {
            return Err(refused("the key that they name may not sign"));
        }
        let raw = HEXLOWER_PERMISSIVE.decode(other_headers.as_bytes());
        let raw = raw.map_err(|_| refused("they are not hexadecimal"))?;
        let headers = Headers::read(&raw).map_err(refused)?;
        if headers.algorithm != part.algorithm {
            return Err(refused("they name another algorithm than the key's"));
        }
        if headers.issuers.iter().any(|issuer| !part.fingerprint.ends_with(issuer)) {
            return Err(refused("they name another key as the issuer"));
        }
        let now = self.now.unix();
        if headers.created > now {
            return Err(refused("the signature is from the future"));
        }
        if part.created.is_some_and(|created| headers.created < i64::from(created)) {
            return Err(refused("the signature is older than its key"));
        }
        if headers.expires.is_some_and(|end| now >= end) {
            return Err(refused("the signature has expired"));
        }
        let size = u32::try_from(raw.len()).map_err(|_| refused("they are too long"))?;
        let signed = [message, &raw, &[4, 0xff], &size.to_be_bytes()].concat();
        let digest = || digest::digest(headers.hash.digest(), &signed);
        match &part.numbers {
            Numbers::Ed25519 { .. } => part.key.verify(digest().as_ref(), signature),
            Numbers::Dsa { .. } => part.key.verify_dsa(digest().as_ref(), signature),
            Numbers::Rsa { n, .. } => part
                .key
                .with_scheme(headers.hash.rsa_scheme())
                .map_err(|_| SignatureError::Mismatch)?
                .verify(&signed, &packet::padded(signature, n.len())),
        }
    }
}
