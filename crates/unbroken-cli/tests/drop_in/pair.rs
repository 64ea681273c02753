//! Two folders with the same files: in one the reference's tool runs, in the other ours.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;
use unbroken_crypto::{KeyAlgorithm, KeyIdStyle, Passphrase, SigningKey};
use unbroken_testkit::skip;

/// The keys of all tests, by name.
fn keys() -> &'static [(&'static str, SigningKey)] {
    static KEYS: OnceLock<Vec<(&'static str, SigningKey)>> = OnceLock::new();
    KEYS.get_or_init(|| {
        let make = |name| (name, SigningKey::generate(KeyAlgorithm::Ed25519).unwrap());
        ["alice", "bob", "carl"].map(make).into()
    })
}

/// Returns the key id of one of the keys.
pub(crate) fn key_id(name: &str) -> String {
    let (_, key) = keys().iter().find(|(other, _)| *other == name).unwrap();
    key.public().key_id(KeyIdStyle::Securesystemslib)
}

/// Returns the public half of one of the keys.
pub(crate) fn public_key(name: &str) -> unbroken_crypto::PublicKey {
    let (_, key) = keys().iter().find(|(other, _)| *other == name).unwrap();
    key.public().clone()
}

/// Calls a drop-in by its name, as a symbolic link to the program would.
pub(crate) fn drop_in(tool: &str, folder: impl AsRef<Path>) -> Command {
    let folder = folder.as_ref();
    let mut command = Command::new(env!("CARGO_BIN_EXE_unbroken"));
    command.arg0(tool).current_dir(folder).stdin(Stdio::null());
    command.env("HOME", folder).env("COLUMNS", "80");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("IN_TOTO_") {
            command.env_remove(name);
        }
    }
    command
}

/// How a tool ended, what it said, and what files it left.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Ended {
    fn of(output: &Output, folder: &Path) -> Self {
        let mut files = BTreeMap::new();
        collect(folder, folder, &mut files);
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            files,
        }
    }

    /// Returns the last line of what was said.
    pub(crate) fn last(&self) -> &str {
        self.stderr.lines().last().unwrap_or_default()
    }
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else if path.is_file() {
            files.insert(path.strip_prefix(root).unwrap().into(), std::fs::read(&path).unwrap());
        }
    }
}

/// The generations of the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Generation {
    /// 1.3.2
    First,
    /// 2.2.0
    Second,
    /// 3.1.0
    Third,
    /// in-toto-golang, which is no python: its one program is named by the variable.
    Golang,
}

impl Generation {
    /// Finds the python of its environment, or announces that the test skips.
    pub(crate) fn python(self, test: &str) -> Option<PathBuf> {
        let variable = match self {
            Self::First => "UNBROKEN_TEST_PYTHON_1_3",
            Self::Second => "UNBROKEN_TEST_PYTHON_2_2",
            Self::Third => "UNBROKEN_TEST_PYTHON",
            Self::Golang => "UNBROKEN_TEST_IN_TOTO_GO",
        };
        let Some(python) = std::env::var_os(variable) else {
            skip(test, &format!("{variable} is not set"));
            return None;
        };
        Some(std::path::absolute(python).unwrap())
    }
}

/// The two folders.
pub(crate) struct Pair {
    python: PathBuf,
    theirs: TempDir,
    ours: TempDir,
    /// The folder within both in which the tools run.
    place: PathBuf,
}

impl Pair {
    /// Makes the folders, each with the keys and a few files; or announces that the test skips.
    pub(crate) fn new(test: &str) -> Option<Self> {
        Self::of(Generation::Third, test)
    }

