//! What was looked at and what came of it: the data of a report.

use unbroken_model::timestamp::Timestamp;

use crate::binding::LinkBond;
use crate::finding::{Finding, Severity};
use crate::replay::{LayoutPin, Pinning};
use crate::rules::QueueTrace;

/// The course of one verification.
#[derive(Clone, Debug, Default)]
pub struct Assessment {
    /// The layout itself, then its sublayouts, outer before inner.
    pub chains: Vec<ChainAssessment>,
    /// All findings in the order of the layout.
    pub findings: Vec<Finding>,
    /// What was known of earlier layouts.
    pub pinning: Pinning,
    /// What was not looked at, where only the first steps were to be judged.
    pub left_out: Option<LeftOut>,
}

/// What a partial verification does not look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The last step that was judged.
    pub up_to: String,
    /// How many steps come after it.
    pub steps: usize,
    /// How many inspections the layout has.
    pub inspections: usize,
}

impl Assessment {
    /// Goes through the findings that reject.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.rejects())
    }

    /// Goes through the findings that warn.
    pub fn warnings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Warning)
    }
}

/// The course of the verification of one layout.
#[derive(Clone, Debug)]
pub struct ChainAssessment {
    /// The sublayouts that lead here, outermost first, each by the name of its evidence
    /// (`build.210dcc50`); empty for the layout itself.
    pub chain: Vec<String>,
    /// The step of the layout above that a sublayout stands for.
    pub step: Option<String>,
    /// What the layout says of itself.
    pub readme: String,
    /// When the layout ends.
    pub expires: Timestamp,
    /// Its version and digest.
    pub pin: LayoutPin,
    /// Who signed it, each described by his key.
    pub signers: Vec<String>,
    /// The steps in order.
    pub steps: Vec<StepAssessment>,
    /// The inspections in order.
    pub inspections: Vec<InspectionAssessment>,
}

/// Whether an item passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Everything that was checked holds.
    Passed,
    /// There is a finding that rejects.
    Failed,
    /// Nothing was decided, since something that it depends on failed. Never a pass.
    NotJudged,
}

/// The course of one step.
#[derive(Clone, Debug)]
pub struct StepAssessment {
    /// The name.
    pub name: String,
    /// How many functionaries the layout asks for.
    pub threshold: u32,
    /// Who vouches for the step, each described by his key.
    pub functionaries: Vec<String>,
    /// The evidence, sorted by its sources.
    pub evidence: Vec<EvidenceAssessment>,
    /// Whether the links that count are bound to the layout; nothing where no link counts.
    pub bond: Option<LinkBond>,
    /// The recorded command.
    pub command: Vec<String>,
    /// How many materials the accepted link has.
    pub materials: usize,
    /// How many products the accepted link has.
    pub products: usize,
    /// What the rules did to the materials.
    pub material_rules: QueueTrace,
    /// What the rules did to the products.
    pub product_rules: QueueTrace,
    /// Whether the step passed.
    pub judgement: Judgement,
}

/// One piece of evidence for a step.
#[derive(Clone, Debug)]
pub struct EvidenceAssessment {
    /// Where it came from.
    pub source: String,
    /// Whether it is a sublayout.
    pub sublayout: bool,
    /// Whose signatures hold, each described by his key.
    pub signers: Vec<String>,
    /// Whether it counts.
    pub accepted: bool,
}

/// The course of one inspection.
#[derive(Clone, Debug)]
pub struct InspectionAssessment {
    /// The name.
    pub name: String,
    /// The command.
    pub run: Vec<String>,
    /// What the command did, for people: `exit 0`; nothing where nobody tells.
    pub ending: Option<String>,
    /// The signed link that stood in for running the command.
    pub stand_in: Option<StandIn>,
    /// Whether the network was out of its reach.
    pub isolated: Option<bool>,
    /// The end of what it printed.
    pub output: String,
    /// What the rules did to the files before the command.
    pub material_rules: QueueTrace,
    /// What the rules did to the files after the command.
    pub product_rules: QueueTrace,
    /// Whether the inspection passed.
    pub judgement: Judgement,
}

/// A signed link that stood in for running an inspection.
#[derive(Clone, Debug)]
pub struct StandIn {
    /// Where it came from.
    pub source: String,
    /// Who signed it, each described by his key.
    pub signers: Vec<String>,
    /// Whether it is bound to the layout.
    pub bond: LinkBond,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::FindingCode;

    #[test]
    fn errors_and_warnings_are_told_apart() {
        let code = FindingCode::CommandDiffers;
        let (error, warning) = (Finding::error(code, "e", ""), Finding::warning(code, "w", ""));
        let findings = vec![error.clone(), warning.clone()];
        let assessment = Assessment { findings, ..Assessment::default() };
        assert_eq!(assessment.errors().collect::<Vec<_>>(), [&error]);
        assert_eq!(assessment.warnings().collect::<Vec<_>>(), [&warning]);
    }
}
