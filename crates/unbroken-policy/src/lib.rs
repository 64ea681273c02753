//! Policies: which images have to have which chain, and what else is set.
//!
//! The command line and admission read them here, and judge chains by them here, so that both come to the same.

mod chain;
pub mod code;
mod generation;
mod keys;
pub mod kind;
pub mod pattern;
pub mod selector;
mod settings;
pub mod source;
mod wire;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use thiserror::Error;
use unbroken_crypto::{Inspector, Owner};
use unbroken_model::timestamp::Timestamp;
use unbroken_oci::location::Location;
use unbroken_oci::reference::Repository;

pub use self::chain::Refusal;
pub use self::generation::Generation;
use self::keys::KeyTexts;
use self::kind::CustomKind;
use self::pattern::{ImagePattern, NamePattern};
use self::selector::{LabelSelector, Labels};
use self::source::Sources;

/// All policies and settings of a moment.
#[derive(Debug, Default)]
pub struct PolicySet {
    /// What is set for all policies.
    pub settings: Settings,
    /// The policies, those too that cannot be used.
    pub policies: Vec<Arc<Policy>>,
    /// The labels of the namespaces that are known.
    pub namespaces: Arc<BTreeMap<String, Labels>>,
    /// Why not all policies are known yet, where that is so: nothing comes in before they are.
    pub waiting_for: Option<String>,
}

/// What is set for all policies.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What happens to an image that no policy is for.
    pub unmatched: Unmatched,
    /// What happens to an image that is named by a tag.
    pub tags: Tags,
    /// Namespaces whose objects are not looked at, each by its whole name.
    pub exempt_namespaces: Vec<String>,
    /// Exceptions that somebody signed off on.
    pub exemptions: Vec<Exemption>,
    /// Who may let in for a while what does not verify.
    pub break_glass: Vec<BreakGlass>,
    /// Kinds of objects beside those of Kubernetes.
    pub kinds: Vec<CustomKind>,
    /// Namespaces for whose images a policy of the namespace itself is enough.
    pub delegated: Vec<NamePattern>,
}

/// What happens to an image that no policy is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unmatched {
    /// It does not come in.
    #[default]
    Deny,
    /// It comes in, with a warning.
    Warn,
    /// It comes in.
    Admit,
}

/// What happens to an image that is named by a tag: what runs later may be another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tags {
    /// It does not come in.
    #[default]
    Deny,
    /// The image that the tag names at the moment is judged, with a warning.
    Warn,
}

/// An exception for some images, for some time.
#[derive(Clone, Debug)]
pub struct Exemption {
    /// The images.
    pub images: Vec<ImagePattern>,
    /// The namespaces.
    pub namespaces: Vec<NamePattern>,
    /// Why.
    pub reason: String,
    /// When it ends.
    pub until: Timestamp,
}

/// A permission to let in what does not verify, for some users, for some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakGlass {
    /// The users, by their whole names.
    pub users: Vec<String>,
    /// The groups, by their whole names.
    pub groups: Vec<String>,
    /// The namespaces.
    pub namespaces: Vec<NamePattern>,
    /// Why.
    pub reason: String,
    /// When it ends.
    pub until: Timestamp,
}

/// A policy: images, and the chain that each of them has to have.
#[derive(Debug)]
pub struct Policy {
    /// The name, unlike that of any other: `acme` and `SupplyChainPolicy/NAMESPACE/acme` in a file, else
    /// `ClusterSupplyChainPolicy/acme` and `NAMESPACE/acme`.
    pub name: String,
    /// Who made it.
    pub reach: Reach,
    /// The images; empty, where that could not be read, for all.
    pub images: Vec<ImagePattern>,
    /// The namespaces; empty for all.
    pub namespaces: Vec<NamePattern>,
    /// The labels of the namespaces, where that is asked.
    pub selector: Option<LabelSelector>,
    /// What a failure means.
    pub mode: Mode,
    /// What is asked of a chain, or why that is not known: such a policy denies what it covers.
    pub chain: Result<ChainPolicy, PolicyFault>,
}

/// Whether there is a policy that is enough for an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cover {
    /// There is.
    Enough,
    /// There may be: the labels of the namespace are not known.
    NotKnown,
    /// There is none.
    Nothing,
}

/// How far a policy reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Whoever may set policies for the whole cluster made it.
    Cluster,
    /// It is of a namespace: it asks for more there, and is enough by itself nowhere else than where
    /// the settings say so.
    Namespace(String),
}

/// What a failure means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The object does not come in.
    #[default]
    Enforce,
    /// It comes in, and the user is warned.
    Warn,
    /// It comes in, and the audit log has it.
    Audit,
}

/// What is asked of a chain, and what all of it comes to.
#[derive(Debug)]
pub struct ChainPolicy {
    demands: Demands,
    generation: Generation,
}

/// What is asked of a chain.
#[derive(Debug)]
struct Demands {
    /// The signed layout as it came.
    layout: Vec<u8>,
    /// Its owners.
    owners: KeyTexts<Owner>,
    /// How many of them have to have signed; all, if it is not said.
    threshold: Option<NonZeroU32>,
    /// The lowest version that the layout may have.
    min_layout_version: Option<u64>,
    /// Values for its parameters.
    parameters: BTreeMap<String, String>,
    /// Where evidence lies beside the repository of the image.
    evidence: Vec<Location>,
    /// Who may sign for inspections, any of them; where nobody is named, the owners together.
    inspectors: KeyTexts<Inspector>,
    /// What is asked of the binding of links.
    binding: Binding,
}