    /// The same beside an older generation of the reference.
    pub(crate) fn of(generation: Generation, test: &str) -> Option<Self> {
        let python = generation.python(test)?;
        let pair = Self {
            python,
            theirs: tempfile::tempdir().unwrap(),
            ours: tempfile::tempdir().unwrap(),
            place: PathBuf::new(),
        };
        for (name, key) in keys() {
            pair.write(name, key.to_pkcs8_pem(None).unwrap().as_bytes());
            pair.write(&format!("{name}.pub"), key.public().spki_pem().as_bytes());
        }
        let secret = Passphrase::new("secret".to_owned());
        let encrypted = keys().first().unwrap().1.to_pkcs8_pem(Some(&secret)).unwrap();
        pair.write("alice.enc", encrypted.as_bytes());
        pair.write("src/main.c", b"int main(void) { return 0; }\n");
        pair.write("src/lib/a.pyc", b"compiled\n");
        pair.write("src/lib/é b.txt", b"two words\n");
        Some(pair)
    }

    /// Writes a file into both folders.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        for folder in [self.theirs(), self.ours()] {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
    }

    /// Does something in both folders.
    pub(crate) fn each(&self, act: impl Fn(&Path)) {
        act(&self.theirs());
        act(&self.ours());
    }

    pub(crate) fn ours(&self) -> PathBuf {
        self.ours.path().join(&self.place)
    }

    pub(crate) fn theirs(&self) -> PathBuf {
        self.theirs.path().join(&self.place)
    }

    /// Returns the python of the reference.
    pub(crate) fn python(&self) -> &Path {
        &self.python
    }

    /// Goes into a folder within both.
    pub(crate) fn within(mut self, folder: &str) -> Self {
        self.place = folder.into();
        self
    }

    /// Runs a tool in both folders: theirs, ours.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, tool: &str, arguments: &[S]) -> (Ended, Ended) {
        self.run_with(tool, arguments, &[])
    }

    /// Runs a tool in both folders with variables set: theirs, ours.
    pub(crate) fn run_with<S: AsRef<OsStr>>(
        &self,
        tool: &str,
        arguments: &[S],
        variables: &[(&str, &str)],
    ) -> (Ended, Ended) {
        let theirs = Command::new(if tool == "in-toto" {
            self.python.clone()
        } else {
            self.python.with_file_name(tool)
        })
        .args(arguments)
        .current_dir(self.theirs())
        .stdin(Stdio::null())
        .env("COLUMNS", "80")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
        let mut ours = drop_in(tool, self.ours());
        let ours = ours.args(arguments).envs(variables.iter().copied()).output().unwrap();
        (Ended::of(&theirs, &self.theirs()), Ended::of(&ours, &self.ours()))
    }

    /// Runs a tool in both folders, and holds ours to theirs in everything.
    pub(crate) fn same(&self, tool: &str, line: &str) -> Ended {
        let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
        self.same_words(tool, &words)
    }

    pub(crate) fn same_words(&self, tool: &str, words: &[&str]) -> Ended {
        let (theirs, ours) = self.run(tool, words);
        let shown = format!("{tool} {}", words.join(" "));
        assert_eq!(ours.stderr, theirs.stderr, "{shown}");
        assert_eq!(ours.stdout, theirs.stdout, "{shown}");
        assert_eq!(ours.code, theirs.code, "{shown}");
        assert_same_files(&ours, &theirs, &shown);
        ours
    }

    /// Runs a tool in both folders, and holds ours to the code and the files alone.
    pub(crate) fn same_code(&self, tool: &str, line: &str) -> (Ended, Ended) {
        let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
        let (theirs, ours) = self.run(tool, &words);
        assert_eq!(ours.code, theirs.code, "{tool} {line}\n{}\n{}", theirs.stderr, ours.stderr);
        assert_same_files(&ours, &theirs, line);
        (theirs, ours)
    }
}

fn assert_same_files(ours: &Ended, theirs: &Ended, shown: &str) {
    let names = |ended: &Ended| ended.files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(ours), names(theirs), "{shown}");
    for (name, bytes) in &ours.files {
        let theirs = theirs.files.get(name).unwrap();
        let (one, other) = (String::from_utf8_lossy(bytes), String::from_utf8_lossy(theirs));
        assert_eq!(one, other, "{shown}: {}", name.display());
    }
}
