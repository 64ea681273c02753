//! The findings: what is wrong with what, the evidence of it, and what mends it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use unbroken_model::digest::DigestSet;
use unbroken_model::rule::Side;
use unbroken_verify::{Difference, Finding, FindingCode, Severity};

use super::canvas::{Canvas, Ink, Span};
use super::evidence;
use super::group::{Group, group};
use super::{Detail, number};
use crate::index::Index;
use crate::json::list;
use crate::report::Report;

/// How many findings of one shape are shown unless all are asked for.
const SHOWN: usize = 5;

/// What the engine compares with when no rule named a record.
const NO_RECORD: &str = "no record";

/// What stands before the lines of a finding.
const BAR: &str = "  │ ";
/// What stands before the wrapped rest of such a line.
const BAR_REST: &str = "  │     ";

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
        let (expected, found) = digests(expected.as_ref(), found.as_ref(), Detail::Full);
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
        artifacts(canvas, group);
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

fn item(finding: &Finding) -> &str {
    finding.item.as_deref().unwrap_or("the layout")
}

/// Returns how many findings of a group are drawn one by one.
fn shown(canvas: &Canvas, group: &Group<'_>) -> usize {
    let all = group.others.len() + 1;
    match canvas.style().detail {
        Detail::Full => all,
        Detail::Brief => all.min(SHOWN),
    }
}

fn and_more(canvas: &mut Canvas, group: &Group<'_>, shown: usize) {
    let more = (group.others.len() + 1).saturating_sub(shown);
    if more > 0 {
        bar(canvas, &format!("… and {more} more"));
    }
}

/// One line of the table of artifacts.
struct Row {
    sign: &'static str,
    artifact: String,
    expected: String,
    found: String,
}

/// Draws the artifacts with both digests: as a table where it fits, else below one another.
fn artifacts(canvas: &mut Canvas, group: &Group<'_>) {
    let Some(difference) = &group.first.difference else { return };
    let shown = shown(canvas, group);
    let detail = canvas.style().detail;
    // Where no rule compared the artifact with a record, there is no other side.
    let compared = group
        .iter()
        .take(shown)
        .any(|finding| finding.difference.as_ref().is_some_and(|it| it.expected.is_some()))
        || difference.expected_at != NO_RECORD;
    let mut rows = vec![Row {
        sign: "",
        artifact: "artifact".to_owned(),
        expected: if compared { difference.expected_at.clone() } else { String::new() },
        found: found_at(group.first),
    }];
    rows.extend(group.iter().take(shown).filter_map(|finding| Row::of(finding, compared, detail)));
    let width = |of: fn(&Row) -> &String| {
        rows.iter().map(|row| canvas.width_of(of(row))).max().unwrap_or(0)
    };
    let artifact = width(|row| &row.artifact);
    let expected = width(|row| &row.expected);
    let found = width(|row| &row.found);
    let fits =
        BAR.chars().count() + 3 + artifact + 2 + expected + 2 + found <= canvas.style().width;
    let (head, body) =
        rows.split_first().map_or((None, &[][..]), |(head, body)| (Some(head), body));
    let Some(head) = head else { return };
    if fits {
        for (row, ink) in
            std::iter::once((head, Ink::Dim)).chain(body.iter().map(|it| (it, Ink::Plain)))
        {
            let beside = match expected {
                0 => String::new(),
                width => format!("{}  ", canvas.pad(&row.expected, width)),
            };
            let spans = [
                Span::new(Ink::Bad, canvas.pad(row.sign, 3)),
                Span::new(ink, format!("{}  ", canvas.pad(&row.artifact, artifact))),
                Span::new(ink, beside),
                Span::new(ink, row.found.as_str()),
            ];
            canvas.line(BAR, BAR_REST, &spans);
        }
    } else {
        for row in body {
            let spans =
                [Span::new(Ink::Bad, canvas.pad(row.sign, 3)), Span::plain(row.artifact.as_str())];
            canvas.line(BAR, BAR_REST, &spans);
            let both = [(&head.expected, &row.expected), (&head.found, &row.found)];
            for (name, value) in both.into_iter().filter(|(name, _)| !name.is_empty()) {
                let spans = [Span::new(Ink::Dim, format!("{name}  ")), Span::plain(value.as_str())];
                canvas.line("  │      ", "  │        ", &spans);
            }
        }
    }
    and_more(canvas, group, shown);
}

impl Row {
    fn of(finding: &Finding, compared: bool, detail: Detail) -> Option<Self> {
        let Difference { expected, found, .. } = finding.difference.as_ref()?;
        let sign = match (expected, found) {
            (Some(_), Some(_)) => "≠",
            (None, _) => "+",
            (Some(_), None) => "−",
        };
        let (expected, found) = digests(expected.as_ref(), found.as_ref(), detail);
        let expected = if compared { expected } else { String::new() };
        let artifact = finding.artifact.clone().unwrap_or_default();
        Some(Self { sign, artifact, expected, found })
    }
}

/// Writes two digest sets for comparison.
fn digests(
    expected: Option<&DigestSet>,
    found: Option<&DigestSet>,
    detail: Detail,
) -> (String, String) {
    let text = |set: Option<&DigestSet>, whole: bool| match set {
        None => "(absent)".to_owned(),
        Some(set) if whole && !set.is_empty() => {
            set.iter().map(|digest| digest.to_string()).collect::<Vec<_>>().join(", ")
        }
        Some(set) => set.to_string(),
    };
    let short = (text(expected, false), text(found, false));
    // Two contents can be made whose first twelve digits are equal: then the whole digests tell.
    if detail == Detail::Full || short.0 == short.1 {
        return (text(expected, true), text(found, true));
    }
    short
}

/// Says whose record holds what was found.
fn found_at(finding: &Finding) -> String {
    match &finding.rule {
        Some(rule) => {
            let side = match rule.side {
                Side::Materials => "materials",
                Side::Products => "products",
            };
            format!("{side} of {}", item(finding))
        }
        None => "found".to_owned(),
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

#[cfg(test)]
mod tests {
    use unbroken_model::digest::{Digest, DigestAlgorithm};

    use super::*;

    fn set(last: u8) -> DigestSet {
        let mut value = [7; 32];
        value[31] = last;
        DigestSet::sha256(value)
    }

    #[test]
    fn digests_that_differ_never_look_equal() {
        let (left, right) = (set(1), set(2));
        let (expected, found) = digests(Some(&left), Some(&right), Detail::Brief);
        assert_ne!(expected, found);
        assert_eq!(expected.len(), "sha256:".len() + 64);
    }

    #[test]
    fn digests_are_shortened_where_that_tells_them_apart() {
        let other = DigestSet::sha256([9; 32]);
        let (expected, found) = digests(Some(&set(1)), Some(&other), Detail::Brief);
        assert_eq!(expected, "sha256:070707070707…");
        assert_eq!(found, "sha256:090909090909…");
        let (expected, _) = digests(None, Some(&other), Detail::Full);
        assert_eq!(expected, "(absent)");
    }

    #[test]
    fn an_empty_set_is_told() {
        let none: DigestSet = std::iter::empty::<Digest>().collect();
        let md5 = Digest::new(DigestAlgorithm::Md5, &[1; 16]);
        let weak: DigestSet = std::iter::once(md5).collect();
        let (expected, found) = digests(Some(&none), Some(&weak), Detail::Full);
        assert_eq!(expected, "(no digest)");
        assert_eq!(found, "md5:01010101010101010101010101010101");
    }
}
