//! Judging the steps (specification 1.0, section 4.5, steps 4 to 8).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use unbroken_crypto::{KeyMaterial, threshold};
use unbroken_model::json::Object;
use unbroken_model::layout::{Layout, Step};
use unbroken_model::link::Link;
use unbroken_model::name::StepName;
use unbroken_model::rule::{ArtifactRule, Side};

use super::chain::Chain;
use super::conclude::{AwaitingInspections, JudgedChain};
use super::{CommandPolicy, Session, exhausted_finding};
use crate::agreement;
use crate::assessment::{
    ChainAssessment, EvidenceAssessment, InspectionAssessment, Judgement, StepAssessment,
};
use crate::budget::Budget;
use crate::evidence::{Evidence, Piece, State, voters};
use crate::finding::{Finding, FindingCode, Severity};
use crate::rules::{self, Artifacts, QueueTrace, Sources};
use crate::verdict::Rejection;

/// The links that rules see, one a step.
pub(super) type Accepted = BTreeMap<StepName, Arc<Evidence>>;

impl Session {
    /// Judges the steps of the layout and of its sublayouts.
    ///
    /// # Checks
    /// In the order of the specification: thresholds of authorised functionaries per step,
    /// sublayouts, alignment of commands, agreement of the links of a step, and the rules of every
    /// step. Findings gather over all steps; a step whose rules look at one without sound evidence
    /// is not judged.
    ///
    /// # Does not check
    /// Inspections: [`AwaitingInspections::conclude`] does.
    ///
    /// # Errors
    /// A [`Rejection`] with every finding, when one of them rejects.
    pub fn evaluate(self) -> Result<AwaitingInspections, Box<Rejection>> {
        let Self { options, mut budget, chains, .. } = self;
        // A sublayout is opened after the layout above it, so going backwards judges it first.
        let mut judged: Vec<Option<JudgedChain>> = Vec::new();
        judged.resize_with(chains.len(), || None);
        for (index, chain) in chains.into_iter().enumerate().rev() {
            let chain = judge_chain(chain, &judged, options.commands, &mut budget);
            if let Some(place) = judged.get_mut(index) {
                *place = Some(chain);
            }
        }
        let judged: Vec<JudgedChain> = judged.into_iter().flatten().collect();
        let waiting = AwaitingInspections::new(judged, budget);
        if waiting.rejects() { Err(Box::new(waiting.into_rejection())) } else { Ok(waiting) }
    }
}

fn judge_chain(
    mut chain: Chain,
    judged: &[Option<JudgedChain>],
    commands: CommandPolicy,
    budget: &mut Budget,
) -> JudgedChain {
    let mut findings = std::mem::take(&mut chain.findings);
    let mut accepted = Accepted::new();
    let mut steps = Vec::new();
    for step in &chain.layout.steps {
        let pieces = chain.evidence.remove(&step.name).unwrap_or_default();
        let assessment =
            weigh(step, pieces, judged, &chain, commands, &mut accepted, &mut findings);
        steps.push(assessment);
    }
    apply_rules(&chain.layout, &accepted, &mut steps, &mut findings, budget);
    let inspections = chain.layout.inspections.iter().map(|inspection| InspectionAssessment {
        name: inspection.name.to_string(),
        run: inspection.run.clone(),
        ending: None,
        isolated: None,
        output: String::new(),
        material_rules: QueueTrace::default(),
        product_rules: QueueTrace::default(),
        judgement: Judgement::NotJudged,
    });
    let assessment = ChainAssessment {
        chain: chain.path.clone(),
        readme: chain.layout.readme.clone(),
        expires: chain.layout.expires,
        signers: chain.signers.iter().map(unbroken_crypto::PublicKey::describe).collect(),
        steps,
        inspections: inspections.collect(),
    };
    for finding in &mut findings {
        finding.chain.clone_from(&chain.path);
    }
    JudgedChain { parent: chain.parent, layout: chain.layout, accepted, assessment, findings }
}

