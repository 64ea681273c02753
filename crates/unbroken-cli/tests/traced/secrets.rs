//! The memory that holds keys is closed before the first of them is read, and a crash leaves no core
//! dump.

use std::path::Path;

use crate::strace::{command, run, strace};
use crate::support::{Sandbox, UNBROKEN};

/// Commands that read a key or a passphrase, or make one, and the call after which they have it.
const LOADING: [(&str, &str, &str); 9] = [
    (UNBROKEN, "run build --key test-key-ed25519", "test-key-ed25519\""),
    (UNBROKEN, "record start build --key test-key-ed25519", "test-key-ed25519\""),
    (UNBROKEN, "key show test-key-ed25519", "test-key-ed25519\""),
    (
        UNBROKEN,
        "key show test-key-encrypted --passphrase-file test-passphrase.txt",
        "passphrase.txt\"",
    ),
    (UNBROKEN, "key convert test-key-ed25519 --output out", "test-key-ed25519\""),
    (UNBROKEN, "key generate made", "getrandom("),
    ("names/in-toto-run", "-n build --signing-key test-key-ed25519 -x", "test-key-ed25519\""),
    ("names/in-toto-record", "start -n x --signing-key test-key-ed25519", "test-key-ed25519\""),
    ("names/in-toto-keygen", "made-too", "getrandom("),
];

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::of("keys");
    std::fs::create_dir(sandbox.file("names")).unwrap();
    for name in ["in-toto-run", "in-toto-record", "in-toto-keygen"] {
        std::os::unix::fs::symlink(UNBROKEN, sandbox.file("names").join(name)).unwrap();
    }
    sandbox
}

#[test]
fn the_memory_is_closed_before_a_key_is_in_it() {
    let Some(strace) = strace("the_memory_is_closed_before_a_key_is_in_it") else { return };
    for (program, line, loaded) in LOADING {
        let sandbox = sandbox();
        let log = tempfile::NamedTempFile::new().unwrap();
        let options = ["-e", "trace=open,openat,prctl,getrandom"];
        let mut command = command(&strace, &sandbox, log.path(), &options);
        let trace = run(command.arg(program).args(line.split_whitespace()), log.path());
        assert_eq!(trace.status.code(), Some(0), "{line}: {}", trace.stderr);
        let place = |text: &str| trace.calls.iter().position(|call| call.text.contains(text));
        let closed = place("PR_SET_DUMPABLE, SUID_DUMP_DISABLE").unwrap();
        // The standard library asks for a few random bytes before main, for its tables.
        let last = trace.calls.iter().rposition(|call| call.text.contains(loaded)).unwrap();
        let first = if loaded == "getrandom(" { last } else { place(loaded).unwrap() };
        assert!(closed < first, "{line}: {:?}", trace.calls);
    }
}

/// Dies by a signal that makes core dumps, at its n-th write, and tells whether there was one.
fn dumps_core(strace: &Path, sandbox: &Sandbox, words: &[&str]) -> bool {
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut command = sandbox.program("prlimit");
    command.arg("--core=unlimited").arg(strace).arg("-f").arg("-o").arg(log.path());
    command.args(["-e", "trace=fsync,write", "-e", "inject=fsync,write:signal=ABRT:when=1"]);
    assert!(!command.args(words).output().unwrap().status.success());
    let text = std::fs::read_to_string(log.path()).unwrap();
    assert!(text.contains("+++ killed by SIGABRT"), "{text}");
    text.contains("+++ killed by SIGABRT (core dumped) +++")
}

#[test]
fn a_crash_with_a_key_in_memory_leaves_no_core_dump() {
    const TEST: &str = "a_crash_with_a_key_in_memory_leaves_no_core_dump";
    let Some(strace) = strace(TEST) else { return };
    let sandbox = sandbox();
    for (program, line, _) in LOADING {
        let words: Vec<&str> = [program].into_iter().chain(line.split_whitespace()).collect();
        assert!(!dumps_core(&strace, &sandbox, &words), "{line}");
    }
    // Another program does leave one, where this machine makes core dumps at all.
    if !dumps_core(&strace, &sandbox, &["sh", "-c", "echo x"]) {
        unbroken_testkit::skip(TEST, "this machine makes no core dumps: nothing was compared");
    }
}
