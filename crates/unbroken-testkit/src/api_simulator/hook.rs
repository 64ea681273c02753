//! A registered webhook: whether it is asked, how, and what its answer comes to.
#![expect(clippy::indexing_slicing, reason = "a member of JSON that is not there is null")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use data_encoding::BASE64;
use serde_json::{Value, json};
use ureq::Agent;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

use super::patch::apply;
use super::{ApiReply, failure};

/// The most that one call is sent again.
const RETRIES: usize = 10;
/// All warnings of an answer together; beyond that each is cut.
const WARNINGS: usize = 4096;
const CUT_WARNING: usize = 256;
const KIND: &str = "Kind=AdmissionReview";

/// A webhook as it was registered.
#[derive(Clone)]
pub(super) struct Hook {
    config: Value,
    is_mutating: bool,
    agent: Agent,
}

/// What is asked about.
pub(super) struct Attributes {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) plural: String,
    pub(super) kind: String,
    pub(super) subresource: String,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) operation: &'static str,
    pub(super) dry_run: bool,
    /// The labels of the namespace.
    pub(super) labels: Value,
}

/// What was said beside the verdict.
#[derive(Default)]
pub(super) struct Said {
    pub(super) warnings: Vec<String>,
    pub(super) annotations: BTreeMap<String, String>,
}

type Refusal = Box<ApiReply>;

/// Asks those that are registered; returns the object as it was changed.
pub(super) fn ask(
    hooks: &[Hook],
    attributes: &Attributes,
    object: Option<Value>,
    old: Option<Value>,
    uid: &dyn Fn() -> String,
    said: &mut Said,
) -> Result<Value, Refusal> {
    let mut object = object.unwrap_or_default();
    let old = old.unwrap_or_default();
    let asked: Vec<&Hook> = hooks.iter().filter(|hook| hook.is_asked(attributes)).collect();
    let mut seen: Vec<(&Hook, Value)> = Vec::new();
    for hook in asked.iter().filter(|hook| hook.is_mutating) {
        hook.call(attributes, &mut object, &old, &uid(), said, 0)?;
        seen.push((*hook, object.clone()));
    }
    // Once more, if a later one changed what it had left.
    for (hook, left) in seen {
        if hook.config["reinvocationPolicy"] == "IfNeeded" && left != object {
            hook.call(attributes, &mut object, &old, &uid(), said, 0)?;
        }
    }
    for (index, hook) in asked.iter().filter(|hook| !hook.is_mutating).enumerate() {
        hook.call(attributes, &mut object, &old, &uid(), said, index)?;
    }
    said.warnings = shortened(std::mem::take(&mut said.warnings));
    Ok(object)
}

