//! Writes that fail, and a program that is killed in the middle of them: never half of a link, a
//! layout or a key, and never a success that was none.
//!
//! strace makes the n-th call of a kind fail, for every n until there are no more of them.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};

use unbroken_testkit::figure;
use unbroken_testkit::registry::{Referrers, TestRegistry};

use crate::strace::{Call, Trace, command, run, strace};
use crate::support::{Sandbox, UNBROKEN, files_below};

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
    /// The folder that it begins in.
    fixture: &'static str,
    /// Made ready by this, and then by these lines.
    prepare: fn(&Sandbox),
    before: &'static [&'static str],
    /// The program: `unbroken`, or a drop-in below `names`.
    program: &'static str,
    line: &'static str,
    /// What it writes, beside files that have digests for names. A file that is there already is replaced.
    outputs: &'static [&'static str],
    /// What it removes when it succeeds.
    removes: &'static [&'static str],
    /// How it ends when it fails.
    failure: i32,
    /// Whether the bytes that it writes are the same each time.
    fixed: bool,
}

const OWN: Case = Case {
    fixture: "keys",
    prepare: |_| (),
    before: &[],
    program: UNBROKEN,
    line: "",
    outputs: &[],
    removes: &[],
    failure: 3,
    fixed: true,
};
/// What an image layout begins with.
const NO_IMAGES: &str = r#"{"manifests": [], "mediaType": "application/vnd.oci.image.index.v1+json", "schemaVersion": 2}"#;
const STARTED: &str = ".build.c5e52e1b.link-unfinished";
const LINK: &str = "build.c5e52e1b.link";

