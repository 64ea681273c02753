//! Programs: ours, the reference's, and how they are run and found.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use unbroken_testkit::skip;

/// How a program ended and what it said.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// Runs a program to its end.
    pub(crate) fn of(command: &mut Command) -> Self {
        let output = command.stdin(Stdio::null()).output();
        let output = output.unwrap_or_else(|error| panic!("{command:?} does not run: {error}"));
        Self {
            code: output.status.code().unwrap_or_else(|| panic!("{command:?} was killed")),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs a program that has to succeed, and returns what it printed.
    pub(crate) fn must(command: &mut Command) -> String {
        let run = Self::of(command);
        assert_eq!(run.code, 0, "{command:?}\n{}\n{}", run.stdout, run.stderr);
        run.stdout
    }
}

/// Prepares a call of our program in a folder.
pub(crate) fn unbroken(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unbroken"));
    command.current_dir(folder);
    command
}

/// Finds the program that a variable names, or announces that the test skips.
pub(crate) fn component(variable: &str, test: &str) -> Option<PathBuf> {
    let found = std::env::var_os(variable).map(PathBuf::from);
    if found.is_none() {
        skip(test, &format!("{variable} is not set"));
    }
    found
}

/// The reference implementation, as it is installed.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    python: PathBuf,
}

impl Reference {
    /// Finds it, or announces that the test skips.
    pub(crate) fn find(test: &str) -> Option<Self> {
        let python = component("UNBROKEN_TEST_PYTHON", test)?;
        Some(Self { python: std::path::absolute(python).unwrap() })
    }

    pub(crate) fn python(&self) -> &Path {
        &self.python
    }

    /// Prepares a call of one of its tools, such as `in-toto-verify`, in a folder.
    pub(crate) fn tool(&self, name: &str, folder: &Path) -> Command {
        let mut command = Command::new(self.python.with_file_name(name));
        command.current_dir(folder);
        command
    }
}

/// Copies a folder with everything in it.
pub(crate) fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}
