//! Foreign text made harmless.

use std::fmt::Write as _;

/// Tells characters that steer a terminal, turn the direction of writing, or cannot be seen.
///
/// A file named `\x1b[2K` could wipe the line that names it, and a direction override could make
/// `exe.txt` of `txt.exe`: people would read another verdict than was given.
pub(crate) fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
        // Noncharacters: XML forbids the two in the first plane.
        || u32::from(character) & 0xfffe == 0xfffe
}

/// Appends a character, or its number when it is hidden.
pub(crate) fn push(out: &mut String, character: char) {
    match character {
        '\n' => out.push_str("\\n"),
        '\t' => out.push_str("\\t"),
        '\r' => out.push_str("\\r"),
        hidden if is_hidden(hidden) => push_number(out, hidden),
        plain => out.push(plain),
    }
}

/// Appends the number of a character: `\u{1b}`.
pub(crate) fn push_number(out: &mut String, character: char) {
    // Writing to a string does not fail.
    let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
}

/// Returns a text without hidden characters.
pub(crate) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        push(&mut out, character);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_or_hides_is_shown_by_its_number() {
        assert_eq!(visible("a\u{1b}[31mb"), "a\\u{1b}[31mb");
        assert_eq!(visible("txt\u{202e}exe"), "txt\\u{202e}exe");
        assert_eq!(visible("a\nb\r\tc\0"), "a\\nb\\r\\tc\\u{0}");
        assert_eq!(
            visible("a\u{200b}\u{feff}\u{e0041}\u{9b}"),
            "a\\u{200b}\\u{feff}\\u{e0041}\\u{9b}"
        );
        assert_eq!(visible("\u{ffff}\u{1fffe}"), "\\u{ffff}\\u{1fffe}");
    }

    #[test]
    fn what_can_be_read_stays() {
        for text in ["src/app.py", "Überprüfung", "日本語", "b\\c", "a b", "👩", "é"] {
            assert_eq!(visible(text), text);
        }
    }
}
