//! A supply chain in a folder: keys, a product, links, and the commands of either side that make them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::plan::{Form, Plan, Side};
use crate::reference::Servant;
use crate::tools::{Reference, Run, unbroken};

/// The folder, and the reference at hand.
pub(crate) struct Site {
    pub(crate) folder: TempDir,
    pub(crate) reference: Reference,
    pub(crate) servant: Servant,
}

/// What a functionary does for a step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    pub(crate) step: &'static str,
    pub(crate) key: &'static str,
    pub(crate) materials: &'static [&'static str],
    pub(crate) products: &'static [&'static str],
    /// A script of the shell; in the product's folder.
    pub(crate) script: &'static str,
}

impl Site {
    pub(crate) fn new(reference: &Reference) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["keys", "product", "links"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self { folder, reference: reference.clone(), servant: Servant::start(reference) }
    }

    /// Empties the product and the links, and keeps the keys.
    pub(crate) fn clear(&self) {
        for name in ["product", "links"] {
            fs::remove_dir_all(self.path(name)).unwrap();
            fs::create_dir(self.path(name)).unwrap();
        }
    }

    /// Returns a path below the folder.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// Returns the file of a private key; the public one has the ending `.pub`.
    pub(crate) fn key_file(&self, key: &str) -> String {
        self.path("keys").join(key).to_str().unwrap().to_owned()
    }

    /// Makes a key pair of a kind as `unbroken key generate` names it.
    pub(crate) fn make_key(&mut self, side: Side, kind: &str, key: &str) {
        let file = self.key_file(key);
        match side {
            Side::Ours => {
                let mut command = unbroken(self.folder.path());
                Run::must(command.args(["key", "generate", "--type", kind, &file]));
            }
            Side::Reference => {
                self.servant.ask(&json!({"do": "generate-key", "kind": kind, "out": file}));
            }
        }
    }

    /// Returns the id of a key, as our program computes it in the reference's style.
    pub(crate) fn key_id(&self, key: &str) -> String {
        self.member(key).0
    }

    /// Returns the id of a key and the object of it in a layout.
    fn member(&self, key: &str) -> (String, Value) {
        let file = format!("{}.pub", self.key_file(key));
        let mut command = unbroken(self.folder.path());
        command.args(["key", "show", "--format", "layout"]);
        let text = Run::must(command.args(["--key-id-style", "securesystemslib", &file]));
        let object: Value = serde_json::from_str(&format!("{{{text}}}")).unwrap();
        let (id, key) = object.as_object().unwrap().iter().next().unwrap();
        (id.clone(), key.clone())
    }

    /// Makes a layout and signs it; the file is named from the folder of the site.
    pub(crate) fn layout(
        &mut self,
        side: Side,
        form: Form,
        plan: &Plan,
        signers: &[&str],
        out: &str,
    ) {
        let out = self.path(out);
        let signers: Vec<String> = signers.iter().map(|key| self.key_file(key)).collect();
        match side {
            Side::Ours => {
                let bare = self.path("bare.layout");
                fs::write(&bare, plan.layout(|key| self.member(key)).to_string()).unwrap();
                let mut command = unbroken(self.folder.path());
                command.args(["sign", "--key-id-style", "securesystemslib"]);
                command.args(signers.iter().flat_map(|file| ["--key", file]));
                command.args((form == Form::Dsse).then_some("--dsse"));
                Run::must(command.arg("--output").arg(out).arg(bare));
            }
            Side::Reference => {
                let plan = plan.request(|key| format!("{}.pub", self.key_file(key)));
                self.servant.ask(&json!({
                    "do": "layout", "plan": plan, "signers": signers, "dsse": form == Form::Dsse, "out": out,
                }));
            }
        }
    }

    /// Runs the script of a step and records it by one command; the link goes to a folder of the site.
    pub(crate) fn run(&self, side: Side, form: Form, work: &Work, links: &str) {
        let mut command = match side {
            Side::Ours => self.our(&["run"], work, form),
            Side::Reference => self.theirs("in-toto-run", &[], work, form),
        };
        list(&mut command, "--materials", work.materials);
        list(&mut command, "--products", work.products);
        Run::must(command.arg(link_folder(side)).arg(self.path(links)).args([
            "--",
            "sh",
            "-c",
            work.script,
        ]));
    }

    /// Records a step in two halves, each by a side of its own, with the script in between.
    pub(crate) fn record(&self, start: Side, stop: Side, form: Form, work: &Work) {
        let product = self.path("product");
        let mut command = match start {
            Side::Ours => self.our(&["record", "start"], work, form),
            Side::Reference => self.theirs("in-toto-record", &["start"], work, form),
        };
        list(&mut command, "--materials", work.materials);
        Run::must(&mut command);
        Run::must(Command::new("sh").args(["-c", work.script]).current_dir(&product));
        let mut command = match stop {
            Side::Ours => self.our(&["record", "stop"], work, form),
            Side::Reference => self.theirs("in-toto-record", &["stop"], work, form),
        };
        list(&mut command, "--products", work.products);
        Run::must(&mut command);
        let link = self.link_name(work.step, work.key);
        fs::rename(product.join(&link), self.path("links").join(&link)).unwrap();
    }

    /// Returns the file name of a functionary's link.
    pub(crate) fn link_name(&self, step: &str, key: &str) -> String {
        format!("{step}.{}.link", &self.key_id(key)[..8])
    }

    fn our(&self, verb: &[&str], work: &Work, form: Form) -> Command {
        let mut command = unbroken(&self.path("product"));
        command.args(verb).arg(work.step).arg("--key").arg(self.key_file(work.key));
        command.args(["--key-id-style", "securesystemslib"]);
        command.args((form == Form::Dsse).then_some("--dsse"));
        command
    }

    fn theirs(&self, tool: &str, verb: &[&str], work: &Work, form: Form) -> Command {
        let mut command = self.reference.tool(tool, &self.path("product"));
        command.args(verb).args(["--step-name", work.step]);
        command.arg("--signing-key").arg(self.key_file(work.key));
        command.args((form == Form::Dsse).then_some("--use-dsse"));
        command
    }
}

fn link_folder(side: Side) -> &'static str {
    match side {
        Side::Ours => "--link-dir",
        Side::Reference => "--metadata-directory",
    }
}

fn list(command: &mut Command, option: &str, paths: &[&str]) {
    if !paths.is_empty() {
        command.arg(option).args(paths);
    }
}

/// Writes a file, with the folders that it needs.
pub(crate) fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}
