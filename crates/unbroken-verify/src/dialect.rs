//! The dialect that the patterns of a layout's rules are read in.

use unbroken_model::layout::Layout;
use unbroken_model::pattern::{Pattern, PatternDialect};
use unbroken_model::rule::ArtifactRule;

use crate::finding::{Finding, FindingCode};

/// Reads every pattern of a layout in the dialect.
///
/// A text that is no pattern there is a finding, whatever its rule: in-toto-golang takes it for one
/// that names nothing, so that a misspelt `DISALLOW` forbids nothing.
pub(crate) fn apply(layout: &mut Layout, dialect: PatternDialect) -> Vec<Finding> {
    if dialect == PatternDialect::Python {
        return Vec::new();
    }
    let steps = layout
        .steps
        .iter_mut()
        .map(|step| (&step.name, [&mut step.expected_materials, &mut step.expected_products]));
    let inspections = layout.inspections.iter_mut().map(|inspection| {
        let rules = [&mut inspection.expected_materials, &mut inspection.expected_products];
        (&inspection.name, rules)
    });
    let mut findings = Vec::new();
    for (name, lists) in steps.chain(inspections) {
        for rule in lists.into_iter().flatten() {
            let text = rule.to_string();
            let Some(pattern) = pattern(rule) else { continue };
            match pattern.in_dialect(dialect) {
                Ok(read) => *pattern = read,
                Err(fault) => {
                    let message = format!("the pattern of the rule \"{text}\" is none: {fault}");
                    let remedy = "the owner mends the pattern, or it is meant for another dialect";
                    findings.push(
                        Finding::error(FindingCode::RuleMalformed, message, remedy).of_item(name),
                    );
                }
            }
        }
    }
    findings
}

/// Returns the pattern of a rule; REQUIRE has none.
fn pattern(rule: &mut ArtifactRule) -> Option<&mut Pattern> {
    match rule {
        ArtifactRule::Create(pattern)
        | ArtifactRule::Delete(pattern)
        | ArtifactRule::Modify(pattern)
        | ArtifactRule::Allow(pattern)
        | ArtifactRule::Disallow(pattern) => Some(pattern),
        ArtifactRule::Match(rule) => Some(&mut rule.pattern),
        ArtifactRule::Require(_) => None,
    }
}
