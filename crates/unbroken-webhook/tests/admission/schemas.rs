//! What is installed, held to the schemas of the API server where there is none.
//!
//! `schemas.json` has of each kind what decides whether an object is one: members, types, and what has to be there.
//! It is taken from a real API server, and compared with it again where there is one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use unbroken_testkit::api_server::ApiServer;
use unbroken_testkit::component;

use crate::deployment::{documents, folder, installed, render};

/// The kinds of `deploy/`.
const KINDS: [(&str, &str); 14] = [
    ("", "ConfigMap"),
    ("", "Namespace"),
    ("", "Service"),
    ("", "ServiceAccount"),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
    ("apps", "Deployment"),
    ("networking.k8s.io", "NetworkPolicy"),
    ("policy", "PodDisruptionBudget"),
    ("rbac.authorization.k8s.io", "ClusterRole"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
    ("rbac.authorization.k8s.io", "Role"),
    ("rbac.authorization.k8s.io", "RoleBinding"),
];
const OVERWRITE: &str = "UNBROKEN_OVERWRITE_GOLDEN";
const DEFINITIONS: &str = "#/definitions/";

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/admission/schemas.json")
}

/// Definitions by name, and the names by `apiVersion` and kind.
struct Schemas(Value);

impl Schemas {
    fn kept() -> Self {
        Self(serde_json::from_str(&fs::read_to_string(file()).unwrap()).unwrap())
    }

    /// Takes of the document of an API server what the kinds need.
    fn of(document: &Value) -> Self {
        let definitions = document["definitions"].as_object().unwrap();
        let mut kinds = BTreeMap::new();
        for (name, definition) in definitions {
            for of in definition["x-kubernetes-group-version-kind"].as_array().into_iter().flatten()
            {
                let [group, version, kind] =
                    ["group", "version", "kind"].map(|it| of[it].as_str().unwrap());
                if KINDS.contains(&(group, kind)) && version == "v1" {
                    let group = if group.is_empty() { String::new() } else { format!("{group}/") };
                    kinds.insert(format!("{group}v1 {kind}"), name.clone());
                }
            }
        }
        assert_eq!(kinds.len(), KINDS.len());
        let mut kept = BTreeMap::new();
        let mut ahead: Vec<String> = kinds.values().cloned().collect();
        while let Some(name) = ahead.pop() {
            let definition = &definitions[&name];
            kept.entry(name).or_insert_with(|| essence(definition, &mut ahead));
        }
        Self(json!({"kinds": kinds, "definitions": kept}))
    }

    /// Returns what is wrong with an object.
    fn faults(&self, object: &Value) -> BTreeSet<String> {
        let mut faults = BTreeSet::new();
        let word = |name: &str| object[name].as_str().unwrap_or_default();
        let kind = format!("{} {}", word("apiVersion"), word("kind"));
        match self.0["kinds"][&kind].as_str() {
            None => _ = faults.insert(format!("{kind:?} is no kind")),
            Some(name) => self.check(&self.0["definitions"][name], object, "", &mut faults),
        }
        faults
    }

    fn check(&self, schema: &Value, value: &Value, at: &str, faults: &mut BTreeSet<String>) {
        if let Some(name) = schema["$ref"].as_str() {
            let name = name.strip_prefix(DEFINITIONS).unwrap();
            return self.check(&self.0["definitions"][name], value, at, faults);
        }
        let fits = match schema["type"].as_str() {
            None => true,
            Some("string") if schema["format"] == "int-or-string" => {
                value.is_string() || value.is_i64()
            }
            Some("string") => value.is_string(),
            Some("integer") => value.is_i64(),
            Some("number") => value.is_number(),
            Some("boolean") => value.is_boolean(),
            Some("array") => value.is_array(),
            Some("object") => value.is_object(),
            Some(other) => panic!("{other} is no type of these schemas"),
        };
        if !fits {
            faults.insert(format!("{at} is no {}", schema["type"]));
        }
        for (index, item) in value.as_array().into_iter().flatten().enumerate() {
            self.check(&schema["items"], item, &format!("{at}[{index}]"), faults);
        }
        for name in schema["required"].as_array().into_iter().flatten() {
            if value[name.as_str().unwrap()].is_null() {
                faults.insert(format!("{at} lacks {name}"));
            }
        }
        // Where no members are named any may be there.
        let (properties, others) = (&schema["properties"], &schema["additionalProperties"]);
        for (name, member) in value.as_object().into_iter().flatten() {
            let at = format!("{at}.{name}");
            match (&properties[name], others) {
                (Value::Null, Value::Null) if properties.is_object() => {
                    _ = faults.insert(format!("{at} is unknown"));
                }
                (Value::Null, others) => self.check(others, member, &at, faults),
                (schema, _) => self.check(schema, member, &at, faults),
            }
        }
    }
}

