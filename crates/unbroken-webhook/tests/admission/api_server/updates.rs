//! What happens to objects that run already: by kubectl as people use it, and by its requests.

use serde_json::{Value, json};

use super::kinds::templated;
use super::{Cluster, Front, created, pod, refused};
use crate::world::POLICY;

const APPS: &str = "/apis/apps/v1";
const CORE: &str = "/api/v1";

/// What ran before the program was registered, all of it unsigned: a pod with a finaliser, and a
/// Deployment whose ReplicaSets, which a controller would have made, are of two revisions.
struct Before {
    cluster: Cluster,
    unsigned: String,
    signed: String,
}

fn before(front: Front, name: &str) -> Option<Before> {
    let cluster = Cluster::new(front, name, POLICY)?;
    let signed = cluster.world.push_signed("acme/app");
    let unsigned = cluster.world.push("acme/old");
    let mut running = pod("running", &unsigned);
    running["metadata"]["finalizers"] = json!(["example.com/wait"]);
    created(&cluster.post(CORE, "pods", &running));
    let reply = cluster.post(APPS, "deployments", &templated("Deployment", "web", &unsigned));
    created(&reply);
    let owner = json!([{
        "apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "controller": true,
        "uid": reply.body["metadata"]["uid"],
    }]);
    let revision = |number: &str| json!({"deployment.kubernetes.io/revision": number});
    for (number, image) in [("1", &unsigned), ("2", &signed)] {
        let mut set = templated("ReplicaSet", &format!("web-{number}"), image);
        // As the controller does it: the hash of the template is a label of the template.
        for place in ["/spec/selector/matchLabels", "/spec/template/metadata/labels"] {
            let labels = json!({"app": "web", "pod-template-hash": number});
            *set.pointer_mut(place).unwrap() = labels;
        }
        set["metadata"]["labels"] = json!({"app": "web", "pod-template-hash": number});
        set["metadata"]["annotations"] = revision(number);
        set["metadata"]["ownerReferences"] = owner.clone();
        created(&cluster.post(APPS, "replicasets", &set));
    }
    let patch = json!({"metadata": {"annotations": revision("2")}});
    created(&cluster.patch(APPS, "deployments/web", &patch));
    cluster.register(&cluster.registration());
    cluster.wait_until_judged();
    Some(Before { cluster, unsigned, signed })
}

fn image_of(deployment: &Value) -> &str {
    deployment.pointer("/spec/template/spec/containers/0/image").unwrap().as_str().unwrap()
}

fn what_runs_unsigned_is_scaled_labelled_reported_on_and_finished_off(front: Front) {
    let Some(Before { cluster, .. }) = before(front, "running") else { return };
    for (place, patch) in [
        ("deployments/web", json!({"metadata": {"labels": {"a": "b"}}})),
        ("deployments/web", json!({"spec": {"replicas": 5}})),
        ("deployments/web/scale", json!({"spec": {"replicas": 3}})),
        ("deployments/web/status", json!({"status": {"observedGeneration": 7}})),
    ] {
        created(&cluster.patch(APPS, place, &patch));
    }
    assert_eq!(cluster.get(APPS, "deployments/web")["spec"]["replicas"], 3);
    let phase = json!({"status": {"phase": "Running"}});
    created(&cluster.patch(CORE, "pods/running/status", &phase));
    // Deleted but for its finaliser, which is then taken away.
    let path = cluster.path(CORE, "pods/running?gracePeriodSeconds=0");
    assert_eq!(cluster.api.call("DELETE", &path, None).status, 200);
    let running = cluster.get(CORE, "pods/running");
    assert!(running["metadata"]["deletionTimestamp"].is_string(), "{running}");
    let patch = json!({"metadata": {"finalizers": null}});
    created(&cluster.patch(CORE, "pods/running", &patch));
    assert_eq!(cluster.api.call("GET", &cluster.path(CORE, "pods/running"), None).status, 404);
}

#[test]
fn b13_b27_set_image_and_rollout_undo_are_judged_also_while_scaling_down() {
    let Some(Before { cluster, unsigned, signed }) = before(Front::Real, "rollouts") else {
        return;
    };
    let other = cluster.world.push("acme/other");
    let denial =
        "admission webhook \"verify.in-toto.io\" denied the request: Deployment rollouts/web; ";
    let (ok, said) = cluster.kubectl(&["set", "image", "deployment/web", &format!("app={other}")]);
    assert!(!ok && said.contains(denial), "{said}");
    let patch = json!({"spec": {"replicas": 0, "template": {"spec": {"containers": [
        {"name": "app", "image": other}]}}}});
    refused(&cluster.patch(APPS, "deployments/web", &patch), "link-missing");
    let (ok, said) = cluster.kubectl(&["set", "image", "deployment/web", &format!("app={signed}")]);
    assert!(ok, "{said}");
    assert_eq!(image_of(&cluster.get(APPS, "deployments/web")), signed);
    // Back to the revision whose image nobody signed: it ran before, and does not run again.
    let (ok, said) = cluster.kubectl(&["rollout", "undo", "deployment/web", "--to-revision=1"]);
    assert!(!ok && said.contains(denial), "{said}");
    assert!(said.contains(&unsigned), "{said}");
    assert_eq!(image_of(&cluster.get(APPS, "deployments/web")), signed);
}

#[test]
fn b01_debugging_brings_signed_containers_alone() {
    let Some(Before { cluster, signed, .. }) = before(Front::Real, "debugging") else { return };
    let other = cluster.world.push("acme/other");
    let image = format!("--image={other}");
    let (ok, said) = cluster.kubectl(&["debug", "running", &image, "--container=dbg"]);
    assert!(!ok && said.contains("(spec.ephemeralContainers[0]): [link-missing]"), "{said}");
    let image = format!("--image={signed}");
    let (ok, said) = cluster.kubectl(&["debug", "running", &image, "--container=dbg"]);
    assert!(ok, "{said}");
    let running = cluster.get(CORE, "pods/running");
    assert_eq!(running["spec"]["ephemeralContainers"][0]["image"], signed.as_str());
    // The name of an image that is there already is no way for another one.
    let patch = json!({"spec": {"containers": [{"name": "app", "image": other}]}});
    refused(&cluster.patch(CORE, "pods/running", &patch), "link-missing");
}

fn b14_a_new_object_that_says_that_it_is_being_deleted_is_judged(front: Front) {
    let Some(Before { cluster, .. }) = before(front, "deleting") else { return };
    let other = cluster.world.push("acme/other");
    let mut object = templated("Deployment", "gone", &other);
    object["metadata"]["deletionTimestamp"] = "2026-05-01T00:00:00Z".into();
    object["metadata"]["finalizers"] = json!(["example.com/wait"]);
    refused(&cluster.post(APPS, "deployments", &object), "link-missing");
    // Nor does one that is really being deleted get another image.
    let patch = json!({"metadata": {"finalizers": ["example.com/wait"]}});
    created(&cluster.patch(APPS, "deployments/web", &patch));
    let path = cluster.path(APPS, "deployments/web");
    assert_eq!(cluster.api.call("DELETE", &path, None).status, 200);
    let patch = json!({"spec": {"template": {"spec": {"containers": [
        {"name": "app", "image": other}]}}}});
    refused(&cluster.patch(APPS, "deployments/web", &patch), "link-missing");
}

on_both!(
    what_runs_unsigned_is_scaled_labelled_reported_on_and_finished_off,
    b14_a_new_object_that_says_that_it_is_being_deleted_is_judged
);
