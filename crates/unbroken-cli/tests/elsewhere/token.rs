//! Keys on a token: SoftHSM, through its module as any other.

use std::path::Path;
use std::process::Command;

use crate::bench::{Bench, component};

const PIN: &str = "pin-4711-of-the-test";

/// Makes a token with keys of every kind, imported from files.
fn token(bench: &mut Bench, module: &Path, openssl: &Path) {
    let tokens = bench.path().join("tokens");
    std::fs::create_dir(&tokens).unwrap();
    let conf = bench.path().join("softhsm2.conf");
    std::fs::write(&conf, format!("directories.tokendir = {}\n", tokens.display())).unwrap();
    bench.environment.push(("SOFTHSM2_CONF", conf.to_str().unwrap().to_owned()));
    bench.environment.push(("UNBROKEN_PKCS11_MODULE", module.to_str().unwrap().to_owned()));
    std::fs::write(bench.path().join("pin.txt"), PIN).unwrap();
    bench.must(util().args([
        "--init-token",
        "--free",
        "--label",
        "test",
        "--pin",
        PIN,
        "--so-pin",
        "12345678",
    ]));
    for (id, kind) in KINDS {
        let file = format!("{id}.pem");
        bench.must(Command::new(openssl).arg("genpkey").args(kind).args(["-out", &file]));
        bench.must(util().args([
            "--import",
            &file,
            "--token",
            "test",
            "--pin",
            PIN,
            "--label",
            &format!("key-{id}"),
            "--id",
            id,
        ]));
        std::fs::remove_file(bench.path().join(file)).unwrap();
    }
}

fn util() -> Command {
    Command::new("softhsm2-util")
}

/// Key ids on the token, and how openssl makes the keys.
const KINDS: [(&str, &[&str]); 5] = [
    ("A1", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
    ("A2", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]),
    ("A3", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"]),
    ("A4", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"]),
    ("A5", &["-algorithm", "ED25519"]),
];

#[test]
fn a_key_on_a_token_signs_and_is_verified_by_both() {
    const TEST: &str = "a_key_on_a_token_signs_and_is_verified_by_both";
    let Some(module) = component("UNBROKEN_TEST_SOFTHSM", TEST) else { return };
    let Some(openssl) = component("UNBROKEN_TEST_OPENSSL", TEST) else { return };
    let python = component("UNBROKEN_TEST_PYTHON", TEST);
    let mut bench = Bench::new();
    token(&mut bench, &module, &openssl);
    for (id, _) in KINDS {
        let uri = format!("pkcs11:token=test;id=%{id}");
        let pin = ["--passphrase-file", "pin.txt"];
        bench.signs_and_is_verified(&uri, &pin, python.as_deref());
    }
    let uri = "pkcs11:token=test;object=key-A5?pin-source=file:pin.txt";
    bench.signs_and_is_verified(uri, &[], None);
    bench.keeps_secrets(uri, &[], &[PIN.as_bytes()], &["pin.txt"]);
    bench.environment.push(("PIN_OF_THE_TEST", PIN.to_owned()));
    let by_variable = ["--passphrase-env", "PIN_OF_THE_TEST"];
    let uri = "pkcs11:token=test;object=key-A2";
    bench.keeps_secrets(uri, &by_variable, &[PIN.as_bytes()], &["pin.txt"]);
    bench.environment.pop();

    let refused = |uri: &str, reason: &str| {
        let said = bench.unbroken(&["key", "show", uri, "--passphrase-file", "pin.txt"]);
        assert_eq!(said.code, 2, "{uri}: {}", said.stderr);
        assert!(said.stderr.contains(reason), "{uri}: {}", said.stderr);
        assert!(!format!("{}{}", said.stdout, said.stderr).contains(PIN), "{uri}");
    };
    refused("pkcs11:token=test", "several keys fit");
    refused("pkcs11:token=test;object=other", "key-A1");
    refused("pkcs11:token=other", "token=test");
    refused("pkcs11:token=test;object=key-A5?module-path=/nowhere.so", "cannot load");
    refused(&format!("pkcs11:token=test;object=key-A5?pin-value={PIN}"), "pin-source");
    let said = bench.unbroken(&["key", "show", "pkcs11:token=test;object=key-A5"]);
    assert!(said.code == 2 && said.stderr.contains("needs a PIN"), "{}", said.stderr);
    std::fs::write(bench.path().join("pin.txt"), "wrong").unwrap();
    let said = bench.unbroken(&[
        "key",
        "show",
        "pkcs11:token=test;id=%A5",
        "--passphrase-file",
        "pin.txt",
    ]);
    assert!(said.code == 2 && said.stderr.contains("refused the PIN"), "{}", said.stderr);
}

#[test]
fn without_a_module_nothing_is_loaded() {
    let bench = Bench::new();
    let said = bench.unbroken(&["key", "show", "pkcs11:token=test"]);
    assert!(said.code == 2 && said.stderr.contains("UNBROKEN_PKCS11_MODULE"), "{}", said.stderr);
}
