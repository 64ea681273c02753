//! The decision: a denial, or an admission with a proof for every image under every policy.

use std::collections::{BTreeMap, BTreeSet};

use unbroken_model::digest::Digest;
use unbroken_model::timestamp::Timestamp;
use unbroken_oci::reference::Reference;
use unbroken_policy::{Generation, Policy};
use unbroken_verify::{Admissible, Finding};

use unbroken_policy::code::AdmissionCode;

/// What becomes of a request.
#[derive(Debug)]
pub enum Decision {
    /// It does not come in; at least one failure.
    Deny(Vec<Failure>),
    /// It comes in.
    Admit(Proof),
}

/// That every image of an object was judged under every policy that matches it, and may come in.
///
/// Only [`Docket::decide`] makes one, or its sibling for what runs nothing new.
#[derive(Debug)]
pub struct Proof {
    settled: BTreeMap<Demand, Settlement>,
    relief: Option<Relief>,
}

/// One image under one policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Demand {
    /// The image in the normal form of its name.
    pub image: String,
    /// The policy.
    pub policy: String,
}

/// How a demand was met, or why it was not made.
#[derive(Debug)]
pub enum Settlement {
    /// The chain of the image verified.
    Verified(Verified),
    /// It did not, and the policy only tells of it.
    NotEnforced(Vec<Failure>),
    /// Somebody signed off on an exception.
    Exempt {
        /// Why.
        reason: String,
        /// How long.
        until: Timestamp,
    },
    /// No policy is for the image, and such images may come in.
    Unmatched,
}

/// Why no image of a request has to be verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relief {
    /// The object goes.
    Deleted,
    /// Nothing is run that was not run before: the images are those of the object as it is.
    SameImages,
    /// The subresource has no image: `scale`, `status`, `exec`.
    NoImages,
    /// The namespace is one of those that the settings leave out.
    ExemptNamespace,
    /// Somebody may let in what does not verify, for a while.
    BreakGlass,
}

/// A chain that verified and names the image, under one policy.
#[derive(Clone, Debug)]
pub struct Verified {
    demand: Demand,
    digest: Digest,
}

/// That a chain verified which names an image, under what one policy asks of chains.
///
/// It can be remembered, and opens no door by itself: `Verified::of` holds it against the image
/// and the policy that it is needed for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    generation: Generation,
    digest: Digest,
}

/// Why an image does not come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The stable kind: a finding of the verification, or one of admission.
    pub code: String,
    /// The image as it stands in the object, and where; empty for the object itself.
    pub image: String,
    /// The policy; empty where none is concerned.
    pub policy: String,
    /// The step or inspection, if it is about one.
    pub step: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What would mend it.
    pub remedy: String,
    /// Whether nothing was decided: a registry that does not answer says nothing about a chain.
    pub undecided: bool,
}

/// The demands of one request, and how they are settled.
#[derive(Debug)]
pub struct Docket {
    demands: BTreeSet<Demand>,
    settled: BTreeMap<Demand, Settlement>,
    failures: Vec<Failure>,
}

impl Verified {
    /// Settles what a policy asks of an image by what was proven; `digest` is what the name of the
    /// image led to.
    ///
    /// # Checks
    /// That it was proven of this very image, and under what the policy asks as it is now.
    pub(crate) fn of(
        image: &Reference,
        digest: &Digest,
        policy: &Policy,
        proven: &Proven,
    ) -> Option<Self> {
        let generation = policy.chain.as_ref().ok()?.generation();
        let of_image = image.digest().is_none_or(|named| named == digest);
        (generation == proven.generation && *digest == proven.digest && of_image)
            .then(|| Self { demand: Demand::new(image, &policy.name), digest: digest.clone() })
    }

    /// Returns the digest that was verified.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }
}

impl Proven {
    /// Notes that a verified chain names the image.
    ///
    /// `Admissible` is what `unbroken-verify` gives for a digest that a verified chain names; that
    /// it is of this image is for the caller to see to, who looked the image up.
    pub(crate) fn of(generation: Generation, digest: &Digest, _proof: &Admissible<'_>) -> Self {
        Self { generation, digest: digest.clone() }
    }

    pub(crate) fn generation(&self) -> Generation {
        self.generation
    }