/// What is asked of the binding of links to the layout.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Binding {
    /// Nothing.
    #[default]
    Optional,
    /// That links were made for this layout.
    Required {
        /// How many seconds ago they may have been begun.
        max_age: Option<u32>,
    },
}

/// Why a policy cannot be used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{text}")]
pub struct PolicyFault {
    text: String,
    /// Whether something that it names was not there to be read, which says nothing about the policy.
    pub undecided: bool,
}

/// Why a file holds no policies at all.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct Unreadable(String);

impl PolicySet {
    /// Reads policies and settings in YAML, several documents if there are.
    ///
    /// Files that they name are looked for below `folder`. A policy that cannot be used is kept as one
    /// that denies what it covers.
    ///
    /// # Errors
    /// [`Unreadable`], for what holds no policy that could be told from others, and for settings that
    /// cannot be used.
    pub fn parse(text: &str, folder: &Path, now: Timestamp) -> Result<Self, Unreadable> {
        wire::parse(text, folder, now).map_err(Unreadable)
    }

    /// Returns the policies that are for an image in a namespace.
    pub fn matching<'a>(
        &'a self,
        image: &'a Repository,
        namespace: &'a str,
    ) -> impl Iterator<Item = &'a Policy> {
        let labels = self.namespaces.get(namespace);
        let policies = self.policies.iter().map(Arc::as_ref);
        policies.filter(move |policy| policy.matches(image, namespace, labels))
    }

    /// Tells whether somebody who may say so has a policy for an image. Whoever may write into a namespace
    /// would else let any image in, by a policy with keys of his own.
    pub fn cover(&self, image: &Repository, namespace: &str) -> Cover {
        let delegated = self.settings.delegated.iter().any(|pattern| pattern.matches(namespace));
        // What may be for other namespaces is asked for, but nothing comes in because there is one: the policy
        // of `env: dev` would be enough for everything.
        let may_be_of_others =
            |policy: &Policy| policy.selector.is_some() && !self.namespaces.contains_key(namespace);
        let mut cover = Cover::Nothing;
        for policy in self.matching(image, namespace) {
            if may_be_of_others(policy) {
                cover = Cover::NotKnown;
            } else if delegated || policy.reach == Reach::Cluster {
                return Cover::Enough;
            }
        }
        cover
    }

    /// Returns a permission for a user to let in what does not verify, if there is one that has not ended.
    ///
    /// Nothing of the object counts: its author would give himself the permission.
    pub fn break_glass(
        &self,
        user: &str,
        of_groups: &[String],
        namespace: &str,
        now: Timestamp,
    ) -> Option<&BreakGlass> {
        self.settings.break_glass.iter().find(|permission| {
            let BreakGlass { users, groups, namespaces, until, reason: _ } = permission;
            let is_meant =
                users.iter().any(|it| it == user) || groups.iter().any(|it| of_groups.contains(it));
            is_meant
                && now.unix() < until.unix()
                && namespaces.iter().any(|pattern| pattern.matches(namespace))
        })
    }

    /// Returns an exception for an image that has not ended.
    pub fn exemption(
        &self,
        image: &Repository,
        namespace: &str,
        now: Timestamp,
    ) -> Option<&Exemption> {
        self.settings.exemptions.iter().find(|exemption| {
            now.unix() < exemption.until.unix()
                && exemption.images.iter().any(|pattern| pattern.matches(image))
                && is_of(&exemption.namespaces, namespace)
        })
    }
}

impl Policy {
    /// Returns the schema of a policy as it is written, made of the types that read it.
    pub fn schema() -> Value {
        let settings = schemars::generate::SchemaSettings::draft07().with(|settings| {
            settings.inline_subschemas = true;
            settings.meta_schema = None;
        });
        settings.into_generator().into_root_schema_for::<wire::PolicyWire>().to_value()
    }

    /// Reads the policy of an object of the cluster. One that cannot be used denies what it covers.
    pub fn read(
        name: String,
        reach: Reach,
        spec: &Value,
        sources: &dyn Sources,
        now: Timestamp,
    ) -> Self {
        wire::policy(name, reach, spec, sources, now)
    }

    /// Makes a policy that was not even read: it denies everything within its reach.
    pub fn unusable(name: String, reach: Reach, fault: PolicyFault) -> Self {
        Self {
            name,
            reach,
            images: Vec::new(),
            namespaces: Vec::new(),
            selector: None,
            mode: Mode::Enforce,
            chain: Err(fault),
        }
    }

    fn matches(&self, image: &Repository, namespace: &str, labels: Option<&Labels>) -> bool {
        let of_images =
            self.images.is_empty() || self.images.iter().any(|pattern| pattern.matches(image));
        let of_reach = match &self.reach {
            Reach::Cluster => true,
            Reach::Namespace(own) => own == namespace,
        };
        // A namespace that is not known yet may be meant: what is not known leaves nothing out.
        let of_labels = match (&self.selector, labels) {
            (Some(selector), Some(labels)) => selector.matches(labels),
            (Some(_), None) | (None, _) => true,
        };
        of_images && of_reach && of_labels && is_of(&self.namespaces, namespace)
    }
}

impl PolicyFault {
    /// Makes a fault of the policy itself.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), undecided: false }
    }

    /// Makes a fault of what the policy names, which is not there to be read.
    pub fn undecided(text: impl Into<String>) -> Self {
        Self { text: text.into(), undecided: true }
    }

    /// Names the member that it is in.
    #[must_use]
    pub(crate) fn of(self, member: &str) -> Self {
        Self { text: format!("{member}: {}", self.text), ..self }
    }
}

fn is_of(namespaces: &[NamePattern], namespace: &str) -> bool {
    namespaces.is_empty() || namespaces.iter().any(|pattern| pattern.matches(namespace))
}
