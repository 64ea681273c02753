//! Metablock: the envelope of in-toto since its beginning.

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};

use super::{Envelope, EnvelopeError, Form, Signature, read_signatures, text_member};
use crate::canonical_json;
use crate::json::{Object, Value};
use crate::limits::Limits;

/// The members of a signature object that [`Signature`] holds in fields of their own; signatures
/// of GnuPG have `signature` in place of `sig`.
const OWN: [&str; 2] = ["keyid", "sig"];

pub(super) fn read<'a>(
    mut document: Object<'a>,
    limits: &Limits,
) -> Result<Envelope<'a>, EnvelopeError> {
    let signed = document
        .remove("signed")
        .filter(|signed| signed.as_object().is_some())
        .ok_or(EnvelopeError::Member { member: "signed", due: "an object" })?;
    let signatures = read_signatures(document.get("signatures"), limits, read_signature)?;
    Ok(Envelope { signatures, ..unsigned(signed) })
}

fn read_signature(object: &Object<'_>) -> Result<Signature, EnvelopeError> {
    let key_id = text_member(object, "keyid", "signatures[].keyid")?;
    let own = if object.get("sig").is_some() { "sig" } else { "signature" };
    let text = text_member(object, own, "signatures[].sig")?
        .ok_or(EnvelopeError::Member { member: "signatures[].sig", due: "a string" })?;
    let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).map_err(|_| {
        EnvelopeError::Encoding { member: "signatures[].sig", encoding: "hexadecimal" }
    })?;
    let mut extra = object.clone();
    for name in OWN {
        extra.remove(name);
    }
    Ok(Signature { key_id, bytes, extra: extra.into_owned() })
}

pub(super) fn unsigned(signed: Value<'_>) -> Envelope<'_> {
    Envelope {
        signing_input: canonical_json::encode(&signed),
        signatures: Vec::new(),
        form: Form::Metablock { signed },
    }
}

pub(super) fn write(signed: &Value<'_>, signatures: &[Signature]) -> Vec<u8> {
    let signatures = signatures.iter().map(|signature| {
        let mut object = signature.extra.clone();
        if let Some(key_id) = &signature.key_id {
            object.insert("keyid", key_id.clone());
        }
        if object.get("signature").is_none() {
            object.insert("sig", HEXLOWER.encode(&signature.bytes));
        }
        Value::from(object)
    });
    let signatures = Value::Array(signatures.collect());
    Value::pretty_members(&[("signatures", &signatures), ("signed", signed)]).into_bytes()
}
