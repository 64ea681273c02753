//! Metadata that another implementation made: every signature in it holds here.
//!
//! The folder lies beside the workspace; its README says what is due.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test stops where it fails, its helpers too, and reads its files"
)]

use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use unbroken_crypto::{
    Authentic, AuthenticationError, Functionary, KeySet, Owner, PublicKey, SignatureBudget,
    authenticate,
};
use unbroken_model::canonical_json;
use unbroken_model::envelope::{Envelope, Payload, StepEvidence};
use unbroken_model::json::Value;
use unbroken_model::layout::Layout;
use unbroken_model::limits::Limits;
use unbroken_testkit::{shared_vectors, skip};
use unbroken_verify::{FindingCode, InForce};

/// The canonical form of `canonical-test.link`, as its makers give it.
const CANONICAL: &str = "7b225f74797065223a226c696e6b222c22627970726f6475637473223a7b7d2c22636f6d6d616e64223a5b5d2c22656e7669726f6e6d656e74223a7b2261223a22575446222c2262223a747275652c2263223a66616c73652c2264223a6e756c6c2c2265223a312c2266223a221befbfbf465c5c6e5c22227d2c226d6174657269616c73223a7b7d2c226e616d65223a2274657374222c2270726f6475637473223a7b7d7d";

/// Returns the folder, or says that it is absent.
fn folder(test: &str) -> Option<PathBuf> {
    let found = shared_vectors("in-toto-golang");
    if found.is_none() {
        skip(test, "../shared/vectors/in-toto-golang is not here");
    }
    found
}

fn read(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn key(folder: &Path, name: &str) -> PublicKey {
    let text = read(folder, name);
    PublicKey::from_pem_or_other(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn authentic<T: Payload, R>(
    bytes: &[u8],
    keys: impl IntoIterator<Item = PublicKey>,
) -> Result<Authentic<T, R>, AuthenticationError> {
    let limits = Limits::default();
    let envelope = Envelope::parse(bytes, &limits).unwrap();
    let keys = KeySet::<R>::new(keys);
    let one = std::num::NonZeroU32::MIN;
    authenticate(envelope, &keys, one, &limits, &mut SignatureBudget::default())
}

/// The keys that a layout lists, those that can be read.
fn keys_of(layout: &Layout) -> Vec<PublicKey> {
    layout.keys.values().filter_map(|key| PublicKey::from_layout_key(key).ok()).collect()
}

#[test]
fn layouts_of_the_peer_are_authentic_and_in_force() {
    let Some(folder) = folder("layouts of the peer") else { return };
    let alice = key(&folder, "alice.pub");
    for (name, expires) in [
        ("demo.layout", "2030-11-18T16:06:36Z"),
        ("demo.dsse.layout", "2030"),
        ("dsse-only.root.layout", "2030"),
    ] {
        let layout = authentic::<Layout, Owner>(&read(&folder, name), [alice.clone()])
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(layout.signers(), std::slice::from_ref(&alice), "{name}");
        let found = layout.get().expires.to_string();
        assert!(found.starts_with(expires.get(..4).unwrap()), "{name} expires {found}");
        assert!(InForce::at(&layout, "2026-06-01T12:00:00Z".parse().unwrap()).is_ok(), "{name}");
        let late = InForce::at(&layout, "2031-01-01T00:00:00Z".parse().unwrap()).unwrap_err();
        assert_eq!(late.code, FindingCode::LayoutExpired, "{name}");
        // The same document by another key is not authentic.
        let dan = key(&folder, "dan.pub");
        assert!(authentic::<Layout, Owner>(&read(&folder, name), [dan]).is_err(), "{name}");
    }
}

#[test]
fn links_of_the_peer_are_authentic() {
    let Some(folder) = folder("links of the peer") else { return };
    let dan = key(&folder, "dan.pub");
    let alice = key(&folder, "alice.pub");
    let of_layout = |name: &str| {
        let layout = authentic::<Layout, Owner>(&read(&folder, name), [alice.clone()]).unwrap();
        keys_of(layout.get())
    };
    let (demo, dsse) = (of_layout("demo.layout"), of_layout("dsse-only.root.layout"));
    for (name, keys) in [
        ("foo.b7d643de.link", vec![dan.clone()]),
        ("write-code.b7d643de.link", vec![dan]),
        ("foo.d3ffd108.link", demo.clone()),
        ("package.d3ffd108.link", demo),
        ("clone-dsse.776a00e2.link", dsse.clone()),
        ("update-version-dsse.776a00e2.link", dsse.clone()),
        ("package-dsse.2f89b927.link", dsse),
    ] {
        let link = authentic::<StepEvidence, Functionary>(&read(&folder, name), keys)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let StepEvidence::Link(link) = link.get() else { panic!("{name} is no link") };
        assert_eq!(link.name.as_str(), name.split('.').next().unwrap());
    }
}

#[test]
fn a_sublayout_of_the_peer_is_authentic() {
    let Some(folder) = folder("a sublayout of the peer") else { return };
    let alice = key(&folder, "alice.pub");
    let bytes = read(&folder, "sub_layout.70ca5750.link");
    let evidence = authentic::<StepEvidence, Functionary>(&bytes, [alice]).unwrap();
    assert!(matches!(evidence.get(), StepEvidence::Sublayout(_)));
}

#[test]
fn an_unsigned_layout_of_the_peer_is_not_authentic() {
    let Some(folder) = folder("an unsigned layout of the peer") else { return };
    let alice = key(&folder, "alice.pub");
    let error = authentic::<Layout, Owner>(&read(&folder, "super.layout"), [alice]).unwrap_err();
    assert!(
        matches!(error, AuthenticationError::ThresholdNotMet { found: 0, ref signatures, .. } if signatures.is_empty())
    );
}

#[test]
fn the_canonical_form_is_that_of_the_peer() {
    let Some(folder) = folder("the canonical form of the peer") else { return };
    let bytes = read(&folder, "canonical-test.link");
    let document = Value::parse(&bytes, &Limits::default()).unwrap();
    let signed = document.as_object().unwrap().get("signed").unwrap();
    assert_eq!(HEXLOWER.encode(&canonical_json::encode(signed)), CANONICAL);
}
