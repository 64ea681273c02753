//! OpenPGP certificates that gpg 2.2 made on 2023-11-14, held against a time.

use unbroken_crypto::{KeyError, KeyIdStyle, PublicKey};
use unbroken_model::json::Value;
use unbroken_model::timestamp::Timestamp;

use crate::support::{data, refusal};

/// When the keys were made; subkeys are a little younger.
const MADE: i64 = 1_700_000_000;
const DAY: i64 = 86_400;

fn file(name: &str) -> Vec<u8> {
    data(&format!("gpg/certificates/{name}"))
}

fn read(name: &str, now: i64) -> Result<PublicKey, KeyError> {
    PublicKey::read_at(&file(name), Timestamp::from_unix(now))
}

fn error(name: &str, now: i64) -> String {
    refusal(read(name, now)).to_string()
}

#[test]
fn certificates_are_read_armored_and_binary() {
    for (name, kind, scheme) in [
        ("rsa.asc", "rsa", "pgp+rsa-pkcsv1.5"),
        ("dsa.asc", "dsa", "pgp+dsa-fips-180-2"),
        ("ed.asc", "ed25519", "pgp+eddsa-ed25519"),
    ] {
        let key = read(name, MADE + DAY).unwrap();
        assert_eq!((key.key_type(), key.scheme().name()), (kind, scheme), "{name}");
        assert_eq!(key.key_id(KeyIdStyle::default()), key.fingerprint().unwrap());
        assert!(key.answers_to(&key.fingerprint().unwrap().to_uppercase()));
    }
    let (armored, binary) = (read("ed.asc", MADE + DAY), read("ed.pgp", MADE + DAY));
    assert_eq!(armored.unwrap().fingerprint(), binary.unwrap().fingerprint());
}

#[test]
fn what_a_layout_lists_is_what_the_reference_exports() {
    for name in ["rsa", "dsa"] {
        let key = read(&format!("{name}.asc"), MADE + DAY).unwrap();
        let listed = key.to_layout_key(KeyIdStyle::default()).unwrap();
        let exported = file(&format!("{name}.exported.json"));
        let ours = serde_json_text(Value::from(listed.object).to_compact().as_bytes());
        assert_eq!(ours, serde_json_text(&exported), "{name}");
        // The exported object in a file of its own is a key too.
        let again = PublicKey::read_at(&exported, Timestamp::from_unix(MADE + DAY)).unwrap();
        assert_eq!(again, key);
    }
}

/// Writes JSON in its canonical form.
fn serde_json_text(bytes: &[u8]) -> Vec<u8> {
    let value = Value::parse(bytes, &unbroken_model::limits::Limits::default()).unwrap();
    unbroken_model::canonical_json::encode(&value)
}

#[test]
fn only_keys_that_were_made_for_it_sign() {
    let key = read("ed.asc", MADE + DAY).unwrap();
    let main = key.fingerprint().unwrap();
    let signing = key.signing_fingerprints();
    assert!(signing.len() == 1 && signing != [main], "{signing:?}");
    // An encryption subkey of RSA could sign, and does not.
    let key = read("rsaenc.asc", MADE + DAY).unwrap();
    assert_eq!(key.signing_fingerprints(), [key.fingerprint().unwrap()]);
    let listed = key.to_layout_key(KeyIdStyle::default()).unwrap();
    assert!(listed.object.get("subkeys").is_none());
    assert!(error("certonly.asc", MADE + DAY).contains("the main key was not made for it"));
}

#[test]
fn certificates_are_in_force_from_their_making_to_their_end() {
    assert!(read("rsa.asc", MADE).is_ok());
    assert!(read("rsa.asc", MADE + 10_000 * DAY).is_ok(), "a certificate without an end");
    let early = refusal(read("rsa.asc", MADE - 1));
    assert!(matches!(early, KeyError::Certificate { .. }), "no signature was made yet: {early}");
    assert!(read("short.asc", MADE + 10 * DAY - 1).is_ok());
    let late = refusal(read("short.asc", MADE + 10 * DAY));
    assert!(matches!(&late, KeyError::Expired { at } if at.starts_with("2023-11-24")), "{late}");
    // The subkey ends after a year, the main key after two.
    let late = error("ed.asc", MADE + 400 * DAY);
    assert!(late.contains("the subkey") && late.contains("expired at 2024-11-13"), "{late}");
    assert!(matches!(read("ed.asc", MADE + 800 * DAY), Err(KeyError::Expired { .. })));
}

#[test]
fn revocations_count_from_their_making_or_for_all_times() {
    let revoked = MADE + DAY;
    for (name, reason) in [("rev0", ""), ("rev1", ": it was compromised")] {
        for now in [MADE + 1, revoked, revoked + DAY] {
            let error = error(&format!("{name}.asc"), now);
            assert_eq!(error, format!("the key was revoked at 2023-11-15T22:13:20Z{reason}"));
        }
    }
    for (name, reason) in [("rev2", "superseded"), ("rev3", "retired")] {
        assert!(read(&format!("{name}.asc"), revoked - 1).is_ok(), "{name}");
        let error = error(&format!("{name}.asc"), revoked + 1);
        assert!(error.ends_with(reason), "{error}");
    }
    let key = read("subrev.asc", MADE + DAY).unwrap();
    assert_eq!(key.signing_fingerprints(), [key.fingerprint().unwrap()]);
}

