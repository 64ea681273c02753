//! Judges pods that run already, again and again, and reports what would not come in any more.
//!
//! Nothing is ended by it. A namespace has one report, in the form that OpenReports and the older
//! PolicyReports share; it is written when it says something else than before.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use serde_json::{Value, json};
use unbroken_model::timestamp::Timestamp;
use unbroken_policy::kind::GroupKind;

use super::api::{Api, ApiError};
use super::resource::{Name, Resource, metadata};
use crate::admission::Ruling;
use crate::decision::{Decision, Failure};
use crate::review::{Operation, Request, User};
use crate::server::Service;

/// The name of each report.
const REPORT: &str = "unbroken-webhook";
/// Pods of one page of a list.
const PAGE: usize = 250;
/// Pods that are looked at in one round.
const PODS: usize = 100_000;
/// Results of one report; the API server takes 3 MiB of an object.
const RESULTS: usize = 500;
/// The longest message of a result.
const LONGEST_MESSAGE: usize = 512;
/// How long one pod may take.
const TIME: Duration = Duration::from_secs(20);
/// The kinds of reports, the newer first.
const KINDS: [(Resource, &str, &str); 2] = [
    (Resource::OPEN_REPORTS, "openreports.io/v1alpha1", "Report"),
    (Resource::POLICY_REPORTS, "wgpolicyk8s.io/v1alpha2", "PolicyReport"),
];

/// What was found in a namespace.
#[derive(Default)]
struct Found {
    pass: u64,
    fail: u64,
    error: u64,
    results: Vec<Value>,
}

/// Judges pods each time that `every` has passed, until the service is gone.
pub fn start(api: Api, service: &Arc<Service>, clock: fn() -> Timestamp, every: Duration) {
    let service = Arc::downgrade(service);
    std::thread::spawn(move || {
        let mut fault = None;
        loop {
            std::thread::sleep(every);
            let Some(found) = round(&api, &service, clock) else { return };
            let found = found.err().map(|error| error.to_string());
            if let (Some(service), Some(text)) = (service.upgrade(), &found)
                && found != fault
            {
                service.log().event(&format!("the pods that run were not judged: {text}"));
            }
            fault = found;
        }
    });
}

/// Judges every pod once; nothing where the service is gone.
fn round(
    api: &Api,
    service: &Weak<Service>,
    clock: fn() -> Timestamp,
) -> Option<Result<(), ApiError>> {
    let mut namespaces: BTreeMap<String, Found> = BTreeMap::new();
    let (mut next, mut pods) = (String::new(), 0);
    loop {
        let path = format!("{}?limit={PAGE}&continue={next}", Resource::PODS.all(None));
        let page = match api.get(&path) {
            Ok(page) => page,
            Err(error) => return Some(Err(error)),
        };
        for pod in page.get("items").and_then(Value::as_array).into_iter().flatten() {
            let service = service.upgrade()?;
            let found = namespaces.entry(metadata(pod, "namespace").to_owned()).or_default();
            // What has ended runs nothing.
            let phase = pod.pointer("/status/phase").and_then(Value::as_str);
            if !matches!(phase, Some("Succeeded" | "Failed")) {
                match service.judge_again(&request(pod), TIME) {
                    Some(ruling) => found.note(pod, &ruling, clock()),
                    // Without policies nothing can be said.
                    None => return Some(Ok(())),
                }
            }
            pods += 1;
        }
        next = super::watch::escaped(metadata(&page, "continue"));
        if next.is_empty() || pods >= PODS {
            break;
        }
    }
    let mut written = Ok(());
    for (namespace, found) in &namespaces {
        let result = report(api, namespace, found);
        written = written.and(result);
    }
    Some(written)
}

