//! Faults that other admission controllers had, each as a test of this one.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use unbroken_oci::reference::Reference;
use unbroken_policy::pattern::{ImagePattern, NamePattern};
use unbroken_testkit::{Draft, Random, keys, link};
use unbroken_webhook::mutation::pin_tags;
use unbroken_webhook::review::{Change, Verdict};

use crate::entries::Nobody;
use crate::world::{POLICY, World, admitted, denied, now, pod, pod_of, read, request, settings};

/// The kinds of Kubernetes that have a pod in them, and where it stands.
const TEMPLATES: [(&str, &str, &[&str]); 8] = [
    ("", "PodTemplate", &["template"]),
    ("", "ReplicationController", &["spec", "template"]),
    ("apps", "DaemonSet", &["spec", "template"]),
    ("apps", "Deployment", &["spec", "template"]),
    ("apps", "ReplicaSet", &["spec", "template"]),
    ("apps", "StatefulSet", &["spec", "template"]),
    ("batch", "CronJob", &["spec", "jobTemplate", "spec", "template"]),
    ("batch", "Job", &["spec", "template"]),
];

/// CVE-2022-35930, CVE-2022-35929: something that is signed well stood in for what was asked.
#[test]
fn evidence_that_is_valid_for_something_else_is_none() {
    let world = World::new();
    let policies = world.policies(POLICY);
    let attached = |name: &str, change: &dyn Fn(&mut unbroken_testkit::Chain)| {
        let image = world.push(name);
        world.attach(&image, |chain| change(chain));
        world.judge(&policies, &pod_of(&image))
    };
    let scan_alone = attached("acme/scan-alone", &|chain| {
        drop(chain.take(&keys::stem("checkout", "developer")));
        drop(chain.take(&keys::stem("build", "builder")));
    });
    denied(&scan_alone, 403, "link-missing");
    // A good link of another step, under the name that is looked for, by the one who may sign that step.
    let other_step = attached("acme/other-step", &|chain| {
        let made = link("scan", &[], &[("src/main.c", "int main(void) { return 0; }\n")]);
        chain.put(keys::stem("checkout", "developer"), Draft::of(&made).signed_by("developer"));
    });
    denied(&other_step, 403, "link-name-mismatch");
    // A statement about something else, signed by the one who may sign the step.
    let other_type = attached("acme/other-type", &|chain| {
        let mut statement = chain.link("build").clone().dsse();
        statement.set_json("_type", r#""https://in-toto.io/Statement/v1""#);
        statement.set_json("predicateType", r#""https://slsa.dev/provenance/v1""#);
        chain.put(keys::stem("build", "builder"), statement);
    });
    denied(&other_type, 403, "link-missing");
}

/// CVE-2022-47633: what was verified was not what was written into the object.
#[test]
fn the_digest_that_is_written_is_the_one_that_is_verified() {
    let world = World::new();
    let policies = world.policies(POLICY);
    let good = world.push_signed("acme/app");
    let (repository, digest) = good.split_once('@').unwrap();
    let evil = world.registry.put_image("acme/app", "evil", b"evil");
    let evil = world.registry.manifest("acme/app", &evil).unwrap();
    // The tag names the good image once, and another one from then on.
    let seen = std::sync::atomic::AtomicUsize::new(0);
    world.registry.rule(move |request| {
        let of_tag = request.target.ends_with("/manifests/1");
        (of_tag && seen.fetch_add(1, std::sync::atomic::Ordering::Relaxed) > 0).then(|| {
            unbroken_testkit::registry::Reply::ok(
                unbroken_testkit::registry::MANIFEST,
                evil.clone(),
            )
        })
    });
    world.registry.forget_requests();
    let asked = pod(&json!({"containers": [
        {"name": "a", "image": format!("{repository}:1")},
        {"name": "b", "image": format!("{repository}:1")},
    ]}));
    let answer = pin_tags(&read(&asked), &policies, now().into(), &world.verifier());
    let Verdict::Allowed(changes) = &answer.verdict else { panic!("{answer:?}") };
    let mut object = asked["object"].clone();
    for Change { pointer, to, .. } in changes {
        assert_eq!(*to, format!("{repository}:1@{digest}"));
        *object.pointer_mut(pointer).unwrap() = to.clone().into();
    }
    assert_eq!(changes.len(), 2);
    let of_tag = || {
        let requests = world.registry.requests();
        requests.iter().filter(|request| request.target.ends_with("/manifests/1")).count()
    };
    assert_eq!(of_tag(), 1, "one look for both");
    let mut pinned = asked;
    pinned["object"] = object;
    let answer = world.judge(&policies, &pinned);
    admitted(&answer);
    assert!(answer.annotations.get("digests").unwrap().contains(digest), "{answer:?}");
    assert_eq!(of_tag(), 1, "the digest is verified, and the tag not asked again");
}

/// CVE-2023-33191: what was asked of a pod was not asked of a controller with the same pod in it.
#[test]
fn a_template_is_judged_as_its_pod_would_be() {
    let world = World::new();
    let policies = world.policies(POLICY);
    let (signed, unsigned) = (world.push_signed("acme/app"), world.push("acme/bare"));
    let app = json!([{"name": "app", "image": signed}]);
    for spec in [
        json!({"containers": app}),
        json!({"containers": [{"name": "app", "image": unsigned}]}),
        json!({"containers": app, "initContainers": [{"name": "i", "image": unsigned}]}),
        json!({"containers": app, "ephemeralContainers": [{"name": "e", "image": unsigned}]}),
        json!({"containers": app, "volumes": [{"name": "v", "image": {"reference": unsigned}}]}),
        json!({"containers": [{"name": "app"}]}),
        json!({"containers": [{"name": "app", "image": "UPPER"}]}),
        json!({"containers": "none"}),
        json!({}),
    ] {
        let verdict = |request: &Value| {
            let answer = world.judge(&policies, request);
            let codes = answer.annotations.get("codes").cloned();
            (matches!(answer.verdict, Verdict::Allowed(_)), codes)
        };
        let of_pod = verdict(&pod(&spec));
        for (group, kind, members) in TEMPLATES {
            let template = json!({"spec": spec, "metadata": {"labels": {"a": "b"}}});
            let inner = |inner, name: &&str| json!({ *name: inner });
            let object = members.iter().rev().fold(template, inner);
            assert_eq!(verdict(&request(group, kind, "CREATE", &object)), of_pod, "{kind} {spec}");
        }
    }
}

/// Portieris: nothing was asked of what had no replicas, and then it was scaled.
#[test]
fn what_has_no_replicas_yet_is_judged() {
    let world = World::new();
    let policies = world.policies(POLICY);
    let image = world.push("acme/app");
    for kind in ["Deployment", "ReplicaSet", "StatefulSet"] {
        let template = json!({"spec": {"containers": [{"image": image}]}});
        let object = json!({"spec": {"replicas": 0, "paused": true, "template": template}});
        let answer = world.judge(&policies, &request("apps", kind, "CREATE", &object));
        denied(&answer, 403, "link-missing");
    }
    let template = json!({"spec": {"template": {"spec": {"containers": [{"image": image}]}}}});
    let object = json!({"spec": {"suspend": true, "jobTemplate": template}});
    let suspended = world.judge(&policies, &request("batch", "CronJob", "CREATE", &object));
    denied(&suspended, 403, "link-missing");
}

/// CVE-2024-48921: whoever could write into some namespace could make an exception.
#[test]
fn an_exception_is_a_matter_of_the_settings_alone() {
    let world = World::new();
    let image = world.push("acme/app");
    let exemption =
        "exemptions: [{images: [HOST/acme/app], reason: r, until: '2030-01-01T00:00:00Z'}]";
    admitted(&world.judge(&world.policies(&(settings(exemption) + POLICY)), &pod_of(&image)));
    let in_policy = world.policies(&format!("{POLICY}  {exemption}\n"));
    denied(&world.judge(&in_policy, &pod_of(&image)), 403, "policy-invalid");
    for kind in ["PolicyException", "SupplyChainPolicy", "Exemption", "admissionsettings"] {
        let text = settings(exemption).replace("AdmissionSettings", kind) + POLICY;
        assert!(world.read_policies(&text).is_err(), "{kind}");
    }
}

/// GHSA-gg4x-fgg2-h9w9: two exceptions together let in what neither would.
#[test]
fn an_exception_for_one_image_changes_no_other() {
    let world = World::new();
    let images =
        ["a/x", "a/y", "b/x", "b/y", "a/x/deep"].map(|path| format!("registry.example/{path}"));
    let patterns =
        ["a/x", "a/*", "b/y", "*/x", "b/**"].map(|path| format!("registry.example/{path}"));
    let namespaces = ["prod", "dev", "'*'", "'pro*'"];
    let policy = POLICY.replace("HOST/acme/**", "registry.example/**");
    let exemption = |pattern: &str, namespace: &str| {
        format!(
            "{{images: ['{pattern}'], namespaces: [{namespace}], reason: r, until: '2030-01-01T00:00:00Z'}}"
        )
    };
    let judge = |exemptions: &[String], image: &str| {
        let text = settings(&format!("exemptions: [{}]", exemptions.join(", "))) + &policy;
        let asked = read(&pod_of(&format!("{image}@sha256:{}", "a".repeat(64))));
        let set = world.policies(&text);
        let ruling = unbroken_webhook::admission::judge(&asked, &set, now(), &Nobody);
        matches!(ruling.decision, unbroken_webhook::decision::Decision::Admit(_))
    };
    let (mut changed, mut kept) = (0, 0);
    for seed in 0..150 {
        let mut random = Random::new(seed);
        let mut draw = || {
            let (pattern, namespace) = (random.pick(&patterns).clone(), *random.pick(&namespaces));
            (exemption(&pattern, namespace), pattern, namespace)
        };
        let before: Vec<String> = (0..2).map(|_| draw().0).collect();
        let (added, pattern, namespace) = draw();
        let after = [before.clone(), vec![added]].concat();
        let covers: ImagePattern = pattern.parse().unwrap();
        let of_prod = namespace.trim_matches('\'').parse::<NamePattern>().unwrap().matches("prod");
        for image in &images {
            let (was, is) = (judge(&before, image), judge(&after, image));
            let covered = of_prod && covers.matches(&image.parse().unwrap());
            assert_eq!(is, was || covered, "{seed} {image} {after:?}");
            changed += usize::from(is != was);
            kept += usize::from(is == was);
        }
    }
    assert!(changed > 50 && kept > 200, "{changed} {kept}");
}

/// CVE-2025-24376: objects that are none of its business were changed.
#[test]
fn what_is_no_workload_is_never_changed() {
    let world = World::new();
    let policies = world.policies(POLICY);
    let tag = format!("{}:1", world.repository("acme/app"));
    drop(world.push_signed("acme/app"));
    for (group, kind) in [
        ("", "ConfigMap"),
        ("", "Secret"),
        ("wgpolicyk8s.io", "PolicyReport"),
        ("in-toto.io", "ClusterSupplyChainPolicy"),
        ("apps", "ControllerRevision"),
    ] {
        let spec = json!({"containers": [{"image": tag}]});
        let object = json!({"spec": {"containers": [{"image": tag}], "template": {"spec": spec}}});
        let asked = read(&request(group, kind, "CREATE", &object));
        let answer = pin_tags(&asked, &policies, now().into(), &world.verifier());
        admitted(&answer);
        assert!(
            world.judge(&policies, &request(group, kind, "CREATE", &object)).annotations["codes"]
                == "kind-unknown"
        );
    }
}

/// CVE-2025-24784, CVE-2026-29773: answers told of what was none of the asker's business.
#[test]
fn a_denial_tells_nothing_of_other_policies_namespaces_or_secrets() {
    let world = World::new();
    let image = world.push("acme/app");
    let secret = keys::key("owner").to_pkcs8_pem(None).unwrap();
    let in_policy = json!({ "inline": *secret }).to_string();
    let other = POLICY
        .replace("name: acme", "name: canary-policy")
        .replace("acme/**", "canary/**")
        .replace("{file: owner.pub}", "{file: canary.pub}");
    let exemption = "exemptions: [{images: [HOST/canary/x], namespaces: [canary-team], reason: canary, until: '2030-01-01T00:00:00Z'}], exemptNamespaces: [canary-system]";
    let policies = world.policies(
        &(settings(exemption) + POLICY + "  namespaces: [prod, canary-team]\n---" + &other),
    );
    let unreadable = world.policies(&POLICY.replace("{file: owner.pub}", &in_policy));
    for answer in [
        world.judge(&policies, &pod_of(&image)),
        world.judge(&policies, &pod_of(&image.replace("acme", "elsewhere"))),
        world.judge(&unreadable, &pod_of(&image)),
    ] {
        assert!(matches!(answer.verdict, Verdict::Denied { .. }), "{answer:?}");
        let told = answer.to_json("u").to_string();
        let key = secret.lines().nth(1).unwrap();
        assert!(
            !told.contains("canary") && !told.contains(key) && !told.contains("PRIVATE"),
            "{told}"
        );
    }
    // Nor does it repeat what the object has in other places than its images.
    let mut asked = pod_of(&image);
    asked["object"]["spec"]["containers"][0]["env"] = json!([{"name": "TOKEN", "value": "canary"}]);
    asked["object"]["metadata"]["annotations"] = json!({"canary": "canary"});
    asked["userInfo"] = json!({"username": "canary"});
    let told = world.judge(&policies, &asked).to_json("u").to_string();
    assert!(!told.contains("canary"), "{told}");
}

/// CVE-2023-7279, CVE-2025-47281: a pattern that goes back over its text takes time without bound.
#[test]
fn a_pattern_takes_no_longer_for_a_name_that_nearly_fits() {
    let word = "a".repeat(200);
    let pattern: ImagePattern = format!("registry.example/{}b", "a*".repeat(100)).parse().unwrap();
    let image: Reference = format!("registry.example/{word}").parse().unwrap();
    let begin = Instant::now();
    for _ in 0..1000 {
        assert!(!pattern.matches(image.repository()));
    }
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    // A name of a hundred kilobytes is none, and that is told at once.
    let long = "a".repeat(100_000);
    let begin = Instant::now();
    let name: NamePattern = "*a*a*a*a*a*b".parse().unwrap();
    assert!(!name.matches(&long) && long.parse::<Reference>().is_err());
    assert!(format!("x/{long}/{long}:{long}@{long}").parse::<Reference>().is_err());
    assert!(begin.elapsed() < Duration::from_millis(500), "{:?}", begin.elapsed());
}

/// RUSTSEC-2026-0098, -0099, -0104 and -0258: what is linked in has them mended.
#[test]
fn what_is_linked_in_has_its_own_advisories_mended() {
    let lock = include_str!("../../../../Cargo.lock");
    let version = |name: &str| -> Vec<(u32, u32, u32)> {
        let header = format!("name = \"{name}\"\nversion = \"");
        let versions = lock.split(&header).skip(1).map(|rest| {
            let text = rest.split('"').next().unwrap();
            let mut numbers = text.split(['.', '-']).map(|number| number.parse().unwrap());
            (numbers.next().unwrap(), numbers.next().unwrap(), numbers.next().unwrap())
        });
        versions.collect()
    };
    for (name, least) in [("rustls-webpki", (0, 103, 13)), ("h2", (0, 4, 16))] {
        let found = version(name);
        assert!(!found.is_empty() && found.iter().all(|it| *it >= least), "{name} {found:?}");
    }
}
