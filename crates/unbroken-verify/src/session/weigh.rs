//! Weighing the evidence of a step (specification 1.0, section 5.2, step 4): who vouches for it.

use std::collections::BTreeSet;
use std::sync::Arc;

use unbroken_crypto::{KeyMaterial, threshold};
use unbroken_model::layout::Step;
use unbroken_model::link::Link;

use super::CommandPolicy;
use super::conclude::JudgedChain;
use super::evaluate::Accepted;
use super::groups;
use crate::agreement;
use crate::assessment::{EvidenceAssessment, Judgement, StepAssessment};
use crate::binding::{self, LinkBond};
use crate::evidence::{Evidence, Piece, State, voters};
use crate::finding::{Finding, FindingCode, Severity};
use crate::layout_check::{Group, LayoutKeys};
use crate::rules::QueueTrace;

/// What weighing the steps of one layout gave so far.
#[derive(Default)]
pub(super) struct Scales {
    /// The digest of the layout.
    pub(super) layout: [u8; 32],
    /// The links that the rules see.
    pub(super) accepted: Accepted,
    pub(super) findings: Vec<Finding>,
    /// Failed sublayouts whose step stands on other evidence.
    pub(super) made_up_for: Vec<usize>,
}

impl Scales {
    /// Counts the votes for a step and picks the link that the rules see.
    pub(super) fn weigh(
        &mut self,
        step: &Step,
        mut pieces: Vec<Piece>,
        judged: &[Option<JudgedChain>],
        keys: &LayoutKeys,
        commands: CommandPolicy,
    ) -> StepAssessment {
        let findings = &mut self.findings;
        let mut failed_sublayouts = Vec::new();
        for piece in &mut pieces {
            failed_sublayouts.extend(settle_sublayout(piece, step, judged));
            let warnings = piece.warnings.drain(..);
            findings.extend(warnings.map(|one| one.of_item(&step.name).at_source(&piece.source)));
        }
        let groups = keys.groups_of(step);
        let lacking = groups::take_incomplete(&mut pieces, &groups, keys);
        let good: Vec<&Piece> =
            pieces.iter().filter(|piece| matches!(piece.state, State::Link(_))).collect();
        let certified = good.iter().flat_map(|piece| &piece.certified);
        let listed = keys.of_step(step);
        let authorised: BTreeSet<&KeyMaterial> = listed.iter().chain(certified).collect();
        // One count for all: a key that is listed and certified has one vote, and a group has one.
        let voters: BTreeSet<KeyMaterial> = voters(&good, |key| groups::voter_of(key, &groups))
            .into_iter()
            .filter(|voter| authorised.contains(voter))
            .collect();
        let vote = threshold::reached(voters.iter().copied(), step.threshold);

        // Bad evidence beside enough good evidence is worth a look; otherwise it is the reason.
        let refused = pieces.iter().filter_map(|piece| match &piece.state {
            State::Refused(finding) => Some(&**finding),
            _ => None,
        });
        for finding in refused.chain(&lacking) {
            let mut finding = finding.clone().of_item(&step.name);
            if vote.is_ok() && finding.code != FindingCode::BudgetExceeded {
                finding.severity = Severity::Warning;
            }
            findings.push(finding);
        }
        match vote {
            Ok(()) => self.made_up_for.extend(failed_sublayouts),
            Err(short) => findings.push(missing(step, &pieces, short.found)),
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
            findings.extend(binding::warning(&step.name, source, link, &self.layout));
        }
        // What stands for a sublayout is no link: its own links are bound, or not.
        let bonds = good.iter().filter_map(|piece| match &piece.state {
            State::Link(evidence) => match &**evidence {
                Evidence::Link(_) => Some(LinkBond::of(evidence.link()?, &self.layout)),
                Evidence::Summary(_) => None,
            },
            _ => None,
        });
        let bond = bonds.min();
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
            functionaries: functionaries(&good, &voters, &groups),
            evidence: pieces.iter().map(describe_piece).collect(),
            bond,
            command: link.map(|link| link.command.clone()).unwrap_or_default(),
            materials: link.map_or(0, |link| link.materials.len()),
            products: link.map_or(0, |link| link.products.len()),
            material_rules: QueueTrace::default(),
            product_rules: QueueTrace::default(),
            judgement: if sound { Judgement::NotJudged } else { Judgement::Failed },
        };
        if let (true, Some(chosen)) = (sound, chosen) {
            self.accepted.insert(step.name.clone(), chosen);
        }
        assessment
    }
}

/// Replaces a sublayout by what its own verification gave; returns the index of one that failed.
fn settle_sublayout(
    piece: &mut Piece,
    step: &Step,
    judged: &[Option<JudgedChain>],
) -> Option<usize> {
    let State::Sublayout(index) = piece.state else { return None };
    let child = judged.get(index).and_then(Option::as_ref)?;
    if let Some(link) = child.summary(&step.name).filter(|_| !child.rejects()) {
        piece.state = State::Link(Arc::new(Evidence::Summary(link)));
        return None;
    }
    let message = "the sublayout failed its own verification";
    let remedy = "see the findings below the sublayout";
    let finding = Finding::error(FindingCode::SublayoutRejected, message, remedy);
    let finding = finding.of_item(&step.name).at_source(&piece.source);
    piece.state = State::Refused(Box::new(finding));
    Some(index)
}

/// Lists who vouches; the keys of one functionary stand together.
fn functionaries(
    good: &[&Piece],
    voters: &BTreeSet<KeyMaterial>,
    groups: &[&Group],
) -> Vec<String> {
    let mut keys: Vec<(KeyMaterial, Vec<String>)> = Vec::new();
    for signer in good.iter().flat_map(|piece| &piece.signers) {
        let voter = groups::voter_of(signer.material(), groups);
        if !voters.contains(&voter) {
            continue;
        }
        let place = keys.iter().position(|(of, _)| *of == voter).unwrap_or(keys.len());
        if place == keys.len() {
            keys.push((voter, Vec::new()));
        }
        let name = signer.describe();
        if let Some((_, names)) = keys.get_mut(place)
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    keys.into_iter().map(|(_, names)| names.join(" with ")).collect()
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
