//! Writes that fail, and a program that is killed in the middle of them: never half of a link, a
//! layout or a key, and never a success that was none.
//!
//! strace makes the n-th call of a kind fail, for every n until there are no more of them.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};

use unbroken_testkit::figure;

use crate::strace::{Call, Trace, command, run, strace};
use crate::support::{Sandbox, UNBROKEN};

/// The calls by which a file comes into being, with the faults that they have in life. What the
/// loader of programs opens before `main` is left alone.
const FAULTS: [(&str, &[&str]); 5] = [
    ("openat", &["error=ENOSPC"]),
    ("write", &["error=ENOSPC", "error=EINTR", "signal=KILL"]),
    ("fsync", &["error=EIO", "signal=KILL"]),
    ("rename,renameat,renameat2,link,linkat", &["error=ENOSPC", "signal=KILL"]),
    ("unlink,unlinkat", &["error=EIO"]),
];
/// Where the loader finds libraries, and the system tells of itself.
const NOT_OURS: [&str; 5] = ["\"/lib", "\"/usr/lib", "\"/etc", "\"/proc", "\"/sys"];

/// A command that writes.
struct Case {
    /// Made ready by these lines.
    before: &'static [&'static str],
    /// The program: `unbroken`, or a drop-in below `names`.
    program: &'static str,
    line: &'static str,
    /// What it writes. A file that is there already is replaced.
    outputs: &'static [&'static str],
    /// What it removes when it succeeds.
    removes: &'static [&'static str],
    /// How it ends when it fails.
    failure: i32,
    /// Whether the bytes that it writes are the same each time.
    fixed: bool,
}

const OWN: Case = Case {
    before: &[],
    program: UNBROKEN,
    line: "",
    outputs: &[],
    removes: &[],
    failure: 3,
    fixed: true,
};
const STARTED: &str = ".build.c5e52e1b.link-unfinished";
const LINK: &str = "build.c5e52e1b.link";

const COMMANDS: [Case; 8] = [
    Case { line: "run build --key test-key-ed25519 -m app.c -- true", outputs: &[LINK], ..OWN },
    Case {
        before: &["run build --key test-key-ed25519 -- true"],
        line: "run build --key test-key-ed25519 -m app.c",
        outputs: &[LINK],
        ..OWN
    },
    Case { line: "record start build --key test-key-ed25519 -m app.c", outputs: &[STARTED], ..OWN },
    Case {
        before: &["record start build --key test-key-ed25519 -m app.c"],
        line: "record stop build --key test-key-ed25519 -p app.c",
        outputs: &[LINK],
        removes: &[STARTED],
        ..OWN
    },
    Case {
        before: &["run build --key test-key-ed25519 -m app.c"],
        line: "sign build.c5e52e1b.link --key test-key-ecdsa-p256",
        outputs: &[LINK],
        fixed: false,
        ..OWN
    },
    Case { line: "mock build -- true", outputs: &["build.link"], ..OWN },
    Case { line: "key generate made", outputs: &["made", "made.pub"], fixed: false, ..OWN },
    Case {
        line: "key convert test-key-old-json --output made",
        outputs: &["made", "made.pub"],
        ..OWN
    },
];
const DROP_INS: [Case; 4] = [
    Case {
        program: "names/in-toto-run",
        line: "-n build --signing-key test-key-ed25519 -m app.c -- true",
        outputs: &[LINK],
        failure: 1,
        ..OWN
    },
    Case {
        program: "names/in-toto-record",
        line: "start -n build --signing-key test-key-ed25519 -m app.c",
        outputs: &[STARTED],
        failure: 1,
        ..OWN
    },
    Case {
        before: &["record start build --key test-key-ed25519 -m app.c"],
        program: "names/in-toto-record",
        line: "stop -n build --signing-key test-key-ed25519 -p app.c",
        outputs: &[LINK],
        removes: &[STARTED],
        failure: 1,
        ..OWN
    },
    Case {
        before: &["run build --key test-key-ed25519 -m app.c"],
        program: "names/in-toto-sign",
        line: "-f build.c5e52e1b.link -k test-key-ed25519 -o signed.link",
        outputs: &["signed.link"],
        failure: 2,
        ..OWN
    },
];

/// What one run left.
type Files = BTreeMap<String, Vec<u8>>;

