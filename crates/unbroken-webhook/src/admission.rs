//! Judges a request: finds its images, asks for a proof of each, and says what came of it.
//!
//! The decision is a function of the request, the policies, the time and what the verifier finds.
//! No part of it believes the object: not its annotations, its owners, or that it is being deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use serde_json::Value;
use unbroken_model::digest::Digest;
use unbroken_model::timestamp::Timestamp;
use unbroken_oci::reference::{Reference, Selector};
use unbroken_oci::registry::Watcher;
use unbroken_policy::{BreakGlass, Cover, Mode, Policy, PolicyFault, PolicySet, Tags, Unmatched};

use crate::decision::{Decision, Demand, Docket, Failure, Relief, Settlement, Verified};
use crate::metrics::Reading;
use crate::review::{Operation, Request};
use crate::workload::{ImageSlot, Unreadable, image_slots};
use unbroken_policy::code::AdmissionCode;

/// Different images of one object. Each may cost a registry some requests.
pub const IMAGES: usize = 64;

/// Subresources with objects of their own, which hold no image.
const WITHOUT_IMAGES: [&str; 8] =
    ["attach", "binding", "eviction", "exec", "log", "portforward", "proxy", "scale"];
/// The subresource that brings the whole object along, of which the API server takes the status alone.
const STATUS: &str = "status";

/// When something is judged, and how long that may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occasion {
    /// The time that ends and validities are held against.
    pub now: Timestamp,
    /// When nobody waits for the answer any more.
    pub until: Option<Instant>,
}

/// Finds out whether the chain of an image verifies.
pub trait Verify {
    /// Looks an image up, once, and judges it under each of the policies, all of which can be used.
    /// The answers are in the order of the policies.
    fn verify(
        &self,
        image: &Reference,
        policies: &[&Policy],
        occasion: Occasion,
    ) -> Vec<Result<Verified, Vec<Failure>>>;

    /// Answers in the same way without waiting for anything; nothing, where that cannot be.
    fn recall(
        &self,
        _image: &Reference,
        _policies: &[&Policy],
        _occasion: Occasion,
    ) -> Option<Vec<Result<Verified, Vec<Failure>>>> {
        None
    }

    /// Returns what it counts itself.
    fn readings(&self) -> Vec<Reading> {
        Vec::new()
    }

    /// Returns what has the credentials that a request may use, where they are other ones, and tells
    /// somebody of its requests to registries, where somebody wants to know.
    fn for_request(
        &self,
        _request: &Request,
        _watcher: Option<Watcher>,
    ) -> Option<Box<dyn Verify + '_>> {
        None
    }

    /// Finds the digest of an image that is named by a tag.
    ///
    /// # Errors
    /// A failure that is undecided.
    fn resolve(&self, image: &Reference, occasion: Occasion) -> Result<Digest, Box<Failure>>;
}

/// What came of a request.
#[derive(Debug)]
pub struct Ruling {
    /// Whether it comes in.
    pub decision: Decision,
    /// What its user is told beside that.
    pub warnings: Vec<String>,
    /// Where each image stands in the object, by the normal form of its name.
    pub places: BTreeMap<String, Vec<String>>,
    /// Why it comes in although it was denied, where somebody was allowed to do that.
    pub broken_glass: Option<String>,
}

/// Judges a request.
pub fn judge(
    request: &Request,
    policies: &PolicySet,
    occasion: impl Into<Occasion>,
    verifier: &dyn Verify,
) -> Ruling {
    let occasion = occasion.into();
    let ruling = match images_to_judge(request, policies) {
        Ok(Images::Relieved(relief)) => Ruling::bare(Docket::relieve(relief)),
        Ok(Images::ToJudge(slots)) => {
            let warnings = Vec::new();
            Course { namespace: &request.namespace, policies, occasion, verifier, warnings }
                .run(slots)
        }
        Err(failure) => Ruling::bare(Decision::Deny(vec![*failure])),
    };
    let user = &request.user;
    match policies.break_glass(&user.name, &user.groups, &request.namespace, occasion.now) {
        Some(permission) => ruling.broken(permission),
        None => ruling,
    }
}

