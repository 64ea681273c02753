//! The way of a layout's bytes to a layout in force.

use std::num::NonZeroU32;

use unbroken_crypto::{KeySet, Owner, SignatureBudget, authenticate};
use unbroken_model::envelope::Envelope;
use unbroken_model::layout::Layout;
use unbroken_model::limits::Limits;
use unbroken_model::timestamp::Timestamp;

use crate::fault::{envelope_finding, layout_finding};
use crate::in_force::InForce;
use crate::verdict::Rejection;

/// Authenticates a layout against every owner key and holds it against the time.
///
/// # Errors
/// A [`Rejection`] of the layout: its form, its signatures, its end.
pub fn open_layout(
    bytes: &[u8],
    owners: &KeySet<Owner>,
    now: Timestamp,
) -> Result<InForce, Box<Rejection>> {
    open_layout_of(bytes, owners, owners.every_key().unwrap_or(NonZeroU32::MIN), now)
}

/// Authenticates a layout against so many of the owner keys and holds it against the time.
///
/// # Errors
/// Those of [`open_layout`].
pub fn open_layout_of(
    bytes: &[u8],
    owners: &KeySet<Owner>,
    threshold: NonZeroU32,
    now: Timestamp,
) -> Result<InForce, Box<Rejection>> {
    let limits = Limits::of_layout();
    let reject = |finding| Box::new(Rejection::of_layout(finding));
    let envelope =
        Envelope::parse(bytes, &limits).map_err(|error| reject(envelope_finding(&error)))?;
    let mut budget = SignatureBudget::default();
    let layout = authenticate::<Layout, Owner>(envelope, owners, threshold, &limits, &mut budget)
        .map_err(|error| reject(layout_finding(&error)))?;
    InForce::at(&layout, now).map_err(|finding| reject(*finding))
}
