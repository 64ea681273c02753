//! The report: a verdict with everything that led to it.

use unbroken_model::digest::Digest;
use unbroken_model::timestamp::Timestamp;
use unbroken_verify::{
    Admissible, Assessment, Binding, ChainAssessment, Finding, FindingCode, InspectionAssessment,
    Judgement, LeftOut, PartialSupplyChain, Pinning, Rejection, Severity, StepAssessment,
    VerifiedSupplyChain,
};

use crate::text::TextStyle;
use crate::{json, junit, sarif, text};

/// What only the caller knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Where the layout came from, for people: a path, or an address.
    pub layout: String,
    /// The time that the layout was held against.
    pub now: Timestamp,
    /// The version of the program.
    pub tool_version: String,
    /// The image or file that the chain should vouch for; nothing to look at the chain alone.
    pub subject: Option<Subject>,
}

/// An image or file that the chain should vouch for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Its name, for people.
    pub name: String,
    /// Its digest: of an image, that of the manifest.
    pub digest: Digest,
    /// Other digests that name the same thing: of an image, that of the configuration. The chain
    /// vouches for the subject when it names any of them.
    pub others: Vec<Digest>,
}

/// The one outcome of a verification, from which every drawing is made.
///
/// There is no report of a verification that could not be carried out: that is an error of the
/// program and says nothing about the chain.
#[derive(Clone, Debug)]
pub struct Report {
    facts: Facts,
    verdict: Verdict,
    coverage: Option<Coverage>,
    assessment: Assessment,
    only_told: bool,
}

/// The verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every check passed, and the chain names the subject where there is one.
    Verified,
    /// The first steps passed, and nothing else was looked at: this is not verified.
    Partial,
    /// At least one check failed.
    Rejected,
}

/// Whether the chain vouches for the subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// It does.
    Covered {
        /// The digest of the subject that the chain names.
        digest: Digest,
        /// Where it names it.
        bound: Option<Bound>,
    },
    /// It does not: the report rejects.
    NotCovered,
    /// The chain itself was rejected, so the subject was not looked at.
    NotJudged,
}

/// The place where a chain names a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// In which way.
    pub by: BoundBy,
    /// The step.
    pub step: String,
    /// The product of the step.
    pub artifact: String,
}

/// In which way a chain names a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BoundBy {
    /// The product has the digest.
    Product,
    /// The product is a subject of a statement, and has the digest.
    Subject,
    /// The product is a file that holds the digest's text.
    DigestFile,
}

/// How many of something there are, by judgement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All.
    pub total: usize,
    /// Those that passed.
    pub passed: usize,
    /// Those with a finding that rejects.
    pub failed: usize,
    /// Those that nothing was decided about.
    pub not_judged: usize,
}

/// What the report counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The steps of the layout itself, without those of sublayouts.
    pub steps: Tally,
    /// The inspections of the layout itself, without those of sublayouts.
    pub inspections: Tally,
    /// How many sublayouts were looked at.
    pub sublayouts: usize,
    /// Findings that reject.
    pub errors: usize,
    /// Findings that warn.
    pub warnings: usize,
}

impl Report {
    /// Reports a chain that passed.
    ///
    /// # Checks
    /// That the chain names the subject of the facts, where there is one. A chain that does not is
    /// another one's: the report then rejects, with a finding of its own.
    pub fn verified(chain: &VerifiedSupplyChain, facts: Facts) -> Self {
        let mut assessment = chain.assessment().clone();
        let coverage = facts.subject.as_ref().map(|subject| match cover(chain, subject) {
            Ok(coverage) => coverage,
            Err(finding) => {
                assessment.findings.push(*finding);
                Coverage::NotCovered
            }
        });
        let verdict = match coverage {
            None | Some(Coverage::Covered { .. }) => Verdict::Verified,
            Some(Coverage::NotCovered | Coverage::NotJudged) => Verdict::Rejected,
        };
        Self { facts, verdict, coverage, assessment, only_told: false }
    }

    /// Reports the first steps of a chain, which passed. A subject of the facts is not looked at.
    pub fn partial(chain: &PartialSupplyChain, facts: Facts) -> Self {
        let coverage = facts.subject.as_ref().map(|_| Coverage::NotJudged);
        let assessment = chain.assessment().clone();
        Self { facts, verdict: Verdict::Partial, coverage, assessment, only_told: false }
    }

    /// Reports a chain that did not pass.
    pub fn rejected(rejection: &Rejection, facts: Facts) -> Self {
        let coverage = facts.subject.as_ref().map(|_| Coverage::NotJudged);
        let assessment = rejection.assessment().clone();
        Self { facts, verdict: Verdict::Rejected, coverage, assessment, only_told: false }
    }

