//! A folder where a step is recorded with a key, and judged.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder with the owner's key, where a step `build` makes `app`.
pub(crate) struct Bench {
    folder: TempDir,
    /// Variables that our program gets.
    pub(crate) environment: Vec<(&'static str, String)>,
}

/// How a program ended and what it said.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Finds a component, or says that the test does not run.
pub(crate) fn component(variable: &str, test: &str) -> Option<PathBuf> {
    let found = std::env::var_os(variable).map(PathBuf::from);
    if found.is_none() {
        unbroken_testkit::skip(test, &format!("{variable} is not set"));
    }
    found
}

impl Bench {
    pub(crate) fn new() -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap(), environment: Vec::new() };
        assert_eq!(bench.unbroken(&["key", "generate", "owner"]).code, 0);
        std::fs::write(bench.path().join("app.c"), "int main(void) {}").unwrap();
        bench
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn unbroken(&self, words: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_unbroken"));
        command.current_dir(self.path()).env_remove("SSH_AUTH_SOCK").stdin(Stdio::null());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        Said::of(command.args(words).output().unwrap())
    }

    /// Runs a helper that must succeed, and returns what it printed.
    pub(crate) fn must(&self, command: &mut Command) -> String {
        command.current_dir(self.path()).stdin(Stdio::null());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let said = Said::of(command.output().unwrap());
        assert_eq!(said.code, 0, "{command:?}\n{}\n{}", said.stdout, said.stderr);
        said.stdout
    }

    /// Records the step with a key, in either envelope, and lets both judge it.
    pub(crate) fn signs_and_is_verified(&self, key: &str, more: &[&str], python: Option<&Path>) {
        self.signs_in(&[&["--dsse"], &[]], key, more, python);
    }

    /// Records the step with a key, in each of these envelopes, and lets both judge it. `more` goes
    /// with every call that uses the key.
    pub(crate) fn signs_in(
        &self,
        envelopes: &[&[&str]],
        key: &str,
        more: &[&str],
        python: Option<&Path>,
    ) {
        let listed = self.unbroken(&[&["key", "show", "--format", "layout", key], more].concat());
        assert_eq!(listed.code, 0, "{}", listed.stderr);
        let keys: Value = serde_json::from_str(&format!("{{{}}}", listed.stdout)).unwrap();
        let id = keys.as_object().unwrap().keys().next().unwrap().clone();
        let layout = json!({
            "_type": "layout", "expires": "2099-01-01T00:00:00Z", "readme": "", "keys": keys, "inspect": [],
            "steps": [{
                "_type": "step", "name": "build", "pubkeys": [id], "threshold": 1, "expected_command": [],
                "expected_materials": [["ALLOW", "app.c"], ["DISALLOW", "*"]],
                "expected_products": [["CREATE", "app"], ["DISALLOW", "*"]],
            }],
        });
        std::fs::write(self.path().join("root.layout"), layout.to_string()).unwrap();
        let signed = self.unbroken(&["sign", "--key", "owner", "root.layout"]);
        assert_eq!(signed.code, 0, "{}", signed.stderr);
        for envelope in envelopes {
            drop(std::fs::remove_file(self.path().join("app")));
            let run = ["run", "build", "--key", key, "-m", "app.c", "-p", "app"];
            let command = ["--", "cp", "app.c", "app"];
            let said = self.unbroken(&[&run, more, envelope, &command].concat());
            assert_eq!(said.code, 0, "{key}: {}", said.stderr);
            let verify = ["verify", "--layout", "root.layout", "--trust", "owner.pub"];
            let said = self.unbroken(&verify);
            assert_eq!(said.code, 0, "{key}: {}{}", said.stdout, said.stderr);
            if let Some(python) = python {
                let mut tool = Command::new(python.with_file_name("in-toto-verify"));
                self.must(tool.args(["-l", "root.layout", "--verification-keys", "owner.pub"]));
            }
        }
        // Subkeys have names of their own.
        let files = std::fs::read_dir(self.path()).unwrap().map(|entry| entry.unwrap().path());
        for link in files.filter(|file| file.extension().is_some_and(|end| end == "link")) {
            std::fs::remove_file(link).unwrap();
        }
    }
}
