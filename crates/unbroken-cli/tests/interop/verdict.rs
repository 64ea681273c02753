//! Verification by either side, and what it came to.

use std::path::Path;

use data_encoding::BASE64;
use serde_json::Value;

use crate::plan::Side;
use crate::site::Site;
use crate::tools::{Reference, Run, copy_tree, unbroken};

/// What a side says of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) accepted: bool,
    /// Our finding codes that reject, or the class of the reference's exception.
    pub(crate) reasons: Vec<String>,
    /// Our finding codes that warn.
    pub(crate) warned: Vec<String>,
}

impl Verdict {
    /// Fails the test unless the chain was accepted.
    #[track_caller]
    pub(crate) fn expect_accepted(&self, what: &str) {
        assert!(self.accepted, "{what}: {:?}", self.reasons);
    }

    /// Fails the test unless the chain was rejected for this reason.
    #[track_caller]
    pub(crate) fn expect_rejected(&self, reason: &str, what: &str) {
        assert!(!self.accepted, "{what}: accepted, but it has the fault {reason}");
        assert!(self.reasons.iter().any(|found| found == reason), "{what}: {:?}", self.reasons);
    }
}

impl Site {
    /// Lets a side verify the chain in `links/root.layout` for the owners.
    pub(crate) fn verify(&self, side: Side, owners: &[&str]) -> Verdict {
        let owners: Vec<String> =
            owners.iter().map(|key| format!("{}.pub", self.key_file(key))).collect();
        let (layout, links) = (self.path("links/root.layout"), self.path("links"));
        match side {
            Side::Ours => judge_ours(&layout, &links, &owners, &self.path("product"), &[]),
            Side::Reference => {
                judge_reference(&self.reference, &layout, &links, &owners, &self.path("product"))
            }
        }
    }

    /// Changes the first hexadecimal digit of the first digest in a signed link.
    pub(crate) fn edit_digest(&self, step: &str, key: &str) {
        edit_digest(&self.path("links").join(self.link_name(step, key)));
    }
}

/// Lets our program verify a chain.
pub(crate) fn judge_ours(
    layout: &Path,
    links: &Path,
    owners: &[String],
    product: &Path,
    more: &[String],
) -> Verdict {
    let mut command = unbroken(layout.parent().unwrap());
    command.args(["verify", "--format", "json", "--layout"]).arg(layout);
    command.arg("--link-dir").arg(links).arg("--product").arg(product);
    command.args(owners.iter().flat_map(|file| ["--trust", file])).args(more);
    let run = Run::of(&mut command);
    assert!(run.code == 0 || run.code == 1, "{command:?}\n{}\n{}", run.stdout, run.stderr);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let accepted = report["verdict"] == "verified";
    assert_eq!(accepted, run.code == 0, "the exit code tells the verdict: {report}");
    let findings = report["findings"].as_array().unwrap();
    let codes = |severity: &str| -> Vec<String> {
        let some = findings.iter().filter(|finding| finding["severity"] == severity);
        some.map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
    };
    Verdict { accepted, reasons: codes("error"), warned: codes("warning") }
}

/// Lets the reference's tool verify a chain, on a copy: its inspections write into the product.
pub(crate) fn judge_reference(
    reference: &Reference,
    layout: &Path,
    links: &Path,
    owners: &[String],
    product: &Path,
) -> Verdict {
    let scratch = tempfile::tempdir().unwrap();
    copy_tree(product, scratch.path());
    let mut command = reference.tool("in-toto-verify", scratch.path());
    command.arg("--layout").arg(layout).arg("--link-dir").arg(links);
    let run = Run::of(command.arg("--verification-keys").args(owners));
    assert!(run.code == 0 || run.code == 1, "{command:?}\n{}", run.stderr);
    // `(in-toto-verify) RuleVerificationError: 'DISALLOW *' matched ...`
    let told = run.stderr.lines().filter_map(|line| line.strip_prefix("(in-toto-verify) "));
    let reasons = told.filter_map(|line| line.split_once(':')).map(|(class, _)| class.to_owned());
    Verdict { accepted: run.code == 0, reasons: reasons.collect(), warned: Vec::new() }
}

/// Changes the first hexadecimal digit of the first digest in a signed document.
pub(crate) fn edit_digest(file: &Path) {
    let text = std::fs::read_to_string(file).unwrap();
    std::fs::write(file, edit_payload(&text, flip_digit)).unwrap();
}

/// Returns the text that was signed: the payload, or the document that holds it.
pub(crate) fn signed_text(text: &str) -> String {
    let document: Value = serde_json::from_str(text).unwrap();
    let payload = document["payload"].as_str();
    let decode = |payload: &str| BASE64.decode(payload.as_bytes()).unwrap();
    payload.map_or_else(|| text.to_owned(), |payload| String::from_utf8(decode(payload)).unwrap())
}

/// Changes the text that was signed, and leaves the signatures as they are.
pub(crate) fn edit_payload(text: &str, edit: impl FnOnce(&str) -> String) -> String {
    let document: Value = serde_json::from_str(text).unwrap();
    let edited = match document["payload"].as_str() {
        None => edit(text),
        Some(payload) => {
            let inner = signed_text(text);
            text.replacen(payload, &BASE64.encode(edit(&inner).as_bytes()), 1)
        }
    };
    assert_ne!(edited, text, "the edit changes something");
    edited
}

/// Changes the first hexadecimal digit of the first SHA-256.
pub(crate) fn flip_digit(text: &str) -> String {
    const BEFORE: &str = "\"sha256\":";
    let at = text.find(BEFORE).expect("the document names a digest") + BEFORE.len();
    let at = at + text[at..].find('"').unwrap() + 1;
    let other = if text[at..].starts_with('0') { "1" } else { "0" };
    format!("{}{other}{}", &text[..at], &text[at + 1..])
}
