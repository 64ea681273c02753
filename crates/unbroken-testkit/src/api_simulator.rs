//! What an API server does about admission, for machines without one: it keeps workloads, and asks webhooks.
//!
//! It sends what the recorded reviews of a real API server hold, and treats answers as that one was
//! seen to treat them; the tests of admission run against both. It converts between no versions, has
//! no conditions in CEL, and sets no defaults in objects. [`ApiFront`] is the same for kubectl.
#![expect(clippy::indexing_slicing, reason = "a member of JSON that is not there is null")]

mod front;
mod hook;
pub(crate) mod patch;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value, json};

pub use self::front::ApiFront;
use self::hook::{Attributes, Hook};
use self::patch::merge;
use crate::api_server::ApiReply;

/// The kinds that it keeps: group, version, plural, kind.
const KINDS: [(&str, &str, &str, &str); 12] = [
    ("", "v1", "namespaces", "Namespace"),
    ("", "v1", "pods", "Pod"),
    ("", "v1", "podtemplates", "PodTemplate"),
    ("", "v1", "replicationcontrollers", "ReplicationController"),
    ("apps", "v1", "daemonsets", "DaemonSet"),
    ("apps", "v1", "deployments", "Deployment"),
    ("apps", "v1", "replicasets", "ReplicaSet"),
    ("apps", "v1", "statefulsets", "StatefulSet"),
    ("batch", "v1", "cronjobs", "CronJob"),
    ("batch", "v1", "jobs", "Job"),
    ("admissionregistration.k8s.io", "v1", VALIDATING, "ValidatingWebhookConfiguration"),
    ("admissionregistration.k8s.io", "v1", MUTATING, "MutatingWebhookConfiguration"),
];
const VALIDATING: &str = "validatingwebhookconfigurations";
const MUTATING: &str = "mutatingwebhookconfigurations";
/// The label of a namespace that the API server sets and nobody else.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// A small API server in memory. Registrations are in force at once.
#[derive(Default)]
pub struct ApiSimulator {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Objects by the path of their own.
    objects: BTreeMap<String, Value>,
    hooks: Vec<Hook>,
    audit: Vec<Value>,
    /// Counts what was written: it makes versions, uids and names.
    written: u64,
}

/// What a request is about.
struct Target {
    group: String,
    version: String,
    plural: String,
    kind: &'static str,
    namespace: String,
    name: String,
    subresource: String,
    dry_run: bool,
    /// The path of the collection.
    collection: String,
}

impl ApiSimulator {
    /// Makes one without objects.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers a request as [`ApiServer::call`] does.
    ///
    /// [`ApiServer::call`]: crate::api_server::ApiServer::call
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> ApiReply {
        let Some(target) = Target::parse(path) else {
            return failure(404, "NotFound", "the server could not find the requested resource");
        };
        let reply = match (method, target.subresource.as_str()) {
            ("GET", _) => self.get(&target),
            ("POST", "") => self.create(&target, body.cloned().unwrap_or_default()),
            ("DELETE", _) | ("POST", "eviction") => self.delete(&target),
            // Nobody is asked about a binding, and the object stays as it is.
            ("POST", _) => Ok(ok(201, json!({"kind": "Status", "status": "Success"}))),
            ("PATCH" | "PUT", _) => self.update(&target, method, body.unwrap_or(&Value::Null)),
            _ => Ok(failure(405, "MethodNotAllowed", "the server does not allow this method")),
        };
        reply.unwrap_or_else(|refusal| *refusal)
    }

    /// Returns the audit log.
    pub fn audit(&self) -> Vec<Value> {
        self.lock().audit.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, target: &Target) -> Outcome {
        let state = self.lock();
        if !target.name.is_empty() {
            return state.object(target).map(|object| ok(200, object));
        }
        let begin = format!("{}/", target.collection);
        let items = state.objects.iter().filter(|(path, _)| path.starts_with(&begin));
        let items: Vec<&Value> = items.map(|(_, object)| object).collect();
        let api_version = Target::api_version(&target.group, &target.version);
        let kind = format!("{}List", target.kind);
        Ok(ok(200, json!({"kind": kind, "apiVersion": api_version, "items": items})))
    }

