//! OpenPGP keys as layouts list them, read and written.

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use unbroken_model::json::{Object, Value};
use unbroken_model::layout::LayoutKey;
use unbroken_model::limits::Limits;
use unbroken_model::timestamp::Timestamp;

use super::numbers::Numbers;
use super::{MAX_SUBKEYS, OpenPgp, Part, check_age, is_openpgp};
use crate::error::KeyError;
use crate::key::PublicKey;
use crate::key::layout_key::text;

/// Finds the key object that the reference implementation exports, in a file of its own.
pub(in crate::key) fn of_file(bytes: &[u8]) -> Option<LayoutKey> {
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return None;
    }
    let Ok(Value::Object(object)) = Value::parse(bytes, &Limits::default()) else { return None };
    let id = object.get("keyid").and_then(Value::as_str)?.parse().ok()?;
    is_openpgp(&object).then(|| LayoutKey { id, object: object.into_owned() })
}

/// Reads a key with its subkeys as a layout lists it, and judges their age.
pub(in crate::key) fn read(listed: &LayoutKey, now: Timestamp) -> Result<PublicKey, KeyError> {
    let mut parts = vec![part(&listed.object, listed.id.as_str(), now)?];
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
    OpenPgp::key_of(parts, now)
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
    let numbers = Numbers::of_layout(object, public)?;
    let key = numbers.key()?;
    let created = seconds(object, "creation_time")?;
    let validity = seconds(object, "validity_period")?;
    if created.is_none() && validity.is_some() {
        return Err(KeyError::LayoutKeyMember { member: "creation_time" });
    }
    let algorithm = algorithm(&numbers, created, fingerprint)?;
    check_age(created, validity, now)?;
    Ok(Part { fingerprint, algorithm, created, validity, may_sign: true, numbers, key })
}

/// Finds the algorithm, which a layout does not name, by the fingerprint, which is over it. Without
/// the time of making, which is in the fingerprint too, it cannot be checked.
fn algorithm(
    numbers: &Numbers,
    created: Option<u32>,
    fingerprint: [u8; 20],
) -> Result<u8, KeyError> {
    let algorithms = numbers.algorithms();
    let usual = algorithms.first().copied().ok_or(KeyError::Encoding)?;
    let Some(created) = created else { return Ok(usual) };
    let fits = |algorithm: &&u8| numbers.fingerprint(**algorithm, created) == fingerprint;
    algorithms.iter().find(fits).copied().ok_or_else(|| KeyError::FingerprintMismatch {
        listed: HEXLOWER.encode(&fingerprint),
        actual: HEXLOWER.encode(&numbers.fingerprint(usual, created)),
    })
}

/// Reads a number of seconds as OpenPGP has it: 32 bits.
fn seconds(object: &Object<'_>, member: &'static str) -> Result<Option<u32>, KeyError> {
    match object.get(member) {
        None => Ok(None),
        Some(value) => value
            .as_integer()
            .and_then(|number| u32::try_from(number).ok())
            .map(Some)
            .ok_or(KeyError::LayoutKeyMember { member }),
    }
}

impl OpenPgp {
    /// Makes the object that a layout carries: what the reference implementation exports, subkeys
    /// that may sign with it and no others.
    pub(in crate::key) fn to_layout_key(&self) -> Result<LayoutKey, KeyError> {
        let (main, subkeys) = self.parts.split_first().ok_or(KeyError::Encoding)?;
        let mut object = main.to_object();
        let mut below = Object::new();
        for subkey in subkeys.iter().filter(|subkey| subkey.may_sign) {
            below.insert(HEXLOWER.encode(&subkey.fingerprint), subkey.to_object());
        }
        if !below.is_empty() {
            object.insert("subkeys", below);
        }
        let id = HEXLOWER.encode(&main.fingerprint).parse().map_err(|_| KeyError::Encoding)?;
        Ok(LayoutKey { id, object })
    }
}

impl Part {
    fn to_object(&self) -> Object<'static> {
        let (kind, public) = self.numbers.to_layout();
        let mut object = Object::new();
        object.insert("method", self.key.scheme().name());
        object.insert("type", kind);
        object.insert("hashes", vec![Value::from("pgp+SHA2")]);
        if let Some(created) = self.created {
            object.insert("creation_time", i64::from(created));
        }
        object.insert("keyid", HEXLOWER.encode(&self.fingerprint));
        let mut keyval = Object::new();
        keyval.insert("private", "");
        keyval.insert("public", public);
        object.insert("keyval", keyval);
        if let Some(validity) = self.validity {
            object.insert("validity_period", i64::from(validity));
        }
        object
    }
}
