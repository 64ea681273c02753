//! What comes in, what does not, and what is said of it.

use serde_json::json;
use unbroken_testkit::registry::Reply;
use unbroken_testkit::{Chain, Draft, keys, link};
use unbroken_webhook::review::Answer;

use crate::world::{POLICY, World, admitted, denied, pod, pod_of, request, settings};

fn annotation(answer: &Answer, key: &str) -> String {
    answer.annotations.get(key).cloned().unwrap_or_default()
}

#[test]
fn a_signed_image_comes_in_and_an_unsigned_one_does_not() {
    let world = World::new();
    let policies = world.policies(POLICY);
    let (signed, unsigned) = (world.push_signed("acme/app"), world.push("acme/other"));
    let answer = world.judge(&policies, &pod_of(&signed));
    admitted(&answer);
    assert_eq!(annotation(&answer, "decision"), "admit");
    let digest = signed.split_once('@').unwrap().1;
    assert_eq!(annotation(&answer, "digests"), format!("acme={digest}"));
    let message = denied(&world.judge(&policies, &pod_of(&unsigned)), 403, "link-missing");
    for due in [
        "Pod prod/web",
        unsigned.as_str(),
        "spec.containers[0]",
        "checkout",
        "Policy: acme.",
        "Reproduce: unbroken-webhook check --namespace prod --image",
        "Request 0b1e.",
    ] {
        assert!(message.contains(due), "{due} is not in: {message}");
    }
    assert!(message.len() <= 1024);
}

#[test]
fn the_chain_of_another_image_does_not_let_this_one_in() {
    let world = World::new();
    let policies = world.policies(POLICY);
    let image = world.push("acme/other");
    // Good evidence, all of it signed, which says nothing of this image.
    world.attach(&image, |chain| {
        chain.link("build").set("products/image-digest.txt/sha256", "a".repeat(64));
    });
    denied(&world.judge(&policies, &pod_of(&image)), 403, "subject-not-covered");
}

#[test]
fn one_image_without_a_chain_keeps_the_whole_object_out() {
    let world = World::new();
    let policies = world.policies(POLICY);
    let (signed, unsigned) = (world.push_signed("acme/app"), world.push("acme/other"));
    for list in ["containers", "initContainers", "ephemeralContainers"] {
        let mut spec = json!({"containers": [{"name": "app", "image": signed}]});
        admitted(&world.judge(&policies, &pod(&spec)));
        let mut images = vec![json!({"name": "app", "image": signed})];
        images.push(json!({"name": "x", "image": unsigned}));
        spec[list] = images.into();
        let message = denied(&world.judge(&policies, &pod(&spec)), 403, "link-missing");
        assert!(message.contains(&format!("spec.{list}[1]")), "{message}");
    }
    let volume = json!([{"name": "v", "image": {"reference": unsigned}}]);
    let spec = json!({"containers": [{"name": "app", "image": signed}], "volumes": volume});
    denied(&world.judge(&policies, &pod(&spec)), 403, "link-missing");
}

#[test]
fn every_matching_policy_has_to_pass() {
    let world = World::new();
    let image = world.push_signed("acme/app");
    let other = keys::key("stranger").public().spki_pem();
    world.keep("other.pub", other.as_bytes());
    let second = POLICY.replace("name: acme", "name: strict").replace("owner.pub", "other.pub");
    let policies = world.policies(&format!("{POLICY}---{second}"));
    let message =
        denied(&world.judge(&policies, &pod_of(&image)), 403, "signature-threshold-not-met");
    assert!(message.contains("Policy: strict."), "{message}");
    for mode in ["warn", "audit"] {
        let second = format!("{second}  mode: {mode}\n");
        let answer = world.judge(&world.policies(&format!("{POLICY}---{second}")), &pod_of(&image));
        admitted(&answer);
        // What was not enforced is not said to have passed.
        assert_eq!(annotation(&answer, "decision"), "not-enforced");
        assert!(annotation(&answer, "not-enforced").contains("signature-threshold-not-met"));
        assert_eq!(answer.warnings.len(), usize::from(mode == "warn"));
    }
}

#[test]
fn an_image_without_a_policy_does_not_come_in_unless_it_is_said() {
    let world = World::new();
    let image = world.push("elsewhere/app");
    denied(&world.judge(&world.policies(POLICY), &pod_of(&image)), 403, "no-policy");
    // No policies at all are no reason to let anything in.
    denied(&world.judge(&world.policies(""), &pod_of(&image)), 403, "no-policy");
    let with =
        |unmatched: &str| world.policies(&(settings(&format!("unmatched: {unmatched}")) + POLICY));
    let warned = world.judge(&with("warn"), &pod_of(&image));
    admitted(&warned);
    assert!(warned.warnings[0].contains("no-policy"), "{warned:?}");
    let quiet = world.judge(&with("admit"), &pod_of(&image));
    admitted(&quiet);
    assert!(quiet.warnings.is_empty());
    assert!(annotation(&quiet, "not-enforced").contains("no policy"));
}

