//! The reviews that a real API server sends, kept in `golden/`: each is recorded again and compared.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use unbroken_testkit::api_server::ApiServer;
use unbroken_testkit::registry::lasting_root;

use super::kinds::{CRON_JOBS, POD_TEMPLATES, TEMPLATED, cron_job, pod_template, templated};
use super::other::{OtherWebhook, allow};
use super::{created, pod, registration};
use crate::cluster::wait_until;
use crate::golden::{NEW, OLD, folder};
use crate::server::Server;

/// What an API server makes up anew each time.
const UID: &str = "00000000-0000-4000-8000-000000000000";
const TIME: &str = "2026-01-01T00:00:00Z";
/// With this the files are written and not compared.
const OVERWRITE: &str = "UNBROKEN_OVERWRITE_GOLDEN";

/// Takes out what no two runs have in common.
fn normal(value: &mut Value) {
    match value {
        Value::Object(members) => {
            // The API server makes the name of a nameless object before it asks.
            if members.get("name").and_then(Value::as_str).is_some_and(|it| it.starts_with("web-"))
            {
                members["name"] = "web-00000".into();
            }
            for (name, value) in members.iter_mut() {
                match (name.as_str(), value.is_string()) {
                    ("uid" | "controller-uid" | "batch.kubernetes.io/controller-uid", true) => {
                        *value = UID.into();
                    }
                    ("resourceVersion", true) => *value = "1".into(),
                    ("time" | "creationTimestamp" | "deletionTimestamp" | "startTime", true) => {
                        *value = TIME.into();
                    }
                    _ => normal(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(normal),
        _ => {}
    }
}

#[test]
fn the_reviews_that_are_kept_are_those_of_this_api_server() {
    let Some(api) = ApiServer::shared("admission::api_server::golden") else { return };
    created(&api.call(
        "POST",
        "/api/v1/namespaces",
        Some(&json!({"metadata": {"name": "golden"}})),
    ));
    let webhook = OtherWebhook::start(|_, call| allow(call));
    let url = format!("{}/verify", webhook.address());
    let mut object = registration("golden", &url, &lasting_root(Server::AUTHORITY));
    let rules = object["webhooks"][0]["rules"].as_array_mut().unwrap();
    for rule in rules.iter_mut() {
        rule["operations"] = json!(["*"]);
    }
    for (group, resources) in
        [("", ["pods/exec", "pods/eviction"]), ("apps", ["deployments/scale", "x"])]
    {
        let rule = json!({"apiGroups": [group], "apiVersions": ["v1"], "operations": ["*"], "resources": resources});
        rules.push(rule);
    }
    let path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    created(&api.call("POST", path, Some(&object)));
    let path = |group: &str, place: &str| format!("{group}/namespaces/golden/{place}");
    let trial = format!("{}?dryRun=All", path("/api/v1", "pods"));
    wait_until("the registration is in force", || {
        api.call("POST", &trial, Some(&pod("trial", OLD)));
        !webhook.calls().is_empty()
    });

    let mut recorded: Vec<(String, Value)> = Vec::new();
    let mut record = |name: &str, method: &str, path: &str, object: Option<&Value>| {
        let before = webhook.calls().len();
        let reply = api.call(method, path, object);
        let calls = webhook.calls();
        // A deletion at once is asked about twice.
        assert!(calls.len() > before, "{name}: {}", reply.body);
        let mut body = calls[before].body.clone();
        normal(&mut body);
        recorded.push((name.to_owned(), body));
    };
    let to = |place: &str| {
        let members: Vec<&str> = place.split('.').collect();
        let inner = json!({"containers": [{"name": "app", "image": NEW}]});
        members.iter().rev().fold(inner, |inner, name| json!({ *name: inner }))
    };
    let mut both =
        |group: &str, plural: &str, kind: &str, place: &str, object: &dyn Fn(&str) -> Value| {
            record(&format!("{kind}-create"), "POST", &path(group, plural), Some(&object(OLD)));
            // The template of a Job cannot be changed.
            let change =
                if kind == "Job" { json!({"metadata": {"labels": {"a": "b"}}}) } else { to(place) };
            let place = path(group, &format!("{plural}/web"));
            record(&format!("{kind}-update"), "PATCH", &place, Some(&change));
        };
    for (group, plural, kind) in TEMPLATED {
        both(group, plural, kind, "spec.template.spec", &|image| templated(kind, "web", image));
    }
    both("/api/v1", "pods", "Pod", "spec", &|image| pod("web", image));
    let (group, plural, kind) = POD_TEMPLATES;
    both(group, plural, kind, "template.spec", &|image| pod_template("web", image));
    let (group, plural, kind) = CRON_JOBS;
    let place = "spec.jobTemplate.spec.template.spec";
    both(group, plural, kind, place, &|image| cron_job("web", image));

    let debug = json!({"spec": {"ephemeralContainers": [{"name": "debug", "image": OLD}]}});
    let place = path("/api/v1", "pods/web/ephemeralcontainers");
    record("Pod-ephemeralcontainers", "PATCH", &place, Some(&debug));
    let scale = json!({"spec": {"replicas": 2}});
    record(
        "Deployment-scale",
        "PATCH",
        &path("/apis/apps/v1", "deployments/web/scale"),
        Some(&scale),
    );
    let exec = path("/api/v1", "pods/web/exec?command=sh");
    record("Pod-exec", "POST", &exec, None);
    let generated = json!({"metadata": {"generateName": "web-"}, "spec": pod("web", OLD)["spec"]});
    let dry = path("/api/v1", "pods?dryRun=All");
    record("Pod-create-generated-dry-run", "POST", &dry, Some(&generated));
    record("Pod-delete", "DELETE", &path("/api/v1", "pods/web?gracePeriodSeconds=0"), None);

    let file = |name: &str| -> PathBuf { folder().join(format!("{name}.json")) };
    for (name, review) in &recorded {
        let text = serde_json::to_string_pretty(review).unwrap() + "\n";
        if std::env::var_os(OVERWRITE).is_some() {
            fs::write(file(name), &text).unwrap();
        }
        let kept = fs::read_to_string(file(name)).unwrap_or_default();
        assert_eq!(kept, text, "{name} is another one: record it with {OVERWRITE}=1");
    }
    assert_eq!(fs::read_dir(folder()).unwrap().count(), recorded.len());
}
