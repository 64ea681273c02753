//! Keys and signatures.

use std::sync::LazyLock;

use unbroken_crypto::{
    Certificate, CertificateAuthorities, Functionary, KeyIdStyle, KeySet, OpenPgpSignature,
    Passphrase, PublicKey, SignatureBudget, SigningKey, TimestampAuthorities, authenticate,
};
use unbroken_model::envelope::{Envelope, EnvelopeKind, Payload, StepEvidence};
use unbroken_model::json::{Object, Value};
use unbroken_model::layout::{CertConstraint, Layout, LayoutKey};
use unbroken_model::limits::Limits;
use unbroken_model::timestamp::Timestamp;

use super::text;
use crate::{keys, timestamps};

/// A key that was read is read again from what it writes, with the same identity.
fn comes_back(key: &PublicKey) {
    let again =
        PublicKey::from_pem_or_other(key.spki_pem().as_bytes()).expect("an own key is read");
    assert_eq!(&again, key);
    if let Ok(listed) = key.to_layout_key(KeyIdStyle::default()) {
        let again = PublicKey::from_layout_key(&listed).expect("an own layout key is read");
        assert_eq!(&again, key);
    }
    for (_, id) in key.key_ids() {
        assert!(key.answers_to(&id));
    }
}

pub(super) fn public_key(bytes: &[u8]) {
    if let Ok(key) = PublicKey::from_pem_or_other(bytes) {
        assert!(!key.describe().is_empty());
    }
}

pub(super) fn spki_der(bytes: &[u8]) {
    if let Ok(key) = PublicKey::from_spki_der(bytes) {
        comes_back(&key);
    }
}

/// A private key that is read signs what its public half verifies.
pub(super) fn private_key(bytes: &[u8]) {
    let Ok(key) = SigningKey::read(bytes, None) else { return };
    let signature = key.sign(b"message").expect("a key that was read signs");
    assert_eq!(key.public().verify(b"message", &signature), Ok(()));
    assert!(!format!("{key:?}").contains("BEGIN"));
}

pub(super) fn encrypted_private_key(bytes: &[u8]) {
    // Deriving a key takes long by design; the reader bounds how long.
    if let Ok(key) = SigningKey::read(bytes, Some(&Passphrase::new("hunter2".to_owned()))) {
        assert!(!key.public().spki_der().is_empty());
    }
}

fn listed(bytes: &[u8]) -> Option<LayoutKey> {
    let value = Value::parse(bytes, &Limits::default()).ok()?;
    let object = value.as_object()?.clone().into_owned();
    let id = object.get("keyid").and_then(Value::as_str).unwrap_or("0123456789abcdef");
    Some(LayoutKey { id: id.parse().ok()?, object })
}

pub(super) fn layout_key(bytes: &[u8]) {
    let Some(listed) = listed(bytes) else { return };
    if let Ok(key) = PublicKey::from_layout_key(&listed) {
        assert!(!key.materials().is_empty());
    }
}

/// A key answers to its own ids and to no others.
pub(super) fn key_id_hint(bytes: &[u8]) {
    let Some(hint) = text(bytes) else { return };
    let key = keys::key("builder");
    let is_own = key.public().key_ids().iter().any(|(_, id)| id.eq_ignore_ascii_case(hint));
    assert_eq!(key.public().answers_to(hint), is_own);
}

/// No bytes that are found without the private key are a signature.
fn is_no_signature(key: &PublicKey, bytes: &[u8]) {
    assert!(key.verify(b"a message that nobody signed", bytes).is_err());
}

pub(super) fn signature_ed25519(bytes: &[u8]) {
    is_no_signature(keys::key("builder").public(), bytes);
}

pub(super) fn signature_ecdsa(bytes: &[u8]) {
    use unbroken_crypto::KeyAlgorithm::EcdsaP256;
    is_no_signature(keys::generated(EcdsaP256).public(), bytes);
}

/// RSASSA-PSS reads the length of the salt from the signature itself.
pub(super) fn signature_rsa_pss(bytes: &[u8]) {
    is_no_signature(keys::rsa().public(), bytes);
}

/// A file with a signature says who signed, or is refused.
pub(super) fn openpgp_signature(bytes: &[u8]) {
    if let Ok(signature) = OpenPgpSignature::read(bytes) {
        assert_eq!(signature.fingerprint.len(), 40);
        assert!(signature.extra().get("other_headers").is_some());
    }
}

