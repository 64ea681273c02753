//! The simulator as kubectl finds it: what there is, objects, and refusals, in plain HTTP on the loopback.
//!
//! There is no OpenAPI: kubectl is told `--validate=false` where it would ask for it. Nobody has to say
//! who he is, and nothing is watched.
#![expect(clippy::indexing_slicing, reason = "a member of JSON that is not there is null")]

use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::patch::merge_strategically;
use super::{ApiSimulator, KINDS, Target, failure, ok};
use crate::api_server::ApiReply;
use crate::registry::{Body, Reply, Request, listen};

/// The parts of objects that have a path of their own.
const SUBRESOURCES: [(&str, &str, &str); 5] = [
    ("pods", "ephemeralcontainers", "Pod"),
    ("pods", "status", "Pod"),
    ("deployments", "scale", "Scale"),
    ("replicasets", "scale", "Scale"),
    ("statefulsets", "scale", "Scale"),
];
const STRATEGIC: &str = "application/strategic-merge-patch+json";

/// A simulator that listens. It ends when it is dropped.
pub struct ApiFront {
    address: String,
    state: Arc<State>,
}

struct State {
    api: Arc<ApiSimulator>,
    ended: AtomicBool,
}

impl ApiFront {
    /// Opens a free port of 127.0.0.1 before a simulator.
    ///
    /// # Panics
    /// When the machine gives no port.
    pub fn start(api: Arc<ApiSimulator>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port of the loopback");
        let address = format!("http://{}", listener.local_addr().expect("its address"));
        let state = Arc::new(State { api, ended: AtomicBool::new(false) });
        let has_ended = |state: &State| state.ended.load(Ordering::Relaxed);
        listen(listener, &state, has_ended, |state, request| reply(&answer(&state.api, request)));
        Self { address, state }
    }

    /// Returns the address, `http://127.0.0.1:` and a port.
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for ApiFront {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::Relaxed);
        // Wakes the thread that waits for connections.
        drop(TcpStream::connect(self.address.trim_start_matches("http://")));
    }
}

fn answer(api: &ApiSimulator, request: &Request) -> ApiReply {
    let path = request.target.split('?').next().unwrap_or_default();
    if let ("GET", Some(found)) = (request.method.as_str(), discovered(path)) {
        return ok(200, found);
    }
    let call = |method: &str, body: Option<&Value>| api.call(method, &request.target, body);
    let body: Option<Value> = serde_json::from_slice(&request.body).ok();
    if request.method != "PATCH" || request.header("content-type") != Some(STRATEGIC) {
        return call(&request.method, body.as_ref());
    }
    let mut object = call("GET", None);
    if object.status != 200 {
        return object;
    }
    match merge_strategically(&mut object.body, &body.unwrap_or_default()) {
        Ok(()) => call("PUT", Some(&object.body)),
        Err(fault) => failure(400, "BadRequest", &fault),
    }
}

/// What kubectl asks before it asks for objects.
fn discovered(path: &str) -> Option<Value> {
    let words: Vec<&str> = path.trim_matches('/').split('/').collect();
    match words.as_slice() {
        ["version"] => Some(json!({"major": "1", "minor": "34", "gitVersion": "v1.34.0"})),
        ["api"] => Some(json!({"kind": "APIVersions", "versions": ["v1"]})),
        ["apis"] => {
            let mut names: Vec<&str> = KINDS.iter().map(|(group, ..)| *group).collect();
            names.dedup();
            let groups = names.into_iter().filter(|name| !name.is_empty()).map(|name| {
                let version = json!({"groupVersion": format!("{name}/v1"), "version": "v1"});
                json!({"name": name, "versions": [version], "preferredVersion": version})
            });
            let groups: Vec<Value> = groups.collect();
            Some(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}))
        }
        ["api", version] => Some(resources("", version)),
        ["apis", group, version] => Some(resources(group, version)),
        _ => None,
    }
}

fn resources(group: &str, version: &str) -> Value {
    let kinds = KINDS.iter().filter(|(of, at, ..)| *of == group && *at == version);
    let mut found = Vec::new();
    for (_, _, plural, kind) in kinds {
        let namespaced =
            !["Namespace", "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"]
                .contains(kind);
        let singular = kind.to_lowercase();
        found.push(json!({
            "name": plural, "singularName": singular, "namespaced": namespaced, "kind": kind,
            "verbs": ["create", "delete", "get", "list", "patch", "update"],
        }));
        for (of, part, kind) in SUBRESOURCES {
            if of == *plural {
                found.push(json!({
                    "name": format!("{plural}/{part}"), "singularName": "", "namespaced": true,
                    "kind": kind, "verbs": ["get", "patch", "update"],
                }));
            }
        }
    }
    let name = Target::api_version(group, version);
    json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": found})
}

/// An answer as it goes over the wire: every object says of which version it is.
fn reply(answer: &ApiReply) -> Reply {
    let mut body = answer.body.clone();
    if body["apiVersion"].is_null() {
        body["apiVersion"] = "v1".into();
    }
    let mut reply = Reply::status(answer.status).header("content-type", "application/json");
    for warning in &answer.warnings {
        let text = warning.replace('\\', "\\\\").replace('"', "\\\"");
        reply = reply.header("warning", &format!("299 - \"{text}\""));
    }
    reply.body(Body::Bytes(body.to_string().into_bytes()))
}
