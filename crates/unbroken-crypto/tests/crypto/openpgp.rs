//! OpenPGP functionaries: keys and links as the reference implementation writes them with gpg 2.2.

use std::num::NonZeroU32;

use unbroken_crypto::{
    AuthenticationError, Functionary, KeyError, KeyIdStyle, KeySet, PublicKey, SignatureBudget,
    SignatureError, SignatureScheme, authenticate,
};
use unbroken_model::envelope::Envelope;
use unbroken_model::json::{Object, Value};
use unbroken_model::layout::LayoutKey;
use unbroken_model::limits::Limits;
use unbroken_model::link::Link;
use unbroken_model::timestamp::Timestamp;

use crate::support::{data, layout_key, refusal};

/// When the keys were made.
const MADE: i64 = 1_795_390_544;
const TWO_YEARS: i64 = 63_072_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(seconds)
}

fn text(name: &str) -> String {
    String::from_utf8(data(&format!("gpg/{name}"))).unwrap()
}

fn listed(name: &str) -> LayoutKey {
    layout_key(&text(&format!("{name}.key.json")))
}

fn key(name: &str, now: i64) -> Result<PublicKey, KeyError> {
    PublicKey::from_layout_key_at(&listed(name), at(now))
}

/// Returns who signed.
fn signers(link: &str, keys: &[PublicKey]) -> Result<Vec<PublicKey>, AuthenticationError> {
    let limits = Limits::default();
    let envelope = Envelope::parse(link.as_bytes(), &limits).unwrap();
    let keys = KeySet::<Functionary>::new(keys.iter().cloned());
    let mut budget = SignatureBudget::default();
    authenticate::<Link, _>(envelope, &keys, NonZeroU32::MIN, &limits, &mut budget)
        .map(|authentic| authentic.signers().to_vec())
}

fn is_refused(link: &str, key: &PublicKey) -> bool {
    matches!(
        signers(link, std::slice::from_ref(key)),
        Err(AuthenticationError::ThresholdNotMet { found: 0, .. })
    )
}

const NAMES: [&str; 5] = ["rsa", "ed25519", "rsa-2-years", "subkey", "dsa"];

#[test]
fn links_that_gpg_signed_are_authentic() {
    for name in NAMES {
        let key = key(name, MADE + 10).unwrap();
        let link = text(&format!("{name}.metablock.link"));
        let signers = signers(&link, std::slice::from_ref(&key)).unwrap();
        assert_eq!(signers, std::slice::from_ref(&key), "{name}");
        // A subkey signs for the main key: the vote is that of the main key.
        assert_eq!(signers[0].declared_id(), Some(listed(name).id.as_str()), "{name}");
        for (from, to) in [("\"build\"", "\"fake\""), ("04000108", "04000109"), ("0400", "0401")] {
            let altered = link.replace(from, to);
            assert!(altered == link || is_refused(&altered, &key), "{name}: {from}");
        }
        assert!(is_refused(&link.replace("other_headers", "others"), &key), "{name}");
        assert!(is_refused(&link.replace("05026b03", "05026b02"), &key), "{name}");
    }
}

#[test]
fn every_changed_digit_of_a_signature_or_its_headers_is_noticed() {
    let key = key("ed25519", MADE + 10).unwrap();
    let link = text("ed25519.metablock.link");
    let mut changed = 0;
    for name in ["\"other_headers\": \"", "\"signature\": \""] {
        let start = link.find(name).unwrap() + name.len();
        let end = start + link.split_at(start).1.find('"').unwrap();
        for index in start..end {
            let mut bytes = link.clone().into_bytes();
            bytes[index] = if bytes[index] == b'0' { b'1' } else { b'0' };
            assert!(is_refused(&String::from_utf8(bytes).unwrap(), &key), "{index}");
            changed += 1;
        }
    }
    assert!(changed > 180, "{changed}");
}

#[test]
fn keys_are_valid_from_their_making_to_their_end() {
    let end = MADE + TWO_YEARS;
    for now in [MADE, end - 1] {
        let key = key("rsa-2-years", now).unwrap();
        assert!(signers(&text("rsa-2-years.metablock.link"), &[key]).is_ok(), "{now}");
    }
    for now in [end, end + 1, i64::MAX] {
        let error = refusal(key("rsa-2-years", now));
        assert!(matches!(&error, KeyError::Expired { at } if at.starts_with("2028-")), "{error}");
    }
    let error = refusal(key("rsa", MADE - 1));
    assert!(matches!(error, KeyError::NotYetValid { .. }), "{error}");
    assert!(key("rsa", end).is_ok(), "a key without an end");
}

