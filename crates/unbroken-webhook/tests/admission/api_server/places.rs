//! Where images may stand and what objects may say of themselves, as the API server hands it on.

use serde_json::{Value, json};

use super::{Cluster, Front, created, pod, refused};

const CORE: &str = "/api/v1";

fn b02_b03_init_containers_and_image_volumes_are_looked_at(front: Front) {
    let Some(cluster) = Cluster::registered(front, "places") else { return };
    let (signed, unsigned) =
        (cluster.world.push_signed("acme/app"), cluster.world.push("acme/other"));
    let with = |name: &str, image: &str, place: &str| {
        let mut object = pod(name, &signed);
        if place == "init" {
            object["spec"]["initContainers"] = json!([{"name": "first", "image": image}]);
        } else {
            let source = json!({"reference": image, "pullPolicy": "IfNotPresent"});
            object["spec"]["volumes"] = json!([{"name": "data", "image": source}]);
        }
        object
    };
    for (place, due) in [("init", "spec.initContainers[0]"), ("volume", "spec.volumes[0]")] {
        let reply = cluster.post(CORE, "pods", &with(&format!("bad-{place}"), &unsigned, place));
        let message = refused(&reply, "link-missing");
        assert!(message.contains(&format!("({due}): ")), "{message}");
        let name = format!("good-{place}");
        created(&cluster.post(CORE, "pods", &with(&name, &signed, place)));
    }
    let stored = cluster.get(CORE, "pods/good-volume");
    assert_eq!(stored["spec"]["volumes"][0]["image"]["reference"], signed.as_str());
}

fn b05_b11_b12_b15_b16_b17_what_an_object_says_of_itself_opens_nothing(front: Front) {
    let Some(cluster) = Cluster::registered(front, "claims") else { return };
    let image = cluster.world.push("acme/other");
    let with = |member: &str, value: Value| {
        let mut object = pod("bad", &image);
        *object.pointer_mut("/metadata").unwrap() = json!({"name": "bad"});
        match member {
            "imagePullPolicy" => object["spec"]["containers"][0][member] = value,
            "generateName" => object["metadata"] = json!({member: value}),
            _ => object["metadata"][member] = value,
        }
        if member == "annotations" {
            object["spec"]["nodeName"] = "node".into();
        }
        object
    };
    let owner = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "u"}]);
    for (member, value) in [
        // A pod of the kubelet's own runs anyhow; in the API it is an object like another.
        ("annotations", json!({"kubernetes.io/config.mirror": "x"})),
        (
            "annotations",
            json!({"kyverno.io/image-verification-outcomes": "{}", "decision": "admit",
            "verify.in-toto.io/decision": "admit", "image-policy.k8s.io/break-glass": "true"}),
        ),
        ("labels", json!({"policy.sigstore.dev/include": "false", "in-toto.io/skip": "true"})),
        ("ownerReferences", owner),
        ("imagePullPolicy", json!("Never")),
        ("generateName", json!("web-")),
    ] {
        let message = refused(&cluster.post(CORE, "pods", &with(member, value)), "link-missing");
        assert_eq!(message.contains("Pod claims/web-"), member == "generateName", "{message}");
    }
    assert!(cluster.get(CORE, "pods")["items"].as_array().unwrap().is_empty());
}

fn b10_a_namespace_cannot_be_renamed_by_its_labels(front: Front) {
    let Some(cluster) = Cluster::registered(front, "labels") else { return };
    let image = cluster.world.push("acme/other");
    let labels = json!({"metadata": {"labels": {"kubernetes.io/metadata.name": "kube-system",
        "in-toto.io/skip": "true"}}});
    let reply = cluster.api.call("PATCH", "/api/v1/namespaces/labels", Some(&labels));
    // The API server keeps the one label that the registration goes by.
    assert_eq!(reply.body["metadata"]["labels"]["kubernetes.io/metadata.name"], "labels");
    refused(&cluster.post(CORE, "pods", &pod("bad", &image)), "link-missing");
}

fn b06_b07_b08_b09_names_that_mean_another_image_do_not_come_in(front: Front) {
    let Some(cluster) = Cluster::registered(front, "names") else { return };
    let signed = cluster.world.push_signed("acme/app");
    let (repository, digest) = signed.split_once('@').unwrap();
    let host = cluster.world.registry.host();
    for (image, code) in [
        (format!("{repository}:1"), "image-by-tag"),
        (repository.to_owned(), "image-by-tag"),
        (format!("{host}/acme-evil/app@{digest}"), "no-policy"),
        (format!("evil.example/localhost/acme/app@{digest}"), "no-policy"),
        (format!("{}@{digest}", repository.replace("acme", "ACME")), "image-name-invalid"),
        (format!("{repository}@{digest}@{digest}"), "image-name-invalid"),
        (format!("{repository}@sha256:abc"), "image-name-invalid"),
        (format!("https://{signed}"), "image-name-invalid"),
    ] {
        refused(&cluster.post(CORE, "pods", &pod("bad", &image)), code);
    }
    // Where there is a digest the tag is decoration.
    created(&cluster.post(CORE, "pods", &pod("good", &format!("{repository}:other@{digest}"))));
}

