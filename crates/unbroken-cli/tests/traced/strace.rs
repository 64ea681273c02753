//! Runs the program under strace.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use crate::support::Sandbox;

/// The system calls of one run.
pub(crate) struct Trace {
    pub(crate) calls: Vec<Call>,
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// One system call: its name, and the rest of the line with arguments and result.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) process: String,
    pub(crate) name: String,
    pub(crate) text: String,
}

/// Returns strace, or says that the test is skipped.
pub(crate) fn strace(test: &str) -> Option<PathBuf> {
    let found = std::env::var_os("UNBROKEN_TEST_STRACE").map(PathBuf::from);
    if found.is_none() {
        unbroken_testkit::skip(test, "UNBROKEN_TEST_STRACE is not set");
    }
    found
}

/// Prepares strace with options; the program and its arguments are still to be added.
pub(crate) fn command(strace: &Path, sandbox: &Sandbox, log: &Path, options: &[&str]) -> Command {
    let mut command = sandbox.program(strace);
    // Cargo's own setting makes the loader of programs look into a hundred places.
    command
        .env_remove("LD_LIBRARY_PATH")
        .args(["-f", "-qq", "-s", "4096", "-o"])
        .arg(log)
        .args(options);
    command
}

/// Runs a command that [`command`] prepared, and reads what strace wrote.
pub(crate) fn run(command: &mut Command, log: &Path) -> Trace {
    let output = command.output().unwrap();
    let text = std::fs::read_to_string(log).unwrap_or_default();
    Trace {
        calls: text.lines().filter_map(call).collect(),
        status: output.status,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Reads `PID name(arguments) = result`; a call that was interrupted counts where it began.
fn call(line: &str) -> Option<Call> {
    let (process, rest) = line.split_once(' ')?;
    let rest = rest.trim_start();
    let (name, _) = rest.split_once('(')?;
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    plain.then(|| Call {
        process: process.to_owned(),
        name: name.to_owned(),
        text: rest.to_owned(),
    })
}
