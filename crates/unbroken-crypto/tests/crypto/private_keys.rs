//! Private keys as OpenSSL, OpenSSH and pyca/cryptography write them; the passphrase is `hunter2`.

use unbroken_crypto::{KeyError, Passphrase, SigningKey};

use crate::support::{data, hunter2, private, public, refusal};

fn opens_to(file: &str, passphrase: Option<&Passphrase>, public_file: &str) {
    let key =
        SigningKey::read(&data(file), passphrase).unwrap_or_else(|error| panic!("{file}: {error}"));
    assert_eq!(key.public(), &public(public_file), "{file}");
    let signature = key.sign(b"message").unwrap();
    assert_eq!(public(public_file).verify(b"message", &signature), Ok(()), "{file}");
}

#[test]
fn plain_private_keys_of_every_format_are_read() {
    for (file, public_file) in [
        ("ed25519.pem", "ed25519.pub.pem"),
        ("p256.pem", "p256.pub.pem"),
        ("p384.pem", "p384.pub.pem"),
        ("p521.pem", "p521.pub.pem"),
        ("rsa.pem", "rsa.pub.pem"),
        ("ml-dsa-65.pem", "ml-dsa-65.pub.pem"),
        ("rsa.pkcs1.pem", "rsa.pub.pem"),
        ("p256.sec1.pem", "p256.pub.pem"),
        ("p256.sec1-no-public.pem", "p256.pub.pem"),
        ("p256.no-public.pem", "p256.pub.pem"),
        ("ssh-ed25519", "ssh-ed25519.pub"),
        ("ssh-ecdsa256", "ssh-ecdsa256.pub"),
        ("ssh-ecdsa384", "ssh-ecdsa384.pub"),
        ("ssh-ecdsa521", "ssh-ecdsa521.pub"),
        ("ssh-rsa", "ssh-rsa.pub"),
        ("old-ed25519.json", "old-ed25519.pub.json"),
        ("old-ecdsa.json", "old-ecdsa.pub.json"),
    ] {
        opens_to(file, None, public_file);
    }
}

#[test]
fn encrypted_private_keys_of_every_format_are_opened() {
    for (file, public_file) in ENCRYPTED {
        opens_to(file, Some(&hunter2()), public_file);
    }
}

const ENCRYPTED: [(&str, &str); 15] = [
    ("ed25519.scrypt.pem", "ed25519.pub.pem"),
    ("p256.pbkdf2.pem", "p256.pub.pem"),
    ("p384.pbkdf2-sha512.pem", "p384.pub.pem"),
    ("rsa.des3.pem", "rsa.pub.pem"),
    ("ml-dsa-65.encrypted.pem", "ml-dsa-65.pub.pem"),
    ("ssh-ed25519.encrypted", "ssh-ed25519.pub"),
    ("ssh-ecdsa384.encrypted", "ssh-ecdsa384.pub"),
    ("ssh-rsa.encrypted", "ssh-rsa.pub"),
    ("rsa.legacy-encrypted.pem", "rsa.pub.pem"),
    ("p256.legacy-aes128.pem", "p256.pub.pem"),
    ("p256.legacy-aes192.pem", "p256.pub.pem"),
    ("p256.legacy-des3.pem", "p256.pub.pem"),
    ("old-ed25519.encrypted", "old-ed25519.encrypted.pub.json"),
    ("old-ecdsa.encrypted", "old-ecdsa.encrypted.pub.json"),
    ("old-rsa.encrypted.pem", "old-rsa.encrypted.pub.pem"),
];

#[test]
fn a_missing_or_wrong_passphrase_is_said_to_be_that() {
    for (file, _) in ENCRYPTED {
        let missing = refusal(SigningKey::read(&data(file), None));
        assert!(matches!(missing, KeyError::PassphraseMissing), "{file}: {missing}");
        for wrong in ["hunter3", "Hunter2", ""] {
            let wrong = Passphrase::new(wrong.to_owned());
            let error = refusal(SigningKey::read(&data(file), Some(&wrong)));
            assert!(matches!(error, KeyError::PassphraseWrong), "{file}: {error}");
        }
    }
}

