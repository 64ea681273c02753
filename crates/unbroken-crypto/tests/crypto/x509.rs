//! X.509 certificates as they are read, before anything is asked of their issuers.

use unbroken_crypto::{Certificate, CertificateError};
use unbroken_testkit::certificates::{AltName, CertificateDraft, pem};
use unbroken_testkit::keys;

use crate::support::data;

fn leaf() -> Vec<u8> {
    CertificateDraft::of("workload").uri("spiffe://example.com/build").issued_by("ca")
}

#[test]
fn what_stands_in_a_certificate_is_told() {
    let leaf = Certificate::from_der(&leaf()).unwrap();
    assert_eq!(leaf.public_key(), keys::key("workload").public());
    assert_eq!(leaf.names().uris, ["spiffe://example.com/build"]);
    assert!(leaf.subject().contains("workload"), "{}", leaf.subject());
    assert!(leaf.describe().contains("spiffe://example.com/build"), "{}", leaf.describe());
    assert!(!leaf.is_authority());
    assert!(
        Certificate::from_der(&CertificateDraft::authority("ca").issued_by("ca"))
            .unwrap()
            .is_authority()
    );

    let again = Certificate::read(leaf.to_pem().unwrap().as_bytes()).unwrap();
    assert_eq!((again.der(), &again), (leaf.der(), &leaf));
    let other = CertificateDraft::of("workload").issued_by("ca");
    assert_ne!(Certificate::from_der(&other).unwrap(), leaf);
    let listed = leaf.to_layout_key().unwrap();
    let keyval = listed.object.get("keyval").and_then(|keyval| keyval.as_object()).unwrap();
    assert_eq!(
        keyval.get("certificate").and_then(|text| text.as_str()),
        leaf.to_pem().ok().as_deref()
    );
}

#[test]
fn a_text_holds_as_many_certificates_as_are_asked_for() {
    let one = pem(&leaf());
    assert!(Certificate::read(one.as_bytes()).is_ok());
    assert!(Certificate::read(one.repeat(2).as_bytes()).is_err());
    assert_eq!(Certificate::read_all(one.repeat(16).as_bytes()).unwrap().len(), 16);
    let many = Certificate::read_all(one.repeat(17).as_bytes());
    assert!(matches!(many, Err(CertificateError::TooMany { limit: 16, .. })));
    let key = data("ed25519.pub.pem");
    for other in [&b"text"[..], b"", &key, &[one.as_bytes(), &key].concat()] {
        assert!(Certificate::read_all(other).is_err(), "{}", String::from_utf8_lossy(other));
    }
}

#[test]
fn a_sequence_holds_certificates_and_nothing_else() {
    let one = leaf();
    let count = |der: &[u8]| Certificate::read_der_sequence(der).map(|read| read.len());
    assert_eq!(
        (count(&[]).ok(), count(&one).ok(), count(&one.repeat(2)).ok()),
        (Some(0), Some(1), Some(2))
    );
    assert_eq!(count(&one.repeat(16)).ok(), Some(16));
    assert!(matches!(count(&one.repeat(17)), Err(CertificateError::TooMany { limit: 16, .. })));
    for other in [&[&one[..], &[0]].concat()[..], &one[..one.len() - 1], &[0x30, 0]] {
        assert!(count(other).is_err());
    }
}

#[test]
fn serial_numbers_are_positive_and_of_twenty_bytes_at_the_most() {
    let with = |serial: &[u8]| {
        let mut draft = CertificateDraft::of("workload");
        draft.serial = serial.to_vec();
        Certificate::from_der(&draft.issued_by("ca"))
    };
    for serial in [&[1][..], &[0x7f; 20], &[0, 0x80], &[0]] {
        assert!(with(serial).is_ok(), "{serial:?}");
    }
    for serial in [&[0x80][..], &[0xff; 20], &[0x7f; 21]] {
        assert!(with(serial).is_err(), "{serial:?}");
    }
}

#[test]
fn names_are_told_by_their_kind_and_have_one_reading() {
    let with = |alternative: Vec<AltName>| {
        let mut draft = CertificateDraft::of("workload");
        draft.alternative = alternative;
        Certificate::from_der(&draft.issued_by("ca"))
    };
    let dns = |name: &str| AltName::Dns(name.to_owned());
    let email = |name: &str| AltName::Email(name.to_owned());
    let uri = |name: &str| AltName::Uri(name.to_owned());
    let names = with(vec![dns("a.example"), email("b@a.example"), uri("https://a.example")]);
    let names = names.unwrap().names().clone();
    assert_eq!(names.dns_names, ["a.example"]);
    assert_eq!(names.emails, ["b@a.example"]);
    assert_eq!(names.uris, ["https://a.example"]);
    assert_eq!(names.common_names, ["workload"]);

    // The common name is one of the 256 that there may be.
    assert!(with(vec![dns("a.example"); 255]).is_ok());
    let many = with(vec![dns("a.example"); 256]);
    assert!(matches!(many, Err(CertificateError::TooMany { limit: 256, .. })));
    for bad in [dns(""), dns("a\n"), email("\0"), uri("")] {
        assert!(with(vec![dns("a.example"), bad]).is_err());
    }
    let id = || uri("spiffe://example.com/build");
    assert!(with(vec![id(), dns("a.example")]).is_ok());
    for alternative in
        [vec![id(), id()], vec![id(), uri("https://a.example")], vec![uri("spiffe:x")]]
    {
        assert!(with(alternative).is_err());
    }
    assert!(with(vec![uri("https://a.example"), uri("https://b.example")]).is_ok());
}
