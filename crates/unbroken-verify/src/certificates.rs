//! Certificates that come with evidence: which of them make their keys functionaries' of a step.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use unbroken_crypto::{
    Certificate, CertificateError, Certified, KeyMaterial, SignatureBudget, SigningTimes,
    TimestampAuthorities, TimestampError,
};
use unbroken_model::envelope::{Envelope, Signature, TIMESTAMPS_MEMBER};
use unbroken_model::layout::Step;
use unbroken_model::limits::Limits;
use unbroken_model::timestamp::Timestamp;

use crate::budget::Exhausted;
use crate::fault::chain_of;
use crate::finding::{Finding, FindingCode};
use crate::layout_check::LayoutKeys;
use crate::session::exhausted_finding;

/// How many different certificates of one piece of evidence are looked at: each may cost the search
/// for a path. A piece has one functionary, or a few who signed it together. Which ones these are does
/// not rest on the order of signatures, which nobody signed.
const MAX_CERTIFICATES: usize = 8;

/// By what the certificates of evidence are judged.
#[derive(Clone, Copy)]
pub(crate) struct Judge<'a> {
    pub(crate) keys: &'a LayoutKeys,
    /// The time of the verification.
    pub(crate) now: Timestamp,
    /// Who proves that a signature is of another time.
    pub(crate) authorities: &'a TimestampAuthorities,
    pub(crate) limits: &'a Limits,
}

/// What became of the certificates of one piece of evidence.
#[derive(Default)]
pub(crate) struct Certificates {
    /// Keys that may sign for the step.
    pub(crate) certified: Vec<Certified>,
    /// Why one of the others may not: this weighs only when nobody else vouches for the piece.
    pub(crate) refused: Option<Finding>,
    /// What is worth a look in any case.
    pub(crate) warnings: Vec<Finding>,
    /// Why one of those that were not judged was not: it weighs only where nothing else does,
    /// since anybody can put such a one beside the certificate that it is about.
    unjudged: Option<Finding>,
}

impl Certificates {
    /// Judges the certificates of an envelope for one step, before any signature is counted.
    ///
    /// A step without constraints takes no certificate at all.
    pub(crate) fn judge(
        envelope: &Envelope<'_>,
        step: &Step,
        judge: Judge<'_>,
        budget: &mut SignatureBudget,
    ) -> Result<Self, Box<Finding>> {
        let mut judged = Self::default();
        if step.cert_constraints.is_empty() {
            return Ok(judged);
        }
        // One certificate may stand with several signatures, each of a time of its own.
        let mut found: BTreeMap<Cow<'_, str>, Vec<&Signature>> = BTreeMap::new();
        for signature in envelope.signatures() {
            match signature.certificates(judge.limits) {
                Ok(None) => {}
                Ok(Some(text)) => found.entry(text).or_default().push(signature),
                Err(error) => {
                    let error = CertificateError::Malformed { reason: error.to_string() };
                    keep(&mut judged.unjudged, refusal(None, &error));
                }
            }
        }
        for (text, signatures) in found.iter().take(MAX_CERTIFICATES) {
            judged.take(text, (envelope, signatures), step, judge, budget)?;
        }
        if found.len() > MAX_CERTIFICATES {
            keep(&mut judged.unjudged, exhausted_finding(Exhausted { what: "certificates" }));
        }
        judged.refused = judged.refused.or(judged.unjudged.take());
        Ok(judged)
    }

