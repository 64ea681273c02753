//! Whom a policy is for, where that is not wholly known: nothing comes in by what cannot be told.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use unbroken_model::timestamp::Timestamp;
use unbroken_policy::source::{Source, Sources};
use unbroken_policy::{Policy, PolicyFault, PolicySet, Reach};
use unbroken_webhook::cache::Bounds;

use crate::world::{POLICY, World, admitted, denied, judge_by, now, pod_of, settings};

/// Gives nothing: these policies are not read as far as that.
struct Nothing;

impl Sources for Nothing {
    fn read(&self, _: &Source) -> Result<Vec<u8>, PolicyFault> {
        Err(PolicyFault::undecided("there is nothing"))
    }
}

/// A policy in audit whose images are mistyped would let in everything that no policy is for.
#[test]
fn a_policy_that_is_for_more_than_its_author_meant_denies_whatever_its_mode() {
    let world = World::new();
    let (signed, other) = (world.push_signed("acme/app"), world.push("elsewhere/app"));
    let images = "['HOST/acme/**']";
    for scope in [
        POLICY.replace(images, "['docker.io']"),
        POLICY.replace(images, "['registry.example/Team/*']"),
        POLICY.replace(images, "[]"),
        POLICY.replace("  images: ['HOST/acme/**']\n", ""),
        format!("{POLICY}  namespaces: ['Pro d']\n"),
        format!("{POLICY}  namespaceSelector: {{matchLabel: {{env: dev}}}}\n"),
    ] {
        for mode in ["audit", "warn"] {
            let policies = world.policies(&format!("{scope}  mode: {mode}\n"));
            denied(&world.judge(&policies, &pod_of(&signed)), 403, "policy-invalid");
            let code = if scope.contains("acme/**") { "no-policy" } else { "policy-invalid" };
            denied(&world.judge(&policies, &pod_of(&other)), 403, code);
        }
    }
    // Where it is told whom it is for, the mode is his to choose.
    let broken = POLICY.replace("owners:", "owner:");
    let policies = world.policies(&format!("{broken}  mode: audit\n"));
    admitted(&world.judge(&policies, &pod_of(&signed)));
    denied(&world.judge(&policies, &pod_of(&other)), 403, "no-policy");
}

#[test]
fn an_invalid_policy_of_a_namespace_does_not_narrow_itself_away() {
    let world = World::new();
    let image = world.push_signed("acme/app");
    let sound = json!({
        "images": [world.repository("acme/**")], "layout": {"inline": ""}, "owners": [], "mode": "audit",
    });
    for (member, value) in [
        ("namespaces", json!(["other"])),
        ("namespaces", json!(["Pro d"])),
        ("namespaceSelector", json!({"matchLabels": {"env": "dev"}})),
        ("namespaceSelector", json!({"unknown": 1})),
    ] {
        let mut spec = sound.clone();
        spec[member] = value;
        let mut policies = world.policies(POLICY);
        policies.namespaces = known("prod");
        let reach = Reach::Namespace("prod".to_owned());
        let own = Policy::read("prod/own".to_owned(), reach, &spec, &Nothing, now());
        policies.policies.push(Arc::new(own));
        let message = denied(&world.judge(&policies, &pod_of(&image)), 403, "policy-invalid");
        assert!(message.contains("Policy: prod/own."), "{message}");
        // It reaches nowhere else.
        let mut elsewhere = pod_of(&image);
        elsewhere["namespace"] = json!("other");
        admitted(&world.judge(&policies, &elsewhere));
    }
}

/// The policy of `env: dev` may let in what it likes there; elsewhere it is no reason to let anything in.
#[test]
fn a_selector_lets_nothing_in_where_labels_are_not_known() {
    let world = World::new();
    let (signed, unsigned) = (world.push_signed("acme/app"), world.push("acme/bare"));
    let chosen = format!("{POLICY}  namespaceSelector: {{matchLabels: {{env: prod}}}}\n");
    let ask = |text: &str, knows: bool, image: &str| {
        let mut policies = world.policies(text);
        policies.namespaces = known(if knows { "prod" } else { "other" });
        world.judge(&policies, &pod_of(image))
    };
    admitted(&ask(&chosen, true, &signed));
    let message = denied(&ask(&chosen, false, &signed), 503, "undecided");
    assert!(message.contains("the labels of the namespace are not known"), "{message}");
    let audit = format!("{chosen}  mode: audit\n");
    admitted(&ask(&audit, true, &unsigned));
    denied(&ask(&audit, false, &unsigned), 503, "undecided");
    // It is asked for all the same, beside a policy that is for the image for certain.
    let both = |of: &str| format!("{}---{of}", POLICY.replace("name: acme", "name: all"));
    admitted(&ask(&both(&chosen), false, &signed));
    let strict = chosen.replace("[{file: owner.pub}]", "[{inline: no key}]");
    denied(&ask(&both(&strict), false, &signed), 403, "policy-invalid");
    // Where what no policy is for comes in, what may have one does if that lets it in.
    let admit = settings("unmatched: admit");
    admitted(&ask(&format!("{admit}{chosen}"), false, &signed));
    denied(&ask(&format!("{admit}{chosen}"), false, &unsigned), 403, "link-missing");
    let delegated = settings("delegatedNamespaces: [prod]");
    denied(&ask(&format!("{delegated}{chosen}"), false, &signed), 503, "undecided");
}

/// A key that was read once would go on after its end.
#[test]
fn keys_are_held_against_the_time_of_each_judgement() {
    let world = World::new();
    // It was made at this second, for ten days.
    let certificate =
        include_bytes!("../../../unbroken-crypto/tests/data/gpg/certificates/short.asc");
    let at = |seconds: i64| Timestamp::from_unix(1_700_000_000 + seconds);
    let end = 10 * 86_400;
    world.keep("short.asc", certificate);
    let pod = pod_of(&world.push_signed("acme/app"));
    for (member, rest) in [
        ("owners: [{file: owner.pub}, {file: short.asc}]", "threshold: 1"),
        ("owners: [{file: owner.pub}]", "inspectors: [{file: short.asc}]"),
    ] {
        let text = POLICY.replace("owners: [{file: owner.pub}]", member);
        let text = format!("{text}  {rest}\n").replace("HOST", world.registry.host());
        let read = |at| PolicySet::parse(&text, world.folder(), at).unwrap();
        let policies = read(at(86_400));
        let remembering = world.remembering(Bounds::default());
        for verifier in [&world.verifier(), &remembering] {
            let judge = |seconds| judge_by(verifier, &policies, &pod, at(seconds).into());
            admitted(&judge(end - 1));
            let message = denied(&judge(end), 403, "policy-invalid");
            assert!(message.contains("expired at 2023-11-24"), "{message}");
        }
        denied(&world.judge_on(&read(at(end)), &pod, at(end).into()), 403, "policy-invalid");
    }
}

/// Each place is asked for each image.
#[test]
fn places_of_evidence_are_few() {
    let world = World::new();
    let pod = pod_of(&world.push_signed("acme/app"));
    let places = |count: usize| {
        let places = vec!["HOST/evidence/acme"; count].join(", ");
        world.policies(&format!("{POLICY}  evidence: [{places}]\n"))
    };
    admitted(&world.judge(&places(16), &pod));
    denied(&world.judge(&places(17), &pod), 403, "policy-invalid");
}

fn known(namespace: &str) -> Arc<BTreeMap<String, BTreeMap<String, String>>> {
    let labels = BTreeMap::from([("env".to_owned(), "prod".to_owned())]);
    Arc::new(BTreeMap::from([(namespace.to_owned(), labels)]))
}
