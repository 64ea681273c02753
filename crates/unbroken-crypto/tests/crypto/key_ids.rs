//! Key ids: the values that other implementations compute for the same keys.

use unbroken_crypto::{KeyError, KeyIdStyle, PublicKey, SigningKey};
use unbroken_model::json::Value;

use crate::support::{layout_key, public, refusal, shared};

#[test]
fn ids_of_published_keys_equal_those_of_both_reference_implementations() {
    for (file, style, id) in [
        (
            "alice.pub",
            KeyIdStyle::Securesystemslib,
            "84f7dd43d6a3c167807839134bab8c0f46cf1ddd57d7c5331e2fb3cfe0687574",
        ),
        (
            "alice.pub",
            KeyIdStyle::Legacy,
            "70ca5750c2eda80b18f41f4ec5f92146789b5d68dd09577be422a0159bd13680",
        ),
        (
            "carol.pub",
            KeyIdStyle::Securesystemslib,
            "4b14284670182934c5043942231d5c6d2c429f376dbb3b03fb2fb89320f49aca",
        ),
        (
            "carol.pub",
            KeyIdStyle::Legacy,
            "be6371bc627318218191ce0780fd3183cce6c36da02938a477d2e4dfae1804a6",
        ),
        (
            "dan.pub",
            KeyIdStyle::Securesystemslib,
            "1e33f73fa044b17c8597ea5f453620a71569b22114bd54298af6ed19c2ca44bf",
        ),
        (
            "dan.pub",
            KeyIdStyle::Legacy,
            "b7d643dec0a051096ee5d87221b5d91a33daa658699d30903e1cefb90c418401",
        ),
        (
            "frank.pub",
            KeyIdStyle::Securesystemslib,
            "ecdd08fe32f5219f1dc110d6688f7717b774a528160917ef896dc4e913a0de45",
        ),
        (
            "frank.pub",
            KeyIdStyle::Legacy,
            "434cf7c5b168f6ea4c7e6e67afa74a02625310530f1664f761637bdc7ad8f8df",
        ),
        (
            "frank.pub",
            KeyIdStyle::LegacyNistp256,
            "0ab02fd8a1195d902d4e71df38123be0d3fa9ea45ebc6e1246d8e82179acb6dd",
        ),
        (
            "grace.pub",
            KeyIdStyle::Securesystemslib,
            "065cffc2c2bf4ef818f9c7162601cbaca595390a038b1b7f13695af2c24a1990",
        ),
        (
            "grace.pub",
            KeyIdStyle::Legacy,
            "a5522ebccd492f64e6ec0bbcb5eb782708f6e26709a3712e64fff108b98e5142",
        ),
        (
            "grace.pub",
            KeyIdStyle::LegacyNistp256,
            "a5fe82bffd11c43cd25b41b427496dea8eb61505bfa11907a6a565ebb00fa323",
        ),
    ] {
        let Some(text) = shared(&format!("in-toto-golang/{file}")) else { return };
        let key = PublicKey::from_pem_or_other(&text).unwrap();
        assert_eq!(key.key_id(style), id, "{file} {style}");
        assert!(key.answers_to(id) && key.answers_to(&id.to_uppercase()));
    }
}

#[test]
fn published_private_keys_belong_to_their_public_halves_and_strange_curves_are_refused() {
    for name in ["alice", "carol", "dan", "frank", "grace"] {
        let file = |suffix| shared(&format!("in-toto-golang/{name}{suffix}"));
        let (Some(private), Some(public)) = (file(""), file(".pub")) else { return };
        let private = SigningKey::read(&private, None).unwrap();
        assert_eq!(private.public(), &PublicKey::from_pem_or_other(&public).unwrap(), "{name}");
    }
    for name in ["erin", "heidi"] {
        let Some(text) = shared(&format!("in-toto-golang/{name}.pub")) else { return };
        let error = refusal(PublicKey::from_pem_or_other(&text));
        assert!(matches!(error, KeyError::Unsupported { .. }), "{name}: {error}");
        let Some(text) = shared(&format!("in-toto-golang/{name}")) else { return };
        let error = refusal(SigningKey::read(&text, None));
        assert!(matches!(error, KeyError::Unsupported { .. }), "{name}: {error}");
    }
}