impl Case {
    /// A folder in which the case begins, as `before` left it.
    fn sandbox(&self, before: &Files) -> Sandbox {
        let sandbox = Sandbox::of("keys");
        if self.program != UNBROKEN {
            std::fs::create_dir(sandbox.file("names")).unwrap();
            std::os::unix::fs::symlink(UNBROKEN, sandbox.file(self.program)).unwrap();
        }
        for (name, bytes) in before {
            std::fs::write(sandbox.file(name), bytes).unwrap();
        }
        sandbox
    }

    fn trace(&self, strace: &Path, sandbox: &Sandbox, options: &[&str]) -> Trace {
        let log = tempfile::NamedTempFile::new().unwrap();
        let mut command = command(strace, sandbox, log.path(), options);
        command.arg(self.program).args(self.line.split_whitespace());
        run(&mut command, log.path())
    }

    fn files(&self, sandbox: &Sandbox) -> Files {
        let names = self.outputs.iter().chain(self.removes);
        let read = names
            .filter_map(|name| Some(((*name).to_owned(), std::fs::read(sandbox.file(name)).ok()?)));
        read.collect()
    }

    /// Lets every call of every kind fail, each in a run of its own; returns how many there were.
    fn strike_everywhere(&self, strace: &Path) -> usize {
        let sandbox = self.sandbox(&Files::new());
        for line in self.before {
            sandbox.succeed(line);
        }
        let before = self.files(&sandbox);
        let clean = self.trace(strace, &sandbox, &["-e", "trace=all"]);
        assert_eq!(clean.status.code(), Some(0), "{}: {}", self.line, clean.stderr);
        let due = self.files(&sandbox);
        assert_eq!(due.len(), self.outputs.len(), "{}", self.line);
        let own = |call: &&Call| call.process == clean.calls[0].process;
        let mut strikes = 0;
        for (calls, faults) in FAULTS {
            let names: Vec<&str> = calls.split(',').collect();
            let of_kind = |call: &&Call| names.contains(&call.name.as_str());
            let there = clean.calls.iter().filter(own).filter(of_kind).enumerate();
            for (index, _) in
                there.filter(|(_, call)| !NOT_OURS.iter().any(|place| call.text.contains(place)))
            {
                for fault in faults {
                    self.strike(strace, (calls, fault, index + 1), &before, &due);
                    strikes += 1;
                }
            }
        }
        strikes
    }

    /// Fails the n-th call of a kind and looks at what is left.
    fn strike(
        &self,
        strace: &Path,
        (calls, fault, when): (&str, &str, usize),
        before: &Files,
        due: &Files,
    ) {
        let sandbox = self.sandbox(before);
        let inject = format!("inject={calls}:{fault}:when={when}");
        // The filter in the kernel stops the program only where it is looked at.
        let trace = format!("trace={calls}");
        let options = ["--seccomp-bpf", "-e", &trace, "-e", &inject];
        let trace = self.trace(strace, &sandbox, &options);
        let what = format!("{} {}, {inject}: {}", self.program, self.line, trace.stderr);
        let key = String::from_utf8(sandbox.read("test-key-ed25519")).unwrap();
        let secret = key.lines().nth(1).unwrap();
        assert!(!trace.stdout.contains(secret) && !trace.stderr.contains(secret), "{what}");
        let killed = trace.status.signal() == Some(9);
        match trace.status.code() {
            Some(0) => {
                for name in self.outputs {
                    assert!(sandbox.file(name).is_file(), "{what}: no {name}");
                }
                for name in self.removes {
                    assert!(!sandbox.file(name).exists(), "{what}: {name} is still there");
                }
            }
            Some(code) => assert_eq!(code, self.failure, "{what}"),
            None => assert!(killed && fault == "signal=KILL", "{what}"),
        }
        for (name, bytes) in self.files(&sandbox) {
            let whole = before.get(&name) == Some(&bytes)
                || if self.fixed && self.outputs.contains(&name.as_str()) {
                    due.get(&name) == Some(&bytes)
                } else {
                    readable(&sandbox, &name)
                };
            assert!(whole, "{what}: {name} is not whole: {}", String::from_utf8_lossy(&bytes));
        }
        // A program that was not killed takes its unfinished file away; when that is what failed,
        // it has a name that no recording takes.
        if !killed && !calls.starts_with("unlink") {
            let left = left_over(&sandbox);
            assert!(left.is_empty(), "{what}: {left:?}");
        }
    }
}

fn readable(sandbox: &Sandbox, name: &str) -> bool {
    let line = if name.contains("link") { "inspect" } else { "key show" };
    let read = sandbox.run(&format!("{line} {name}"));
    read.code == Some(0) && !read.stdout.is_empty()
}

