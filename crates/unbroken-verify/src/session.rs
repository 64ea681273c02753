//! The session: it takes evidence for a layout and its sublayouts, and judges it.

mod chain;
mod conclude;
mod evaluate;
mod groups;
mod options;
mod scope;
mod stand_in;
mod weigh;

use std::collections::BTreeSet;
use std::sync::Arc;

use unbroken_crypto::{PublicKey, SignatureBudget};
use unbroken_model::envelope::StepEvidence;
use unbroken_model::layout::Step;
use unbroken_model::limits::Limits;
use unbroken_model::name::StepName;
use unbroken_model::timestamp::Timestamp;

use self::chain::Chain;
pub use self::conclude::AwaitingInspections;
pub(crate) use self::conclude::JudgedChain;
pub use self::options::{CommandPolicy, InspectionCommands, Options, SublayoutInspections};
pub use self::scope::{Before, UpTo, Whole};
use crate::binding;
use crate::budget::{Budget, Exhausted};
use crate::certificates::Judge;
use crate::concurrent;
use crate::evidence::{AuthenticPiece, Evidence, Piece, State, authenticate_piece};
use crate::finding::{Finding, FindingCode};
use crate::in_force::InForce;
use crate::inspection_link::InspectionPiece;

/// Names a layout within a session: the layout itself or a sublayout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChainId(usize);

/// Evidence that a session waits for.
#[derive(Clone, Debug)]
pub struct EvidenceRequest {
    /// The layout that the evidence is for.
    pub chain: ChainId,
    /// The folders that lead from the root of the evidence to that of a sublayout, each with the
    /// names that it may have, the likeliest first. Empty for the layout itself.
    pub folders: Vec<Vec<String>>,
    /// The steps that need evidence.
    pub steps: Vec<StepName>,
    /// The inspections for which signed links may stand in.
    pub inspections: Vec<StepName>,
}

impl EvidenceRequest {
    /// Returns all names that evidence may have.
    pub fn names(&self) -> Vec<StepName> {
        self.steps.iter().chain(&self.inspections).cloned().collect()
    }
}

/// A piece of evidence to hand in.
#[derive(Clone, Copy, Debug)]
pub struct Submission<'a> {
    /// The step, or the inspection for which a signed link is to stand in.
    pub step: &'a StepName,
    /// Where the piece came from, for people.
    pub source: &'a str,
    /// The name of the piece without its ending, `build.210dcc50`: the folder of a sublayout's own
    /// evidence has it.
    pub stem: &'a str,
    /// The bytes as they came.
    pub bytes: &'a [u8],
}

/// A verification that takes evidence.
///
/// The session owns what was handed in and gives none of it back: a link that was accepted under
/// one layout cannot be offered to another.
pub struct Session<S = Whole> {
    scope: S,
    now: Timestamp,
    options: Options,
    limits: Limits,
    budget: Budget,
    /// How many signature checks are left.
    signatures: u32,
    chains: Vec<Chain>,
}

impl Session<Whole> {
    /// Opens a session for a layout.
    ///
    /// # Checks
    /// The layout itself: names, keys, thresholds, sources of MATCH rules, parameters, and whether it
    /// is older than one that was seen. What is wrong is a finding of the verdict.
    pub fn open(
        layout: InForce,
        now: Timestamp,
        options: Options,
        limits: Limits,
        budget: Budget,
    ) -> Self {
        let root = Chain::root(layout, now, &options);
        Self::with(Whole::ONLY, root, now, options, limits, budget)
    }
}

impl Session<UpTo> {
    /// Opens a session for the steps of a layout up to `last`; there is none when the layout has no such
    /// step.
    ///
    /// # Checks
    /// What [`Session::open`] does, of the whole layout.
    ///
    /// # Does not check
    /// Later steps and inspections: what it gives is no verified chain.
    pub fn open_up_to(
        last: &StepName,
        layout: InForce,
        now: Timestamp,
        options: Options,
        limits: Limits,
        budget: Budget,
    ) -> Option<Self> {
        let mut root = Chain::root(layout, now, &options);
        let left_out = scope::cut(&mut root.layout, last, &mut root.findings)?;
        Some(Self::with(UpTo(left_out), root, now, options, limits, budget))
    }
}

