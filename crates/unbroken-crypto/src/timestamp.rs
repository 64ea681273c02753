//! Proven signing times: time-stamp tokens (RFC 3161) of authorities that the verifier names.
//!
//! A token says that a signature was there at a time. Nothing is taken from one before all of it holds:
//! who made it, what for, over which bytes.

mod digest;
mod element;
mod error;
mod info;
mod signer;
mod token;

use std::collections::BTreeSet;

use unbroken_model::envelope::{Envelope, Signature};
use unbroken_model::limits::Limits;
use unbroken_model::timestamp::Timestamp;

pub use self::error::TimestampError;
use self::token::Token;
use crate::certificate::path::Candidates;
use crate::certificate::{Certificate, CertificateError, Purpose};
use crate::votes::SignatureBudget;

/// The time-stamp authorities that a verifier believes.
///
/// There are no others: neither a layout nor what the machine trusts for other things names one.
#[derive(Clone, Debug, Default)]
pub struct TimestampAuthorities {
    roots: Vec<Certificate>,
    /// Those that stand between a root and who signs tokens, and those of who does: a token need not
    /// bring them.
    others: Vec<Certificate>,
}

/// What the time-stamp tokens of one signature came to.
#[derive(Debug, Default)]
pub struct SigningTimes {
    /// The times at which the signature was there already.
    pub proven: BTreeSet<Timestamp>,
    /// Why other tokens prove nothing.
    pub faults: Vec<TimestampError>,
}

impl TimestampAuthorities {
    /// Gathers authorities from their certificates: roots, and whatever stands below them.
    ///
    /// # Errors
    /// [`CertificateError::NoPath`] when none of them is a root whose tokens could be believed.
    pub fn new(certificates: Vec<Certificate>) -> Result<Self, CertificateError> {
        let (roots, others): (Vec<_>, Vec<_>) =
            certificates.into_iter().partition(Certificate::is_time_stamping_root);
        match (roots.as_slice(), others.first()) {
            ([], Some(other)) => Err(CertificateError::NoPath {
                subject: other.describe(),
                reason: "no root of a time-stamp authority is named".to_owned(),
            }),
            _ => Ok(Self { roots, others }),
        }
    }

    /// Tells whether no token could ever prove anything.
    pub fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }

    /// Returns the certificates of the authorities, so that whoever keeps a verification can keep what
    /// it rests on.
    pub fn certificates(&self) -> impl Iterator<Item = &Certificate> {
        self.roots.iter().chain(&self.others)
    }

    /// Finds out when a signature of an envelope was made with the key of this certificate, by the
    /// time-stamp tokens that stand with it.
    ///
    /// Without authorities no token is looked at. One that proves nothing is told, and changes nothing.
    ///
    /// # Checks
    /// That the signature is of this key, and over this envelope: else a token of another time could be
    /// put beside a signature that was made later. Of each token that it is over the bytes of this
    /// signature, by a strong digest; that who signed it is named in what he signed, has a certificate
    /// for time stamps alone, and a path to a root of these authorities that was in force at the time of
    /// the token; and that this time is not past `now`.
    ///
    /// # Does not check
    /// Revocation; the policy by which the authority works.
    pub fn signing_times(
        &self,
        certificate: &Certificate,
        signature: &Signature,
        envelope: &Envelope<'_>,
        now: Timestamp,
        limits: &Limits,
        budget: &mut SignatureBudget,
    ) -> SigningTimes {
        let mut times = SigningTimes::default();
        if self.is_empty() {
            return times;
        }
        let tokens: BTreeSet<Vec<u8>> = match signature.timestamp_tokens(limits) {
            Ok(tokens) => tokens.into_iter().collect(),
            Err(error) => {
                times.faults.push(error.into());
                return times;
            }
        };
        if tokens.is_empty() {
            return times;
        }
        if budget.spend_several(1).is_err() {
            times.faults.push(TimestampError::BudgetExhausted);
            return times;
        }
        let key = certificate.public_key();
        if key.verify_entry(envelope.signing_input(), signature).is_err() {
            times.faults.push(TimestampError::NoSignature);
            return times;
        }
        for token in &tokens {
            match self.time_of(token, &signature.bytes, now, budget) {
                Ok(time) => drop(times.proven.insert(time)),
                Err(fault) => times.faults.push(fault),
            }
        }
        times
    }

    /// Reads the time of one token over these bytes; what is checked stands at
    /// [`TimestampAuthorities::signing_times`].
    ///
    /// # Errors
    /// [`TimestampError`].
    pub fn time_of(
        &self,
        token: &[u8],
        stamped: &[u8],
        now: Timestamp,
        budget: &mut SignatureBudget,
    ) -> Result<Timestamp, TimestampError> {
        // Reading one costs something too.
        budget.spend_several(1).map_err(|_| TimestampError::BudgetExhausted)?;
        let token = Token::read(token)?;
        if !token.info.is_over(stamped) {
            return Err(TimestampError::OtherBytes);
        }
        let time = token.info.time;
        if time > now {
            return Err(TimestampError::Future { time: time.to_string(), now: now.to_string() });
        }
        let carried = token.certificates();
        let mut known: Vec<&Certificate> = Vec::new();
        for one in carried.iter().chain(&self.others) {
            if !known.contains(&one) {
                known.push(one);
            }
        }
        let signer = known.iter().find(|one| token.signer.names(one));
        let signer = *signer.ok_or(TimestampError::SignerUnknown)?;
        token.signer.check(signer)?;
        signer.check_for_time_stamping(time).map_err(TimestampError::Signer)?;
        self.check_path(signer, &known, time, budget)?;
        Ok(time)
    }

    fn check_path(
        &self,
        signer: &Certificate,
        known: &[&Certificate],
        time: Timestamp,
        budget: &mut SignatureBudget,
    ) -> Result<(), TimestampError> {
        let candidates = Candidates::of(signer, known, Purpose::TimeStamping, time);
        let mut candidates = candidates.map_err(TimestampError::Signer)?;
        let mut fault = None;
        for root in &self.roots {
            let cost = candidates.cost_to(root);
            budget.spend_several(cost).map_err(|_| TimestampError::BudgetExhausted)?;
            match candidates.lead_to(root, time) {
                Ok(()) => return Ok(()),
                // A root that has nothing to do with it costs nothing, and says nothing.
                Err(error) if cost > 0 || fault.is_none() => fault = Some(error),
                Err(_) => {}
            }
        }
        Err(fault.map_or(TimestampError::SignerUnknown, TimestampError::Signer))
    }
}
