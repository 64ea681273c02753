//! Key objects of layouts, as every implementation writes them, and forged ones.

use unbroken_crypto::{KeyError, KeyIdStyle, PublicKey};

use crate::support::{layout_key, public, refusal};

const ID: &str = "00112233445566778899aabbccddeeff";

/// A key object of these parts, listed under `ID`.
fn object(key_type: &str, scheme: &str, public: &str, more: &str) -> String {
    let public = public.replace('\n', "\\n");
    format!(
        r#"{{"keyid":"{ID}","keytype":"{key_type}","scheme":"{scheme}","keyval":{{"public":"{public}"{more}}}}}"#
    )
}

fn read(text: &str) -> Result<PublicKey, KeyError> {
    PublicKey::from_layout_key(&layout_key(text))
}

#[test]
fn the_listed_id_is_one_more_id_of_the_key() {
    let pem = public("p256.pub.pem").spki_pem();
    let key = read(&object("ecdsa", "ecdsa-sha2-nistp256", &pem, "")).unwrap();
    assert_eq!(key.declared_id(), Some(ID));
    assert_eq!(key.key_id(KeyIdStyle::Declared), ID);
    assert!(
        key.answers_to(ID) && key.answers_to(&public("p256.pub.pem").key_id(KeyIdStyle::Legacy))
    );
    assert_eq!(key.describe(), "ecdsa 00112233…");
    assert_eq!(key.to_layout_key(KeyIdStyle::Declared).unwrap().id.as_str(), ID);
}

