//! The implementations of the matrix: what each makes a chain with, and what each says of one.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use data_encoding::BASE64;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::certified::{BETWEEN, LEAF, ROOT, certify, write_certificates};
use crate::plan::{Form, Plan};
use crate::reference::Servant;
use crate::tools::{Run, component, unbroken};
use crate::verdict::{edit_digest, judge_ours, signed_text};

/// Who makes a chain, or judges one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Peer {
    Unbroken,
    /// Ours, with `--key-id-style legacy`.
    Legacy,
    /// Ours, by the drop-in for golang's program.
    DropIn,
    Python31,
    Python22,
    Python13,
    Golang,
}

impl Peer {
    pub(crate) const PRODUCERS: [Self; 7] = [
        Self::Unbroken,
        Self::Legacy,
        Self::DropIn,
        Self::Python31,
        Self::Python22,
        Self::Python13,
        Self::Golang,
    ];
    /// How key ids are written has no part in judging.
    pub(crate) const VERIFIERS: [Self; 5] =
        [Self::Unbroken, Self::Python31, Self::Python22, Self::Python13, Self::Golang];

    /// Names it in the matrix.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Unbroken => "unbroken",
            Self::Legacy => "unbroken, legacy key ids",
            Self::DropIn => "drop-in `in-toto`",
            Self::Python31 => "python 3.1.0",
            Self::Python22 => "python 2.2.0",
            Self::Python13 => "python 1.3.2",
            Self::Golang => "golang 0.11.0",
        }
    }

    /// Starts its servant; ours has none and is always there.
    fn start(self, test: &str) -> Option<Servant> {
        let python = |variable| component(variable, test).map(|python| Servant::of_python(&python));
        match self {
            Self::Unbroken | Self::Legacy | Self::DropIn => None,
            Self::Python31 => python("UNBROKEN_TEST_PYTHON"),
            Self::Python22 => python("UNBROKEN_TEST_PYTHON_2_2"),
            Self::Python13 => python("UNBROKEN_TEST_PYTHON_1_3"),
            Self::Golang => component("UNBROKEN_TEST_IN_TOTO_GO", test)
                .map(|program| Servant::of(&mut Command::new(program.with_file_name("peer")))),
        }
    }

    fn is_ours(self) -> bool {
        matches!(self, Self::Unbroken | Self::Legacy | Self::DropIn)
    }
}

/// What is done for a step: a command of the shell makes the products.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Task {
    pub(crate) step: &'static str,
    pub(crate) materials: &'static [&'static str],
    pub(crate) products: &'static [&'static str],
    pub(crate) script: &'static str,
}

/// The peers that are there, and a folder with keys, a product and links.
pub(crate) struct Peers {
    folder: TempDir,
    servants: BTreeMap<Peer, Servant>,
    /// The certificates of authorities that verifiers are handed, where the steps are done by whoever
    /// has a certificate.
    pub(crate) authorities: Vec<String>,
}

/// The key that signs every step.
pub(crate) const MAKER: &str = "maker";
/// The key that signs the layout.
pub(crate) const OWNER: &str = "owner";

impl Peers {
    /// Starts those that are there; of the others the skip log tells.
    pub(crate) fn start(test: &str) -> Self {
        let servants =
            Peer::VERIFIERS.into_iter().filter_map(|peer| Some((peer, peer.start(test)?)));
        let (folder, servants) = (tempfile::tempdir().unwrap(), servants.collect());
        Self { folder, servants, authorities: Vec::new() }
    }

