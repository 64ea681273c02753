//! The private keys in JSON of the reference implementation before 2.0.

use unbroken_crypto::{KeyAlgorithm, KeyError, KeyIdStyle, Passphrase, PublicKey, SigningKey};
use unbroken_model::json::Value;

use crate::support::{data, hunter2, object, refusal};

fn text(name: &str) -> String {
    String::from_utf8(data(name)).unwrap()
}

fn read(text: &str) -> Result<SigningKey, KeyError> {
    SigningKey::read(text.as_bytes(), None)
}

fn open(text: &str) -> Result<SigningKey, KeyError> {
    SigningKey::read(text.as_bytes(), Some(&hunter2()))
}

#[test]
fn the_key_id_inside_is_the_legacy_one() {
    for name in ["old-ed25519.json", "old-ecdsa.json"] {
        let text = text(name);
        let key = read(&text).unwrap();
        let inside = object(&text).get("keyid").and_then(Value::as_str).unwrap().to_owned();
        assert_eq!(key.public().key_id(KeyIdStyle::Legacy), inside, "{name}");
    }
}

#[test]
fn what_is_written_is_read_and_salted_anew_each_time() {
    for algorithm in [
        KeyAlgorithm::Ed25519,
        KeyAlgorithm::EcdsaP256,
        KeyAlgorithm::EcdsaP384,
        KeyAlgorithm::EcdsaP521,
    ] {
        let key = SigningKey::generate(algorithm).unwrap();
        let plain = key.to_securesystemslib_json(None).unwrap();
        assert_eq!(read(&plain).unwrap().public(), key.public(), "{algorithm}");
        let encrypted = key.to_securesystemslib_json(Some(&hunter2())).unwrap();
        assert_eq!(open(&encrypted).unwrap().public(), key.public(), "{algorithm}");
        assert_ne!(encrypted, key.to_securesystemslib_json(Some(&hunter2())).unwrap());
        let public = key.public().to_securesystemslib_json();
        assert!(!public.contains("private"), "{public}");
        let public = PublicKey::from_pem_or_other(public.as_bytes()).unwrap();
        assert_eq!(&public, key.public(), "{algorithm}");
    }
}

#[test]
fn public_key_files_equal_those_of_the_reference() {
    for name in ["old-ed25519.pub.json", "old-ecdsa.pub.json"] {
        let theirs = text(name);
        let key = PublicKey::from_pem_or_other(theirs.as_bytes()).unwrap();
        assert_eq!(object(&key.to_securesystemslib_json()), object(&theirs), "{name}");
    }
}

#[test]
fn private_key_files_equal_those_of_the_reference() {
    for name in ["old-ed25519.json", "old-ecdsa.json"] {
        let theirs = text(name);
        let ours = read(&theirs).unwrap().to_securesystemslib_json(None).unwrap();
        let (ours, theirs) = (Value::from(object(&ours)), Value::from(object(&theirs)));
        assert_eq!(ours.to_compact(), theirs.to_compact(), "{name}");
    }
}

#[test]
fn keys_that_had_no_such_form_are_not_written() {
    let key = SigningKey::generate(KeyAlgorithm::MlDsa65).unwrap();
    let error = refusal(key.to_securesystemslib_json(None));
    assert!(matches!(error, KeyError::Unsupported { .. }), "{error}");
    let key = SigningKey::generate(KeyAlgorithm::Ed25519).unwrap();
    let empty = Passphrase::new(String::new());
    let error = refusal(key.to_securesystemslib_json(Some(&empty)));
    assert!(matches!(error, KeyError::PassphraseEmpty), "{error}");
}

#[test]
fn rsa_keys_are_written_as_pkcs1_plain_and_encrypted() {
    let key = SigningKey::generate_rsa(2048).unwrap();
    let plain = key.to_pkcs1_pem(None).unwrap();
    assert!(plain.starts_with("-----BEGIN RSA PRIVATE KEY-----\nMII"));
    assert_eq!(read(&plain).unwrap().public(), key.public());
    let encrypted = key.to_pkcs1_pem(Some(&hunter2())).unwrap();
    assert_ne!(encrypted, key.to_pkcs1_pem(Some(&hunter2())).unwrap(), "salted anew each time");
    let lines: Vec<&str> = encrypted.lines().take(4).collect();
    assert_eq!(lines[1], "Proc-Type: 4,ENCRYPTED");
    assert!(lines[2].starts_with("DEK-Info: AES-256-CBC,") && lines[3].is_empty(), "{lines:?}");
    assert_eq!(open(&encrypted).unwrap().public(), key.public());
    let wrong = Passphrase::new("hunter3".to_owned());
    let error = refusal(SigningKey::read(encrypted.as_bytes(), Some(&wrong)));
    assert!(matches!(error, KeyError::PassphraseWrong), "{error}");
    let error = refusal(key.to_pkcs1_pem(Some(&Passphrase::new(String::new()))));
    assert!(matches!(error, KeyError::PassphraseEmpty), "{error}");
    let other = SigningKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    assert!(matches!(refusal(other.to_pkcs1_pem(None)), KeyError::Unsupported { .. }));
}

