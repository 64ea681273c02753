//! DSSE: the envelope of the attestation framework, and of layouts and links on request (ITE-5).

use data_encoding::{BASE64, BASE64URL};

use super::{
    Envelope, EnvelopeError, Form, IN_TOTO_PAYLOAD_TYPE, Signature, read_signatures, text_member,
};
use crate::json::{Object, Value};
use crate::limits::Limits;
use crate::pae;

pub(super) fn read(
    document: &Object<'_>,
    limits: &Limits,
) -> Result<Envelope<'static>, EnvelopeError> {
    let payload_type = text_member(document, "payloadType", "payloadType")?
        .ok_or(EnvelopeError::Member { member: "payloadType", due: "a string" })?;
    let payload = text_member(document, "payload", "payload")?
        .ok_or(EnvelopeError::Member { member: "payload", due: "a string" })?;
    // Shorter than its base64, and so within the bound on the document.
    let payload = decode(&payload, "payload")?;
    let signatures = read_signatures(document.get("signatures"), limits, read_signature)?;
    Ok(Envelope {
        signing_input: pae::encode(&payload_type, &payload),
        signatures,
        form: Form::Dsse { payload, payload_type },
    })
}

fn read_signature(object: &Object<'_>) -> Result<Signature, EnvelopeError> {
    let key_id = text_member(object, "keyid", "signatures[].keyid")?;
    let text = text_member(object, "sig", "signatures[].sig")?
        .ok_or(EnvelopeError::Member { member: "signatures[].sig", due: "a string" })?;
    let bytes = decode(&text, "signatures[].sig")?;
    let mut extra = object.clone();
    for name in ["keyid", "sig"] {
        extra.remove(name);
    }
    Ok(Signature { key_id, bytes, extra: extra.into_owned() })
}

/// Decodes base64 of either alphabet, padded, with nothing between, behind or in the spare bits:
/// bytes that can be written in two ways are a second document with the same signature.
pub(super) fn decode(text: &str, member: &'static str) -> Result<Vec<u8>, EnvelopeError> {
    let fault = EnvelopeError::Encoding { member, encoding: "base64" };
    let alphabet = if text.contains(['-', '_']) { BASE64URL } else { BASE64 };
    // The decoder takes padded pieces one behind the other.
    if text.trim_end_matches('=').contains('=') {
        return Err(fault);
    }
    alphabet.decode(text.as_bytes()).map_err(|_| fault)
}

pub(super) fn unsigned(payload: &Value<'_>) -> Envelope<'static> {
    let payload = payload.to_compact().into_bytes();
    Envelope {
        signing_input: pae::encode(IN_TOTO_PAYLOAD_TYPE, &payload),
        signatures: Vec::new(),
        form: Form::Dsse { payload, payload_type: IN_TOTO_PAYLOAD_TYPE.to_owned() },
    }
}

pub(super) fn write(payload: &[u8], payload_type: &str, signatures: &[Signature]) -> Vec<u8> {
    let signatures = signatures.iter().map(|signature| {
        let mut object = signature.extra.clone();
        if let Some(key_id) = &signature.key_id {
            object.insert("keyid", key_id.clone());
        }
        object.insert("sig", BASE64.encode(&signature.bytes));
        Value::from(object)
    });
    let mut document = Object::new();
    document.insert("payload", BASE64.encode(payload));
    document.insert("payloadType", payload_type);
    document.insert("signatures", signatures.collect::<Vec<_>>());
    Value::from(document).to_compact().into_bytes()
}
