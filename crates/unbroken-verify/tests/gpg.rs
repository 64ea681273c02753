//! OpenPGP keys that the `gpg` program of this machine makes, and what it signs with them.
#![expect(clippy::panic, clippy::indexing_slicing, reason = "a test stops where it fails")]

use std::num::NonZeroU32;

use unbroken_crypto::{
    AuthenticationError, Functionary, KeySet, OpenPgpSignature, PublicKey, SignatureBudget,
    authenticate,
};
use unbroken_model::envelope::{Envelope, EnvelopeKind, Signature};
use unbroken_model::json::Value;
use unbroken_model::layout::LayoutKey;
use unbroken_model::limits::Limits;
use unbroken_model::link::Link;
use unbroken_model::timestamp::Timestamp;
use unbroken_testkit::Keyring;

const LINK: &str = r#"{"_type":"link","name":"build","command":[],"materials":{},"products":{},
    "byproducts":{},"environment":{}}"#;

/// Returns the body of the first packet; gpg writes headers of the old form.
fn body(bytes: &[u8]) -> &[u8] {
    let (size, rest) = match bytes[0] & 3 {
        0 => (usize::from(bytes[1]), &bytes[2..]),
        1 => (usize::from(u16::from_be_bytes([bytes[1], bytes[2]])), &bytes[3..]),
        other => panic!("a packet header of form {other}"),
    };
    &rest[..size]
}

/// Splits off a number: its bytes and what follows.
fn number(bytes: &[u8]) -> (&[u8], &[u8]) {
    let bits = usize::from(u16::from_be_bytes([bytes[0], bytes[1]]));
    bytes[2..].split_at(bits.div_ceil(8))
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

#[test]
fn what_the_gpg_of_this_machine_signs_is_verified() {
    let Some(keyring) = Keyring::new("signatures of gpg") else { return };
    for (algorithm, length) in [("rsa2048", 256), ("ed25519", 32)] {
        let user = format!("{algorithm}@test");
        keyring.gpg(&["--quick-gen-key", &user, algorithm, "sign", "1y"], b"");
        let id = keyring.fingerprints(&user).remove(0);

        let exported = keyring.certificate(&user);
        let packet = body(&exported);
        let made = u32::from_be_bytes([packet[1], packet[2], packet[3], packet[4]]);
        let (kind, method, public) = if length == 256 {
            let (n, rest) = number(&packet[6..]);
            let (e, _) = number(rest);
            let public = format!(r#""n": "{}", "e": "{}""#, hex(n), hex(e));
            ("rsa", "pgp+rsa-pkcsv1.5", public)
        } else {
            let (point, _) = number(&packet[7 + usize::from(packet[6])..]);
            ("eddsa", "pgp+eddsa-ed25519", format!(r#""q": "{}""#, hex(&point[1..])))
        };
        let object = format!(
            r#"{{"type": "{kind}", "method": "{method}", "hashes": ["pgp+SHA2"], "keyid": "{id}",
                "creation_time": {made}, "validity_period": 31536000,
                "keyval": {{"private": "", "public": {{{public}}}}}}}"#
        );

        let limits = Limits::default();
        let link = Value::parse(LINK.as_bytes(), &limits).unwrap();
        let unsigned = Envelope::unsigned(EnvelopeKind::Metablock, link);
        let arguments = ["--local-user", &user, "--digest-algo", "SHA256", "--detach-sign"];
        let signature = keyring.gpg(&arguments, unsigned.signing_input());
        let packet = body(&signature);
        let hashed = 6 + usize::from(u16::from_be_bytes([packet[4], packet[5]]));
        let behind = &packet[hashed..];
        let unhashed = 2 + usize::from(u16::from_be_bytes([behind[0], behind[1]]));
        let mut numbers = &behind[unhashed + 2..];
        let mut made_by_gpg = String::new();
        while !numbers.is_empty() {
            let (value, rest) = number(numbers);
            made_by_gpg += &"00".repeat(length - value.len());
            made_by_gpg += &hex(value);
            numbers = rest;
        }
        let headers = hex(&packet[..hashed]);
        let envelope = format!(
            r#"{{"signed": {LINK}, "signatures": [{{"keyid": "{id}", "other_headers": "{headers}",
                "signature": "{made_by_gpg}"}}]}}"#
        );

        let Ok(Value::Object(object)) = Value::parse(object.as_bytes(), &limits) else {
            panic!("{object}");
        };
        let listed = LayoutKey { id: id.parse().unwrap(), object: object.into_owned() };
        let now = Timestamp::from_unix(i64::from(made) + 600);
        let key = PublicKey::from_layout_key_at(&listed, now).unwrap();
        let envelope = Envelope::parse(envelope.as_bytes(), &limits).unwrap();
        let keys = KeySet::<Functionary>::new([key.clone()]);
        let mut budget = SignatureBudget::default();
        let one = NonZeroU32::MIN;
        let link = authenticate::<Link, _>(envelope, &keys, one, &limits, &mut budget).unwrap();
        assert_eq!(link.signers(), std::slice::from_ref(&key), "{algorithm}");

        // DSSE has no form for these signatures: one that would hold is none there.
        let link = Value::parse(LINK.as_bytes(), &limits).unwrap();
        let mut dsse = Envelope::unsigned(EnvelopeKind::Dsse, link);
        let made = keyring.gpg(&arguments, dsse.signing_input());
        let made = OpenPgpSignature::read(&made).unwrap();
        let (key_id, extra) = (Some(made.fingerprint.clone()), made.extra());
        let signature = Signature { key_id, bytes: made.bytes, extra };
        assert_eq!(key.verify_entry(dsse.signing_input(), &signature), Ok(()));
        dsse.push_signature(signature);
        let error = authenticate::<Link, _>(dsse, &keys, one, &limits, &mut budget).unwrap_err();
        assert!(matches!(error, AuthenticationError::ThresholdNotMet { found: 0, .. }), "{error}");
    }
}

