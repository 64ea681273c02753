//! A verification without inspections opens no socket, executes nothing and writes nothing but its
//! report.

use std::path::Path;

use unbroken_testkit::figure;

use crate::strace::{Call, Trace, command, run, strace};
use crate::support::{Sandbox, UNBROKEN, files_below};

/// What a verification may ask of the system: memory, time, its own threads, and reading.
const HARMLESS: &[&str] = &[
    "access",
    "arch_prctl",
    "brk",
    "clock_gettime",
    "close",
    "exit",
    "exit_group",
    "faccessat",
    "faccessat2",
    "fcntl",
    "fstat",
    "futex",
    "getcwd",
    "getdents64",
    "getegid",
    "geteuid",
    "getgid",
    "getpid",
    "getrandom",
    "gettid",
    "getuid",
    "ioctl",
    "lseek",
    "lstat",
    "madvise",
    "mmap",
    "mprotect",
    "mremap",
    "munmap",
    "newfstatat",
    "poll",
    "ppoll",
    "prctl",
    "pread64",
    "prlimit64",
    "read",
    "readlink",
    "readlinkat",
    "restart_syscall",
    "rseq",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sched_getaffinity",
    "sched_yield",
    "set_robust_list",
    "set_tid_address",
    "sigaltstack",
    "stat",
    "statx",
    "sysinfo",
    "uname",
];

fn is_harmless(call: &Call) -> bool {
    let text = &call.text;
    match call.name.as_str() {
        // Reading only, and nothing is made.
        "open" | "openat" | "openat2" => {
            text.contains("O_RDONLY") && !text.contains("O_CREAT") && !text.contains("O_TRUNC")
        }
        // The report and the talk.
        "write" | "writev" => text.contains("(1, ") || text.contains("(2, "),
        // Threads of this very process.
        "clone" | "clone3" => text.contains("CLONE_THREAD"),
        name => HARMLESS.contains(&name),
    }
}

fn traced(strace: &Path, sandbox: &Sandbox, words: &[&str]) -> Trace {
    let log = tempfile::NamedTempFile::new().unwrap();
    run(command(strace, sandbox, log.path(), &[]).args(words), log.path())
}

#[test]
fn a_verification_without_inspections_only_reads() {
    let Some(strace) = strace("a_verification_without_inspections_only_reads") else { return };
    let sandbox = Sandbox::of("chain");
    sandbox.succeed("install-drop-ins bin");
    let drop_in = sandbox.file("bin/in-toto-verify");
    let before = files_below(sandbox.path());
    let mut seen = 0;
    for (program, line, code) in [
        (UNBROKEN, "verify --layout root.layout --trust test-owner.pub --link-dir links", 0),
        (UNBROKEN, "verify --layout root.layout --trust test-stranger.pub --link-dir links", 1),
        (UNBROKEN, "verify --layout root.layout --trust test-owner.pub --link-dir links-extra", 1),
        (UNBROKEN, "verify --layout root.layout --trust test-owner.pub --link-dir links-none", 1),
        (UNBROKEN, "verify --layout root.layout --trust nobody.pub --link-dir links", 3),
        (UNBROKEN, "inspect links/build.b45c9cd0.link --key test-builder.pub", 0),
        (
            drop_in.to_str().unwrap(),
            "-l root.layout --verification-keys test-owner.pub --link-dir links",
            0,
        ),
    ] {
        for format in ["", "--format json", "--format sarif", "--format junit"] {
            let line = match line {
                line if line.starts_with("verify") => {
                    format!("{line} --at 2026-01-01T00:00:00Z {format}")
                }
                line if format.is_empty() => line.to_owned(),
                _ => continue,
            };
            let words: Vec<&str> = [program].into_iter().chain(line.split_whitespace()).collect();
            let trace = traced(&strace, &sandbox, &words);
            assert_eq!(trace.status.code(), Some(code), "{line}: {}", trace.stderr);
            let (first, rest) = trace.calls.split_first().unwrap();
            assert_eq!(first.name, "execve", "strace starts the program");
            let harmful: Vec<&Call> = rest.iter().filter(|call| !is_harmless(call)).collect();
            assert!(harmful.is_empty(), "{line}: {harmful:?}");
            seen += rest.len();
        }
    }
    assert!(seen > 500, "only {seen} calls were seen");
    figure("system calls of verifications without inspections: all of them only read", seen);
    assert_eq!(files_below(sandbox.path()), before);
}

/// The list above would let nothing of this pass.
#[test]
fn a_run_that_executes_connects_or_writes_is_told_from_it() {
    let Some(strace) = strace("a_run_that_executes_connects_or_writes") else { return };
    let sandbox = Sandbox::of("keys");
    for line in
        ["run build --key test-key-ed25519 -- true", "key generate made", "key show ssh-agent:"]
    {
        let log = tempfile::NamedTempFile::new().unwrap();
        let mut command = command(&strace, &sandbox, log.path(), &[]);
        command.arg(UNBROKEN).args(line.split_whitespace()).env("SSH_AUTH_SOCK", "no-agent");
        let trace = run(&mut command, log.path());
        assert!(!trace.calls[1..].iter().all(is_harmless), "{line}");
    }
}
