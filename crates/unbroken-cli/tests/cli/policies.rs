//! An image under the policies of a cluster: decided as admission would.

use std::path::Path;
use std::process::Command;

use unbroken_testkit::registry::{Referrers, TestRegistry};
use unbroken_testkit::skip;

use crate::images::chain;
use crate::support::{Outcome, Sandbox, UNBROKEN};

const HEAD: &str = "apiVersion: in-toto.io/v1alpha1\nkind: ";

/// A registry with an image that has its chain and one that has none, and policies for both.
struct World {
    registry: TestRegistry,
    sandbox: Sandbox,
    signed: String,
    bare: String,
}

impl World {
    fn new() -> Self {
        let registry = TestRegistry::start(Referrers::Listed);
        let host = registry.host();
        let signed = registry.put_image("acme/app", "1.4", b"layer");
        let bare = registry.put_image("acme/bare", "1", b"bare");
        let (signed, bare) =
            (format!("{host}/acme/app@{signed}"), format!("{host}/acme/bare@{bare}"));
        let sandbox = Sandbox::of("chain");
        chain(&sandbox, &format!("{host}/acme/app:1.4"));
        sandbox.succeed(&format!("image attach {signed} ."));
        Self { registry, sandbox, signed, bare }
    }

    fn policy(&self, name: &str, more: &str) -> String {
        let host = self.registry.host();
        format!(
            "{HEAD}ClusterSupplyChainPolicy\nmetadata: {{name: {name}}}\nspec:\n  images: ['{host}/acme/**']\n  \
             layout: {{file: root.layout}}\n  owners: [{{file: test-owner.pub}}]\n{more}---\n"
        )
    }

    fn decide(&self, policies: &str, arguments: &str) -> Outcome {
        self.sandbox.write("policies.yaml", policies);
        self.sandbox.run(&format!("verify --policy policies.yaml {arguments}"))
    }

    /// Expects an exit code of both programs, and words of what is said.
    fn expect(&self, policies: &str, arguments: &str, code: i32, said: &str) -> Outcome {
        let outcome = self.decide(policies, arguments);
        let Outcome { stdout, stderr, .. } = &outcome;
        assert_eq!(outcome.code, Some(code), "{policies}{stdout}{stderr}");
        assert!(stdout.contains(said) || stderr.contains(said), "{said}: {stdout}{stderr}");
        if let Some((admission, said)) = self.admission(arguments) {
            assert_eq!(admission, code, "admission differs: {policies}{said}{stdout}{stderr}");
        }
        outcome
    }

    /// What admission makes of the same image under the same policies; nothing, where its program, which
    /// `cargo test --workspace` builds beside this one, is not there.
    fn admission(&self, arguments: &str) -> Option<(i32, String)> {
        let program = Path::new(UNBROKEN).with_file_name("unbroken-webhook");
        if !program.is_file() {
            skip("cli::policies::admission", "unbroken-webhook is not built");
            return None;
        }
        let mut check = Command::new(program);
        check.current_dir(self.sandbox.path()).args(["check", "policies.yaml", "--image"]);
        let output = check.args(arguments.split(' ')).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        Some((output.status.code().unwrap(), String::from_utf8_lossy(&said).into_owned()))
    }
}

fn settings(spec: &str) -> String {
    format!("{HEAD}AdmissionSettings\nmetadata: {{name: settings}}\nspec: {{{spec}}}\n---\n")
}

#[test]
fn an_image_is_decided_on_as_admission_would() {
    let world = World::new();
    let (signed, bare) = (&world.signed, &world.bare);
    let acme = world.policy("acme", "");
    let outcome =
        world.expect(&acme, signed, 0, &format!("ADMIT {signed} in the namespace default"));
    assert!(outcome.stdout.starts_with("Policy acme\n"), "{}", outcome.stdout);
    world.expect(&acme, bare, 1, "link-missing");
    // What a mode makes of it.
    let warns = world.policy("acme", "  mode: warn\n");
    let outcome = world.expect(&warns, bare, 0, "Policy acme, which only warns");
    assert!(outcome.stdout.contains("link-missing"), "{}", outcome.stdout);
    world.expect(&world.policy("acme", "  mode: audit\n"), bare, 0, "which only audits");
    // All that match have to pass.
    let both = world.policy("strict", "  minLayoutVersion: 7\n") + &acme;
    world.expect(&both, signed, 1, "layout-replayed");
    // A tag may name another image later.
    let host = world.registry.host();
    let tag = format!("{host}/acme/app:1.4");
    world.expect(&acme, &tag, 1, "[image-by-tag]");
    world.expect(&(settings("tags: warn") + &acme), &tag, 0, "is a tag; sha256:");
    // What no policy is for.
    let other = signed.replace("acme/", "other/");
    world.expect(&acme, &other, 1, "[no-policy]");
    world.expect(&(settings("unmatched: warn") + &acme), &other, 0, "[no-policy]");
    world.expect(&(settings("unmatched: admit") + &acme), &other, 0, "ADMIT");
    // Namespaces.
    let prod = world.policy("acme", "  namespaces: [prod]\n");
    world.expect(&prod, signed, 1, "[no-policy]");
    world.expect(&prod, &format!("{signed} --namespace prod"), 0, "in the namespace prod");
    let labelled = world.policy("acme", "  namespaceSelector: {matchLabels: {env: prod}}\n");
    world.expect(&labelled, signed, 3, "labels of the namespace");
    // That of a namespace lets nothing in by itself.
    let of_one = |namespace: &str| {
        acme.replace("ClusterSupply", "Supply")
            .replace("acme}", &format!("own, namespace: {namespace}}}"))
    };
    world.expect(&of_one("default"), signed, 1, "[no-policy]");
    let delegated = settings("delegatedNamespaces: [default]") + &of_one("default");
    world.expect(&delegated, signed, 0, "Policy SupplyChainPolicy/default/own");
    world.expect(&(of_one("elsewhere") + &acme), signed, 0, "ADMIT");
    // Exceptions.
    let exempt = format!(
        "exemptions: [{{images: ['{host}/acme/bare'], reason: ticket 7, until: '2099-01-01T00:00:00Z'}}]"
    );
    world.expect(&(settings(&exempt) + &acme), bare, 0, "is exempt until 2099");
    world.expect(
        &(settings("exemptNamespaces: [default]") + &acme),
        bare,
        0,
        "leave the namespace out",
    );
}

