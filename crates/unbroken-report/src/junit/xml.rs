//! As much XML as JUnit needs, with every character escaped that means something or may not stand
//! in a document.

use std::fmt::Write as _;

use crate::visible::push;

/// An element under construction.
pub(super) struct Element {
    name: &'static str,
    attributes: String,
    content: String,
}

impl Element {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, attributes: String::new(), content: String::new() }
    }

    pub(super) fn attribute(&mut self, name: &str, value: &str) {
        // Writing to a string does not fail.
        let _ = write!(self.attributes, " {name}=\"{}\"", escape(value));
    }

    /// Adds text; its lines stay lines.
    pub(super) fn text(&mut self, text: &str) {
        for (index, line) in text.lines().enumerate() {
            if index > 0 {
                self.content.push('\n');
            }
            self.content.push_str(&escape(line));
        }
    }

    pub(super) fn push(&mut self, child: Self) {
        if !self.content.ends_with('\n') {
            self.content.push('\n');
        }
        self.content.push_str(&child.finish());
        self.content.push('\n');
    }

    /// Writes the element as a document.
    pub(super) fn document(self) -> String {
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}\n", self.finish())
    }

    fn finish(self) -> String {
        let Self { name, attributes, content } = self;
        if content.is_empty() {
            return format!("<{name}{attributes}/>");
        }
        format!("<{name}{attributes}>{content}</{name}>")
    }
}

/// Escapes what XML gives a meaning, and shows characters by their number that XML forbids or that
/// nobody sees. Line feeds and tabs count among them: a reader turns them into blanks within
/// attributes.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            other => push(&mut out, other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_forbidden_characters_are_escaped() {
        assert_eq!(
            escape("<a b=\"c\" d='e'>&amp;"),
            "&lt;a b=&quot;c&quot; d=&apos;e&apos;&gt;&amp;amp;"
        );
        assert_eq!(
            escape("a\0b\u{1b}c\u{ffff}d\u{202e}\n\t"),
            "a\\u{0}b\\u{1b}c\\u{ffff}d\\u{202e}\\n\\t"
        );
        assert_eq!(escape("]]>"), "]]&gt;");
    }

    #[test]
    fn elements_nest() {
        let mut outer = Element::new("a");
        outer.attribute("x", "1\"2");
        let mut inner = Element::new("b");
        inner.text("one\n<two>");
        outer.push(inner);
        outer.push(Element::new("c"));
        assert_eq!(
            outer.document(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <a x=\"1&quot;2\">\n<b>one\n&lt;two&gt;</b>\n<c/>\n</a>\n"
        );
    }
}
