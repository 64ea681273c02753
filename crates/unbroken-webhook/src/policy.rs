//! Policies: which images have to have which chain, and what else is set.

mod generation;
mod wire;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use thiserror::Error;
use unbroken_crypto::{Inspector, KeySet, Owner};
use unbroken_model::timestamp::Timestamp;
use unbroken_oci::location::Location;
use unbroken_oci::reference::Repository;

pub(crate) use self::generation::Generation;
use crate::pattern::{ImagePattern, NamePattern};
use crate::workload::CustomKind;

/// All policies and settings of a moment.
#[derive(Debug, Default)]
pub struct PolicySet {
    /// What is set for all policies.
    pub settings: Settings,
    /// The policies, those too that cannot be used.
    pub policies: Vec<Policy>,
}

/// What is set for all policies.
#[derive(Debug, Default)]
pub struct Settings {
    /// What happens to an image that no policy is for.
    pub unmatched: Unmatched,
    /// What happens to an image that is named by a tag.
    pub tags: Tags,
    /// Namespaces whose objects are not looked at, each by its whole name.
    pub exempt_namespaces: Vec<String>,
    /// Exceptions that somebody signed off on.
    pub exemptions: Vec<Exemption>,
    /// Kinds of objects beside those of Kubernetes.
    pub kinds: Vec<CustomKind>,
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
#[derive(Debug)]
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

/// A policy: images, and the chain that each of them has to have.
#[derive(Debug)]
pub struct Policy {
    /// The name.
    pub name: String,
    /// The images; empty, where that could not be read, for all.
    pub images: Vec<ImagePattern>,
    /// The namespaces; empty for all.
    pub namespaces: Vec<NamePattern>,
    /// What a failure means.
    pub mode: Mode,
    /// What is asked of a chain, or why that is not known: such a policy denies what it covers.
    pub chain: Result<ChainPolicy, PolicyFault>,
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

/// What is asked of a chain.
#[derive(Debug)]
pub struct ChainPolicy {
    /// The signed layout as it came.
    pub layout: Vec<u8>,
    /// Its owners; each of them has to have signed.
    pub owners: KeySet<Owner>,
    /// Values for its parameters.
    pub parameters: BTreeMap<String, String>,
    /// Where evidence lies beside the repository of the image.
    pub evidence: Vec<Location>,
    /// Who may sign for inspections, any of them; where nobody is named, the owners together.
    pub inspectors: KeySet<Inspector>,
    /// What is asked of the binding of links.
    pub binding: Binding,
    /// What all of this comes to, once it was asked for.
    generation: OnceLock<Generation>,
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
#[error("{0}")]
pub struct PolicyFault(pub(crate) String);

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
        self.policies.iter().filter(move |policy| policy.matches(image, namespace))
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
    fn matches(&self, image: &Repository, namespace: &str) -> bool {
        let of_images =
            self.images.is_empty() || self.images.iter().any(|pattern| pattern.matches(image));
        of_images && is_of(&self.namespaces, namespace)
    }
}

fn is_of(namespaces: &[NamePattern], namespace: &str) -> bool {
    namespaces.is_empty() || namespaces.iter().any(|pattern| pattern.matches(namespace))
}