impl From<Timestamp> for Occasion {
    /// Takes as long as it takes.
    fn from(now: Timestamp) -> Self {
        Self { now, until: None }
    }
}

impl Ruling {
    fn bare(decision: Decision) -> Self {
        Self { decision, warnings: Vec::new(), places: BTreeMap::new(), broken_glass: None }
    }

    /// Lets in what was denied, and says so to everybody.
    fn broken(mut self, permission: &BreakGlass) -> Self {
        let Decision::Deny(failures) = &self.decision else { return self };
        let BreakGlass { reason, until, .. } = permission;
        let mut codes: Vec<&str> = failures.iter().map(|failure| failure.code.as_str()).collect();
        codes.dedup();
        self.warnings.insert(0, format!("break-glass until {until}: {reason}"));
        self.warnings.extend(failures.iter().map(|failure| {
            let Failure { code, image, message, .. } = failure;
            format!("[{code}] {image}: {message}")
        }));
        self.broken_glass = Some(format!("until {until}: {reason}; {}", codes.join(" ")));
        self.decision = Docket::relieve(Relief::BreakGlass);
        self
    }
}

/// What there is to judge of a request.
#[derive(Debug)]
pub(crate) enum Images {
    /// Nothing.
    Relieved(Relief),
    /// The images that the object does not have yet.
    ToJudge(Vec<ImageSlot>),
}

/// Finds the images of a request that were not there before.
pub(crate) fn images_to_judge(
    request: &Request,
    policies: &PolicySet,
) -> Result<Images, Box<Failure>> {
    match request.operation {
        Operation::Delete => return Ok(Images::Relieved(Relief::Deleted)),
        Operation::Connect => return Ok(Images::Relieved(Relief::NoImages)),
        Operation::Create | Operation::Update => {}
    }
    if is_without_images(request, policies) {
        return Ok(Images::Relieved(Relief::NoImages));
    }
    // The namespace is the API server's word, and no pattern: `kube-system-evil` is another one.
    if policies.settings.exempt_namespaces.contains(&request.namespace)
        && !request.namespace.is_empty()
    {
        return Ok(Images::Relieved(Relief::ExemptNamespace));
    }
    if let Some(what) = &policies.waiting_for {
        let message = format!("the policies are not all known yet: {what}");
        let remedy = "try again; look at the log of the webhook if it goes on";
        return Err(Box::new(Failure::new(AdmissionCode::Undecided, message, remedy).undecided()));
    }
    let slots = slots_of(request, request.object.as_ref(), policies)
        .map_err(|fault| Box::new(unreadable(request, &fault)))?;
    // What a running object has already is not asked for again: nothing else could be scaled down
    // or finished off. Whether it is being deleted is not asked: that is no reason to run more.
    let old = match request.operation {
        Operation::Update => slots_of(request, request.old_object.as_ref(), policies),
        _ => Ok(Vec::new()),
    };
    // A volume that becomes a container is run for the first time.
    let old = old.unwrap_or_default();
    let before: BTreeSet<(&str, &str)> =
        old.iter().map(|slot| (slot.list(), slot.image.as_str())).collect();
    let is_new = |slot: &ImageSlot| !before.contains(&(slot.list(), slot.image.as_str()));
    let new: Vec<ImageSlot> = slots.into_iter().filter(is_new).collect();
    let same = new.is_empty();
    Ok(if same { Images::Relieved(Relief::SameImages) } else { Images::ToJudge(new) })
}

/// Tells whether the request is about a subresource that runs nothing. By its name alone it is not: a
/// whole Deployment is none of `scale`, whatever the request calls it.
fn is_without_images(request: &Request, policies: &PolicySet) -> bool {
    let custom = || policies.settings.kinds.iter().any(|custom| custom.kind == request.kind);
    match request.subresource.as_str() {
        STATUS => request.operation == Operation::Update,
        other => WITHOUT_IMAGES.contains(&other) && !request.kind.is_built_in() && !custom(),
    }
}

