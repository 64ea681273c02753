//! The reference's name for a finding, where it has one.

use unbroken_verify::{ChainAssessment, Finding, FindingCode, StepAssessment};

use crate::drop_in::failure::Failure;
use crate::drop_in::python;
use crate::output::escape_line;

/// When the reference would come upon a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Load,
    Signatures,
    Extraction,
    Expiration,
    Reading,
    LinkSignatures,
    Sublayouts,
    Commands,
    Thresholds,
    StepRules,
    Inspections,
    InspectionRules,
}

/// Tells when the reference would come upon a finding.
pub(super) fn stage(finding: &Finding, chain: Option<&ChainAssessment>) -> Stage {
    use FindingCode as Code;
    let of_step = || step(finding, chain).is_some();
    match finding.code {
        Code::EnvelopeMalformed => Stage::Load,
        Code::SignatureThresholdNotMet => Stage::Signatures,
        Code::LayoutExpired => Stage::Expiration,
        Code::LinkMissing => Stage::Reading,
        Code::LinkThresholdNotMet if has_sublayout(finding, chain) => Stage::Sublayouts,
        Code::LinkThresholdNotMet if too_few_files(finding, chain) => Stage::Reading,
        Code::SublayoutRejected | Code::SublayoutCycle | Code::SublayoutInspectionRefused => {
            Stage::Sublayouts
        }
        Code::CommandDiffers => Stage::Commands,
        Code::LinksDisagree => Stage::Thresholds,
        Code::RuleDisallow | Code::RuleRequire if of_step() => Stage::StepRules,
        Code::RuleDisallow | Code::RuleRequire => Stage::InspectionRules,
        Code::InspectionFailed | Code::InspectionNotRun => Stage::Inspections,
        _ if finding.source.is_some() => Stage::LinkSignatures,
        Code::LinkThresholdNotMet => Stage::LinkSignatures,
        _ => Stage::Extraction,
    }
}

fn step<'a>(finding: &Finding, chain: Option<&'a ChainAssessment>) -> Option<&'a StepAssessment> {
    let item = finding.item.as_deref()?;
    chain?.steps.iter().find(|step| step.name == item)
}

/// Tells whether a step has fewer files than functionaries are asked for.
fn too_few_files(finding: &Finding, chain: Option<&ChainAssessment>) -> bool {
    step(finding, chain).is_some_and(|step| files(step) < step.threshold)
}

/// Tells whether a sublayout stands for a step: the reference fails within it.
fn has_sublayout(finding: &Finding, chain: Option<&ChainAssessment>) -> bool {
    step(finding, chain).is_some_and(|step| step.evidence.iter().any(|evidence| evidence.sublayout))
}

fn files(step: &StepAssessment) -> u32 {
    u32::try_from(step.evidence.len()).unwrap_or(u32::MAX)
}

/// Names a finding as the reference does; one that it does not know is named by its code.
pub(super) fn exception(
    finding: &Finding,
    others: &[&Finding],
    chain: Option<&ChainAssessment>,
) -> Failure {
    use FindingCode as Code;
    let step = step(finding, chain);
    match (finding.code, step) {
        (Code::SignatureThresholdNotMet, _) => {
            Failure::new("SignatureVerificationError", finding.message.clone())
        }
        (Code::LayoutExpired, _) => Failure::new("LayoutExpiredError", "Layout expired"),
        (Code::LinkMissing | Code::LinkThresholdNotMet, Some(step))
            if files(step) < step.threshold =>
        {
            let (name, threshold, found) = (&step.name, step.threshold, files(step));
            Failure::new(
                "LinkNotFoundError",
                format!(
                    "Step '{name}' requires '{threshold}' link metadata file(s), found '{found}'."
                ),
            )
        }
        (
            Code::LinkThresholdNotMet | Code::LinkSignatureInvalid | Code::FunctionaryNotAuthorised,
            Some(step),
        ) => {
            let (name, threshold, found) = (&step.name, step.threshold, step.functionaries.len());
            Failure::new(
                "ThresholdVerificationError",
                format!(
                    "Step '{name}' requires at least '{threshold}' links validly signed by different authorized functionaries. Only found '{found}'\n{}",
                    escape_line(&finding.to_string())
                ),
            )
        }
        (Code::LinksDisagree, Some(step)) if step.threshold > 1 => {
            Failure::new("ThresholdVerificationError", finding.message.clone())
        }
        (Code::RuleDisallow | Code::RuleRequire, _) => rule(finding, others),
        (Code::InspectionFailed | Code::InspectionNotRun, _) => {
            Failure::new("BadReturnValueError", finding.message.clone())
        }
        _ => Failure::new("Finding", finding.to_string()),
    }
}

/// Names every artifact that a rule took exception to.
fn rule(finding: &Finding, others: &[&Finding]) -> Failure {
    let text = finding.rule.as_ref().map(|rule| rule.text.as_str()).unwrap_or_default();
    if finding.code == FindingCode::RuleRequire {
        let file = finding.artifact.as_deref().unwrap_or_default();
        let message = format!("'REQUIRE {file}' did not find {file}: {}", finding.message);
        return Failure::new("RuleVerificationError", message);
    }
    let same = |other: &&&Finding| other.item == finding.item && other.rule == finding.rule;
    let artifacts: Vec<&str> =
        others.iter().filter(same).filter_map(|finding| finding.artifact.as_deref()).collect();
    let artifacts = python::list(&artifacts);
    let message = format!(
        "'{text}' matched the following artifacts: {artifacts}\n{}",
        escape_line(&finding.to_string())
    );
    Failure::new("RuleVerificationError", message)
}
