//! Public keys in every format, and the ones that are refused.

use unbroken_crypto::{KeyError, PublicKey, SignatureScheme};

use crate::support::{data, private, public, refusal};

#[test]
fn one_key_in_several_encodings_is_one_key() {
    // SubjectPublicKeyInfo and PKCS#1; an uncompressed and a compressed point; CRLF line ends;
    // text around the block.
    assert_eq!(public("rsa.pub.pem").material(), public("rsa.pkcs1.pub.pem").material());
    assert_eq!(public("p256.pub.pem").material(), public("p256.compressed.pub.pem").material());
    let text = String::from_utf8(data("p256.pub.pem")).unwrap();
    for variant in
        [text.replace('\n', "\r\n"), format!("a comment\n{text}\nmore"), text.trim().to_owned()]
    {
        let key = PublicKey::from_pem_or_other(variant.as_bytes()).unwrap();
        assert_eq!(key.material(), public("p256.pub.pem").material());
        assert_eq!(key.spki_pem(), text);
    }
}

#[test]
fn one_key_under_two_schemes_is_one_key() {
    let pss = public("rsa.pub.pem");
    let pkcs1 = pss.with_scheme(SignatureScheme::RsaPkcs1v15Sha256).unwrap();
    assert_eq!((pss.material(), &pss), (pkcs1.material(), &pkcs1));
    assert_eq!(pkcs1.scheme(), SignatureScheme::RsaPkcs1v15Sha256);
    let error = refusal(pss.with_scheme(SignatureScheme::Ed25519));
    assert!(matches!(error, KeyError::SchemeMismatch { actual: "RSA", .. }), "{error}");
}

#[test]
fn every_kind_is_read_and_written_back() {
    for (file, key_type, scheme) in [
        ("ed25519.pub.pem", "ed25519", "ed25519"),
        ("p256.pub.pem", "ecdsa", "ecdsa-sha2-nistp256"),
        ("p384.pub.pem", "ecdsa", "ecdsa-sha2-nistp384"),
        ("p521.pub.pem", "ecdsa", "ecdsa-sha2-nistp521"),
        ("rsa.pub.pem", "rsa", "rsassa-pss-sha256"),
        ("ml-dsa-65.pub.pem", "ml-dsa", "ml-dsa-65/1"),
    ] {
        let key = public(file);
        assert_eq!((key.key_type(), key.scheme().name()), (key_type, scheme));
        assert_eq!(key.spki_pem().as_bytes(), data(file), "{file}");
        assert!(key.describe().starts_with(key_type));
    }
    for file in ["ssh-ed25519", "ssh-ecdsa256", "ssh-ecdsa384", "ssh-ecdsa521", "ssh-rsa"] {
        assert_eq!(&public(&format!("{file}.pub")), private(file).public(), "{file}");
    }
    assert_eq!(private("ml-dsa-44.pem").public().scheme(), SignatureScheme::MlDsa44);
    assert_eq!(private("ml-dsa-87.pem").public().scheme(), SignatureScheme::MlDsa87);
}

#[test]
fn unsupported_kinds_are_named() {
    for (file, said) in [
        ("p224.pub.pem", "P-224"),
        ("secp256k1.pub.pem", "secp256k1"),
        ("p256.explicit.pub.pem", "not given by its name"),
        ("ed448.pub.pem", "Ed448"),
        ("x25519.pub.pem", "1.3.101.110"),
        ("dsa.pub.pem", "DSA"),
        ("rsa-pss-only.pub.pem", "RSASSA-PSS"),
        ("certificate.pem", "certificate"),
        ("ssh-dsa.pub", "ssh-dss"),
        ("ssh-certificate.pub", "certificate"),
    ] {
        match refusal(PublicKey::from_pem_or_other(&data(file))) {
            KeyError::Unsupported { what } => assert!(what.contains(said), "{what}"),
            other => panic!("{file}: {other}"),
        }
    }
}

#[test]
fn weak_keys_are_refused() {
    for file in ["rsa-1024.pub.pem", "rsa-exponent-3.pub.pem"] {
        let error = refusal(PublicKey::from_pem_or_other(&data(file)));
        assert!(matches!(error, KeyError::Weak { .. }), "{file}: {error}");
    }
}

