//! OpenPGP keys of layouts, and the signatures that they make, as in-toto has carried them since 2017.
//!
//! A layout lists such a key by its version 4 fingerprint (RFC 9580, 5.5.4) with its bare numbers, and
//! its subkeys below it; a Metablock signature has the hashed part of the signature packet in
//! `other_headers`. No certificate comes along: the layout's owner vouches for the subkeys, and a
//! revocation cannot be seen.

mod headers;

use std::collections::BTreeSet;

use aws_lc_rs::digest;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::PublicKeyComponents;
use data_encoding::HEXLOWER_PERMISSIVE;
use unbroken_model::json::{Object, Value};
use unbroken_model::layout::LayoutKey;
use unbroken_model::timestamp::Timestamp;

use self::headers::Headers;
use super::kind::KeyKind;
use super::layout_key::text;
use super::{KeyMaterial, PublicKey, rsa_strength};
use crate::error::{KeyError, SignatureError};

/// The most subkeys that are looked at: each costs a parse.
const MAX_SUBKEYS: usize = 32;

const RSA: u8 = 1;
const EDDSA: u8 = 22;

/// The OpenPGP side of a key: who it is there, and when it is judged.
pub(super) struct OpenPgp {
    /// The main key, then its subkeys.
    parts: Vec<Part>,
    now: Timestamp,
}

struct Part {
    fingerprint: [u8; 20],
    algorithm: u8,
    created: Option<i64>,
    key: PublicKey,
}

/// Tells whether a key object is of this kind.
pub(super) fn is_openpgp(object: &Object<'_>) -> bool {
    object.get("method").and_then(Value::as_str).is_some_and(|method| method.starts_with("pgp+"))
}

