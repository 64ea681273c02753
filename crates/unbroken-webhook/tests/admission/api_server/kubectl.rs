//! kubectl as people use it: what they read when an image is not let in.

use serde_json::Value;
use unbroken_testkit::component;

use super::kinds::templated;
use super::{Cluster, Front, pod};

const DENIED: &str = "admission webhook \"verify.in-toto.io\" denied the request: ";

/// A cluster, and kubectl for it; else the test is skipped.
fn cluster(front: Front, name: &str) -> Option<Cluster> {
    if front == Front::Simulated {
        component("UNBROKEN_TEST_KUBECTL", &format!("admission::api_server::kubectl::{name}"))?;
    }
    Cluster::registered(front, name)
}

/// Writes an object into a file and returns its name.
fn file(cluster: &Cluster, object: &Value) -> String {
    let name = format!("{}.json", object["metadata"]["name"].as_str().unwrap());
    cluster.world.keep(&name, object.to_string().as_bytes());
    cluster.world.folder().join(name).display().to_string()
}

fn a_pod_is_made_or_denied_and_the_denial_is_read(front: Front) {
    let Some(cluster) = cluster(front, "kubectl-pods") else { return };
    let (signed, unsigned) =
        (cluster.world.push_signed("acme/app"), cluster.world.push("acme/other"));
    let (ok, said) = cluster.kubectl(&["run", "bad", &format!("--image={unsigned}")]);
    assert!(!ok && said.contains(DENIED), "{said}");
    // What is wrong, of which step, of which image, and what to do.
    for part in ["[link-missing]", "checkout", &unsigned, "Reproduce: unbroken-webhook check"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let made = ["create", "--validate=false", "--filename"];
    let (ok, said) =
        cluster.kubectl(&[&made[..], &[&file(&cluster, &pod("worse", &unsigned))]].concat());
    assert!(!ok && said.contains(DENIED), "{said}");
    let (ok, said) =
        cluster.kubectl(&[&made[..], &[&file(&cluster, &pod("good", &signed))]].concat());
    assert!(ok && said.contains("pod/good created"), "{said}");
    let (ok, said) = cluster.kubectl(&["get", "pods", "--output=name"]);
    assert_eq!((ok, said.as_str()), (true, "pod/good\n"));
    let (ok, said) = cluster.kubectl(&["delete", "pod", "good", "--wait=false"]);
    assert!(ok && said.contains("pod \"good\" deleted"), "{said}");
}

fn a_deployment_is_applied_and_keeps_its_image_when_another_is_denied(front: Front) {
    let Some(cluster) = cluster(front, "kubectl-deployments") else { return };
    let (signed, unsigned) =
        (cluster.world.push_signed("acme/app"), cluster.world.push("acme/other"));
    let image = |cluster: &Cluster| {
        let (ok, said) = cluster.kubectl(&[
            "get",
            "deployment",
            "web",
            "--output=jsonpath={.spec.template.spec.containers[*].image}",
        ]);
        assert!(ok, "{said}");
        said
    };
    let apply = |image: &str| {
        let mut object = templated("Deployment", "web", image);
        object["apiVersion"] = "apps/v1".into();
        object["kind"] = "Deployment".into();
        let file = file(&cluster, &object);
        cluster.kubectl(&["apply", "--validate=false", "--filename", &file])
    };
    let (ok, said) = apply(&signed);
    assert!(ok && said.contains("deployment.apps/web created"), "{said}");
    let (ok, said) = apply(&unsigned);
    assert!(!ok && said.contains(DENIED), "{said}");
    let (ok, said) =
        cluster.kubectl(&["set", "image", "deployment/web", &format!("app={unsigned}")]);
    assert!(!ok && said.contains(DENIED), "{said}");
    assert_eq!(image(&cluster), signed);
    // Another name for the same image goes through: its digest is what counts.
    let other = cluster.world.push_signed("acme/next");
    let (ok, said) = cluster.kubectl(&["set", "image", "deployment/web", &format!("app={other}")]);
    assert!(ok, "{said}");
    assert_eq!(image(&cluster), other);
}

on_both!(
    a_pod_is_made_or_denied_and_the_denial_is_read,
    a_deployment_is_applied_and_keeps_its_image_when_another_is_denied
);
