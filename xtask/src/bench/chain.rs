//! Chains to verify: three steps over the same artifacts, tied by MATCH and closed by DISALLOW.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use data_encoding::{BASE64_MIME, HEXLOWER};
use serde_json::{Value, json};

use crate::process::Failure;

use super::tools::Tools;

/// A signed chain on disk.
pub(super) struct Chain {
    pub(super) layout: PathBuf,
    pub(super) trust: PathBuf,
    pub(super) links: PathBuf,
    /// An empty working directory: the chain has no inspection, nothing is read from it.
    pub(super) product: PathBuf,
}

/// The public half of a functionary, as a layout names it.
struct Functionary {
    key_id: String,
    public: String,
}

const STEPS: [&str; 3] = ["checkout", "build", "scan"];

impl Chain {
    /// Makes a chain of three steps over `artifacts` artifacts: the first makes them, the others pass
    /// them on, as materials and as products.
    pub(super) fn make(tools: &Tools, folder: &Path, artifacts: usize) -> Result<Self, Failure> {
        Self::make_with(tools, folder, artifacts, "")
    }

    /// The same with more artifacts: members of JSON, each behind a comma, below `src/`.
    pub(super) fn make_with(
        tools: &Tools,
        folder: &Path,
        artifacts: usize,
        more: &str,
    ) -> Result<Self, Failure> {
        let chain = Self {
            layout: folder.join("root.layout"),
            trust: folder.join("owner.pub"),
            links: folder.join("links"),
            product: folder.join("product"),
        };
        fs::create_dir_all(&chain.links)?;
        fs::create_dir_all(&chain.product)?;
        let owner = folder.join("owner");
        tools.generate_key(&owner)?;
        let artifacts = artifacts_text(artifacts)? + more;
        let mut functionaries = Vec::new();
        for step in STEPS {
            let key = folder.join(step);
            tools.generate_key(&key)?;
            functionaries.push(chain.write_link(tools, step, &key, &artifacts)?);
        }
        fs::write(&chain.layout, unsigned(&layout(&functionaries).to_string()))?;
        tools.sign(&chain.layout, &owner)?;
        Ok(chain)
    }

    /// Writes a step's link under the name that the format demands; its signature tells the key id.
    fn write_link(
        &self,
        tools: &Tools,
        step: &str,
        key: &Path,
        artifacts: &str,
    ) -> Result<Functionary, Failure> {
        let materials = if step == "checkout" { "" } else { artifacts };
        let link = format!(
            r#"{{"_type":"link","name":"{step}","command":["true"],"materials":{{{materials}}},"products":{{{artifacts}}},"byproducts":{{"return-value":0,"stderr":"","stdout":""}},"environment":{{}}}}"#
        );
        let file = self.links.join(format!("{step}.link"));
        fs::write(&file, unsigned(&link))?;
        tools.sign(&file, key)?;
        let key_id = key_id_of_signature(&fs::read_to_string(&file)?)?;
        let prefix = key_id.get(..8).ok_or("the key id is shorter than eight digits")?;
        fs::rename(&file, self.links.join(format!("{step}.{prefix}.link")))?;
        Ok(Functionary { key_id, public: public_hex(&key.with_extension("pub"))? })
    }
}

fn unsigned(payload: &str) -> String {
    format!(r#"{{"signatures":[],"signed":{payload}}}"#)
}

fn artifacts_text(count: usize) -> Result<String, Failure> {
    let mut text = String::new();
    for number in 0..count {
        let comma = if number == 0 { "" } else { "," };
        write!(text, r#"{comma}"src/{number:06}.c":{{"sha256":"{number:064x}"}}"#)?;
    }
    Ok(text)
}

fn layout(functionaries: &[Functionary]) -> Value {
    let keys: serde_json::Map<String, Value> = functionaries
        .iter()
        .map(|functionary| {
            let key = json!({
                "keyid": functionary.key_id, "keytype": "ed25519", "scheme": "ed25519",
                "keyval": { "public": functionary.public },
            });
            (functionary.key_id.clone(), key)
        })
        .collect();
    let steps: Vec<Value> = STEPS
        .iter()
        .zip(functionaries)
        .map(|(step, functionary)| {
            let (materials, products) = if *step == "checkout" {
                (json!([["DISALLOW", "*"]]), json!([["CREATE", "src/*"], ["DISALLOW", "*"]]))
            } else {
                let from_checkout = json!(["MATCH", "*", "WITH", "PRODUCTS", "FROM", "checkout"]);
                let rules = json!([from_checkout, ["DISALLOW", "*"]]);
                (rules.clone(), rules)
            };
            json!({
                "_type": "step", "name": step, "threshold": 1, "pubkeys": [functionary.key_id],
                "expected_command": ["true"],
                "expected_materials": materials, "expected_products": products,
            })
        })
        .collect();
    json!({
        "_type": "layout", "expires": "2099-01-01T00:00:00Z", "readme": "",
        "keys": keys, "steps": steps, "inspect": [],
    })
}

fn key_id_of_signature(file: &str) -> Result<String, Failure> {
    let (_, rest) = file.split_once(r#""keyid""#).ok_or("the signed link names no key id")?;
    Ok(rest.split('"').nth(1).ok_or("the signed link names no key id")?.to_owned())
}

/// The 32 bytes of an ed25519 key in hex: the end of its SubjectPublicKeyInfo.
fn public_hex(file: &Path) -> Result<String, Failure> {
    let pem = fs::read_to_string(file)?;
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = BASE64_MIME.decode(body.as_bytes())?;
    let key = der.last_chunk::<32>().ok_or("the public key file is too short")?;
    Ok(HEXLOWER.encode(key))
}