    pub(crate) fn digest(&self) -> &Digest {
        &self.digest
    }

    #[cfg(test)]
    pub(crate) fn for_tests(generation: Generation, digest: Digest) -> Self {
        Self { generation, digest }
    }
}

impl Docket {
    /// Opens the docket of an object's images under the policies that match them.
    pub fn new(demands: BTreeSet<Demand>) -> Self {
        Self { demands, settled: BTreeMap::new(), failures: Vec::new() }
    }

    /// Settles a demand. What is said of one image or policy settles no other.
    pub fn settle(&mut self, demand: Demand, settlement: Settlement) {
        if let Settlement::Verified(verified) = &settlement
            && verified.demand != demand
        {
            return;
        }
        self.settled.insert(demand, settlement);
    }

    /// Notes a failure: nothing that comes later turns it over.
    pub fn fail(&mut self, failure: Failure) {
        self.failures.push(failure);
    }

    /// Decides.
    ///
    /// # Checks
    /// That there is a demand, that every demand is settled, and that nothing failed. A loop that
    /// went over nothing admits nothing.
    pub fn decide(self) -> Decision {
        let Self { demands, settled, mut failures } = self;
        for demand in &demands {
            let failed = failures.iter().any(|it| it.is_of(demand));
            if !settled.contains_key(demand) && !failed {
                failures.push(Failure::not_judged(demand));
            }
        }
        if demands.is_empty() && failures.is_empty() {
            failures.push(Failure::nothing_judged());
        }
        if failures.is_empty() {
            Decision::Admit(Proof { settled, relief: None })
        } else {
            Decision::Deny(failures)
        }
    }

    /// Decides a request that runs nothing new.
    pub(crate) fn relieve(relief: Relief) -> Decision {
        Decision::Admit(Proof { settled: BTreeMap::new(), relief: Some(relief) })
    }
}

impl Proof {
    /// Returns why nothing had to be verified, where that is so.
    pub fn relief(&self) -> Option<Relief> {
        self.relief
    }

    /// Goes through the demands and how they were settled.
    pub fn settled(&self) -> impl Iterator<Item = (&Demand, &Settlement)> {
        self.settled.iter()
    }
}

impl Demand {
    /// Makes the demand of a policy on an image.
    pub fn new(image: &Reference, policy: &str) -> Self {
        Self { image: image.to_string(), policy: policy.to_owned() }
    }
}