    fn create(&self, target: &Target, mut object: Value) -> Outcome {
        let number = self.lock().next();
        object["apiVersion"] = Target::api_version(&target.group, &target.version).into();
        object["kind"] = target.kind.into();
        let metadata = &mut object["metadata"];
        if metadata["name"].as_str().unwrap_or_default().is_empty() {
            let prefix = metadata["generateName"].as_str().unwrap_or_default();
            metadata["name"] = format!("{prefix}{number:05}").into();
        }
        let name = metadata["name"].as_str().unwrap_or_default().to_owned();
        metadata["uid"] = uid(number).into();
        metadata["creationTimestamp"] = TIME.into();
        metadata["generation"] = 1.into();
        metadata["managedFields"] = managed();
        if !target.namespace.is_empty() {
            metadata["namespace"] = target.namespace.as_str().into();
        }
        // Nothing new is being deleted, whatever it says.
        metadata.as_object_mut().map(|members| members.remove("deletionTimestamp"));
        if target.plural == "namespaces" {
            metadata["labels"][NAME_LABEL] = name.as_str().into();
        }
        let (object, warnings) = self.admit(target, &name, "CREATE", Some(object), None)?;
        let mut state = self.lock();
        let path = format!("{}/{name}", target.collection);
        if state.objects.contains_key(&path) {
            return Err(Box::new(failure(409, "AlreadyExists", &format!("{name} exists"))));
        }
        if !target.dry_run {
            state.objects.insert(path, object.clone());
            state.take_up_hooks();
        }
        Ok(ApiReply { status: 201, body: object, warnings })
    }

    fn update(&self, target: &Target, method: &str, change: &Value) -> Outcome {
        let old = self.lock().object(target)?.clone();
        let mut object = old.clone();
        match (target.subresource.as_str(), method) {
            ("", "PUT") => object = change.clone(),
            ("", _) => merge(&mut object, change),
            // Of the rest that is sent along nothing is taken.
            ("status", _) => merge(&mut object["status"], &change["status"]),
            ("scale", _) => object["spec"]["replicas"] = change["spec"]["replicas"].clone(),
            ("ephemeralcontainers", _) => {
                object["spec"]["ephemeralContainers"] =
                    change["spec"]["ephemeralContainers"].clone();
            }
            _ => {}
        }
        // What the API server alone says of an object.
        for member in ["uid", "name", "namespace", "creationTimestamp", "deletionTimestamp"] {
            if let Some(value) = old["metadata"].get(member) {
                object["metadata"][member] = value.clone();
            }
        }
        if target.plural == "namespaces" {
            object["metadata"]["labels"][NAME_LABEL] = target.name.as_str().into();
        }
        let (object, warnings) =
            self.admit(target, &target.name, "UPDATE", Some(object), Some(old))?;
        let mut state = self.lock();
        let path = target.path();
        let metadata = &object["metadata"];
        let finalizers = metadata["finalizers"].as_array().is_some_and(|it| !it.is_empty());
        if metadata["deletionTimestamp"].is_string() && !finalizers {
            state.objects.remove(&path);
        } else if !target.dry_run {
            state.objects.insert(path, object.clone());
        }
        state.take_up_hooks();
        Ok(ApiReply { status: 200, body: object, warnings })
    }

    fn delete(&self, target: &Target) -> Outcome {
        let object = self.lock().object(target)?.clone();
        self.admit(target, &target.name, "DELETE", None, Some(object.clone()))?;
        let mut state = self.lock();
        let finalizers = object["metadata"]["finalizers"].as_array();
        if finalizers.is_some_and(|it| !it.is_empty()) {
            let mut object = object.clone();
            object["metadata"]["deletionTimestamp"] = TIME.into();
            state.objects.insert(target.path(), object);
        } else {
            state.objects.remove(&target.path());
        }
        state.take_up_hooks();
        Ok(ok(200, &object))
    }

