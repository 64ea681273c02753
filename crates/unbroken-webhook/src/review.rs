//! The reviews that the API server sends (`admission.k8s.io/v1`), and the answers that it accepts.
//!
//! An answer that the API server cannot read is no denial: where failures are ignored, it admits. So
//! whatever has a uid is answered in form, with that uid.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use thiserror::Error;
use unbroken_model::name::is_unprintable;
use unbroken_policy::kind::{CustomKind, GroupKind};

use crate::exact::{Budget, few_texts};
use crate::workload::shape;

const API_VERSION: &str = "admission.k8s.io/v1";
const KIND: &str = "AdmissionReview";
/// The longest uid that is echoed. The API server's have 36 letters.
const LONGEST_UID: usize = 128;
/// The longest name of a namespace.
const LONGEST_NAMESPACE: usize = 63;
/// The longest name of an object that is told. Names of Kubernetes have 253 letters; the reviews of
/// objects come before their names are looked at.
const LONGEST_SUBJECT: usize = 400;
/// Values of both objects that are kept: two for each container, and half of them take some 700 bytes.
const VALUES: usize = 25_000;
/// The API server gives all warnings together 4,096 letters, and cuts each to 256 beyond that.
const LONGEST_WARNING: usize = 256;
/// Warnings of one answer.
pub(crate) const WARNINGS: usize = 16;

/// What is asked: whether one request may change the cluster.
#[derive(Debug)]
pub struct Request {
    /// Names the call; a retry has another one.
    pub uid: String,
    /// The kind of the object.
    pub kind: GroupKind,
    /// The subresource; empty for the object itself.
    pub subresource: String,
    /// The name; empty where the server makes one.
    pub name: String,
    /// The namespace; empty for what has none.
    pub namespace: String,
    /// What is to be done.
    pub operation: Operation,
    /// Who asks, as the API server knows him.
    pub user: User,
    /// Whether nothing of it is kept.
    pub dry_run: bool,
    /// The object as it would become, as far as it is read.
    pub object: Option<Value>,
    /// The object as it is, as far as it is read.
    pub old_object: Option<Value>,
}

/// Whoever asks, as the API server authenticated him.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct User {
    /// The name.
    #[serde(default, rename = "username")]
    pub name: String,
    /// The groups.
    #[serde(default, deserialize_with = "few_texts")]
    pub groups: Vec<String>,
}

/// What is to be done with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Operation {
    /// It is made.
    Create,
    /// It is changed.
    Update,
    /// It goes.
    Delete,
    /// Somebody connects to it: `exec`, `attach`.
    Connect,
}

/// Why a body is no review.
#[derive(Debug, Error)]
#[error("the body is no review of {API_VERSION}: {fault}")]
pub struct Malformed {
    /// The uid, where at least that could be read.
    pub uid: Option<String>,
    fault: String,
}

/// An answer to a review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether the request may go on.
    pub verdict: Verdict,
    /// What the user is told beside it.
    pub warnings: Vec<String>,
    /// What the audit log keeps.
    pub annotations: BTreeMap<&'static str, String>,
}

/// Whether a request may go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may, with these changes; a validating webhook makes none.
    Allowed(Vec<Change>),
    /// It may not.
    Denied {
        /// 403 for what was rejected, 503 for what is undecided.
        status: u16,
        /// Why.
        message: String,
    },
}

/// Another text in a place of the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The place as a JSON pointer.
    pub pointer: String,
    /// The text that stands there: the change is made of this one alone.
    pub from: String,
    /// The text that stands there then.
    pub to: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReviewWire<'a> {
    api_version: String,
    kind: String,
    #[serde(borrow)]
    request: RequestWire<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestWire<'a> {
    uid: String,
    kind: KindWire,
    #[serde(default)]
    sub_resource: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    namespace: String,
    operation: Operation,
    #[serde(default)]
    user_info: User,
    #[serde(default)]
    dry_run: bool,
    #[serde(default, borrow)]
    object: Option<&'a RawValue>,
    #[serde(default, borrow)]
    old_object: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct KindWire {
    group: String,
    #[serde(rename = "version")]
    _version: IgnoredAny,
    kind: String,
}

/// As much as is needed to answer.
#[derive(Deserialize)]
struct UidWire {
    request: UidOfRequest,
}

#[derive(Deserialize)]
struct UidOfRequest {
    uid: String,
}

impl Operation {
    /// Returns the word of the API server.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
        }
    }
}