impl Hook {
    pub(super) fn new(config: &Value, is_mutating: bool) -> Self {
        assert!(config["matchConditions"].is_null(), "conditions in CEL are not simulated");
        assert!(config["clientConfig"]["service"].is_null(), "services are not simulated");
        let bundle = config["clientConfig"]["caBundle"].as_str().unwrap_or_default();
        let bundle = BASE64.decode(bundle.as_bytes()).expect("caBundle is base64");
        let roots = parse_pem(&bundle).filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        });
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::from(roots.collect::<Vec<_>>()))
            .unversioned_rustls_crypto_provider(provider)
            .build();
        let agent = Agent::config_builder().tls_config(tls).http_status_as_error(false).proxy(None);
        Self { config: config.clone(), is_mutating, agent: agent.build().into() }
    }

    fn name(&self) -> &str {
        self.config["name"].as_str().unwrap_or_default()
    }

    fn is_asked(&self, attributes: &Attributes) -> bool {
        let resource = match attributes.subresource.as_str() {
            "" => attributes.plural.clone(),
            subresource => format!("{}/{subresource}", attributes.plural),
        };
        let has = |list: &Value, word: &str| {
            let words = list.as_array().into_iter().flatten();
            words.into_iter().any(|it| it == word || it == "*")
        };
        let rules = self.config["rules"].as_array().into_iter().flatten();
        let by_rule = rules.into_iter().any(|rule| {
            has(&rule["apiGroups"], &attributes.group)
                && has(&rule["apiVersions"], &attributes.version)
                && has(&rule["operations"], attributes.operation)
                && has(&rule["resources"], &resource)
        });
        let selector = &self.config["namespaceSelector"];
        let label = |key: &str| attributes.labels.get(key).and_then(Value::as_str);
        let labels = selector["matchLabels"].as_object().into_iter().flatten();
        let by_labels = labels.into_iter().all(|(key, value)| label(key) == value.as_str());
        let expressions = selector["matchExpressions"].as_array().into_iter().flatten();
        let by_expressions = expressions.into_iter().all(|expression| {
            let value = label(expression["key"].as_str().unwrap_or_default());
            let named = value.is_some_and(|value| has(&expression["values"], value));
            match expression["operator"].as_str() {
                Some("In") => named,
                Some("NotIn") => !named,
                other => panic!("the operator {other:?} is not simulated"),
            }
        });
        by_rule && by_labels && by_expressions
    }

    /// Asks, and changes the object as a mutating webhook says.
    fn call(
        &self,
        attributes: &Attributes,
        object: &mut Value,
        old: &Value,
        uid: &str,
        said: &mut Said,
        index: usize,
    ) -> Result<(), Refusal> {
        let response = match self.exchange(attributes, object, old, uid) {
            Ok(response) => response,
            Err(_) if self.config["failurePolicy"] == "Ignore" => {
                let word = if self.is_mutating { "mutation" } else { "validating" };
                let key =
                    format!("failed-open.{word}.webhook.admission.k8s.io/round_0_index_{index}");
                said.annotations.insert(key, self.name().to_owned());
                return Ok(());
            }
            Err(fault) => {
                let text = format!(
                    "Internal error occurred: failed calling webhook \"{}\": {fault}",
                    self.name()
                );
                return Err(Box::new(failure(500, "InternalError", &text)));
            }
        };
        for (key, value) in response["auditAnnotations"].as_object().into_iter().flatten() {
            let value = value.as_str().unwrap_or_default().to_owned();
            said.annotations.insert(format!("{}/{key}", self.name()), value);
        }
        let warnings = response["warnings"].as_array().into_iter().flatten();
        for warning in warnings.filter_map(Value::as_str) {
            if !said.warnings.iter().any(|it| it == warning) {
                said.warnings.push(warning.to_owned());
            }
        }
        if response["allowed"] != true {
            return Err(Box::new(self.refusal(&response["status"])));
        }
        if let Some(patch) = response["patch"].as_str() {
            let patch = BASE64.decode(patch.as_bytes()).unwrap_or_default();
            let operations: Vec<Value> = serde_json::from_slice(&patch).unwrap_or_default();
            apply(object, &operations).map_err(|fault| {
                Box::new(failure(
                    500,
                    "InternalError",
                    &format!("Internal error occurred: {fault}"),
                ))
            })?;
        }
        Ok(())
    }

    fn refusal(&self, status: &Value) -> ApiReply {
        let code = status["code"].as_u64().and_then(|code| u16::try_from(code).ok()).unwrap_or(0);
        let code = if code < 400 { 400 } else { code };
        let begin = format!("admission webhook \"{}\" denied the request", self.name());
        let text = match (status["message"].as_str(), status["reason"].as_str()) {
            (Some(message), _) if !message.is_empty() => format!("{begin}: {message}"),
            (_, Some(reason)) if !reason.is_empty() => format!("{begin}: {reason}"),
            _ => format!("{begin} without explanation"),
        };
        failure(code, status["reason"].as_str().unwrap_or_default(), &text)
    }

    /// Sends the review, again if it is asked to come again, and holds the answer to its form.
    fn exchange(
        &self,
        attributes: &Attributes,
        object: &Value,
        old: &Value,
        uid: &str,
    ) -> Result<Value, String> {
        let seconds = self.config["timeoutSeconds"].as_u64().unwrap_or(10);
        let url = self.config["clientConfig"]["url"].as_str().unwrap_or_default();
        let url = format!("{url}?timeout={seconds}s");
        let review = attributes.review(object, old, uid).to_string();
        let end = Instant::now() + Duration::from_secs(seconds);
        let failed = |fault: &str| {
            format!("failed to call webhook: Post \"{url}\": {}", fault.to_lowercase())
        };
        let mut tries = 0;
        let text = loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(failed("context deadline exceeded"));
            }
            let sent = self.agent.post(&url).config().timeout_global(Some(left)).build();
            let sent = sent
                .header("Content-Type", "application/json")
                .header("Accept", "application/json, */*")
                .header("Accept-Encoding", "gzip")
                .header("User-Agent", "kube-apiserver-admission")
                .send(&review);
            let mut answer = match sent {
                Ok(answer) => answer,
                Err(ureq::Error::Timeout(_)) => return Err(failed("context deadline exceeded")),
                Err(error) => return Err(failed(&error.to_string())),
            };
            let status = answer.status().as_u16();
            let header = answer.headers().get("retry-after").and_then(|it| it.to_str().ok());
            let wait: Option<u64> = header.and_then(|text| text.parse().ok());
            match (status, wait) {
                (429 | 500.., Some(wait)) if tries < RETRIES => {
                    tries += 1;
                    std::thread::sleep(Duration::from_secs(wait).min(left));
                }
                (200..300, _) => {
                    let text = answer.body_mut().read_to_string();
                    break text.map_err(|error| failed(&error.to_string()))?;
                }
                _ => return Err(failed(&format!("an error on the server, status {status}"))),
            }
        };
        self.response(&text, uid)
    }

    fn response(&self, text: &str, uid: &str) -> Result<Value, String> {
        let unreadable = |fault: String| format!("failed to call webhook: {fault}");
        let review: Value =
            serde_json::from_str(text).map_err(|error| unreadable(error.to_string()))?;
        match (review["apiVersion"].as_str(), review["kind"].as_str()) {
            (Some("admission.k8s.io/v1"), Some("AdmissionReview")) => {}
            (Some("admission.k8s.io/v1beta1"), Some("AdmissionReview")) => {
                let fault = "converting (v1beta1.AdmissionReview) to (v1.AdmissionReview): unknown conversion";
                return Err(unreadable(fault.to_owned()));
            }
            (version, kind) => {
                let (version, kind) = (version.unwrap_or_default(), kind.unwrap_or_default());
                return Err(unreadable(format!(
                    "no kind \"{kind}\" is registered for version \"{version}\""
                )));
            }
        }
        let response = &review["response"];
        let invalid = |fault: &str| Err(format!("received invalid webhook response: {fault}"));
        if response.is_null() {
            return invalid("webhook response was absent");
        }
        let found = response["uid"].as_str().unwrap_or_default();
        if found != uid {
            return invalid(&format!("expected response.uid={uid:?}, got {found:?}"));
        }
        let (patch, kind) = (response.get("patch"), response["patchType"].as_str());
        match (self.is_mutating, patch, kind) {
            (_, None, None) | (true, Some(_), Some("JSONPatch")) => Ok(response.clone()),
            (false, _, _) => invalid("validating webhook may not return response.patch"),
            (true, None, _) => {
                invalid("webhook returned response.patchType but not response.patch")
            }
            (true, ..) => invalid(&format!("{KIND}: unsupported patch type")),
        }
    }
}

