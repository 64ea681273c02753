//! Findings of one shape belong together, and the most telling ones come first.

use std::collections::BTreeMap;

use unbroken_model::rule::Side;
use unbroken_verify::{Difference, Finding, FindingCode, Severity};

/// Findings that one heading can say, at least one.
pub(super) struct Group<'a> {
    /// The most telling of them.
    pub(super) first: &'a Finding,
    /// The others.
    pub(super) others: Vec<&'a Finding>,
}

/// What findings of one shape have in common. Findings about rules are of one item; others gather
/// over the items of a layout.
type Shape<'a> =
    (Severity, FindingCode, &'a [String], Option<&'a str>, Option<(Side, usize)>, Option<&'a str>);

impl<'a> Group<'a> {
    /// Goes through all of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &'a Finding> {
        std::iter::once(self.first).chain(self.others.iter().copied())
    }
}

/// Groups findings: those that reject before warnings, the most telling before those that follow
/// from others, else in the order of the layout.
pub(super) fn group(findings: &[Finding]) -> Vec<Group<'_>> {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|finding| (finding.severity, rank(finding)));
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut known: BTreeMap<Shape<'_>, usize> = BTreeMap::new();
    for finding in sorted {
        let at = *known.entry(shape(finding)).or_insert(groups.len());
        match groups.get_mut(at) {
            Some(group) => group.others.push(finding),
            None => groups.push(Group { first: finding, others: Vec::new() }),
        }
    }
    groups
}

fn shape(finding: &Finding) -> Shape<'_> {
    let rule = finding.rule.as_ref().map(|rule| (rule.side, rule.index));
    let expected_at = finding.difference.as_ref().map(|it| it.expected_at.as_str());
    let of_item = rule.is_some() || expected_at.is_some();
    let item = finding.item.as_deref().filter(|_| of_item);
    (finding.severity, finding.code, &finding.chain, item, rule, expected_at)
}

/// Ranks a finding by how much it tells: a changed artifact before an unexpected one, before what
/// is about evidence, before what merely follows.
fn rank(finding: &Finding) -> u8 {
    if matches!(finding.code, FindingCode::LinkThresholdNotMet | FindingCode::SublayoutRejected) {
        return 4;
    }
    match finding {
        Finding {
            difference: Some(Difference { expected: Some(_), found: Some(_), .. }), ..
        } => 0,
        Finding { artifact: Some(_), .. } => 1,
        Finding { functionary: Some(_), .. } | Finding { source: Some(_), .. } => 2,
        _ => 3,
    }
}