/// Counts the votes for a step and picks the link that the rules see.
fn weigh(
    step: &Step,
    mut pieces: Vec<Piece>,
    judged: &[Option<JudgedChain>],
    chain: &Chain,
    commands: CommandPolicy,
    accepted: &mut Accepted,
    findings: &mut Vec<Finding>,
) -> StepAssessment {
    for piece in &mut pieces {
        settle_sublayout(piece, step, judged);
    }
    let good: Vec<&Piece> =
        pieces.iter().filter(|piece| matches!(piece.state, State::Link(_))).collect();
    let authorised = chain.keys.of_step(step);
    let voters: BTreeSet<KeyMaterial> =
        voters(&good).into_iter().filter(|voter| authorised.contains(voter)).collect();
    let vote = threshold::reached(voters.iter().copied(), step.threshold);

    // Bad evidence beside enough good evidence is worth a look; otherwise it is the reason.
    for piece in &pieces {
        if let State::Refused(finding) = &piece.state {
            let mut finding = (**finding).clone();
            if vote.is_ok() && finding.code != FindingCode::BudgetExceeded {
                finding.severity = Severity::Warning;
            }
            findings.push(finding);
        }
    }
    if let Err(short) = vote {
        findings.push(missing(step, &pieces, short.found));
    }

    let links: Vec<(&str, &Link)> = good
        .iter()
        .filter_map(|piece| match &piece.state {
            State::Link(evidence) => Some((piece.source.as_str(), evidence.link()?)),
            _ => None,
        })
        .collect();
    let disagreement = agreement::check(step, &links);
    for (source, link) in &links {
        findings.extend(command_findings(step, source, link, commands));
    }
    let sound = vote.is_ok() && disagreement.is_none();
    findings.extend(disagreement);

    let chosen = good.first().and_then(|piece| match &piece.state {
        State::Link(evidence) => Some(Arc::clone(evidence)),
        _ => None,
    });
    let link = chosen.as_ref().and_then(|evidence| evidence.link());
    let assessment = StepAssessment {
        name: step.name.to_string(),
        threshold: step.threshold.get(),
        functionaries: functionaries(&good, &voters),
        evidence: pieces.iter().map(describe_piece).collect(),
        command: link.map(|link| link.command.clone()).unwrap_or_default(),
        materials: link.map_or(0, |link| link.materials.len()),
        products: link.map_or(0, |link| link.products.len()),
        material_rules: QueueTrace::default(),
        product_rules: QueueTrace::default(),
        judgement: if sound { Judgement::NotJudged } else { Judgement::Failed },
    };
    if let (true, Some(chosen)) = (sound, chosen) {
        accepted.insert(step.name.clone(), chosen);
    }
    assessment
}

/// Replaces a sublayout by what its own verification gave.
fn settle_sublayout(piece: &mut Piece, step: &Step, judged: &[Option<JudgedChain>]) {
    let State::Sublayout(index) = piece.state else { return };
    let Some(child) = judged.get(index).and_then(Option::as_ref) else { return };
    piece.state = match child.summary(&step.name) {
        Some(link) if !child.rejects() => State::Link(Arc::new(Evidence::Summary(link))),
        _ => {
            let message = "the sublayout failed its own verification";
            let remedy = "see the findings below the sublayout";
            let finding = Finding::error(FindingCode::SublayoutRejected, message, remedy);
            State::Refused(Box::new(finding.of_item(&step.name).at_source(&piece.source)))
        }
    };
}

