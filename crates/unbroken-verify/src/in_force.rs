//! Layouts that bind now.

use unbroken_crypto::{Authentic, Functionary, Owner, PublicKey, hash};
use unbroken_model::canonical_json;
use unbroken_model::envelope::{Payload, StepEvidence};
use unbroken_model::layout::Layout;
use unbroken_model::timestamp::Timestamp;

use crate::finding::{Finding, FindingCode};
use crate::layout_check;

/// A layout whose signatures hold and whose end has not come.
#[derive(Debug)]
pub struct InForce {
    layout: Layout,
    signers: Vec<PublicKey>,
    digest: [u8; 32],
}

/// The parts of a layout in force.
pub(crate) struct Parts {
    pub(crate) layout: Layout,
    pub(crate) signers: Vec<PublicKey>,
    /// The digest of the bytes that were signed.
    pub(crate) digest: [u8; 32],
}

impl InForce {
    /// Holds a layout against the time (specification 1.0, section 5.2, step 2).
    ///
    /// # Checks
    /// That `now` is before the layout's end, at which very second it is expired; and that none of its
    /// lists is longer than a verification looks at.
    ///
    /// # Does not check
    /// Signatures: the argument's type says that this was done. The layout's contents:
    /// [`Session::open`](crate::Session::open) does.
    ///
    /// # Errors
    /// A [`FindingCode::LayoutExpired`] or a [`FindingCode::BudgetExceeded`].
    pub fn at(layout: &Authentic<Layout, Owner>, now: Timestamp) -> Result<Self, Box<Finding>> {
        Self::check(layout.get(), layout, now)
    }

    /// The same for a sublayout, which functionaries of the step sign.
    pub(crate) fn sublayout_at(
        evidence: &Authentic<StepEvidence, Functionary>,
        now: Timestamp,
    ) -> Option<Result<Self, Box<Finding>>> {
        match evidence.get() {
            StepEvidence::Sublayout(layout) => Some(Self::check(layout, evidence, now)),
            StepEvidence::Link(_) => None,
        }
    }

    fn check<T, R>(
        layout: &Layout,
        authentic: &Authentic<T, R>,
        now: Timestamp,
    ) -> Result<Self, Box<Finding>> {
        if let Some(finding) = layout_check::too_long(layout) {
            return Err(Box::new(finding));
        }
        if now < layout.expires {
            let (layout, signers) = (layout.clone(), authentic.signers().to_vec());
            return Ok(Self { layout, signers, digest: authentic.signed_digest() });
        }
        let message = format!("the layout expired at {} (it is {now})", layout.expires);
        let remedy = "the owner renews the layout: a later `expires`, signed again";
        Err(Box::new(Finding::error(FindingCode::LayoutExpired, message, remedy)))
    }

    /// Returns the second from which on the layout no longer binds.
    pub fn expires(&self) -> Timestamp {
        self.layout.expires
    }

    /// Returns the digest of what the layout says: the same in whatever bytes and envelope it came.
    pub(crate) fn identity(&self) -> [u8; 32] {
        hash::sha256(&canonical_json::encode(&self.layout.to_value()))
    }

    pub(crate) fn into_parts(self) -> Parts {
        let Self { layout, signers, digest } = self;
        Parts { layout, signers, digest }
    }
}
