//! The one mint of authenticated metadata.
//!
//! This file is short so that it can be read whole: nothing else can make an [`Authentic`].

use std::fmt;
use std::marker::PhantomData;
use std::num::NonZeroU32;

use unbroken_model::envelope::{Envelope, Payload};
use unbroken_model::limits::Limits;

use crate::error::AuthenticationError;
use crate::hash;
use crate::key::PublicKey;
use crate::keyset::KeySet;
use crate::threshold;
use crate::votes::{self, SignatureBudget};

/// Metadata that enough distinct keys of the role `R` signed.
///
/// A value exists only because [`authenticate`] checked the signatures. It cannot be made in any
/// other way, and it cannot be copied:
/// ```compile_fail
/// use unbroken_crypto::{Authentic, Owner};
/// use unbroken_model::layout::Layout;
/// fn forge(payload: Layout) -> Authentic<Layout, Owner> {
///     Authentic { payload, signers: Vec::new(), signed: [0; 32], role: std::marker::PhantomData }
/// }
/// ```
/// ```compile_fail
/// use unbroken_crypto::{Authentic, Owner};
/// use unbroken_model::layout::Layout;
/// fn copy(layout: &Authentic<Layout, Owner>) -> Authentic<Layout, Owner> {
///     Authentic::clone(layout)
/// }
/// ```
/// What functionaries signed is not what owners signed:
/// ```compile_fail
/// use unbroken_crypto::{Authentic, Functionary, Owner};
/// use unbroken_model::layout::Layout;
/// fn promote(layout: Authentic<Layout, Functionary>) -> Authentic<Layout, Owner> {
///     layout
/// }
/// ```
pub struct Authentic<T, R> {
    payload: T,
    signers: Vec<PublicKey>,
    signed: [u8; 32],
    role: PhantomData<R>,
}

/// Checks the signatures of an envelope, opens it, and decodes what it holds.
///
/// # Checks
/// That at least `threshold` distinct keys of the set signed the bytes that came, each by its own
/// scheme; then that these same bytes are a `T`, within `limits`.
///
/// # Does not check
/// Whether a layout has expired, whether the signers may sign for this step, or anything else that
/// the payload says.
///
/// # Errors
/// [`AuthenticationError`]; when the threshold is not met it tells what became of each signature.
pub fn authenticate<T: Payload, R>(
    envelope: Envelope<'_>,
    keys: &KeySet<R>,
    threshold: NonZeroU32,
    limits: &Limits,
    budget: &mut SignatureBudget,
) -> Result<Authentic<T, R>, AuthenticationError> {
    if keys.is_empty() {
        return Err(AuthenticationError::NoKeys);
    }
    let signatures = votes::check(&envelope, keys, budget)?;
    if let Err(short) = threshold::reached(votes::voters(&signatures), threshold) {
        let threshold::NotReached { found, needed } = short;
        return Err(AuthenticationError::ThresholdNotMet { found, needed, signatures });
    }
    let signed = hash::sha256(envelope.signing_input());
    let payload = envelope.into_unverified_payload().decode(limits);
    let payload = payload.map_err(AuthenticationError::Payload)?;
    let mut signers: Vec<PublicKey> = votes::signers(&signatures).cloned().collect();
    signers.sort();
    signers.dedup();
    Ok(Authentic { payload, signers, signed, role: PhantomData })
}

impl<T, R> Authentic<T, R> {
    /// Returns the metadata.
    pub fn get(&self) -> &T {
        &self.payload
    }

    /// Returns the distinct keys that signed it, ordered by material: at least as many as the
    /// threshold asked for.
    pub fn signers(&self) -> &[PublicKey] {
        &self.signers
    }

    /// Returns the SHA-256 digest of the bytes that were signed: further signatures do not change it.
    pub fn signed_digest(&self) -> [u8; 32] {
        self.signed
    }
}

impl<T: fmt::Debug, R> fmt::Debug for Authentic<T, R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Authentic")
            .field("payload", &self.payload)
            .field("signers", &self.signers)
            .finish_non_exhaustive()
    }
}