fn functionaries(good: &[&Piece], voters: &BTreeSet<KeyMaterial>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for signer in good.iter().flat_map(|piece| &piece.signers) {
        let name = signer.describe();
        if voters.contains(&signer.material()) && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn describe_piece(piece: &Piece) -> EvidenceAssessment {
    EvidenceAssessment {
        source: piece.source.clone(),
        sublayout: match &piece.state {
            State::Sublayout(_) => true,
            State::Link(evidence) => matches!(**evidence, Evidence::Summary(_)),
            State::Refused(finding) => finding.code == FindingCode::SublayoutRejected,
        },
        signers: piece.signers.iter().map(unbroken_crypto::PublicKey::describe).collect(),
        accepted: matches!(piece.state, State::Link(_)),
    }
}

fn missing(step: &Step, pieces: &[Piece], found: u32) -> Finding {
    let needed = step.threshold;
    if pieces.is_empty() {
        let message = "there is no evidence of this step";
        let remedy =
            format!("have a functionary do the step and record it: unbroken run {}", step.name);
        return Finding::error(FindingCode::LinkMissing, message, remedy).of_item(&step.name);
    }
    let message = format!(
        "{found} of {needed} functionaries vouch for the step; {} of {} pieces of evidence count",
        pieces.iter().filter(|piece| matches!(piece.state, State::Link(_))).count(),
        pieces.len()
    );
    let remedy = "have more of the authorised functionaries do the step and record it";
    Finding::error(FindingCode::LinkThresholdNotMet, message, remedy).of_item(&step.name)
}

fn command_findings(step: &Step, source: &str, link: &Link, policy: CommandPolicy) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !step.expected_command.is_empty() && step.expected_command != link.command {
        let message = format!(
            "the command {:?} was recorded, and {:?} is expected",
            link.command.join(" "),
            step.expected_command.join(" ")
        );
        let remedy = "do the step with the expected command, or let the owner correct the layout";
        let finding = match policy {
            CommandPolicy::Warn => Finding::warning(FindingCode::CommandDiffers, message, remedy),
            CommandPolicy::Enforce => Finding::error(FindingCode::CommandDiffers, message, remedy),
        };
        findings.push(finding.of_item(&step.name).at_source(source));
    }
    if let Some(status) = link.return_value().filter(|status| *status != 0) {
        let message = format!("the recorded command ended with {status}");
        let remedy = "look at what the command printed, and do the step again";
        let finding = Finding::warning(FindingCode::CommandFailed, message, remedy);
        findings.push(finding.of_item(&step.name).at_source(source));
    }
    findings
}

fn apply_rules(
    layout: &Layout,
    accepted: &Accepted,
    steps: &mut [StepAssessment],
    findings: &mut Vec<Finding>,
    budget: &mut Budget,
) {
    let sources = sources(accepted);
    for (step, assessment) in layout.steps.iter().zip(steps) {
        let Some(artifacts) = sources.get(&step.name) else { continue };
        // A rule that compares with a step without sound evidence would only echo that finding.
        if !depends_only_on(&step.expected_materials, &sources)
            || !depends_only_on(&step.expected_products, &sources)
        {
            continue;
        }
        let lists = [
            (Side::Materials, &step.expected_materials),
            (Side::Products, &step.expected_products),
        ];
        assessment.judgement = Judgement::Passed;
        for (side, list) in lists {
            match rules::apply(&step.name, side, list, *artifacts, &sources, budget) {
                Ok((trace, found)) => {
                    if !found.is_empty() {
                        assessment.judgement = Judgement::Failed;
                    }
                    findings.extend(found);
                    match side {
                        Side::Materials => assessment.material_rules = trace,
                        Side::Products => assessment.product_rules = trace,
                    }
                }
                Err(exhausted) => {
                    assessment.judgement = Judgement::Failed;
                    findings.push(exhausted_finding(exhausted).of_item(&step.name));
                }
            }
        }
    }
}

/// Returns the artifacts of the accepted steps.
pub(super) fn sources(accepted: &Accepted) -> Sources<'_> {
    let artifacts = accepted.iter().filter_map(|(name, evidence)| {
        let link = evidence.link()?;
        Some((name, Artifacts { materials: &link.materials, products: &link.products }))
    });
    artifacts.collect()
}

fn depends_only_on(rules: &[ArtifactRule], sources: &Sources<'_>) -> bool {
    rules.iter().all(|rule| match rule {
        ArtifactRule::Match(rule) => sources.contains_key(&rule.from),
        _ => true,
    })
}

/// Sums a chain up as one link: the materials of its first step, the products of its last.
pub(super) fn summary(layout: &Layout, accepted: &Accepted, name: &StepName) -> Option<Link> {
    let first = accepted.get(&layout.steps.first()?.name)?.link()?;
    let last = accepted.get(&layout.steps.last()?.name)?.link()?;
    Some(Link {
        name: name.clone(),
        command: last.command.clone(),
        materials: first.materials.clone(),
        products: last.products.clone(),
        byproducts: last.byproducts.clone(),
        environment: Object::new(),
        extra: Object::new(),
    })
}
