//! Reports of what runs and would not come in any more, one of each namespace.
//!
//! They have the form that OpenReports and the older PolicyReports share, and are written when they say
//! something else than before.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use unbroken_model::timestamp::Timestamp;

use super::api::{Api, ApiError};
use super::list::Pages;
use super::resource::{Name, Resource, metadata};
use crate::admission::Ruling;
use crate::decision::{Decision, Failure};

/// The name of each report.
const REPORT: &str = "unbroken-webhook";
/// Results of one report; the API server takes 3 MiB of an object.
const RESULTS: usize = 500;
/// The longest message of a result.
const LONGEST_MESSAGE: usize = 512;
/// The kinds of reports, the newer first.
const KINDS: [Kind; 2] = [
    (Resource::OPEN_REPORTS, "openreports.io/v1alpha1", "Report"),
    (Resource::POLICY_REPORTS, "wgpolicyk8s.io/v1alpha2", "PolicyReport"),
];

/// The resource of a kind of reports, its version and its name.
type Kind = (Resource, &'static str, &'static str);

/// What was found in a namespace.
#[derive(Default)]
pub(super) struct Found {
    pass: u64,
    fail: u64,
    error: u64,
    results: Vec<Value>,
}

impl Found {
    /// Notes what was decided of a pod.
    pub(super) fn note(&mut self, pod: &Value, ruling: &Ruling, now: Timestamp) {
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
pub(super) fn report(api: &Api, namespace: &str, found: &Found) -> Result<(), ApiError> {
    let mut last = Ok(());
    for kind in KINDS {
        match write(api, kind, namespace, found) {
            // The cluster has no such kind.
            Err(error) if error.code() == Some(404) => last = Err(error),
            other => return other,
        }
    }
    last
}

/// Empties the reports of namespaces in which nothing was found: what they tell of is gone.
pub(super) fn empty_others(api: &Api, found: &BTreeMap<String, Found>) -> Result<(), ApiError> {
    for kind in KINDS {
        let (resource, ..) = kind;
        let own = format!("metadata.name={REPORT}");
        let path = resource.all(None);
        let mut pages = Pages::of(api, &path, Some(&own));
        loop {
            let page = match pages.next() {
                Ok(Some(page)) => page,
                Ok(None) => break,
                // The cluster has no such kind.
                Err(error) if error.code() == Some(404) => break,
                Err(error) => return Err(error),
            };
            for report in page.get("items").and_then(Value::as_array).into_iter().flatten() {
                let namespace = metadata(report, "namespace");
                if !found.contains_key(namespace) {
                    write(api, kind, namespace, &Found::default())?;
                }
            }
        }
    }
    Ok(())
}

fn write(
    api: &Api,
    (resource, version, kind): Kind,
    namespace: &str,
    found: &Found,
) -> Result<(), ApiError> {
    let (Some(of), Some(name)) = (Name::new(namespace), Name::new(REPORT)) else { return Ok(()) };
    let summary = json!({
        "pass": found.pass, "fail": found.fail, "error": found.error, "warn": 0, "skip": 0,
    });
    let mut due = json!({
        "apiVersion": version,
        "kind": kind,
        "metadata": { "name": REPORT, "namespace": namespace },
        "summary": summary,
        "results": found.results,
    });
    let path = resource.one(Some(&of), &name);
    let Some(before) = api.find(&path)? else {
        return api.create(&resource.all(Some(&of)), &due).map(drop);
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
