//! Policies as they are written: YAML in the form of Kubernetes' objects.
//!
//! Members that are not known are mistakes: a misspelt condition would otherwise be none.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::Value;
use unbroken_crypto::{KeySet, PublicKey};
use unbroken_model::timestamp::Timestamp;
use unbroken_oci::location::Location;

use super::{
    Binding, ChainPolicy, Exemption, Mode, Policy, PolicyFault, PolicySet, Settings, Tags,
    Unmatched,
};
use crate::pattern::{ImagePattern, NamePattern};
use crate::workload::{CustomKind, GroupKind};

/// The version of all that is read here.
const API_VERSION: &str = "in-toto.io/v1alpha1";
/// The largest file that a policy names. A layout may have 16 MiB.
const LARGEST_FILE: u64 = 16 << 20;
/// The longest name, as Kubernetes has it.
const LONGEST_NAME: usize = 253;
/// Policies of one file.
const POLICIES: usize = 1024;

type Result<T> = std::result::Result<T, String>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ObjectWire {
    api_version: String,
    kind: String,
    metadata: MetadataWire,
    spec: Value,
}

#[derive(Deserialize)]
struct MetadataWire {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PolicyWire {
    images: Vec<String>,
    #[serde(default)]
    namespaces: Vec<String>,
    #[serde(default)]
    mode: ModeWire,
    layout: SourceWire,
    owners: Vec<SourceWire>,
    #[serde(default)]
    inspectors: Vec<SourceWire>,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    #[serde(default)]
    evidence: Vec<String>,
    #[serde(default)]
    binding: Option<BindingWire>,
}

/// What of a policy says whom it is for, read by itself: it is needed of a policy with faults too.
#[derive(Default, Deserialize)]
struct ScopeWire {
    #[serde(default)]
    images: Option<Vec<String>>,
    #[serde(default)]
    namespaces: Option<Vec<String>>,
    #[serde(default)]
    mode: Option<ModeWire>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
enum ModeWire {
    #[default]
    Enforce,
    Warn,
    Audit,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SourceWire {
    #[serde(default)]
    inline: Option<String>,
    #[serde(default)]
    file: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BindingWire {
    required: bool,
    #[serde(default)]
    max_age_seconds: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SettingsWire {
    #[serde(default)]
    unmatched: UnmatchedWire,
    #[serde(default)]
    tags: TagsWire,
    #[serde(default)]
    exempt_namespaces: Vec<String>,
    #[serde(default)]
    exemptions: Vec<ExemptionWire>,
    #[serde(default)]
    kinds: Vec<KindWire>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
enum UnmatchedWire {
    #[default]
    Deny,
    Warn,
    Admit,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
enum TagsWire {
    #[default]
    Deny,
    Warn,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ExemptionWire {
    images: Vec<String>,
    #[serde(default)]
    namespaces: Vec<String>,
    reason: String,
    until: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct KindWire {
    group: String,
    kind: String,
    pod_specs: Vec<String>,
}

pub(super) fn parse(text: &str, folder: &Path, now: Timestamp) -> Result<PolicySet> {
    let objects: Vec<ObjectWire> =
        serde_saphyr::from_multiple(text).map_err(|error| error.to_string())?;
    if objects.len() > POLICIES {
        return Err(format!("there are more than {POLICIES} policies"));
    }
    let mut set = PolicySet::default();
    let mut names = BTreeSet::new();
    let mut has_settings = false;
    for object in objects {
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
            "ClusterSupplyChainPolicy" if !names.insert(name.clone()) => {
                return Err(format!("two policies have the name {name:?}"));
            }
            "ClusterSupplyChainPolicy" => {
                set.policies.push(policy(name, &object.spec, folder, now));
            }
            kind => return Err(format!("{name:?} is of a kind that is not known: {kind}")),
        }
    }
    Ok(set)
}

fn policy(name: String, spec: &Value, folder: &Path, now: Timestamp) -> Policy {
    let wire = PolicyWire::deserialize(spec).map_err(|error| error.to_string());
    let whole = wire.and_then(|wire| {
        let images = patterns(&wire.images)?;
        let namespaces = patterns(&wire.namespaces)?;
        Ok((images, namespaces, mode(wire.mode), chain(wire, folder, now)))
    });
    let (images, namespaces, mode, chain) = match whole {
        Ok(whole) => whole,
        Err(fault) => {
            let (images, namespaces, mode) = scope(spec);
            (images, namespaces, mode, Err(fault))
        }
    };
    Policy { name, images, namespaces, mode, chain: chain.map_err(PolicyFault) }
}

/// Reads whom a policy with faults is for. What cannot be read narrows nothing.
fn scope(spec: &Value) -> (Vec<ImagePattern>, Vec<NamePattern>, Mode) {
    let Ok(scope) = ScopeWire::deserialize(spec) else {
        return (Vec::new(), Vec::new(), Mode::Enforce);
    };
    let images = scope.images.and_then(|texts| patterns(&texts).ok());
    let namespaces = scope.namespaces.and_then(|texts| patterns(&texts).ok());
    (
        images.unwrap_or_default(),
        namespaces.unwrap_or_default(),
        scope.mode.map_or(Mode::Enforce, mode),
    )
}

fn mode(wire: ModeWire) -> Mode {
    match wire {
        ModeWire::Enforce => Mode::Enforce,
        ModeWire::Warn => Mode::Warn,
        ModeWire::Audit => Mode::Audit,
    }
}

fn patterns<T: std::str::FromStr<Err = &'static str>>(texts: &[String]) -> Result<Vec<T>> {
    let pattern = |text: &String| text.parse().map_err(|fault| format!("{text:?}: {fault}"));
    texts.iter().map(pattern).collect()
}

fn chain(wire: PolicyWire, folder: &Path, now: Timestamp) -> Result<ChainPolicy> {
    if wire.images.is_empty() {
        return Err("it is for no image: give images".to_owned());
    }
    if wire.owners.is_empty() {
        return Err("it has no owners: anybody could have signed the layout".to_owned());
    }
    let layout = source(&wire.layout, folder).map_err(|fault| format!("layout: {fault}"))?;
    let evidence = wire.evidence.iter().map(|place| {
        let location: Location = place.parse().map_err(|error| format!("evidence: {error}"))?;
        match location {
            // Anything else is a place of this machine, which a policy has no business with.
            Location::Registry(_) => Ok(location),
            _ => Err(format!("evidence: {place:?} is no repository of a registry")),
        }
    });
    let binding = match wire.binding {
        Some(BindingWire { required: true, max_age_seconds }) => {
            Binding::Required { max_age: max_age_seconds }
        }
        Some(BindingWire { max_age_seconds: Some(_), .. }) => {
            return Err("binding: maxAgeSeconds asks for required: true".to_owned());
        }
        Some(_) | None => Binding::Optional,
    };
    Ok(ChainPolicy {
        layout,
        owners: keys(&wire.owners, folder, now).map_err(|fault| format!("owners: {fault}"))?,
        inspectors: keys(&wire.inspectors, folder, now)
            .map_err(|fault| format!("inspectors: {fault}"))?,
        parameters: wire.parameters,
        evidence: evidence.collect::<Result<_>>()?,
        binding,
        generation: OnceLock::new(),
    })
}

fn keys<Role>(sources: &[SourceWire], folder: &Path, now: Timestamp) -> Result<KeySet<Role>> {
    let key = |wire: &SourceWire| {
        let bytes = source(wire, folder)?;
        PublicKey::read_at(&bytes, now).map_err(|error| error.to_string())
    };
    sources.iter().map(key).collect()
}

/// Reads what stands in a policy or in a file beside it.
fn source(wire: &SourceWire, folder: &Path) -> Result<Vec<u8>> {
    match (&wire.inline, &wire.file) {
        (Some(text), None) => Ok(text.as_bytes().to_vec()),
        (None, Some(file)) => {
            let path = folder.join(file);
            let cannot = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
            // What has no size, as a device, ends at the bound too.
            let (mut bytes, file) = (Vec::new(), fs::File::open(&path).map_err(cannot)?);
            file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(cannot)?;
            if u64::try_from(bytes.len()).is_ok_and(|size| size > LARGEST_FILE) {
                return Err(format!("{} has more than {LARGEST_FILE} bytes", path.display()));
            }
            Ok(bytes)
        }
        _ => Err("give one of inline and file".to_owned()),
    }
}

fn settings(spec: Value) -> Result<Settings> {
    let wire: SettingsWire =
        serde_json::from_value(spec).map_err(|error| format!("AdmissionSettings: {error}"))?;
    let exemptions = wire.exemptions.into_iter().map(|wire| {
        if wire.images.is_empty() || wire.reason.trim().is_empty() {
            return Err("an exemption has images and a reason".to_owned());
        }
        Ok(Exemption {
            images: patterns(&wire.images)?,
            namespaces: patterns(&wire.namespaces)?,
            until: wire.until.parse().map_err(|_| {
                format!("until {:?} has not the form YYYY-MM-DDTHH:MM:SSZ", wire.until)
            })?,
            reason: wire.reason,
        })
    });
    let mut kinds_told = BTreeSet::new();
    let kinds = wire.kinds.into_iter().map(|wire| {
        let members = |path: &String| path.split('.').map(str::to_owned).collect::<Vec<_>>();
        let pod_specs: Vec<Vec<String>> = wire.pod_specs.iter().map(members).collect();
        if pod_specs.is_empty() || pod_specs.iter().flatten().any(String::is_empty) {
            return Err(format!("{}: podSpecs are paths as spec.template.spec", wire.kind));
        }
        let kind = GroupKind { group: wire.group, kind: wire.kind };
        // Of two only one would be looked at, and what Kubernetes has itself is not for settings to say.
        if kind.is_built_in() || !kinds_told.insert(kind.clone()) {
            return Err(format!("kinds: {} of {:?} is told of twice", kind.kind, kind.group));
        }
        Ok(CustomKind { kind, pod_specs })
    });
    // A pattern would leave out namespaces that somebody else makes: kube-system-evil.
    if let Some(name) = wire.exempt_namespaces.iter().find(|name| name.contains('*')) {
        return Err(format!("exemptNamespaces: {name:?} is a pattern; name each namespace"));
    }
    Ok(Settings {
        unmatched: match wire.unmatched {
            UnmatchedWire::Deny => Unmatched::Deny,
            UnmatchedWire::Warn => Unmatched::Warn,
            UnmatchedWire::Admit => Unmatched::Admit,
        },
        tags: match wire.tags {
            TagsWire::Deny => Tags::Deny,
            TagsWire::Warn => Tags::Warn,
        },
        exempt_namespaces: wire.exempt_namespaces,
        exemptions: exemptions.collect::<Result<_>>()?,
        kinds: kinds.collect::<Result<_>>()?,
    })
}
