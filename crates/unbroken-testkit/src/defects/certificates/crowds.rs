//! Certificates that stand beside others in one piece of evidence: they must not hide them.

use super::super::Defect;
use super::stamps::{EXPIRED, IN_TIME, build, signer};
use super::{NOT_MET, constraint, leaf};
use crate::certificates::CertificateDraft;
use crate::chain::Chain;
use crate::draft::{Draft, Signer};
use crate::keys;
use crate::timestamps::TokenDraft;

pub(super) fn all() -> Vec<Defect> {
    let bad_hint = |chain: &mut Chain| {
        let bad = Signer::certified("stranger", "no PEM").as_witness();
        build(chain, vec![bad, signer(Vec::new())]);
        let link = chain.link("build");
        link.tamper(&data_encoding::BASE64.encode(b"no PEM"), "%");
    };
    vec![
        Defect::of(
            "certificate-hint-malformed-beside-expired",
            "a certificate that cannot be read stands before the builder's, which has ended",
            "what anybody can put there must not hide what is wrong",
            bad_hint,
        )
        .rejected(&EXPIRED),
        Defect::of(
            "certificate-garbage-beside-expired",
            "a text that is no certificate stands before the builder's, which has ended",
            "what anybody can put there must not hide what is wrong",
            |chain| {
                let garbage = Signer::certified("stranger", "no PEM");
                build(chain, vec![garbage, signer(Vec::new())]);
            },
        )
        .rejected(&EXPIRED),
        Defect::of(
            "certificates-too-many",
            "the builder's certificate is one too many to be looked at",
            "CVE-2024-45395: work that anybody can ask for",
            |chain| {
                let last = CertificateDraft { serial: vec![25], ..leaf() };
                let mut signers = crowd();
                signers.push(Signer::certified("workload", &last.pem_by("ca")));
                build(chain, signers);
            },
        )
        .rejected(&["budget-exceeded", NOT_MET]),
        Defect::of(
            "certificates-too-many-behind-expired",
            "eight more certificates stand with the builder's, which has ended",
            "what anybody can put there must not hide what is wrong",
            |chain| {
                let mut signers = vec![signer(Vec::new())];
                signers.extend(crowd());
                build(chain, signers);
            },
        )
        .rejected(&EXPIRED),
        Defect::of(
            "certificates-too-many-in-surplus",
            "a listed key signed the build; another piece has nine certificates, of which one has ended",
            "whoever can hand in a piece could keep good evidence from counting",
            |chain| {
                chain.certify(1, "ca", &constraint("ca"));
                let mut link = chain.link("build").clone();
                link.unsign();
                let mut signers = vec![signer(Vec::new())];
                signers.extend(crowd());
                let link = signers.into_iter().fold(link, Draft::signed);
                chain.put_certified("build", "workload", link);
            },
        )
        .warned(&["certificate-expired"]),
        Defect::of(
            "time-stamp-behind-many-certificates",
            "the builder signed twice, and the token stands with the second signature, behind nine certificates",
            "control: what is not looked at takes nothing from what is",
            |chain| {
                let mut signers = vec![signer(Vec::new())];
                signers.extend(crowd());
                signers.push(signer(vec![TokenDraft::at(IN_TIME)]).under(Some("00000000")));
                build(chain, signers);
            },
        ),
    ]
}

/// Signatures of a stranger, each beside another good certificate of a key that signed nothing. Those
/// that are looked at are the first by their text, and so by these serial numbers.
fn crowd() -> Vec<Signer> {
    let key = keys::key("bystander").public().spki_der().to_vec();
    let one = |serial: u8| {
        let mut draft = CertificateDraft { serial: vec![serial], ..leaf() };
        draft.spki = Some(key.clone());
        Signer::certified("stranger", &draft.pem_by("ca")).under(Some(&format!("{serial:08}")))
    };
    (11..19).map(one).collect()
}
