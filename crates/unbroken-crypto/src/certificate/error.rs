//! Why a certificate was refused.

use thiserror::Error;

use crate::error::KeyError;

/// Why a certificate does not make its key a functionary's.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// The bytes are no certificate that has one meaning.
    #[error("the certificate cannot be read: {reason}")]
    Malformed {
        /// What is wrong with them.
        reason: String,
    },
    /// The key in the certificate is weak, or of a kind that cannot be used.
    #[error("the key of the certificate cannot be used")]
    Key(#[source] KeyError),
    /// The entry of the layout that holds the certificate has a fault.
    #[error("its entry in the layout is faulty")]
    Entry(#[source] KeyError),
    /// A certificate was put together with a key that it is not of.
    #[error("the certificate of {subject} is of another key")]
    OtherKey {
        /// Who the certificate is of.
        subject: String,
    },
    /// The certificate is not for this: it says so itself.
    #[error("the certificate of {subject} is not one to sign {what} with: {reason}")]
    Usage {
        /// Who it is of.
        subject: String,
        /// What was to be signed.
        what: &'static str,
        /// What it says.
        reason: &'static str,
    },
    /// A certificate of the path is past its end, or before its beginning.
    #[error("{what} is valid from {from} to {until}, and it is judged at {at}")]
    NotInForce {
        /// Which certificate.
        what: String,
        /// The first second in which it is valid.
        from: String,
        /// The last second in which it is valid.
        until: String,
        /// The time.
        at: String,
    },
    /// No path leads from the certificate to a root that counts here.
    #[error("no path leads from the certificate of {subject} to a root: {reason}")]
    NoPath {
        /// Who it is of.
        subject: String,
        /// Why not.
        reason: String,
    },
    /// The certificate is good, and not one that the step's constraints let in.
    #[error("the certificate of {subject} meets no constraint of the step: {reasons}")]
    Constraint {
        /// Who it is of.
        subject: String,
        /// What each constraint misses.
        reasons: String,
    },
    /// More certificates, or paths through them, than are looked at.
    #[error("there are more {what} than are looked at: {limit}")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// Checking it would cost more than was allowed.
    #[error("the budget for signature checks is spent")]
    BudgetExhausted,
}

impl CertificateError {
    pub(crate) fn malformed(reason: impl Into<String>) -> Self {
        Self::Malformed { reason: reason.into() }
    }
}
