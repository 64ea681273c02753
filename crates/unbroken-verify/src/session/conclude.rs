//! Judging the inspections (specification 1.0, section 5.2, steps 6 and 7), and the verdict.

use std::collections::BTreeMap;

use unbroken_model::layout::{Inspection, Layout};
use unbroken_model::link::Link;
use unbroken_model::name::StepName;
use unbroken_model::rule::Side;

use super::evaluate::{Accepted, sources, summary};
use super::stand_in::{self, MayRun};
use super::{ChainId, exhausted_finding};
use crate::assessment::{Assessment, ChainAssessment, InspectionAssessment, Judgement};
use crate::budget::Budget;
use crate::finding::{Finding, FindingCode, Severity};
use crate::inspection::{InspectionOutcome, InspectionRequest};
use crate::inspection_link::InspectionPiece;
use crate::replay::Pinning;
use crate::rules::{self, Artifacts, Sources};
use crate::verdict::{Rejection, VerifiedSupplyChain};

/// One layout whose steps are judged.
pub(crate) struct JudgedChain {
    /// The layout that this one is a sublayout of.
    pub(super) parent: Option<usize>,
    pub(super) layout: Layout,
    pub(super) accepted: Accepted,
    pub(super) assessment: ChainAssessment,
    pub(super) findings: Vec<Finding>,
    /// What was handed in for the inspections.
    pub(super) inspection_links: BTreeMap<StepName, Vec<InspectionPiece>>,
    /// Which of these links stand in for an inspection.
    pub(super) stand_ins: BTreeMap<StepName, usize>,
    /// Sublayouts of this layout that failed and whose step stands on other evidence.
    pub(super) made_up_for: Vec<usize>,
    /// Whether nothing depends on this sublayout.
    pub(super) is_set_aside: bool,
}

impl JudgedChain {
    /// Returns the signed link that stands in for an inspection.
    pub(super) fn stand_in(&self, name: &StepName) -> Option<&InspectionPiece> {
        self.inspection_links.get(name)?.get(*self.stand_ins.get(name)?)
    }

    pub(super) fn rejects(&self) -> bool {
        self.findings.iter().any(Finding::rejects)
    }

    /// Keeps what was found as warnings.
    pub(super) fn set_aside(&mut self) {
        self.is_set_aside = true;
        for finding in &mut self.findings {
            finding.severity = Severity::Warning;
        }
    }

    pub(crate) fn summary(&self, name: &StepName) -> Option<Link> {
        summary(&self.layout, &self.accepted, name)
    }

    /// Goes through the links of the steps in the order of the layout.
    pub(crate) fn links(&self) -> impl Iterator<Item = (&StepName, &Link)> {
        self.layout
            .steps
            .iter()
            .filter_map(|step| Some((&step.name, self.accepted.get(&step.name)?.link()?)))
    }
}

/// A chain whose steps passed. Only its inspections are missing.
pub struct AwaitingInspections {
    pub(super) chains: Vec<JudgedChain>,
    pinning: Pinning,
    pub(super) budget: Budget,
    pub(super) may_run: MayRun,
}

impl AwaitingInspections {
    pub(super) fn new(
        chains: Vec<JudgedChain>,
        pinning: Pinning,
        budget: Budget,
        may_run: MayRun,
    ) -> Self {
        Self { chains, pinning, budget, may_run }
    }

    pub(super) fn rejects(&self) -> bool {
        // A sublayout that failed rejects through the step that it stood for, unless other
        // evidence of that step suffices.
        self.chains.first().is_none_or(JudgedChain::rejects)
    }

    /// Lists the commands to run, those of inner sublayouts first. Those for which a signed link stands
    /// in, or which may not be run, are not among them.
    pub fn requests(&self) -> Vec<InspectionRequest> {
        let due = self.in_order().into_iter().filter_map(|(index, inspection)| {
            let chain = self.chains.get(index)?;
            let runs = self.may_run.of_chain(chain.parent.is_some());
            (runs && chain.stand_in(&inspection.name).is_none()).then(|| InspectionRequest {
                chain: ChainId(index),
                path: chain.assessment.chain.clone(),
                name: inspection.name.to_string(),
                run: inspection.run.clone(),
            })
        });
        due.collect()
    }

    /// Lists the inspections in the order in which they are made, each with the layout that asks for it.
    pub(super) fn in_order(&self) -> Vec<(usize, &Inspection)> {
        let mut inspections = Vec::new();
        for (index, chain) in self.relied_on().rev() {
            inspections.extend(chain.layout.inspections.iter().map(|one| (index, one)));
        }
        inspections
    }

    /// Goes through the layout and the sublayouts that passed: no command of one that failed runs.
    fn relied_on(&self) -> impl DoubleEndedIterator<Item = (usize, &JudgedChain)> {
        self.chains.iter().enumerate().filter(|(index, _)| self.relies_on(*index))
    }

    fn relies_on(&self, index: usize) -> bool {
        let mut next = Some(index);
        // A parent stands before its child, so this ends.
        while let Some(chain) = next.and_then(|index| self.chains.get(index)) {
            if chain.is_set_aside || chain.rejects() {
                return false;
            }
            next = chain.parent;
        }
        true
    }

