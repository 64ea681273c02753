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

/// The steps before one, and the rules for its materials: what a functionary holds these against before he
/// does the step.
#[derive(Debug)]
pub struct Before {
    pub(super) step: StepName,
    pub(super) rules: Vec<ArtifactRule>,
}

/// Takes away the steps after one, and the inspections. There is nothing to do so with where the layout
/// has no such step.
pub(super) fn cut(
    layout: &mut Layout,
    last: &StepName,
    findings: &mut Vec<Finding>,
) -> Option<LeftOut> {
    let kept = layout.steps.iter().position(|step| step.name == *last)? + 1;
    let later = layout.steps.split_off(kept);
    let ahead = (&*later, format!("a step after {last}"));
    for step in &layout.steps {
        findings.extend(look_ahead(step, &step.expected_materials, &ahead));
        findings.extend(look_ahead(step, &step.expected_products, &ahead));
    }
    let inspections = std::mem::take(&mut layout.inspections).len();
    Some(LeftOut { up_to: last.to_string(), steps: later.len(), inspections })
}

/// Takes away a step with all that comes after it, and keeps the rules for its materials.
pub(super) fn cut_before(
    layout: &mut Layout,
    step: &StepName,
    findings: &mut Vec<Finding>,
) -> Option<Before> {
    let kept = layout.steps.iter().position(|one| one.name == *step)?;
    let later = layout.steps.split_off(kept);
    let ahead = (&*later, "a step that is still to be done".to_owned());
    for step in &layout.steps {
        findings.extend(look_ahead(step, &step.expected_materials, &ahead));
        findings.extend(look_ahead(step, &step.expected_products, &ahead));
    }
    let own = later.first()?;
    findings.extend(look_ahead(own, &own.expected_materials, &ahead));
    layout.inspections.clear();
    let rules = own.expected_materials.iter().map(before_work).collect();
    Some(Before { step: step.clone(), rules })
}

/// Says what a rule for materials lets pass before the work. What the step may change or delete, it may have:
/// whether it does so is not to be seen yet.
fn before_work(rule: &ArtifactRule) -> ArtifactRule {
    match rule {
        ArtifactRule::Delete(pattern) | ArtifactRule::Modify(pattern) => {
            ArtifactRule::Allow(pattern.clone())
        }
        other => other.clone(),
    }
}

/// Finds the rules of a step that compare with one of the steps that are not judged.
fn look_ahead(
    step: &Step,
    rules: &[ArtifactRule],
    (later, described): &(&[Step], String),
) -> Vec<Finding> {
    let ahead = rules.iter().filter(|rule| looks_at_one_of(later, rule));
    let finding = |rule| {
        let message = format!("the rule \"{rule}\" looks at {described}");
        let remedy = "verify up to the step that the rule names";
        Finding::error(FindingCode::MatchSourceMissing, message, remedy).of_item(&step.name)
    };
    ahead.map(finding).collect()
}

fn looks_at_one_of(steps: &[Step], rule: &ArtifactRule) -> bool {
    match rule {
        ArtifactRule::Match(rule) => steps.iter().any(|step| step.name == rule.from),
        _ => false,
    }
}