fn slots_of(
    request: &Request,
    object: Option<&Value>,
    policies: &PolicySet,
) -> Result<Vec<ImageSlot>, Unreadable> {
    let nothing = || Unreadable::Member { place: "object".to_owned(), due: "there" };
    image_slots(&request.kind, object.ok_or_else(nothing)?, &policies.settings.kinds)
}

fn unreadable(request: &Request, fault: &Unreadable) -> Failure {
    let kind = &request.kind;
    match fault {
        Unreadable::UnknownKind => Failure::new(
            AdmissionCode::KindUnknown,
            format!("where images stand in a {} of {:?} is not known", kind.kind, kind.group),
            "tell of the kind in AdmissionSettings, or take it out of the webhook's rules",
        ),
        Unreadable::Member { place, due } => Failure::new(
            AdmissionCode::ObjectUnreadable,
            format!("{place} is not {due}"),
            "correct the object",
        ),
        Unreadable::NoImage { place } => Failure::new(
            AdmissionCode::ImageMissing,
            format!("{place} has no image"),
            "name an image by its digest",
        ),
        Unreadable::OtherKind => Failure::new(
            AdmissionCode::ObjectUnreadable,
            format!("the object is no {} of {:?}, as the request has it", kind.kind, kind.group),
            "correct the object",
        ),
        Unreadable::NoContainer => Failure::new(
            AdmissionCode::ObjectUnreadable,
            "the object has no container",
            "correct the object",
        ),
    }
}

/// Tells of a policy that cannot be used.
pub(crate) fn unusable(fault: &PolicyFault) -> Failure {
    if fault.undecided {
        let message = format!("what the policy names cannot be read: {fault}");
        let remedy = "look at the place that the policy names, and at what it is reached with";
        return Failure::new(AdmissionCode::Undecided, message, remedy).undecided();
    }
    let message = format!("the policy cannot be used: {fault}");
    Failure::new(AdmissionCode::PolicyInvalid, message, "correct the policy")
}

/// The judgement of one request.
struct Course<'a> {
    namespace: &'a str,
    policies: &'a PolicySet,
    occasion: Occasion,
    verifier: &'a dyn Verify,
    warnings: Vec<String>,
}

