//! The one door to the text: every character passes it, is made harmless, coloured and wrapped.

use std::borrow::Cow;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthChar;

use super::{Colour, Glyphs, TextStyle};
use crate::visible::{is_hidden, push, push_number};

/// The narrowest text that is wrapped to; a narrower terminal wraps by itself.
const NARROWEST: usize = 40;
/// The columns that a line keeps for its text, however long its prefix is.
const KEPT: usize = 20;

/// The colours by what they say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Plain,
    Good,
    Bad,
    Warning,
    Strong,
    Dim,
}

/// A piece of a line.
#[derive(Clone, Debug)]
pub(super) struct Span<'a> {
    ink: Ink,
    text: Cow<'a, str>,
}

/// The text so far.
pub(super) struct Canvas {
    style: TextStyle,
    out: String,
}

/// A character as it will be written.
#[derive(Clone, Copy)]
struct Cell {
    ink: Ink,
    character: char,
    width: usize,
}

impl Ink {
    fn style(self) -> Style {
        let colour = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
        match self {
            Self::Plain => Style::new(),
            Self::Good => colour(AnsiColor::Green).bold(),
            Self::Bad => colour(AnsiColor::Red).bold(),
            Self::Warning => colour(AnsiColor::Yellow).bold(),
            Self::Strong => Style::new().bold(),
            Self::Dim => Style::new().dimmed(),
        }
    }
}

impl<'a> Span<'a> {
    pub(super) fn new(ink: Ink, text: impl Into<Cow<'a, str>>) -> Self {
        Self { ink, text: text.into() }
    }

    pub(super) fn plain(text: impl Into<Cow<'a, str>>) -> Self {
        Self::new(Ink::Plain, text)
    }
}

impl Canvas {
    pub(super) fn new(style: TextStyle) -> Self {
        Self { style: TextStyle { width: style.width.max(NARROWEST), ..style }, out: String::new() }
    }

    pub(super) fn style(&self) -> &TextStyle {
        &self.style
    }

    /// Writes an empty line.
    pub(super) fn blank(&mut self) {
        self.out.push('\n');
    }

