//! A passphrase reaches nobody: no child, no file, no stream.

use std::os::unix::fs::PermissionsExt;

use crate::support::{Outcome, Sandbox, UNBROKEN, files_below};

const CANARY: &str = "CANARY-4f1d-in-a-coal-mine";
const VARIABLE: &str = "TEST_PASSPHRASE_OF_CANARY";

/// Makes an encrypted key, by way of the environment.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::of("source");
    let made = with_canary(&sandbox, &format!("key generate caged --passphrase-env {VARIABLE}"));
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    sandbox
}

fn with_canary(sandbox: &Sandbox, line: &str) -> Outcome {
    Outcome::of(sandbox.unbroken(line).env(VARIABLE, CANARY).output().unwrap())
}

fn assert_silent(sandbox: &Sandbox, outcome: &Outcome) {
    assert!(!outcome.stdout.contains(CANARY), "{}", outcome.stdout);
    assert!(!outcome.stderr.contains(CANARY), "{}", outcome.stderr);
    for file in files_below(sandbox.path()) {
        let bytes = std::fs::read(&file).unwrap();
        let there = bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes());
        assert!(!there, "{} holds the passphrase", file.display());
    }
}

#[test]
fn the_command_of_a_step_does_not_get_the_passphrase() {
    let sandbox = sandbox();
    sandbox.write(
        "spy.sh",
        "echo began; env; cat /proc/self/environ /proc/self/cmdline /proc/$PPID/cmdline | tr '\\0' '\\n'; \
         env > environment",
    );
    for record in ["", "--record-streams"] {
        let line =
            format!("run build --key caged --passphrase-env {VARIABLE} {record} -- sh spy.sh");
        let outcome = with_canary(&sandbox, &line);
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        assert!(outcome.stdout.contains("began") && outcome.stdout.contains("PATH="));
        assert!(sandbox.file("environment").is_file());
        assert_silent(&sandbox, &outcome);
    }
}

/// A child without privileges must not read the passphrase out of its parent's environment.
#[test]
fn the_command_of_a_step_cannot_read_the_environment_of_its_parent() {
    let sandbox = sandbox();
    let everybody = |name: &str, mode| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(sandbox.file(name), permissions).unwrap();
    };
    std::fs::copy(UNBROKEN, sandbox.file("program")).unwrap();
    everybody("", 0o777);
    everybody("program", 0o755);
    everybody("caged", 0o644);
    // Root reads everything: go on as nobody.
    let root = rustix::process::getuid().is_root();
    let mut command = sandbox.program(if root { "setpriv" } else { "env" });
    if root {
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    }
    let script = "cat /proc/$PPID/environ || echo refused";
    command.arg("./program").args(["run", "build", "--key", "caged", "--passphrase-env", VARIABLE]);
    command.args(["--", "sh", "-c", script]).env(VARIABLE, CANARY);
    let outcome = Outcome::of(command.output().unwrap());
    assert_eq!(outcome.stdout, "refused\n", "{}", outcome.stderr);
    assert!(!outcome.stderr.contains(CANARY));
}

#[test]
fn no_other_command_lets_the_passphrase_out() {
    let sandbox = sandbox();
    sandbox.write(
        "bare.link",
        r#"{"_type": "link", "name": "build", "command": [], "materials": {},
        "products": {}, "byproducts": {}, "environment": {}}"#,
    );
    for line in [
        "key show caged",
        "sign bare.link --key caged",
        "record start build --key caged --materials app.c",
        "record stop build --key caged --products app.c",
    ] {
        let outcome =
            with_canary(&sandbox, &format!("{line} --passphrase-env {VARIABLE} --verbose"));
        assert_eq!(outcome.code, Some(0), "{line}: {}", outcome.stderr);
        assert_silent(&sandbox, &outcome);
    }
}

#[test]
fn a_wrong_passphrase_is_not_repeated() {
    let sandbox = Sandbox::of("keys");
    let line = format!("key show test-key-encrypted --passphrase-env {VARIABLE}");
    let outcome = with_canary(&sandbox, &line);
    assert_eq!(outcome.code, Some(2));
    assert_silent(&sandbox, &outcome);
}

#[test]
fn a_private_key_is_never_shown() {
    let sandbox = Sandbox::of("keys");
    let pem = String::from_utf8(sandbox.read("test-key-ed25519")).unwrap();
    let secret = pem.lines().nth(1).unwrap();
    for line in [
        "key show test-key-ed25519",
        "key show test-key-ed25519 --format json",
        "key show test-key-ed25519 --format pem",
        "key show test-key-ed25519 --format layout",
        "inspect test-key-ed25519",
    ] {
        let outcome = sandbox.succeed(line);
        assert!(!outcome.stdout.contains(secret), "{line}: {}", outcome.stdout);
    }
}
