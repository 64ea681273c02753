//! Credentials that pods name: those of one namespace open no registry for another.

use data_encoding::BASE64;
use serde_json::{Value, json};
use unbroken_testkit::registry::Reply;

use super::{CLUSTER_POLICIES, Followed, spec, wait_until};
use crate::world::{pod, pod_of};

const CANARY: &str = "CANARY-77ac";

/// A registry that asks for the canary, and a policy for its images.
fn guarded() -> (Followed, String) {
    let followed = Followed::start(|_, _| {}, &["--pull-secrets"]);
    let policy = json!({"spec": spec(&followed.world)});
    followed.api.put(&format!("{CLUSTER_POLICIES}/acme"), policy);
    let image = followed.world.push_signed("acme/app");
    followed.wait_for(&image, "admit");
    // What was remembered until now is not asked for again: another image is.
    let image = followed.world.push_signed("acme/guarded");
    let due = format!("Basic {}", BASE64.encode(format!("u:{CANARY}").as_bytes()));
    followed.world.registry.rule(move |request| {
        let known = request.header("authorization") == Some(&due);
        let challenge = || Reply::status(401).header("www-authenticate", "Basic realm=\"x\"");
        (!known).then(challenge)
    });
    (followed, image)
}

fn secret(followed: &Followed, kind: &str, member: &str) -> Value {
    let auth = BASE64.encode(format!("u:{CANARY}").as_bytes());
    let auths = json!({followed.world.registry.host(): {"auth": auth}});
    let text = if member == ".dockercfg" { auths } else { json!({"auths": auths}) };
    json!({"type": kind, "data": {member: BASE64.encode(text.to_string().as_bytes())}})
}

fn with_secrets(image: &str, namespace: &str, secrets: &Value) -> Value {
    let containers = json!([{"name": "app", "image": image}]);
    let mut request = pod(&json!({"containers": containers, "imagePullSecrets": secrets}));
    request["namespace"] = json!(namespace);
    request
}

fn message(answer: &Value) -> Option<&str> {
    answer.pointer("/response/status/message").and_then(Value::as_str)
}

#[test]
fn credentials_of_a_pod_are_for_its_namespace_alone() {
    let (followed, image) = guarded();
    let review = |request: &Value| followed.server.review("/verify?timeout=10s", request);
    let secret = secret(&followed, "kubernetes.io/dockerconfigjson", ".dockerconfigjson");
    followed.api.put("/api/v1/namespaces/prod/secrets/pull", secret.clone());
    let without = review(&pod_of(&image));
    assert!(message(&without).unwrap().contains("[undecided]"), "{without}");
    let named = json!([{"name": "absent"}, {"name": "pull"}]);
    let answer = review(&with_secrets(&image, "prod", &named));
    assert_eq!(message(&answer), None, "{answer}");
    // Neither what was found with them, nor they themselves, are there for anybody else.
    let other = review(&with_secrets(&image, "dev", &named));
    assert!(message(&other).unwrap().contains("[undecided]"), "{other}");
    let without = review(&pod_of(&image));
    assert!(message(&without).unwrap().contains("[undecided]"), "{without}");
    for answer in [other, without] {
        assert!(!answer.to_string().contains(CANARY));
    }
    let asked: Vec<String> = followed.api.requests().into_iter().map(|(_, path)| path).collect();
    assert!(asked.iter().any(|path| path.ends_with("/namespaces/dev/secrets/pull")), "{asked:?}");
}

#[test]
fn the_service_account_names_secrets_where_the_pod_names_none() {
    let (followed, image) = guarded();
    let secret = secret(&followed, "kubernetes.io/dockercfg", ".dockercfg");
    followed.api.put("/api/v1/namespaces/prod/secrets/old", secret);
    let account = json!({"imagePullSecrets": [{"name": "old"}]});
    followed.api.put("/api/v1/namespaces/prod/serviceaccounts/builder", account);
    let mut request = with_secrets(&image, "prod", &json!([]));
    request["object"]["spec"]["serviceAccountName"] = json!("builder");
    wait_until("the account's secret opens the registry", || {
        message(&followed.server.review("/verify", &request)).is_none()
    });
}
