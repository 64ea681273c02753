//! Passphrases and private keys reach nobody: no child, no file, no stream; not when things fail.

use std::os::unix::fs::PermissionsExt;

use crate::support::{Outcome, Sandbox, UNBROKEN, cases, files_below};

const CANARY: &str = "CANARY-4f1d-in-a-coal-mine";
const VARIABLE: &str = "TEST_PASSPHRASE_OF_CANARY";

/// Puts a key that is known into a cage, by way of the environment; only the caged one is left.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::of("source");
    std::fs::write(sandbox.file("open"), known_key()).unwrap();
    let line = format!("key convert open --output caged --new-passphrase-env {VARIABLE}");
    let made = with_canary(&sandbox, &line);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    std::fs::remove_file(sandbox.file("open")).unwrap();
    sandbox
}

fn known_key() -> Vec<u8> {
    std::fs::read(cases().join("keys/test-key-ed25519")).unwrap()
}

/// The passphrase, and the known key in every form in which it could come to light.
fn canaries() -> Vec<Vec<u8>> {
    use data_encoding::{BASE64, BASE64_NOPAD, HEXLOWER, HEXUPPER};
    let text = String::from_utf8(known_key()).unwrap();
    let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    let der = BASE64.decode(body.as_bytes()).unwrap();
    let seed = &der[der.len() - 32..];
    let list = seed.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
    let texts = [
        CANARY.to_owned(),
        HEXLOWER.encode(CANARY.as_bytes()),
        BASE64_NOPAD.encode(CANARY.as_bytes()),
        body,
        HEXLOWER.encode(seed),
        HEXUPPER.encode(seed),
        BASE64_NOPAD.encode(seed),
        list,
    ];
    texts.into_iter().map(String::into_bytes).chain([seed.to_vec(), der.clone()]).collect()
}

fn with_canary(sandbox: &Sandbox, line: &str) -> Outcome {
    let mut command = sandbox.unbroken(line);
    // What makes programs talkative.
    command.env("RUST_BACKTRACE", "full").env("RUST_LOG", "trace").env("DEBUG", "1");
    Outcome::of(command.env(VARIABLE, CANARY).output().unwrap())
}

fn assert_silent(sandbox: &Sandbox, outcome: &Outcome) {
    let canaries = canaries();
    let silent = |what: &str, bytes: &[u8]| {
        for canary in &canaries {
            let there = bytes.windows(canary.len()).any(|window| window == canary.as_slice());
            assert!(!there, "{what} holds {}", String::from_utf8_lossy(canary));
        }
    };
    silent("stdout", outcome.stdout.as_bytes());
    silent("stderr", outcome.stderr.as_bytes());
    for file in files_below(sandbox.path()) {
        let name = file.file_name().unwrap().to_str().unwrap();
        // Where the secrets themselves are kept.
        if name != "phrase" && !name.starts_with("test-key") {
            silent(&file.display().to_string(), &std::fs::read(&file).unwrap());
        }
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
fn nothing_that_fails_lets_the_passphrase_or_the_key_out() {
    let sandbox = sandbox();
    sandbox.write("phrase", CANARY);
    sandbox.write("wrong", "not-the-canary");
    sandbox.write("broken.link", r#"{"signed": {"_type": "link", "name": "bui"#);
    sandbox.write("die.sh", "kill -9 $$");
    let key = format!("--key caged --passphrase-env {VARIABLE}");
    for (line, code) in [
        ("run build KEY -m nowhere -- true", 2),
        ("run build KEY -d nowhere -- true", 2),
        ("run build KEY -p nowhere -- true", 2),
        ("run build KEY -- no-such-command", 127),
        ("run build KEY --timeout 1 -- sleep 9", 124),
        ("run build KEY -- sh die.sh", 137),
        ("run build KEY -m app.c --verify-materials app.c", 2),
        ("run build KEY --passphrase -- true", 2),
        ("record start build KEY -m nowhere", 2),
        ("record stop nothing-begun KEY", 3),
        ("sign broken.link KEY", 2),
        ("sign app.c KEY", 2),
        ("sign nowhere.link KEY", 3),
    ] {
        let outcome = with_canary(&sandbox, &format!("--verbose {}", line.replace("KEY", &key)));
        assert_eq!(outcome.code, Some(code), "{line}: {}", outcome.stderr);
        assert_silent(&sandbox, &outcome);
    }
    for (line, code) in [
        ("key show caged --passphrase-file wrong", 2),
        ("key show caged --passphrase-file nowhere", 3),
        ("key show caged --passphrase-env NO_SUCH_VARIABLE", 2),
        ("key show caged --passphrase-file phrase --passphrase-env HOME", 2),
        ("key show caged", 2),
        ("key show app.c --passphrase-file phrase", 2),
        ("key show caged.pub --format nonsense", 2),
        ("key generate caged --passphrase-file phrase", 2),
        ("key generate app.c/key --passphrase-file phrase", 3),
        ("key convert caged --output caged --passphrase-file phrase", 2),
        ("key convert caged --output app.c/x --passphrase-file phrase", 3),
        ("key convert caged --output x --passphrase-file phrase --new-passphrase-env NONE", 2),
        ("verify --layout broken.link --trust caged", 2),
        ("inspect caged", 0),
        ("inspect broken.link --key caged", 2),
    ] {
        let outcome = with_canary(&sandbox, &format!("--verbose {line}"));
        assert_eq!(outcome.code, Some(code), "{line}: {}", outcome.stderr);
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
    for line in [
        "key show test-key-ed25519",
        "key show test-key-ed25519 --format json",
        "key show test-key-ed25519 --format pem",
        "key show test-key-ed25519 --format layout",
        "inspect test-key-ed25519",
        "run build --key test-key-ed25519 --record-streams -- env",
        "run build --key test-key-ed25519 -m app.c -- no-such-command",
    ] {
        let outcome = sandbox.run(line);
        for canary in canaries() {
            for (what, text) in [("stdout", &outcome.stdout), ("stderr", &outcome.stderr)] {
                let there = text.as_bytes().windows(canary.len()).any(|window| window == canary);
                assert!(!there, "{line}: {what} holds {}", String::from_utf8_lossy(&canary));
            }
        }
    }
}
