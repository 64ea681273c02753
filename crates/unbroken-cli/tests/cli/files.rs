//! What is written, and what is left alone.

use std::os::unix::fs::{FileTypeExt, PermissionsExt};

use crate::support::Sandbox;

#[test]
fn a_private_key_is_for_its_owner_alone_and_signs_what_its_public_half_trusts() {
    let sandbox = Sandbox::of("chain");
    sandbox.succeed("key generate new");
    let mode = |name| sandbox.file(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("new"), mode("new.pub") & 0o600), (0o600, 0o600));
    sandbox.succeed("sign bare.layout --key new --output new.layout");
    let verify = "verify --layout new.layout --link-dir links --at 2026-01-01T00:00:00Z --trust";
    sandbox.succeed(&format!("{verify} new.pub"));
    assert_eq!(sandbox.run(&format!("{verify} test-owner.pub")).code, Some(1));
}

#[test]
fn a_key_that_is_there_stays_as_it_is() {
    let sandbox = Sandbox::of("keys");
    for name in ["test-key-ed25519", "test-key-rsa-3072"] {
        let public = format!("{name}.pub");
        let before = (std::fs::read(sandbox.file(name)).ok(), sandbox.read(&public));
        assert_eq!(sandbox.run(&format!("key generate {name}")).code, Some(2));
        let after = (std::fs::read(sandbox.file(name)).ok(), sandbox.read(&public));
        assert!(before == after, "{name} was changed");
    }
}

#[test]
fn an_encrypted_key_opens_by_its_passphrase_alone() {
    let sandbox = Sandbox::of("keys");
    sandbox.succeed("key generate new --passphrase-file test-passphrase.txt");
    let text = String::from_utf8(sandbox.read("new")).unwrap();
    assert!(text.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"), "{text}");
    let shown = sandbox.succeed("key show new --format pem --passphrase-file test-passphrase.txt");
    assert_eq!(shown.stdout.as_bytes(), sandbox.read("new.pub"));
    let wrong = sandbox.run("key show new --passphrase-file test-passphrase-wrong.txt");
    assert_eq!(wrong.code, Some(2));
}

#[test]
fn keys_of_every_type_sign_and_verify() {
    let sandbox = Sandbox::of("chain");
    for kind in ["ed25519", "ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa-3072", "ml-dsa-65"] {
        for dsse in ["", "--dsse"] {
            sandbox.succeed(&format!("key generate {kind} --type {kind} --force"));
            sandbox.succeed(&format!("sign bare.layout --key {kind} --output own.layout {dsse}"));
            sandbox.succeed(&format!(
                "verify --layout own.layout --trust {kind}.pub --link-dir links --at 2026-01-01T00:00:00Z"
            ));
        }
    }
}

#[test]
fn a_step_is_recorded_between_start_and_stop() {
    let sandbox = Sandbox::of("keys");
    let key = "--key test-key-ed25519";
    sandbox.succeed(&format!("record start build {key} --materials app.c"));
    let unfinished = ".build.c5e52e1b.link-unfinished";
    assert!(sandbox.file(unfinished).is_file());

    let again = sandbox.run(&format!("record start build {key} --materials app.c"));
    assert_eq!(again.code, Some(2), "{}", again.stderr);
    assert!(again.stderr.contains("--force"), "{}", again.stderr);
    sandbox.succeed(&format!("record start build {key} --materials app.c --force"));

    sandbox.write("app", "built");
    let other = sandbox.run("record stop build --key test-key-ecdsa-p256 --products app");
    assert_eq!(other.code, Some(3), "another key's recording: {}", other.stderr);
    sandbox.succeed(&format!("record stop build {key} --products app"));
    assert!(!sandbox.file(unfinished).exists());
    let link = sandbox.succeed("inspect build.c5e52e1b.link").stdout;
    assert!(link.contains("materials  1") && link.contains("products   1"), "{link}");
}

#[test]
fn a_recording_that_was_changed_is_not_completed() {
    let sandbox = Sandbox::of("keys");
    sandbox.succeed("record start build --key test-key-ed25519 --materials app.c");
    let unfinished = ".build.c5e52e1b.link-unfinished";
    let changed = String::from_utf8(sandbox.read(unfinished)).unwrap().replace("app.c", "bad.c");
    sandbox.write(unfinished, &changed);
    let stopped = sandbox.run("record stop build --key test-key-ed25519");
    assert_eq!(stopped.code, Some(2), "{}", stopped.stderr);
    assert!(!sandbox.file("build.c5e52e1b.link").exists());
}

#[test]
fn what_is_signed_into_a_device_leaves_the_device() {
    let sandbox = Sandbox::of("chain");
    let fifo = sandbox.file("pipe");
    assert!(sandbox.program("mkfifo").arg(&fifo).status().unwrap().success());
    let mut reader =
        sandbox.program("cat").arg(&fifo).stdout(std::process::Stdio::piped()).spawn().unwrap();
    sandbox.succeed("sign bare.layout --key test-owner --output pipe");
    assert!(fifo.metadata().unwrap().file_type().is_fifo());
    let mut text = String::new();
    std::io::Read::read_to_string(reader.stdout.as_mut().unwrap(), &mut text).unwrap();
    reader.wait().unwrap();
    assert!(text.contains("\"signatures\""), "{text}");
}

#[test]
fn a_step_verifies_once_it_is_done_and_not_before() {
    let sandbox = Sandbox::of("chain");
    let verify = "verify --layout root.layout --trust test-owner.pub --at 2026-01-01T00:00:00Z";
    assert_eq!(sandbox.run(verify).code, Some(1));
    std::fs::remove_file(sandbox.file("app")).unwrap();
    let run = "run build --key test-builder -m app.c -p app app.c -- cp app.c app";
    sandbox.succeed(run);
    // The verdict does not change what is verified.
    for _ in 0..3 {
        sandbox.succeed(verify);
    }
}

#[test]
fn a_failing_command_leaves_a_link_and_its_verification_warns() {
    let sandbox = Sandbox::of("chain");
    std::fs::remove_file(sandbox.file("app")).unwrap();
    let run = "run build --key test-builder -m app.c -p app.c app";
    let mut command = sandbox.unbroken(run);
    command.args(["--", "sh", "-c", "cp app.c app; exit 7"]);
    assert_eq!(command.status().unwrap().code(), Some(7));
    let link = sandbox.succeed("inspect build.b45c9cd0.link").stdout;
    assert!(link.contains("exit       7") && link.contains("products   2"), "{link}");
    let verify = "verify --layout root.layout --trust test-owner.pub --at 2026-01-01T00:00:00Z";
    let verified = sandbox.succeed(verify);
    assert!(verified.stdout.contains("warning[command-failed]"), "{}", verified.stdout);
}

#[test]
fn no_link_is_written_for_a_command_that_was_not_run() {
    let sandbox = Sandbox::of("keys");
    for (command, code) in [("no-such-command-here", 127), ("./not-executable", 126)] {
        let outcome = sandbox.run(&format!("run build --key test-key-ed25519 -- {command}"));
        assert_eq!(outcome.code, Some(code), "{}", outcome.stderr);
        assert!(!sandbox.file("build.c5e52e1b.link").exists());
    }
}