impl Course<'_> {
    fn run(mut self, slots: Vec<ImageSlot>) -> Ruling {
        let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut images: BTreeMap<String, Reference> = BTreeMap::new();
        let mut failures = Vec::new();
        for slot in slots {
            match slot.reference() {
                Ok(image) => {
                    places.entry(image.to_string()).or_default().push(slot.place);
                    images.insert(image.to_string(), image);
                }
                Err(fault) => {
                    let remedy = "name it as registry/repository@sha256:...";
                    let mut failure = Failure::new(AdmissionCode::ImageNameInvalid, fault, remedy);
                    failure.image = slot.place;
                    failures.push(failure);
                }
            }
        }
        if images.len() > IMAGES {
            let message = format!("the object has {} images", images.len());
            let remedy = format!("spread it over several: {IMAGES} are judged at most");
            failures.push(Failure::new(AdmissionCode::TooManyImages, message, remedy));
        }
        // What cannot come in anyhow costs no registry a request.
        if !failures.is_empty() {
            let (decision, warnings) = (Decision::Deny(failures), self.warnings);
            return Ruling { decision, warnings, places, broken_glass: None };
        }
        let demands = images.values().flat_map(|image| self.demands(image)).collect();
        let mut docket = Docket::new(demands);
        for image in images.values() {
            self.judge(image, &mut docket);
        }
        let decision = docket.decide();
        Ruling { decision, warnings: self.warnings, places, broken_glass: None }
    }

    /// Returns what is asked of an image: an image that no policy is for is asked for one.
    fn demands(&self, image: &Reference) -> Vec<Demand> {
        let matching = self.policies.matching(image.repository(), self.namespace);
        let demands = matching.map(|it| Demand::new(image, &it.name));
        let unmatched = self.is_unmatched(image).then(|| Demand::new(image, ""));
        demands.chain(unmatched).collect()
    }

    fn judge(&mut self, image: &Reference, docket: &mut Docket) {
        let repository = image.repository();
        let exemption = self.policies.exemption(repository, self.namespace, self.occasion.now);
        if let Some(exemption) = exemption {
            let (reason, until) = (&exemption.reason, exemption.until);
            self.warnings.push(format!("{image} is exempt until {until}: {reason}"));
            for demand in self.demands(image) {
                docket.settle(demand, Settlement::Exempt { reason: reason.clone(), until });
            }
            return;
        }
        let matching: Vec<&Policy> = self.policies.matching(repository, self.namespace).collect();
        if self.is_unmatched(image) {
            self.judge_unmatched(image, docket);
        }
        if matching.is_empty() {
            return;
        }
        let (usable, broken): (Vec<&Policy>, Vec<&Policy>) =
            matching.into_iter().partition(|policy| policy.chain.is_ok());
        for policy in broken {
            let failure = policy.chain.as_ref().err().map(unusable);
            self.note(image, policy, Err(failure.into_iter().collect()), docket);
        }
        let by_tag = matches!(image.selector(), Selector::Tag(_));
        if by_tag && self.policies.settings.tags == Tags::Deny {
            for policy in usable {
                let failure = Failure::new(
                    AdmissionCode::ImageByTag,
                    "the image is named by a tag, which may name another one when it is pulled",
                    "name it by its digest, or let the mutating webhook do so",
                );
                self.note(image, policy, Err(vec![failure]), docket);
            }
            return;
        }
        if usable.is_empty() {
            return;
        }
        let answers = self.verifier.verify(image, &usable, self.occasion);
        for (policy, answer) in usable.into_iter().zip(answers) {
            if by_tag && let Ok(verified) = &answer {
                let digest = verified.digest();
                self.warnings.push(format!("{image} is a tag; {digest} was verified"));
            }
            self.note(image, policy, answer, docket);
        }
    }

    /// Tells whether an image is asked for a policy: that of a namespace lets nothing in by itself.
    fn is_unmatched(&self, image: &Reference) -> bool {
        self.policies.cover(image.repository(), self.namespace) != Cover::Enough
    }

    fn judge_unmatched(&mut self, image: &Reference, docket: &mut Docket) {
        let demand = Demand::new(image, "");
        let cover = self.policies.cover(image.repository(), self.namespace);
        let failure = if cover == Cover::NotKnown {
            let message = "whether a policy is for the image is not known: the labels of the namespace are not known";
            let remedy = "try again; labels of namespaces are known to `serve --cluster` alone";
            Failure::new(AdmissionCode::Undecided, message, remedy).undecided()
        } else {
            Failure::new(
                AdmissionCode::NoPolicy,
                "no policy is for the image",
                "add its repository to a policy, or take the image from one that has a policy",
            )
        };
        let failure = failure.of(&demand);
        match self.policies.settings.unmatched {
            Unmatched::Deny => docket.fail(failure),
            Unmatched::Warn => {
                self.warnings.push(format!("[{}] {image}: {}", failure.code, failure.message));
                docket.settle(demand, Settlement::NotEnforced(vec![failure]));
            }
            Unmatched::Admit => docket.settle(demand, Settlement::Unmatched),
        }
    }

    /// Settles the demand of a policy. What its mode makes of a failure is decided here, afterwards.
    fn note(
        &mut self,
        image: &Reference,
        policy: &Policy,
        answer: Result<Verified, Vec<Failure>>,
        docket: &mut Docket,
    ) {
        let demand = Demand::new(image, &policy.name);
        let failures: Vec<Failure> = match answer {
            Ok(verified) => return docket.settle(demand, Settlement::Verified(verified)),
            Err(failures) => failures.into_iter().map(|failure| failure.of(&demand)).collect(),
        };
        match policy.mode {
            // No reason given is none to come in: the demand stays open.
            Mode::Enforce => failures.into_iter().for_each(|failure| docket.fail(failure)),
            Mode::Warn => {
                let name = &policy.name;
                self.warnings.extend(failures.iter().map(|failure| {
                    let Failure { code, message, .. } = failure;
                    format!("[{code}] {image} under {name}, which only warns: {message}")
                }));
                docket.settle(demand, Settlement::NotEnforced(failures));
            }
            Mode::Audit => docket.settle(demand, Settlement::NotEnforced(failures)),
        }
    }
}