#[test]
fn ids_in_key_objects_of_the_reference_implementation_are_derived() {
    for (name, style) in [
        ("ed25519", KeyIdStyle::Securesystemslib),
        ("p256", KeyIdStyle::Securesystemslib),
        ("p384", KeyIdStyle::Securesystemslib),
        ("p521", KeyIdStyle::Securesystemslib),
        ("rsa", KeyIdStyle::Securesystemslib),
        ("rsa.rsassa-pss-sha512", KeyIdStyle::Securesystemslib),
        ("rsa.rsa-pkcs1v15-sha256", KeyIdStyle::Securesystemslib),
        ("ml-dsa-65", KeyIdStyle::Securesystemslib),
        ("legacy-ed25519", KeyIdStyle::Legacy),
        ("legacy-ecdsa", KeyIdStyle::Legacy),
        ("legacy-rsa", KeyIdStyle::Legacy),
    ] {
        let text = crate::support::data(&format!("envelopes/{name}.key.json"));
        let listed = layout_key(std::str::from_utf8(&text).unwrap());
        let key = PublicKey::from_layout_key(&listed).unwrap();
        assert_eq!(key.key_id(style), listed.id.as_str(), "{name}");
        // Writing it back gives the same object, but for the empty private half of old ones.
        let mut expected = listed.object.clone();
        let mut keyval = expected.get("keyval").and_then(Value::as_object).unwrap().clone();
        keyval.remove("private");
        expected.insert("keyval", keyval);
        let written = key.to_layout_key(style).unwrap();
        assert_eq!(written.id, listed.id);
        assert_eq!(
            Value::from(written.object).to_compact(),
            Value::from(expected).to_compact(),
            "{name}"
        );
    }
}

#[test]
fn the_remaining_forms_are_what_they_are_called() {
    let key = public("p256.pub.pem");
    let pem = key.spki_pem();
    assert_eq!(
        key.key_id(KeyIdStyle::PemSha256),
        unbroken_crypto::hash::sha256_hex(pem.as_bytes())
    );
    assert_eq!(key.key_id(KeyIdStyle::SpkiSha256), key.material().to_string());
    let escaped = pem.trim_end();
    let object = |public: &str, key_type: &str, hashes: &str| {
        let text = format!(
            r#"{{{hashes}"keytype":"{key_type}","keyval":{{"public":"{public}"}},"scheme":"ecdsa-sha2-nistp256"}}"#
        );
        unbroken_crypto::hash::sha256_hex(text.as_bytes())
    };
    let hashes = r#""keyid_hash_algorithms":["sha256","sha512"],"#;
    assert_eq!(key.key_id(KeyIdStyle::SecuresystemslibStripped), object(escaped, "ecdsa", ""));
    assert_eq!(key.key_id(KeyIdStyle::LegacyUnstripped), object(&pem, "ecdsa", hashes));
    assert_eq!(
        key.key_id(KeyIdStyle::LegacyEcdsaType),
        object(escaped, "ecdsa-sha2-nistp256", hashes)
    );
}

#[test]
fn styles_that_do_not_apply_are_absent_and_fall_back_to_the_default() {
    let key = public("ed25519.pub.pem");
    let styles: Vec<KeyIdStyle> = key.key_ids().into_iter().map(|(style, _)| style).collect();
    for absent in [
        KeyIdStyle::LegacyNistp256,
        KeyIdStyle::LegacyEcdsaType,
        KeyIdStyle::LegacyPoint,
        KeyIdStyle::Declared,
    ] {
        assert!(!styles.contains(&absent));
        assert_eq!(key.key_id(absent), key.key_id(KeyIdStyle::Securesystemslib));
    }
    for style in KeyIdStyle::ALL {
        assert_eq!(style.name().parse::<KeyIdStyle>().unwrap(), style);
    }
    assert!(matches!(refusal("B".parse::<KeyIdStyle>()), KeyError::UnknownKeyIdStyle { .. }));
    assert!(!key.answers_to("") && !key.answers_to("47445abc"));
}
