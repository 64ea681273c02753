//! Reads and writes that are interrupted each time, and then take seven bytes at the most: what the
//! system may do at any time, and what changes nothing.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Outcome, Sandbox};

/// Stands before the C library.
const SHORT: &str = r#"
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static __thread unsigned calls;

static ssize_t some(long call, int file, const void *bytes, size_t size) {
    if (getenv("NOTHING_IS_READ_OR_WRITTEN")) {
        errno = EIO;
        return -1;
    }
    if (++calls % 2) {
        errno = EINTR;
        return -1;
    }
    return syscall(call, file, bytes, size < 7 ? size : 7);
}

ssize_t read(int file, void *bytes, size_t size) {
    return some(SYS_read, file, bytes, size);
}

ssize_t write(int file, const void *bytes, size_t size) {
    return some(SYS_write, file, bytes, size);
}
"#;
const KEY: &str = "--key test-key-ed25519";
const AT: &str = "--at 2026-01-01T00:00:00Z";

/// A folder of the fixture in which this line was run, perhaps behind the library.
fn ran(fixture: &str, lines: &[String], library: Option<&Path>) -> (Vec<Outcome>, Sandbox) {
    let sandbox = Sandbox::of(fixture);
    sandbox.write("large.bin", &"0123456789".repeat(5000));
    let outcomes = lines.iter().map(|line| {
        let mut command = sandbox.unbroken(line);
        if let Some(library) = library {
            command.env("LD_PRELOAD", library);
        }
        Outcome::of(command.output().unwrap())
    });
    (outcomes.collect(), sandbox)
}

fn library(compiler: &Path, folder: &Path) -> PathBuf {
    let (source, library) = (folder.join("short.c"), folder.join("short.so"));
    std::fs::write(&source, SHORT).unwrap();
    let mut command = Command::new(compiler);
    command.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source);
    assert!(command.status().unwrap().success());
    library
}

#[test]
fn short_and_interrupted_reads_and_writes_change_nothing() {
    let Some(compiler) = std::env::var_os("UNBROKEN_TEST_CC") else {
        let test = "short_and_interrupted_reads_and_writes_change_nothing";
        return unbroken_testkit::skip(test, "UNBROKEN_TEST_CC is not set");
    };
    let folder = tempfile::tempdir().unwrap();
    let library = library(Path::new(&compiler), folder.path());
    let verify = |owner: &str, format: &str| {
        format!(
            "verify --layout root.layout --trust {owner} --link-dir links {AT} --format {format}"
        )
    };
    let reading = [
        verify("test-owner.pub", "text"),
        verify("test-owner.pub", "json"),
        verify("test-stranger.pub", "sarif"),
        "inspect root.layout".to_owned(),
        "key show test-owner.pub".to_owned(),
    ];
    let writing = [
        format!("run build {KEY} -m app.c large.bin"),
        format!("record start scan {KEY} -m large.bin"),
        format!("record stop scan {KEY} -p app.c"),
        "mock made -- cat large.bin".to_owned(),
        "key convert test-key-old-json --output made".to_owned(),
    ];
    let written = ["build.c5e52e1b.link", "scan.c5e52e1b.link", "made.link", "made", "made.pub"];
    for (fixture, lines, codes, written) in
        [("chain", &reading, [0, 0, 1, 0, 0], &[][..]), ("keys", &writing, [0; 5], &written)]
    {
        let (plain, due) = ran(fixture, lines, None);
        let (short, made) = ran(fixture, lines, Some(&library));
        for (((line, code), plain), short) in lines.iter().zip(codes).zip(plain).zip(short) {
            assert_eq!(plain.code, Some(code), "{line}: {}", plain.stderr);
            assert_eq!(short.code, Some(code), "{line}: {}", short.stderr);
            assert_eq!(short.stdout, plain.stdout, "{line}");
            assert_eq!(short.stderr, plain.stderr, "{line}");
        }
        for name in written {
            assert!(made.read(name) == due.read(name), "{name}");
        }
    }
    // The library does stand before the other one.
    let sandbox = Sandbox::of("chain");
    let mut command = sandbox.unbroken("key show test-owner.pub");
    command.env("LD_PRELOAD", &library).env("NOTHING_IS_READ_OR_WRITTEN", "1");
    assert_ne!(command.status().unwrap().code(), Some(0));
}