#[test]
fn ed25519_keys_of_low_order_are_refused() {
    let mut spki = public("ed25519.pub.pem").spki_der().to_vec();
    let start = spki.len() - 32;
    for (first, last) in [(0, 0), (0, 0x80), (1, 0)] {
        spki[start..].fill(0);
        spki[start] = first;
        spki[start + 31] = last;
        let error = refusal(PublicKey::from_spki_der(&spki));
        assert!(matches!(error, KeyError::Weak { .. }), "{error}");
    }
}

#[test]
fn the_private_half_is_said_to_be_that() {
    for file in
        ["ed25519.pem", "rsa.pkcs1.pem", "p256.sec1.pem", "ed25519.scrypt.pem", "ssh-ed25519"]
    {
        let error = refusal(PublicKey::from_pem_or_other(&data(file)));
        assert!(matches!(error, KeyError::PrivateHalfGiven { .. }), "{file}: {error}");
    }
}

#[test]
fn what_is_a_key_of_another_sort_is_named() {
    for (label, named) in [
        ("CERTIFICATE", "an X.509 certificate in place of a key"),
        ("PGP PUBLIC KEY BLOCK", "an OpenPGP key"),
    ] {
        let text = format!("-----BEGIN {label}-----\n\nAAEC\n-----END {label}-----\n");
        match refusal(PublicKey::from_pem_or_other(text.as_bytes())) {
            KeyError::Unsupported { what } => assert_eq!(what, named),
            other => panic!("{other}"),
        }
    }
}

/// Taking the first and dropping the rest would be a silent omission.
#[test]
fn a_text_of_two_keys_is_refused() {
    for file in ["p256.pub.pem", "ssh-ed25519.pub"] {
        let one = data(file);
        let error = refusal(PublicKey::from_pem_or_other(&[one.as_slice(), &one].concat()));
        assert!(matches!(error, KeyError::SeveralKeys), "{file}: {error}");
    }
    let commented = [b"# the builder's key\n\n", data("ssh-ed25519.pub").as_slice()].concat();
    assert_eq!(PublicKey::from_pem_or_other(&commented).unwrap(), public("ssh-ed25519.pub"));
}

#[test]
fn keys_in_security_tokens_are_named_as_unsupported() {
    let text = |part: &[u8]| [&u32::try_from(part.len()).unwrap().to_be_bytes(), part].concat();
    let name = "sk-ssh-ed25519@openssh.com";
    let key = [text(name.as_bytes()), text(&[7; 32]), text(b"ssh:")].concat();
    let line = format!("{name} {} token", data_encoding::BASE64.encode(&key));
    match refusal(PublicKey::from_pem_or_other(line.as_bytes())) {
        KeyError::Unsupported { what } => assert!(what.contains(name), "{what}"),
        other => panic!("{other}"),
    }
}

#[test]
fn json_key_files_of_early_tools_are_read() {
    let text = data("envelopes/legacy-ed25519.key.json");
    let key = PublicKey::from_pem_or_other(&text).unwrap();
    assert_eq!((key.key_type(), key.declared_id()), ("ed25519", None));
    let text = String::from_utf8(text).unwrap();
    let private = text.replace("\"private\": \"\"", "\"private\": \"00\"");
    assert_ne!(private, text);
    let error = refusal(PublicKey::from_pem_or_other(private.as_bytes()));
    assert!(matches!(error, KeyError::PrivateHalfGiven { .. }), "{error}");
    for other in ["{}", "{", r#"{"signed": {}}"#] {
        let error = refusal(PublicKey::from_pem_or_other(other.as_bytes()));
        assert!(matches!(error, KeyError::NotAKey), "{other}: {error}");
    }
}

#[test]
fn malformed_keys_are_refused() {
    let spki = public("p256.pub.pem").spki_der().to_vec();
    let mut off_curve = spki.clone();
    *off_curve.last_mut().unwrap() ^= 1;
    let trailing = [spki.as_slice(), &[0]].concat();
    for der in [&off_curve[..], &trailing, &spki[..spki.len() - 1], &[]] {
        let error = refusal(PublicKey::from_spki_der(der));
        assert!(matches!(error, KeyError::Malformed { .. }), "{error}");
    }
    for (text, malformed) in [
        ("ssh-ed25519 AAAA comment", true),
        ("ssh-ed25519", true),
        ("no key at all", false),
        ("", false),
    ] {
        let error = refusal(PublicKey::from_pem_or_other(text.as_bytes()));
        assert_eq!(matches!(error, KeyError::Malformed { .. }), malformed, "{text}: {error}");
        assert_eq!(matches!(error, KeyError::NotAKey), !malformed, "{text}: {error}");
    }
}
