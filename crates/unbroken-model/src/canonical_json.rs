//! Canonical JSON as in-toto signs it (the OLPC form; specification 1.0, section 4.1).
//!
//! Members are sorted by code point, nothing stands between tokens, and in strings only `"` and
//! `\` are escaped: every other character, also a line feed, is itself. The form is therefore
//! input to a signature and not always JSON again. It differs from RFC 8785, which sorts by
//! UTF-16 units and escapes control characters.

use crate::json::Value;

/// Encodes a value canonically.
///
/// Two different values never have one encoding: strings are delimited by the only quotation marks
/// that are not escaped, and numbers are integers.
pub fn encode(value: &Value<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    write_value(&mut out, value);
    out
}

// Recursion is bounded by the depth of a value, which parsing limits.
fn write_value(out: &mut Vec<u8>, value: &Value<'_>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Integer(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::String(text) => write_string(out, text),
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_value(out, item);
            }
            out.push(b']');
        }
        Value::Object(object) => {
            out.push(b'{');
            for (index, (name, item)) in object.sorted().into_iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_string(out, name);
                out.push(b':');
                write_value(out, item);
            }
            out.push(b'}');
        }
    }
}

fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for piece in text.as_bytes().split_inclusive(|byte| matches!(byte, b'"' | b'\\')) {
        match piece.split_last() {
            Some((escaped @ (b'"' | b'\\'), plain)) => {
                out.extend_from_slice(plain);
                out.push(b'\\');
                out.push(*escaped);
            }
            _ => out.extend_from_slice(piece),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::limits::Limits;

    fn canonical(text: &str) -> String {
        let value = Value::parse(text.as_bytes(), &Limits::default()).unwrap();
        String::from_utf8(encode(&value)).unwrap()
    }

    #[test]
    fn escapes_two_characters_and_no_others() {
        assert_eq!(canonical(r#""a\n\t\u0000\u007f\"\\\/é""#), "\"a\n\t\u{0}\u{7f}\\\"\\\\/é\"");
    }

    #[test]
    fn sorts_by_code_point_not_by_utf16_unit() {
        assert_eq!(
            canonical(r#"{"😀":1,"\uffff":2,"b":3,"a":4}"#),
            "{\"a\":4,\"b\":3,\"\u{ffff}\":2,\"😀\":1}"
        );
    }

    #[test]
    fn nothing_stands_between_tokens() {
        assert_eq!(
            canonical("{ \"a\" : [ ] , \"b\" : { } , \"c\" : [ true , null , -1 ] }"),
            r#"{"a":[],"b":{},"c":[true,null,-1]}"#
        );
    }

    #[test]
    fn a_literal_backslash_n_and_a_line_feed_stay_different() {
        assert_ne!(canonical(r#""\\n""#), canonical(r#""\n""#));
    }

    proptest! {
        #[test]
        fn strings_have_one_encoding_each(a in ".*", b in ".*") {
            let of = |text: &str| encode(&Value::from(text));
            prop_assert_eq!(of(&a) == of(&b), a == b);
        }
    }
}
