//! A folder to work in and the program in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

pub(crate) const UNBROKEN: &str = env!("CARGO_BIN_EXE_unbroken");
/// What of the caller's environment would change what is printed.
const COLOURS: [&str; 3] = ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"];

/// The folder of the cases and their fixtures.
pub(crate) fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cmd")
}

/// A folder with copies of the files of a fixture.
pub(crate) struct Sandbox(TempDir);

/// How the program ended and what it said.
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Sandbox {
    pub(crate) fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn of(fixture: &str) -> Self {
        let sandbox = Self::empty();
        copy(&cases().join(fixture), sandbox.path());
        sandbox
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.file(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.file(name)).unwrap()
    }

    /// Prepares a program in this folder, with the environment of a plain terminal.
    pub(crate) fn program(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.path()).env("LC_ALL", "C.UTF-8").env("TERM", "xterm");
        for name in COLOURS {
            command.env_remove(name);
        }
        command.stdin(Stdio::null());
        command
    }

    /// Prepares `unbroken` with the words of a line.
    pub(crate) fn unbroken(&self, line: &str) -> Command {
        let mut command = self.program(UNBROKEN);
        command.args(line.split_whitespace());
        command
    }

    pub(crate) fn run(&self, line: &str) -> Outcome {
        Outcome::of(self.unbroken(line).output().unwrap())
    }

    /// Runs what must succeed.
    pub(crate) fn succeed(&self, line: &str) -> Outcome {
        let outcome = self.run(line);
        assert_eq!(outcome.code, Some(0), "{line}\n{}", outcome.stderr);
        outcome
    }
}

impl Outcome {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Returns all files below a folder, sorted.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}
