//! Values as python writes them in messages.

use std::fmt::Write;

/// Writes a string as python's `repr` does.
pub(super) fn text(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for character in text.chars() {
        // Writing to a String cannot fail.
        let _ = match character {
            '\\' => out.write_str("\\\\"),
            '\n' => out.write_str("\\n"),
            '\r' => out.write_str("\\r"),
            '\t' => out.write_str("\\t"),
            _ if character == quote => write!(out, "\\{quote}"),
            _ if character.is_ascii_control() => write!(out, "\\x{:02x}", u32::from(character)),
            _ => out.write_char(character),
        };
    }
    out.push(quote);
    out
}

/// Writes a list of strings as python's `repr` does.
pub(super) fn list<S: AsRef<str>>(items: &[S]) -> String {
    let items: Vec<String> = items.iter().map(|item| text(item.as_ref())).collect();
    format!("[{}]", items.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_quoted_as_python_quotes_them() {
        for (given, shown) in [
            ("a b", "'a b'"),
            ("it's", "\"it's\""),
            ("it's \"so\"", "'it\\'s \"so\"'"),
            ("a\n\t\\\u{1b}", "'a\\n\\t\\\\\\x1b'"),
            ("é", "'é'"),
        ] {
            assert_eq!(text(given), shown);
        }
        assert_eq!(list(&["a", "b"]), "['a', 'b']");
    }
}
