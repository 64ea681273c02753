//! Registries that want to cost, lie or be given something, and verifiers that fall over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use unbroken_model::digest::Digest;
use unbroken_model::timestamp::Timestamp;
use unbroken_oci::reference::Reference;
use unbroken_oci::registry::{Client, CredentialPlaces, Settings};
use unbroken_policy::Policy;
use unbroken_testkit::registry::{Body, INDEX, MANIFEST, Referrers, Reply, TestRegistry};
use unbroken_webhook::admission::{Occasion, Verify, judge};
use unbroken_webhook::answer::answer;
use unbroken_webhook::decision::{Failure, Verified};
use unbroken_webhook::log::Log;
use unbroken_webhook::mutation::pin_tags;
use unbroken_webhook::review::Request;
use unbroken_webhook::server::{Service, router};
use unbroken_webhook::verifier::RegistryVerifier;

use crate::server::review;
use crate::world::{POLICY, World, admitted, denied, now, pod_of, settings};

/// CVE-2023-47630: the registry says which digest an image has. That of the bytes counts.
#[test]
fn what_a_registry_says_of_a_digest_is_held_against_the_bytes() {
    let world = World::new();
    let policies = world.policies(&(settings("tags: warn") + POLICY));
    let good = world.push_signed("acme/app");
    let evil = world.registry.put_image("acme/app", "evil", b"evil");
    let evil = world.registry.manifest("acme/app", &evil).unwrap();
    let (repository, digest) = good.split_once('@').unwrap();
    let told = digest.to_owned();
    world.registry.rule(move |request| {
        let of_tag = request.target.ends_with("/manifests/1");
        let reply = || Reply::ok(MANIFEST, evil.clone()).header("Docker-Content-Digest", &told);
        of_tag.then(reply)
    });
    denied(&world.judge(&policies, &pod_of(&format!("{repository}:1"))), 503, "undecided");
    world.registry.rule(|_| None);
    admitted(&world.judge(&policies, &pod_of(&good)));
}

/// CVE-2023-42813 to -42816, CVE-2023-46737, CVE-2024-29902: what a registry sends has no bound of its own.
#[test]
fn a_registry_that_wants_to_cost_is_left_in_count_bytes_and_time() {
    let world = World::new();
    let policies = world.policies(POLICY);
    let image = world.push_signed("acme/app");
    let judged = |seconds: u64, most: u64| {
        world.registry.forget_requests();
        let begin = Instant::now();
        let occasion = Occasion { now: now(), until: Some(begin + Duration::from_secs(seconds)) };
        denied(&world.judge_on(&policies, &pod_of(&image), occasion), 503, "undecided");
        assert!(begin.elapsed() < Duration::from_secs(most), "{:?}", begin.elapsed());
        world.registry.requests().len()
    };
    let manifest =
        format!(r#"{{"mediaType":"{MANIFEST}","digest":"sha256:{}","size":9}}"#, "b".repeat(64));
    let list = format!(
        r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{}]}}"#,
        vec![manifest; 20_000].join(",")
    );
    world.registry.rule(move |request| {
        let of_list = request.target.contains("/referrers/");
        of_list.then(|| Reply::ok(INDEX, list.clone().into_bytes()))
    });
    assert!(judged(9, 8) <= 4, "of a list that is too long nothing is fetched");
    world.registry.rule(|request| {
        request
            .target
            .contains("/manifests/")
            .then(|| Reply::status(200).header("content-type", MANIFEST).body(Body::Endless))
    });
    assert!(judged(9, 8) <= 8, "the image, what refers to it, and no try again");
    world.registry.rule(|request| {
        let body = Body::Truncated { length: 1 << 30, bytes: b"{}".to_vec() };
        let of_manifest = request.target.contains("/manifests/");
        of_manifest.then(|| Reply::status(200).header("content-type", MANIFEST).body(body))
    });
    assert!(judged(9, 8) <= 8);
    world.registry.rule(|_| {
        let body = Body::Drip { bytes: vec![b' '; 1000], pause: Duration::from_millis(50) };
        Some(Reply::status(200).header("content-type", MANIFEST).body(body))
    });
    judged(1, 4);
    world.registry.rule(|_| None);
    admitted(&world.judge(&policies, &pod_of(&image)));
}

