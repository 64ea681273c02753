//! What the API server makes of answers, good and bad: an answer out of form is a failure of the
//! call, and a failure is an admission wherever failures are ignored.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use unbroken_testkit::registry::lasting_root;

use super::other::{Call, OtherWebhook, Reply, allow, review, reviewed};
use super::{Api, Front, created, pod, registration};
use crate::cluster::wait_until;
use crate::server::Server;

/// A namespace that another webhook judges.
struct Judged {
    api: Api,
    webhook: OtherWebhook,
    namespace: String,
}

impl Judged {
    fn by(
        front: Front,
        name: &str,
        change: impl FnOnce(&mut Value),
        rule: impl Fn(usize, &Call) -> Reply + Send + Sync + 'static,
    ) -> Option<Self> {
        let api = front.api(name)?;
        let namespace = name.replace('_', "-");
        let object = json!({"metadata": {"name": namespace}});
        created(&api.call("POST", "/api/v1/namespaces", Some(&object)));
        // The calls that only find out whether the registration is in force are not counted.
        let judged = std::sync::atomic::AtomicUsize::new(0);
        let webhook = OtherWebhook::start(move |_, call| {
            let name = call.body["request"]["name"].as_str().unwrap_or_default();
            match name {
                "probe" => reviewed(call, &json!({"allowed": false})),
                _ => rule(judged.fetch_add(1, std::sync::atomic::Ordering::Relaxed), call),
            }
        });
        let url = format!("{}/verify", webhook.address());
        let mut object = registration(&namespace, &url, &lasting_root(Server::AUTHORITY));
        change(&mut object);
        let path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
        created(&api.call("POST", path, Some(&object)));
        let judged = Self { api, webhook, namespace };
        wait_until("the registration is in force", || judged.post("probe").0 != 201);
        Some(judged)
    }

    /// Tries to make a pod: the status, and what the user reads.
    fn post(&self, name: &str) -> (u16, String) {
        let dry_run = if name == "probe" { "?dryRun=All" } else { "" };
        let path = format!("/api/v1/namespaces/{}/pods{dry_run}", self.namespace);
        let reply = self.api.call("POST", &path, Some(&pod(name, "example.com/app")));
        (reply.status, reply.message().to_owned())
    }

    fn calls(&self) -> Vec<Call> {
        let calls = self.webhook.calls().into_iter();
        calls.filter(|call| call.body["request"]["name"] != "probe").collect()
    }
}

/// Answers that are none, by the name of the pod, and what the user reads of each.
const NO_ANSWERS: [(&str, &str); 9] = [
    ("other-uid", "expected response.uid="),
    ("no-uid", "expected response.uid="),
    ("no-response", "webhook response was absent"),
    (
        "old-version",
        "converting (v1beta1.AdmissionReview) to (v1.AdmissionReview): unknown conversion",
    ),
    ("no-version", "no kind \"AdmissionReview\" is registered for version \"admission.k8s.io/v2\""),
    ("patch", "validating webhook may not return response.patch"),
    ("no-json", "failed to call webhook"),
    ("status-500", "failed to call webhook"),
    ("empty", "failed to call webhook"),
];

fn no_answer(call: &Call) -> Reply {
    match call.body["request"]["name"].as_str().unwrap_or_default() {
        "other-uid" => review(&json!({"uid": "0b1e", "allowed": false})),
        "no-uid" => review(&json!({"allowed": false})),
        "no-response" => review(&Value::Null),
        name @ ("old-version" | "no-version") => {
            let (status, headers, body) = reviewed(call, &json!({"allowed": false}));
            let other = if name == "old-version" { "v1beta1" } else { "v2" };
            (status, headers, body.replace("k8s.io/v1", &format!("k8s.io/{other}")))
        }
        "patch" => {
            reviewed(call, &json!({"allowed": false, "patchType": "JSONPatch", "patch": "W10="}))
        }
        "no-json" => (200, Vec::new(), "denied".to_owned()),
        "status-500" => (500, Vec::new(), reviewed(call, &json!({"allowed": false})).2),
        _ => (200, Vec::new(), String::new()),
    }
}

fn a_denial_out_of_form_is_a_failure_of_the_call(front: Front) {
    let Some(judged) = Judged::by(front, "out_of_form", |_| {}, |_, call| no_answer(call)) else {
        return;
    };
    for (name, text) in NO_ANSWERS {
        let (status, message) = judged.post(name);
        assert_eq!(status, 500, "{name}: {message}");
        let begin = "failed calling webhook \"verify.in-toto.io\"";
        assert!(message.contains(begin) && message.contains(text), "{name}: {message}");
    }
}

