//! Policies as they are written: YAML in the form of Kubernetes' objects.
//!
//! Members that are not known are mistakes: a misspelt condition would otherwise be none.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use unbroken_model::timestamp::Timestamp;
use unbroken_oci::location::Location;
use unbroken_oci::reference::Selector;

use super::keys::KeyTexts;
use super::selector::{LabelSelector, SelectorWire};
use super::settings::settings;
use super::source::{Files, Source, SourceWire, Sources};
use super::{Binding, ChainPolicy, Demands, Mode, Policy, PolicyFault, PolicySet, Reach};
use crate::pattern::{ImagePattern, NamePattern, is_namespace};

/// The version of all that is read here.
const API_VERSION: &str = "in-toto.io/v1alpha1";
/// The longest name, as Kubernetes has it.
const LONGEST_NAME: usize = 253;
/// Policies of one file.
const POLICIES: usize = 1024;
/// Places of evidence beside the image: each is asked for each image.
const PLACES: usize = 16;

type Result<T> = std::result::Result<T, String>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ObjectWire {
    api_version: String,
    kind: String,
    metadata: MetadataWire,
    spec: Value,
    /// What the cluster said of it, where it was taken from one.
    #[serde(default, rename = "status")]
    _status: IgnoredAny,
}

#[derive(Deserialize)]
struct MetadataWire {
    name: String,
    #[serde(default)]
    namespace: Option<String>,
}

/// Which images, and the chain that each of them has to have.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PolicyWire {
    /// Patterns of images, host and path apart: registry.example/team/*, or ** for the rest of a path.
    #[schemars(length(min = 1))]
    images: Vec<String>,
    /// Patterns of namespaces; all, if there are none. Not for the policy of a namespace.
    #[serde(default)]
    namespaces: Vec<String>,
    /// Labels of the namespaces. Not for the policy of a namespace.
    #[serde(default)]
    namespace_selector: Option<SelectorWire>,
    /// What a failure means.
    #[serde(default)]
    mode: ModeWire,
    /// The signed layout.
    layout: SourceWire,
    /// The lowest version that the layout may have: an earlier one cannot be put back.
    #[serde(default)]
    #[schemars(range(min = 1))]
    min_layout_version: Option<u64>,
    /// The public keys of the owners.
    #[schemars(length(min = 1))]
    owners: Vec<SourceWire>,
    /// How many of the owners have to have signed; all, if it is not said.
    #[serde(default)]
    #[schemars(range(min = 1))]
    threshold: Option<u32>,
    /// The public keys of those who may sign for inspections, any of them; the owners together, if there are none.
    #[serde(default)]
    inspectors: Vec<SourceWire>,
    /// Values for the parameters of the layout.
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    /// Repositories in which evidence lies besides that of the image. Not for the policy of a namespace.
    #[serde(default)]
    #[schemars(length(max = 16))]
    evidence: Vec<String>,
    /// What is asked of the binding of links to the layout.
    #[serde(default)]
    binding: Option<BindingWire>,
}

/// What of a policy says whom it is for, read by itself: it is needed of a policy with faults too.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScopeWire {
    #[serde(default)]
    images: Vec<String>,
    #[serde(default)]
    namespaces: Vec<String>,
    #[serde(default)]
    namespace_selector: Option<Value>,
    #[serde(default)]
    mode: ModeWire,
}

#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum ModeWire {
    #[default]
    Enforce,
    Warn,
    Audit,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BindingWire {
    /// Links have to have been made for this layout.
    required: bool,
    /// How many seconds ago they may have been begun.
    #[serde(default)]
    max_age_seconds: Option<u32>,
}