    /// Asks the webhooks: those that change first, one after the other, and then those that judge.
    fn admit(
        &self,
        target: &Target,
        name: &str,
        operation: &'static str,
        object: Option<Value>,
        old: Option<Value>,
    ) -> Result<(Value, Vec<String>), Box<ApiReply>> {
        let (hooks, labels) = {
            let state = self.lock();
            let namespace = format!("/api/v1/namespaces/{}", target.namespace);
            let labels = state.objects.get(&namespace).map(|it| it["metadata"]["labels"].clone());
            (state.hooks.clone(), labels.unwrap_or_default())
        };
        let attributes = Attributes {
            group: target.group.clone(),
            version: target.version.clone(),
            plural: target.plural.clone(),
            kind: target.kind.to_owned(),
            subresource: target.subresource.clone(),
            namespace: target.namespace.clone(),
            name: name.to_owned(),
            operation,
            dry_run: target.dry_run,
            labels,
        };
        let next = || uid(self.lock().next());
        let mut said = hook::Said::default();
        let verdict = hook::ask(&hooks, &attributes, object, old, &next, &mut said);
        let status = verdict.as_ref().map_or_else(|refusal| refusal.status, |_| 200);
        self.lock().audit.push(json!({
            "objectRef": {"namespace": target.namespace, "name": name, "resource": target.plural},
            "responseStatus": {"code": status}, "annotations": said.annotations,
        }));
        match verdict {
            Ok(object) => Ok((object, said.warnings)),
            Err(mut refusal) => {
                refusal.warnings = said.warnings;
                Err(refusal)
            }
        }
    }
}

type Outcome = Result<ApiReply, Box<ApiReply>>;

const TIME: &str = "2026-01-01T00:00:00Z";

impl State {
    fn next(&mut self) -> u64 {
        self.written += 1;
        self.written
    }

    fn object(&self, target: &Target) -> Result<&Value, Box<ApiReply>> {
        let missing = || Box::new(failure(404, "NotFound", &format!("{} not found", target.name)));
        self.objects.get(&target.path()).ok_or_else(missing)
    }

    fn take_up_hooks(&mut self) {
        let of_kind = |plural: &str, mutating: bool| {
            let begin = format!("/apis/admissionregistration.k8s.io/v1/{plural}/");
            let found = self.objects.iter().filter(move |(path, _)| path.starts_with(&begin));
            let hooks =
                found.flat_map(|(_, object)| object["webhooks"].as_array().into_iter().flatten());
            hooks.map(|hook| Hook::new(hook, mutating)).collect::<Vec<_>>()
        };
        let (mutating, judging) = (of_kind(MUTATING, true), of_kind(VALIDATING, false));
        self.hooks = mutating.into_iter().chain(judging).collect();
    }
}

impl Target {
    fn parse(path: &str) -> Option<Self> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let words: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let (group, version, rest) = match words.as_slice() {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return None,
        };
        let (namespace, rest) = match rest {
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (*namespace, rest),
            rest => ("", rest),
        };
        let (plural, rest) = rest.split_first()?;
        let kind = KINDS.iter().find(|(of, _, name, _)| *of == group && name == plural)?.3;
        let word = |place: usize| rest.get(place).copied().unwrap_or_default().to_owned();
        let root = if group.is_empty() { "/api".to_owned() } else { format!("/apis/{group}") };
        let place =
            if namespace.is_empty() { String::new() } else { format!("/namespaces/{namespace}") };
        Some(Self {
            group: group.to_owned(),
            version: version.to_owned(),
            plural: (*plural).to_owned(),
            kind,
            namespace: namespace.to_owned(),
            name: word(0),
            subresource: word(1),
            dry_run: query.split('&').any(|pair| pair == "dryRun=All"),
            collection: format!("{root}/{version}{place}/{plural}"),
        })
    }

    /// What objects of a group say in `apiVersion`.
    fn api_version(group: &str, version: &str) -> String {
        if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
    }

    fn path(&self) -> String {
        format!("{}/{}", self.collection, self.name)
    }
}

fn uid(number: u64) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

fn managed() -> Value {
    let fields =
        json!({"f:metadata": {}, "f:spec": {"f:containers": {"k:{\"name\":\"app\"}": {}}}});
    json!([{"manager": "simulator", "operation": "Update", "apiVersion": "v1", "time": TIME,
        "fieldsType": "FieldsV1", "fieldsV1": fields}])
}

fn ok(status: u16, body: impl serde::Serialize) -> ApiReply {
    let body = serde_json::to_value(body).unwrap_or_default();
    ApiReply { status, body, warnings: Vec::new() }
}

fn failure(status: u16, reason: &str, message: &str) -> ApiReply {
    let mut body = Map::new();
    for (member, value) in [
        ("kind", json!("Status")),
        ("status", json!("Failure")),
        ("code", json!(status)),
        ("reason", json!(reason)),
        ("message", json!(message)),
    ] {
        body.insert(member.to_owned(), value);
    }
    ApiReply { status, body: Value::Object(body), warnings: Vec::new() }
}