fn where_failures_are_ignored_a_denial_out_of_form_admits(front: Front) {
    let ignore = |object: &mut Value| object["webhooks"][0]["failurePolicy"] = "Ignore".into();
    let Some(judged) = Judged::by(front, "ignored", ignore, |_, call| no_answer(call)) else {
        return;
    };
    for (name, _) in NO_ANSWERS {
        assert_eq!(judged.post(name).0, 201, "{name}");
    }
    // The audit log is the only place that tells of it.
    let key = "failed-open.validating.webhook.admission.k8s.io/round_0_index_0";
    let opened = || {
        let events = judged.api.audit().into_iter().filter(|event| {
            event["objectRef"]["namespace"] == judged.namespace.as_str()
                && event["annotations"].get(key).is_some()
        });
        events.count()
    };
    wait_until("the audit log tells of each", || opened() >= NO_ANSWERS.len());
    assert_eq!(opened(), NO_ANSWERS.len());
}

fn too_many_requests_are_sent_again_in_the_time_of_the_call(front: Front) {
    let rule = |before: usize, call: &Call| match before {
        0 | 1 => (429, vec![("retry-after", "1")], String::new()),
        _ => allow(call),
    };
    let Some(judged) = Judged::by(front, "come_again", |_| {}, rule) else { return };
    assert_eq!(judged.post("app").0, 201);
    let calls = judged.calls();
    assert_eq!(calls.len(), 3);
    let uid = |call: &Call| call.body["request"]["uid"].clone();
    assert_eq!(uid(&calls[0]), uid(&calls[2]), "it is the same call");
    // Without the header it is a failure.
    let rule = |_: usize, _: &Call| (429, Vec::new(), String::new());
    let Some(judged) = Judged::by(front, "come_not_again", |_| {}, rule) else { return };
    assert_eq!((judged.post("app").0, judged.calls().len()), (500, 1));
}

fn an_answer_that_comes_too_late_is_none(front: Front) {
    let short = |object: &mut Value| object["webhooks"][0]["timeoutSeconds"] = 1.into();
    let rule = |_: usize, call: &Call| {
        std::thread::sleep(Duration::from_secs(5));
        allow(call)
    };
    let Some(judged) = Judged::by(front, "too_late", short, rule) else { return };
    let begin = Instant::now();
    let (status, message) = judged.post("app");
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
    assert_eq!(status, 500, "{message}");
    assert!(message.contains("context deadline exceeded"), "{message}");
}

fn a_call_has_the_head_that_the_facts_tell_of(front: Front) {
    let Some(judged) = Judged::by(front, "head", |_| {}, |_, call| allow(call)) else { return };
    assert_eq!(judged.post("app").0, 201);
    let call = judged.calls().remove(0);
    assert!(call.target.ends_with("/verify?timeout=10s"), "{}", call.target);
    for (name, value) in [
        ("content-type", "application/json"),
        ("accept", "application/json, */*"),
        ("accept-encoding", "gzip"),
        ("user-agent", "kube-apiserver-admission"),
    ] {
        assert_eq!(call.headers[name], value, "{name}");
    }
    assert_eq!(call.body["apiVersion"], "admission.k8s.io/v1");
    assert_eq!(call.body["request"]["userInfo"]["username"], "admin");
}

fn a_refusal_without_a_code_is_400_and_warnings_come_with_it(front: Front) {
    let rule = |_: usize, call: &Call| {
        let status = json!({"message": "no"});
        let response =
            json!({"allowed": false, "status": status, "warnings": ["look", "look", "out"]});
        reviewed(call, &response)
    };
    let Some(judged) = Judged::by(front, "refusal", |_| {}, rule) else { return };
    let path = "/api/v1/namespaces/refusal/pods";
    let reply = judged.api.call("POST", path, Some(&pod("app", "example.com/app")));
    assert_eq!(reply.status, 400);
    assert_eq!(reply.message(), "admission webhook \"verify.in-toto.io\" denied the request: no");
    assert_eq!(reply.warnings, ["look", "out"]);
}

on_both!(
    a_denial_out_of_form_is_a_failure_of_the_call,
    where_failures_are_ignored_a_denial_out_of_form_admits,
    too_many_requests_are_sent_again_in_the_time_of_the_call,
    an_answer_that_comes_too_late_is_none,
    a_call_has_the_head_that_the_facts_tell_of,
    a_refusal_without_a_code_is_400_and_warnings_come_with_it
);