    /// Judges the inspections and gives the verdict.
    ///
    /// `outcomes` are handed in with the requests that they answer. An inspection without an
    /// outcome was not made, and is a finding.
    ///
    /// # Errors
    /// A [`Rejection`] with every finding.
    pub fn conclude(
        mut self,
        outcomes: Vec<(InspectionRequest, InspectionOutcome)>,
    ) -> Result<VerifiedSupplyChain, Box<Rejection>> {
        let mut by_chain: Vec<Vec<(String, InspectionOutcome)>> = Vec::new();
        by_chain.resize_with(self.chains.len(), Vec::new);
        for (request, outcome) in outcomes {
            if let Some(of_chain) = by_chain.get_mut(request.chain.0) {
                of_chain.push((request.name, outcome));
            }
        }
        let mut failed = false;
        let relied_on: Vec<bool> =
            (0..self.chains.len()).map(|index| self.relies_on(index)).collect();
        let judged = self.chains.iter_mut().zip(by_chain).zip(&relied_on);
        for ((chain, outcomes), _) in judged.filter(|(_, relied_on)| **relied_on) {
            let mut found = judge_inspections(chain, &outcomes, self.may_run, &mut self.budget);
            for finding in &mut found {
                finding.chain.clone_from(&chain.assessment.chain);
                failed = failed || finding.rejects();
            }
            chain.findings.extend(found);
        }
        if failed {
            return Err(Box::new(self.into_rejection()));
        }
        let assessment = assessment(&self.chains, self.pinning);
        Ok(VerifiedSupplyChain::new(assessment, self.chains))
    }

    pub(super) fn into_rejection(self) -> Rejection {
        Rejection::new(assessment(&self.chains, self.pinning))
    }
}

fn assessment(chains: &[JudgedChain], pinning: Pinning) -> Assessment {
    let mut whole = Assessment { pinning, ..Assessment::default() };
    for chain in chains {
        whole.findings.extend(chain.findings.iter().cloned());
        whole.chains.push(chain.assessment.clone());
    }
    whole
}

/// What became of an inspection: its command was run, or a signed link stands in.
#[derive(Clone, Copy)]
enum Made<'a> {
    Here(&'a InspectionOutcome),
    BySigned(&'a InspectionPiece, &'a Link),
}

impl<'a> Made<'a> {
    fn artifacts(self) -> Artifacts<'a> {
        match self {
            Self::Here(InspectionOutcome { materials, products, .. })
            | Self::BySigned(_, Link { materials, products, .. }) => {
                Artifacts { materials, products }
            }
        }
    }

    /// Notes it for the report; tells whether the command succeeded.
    fn note(self, layout: &[u8; 32], assessment: &mut InspectionAssessment) -> bool {
        let (ending, succeeded) = match self {
            Self::Here(outcome) => {
                assessment.isolated = Some(outcome.isolated);
                assessment.output.clone_from(&outcome.output);
                (outcome.ending.to_string(), outcome.ending.is_success())
            }
            Self::BySigned(piece, link) => {
                assessment.stand_in = piece.describe(layout);
                // A link without a return value was refused.
                let status = link.return_value().unwrap_or(-1);
                (format!("exit {status}"), status == 0)
            }
        };
        assessment.ending = Some(ending);
        succeeded
    }
}

fn judge_inspections(
    chain: &mut JudgedChain,
    outcomes: &[(String, InspectionOutcome)],
    may_run: MayRun,
    budget: &mut Budget,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut judged = std::mem::take(&mut chain.assessment.inspections);
    let made = |inspection: &Inspection| {
        let stand_in = chain.stand_in(&inspection.name);
        let signed = stand_in.and_then(|piece| Some(Made::BySigned(piece, piece.good()?.get())));
        let mut run = outcomes.iter().filter(|(name, _)| name == inspection.name.as_str());
        signed.or_else(|| run.next().map(|(_, outcome)| Made::Here(outcome)))
    };
    // Rules of inspections may name any step and any inspection.
    let mut sources = sources(&chain.accepted);
    for inspection in &chain.layout.inspections {
        if let Some(made) = made(inspection) {
            sources.insert(&inspection.name, made.artifacts());
        }
    }
    for (inspection, assessment) in chain.layout.inspections.iter().zip(&mut judged) {
        let made = made(inspection);
        findings.extend(stand_in::of_links(chain, inspection, made.is_some()));
        let Some(made) = made else {
            findings.push(may_run.not_made(chain, inspection));
            continue;
        };
        let before = findings.len();
        if !made.note(&chain.assessment.pin.digest, assessment) {
            let ending = assessment.ending.as_deref().unwrap_or_default();
            let message = format!("the inspection's command failed: {ending}");
            let remedy = "read what the command printed: it says what is wrong with the product";
            let finding = Finding::error(FindingCode::InspectionFailed, message, remedy);
            findings.push(finding.of_item(&inspection.name));
        }
        apply_rules(inspection, made.artifacts(), &sources, assessment, &mut findings, budget);
        assessment.judgement =
            if findings.len() == before { Judgement::Passed } else { Judgement::Failed };
    }
    chain.assessment.inspections = judged;
    findings
}

fn apply_rules(
    inspection: &Inspection,
    artifacts: Artifacts<'_>,
    sources: &Sources<'_>,
    assessment: &mut InspectionAssessment,
    findings: &mut Vec<Finding>,
    budget: &mut Budget,
) {
    let lists = [
        (Side::Materials, &inspection.expected_materials),
        (Side::Products, &inspection.expected_products),
    ];
    for (side, list) in lists {
        match rules::apply(&inspection.name, side, list, artifacts, sources, budget) {
            Ok((trace, found)) => {
                findings.extend(found);
                match side {
                    Side::Materials => assessment.material_rules = trace,
                    Side::Products => assessment.product_rules = trace,
                }
            }
            Err(exhausted) => findings.push(exhausted_finding(exhausted).of_item(&inspection.name)),
        }
    }
}
