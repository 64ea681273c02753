//! A bit that is set on a file between two steps (GHSA-wqrg-wjp9-wqfq), and a link that is turned
//! elsewhere, under the ordinary rules of a layout.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::{Outcome, Sandbox};

/// A source with a program and a link in it, and a layout: what checkout left is what build uses.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::of("keys");
    std::fs::create_dir(sandbox.file("src")).unwrap();
    sandbox.write("src/app", "#!/bin/sh\n");
    mode(&sandbox, 0o644);
    std::os::unix::fs::symlink("app", sandbox.file("src/current")).unwrap();
    let key = sandbox.succeed("key show test-key-ed25519.pub --format layout").stdout;
    let id = sandbox.succeed("key show test-key-ed25519.pub --format id").stdout;
    let step = |name: &str, materials: &str, products: &str| {
        format!(
            r#"{{ "_type": "step", "name": "{name}", "threshold": 1, "pubkeys": ["{}"],
            "expected_command": [], "expected_materials": [{materials} ["DISALLOW", "*"]],
            "expected_products": [{products} ["DISALLOW", "*"]] }}"#,
            id.trim()
        )
    };
    let build = r#"["MATCH", "*", "WITH", "PRODUCTS", "FROM", "checkout"],"#;
    let layout = format!(
        r#"{{ "_type": "layout", "expires": "2030-01-01T00:00:00Z", "readme": "",
        "keys": {{ {key} }}, "inspect": [], "steps": [{}, {}] }}"#,
        step("checkout", "", r#"["CREATE", "*"],"#),
        step("build", build, ""),
    );
    sandbox.write("root.layout", &layout);
    sandbox.succeed("sign root.layout --key test-key-ed25519");
    sandbox
}

/// Something that is done to the source between two steps.
type Change = fn(&Sandbox);

fn mode(sandbox: &Sandbox, mode: u32) {
    let permissions = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(sandbox.file("src/app"), permissions).unwrap();
}

fn record(sandbox: &Sandbox, step: &str, options: &str) {
    sandbox.succeed(&format!("run {step} --key test-key-ed25519 {options}"));
}

/// Verifies, and lets the reference do so too, where it is there: the rules are ordinary ones.
fn verified(sandbox: &Sandbox) -> Outcome {
    let ours = sandbox.run(
        "verify --layout root.layout --trust test-key-ed25519.pub --at 2026-01-01T00:00:00Z -v",
    );
    if let Some(python) = std::env::var_os("UNBROKEN_TEST_PYTHON") {
        let reference = Path::new(&python).with_file_name("in-toto-verify");
        let mut command = sandbox.program(reference);
        command.args(["--layout", "root.layout", "--verification-keys", "test-key-ed25519.pub"]);
        let theirs = command.output().unwrap();
        assert_eq!(theirs.status.code(), ours.code, "{}", ours.stdout);
    }
    ours
}

#[test]
fn a_changed_mode_or_target_is_seen_where_metadata_is_recorded() {
    let changes: [(&str, Change); 3] = [
        ("mode:src/app", |sandbox| mode(sandbox, 0o4755)),
        ("mode:src/app", |sandbox| mode(sandbox, 0o744)),
        ("symlink:src/current", |sandbox| {
            std::fs::write(sandbox.file("src/copy"), "#!/bin/sh\n").unwrap();
            std::fs::remove_file(sandbox.file("src/current")).unwrap();
            std::os::unix::fs::symlink("copy", sandbox.file("src/current")).unwrap();
        }),
    ];
    for (artifact, change) in changes {
        for (options, code) in [("--record-metadata", 1), ("", 0)] {
            let sandbox = sandbox();
            record(&sandbox, "checkout", &format!("-p src/app src/current {options}"));
            record(&sandbox, "build", &format!("-m src/app src/current {options}"));
            let outcome = verified(&sandbox);
            assert_eq!(outcome.code, Some(0), "{options}: {}", outcome.stdout);

            change(&sandbox);
            record(&sandbox, "build", &format!("-m src/app src/current {options}"));
            let outcome = verified(&sandbox);
            assert_eq!(outcome.code, Some(code), "{artifact} {options}: {}", outcome.stdout);
            let told =
                format!("error[rule-disallow]: {artifact} changed between checkout and build");
            assert_eq!(outcome.stdout.contains(&told), code == 1, "{}", outcome.stdout);
        }
    }
}

#[test]
fn a_changed_mode_stops_a_step_that_looks_first() {
    let sandbox = sandbox();
    record(&sandbox, "checkout", "-p src --record-metadata");
    mode(&sandbox, 0o4755);
    let outcome = sandbox.run(
        "run build --key test-key-ed25519 -m src --record-metadata --verify-materials . \
         --functionary test-key-ed25519.pub -- touch ran",
    );
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("mode:src/app changed between checkout and build"));
    assert!(!sandbox.file("ran").exists());
}