/// A certificate that is read has a key that signs, and is listed for layouts as the same key.
pub(super) fn openpgp_certificate(bytes: &[u8]) {
    // The day after the keys of the seeds were made.
    let now = Timestamp::from_unix(1_700_086_400);
    let Ok(key) = PublicKey::read_at(bytes, now) else { return };
    let Some(fingerprint) = key.fingerprint() else { return };
    assert!(key.answers_to(&fingerprint) && !key.signing_fingerprints().is_empty());
    let listed = key.to_layout_key(KeyIdStyle::default()).expect("a key of a layout");
    let again = PublicKey::from_layout_key_at(&listed, now).expect("an own layout key is read");
    assert_eq!(again, key);
}

pub(super) fn certificate_pem(bytes: &[u8]) {
    for certificate in Certificate::read_all(bytes).unwrap_or_default() {
        let again = certificate.to_pem().expect("an own certificate is written");
        assert_eq!(Certificate::read(again.as_bytes()).expect("and read again"), certificate);
        assert!(!certificate.describe().is_empty());
    }
}

/// What certificates are held against, made once.
struct Judge {
    authorities: CertificateAuthorities,
    constraints: Vec<CertConstraint>,
    now: Timestamp,
    /// The certificate that the seeded root issued for a seeded key.
    good: Vec<u8>,
}

static JUDGE: LazyLock<Judge> = LazyLock::new(|| {
    let mut chain = crate::chain::Chain::pipeline();
    chain.certify(1, "ca", r#"{"common_name": "*", "roots": ["*"], "uris": ["*"]}"#);
    let layout = Layout::decode(chain.layout.value().clone()).expect("an own layout");
    let (authorities, faults) = CertificateAuthorities::of_layout(&layout, &[]);
    assert!(faults.is_empty());
    let constraints = layout.steps.get(1).expect("the build").cert_constraints.clone();
    let good = crate::certificates::CertificateDraft::of("workload").issued_by("ca");
    Judge { authorities, constraints, now: chain.now, good }
});

/// Of all that can be read, the certificate that the seeded root issued is certified, and no other.
pub(super) fn certificate_der(bytes: &[u8]) {
    let Ok(certificate) = Certificate::from_der(bytes) else { return };
    let names = certificate.names();
    for name in names.uris.iter().chain(&names.dns_names).chain(&names.emails) {
        assert!(!name.is_empty() && !name.chars().any(char::is_control));
    }
    let Judge { authorities, constraints, now, good } = &*JUDGE;
    let mut budget = SignatureBudget::default();
    let carried = std::slice::from_ref(&certificate);
    let certified = authorities.certify(&certificate, carried, constraints, *now, &mut budget);
    assert_eq!(certified.is_ok(), bytes == good);
}

/// What the token of the seeds is over.
pub(super) const STAMPED: &[u8] = b"a signature";

/// Whatever is believed says that these bytes were there at the one time at which the named authority
/// stamped them: its key signed nothing else.
pub(super) fn timestamp_token(bytes: &[u8]) {
    let now = Timestamp::from_unix(1_780_315_200);
    let mut budget = SignatureBudget::default();
    if let Ok(time) = AUTHORITIES.time_of(bytes, STAMPED, now, &mut budget) {
        assert_eq!(time.to_string(), "2026-05-01T12:30:00Z");
    }
}

static AUTHORITIES: LazyLock<TimestampAuthorities> = LazyLock::new(timestamps::authorities);

/// A link whose one signature has these bytes as its `other_headers`.
pub(super) fn openpgp_headers(bytes: &[u8]) {
    const KEY: &str = r#"{"method":"pgp+eddsa-ed25519","type":"eddsa","hashes":["pgp+SHA2"],
        "creation_time":1500000000,"keyid":"0123456789abcdef0123456789abcdef01234567",
        "keyval":{"private":"","public":{"q":"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"}}}"#;
    let Some(key) = listed(KEY.as_bytes()) else { return };
    let Ok(key) = PublicKey::from_layout_key(&key) else { return };
    let mut extra = Object::new();
    extra.insert("other_headers", data_encoding::HEXLOWER.encode(bytes));
    extra.insert("signature", "00".repeat(64));
    extra.insert("keyid", "0123456789abcdef0123456789abcdef01234567");
    let link = crate::draft::link("build", &[], &[]);
    let payload = link.to_value().into_owned();
    let mut envelope = Envelope::unsigned(EnvelopeKind::Metablock, payload);
    envelope.push_signature(unbroken_model::envelope::Signature {
        key_id: Some("0123456789abcdef0123456789abcdef01234567".to_owned()),
        bytes: vec![0; 64],
        extra,
    });
    let keys = KeySet::<Functionary>::new([key]);
    let (one, limits) = (std::num::NonZeroU32::MIN, Limits::default());
    let mut budget = SignatureBudget::default();
    let link = authenticate::<StepEvidence, _>(envelope, &keys, one, &limits, &mut budget);
    assert!(link.is_err());
}
