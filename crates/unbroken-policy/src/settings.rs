//! The settings as they are written.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;
use unbroken_model::timestamp::Timestamp;

use super::wire::patterns;
use super::{BreakGlass, Exemption, Settings, Tags, Unmatched};
use crate::kind::{CustomKind, GroupKind};

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
    #[serde(default)]
    break_glass: Vec<BreakGlassWire>,
    #[serde(default)]
    delegated_namespaces: Vec<String>,
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
struct BreakGlassWire {
    #[serde(default)]
    users: Vec<String>,
    #[serde(default)]
    groups: Vec<String>,
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

pub(super) fn settings(spec: Value) -> Result<Settings, String> {
    let wire: SettingsWire =
        serde_json::from_value(spec).map_err(|error| format!("AdmissionSettings: {error}"))?;
    let exemptions = wire.exemptions.into_iter().map(|wire| {
        if wire.images.is_empty() || wire.reason.trim().is_empty() {
            return Err("an exemption has images and a reason".to_owned());
        }
        Ok(Exemption {
            images: patterns(&wire.images)?,
            namespaces: patterns(&wire.namespaces)?,
            until: time(&wire.until)?,
            reason: wire.reason,
        })
    });
    let break_glass = wire.break_glass.into_iter().map(|wire| {
        let BreakGlassWire { users, groups, namespaces, reason, until } = wire;
        // Who is nameless is nobody: a request without a user would be meant by it.
        let nameless = users.iter().chain(&groups).any(|name| name.trim().is_empty());
        let nobody = nameless || users.is_empty() && groups.is_empty();
        if nobody || namespaces.is_empty() || reason.trim().is_empty() {
            return Err("breakGlass has users or groups, namespaces and a reason".to_owned());
        }
        // All users are in one of these: it would be a door without a lock.
        if groups.iter().any(|group| {
            group.starts_with("system:authenticated") || group == "system:unauthenticated"
        }) {
            return Err("breakGlass is not for everybody".to_owned());
        }
        let (namespaces, until) = (patterns(&namespaces)?, time(&until)?);
        Ok(BreakGlass { users, groups, namespaces, reason, until })
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
        exemptions: exemptions.collect::<Result<_, String>>()?,
        kinds: kinds.collect::<Result<_, String>>()?,
        break_glass: break_glass.collect::<Result<_, String>>()?,
        delegated: patterns(&wire.delegated_namespaces)?,
    })
}

fn time(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| format!("until {text:?} has not the form YYYY-MM-DDTHH:MM:SSZ"))
}