#[test]
fn a_policy_that_cannot_be_used_denies_what_it_covers_and_nothing_else() {
    let world = World::new();
    let (image, other) = (world.push_signed("acme/app"), world.push_signed("acme/other"));
    for fault in [
        POLICY.replace("owners:", "owner:"),
        POLICY.replace("root.layout", "missing.layout"),
        POLICY.replace("[{file: owner.pub}]", "[]"),
        POLICY.replace("owner.pub", "root.layout"),
        format!("{POLICY}  mood: enforce\n"),
        format!("{POLICY}  binding: {{required: false, maxAgeSeconds: 5}}\n"),
        format!("{POLICY}  evidence: ['oci:/tmp/x']\n"),
    ] {
        let broken = fault.replace("name: acme", "name: broken").replace("acme/**", "acme/app");
        let policies = world.policies(&format!("{POLICY}---{broken}"));
        let message = denied(&world.judge(&policies, &pod_of(&image)), 403, "policy-invalid");
        assert!(message.contains("Policy: broken."), "{message}");
        admitted(&world.judge(&policies, &pod_of(&other)));
    }
    // Where it cannot be told whom a policy is for, it is for all.
    let images = POLICY.replace("['HOST/acme/**']", "['nginx']");
    denied(&world.judge(&world.policies(&images), &pod_of(&image)), 403, "policy-invalid");
}

#[test]
fn a_tag_does_not_come_in_unless_it_is_said_and_then_its_digest_is_told() {
    let world = World::new();
    let image = world.push_signed("acme/app");
    let (repository, digest) = image.split_once('@').unwrap();
    let by_tag = format!("{repository}:1");
    world.registry.forget_requests();
    denied(&world.judge(&world.policies(POLICY), &pod_of(&by_tag)), 403, "image-by-tag");
    // What is wrong with the policy comes first: a digest would not help.
    let broken = POLICY.replace("owner.pub", "absent.pub");
    denied(&world.judge(&world.policies(&broken), &pod_of(&by_tag)), 403, "policy-invalid");
    assert!(world.registry.requests().is_empty(), "that needs no registry");
    let policies = world.policies(&(settings("tags: warn") + POLICY));
    let answer = world.judge(&policies, &pod_of(&by_tag));
    admitted(&answer);
    assert!(answer.warnings[0].contains(digest), "{answer:?}");
    // The digest decides, whatever tag stands beside it.
    let both = format!("{by_tag}@{digest}");
    admitted(&world.judge(&world.policies(POLICY), &pod_of(&both)));
}

#[test]
fn an_exemption_has_images_a_reason_and_an_end() {
    let world = World::new();
    let (image, other) = (world.push("acme/legacy"), world.push("acme/other"));
    let policies = |until: &str| {
        let exemption =
            format!("{{images: [HOST/acme/legacy], reason: 'ticket 7', until: '{until}'}}");
        world.policies(&(settings(&format!("exemptions: [{exemption}]")) + POLICY))
    };
    let running = policies("2026-07-01T00:00:00Z");
    let answer = world.judge(&running, &pod_of(&image));
    admitted(&answer);
    assert!(annotation(&answer, "exempt").contains("ticket 7"), "{answer:?}");
    denied(&world.judge(&running, &pod_of(&other)), 403, "link-missing");
    // It ends with the second that it names.
    denied(&world.judge(&policies(crate::world::NOW), &pod_of(&image)), 403, "link-missing");
}

#[test]
fn namespaces_narrow_policies_and_are_exempt_by_their_whole_names() {
    let world = World::new();
    let image = world.push("acme/app");
    let narrow = format!("{POLICY}  namespaces: [prod, 'team-*']\n");
    let exempt = settings("exemptNamespaces: [kube-system]") + &narrow;
    let policies = world.policies(&exempt);
    let in_namespace = |namespace: &str| {
        let mut request = pod_of(&image);
        request["namespace"] = namespace.into();
        world.judge(&policies, &request)
    };
    denied(&in_namespace("prod"), 403, "link-missing");
    denied(&in_namespace("team-a"), 403, "link-missing");
    denied(&in_namespace("production"), 403, "no-policy");
    admitted(&in_namespace("kube-system"));
    denied(&in_namespace("kube-system-evil"), 403, "no-policy");
    denied(&in_namespace(""), 403, "no-policy");
}

