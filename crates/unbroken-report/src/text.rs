//! The report for people: the chain as a tree, the findings, and the verdict in the last line.

mod artifacts;
mod canvas;
mod evidence;
mod findings;
mod group;
mod queue;
mod trace;
mod tree;

use self::canvas::{Canvas, Ink, Span};
use crate::index::Index;
use crate::report::{Report, Tally, Verdict};

/// How the text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextStyle {
    /// Whether colours stand beside the signs. They never carry meaning alone.
    pub colour: Colour,
    /// Which signs are drawn.
    pub glyphs: Glyphs,
    /// How much is told.
    pub detail: Detail,
    /// The columns of the widest line. Below 40 counts as 40.
    pub width: usize,
}

/// Whether colours are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colour {
    /// Plain text.
    #[default]
    Never,
    /// ANSI escape codes around words.
    Always,
}

/// Which signs are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Glyphs {
    /// Lines, ticks and crosses of Unicode.
    #[default]
    Unicode,
    /// ASCII alone; other characters are shown by their number.
    Ascii,
}

/// How much is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// Digests shortened to twelve digits, and at most five findings of one shape.
    #[default]
    Brief,
    /// Everything: whole digests, all findings, and what each rule consumed.
    Full,
}

impl Default for TextStyle {
    fn default() -> Self {
        Self {
            colour: Colour::default(),
            glyphs: Glyphs::default(),
            detail: Detail::default(),
            width: 100,
        }
    }
}

/// Draws the report.
pub(crate) fn draw(report: &Report, style: &TextStyle) -> String {
    let mut canvas = Canvas::new(*style);
    let index = Index::of(report);
    tree::draw(&mut canvas, report, &index);
    if style.detail == Detail::Full {
        trace::draw(&mut canvas, report);
    }
    let first = findings::draw(&mut canvas, report, &index);
    canvas.blank();
    if let Some(code) = first {
        canvas.line("", "", &[Span::new(Ink::Dim, format!("more: unbroken explain {code}"))]);
    }
    verdict(&mut canvas, report);
    canvas.finish()
}

fn verdict(canvas: &mut Canvas, report: &Report) {
    let counts = report.counts();
    let (word, ink) = match report.verdict() {
        Verdict::Verified => ("PASS", Ink::Good),
        Verdict::Partial => ("PARTIAL", Ink::Warning),
        Verdict::Rejected => ("FAIL", Ink::Bad),
    };
    let mut parts = Vec::new();
    if counts.steps.total > 0 {
        parts.push(tally(counts.steps, "step"));
    }
    if counts.inspections.total > 0 {
        parts.push(tally(counts.inspections, "inspection"));
    }
    if let Some(left_out) = report.left_out() {
        parts.push(format!(
            "up to {}: {} and {} not looked at",
            left_out.up_to,
            number(left_out.steps, "later step"),
            number(left_out.inspections, "inspection")
        ));
    }
    if counts.errors > 0 {
        parts.push(number(counts.errors, "error"));
    }
    if counts.warnings > 0 {
        parts.push(number(counts.warnings, "warning"));
    }
    let text = format!("  {}  {}", report.facts().layout, parts.join(" · "));
    canvas.line("", "      ", &[Span::new(ink, word), Span::plain(text)]);
}

fn tally(tally: Tally, what: &str) -> String {
    format!("{} of {} passed", tally.passed, number(tally.total, what))
}

fn number(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
