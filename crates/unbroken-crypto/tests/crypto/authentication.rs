//! The mint: what becomes authentic, and the ways an attacker might try.

use std::num::NonZeroU32;

use unbroken_crypto::{
    Authentic, AuthenticationError, KeyAlgorithm, KeyIdStyle, KeySet, Owner, PublicKey,
    SignatureBudget, SignatureOutcome, SignatureReport, SignatureScheme, SigningKey, authenticate,
    hash, sign,
};
use unbroken_model::envelope::{Envelope, EnvelopeKind, Signature};
use unbroken_model::json::{Object, Value};
use unbroken_model::layout::Layout;
use unbroken_model::limits::Limits;
use unbroken_model::link::Link;

use crate::support::{object, private};

const KINDS: [EnvelopeKind; 2] = [EnvelopeKind::Metablock, EnvelopeKind::Dsse];

fn layout(kind: EnvelopeKind) -> Envelope<'static> {
    let payload = object(
        r#"{"_type":"layout","expires":"2030-01-01T00:00:00Z","readme":"","keys":{},"steps":[],"inspect":[]}"#,
    );
    Envelope::unsigned(kind, Value::from(payload))
}

fn new_key() -> SigningKey {
    SigningKey::generate(KeyAlgorithm::Ed25519).unwrap()
}

fn signed(kind: EnvelopeKind, keys: &[&SigningKey]) -> Envelope<'static> {
    let mut envelope = layout(kind);
    for key in keys {
        sign(&mut envelope, *key, KeyIdStyle::default()).unwrap();
    }
    envelope
}

fn check(
    envelope: Envelope<'_>,
    keys: impl IntoIterator<Item = PublicKey>,
    threshold: u32,
) -> Result<Authentic<Layout, Owner>, AuthenticationError> {
    let threshold = NonZeroU32::new(threshold).unwrap();
    let mut budget = SignatureBudget::new(1000);
    let keys = KeySet::<Owner>::new(keys);
    authenticate(envelope, &keys, threshold, &Limits::default(), &mut budget)
}

/// The votes that were found, and what became of each signature.
fn shortfall(error: AuthenticationError) -> (u32, Vec<SignatureReport>) {
    match error {
        AuthenticationError::ThresholdNotMet { found, signatures, .. } => (found, signatures),
        other => panic!("{other}"),
    }
}

fn signature(key_id: Option<&str>, bytes: Vec<u8>) -> Signature {
    Signature { key_id: key_id.map(str::to_owned), bytes, extra: Object::new() }
}

#[test]
fn enough_distinct_keys_make_it_authentic() {
    let (a, b) = (new_key(), new_key());
    for kind in KINDS {
        let owners = [a.public().clone(), b.public().clone()];
        let envelope = signed(kind, &[&a, &b]);
        let due = hash::sha256(envelope.signing_input());
        let layout = check(envelope, owners.clone(), 2).unwrap();
        assert_eq!(layout.signed_digest(), due);
        assert_eq!(layout.signers().len(), 2);
        assert!(layout.signers().is_sorted());
        assert_eq!(layout.get().expires.to_string(), "2030-01-01T00:00:00Z");
        let (found, reports) = shortfall(check(signed(kind, &[&a]), owners, 2).unwrap_err());
        assert_eq!((found, reports.len()), (1, 1));
    }
}

#[test]
fn the_envelope_survives_being_written_and_read() {
    let a = new_key();
    for kind in KINDS {
        let bytes = signed(kind, &[&a]).to_bytes();
        let envelope = Envelope::parse(&bytes, &Limits::default()).unwrap();
        assert!(check(envelope, [a.public().clone()], 1).is_ok());
    }
}

#[test]
fn without_keys_nothing_is_authentic() {
    let error = check(signed(EnvelopeKind::Dsse, &[&new_key()]), [], 1).unwrap_err();
    assert!(matches!(error, AuthenticationError::NoKeys), "{error}");
    assert_eq!(KeySet::<Owner>::new([]).every_key(), None);
}

#[test]
fn without_signatures_nothing_is_authentic() {
    for kind in KINDS {
        let (found, reports) =
            shortfall(check(layout(kind), [new_key().public().clone()], 1).unwrap_err());
        assert_eq!((found, reports.len()), (0, 0));
    }
}

#[test]
fn a_foreign_key_under_the_right_key_id_counts_nothing() {
    let (owner, attacker) = (new_key(), new_key());
    for kind in KINDS {
        let mut envelope = layout(kind);
        let forged = attacker.sign(envelope.signing_input()).unwrap();
        let id = owner.public().key_id(KeyIdStyle::default());
        envelope.push_signature(signature(Some(&id), forged));
        let (found, reports) = shortfall(check(envelope, [owner.public().clone()], 1).unwrap_err());
        assert_eq!(found, 0);
        assert!(
            matches!(&reports[0].outcome, SignatureOutcome::Invalid(key) if key == owner.public())
        );
        assert!(reports[0].to_string().contains("not a valid signature of ed25519"));
    }
}