/// One person with two subkeys must not pass for two.
#[test]
fn two_subkeys_of_one_key_have_one_vote() {
    let Some(keyring) = Keyring::new("votes of subkeys of gpg") else { return };
    let then = "--faked-system-time=20240101T000000!";
    let now = Timestamp::from_unix(1_704_067_200 + 600);
    let main = keyring.make("two@test", "ed25519", "cert", &[then]);
    for _ in 0..2 {
        keyring.gpg(&[then, "--quick-add-key", &main, "ed25519", "sign", "0"], b"");
    }
    let subkeys = keyring.fingerprints(&main).split_off(1);
    assert_eq!(subkeys.len(), 2);
    let limits = Limits::default();
    let mut envelope = Envelope::unsigned(
        EnvelopeKind::Metablock,
        Value::parse(LINK.as_bytes(), &limits).unwrap(),
    );
    for subkey in &subkeys {
        let by = format!("{subkey}!");
        let arguments = [then, "--local-user", &by, "--digest-algo", "SHA256", "--detach-sign"];
        let made = keyring.gpg(&arguments, envelope.signing_input());
        let made = OpenPgpSignature::read(&made).unwrap();
        assert_eq!(made.fingerprint, *subkey);
        let (key_id, extra) = (Some(made.fingerprint.clone()), made.extra());
        envelope.push_signature(Signature { key_id, bytes: made.bytes, extra });
    }
    let bytes = envelope.to_bytes();
    let key = PublicKey::read_at(&keyring.certificate(&main), now).unwrap();
    let keys = KeySet::<Functionary>::new([key]);
    let authentic = |threshold: u32| {
        let envelope = Envelope::parse(&bytes, &limits).unwrap();
        let mut budget = SignatureBudget::default();
        let threshold = NonZeroU32::new(threshold).unwrap();
        authenticate::<Link, _>(envelope, &keys, threshold, &limits, &mut budget)
    };
    assert_eq!(authentic(1).unwrap().signers().len(), 1);
    let error = authentic(2).unwrap_err();
    assert!(matches!(error, AuthenticationError::ThresholdNotMet { found: 1, .. }), "{error}");
}
