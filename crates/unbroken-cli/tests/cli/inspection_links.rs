//! Signed links of inspections: made by one who may run them, and taken by one who runs nothing.

use unbroken_testkit::registry::{Referrers, TestRegistry};

use crate::support::{Outcome, Sandbox};

/// A chain of one step with an inspection that the files of the product decide.
fn site(rules: &str) -> Sandbox {
    let sandbox = Sandbox::of("chain");
    let text = String::from_utf8(sandbox.read("bare.layout")).unwrap();
    let inspection = format!(
        r#""inspect": [ {{ "_type": "inspection", "name": "smoke", "run": [ "sh", "-c", "test -f app && test ! -e bad" ],
        "expected_materials": {rules}, "expected_products": [] }} ]"#
    );
    let changed = text.replacen(r#""inspect": []"#, &inspection, 1);
    assert_ne!(text, changed, "{text}");
    sandbox.write("bare.layout", &changed);
    sandbox.succeed("sign bare.layout --key test-owner --output root.layout");
    std::fs::create_dir(sandbox.file("out")).unwrap();
    std::fs::copy(sandbox.file("app"), sandbox.file("out/app")).unwrap();
    sandbox
}

const TIED: &str =
    r#"[ ["MATCH", "app", "WITH", "PRODUCTS", "FROM", "build"], ["DISALLOW", "*"] ]"#;
const LOOSE: &str = r#"[ ["ALLOW", "*"] ]"#;

fn verify(sandbox: &Sandbox, options: &str) -> Outcome {
    sandbox
        .run(&format!("verify -l root.layout -t test-owner.pub -d links --product out {options}"))
}

fn link(sandbox: &Sandbox) -> Option<String> {
    let names = std::fs::read_dir(sandbox.file("links")).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.into_iter().find(|name| name.starts_with("smoke."))
}

#[test]
fn what_one_inspected_another_one_need_not_run() {
    let sandbox = site(TIED);
    let without = verify(&sandbox, "--no-run-inspections");
    assert_eq!(without.code, Some(1));
    assert!(without.stdout.contains("inspection-not-run"), "{}", without.stdout);

    let made = verify(&sandbox, "--sign-inspections test-owner");
    assert_eq!(made.code, Some(0), "{}{}", made.stdout, made.stderr);
    let name = link(&sandbox).unwrap();
    assert!(made.stderr.contains(&format!("signed links/{name}")), "{}", made.stderr);
    assert!(
        String::from_utf8_lossy(&sandbox.read(&format!("links/{name}")))
            .contains("bound_layout_sha256")
    );

    let taken = verify(&sandbox, "--no-run-inspections");
    assert_eq!(taken.code, Some(0), "{}", taken.stdout);
    assert!(taken.stdout.contains(&format!("({name})")), "{}", taken.stdout);
    let json = verify(&sandbox, "--no-run-inspections --format json");
    assert!(json.stdout.contains("\"binding\": \"bound\""), "{}", json.stdout);

    // The product was changed since in a way that the rules would let pass or not.
    sandbox.write("out/bad", "");
    let other = verify(&sandbox, "--no-run-inspections");
    assert_eq!(other.code, Some(1));
    assert!(other.stdout.contains("error[inspection-link-refused]"), "{}", other.stdout);
    let run = verify(&sandbox, "");
    assert!(run.stdout.contains("inspection-failed"), "{}", run.stdout);
}

#[test]
fn links_of_inspections_go_by_the_key_ids_that_are_asked_for() {
    let sandbox = site(TIED);
    assert_eq!(verify(&sandbox, "--sign-inspections test-owner").code, Some(0));
    let usual = link(&sandbox).unwrap();
    std::fs::remove_file(sandbox.file(&format!("links/{usual}"))).unwrap();
    let legacy = "--sign-inspections test-owner --key-id-style legacy";
    assert_eq!(verify(&sandbox, legacy).code, Some(0));
    assert_ne!(link(&sandbox).unwrap(), usual);
    let taken = verify(&sandbox, "--no-run-inspections");
    assert_eq!(taken.code, Some(0), "{}", taken.stdout);
    assert_eq!(verify(&sandbox, "--key-id-style legacy").code, Some(2));
}