impl Attributes {
    /// What the API server sends, member by member as the recorded reviews have it.
    fn review(&self, object: &Value, old: &Value, uid: &str) -> Value {
        let Self { group, version, plural, kind, .. } = self;
        let scale = self.subresource == "scale";
        let kind = if scale {
            json!({"group": "autoscaling", "version": "v1", "kind": "Scale"})
        } else {
            json!({"group": group, "version": version, "kind": kind})
        };
        let resource = json!({"group": group, "version": version, "resource": plural});
        let word = match self.operation {
            "CREATE" => "CreateOptions",
            "UPDATE" => "UpdateOptions",
            _ => "DeleteOptions",
        };
        let mut request = json!({
            "uid": uid, "kind": kind, "resource": resource,
            "requestKind": kind, "requestResource": resource,
            "name": self.name, "operation": self.operation,
            "userInfo": {"username": "admin", "uid": "1", "groups": ["system:masters", "system:authenticated"]},
            "object": object, "oldObject": old, "dryRun": self.dry_run,
            "options": {"kind": word, "apiVersion": "meta.k8s.io/v1"},
        });
        if !self.namespace.is_empty() {
            request["namespace"] = self.namespace.as_str().into();
        }
        if !self.subresource.is_empty() {
            request["subResource"] = self.subresource.as_str().into();
            request["requestSubResource"] = self.subresource.as_str().into();
        }
        json!({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request})
    }
}

fn shortened(warnings: Vec<String>) -> Vec<String> {
    let letters: usize = warnings.iter().map(|text| text.chars().count()).sum();
    if letters <= WARNINGS {
        return warnings;
    }
    warnings.into_iter().map(|text| text.chars().take(CUT_WARNING).collect()).collect()
}
