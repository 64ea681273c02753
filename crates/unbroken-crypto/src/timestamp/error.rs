//! Why a time-stamp token proves nothing.

use thiserror::Error;
use unbroken_model::envelope::SignatureHintError;

use crate::certificate::CertificateError;

/// Why a time-stamp token proves nothing.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TimestampError {
    /// What stands with the signature has not the form in which tokens are written there.
    #[error(transparent)]
    Hint(#[from] SignatureHintError),
    /// The bytes are no token that has one meaning.
    #[error("it cannot be read: {reason}")]
    Malformed {
        /// What is wrong with them.
        reason: &'static str,
    },
    /// It rests on a digest, or is signed in a way, that proves nothing.
    #[error("it rests on what proves nothing (SHA-1 and the like): {what}")]
    Weak {
        /// What does.
        what: &'static str,
    },
    /// The answer of the authority is a refusal.
    #[error("the authority refused to give one")]
    NotGranted,
    /// The signature beside which it stands is not of the certificate's key over what was signed.
    #[error("the signature that it stands with does not hold")]
    NoSignature,
    /// It is over other bytes.
    #[error("it is of other bytes than those of the signature")]
    OtherBytes,
    /// It is of a time that has not come.
    #[error("it is of {time}, and it is {now}")]
    Future {
        /// The time of the token.
        time: String,
        /// The time of the verification.
        now: String,
    },
    /// The certificate of who signed it is neither in it nor named by the verifier.
    #[error("the certificate of who signed it is not at hand")]
    SignerUnknown,
    /// Its own signature is not of who it says.
    #[error("its signature does not hold")]
    Signature,
    /// Who signed it is no time-stamp authority whom the verifier named.
    #[error("who signed it is no authority that was named")]
    Signer(#[source] CertificateError),
    /// Checking it would cost more than was allowed.
    #[error("the budget for signature checks is spent")]
    BudgetExhausted,
}

impl TimestampError {
    pub(super) const fn malformed(reason: &'static str) -> Self {
        Self::Malformed { reason }
    }
}