    /// Reads the certificate of signatures, with the intermediate ones behind it, and holds it against
    /// the step, at each time at which one of the signatures was made.
    fn take(
        &mut self,
        text: &str,
        (envelope, signatures): (&Envelope<'_>, &[&Signature]),
        step: &Step,
        judge: Judge<'_>,
        budget: &mut SignatureBudget,
    ) -> Result<(), Box<Finding>> {
        let exhausted = || Box::new(exhausted_finding(Exhausted::SIGNATURES));
        let all = match Certificate::read_all(text.as_bytes()) {
            Ok(all) => all,
            Err(error) => {
                keep(&mut self.unjudged, refusal(None, &error));
                return Ok(());
            }
        };
        let Some((own, carried)) = all.split_first() else { return Ok(()) };
        let subject = own.describe();
        let mut times = BTreeSet::new();
        let mut doubt = None;
        for signature in signatures {
            let (now, limits) = (judge.now, judge.limits);
            let SigningTimes { proven, faults, .. } =
                judge.authorities.signing_times(own, signature, envelope, now, limits, budget);
            if proven.is_empty() {
                times.insert(now);
            }
            times.extend(proven);
            for fault in faults {
                if matches!(fault, TimestampError::BudgetExhausted) {
                    return Err(exhausted());
                }
                keep(&mut doubt, unproven(&subject, &fault));
            }
        }
        self.warnings.extend(doubt);
        let mut first = None;
        for at in times {
            let authorities = judge.keys.authorities();
            match authorities.certify(own, carried, &step.cert_constraints, at, budget) {
                Ok(certified) => {
                    self.certified.push(certified);
                    return Ok(());
                }
                Err(CertificateError::BudgetExhausted) => return Err(exhausted()),
                Err(error) => first = first.or(Some(error)),
            }
        }
        let Some(error) = first else { return Ok(()) };
        let mut finding = refusal(Some(subject), &error);
        let is_stamped = |one: &&Signature| one.extra.get(TIMESTAMPS_MEMBER).is_some();
        if finding.code == FindingCode::CertificateExpired
            && judge.authorities.is_empty()
            && signatures.iter().any(is_stamped)
        {
            let name = "name the authority whose time-stamp token stands with the signature \
                        (--timestamp-authority), or ";
            finding.remedy.insert_str(0, name);
        }
        keep(&mut self.refused, finding);
        Ok(())
    }

    /// Returns the materials of the keys that may sign for the step.
    pub(crate) fn materials(&self) -> impl Iterator<Item = KeyMaterial> {
        self.certified.iter().map(|certified| certified.key().material())
    }
}

/// Keeps one of several findings, the same in whatever order they come.
fn keep(kept: &mut Option<Finding>, one: Finding) {
    if kept.as_ref().is_none_or(|kept| one.message < kept.message) {
        *kept = Some(one);
    }
}

/// Tells of a token that proves nothing. It stands outside of what is signed, so that anybody can put
/// one there: it takes nothing away either.
fn unproven(subject: &str, fault: &TimestampError) -> Finding {
    let message =
        format!("a time-stamp token of the signature proves no time: {}", chain_of(fault));
    let remedy = "name the authority that gave it, or have the signature stamped again";
    Finding::warning(FindingCode::TimestampInvalid, message, remedy).of_functionary(subject)
}

fn refusal(subject: Option<String>, error: &CertificateError) -> Finding {
    let (code, remedy) = match error {
        CertificateError::Usage { .. } => (
            FindingCode::CertificateUsage,
            "have the authority issue a certificate for signing: digitalSignature, not an authority",
        ),
        CertificateError::NotInForce { .. } => (
            FindingCode::CertificateExpired,
            "do the step again with a certificate that is in force",
        ),
        CertificateError::NoPath { .. } => (
            FindingCode::CertificateUntrusted,
            "hand in the intermediate certificates, or let the owner list the root in the layout",
        ),
        CertificateError::Constraint { .. } => (
            FindingCode::CertificateConstraintNotMet,
            "have a functionary whom the step names do it, or let the owner add a constraint",
        ),
        CertificateError::TooMany { .. } | CertificateError::BudgetExhausted => {
            (FindingCode::BudgetExceeded, "hand in no more certificates than the path needs")
        }
        _ => (
            FindingCode::CertificateMalformed,
            "have the authority issue a certificate that has one reading, for a strong key",
        ),
    };
    let finding = Finding::error(code, chain_of(error), remedy);
    match subject {
        Some(subject) => finding.of_functionary(subject),
        None => finding,
    }
}