/// CVE-2025-27403: a credential went to a registry of somebody else's that had a similar name.
#[test]
fn no_credential_goes_to_another_registry_than_its_own() {
    const CANARY: &str = "Y2FuYXJ5OnMzY3IzdA==";
    let world = World::new();
    let other = TestRegistry::start(Referrers::Listed);
    let digest = other.put_image("acme/app", "1", b"layer");
    let names: Vec<&str> = vec!["azurecr.io", world.registry.host(), "example.com", "localhost"];
    let auths: serde_json::Map<String, Value> =
        names.iter().map(|name| ((*name).to_owned(), json!({"auth": CANARY}))).collect();
    let file = world.folder().join("auth.json");
    std::fs::write(&file, json!({ "auths": auths }).to_string()).unwrap();
    let credentials = CredentialPlaces { inline: None, files: vec![file] };
    let verifier =
        RegistryVerifier::new(Client::new(Settings { credentials, ..Settings::default() }));
    let policies = world.policies(&POLICY.replace("HOST/acme/**", "**"));
    let judged = |image: &str| {
        let request = Request::parse(review(&pod_of(image)).as_bytes(), &[]).unwrap();
        answer(&request, &judge(&request, &policies, now(), &verifier))
    };
    let asked = |request: &unbroken_testkit::registry::Request| {
        let basic = || Reply::status(401).header("www-authenticate", "Basic realm=\"azurecr.io\"");
        request.header("authorization").is_none().then(basic)
    };
    other.rule(asked);
    world.registry.rule(asked);
    denied(&judged(&format!("{}/acme/app@{digest}", other.host())), 503, "undecided");
    assert!(!other.requests().is_empty());
    assert!(other.requests().iter().all(|request| request.header("authorization").is_none()));
    // Its own gets it.
    let own = world.registry.put_image("acme/app", "1", b"layer");
    drop(judged(&format!("{}/acme/app@{own}", world.registry.host())));
    let given = |request: &unbroken_testkit::registry::Request| {
        request.header("authorization").is_some_and(|value| value.contains(CANARY))
    };
    assert!(world.registry.requests().iter().any(given));
    // Names that begin or end like one that is trusted are other names, or none.
    let trusted = world.policies(&POLICY.replace("HOST/acme/**", "*.azurecr.io/**"));
    for (image, code) in [
        ("azurecr.io.evil.com/x", "no-policy"),
        ("xazurecr.io/x", "no-policy"),
        ("evil.com/x.azurecr.io/x", "no-policy"),
        ("azurecr.io/x", "no-policy"),
        ("x.azurecr.io:8443/x", "no-policy"),
        ("x.azurecr.io@evil.com/x", "image-name-invalid"),
        ("x.azurecr.io\\@evil.com/x", "image-name-invalid"),
        ("user:password@x.azurecr.io/x", "image-name-invalid"),
        ("x.azurecr.io#.evil.com/x", "image-name-invalid"),
        ("x.azurecr.io%2eevil.com/x", "image-name-invalid"),
    ] {
        let image = format!("{image}@sha256:{}", "a".repeat(64));
        world.registry.forget_requests();
        denied(&world.judge(&trusted, &pod_of(&image)), 403, code);
    }
}

/// B21: a name is no way to make the webhook speak to whom its user cannot reach.
#[test]
fn nobody_is_asked_about_an_image_that_no_policy_is_for() {
    let (world, inside) = (World::new(), TestRegistry::start(Referrers::Listed));
    for policies in [POLICY.to_owned(), settings("unmatched: warn, tags: warn") + POLICY] {
        let policies = world.policies(&policies);
        for name in [inside.host(), "169.254.169.254", "[fe80::1]:80", "kubernetes.default.svc:443"]
        {
            let image = format!("{name}/latest/meta-data");
            drop(world.judge(&policies, &pod_of(&image)));
            let asked = Request::parse(review(&pod_of(&image)).as_bytes(), &[]).unwrap();
            let pinned = pin_tags(&asked, &policies, now().into(), &world.verifier());
            admitted(&pinned);
        }
    }
    assert!(inside.requests().is_empty() && world.registry.requests().is_empty());
}

