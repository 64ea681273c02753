//! Files as Go's `encoding/json` writes the types of in-toto-golang: two spaces, the members of a type
//! in the order of its declaration, those of a map by name, `<`, `>` and `&` escaped.

use std::fmt::Write;

use unbroken_crypto::{KeyIdStyle, Signer, sign};
use unbroken_model::canonical_json;
use unbroken_model::envelope::{Envelope, EnvelopeKind, IN_TOTO_PAYLOAD_TYPE};
use unbroken_model::json::{Object, Value};
use unbroken_model::limits::Limits;

use crate::drop_in::failure::reasons;

/// What a value is to Go: which members come first, in which order, and what they are.
struct Shape {
    members: &'static [(&'static str, &'static Shape)],
    /// The shape of the items of an array, or of the values of a map.
    each: Option<&'static Shape>,
}

static PLAIN: Shape = Shape { members: &[], each: None };
static KEY_VALUE: Shape = Shape {
    members: &[("private", &PLAIN), ("public", &PLAIN), ("certificate", &PLAIN)],
    each: None,
};
static KEY: Shape = Shape {
    members: &[
        ("keyid", &PLAIN),
        ("keyid_hash_algorithms", &PLAIN),
        ("keytype", &PLAIN),
        ("keyval", &KEY_VALUE),
        ("scheme", &PLAIN),
    ],
    each: None,
};
static KEYS: Shape = Shape { members: &[], each: Some(&KEY) };
static CONSTRAINT: Shape = Shape {
    members: &[
        ("common_name", &PLAIN),
        ("dns_names", &PLAIN),
        ("emails", &PLAIN),
        ("organizations", &PLAIN),
        ("roots", &PLAIN),
        ("uris", &PLAIN),
    ],
    each: None,
};
static CONSTRAINTS: Shape = Shape { members: &[], each: Some(&CONSTRAINT) };
/// A step or an inspection: each has members that the other has not.
static ITEM: Shape = Shape {
    members: &[
        ("_type", &PLAIN),
        ("run", &PLAIN),
        ("pubkeys", &PLAIN),
        ("cert_constraints", &CONSTRAINTS),
        ("expected_command", &PLAIN),
        ("threshold", &PLAIN),
        ("name", &PLAIN),
        ("expected_materials", &PLAIN),
        ("expected_products", &PLAIN),
    ],
    each: None,
};
static ITEMS: Shape = Shape { members: &[], each: Some(&ITEM) };
/// A link or a layout.
static PAYLOAD: Shape = Shape {
    members: &[
        ("_type", &PLAIN),
        ("name", &PLAIN),
        ("materials", &PLAIN),
        ("products", &PLAIN),
        ("byproducts", &PLAIN),
        ("command", &PLAIN),
        ("environment", &PLAIN),
        ("steps", &ITEMS),
        ("inspect", &ITEMS),
        ("keys", &KEYS),
        ("rootcas", &KEYS),
        ("intermediatecas", &KEYS),
        ("expires", &PLAIN),
        ("readme", &PLAIN),
    ],
    each: None,
};
static SIGNATURE: Shape =
    Shape { members: &[("keyid", &PLAIN), ("sig", &PLAIN), ("cert", &PLAIN)], each: None };
static SIGNATURES: Shape = Shape { members: &[], each: Some(&SIGNATURE) };
/// A file: Metablock or DSSE.
static FILE: Shape = Shape {
    members: &[
        ("signed", &PAYLOAD),
        ("payloadType", &PLAIN),
        ("payload", &PLAIN),
        ("signatures", &SIGNATURES),
    ],
    each: None,
};

/// Writes an envelope as a file.
pub(super) fn of_envelope(envelope: &Envelope<'_>) -> Result<Vec<u8>, String> {
    let bytes = envelope.to_bytes();
    let document = Value::parse(&bytes, &Limits::default()).map_err(|error| reasons(&error))?;
    Ok(indented(&document).into_bytes())
}

