//! The findings: what is wrong with what, the evidence of it, and what mends it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use unbroken_verify::{Difference, Finding, FindingCode, Severity};

use super::canvas::{Canvas, Ink, Span};
use super::group::{Group, group};
use super::{Detail, number};
use super::{artifacts, evidence};
use crate::index::Index;
use crate::json::list;
use crate::report::Report;

/// How many findings of one shape are shown unless all are asked for.
const SHOWN: usize = 5;

/// What stands before the lines of a finding.
pub(super) const BAR: &str = "  │ ";
/// What stands before the wrapped rest of such a line.
pub(super) const BAR_REST: &str = "  │     ";

/// Draws all findings and returns the code of the first one drawn.
pub(super) fn draw(canvas: &mut Canvas, report: &Report, index: &Index<'_>) -> Option<FindingCode> {
    let groups = group(report.findings());
    let mut told: BTreeSet<Told<'_>> = BTreeSet::new();
    for group in &groups {
        canvas.blank();
        // What is wrong with the materials of a step is mostly wrong with its products too.
        let again = group.first.difference.is_some() && !told.insert(told_by(group));
        draw_group(canvas, index, group, again);
    }
    groups.first().map(|group| group.first.code)
}

/// What a group tells, apart from the rule that told it.
type Told<'a> = (&'a [String], Option<&'a str>, Option<&'a str>, Vec<(&'a str, String, String)>);

fn told_by<'a>(group: &Group<'a>) -> Told<'a> {
    let first = group.first;
    let expected_at = first.difference.as_ref().map(|it| it.expected_at.as_str());
    let rows = group.iter().filter_map(|finding| {
        let Difference { expected, found, .. } = finding.difference.as_ref()?;
        let (expected, found) = artifacts::digests(expected.as_ref(), found.as_ref(), Detail::Full);
        Some((finding.artifact.as_deref().unwrap_or_default(), expected, found))
    });
    (&first.chain, first.item.as_deref(), expected_at, rows.collect())
}

fn draw_group(canvas: &mut Canvas, index: &Index<'_>, group: &Group<'_>, again: bool) {
    let first = group.first;
    let (word, ink) = match first.severity {
        Severity::Error => ("error", Ink::Bad),
        Severity::Warning => ("warning", Ink::Warning),
    };
    let mut headline = format!(": {}{}", place(first), first.message);
    if !group.others.is_empty() {
        // Writing to a string does not fail.
        let _ = write!(headline, " (and {} more of this kind)", group.others.len());
    }
    let spans =
        [Span::new(ink, format!("{word}[{}]", first.code)), Span::new(Ink::Strong, headline)];
    canvas.line("", "    ", &spans);

    if let Some(rule) = &first.rule {
        let list = list(rule.side);
        field(canvas, "rule", &format!("{list}[{}] of {}: {}", rule.index, item(first), rule.text));
    }
    if again {
        return bar(canvas, "the same artifacts as above, with the same digests");
    }
    if first.difference.is_some() {
        artifacts::draw(canvas, group);
        evidence::recorders(canvas, index, first);
    } else if group.others.is_empty() {
        for (name, value) in [
            ("artifact", &first.artifact),
            ("functionary", &first.functionary),
            ("file", &first.source),
        ] {
            if let Some(value) = value {
                field(canvas, name, value);
            }
        }
    } else {
        messages(canvas, group);
    }
    evidence::pieces(canvas, index, group);
    evidence::outputs(canvas, index, group);
    remedies(canvas, group);
}

/// Draws a line of a finding.
pub(super) fn field(canvas: &mut Canvas, name: &str, value: &str) {
    let spans = [Span::new(Ink::Dim, format!("{name:<12}")), Span::plain(value)];
    canvas.line(BAR, BAR_REST, &spans);
}

/// Draws a line of a finding that has no name.
pub(super) fn bar(canvas: &mut Canvas, text: &str) {
    canvas.line(BAR, BAR_REST, &[Span::plain(text)]);
}

/// Names the sublayouts and the item of a finding whose message does not.
fn place(finding: &Finding) -> String {
    let mut place: Vec<&str> = finding.chain.iter().map(String::as_str).collect();
    if finding.rule.is_none() {
        place.extend(finding.item.as_deref());
    }
    if place.is_empty() { String::new() } else { format!("{}: ", place.join("/")) }
}

pub(super) fn item(finding: &Finding) -> &str {
    finding.item.as_deref().unwrap_or("the layout")
}

/// Returns how many findings of a group are drawn one by one.
pub(super) fn shown(canvas: &Canvas, group: &Group<'_>) -> usize {
    let all = group.others.len() + 1;
    match canvas.style().detail {
        Detail::Full => all,
        Detail::Brief => all.min(SHOWN),
    }
}

pub(super) fn and_more(canvas: &mut Canvas, group: &Group<'_>, shown: usize) {
    let more = (group.others.len() + 1).saturating_sub(shown);
    if more > 0 {
        bar(canvas, &format!("… and {more} more"));
    }
}

/// Draws findings that are told apart by their messages.
fn messages(canvas: &mut Canvas, group: &Group<'_>) {
    let shown = shown(canvas, group);
    for finding in group.iter().take(shown) {
        let mut text = format!("{}{}", place(finding), finding.message);
        if let Some(source) = &finding.source {
            let _ = write!(text, " ({source})");
        }
        bar(canvas, &text);
    }
    and_more(canvas, group, shown);
}

fn remedies(canvas: &mut Canvas, group: &Group<'_>) {
    let mut remedies: Vec<&str> = Vec::new();
    for finding in group.iter() {
        if !remedies.contains(&finding.remedy.as_str()) {
            remedies.push(&finding.remedy);
        }
        if remedies.len() > SHOWN {
            break;
        }
    }
    for remedy in remedies.iter().take(SHOWN) {
        let spans = [Span::new(Ink::Good, "help"), Span::plain(format!(": {remedy}"))];
        canvas.line("  ", "        ", &spans);
    }
    if remedies.len() > SHOWN {
        let more = number(group.others.len() + 1, "finding");
        canvas.line("  ", "        ", &[Span::plain(format!("… and so on for {more}"))]);
    }
}
