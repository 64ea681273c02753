//! Judges the chain of a policy over the evidence that was found. No command is run: inspections pass by
//! signed links.

use unbroken_crypto::{Inspector, KeySet};
use unbroken_model::limits::Limits;
use unbroken_model::timestamp::Timestamp;
use unbroken_verify::{
    BindingDemands, BindingPolicy, Budget, Freshness, InForce, InspectionCommands, Inspectors,
    NamedEvidence, Options, Pinning, Product, Rejection, Session, VerifiedSupplyChain, open_layout,
    open_layout_of,
};

use crate::{Binding, ChainPolicy};

impl ChainPolicy {
    /// Verifies a chain by its evidence. That it names an image is for the caller to ask.
    ///
    /// # Errors
    /// The rejection, with all findings.
    pub fn verify(
        &self,
        evidence: &[&NamedEvidence],
        now: Timestamp,
    ) -> Result<VerifiedSupplyChain, Box<Rejection>> {
        let in_force = self.open(now)?;
        let options = Options {
            parameters: self.parameters.clone(),
            inspections: InspectionCommands::Never,
            inspectors: inspectors(&self.inspectors),
            bindings: bindings(&self.binding, now),
            freshness: Freshness { pin: Pinning::NotKept, minimum: self.min_layout_version },
            ..Options::default()
        };
        let (limits, budget) = (Limits::default(), Budget::default());
        let mut session = Session::open(in_force, now, options, limits, budget);
        loop {
            let requests = session.requests();
            if requests.is_empty() {
                break;
            }
            for request in requests {
                let pieces: Vec<_> =
                    evidence.iter().filter_map(|piece| piece.for_request(&request)).collect();
                session.submit_all(request.chain, &pieces);
            }
        }
        let mut waiting = session.evaluate()?;
        waiting.stand_in(Product::NotAtHand);
        waiting.conclude(Vec::new())
    }

    /// Says when the layout ends, if it is in force now.
    pub fn layout_ends(&self, now: Timestamp) -> Option<Timestamp> {
        self.open(now).ok().map(|layout| layout.expires())
    }

    fn open(&self, now: Timestamp) -> Result<InForce, Box<Rejection>> {
        match self.threshold {
            None => open_layout(&self.layout, &self.owners, now),
            Some(threshold) => open_layout_of(&self.layout, &self.owners, threshold, now),
        }
    }
}

fn inspectors(keys: &KeySet<Inspector>) -> Inspectors {
    if keys.iter().next().is_none() { Inspectors::Owners } else { Inspectors::AnyOf(keys.clone()) }
}

fn bindings(binding: &Binding, now: Timestamp) -> BindingPolicy {
    match binding {
        Binding::Optional => BindingPolicy::Report,
        Binding::Required { max_age } => {
            let youngest = |age: u32| now.unix().saturating_sub(i64::from(age));
            let not_before = max_age.map(|age| Timestamp::from_unix(youngest(age)));
            BindingPolicy::Require(BindingDemands { nonce: None, not_before })
        }
    }
}
