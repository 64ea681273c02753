//! Registries that are down, slow or lie: what is not known is not let in.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use unbroken_oci::reference::Reference;
use unbroken_oci::registry::{Client, Settings};
use unbroken_testkit::component;
use unbroken_testkit::registry::{RegistryProcess, Reply, push_image};
use unbroken_webhook::admission::Occasion;

use crate::api_server::under_load;
use crate::cluster::wait_until;
use crate::server::{Server, allowed};
use crate::world::{POLICY, World, admitted, denied, now, pod_of, settings};

#[test]
fn a_registry_that_does_not_answer_leaves_it_undecided() {
    let world = World::new();
    let policies = world.policies(POLICY);
    let image = world.push_signed("acme/app");
    for status in [401, 403, 500] {
        world.registry.rule(move |_| Some(Reply::status(status)));
        denied(&world.judge(&policies, &pod_of(&image)), 503, "undecided");
    }
    world.registry.rule(|_| None);
    admitted(&world.judge(&policies, &pod_of(&image)));
    let nobody = POLICY.replace("HOST/acme/**", "127.0.0.1:1/**");
    let image = format!("127.0.0.1:1/app@sha256:{}", "a".repeat(64));
    let message = denied(&world.judge(&world.policies(&nobody), &pod_of(&image)), 503, "undecided");
    assert!(message.contains("127.0.0.1:1"), "{message}");
}

/// Else a slow registry would hold a thread, and a place among those judged at once, for minutes.
#[test]
fn a_review_that_nobody_waits_for_any_more_asks_no_registry_on() {
    let world = World::new();
    let policies = world.policies(POLICY);
    let image = world.push_signed("acme/app");
    world.registry.rule(|_| {
        std::thread::sleep(Duration::from_secs(3));
        None
    });
    let begin = Instant::now();
    let until = Some(begin + Duration::from_millis(300));
    let answer = world.judge_on(&policies, &pod_of(&image), Occasion { now: now(), until });
    denied(&answer, 503, "undecided");
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
}

#[test]
fn evidence_that_cannot_be_listed_is_not_taken_for_none() {
    let world = World::new();
    let policies = world.policies(POLICY);
    let image = world.push_signed("acme/app");
    world
        .registry
        .rule(|request| request.target.contains("/referrers/").then(|| Reply::status(500)));
    denied(&world.judge(&policies, &pod_of(&image)), 503, "undecided");
}

/// CVE-2022-47633: one manifest for the verifier, another one for whoever asks next.
#[test]
fn a_tag_is_looked_at_once_in_a_decision() {
    let world = World::new();
    let policies = world.policies(&(settings("tags: warn") + POLICY));
    let good = world.push_signed("acme/app");
    let evil = world.registry.put_image("acme/app", "evil", b"evil");
    let evil = world.registry.manifest("acme/app", &evil).unwrap();
    let looks = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&looks);
    world.registry.rule(move |request| {
        let of_tag = request.target.ends_with("/manifests/1");
        (of_tag && counted.fetch_add(1, Ordering::Relaxed) > 0)
            .then(|| Reply::ok("application/vnd.oci.image.manifest.v1+json", evil.clone()))
    });
    let by_tag = format!("{}:1", good.split_once('@').unwrap().0);
    let answer = world.judge(&policies, &pod_of(&by_tag));
    admitted(&answer);
    assert_eq!(looks.load(Ordering::Relaxed), 1);
    assert!(answer.warnings[0].contains(good.split_once('@').unwrap().1), "{answer:?}");
}

/// CVE-2023-47630: a registry says of other content that it has the digest.
#[test]
fn content_is_held_against_the_digest_that_was_asked_for() {
    let world = World::new();
    let policies = world.policies(&(settings("tags: warn") + POLICY));
    let good = world.push_signed("acme/app");
    let evil = world.registry.put_image("acme/app", "evil", b"evil");
    let evil = world.registry.manifest("acme/app", &evil).unwrap();
    let (repository, digest) = good.split_once('@').unwrap();
    let (by_tag, digest) = (format!("{repository}:1"), digest.to_owned());
    world.registry.rule(move |request| {
        request.target.contains("/manifests/").then(|| {
            Reply::ok("application/vnd.oci.image.manifest.v1+json", evil.clone())
                .header("Docker-Content-Digest", &digest)
        })
    });
    denied(&world.judge(&policies, &pod_of(&by_tag)), 503, "undecided");
    // So is evidence, which is all that is fetched of an image that is named by its digest.
    let message = denied(&world.judge(&policies, &pod_of(&good)), 503, "undecided");
    assert!(message.contains("digest"), "{message}");
}

/// The whole way, with the program and a registry that is no imitation.
#[test]
fn evidence_that_is_attached_in_a_real_registry_while_requests_run_is_seen() {
    let name = "admission::registries::evidence_that_is_attached_in_a_real_registry_while_requests_run_is_seen";
    let Some(program) = component("UNBROKEN_TEST_DOCKER_REGISTRY", name) else { return };
    let (registry, world) = (RegistryProcess::docker(&program, None), World::new());
    let push = |name: &str| {
        let repository = format!("{}/{name}", registry.host());
        let reference: Reference = repository.parse().unwrap();
        let content = Client::new(Settings::default()).repository(reference.repository());
        format!("{repository}@{}", push_image(&content, "1", name.as_bytes()).descriptor.digest)
    };
    let (signed, late, never) = (push("acme/signed"), push("acme/late"), push("acme/never"));
    world.attach(&signed, |_| {});
    let server = Server::start(&world, &POLICY.replace("HOST", registry.host()));
    let ask = |image: &str| server.review("/verify?timeout=30s", &pod_of(image));
    let lacks = |image: &str| ask(image).to_string().contains("[link-missing]");
    assert!(allowed(&ask(&signed)) && lacks(&late) && lacks(&never));
    let asked = under_load(
        |_| assert!(allowed(&ask(&signed)) && lacks(&never)),
        || {
            assert!(lacks(&late));
            world.attach(&late, |_| {});
            wait_until("what was attached is seen", || allowed(&ask(&late)));
        },
    );
    assert!(asked > 20, "{asked} times it was asked beside: that is no load");
}