#[test]
fn an_unknown_key_is_reported_as_unknown() {
    for kind in KINDS {
        let error =
            check(signed(kind, &[&new_key()]), [new_key().public().clone()], 1).unwrap_err();
        let (found, reports) = shortfall(error);
        assert!(found == 0 && matches!(reports[0].outcome, SignatureOutcome::UnknownKey));
        assert!(reports[0].to_string().ends_with("by no key of the set"));
    }
}

#[test]
fn one_signature_repeated_is_one_vote() {
    let (a, b) = (new_key(), new_key());
    for kind in KINDS {
        let mut envelope = signed(kind, &[&a]);
        let again = envelope.signatures()[0].clone();
        envelope.push_signature(again);
        let keys = [a.public().clone(), b.public().clone()];
        let (found, reports) = shortfall(check(envelope, keys, 2).unwrap_err());
        assert_eq!((found, reports.len()), (1, 2));
    }
}

#[test]
fn one_key_under_two_ids_or_two_schemes_is_one_vote() {
    let rsa = private("rsa.pem");
    let pss = rsa.public().clone();
    let pkcs1 = pss.with_scheme(SignatureScheme::RsaPkcs1v15Sha256).unwrap();
    let other = private("rsa.pem").with_scheme(SignatureScheme::RsaPkcs1v15Sha256).unwrap();
    for kind in KINDS {
        let mut envelope = layout(kind);
        for (key, style) in [
            (&rsa, KeyIdStyle::Securesystemslib),
            (&rsa, KeyIdStyle::Legacy),
            (&other, KeyIdStyle::Legacy),
        ] {
            let bytes = key.sign(envelope.signing_input()).unwrap();
            envelope.push_signature(signature(Some(&key.public().key_id(style)), bytes));
        }
        let keys = KeySet::<Owner>::new([pss.clone(), pkcs1.clone(), pss.clone()]);
        assert_eq!((keys.len(), keys.every_key()), (1, NonZeroU32::new(1)));
        let (found, reports) =
            shortfall(check(envelope, [pss.clone(), pkcs1.clone()], 2).unwrap_err());
        assert_eq!(found, 1);
        assert!(reports.iter().all(|report| matches!(report.outcome, SignatureOutcome::Valid(_))));
    }
}

/// A key id of one scheme does not vouch for a signature by the other.
#[test]
fn a_metablock_key_id_verifies_only_by_its_scheme() {
    let rsa = private("rsa.pem");
    let pkcs1 = rsa.public().with_scheme(SignatureScheme::RsaPkcs1v15Sha256).unwrap();
    let mut envelope = layout(EnvelopeKind::Metablock);
    let bytes = rsa.sign(envelope.signing_input()).unwrap();
    envelope.push_signature(signature(Some(&pkcs1.key_id(KeyIdStyle::default())), bytes));
    let (found, _) = shortfall(check(envelope, [pkcs1], 1).unwrap_err());
    assert_eq!(found, 0);
}

#[test]
fn a_bad_signature_before_the_good_one_changes_nothing() {
    let a = new_key();
    for kind in KINDS {
        let good = signed(kind, &[&a]);
        let mut envelope = layout(kind);
        let id = a.public().key_id(KeyIdStyle::default());
        envelope.push_signature(signature(Some(&id), vec![7; 64]));
        envelope.push_signature(good.signatures()[0].clone());
        assert!(check(envelope, [a.public().clone()], 1).is_ok());
    }
}

#[test]
fn every_style_of_key_id_is_found_in_both_kinds_of_envelope() {
    let key = private("p384.pem");
    for kind in KINDS {
        for (style, _) in key.public().key_ids() {
            let mut envelope = layout(kind);
            sign(&mut envelope, &key, style).unwrap();
            assert!(check(envelope, [key.public().clone()], 1).is_ok(), "{style}");
        }
    }
}

#[test]
fn dsse_accepts_an_absent_empty_or_wrong_key_id_and_metablock_does_not() {
    let (a, b) = (new_key(), new_key());
    let wrong = b.public().key_id(KeyIdStyle::default());
    for hint in [None, Some(""), Some("beef"), Some(wrong.as_str())] {
        for kind in KINDS {
            let mut envelope = layout(kind);
            let bytes = a.sign(envelope.signing_input()).unwrap();
            envelope.push_signature(signature(hint, bytes));
            let keys = [a.public().clone(), b.public().clone()];
            assert_eq!(check(envelope, keys, 1).is_ok(), kind == EnvelopeKind::Dsse, "{hint:?}");
        }
    }
}