pub(super) fn parse(text: &str, folder: &Path, now: Timestamp) -> Result<PolicySet> {
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(text).map_err(|error| error.to_string())?;
    let objects: Vec<Value> = documents.into_iter().flat_map(objects_of).collect();
    if objects.len() > POLICIES {
        return Err(format!("there are more than {POLICIES} policies"));
    }
    let mut set = PolicySet::default();
    let mut names = BTreeSet::new();
    let mut has_settings = false;
    for object in objects {
        let object = ObjectWire::deserialize(object).map_err(|error| error.to_string())?;
        if object.api_version != API_VERSION {
            return Err(format!("apiVersion is {:?}, not {API_VERSION}", object.api_version));
        }
        let name = object.metadata.name;
        if name.is_empty() || name.len() > LONGEST_NAME {
            return Err(format!("a {} has a name of 1 to {LONGEST_NAME} bytes", object.kind));
        }
        match object.kind.as_str() {
            "AdmissionSettings" if std::mem::replace(&mut has_settings, true) => {
                return Err("there are two AdmissionSettings".to_owned());
            }
            "AdmissionSettings" => set.settings = settings(object.spec)?,
            // Policies of the cluster are told from these by it.
            "ClusterSupplyChainPolicy" if name.contains('/') => {
                return Err(format!("the name {name:?} has a slash"));
            }
            "ClusterSupplyChainPolicy" if !names.insert(name.clone()) => {
                return Err(format!("two policies have the name {name:?}"));
            }
            "ClusterSupplyChainPolicy" => {
                let policy = policy(name, Reach::Cluster, &object.spec, &Files { folder }, now);
                set.policies.push(Arc::new(policy));
            }
            "SupplyChainPolicy" => {
                let namespace = object.metadata.namespace.filter(|it| is_namespace(it));
                let namespace = namespace.ok_or_else(|| format!("{name:?} has no namespace"))?;
                // No name of a cluster begins in this way.
                let name = format!("SupplyChainPolicy/{namespace}/{name}");
                if !names.insert(name.clone()) {
                    return Err(format!("two policies have the name {name:?}"));
                }
                let reach = Reach::Namespace(namespace);
                let policy = policy(name, reach, &object.spec, &Files { folder }, now);
                set.policies.push(Arc::new(policy));
            }
            kind => return Err(format!("{name:?} is of a kind that is not known: {kind}")),
        }
    }
    Ok(set)
}

/// Returns the objects of a document: kubectl writes several into one list.
fn objects_of(document: Value) -> Vec<Value> {
    match document {
        Value::Null => Vec::new(),
        Value::Object(mut list) if list.get("kind").is_some_and(|kind| kind == "List") => {
            match list.remove("items") {
                Some(Value::Array(items)) => items,
                _ => vec![Value::Object(list)],
            }
        }
        other => vec![other],
    }
}

/// Reads a policy. One with faults is for what can be read of whom it is for, and denies that.
pub(super) fn policy(
    name: String,
    reach: Reach,
    spec: &Value,
    sources: &dyn Sources,
    now: Timestamp,
) -> Policy {
    let wire = PolicyWire::deserialize(spec).map_err(|error| PolicyFault::new(error.to_string()));
    let whole = wire.and_then(|mut wire| {
        let images = patterns(&wire.images).map_err(PolicyFault::new)?;
        let namespaces = patterns(&wire.namespaces).map_err(PolicyFault::new)?;
        let selector = wire.namespace_selector.take().map(SelectorWire::selector).transpose();
        let selector = selector.map_err(PolicyFault::new)?;
        if matches!(reach, Reach::Namespace(_)) && (selector.is_some() || !namespaces.is_empty()) {
            return Err(PolicyFault::new("the policy of a namespace is for that one alone"));
        }
        if images.is_empty() {
            return Err(PolicyFault::new("it is for no image: give images"));
        }
        Ok((images, namespaces, selector, mode(wire.mode), chain(&wire, &reach, sources, now)))
    });
    let (images, namespaces, selector, mode, chain) = match whole {
        Ok(whole) => whole,
        Err(fault) => {
            let (images, namespaces, selector, mode) = scope(spec, &reach);
            (images, namespaces, selector, mode, Err(fault))
        }
    };
    Policy { name, reach, images, namespaces, selector, mode, chain }
}

/// What of a policy with faults says whom it is for.
type Scope = (Vec<ImagePattern>, Vec<NamePattern>, Option<LabelSelector>, Mode);

/// Reads whom a policy with faults is for. What cannot be read narrows nothing, and a policy that is for
/// more than its author meant does not go by what he said of those whom he meant: it denies.
fn scope(spec: &Value, reach: &Reach) -> Scope {
    let everybody = (Vec::new(), Vec::new(), None, Mode::Enforce);
    let Ok(wire) = ScopeWire::deserialize(spec) else { return everybody };
    let images = patterns(&wire.images).ok().filter(|images| !images.is_empty());
    let namespaces = patterns(&wire.namespaces).ok();
    let selector = wire.namespace_selector.map_or(Some(None), |value| {
        let wire = SelectorWire::deserialize(value).ok()?;
        wire.selector().ok().map(Some)
    });
    let (namespaces, selector) = match reach {
        Reach::Cluster => (namespaces, selector),
        // The policy of a namespace does not narrow itself away to another one.
        Reach::Namespace(_) => (namespaces.filter(Vec::is_empty), selector.filter(Option::is_none)),
    };
    let is_whole = images.is_some() && namespaces.is_some() && selector.is_some();
    (
        images.unwrap_or_default(),
        namespaces.unwrap_or_default(),
        selector.flatten(),
        if is_whole { mode(wire.mode) } else { Mode::Enforce },
    )
}