impl Request {
    /// Reads a review; `kinds` are those beside the ones of Kubernetes.
    ///
    /// # Errors
    /// [`Malformed`], with the uid if there is one to answer to.
    pub fn parse(body: &[u8], kinds: &[CustomKind]) -> Result<Self, Malformed> {
        let malformed = |fault: String| Malformed { uid: peek_uid(body), fault };
        let review: ReviewWire<'_> =
            serde_json::from_slice(body).map_err(|error| malformed(error.to_string()))?;
        if review.api_version != API_VERSION || review.kind != KIND {
            return Err(malformed("apiVersion and kind are those of something else".to_owned()));
        }
        let request = review.request;
        if !is_uid(&request.uid) {
            return Err(malformed("the request has no uid".to_owned()));
        }
        if !is_namespace(&request.namespace) {
            return Err(malformed("the namespace is none".to_owned()));
        }
        let kind = GroupKind { group: request.kind.group, kind: request.kind.kind };
        let (shape, budget) = (shape(&kind, kinds), Budget::new(VALUES));
        let read = |object: Option<&RawValue>| {
            let object = object.map(|object| shape.read(object, &budget)).transpose();
            object.map_err(|error| malformed(error.to_string()))
        };
        let (object, old_object) = (read(request.object)?, read(request.old_object)?);
        Ok(Self {
            uid: request.uid,
            kind,
            subresource: request.sub_resource,
            name: request.name,
            namespace: request.namespace,
            operation: request.operation,
            user: request.user_info,
            dry_run: request.dry_run,
            object,
            old_object,
        })
    }

    /// Counts the values of both objects.
    pub(crate) fn values(&self) -> usize {
        let objects = [&self.object, &self.old_object].into_iter().flatten();
        objects.map(count).sum()
    }

    /// Names the object for people: `Deployment prod/web`.
    pub fn subject(&self) -> String {
        let generated = || {
            let object = self.object.as_ref()?;
            let prefix = object.pointer("/metadata/generateName")?.as_str()?;
            Some(format!("{prefix}..."))
        };
        let name = match self.name.as_str() {
            "" => generated().unwrap_or_else(|| "(without a name)".to_owned()),
            name => name.to_owned(),
        };
        let slash = if self.namespace.is_empty() { "" } else { "/" };
        // `check` prints it, and a file of objects may hold anything.
        let text = format!("{} {}{slash}{name}", self.kind.kind, self.namespace);
        text.chars().take(LONGEST_SUBJECT).collect::<String>().replace(is_unprintable, " ")
    }
}

impl Answer {
    /// Writes the review that answers a request.
    pub fn to_json(&self, uid: &str) -> Value {
        let mut response = json!({ "uid": uid });
        let mut set = |name: &str, value: Value| {
            response.as_object_mut().map(|map| map.insert(name.to_owned(), value))
        };
        match &self.verdict {
            Verdict::Allowed(changes) => {
                set("allowed", true.into());
                if !changes.is_empty() {
                    set("patchType", "JSONPatch".into());
                    // Bytes in JSON as Go has them: base64 with its padding.
                    let patch = Value::Array(changes.iter().flat_map(Change::to_json).collect());
                    set("patch", BASE64.encode(patch.to_string().as_bytes()).into());
                }
            }
            Verdict::Denied { status, message } => {
                set("allowed", false.into());
                let reason = if *status == 503 { "ServiceUnavailable" } else { "Forbidden" };
                let text = json!({ "code": status, "reason": reason, "message": message });
                set("status", text);
            }
        }
        if !self.warnings.is_empty() {
            let texts = self.warnings.iter().take(WARNINGS).map(|text| shortened(text).into());
            set("warnings", Value::Array(texts.collect()));
        }
        if !self.annotations.is_empty() {
            set("auditAnnotations", json!(self.annotations));
        }
        json!({ "apiVersion": API_VERSION, "kind": KIND, "response": response })
    }
}

impl Change {
    /// The test keeps a change that was thought of for one text from another.
    fn to_json(&self) -> [Value; 2] {
        [
            json!({ "op": "test", "path": self.pointer, "value": self.from }),
            json!({ "op": "replace", "path": self.pointer, "value": self.to }),
        ]
    }
}

/// What is counted is no deeper than what could be read.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum(),
        _ => 0,
    }
}

fn peek_uid(body: &[u8]) -> Option<String> {
    let review: UidWire = serde_json::from_slice(body).ok()?;
    Some(review.request.uid).filter(|uid| is_uid(uid))
}

fn is_uid(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    !text.is_empty() && text.len() <= LONGEST_UID && text.bytes().all(fits)
}

/// Tells whether a text can be the name of a namespace, or of none: it stands in the command that a denial
/// ends with, and somebody will run that.
pub(crate) fn is_namespace(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text.len() <= LONGEST_NAMESPACE && text.bytes().all(fits)
}