/// What of a schema decides; the definitions that it names are kept too.
fn essence(schema: &Value, ahead: &mut Vec<String>) -> Value {
    let mut kept = json!({});
    for name in ["type", "format", "required", "$ref"] {
        if let Some(value) = schema.get(name) {
            kept[name] = value.clone();
        }
    }
    if let Some(name) = schema["$ref"].as_str() {
        ahead.push(name.strip_prefix(DEFINITIONS).unwrap().to_owned());
    }
    for name in ["items", "additionalProperties"] {
        if let Some(value) = schema.get(name) {
            kept[name] = essence(value, ahead);
        }
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        kept["properties"][name] = essence(property, ahead);
    }
    kept
}

/// Every object of `deploy/` that goes to an API server.
fn all() -> Vec<Value> {
    let mut all = installed();
    for name in ["crds.yaml", "static/validating/in-toto-verifier.yaml"] {
        all.extend(documents(&fs::read_to_string(folder().join(name)).unwrap()));
    }
    all
}

fn check(objects: &[Value]) {
    let schemas = Schemas::kept();
    for object in objects {
        let faults = schemas.faults(object);
        assert!(
            faults.is_empty(),
            "{} {}: {faults:#?}",
            object["kind"],
            object["metadata"]["name"]
        );
    }
}

#[test]
fn every_manifest_is_what_the_api_server_calls_its_kind() {
    let all = all();
    assert!(all.len() >= 11, "{}", all.len());
    check(&all);
}

#[test]
fn the_chart_with_all_that_can_be_switched_on_too() {
    let Some(helm) = component("UNBROKEN_TEST_HELM", "admission::schemas::the_chart") else {
        return;
    };
    let values = [
        "createNamespace=true",
        "cluster.enabled=true",
        "cluster.configMaps={layouts}",
        "cluster.pullSecrets=true",
        "cluster.pullSecretsOf[0].namespace=prod",
        "cluster.pullSecretsOf[0].secrets={registry}",
        "cluster.events=true",
        "cluster.recheckSeconds=3600",
        "tls.selfIssued=true",
        "mutate.enabled=true",
        "metrics.enabled=true",
        "registrySecret=registries",
        "priorityClassName=system-cluster-critical",
        "webhook.matchConditions[0].name=a",
        "webhook.matchConditions[0].expression=!request.dryRun",
    ];
    let documents = documents(&render(&helm, &values).unwrap());
    let kinds: BTreeSet<&str> = documents.iter().map(|it| it["kind"].as_str().unwrap()).collect();
    assert!(kinds.contains("ClusterRole") && kinds.contains("MutatingWebhookConfiguration"));
    check(&documents);
}

#[test]
fn what_is_misspelt_of_another_type_or_missing_is_found() {
    let schemas = Schemas::kept();
    let all = all();
    let changed = |kind: &str, change: &dyn Fn(&mut Value)| {
        let mut object = all.iter().find(|it| it["kind"] == kind).unwrap().clone();
        change(&mut object);
        schemas.faults(&object).into_iter().collect::<Vec<_>>()
    };
    let webhook = |change: fn(&mut Value)| {
        changed("ValidatingWebhookConfiguration", &|it| change(&mut it["webhooks"][0]))
    };
    assert_eq!(
        webhook(|it| it["failurepolicy"] = "Fail".into()),
        [".webhooks[0].failurepolicy is unknown"]
    );
    assert_eq!(
        webhook(|it| it["timeoutSeconds"] = "10".into()),
        [".webhooks[0].timeoutSeconds is no \"integer\""]
    );
    let without = webhook(|it| drop(it.as_object_mut().unwrap().remove("sideEffects")));
    assert_eq!(without, [".webhooks[0] lacks \"sideEffects\""]);
    let deployment = |change: fn(&mut Value)| {
        changed("Deployment", &|it| change(&mut it["spec"]["template"]["spec"]["containers"][0]))
    };
    let at = ".spec.template.spec.containers[0]";
    assert_eq!(
        deployment(|it| it["securityContext"]["readOnlyRootFileSystem"] = true.into()),
        [format!("{at}.securityContext.readOnlyRootFileSystem is unknown")]
    );
    assert_eq!(
        deployment(|it| it["args"] = "serve".into()),
        [format!("{at}.args is no \"array\"")]
    );
    assert_eq!(
        deployment(|it| it["resources"]["limits"]["memory"] = 1.into()),
        [format!("{at}.resources.limits.memory is no \"string\"")]
    );
    let service = changed("Service", &|it| it["spec"]["ports"][0]["targetPort"] = true.into());
    assert_eq!(service, [".spec.ports[0].targetPort is no \"string\""]);
    let kind = changed("Service", &|it| it["apiVersion"] = "v2".into());
    assert_eq!(kind, ["\"v2 Service\" is no kind"]);
}

#[test]
fn the_schemas_that_are_kept_are_those_of_this_api_server() {
    let Some(api) = ApiServer::shared("admission::schemas::of_this_api_server") else { return };
    let reply = api.call("GET", "/openapi/v2", None);
    assert_eq!(reply.status, 200);
    let found = serde_json::to_string(&Schemas::of(&reply.body).0).unwrap() + "\n";
    if std::env::var_os(OVERWRITE).is_some() {
        fs::write(file(), &found).unwrap();
    }
    assert_eq!(fs::read_to_string(file()).unwrap(), found, "{OVERWRITE} writes it anew");
}
