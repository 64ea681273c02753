//! Reviews that need no registry: what is remembered answers at once.

use std::cell::Cell;

use unbroken_model::digest::Digest;
use unbroken_oci::reference::Reference;
use unbroken_policy::{Policy, PolicySet};

use crate::admission::{Occasion, Ruling, Verify, judge};
use crate::decision::{Failure, Verified};
use crate::review::Request;
use unbroken_policy::code::AdmissionCode;

/// Judges a request without waiting for anything; nothing, where that cannot be.
pub fn judge_at_once(
    request: &Request,
    policies: &PolicySet,
    occasion: Occasion,
    verifier: &dyn Verify,
) -> Option<Ruling> {
    let recalling = Recalling { verifier, missed: Cell::new(false) };
    let ruling = judge(request, policies, occasion, &recalling);
    (!recalling.missed.get()).then_some(ruling)
}

/// Proves only what is remembered. What is not is noted, and is no admission either.
struct Recalling<'a> {
    verifier: &'a dyn Verify,
    missed: Cell<bool>,
}

impl Verify for Recalling<'_> {
    fn verify(
        &self,
        image: &Reference,
        policies: &[&Policy],
        occasion: Occasion,
    ) -> Vec<Result<Verified, Vec<Failure>>> {
        // After the first that is missing nothing counts any more.
        let recalled = || self.verifier.recall(image, policies, occasion);
        let recalled = if self.missed.get() { None } else { recalled() };
        recalled.unwrap_or_else(|| {
            self.missed.set(true);
            policies.iter().map(|_| Err(Vec::new())).collect()
        })
    }

    fn resolve(&self, _: &Reference, _: Occasion) -> Result<Digest, Box<Failure>> {
        self.missed.set(true);
        let message = "a tag is looked up each time";
        Err(Box::new(Failure::new(AdmissionCode::Undecided, message, "ask the registry")))
    }
}
