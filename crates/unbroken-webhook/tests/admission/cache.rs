//! What is remembered: how much it saves, and that nothing is let in by it that would not be without.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use serde_json::json;
use unbroken_crypto::hash;
use unbroken_model::envelope::Envelope;
use unbroken_model::limits::Limits;
use unbroken_model::timestamp::Timestamp;
use unbroken_policy::PolicySet;
use unbroken_testkit::certificates::{CertificateDraft, authority_id};
use unbroken_testkit::registry::{Referrers, Reply};
use unbroken_webhook::admission::Occasion;
use unbroken_webhook::cache::Bounds;
use unbroken_webhook::recall::judge_at_once;
use unbroken_webhook::review::Answer;
use unbroken_webhook::verifier::RegistryVerifier;

use crate::world::{
    POLICY, World, admitted, denied, judge_by, now, pipeline, pod_of, read, settings,
};

fn judge(verifier: &RegistryVerifier, policies: &PolicySet, image: &str) -> Answer {
    judge_by(verifier, policies, &pod_of(image), now().into())
}

fn judge_at(
    verifier: &RegistryVerifier,
    policies: &PolicySet,
    image: &str,
    at: Timestamp,
) -> Answer {
    judge_by(verifier, policies, &pod_of(image), at.into())
}

fn after(seconds: i64) -> Timestamp {
    Timestamp::from_unix(now().unix() + seconds)
}

/// A registry that lists referrers, and one that does not: there the list lies under a tag, which is
/// known of a repository after its first image.
#[test]
fn a_first_decision_costs_four_requests_and_the_next_none() {
    for (referrers, very_first) in [(Referrers::Listed, 4), (Referrers::Unknown, 5)] {
        let world = World::of(referrers);
        let policies = world.policies(POLICY);
        let before = world.push_signed("acme/app");
        let tag = world.registry.put_image("acme/app", "2", b"second");
        let image = format!("{}@{tag}", world.repository("acme/app"));
        world.attach(&image, |_| {});
        let verifier = world.remembering(Bounds::default());
        for (image, due) in [(&before, very_first), (&image, 4)] {
            world.registry.forget_requests();
            admitted(&judge(&verifier, &policies, image));
            let asked: Vec<String> =
                world.registry.requests().into_iter().map(|request| request.target).collect();
            // What refers to the image, and the three links. Nothing of the image itself, no ping.
            assert_eq!(asked.len(), due, "{asked:?}");
        }
        world.registry.rule(|_| Some(Reply::status(500)));
        world.registry.forget_requests();
        for _ in 0..10 {
            admitted(&judge(&verifier, &policies, &image));
        }
        let request = read(&pod_of(&image));
        assert!(judge_at_once(&request, &policies, now().into(), &verifier).is_some());
        assert_eq!(world.registry.requests().len(), 0);
        let usage = verifier.cache().usage();
        assert_eq!((usage.hits, usage.misses, usage.entries), (11, 2, 4), "{usage:?}");
    }
}

#[test]
fn many_reviews_of_one_image_at_the_same_time_are_one_look() {
    let world = World::new();
    let policies = world.policies(POLICY);
    let image = world.push_signed("acme/app");
    let verifier = world.remembering(Bounds::default());
    world.registry.forget_requests();
    world.registry.rule(|request| {
        if request.target.contains("/referrers/") {
            std::thread::sleep(Duration::from_millis(300));
        }
        None
    });
    let begin = Barrier::new(16);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                begin.wait();
                admitted(&judge(&verifier, &policies, &image));
            });
        }
    });
    assert_eq!(world.registry.requests().len(), 4);
}

/// Whoever has little time fails alone; the others find out for themselves.
#[test]
fn a_review_in_a_hurry_does_not_fail_those_with_more_time() {
    let world = World::new();
    let policies = world.policies(POLICY);
    let image = world.push_signed("acme/app");
    let verifier = world.remembering(Bounds::default());
    world.registry.rule(|request| {
        if request.target.contains("/referrers/") {
            std::thread::sleep(Duration::from_millis(600));
        }
        None
    });
    let begin = Barrier::new(2);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let until = Some(Instant::now() + Duration::from_millis(200));
            let occasion = Occasion { now: now(), until };
            begin.wait();
            denied(&judge_by(&verifier, &policies, &pod_of(&image), occasion), 503, "undecided");
        });
        begin.wait();
        std::thread::sleep(Duration::from_millis(50));
        admitted(&judge(&verifier, &policies, &image));
    });
}

