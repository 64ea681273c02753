//! Envelopes that other implementations signed: both kinds, every scheme, old and new.

use std::num::NonZeroU32;

use unbroken_crypto::{
    AuthenticationError, Functionary, KeySet, Owner, PublicKey, SignatureBudget, authenticate,
};
use unbroken_model::envelope::{Envelope, EnvelopeKind, Payload};
use unbroken_model::layout::Layout;
use unbroken_model::limits::Limits;
use unbroken_model::link::Link;

use crate::support::{data, layout_key, shared};

fn verify<T: Payload + Clone>(
    bytes: &[u8],
    keys: impl IntoIterator<Item = PublicKey>,
) -> Result<T, AuthenticationError> {
    let limits = Limits::default();
    let envelope = Envelope::parse(bytes, &limits).unwrap();
    let keys = KeySet::<Functionary>::new(keys);
    let mut budget = SignatureBudget::default();
    authenticate::<T, _>(envelope, &keys, NonZeroU32::MIN, &limits, &mut budget)
        .map(|authentic| authentic.get().clone())
}

#[test]
fn links_signed_by_the_reference_implementation_are_authentic() {
    let names = [
        "ed25519",
        "p256",
        "p384",
        "p521",
        "rsa",
        "rsa.rsassa-pss-sha512",
        "rsa.rsa-pkcs1v15-sha256",
        "ml-dsa-65",
        "legacy-ed25519",
        "legacy-ecdsa",
        "legacy-rsa",
    ];
    let mut checked = 0;
    for name in names {
        let text = data(&format!("envelopes/{name}.key.json"));
        let key =
            PublicKey::from_layout_key(&layout_key(std::str::from_utf8(&text).unwrap())).unwrap();
        for kind in ["metablock", "dsse"] {
            if name.starts_with("legacy") && kind == "dsse" {
                continue;
            }
            let bytes = data(&format!("envelopes/{name}.{kind}.link"));
            let link: Link = verify(&bytes, [key.clone()])
                .unwrap_or_else(|error| panic!("{name} {kind}: {error}"));
            assert_eq!(link.name.as_str(), "build");
            // One changed byte of the command, and the signature is gone.
            let text = String::from_utf8(bytes).unwrap();
            let altered = match kind {
                "metablock" => text.replace("\"make\"", "\"fake\""),
                _ => text.replace("Im1ha2Ui", "ImZha2Ui"),
            };
            if altered != text {
                let error = verify::<Link>(altered.as_bytes(), [key.clone()]).unwrap_err();
                assert!(matches!(error, AuthenticationError::ThresholdNotMet { found: 0, .. }));
                checked += 1;
            }
        }
    }
    assert!(checked >= 11, "every Metablock was altered");
}

#[test]
fn chains_of_the_rust_implementation_are_authentic() {
    for (kind, owner, maker) in [
        ("ed25519", "dd2f4fa6264e8f8020c3ae75cc921d0cb85ec30ab00e6c7eb830f6c6579ea97c", "a8d34e38"),
        ("ecdsa", "d9c4b2468c0df82d7c43e31fa09ad5937e69f389d3a610d2d788189eb5fd8a34", "6583f15b"),
        ("rsa", "b1f97f7801945e8b449b41659661e6deaea737d1c15b76e635a1dd386bdd877b", "8e5d21a2"),
    ] {
        let file = |name: &str| data(&format!("rust/{kind}/{name}"));
        let owner_key = PublicKey::from_pem_or_other(&file("owner.pub")).unwrap();
        let layout: Layout = verify(&file("root.layout"), [owner_key.clone()]).unwrap();
        assert!(owner_key.answers_to(owner), "{kind}");
        let listed = PublicKey::from_layout_key(layout.keys.values().next().unwrap()).unwrap();
        assert!(listed.key_ids().iter().filter(|(_, id)| id.starts_with(maker)).count() > 1);
        for step in ["make", "pack"] {
            let link = file(&format!("{step}.{maker}.link"));
            let read: Link = verify(&link, [listed.clone()]).unwrap();
            assert_eq!(read.name.as_str(), step);
            let text = String::from_utf8(link).unwrap();
            let altered = text.replace("app\"", "apq\"");
            assert!(
                verify::<Link>(altered.as_bytes(), [listed.clone()]).is_err() && altered != text
            );
        }
    }
}