/// Makes an envelope of a payload, signed where there is a key, and writes it as a file.
pub(super) fn of_payload(
    payload: Value<'_>,
    kind: EnvelopeKind,
    key: Option<&dyn Signer>,
) -> Result<Vec<u8>, String> {
    let document;
    let mut envelope = match kind {
        EnvelopeKind::Metablock => Envelope::unsigned(kind, payload),
        EnvelopeKind::Dsse => {
            document = dsse(&payload);
            Envelope::parse(&document, &Limits::default()).map_err(|error| reasons(&error))?
        }
    };
    if let Some(key) = key {
        sign(&mut envelope, key, KeyIdStyle::Legacy).map_err(|error| reasons(&error))?;
    }
    of_envelope(&envelope)
}

/// Makes an unsigned DSSE envelope whose payload is in canonical form.
///
/// The canonical form has control characters as they are, which is no JSON: in-toto-golang writes
/// payloads so that nobody can read. Here they are escaped.
fn dsse(payload: &Value<'_>) -> Vec<u8> {
    let mut json = Vec::new();
    for byte in canonical_json::encode(payload) {
        match byte {
            b'\n' => json.extend(b"\\n"),
            0..b' ' => json.extend(format!("\\u{byte:04x}").into_bytes()),
            byte => json.push(byte),
        }
    }
    let mut document = Object::new();
    document.insert("payload", data_encoding::BASE64.encode(&json));
    document.insert("payloadType", IN_TOTO_PAYLOAD_TYPE);
    document.insert("signatures", Vec::<Value<'_>>::new());
    Value::from(document).to_compact().into_bytes()
}

fn indented(value: &Value<'_>) -> String {
    let mut out = String::new();
    write_value(&mut out, value, &FILE, Some(0));
    out
}

/// Writes the object of a key in one line.
pub(super) fn of_key(key: &Object<'_>) -> String {
    let mut out = String::new();
    write_object(&mut out, key, &KEY, None);
    out
}

fn write_value(out: &mut String, value: &Value<'_>, shape: &Shape, indent: Option<usize>) {
    match value {
        Value::String(text) => write_text(out, text),
        Value::Array(items) if !items.is_empty() => {
            let each = shape.each.unwrap_or(&PLAIN);
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                separate(out, index, indent);
                write_value(out, item, each, indent.map(|depth| depth + 1));
            }
            new_line(out, indent);
            out.push(']');
        }
        Value::Object(object) if !object.is_empty() => write_object(out, object, shape, indent),
        plain => out.push_str(&plain.to_compact()),
    }
}

fn write_object(out: &mut String, object: &Object<'_>, shape: &Shape, indent: Option<usize>) {
    let place = |name: &str| {
        let mut known = shape.members.iter().map(|(known, _)| *known);
        known.position(|known| known == name).unwrap_or(usize::MAX)
    };
    let mut members: Vec<_> = object.iter().collect();
    members.sort_by(|(one, _), (other, _)| (place(one), one).cmp(&(place(other), other)));
    out.push('{');
    for (index, (name, value)) in members.into_iter().enumerate() {
        separate(out, index, indent);
        write_text(out, name);
        out.push_str(if indent.is_some() { ": " } else { ":" });
        let known = shape.members.iter().find(|(known, _)| *known == name);
        let shape = known.map_or(shape.each.unwrap_or(&PLAIN), |(_, shape)| shape);
        write_value(out, value, shape, indent.map(|depth| depth + 1));
    }
    new_line(out, indent);
    out.push('}');
}

fn separate(out: &mut String, index: usize, indent: Option<usize>) {
    if index > 0 {
        out.push(',');
    }
    new_line(out, indent.map(|depth| depth + 1));
}

fn new_line(out: &mut String, indent: Option<usize>) {
    if let Some(depth) = indent {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    }
}

fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        // Writing to a String cannot fail.
        let _ = match character {
            '"' => out.write_str("\\\""),
            '\\' => out.write_str("\\\\"),
            '\n' => out.write_str("\\n"),
            '\r' => out.write_str("\\r"),
            '\t' => out.write_str("\\t"),
            '\u{8}' => out.write_str("\\b"),
            '\u{c}' => out.write_str("\\f"),
            '\0'..' ' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                write!(out, "\\u{:04x}", u32::from(character))
            }
            _ => out.write_char(character),
        };
    }
    out.push('"');
}