#[test]
fn evidence_that_is_attached_while_requests_run_is_seen_within_seconds() {
    let world = World::new();
    let policies = world.policies(POLICY);
    let (signed, unsigned) = (world.push_signed("acme/signed"), world.push("acme/app"));
    let other = world.push("acme/other");
    let bounds = Bounds::default();
    let verifier = world.remembering(bounds);
    admitted(&judge(&verifier, &policies, &signed));
    let before = denied(&judge(&verifier, &policies, &unsigned), 403, "link-missing");
    let asked = world.registry.requests().len();
    let again = denied(&judge(&verifier, &policies, &unsigned), 403, "link-missing");
    assert_eq!((again, world.registry.requests().len()), (before, asked), "it is remembered");
    world.attach(&unsigned, |_| {});
    let attached = Instant::now();
    while denied_now(&judge(&verifier, &policies, &unsigned)) {
        assert!(attached.elapsed() < Duration::from_secs(10), "it is not seen");
        admitted(&judge(&verifier, &policies, &signed));
        denied(&judge(&verifier, &policies, &other), 403, "link-missing");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn denied_now(answer: &Answer) -> bool {
    matches!(answer.verdict, unbroken_webhook::review::Verdict::Denied { .. })
}

#[test]
fn a_changed_policy_counts_at_once() {
    let world = World::new();
    let image = world.push_signed("acme/app");
    let verifier = world.remembering(Bounds::default());
    let policies = world.policies(POLICY);
    admitted(&judge(&verifier, &policies, &image));
    let stranger = unbroken_testkit::keys::key("stranger").public().spki_pem();
    world.keep("stranger.pub", stranger.as_bytes());
    for (from, to, code) in [
        ("owner.pub", "stranger.pub", "signature-threshold-not-met"),
        ("layout:", "binding: {required: true}\n  layout:", "link-threshold-not-met"),
    ] {
        let changed = world.policies(&POLICY.replace(from, to));
        denied(&judge(&verifier, &changed, &image), 403, code);
        admitted(&judge(&verifier, &policies, &image));
    }
    // The layout behind the same name.
    let layout = pipeline("sha256:00", |chain| chain.layout.set("expires", "2026-01-01T00:00:00Z"));
    world.keep("root.layout", &layout.case().layout);
    denied(&judge(&verifier, &world.policies(POLICY), &image), 403, "layout-expired");
    // What else a policy says is no matter of the verdict.
    let elsewhere = world.policies(&POLICY.replace("acme/**", "elsewhere/**"));
    denied(&judge(&verifier, &elsewhere, &image), 403, "no-policy");
}

/// A policy that asks in another repository too.
fn with_a_place() -> String {
    POLICY.replace("layout:", "evidence: [HOST/evidence/acme]\n  layout:")
}

#[test]
fn evidence_that_is_gone_from_another_place_of_the_policy_lets_nothing_in_any_more() {
    let world = World::new();
    let policies = world.policies(&with_a_place());
    let image = world.push("acme/app");
    world.attach_at(&world.repository("evidence/acme"), &image, |_| {});
    // What lies there is looked up each time; what it comes to is remembered.
    let bounds = Bounds { looks: Duration::ZERO, refusals: Duration::ZERO, ..Bounds::default() };
    let verifier = world.remembering(bounds);
    admitted(&judge(&verifier, &policies, &image));
    world.registry.rule(|request| {
        let media_type = "application/vnd.oci.image.index.v1+json";
        let nothing = json!({"schemaVersion": 2, "mediaType": media_type, "manifests": []});
        let lists = request.target.contains("/evidence/acme/referrers/");
        lists.then(|| Reply::ok(media_type, nothing.to_string().into_bytes()))
    });
    denied(&judge(&verifier, &policies, &image), 403, "link-missing");
    world.registry.rule(|_| None);
    admitted(&judge(&verifier, &policies, &image));
}

#[test]
fn evidence_in_another_place_of_the_policy_counts_where_that_beside_the_image_would_do() {
    let world = World::new();
    let image = world.push_signed("acme/app");
    world.attach_at(&world.repository("evidence/acme"), &image, |chain| {
        let other = unbroken_testkit::digest("other").iter().next().unwrap().hex().to_owned();
        chain.link("build").set("products/image-digest.txt/sha256", other);
    });
    let verifier = world.remembering(Bounds::default());
    admitted(&judge(&verifier, &world.policies(POLICY), &image));
    denied(&judge(&verifier, &world.policies(&with_a_place()), &image), 403, "links-disagree");
}

#[test]
fn a_tag_is_looked_up_each_time() {
    let world = World::new();
    let policies = world.policies(&(settings("tags: warn") + POLICY));
    let image = world.push_signed("acme/app");
    let by_tag = format!("{}:1", image.split_once('@').unwrap().0);
    let verifier = world.remembering(Bounds::default());
    for _ in 0..3 {
        admitted(&judge(&verifier, &policies, &by_tag));
    }
    let looks = |world: &World| {
        let requests = world.registry.requests();
        requests.iter().filter(|it| it.method == "GET" && it.target.ends_with("/1")).count()
    };
    assert_eq!(looks(&world), 3);
    let request = read(&pod_of(&by_tag));
    assert!(judge_at_once(&request, &policies, now().into(), &verifier).is_none());
    // The tag moves to an image without a chain.
    world.registry.put_image("acme/app", "1", b"evil");
    denied(&judge(&verifier, &policies, &by_tag), 403, "link-missing");
}

#[test]
fn what_is_undecided_is_asked_again_at_once() {
    let world = World::new();
    let policies = world.policies(POLICY);
    let image = world.push_signed("acme/app");
    let verifier = world.remembering(Bounds::default());
    for status in [401, 500, 404] {
        world.registry.rule(move |_| Some(Reply::status(status)));
        denied(&judge(&verifier, &policies, &image), 503, "undecided");
    }
    world.registry.rule(|_| None);
    admitted(&judge(&verifier, &policies, &image));
}

/// Each of these ends within the time for which verdicts are kept, and the cache is asked on both
/// sides of the end.
#[test]
fn nothing_is_let_in_after_it_has_ended() {
    // The layout.
    let world = World::new();
    let layout = pipeline("sha256:00", |chain| chain.layout.set("expires", after(60).to_string()));
    world.keep("root.layout", &layout.case().layout);
    let (image, policies) = (world.push_signed("acme/app"), world.policies(POLICY));
    ends_after(&world, &policies, &image, 60, "layout-expired");

    // The certificate of a functionary.
    let world = World::new();
    let id = "spiffe://example.org/build";
    let constraint = format!(
        r#"{{"common_name": "workload", "dns_names": [], "emails": [], "organizations": [],
            "roots": ["{}"], "uris": ["{id}"]}}"#,
        authority_id("ca")
    );
    let layout = pipeline("sha256:00", |chain| {
        chain.layout.set_json("steps/1/pubkeys", "[]");
        chain.certify(1, "ca", &constraint);
    });
    world.keep("root.layout", &layout.case().layout);
    let mut certificate = CertificateDraft::of("workload").uri(id);
    certificate.not_after = after(89);
    let image = world.push("acme/app");
    world.attach(&image, |chain| {
        chain.sign_certified("build", "workload", &certificate.pem_by("ca"));
    });
    let policies = world.policies(POLICY);
    ends_after(&world, &policies, &image, 90, "link-threshold-not-met");

    // The age of links.
    let world = World::new();
    let layout = pipeline("sha256:00", |_| {}).case().layout;
    let envelope = Envelope::parse(&layout, &Limits::default()).unwrap();
    let bound = data_encoding::HEXLOWER.encode(&hash::sha256(envelope.signing_input()));
    let image = world.push("acme/app");
    world.attach(&image, |chain| {
        for step in ["checkout", "build", "scan"] {
            let link = chain.link(step);
            link.set("environment/bound_layout_sha256", bound.clone());
            link.set("environment/bound_time", after(-70).to_string());
        }
    });
    let aged = "binding: {required: true, maxAgeSeconds: 100}\n  layout:";
    let policies = world.policies(&POLICY.replace("layout:", aged));
    ends_after(&world, &policies, &image, 31, "link-threshold-not-met");
}

fn ends_after(world: &World, policies: &PolicySet, image: &str, seconds: i64, code: &str) {
    // A verdict of before the end, also one of the last second, tells nothing of later.
    for judged_at in [0, seconds - 1] {
        let verifier = world.remembering(Bounds::default());
        admitted(&judge_at(&verifier, policies, image, after(judged_at)));
        admitted(&judge_at(&verifier, policies, image, after(seconds - 1)));
        denied(&judge_at(&verifier, policies, image, after(seconds)), 403, code);
        // A clock that is put back finds it as it was.
        admitted(&judge_at(&verifier, policies, image, after(seconds - 1)));
        denied(&judge_at(&verifier, policies, image, after(400)), 403, code);
    }
}
