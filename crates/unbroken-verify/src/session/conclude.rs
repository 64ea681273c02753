//! Judging the inspections (specification 1.0, section 5.2, steps 6 and 7), and the verdict.

use unbroken_model::layout::{Inspection, Layout};
use unbroken_model::link::Link;
use unbroken_model::name::StepName;
use unbroken_model::rule::Side;

use super::evaluate::{Accepted, sources, summary};
use super::{ChainId, exhausted_finding};
use crate::assessment::{Assessment, ChainAssessment, InspectionAssessment, Judgement};
use crate::budget::Budget;
use crate::finding::{Finding, FindingCode, Severity};
use crate::inspection::{InspectionOutcome, InspectionRequest};
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
    /// Sublayouts of this layout that failed and whose step stands on other evidence.
    pub(super) made_up_for: Vec<usize>,
    /// Whether nothing depends on this sublayout.
    pub(super) is_set_aside: bool,
}

impl JudgedChain {
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
    chains: Vec<JudgedChain>,
    pinning: Pinning,
    budget: Budget,
}

impl AwaitingInspections {
    pub(super) fn new(chains: Vec<JudgedChain>, pinning: Pinning, budget: Budget) -> Self {
        Self { chains, pinning, budget }
    }

    pub(super) fn rejects(&self) -> bool {
        // A sublayout that failed rejects through the step that it stood for, unless other
        // evidence of that step suffices.
        self.chains.first().is_none_or(JudgedChain::rejects)
    }

    /// Lists the commands to run, those of inner sublayouts first.
    pub fn requests(&self) -> Vec<InspectionRequest> {
        let mut requests = Vec::new();
        for (index, chain) in self.relied_on().rev() {
            requests.extend(chain.layout.inspections.iter().map(|inspection| InspectionRequest {
                chain: ChainId(index),
                path: chain.assessment.chain.clone(),
                name: inspection.name.to_string(),
                run: inspection.run.clone(),
            }));
        }
        requests
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
            let mut found = judge_inspections(chain, &outcomes, &mut self.budget);
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

fn judge_inspections(
    chain: &mut JudgedChain,
    outcomes: &[(String, InspectionOutcome)],
    budget: &mut Budget,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let of = |inspection: &Inspection| {
        outcomes
            .iter()
            .find(|(name, _)| name == inspection.name.as_str())
            .map(|(_, outcome)| outcome)
    };
    // Rules of inspections may name any step and any inspection.
    let mut sources = sources(&chain.accepted);
    for inspection in &chain.layout.inspections {
        if let Some(outcome) = of(inspection) {
            sources.insert(&inspection.name, artifacts(outcome));
        }
    }
    for (inspection, assessment) in
        chain.layout.inspections.iter().zip(&mut chain.assessment.inspections)
    {
        let Some(outcome) = of(inspection) else {
            let message = "the inspection was not run";
            let remedy = "run the verification where inspections can be run";
            let finding = Finding::error(FindingCode::InspectionNotRun, message, remedy);
            findings.push(finding.of_item(&inspection.name));
            continue;
        };
        let before = findings.len();
        judge_inspection(inspection, outcome, &sources, assessment, &mut findings, budget);
        assessment.judgement =
            if findings.len() == before { Judgement::Passed } else { Judgement::Failed };
    }
    findings
}

fn artifacts(outcome: &InspectionOutcome) -> Artifacts<'_> {
    Artifacts { materials: &outcome.materials, products: &outcome.products }
}

fn judge_inspection(
    inspection: &Inspection,
    outcome: &InspectionOutcome,
    sources: &Sources<'_>,
    assessment: &mut InspectionAssessment,
    findings: &mut Vec<Finding>,
    budget: &mut Budget,
) {
    assessment.ending = Some(outcome.ending.to_string());
    assessment.isolated = Some(outcome.isolated);
    assessment.output.clone_from(&outcome.output);
    if !outcome.ending.is_success() {
        let message = format!("the inspection's command failed: {}", outcome.ending);
        let remedy = "read what the command printed: it says what is wrong with the product";
        let finding = Finding::error(FindingCode::InspectionFailed, message, remedy);
        findings.push(finding.of_item(&inspection.name));
    }
    let lists = [
        (Side::Materials, &inspection.expected_materials),
        (Side::Products, &inspection.expected_products),
    ];
    for (side, list) in lists {
        match rules::apply(&inspection.name, side, list, artifacts(outcome), sources, budget) {
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