#[test]
fn a_signature_over_the_payload_without_pae_is_refused() {
    let a = new_key();
    let mut envelope = layout(EnvelopeKind::Dsse);
    let payload = layout(EnvelopeKind::Dsse).into_unverified_payload();
    let text = payload.value(&Limits::default()).unwrap().to_compact();
    assert!(envelope.signing_input().ends_with(text.as_bytes()), "the payload itself");
    let bytes = a.sign(text.as_bytes()).unwrap();
    envelope.push_signature(signature(None, bytes));
    assert_eq!(shortfall(check(envelope, [a.public().clone()], 1).unwrap_err()).0, 0);
}

#[test]
fn the_budget_bounds_the_work_and_not_the_order() {
    let keys: Vec<SigningKey> = (0..3).map(|_| new_key()).collect();
    let set = KeySet::<Owner>::new(keys.iter().map(|key| key.public().clone()));
    let needs = |signatures: Vec<Signature>| {
        let mut envelope = layout(EnvelopeKind::Dsse);
        for signature in signatures {
            envelope.push_signature(signature);
        }
        let mut budget = SignatureBudget::new(7);
        let result = authenticate::<Layout, _>(
            envelope,
            &set,
            NonZeroU32::MIN,
            &Limits::default(),
            &mut budget,
        );
        (result.err(), budget.remaining())
    };
    let good = signed(EnvelopeKind::Dsse, &[&keys[0]]).signatures()[0].clone();
    let junk = signature(None, vec![0; 64]);
    for order in [
        vec![good.clone(), junk.clone(), junk.clone()],
        vec![junk.clone(), good.clone(), junk.clone()],
    ] {
        let (error, remaining) = needs(order);
        assert!(error.is_none() && remaining == 0, "1 + 3 + 3 checks");
    }
    let (error, _) = needs(vec![good, junk.clone(), junk.clone(), junk]);
    assert!(matches!(error, Some(AuthenticationError::BudgetExhausted)));
}

#[test]
fn a_link_where_a_layout_is_due_is_refused_after_its_signature_held() {
    let a = new_key();
    for kind in KINDS {
        let link = object(
            r#"{"_type":"link","name":"a","command":[],"materials":{},"products":{},"byproducts":{},"environment":{}}"#,
        );
        let mut envelope = Envelope::unsigned(kind, Value::from(link));
        sign(&mut envelope, &a, KeyIdStyle::default()).unwrap();
        let bytes = envelope.to_bytes();
        let error = check(envelope, [a.public().clone()], 1).unwrap_err();
        assert!(matches!(error, AuthenticationError::Payload(_)), "{error}");
        let envelope = Envelope::parse(&bytes, &Limits::default()).unwrap();
        let keys = KeySet::<Owner>::new([a.public().clone()]);
        let mut budget = SignatureBudget::default();
        let link = authenticate::<Link, _>(
            envelope,
            &keys,
            NonZeroU32::MIN,
            &Limits::default(),
            &mut budget,
        );
        assert_eq!(link.unwrap().get().name.as_str(), "a");
    }
}

#[test]
fn signing_again_replaces_the_own_signature_and_keeps_those_of_others() {
    let (a, b) = (new_key(), new_key());
    for kind in KINDS {
        let mut envelope = signed(kind, &[&a, &b]);
        sign(&mut envelope, &a, KeyIdStyle::Legacy).unwrap();
        let ids: Vec<_> =
            envelope.signatures().iter().map(|one| one.key_id.clone().unwrap()).collect();
        assert_eq!(
            ids,
            [
                b.public().key_id(KeyIdStyle::Securesystemslib),
                a.public().key_id(KeyIdStyle::Legacy)
            ]
        );
        assert!(check(envelope, [a.public().clone(), b.public().clone()], 2).is_ok());
    }
}

#[test]
fn the_report_escapes_what_the_attacker_wrote() {
    let hostile = "\u{1b}[2J\n".repeat(100);
    let mut envelope = layout(EnvelopeKind::Dsse);
    envelope.push_signature(signature(Some(&hostile), vec![0; 64]));
    let (_, reports) = shortfall(check(envelope, [new_key().public().clone()], 1).unwrap_err());
    let text = reports[0].to_string();
    assert!(!text.contains('\u{1b}') && !text.contains('\n') && text.len() < 1000, "{text}");
}

#[test]
fn a_set_of_keys_holds_each_key_material_once() {
    let [first, second, third] =
        ["ed25519.pem", "p256.pem", "p384.pem"].map(|file| private(file).public().clone());
    let set = KeySet::<Owner>::new([first.clone(), second.clone(), first.clone()]);
    assert_eq!((set.len(), set.is_empty()), (2, false));
    assert!(set.contains(&first.material()) && set.contains(&second.material()));
    assert!(!set.contains(&third.material()));
    let mut listed: Vec<_> = set.iter().cloned().collect();
    listed.sort();
    let mut due = vec![first, second];
    due.sort();
    assert_eq!(listed, due);
    assert_eq!(set.every_key().map(NonZeroU32::get), Some(2));
}

#[test]
fn a_budget_of_signatures_says_what_is_left() {
    assert_eq!(SignatureBudget::new(5).remaining(), 5);
}
