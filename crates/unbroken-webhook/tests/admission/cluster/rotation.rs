//! Certificates that the program makes, and how they follow each other without a request that fails.

use std::time::Duration;

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::{Followed, real, wait_until};
use crate::api_server::{created, pod, registration, under_load};
use crate::server::{Server, allowed, review};
use crate::world::{POLICY, pod_of};

const SECRET: &str = "/api/v1/namespaces/security/secrets/in-toto-webhook-certificates";
const REGISTRATION: &str =
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/in-toto-verifier";
const MUTATING: &str =
    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/in-toto-digests";
const OWN: [&str; 7] = [
    "--self-issued",
    "--dns-name",
    "localhost",
    "--settle",
    "1",
    "--validating-configuration",
    "in-toto-verifier",
];

fn bundle(registration: &Value) -> String {
    let text = registration["webhooks"][0]["clientConfig"]["caBundle"].as_str().unwrap_or("");
    String::from_utf8(BASE64.decode(text.as_bytes()).unwrap()).unwrap()
}

fn authorities(bundle: &str) -> usize {
    bundle.matches("BEGIN CERTIFICATE").count()
}

/// Tells whether a new connection that trusts these authorities gets an answer.
fn answers(server: &Server, authorities: &str, image: &str) -> bool {
    let agent = Server::agent_trusting(authorities);
    server
        .post_by(&agent, "/verify", &review(&pod_of(image)))
        .is_ok_and(|(status, answer)| status == 200 && allowed(&answer))
}

#[test]
fn a_new_certificate_is_shown_when_its_authority_is_trusted_and_not_before() {
    let webhooks =
        json!({"webhooks": [{"clientConfig": {}}, {"clientConfig": {"caBundle": "AAAA"}}]});
    let renew = ["--renew-after", "16", "--mutating-configuration", "in-toto-digests"];
    let followed = Followed::start(
        |api, world| {
            api.put(REGISTRATION, webhooks);
            api.put(MUTATING, json!({"webhooks": [{"clientConfig": {}}]}));
            world.keep("policies.yaml", POLICY.replace("HOST", world.registry.host()).as_bytes());
        },
        &[OWN.as_slice(), &renew].concat(),
    );
    let policies = json!({"spec": super::spec(&followed.world)});
    followed.api.put(&format!("{}/acme", super::CLUSTER_POLICIES), policies);
    let image = followed.world.push_signed("acme/app");
    let registered = || followed.api.get(REGISTRATION).unwrap();
    wait_until("the registration trusts it", || authorities(&bundle(&registered())) == 1);
    let first = bundle(&registered());
    wait_until("the other one does", || bundle(&followed.api.get(MUTATING).unwrap()) == first);
    assert_eq!(
        registered()["webhooks"][1]["clientConfig"]["caBundle"],
        BASE64.encode(first.as_bytes())
    );
    wait_until("it answers", || answers(&followed.server, &first, &image));
    let secret = followed.api.get(SECRET).unwrap();
    let kept = BASE64.decode(secret["data"]["generations"].as_str().unwrap().as_bytes()).unwrap();
    let kept: Value = serde_json::from_slice(&kept).unwrap();
    assert_eq!(kept[0]["authority"], first.as_str());
    // The private key of the authority is nowhere.
    assert_eq!(
        String::from_utf8_lossy(&kept.to_string().into_bytes()).matches("PRIVATE KEY").count(),
        2
    );

    // While both are trusted, whoever trusts what stands in the registration is answered, always.
    wait_until("both are trusted", || authorities(&bundle(&registered())) == 2);
    let both = bundle(&registered());
    assert!(both.ends_with(&first), "the old one stays");
    wait_until("the new one is shown", || {
        assert!(answers(&followed.server, &both, &image), "a request failed");
        !answers(&followed.server, &first, &image)
    });
    // The old one goes, and nobody notices.
    wait_until("the old one has gone", || {
        let now = bundle(&registered());
        assert!(answers(&followed.server, &now, &image), "a request failed");
        !now.contains(&first)
    });
    // Somebody puts junk into both places: they are mended.
    followed.api.put(REGISTRATION, json!({"webhooks": [{"clientConfig": {"caBundle": ""}}]}));
    wait_until("the registration is mended", || {
        let now = bundle(&registered());
        !now.is_empty() && answers(&followed.server, &now, &image)
    });
    followed.api.put(SECRET, json!({"data": {"generations": BASE64.encode(b"junk")}}));
    wait_until("the secret is mended", || {
        let now = bundle(&registered());
        !both.contains(&now) && answers(&followed.server, &now, &image)
    });
}

#[test]
fn two_replicas_show_certificates_of_one_secret() {
    let followed = Followed::start(
        |api, _| api.put(REGISTRATION, json!({"webhooks": [{"clientConfig": {}}]})),
        &OWN,
    );
    let of_cluster =
        ["--cluster", "--api-server", followed.api.address(), "--own-namespace", "security"];
    let other = Server::launch(&followed.world, &[of_cluster.as_slice(), &OWN].concat());
    let policies = json!({"spec": super::spec(&followed.world)});
    followed.api.put(&format!("{}/acme", super::CLUSTER_POLICIES), policies);
    let image = followed.world.push_signed("acme/app");
    let registered = || bundle(&followed.api.get(REGISTRATION).unwrap());
    wait_until("the registration trusts it", || authorities(&registered()) == 1);
    for server in [&followed.server, &other] {
        wait_until("it answers", || answers(server, &registered(), &image));
    }
    assert_eq!(authorities(&registered()), 1, "there is one authority");
}

/// Creates pods without a pause while certificates follow each other; none fails.
#[test]
fn certificates_follow_each_other_under_load_against_a_real_api_server() {
    let options =
        ["--self-issued", "--dns-name", "localhost", "--settle", "2", "--renew-after", "12"];
    let names =
        ["--validating-configuration", "rotation-load", "--certificate-secret", "rotation-load"];
    let arguments = [options.as_slice(), &names].concat();
    let Some(cluster) = real::follow("rotation_load", &arguments) else { return };
    let url = format!("{}/verify", cluster.server.address());
    let mut object = registration(&cluster.namespace, &url, "");
    object["webhooks"][0]["clientConfig"].as_object_mut().unwrap().remove("caBundle");
    cluster.register(&object);
    let spec = super::spec(&cluster.world);
    let policy = json!({
        "apiVersion": "in-toto.io/v1alpha1", "kind": "ClusterSupplyChainPolicy",
        "metadata": {"name": "rotation-load"}, "spec": spec,
    });
    created(&cluster.api.call("POST", real::POLICIES, Some(&policy)));
    let image = cluster.world.push_signed("acme/app");
    cluster.wait_until("images come in", || cluster.dry_run(&image).status == 201);
    let path = format!(
        "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/{}",
        cluster.namespace
    );
    let pods = format!("{}?dryRun=All", cluster.path("/api/v1", "pods"));
    let mut bundles = std::collections::BTreeSet::new();
    let make = |_| {
        let reply = cluster.api.call("POST", &pods, Some(&pod("load", &image)));
        assert_eq!(reply.status, 201, "{}", reply.body);
    };
    let made = under_load(make, || {
        // Alone, both, alone, both: two certificates were followed by others.
        for _ in 0..600 {
            bundles.insert(bundle(&cluster.api.call("GET", &path, None).body));
            if bundles.len() >= 4 {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        std::thread::sleep(Duration::from_secs(3));
    });
    assert!(bundles.len() >= 4, "{}", bundles.len());
    assert!(made > 100, "{made}");
}
