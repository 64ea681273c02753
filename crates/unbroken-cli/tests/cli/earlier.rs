//! A functionary verifies before he works: materials that differ from earlier links stop the step
//! before anything is run or written.

use crate::support::{Outcome, Sandbox, files_below};

const COMMAND: &str = "-- touch ran";

/// The digest of app.c, and of app, which is a copy of it.
const HANDED_OVER: &str = "2ad75d95660563887d8d3f1d0ae1dcf18c2379cbd83a5c72f5ab276351ee6949";

/// A folder in which the step build was done, and its functionary's keys lie.
fn built() -> Sandbox {
    Sandbox::of("chain")
}

fn package(sandbox: &Sandbox, options: &str) -> Outcome {
    let line = format!("run package --key test-owner --materials app app.c {options} {COMMAND}");
    sandbox.run(&line)
}

/// Nothing was run, and nothing was written.
fn assert_not_begun(sandbox: &Sandbox, before: &[std::path::PathBuf], outcome: &Outcome) {
    assert_eq!(outcome.stdout, "");
    assert_eq!(files_below(sandbox.path()), before, "{}", outcome.stderr);
}

#[test]
fn materials_as_handed_over_are_worked_on() {
    for links in ["links/build.b45c9cd0.link", "links"] {
        let sandbox = built();
        let options = format!("--verify-materials {links} --functionary test-builder.pub");
        let outcome = package(&sandbox, &options);
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        assert!(outcome.stderr.starts_with("2 materials as told by 1 earlier link\n"));
        assert!(sandbox.file("ran").is_file());
        let link = String::from_utf8(sandbox.read("package.bffc1f86.link")).unwrap();
        assert!(link.contains(HANDED_OVER), "{link}");
    }
}

#[test]
fn a_material_that_was_changed_stops_the_step_and_is_told_with_both_digests() {
    let sandbox = built();
    sandbox.write("app.c", "int main() { return steal(); }\n");
    let before = files_below(sandbox.path());
    for verb in ["run", "record start"] {
        let command = if verb == "run" { COMMAND } else { "" };
        let outcome = sandbox.run(&format!(
            "{verb} package --key test-owner --materials app app.c \
             --verify-materials links --functionary test-builder.pub {command}"
        ));
        assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
        assert_not_begun(&sandbox, &before, &outcome);
        for due in [
            "[rule-disallow] package: app.c changed between build and package",
            &format!("products of build: sha256:{HANDED_OVER}"),
            "here: sha256:c8e20566e04864ae4ac3d14941851edb6bd7796ed2d7b647e19493a9de40be8f",
            "the step package was not begun",
        ] {
            assert!(outcome.stderr.contains(due), "{due}: {}", outcome.stderr);
        }
    }
}

#[test]
fn a_material_that_nobody_handed_over_stops_the_step() {
    let sandbox = built();
    sandbox.write("backdoor.c", "");
    let before = files_below(sandbox.path());
    let outcome = sandbox.run(
        "run package --key test-owner -m app backdoor.c --verify-materials links \
         --functionary test-builder.pub -- touch ran",
    );
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.stderr.contains("package would use backdoor.c"), "{}", outcome.stderr);
    assert_not_begun(&sandbox, &before, &outcome);
}

#[test]
fn links_prove_nothing_unless_a_functionary_signed_them() {
    let sandbox = built();
    let bare = r#"{"signed": {"_type": "link", "name": "build", "command": [], "materials": {},
        "products": {"app": {"sha256": "DIGEST"}, "app.c": {"sha256": "DIGEST"}},
        "byproducts": {}, "environment": {}}, "signatures": []}"#;
    sandbox.write("unsigned.link", &bare.replace("DIGEST", HANDED_OVER));
    let before = files_below(sandbox.path());
    for (options, code) in [
        // Nobody said who may sign.
        ("--verify-materials links", 2),
        // Somebody else signed; the text was changed after it was signed; nobody signed.
        ("--verify-materials links-stranger --functionary test-builder.pub", 1),
        ("--verify-materials links --functionary test-stranger.pub", 1),
        ("--verify-materials links-changed --functionary test-builder.pub", 1),
        ("--verify-materials unsigned.link --functionary test-builder.pub", 1),
        // One good link beside them changes nothing.
        (
            "--verify-materials links --verify-materials unsigned.link --functionary test-builder.pub",
            1,
        ),
        // No evidence at all, or none that can be read.
        ("--verify-materials links-none --functionary test-builder.pub", 1),
        ("--verify-materials app --functionary test-builder.pub", 1),
        ("--verify-materials root.layout --functionary test-owner.pub", 1),
        ("--verify-materials nowhere.link --functionary test-builder.pub", 3),
        ("--verify-materials links --functionary nobody.pub", 3),
        // Options that would mean nothing alone.
        ("--functionary test-builder.pub", 2),
        ("--dangerously-trust-unsigned-links", 2),
        (
            "--verify-materials links --functionary test-builder.pub --dangerously-trust-unsigned-links",
            2,
        ),
    ] {
        let outcome = package(&sandbox, options);
        assert_eq!(outcome.code, Some(code), "{options}: {}", outcome.stderr);
        assert_not_begun(&sandbox, &before, &outcome);
    }
    let line = "--verify-materials unsigned.link --dangerously-trust-unsigned-links";
    assert_eq!(package(&sandbox, line).code, Some(0));
}