impl Session<Before> {
    /// Opens a session for the steps before `step`, to hold what it is about to use against the layout; there
    /// is none when the layout has no such step.
    ///
    /// # Checks
    /// What [`Session::open`] does, of the whole layout.
    ///
    /// # Does not check
    /// Later steps and inspections.
    pub fn open_before(
        step: &StepName,
        layout: InForce,
        now: Timestamp,
        options: Options,
        limits: Limits,
        budget: Budget,
    ) -> Option<Self> {
        let mut root = Chain::root(layout, now, &options);
        let before = scope::cut_before(&mut root.layout, step, &mut root.findings)?;
        Some(Self::with(before, root, now, options, limits, budget))
    }
}

impl<S> Session<S> {
    fn with(
        scope: S,
        root: Chain,
        now: Timestamp,
        options: Options,
        limits: Limits,
        budget: Budget,
    ) -> Self {
        let signatures = budget.signatures;
        Self { scope, now, options, limits, budget, signatures, chains: vec![root] }
    }

    /// Tells what evidence is needed and has not been asked for yet. Handing in a sublayout makes
    /// new requests: ask until there is none.
    pub fn requests(&mut self) -> Vec<EvidenceRequest> {
        let mut requests = Vec::new();
        for (index, chain) in self.chains.iter_mut().enumerate() {
            if !std::mem::replace(&mut chain.requested, true) {
                requests.push(EvidenceRequest {
                    chain: ChainId(index),
                    folders: chain.folders.clone(),
                    steps: chain.layout.steps.iter().map(|step| step.name.clone()).collect(),
                    inspections: chain.awaited_inspections(),
                });
            }
        }
        requests
    }

    /// Hands in one piece of evidence: a link, or a layout in its place; for an inspection, a link.
    ///
    /// A piece that is no good is no error of the call: what is wrong with it is told by the
    /// verdict, and it weighs only when the step has too little other evidence.
    pub fn submit(&mut self, chain: ChainId, submission: Submission<'_>) {
        self.submit_all(chain, &[submission]);
    }

