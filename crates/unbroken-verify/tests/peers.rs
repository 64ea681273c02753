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
    Authentic, AuthenticationError, Certificate, CertificateAuthorities, CertificateError,
    CertifiedSigner, Functionary, KeyIdStyle, KeySet, Owner, PublicKey, SignatureBudget,
    SigningKey, authenticate, sign,
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

/// When the peer's certificates are judged: they run from 2021 to 2031.
const AT: &str = "2026-06-01T12:00:00Z";

fn certificate(folder: &Path, name: &str) -> Certificate {
    let text = read(folder, name);
    Certificate::read(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn certificates_of_the_peer_are_read_and_listed_as_it_lists_them() {
    let Some(folder) = folder("certificates of the peer") else { return };
    let alice = key(&folder, "alice.pub");
    let layout = authentic::<Layout, Owner>(&read(&folder, "demo.layout"), [alice]).unwrap();
    let root = certificate(&folder, "root.cert.pem");
    let between = certificate(&folder, "example.com.intermediate.cert.pem");
    for (certificate, listed) in
        [(&root, &layout.get().root_cas), (&between, &layout.get().intermediate_cas)]
    {
        assert!(certificate.is_authority());
        let (id, object) = listed.iter().next().unwrap();
        let own = certificate.to_layout_key().unwrap();
        assert_eq!((listed.len(), own.id.as_str()), (1, id.as_str()));
        let text = |object: &unbroken_model::json::Object<'_>| {
            let keyval = object.get("keyval").unwrap().as_object().unwrap();
            keyval.get("certificate").unwrap().as_str().unwrap().to_owned()
        };
        assert_eq!(text(&own.object), text(&object.object));
    }
    let own = certificate(&folder, "example.com.write-code.cert.pem");
    assert!(!own.is_authority());
    assert_eq!(
        own.public_key().key_id(KeyIdStyle::Legacy),
        "4979dea7a8467cbe0299693703b81d490854143b859a469ec0f6349e7bdf582a"
    );
    assert_eq!(own.names().common_names, ["write-code.example.com"]);
    assert_eq!(own.names().organizations, ["example"]);
    assert_eq!(own.names().uris, ["spiffe://example.com/write-code"]);
    assert_eq!(own.describe(), "spiffe://example.com/write-code");
}

#[test]
fn a_certificate_of_the_peer_meets_the_constraint_of_its_layout() {
    let Some(folder) = folder("a constraint of the peer") else { return };
    let alice = key(&folder, "alice.pub");
    let layout = authentic::<Layout, Owner>(&read(&folder, "demo.layout"), [alice]).unwrap();
    let step = layout.get().steps.iter().find(|step| step.name.as_str() == "write-code").unwrap();
    let (authorities, faults) = CertificateAuthorities::of_layout(layout.get(), &[]);
    assert!(faults.is_empty(), "{faults:?}");
    let own = certificate(&folder, "example.com.write-code.cert.pem");
    let judge = |certificate: &Certificate, constraints: &[_], at: &str| {
        let mut budget = SignatureBudget::default();
        authorities.certify(certificate, &[], constraints, at.parse().unwrap(), &mut budget)
    };
    let certified = judge(&own, &step.cert_constraints, AT).unwrap();
    assert_eq!(certified.key(), own.public_key());
    assert!(authorities.has_root(certified.root().as_str()));

    for (at, valid) in [
        ("2021-08-31T18:32:22Z", false),
        ("2021-08-31T18:32:23Z", true),
        ("2031-08-29T18:32:22Z", true),
        // The root ends a second before the others.
        ("2031-08-29T18:32:23Z", false),
        ("2031-08-29T18:32:24Z", false),
    ] {
        let judged = judge(&own, &step.cert_constraints, at);
        assert_eq!(judged.is_ok(), valid, "{at}");
        assert!(
            valid || matches!(judged.unwrap_err(), CertificateError::NotInForce { .. }),
            "{at}"
        );
    }
    let mut open = step.cert_constraints.clone();
    open[0].organizations.clear();
    assert!(matches!(judge(&own, &open, AT).unwrap_err(), CertificateError::Constraint { .. }));
    open[0].organizations = vec!["*".to_owned()];
    assert!(judge(&own, &open, AT).is_ok());
    let between = certificate(&folder, "example.com.intermediate.cert.pem");
    assert!(matches!(judge(&between, &open, AT).unwrap_err(), CertificateError::Usage { .. }));
    // Without the one between there is no path.
    let mut alone = layout.get().clone();
    alone.intermediate_cas.clear();
    let (authorities, _) = CertificateAuthorities::of_layout(&alone, &[]);
    let mut budget = SignatureBudget::default();
    let at = AT.parse().unwrap();
    let error =
        authorities.certify(&own, &[], &step.cert_constraints, at, &mut budget).unwrap_err();
    assert!(matches!(error, CertificateError::NoPath { .. }));
    assert!(authorities.certify(&own, &[between], &step.cert_constraints, at, &mut budget).is_ok());
}

#[test]
fn a_key_of_the_peer_signs_with_its_certificate_and_with_no_other() {
    let Some(folder) = folder("a certificate's key of the peer") else { return };
    let own = certificate(&folder, "example.com.write-code.cert.pem");
    let signer = || {
        let text = read(&folder, "example.com.write-code.key.pem");
        Box::new(SigningKey::read(&text, None).unwrap())
    };
    let at = AT.parse().unwrap();
    let signer_of = CertifiedSigner::new(signer(), &own, &[], at).unwrap();
    let mut envelope = Envelope::unsigned(
        unbroken_model::envelope::EnvelopeKind::Metablock,
        Value::parse(b"{}", &Limits::default()).unwrap(),
    );
    sign(&mut envelope, &signer_of, KeyIdStyle::default()).unwrap();
    let signature = &envelope.signatures()[0];
    assert!(signature.key_id.as_deref().unwrap().starts_with("4979dea7a8467cbe"));
    let text = signature.certificates(&Limits::default()).unwrap().unwrap();
    assert_eq!(Certificate::read(text.as_bytes()).unwrap(), own);

    let between = certificate(&folder, "example.com.intermediate.cert.pem");
    let error = CertifiedSigner::new(signer(), &between, &[], at).err().unwrap();
    assert!(matches!(error, CertificateError::OtherKey { .. }));
    let late = "2032-01-01T00:00:00Z".parse().unwrap();
    let error = CertifiedSigner::new(signer(), &own, &[], late).err().unwrap();
    assert!(matches!(error, CertificateError::NotInForce { .. }));
}

#[test]
fn an_empty_certificate_of_the_peer_is_none() {
    let Some(folder) = folder("empty certificates of the peer") else { return };
    for name in ["foo.b7d643de.link", "write-code.b7d643de.link"] {
        let bytes = read(&folder, name);
        let envelope = Envelope::parse(&bytes, &Limits::default()).unwrap();
        let signature = &envelope.signatures()[0];
        assert!(signature.extra.get("cert").is_some());
        assert!(signature.certificates(&Limits::default()).unwrap().is_none());
    }
}
