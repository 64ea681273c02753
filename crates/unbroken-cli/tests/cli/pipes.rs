//! What happens when nobody reads what is printed.

use std::io::Read;
use std::process::Stdio;

use crate::support::Sandbox;

/// Makes a link whose report is larger than any pipe holds.
fn long_link(sandbox: &Sandbox) {
    let digest = "ab".repeat(32);
    let artifact = |number| format!("\"file-{number}\": {{\"sha256\": \"{digest}\"}}");
    let artifacts: Vec<String> = (0..5_000).map(artifact).collect();
    let materials = artifacts.join(", ");
    sandbox.write(
        "long.link",
        &format!(
            "{{\"signatures\": [], \"signed\": {{\"_type\": \"link\", \"name\": \"build\", \
             \"command\": [], \"byproducts\": {{}}, \"environment\": {{}}, \"products\": {{}}, \
             \"materials\": {{{materials}}}}}}}"
        ),
    );
}

#[test]
fn a_reader_who_leaves_early_is_told_by_the_code() {
    let sandbox = Sandbox::of("chain");
    long_link(&sandbox);
    let mut command = sandbox.unbroken("inspect long.link --format json");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 10]).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(!stderr.contains("panic"), "{stderr}");
}

#[test]
fn output_that_was_read_by_nobody_is_no_success() {
    let sandbox = Sandbox::of("chain");
    let verify = "verify --layout root.layout --trust test-owner.pub --link-dir links --at 2026-01-01T00:00:00Z";
    for line in [verify, "explain", "--help", "key show test-owner.pub"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let status = sandbox.unbroken(line).stdout(writer).status().unwrap();
        assert_eq!(status.code(), Some(4), "{line}");
    }
}

#[test]
fn a_full_disk_is_no_success() {
    let sandbox = Sandbox::of("chain");
    for line in ["explain", "inspect root.layout"] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let status = sandbox.unbroken(line).stdout(full).status().unwrap();
        assert_eq!(status.code(), Some(4), "{line}");
    }
}

#[test]
fn a_closed_stderr_changes_no_verdict() {
    let sandbox = Sandbox::of("chain");
    let line = "match-products links/build.b45c9cd0.link app app.c";
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = sandbox.unbroken(line).stderr(writer).status().unwrap();
    assert_eq!(status.code(), Some(0));
}
