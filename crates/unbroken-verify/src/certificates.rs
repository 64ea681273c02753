//! Certificates that come with evidence: which of them make their keys functionaries' of a step.

use std::collections::BTreeSet;

use unbroken_crypto::{Certificate, CertificateError, Certified, KeyMaterial, SignatureBudget};
use unbroken_model::envelope::Envelope;
use unbroken_model::layout::Step;
use unbroken_model::timestamp::Timestamp;

use crate::budget::Exhausted;
use crate::fault::chain_of;
use crate::finding::{Finding, FindingCode};
use crate::layout_check::LayoutKeys;
use crate::session::exhausted_finding;

/// How many different certificates of one piece of evidence are looked at: each may cost the search
/// for a path. A piece has one functionary, or a few who signed it together.
const MAX_CERTIFICATES: usize = 8;

/// What became of the certificates of one piece of evidence.
#[derive(Default)]
pub(crate) struct Certificates {
    /// Keys that may sign for the step.
    pub(crate) certified: Vec<Certified>,
    /// Why others may not: this weighs only when nobody else vouches for the piece.
    pub(crate) refused: Vec<Finding>,
}

impl Certificates {
    /// Judges the certificates of an envelope for one step, before any signature is checked.
    ///
    /// A step without constraints takes no certificate at all.
    pub(crate) fn judge(
        envelope: &Envelope<'_>,
        step: &Step,
        keys: &LayoutKeys,
        at: Timestamp,
        budget: &mut SignatureBudget,
    ) -> Result<Self, Box<Finding>> {
        let mut judged = Self::default();
        if step.cert_constraints.is_empty() {
            return Ok(judged);
        }
        let mut seen = BTreeSet::new();
        for text in envelope.signatures().iter().filter_map(|signature| signature.certificate()) {
            if !seen.insert(text) {
                continue;
            }
            if seen.len() > MAX_CERTIFICATES {
                judged.refused.push(exhausted_finding(Exhausted { what: "certificates" }));
                break;
            }
            match certify(text, step, keys, at, budget) {
                Ok(certified) => judged.certified.push(certified),
                Err((_, CertificateError::BudgetExhausted)) => {
                    return Err(Box::new(exhausted_finding(Exhausted::SIGNATURES)));
                }
                Err((subject, error)) => judged.refused.push(refusal(subject, &error)),
            }
        }
        Ok(judged)
    }

    /// Returns the materials of the keys that may sign for the step.
    pub(crate) fn materials(&self) -> impl Iterator<Item = KeyMaterial> {
        self.certified.iter().map(|certified| certified.key().material())
    }
}

/// Reads the certificate of a signature, with the intermediate ones behind it, and holds it against
/// the step.
fn certify(
    text: &str,
    step: &Step,
    keys: &LayoutKeys,
    at: Timestamp,
    budget: &mut SignatureBudget,
) -> Result<Certified, (Option<String>, CertificateError)> {
    let certificates = Certificate::read_all(text.as_bytes()).map_err(|error| (None, error))?;
    let Some((own, carried)) = certificates.split_first() else {
        let reason = "it is empty".to_owned();
        return Err((None, CertificateError::Malformed { reason }));
    };
    keys.authorities()
        .certify(own, carried, &step.cert_constraints, at, budget)
        .map_err(|error| (Some(own.describe()), error))
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
