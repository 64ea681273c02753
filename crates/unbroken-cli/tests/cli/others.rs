//! Metadata that others made, where it lies beside the workspace.

use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use serde_json::Value;
use unbroken_testkit::{shared_vectors, skip};

use crate::support::{Sandbox, files_below};

/// Returns a folder of the metadata, or says that it is absent.
fn folder(name: &str, test: &str) -> Option<PathBuf> {
    let found = shared_vectors(name);
    if found.is_none() {
        skip(test, "there is no folder of metadata that others made");
    }
    found
}

/// The signatures of three statements hold; one of them is no statement, since it says `type`
/// where `_type` is due. The layout is recognised and not verified.
#[test]
fn attestations_of_a_peer_are_read_and_its_layout_is_refused() {
    let Some(folder) = folder("attestation-verifier", "attestations of a peer") else { return };
    let sandbox = Sandbox::of("chain");
    let folder = folder.to_str().unwrap();
    let key = format!("{folder}/test-data-raw/key.pub");
    for (step, said) in [
        ("build.fe1c6281.json", "SLSA provenance 1.0"),
        ("test.fe1c6281.json", "a test result"),
        ("clone.fe1c6281.json", "no statement: _type: the member is missing"),
    ] {
        let file = format!("{folder}/test-data/{step}");
        let outcome = sandbox.run(&format!("inspect --key {key} {file}"));
        assert_eq!(outcome.code, Some(0), "{step}: {}", outcome.stderr);
        assert!(outcome.stdout.contains("signed by every key given"), "{}", outcome.stdout);
        assert!(outcome.stdout.contains(said), "{step}: {}", outcome.stdout);
        let outcome = sandbox.run(&format!("inspect --key test-owner.pub {file}"));
        assert_eq!(outcome.code, Some(1), "{step}");
    }
    let layout = Path::new(folder).join("layouts").join("layout.yml").display().to_string();
    let outcome = sandbox.run(&format!("inspect {layout}"));
    assert!(outcome.stdout.starts_with("a layout of attestations in YAML"), "{}", outcome.stdout);
    let outcome = sandbox.run(&format!("verify --layout {layout} --trust {key}"));
    assert_eq!(outcome.code, Some(2));
    assert!(outcome.stderr.contains("which this release does not verify"), "{}", outcome.stderr);
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn the_key_and_the_payloads_of_a_peer_are_those_of_its_attestations() {
    let Some(folder) = folder("attestation-verifier", "payloads of a peer") else { return };
    let raw = folder.join("test-data-raw");
    let sandbox = Sandbox::of("chain");
    for file in ["key", "key.pub"] {
        let shown = sandbox.succeed(&format!("key show {}", raw.join(file).display())).stdout;
        assert!(shown.contains(" fe1c6281c5ff13e35286cc67e5a1fb3e"), "{file}: {shown}");
    }
    for file in ["build.json", "clone.json", "test.json"] {
        let step = file.trim_end_matches(".json");
        let envelope = json(&folder.join(format!("test-data/{step}.fe1c6281.json")));
        let payload = BASE64.decode(envelope["payload"].as_str().unwrap().as_bytes()).unwrap();
        let payload: Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(payload, json(&raw.join(file)), "{step}");
        // What nobody signed is no envelope, though it says the same.
        let line = format!("inspect --key {0}/key.pub {0}/{file}", raw.display());
        assert_eq!(sandbox.run(&line).code, Some(2), "{step}");
    }
}

/// The digest of each artifact that recording these arguments gives.
fn recorded(sandbox: &Sandbox, arguments: &str) -> Vec<(String, String)> {
    sandbox.succeed(&format!("run build --key test-owner {arguments}"));
    let here = std::fs::read_dir(sandbox.path()).unwrap().map(|entry| entry.unwrap().path());
    let mut links = here.filter(|file| file.extension().is_some_and(|end| end == "link"));
    let name = |file: &Path| file.file_name().unwrap().to_str().unwrap().starts_with("build.");
    let link = json(&links.find(|file| name(file)).unwrap());
    let materials = link["signed"]["materials"].as_object().unwrap();
    let digest = |value: &Value| value["sha256"].as_str().unwrap().to_owned();
    materials.iter().map(|(name, value)| (name.clone(), digest(value))).collect()
}

#[test]
fn files_of_a_peer_have_one_digest_whatever_ends_their_lines() {
    let Some(folder) = folder("in-toto-golang", "files of a peer") else { return };
    let sandbox = Sandbox::of("chain");
    let all =
        ["line-ending-linux", "line-ending-macos", "line-ending-mixed", "line-ending-windows"];
    let all = format!("-m {} --base-path {}", all.join(" "), folder.display());
    let plain = recorded(&sandbox, &all);
    let normal = recorded(&sandbox, &format!("{all} --normalize-line-endings"));
    assert_eq!((plain.len(), normal.len()), (4, 4));
    let linux = plain.iter().find(|(name, _)| name == "line-ending-linux").unwrap();
    assert!(normal.iter().all(|(_, digest)| *digest == linux.1), "{normal:?}");
    assert_eq!(plain.iter().filter(|(_, digest)| *digest == linux.1).count(), 1);

    let file = "foo.tar.gz";
    let product = recorded(&sandbox, &format!("-m {file} --base-path {}", folder.display()));
    let link = json(&folder.join("package.d3ffd108.link"));
    assert_eq!(link["signed"]["products"][file]["sha256"], product[0].1);
}

/// The X.509 certificates and their keys; no layout of the folder is verified with them here.
const CERTIFICATES: [&str; 6] = [
    "root.cert.pem",
    "root.key.pem",
    "example.com.intermediate.cert.pem",
    "example.com.intermediate.key.pem",
    "example.com.write-code.cert.pem",
    "example.com.write-code.key.pem",
];

/// Made by in-toto-rs, which lists ECDSA keys by the digits of their points.
#[test]
fn chains_of_the_rust_implementation_verify() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../unbroken-crypto/tests/data/rust");
    let sandbox = Sandbox::of("chain");
    for kind in ["ed25519", "ecdsa", "rsa"] {
        let place = folder.join(kind).display().to_string();
        let verify = format!("verify --layout {place}/root.layout --link-dir {place} --trust");
        let outcome = sandbox.run(&format!("{verify} {place}/owner.pub"));
        assert_eq!(outcome.code, Some(0), "{kind}: {}{}", outcome.stdout, outcome.stderr);
        assert_eq!(sandbox.run(&format!("{verify} test-owner.pub")).code, Some(1));
    }
}

/// A file is covered where a test names it. One that comes new to the folder is not.
#[test]
fn every_file_of_others_is_in_a_test() {
    let Some(golang) = folder("in-toto-golang", "files of others") else { return };
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let sources = files_below(crates).into_iter().filter(|file| {
        file.extension().is_some_and(|end| end == "rs")
            && file.components().any(|part| part.as_os_str() == "tests")
    });
    let sources: Vec<String> = sources.map(|file| std::fs::read_to_string(file).unwrap()).collect();
    for file in files_below(golang.parent().unwrap()) {
        let name = file.file_name().unwrap().to_str().unwrap();
        // A key pair is named by its private half.
        let name = name.strip_suffix(".pub").unwrap_or(name);
        let quoted = format!("\"{name}\"");
        let named = sources.iter().any(|source| source.contains(&quoted));
        assert!(named || name == "README.md", "no test names {}", file.display());
    }
    assert!(CERTIFICATES.iter().all(|name| golang.join(name).is_file()));
}