fn shortened(text: &str) -> String {
    text.chars().take(LONGEST_WARNING).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn review() -> Value {
        json!({
            "apiVersion": API_VERSION, "kind": KIND,
            "request": {
                "uid": "0c9a8d74", "kind": {"group": "apps", "version": "v1", "kind": "Deployment"},
                "resource": {"group": "apps", "version": "v1", "resource": "deployments"},
                "name": "web", "namespace": "prod", "operation": "CREATE",
                "userInfo": {"username": "admin"}, "object": {"spec": {}}, "oldObject": null,
                "dryRun": false, "options": {"kind": "CreateOptions"},
            },
        })
    }

    fn parse(review: &Value) -> Result<Request, Malformed> {
        Request::parse(review.to_string().as_bytes(), &[])
    }

    #[test]
    fn a_review_of_the_api_server_is_read() {
        let request = parse(&review()).unwrap();
        assert_eq!(request.subject(), "Deployment prod/web");
        assert_eq!(request.operation, Operation::Create);
        assert_eq!(request.old_object, None);
        assert_eq!(request.subresource, "");
    }

    #[test]
    fn what_has_a_uid_can_be_answered_whatever_is_wrong_with_it() {
        for (pointer, value) in [
            ("/apiVersion", json!("admission.k8s.io/v1beta1")),
            ("/kind", json!("Review")),
            ("/request/operation", json!("create")),
            ("/request/operation", json!(7)),
            ("/request/kind", json!(null)),
            ("/request/namespace", json!(1)),
            ("/request/namespace", json!("prod; reboot")),
            ("/request/namespace", json!("n".repeat(64))),
        ] {
            let mut review = review();
            *review.pointer_mut(pointer).unwrap() = value;
            assert_eq!(parse(&review).unwrap_err().uid.as_deref(), Some("0c9a8d74"), "{pointer}");
        }
    }

    #[test]
    fn a_name_cannot_write_to_a_terminal() {
        let mut review = review();
        *review.pointer_mut("/request/name").unwrap() = json!("web\u{1b}[2J\nadmitted");
        assert_eq!(parse(&review).unwrap().subject(), "Deployment prod/web [2J admitted");
        *review.pointer_mut("/request/name").unwrap() = json!("\u{202e}".repeat(1 << 20));
        let subject = parse(&review).unwrap().subject();
        assert!(subject.len() < 500 && subject.is_ascii(), "{subject}");
    }

    #[test]
    fn a_member_that_stands_twice_leaves_no_object() {
        let body = review().to_string().replace(r#""spec":{}"#, r#""spec":{},"spec":{"a":1}"#);
        let malformed = Request::parse(body.as_bytes(), &[]).unwrap_err();
        assert_eq!(malformed.uid.as_deref(), Some("0c9a8d74"));
    }

    #[test]
    fn without_a_uid_there_is_nobody_to_answer() {
        for uid in [json!(""), json!(null), json!(5), json!("a b"), json!("x".repeat(129))] {
            let mut review = review();
            *review.pointer_mut("/request/uid").unwrap() = uid.clone();
            assert_eq!(parse(&review).unwrap_err().uid, None, "{uid}");
        }
        for body in ["", "[]", "null", "{}", r#"{"request":null}"#, "\u{0}"] {
            assert_eq!(Request::parse(body.as_bytes(), &[]).unwrap_err().uid, None, "{body}");
        }
        let twice = r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"a","uid":"b"}}"#;
        assert_eq!(Request::parse(twice.as_bytes(), &[]).unwrap_err().uid, None);
    }

    #[test]
    fn answers_have_the_form_that_the_api_server_demands() {
        let allowed = Answer {
            verdict: Verdict::Allowed(Vec::new()),
            warnings: Vec::new(),
            annotations: BTreeMap::new(),
        };
        let due = json!({
            "apiVersion": API_VERSION, "kind": KIND, "response": {"uid": "u", "allowed": true}
        });
        assert_eq!(allowed.to_json("u"), due);
        let denied = Answer {
            verdict: Verdict::Denied { status: 403, message: "no".into() },
            warnings: vec!["w".repeat(300)],
            annotations: BTreeMap::from([("decision", "deny".to_owned())]),
        };
        let answer = denied.to_json("u");
        assert_eq!(
            answer.pointer("/response/status").unwrap(),
            &json!({"code": 403, "reason": "Forbidden", "message": "no"})
        );
        let undecided = Verdict::Denied { status: 503, message: "no".into() };
        let later = Answer { verdict: undecided, ..allowed }.to_json("u");
        assert_eq!(later.pointer("/response/status/reason").unwrap(), "ServiceUnavailable");
        assert_eq!(answer.pointer("/response/warnings/0").unwrap().as_str().unwrap().len(), 256);
        assert_eq!(answer.pointer("/response/auditAnnotations/decision").unwrap(), "deny");
        assert_eq!(answer.pointer("/response/patch"), None);
    }

    #[test]
    fn a_patch_is_padded_base64_and_replaces_what_it_was_made_for() {
        let change = Change { pointer: "/spec/image".into(), from: "a".into(), to: "a@b".into() };
        let answer = Answer {
            verdict: Verdict::Allowed(vec![change]),
            warnings: Vec::new(),
            annotations: BTreeMap::new(),
        };
        let answer = answer.to_json("u");
        assert_eq!(answer.pointer("/response/patchType").unwrap(), "JSONPatch");
        let patch = answer.pointer("/response/patch").unwrap().as_str().unwrap();
        let patch: Value =
            serde_json::from_slice(&BASE64.decode(patch.as_bytes()).unwrap()).unwrap();
        let due = json!([
            {"op": "test", "path": "/spec/image", "value": "a"},
            {"op": "replace", "path": "/spec/image", "value": "a@b"},
        ]);
        assert_eq!(patch, due);
    }
}