fn left_over(sandbox: &Sandbox) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(sandbox.path()).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.to_string_lossy().contains("/.unbroken-")).collect()
}

#[test]
fn no_fault_of_a_write_leaves_half_a_file_or_passes_for_success() {
    let Some(strace) = strace("no_fault_of_a_write_leaves_half_a_file") else { return };
    let strikes: usize = COMMANDS.iter().map(|case| case.strike_everywhere(&strace)).sum();
    assert!(strikes > 120, "only {strikes} faults were tried");
    figure("faults struck into writes: none leaves half a file or passes for success", strikes);
}

#[test]
fn no_fault_of_a_write_of_a_drop_in_leaves_half_a_file_or_passes_for_success() {
    let Some(strace) = strace("no_fault_of_a_write_of_a_drop_in") else { return };
    let strikes: usize = DROP_INS.iter().map(|case| case.strike_everywhere(&strace)).sum();
    assert!(strikes > 40, "only {strikes} faults were tried");
    figure("faults struck into writes of drop-ins: the same", strikes);
}

/// A limit of the size of files cuts a write short in earnest.
#[test]
fn a_write_that_is_cut_short_leaves_nothing() {
    let sandbox = Sandbox::of("keys");
    for (line, output) in [
        ("run build --key test-key-ed25519 -m app.c", LINK),
        ("record start build --key test-key-ed25519 -m app.c", STARTED),
        ("mock build -- true", "build.link"),
        ("key generate made", "made"),
    ] {
        for most in [0, 1, 50, 100] {
            let mut command = sandbox.program("prlimit");
            command.arg("--core=0").arg(format!("--fsize={most}")).arg(UNBROKEN);
            let status = command.args(line.split_whitespace()).status().unwrap();
            assert!(!status.success(), "{line} with files of {most} bytes");
            assert!(!sandbox.file(output).exists(), "{line} with files of {most} bytes");
        }
    }
}

/// A report that could not be written to its end is no verdict that was told.
#[test]
fn a_report_that_cannot_be_written_is_no_pass() {
    let Some(strace) = strace("a_report_that_cannot_be_written_is_no_pass") else { return };
    let sandbox = Sandbox::of("chain");
    let line = "verify --layout root.layout --trust test-owner.pub --link-dir links \
                --at 2026-01-01T00:00:00Z --format";
    for format in ["text", "json", "sarif", "junit"] {
        for (fault, code) in
            [("error=ENOSPC", 4), ("error=EIO", 4), ("error=EPIPE", 4), ("error=EINTR", 0)]
        {
            let log = tempfile::NamedTempFile::new().unwrap();
            let inject = format!("inject=write:{fault}:when=1");
            let options = ["-e", "trace=write", "-e", &inject];
            let mut command = command(&strace, &sandbox, log.path(), &options);
            command.arg(UNBROKEN).args(line.split_whitespace()).arg(format);
            let trace = run(&mut command, log.path());
            assert_eq!(trace.status.code(), Some(code), "{format}, {fault}: {}", trace.stderr);
            assert_eq!(trace.stdout.is_empty(), code == 4, "{format}, {fault}");
        }
    }
}

/// Evidence that cannot be read decides nothing.
#[test]
fn a_read_that_fails_is_never_a_verdict() {
    let Some(strace) = strace("a_read_that_fails_is_never_a_verdict") else { return };
    let sandbox = Sandbox::of("chain");
    let line = "verify --layout root.layout --trust test-owner.pub --link-dir links \
                --at 2026-01-01T00:00:00Z";
    for name in ["root.layout", "test-owner.pub", "links/build.b45c9cd0.link"] {
        for (fault, when, code) in [
            ("read:error=EIO", "1", 3),
            ("read:error=EIO", "2", 3),
            ("read:error=EINTR", "1", 0),
            ("open,openat:error=EIO", "1", 3),
            ("open,openat:error=EACCES", "1", 3),
            ("open,openat:error=EMFILE", "1", 3),
        ] {
            let log = tempfile::NamedTempFile::new().unwrap();
            let inject = format!("inject={fault}:when={when}");
            let path = sandbox.file(name);
            let options = ["-P", path.to_str().unwrap(), "-P", name, "-e", &inject];
            let mut command = command(&strace, &sandbox, log.path(), &options);
            let trace = run(command.arg(UNBROKEN).args(line.split_whitespace()), log.path());
            assert!(!trace.calls.is_empty(), "{name} is not read");
            assert_eq!(trace.status.code(), Some(code), "{name}, {inject}: {}", trace.stderr);
        }
    }
}
