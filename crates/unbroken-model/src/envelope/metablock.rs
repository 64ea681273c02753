//! Metablock: the envelope of in-toto since its beginning.

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};

use super::{Envelope, EnvelopeError, Form, Signature, read_signatures, text_member};
use crate::canonical_json;
use crate::json::{Object, Value};
use crate::limits::Limits;

/// The members of a signature object that [`Signature`] holds in fields of their own; signatures
/// of GnuPG have `signature` in place of `sig`.
const OWN: [&str; 2] = ["keyid", "sig"];

pub(super) fn read(
    bytes: &[u8],
    document: &Object<'_>,
    limits: &Limits,
) -> Result<Envelope, EnvelopeError> {
    let signed = document
        .get("signed")
        .filter(|signed| signed.as_object().is_some())
        .ok_or(EnvelopeError::Member { member: "signed", due: "an object" })?;
    let signatures = read_signatures(document.get("signatures"), limits, read_signature)?;
    Ok(Envelope {
        signing_input: canonical_json::encode(signed),
        signatures,
        form: Form::Metablock { document: bytes.to_vec() },
    })
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

pub(super) fn unsigned(payload: &Value<'_>) -> Envelope {
    let document = render(payload, &[]);
    Envelope {
        signing_input: canonical_json::encode(payload),
        signatures: Vec::new(),
        form: Form::Metablock { document },
    }
}

pub(super) fn write(document: &[u8], signatures: &[Signature]) -> Vec<u8> {
    // The document was parsed, or written by `render`, before; limits were held then.
    let limits = Limits { bytes: usize::MAX, values: usize::MAX, ..Limits::default() };
    match Value::parse(document, &limits) {
        Ok(Value::Object(mut document)) => {
            let signed = document.remove("signed").unwrap_or(Value::Null);
            render(&signed, signatures)
        }
        _ => document.to_vec(),
    }
}

fn render(signed: &Value<'_>, signatures: &[Signature]) -> Vec<u8> {
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
    let mut document = Object::new();
    document.insert("signatures", signatures.collect::<Vec<_>>());
    document.insert("signed", signed.clone());
    Value::from(document).to_pretty().into_bytes()
}