fn mode(wire: ModeWire) -> Mode {
    match wire {
        ModeWire::Enforce => Mode::Enforce,
        ModeWire::Warn => Mode::Warn,
        ModeWire::Audit => Mode::Audit,
    }
}

pub(super) fn patterns<T: std::str::FromStr<Err = &'static str>>(
    texts: &[String],
) -> Result<Vec<T>> {
    let pattern = |text: &String| text.parse().map_err(|fault| format!("{text:?}: {fault}"));
    texts.iter().map(pattern).collect()
}

fn chain(
    wire: &PolicyWire,
    reach: &Reach,
    sources: &dyn Sources,
    now: Timestamp,
) -> std::result::Result<ChainPolicy, PolicyFault> {
    if wire.owners.is_empty() {
        return Err(PolicyFault::new("it has no owners: anybody could have signed the layout"));
    }
    let layout = wire.layout.source().and_then(|source| sources.read(&source));
    let layout = layout.map_err(|fault| fault.of("layout"))?;
    // They would be asked with the credentials of the webhook.
    if matches!(reach, Reach::Namespace(_)) && !wire.evidence.is_empty() {
        return Err(PolicyFault::new("evidence: the policy of a namespace names no places of it"));
    }
    if wire.evidence.len() > PLACES {
        return Err(PolicyFault::new(format!("evidence: there are more than {PLACES} places")));
    }
    let evidence = wire.evidence.iter().map(|place| {
        let unusable = |fault: String| PolicyFault::new(format!("evidence: {fault}"));
        let location: Location = place.parse().map_err(|error| unusable(format!("{error}")))?;
        match location {
            // Anything else is a place of this machine, which a policy has no business with.
            Location::Registry(_) => Ok(location),
            _ => Err(unusable(format!("{place:?} is no repository of a registry"))),
        }
    });
    let binding = match wire.binding {
        Some(BindingWire { required: true, max_age_seconds }) => {
            Binding::Required { max_age: max_age_seconds }
        }
        Some(BindingWire { max_age_seconds: Some(_), .. }) => {
            return Err(PolicyFault::new("binding: maxAgeSeconds asks for required: true"));
        }
        Some(_) | None => Binding::Optional,
    };
    let owners = KeyTexts::new("owners", keys("owners", &wire.owners, sources)?);
    let inspectors = KeyTexts::new("inspectors", keys("inspectors", &wire.inspectors, sources)?);
    // What is no key, or none now, is told at once.
    let (owners_now, _) = (owners.at(now)?, inspectors.at(now)?);
    let threshold = match wire.threshold.map(NonZeroU32::new) {
        None => None,
        Some(Some(threshold)) if owners_now.every_key() >= Some(threshold) => Some(threshold),
        Some(_) => {
            let owners = owners_now.len();
            return Err(PolicyFault::new(format!(
                "threshold: it is from 1 to {owners}, the owners"
            )));
        }
    };
    if wire.min_layout_version == Some(0) {
        return Err(PolicyFault::new("minLayoutVersion: versions begin with 1"));
    }
    let demands = Demands {
        layout,
        owners,
        threshold,
        min_layout_version: wire.min_layout_version,
        inspectors,
        parameters: wire.parameters.clone(),
        evidence: evidence.collect::<std::result::Result<_, _>>()?,
        binding,
    };
    Ok(demands.into())
}

fn keys(
    member: &str,
    wires: &[SourceWire],
    sources: &dyn Sources,
) -> std::result::Result<Vec<Vec<u8>>, PolicyFault> {
    let text = |wire: &SourceWire| {
        let source = wire.source()?;
        if matches!(&source, Source::Image(image) if matches!(image.selector(), Selector::Tag(_))) {
            // Whoever may push the tag would make himself the owner.
            return Err(PolicyFault::new(
                "a key of a registry is named by its digest, not by a tag",
            ));
        }
        sources.read(&source)
    };
    wires.iter().map(|wire| text(wire).map_err(|fault| fault.of(member))).collect()
}