impl Failure {
    /// Makes a failure of admission itself.
    pub fn new(code: AdmissionCode, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            code: code.to_string(),
            image: String::new(),
            policy: String::new(),
            step: None,
            message: message.into(),
            remedy: remedy.into(),
            undecided: false,
        }
    }

    /// Makes a failure of a finding of the verification.
    pub fn of_finding(finding: &Finding) -> Self {
        let Finding { code, item, message, remedy, .. } = finding;
        Self {
            code: code.to_string(),
            image: String::new(),
            policy: String::new(),
            step: item.clone(),
            message: message.clone(),
            remedy: remedy.clone(),
            undecided: false,
        }
    }

    /// Names the demand that is not met.
    #[must_use]
    pub fn of(mut self, demand: &Demand) -> Self {
        self.image.clone_from(&demand.image);
        self.policy.clone_from(&demand.policy);
        self
    }

    /// Marks that nothing was decided.
    #[must_use]
    pub fn undecided(mut self) -> Self {
        self.undecided = true;
        self
    }

    fn is_of(&self, demand: &Demand) -> bool {
        self.image == demand.image && self.policy == demand.policy
    }

    fn not_judged(demand: &Demand) -> Self {
        let message = "the image was not judged";
        Self::new(AdmissionCode::NotJudged, message, "report this: it is a mistake of the webhook")
            .of(demand)
            .undecided()
    }

    fn nothing_judged() -> Self {
        let message = "no image was judged";
        Self::new(AdmissionCode::NotJudged, message, "report this: it is a mistake of the webhook")
            .undecided()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;
    use unbroken_model::digest::DigestAlgorithm;
    use unbroken_policy::PolicySet;
    use unbroken_testkit::{Chain, keys};

    use super::*;

    fn demand(image: &str, policy: &str) -> Demand {
        Demand::new(&image.parse().unwrap(), policy)
    }

    fn docket(demands: &[Demand]) -> Docket {
        Docket::new(demands.iter().cloned().collect())
    }

    fn codes(decision: Decision) -> Vec<String> {
        match decision {
            Decision::Deny(failures) => failures.into_iter().map(|it| it.code).collect(),
            Decision::Admit(_) => Vec::new(),
        }
    }

    #[test]
    fn each_demand_has_to_be_settled() {
        let demands = [demand("a", "p"), demand("a", "q"), demand("b", "p")];
        for left_out in 0..demands.len() {
            let mut docket = docket(&demands);
            for (index, demand) in demands.iter().enumerate() {
                if index != left_out {
                    docket.settle(demand.clone(), Settlement::Unmatched);
                }
            }
            assert_eq!(codes(docket.decide()), ["not-judged"], "{left_out}");
        }
        let mut whole = docket(&demands);
        for demand in &demands {
            whole.settle(demand.clone(), Settlement::Unmatched);
        }
        assert!(matches!(whole.decide(), Decision::Admit(proof) if proof.settled().count() == 3));
    }

    #[test]
    fn no_demand_is_no_admission() {
        assert_eq!(codes(docket(&[]).decide()), ["not-judged"]);
    }

    #[test]
    fn what_failed_stays_failed() {
        let demand = demand("a", "p");
        let mut docket = docket(std::slice::from_ref(&demand));
        docket.fail(Failure::new(AdmissionCode::NoPolicy, "none", "add one").of(&demand));
        docket.settle(demand, Settlement::Unmatched);
        assert_eq!(codes(docket.decide()), ["no-policy"]);
    }

    #[test]
    fn what_was_proven_counts_for_its_image_and_its_policy_alone() {
        let layout = String::from_utf8(Chain::pipeline().case().layout).unwrap();
        let owner = |name: &str| json!({"inline": keys::key(name).public().spki_pem()});
        let policies = |owners: &[&str]| {
            let owners: Vec<_> = owners.iter().map(|name| owner(name)).collect();
            let policy = json!({
                "apiVersion": "in-toto.io/v1alpha1", "kind": "ClusterSupplyChainPolicy",
                "metadata": {"name": "acme"},
                "spec": {"images": ["a.example/**"], "layout": {"inline": layout}, "owners": owners},
            });
            let now = Timestamp::from_unix(1_790_000_000);
            PolicySet::parse(&policy.to_string(), Path::new("."), now).unwrap()
        };
        let digest = |letter: &str| -> Digest {
            Digest::from_hex(DigestAlgorithm::Sha256, &letter.repeat(64)).unwrap()
        };
        let (a, b) = (digest("a"), digest("b"));
        let named: Reference = format!("a.example/app@{a}").parse().unwrap();
        let tag: Reference = "a.example/app:1".parse().unwrap();
        let (own, other) = (policies(&["owner"]), policies(&["owner", "stranger"]));
        let policy = own.matching(named.repository(), "prod").next().unwrap();
        let changed = other.matching(named.repository(), "prod").next().unwrap();
        let generation = policy.chain.as_ref().unwrap().generation();
        let of = |digest: &Digest| Proven::for_tests(generation, digest.clone());
        assert!(Verified::of(&named, &a, policy, &of(&a)).is_some());
        assert!(Verified::of(&tag, &a, policy, &of(&a)).is_some());
        assert!(Verified::of(&named, &a, changed, &of(&a)).is_none(), "the policy was changed");
        assert!(Verified::of(&tag, &b, policy, &of(&a)).is_none(), "it is of another image");
        assert!(Verified::of(&named, &b, policy, &of(&b)).is_none(), "the name says another one");
    }

    #[test]
    fn a_chain_that_was_verified_for_one_image_settles_no_other() {
        let (a, b) = (demand("a", "p"), demand("b", "p"));
        let mut docket = docket(std::slice::from_ref(&b));
        let digest = Digest::from_hex(DigestAlgorithm::Sha256, &"a".repeat(64));
        let of_a = Verified { demand: a, digest: digest.unwrap() };
        docket.settle(b, Settlement::Verified(of_a));
        assert_eq!(codes(docket.decide()), ["not-judged"]);
    }
}