/// Asks for a pod as if it were made now.
fn request(pod: &Value) -> Request {
    let mut object = pod.clone();
    if let Some(object) = object.as_object_mut() {
        // The members of a list do not say what they are.
        object.insert("apiVersion".to_owned(), json!("v1"));
        object.insert("kind".to_owned(), json!("Pod"));
    }
    Request {
        uid: "recheck".to_owned(),
        kind: GroupKind { group: String::new(), kind: "Pod".to_owned() },
        subresource: String::new(),
        name: metadata(pod, "name").to_owned(),
        namespace: metadata(pod, "namespace").to_owned(),
        operation: Operation::Create,
        user: User::default(),
        dry_run: true,
        object: Some(object),
        old_object: None,
    }
}

impl Found {
    fn note(&mut self, pod: &Value, ruling: &Ruling, now: Timestamp) {
        let failures: &[Failure] = match &ruling.decision {
            Decision::Admit(_) => {
                self.pass += 1;
                return;
            }
            Decision::Deny(failures) => failures,
        };
        if failures.iter().all(|failure| failure.undecided) {
            self.error += 1;
        } else {
            self.fail += 1;
        }
        for failure in failures {
            if self.results.len() < RESULTS {
                self.results.push(result(pod, failure, now));
            }
        }
    }
}

fn result(pod: &Value, failure: &Failure, now: Timestamp) -> Value {
    let Failure { code, image, policy, message, undecided, .. } = failure;
    let plain: String = format!("{image}: {message}")
        .chars()
        .filter(|letter| !letter.is_control())
        .take(LONGEST_MESSAGE)
        .collect();
    // The kubelet runs these without asking: what is found here is all that is ever said of them.
    let is_static = pod.pointer("/metadata/annotations/kubernetes.io~1config.mirror").is_some();
    json!({
        "policy": if policy.is_empty() { "admission" } else { policy.as_str() },
        "rule": code,
        "result": if *undecided { "error" } else { "fail" },
        "severity": "high",
        "source": REPORT,
        "message": plain,
        "timestamp": { "seconds": now.unix(), "nanos": 0 },
        "properties": { "image": image, "static-pod": is_static.to_string() },
        "resources": [{
            "apiVersion": "v1", "kind": "Pod", "namespace": metadata(pod, "namespace"),
            "name": metadata(pod, "name"), "uid": metadata(pod, "uid"),
        }],
    })
}

/// Writes the report of a namespace in the first form that the cluster knows.
fn report(api: &Api, namespace: &str, found: &Found) -> Result<(), ApiError> {
    let (Some(of), Some(name)) = (Name::new(namespace), Name::new(REPORT)) else { return Ok(()) };
    let mut last = Ok(());
    for (resource, version, kind) in KINDS {
        let summary = json!({
            "pass": found.pass, "fail": found.fail, "error": found.error, "warn": 0, "skip": 0,
        });
        let due = json!({
            "apiVersion": version,
            "kind": kind,
            "metadata": { "name": REPORT, "namespace": namespace },
            "summary": summary,
            "results": found.results,
        });
        match write(api, resource, &of, &name, due) {
            // The cluster has no such kind.
            Err(error) if error.code() == Some(404) => last = Err(error),
            // Another replica was faster, and found the same.
            Err(error) if error.is_conflict() => return Ok(()),
            other => return other,
        }
    }
    last
}

fn write(
    api: &Api,
    resource: Resource,
    namespace: &Name,
    name: &Name,
    mut due: Value,
) -> Result<(), ApiError> {
    let path = resource.one(Some(namespace), name);
    let Some(before) = api.find(&path)? else {
        return api.create(&resource.all(Some(namespace)), &due).map(drop);
    };
    if said(&before) == said(&due) {
        return Ok(());
    }
    if let (Some(metadata), Some(due)) = (before.get("metadata"), due.as_object_mut()) {
        due.insert("metadata".to_owned(), metadata.clone());
    }
    api.replace(&path, &due).map(drop)
}

/// Returns what a report says, without the times at which it was said.
fn said(report: &Value) -> (Option<Value>, Vec<Value>) {
    let results = report.get("results").and_then(Value::as_array).cloned().unwrap_or_default();
    let without_time = |mut result: Value| {
        if let Some(members) = result.as_object_mut() {
            members.remove("timestamp");
        }
        result
    };
    (report.get("summary").cloned(), results.into_iter().map(without_time).collect())
}
