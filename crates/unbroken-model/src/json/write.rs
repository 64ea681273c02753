//! The writer: the two layouts of text that the reference implementation's files have.

use std::fmt::Write;

use super::Value;

pub(super) fn compact(value: &Value<'_>) -> String {
    let mut out = String::new();
    write_value(&mut out, value, None);
    out
}

pub(super) fn pretty(value: &Value<'_>) -> String {
    let mut out = String::new();
    write_value(&mut out, value, Some(0));
    out
}

pub(super) fn pretty_members(members: &[(&str, &Value<'_>)]) -> String {
    let mut out = String::new();
    write_members(&mut out, members, Some(0));
    out
}

/// Writes a value; `indent` is the depth of the line that it stands on, or `None` for one line.
/// Recursion is bounded by the depth of a value, which parsing limits.
fn write_value(out: &mut String, value: &Value<'_>, indent: Option<usize>) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Integer(number) => out.push_str(&number.to_string()),
        Value::String(text) => write_string(out, text),
        Value::Array(items) if items.is_empty() => out.push_str("[]"),
        Value::Object(object) if object.is_empty() => out.push_str("{}"),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                separate(out, index, indent);
                write_value(out, item, indent.map(|depth| depth + 1));
            }
            new_line(out, indent);
            out.push(']');
        }
        Value::Object(object) => write_members(out, &object.sorted(), indent),
    }
}

fn write_members(out: &mut String, members: &[(&str, &Value<'_>)], indent: Option<usize>) {
    out.push('{');
    for (index, (name, item)) in members.iter().enumerate() {
        separate(out, index, indent);
        write_string(out, name);
        out.push_str(": ");
        write_value(out, item, indent.map(|depth| depth + 1));
    }
    new_line(out, indent);
    out.push('}');
}

fn separate(out: &mut String, index: usize, indent: Option<usize>) {
    if index > 0 {
        out.push_str(if indent.is_some() { "," } else { ", " });
    }
    new_line(out, indent.map(|depth| depth + 1));
}

fn new_line(out: &mut String, indent: Option<usize>) {
    if let Some(depth) = indent {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', depth));
    }
}

fn write_string(out: &mut String, text: &str) {
    out.push('"');
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\') {
        out.push_str(text);
        out.push('"');
        return;
    }
    let mut plain = 0;
    for (at, character) in text.char_indices() {
        let escape = match character {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            '\u{8}' => "\\b",
            '\u{c}' => "\\f",
            ' '..='~' => continue,
            _ => "",
        };
        out.push_str(text.get(plain..at).unwrap_or_default());
        plain = at + character.len_utf8();
        if escape.is_empty() {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push_str(escape);
        }
    }
    out.push_str(text.get(plain..).unwrap_or_default());
    out.push('"');
}