#[test]
fn rsa_keys_of_other_sizes_are_not_made() {
    assert!(matches!(refusal(SigningKey::generate_rsa(1024)), KeyError::Weak { .. }));
    assert!(matches!(refusal(SigningKey::generate_rsa(2049)), KeyError::Unsupported { .. }));
}

#[test]
fn halves_that_do_not_belong_together_are_refused() {
    let (one, two) = (text("old-ed25519.json"), text("old-ed25519.encrypted.pub.json"));
    let public = |text: &str| {
        let object = object(text);
        let keyval = object.get("keyval").and_then(Value::as_object).unwrap();
        keyval.get("public").and_then(Value::as_str).unwrap().to_owned()
    };
    let mixed = one.replace(&public(&one), &public(&two));
    assert!(matches!(refusal(read(&mixed)), KeyError::Malformed { .. }));
}

#[test]
fn broken_objects_are_refused() {
    let good = text("old-ed25519.json");
    let (without_end, _) = good.split_at(good.len() - 5);
    let truncated = format!("{without_end}\"}}}}");
    assert!(matches!(refusal(read(&truncated)), KeyError::Malformed { .. }));
    let no_hex = format!("{without_end}zz\"}}}}");
    assert!(matches!(refusal(read(&no_hex)), KeyError::Malformed { .. }));
    let number = r#"{"keytype": "ed25519", "scheme": "ed25519", "keyval": {"private": 1}}"#;
    let error = refusal(read(number));
    assert!(matches!(error, KeyError::LayoutKeyMember { member: "private" }), "{error}");
    let error = refusal(read(r#"{"keyval": "x"}"#));
    assert!(matches!(error, KeyError::LayoutKeyMember { member: "keyval" }), "{error}");
    let scheme = good.replace(r#""scheme": "ed25519""#, r#""scheme": "rsassa-pss-sha256""#);
    assert!(matches!(refusal(read(&scheme)), KeyError::SchemeMismatch { .. }));
}

#[test]
fn encrypted_keys_are_checked_before_they_are_opened() {
    let good = text("old-ed25519.encrypted");
    let fields: Vec<&str> = good.split("@@@@").collect();
    let with = |index: usize, value: &str| {
        let mut fields = fields.clone();
        fields[index] = value;
        fields.join("@@@@")
    };
    // Salt, number of iterations, HMAC and ciphertext: each change is noticed by the HMAC.
    for (index, value) in [(0, "00"), (1, "99999"), (2, "00"), (2, ""), (4, "00"), (4, "")] {
        let error = refusal(open(&with(index, value)));
        assert!(matches!(error, KeyError::PassphraseWrong), "{index} {value:?}: {error}");
    }
    // The initialisation vector is not under it: the object that comes out is noise.
    let error = refusal(open(&with(3, &"00".repeat(16))));
    assert!(matches!(error, KeyError::Malformed { .. }), "{error}");
    for (index, value) in [(0, "0"), (1, "0"), (1, "ff"), (1, "99999999999"), (3, "00"), (4, "0")] {
        let error = refusal(open(&with(index, value)));
        assert!(matches!(error, KeyError::Malformed { .. }), "{index} {value:?}: {error}");
    }
    for text in ["@@@@", "00@@@@1@@@@00@@@@00", &format!("{good}@@@@00")] {
        assert!(matches!(refusal(open(text)), KeyError::Malformed { .. }), "{text}");
    }
    let error = refusal(open(&with(1, "10000001")));
    assert!(matches!(error, KeyError::DerivationTooExpensive { .. }), "{error}");
    let error = refusal(PublicKey::from_pem_or_other(good.as_bytes()));
    assert!(matches!(error, KeyError::PrivateHalfGiven { .. }), "{error}");
}
