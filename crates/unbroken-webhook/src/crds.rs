//! `unbroken-webhook crds`: the definitions of the custom resources, made of the types that read them.

use std::fmt::Write;

use serde_json::{Map, Value, json};
use unbroken_policy::Policy;

/// What of a JSON schema the API server does not take, or what means something else there: it would
/// write defaults into objects.
const LEFT_OUT: [&str; 4] = ["$schema", "title", "default", "format"];

/// Returns the definitions in YAML.
pub fn definitions() -> String {
    let mut text = String::from("# Made by `unbroken-webhook crds`.\n");
    let of_cluster = structural(Policy::schema());
    let mut of_namespace = of_cluster.clone();
    if let Some(Value::Object(properties)) = of_namespace.get_mut("properties") {
        properties.remove("namespaces");
        properties.remove("namespaceSelector");
        properties.remove("evidence");
    }
    let definitions = [
        ("ClusterSupplyChainPolicy", "clustersupplychainpolicies", "cscp", &of_cluster),
        ("SupplyChainPolicy", "supplychainpolicies", "scp", &of_namespace),
    ];
    let definitions = definitions.map(|(kind, plural, short, spec)| {
        let scope = if kind.starts_with("Cluster") { "Cluster" } else { "Namespaced" };
        definition(kind, plural, short, scope, spec)
    });
    for definition in definitions {
        text.push_str("---\n");
        write_yaml(&definition, 0, &mut text);
    }
    text
}

fn definition(kind: &str, plural: &str, short: &str, scope: &str, spec: &Value) -> Value {
    let column = |name: &str, path: &str| json!({"name": name, "type": "string", "jsonPath": path});
    let condition = |member: &str| format!(".status.conditions[?(@.type=='Valid')].{member}");
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("{plural}.in-toto.io") },
        "spec": {
            "group": "in-toto.io",
            "scope": scope,
            "names": {
                "kind": kind, "listKind": format!("{kind}List"), "plural": plural,
                "singular": kind.to_lowercase(), "shortNames": [short], "categories": ["in-toto"],
            },
            "versions": [{
                "name": "v1alpha1",
                "served": true,
                "storage": true,
                "subresources": { "status": {} },
                "additionalPrinterColumns": [
                    column("Mode", ".spec.mode"),
                    column("Valid", &condition("status")),
                    column("Reason", &condition("reason")),
                    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
                ],
                "schema": { "openAPIV3Schema": {
                    "type": "object",
                    "required": ["spec"],
                    "properties": { "spec": spec, "status": status() },
                } },
            }],
        },
    })
}

fn status() -> Value {
    let text = || json!({"type": "string"});
    json!({
        "type": "object",
        "properties": {
            "observedGeneration": {"type": "integer", "format": "int64"},
            "conditions": {
                "type": "array",
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["type"],
                "items": {
                    "type": "object",
                    "required": ["type", "status"],
                    "properties": {
                        "type": text(), "status": text(), "reason": text(), "message": text(),
                        "observedGeneration": {"type": "integer", "format": "int64"},
                        "lastTransitionTime": {"type": "string", "format": "date-time"},
                    },
                },
            },
        },
    })
}

/// Turns a schema into one that the API server takes.
///
/// Members that are not known are kept: the API server would else take them out in silence, and a
/// condition that is misspelt would be none. The webhook sees them and calls the policy invalid.
fn structural(schema: Value) -> Value {
    let mut members = match schema {
        Value::Object(members) => members,
        Value::Array(items) => return items.into_iter().map(structural).collect(),
        other => return other,
    };
    for name in LEFT_OUT {
        members.remove(name);
    }
    // What may be left out may not be null as well: the API server drops such members by itself.
    let alternatives = members.remove("anyOf");
    let mut alternatives = alternatives.and_then(|it| it.as_array().cloned()).unwrap_or_default();
    alternatives.retain(|one| one != &json!({"type": "null"}));
    if let [Value::Object(only)] = alternatives.as_slice() {
        members.extend(only.clone());
        let description = members.get("description").cloned();
        let mut whole = structural(Value::Object(members));
        if let (Some(description), Some(whole)) = (description, whole.as_object_mut()) {
            whole.insert("description".to_owned(), description);
        }
        return whole;
    }
    if let Some(Value::Array(types)) = members.get("type") {
        let only = types.iter().find(|one| *one != "null").cloned();
        members.insert("type".to_owned(), only.unwrap_or_default());
    }
    if members.get("type").and_then(Value::as_str) == Some("integer") {
        members.insert("format".to_owned(), json!("int64"));
    }
    if members.remove("additionalProperties").is_some_and(|more| more != json!(false)) {
        members.insert("additionalProperties".to_owned(), json!({"type": "string"}));
    }
    if let Some(Value::Object(properties)) = members.remove("properties") {
        if properties.contains_key("inline") {
            let ways: Vec<Value> =
                properties.keys().map(|way| json!({"required": [way]})).collect();
            members.insert("oneOf".to_owned(), Value::Array(ways));
        }
        let properties: Map<String, Value> =
            properties.into_iter().map(|(name, schema)| (name, structural(schema))).collect();
        members.insert("properties".to_owned(), Value::Object(properties));
        members.insert("x-kubernetes-preserve-unknown-fields".to_owned(), json!(true));
    }
    if let Some(items) = members.remove("items") {
        members.insert("items".to_owned(), structural(items));
    }
    Value::Object(members)
}

/// Writes a value in YAML; texts as JSON has them, which YAML reads too.
fn write_yaml(value: &Value, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                write_member(&format!("{indent}{name}:"), member, depth, text);
            }
        }
        Value::Array(items) => {
            for item in items {
                write_member(&format!("{indent}-"), item, depth, text);
            }
        }
        // Writing to a text does not fail.
        _ => _ = writeln!(text, "{indent}{value}"),
    }
}

fn write_member(head: &str, member: &Value, depth: usize, text: &mut String) {
    let is_empty = matches!(member, Value::Object(of) if of.is_empty())
        || matches!(member, Value::Array(of) if of.is_empty());
    if (member.is_object() || member.is_array()) && !is_empty {
        _ = writeln!(text, "{head}");
        write_yaml(member, depth + 1, text);
    } else {
        _ = writeln!(text, "{head} {member}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definitions_that_are_installed_are_those_of_the_types() {
        let due = definitions();
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/crds.yaml");
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        assert!(kept == due, "run: unbroken-webhook crds > deploy/crds.yaml");
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let texts: Vec<Value> = serde_saphyr::from_multiple(&definitions()).unwrap();
        let kinds: Vec<&str> =
            texts.iter().filter_map(|it| it.pointer("/spec/names/kind")?.as_str()).collect();
        assert_eq!(kinds, ["ClusterSupplyChainPolicy", "SupplyChainPolicy"]);
        let schema = "/spec/versions/0/schema/openAPIV3Schema/properties/spec";
        let of_cluster = texts[0].pointer(schema).unwrap();
        assert_eq!(of_cluster["required"], json!(["images", "layout", "owners"]));
        assert_eq!(of_cluster["properties"]["mode"]["enum"], json!(["enforce", "warn", "audit"]));
        assert!(of_cluster["properties"].get("namespaceSelector").is_some());
        assert!(texts[1].pointer(schema).unwrap()["properties"].get("namespaceSelector").is_none());
    }
}