fn b20_many_images_are_refused_and_one_image_many_times_is_one(front: Front) {
    let Some(cluster) = Cluster::registered(front, "many") else { return };
    let many = |name: &str, image: &dyn Fn(usize) -> String| {
        let mut object = pod(name, &image(0));
        let containers =
            (0..65).map(|number| json!({"name": format!("c{number}"), "image": image(number)}));
        object["spec"]["containers"] = containers.collect();
        object
    };
    let host = cluster.world.registry.host().to_owned();
    let different = |number: usize| format!("{host}/acme/app@sha256:{number:064x}");
    refused(&cluster.post(CORE, "pods", &many("bad", &different)), "too-many-images");
    let signed = cluster.world.push_signed("acme/app");
    created(&cluster.post(CORE, "pods", &many("good", &|_| signed.clone())));
}

fn b24_subresources_without_images_are_not_asked_about(front: Front) {
    let Some(cluster) = Cluster::registered(front, "subresources") else { return };
    let signed = cluster.world.push_signed("acme/app");
    created(&cluster.post(CORE, "pods", &pod("web", &signed)));
    // The chain is gone: what is asked about now would be refused.
    cluster.world.registry.rule(|_| Some(unbroken_testkit::registry::Reply::status(500)));
    let target = json!({"metadata": {"name": "web"}, "target": {"kind": "Node", "name": "node"}});
    created(&cluster.post(CORE, "pods/web/binding", &target));
    let status = json!({"status": {"phase": "Running"}});
    created(&cluster.patch(CORE, "pods/web/status", &status));
    let resources = json!({"spec": {"containers": [
        {"name": "app", "resources": {"requests": {"memory": "1Mi"}}}]}});
    // A merge patch would make a container without an image of it.
    let mut object = cluster.get(CORE, "pods/web");
    object["spec"]["containers"][0]["resources"] =
        resources["spec"]["containers"][0]["resources"].clone();
    let path = cluster.path(CORE, "pods/web/resize");
    let resized = cluster.api.call("PUT", &path, Some(&object));
    assert!(!resized.message().contains("admission webhook"), "{}", resized.body);
    let eviction =
        json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "web"}});
    created(&cluster.post(CORE, "pods/web/eviction", &eviction));
}

#[test]
fn b23_dry_runs_and_all_ways_to_apply_are_judged() {
    let Some(cluster) = Cluster::registered(Front::Real, "applying") else { return };
    let (signed, unsigned) =
        (cluster.world.push_signed("acme/app"), cluster.world.push("acme/other"));
    let denial = "admission webhook \"verify.in-toto.io\" denied the request: Pod applying/web; ";
    let file = |image: &str| {
        let path = cluster.world.folder().join("pod.json");
        std::fs::write(&path, pod("web", image).to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    for way in [
        ["create", "--dry-run=server", "-f"].as_slice(),
        &["apply", "--dry-run=server", "-f"],
        &["apply", "--server-side", "-f"],
        &["apply", "-f"],
        &["create", "-f"],
    ] {
        let bad = file(&unsigned);
        let (ok, said) = cluster.kubectl(&[way, &[&bad]].concat());
        assert!(!ok && said.contains(denial), "{way:?}: {said}");
        assert!(said.starts_with("Error from server (Forbidden): "), "{way:?}: {said}");
        let good = file(&signed);
        let (ok, said) = cluster.kubectl(&[way, &[&good]].concat());
        assert!(ok, "{way:?}: {said}");
        let (gone, said) =
            cluster.kubectl(&["delete", "pod", "web", "--ignore-not-found", "--now"]);
        assert!(gone, "{said}");
    }
}

on_both!(
    b02_b03_init_containers_and_image_volumes_are_looked_at,
    b05_b11_b12_b15_b16_b17_what_an_object_says_of_itself_opens_nothing,
    b10_a_namespace_cannot_be_renamed_by_its_labels,
    b06_b07_b08_b09_names_that_mean_another_image_do_not_come_in,
    b20_many_images_are_refused_and_one_image_many_times_is_one,
    b24_subresources_without_images_are_not_asked_about
);
