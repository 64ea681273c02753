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

    /// Lets a key sign in every way, while the command of the step looks around, and fails; then none of
    /// these secrets is in what was said or written, in any form. `keepers` are where they are kept.
    pub(crate) fn keeps_secrets(
        &self,
        key: &str,
        more: &[&str],
        secrets: &[&[u8]],
        keepers: &[&str],
    ) {
        let spy = "env; cat /proc/self/environ /proc/$PPID/cmdline | tr '\\0' '\\n'; env > spied";
        std::fs::write(self.path().join("spy.sh"), spy).unwrap();
        let bare = r#"{"_type": "link", "name": "bare", "command": [], "materials": {},
            "products": {}, "byproducts": {}, "environment": {}}"#;
        std::fs::write(self.path().join("bare.link"), bare).unwrap();
        let forms: Vec<Vec<u8>> = secrets
            .iter()
            .flat_map(|secret| {
                let texts = [
                    data_encoding::HEXLOWER.encode(secret),
                    data_encoding::HEXUPPER.encode(secret),
                    data_encoding::BASE64_NOPAD.encode(secret),
                ];
                texts.into_iter().map(String::into_bytes).chain([secret.to_vec()])
            })
            .collect();
        let silent = |what: &str, bytes: &[u8]| {
            let holds = |form: &Vec<u8>| bytes.windows(form.len()).any(|window| window == form);
            assert!(!forms.iter().any(holds), "{key}: {what} holds a secret");
        };
        for (line, code) in [
            ("run spied KEY --record-streams -- sh spy.sh", 0),
            ("run failed KEY -m app.c -- no-such-command", 127),
            ("run failed KEY -m nowhere -- true", 2),
            ("record start recorded KEY -m app.c", 0),
            ("record stop recorded KEY -p app.c", 0),
            ("sign bare.link KEY", 0),
            ("sign nowhere.link KEY", 3),
        ] {
            let words = line.split(' ').flat_map(|word| match word {
                "KEY" => [&["--key", key], more].concat(),
                word => vec![word],
            });
            let words: Vec<&str> = std::iter::once("--verbose").chain(words).collect();
            let said = self.unbroken(&words);
            assert_eq!(said.code, code, "{line}: {}", said.stderr);
            silent(line, said.stdout.as_bytes());
            silent(line, said.stderr.as_bytes());
        }
        for entry in std::fs::read_dir(self.path()).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_file() && !keepers.contains(&name) {
                silent(name, &std::fs::read(&path).unwrap());
            }
        }
        let spied = std::fs::read_to_string(self.path().join("spied")).unwrap();
        assert!(spied.contains("PATH="), "the command did not look around");
    }
}
