//! A chain in the making: a layout, links, and what inspections would give.

use std::collections::BTreeMap;

use unbroken_crypto::{KeyIdStyle, PublicKey};
use unbroken_model::artifact::ArtifactSet;
use unbroken_model::digest::Digest;
use unbroken_model::json::Value;
use unbroken_model::layout::Layout;
use unbroken_model::limits::Limits;
use unbroken_model::timestamp::Timestamp;
use unbroken_verify::{Budget, Ending, InspectionOutcome, Inspectors, Options};

use crate::case::Case;
use crate::certificates;
use crate::draft::{Draft, Signer, artifacts};
use crate::keys;

/// When all tests take place.
const NOW: &str = "2026-06-01T12:00:00Z";

/// A chain whose every part can be changed before it is signed.
#[derive(Clone, Debug)]
pub struct Chain {
    /// The layout.
    pub layout: Draft,
    /// The keys of the owners that the verifier trusts.
    pub owners: Vec<PublicKey>,
    /// The time of the verification.
    pub now: Timestamp,
    /// What the verifier chooses.
    pub options: Options,
    /// The bounds of each document.
    pub limits: Limits,
    /// What the verification may spend.
    pub budget: Budget,
    /// The digest that the chain must name, where the verifier asks for one.
    pub subject: Option<Digest>,
    /// The files that are delivered, by path; none where no files give what the outcomes say.
    pub product: Option<BTreeMap<String, String>>,
    links: BTreeMap<String, Draft>,
    outcomes: BTreeMap<String, InspectionOutcome>,
}

impl Chain {
    /// Begins a chain of a layout that the seeded keys of these names sign and own.
    ///
    /// # Panics
    /// Never.
    pub fn new(layout: &Layout, owners: &[&str]) -> Self {
        let draft = Draft::of(layout);
        Self {
            layout: owners.iter().fold(draft, |draft, owner| draft.signed_by(owner)),
            owners: owners.iter().map(|owner| keys::key(owner).public().clone()).collect(),
            now: NOW.parse().expect("a point in time"),
            // As the program does.
            options: Options { inspectors: Inspectors::Owners, ..Options::default() },
            limits: Limits::default(),
            budget: Budget::default(),
            subject: None,
            product: Some(BTreeMap::new()),
            links: BTreeMap::new(),
            outcomes: BTreeMap::new(),
        }
    }

    /// Hands in evidence under a file name without its ending: `build.210dcc50`, or
    /// `build.210dcc50/compile.be06db20` for that of a sublayout. It replaces what had the name.
    pub fn put(&mut self, stem: impl Into<String>, evidence: Draft) {
        self.links.insert(stem.into(), evidence);
    }

    /// Hands in evidence for a step by the seeded key of this name.
    pub fn put_link(&mut self, by: &str, link: &unbroken_model::link::Link) {
        self.put(keys::stem(link.name.as_str(), by), Draft::of(link).signed_by(by));
    }

    /// Takes evidence away.
    ///
    /// # Panics
    /// When there is none of this name.
    pub fn take(&mut self, stem: &str) -> Draft {
        self.links.remove(stem).unwrap_or_else(|| panic!("the chain has no {stem}"))
    }

    /// Returns the first evidence for a step of the layout itself, to be changed.
    ///
    /// # Panics
    /// When there is none.
    pub fn link(&mut self, step: &str) -> &mut Draft {
        let prefix = format!("{step}.");
        let found = self.links.iter_mut().find(|(stem, _)| stem.starts_with(&prefix));
        found.map_or_else(|| panic!("the chain has no link of {step}"), |(_, draft)| draft)
    }

    /// Makes `child` the sublayout that the seeded key of this name hands in for a step, in place
    /// of its link.
    pub fn put_sublayout(&mut self, step: &str, by: &str, child: Self) {
        let stem = keys::stem(step, by);
        for (inner, link) in child.links {
            self.put(format!("{stem}/{inner}"), link);
        }
        for (name, outcome) in child.outcomes {
            self.outcomes.insert(format!("{stem}/{name}"), outcome);
        }
        self.put(stem, child.layout.signed_by(by));
    }

    /// Lets the seeded key of this name sign links of the step at this index of the layout too.
    pub fn authorise(&mut self, step: usize, name: &str) {
        self.list_key(name);
        let pubkeys = format!("steps/{step}/pubkeys");
        let count = self.layout.get(&pubkeys).as_array().map_or(0, <[_]>::len);
        self.layout.set(&format!("{pubkeys}/{count}"), keys::id(name));
    }

