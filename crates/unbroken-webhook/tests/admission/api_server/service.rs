//! The program as a service of a cluster: audit log, warnings, tags, other certificates, its end.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use data_encoding::BASE64;
use serde_json::{Value, json};
use unbroken_testkit::registry::{Identity, lasting_root};

use super::{Cluster, Front, created, pod, refused, under_load};
use crate::server::{LASTING, Server};
use crate::world::POLICY;

const CORE: &str = "/api/v1";

/// The event of the audit log about a pod, without the trials before the registration was in force.
fn event(cluster: &Cluster, name: &str) -> Value {
    let mut found = None;
    cluster.wait_until("the event is in the audit log", || {
        found = cluster.api.audit().into_iter().find(|event| {
            event["objectRef"]["namespace"] == cluster.namespace.as_str()
                && event["objectRef"]["name"] == name
        });
        found.is_some()
    });
    found.unwrap()
}

fn the_audit_log_tells_what_was_decided_and_why(front: Front) {
    let Some(cluster) = Cluster::registered(front, "audit") else { return };
    let (signed, unsigned) =
        (cluster.world.push_signed("acme/app"), cluster.world.push("acme/other"));
    created(&cluster.post(CORE, "pods", &pod("good", &signed)));
    refused(&cluster.post(CORE, "pods", &pod("bad", &unsigned)), "link-missing");
    let good = &event(&cluster, "good")["annotations"];
    assert_eq!(good["verify.in-toto.io/decision"], "admit");
    let digest = signed.split_once('@').unwrap().1;
    assert_eq!(good["verify.in-toto.io/digests"], format!("acme={digest}"));
    let bad = &event(&cluster, "bad")["annotations"];
    assert_eq!(bad["verify.in-toto.io/decision"], "deny");
    assert_eq!(bad["verify.in-toto.io/codes"], "link-missing link-missing link-missing");
}

#[test]
fn a_policy_that_warns_warns_the_user_and_lets_the_object_in() {
    let policy = POLICY.replace("spec:\n", "spec:\n  mode: warn\n");
    let Some(cluster) = Cluster::new(Front::Real, "warnings", &policy) else { return };
    let image = cluster.world.push("acme/other");
    cluster.register(&cluster.registration());
    cluster.wait_until("warnings come", || !cluster.dry_run(&image).warnings.is_empty());
    let reply = cluster.post(CORE, "pods", &pod("web", &image));
    created(&reply);
    let begin = format!("[link-missing] {image} under acme, which only warns: ");
    assert!(reply.warnings.iter().all(|text| text.starts_with(&begin)), "{:?}", reply.warnings);
    let container = format!("--image={image}");
    let (ok, said) = cluster.kubectl(&["run", "other", &container]);
    assert!(ok && said.contains(&format!("Warning: {begin}")), "{said}");
    assert_eq!(event(&cluster, "web")["annotations"]["verify.in-toto.io/decision"], "not-enforced");
}

fn b06_a_tag_is_stored_as_the_digest_that_was_verified(front: Front) {
    let Some(cluster) = Cluster::registered(front, "tags") else { return };
    let mut mutating = cluster.registration();
    mutating["kind"] = "MutatingWebhookConfiguration".into();
    let url = format!("{}/mutate", cluster.server.address());
    mutating["webhooks"][0]["clientConfig"]["url"] = url.into();
    mutating["webhooks"][0]["name"] = "mutate.in-toto.io".into();
    mutating["webhooks"][0]["reinvocationPolicy"] = "IfNeeded".into();
    let signed = cluster.world.push_signed("acme/app");
    let (repository, digest) = signed.split_once('@').unwrap();
    let tag = format!("{repository}:1");
    refused(&cluster.post(CORE, "pods", &pod("web", &tag)), "image-by-tag");
    cluster.register(&mutating);
    cluster.wait_until("tags become digests", || cluster.dry_run(&tag).status == 201);
    let mut object = pod("web", &tag);
    object["spec"]["initContainers"] = json!([{"name": "first", "image": tag}]);
    created(&cluster.post(CORE, "pods", &object));
    let stored = cluster.get(CORE, "pods/web");
    for list in ["containers", "initContainers"] {
        assert_eq!(stored["spec"][list][0]["image"], format!("{tag}@{digest}"));
    }
    // The tag goes elsewhere: what runs does not, and the other image does not come in.
    cluster.world.registry.put_image("acme/app", "1", b"evil");
    let message = refused(&cluster.post(CORE, "pods", &pod("next", &tag)), "link-missing");
    assert!(!message.contains(digest), "{message}");
    assert_eq!(
        cluster.get(CORE, "pods/web")["spec"]["containers"][0]["image"],
        format!("{tag}@{digest}")
    );
}

