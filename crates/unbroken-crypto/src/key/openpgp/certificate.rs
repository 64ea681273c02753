//! OpenPGP certificates ("transferable public keys", RFC 9580, 10.1), read and held against a time.

use pgp::composed::{Deserializable, SignedPublicKey};
use pgp::errors::Error;
use pgp::ser::Serialize;
use pgp::types::{KeyDetails, KeyVersion};
use unbroken_model::timestamp::Timestamp;

use super::numbers::Numbers;
use super::self_signatures::{Judge, Terms};
use super::{MAX_SUBKEYS, OpenPgp, Part, check_age};
use crate::error::KeyError;
use crate::key::PublicKey;

/// The largest certificate that is looked at: keys that many others certified are large.
const MAX_SIZE: usize = 1 << 20;

const ARMOR: &[u8] = b"-----BEGIN PGP ";
const PUBLIC: &[u8] = b"-----BEGIN PGP PUBLIC KEY BLOCK-----";
const PRIVATE: &[u8] = b"-----BEGIN PGP PRIVATE KEY BLOCK-----";

/// Tells files of OpenPGP: armored, or packets of a public or a private key.
pub(crate) fn is_openpgp_file(bytes: &[u8]) -> bool {
    count(bytes, ARMOR) > 0 || matches!(first_tag(bytes), Some(SECRET_KEY | PUBLIC_KEY))
}

const SECRET_KEY: u8 = 5;
const PUBLIC_KEY: u8 = 6;

fn first_tag(bytes: &[u8]) -> Option<u8> {
    match bytes.first() {
        Some(first) if first & 0xc0 == 0xc0 => Some(first & 0x3f),
        Some(first) if first & 0x80 != 0 => Some((first & 0x3f) >> 2),
        _ => None,
    }
}

fn count(bytes: &[u8], what: &[u8]) -> usize {
    bytes.windows(what.len()).filter(|window| *window == what).count()
}

/// Reads one certificate as it is at a time.
pub(in crate::key) fn read(bytes: &[u8], now: Timestamp) -> Result<PublicKey, KeyError> {
    if bytes.len() > MAX_SIZE {
        return Err(KeyError::TooLarge { size: bytes.len(), limit: MAX_SIZE });
    }
    let armored = count(bytes, ARMOR) > 0;
    if count(bytes, PRIVATE) > 0 || (!armored && first_tag(bytes) == Some(SECRET_KEY)) {
        return Err(KeyError::PrivateHalfGiven { what: "OpenPGP" });
    }
    if count(bytes, PUBLIC) > 1 {
        return Err(KeyError::SeveralKeys);
    }
    judge(&parse(bytes, armored)?, now)
}

fn parse(bytes: &[u8], armored: bool) -> Result<SignedPublicKey, KeyError> {
    let malformed = |_: Error| KeyError::Malformed { what: "OpenPGP certificate" };
    let mut certificates = if armored {
        SignedPublicKey::from_armor_many(bytes).map_err(malformed)?.0
    } else {
        SignedPublicKey::from_bytes_many(bytes).map_err(malformed)?
    };
    let first = certificates.next().transpose().map_err(malformed)?;
    match certificates.next() {
        None => first.ok_or(KeyError::Malformed { what: "OpenPGP certificate" }),
        Some(Ok(_)) => Err(KeyError::SeveralKeys),
        Some(Err(error)) => Err(malformed(error)),
    }
}

fn judge(certificate: &SignedPublicKey, now: Timestamp) -> Result<PublicKey, KeyError> {
    let main = &certificate.primary_key;
    let mut judge = Judge::new(now);
    let terms = judge.main_key(certificate)?;
    let mut parts = vec![part(main, &terms, now)?];
    let mut reasons = Vec::new();
    if !terms.may_sign {
        reasons.push("the main key was not made for it".to_owned());
    }
    if certificate.public_subkeys.len() > MAX_SUBKEYS {
        return Err(KeyError::Certificate { reason: "it has more subkeys than are looked at" });
    }
    for subkey in &certificate.public_subkeys {
        let judged = judge.subkey(subkey, main).and_then(|terms| {
            if terms.may_sign { part(&subkey.key, &terms, now).map(Some) } else { Ok(None) }
        });
        let id = subkey.fingerprint();
        match judged {
            Ok(Some(part)) => parts.push(part),
            Ok(None) => reasons.push(format!("the subkey {id} was not made for it")),
            Err(error) => reasons.push(format!("the subkey {id}: {error}")),
        }
    }
    if !parts.iter().any(|part| part.may_sign) {
        return Err(KeyError::NoSigningKey { reasons: reasons.join("; ") });
    }
    OpenPgp::key_of(parts, now)
}

/// Reads a key of a certificate, and judges its age.
fn part(
    key: &(impl KeyDetails + Serialize),
    terms: &Terms,
    now: Timestamp,
) -> Result<Part, KeyError> {
    let malformed = || KeyError::Malformed { what: "OpenPGP key" };
    if key.version() != KeyVersion::V4 {
        let what = format!("an OpenPGP key of version {}", u8::from(key.version()));
        return Err(KeyError::Unsupported { what });
    }
    let created = key.created_at().as_secs();
    check_age(Some(created), terms.validity, now)?;
    let body = key.to_bytes().map_err(|_| malformed())?;
    // One byte of version, four of time, one of algorithm.
    let (algorithm, parameters) =
        body.get(5..).and_then(<[u8]>::split_first).ok_or_else(malformed)?;
    let numbers = Numbers::of_packet(*algorithm, parameters)?;
    let fingerprint = numbers.fingerprint(*algorithm, created);
    if key.fingerprint().as_bytes() != fingerprint {
        return Err(malformed());
    }
    Ok(Part {
        fingerprint,
        algorithm: *algorithm,
        created: Some(created),
        validity: terms.validity,
        may_sign: terms.may_sign,
        key: numbers.key()?,
        numbers,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_openpgp_are_told_by_their_armor_or_their_first_packet() {
        // The two ways to write the tag of a packet; the last two bits of the old one are no part of it.
        for first in [0xc5, 0xc6, 0x94, 0x95, 0x97, 0x98, 0x99, 0x9b] {
            assert!(is_openpgp_file(&[first, 0]), "{first:x}");
        }
        // Other packets, and no packets at all.
        for first in [
            0xc2, 0xc4, 0xc7, 0xce, 0x88, 0x90, 0x9c, 0xb8, 0x05, 0x06, 0x14, 0x18, 0x45, 0x46,
            0x58, b'{',
        ] {
            assert!(!is_openpgp_file(&[first, 0]), "{first:x}");
        }
        assert!(!is_openpgp_file(&[]));
        assert!(is_openpgp_file(b"text\n-----BEGIN PGP PUBLIC KEY BLOCK-----\n"));
        assert!(!is_openpgp_file(b"-----BEGIN PUBLIC KEY-----\n"));
    }
}
