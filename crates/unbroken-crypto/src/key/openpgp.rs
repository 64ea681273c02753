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

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};

    use data_encoding::BASE64;
    use unbroken_model::envelope::Envelope;
    use unbroken_model::limits::Limits;
    use unbroken_model::pae;

    use super::*;
    use crate::error::KeyError::{Expired, NotYetValid};
    use crate::votes::{self, SignatureOutcome};
    use crate::{Functionary, KeySet, SignatureBudget};

    const MADE: u32 = 100;

    /// A key that was made at this time, as it is at another one, and what signs with it.
    fn key(created: Option<u32>, now: i64) -> (OpenPgp, Ed25519KeyPair) {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let numbers = Numbers::Ed25519 { point: pair.public_key().as_ref().to_vec() };
        let part = Part {
            fingerprint: numbers.fingerprint(numbers::EDDSA, MADE),
            algorithm: numbers::EDDSA,
            created,
            validity: None,
            may_sign: true,
            key: numbers.key().unwrap(),
            numbers,
        };
        (OpenPgp { parts: vec![part], now: Timestamp::from_unix(now) }, pair)
    }

    /// Signs with these subpackets; returns the headers and the signature.
    fn signed(pair: &Ed25519KeyPair, message: &[u8], subpackets: &[u8]) -> (String, Vec<u8>) {
        let size = u8::try_from(subpackets.len()).unwrap();
        let raw = [&[4, 0, numbers::EDDSA, 8, 0, size], subpackets].concat();
        let signed = [message, &raw, &[4, 0xff, 0, 0, 0, size + 6]].concat();
        let signature = pair.sign(digest::digest(&digest::SHA256, &signed).as_ref());
        (HEXLOWER.encode(&raw), signature.as_ref().to_vec())
    }

    /// Signs with these subpackets and verifies; returns why not.
    fn refusal((openpgp, pair): (OpenPgp, Ed25519KeyPair), subpackets: &[u8]) -> Option<String> {
        let (headers, signature) = signed(&pair, b"message", subpackets);
        let id = HEXLOWER.encode(&openpgp.parts[0].fingerprint);
        let verified = openpgp.verify(b"message", &id, &headers, &signature);
        verified.err().map(|error| error.to_string())
    }

    fn made(at: u8) -> [u8; 6] {
        [5, 2, 0, 0, 0, at]
    }

    #[test]
    fn a_signature_is_no_older_than_its_key_not_from_the_future_and_in_time() {
        let of = |created, now, subpackets: &[u8]| refusal(key(created, now), subpackets);
        let lasts_ten = [&made(150)[..], &[5, 3, 0, 0, 0, 10]].concat();
        let for_ever = [&made(150)[..], &[5, 3, 0, 0, 0, 0]].concat();
        assert_eq!(of(Some(MADE), 100, &made(100)), None);
        assert_eq!(of(Some(MADE), 200, &made(150)), None);
        assert_eq!(of(None, 200, &made(50)), None, "a layout may not tell when the key was made");
        assert_eq!(of(Some(MADE), 159, &lasts_ten), None);
        assert_eq!(of(Some(MADE), 1000, &for_ever), None);
        for (now, subpackets, said) in [
            (149, &made(150)[..], "from the future"),
            (200, &made(99), "older than its key"),
            (160, &lasts_ten, "has expired"),
        ] {
            let refusal = of(Some(MADE), now, subpackets).expect("it was verified");
            assert!(refusal.contains(said), "{refusal}");
        }
    }

    #[test]
    fn a_signature_is_of_the_key_that_it_names_and_of_one_that_may_sign() {
        let (openpgp, _) = key(None, 200);
        let own = openpgp.parts[0].fingerprint;
        let named = |id: &[u8]| {
            let size = u8::try_from(id.len() + 1).unwrap();
            let kind: &[u8] = if id.len() == 8 { &[size, 16] } else { &[size + 1, 33, 4] };
            refusal(key(None, 200), &[&made(150)[..], kind, id].concat())
        };
        assert_eq!((named(&own), named(&own[12..])), (None, None));
        for other in [&[1; 20][..], &[1; 8], &own[..8]] {
            assert!(named(other).is_some_and(|said| said.contains("another key")), "{other:?}");
        }
        let (mut openpgp, pair) = key(None, 200);
        openpgp.parts[0].may_sign = false;
        let said = refusal((openpgp, pair), &made(150));
        assert!(said.is_some_and(|said| said.contains("may not sign")));
        let (mut openpgp, pair) = key(None, 200);
        openpgp.parts[0].algorithm = 27;
        let said = refusal((openpgp, pair), &made(150));
        assert!(said.is_some_and(|said| said.contains("another algorithm")));
    }

    #[test]
    fn a_key_is_valid_from_its_making_to_the_end_of_its_period() {
        let at = |validity, now| check_age(Some(MADE), validity, Timestamp::from_unix(now));
        assert!(check_age(None, Some(1), Timestamp::from_unix(i64::MAX)).is_ok());
        assert!(matches!(at(None, 99), Err(NotYetValid { .. })));
        assert!(at(None, 100).is_ok() && at(Some(0), i64::MAX).is_ok());
        assert!(at(Some(10), 109).is_ok());
        assert!(matches!(at(Some(10), 110), Err(Expired { .. })));
    }

    #[test]
    fn none_is_believed_in_an_envelope_of_dsse() {
        let (openpgp, pair) = key(Some(MADE), 200);
        let id = HEXLOWER.encode(&openpgp.parts[0].fingerprint);
        let (kind, payload) = ("application/vnd.in-toto+json", b"{\"_type\": \"link\"}");
        let (headers, signature) = signed(&pair, &pae::encode(kind, payload), &made(150));
        let [text, sig] = [&payload[..], &signature].map(|bytes| BASE64.encode(bytes));
        let json = format!(
            r#"{{"payload": "{text}", "payloadType": "{kind}", "signatures":
                [{{"keyid": "{id}", "sig": "{sig}", "other_headers": "{headers}"}}]}}"#
        );
        let envelope = Envelope::parse(json.as_bytes(), &Limits::default()).unwrap();
        let key = OpenPgp::key_of(openpgp.parts, openpgp.now).unwrap();
        let entry = &envelope.signatures()[0];
        assert!(key.verify_entry(envelope.signing_input(), entry).is_ok(), "it does hold");
        let keys = KeySet::<Functionary>::new([key]);
        let reports = votes::check(&envelope, &keys, &mut SignatureBudget::default()).unwrap();
        assert!(matches!(&reports[0].outcome, SignatureOutcome::Invalid(_)), "{reports:?}");
    }
}