/// B19: what one platform runs says nothing of what another one does.
#[test]
fn an_index_comes_in_by_a_chain_that_names_it_and_not_by_one_of_its_children() {
    let world = World::new();
    let policies = world.policies(POLICY);
    let child = world.registry.put_image("acme/app", "child", b"child");
    let size = world.registry.manifest("acme/app", &child).unwrap().len();
    let index = |platform: &str| {
        let child = json!({"mediaType": MANIFEST, "digest": child, "size": size,
            "platform": {"os": "linux", "architecture": platform}});
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [child]});
        let bytes = index.to_string().into_bytes();
        let digest = world.registry.put_manifest("acme/app", platform, INDEX, &bytes);
        format!("{}@{digest}", world.repository("acme/app"))
    };
    let named = index("amd64");
    world.attach(&named, |_| {});
    admitted(&world.judge(&policies, &pod_of(&named)));
    let by_child = index("arm64");
    world.attach(&by_child, |chain| {
        let recorded = unbroken_testkit::digest(&format!("{child}\n"));
        let hex = recorded.iter().next().unwrap().hex().to_owned();
        chain.link("build").set("products/image-digest.txt/sha256", hex);
    });
    denied(&world.judge(&policies, &pod_of(&by_child)), 403, "subject-not-covered");
}

/// Falls over for one image, and has no proof of any.
struct Fragile;

impl Verify for Fragile {
    fn verify(
        &self,
        image: &Reference,
        policies: &[&Policy],
        _: Occasion,
    ) -> Vec<Result<Verified, Vec<Failure>>> {
        assert!(!image.to_string().contains("fragile"), "it falls over");
        policies.iter().map(|_| Err(Vec::new())).collect()
    }

    fn resolve(&self, _: &Reference, _: Occasion) -> Result<Digest, Box<Failure>> {
        panic!("it falls over")
    }
}

fn clock() -> Timestamp {
    now()
}

/// CVE-2026-41485: a panic in one request ended the controller, and what came then was let in.
#[test]
fn a_panic_denies_its_own_review_and_ends_nothing() {
    let world = World::new();
    let policies = world.policies(&POLICY.replace("HOST/acme/**", "registry.example/**"));
    let service = Service::new(policies, Arc::new(Fragile), clock, Log::new(std::io::sink()));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let serving = runtime.spawn(async move { axum::serve(listener, router(service)).await });
    let agent: ureq::Agent = ureq::Agent::config_builder().proxy(None).build().into();
    let post = |path: &str, image: &str| -> Value {
        let body = review(&pod_of(image));
        let mut answer = agent.post(format!("http://{address}{path}")).send(&body).unwrap();
        serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap()
    };
    let digest = "a".repeat(64);
    for round in 0..70 {
        // More often than reviews are judged at once: none keeps its place.
        for (path, image) in [
            ("/verify", format!("registry.example/fragile@sha256:{digest}")),
            ("/mutate", "registry.example/fragile:1".to_owned()),
        ] {
            let answer = post(path, &image);
            assert_eq!(answer.pointer("/response/allowed").unwrap(), false, "{round} {path}");
            assert_eq!(answer.pointer("/response/uid").unwrap(), "0b1e");
            let message = answer.pointer("/response/status/message").unwrap().as_str().unwrap();
            assert!(message.contains("[internal]"), "{message}");
        }
    }
    let other = post("/verify", &format!("registry.example/other@sha256:{digest}"));
    assert!(other.to_string().contains("[not-judged]"), "{other}");
    serving.abort();
}
