//! Functionaries by certificate: paths, times, constraints, and one count of votes.

use proptest::prelude::*;
use unbroken_crypto::Certificate;
use unbroken_testkit::certificates::{AltName, CertificateDraft, authority_id, pem};
use unbroken_testkit::{Chain, Signer, keys};

use crate::{rejected, the, verified, warned};

const ID: &str = "spiffe://example.com/build";

fn constraint() -> String {
    let root = authority_id("ca");
    format!(r#"{{"common_name": "*", "roots": ["{root}"], "uris": ["{ID}"]}}"#)
}

/// The pipeline, its build done by whoever has a certificate of the root `ca` for the id.
fn pipeline() -> Chain {
    let mut chain = Chain::pipeline();
    chain.layout.set_json("steps/1/pubkeys", "[]");
    chain.certify(1, "ca", &constraint());
    chain
}

fn leaf() -> CertificateDraft {
    CertificateDraft::of("workload").uri(ID)
}

#[test]
fn the_report_names_the_holder_of_the_certificate() {
    let mut chain = pipeline();
    chain.sign_certified("build", "workload", &leaf().pem_by("ca"));
    verified(&chain);
    let verified = chain.case().verify().unwrap();
    let step = &verified.assessment().chains[0].steps[1];
    let id = authority_id("workload");
    let id = keys::key("workload").public().key_ids().into_iter().find(|(_, own)| *own == id);
    assert!(id.is_some());
    let name = &step.functionaries[0];
    assert!(name.starts_with(&format!("{ID} (ed25519 ")), "{name}");
    assert_eq!(step.evidence[0].signers, step.functionaries);
}

#[test]
fn a_refusal_names_the_holder_the_constraint_and_the_attribute() {
    let mut chain = pipeline();
    let mut other = leaf();
    other.alternative = vec![AltName::Uri("spiffe://example.com/scan".to_owned())];
    chain.sign_certified("build", "workload", &other.pem_by("ca"));
    let verdict = rejected(&chain, &["certificate-constraint-not-met", "link-threshold-not-met"]);
    let finding = the(&verdict, "certificate-constraint-not-met");
    assert_eq!(finding.functionary.as_deref(), Some("spiffe://example.com/scan"));
    assert!(finding.message.contains("constraint 1: uris is"), "{}", finding.message);
}

#[test]
fn the_verifiers_own_intermediates_close_the_gap_and_open_no_other() {
    let mut chain = pipeline();
    chain.sign_certified("build", "workload", &leaf().pem_by("between"));
    rejected(&chain, &["certificate-untrusted", "link-threshold-not-met"]);
    let between = CertificateDraft::authority("between");
    let read = |text: String| Certificate::read(text.as_bytes()).unwrap();
    chain.options.intermediates = vec![read(between.pem_by("other-ca"))];
    rejected(&chain, &["certificate-untrusted", "link-threshold-not-met"]);
    // One more that leads nowhere does not stand in the way.
    chain.options.intermediates.push(read(between.pem_by("ca")));
    verified(&chain);
    // A root of the verifier's own is none.
    chain.layout.set_json("rootcas", "{}");
    chain.options.intermediates.push(read(CertificateDraft::authority("ca").pem_by("ca")));
    rejected(
        &chain,
        &["certificate-authority-invalid", "certificate-untrusted", "link-threshold-not-met"],
    );
}

#[test]
fn a_bad_certificate_beside_enough_good_evidence_is_a_warning() {
    let mut chain = pipeline();
    let link = chain.link("build").clone();
    chain.sign_certified("build", "workload", &leaf().pem_by("ca"));
    let mut bad = link;
    bad.unsign();
    let text = CertificateDraft::of("stranger").uri(ID).pem_by("stranger");
    chain.put_certified("build", "stranger", bad.signed(Signer::certified("stranger", &text)));
    warned(&chain, &["certificate-untrusted"]);
}

#[test]
fn a_listed_key_needs_no_certificate_and_none_spoils_it() {
    let mut chain = Chain::pipeline();
    chain.certify(1, "ca", &constraint());
    verified(&chain);
    for text in ["garbage", "", &CertificateDraft::of("builder").pem_by("stranger")] {
        let mut chain = chain.clone();
        chain.sign_certified("build", "builder", text);
        verified(&chain);
    }
}

#[test]
fn many_certificates_are_not_looked_at() {
    let mut chain = pipeline();
    chain.sign_certified("build", "workload", &leaf().pem_by("ca"));
    let certificates = |count: u8| {
        (0..count).map(|number| {
            let mut other = leaf();
            other.serial = vec![number + 1];
            Signer::certified("stranger", &other.pem_by("other-ca"))
        })
    };
    let with = |chain: &Chain, count| {
        let mut chain = chain.clone();
        let good = chain.link("build").clone();
        let mut link = good;
        link.unsign();
        link = certificates(count).fold(link, unbroken_testkit::Draft::signed);
        // Which are looked at is decided by their text, and so by their length: this is the longest.
        let own = CertificateDraft { serial: vec![1; 20], ..leaf() };
        let own = Signer::certified("workload", &own.pem_by("ca"));
        chain.put_certified("build", "workload", link.signed(own));
        chain
    };
    verified(&with(&chain, 7));
    assert!(!with(&chain, 8).case().judge().verified);
}

#[test]
fn searching_for_paths_is_paid_for() {
    let mut chain = pipeline();
    chain.sign_certified("build", "workload", &leaf().pem_by("ca"));
    // Three links with one signature each, and one search for a path with one certificate.
    chain.budget.signatures = 4;
    verified(&chain);
    chain.budget.signatures = 3;
    assert!(chain.case().judge().errors.contains(&"budget-exceeded".to_owned()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// No change of one byte of a certificate makes another functionary: it is refused, or it is of
    /// the same key with the same names (a change in the signature's encoding, say).
    #[test]
    fn a_changed_certificate_is_refused(at in 0usize..400, to in any::<u8>()) {
        let mut der = leaf().issued_by("ca");
        let index = at % der.len();
        prop_assume!(der[index] != to);
        der[index] = to;
        let mut chain = pipeline();
        chain.sign_certified("build", "workload", &pem(&der));
        prop_assert!(!chain.case().judge().verified, "byte {index} to {to}");
    }

    /// Whoever is let in has the one name that the constraint names, whatever else varies.
    #[test]
    fn only_the_named_identity_is_let_in(
        path in prop::sample::select(vec!["build", "scan", "build2", "Build"]),
        issuer in prop::sample::select(vec!["ca", "other-ca", "workload"]),
        extra in any::<bool>(),
        days in 0i64..3,
    ) {
        let mut draft = CertificateDraft::of("workload").uri(&format!("spiffe://example.com/{path}"));
        if extra {
            draft.alternative.push(AltName::Dns("host.example".to_owned()));
        }
        let mut chain = pipeline();
        draft.not_after = unbroken_model::timestamp::Timestamp::from_unix(
            chain.now.unix() + (days - 1) * 86_400,
        );
        chain.sign_certified("build", "workload", &draft.pem_by(issuer));
        let due = path == "build" && issuer == "ca" && !extra && days >= 1;
        prop_assert_eq!(chain.case().judge().verified, due);
    }
}