/// Puts a certificate where the kubelet would: in a folder of its own, to which a link is turned.
fn mount(folder: &Path, generation: &str, authority: &str) {
    let identity = Identity::of_localhost(authority, LASTING);
    let place = folder.join(generation);
    fs::create_dir(&place).unwrap();
    fs::write(place.join("tls.crt"), identity.certificate()).unwrap();
    fs::write(place.join("tls.key"), identity.key()).unwrap();
    symlink(generation, folder.join("..data_tmp")).unwrap();
    fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
}

fn other_certificates_under_load_fail_no_request(front: Front) {
    let Some(cluster) = Cluster::registered(front, "rotation") else { return };
    let folder = cluster.world.folder();
    // From here on the certificate lies as in a mounted secret.
    mount(folder, "..2026_1", Server::AUTHORITY);
    for name in ["tls.crt", "tls.key"] {
        let link = folder.join(format!("{name}.link"));
        symlink(format!("..data/{name}"), &link).unwrap();
        fs::rename(link, folder.join(name)).unwrap();
    }
    let signed = cluster.world.push_signed("acme/app");
    let trust = |authorities: &[&str]| {
        let bundle: String = authorities.iter().map(|name| lasting_root(name)).collect();
        let mut object = cluster.registration();
        object["webhooks"][0]["clientConfig"]["caBundle"] = BASE64.encode(bundle.as_bytes()).into();
        let patch = json!({"webhooks": object["webhooks"]});
        let path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/rotation";
        created(&cluster.api.call("PATCH", path, Some(&patch)));
    };
    // A real API server takes up another authority when it is told of it, which may take a while.
    let pause = Duration::from_millis(if front == Front::Real { 2_000 } else { 500 });
    let path = cluster.path(CORE, "pods");
    let make = |number: usize| {
        let object = pod(&format!("web-{number}"), &signed);
        created(&cluster.api.call("POST", &path, Some(&object)));
    };
    let made = under_load(make, || {
        for (generation, old, new) in
            [("..2026_2", Server::AUTHORITY, "next-ca"), ("..2026_3", "next-ca", "third-ca")]
        {
            trust(&[old, new]);
            std::thread::sleep(pause);
            mount(folder, generation, new);
            cluster.server.event("the certificates were read again");
            std::thread::sleep(pause);
            trust(&[new]);
            std::thread::sleep(pause);
        }
    });
    assert!(made > 20, "{made} pods were made: that is no load");
    refused(
        &cluster.post(CORE, "pods", &pod("bad", &cluster.world.push("acme/x"))),
        "link-missing",
    );
}

fn without_the_program_nothing_comes_in_and_things_go(front: Front) {
    let Some(mut cluster) = Cluster::registered(front, "killed") else { return };
    let signed = cluster.world.push_signed("acme/app");
    created(&cluster.post(CORE, "pods", &pod("web", &signed)));
    cluster.server.kill();
    let reply = cluster.post(CORE, "pods", &pod("next", &signed));
    assert_eq!(reply.status, 500);
    let begin = "Internal error occurred: failed calling webhook \"verify.in-toto.io\": ";
    assert!(reply.message().starts_with(begin), "{}", reply.body);
    // A connection that was kept may have broken at first.
    let reply = cluster.post(CORE, "pods", &pod("next", &signed));
    assert!(reply.message().contains("connection refused"), "{}", reply.body);
    // Nobody is asked before something goes.
    let path = cluster.path(CORE, "pods/web?gracePeriodSeconds=0");
    assert_eq!(cluster.api.call("DELETE", &path, None).status, 200);
}

on_both!(
    the_audit_log_tells_what_was_decided_and_why,
    b06_a_tag_is_stored_as_the_digest_that_was_verified,
    other_certificates_under_load_fail_no_request,
    without_the_program_nothing_comes_in_and_things_go
);
