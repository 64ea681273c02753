//! A whole verification in memory.

use std::collections::BTreeMap;

use unbroken_crypto::{KeySet, Owner, PublicKey, SignatureBudget, authenticate};
use unbroken_model::artifact::ArtifactSet;
use unbroken_model::digest::Digest;
use unbroken_model::envelope::Envelope;
use unbroken_model::layout::Layout;
use unbroken_model::limits::Limits;
use unbroken_model::name::StepName;
use unbroken_model::timestamp::Timestamp;
use unbroken_verify::{
    Assessment, Budget, Finding, InForce, InspectionOutcome, Options, Product, Rejection, Session,
    Severity, Submission, VerifiedSupplyChain, envelope_finding, layout_finding,
};

/// Everything that a verification is given.
#[derive(Clone, Debug)]
pub struct Case {
    /// The time.
    pub now: Timestamp,
    /// The layout's file.
    pub layout: Vec<u8>,
    /// The keys that must all have signed the layout.
    pub owners: Vec<PublicKey>,
    /// The files of the evidence by their names without ending, with the folders before them.
    pub evidence: BTreeMap<String, Vec<u8>>,
    /// What running each inspection gives, by name, with the evidence that leads to its sublayout
    /// before it: `build.210dcc50/smoke-test`. One that is not named is not run.
    pub outcomes: BTreeMap<String, InspectionOutcome>,
    /// The files that are delivered, where there are any to be seen.
    pub product: Option<ArtifactSet>,
    /// What the verifier chooses.
    pub options: Options,
    /// The bounds of each document.
    pub limits: Limits,
    /// What the verification may spend.
    pub budget: Budget,
    /// The digest that the chain must name, where the verifier asks for one.
    pub subject: Option<Digest>,
}

/// How evidence is handed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandingIn {
    /// Each piece by itself.
    OneByOne,
    /// All pieces for a layout together.
    AtOnce,
}

/// A verdict in words that a test can compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the chain is verified and names the subject.
    pub verified: bool,
    /// The codes of the findings that reject, sorted, each once.
    pub errors: Vec<String>,
    /// The codes of the findings that warn, sorted, each once.
    pub warnings: Vec<String>,
    /// The findings in full.
    pub findings: Vec<Finding>,
}

impl Case {
    /// Verifies the chain. The subject is not asked for.
    ///
    /// # Errors
    /// The [`Rejection`].
    pub fn verify(&self) -> Result<VerifiedSupplyChain, Box<Rejection>> {
        self.verify_handing_in(&self.evidence.keys().collect::<Vec<_>>(), HandingIn::OneByOne)
    }

    /// Verifies the chain with the evidence handed in in this order and way.
    ///
    /// # Errors
    /// The [`Rejection`].
    pub fn verify_handing_in(
        &self,
        order: &[&String],
        way: HandingIn,
    ) -> Result<VerifiedSupplyChain, Box<Rejection>> {
        let mut session = self.open().map_err(|finding| Rejection::of_layout(*finding))?;
        let sources: Vec<String> = order.iter().map(|path| format!("{path}.link")).collect();
        loop {
            let requests = session.requests();
            if requests.is_empty() {
                break;
            }
            for request in requests {
                let names = request.names();
                let submissions = order.iter().zip(&sources).filter_map(|(path, source)| {
                    let (folder, stem) = path.rsplit_once('/').unwrap_or(("", path));
                    let step = step_of(stem, &names)?;
                    let bytes = self.evidence.get(*path)?;
                    lies_in(folder, &request.folders).then_some(Submission {
                        step,
                        source,
                        stem,
                        bytes,
                    })
                });
                let submissions: Vec<_> = submissions.collect();
                match way {
                    HandingIn::AtOnce => session.submit_all(request.chain, &submissions),
                    HandingIn::OneByOne => {
                        for one in submissions {
                            session.submit(request.chain, one);
                        }
                    }
                }
            }
        }
        let mut waiting = session.evaluate()?;
        if waiting.has_signed_links() {
            waiting.stand_in(self.product.as_ref().map_or(Product::NotAtHand, Product::Files));
        }
        let outcomes = waiting.requests().into_iter().filter_map(|request| {
            let mut name = request.path.clone();
            name.push(request.name.clone());
            let outcome = self.outcomes.get(&name.join("/"))?.clone();
            Some((request, outcome))
        });
        let outcomes = outcomes.collect();
        waiting.conclude(outcomes)
    }

    /// Opens a session for the layout.
    ///
    /// # Errors
    /// What is wrong with a layout that cannot be opened.
    pub fn open(&self) -> Result<Session, Box<Finding>> {
        let layout = self.in_force()?;
        let (options, budget) = (self.options.clone(), self.budget.clone());
        Ok(Session::open(layout, self.now, options, self.limits, budget))
    }

    /// Opens the layout.
    ///
    /// # Errors
    /// What is wrong with a layout that cannot be opened.
    pub fn in_force(&self) -> Result<InForce, Box<Finding>> {
        let envelope = Envelope::parse(&self.layout, &self.limits);
        let envelope = envelope.map_err(|error| Box::new(envelope_finding(&error)))?;
        let owners = KeySet::<Owner>::new(self.owners.iter().cloned());
        let every = owners.every_key().unwrap_or(std::num::NonZeroU32::MIN);
        let mut signatures = SignatureBudget::new(self.budget.signatures);
        let layout =
            authenticate::<Layout, _>(envelope, &owners, every, &self.limits, &mut signatures)
                .map_err(|error| Box::new(layout_finding(&error)))?;
        InForce::at(&layout, self.now)
    }

    /// Verifies the chain and holds it against the subject.
    pub fn judge(&self) -> Verdict {
        self.judgement_of(self.verify())
    }

    /// Says in words what a verification of this case gave, and holds it against the subject.
    pub fn judgement_of(&self, outcome: Result<VerifiedSupplyChain, Box<Rejection>>) -> Verdict {
        match outcome {
            Err(rejection) => Verdict::of(false, rejection.assessment(), None),
            Ok(chain) => {
                let refusal = self.subject.as_ref().and_then(|subject| chain.admits(subject).err());
                Verdict::of(refusal.is_none(), chain.assessment(), refusal.map(|finding| *finding))
            }
        }
    }
}

impl Verdict {
    fn of(verified: bool, assessment: &Assessment, more: Option<Finding>) -> Self {
        let mut findings = assessment.findings.clone();
        findings.extend(more);
        let codes = |severity| {
            let mut codes: Vec<String> = findings
                .iter()
                .filter(|finding| finding.severity == severity)
                .map(|finding| finding.code.to_string())
                .collect();
            codes.sort();
            codes.dedup();
            codes
        };
        let (errors, warnings) = (codes(Severity::Error), codes(Severity::Warning));
        Self { verified, errors, warnings, findings }
    }
}

/// Finds the step that a file `{step}.{key id}` is evidence for.
fn step_of<'s>(stem: &str, steps: &'s [StepName]) -> Option<&'s StepName> {
    let (name, _) = stem.rsplit_once('.')?;
    steps.iter().find(|step| step.as_str() == name)
}

/// Tells whether a folder is the one that a request names.
fn lies_in(folder: &str, wanted: &[Vec<String>]) -> bool {
    let folders: Vec<&str> = folder.split('/').filter(|name| !name.is_empty()).collect();
    folders.len() == wanted.len()
        && folders.iter().zip(wanted).all(|(name, names)| names.iter().any(|known| known == name))
}