const COMMANDS: [Case; 9] = [
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
    Case {
        fixture: "chain",
        line: "sign bare.layout --key test-owner",
        outputs: &["bare.layout"],
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
/// Those that write several files one after the other, each of them whole.
const STORES: [Case; 8] = [
    Case {
        prepare: put_image,
        line: "image copy oci:image:1 oci:copy:1",
        outputs: &["copy/oci-layout", "copy/index.json"],
        ..OWN
    },
    Case {
        prepare: put_image,
        line: "image attach oci:image:1 links/build.b45c9cd0.link",
        fixture: "chain",
        outputs: &["image/index.json"],
        ..OWN
    },
    Case {
        prepare: put_image,
        line: "image attach oci:image:1 dsse.link --scheme cosign-tag",
        fixture: "chain",
        outputs: &["image/index.json"],
        ..OWN
    },
    Case { prepare: put_image, line: "image attach oci:image:1 app.c --store folder:store", ..OWN },
    Case {
        prepare: put_image,
        before: &["image attach oci:image:1 app.c test-key-ed25519.pub"],
        line: "image pull oci:image:1 --output out",
        outputs: &["out/app.c", "out/test-key-ed25519.pub"],
        ..OWN
    },
    Case {
        line: "install-drop-ins bin",
        outputs: &["bin/in-toto", "bin/in-toto-run", "bin/in-toto-verify"],
        ..OWN
    },
    Case {
        prepare: |sandbox| {
            std::fs::create_dir(sandbox.file("bin")).unwrap();
            sandbox.write("bin/in-toto-run", "the program of another");
        },
        line: "install-drop-ins bin --force",
        outputs: &["bin/in-toto", "bin/in-toto-run", "bin/in-toto-verify"],
        ..OWN
    },
    Case {
        fixture: "chain",
        line: "verify --layout root.layout --trust test-owner.pub --link-dir links \
               --at 2026-01-01T00:00:00Z --state state",
        outputs: &["state"],
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

/// The files below a folder; of a symbolic link, where it leads.
type Files = BTreeMap<String, Vec<u8>>;

impl Case {
    /// A folder in which the case begins, as `before` tells it.
    fn sandbox(&self, before: &Files) -> Sandbox {
        let sandbox = Sandbox::empty();
        for (name, bytes) in before {
            let path = sandbox.file(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        if self.program != UNBROKEN {
            std::fs::create_dir_all(sandbox.file("names")).unwrap();
            std::os::unix::fs::symlink(UNBROKEN, sandbox.file(self.program)).unwrap();
        }
        sandbox
    }

    fn trace(&self, strace: &Path, sandbox: &Sandbox, options: &[&str]) -> Trace {
        let log = tempfile::NamedTempFile::new().unwrap();
        let mut command = command(strace, sandbox, log.path(), options);
        command.arg(self.program).args(self.line.split_whitespace());
        run(&mut command, log.path())
    }

    /// Lets every call of every kind fail, each in a run of its own; returns how many there were.
    fn strike_everywhere(&self, strace: &Path) -> usize {
        let fixture = Sandbox::of(self.fixture);
        (self.prepare)(&fixture);
        for line in self.before {
            fixture.succeed(line);
        }
        let before = files(&fixture);
        assert_ne!(secrets(&before).count(), 0, "{} has no key near it", self.line);
        let sandbox = self.sandbox(&before);
        let clean = self.trace(strace, &sandbox, &["-e", "trace=all"]);
        assert_eq!(clean.status.code(), Some(0), "{}: {}", self.line, clean.stderr);
        let due = files(&sandbox);
        assert_ne!(due, before, "{}", self.line);
        for name in self.outputs {
            assert!(due[*name] != *before.get(*name).unwrap_or(&Vec::new()), "{name}");
        }
        for name in self.removes {
            assert!(before.contains_key(*name) && !due.contains_key(*name), "{name}");
        }
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
        for secret in secrets(before) {
            assert!(!trace.stdout.contains(secret) && !trace.stderr.contains(secret), "{what}");
        }
        let killed = trace.status.signal() == Some(9);
        match trace.status.code() {
            Some(0) => {
                let left = files(&sandbox);
                let left = left.keys().filter(|name| !is_unfinished(name));
                assert!(left.eq(due.keys()), "{what}: not all was done");
            }
            // What it did is done, and what it says of it was not heard.
            Some(4) => {
                let unheard = |call: &Call| {
                    call.name == "write"
                        && call.text.starts_with("write(1, ")
                        && call.text.contains("(INJECTED)")
                };
                assert!(trace.calls.iter().any(unheard), "{what}");
            }
            Some(code) => assert_eq!(code, self.failure, "{what}"),
            None => assert!(killed && fault == "signal=KILL", "{what}"),
        }
        let left = files(&sandbox);
        for (name, bytes) in left.iter().filter(|(name, _)| !is_unfinished(name)) {
            let whole = [before.get(name), due.get(name)].contains(&Some(bytes))
                || name.ends_with("index.json") && bytes == NO_IMAGES.as_bytes()
                || !self.fixed && self.outputs.contains(&name.as_str()) && readable(&sandbox, name);
            assert!(whole, "{what}: {name} is not whole: {}", String::from_utf8_lossy(bytes));
        }
        for name in before.keys().filter(|name| !self.removes.contains(&name.as_str())) {
            assert!(left.contains_key(name), "{what}: {name} is gone");
        }
        // A program that was not killed takes its unfinished file away; when that is what failed,
        // it has a name that no recording takes.
        if !killed && !calls.starts_with("unlink") {
            assert!(!left.keys().any(|name| is_unfinished(name)), "{what}: {:?}", left.keys());
        }
    }
}

fn readable(sandbox: &Sandbox, name: &str) -> bool {
    let line = if name.contains("link") { "inspect" } else { "key show" };
    let read = sandbox.run(&format!("{line} {name}"));
    read.code == Some(0) && !read.stdout.is_empty()
}

fn files(sandbox: &Sandbox) -> Files {
    let read = |path: PathBuf| {
        let name = path.strip_prefix(sandbox.path()).unwrap().to_str().unwrap().to_owned();
        let bytes = match std::fs::read_link(&path) {
            Ok(target) => target.into_os_string().into_encoded_bytes(),
            Err(_) => std::fs::read(&path).unwrap(),
        };
        (name, bytes)
    };
    let names = |path: &PathBuf| !path.starts_with(sandbox.file("names"));
    files_below(sandbox.path()).into_iter().filter(names).map(read).collect()
}

/// The first lines of private keys.
fn secrets(files: &Files) -> impl Iterator<Item = &str> {
    let texts = files.values().filter_map(|bytes| str::from_utf8(bytes).ok());
    let keys =
        texts.filter(|text| text.lines().next().is_some_and(|line| line.contains("PRIVATE")));
    keys.filter_map(|text| text.lines().nth(1))
}

fn is_unfinished(name: &str) -> bool {
    name.rsplit('/').next().is_some_and(|name| name.starts_with(".unbroken-"))
}

/// Puts an image layout with one image into the folder.
fn put_image(sandbox: &Sandbox) {
    let registry = TestRegistry::start(Referrers::Listed);
    registry.put_image("app", "1", b"layer");
    sandbox.succeed(&format!("image copy {}/app:1 oci:image:1", registry.host()));
}

#[test]
fn no_fault_of_a_write_leaves_half_a_file_or_passes_for_success() {
    let Some(strace) = strace("no_fault_of_a_write_leaves_half_a_file") else { return };
    let strikes: usize = COMMANDS.iter().map(|case| case.strike_everywhere(&strace)).sum();
    assert!(strikes > 120, "only {strikes} faults were tried");
    figure("faults struck into writes: none leaves half a file or passes for success", strikes);
}

#[test]
fn no_fault_of_a_write_into_a_store_leaves_half_a_file_or_passes_for_success() {
    let Some(strace) = strace("no_fault_of_a_write_into_a_store") else { return };
    let strikes: usize = STORES.iter().map(|case| case.strike_everywhere(&strace)).sum();
    assert!(strikes > 100, "only {strikes} faults were tried");
    figure("faults struck into writes of images, evidence and accounts: the same", strikes);
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
        ("install-drop-ins bin --copy", "bin/in-toto"),
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
