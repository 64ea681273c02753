//! How much of a chain a session judges.

use unbroken_model::layout::{Layout, Step};
use unbroken_model::name::StepName;
use unbroken_model::rule::ArtifactRule;

use crate::assessment::LeftOut;
use crate::finding::{Finding, FindingCode};

/// The whole chain.
#[derive(Debug)]
pub struct Whole(());

impl Whole {
    pub(super) const ONLY: Self = Self(());
}

/// The steps up to one, that one included, and no inspection: what a functionary looks at before he
/// works. A session of this scope never gives a verified chain.
#[derive(Debug)]
pub struct UpTo(pub(super) LeftOut);

/// Takes away the steps after one, and the inspections. There is nothing to do so with where the layout
/// has no such step.
pub(super) fn cut(
    layout: &mut Layout,
    last: &StepName,
    findings: &mut Vec<Finding>,
) -> Option<LeftOut> {
    let kept = layout.steps.iter().position(|step| step.name == *last)? + 1;
    let later = layout.steps.split_off(kept);
    for step in &layout.steps {
        for rule in step.expected_materials.iter().chain(&step.expected_products) {
            if looks_at_one_of(&later, rule) {
                let message = format!("the rule \"{rule}\" looks at a step after {last}");
                let remedy = "verify up to the step that the rule names";
                let code = FindingCode::MatchSourceMissing;
                findings.push(Finding::error(code, message, remedy).of_item(&step.name));
            }
        }
    }
    let inspections = std::mem::take(&mut layout.inspections).len();
    Some(LeftOut { up_to: last.to_string(), steps: later.len(), inspections })
}

fn looks_at_one_of(steps: &[Step], rule: &ArtifactRule) -> bool {
    match rule {
        ArtifactRule::Match(rule) => steps.iter().any(|step| step.name == rule.from),
        _ => false,
    }
}
