//! Tests that need what this machine may not have.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Says that a test, or a part of it, does not run here: a line on stderr and, where
/// `UNBROKEN_SKIP_LOG` names a file, one in that file.
///
/// # Panics
/// When that file cannot be written: a skipped test that nobody hears of looks like a passed one.
pub fn skip(what: &str, why: &str) {
    let line = format!("SKIPPED: {what}: {why}");
    eprintln!("{line}");
    if let Some(log) = std::env::var_os("UNBROKEN_SKIP_LOG") {
        let file = OpenOptions::new().append(true).create(true).open(log);
        let written = file.and_then(|mut file| writeln!(file, "{line}"));
        written.expect("the log of skipped tests can be written");
    }
}

/// Finds the component that a variable names, or says that the test is skipped.
pub fn component(variable: &str, test: &str) -> Option<PathBuf> {
    let found = std::env::var_os(variable).map(PathBuf::from);
    if found.is_none() {
        skip(test, &format!("{variable} is not set"));
    }
    found
}

/// Returns the metadata that others made, where it lies beside the workspace.
pub fn shared_vectors(folder: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    Some(root.join(folder)).filter(|path| path.is_dir())
}

/// Returns a Python interpreter: the one that `UNBROKEN_TEST_PYTHON` names, else `python3` where
/// it runs.
pub fn python() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("UNBROKEN_TEST_PYTHON") {
        return Some(named.into());
    }
    let found = Path::new("python3");
    let mut command = Command::new(found);
    command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success()).then(|| found.to_owned())
}