#[test]
fn labels_of_other_tools_are_understood() {
    let p256 = public("p256.pub.pem").spki_pem();
    let p384 = public("p384.pub.pem").spki_pem();
    for (text, scheme) in [
        // An empty private half; stripped PEM; CRLF inside the PEM.
        (
            object("ecdsa", "ecdsa-sha2-nistp256", p256.trim_end(), r#","private":"""#),
            "ecdsa-sha2-nistp256",
        ),
        (
            object(
                "ecdsa",
                "ecdsa-sha2-nistp256",
                &p256.replace('\n', "\\r\n"),
                r#","certificate":"""#,
            ),
            "ecdsa-sha2-nistp256",
        ),
        // Early metadata names the scheme as the type.
        (object("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", &p256, ""), "ecdsa-sha2-nistp256"),
        (object("ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384", &p384, ""), "ecdsa-sha2-nistp384"),
        (object("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", &p384, ""), "ecdsa-sha2-nistp384"),
        // One command line labels every curve so: the curve decides.
        (object("ecdsa", "ecdsa-sha2-nistp256", &p384, ""), "ecdsa-sha2-nistp384"),
        (object("ecdsa", "ecdsa-sha2-nistp384", &p384, ""), "ecdsa-sha2-nistp384"),
    ] {
        assert_eq!(read(&text).unwrap().scheme().name(), scheme, "{text}");
    }
    // The digits of a point, which say no other kind of key.
    let key = public("p256.pub.pem");
    let point = data_encoding::HEXLOWER.encode(&key.spki_der()[26..]);
    let listed = object("ecdsa", "ecdsa-sha2-nistp256", &point, "");
    assert_eq!(read(&listed).unwrap(), key);
    assert!(read(&object("rsa", "rsassa-pss-sha256", &point, "")).is_err());
    let short: String = point.chars().take(128).collect();
    let elsewhere = format!("{short}00");
    assert!(read(&object("ecdsa", "ecdsa-sha2-nistp256", &elsewhere, "")).is_err());
    assert!(read(&object("ecdsa", "ecdsa-sha2-nistp256", &short, "")).is_err());
    let rsa = public("rsa.pkcs1.pub.pem");
    let text = object("rsa", "rsa-pkcs1v15-sha512", &rsa.spki_pem(), "");
    assert_eq!(read(&text).unwrap().scheme().name(), "rsa-pkcs1v15-sha512");
}

#[test]
fn labels_that_do_not_belong_to_the_key_are_refused() {
    let hex = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let rsa = public("rsa.pub.pem").spki_pem();
    let p256 = public("p256.pub.pem").spki_pem();
    let p384 = public("p384.pub.pem").spki_pem();
    for (key_type, scheme, public) in [
        ("ed25519", "rsassa-pss-sha256", hex),
        ("rsa", "ecdsa-sha2-nistp256", &rsa),
        ("ecdsa", "ecdsa-sha2-nistp256", &rsa),
        ("rsa", "rsassa-pss-sha256", &p256),
        ("ecdsa", "ecdsa-sha2-nistp384", &p256),
        ("ecdsa", "ecdsa-sha2-nistp521", &p384),
        ("ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384", &p256),
        ("ecdsa-sha2-nistp521", "ecdsa-sha2-nistp384", &p384),
        ("ml-dsa", "ml-dsa-65/1", &p256),
        ("gpg", "rsassa-pss-sha256", &rsa),
    ] {
        let error = refusal(read(&object(key_type, scheme, public, "")));
        assert!(matches!(error, KeyError::SchemeMismatch { .. }), "{key_type} {scheme}: {error}");
    }
    let error = refusal(read(&object("rsa", "rsassa-pss-sha224", &rsa, "")));
    assert!(matches!(error, KeyError::UnknownScheme { scheme } if scheme == "rsassa-pss-sha224"));
}

#[test]
fn a_private_key_inside_is_refused() {
    let pem = public("p256.pub.pem").spki_pem();
    for private in [r#","private":"secret""#, r#","private":null"#, r#","private":{}"#] {
        let error = refusal(read(&object("ecdsa", "ecdsa-sha2-nistp256", &pem, private)));
        assert!(matches!(error, KeyError::PrivateKeyInLayout), "{error}");
        assert!(!error.to_string().contains("secret"));
    }
}

#[test]
fn an_object_that_calls_itself_otherwise_is_refused() {
    let pem = public("p256.pub.pem").spki_pem();
    let mut key = layout_key(&object("ecdsa", "ecdsa-sha2-nistp256", &pem, ""));
    key.id = "ffeeddccbbaa".parse().unwrap();
    let error = refusal(PublicKey::from_layout_key(&key));
    assert!(matches!(error, KeyError::KeyIdMismatch { .. }), "{error}");
    // Without an id inside, the list's id is the only one.
    key.object.remove("keyid");
    assert_eq!(PublicKey::from_layout_key(&key).unwrap().declared_id(), Some("ffeeddccbbaa"));
    key.object.insert("keyid", true);
    let error = refusal(PublicKey::from_layout_key(&key));
    assert!(matches!(error, KeyError::LayoutKeyMember { member: "keyid" }), "{error}");
}

#[test]
fn openpgp_keys_and_certificates_are_named_as_unsupported() {
    let gpg = format!(
        r#"{{"keyid":"{ID}","method":"pgp+rsa-pkcsv1.5","type":"rsa","hashes":["pgp+SHA2"],"creation_time":1,
            "keyval":{{"private":"","public":{{"e":"010001","n":"ff"}}}}}}"#
    );
    let certificate = object("rsa", "rsassa-pss-sha256", "", r#","certificate":"-----BEGIN""#);
    for (text, said) in [(gpg, "OpenPGP"), (certificate, "certificate")] {
        match refusal(read(&text)) {
            KeyError::Unsupported { what } => assert!(what.contains(said), "{what}"),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn missing_members_are_named() {
    for (text, missing) in [
        (format!(r#"{{"keyid":"{ID}"}}"#), "keytype"),
        (format!(r#"{{"keyid":"{ID}","keytype":7}}"#), "keytype"),
        (format!(r#"{{"keyid":"{ID}","keytype":"rsa"}}"#), "scheme"),
        (format!(r#"{{"keyid":"{ID}","keytype":"rsa","scheme":"x"}}"#), "keyval"),
        (
            format!(
                r#"{{"keyid":"{ID}","keytype":"rsa","scheme":"x","keyval":{{"public":{{}}}}}}"#
            ),
            "public",
        ),
    ] {
        match refusal(read(&text)) {
            KeyError::LayoutKeyMember { member } => assert_eq!(member, missing),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn ed25519_keys_are_64_hexadecimal_digits_and_not_weak() {
    let pem = public("ed25519.pub.pem").spki_pem();
    for bad in ["", "00", "zz", &pem, &"ab".repeat(31), &"ab".repeat(33)] {
        let error = refusal(read(&object("ed25519", "ed25519", bad, "")));
        assert!(matches!(error, KeyError::Malformed { .. }), "{bad}: {error}");
        assert!(error.to_string().contains("64 hexadecimal digits are due"), "{bad}: {error}");
    }
    let neutral = format!("01{}", "00".repeat(31));
    let error = refusal(read(&object("ed25519", "ed25519", &neutral, "")));
    assert!(matches!(error, KeyError::Weak { .. }), "{error}");
    let upper = public("ed25519.pub.pem");
    let hex = upper.to_layout_key(KeyIdStyle::default()).unwrap();
    let hex = hex.object.get("keyval").unwrap().as_object().unwrap().get("public").unwrap();
    let key =
        read(&object("ed25519", "ed25519", &hex.as_str().unwrap().to_uppercase(), "")).unwrap();
    assert_eq!(key, upper);
}
