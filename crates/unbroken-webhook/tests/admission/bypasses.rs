//! Ways around admission that others left open.

use serde_json::{Value, json};

use crate::world::{POLICY, World, admitted, denied, pod, pod_of, request};

fn deployment(image: &str) -> Value {
    json!({"spec": {"replicas": 1, "template": {"spec": {"containers": [{"image": image}]}}}})
}

fn update(kind: (&str, &str), old: &Value, new: &Value) -> Value {
    let mut request = request(kind.0, kind.1, "UPDATE", new);
    request["oldObject"] = old.clone();
    request
}

const DEPLOYMENT: (&str, &str) = ("apps", "Deployment");

#[test]
fn b13_scaling_down_and_changing_the_image_at_once_is_a_change_of_the_image() {
    let world = World::new();
    let policies = world.policies(POLICY);
    let (running, new) = (world.push("acme/running"), world.push("acme/new"));
    let old = deployment(&running);
    // What runs already may be scaled, labelled and finished off, with or without a chain.
    let mut scaled = old.clone();
    scaled["spec"]["replicas"] = 0.into();
    scaled["metadata"] = json!({"labels": {"a": "b"}});
    admitted(&world.judge(&policies, &update(DEPLOYMENT, &old, &scaled)));
    let mut changed = deployment(&new);
    changed["spec"]["replicas"] = 0.into();
    denied(&world.judge(&policies, &update(DEPLOYMENT, &old, &changed)), 403, "link-missing");
}

#[test]
fn b14_an_object_that_says_that_it_is_being_deleted_is_judged() {
    let world = World::new();
    let policies = world.policies(POLICY);
    let image = world.push("acme/app");
    let deleted = json!({"deletionTimestamp": "2026-05-01T00:00:00Z"});
    let mut object = deployment(&image);
    object["metadata"] = deleted;
    let create = request("apps", "Deployment", "CREATE", &object);
    denied(&world.judge(&policies, &create), 403, "link-missing");
    // Also one that is really being deleted gets no new image.
    let mut old = deployment(&world.push("acme/running"));
    old["metadata"] = object["metadata"].clone();
    denied(&world.judge(&policies, &update(DEPLOYMENT, &old, &object)), 403, "link-missing");
    // Its finalisers may be taken away.
    admitted(&world.judge(&policies, &update(DEPLOYMENT, &old, &old)));
}

#[test]
fn b27_going_back_to_an_earlier_image_is_a_change() {
    let world = World::new();
    let policies = world.policies(POLICY);
    let (old, new) = (world.push("acme/old"), world.push_signed("acme/new"));
    let request = update(DEPLOYMENT, &deployment(&new), &deployment(&old));
    denied(&world.judge(&policies, &request), 403, "link-missing");
}

#[test]
fn b01_ephemeral_containers_come_by_a_subresource() {
    let world = World::new();
    let policies = world.policies(POLICY);
    let (app, debug) = (world.push_signed("acme/app"), world.push("acme/debug"));
    let old = json!({"spec": {"containers": [{"image": app}]}});
    let mut new = old.clone();
    new["spec"]["ephemeralContainers"] = json!([{"name": "debug", "image": debug}]);
    let mut request = update(("", "Pod"), &old, &new);
    request["subResource"] = "ephemeralcontainers".into();
    let message = denied(&world.judge(&policies, &request), 403, "link-missing");
    assert!(message.contains("spec.ephemeralContainers[0]"), "{message}");
}