#[test]
fn the_verifier_names_who_inspects() {
    let sandbox = site(TIED);
    let options = "--no-run-inspections --inspector test-stranger.pub --inspector test-builder.pub";
    assert_eq!(verify(&sandbox, "--sign-inspections test-builder --dsse").code, Some(0));
    let refused = verify(&sandbox, "--no-run-inspections");
    assert_eq!(refused.code, Some(1));
    assert!(refused.stdout.contains("error[inspector-not-authorised]"), "{}", refused.stdout);
    let taken = verify(&sandbox, options);
    assert_eq!(taken.code, Some(0), "{}", taken.stdout);
    // By default it is run, and the link of a stranger is told.
    let run = verify(&sandbox, "");
    assert_eq!(run.code, Some(0));
    assert!(run.stdout.contains("warning[inspector-not-authorised]"), "{}", run.stdout);
}

#[test]
fn nothing_is_signed_of_a_chain_that_fails() {
    let sandbox = site(LOOSE);
    sandbox.write("out/bad", "");
    let failed = verify(&sandbox, "--sign-inspections test-owner");
    assert_eq!((failed.code, link(&sandbox)), (Some(1), None), "{}", failed.stdout);
    std::fs::remove_file(sandbox.file("out/bad")).unwrap();
    let digest = format!("sha256:{}", "ab".repeat(32));
    let other = verify(&sandbox, &format!("--sign-inspections test-owner --subject {digest}"));
    assert_eq!((other.code, link(&sandbox)), (Some(1), None), "{}", other.stdout);
    // A link that is there is looked at by nobody who signs: every inspection is run.
    assert_eq!(verify(&sandbox, "--sign-inspections test-owner").code, Some(0));
    sandbox.write("out/bad", "");
    assert_eq!(verify(&sandbox, "--sign-inspections test-owner").code, Some(1));
    let both = verify(&sandbox, "--sign-inspections test-owner --no-run-inspections");
    assert_eq!(both.code, Some(2));
}

#[test]
fn links_of_inspections_lie_beside_images_too() {
    for (rules, passes) in [(TIED, true), (LOOSE, false)] {
        let sandbox = site(rules);
        let client = TestRegistry::start(Referrers::Listed);
        client.put_image("app", "1.4", b"layer");
        let image = format!("{}/app:1.4", client.host());
        // The step records the image, so that the chain names it.
        let text = String::from_utf8(sandbox.read("bare.layout")).unwrap();
        let text =
            text.replacen(r#"["CREATE", "app"]"#, r#"["CREATE", "app"], ["ALLOW", "oci*"]"#, 1);
        sandbox.write("bare.layout", &text);
        sandbox.succeed("sign bare.layout --key test-owner --output root.layout");
        std::fs::remove_file(sandbox.file("app")).unwrap();
        sandbox.succeed(&format!(
            "run build --key test-builder -d links --materials app.c --products app app.c \
             --image-product {image} -- cp app.c app"
        ));
        std::fs::copy(sandbox.file("app"), sandbox.file("out/app")).unwrap();
        let made = verify(&sandbox, "--sign-inspections test-owner");
        assert_eq!(made.code, Some(0), "{}{}", made.stdout, made.stderr);
        for store in ["", "--store folder:evidence"] {
            sandbox.succeed(&format!("image attach {image} links {store}"));
        }
        for evidence in ["", "--evidence folder:evidence"] {
            let verdict = sandbox.run(&format!(
                "verify {image} -l root.layout -t test-owner.pub --no-run-inspections {evidence}"
            ));
            let code = if passes { Some(0) } else { Some(1) };
            assert_eq!(verdict.code, code, "{}{}", verdict.stdout, verdict.stderr);
            let told = verdict.stdout.contains("no product is at hand");
            assert_eq!(told, !passes, "{}", verdict.stdout);
        }
    }
}