fn published(file: &str) -> Option<Vec<u8>> {
    shared(&format!("in-toto-golang/{file}"))
}

#[test]
fn published_layouts_are_authentic() {
    for (file, kind) in [
        ("demo.layout", EnvelopeKind::Metablock),
        ("sub_layout.70ca5750.link", EnvelopeKind::Metablock),
        ("demo.dsse.layout", EnvelopeKind::Dsse),
        ("dsse-only.root.layout", EnvelopeKind::Dsse),
    ] {
        let (Some(bytes), Some(alice)) = (published(file), published("alice.pub")) else { return };
        let alice = PublicKey::from_pem_or_other(&alice).unwrap();
        let limits = Limits::default();
        let envelope = Envelope::parse(&bytes, &limits).unwrap();
        assert_eq!(envelope.kind(), kind, "{file}");
        let keys = KeySet::<Owner>::new([alice]);
        let mut budget = SignatureBudget::new(4);
        let layout =
            authenticate::<Layout, _>(envelope, &keys, NonZeroU32::MIN, &limits, &mut budget)
                .unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(!layout.get().steps.is_empty(), "{file}");
    }
}

#[test]
fn published_links_are_authentic_and_an_unsigned_layout_is_not() {
    let file = |name: &str| published(name);
    let (Some(dan), Some(demo), Some(unsigned)) =
        (file("dan.pub"), file("demo.layout"), file("super.layout"))
    else {
        return;
    };
    let dan = PublicKey::from_pem_or_other(&dan).unwrap();
    for name in ["foo.b7d643de.link", "write-code.b7d643de.link"] {
        let link = verify::<Link>(&file(name).unwrap(), [dan.clone()]);
        assert!(link.is_ok(), "{name}: {link:?}");
    }
    // The second functionary's key is inside of the layout.
    let envelope = Envelope::parse(&demo, &Limits::default()).unwrap();
    let layout: Layout = envelope.into_unverified_payload().decode(&Limits::default()).unwrap();
    let keys: Vec<PublicKey> =
        layout.keys.values().map(|key| PublicKey::from_layout_key(key).unwrap()).collect();
    for name in ["foo.d3ffd108.link", "package.d3ffd108.link"] {
        let link = verify::<Link>(&file(name).unwrap(), keys.clone());
        assert!(link.is_ok(), "{name}: {link:?}");
    }
    let error = verify::<Layout>(&unsigned, keys).unwrap_err();
    assert!(matches!(error, AuthenticationError::ThresholdNotMet { found: 0, .. }), "{error}");
}

#[test]
fn published_attestations_are_signed_by_their_key() {
    let Some(key) = shared("attestation-verifier/test-data-raw/key.pub") else { return };
    let key = PublicKey::from_pem_or_other(&key).unwrap();
    for name in ["build", "clone", "test"] {
        let file = format!("attestation-verifier/test-data/{name}.fe1c6281.json");
        let Some(bytes) = shared(&file) else { return };
        let envelope = Envelope::parse(&bytes, &Limits::default()).unwrap();
        let signature = &envelope.signatures()[0];
        assert_eq!(key.verify(envelope.signing_input(), &signature.bytes), Ok(()), "{name}");
        assert!(key.answers_to(signature.key_id.as_deref().unwrap()), "{name}");
        // A statement is no link, however well it is signed.
        let error = verify::<Link>(&bytes, [key.clone()]).unwrap_err();
        assert!(matches!(error, AuthenticationError::Payload(_)), "{name}: {error}");
    }
}
