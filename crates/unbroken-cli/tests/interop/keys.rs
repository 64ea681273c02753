//! Key files travel in both directions, encrypted or not, and go by the same key id.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::plan::Side;
use crate::site::{Site, write};
use crate::tools::{Reference, Run, component, unbroken};

const KINDS: [&str; 6] =
    ["ed25519", "ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa-3072", "ml-dsa-65"];
const PASSPHRASE: &str = "hunter2 \u{fc}ber";

/// Signs an empty link with a key file and returns how that went.
fn sign(site: &Site, key: &str, passphrase: Option<&str>) -> Run {
    write(
        &site.path("bare.link"),
        r#"{"_type":"link","name":"s","command":[],"materials":{},"products":{},"byproducts":{},"environment":{}}"#,
    );
    let mut command = unbroken(site.folder.path());
    command.args(["sign", "--output", "signed.link", "--key", key, "bare.link"]);
    if let Some(passphrase) = passphrase {
        command
            .env("INTEROP_PASSPHRASE", passphrase)
            .args(["--passphrase-env", "INTEROP_PASSPHRASE"]);
    }
    Run::of(&mut command)
}

/// Returns the id of a public key as our program shows it.
fn shown_id(public: &Path) -> String {
    let mut command = unbroken(Path::new("."));
    command.args(["key", "show", "--format", "id", "--key-id-style", "securesystemslib"]);
    Run::must(command.arg(public)).trim().to_owned()
}

#[test]
fn the_reference_reads_our_keys() {
    let Some(reference) = Reference::find("the_reference_reads_our_keys") else { return };
    let mut site = Site::new(&reference);
    for kind in KINDS {
        for passphrase in [None, Some(PASSPHRASE)] {
            let what = format!("{kind}, {passphrase:?}");
            let file = site.key_file(&format!("{kind}-{}", passphrase.is_some()));
            let mut command = unbroken(site.folder.path());
            command.args(["key", "generate", "--type", kind, &file]);
            if let Some(passphrase) = passphrase {
                command.env("INTEROP_PASSPHRASE", passphrase);
                command.args(["--passphrase-env", "INTEROP_PASSPHRASE"]);
            }
            Run::must(&mut command);
            let public = format!("{file}.pub");
            let private_id = site
                .servant
                .ask(&json!({"do": "key-id", "private": file, "passphrase": passphrase}));
            let public_id = site.servant.ask(&json!({"do": "key-id", "public": public}));
            assert_eq!(private_id, public_id, "{what}");
            assert_eq!(private_id["keyid"], shown_id(Path::new(&public)), "{what}");
            // The tool reads it as well, and refuses another passphrase.
            let run = |given: Option<&str>| {
                let mut command = reference.tool("in-toto-run", site.folder.path());
                command.args(["--step-name", "s", "--signing-key", &file, "--no-command"]);
                Run::of(command.args(given.into_iter().flat_map(|given| ["--password", given])))
            };
            assert_eq!(run(passphrase).code, 0, "{what}");
            assert_eq!(run(Some("another")).code, 1, "{what}");
        }
    }
}

#[test]
fn we_read_the_keys_of_the_reference() {
    let Some(reference) = Reference::find("we_read_the_keys_of_the_reference") else { return };
    let mut site = Site::new(&reference);
    for kind in KINDS {
        for traditional in [false, true] {
            // RFC 8410 and ML-DSA keys have no older container.
            if traditional && matches!(kind, "ed25519" | "ml-dsa-65") {
                continue;
            }
            for passphrase in [None, Some(PASSPHRASE)] {
                let what = format!("{kind}, traditional {traditional}, {passphrase:?}");
                let file = site.key_file("key");
                let made = site.servant.ask(&json!({
                    "do": "generate-key", "kind": kind, "out": file,
                    "passphrase": passphrase, "traditional": traditional,
                }));
                let public = format!("{file}.pub");
                assert_eq!(made["keyid"], shown_id(Path::new(&public)), "{what}");
                let run = sign(&site, &file, passphrase);
                assert_eq!(run.code, 0, "{what}: {}", run.stderr);
                if passphrase.is_some() {
                    let run = sign(&site, &file, Some("another"));
                    assert_ne!(run.code, 0, "{what}: another passphrase");
                }
            }
        }
    }
}

#[test]
fn both_read_the_keys_of_openssl() {
    let name = "both_read_the_keys_of_openssl";
    let Some(reference) = Reference::find(name) else { return };
    let Some(openssl) = component("UNBROKEN_TEST_OPENSSL", name) else { return };
    let mut site = Site::new(&reference);
    let kinds: [&[&str]; 3] = [
        &["-algorithm", "ed25519"],
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
        &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"],
    ];
    for kind in kinds {
        for encrypted in [false, true] {
            let what = format!("{kind:?}, encrypted {encrypted}");
            let file = site.key_file("key");
            let passphrase = encrypted.then_some("hunter2");
            let mut command = Command::new(&openssl);
            command.arg("genpkey").args(kind).args(["-quiet", "-out", &file]);
            command.args(
                encrypted.then_some(["-aes-256-cbc", "-pass", "pass:hunter2"]).iter().flatten(),
            );
            Run::must(&mut command);
            let public = format!("{file}.pub");
            let mut command = Command::new(&openssl);
            command.args(["pkey", "-in", &file, "-pubout", "-out", &public]);
            Run::must(command.args(["-passin", "pass:hunter2"]));
            let theirs = site
                .servant
                .ask(&json!({"do": "key-id", "private": file, "passphrase": passphrase}));
            assert_eq!(theirs["keyid"], shown_id(Path::new(&public)), "{what}");
            let run = sign(&site, &file, passphrase);
            assert_eq!(run.code, 0, "{what}: {}", run.stderr);
        }
    }
}

#[test]
fn a_key_pair_changes_hands() {
    let Some(reference) = Reference::find("a_key_pair_changes_hands") else { return };
    let mut site = Site::new(&reference);
    // A key of the reference signs here, and the reference's own tool finds the signature good.
    site.make_key(Side::Reference, "ecdsa-p256", "maker");
    let signed = sign(&site, &site.key_file("maker"), None);
    assert_eq!(signed.code, 0, "{}", signed.stderr);
    let link = std::fs::read_to_string(site.path("signed.link")).unwrap();
    let link: serde_json::Value = serde_json::from_str(&link).unwrap();
    assert_eq!(link["signatures"][0]["keyid"], site.key_id("maker"));
    let mut command = reference.tool("in-toto-sign", site.folder.path());
    command.args(["--verify", "--file", "signed.link", "--key"]);
    Run::must(command.arg(format!("{}.pub", site.key_file("maker"))));
}