#[test]
fn what_cannot_be_decided_or_used_is_no_admission() {
    let world = World::new();
    let (signed, acme) = (&world.signed, world.policy("acme", ""));
    for broken in ["owners: []", "owner: []", "threshold: 2", "owners: [{inline: no key}]"] {
        let text = match broken.split_once(':') {
            Some(("threshold", _)) => format!("{}  {broken}\n", acme.trim_end_matches("---\n")),
            _ => acme.replace("owners: [{file: test-owner.pub}]", broken),
        };
        world.expect(&text, signed, 1, "[policy-invalid]");
    }
    let elsewhere = acme.replace("{file: root.layout}", "{configMap: {name: a, key: b}}");
    world.expect(&elsewhere, signed, 3, "[undecided]");
    // A denial outweighs what is undecided.
    let both =
        elsewhere.replace("name: acme", "name: other") + &acme.replace("root.layout", "none");
    world.expect(&both, signed, 1, "[policy-invalid]");
    for (policies, arguments) in [
        ("{", signed.as_str()),
        (acme.as_str(), "folder:."),
        (acme.as_str(), ""),
        (acme.as_str(), &format!("{signed} --layout root.layout")),
        (acme.as_str(), &format!("{signed} --trust test-owner.pub")),
        (acme.as_str(), &format!("{signed} --pattern-dialect go")),
        (acme.as_str(), &format!("{signed} --namespace Prod")),
        (&acme.replace("ClusterSupply", "Supply"), signed),
        (&acme.replace("kind: Cluster", "kind: Other"), signed),
    ] {
        let outcome = world.decide(policies, arguments);
        assert_eq!(
            (outcome.code, &*outcome.stdout),
            (Some(2), ""),
            "{arguments} {}",
            outcome.stderr
        );
    }
    assert_eq!(world.sandbox.run(&format!("verify {signed} --namespace prod")).code, Some(2));
    let World { registry, sandbox, signed, .. } = world;
    drop(registry);
    let outcome = sandbox.run(&format!("verify --policy policies.yaml {signed}"));
    assert_eq!(outcome.code, Some(2), "the last policies are none: {}", outcome.stderr);
    sandbox.write("policies.yaml", &acme);
    let outcome = sandbox.run(&format!("verify --policy policies.yaml {signed}"));
    assert_eq!(outcome.code, Some(3), "{}{}", outcome.stdout, outcome.stderr);
    assert!(outcome.stderr.contains("[undecided]"), "{}", outcome.stderr);
}

#[test]
fn a_decision_is_written_in_all_forms() {
    let world = World::new();
    let policies = world.policy("acme", "") + &world.policy("soft", "  mode: warn\n");
    let decide =
        |image: &str, format: &str| world.decide(&policies, &format!("{image} --format {format}"));
    let json = |image: &str, format: &str| -> serde_json::Value {
        serde_json::from_str(&decide(image, format).stdout).unwrap()
    };
    for (image, decision, passed) in [(&world.signed, "admit", true), (&world.bare, "deny", false)]
    {
        let document = json(image, "json");
        assert_eq!(
            (&document["decision"], &document["image"]),
            (&decision.into(), &image.as_str().into())
        );
        for (index, (policy, mode)) in
            [("acme", "enforce"), ("soft", "warn")].into_iter().enumerate()
        {
            let judgement = &document["judgements"][index];
            assert_eq!((&judgement["policy"], &judgement["mode"]), (&policy.into(), &mode.into()));
            assert_eq!(judgement["passed"], passed);
            let verdict = if passed { "verified" } else { "rejected" };
            assert_eq!(judgement["report"]["verdict"], verdict);
        }
        // A run for each policy; what is only told is a warning.
        let log = json(image, "sarif");
        let levels = |run: usize| -> Vec<&serde_json::Value> {
            let results = log["runs"][run]["results"].as_array().unwrap();
            results.iter().map(|result| &result["level"]).collect()
        };
        assert_eq!(log["runs"].as_array().unwrap().len(), 2);
        assert_eq!(
            (levels(0).contains(&&"error".into()), levels(1).contains(&&"error".into())),
            (!passed, false)
        );
        let junit = decide(image, "junit").stdout;
        assert!(
            junit.contains("policies.yaml#acme: layout")
                && junit.contains("policies.yaml#soft: layout"),
            "{junit}"
        );
        let soft = junit.split("policies.yaml#soft: ").skip(1).collect::<String>();
        assert_eq!((junit.contains("<failure"), soft.contains("<failure")), (!passed, false));
    }
    // What was not judged has no place in these two.
    let broken = world.policy("broken", "  unknown: 1\n") + &policies;
    for format in ["sarif", "junit"] {
        let outcome = world.decide(&broken, &format!("{} --format {format}", world.signed));
        assert_eq!((outcome.code, &*outcome.stdout), (Some(1), ""), "{format}");
    }
    let outcome = world.decide(&broken, &format!("{} --format json", world.signed));
    let document: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!((outcome.code, &document["decision"]), (Some(1), &"deny".into()));
    assert_eq!(document["judgements"][0]["refused"]["code"], "policy-invalid");
}