    /// Hands in several pieces of evidence, with the same result as one after the other. Large
    /// ones are authenticated on all cores.
    pub fn submit_all(&mut self, chain: ChainId, submissions: &[Submission<'_>]) {
        let mut affordable = Vec::new();
        for submission in submissions {
            match self.budget.spend_link(submission.bytes.len()) {
                Ok(()) => affordable.push(*submission),
                Err(exhausted) => self.exhaust(chain, exhausted),
            }
        }
        for submission in &affordable {
            self.take_inspection_link(chain, *submission);
        }
        let Some(in_chain) = self.chains.get(chain.0) else { return };
        let of_steps: Vec<(Submission<'_>, &Step)> = affordable
            .into_iter()
            .filter_map(|submission| {
                let mut steps = in_chain.layout.steps.iter();
                Some((submission, steps.find(|step| step.name == *submission.step)?))
            })
            .collect();
        let left = self.signatures;
        let authenticated = concurrent::map(&of_steps, |(submission, step)| {
            // Each piece alone may spend what is left; what all spent together is settled below.
            let mut signatures = SignatureBudget::new(left);
            let mut warnings = Vec::new();
            let judge = Judge {
                keys: &in_chain.keys,
                now: self.now,
                authorities: &self.options.timestamp_authorities,
                limits: &self.limits,
            };
            let bytes = submission.bytes;
            let result = authenticate_piece(bytes, step, judge, &mut signatures, &mut warnings);
            (result, warnings, left.saturating_sub(signatures.remaining()))
        });
        let submissions: Vec<Submission<'_>> =
            of_steps.into_iter().map(|(submission, _)| submission).collect();
        for (submission, (result, warnings, spent)) in submissions.into_iter().zip(authenticated) {
            let affordable = self.signatures.checked_sub(spent);
            self.signatures = affordable.unwrap_or_default();
            let exhausted = || Box::new(exhausted_finding(Exhausted::SIGNATURES));
            let mut piece =
                self.piece(chain, submission, affordable.ok_or_else(exhausted).and(result));
            piece.warnings = warnings;
            if let Some(chain) = self.chains.get_mut(chain.0) {
                chain.evidence.entry(submission.step.clone()).or_default().push(piece);
            }
        }
    }

    /// Makes of what authenticating a piece of evidence gave what is weighed.
    fn piece(
        &mut self,
        chain: ChainId,
        submission: Submission<'_>,
        result: Result<AuthenticPiece, Box<Finding>>,
    ) -> Piece {
        let Submission { step, source, .. } = submission;
        let AuthenticPiece { evidence, signers, certified } = match result {
            Ok(piece) => piece,
            Err(finding) => return refused(step, source, Vec::new(), finding),
        };
        let state = match InForce::sublayout_at(&evidence, self.now) {
            None => match self.unbound(chain, evidence.get()) {
                None => Ok(State::Link(Arc::new(Evidence::Link(evidence)))),
                Some(finding) => Err(Box::new(finding)),
            },
            Some(Err(finding)) => Err(finding),
            Some(Ok(layout)) => {
                self.open_sublayout(chain, submission, layout, &signers).map(State::Sublayout)
            }
        };
        match state {
            Ok(state) => {
                let (source, warnings) = (source.to_owned(), Vec::new());
                Piece { source, signers, certified, state, warnings }
            }
            Err(finding) => refused(step, source, signers, finding),
        }
    }

    /// Says why a link does not count for a layout that it must be bound to.
    fn unbound(&self, chain: ChainId, evidence: &StepEvidence) -> Option<Finding> {
        let layout = &self.chains.get(chain.0)?.pin.digest;
        match evidence {
            StepEvidence::Link(link) => {
                binding::refusal(link, layout, self.now, &self.options.bindings)
            }
            StepEvidence::Sublayout(_) => None,
        }
    }

    /// Notes a piece of evidence that the caller would not even read, with the reason: a file that
    /// is no plain file, or is too large.
    pub fn refuse(&mut self, chain: ChainId, step: &StepName, source: &str, reason: &str) {
        let finding = Finding::error(
            FindingCode::LinkMalformed,
            format!("it was not read: {reason}"),
            "hand in a plain file of a link's size",
        );
        if let Some(chain) = self.chains.get_mut(chain.0) {
            if let Some(inspection) = chain.awaited_inspection(step).cloned() {
                let piece = InspectionPiece::refused(&inspection, source, finding);
                chain.inspection_links.entry(inspection.name).or_default().push(piece);
                return;
            }
            let piece = refused(step, source, Vec::new(), finding);
            chain.evidence.entry(step.clone()).or_default().push(piece);
        }
    }

    fn open_sublayout(
        &mut self,
        parent: ChainId,
        submission: Submission<'_>,
        layout: InForce,
        signers: &[PublicKey],
    ) -> Result<usize, Box<Finding>> {
        let identity = layout.identity();
        let index = parent.0;
        let Some(parent) = self.chains.get(index) else {
            return Err(Box::new(exhausted_finding(Exhausted { what: "sublayouts" })));
        };
        if parent.ancestry.contains(&identity) {
            let message = "the sublayout stands below itself";
            let remedy = "hand in the links of the step in place of the layout that asks for them";
            return Err(Box::new(Finding::error(FindingCode::SublayoutCycle, message, remedy)));
        }
        let child = Chain::sublayout(
            (index, parent),
            submission,
            (identity, layout, signers),
            self.now,
            &self.options,
        );
        let depth = child.folders.len();
        self.budget
            .spend_sublayout(depth)
            .map_err(|exhausted| Box::new(exhausted_finding(exhausted)))?;
        self.chains.push(child);
        Ok(self.chains.len() - 1)
    }

    fn exhaust(&mut self, chain: ChainId, exhausted: Exhausted) {
        if let Some(chain) = self.chains.get_mut(chain.0) {
            let finding = exhausted_finding(exhausted);
            if !chain.findings.contains(&finding) {
                chain.findings.push(finding);
            }
        }
    }
}

fn refused(
    step: &StepName,
    source: &str,
    signers: Vec<PublicKey>,
    finding: impl Into<Box<Finding>>,
) -> Piece {
    let finding = finding.into().of_item(step).at_source(source);
    let state = State::Refused(Box::new(finding));
    let (source, warnings) = (source.to_owned(), Vec::new());
    Piece { source, signers, certified: BTreeSet::new(), state, warnings }
}

pub(crate) fn exhausted_finding(exhausted: Exhausted) -> Finding {
    let message =
        format!("the evidence asks for more {} than a verification may spend", exhausted.what);
    let remedy = "hand in less evidence, or raise the bound if the chain is honest and this large";
    Finding::error(FindingCode::BudgetExceeded, message, remedy)
}
