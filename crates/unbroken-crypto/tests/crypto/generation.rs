//! Keys made here: used, written, read back, and read by OpenSSL.

use std::io::Write;
use std::process::Stdio;

use unbroken_crypto::{KeyAlgorithm, KeyError, Passphrase, SigningKey};

use crate::support::{hunter2, refusal};

#[test]
fn keys_of_every_algorithm_sign_and_come_back_from_pem() {
    for algorithm in KeyAlgorithm::ALL {
        assert_eq!(algorithm.name().parse::<KeyAlgorithm>().unwrap(), algorithm);
        let key = SigningKey::generate(algorithm).unwrap();
        let signature = key.sign(b"message").unwrap();
        assert_eq!(key.public().verify(b"message", &signature), Ok(()), "{algorithm}");

        let plain = key.to_pkcs8_pem(None).unwrap();
        assert!(plain.starts_with("-----BEGIN PRIVATE KEY-----\n"), "{algorithm}");
        let read = SigningKey::read(plain.as_bytes(), None).unwrap();
        assert_eq!(read.public(), key.public(), "{algorithm}");

        let encrypted = key.to_pkcs8_pem(Some(&hunter2())).unwrap();
        assert!(encrypted.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"), "{algorithm}");
        let read = SigningKey::read(encrypted.as_bytes(), Some(&hunter2())).unwrap();
        assert_eq!(read.public(), key.public(), "{algorithm}");
    }
}

#[test]
fn an_empty_passphrase_and_an_unknown_algorithm_are_refused() {
    let key = SigningKey::generate(KeyAlgorithm::Ed25519).unwrap();
    let empty = Passphrase::new(String::new());
    let error = refusal(key.to_pkcs8_pem(Some(&empty)));
    assert!(matches!(error, KeyError::PassphraseEmpty), "{error}");
    let error = refusal("rsa-1024".parse::<KeyAlgorithm>());
    assert!(matches!(error, KeyError::UnknownAlgorithm { .. }), "{error}");
}

/// OpenSSL 3.0 knows all of them but ML-DSA.
#[test]
fn openssl_reads_the_keys_plain_and_encrypted() {
    if openssl(&["version"], "").is_none() {
        println!("skipped: there is no openssl here");
        return;
    }
    for algorithm in [KeyAlgorithm::Ed25519, KeyAlgorithm::EcdsaP521, KeyAlgorithm::Rsa3072] {
        let key = SigningKey::generate(algorithm).unwrap();
        let expected = Some(key.public().spki_pem());
        let plain = key.to_pkcs8_pem(None).unwrap();
        assert_eq!(openssl(&["pkey", "-pubout"], &plain), expected, "{algorithm}");
        let encrypted = key.to_pkcs8_pem(Some(&hunter2())).unwrap();
        let open = ["pkey", "-pubout", "-passin", "pass:hunter2"];
        assert_eq!(openssl(&open, &encrypted), expected, "{algorithm}");
    }
}

#[expect(clippy::disallowed_types, reason = "the peer of this test is a program")]
fn openssl(arguments: &[&str], input: &str) -> Option<String> {
    let mut child = std::process::Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    child.stdin.take()?.write_all(input.as_bytes()).ok()?;
    let output = child.wait_with_output().ok()?;
    assert!(output.status.success(), "openssl {arguments:?} failed");
    String::from_utf8(output.stdout).ok()
}
