//! Judging the steps (specification 1.0, section 5.2, steps 4 and 5).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use unbroken_model::artifact::ArtifactSet;
use unbroken_model::json::Object;
use unbroken_model::layout::Layout;
use unbroken_model::link::{Link, LinkForm};
use unbroken_model::name::StepName;
use unbroken_model::rule::{ArtifactRule, Side};

use super::chain::Chain;
use super::conclude::{AwaitingInspections, JudgedChain};
use super::stand_in::{self, MayRun};
use super::weigh::Scales;
use super::{Before, Options, Session, UpTo, Whole, exhausted_finding};
use crate::assessment::{ChainAssessment, InspectionAssessment, Judgement, StepAssessment};
use crate::budget::Budget;
use crate::evidence::Evidence;
use crate::finding::{Finding, FindingCode};
use crate::rules::{self, Artifacts, QueueTrace, Sources};
use crate::verdict::{PartialSupplyChain, Rejection};

/// The links that rules see, one a step.
pub(super) type Accepted = BTreeMap<StepName, Arc<Evidence>>;

impl Session<Whole> {
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
        let (_, waiting) = self.judge();
        if waiting.rejects() { Err(Box::new(waiting.into_rejection())) } else { Ok(waiting) }
    }
}

impl Session<UpTo> {
    /// Judges the steps up to the last one of the session.
    ///
    /// # Checks
    /// What [`Session::evaluate`] of a whole chain checks, of these steps.
    ///
    /// # Does not check
    /// Later steps and inspections, those of sublayouts included.
    ///
    /// # Errors
    /// A [`Rejection`] with every finding, when one of them rejects.
    pub fn evaluate(self) -> Result<PartialSupplyChain, Box<Rejection>> {
        let (UpTo(left_out), waiting) = self.judge();
        let rejects = waiting.rejects();
        let mut assessment = waiting.into_rejection().into_assessment();
        assessment.left_out = Some(left_out);
        if rejects {
            return Err(Box::new(Rejection::new(assessment)));
        }
        Ok(PartialSupplyChain::new(assessment))
    }
}

impl Session<Before> {
    /// Judges the steps before the one of the session, and then what that one is about to use.
    ///
    /// # Checks
    /// What [`Session::evaluate`] of a whole chain checks, of the earlier steps; then the rules of the step
    /// for its materials. What DELETE or MODIFY may consume is let pass: whether the step does so is not to
    /// be seen yet.
    ///
    /// # Does not check
    /// Everything else of the layout. What it gives is a leave to begin, with warnings, and no verdict.
    ///
    /// # Errors
    /// A [`Rejection`] with every finding, when one of them rejects; the materials are looked at only when the
    /// earlier steps passed.
    pub fn hold(self, materials: &ArtifactSet) -> Result<Vec<Finding>, Box<Rejection>> {
        let (Before { step, rules }, mut waiting) = self.judge();
        if !waiting.rejects()
            && let Some(chain) = waiting.chains.first_mut()
        {
            let none = ArtifactSet::default();
            let artifacts = Artifacts { materials, products: &none };
            let (sources, budget) = (sources(&chain.accepted), &mut waiting.budget);
            let held = rules::apply(&step, Side::Materials, &rules, artifacts, &sources, budget);
            match held {
                Ok((_, found)) => chain.findings.extend(found),
                Err(exhausted) => chain.findings.push(exhausted_finding(exhausted).of_item(&step)),
            }
        }
        if waiting.rejects() {
            return Err(Box::new(waiting.into_rejection()));
        }
        Ok(waiting.into_rejection().into_assessment().findings)
    }
}

impl<S> Session<S> {
    fn judge(self) -> (S, AwaitingInspections) {
        let Self { scope, options, mut budget, chains, .. } = self;
        let pinning = options.freshness.pin;
        // A sublayout is opened after the layout above it, so going backwards judges it first.
        let mut judged: Vec<Option<JudgedChain>> = Vec::new();
        judged.resize_with(chains.len(), || None);
        for (index, chain) in chains.into_iter().enumerate().rev() {
            let chain = judge_chain(chain, &judged, &options, &mut budget);
            if let Some(place) = judged.get_mut(index) {
                *place = Some(chain);
            }
        }
        let mut judged: Vec<JudgedChain> = judged.into_iter().flatten().collect();
        set_aside(&mut judged);
        (scope, AwaitingInspections::new(judged, pinning, budget, MayRun::of(&options)))
    }
}

fn judge_chain(
    mut chain: Chain,
    judged: &[Option<JudgedChain>],
    options: &Options,
    budget: &mut Budget,
) -> JudgedChain {
    let mut findings = std::mem::take(&mut chain.findings);
    findings.extend(stand_in::refuse_sublayout(&chain, MayRun::of(options)));
    let mut scales = Scales { layout: chain.pin.digest, findings, ..Scales::default() };
    let mut steps = Vec::new();
    for step in &chain.layout.steps {
        let mut pieces = chain.evidence.remove(&step.name).unwrap_or_default();
        // The verdict and its words depend on the evidence, not on the order of handing it in.
        pieces.sort_by(|one, other| one.source.cmp(&other.source));
        steps.push(scales.weigh(step, pieces, judged, &chain.keys, options.commands));
    }
    let Scales { accepted, mut findings, made_up_for, .. } = scales;
    apply_rules(&chain.layout, &accepted, &mut steps, &mut findings, budget);
    let inspections = chain.layout.inspections.iter().map(|inspection| InspectionAssessment {
        name: inspection.name.to_string(),
        run: inspection.run.clone(),
        ending: None,
        stand_in: None,
        isolated: None,
        output: String::new(),
        material_rules: QueueTrace::default(),
        product_rules: QueueTrace::default(),
        judgement: Judgement::NotJudged,
    });
    let assessment = ChainAssessment {
        chain: chain.path.clone(),
        step: chain.step.clone(),
        readme: chain.layout.readme.clone(),
        expires: chain.layout.expires,
        pin: chain.pin,
        signers: chain.signers.iter().map(unbroken_crypto::PublicKey::describe).collect(),
        steps,
        inspections: inspections.collect(),
    };
    for finding in &mut findings {
        finding.chain.clone_from(&chain.path);
    }
    JudgedChain {
        parent: chain.parent,
        layout: chain.layout,
        accepted,
        assessment,
        findings,
        inspection_links: chain.inspection_links,
        stand_ins: BTreeMap::new(),
        made_up_for,
        is_set_aside: false,
    }
}

/// Sets aside the sublayouts whose step stands on other evidence, with everything below them: what
/// is wrong with them is worth a look, and does not reject.
fn set_aside(chains: &mut [JudgedChain]) {
    // A chain stands behind the one it is a sublayout of, so one pass reaches all of them.
    let mut aside: BTreeSet<usize> = BTreeSet::new();
    for (index, chain) in chains.iter_mut().enumerate() {
        if chain.parent.is_some_and(|parent| aside.contains(&parent)) {
            aside.insert(index);
        }
        aside.extend(chain.made_up_for.drain(..));
        if aside.contains(&index) {
            chain.set_aside();
        }
    }
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
        // Rules whose parameters could not be replaced are not those that the owner means.
        let name = Some(step.name.as_str());
        if findings.iter().any(|finding| {
            finding.code == FindingCode::ParameterInvalid && finding.item.as_deref() == name
        }) {
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
        form: LinkForm::default(),
        name: name.clone(),
        command: last.command.clone(),
        materials: first.materials.clone(),
        products: last.products.clone(),
        byproducts: last.byproducts.clone(),
        environment: Object::new(),
        extra: Object::new(),
    })
}