/// Reads a key with its subkeys as a layout lists it, and judges their age.
pub(super) fn read(listed: &LayoutKey, now: Timestamp) -> Result<(PublicKey, OpenPgp), KeyError> {
    let main = part(&listed.object, listed.id.as_str(), now)?;
    let key = main.key.clone();
    let mut parts = vec![main];
    match listed.object.get("subkeys") {
        None => {}
        Some(Value::Object(subkeys)) if subkeys.len() <= MAX_SUBKEYS => {
            for (id, subkey) in subkeys.iter() {
                let subkey =
                    subkey.as_object().ok_or(KeyError::LayoutKeyMember { member: "subkeys" })?;
                // The others stay usable beside a subkey that may not sign: its signatures are by
                // no key.
                match part(subkey, id, now) {
                    Ok(part) => parts.push(part),
                    Err(
                        KeyError::Expired { .. }
                        | KeyError::NotYetValid { .. }
                        | KeyError::Unsupported { .. }
                        | KeyError::Weak { .. },
                    ) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Some(_) => return Err(KeyError::LayoutKeyMember { member: "subkeys" }),
    }
    Ok((key, OpenPgp { parts, now }))
}

fn part(object: &Object<'_>, listed: &str, now: Timestamp) -> Result<Part, KeyError> {
    let own = text(object, "keyid")?;
    if !own.eq_ignore_ascii_case(listed) {
        let inner = own.chars().take(140).collect();
        return Err(KeyError::KeyIdMismatch { listed: listed.to_owned(), inner });
    }
    let fingerprint = HEXLOWER_PERMISSIVE.decode(own.as_bytes()).ok();
    let fingerprint =
        fingerprint.and_then(|bytes| bytes.try_into().ok()).ok_or(KeyError::Malformed {
            what: "OpenPGP key: its id is no fingerprint of version 4",
        })?;
    let keyval = object.get("keyval").and_then(Value::as_object);
    let public = keyval
        .and_then(|keyval| keyval.get("public")?.as_object())
        .ok_or(KeyError::LayoutKeyMember { member: "keyval" })?;
    let (algorithm, key) = match (text(object, "type")?, text(object, "method")?) {
        ("rsa", "pgp+rsa-pkcsv1.5") => (RSA, rsa(&number(public, "n")?, &number(public, "e")?)?),
        ("eddsa", "pgp+eddsa-ed25519") => {
            let kind = KeyKind::Ed25519;
            let point = number(public, "q")?;
            (EDDSA, PublicKey::from_parsable(kind, kind.default_scheme(), None, &point)?)
        }
        (_, method) => {
            let method: String = method.chars().take(80).collect();
            return Err(KeyError::Unsupported { what: format!("an OpenPGP key ({method:?})") });
        }
    };
    let created = seconds(object, "creation_time")?;
    let validity = seconds(object, "validity_period")?;
    if created.is_none() && validity.is_some() {
        return Err(KeyError::LayoutKeyMember { member: "creation_time" });
    }
    if let Some(at) = created.filter(|created| *created > now.unix()) {
        return Err(KeyError::NotYetValid { from: Timestamp::from_unix(at).to_string() });
    }
    // A period of zero is none (RFC 9580, 5.2.3.13).
    let end = created.zip(validity.filter(|period| *period > 0));
    if let Some(end) = end.map(|(created, period)| created + period)
        && now.unix() >= end
    {
        return Err(KeyError::Expired { at: Timestamp::from_unix(end).to_string() });
    }
    Ok(Part { fingerprint, algorithm, created, key })
}

/// Reads a number of seconds as OpenPGP has it: 32 bits.
fn seconds(object: &Object<'_>, member: &'static str) -> Result<Option<i64>, KeyError> {
    match object.get(member) {
        None => Ok(None),
        Some(value) => value
            .as_integer()
            .and_then(|number| u32::try_from(number).ok())
            .map(|number| Some(i64::from(number)))
            .ok_or(KeyError::LayoutKeyMember { member }),
    }
}

fn number(public: &Object<'_>, member: &'static str) -> Result<Vec<u8>, KeyError> {
    let hex = text(public, member)?;
    HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).map_err(|_| KeyError::LayoutKeyMember { member })
}

fn rsa(n: &[u8], e: &[u8]) -> Result<PublicKey, KeyError> {
    let trimmed = |number: &[u8]| -> Vec<u8> {
        number.iter().copied().skip_while(|byte| *byte == 0).collect()
    };
    let (n, e) = (trimmed(n), trimmed(e));
    rsa_strength::check(&n, &e)?;
    let der = PublicKeyComponents { n, e }.as_der();
    let der = der.map_err(|_| KeyError::Malformed { what: "OpenPGP key (RSA)" })?;
    PublicKey::from_spki_der(der.as_ref())
}

impl OpenPgp {
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
    /// The key id, the headers (see [`Headers::read`]), that the signature is neither older than the
    /// key nor from the future nor expired, and the signature itself: RSASSA-PKCS1-v1_5 or Ed25519.
    pub(super) fn verify(
        &self,
        message: &[u8],
        key_id: &str,
        other_headers: &str,
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        let refused = |reason| SignatureError::Headers { reason };
        let part = self.part_of(key_id).ok_or(SignatureError::Mismatch)?;
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
        if part.created.is_some_and(|created| headers.created < created) {
            return Err(refused("the signature is older than its key"));
        }
        if headers.expires.is_some_and(|end| now >= end) {
            return Err(refused("the signature has expired"));
        }
        let size = u32::try_from(raw.len()).map_err(|_| refused("they are too long"))?;
        let signed = [message, &raw, &[4, 0xff], &size.to_be_bytes()].concat();
        match part.algorithm {
            EDDSA => {
                let hashed = digest::digest(headers.hash.digest(), &signed);
                part.key.verify(hashed.as_ref(), signature)
            }
            _ => part
                .key
                .with_scheme(headers.hash.rsa_scheme())
                .map_err(|_| SignatureError::Mismatch)?
                .verify(&signed, signature),
        }
    }
}
