//! What stands behind a finding: who recorded, which evidence there is, what a command printed.

use unbroken_verify::{EvidenceAssessment, Finding, FindingCode};

use super::Detail;
use super::canvas::Canvas;
use super::findings::{bar, field};
use super::group::Group;
use crate::index::Index;

/// How many lines of a command's output, and how many pieces of evidence, are shown unless all are
/// asked for.
const LINES: usize = 10;

/// Says who signed the records that are compared.
pub(super) fn recorders(canvas: &mut Canvas, index: &Index<'_>, finding: &Finding) {
    let expected_at = finding.difference.as_ref().map(|it| it.expected_at.as_str());
    let other = expected_at
        .and_then(|text| text.strip_prefix("products of ").or(text.strip_prefix("materials of ")));
    let mut names: Vec<&str> = Vec::new();
    for name in other.into_iter().chain(finding.item.as_deref()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let recorded: Vec<String> = names
        .into_iter()
        .filter_map(|name| index.step(&finding.chain, name))
        .filter(|step| !step.functionaries.is_empty())
        .map(|step| format!("{} by {}", step.name, step.functionaries.join(", ")))
        .collect();
    if !recorded.is_empty() {
        field(canvas, "recorded", &recorded.join(" · "));
    }
}

/// Draws the evidence of steps that have too little of it.
pub(super) fn pieces(canvas: &mut Canvas, index: &Index<'_>, group: &Group<'_>) {
    if group.first.code != FindingCode::LinkThresholdNotMet {
        return;
    }
    for finding in group.iter() {
        let name = finding.item.as_deref().unwrap_or_default();
        let Some(step) = index.step(&finding.chain, name) else { continue };
        let shown = match canvas.style().detail {
            Detail::Full => step.evidence.len(),
            Detail::Brief => LINES.min(step.evidence.len()),
        };
        for piece in step.evidence.iter().take(shown) {
            bar(canvas, &self::piece(piece));
        }
        if let more @ 1.. = step.evidence.len() - shown {
            bar(canvas, &format!("… and {more} more pieces of evidence"));
        }
    }
}

/// Says what a piece of evidence is, and whether it counts.
pub(super) fn piece(piece: &EvidenceAssessment) -> String {
    let sign = if piece.accepted { "✓" } else { "✗" };
    let kind = if piece.sublayout { "sublayout " } else { "" };
    let by = match piece.signers.as_slice() {
        [] => "no authorised functionary".to_owned(),
        signers => signers.join(", "),
    };
    let counts = if piece.accepted { "counts" } else { "does not count" };
    format!("{sign} {kind}{}  signed by {by}, {counts}", piece.source)
}

/// Splits what a command printed into lines to be drawn.
pub(super) fn lines(output: &str) -> impl Iterator<Item = String> {
    output.lines().map(|line| line.trim_end().replace('\t', "    "))
}

/// Draws the end of what failed inspections printed.
pub(super) fn outputs(canvas: &mut Canvas, index: &Index<'_>, group: &Group<'_>) {
    if group.first.code != FindingCode::InspectionFailed {
        return;
    }
    for finding in group.iter() {
        let name = finding.item.as_deref().unwrap_or_default();
        let Some(inspection) = index.inspection(&finding.chain, name) else { continue };
        let lines: Vec<String> = lines(&inspection.output).collect();
        if lines.is_empty() {
            field(canvas, "output", "(the command printed nothing)");
            continue;
        }
        let skipped = match canvas.style().detail {
            Detail::Full => 0,
            Detail::Brief => lines.len().saturating_sub(LINES),
        };
        let before = if skipped > 0 {
            format!(", without the first {skipped} lines")
        } else {
            String::new()
        };
        field(canvas, "output", &format!("of {}{before}:", inspection.name));
        for line in lines.into_iter().skip(skipped) {
            bar(canvas, &format!("  {line}"));
        }
    }
}
