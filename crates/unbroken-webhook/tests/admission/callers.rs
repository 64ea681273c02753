//! Clients by their certificates: with `--client-ca` nobody but the API server is answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use unbroken_testkit::api_server::ApiServer;
use unbroken_testkit::registry::{Identity, lasting_root};
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use crate::api_server::{Cluster, Front, created, pod, refused};
use crate::server::{LASTING, Server, allowed, review};
use crate::world::{POLICY, World, pod_of};

const AUTHORITY: &str = "client-ca";
const NAME: &str = "kube-apiserver";

fn agent(identity: &Identity) -> ureq::Agent {
    let certificate = Certificate::from_pem(identity.certificate().as_bytes()).unwrap();
    let key = PrivateKey::from_pem(identity.key().as_bytes()).unwrap();
    let root = Certificate::from_pem(lasting_root(Server::AUTHORITY).as_bytes()).unwrap();
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::from(vec![root]))
        .client_cert(Some(ClientCert::new_with_certs(&[certificate], key)))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .build();
    let config = ureq::Agent::config_builder().tls_config(tls).http_status_as_error(false);
    config.proxy(None).build().into()
}

fn of_client(name: &str, authority: &str) -> ureq::Agent {
    agent(&Identity::of_client(name, authority, LASTING))
}

/// Starts the program with authorities for clients, and some name.
fn start(world: &World, authorities: &str, further: &[&str]) -> Server {
    world.keep("policies.yaml", POLICY.replace("HOST", world.registry.host()).as_bytes());
    world.keep("clients.pem", authorities.as_bytes());
    let path = |name: &str| world.folder().join(name).display().to_string();
    let (policies, clients) = (path("policies.yaml"), path("clients.pem"));
    Server::launch(world, &[&[&policies, "--client-ca", &clients], further].concat())
}

#[test]
fn nobody_but_the_api_server_is_answered_where_its_certificate_is_asked_for() {
    let world = World::new();
    let image = world.push_signed("acme/app");
    let body = review(&pod_of(&image));
    let further = ["--client-name", "other", "--client-name", NAME, "--metrics", "127.0.0.1:0"];
    let server = start(&world, &lasting_root(AUTHORITY), &further);
    let metrics = server.event("metrics on ").replace("metrics on ", "http://");
    world.registry.forget_requests();

    // The kubelet has no certificate.
    assert_eq!((server.get("/livez"), server.get("/readyz")), (200, 200));
    for path in ["/verify", "/mutate?timeout=5s"] {
        let (status, said) = server.post(path, &body).unwrap();
        assert_eq!(status, 403, "{path}: {said}");
        let said = said.as_str().unwrap();
        assert!(said.contains("no certificate of the authority that --client-ca names"), "{said}");
    }
    assert!(server.event("a client was refused: ").contains("showed no certificate"));
    let post = |agent: &ureq::Agent| server.post_by(agent, "/verify", &body);
    let (status, said) = post(&of_client("kube-apiserver-kubelet", AUTHORITY)).unwrap();
    assert_eq!(status, 403);
    assert!(said.as_str().unwrap().contains("none of the names"), "{said}");
    // Somebody else's authority, one that has ended, one that is for servers alone.
    let bad = [
        Identity::of_client(NAME, "other-ca", LASTING),
        Identity::of_client(NAME, AUTHORITY, "2026-01-01T00:00:00Z"),
        Identity::of_localhost(AUTHORITY, LASTING),
    ];
    for (index, identity) in bad.iter().enumerate() {
        let answer = post(&agent(identity));
        assert!(answer.is_err(), "{index}: {answer:?}");
        assert!(server.event("a client was refused: its certificate cannot").contains(" ("));
    }
    assert_eq!(world.registry.requests().len(), 0, "nobody made the webhook ask for him");

    let (status, answer) = post(&of_client(NAME, AUTHORITY)).unwrap();
    assert!(status == 200 && allowed(&answer), "{answer}");
    let text = Server::agent_trusting(&lasting_root(AUTHORITY)).get(format!("{metrics}/metrics"));
    let text = text.call().unwrap().body_mut().read_to_string().unwrap();
    for (reason, count) in [("no-certificate", 2), ("other-name", 1), ("unverified", 3)] {
        let line = format!(r#"unbroken_callers_refused_total{{reason="{reason}"}} {count}"#);
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
}

#[test]
fn authorities_of_clients_are_read_again_and_bad_ones_change_nothing() {
    let world = World::new();
    let body = review(&pod_of(&world.push_signed("acme/app")));
    let server = start(&world, &lasting_root("first-ca"), &[]);
    let asks = |authority: &str| match server.post_by(&of_client(NAME, authority), "/verify", &body)
    {
        Ok((status, answer)) => status == 200 && allowed(&answer),
        Err(_) => false,
    };
    assert_eq!((asks("first-ca"), asks("second-ca")), (true, false));
    world.keep("clients.pem", lasting_root("second-ca").as_bytes());
    server.event("the certificates were read again");
    assert_eq!((asks("first-ca"), asks("second-ca")), (false, true));
    for junk in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        world.keep("clients.pem", junk.as_bytes());
        server.event("the new certificates cannot be used: the authorities of --client-ca");
        assert_eq!((asks("first-ca"), asks("second-ca")), (false, true));
    }
}

#[test]
fn an_api_server_that_shows_its_certificate_is_answered_and_another_webhook_denies_it() {
    let Some(mut cluster) = Cluster::new(Front::Real, "client-certificates", POLICY) else {
        return;
    };
    let (signed, unsigned) =
        (cluster.world.push_signed("acme/app"), cluster.world.push("acme/other"));
    let name = ["--client-name", ApiServer::CLIENT];
    cluster.server = start(&cluster.world, &lasting_root(ApiServer::CLIENT_AUTHORITY), &name);
    cluster.register(&cluster.registration());
    cluster.wait_until_judged();
    created(&cluster.post("/api/v1", "pods", &pod("good", &signed)));
    refused(&cluster.post("/api/v1", "pods", &pod("bad", &unsigned)), "link-missing");
    // A webhook that answers another API server alone is no webhook that answers.
    let others = [
        ("other-ca", ApiServer::CLIENT, "remote error: tls: "),
        (ApiServer::CLIENT_AUTHORITY, "b", "the client is not the API server: "),
    ];
    for (authority, name, due) in others {
        cluster.server = start(&cluster.world, &lasting_root(authority), &["--client-name", name]);
        let url = format!("{}/verify", cluster.server.address());
        let mut object: Value = cluster.registration();
        object["webhooks"][0]["clientConfig"]["url"] = url.into();
        let path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
        let path = format!("{path}/{}", cluster.namespace);
        created(&cluster.api.call("PATCH", &path, Some(&object)));
        let mut said = String::new();
        let begin = Instant::now();
        while !said.contains(due) {
            assert!(begin.elapsed() < Duration::from_secs(30), "{said}");
            let reply = cluster.dry_run(&signed);
            said = format!("{}: {}", reply.status, reply.message());
        }
        assert!(said.contains("failed calling webhook"), "{said}");
    }
}