#[test]
fn a_passphrase_for_a_plain_key_is_refused() {
    for file in ["ed25519.pem", "rsa.pkcs1.pem", "p256.sec1.pem", "ssh-ed25519", "old-ed25519.json"]
    {
        let error = refusal(SigningKey::read(&data(file), Some(&hunter2())));
        assert!(matches!(error, KeyError::PassphraseNotNeeded), "{file}: {error}");
    }
}

#[test]
fn the_public_half_is_said_to_be_that() {
    for file in [
        "ed25519.pub.pem",
        "rsa.pkcs1.pub.pem",
        "certificate.pem",
        "ssh-rsa.pub",
        "ssh-ecdsa256.pub",
        "old-ed25519.pub.json",
        "old-ecdsa.pub.json",
    ] {
        let error = refusal(SigningKey::read(&data(file), None));
        assert!(matches!(error, KeyError::PublicHalfGiven { .. }), "{file}: {error}");
    }
}

#[test]
fn keys_that_ask_for_endless_work_are_refused_at_once() {
    for (file, said) in [
        ("p256.too-many-iterations.pem", "20000000 iterations"),
        ("ssh-ed25519.many-rounds", "2000 rounds"),
    ] {
        match refusal(SigningKey::read(&data(file), Some(&hunter2()))) {
            KeyError::DerivationTooExpensive { what } => assert!(what.contains(said), "{what}"),
            other => panic!("{file}: {other}"),
        }
    }
}

#[test]
fn unsupported_encryption_is_named() {
    for (file, passphrase, said) in [
        ("p256.pbes1.pem", Some(hunter2()), "1.2.840.113549.1.12.1.3"),
        ("p521.pbkdf2-sha1.pem", Some(hunter2()), "1.2.840.113549.2.7"),
        ("p256.legacy-des.pem", Some(hunter2()), "\"DES-CBC\" in the legacy PEM encryption"),
    ] {
        match refusal(SigningKey::read(&data(file), passphrase.as_ref())) {
            KeyError::UnsupportedEncryption { what } => assert!(what.contains(said), "{what}"),
            other => panic!("{file}: {other}"),
        }
    }
}

#[test]
fn unsupported_kinds_are_named() {
    for (file, said) in [
        ("p224.pem", "P-224"),
        ("secp256k1.pem", "secp256k1"),
        ("secp256k1.sec1.pem", "secp256k1"),
        ("ssh-dsa", "ssh-dss"),
    ] {
        match refusal(SigningKey::read(&data(file), None)) {
            KeyError::Unsupported { what } => assert!(what.contains(said), "{what}"),
            other => panic!("{file}: {other}"),
        }
    }
}

#[test]
fn weak_rsa_keys_are_refused() {
    let error = refusal(SigningKey::read(&data("rsa-1024.pem"), None));
    assert!(matches!(error, KeyError::Weak { .. }), "{error}");
}

#[test]
fn what_is_no_key_is_said_to_be_that() {
    for text in [&b""[..], b"hello", b"\xff\xfe", b"[]"] {
        let error = refusal(SigningKey::read(text, None));
        assert!(matches!(error, KeyError::NotAKey), "{error}");
    }
    let text = b"-----BEGIN X509 CRL-----\nAAEC\n-----END X509 CRL-----\n";
    let error = refusal(SigningKey::read(text, None));
    assert!(matches!(error, KeyError::UnknownPemLabel { label } if label == "X509 CRL"));
}

#[test]
fn a_truncated_or_altered_key_is_malformed() {
    for label in ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY"] {
        let text = format!("-----BEGIN {label}-----\nMAMCAQAA\n-----END {label}-----\n");
        let error = refusal(SigningKey::read(text.as_bytes(), None));
        assert!(matches!(error, KeyError::Malformed { .. }), "{label}: {error}");
    }
}

#[test]
fn printing_a_private_key_shows_its_public_half_only() {
    let key = private("ed25519.pem");
    let text = format!("{key:?}");
    assert!(text.contains("redacted") && text.contains(&key.public().material().to_string()));
    assert!(text.len() < 160, "{text}");
}
