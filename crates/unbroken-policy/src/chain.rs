//! Judges the chain of a policy over the evidence that was found. No command is run: inspections pass by
//! signed links.

use unbroken_crypto::{Inspector, KeySet};
use unbroken_model::limits::Limits;
use unbroken_model::timestamp::Timestamp;
use unbroken_oci::location::Location;
use unbroken_verify::{
    BindingDemands, BindingPolicy, Budget, Freshness, InForce, InspectionCommands, Inspectors,
    NamedEvidence, Options, Pinning, Product, Rejection, Session, VerifiedSupplyChain, open_layout,
    open_layout_of,
};

use crate::{Binding, ChainPolicy, PolicyFault};

/// Why a chain does not pass.
#[derive(Debug)]
pub enum Refusal {
    /// It was examined, and does not hold.
    Rejected(Box<Rejection>),
    /// A key of the policy is not in force now, or what it was.
    Unusable(PolicyFault),
}

impl From<Box<Rejection>> for Refusal {
    fn from(rejection: Box<Rejection>) -> Self {
        Self::Rejected(rejection)
    }
}

impl From<PolicyFault> for Refusal {
    fn from(fault: PolicyFault) -> Self {
        Self::Unusable(fault)
    }
}

impl ChainPolicy {
    /// Verifies a chain by its evidence. That it names an image is for the caller to ask.
    ///
    /// # Errors
    /// The rejection, with all findings, or what is wrong with the keys of the policy at this time.
    pub fn verify(
        &self,
        evidence: &[&NamedEvidence],
        now: Timestamp,
    ) -> Result<VerifiedSupplyChain, Refusal> {
        let in_force = self.open(now)?;
        let demands = &self.demands;
        let options = Options {
            parameters: demands.parameters.clone(),
            inspections: InspectionCommands::Never,
            inspectors: inspectors(demands.inspectors.at(now)?),
            bindings: bindings(&demands.binding, now),
            freshness: Freshness { pin: Pinning::NotKept, minimum: demands.min_layout_version },
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
        Ok(waiting.conclude(Vec::new())?)
    }

    /// Says when the layout ends.
    ///
    /// # Errors
    /// Why it is not in force now.
    pub fn layout_ends(&self, now: Timestamp) -> Result<Timestamp, Refusal> {
        Ok(self.open(now)?.expires())
    }

    /// Returns where evidence lies beside the repository of the image.
    pub fn evidence(&self) -> &[Location] {
        &self.demands.evidence
    }

    fn open(&self, now: Timestamp) -> Result<InForce, Refusal> {
        let (layout, owners) = (&self.demands.layout, self.demands.owners.at(now)?);
        Ok(match self.demands.threshold {
            None => open_layout(layout, &owners, now)?,
            Some(threshold) => open_layout_of(layout, &owners, threshold, now)?,
        })
    }
}

fn inspectors(keys: KeySet<Inspector>) -> Inspectors {
    if keys.iter().next().is_none() { Inspectors::Owners } else { Inspectors::AnyOf(keys) }
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