#[test]
fn subresources_without_images_and_deletions_pass() {
    let world = World::new();
    let policies = world.policies(POLICY);
    let scale = json!({"spec": {"replicas": 0}});
    let mut scaling = request("autoscaling", "Scale", "UPDATE", &scale);
    scaling["subResource"] = "scale".into();
    admitted(&world.judge(&policies, &scaling));
    let mut deletion = request("", "Pod", "DELETE", &Value::Null);
    deletion["oldObject"] = json!({"spec": {"containers": [{"image": "evil.example/x"}]}});
    admitted(&world.judge(&policies, &deletion));
    let mut exec = request("", "PodExecOptions", "CONNECT", &json!({"command": ["sh"]}));
    exec["subResource"] = "exec".into();
    admitted(&world.judge(&policies, &exec));
    // Whatever it is called: what connects makes nothing.
    exec["subResource"] = "checkpoint".into();
    admitted(&world.judge(&policies, &exec));
}

#[test]
fn b12_b15_what_an_object_says_of_itself_is_not_believed() {
    let world = World::new();
    let policies = world.policies(POLICY);
    let image = world.push("acme/app");
    let mut request = pod_of(&image);
    request["object"]["metadata"] = json!({
        "annotations": {"kyverno.io/image-verification-outcomes": "pass", "decision": "admit",
            "image-policy.k8s.io/break-glass": "true"},
        "labels": {"policy.sigstore.dev/include": "false", "exempt": "true"},
        "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "u"}],
    });
    denied(&world.judge(&policies, &request), 403, "link-missing");
}

#[test]
fn b16_an_object_without_a_name_is_judged_and_named_by_what_it_has() {
    let world = World::new();
    let image = world.push("acme/app");
    let mut request = pod_of(&image);
    request["name"] = "".into();
    request["object"]["metadata"] = json!({"generateName": "web-"});
    let message = denied(&world.judge(&world.policies(POLICY), &request), 403, "link-missing");
    assert!(message.contains("Pod prod/web-..."), "{message}");
}

#[test]
fn b20_many_images_cost_the_registry_nothing() {
    let world = World::new();
    let policies = world.policies(POLICY);
    let repository = world.repository("acme/app");
    world.registry.forget_requests();
    for count in [65, 10_000] {
        let image = |number| json!({"image": format!("{repository}@sha256:{number:064x}")});
        let spec = json!({"containers": (0..count).map(image).collect::<Vec<_>>()});
        denied(&world.judge(&policies, &pod(&spec)), 403, "too-many-images");
    }
    assert!(world.registry.requests().is_empty());
    // One image ten thousand times is one image.
    let signed = world.push_signed("acme/app");
    let spec = json!({"containers": vec![json!({"image": signed}); 10_000]});
    world.registry.forget_requests();
    admitted(&world.judge(&policies, &pod(&spec)));
    assert!(world.registry.requests().len() <= 8, "{}", world.registry.requests().len());
}

#[test]
fn b08_b09_names_in_other_spellings_are_one_name_or_none() {
    let world = World::new();
    let digest = format!("sha256:{}", "a".repeat(64));
    let hub = POLICY.replace("HOST/acme/**", "docker.io/library/nginx");
    let policies = world.policies(&hub);
    for other in ["nginx.evil.com/library/nginx", "evil.com/docker.io/library/nginx", "nginxx"] {
        let image = format!("{other}@{digest}");
        denied(&world.judge(&policies, &pod_of(&image)), 403, "no-policy");
    }
    for fault in [
        "Docker.io/nginx",
        "docker.io/Nginx",
        "docker.io./nginx",
        " nginx",
        "nginx ",
        "http://nginx",
        "nginx@sha256:0",
        "a@b@c",
        "nginx:",
        "näginx",
        "docker.io//nginx",
        "../nginx",
    ] {
        denied(&world.judge(&policies, &pod_of(fault)), 403, "image-name-invalid");
    }
}

#[test]
fn an_update_whose_old_object_is_not_there_is_judged_whole() {
    let world = World::new();
    let policies = world.policies(POLICY);
    let image = world.push("acme/app");
    for old in [Value::Null, json!({}), json!({"spec": {"template": {"spec": {"containers": 1}}}})]
    {
        let request = update(DEPLOYMENT, &old, &deployment(&image));
        denied(&world.judge(&policies, &request), 403, "link-missing");
    }
}
