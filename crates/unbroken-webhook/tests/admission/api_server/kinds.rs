//! Every kind that holds an image: made, changed, and looked at in every place of an image.

use serde_json::{Value, json};

use super::{Cluster, Front, created, pod, refused};

/// The groups and plurals of the kinds whose template of a pod stands at `spec.template`.
pub(super) const TEMPLATED: [(&str, &str, &str); 6] = [
    ("/api/v1", "replicationcontrollers", "ReplicationController"),
    ("/apis/apps/v1", "daemonsets", "DaemonSet"),
    ("/apis/apps/v1", "deployments", "Deployment"),
    ("/apis/apps/v1", "replicasets", "ReplicaSet"),
    ("/apis/apps/v1", "statefulsets", "StatefulSet"),
    ("/apis/batch/v1", "jobs", "Job"),
];

pub(super) const POD_TEMPLATES: (&str, &str, &str) = ("/api/v1", "podtemplates", "PodTemplate");
pub(super) const CRON_JOBS: (&str, &str, &str) = ("/apis/batch/v1", "cronjobs", "CronJob");

/// An object of a kind with this image in its template.
pub(super) fn templated(kind: &str, name: &str, image: &str) -> Value {
    let restarts = if kind == "Job" { "Never" } else { "Always" };
    let mut spec = json!({"template": {
        "metadata": {"labels": {"app": name}},
        "spec": {"restartPolicy": restarts, "containers": [{"name": "app", "image": image}]},
    }});
    match kind {
        "Job" => {}
        "ReplicationController" => spec["selector"] = json!({"app": name}),
        _ => spec["selector"] = json!({"matchLabels": {"app": name}}),
    }
    if kind == "StatefulSet" {
        spec["serviceName"] = name.into();
    }
    json!({"metadata": {"name": name}, "spec": spec})
}

pub(super) fn cron_job(name: &str, image: &str) -> Value {
    let job = templated("Job", name, image);
    let spec = json!({"schedule": "0 0 * * *", "jobTemplate": {"spec": job["spec"]}});
    json!({"metadata": {"name": name}, "spec": spec})
}

pub(super) fn pod_template(name: &str, image: &str) -> Value {
    let template = json!({"metadata": {"labels": {"app": name}}, "spec": pod(name, image)["spec"]});
    json!({"metadata": {"name": name}, "template": template})
}

fn every_kind_comes_in_with_a_signed_image_and_with_no_other(front: Front) {
    let Some(cluster) = Cluster::registered(front, "every_kind") else { return };
    let (signed, unsigned) =
        (cluster.world.push_signed("acme/app"), cluster.world.push("acme/other"));
    let check = |group: &str, plural: &str, place: &str, object: &dyn Fn(&str, &str) -> Value| {
        let message =
            refused(&cluster.post(group, plural, &object("bad", &unsigned)), "link-missing");
        assert!(message.contains(&format!("({place}): ")), "{message}");
        created(&cluster.post(group, plural, &object("good", &signed)));
        assert_eq!(cluster.get(group, plural)["items"].as_array().unwrap().len(), 1, "{plural}");
    };
    for (group, plural, kind) in TEMPLATED {
        let object = |name: &str, image: &str| templated(kind, name, image);
        check(group, plural, "spec.template.spec.containers[0]", &object);
    }
    check("/api/v1", "pods", "spec.containers[0]", &pod);
    check(POD_TEMPLATES.0, POD_TEMPLATES.1, "template.spec.containers[0]", &pod_template);
    let place = "spec.jobTemplate.spec.template.spec.containers[0]";
    check(CRON_JOBS.0, CRON_JOBS.1, place, &cron_job);
}

fn the_whole_text_of_a_denial(front: Front) {
    let Some(cluster) = Cluster::registered(front, "denial_text") else { return };
    let image = cluster.world.push("acme/app");
    let reply =
        cluster.post("/apis/apps/v1", "deployments", &templated("Deployment", "web", &image));
    let message = refused(&reply, "link-missing");
    let (text, request) = message.rsplit_once(" Request ").unwrap();
    let due = format!(
        "admission webhook \"verify.in-toto.io\" denied the request: Deployment denial-text/web; image {image} \
         (spec.template.spec.containers[0]): [link-missing]"
    );
    assert!(text.starts_with(&due), "{text}");
    let due = format!(
        " Reproduce: unbroken-webhook check --namespace denial-text --image {image} POLICIES."
    );
    assert!(text.ends_with(&due), "{text}");
    // The API server gives each call a uid of its own.
    assert_eq!(request.len(), 37, "{request}");
}

on_both!(every_kind_comes_in_with_a_signed_image_and_with_no_other, the_whole_text_of_a_denial);