#[test]
fn inspections_pass_by_signed_links_alone() {
    let world = World::new();
    let chain = Chain::pipeline();
    world.keep("root.layout", &chain.case().layout);
    let inspected = |name: &str, by: &str, command: &str| {
        let image = world.push(name);
        world.attach(&image, |chain| {
            let product =
                [("image.tar", "the layers of an image"), ("report.json", "{\"critical\": 0}\n")];
            let mut draft = Draft::of(&link("no-critical", &product, &product));
            draft.set_json("command", command);
            chain.put(keys::stem("no-critical", by), draft.signed_by(by));
        });
        image
    };
    let policies = world.policies(POLICY);
    let command = r#"["grep", "-q", "\"critical\": 0", "report.json"]"#;
    admitted(&world.judge(&policies, &pod_of(&inspected("acme/app", "owner", command))));
    // A functionary vouches for his step alone, and another command looks for something else.
    let by_functionary = inspected("acme/by-scanner", "scanner", command);
    denied(&world.judge(&policies, &pod_of(&by_functionary)), 403, "inspection-not-run");
    let other_command = inspected("acme/other-command", "owner", r#"["true"]"#);
    denied(&world.judge(&policies, &pod_of(&other_command)), 403, "inspection-not-run");
    let none = world.push_signed("acme/uninspected");
    let message = denied(&world.judge(&policies, &pod_of(&none)), 403, "inspection-not-run");
    assert!(message.contains("--sign-inspections"), "{message}");
    // Whom the policy names for it may sign in place of the owners.
    world.keep("scanner.pub", keys::key("scanner").public().spki_pem().as_bytes());
    let named = world.policies(&format!("{POLICY}  inspectors: [{{file: scanner.pub}}]\n"));
    admitted(&world.judge(&named, &pod_of(&by_functionary)));
}

#[test]
fn kinds_that_are_told_of_are_judged_like_others() {
    let world = World::new();
    let (signed, unsigned) = (world.push_signed("acme/app"), world.push("acme/other"));
    let rollout = |image: &str| {
        let spec = json!({"containers": [{"name": "app", "image": image}]});
        request("argoproj.io", "Rollout", "CREATE", &json!({"spec": {"template": {"spec": spec}}}))
    };
    denied(&world.judge(&world.policies(POLICY), &rollout(&signed)), 403, "kind-unknown");
    let kinds = "[{group: argoproj.io, kind: Rollout, podSpecs: [spec.template.spec]}]";
    let policies = world.policies(&(settings(&format!("kinds: {kinds}")) + POLICY));
    admitted(&world.judge(&policies, &rollout(&signed)));
    denied(&world.judge(&policies, &rollout(&unsigned)), 403, "link-missing");
}

#[test]
fn glass_is_broken_by_those_who_may_and_never_by_the_object() {
    let world = World::new();
    let image = world.push("acme/other");
    let permission = |more: &str| {
        format!(
            "{POLICY}---\napiVersion: in-toto.io/v1alpha1\nkind: AdmissionSettings\nmetadata: {{name: s}}\nspec:\n  breakGlass:\n    - {{{more}}}\n"
        )
    };
    let whole = "users: [alice], groups: [on-call], namespaces: [prod], reason: 'incident 9', until: '2026-06-01T13:00:00Z'";
    let policies = world.policies(&permission(whole));
    let ask = |user: &str, groups: &[&str]| {
        let mut request = pod_of(&image);
        request["userInfo"] = json!({"username": user, "groups": groups});
        request
    };
    for request in [ask("alice", &[]), ask("bob", &["system:authenticated", "on-call"])] {
        let answer = world.judge(&policies, &request);
        admitted(&answer);
        assert_eq!(annotation(&answer, "decision"), "break-glass");
        let told = annotation(&answer, "break-glass");
        assert!(told.contains("incident 9") && told.contains("link-missing"), "{told}");
        assert_eq!(answer.warnings[0], "break-glass until 2026-06-01T13:00:00Z: incident 9");
        assert!(answer.warnings[1].starts_with("[link-missing]"), "{:?}", answer.warnings);
    }
    // What verifies needs no permission, and does not say that it used one.
    let signed = world.push_signed("acme/app");
    let mut request = pod_of(&signed);
    request["userInfo"] = json!({"username": "alice"});
    assert_eq!(annotation(&world.judge(&policies, &request), "decision"), "admit");
    let mut elsewhere = ask("alice", &["on-call"]);
    elsewhere["namespace"] = json!("dev");
    let mut claimed = ask("mallory", &["devs"]);
    claimed["object"]["metadata"]["annotations"] = json!({
        "in-toto.io/break-glass": "alice", "image-policy.k8s.io/break-glass": "true",
    });
    claimed["object"]["userInfo"] = json!({"username": "alice"});
    for request in [pod_of(&image), ask("alice2", &[]), ask("", &["alice"]), elsewhere, claimed] {
        denied(&world.judge(&policies, &request), 403, "link-missing");
    }
    let ended = world.policies(&permission(&whole.replace("13:00:00Z", "12:00:00Z")));
    denied(&world.judge(&ended, &ask("alice", &[])), 403, "link-missing");
    for (from, to) in [
        ("users: [alice], groups: [on-call], ", ""),
        ("users: [alice]", "users: [alice, '']"),
        ("groups: [on-call]", "groups: [' ']"),
        ("groups: [on-call]", "groups: ['system:authenticated']"),
        ("namespaces: [prod]", "namespaces: []"),
        ("'incident 9'", "' '"),
        (", until: '2026-06-01T13:00:00Z'", ""),
    ] {
        let text = permission(&whole.replace(from, to)).replace("HOST", world.registry.host());
        let read = unbroken_policy::PolicySet::parse(&text, world.folder(), crate::world::now());
        assert!(read.is_err(), "{to}");
    }
}

#[test]
fn before_the_policies_are_known_only_what_needs_none_comes_in() {
    let world = World::new();
    let image = world.push_signed("acme/app");
    let mut policies = world.policies(&(settings("exemptNamespaces: [kube-system]") + POLICY));
    policies.waiting_for = Some("the list of the cluster".to_owned());
    world.registry.forget_requests();
    let message = denied(&world.judge(&policies, &pod_of(&image)), 503, "undecided");
    assert!(message.contains("the list of the cluster"), "{message}");
    assert!(world.registry.requests().is_empty());
    // Else a cluster whose control plane starts would wait for a program that waits for it.
    let mut exempt = pod_of(&image);
    exempt["namespace"] = "kube-system".into();
    admitted(&world.judge(&policies, &exempt));
    admitted(&world.judge(&policies, &request("", "Pod", "DELETE", &json!(null))));
}

/// A denial that is certain is not said to be one that trying again may turn over.
#[test]
fn a_failure_that_is_certain_outweighs_what_is_undecided() {
    let world = World::new();
    let (unsigned, lost) = (world.push("acme/other"), world.push_signed("acme/lost"));
    world.registry.rule(|request| request.target.contains("lost").then(|| Reply::status(500)));
    let policies = world.policies(POLICY);
    denied(&world.judge(&policies, &pod_of(&lost)), 503, "undecided");
    let both = pod(&json!({"containers": [{"image": unsigned}, {"image": lost}]}));
    let answer = world.judge(&policies, &both);
    denied(&answer, 403, "link-missing");
    assert_eq!(annotation(&answer, "decision"), "deny");
}

#[test]
fn what_is_told_has_an_end_and_writes_to_no_terminal() {
    let world = World::new();
    let policies = world.policies(POLICY);
    let name = |number: usize| format!("acme/{}-{number}", "a".repeat(200));
    let containers: Vec<_> =
        (0..40).map(|number| json!({"image": world.push(&name(number))})).collect();
    let answer = world.judge(&policies, &pod(&json!({"containers": containers})));
    let message = denied(&answer, 403, "link-missing");
    assert!(message.len() <= 1024 && message.ends_with("Request 0b1e."), "{message}");
    let few = pod(
        &json!({"containers": [{"image": "A"}, {"image": "B"}, {"image": "C"}, {"image": "D"}, {"image": "E"}]}),
    );
    let message = denied(&world.judge(&policies, &few), 403, "image-name-invalid");
    assert!(message.contains("; and 2 more"), "{message}");
    let audited = world.policies(&format!("{POLICY}  mode: audit\n"));
    let told = annotation(
        &world.judge(&audited, &pod(&json!({"containers": containers}))),
        "not-enforced",
    );
    assert!(told.len() <= 1024 && told.len() > 1000, "{told}");
    let hostile = request("", "Pod\u{1b}[2J\u{202e}", "CREATE", &json!({}));
    let message = denied(&world.judge(&policies, &hostile), 403, "kind-unknown");
    assert!(!message.contains(['\u{1b}', '\u{202e}']), "{message:?}");
}

/// A builder that knows no manifest yet records the digest of the configuration, as docker names images.
#[test]
fn a_chain_may_name_the_image_by_its_configuration() {
    let world = World::new();
    let policies = world.policies(POLICY);
    let image = world.push("acme/app");
    let digest = image.split_once('@').unwrap().1;
    let manifest = world.registry.manifest("acme/app", digest).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    let config = manifest["config"]["digest"].as_str().unwrap().to_owned();
    world.attach(&image, |chain| {
        let recorded = unbroken_testkit::digest(&format!("{config}\n"));
        let recorded = recorded.iter().next().unwrap().hex().to_owned();
        chain.link("build").set("products/image-digest.txt/sha256", recorded);
    });
    admitted(&world.judge(&policies, &pod_of(&image)));
}
