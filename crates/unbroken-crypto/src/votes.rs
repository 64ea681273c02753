//! Which keys of a set signed an envelope.

use std::fmt;

use unbroken_model::envelope::{Envelope, EnvelopeKind, Signature};

use crate::error::AuthenticationError;
use crate::key::{KeyMaterial, PublicKey};
use crate::keyset::KeySet;

/// How many signature checks may still be made.
///
/// Every attempt to check one signature with one key spends one. An attacker who fills envelopes
/// with signatures exhausts this and not the machine.
#[derive(Debug)]
pub struct SignatureBudget {
    remaining: u32,
}

impl SignatureBudget {
    /// Allows so many checks.
    pub fn new(checks: u32) -> Self {
        Self { remaining: checks }
    }

    /// Returns how many checks are left.
    pub fn remaining(&self) -> u32 {
        self.remaining
    }

    fn spend(&mut self) -> Result<(), AuthenticationError> {
        self.spend_several(1)
    }

    pub(crate) fn spend_several(&mut self, checks: u32) -> Result<(), AuthenticationError> {
        self.remaining =
            self.remaining.checked_sub(checks).ok_or(AuthenticationError::BudgetExhausted)?;
        Ok(())
    }
}

impl Default for SignatureBudget {
    /// Allows 100,000 checks: seconds of work, and more than a chain of a thousand links needs.
    fn default() -> Self {
        Self::new(100_000)
    }
}

/// What became of one signature of an envelope.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SignatureReport {
    /// The key id that stands with the signature: a hint that nobody vouches for.
    pub key_id: Option<String>,
    /// What checking it gave.
    pub outcome: SignatureOutcome,
}

/// The outcome of checking one signature.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SignatureOutcome {
    /// The signature is by this key of the set.
    Valid(PublicKey),
    /// The key id names this key of the set, and the signature is not by any that was tried.
    Invalid(PublicKey),
    /// The key id names no key of the set, and the signature is not by any that was tried.
    UnknownKey,
}

impl fmt::Display for SignatureReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key_id {
            // The id is foreign text: escaped and shortened.
            Some(id) => {
                let short: String = id.chars().take(64).collect();
                write!(formatter, "key id {short:?}: ")?;
            }
            None => formatter.write_str("no key id: ")?,
        }
        match &self.outcome {
            SignatureOutcome::Valid(key) => write!(formatter, "valid, by {}", key.describe()),
            SignatureOutcome::Invalid(key) => {
                write!(formatter, "not a valid signature of {}", key.describe())
            }
            SignatureOutcome::UnknownKey => formatter.write_str("by no key of the set"),
        }
    }
}

/// Checks every signature of an envelope against the keys, and reports in the envelope's order.
///
/// All signatures are tried, also behind an invalid one of the same key id: else whoever can
/// prepend a bogus signature could make valid metadata fail. In a Metablock a signature is tried
/// with the keys that its key id names. In a DSSE envelope, where the key id is optional and must
/// not decide anything, every key is tried, those that it names first.
///
/// The number of checks depends on the envelope and the keys, not on their order, so that neither
/// does running out of budget.
/// What it returns is for people: nothing is authentic by it, and [`crate::authenticate`] alone opens
/// an envelope.
///
/// # Errors
/// [`AuthenticationError::BudgetExhausted`].
pub fn check<R>(
    envelope: &Envelope<'_>,
    keys: &KeySet<R>,
    budget: &mut SignatureBudget,
) -> Result<Vec<SignatureReport>, AuthenticationError> {
    envelope
        .signatures()
        .iter()
        .map(|signature| {
            let outcome = check_one(envelope, signature, keys, budget)?;
            Ok(SignatureReport { key_id: signature.key_id.clone(), outcome })
        })
        .collect()
}

fn check_one<R>(
    envelope: &Envelope<'_>,
    signature: &Signature,
    keys: &KeySet<R>,
    budget: &mut SignatureBudget,
) -> Result<SignatureOutcome, AuthenticationError> {
    let hint = signature.key_id.as_deref().unwrap_or_default();
    let (named, others): (Vec<_>, Vec<_>) = keys.forms().partition(|key| key.answers_to(hint));
    let tried_besides = match envelope.kind() {
        EnvelopeKind::Dsse => others,
        EnvelopeKind::Metablock => Vec::new(),
    };
    for key in named.iter().chain(&tried_besides) {
        budget.spend()?;
        // No specification has a form for signatures of OpenPGP in DSSE: none is believed there.
        if envelope.kind() == EnvelopeKind::Dsse && key.is_openpgp() {
            continue;
        }
        if key.verify_entry(envelope.signing_input(), signature).is_ok() {
            return Ok(SignatureOutcome::Valid(PublicKey::clone(key)));
        }
    }
    Ok(match named.first() {
        Some(key) => SignatureOutcome::Invalid(PublicKey::clone(key)),
        None => SignatureOutcome::UnknownKey,
    })
}

/// Returns the keys whose signatures hold.
pub(crate) fn signers(reports: &[SignatureReport]) -> impl Iterator<Item = &PublicKey> {
    reports.iter().filter_map(|report| match &report.outcome {
        SignatureOutcome::Valid(key) => Some(key),
        _ => None,
    })
}

/// Returns the identities of the keys whose signatures hold.
pub(crate) fn voters(reports: &[SignatureReport]) -> impl Iterator<Item = KeyMaterial> {
    signers(reports).map(PublicKey::material)
}