#[test]
fn to_verify_no_material_is_a_slip() {
    let sandbox = built();
    let outcome = sandbox.run(
        "run package --key test-owner --verify-materials links --functionary test-builder.pub \
         -- touch ran",
    );
    assert_eq!(outcome.code, Some(2));
    assert!(!sandbox.file("ran").exists());
}

#[test]
fn an_earlier_run_of_the_step_itself_vouches_for_nothing() {
    let sandbox = built();
    let before = files_below(sandbox.path());
    let outcome = sandbox.run(
        "run build --key test-owner -m app.c --verify-materials links \
         --functionary test-builder.pub -- touch ran",
    );
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("there is no link of an earlier step in links"));
    assert_not_begun(&sandbox, &before, &outcome);
}

#[test]
fn what_an_earlier_step_used_can_be_what_is_handed_over() {
    let sandbox = built();
    let line = |side: &str| {
        format!(
            "run test --key test-owner -m {side} --verify-materials links \
             --verify-materials-against materials --functionary test-builder.pub -- true"
        )
    };
    assert_eq!(sandbox.run(&line("app.c")).code, Some(0));
    assert_eq!(sandbox.run(&line("app")).code, Some(1), "app is a product alone");
}

/// A folder with a layout of two steps, of which the first is done; the second may use what the first left.
fn laid_out() -> Sandbox {
    let sandbox = built();
    let layout = String::from_utf8(sandbox.read("bare.layout")).unwrap();
    let second = r#"{"_type": "step", "name": "package", "pubkeys": ["b45c9cd0c7b49cd08cb9530eb997dc9d07535f2ce0c312ddb3eca80b8dc44640"],
        "threshold": 1, "expected_command": [], "expected_products": [["ALLOW", "*"]],
        "expected_materials": [["MATCH", "app", "WITH", "PRODUCTS", "FROM", "build"], ["DISALLOW", "*"]]}"#;
    let (steps, rest) = layout.split_at(layout.rfind("],").unwrap());
    sandbox.write("two.layout", &format!("{steps}, {second}{rest}"));
    sandbox.succeed("sign two.layout --key test-owner");
    sandbox
}

#[test]
fn what_a_layout_lets_a_step_use_is_worked_on_and_nothing_else() {
    let layout = "--layout two.layout --trust test-owner.pub";
    let line = |materials: &str, links: &str, options: &str| {
        format!(
            "run package --key test-builder -m {materials} --verify-materials {links} {options} {COMMAND}"
        )
    };
    let sandbox = laid_out();
    let begun = sandbox.run(&line("app", "links", layout));
    assert_eq!(begun.code, Some(0), "{}", begun.stderr);
    assert!(begun.stderr.contains("1 material as two.layout has it for package\n"));
    assert!(sandbox.file("ran").is_file());

    let sandbox = laid_out();
    let before = files_below(sandbox.path());
    for (line, said) in [
        // The link of build names app.c, and the layout does not hand it over.
        (line("app app.c", "links", layout), "[rule-disallow] package: package uses app.c"),
        // The earlier step is not done as the layout has it.
        (line("app", "links-none", layout), "[link-missing] build"),
        (line("app", "links-stranger", layout), "[link-threshold-not-met] build"),
        (line("app", "links-changed", layout), "[link-threshold-not-met] build"),
        (line("app", "links-extra", layout), "[rule-disallow] build"),
        // The layout is another's.
        (
            line("app", "links", "--layout two.layout --trust test-stranger.pub"),
            "[signature-threshold-not-met]",
        ),
    ] {
        let refused = sandbox.run(&line);
        assert_eq!(refused.code, Some(1), "{line}: {}", refused.stderr);
        assert!(refused.stderr.contains(said), "{line}: {}", refused.stderr);
        assert!(refused.stderr.contains("the step package was not begun"), "{}", refused.stderr);
        assert_not_begun(&sandbox, &before, &refused);
    }
    for options in [
        "--layout two.layout",
        "--trust test-owner.pub",
        "--layout two.layout --trust test-owner.pub --functionary test-builder.pub",
        "--layout two.layout --trust test-owner.pub --dangerously-trust-unsigned-links",
        "--layout two.layout --trust test-owner.pub --verify-materials-against materials",
        "--layout two.layout --trust test-owner.pub --verify-materials links-none",
        "--layout root.layout --trust test-owner.pub",
        "--functionary test-builder.pub --parameter a=b",
    ] {
        let slip = sandbox.run(&line("app", "links", options));
        assert_eq!(slip.code, Some(2), "{options}: {}", slip.stderr);
        assert_not_begun(&sandbox, &before, &slip);
    }
    let slip = sandbox.run(&line("app", "links/build.b45c9cd0.link", layout));
    assert_eq!(slip.code, Some(2), "{}", slip.stderr);
    let missing = sandbox.run(&line("app", "links", "--layout no.layout --trust test-owner.pub"));
    assert_eq!(missing.code, Some(3), "{}", missing.stderr);
    assert_not_begun(&sandbox, &before, &missing);

    sandbox.write("app", "changed");
    let start = line("app", "links", layout).replace("run", "record start").replace(COMMAND, "");
    let refused = sandbox.run(&start);
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    assert!(refused.stderr.contains("app changed between build and package"), "{}", refused.stderr);
    assert_not_begun(&sandbox, &before, &refused);
}
