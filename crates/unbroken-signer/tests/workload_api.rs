//! Identities of a SPIFFE Workload API, fetched from a mock of one.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails, its helpers too")]

#[path = "support/mock_workload_api.rs"]
mod mock_workload_api;

use data_encoding::BASE64;
use unbroken_signer::{SignerError, WorkloadIdentity};
use unbroken_testkit::certificates::CertificateDraft;
use unbroken_testkit::keys;

use crate::mock_workload_api::{MockAnswer, MockWorkloadApi, framed};

const ID: &str = "spiffe://example.com/build";

fn private_key() -> Vec<u8> {
    let pem = keys::key("workload").to_pkcs8_pem(None).unwrap();
    let lines: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    BASE64.decode(lines.as_bytes()).unwrap()
}

fn chain() -> Vec<u8> {
    let leaf = CertificateDraft::of("workload").uri(ID).issued_by("between");
    [leaf, CertificateDraft::authority("between").issued_by("ca")].concat()
}

fn fetch(answer: MockAnswer) -> Result<WorkloadIdentity, SignerError> {
    let mock = MockWorkloadApi::answering(answer);
    WorkloadIdentity::fetch(&mock.socket())
}

#[test]
fn an_identity_is_fetched_with_its_key_and_the_authority_between() {
    for answer in [MockAnswer::Open, MockAnswer::Ended] {
        let identity = fetch(answer(framed(ID, &chain(), &private_key()))).unwrap();
        assert_eq!(identity.key.public(), keys::key("workload").public());
        assert_eq!(identity.certificate.public_key(), identity.key.public());
        assert_eq!(identity.certificate.names().uris, [ID]);
        assert_eq!(identity.intermediates.len(), 1);
        assert!(!format!("{identity:?}").contains("PRIVATE"));
    }
}

#[test]
fn what_is_no_identity_of_this_process_is_refused() {
    let good = framed(ID, &chain(), &private_key());
    let mut compressed = good.clone();
    compressed[0] = 1;
    let mut endless = good.clone();
    endless[1] = 0x7f;
    endless.resize(5 << 20, 0);
    let cases: Vec<(MockAnswer, &str)> = vec![
        (MockAnswer::Status("7"), "refused (7"),
        (MockAnswer::Status("12"), "refused (12"),
        (MockAnswer::Open(compressed), "compressed"),
        (MockAnswer::Open(endless), "larger than an identity"),
        (MockAnswer::Ended(good[..good.len() - 1].to_vec()), "it ends within"),
        (MockAnswer::Ended(Vec::new()), "it ends within"),
        (MockAnswer::Ended(vec![0, 0, 0, 0, 0]), "no key fits"),
        (MockAnswer::Ended(vec![0, 0, 0, 0, 2, 0x0a, 9]), "cut off or malformed"),
        (MockAnswer::Open(framed("spiffe://a/b", &chain(), &private_key())), "another identity"),
        (MockAnswer::Open(framed(ID, b"\x30\x00", &private_key())), "certificate cannot be used"),
        (MockAnswer::Open(framed(ID, &[], &private_key())), "certificate"),
        (MockAnswer::Open(framed(ID, &chain(), b"no key")), "cannot be used"),
    ];
    for (answer, said) in cases {
        let error = fetch(answer).unwrap_err().to_string();
        assert!(error.contains(said), "due {said:?}, found {error:?}");
    }
}

#[test]
fn a_socket_that_nobody_listens_on_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let error = WorkloadIdentity::fetch(&folder.path().join("none.sock")).unwrap_err();
    assert!(matches!(error, SignerError::WorkloadApiUnreachable { .. }), "{error}");
}

#[test]
fn sockets_are_named_by_paths_and_by_uris() {
    for name in ["unix:///run/a.sock", "unix:/run/a.sock", "/run/a.sock"] {
        assert_eq!(WorkloadIdentity::socket_of(name).to_str(), Some("/run/a.sock"), "{name}");
    }
    assert_eq!(WorkloadIdentity::socket_of("a.sock").to_str(), Some("a.sock"));
}