    /// Makes warnings of what rejects: somebody decided that it is told and not enforced. The verdict stays.
    #[must_use]
    pub fn only_told(mut self) -> Self {
        for finding in &mut self.assessment.findings {
            finding.severity = Severity::Warning;
        }
        Self { only_told: true, ..self }
    }

    /// Tells whether what rejects is told and not enforced.
    pub fn is_only_told(&self) -> bool {
        self.only_told
    }

    /// Returns the verdict.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Tells whether the chain is verified, and names the subject where there is one.
    pub fn is_verified(&self) -> bool {
        self.verdict == Verdict::Verified
    }

    /// Returns what the caller told.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Returns whether the chain vouches for the subject; nothing without a subject.
    pub fn coverage(&self) -> Option<&Coverage> {
        self.coverage.as_ref()
    }

    /// Returns the layout, then its sublayouts; nothing when the layout could not be opened.
    pub fn chains(&self) -> &[ChainAssessment] {
        &self.assessment.chains
    }

    /// Returns what was not looked at, where only the first steps were to be judged.
    pub fn left_out(&self) -> Option<&LeftOut> {
        self.assessment.left_out.as_ref()
    }

    /// Returns what was known of earlier layouts.
    pub fn pinning(&self) -> Pinning {
        self.assessment.pinning
    }

    /// Returns the findings in the order of the layout.
    pub fn findings(&self) -> &[Finding] {
        &self.assessment.findings
    }

    /// Returns the distinct codes of the findings in the order of a verification.
    pub fn codes(&self) -> Vec<FindingCode> {
        let mut codes: Vec<_> = self.findings().iter().map(|finding| finding.code).collect();
        codes.sort_unstable();
        codes.dedup();
        codes
    }

    /// Counts.
    pub fn counts(&self) -> Counts {
        let of = |severity| self.findings().iter().filter(|it| it.severity == severity).count();
        let layout = self.chains().first();
        let steps = layout.map_or(&[][..], |layout| &layout.steps);
        let inspections = layout.map_or(&[][..], |layout| &layout.inspections);
        Counts {
            steps: Tally::of(steps.iter().map(|step: &StepAssessment| step.judgement)),
            inspections: Tally::of(
                inspections.iter().map(|inspection: &InspectionAssessment| inspection.judgement),
            ),
            sublayouts: self.chains().len().saturating_sub(1),
            errors: of(Severity::Error),
            warnings: of(Severity::Warning),
        }
    }

    /// Draws the report for people. The last line is the verdict.
    pub fn to_text(&self, style: &TextStyle) -> String {
        text::draw(self, style)
    }

    /// Writes the report as the JSON document of `docs/schema/verify-report-v1.json`.
    pub fn to_json(&self) -> String {
        json::write(self)
    }

    /// Writes the findings as a SARIF 2.1.0 log.
    pub fn to_sarif(&self) -> String {
        Self::sarif_of(std::slice::from_ref(self))
    }

    /// Writes the findings of several reports as one SARIF log, with a run for each.
    pub fn sarif_of(reports: &[Self]) -> String {
        sarif::write(reports)
    }

    /// Writes several reports as one JUnit document.
    pub fn junit_of(reports: &[Self]) -> String {
        junit::write(reports)
    }

    /// Writes the report as JUnit XML: a suite per step and inspection, a case per rule.
    pub fn to_junit(&self) -> String {
        Self::junit_of(std::slice::from_ref(self))
    }
}

fn cover(chain: &VerifiedSupplyChain, subject: &Subject) -> Result<Coverage, Box<Finding>> {
    let covered = |digest: &Digest, admissible: &Admissible<'_>| Coverage::Covered {
        digest: digest.clone(),
        bound: Bound::of(admissible.binding()),
    };
    let refused = match chain.admits(&subject.digest) {
        Ok(admissible) => return Ok(covered(&subject.digest, &admissible)),
        Err(finding) => finding,
    };
    for digest in &subject.others {
        if let Ok(admissible) = chain.admits(digest) {
            return Ok(covered(digest, &admissible));
        }
    }
    Err(refused)
}

impl Bound {
    fn of(binding: &Binding<'_>) -> Option<Self> {
        let (by, step, artifact) = match binding {
            Binding::Product { step, artifact } => (BoundBy::Product, step, artifact),
            Binding::Subject { step, artifact } => (BoundBy::Subject, step, artifact),
            Binding::DigestFile { step, artifact } => (BoundBy::DigestFile, step, artifact),
            _ => return None,
        };
        Some(Self { by, step: step.to_string(), artifact: (*artifact).to_owned() })
    }
}

impl Tally {
    fn of(judgements: impl Iterator<Item = Judgement>) -> Self {
        let mut tally = Self::default();
        for judgement in judgements {
            tally.total += 1;
            match judgement {
                Judgement::Passed => tally.passed += 1,
                Judgement::Failed => tally.failed += 1,
                Judgement::NotJudged => tally.not_judged += 1,
            }
        }
        tally
    }
}