#[test]
fn weak_digests_bind_nothing() {
    let error = error("sha1.asc", MADE + DAY);
    assert!(error.contains("no self-signature that holds"), "{error}");
}

#[test]
fn other_keys_and_other_files_are_named() {
    let now = MADE + DAY;
    assert!(error("p256.asc", now).contains("an OpenPGP key of algorithm 19"));
    let private = refusal(read("rsa.secret.asc", now));
    assert!(matches!(private, KeyError::PrivateHalfGiven { what: "OpenPGP" }), "{private}");
    let at = Timestamp::from_unix(now);
    let two = [file("rsa.asc"), file("dsa.asc")].concat();
    assert!(matches!(PublicKey::read_at(&two, at), Err(KeyError::SeveralKeys)));
    let two = [file("ed.pgp"), file("ed.pgp")].concat();
    assert!(matches!(PublicKey::read_at(&two, at), Err(KeyError::SeveralKeys)));
    let sized = |size: usize| {
        let mut bytes = file("ed.pgp");
        bytes.resize(size, 0);
        refusal(PublicKey::read_at(&bytes, at))
    };
    assert!(matches!(sized(1 << 20), KeyError::Malformed { .. }));
    assert!(matches!(sized((1 << 20) + 1), KeyError::TooLarge { .. }));
    // The first packet of a private key, written in both ways.
    for first in [0x95, 0xc5] {
        let private = refusal(PublicKey::read_at(&[first, 0, 1, 4], at));
        assert!(matches!(private, KeyError::PrivateHalfGiven { what: "OpenPGP" }), "{private}");
    }
    assert!(PublicKey::from_pem_or_other(&file("rsa.asc")).is_err(), "without a time");
    assert!(PublicKey::read_at(&data("ed25519.pub.pem"), at).is_ok(), "keys of other kinds");
}

/// Each subkey costs a parse, each self-signature a verification.
#[test]
fn subkeys_and_self_signatures_are_counted() {
    let at = Timestamp::from_unix(MADE + DAY);
    let good = file("ed.pgp");
    // The main key and its user id; the signature over them; a subkey that signs; one that does not.
    let (named, rest) = good.split_at(62);
    let (over_user, subkeys) = rest.split_at(152);
    let (signing, other) = subkeys.split_at(300);
    let subkeys = |count: usize| {
        let more = other.repeat(count - 1);
        PublicKey::read_at(&[named, over_user, signing, &more].concat(), at)
    };
    assert!(subkeys(2).is_ok() && subkeys(32).is_ok());
    let error = refusal(subkeys(33)).to_string();
    assert!(error.contains("more subkeys than are looked at"), "{error}");

    let mut bad = over_user.to_vec();
    *bad.last_mut().unwrap() ^= 1;
    let signatures = |count: usize| {
        let before = bad.repeat(count);
        PublicKey::read_at(&[named, &before, over_user, signing].concat(), at)
    };
    assert!(signatures(0).is_ok() && signatures(100).is_ok());
    let error = refusal(signatures(300)).to_string();
    assert!(error.contains("more self-signatures than are looked at"), "{error}");
}

#[test]
fn a_subkey_has_to_agree() {
    let good = file("ed.pgp");
    let at = Timestamp::from_unix(MADE + DAY);
    assert!(PublicKey::read_at(&good, at).is_ok());
    // The back-signature stands in a subpacket of type 32 that is not signed; its type becomes that
    // of a private subpacket, and then it has another one's last byte.
    let marker = [32, 4, 0x19];
    let place = good.windows(3).position(|window| window == marker).unwrap();
    for index in [place, place + 60] {
        let mut bytes = good.clone();
        bytes[index] ^= 0x44;
        let error = refusal(PublicKey::read_at(&bytes, at)).to_string();
        assert!(error.contains("did not agree"), "{index}: {error}");
    }
}

#[test]
fn no_changed_byte_makes_another_key_sign() {
    let good = file("ed.pgp");
    let at = Timestamp::from_unix(MADE + DAY);
    let signing = PublicKey::read_at(&good, at).unwrap().signing_fingerprints();
    let mut refused = 0;
    for index in 0..good.len() {
        for change in [1, 0x80] {
            let mut bytes = good.clone();
            bytes[index] ^= change;
            match PublicKey::read_at(&bytes, at) {
                Ok(key) => assert_eq!(key.signing_fingerprints(), signing, "{index}"),
                Err(_) => refused += 1,
            }
        }
        assert!(
            PublicKey::read_at(&good[..index], at)
                .map_or(true, |key| { key.signing_fingerprints() == signing })
        );
    }
    assert!(refused > 800, "{refused} of {}", 2 * good.len());
}