    pub(crate) fn has(&self, peer: Peer) -> bool {
        peer.is_ours() || self.servants.contains_key(&peer)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn public(&self, key: &str) -> String {
        self.path(key).with_extension("pub").to_str().unwrap().to_owned()
    }

    fn is_certified(&self) -> bool {
        !self.authorities.is_empty()
    }

    /// Makes the key pairs anew, of one kind; `x509 KIND` adds a certificate for the one that signs steps.
    pub(crate) fn make_keys(&mut self, kind: &str) {
        let of_certificates = kind.strip_prefix("x509 ");
        for key in [OWNER, MAKER] {
            let mut command = unbroken(self.folder.path());
            command.args(["key", "generate", "--force", "--type"]);
            Run::must(command.args([of_certificates.unwrap_or(kind), key]));
        }
        self.authorities.clear();
        if of_certificates.is_some() {
            let public = fs::read_to_string(self.public(MAKER)).unwrap();
            write_certificates(self.folder.path(), &public);
            self.authorities.push(self.path(BETWEEN).to_str().unwrap().to_owned());
        }
    }

    /// Lets a peer make the layout and do the steps; an error says what it cannot do.
    pub(crate) fn make_chain(
        &mut self,
        peer: Peer,
        form: Form,
        plan: &Plan,
        tasks: &[Task],
    ) -> Result<(), String> {
        for name in ["product", "links"] {
            drop(fs::remove_dir_all(self.path(name)));
            fs::create_dir(self.path(name)).unwrap();
        }
        if peer.is_ours() {
            match peer {
                Peer::DropIn => self.make_by_drop_in(form, plan, tasks),
                _ => self.make_ours(peer, form, plan, tasks),
            }
            return Ok(());
        }
        if self.is_certified() && peer != Peer::Golang {
            return self.make_certified_by_python(peer, form, plan);
        }
        let (links, product) = (self.path("links"), self.path("product"));
        let mut request = plan.request(|key| self.public(key));
        // Golang writes control characters into a payload of DSSE as they are, which is no JSON.
        request["readme"] = json!("a \"pipeline\" \\ of two steps: ä \u{1f4e6}");
        let owner = self.path(OWNER);
        let maker = self.path(MAKER);
        let certificate = if self.is_certified() { self.path(LEAF) } else { PathBuf::new() };
        if self.is_certified() {
            certify(&mut request, "keys");
            request["roots"] = json!([self.path(ROOT)]);
        }
        let servant = self.servants.get_mut(&peer).unwrap();
        let dsse = form == Form::Dsse;
        let out = links.join("root.layout");
        asked(
            servant,
            &json!({"do": "layout", "plan": request, "signers": [owner], "dsse": dsse, "out": out}),
        )?;
        for task in tasks {
            let Task { step, materials, products, script } = task;
            asked(
                servant,
                &json!({
                    "do": "run", "step": step, "materials": materials, "products": products,
                    "command": ["sh", "-c", script], "private": maker, "dsse": dsse,
                    "folder": links, "product": product, "certificate": certificate,
                }),
            )?;
        }
        Ok(())
    }

    /// Lets python sign a layout that lists a root, and looks whether it is still there. It has no call
    /// to make such a layout, and none to sign with a certificate.
    fn make_certified_by_python(
        &mut self,
        peer: Peer,
        form: Form,
        plan: &Plan,
    ) -> Result<(), String> {
        let (bare, out) = (self.path("bare.layout"), self.path("links/root.layout"));
        let mut layout = plan.layout(|_| Default::default());
        certify(&mut layout, "pubkeys");
        fs::write(&bare, layout.to_string()).unwrap();
        let owner = self.path(OWNER);
        let request = json!({
            "do": "sign", "payload": bare, "signers": [owner], "dsse": form == Form::Dsse, "out": out,
        });
        asked(self.servants.get_mut(&peer).unwrap(), &request)?;
        let signed = signed_text(&fs::read_to_string(out).unwrap());
        assert!(!signed.contains("rootcas"), "it knows roots: let it do the steps");
        Err("`rootcas` is dropped".to_owned())
    }

    /// Makes a chain by the drop-in for golang's program.
    fn make_by_drop_in(&self, form: Form, plan: &Plan, tasks: &[Task]) {
        let in_toto = |folder: &str| {
            let mut command = unbroken(&self.path(folder));
            command.arg0("in-toto");
            command
        };
        let mut layout = plan.layout(|key| {
            let text = Run::must(in_toto("").args(["key", "layout"]).arg(self.public(key)));
            let object: Value = serde_json::from_str(&format!("{{{text}}}")).unwrap();
            let (id, key) = object.as_object().unwrap().iter().next().unwrap();
            (id.clone(), key.clone())
        });
        if self.is_certified() {
            certify(&mut layout, "pubkeys");
        }
        let bare = match form {
            Form::Metablock => json!({"signed": layout, "signatures": []}),
            Form::Dsse => json!({
                "payload": BASE64.encode(layout.to_string().as_bytes()),
                "payloadType": "application/vnd.in-toto+json", "signatures": [],
            }),
        };
        fs::write(self.path("bare.layout"), bare.to_string()).unwrap();
        let mut command = in_toto("");
        command.args(["sign", "-f", "bare.layout", "-o", "links/root.layout", "-k", OWNER]);
        Run::must(&mut command);
        for task in tasks {
            let mut command = in_toto("product");
            command.args(["run", "-n", task.step, "-d"]).arg(self.path("links"));
            command.arg("-k").arg(self.path(MAKER));
            if self.is_certified() {
                command.arg("-c").arg(self.path(LEAF));
            }
            command.args((form == Form::Dsse).then_some("--use-dsse"));
            command.args(task.materials.iter().flat_map(|path| ["-m", path]));
            command.args(task.products.iter().flat_map(|path| ["-p", path]));
            Run::must(command.args(["--", "sh", "-c", task.script]));
        }
    }

    fn make_ours(&self, peer: Peer, form: Form, plan: &Plan, tasks: &[Task]) {
        let style = if peer == Peer::Legacy { "legacy" } else { "securesystemslib" };
        let style = ["--key-id-style", style];
        let dsse = (form == Form::Dsse).then_some("--dsse");
        let mut layout = plan.layout(|key| {
            let mut command = unbroken(self.folder.path());
            command.args(["key", "show", "--format", "layout"]).args(style);
            let text = Run::must(command.arg(self.public(key)));
            let object: Value = serde_json::from_str(&format!("{{{text}}}")).unwrap();
            let (id, key) = object.as_object().unwrap().iter().next().unwrap();
            (id.clone(), key.clone())
        });
        if self.is_certified() {
            certify(&mut layout, "pubkeys");
        }
        let bare = self.path("bare.layout");
        fs::write(&bare, layout.to_string()).unwrap();
        let mut command = unbroken(self.folder.path());
        command.args(["sign", "--key", OWNER, "--output", "links/root.layout"]);
        Run::must(command.args(style).args(dsse).arg(&bare));
        for task in tasks {
            let mut command = unbroken(&self.path("product"));
            command.args(["run", task.step, "--key"]).arg(self.path(MAKER)).args(style).args(dsse);
            if self.is_certified() {
                command.arg("--cert").arg(self.path(LEAF));
            }
            for (option, paths) in [("--materials", task.materials), ("--products", task.products)]
            {
                command.args((!paths.is_empty()).then_some(option)).args(paths);
            }
            command.arg("--link-dir").arg(self.path("links"));
            Run::must(command.args(["--", "sh", "-c", task.script]));
        }
    }

    /// Lets a peer judge the chain for an owner: accepted, or the reason of the rejection.
    pub(crate) fn judge(&mut self, peer: Peer, owner: &str) -> Result<(), String> {
        let (layout, links) = (self.path("links/root.layout"), self.path("links"));
        let (product, owner) = (self.path("product"), self.public(owner));
        let Some(servant) = self.servants.get_mut(&peer) else {
            let authorities = self.authorities.iter().map(|path| format!("--intermediates={path}"));
            let more: Vec<String> = authorities.collect();
            let verdict = judge_ours(&layout, &links, &[owner], &product, &more);
            return if verdict.accepted { Ok(()) } else { Err(verdict.reasons[0].clone()) };
        };
        let request = json!({
            "do": "judge", "layout": layout, "links": links, "keys": [owner], "product": product,
            "authorities": self.authorities,
        });
        let answer = asked(servant, &request)?;
        if answer["accepted"] == true {
            return Ok(());
        }
        let text = |member: &str| answer[member].as_str().unwrap().to_owned();
        // Golang has no classes of errors: its sentence tells.
        Err(if peer == Peer::Golang { sentence(&text("message")) } else { text("error") })
    }

    /// Changes a digit of a digest in the link of a step.
    pub(crate) fn edit(&self, step: &str) {
        let links = fs::read_dir(self.path("links")).unwrap().map(|entry| entry.unwrap().path());
        let is_of_step = |path: &Path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with(&format!("{step}.")) && path.extension().unwrap() == "link"
        };
        edit_digest(&links.into_iter().find(|path| is_of_step(path)).unwrap());
    }
}

/// Asks a servant; an error is what its library cannot do.
fn asked(servant: &mut Servant, request: &Value) -> Result<Value, String> {
    // `NotImplementedError: 1.3.2 has no DSSE`
    servant.attempt(request).map_err(|reason| reason.split(':').next().unwrap().to_owned())
}

/// Shortens a sentence to what does not change from run to run.
fn sentence(message: &str) -> String {
    let known = [
        "Signature has empty Certificate",
        "cert cannot be verified by provided roots and intermediates",
        "no signature found for key",
        "have a valid signature from an authorized signer",
        "invalid character",
        "accepted signatures do not match threshold",
        "failed parsing the PEM block",
    ];
    let known = known.into_iter().find(|part| message.contains(part));
    known.unwrap_or(message).to_owned()
}