    /// Lists the seeded key of this name in the layout.
    ///
    /// # Panics
    /// Never.
    pub fn list_key(&mut self, name: &str) {
        let key = keys::key(name).public().to_layout_key(KeyIdStyle::default());
        let key = key.expect("the id of a seeded key is one");
        self.layout.set(&format!("keys/{}", key.id), Value::from(key.object));
    }

    /// Lets certificates under a root of this name sign links of the step at this index of the
    /// layout, those that meet this constraint, in JSON.
    pub fn certify(&mut self, step: usize, root: &str, constraint: &str) {
        let pem = certificates::pem(&certificates::root(root));
        self.list_authority("rootcas", root, &pem);
        let place = format!("steps/{step}/cert_constraints");
        if !self.layout.has(&place) {
            self.layout.set_json(&place, "[]");
        }
        let count = self.layout.get(&place).as_array().map_or(0, <[_]>::len);
        self.layout.set_json(&format!("{place}/{count}"), constraint);
    }

    /// Lists an authority by a certificate in PEM: in `rootcas` or `intermediatecas`.
    pub fn list_authority(&mut self, member: &str, name: &str, pem: &str) {
        if !self.layout.has(member) {
            self.layout.set_json(member, "{}");
        }
        let object = certificates::authority_object(name, pem);
        self.layout.set(&format!("{member}/{}", certificates::authority_id(name)), object);
    }

    /// Has the first link of a step signed by the seeded key of this name alone, with this text as
    /// the certificate, and hands it in under the name that it then has.
    ///
    /// # Panics
    /// When there is no link of the step.
    pub fn sign_certified(&mut self, step: &str, name: &str, certificate: &str) {
        let prefix = format!("{step}.");
        let found = self.links.keys().find(|stem| stem.starts_with(&prefix)).cloned();
        let mut link = self.take(&found.unwrap_or_else(|| panic!("the chain has no {step}")));
        link.unsign();
        self.put_certified(step, name, link.signed(Signer::certified(name, certificate)));
    }

    /// Hands in evidence under the name that a link of the seeded key of this name has when a
    /// certificate comes with it.
    pub fn put_certified(&mut self, step: &str, name: &str, evidence: Draft) {
        let id = certificates::authority_id(name);
        self.put(format!("{step}.{}", id.get(..8).unwrap_or(&id)), evidence);
    }

    /// Says what running an inspection gives: it ends well, with these files before and after.
    /// An inspection of a sublayout is named with the evidence that leads to it:
    /// `build.210dcc50/smoke-test`.
    pub fn set_outcome(&mut self, name: &str, materials: ArtifactSet, products: ArtifactSet) {
        let (ending, isolated, output) = (Ending::Exited(0), true, String::new());
        let outcome = InspectionOutcome { materials, products, ending, isolated, output };
        self.outcomes.insert(name.to_owned(), outcome);
    }

    /// Delivers these files and no others.
    pub fn deliver(&mut self, files: &[(&str, &str)]) {
        let owned = files.iter().map(|&(path, text)| (path.to_owned(), text.to_owned()));
        self.product = Some(owned.collect());
    }

    /// Returns what running an inspection gives, to be changed.
    ///
    /// # Panics
    /// When nothing was said of it.
    pub fn outcome(&mut self, name: &str) -> &mut InspectionOutcome {
        self.outcomes.get_mut(name).unwrap_or_else(|| panic!("nothing was said of {name}"))
    }

    /// Says that an inspection is not run.
    pub fn forget_outcome(&mut self, name: &str) {
        self.outcomes.remove(name);
    }

    /// Signs everything.
    pub fn case(&self) -> Case {
        let links = self.links.iter().map(|(stem, draft)| (stem.clone(), draft.bytes()));
        Case {
            now: self.now,
            layout: self.layout.bytes(),
            owners: self.owners.clone(),
            evidence: links.collect(),
            outcomes: self.outcomes.clone(),
            product: self.product.as_ref().map(recorded),
            options: self.options.clone(),
            limits: self.limits,
            budget: self.budget.clone(),
            subject: self.subject.clone(),
        }
    }
}

/// Records a product as an inspection would.
pub(crate) fn recorded(product: &BTreeMap<String, String>) -> ArtifactSet {
    let files: Vec<(&str, &str)> =
        product.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    artifacts(&files)
}