#[test]
fn without_a_time_openpgp_keys_are_not_read() {
    for name in NAMES {
        let error = refusal(PublicKey::from_layout_key(&listed(name)));
        assert!(matches!(error, KeyError::Unsupported { .. }), "{name}: {error}");
        let file = data(&format!("gpg/{name}.key.json"));
        let error = refusal(PublicKey::from_pem_or_other(&file));
        assert!(matches!(error, KeyError::Unsupported { .. }), "{name}: {error}");
    }
}

#[test]
fn signatures_from_the_future_are_refused() {
    // The key is a second older than its signature.
    let link = text("subkey.metablock.link");
    assert!(signers(&link, &[key("subkey", MADE + 1).unwrap()]).is_ok());
    assert!(is_refused(&link, &key("subkey", MADE).unwrap()));
}

fn without(name: &str, member: &str) -> LayoutKey {
    let mut listed = listed(name);
    listed.object.remove(member).unwrap();
    listed
}

fn with(name: &str, member: &str, value: impl Into<Value<'static>>) -> LayoutKey {
    let mut listed = listed(name);
    listed.object.insert(member.to_owned(), value);
    listed
}

#[test]
fn a_subkey_signs_only_for_the_key_that_lists_it() {
    let link = text("subkey.metablock.link");
    let bare = PublicKey::from_layout_key_at(&without("subkey", "subkeys"), at(MADE + 10)).unwrap();
    assert!(is_refused(&link, &bare));
    assert!(is_refused(&link, &key("rsa", MADE + 10).unwrap()));
    let whole = key("subkey", MADE + 10).unwrap();
    assert_eq!((whole.materials().len(), bare.materials().len()), (2, 1));
    assert!(whole.materials().contains(&whole.material()));
}

#[test]
fn openpgp_keys_sign_in_no_other_way() {
    let key = key("ed25519", MADE + 10).unwrap();
    let error = key.verify(b"message", &[0; 64]).unwrap_err();
    assert!(matches!(error, SignatureError::Headers { .. }), "{error}");
    assert!(key.with_scheme(SignatureScheme::Ed25519).is_err());
    assert!(key.answers_to("487F4D442763EC5C3F11D425E1DC6E63584D06FE"));
    assert_eq!(key.key_id(KeyIdStyle::default()), "487f4d442763ec5c3f11d425e1dc6e63584d06fe");
    assert_eq!(key.key_ids().len(), 1);
    assert!(!key.answers_to(&key.material().to_string()) && !key.answers_to(""));
}

#[test]
fn keys_that_are_not_what_they_say_are_refused() {
    let read = |listed: &LayoutKey| refusal(PublicKey::from_layout_key_at(listed, at(MADE + 10)));
    let member = |listed: &LayoutKey| match read(listed) {
        KeyError::LayoutKeyMember { member } => member,
        other => panic!("{other}"),
    };
    for name in ["keyid", "keyval", "type"] {
        assert_eq!(member(&without("rsa", name)), name);
    }
    assert_eq!(member(&without("rsa-2-years", "creation_time")), "creation_time");
    assert_eq!(member(&with("rsa", "creation_time", -1)), "creation_time");
    assert_eq!(member(&with("rsa", "validity_period", 1i64 << 32)), "validity_period");
    assert_eq!(member(&with("rsa", "validity_period", "0")), "validity_period");
    assert_eq!(member(&with("rsa", "subkeys", "none")), "subkeys");
    let mut many = Object::new();
    for index in 0..33 {
        many.insert(format!("{index}"), Object::new());
    }
    assert_eq!(member(&with("rsa", "subkeys", many)), "subkeys");
    let other = with("rsa", "keyid", "00".repeat(20));
    assert!(matches!(read(&other), KeyError::KeyIdMismatch { .. }));
    let wrong_method = with("rsa", "method", "pgp+eddsa-ed25519");
    assert!(matches!(read(&wrong_method), KeyError::Unsupported { .. }));
    let mut numbers = Object::new();
    numbers.insert("q", "00".repeat(32));
    let mut keyval = Object::new();
    keyval.insert("public", numbers);
    let low_order = with("ed25519", "keyval", keyval);
    assert!(matches!(read(&low_order), KeyError::Weak { .. }), "a point of low order");
}