    /// Writes a line, wrapped at blanks; `first` stands before it, `rest` before what is wrapped.
    pub(super) fn line(&mut self, first: &str, rest: &str, spans: &[Span<'_>]) {
        let cells: Vec<Cell> = spans.iter().flat_map(|span| self.cells(span)).collect();
        let mut open = cells.as_slice();
        let mut prefix = first;
        loop {
            let columns = self.style.width.saturating_sub(self.width_of(prefix)).max(KEPT);
            let (now, later) = break_at(open, columns);
            self.write(prefix, now);
            if later.is_empty() {
                return;
            }
            open = later;
            prefix = rest;
        }
    }

    /// Returns how many columns a text takes.
    pub(super) fn width_of(&self, text: &str) -> usize {
        self.cells(&Span::plain(text)).iter().map(|cell| cell.width).sum()
    }

    /// Returns the text with blanks up to a width.
    pub(super) fn pad(&self, text: &str, width: usize) -> String {
        let missing = width.saturating_sub(self.width_of(text));
        format!("{text}{}", " ".repeat(missing))
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    fn cells(&self, span: &Span<'_>) -> Vec<Cell> {
        let mut text = String::with_capacity(span.text.len());
        for character in span.text.chars() {
            match self.style.glyphs {
                Glyphs::Unicode => push(&mut text, character),
                Glyphs::Ascii => push_ascii(&mut text, character),
            }
        }
        let cell = |character: char| Cell {
            ink: span.ink,
            character,
            width: character.width().unwrap_or(0),
        };
        text.chars().map(cell).collect()
    }

    fn write(&mut self, prefix: &str, cells: &[Cell]) {
        let before: String =
            self.cells(&Span::plain(prefix)).iter().map(|it| it.character).collect();
        let mut line = String::new();
        for run in cells.chunk_by(|left, right| left.ink == right.ink) {
            let text: String = run.iter().map(|cell| cell.character).collect();
            let style = run.first().map_or(Ink::Plain, |cell| cell.ink).style();
            if self.style.colour == Colour::Never || style.is_plain() || text.trim().is_empty() {
                line.push_str(&text);
            } else {
                // Writing to a string does not fail.
                let _ = write!(line, "{style}{text}{style:#}");
            }
        }
        self.out.push_str(format!("{before}{line}").trim_end());
        self.out.push('\n');
    }
}

/// Splits what fits into the columns from the rest: behind the last dot between parts unless that
/// leaves half a line empty, else at the last blank, or within a long word.
fn break_at(cells: &[Cell], columns: usize) -> (&[Cell], &[Cell]) {
    let mut used = 0;
    let fitting = cells.iter().take_while(|cell| {
        used += cell.width;
        used <= columns
    });
    let fits = fitting.count();
    if fits == cells.len() {
        return (cells, &[]);
    }
    // The character behind the last one that fits may be the blank.
    let reach = cells.get(..=fits).unwrap_or(cells);
    let blank = |cells: &[Cell]| cells.iter().rposition(|cell| cell.character == ' ');
    let between_parts = reach.windows(2).rposition(|pair| {
        matches!(pair, [Cell { character: '·' | '|', .. }, Cell { character: ' ', .. }])
    });
    let at = match between_parts.map(|dot| dot + 1).filter(|at| at * 2 > fits).or(blank(reach)) {
        Some(at) if cells.iter().take(at).any(|cell| cell.character != ' ') => at,
        _ => fits.max(1),
    };
    let (now, later) = cells.split_at_checked(at).unwrap_or((cells, &[]));
    let blanks = later.iter().take_while(|cell| cell.character == ' ').count();
    (now, later.get(blanks..).unwrap_or_default())
}

/// Appends a character in ASCII: the signs of this crate by their likes, all others by number.
fn push_ascii(out: &mut String, character: char) {
    let like = match character {
        '✓' => "ok",
        '✗' => "FAIL",
        '≠' => "!=",
        '−' | '─' => "-",
        '…' => "...",
        '│' | '├' | '·' => "|",
        '└' => "`",
        character if character.is_ascii() || is_hidden(character) => {
            return push(out, character);
        }
        character => return push_number(out, character),
    };
    out.push_str(like);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(style: TextStyle, first: &str, rest: &str, text: &str) -> String {
        let mut canvas = Canvas::new(style);
        canvas.line(first, rest, &[Span::plain(text)]);
        canvas.finish()
    }

    #[test]
    fn lines_are_wrapped_at_blanks_and_long_words_are_cut() {
        let style = TextStyle { width: 40, ..TextStyle::default() };
        let text = format!("one two {} end", "x".repeat(60));
        let out = drawn(style, "> ", ".. ", &text);
        let expected = format!("> one two\n.. {}\n.. {} end\n", "x".repeat(37), "x".repeat(23));
        assert_eq!(out, expected);
    }

    #[test]
    fn wide_characters_take_two_columns() {
        let style = TextStyle { width: 40, ..TextStyle::default() };
        let out = drawn(style, "", "", &"日".repeat(45));
        let lengths: Vec<_> = out.lines().map(|line| line.chars().count()).collect();
        assert_eq!(lengths, [20, 20, 5]);
    }

    #[test]
    fn no_prefix_is_too_long() {
        let style = TextStyle { width: 40, ..TextStyle::default() };
        let out = drawn(style, &"│".repeat(60), "", "text");
        assert!(out.ends_with("text\n"));
    }

    #[test]
    fn ascii_is_ascii() {
        let style = TextStyle { glyphs: Glyphs::Ascii, ..TextStyle::default() };
        let out = drawn(style, "├─ ", "│  ", "✓ Ü … \u{1b} a≠b");
        assert_eq!(out, "|- ok \\u{dc} ... \\u{1b} a!=b\n");
    }

    #[test]
    fn colours_surround_words_only() {
        let style = TextStyle { colour: Colour::Always, ..TextStyle::default() };
        let mut canvas = Canvas::new(style);
        canvas.line("", "", &[Span::new(Ink::Bad, "no\u{1b}"), Span::plain(" way")]);
        assert_eq!(canvas.finish(), "\u{1b}[1m\u{1b}[31mno\\u{1b}\u{1b}[0m way\n");
    }
}
