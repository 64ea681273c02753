//! Certificates that have ended, with time-stamp tokens that prove when they were used, or do not.

use unbroken_crypto::TimestampAuthorities;

use super::super::Defect;
use super::{NOT_MET, certify, leaf};
use crate::certificates::{CertificateDraft, Criticality, KEY_CERT_SIGN, Purpose};
use crate::chain::Chain;
use crate::draft::Signer;
use crate::keys;
use crate::timestamps::{self, SignerName, StampDigest, TokenDraft};

pub(super) const EXPIRED: [&str; 2] = ["certificate-expired", NOT_MET];
const INVALID: &[&str] = &["timestamp-invalid"];
/// While the short-lived certificate was in force.
pub(super) const IN_TIME: &str = "20260501123000Z";

pub(super) fn all() -> Vec<Defect> {
    [controls(), times(), contents(), signers(), counts()].concat()
}

/// A certificate that was in force for an hour, a month before the verification.
fn short_lived() -> CertificateDraft {
    let mut draft = leaf();
    draft.not_before = "2026-05-01T12:00:00Z".parse().expect("a point in time");
    draft.not_after = "2026-05-01T13:00:00Z".parse().expect("a point in time");
    draft
}

pub(super) fn signer(stamps: Vec<TokenDraft>) -> Signer {
    let signer = Signer::certified("workload", &short_lived().pem_by("ca"));
    stamps.into_iter().fold(signer, Signer::stamped)
}

/// The build, signed like this; the verifier names the authority of time stamps.
pub(super) fn build(chain: &mut Chain, signers: Vec<Signer>) {
    certify(chain);
    chain.options.timestamp_authorities = timestamps::authorities();
    let mut link = chain.take(&keys::stem("build", "builder"));
    link.unsign();
    let link = signers.into_iter().fold(link, crate::draft::Draft::signed);
    chain.put_certified("build", "workload", link);
}

/// The build, with the short-lived certificate and a good token but for a change.
fn stamped(
    name: &'static str,
    title: &str,
    reference: &str,
    change: impl FnOnce(&mut TokenDraft),
) -> Defect {
    Defect::of(name, title, reference, |chain| {
        let mut token = TokenDraft::at(IN_TIME);
        change(&mut token);
        build(chain, vec![signer(vec![token])]);
    })
}

fn controls() -> Vec<Defect> {
    vec![
        stamped(
            "time-stamp-in-time",
            "the builder's certificate has ended, and a token shows that he signed before",
            "control",
            |_| {},
        ),
        stamped(
            "time-stamp-in-answer",
            "the token stands in the answer of its authority",
            "control: sigstore keeps answers, witness keeps tokens",
            |token| token.status = Some(0),
        ),
        stamped(
            "time-stamp-with-fraction",
            "the token tells fractions of a second, and how exact it is",
            "control",
            |token| {
                "20260501125959.999Z".clone_into(&mut token.time);
                token.accuracy = Some(1);
            },
        ),
        stamped(
            "time-stamp-by-intermediate",
            "an authority of time stamps stands below another one",
            "control",
            |token| {
                let mut between = CertificateDraft::authority("tsa-between");
                between.purposes = vec![Purpose::TimeStamping];
                token.more.push(between.issued_by("tsa-ca"));
                "tsa-between".clone_into(&mut token.issuer);
            },
        ),
        stamped(
            "time-stamp-by-key-id",
            "the token points at the certificate of who signed it by the id of its key",
            "control: RFC 5652, 5.3, has two forms",
            |token| {
                token.signer.subject_key_id = Some(vec![7; 20]);
                token.key_id = Some(vec![7; 20]);
            },
        ),
        stamped(
            "time-stamp-brings-garbage",
            "the token brings a certificate that is none, and needs it for nothing",
            "whoever carries a token can put certificates there",
            |token| token.more.push(crate::certificates::sequence(&[vec![5, 0]])),
        ),
        Defect::of(
            "time-stamp-as-witness-writes-it",
            "certificate, the authority behind it and token stand in DSSE as witness writes them",
            "control",
            |chain| {
                let between = CertificateDraft::authority("between").pem_by("ca");
                let text = short_lived().pem_by("between") + &between;
                let signer = Signer::certified("workload", &text).as_witness();
                build(chain, vec![signer.stamped(TokenDraft::at(IN_TIME))]);
                let link = chain.link("build");
                *link = link.clone().dsse();
            },
        ),
        Defect::of(
            "time-stamp-missing",
            "the builder's certificate has ended, and nothing shows that he signed before",
            "control",
            |chain| build(chain, vec![signer(Vec::new())]),
        )
        .rejected(&EXPIRED),
    ]
}

fn times() -> Vec<Defect> {
    vec![
        stamped(
            "time-stamp-before-certificate",
            "the token is of the second before the certificate began",
            "RFC 5280, 4.1.2.5",
            |token| "20260501115959Z".clone_into(&mut token.time),
        )
        .rejected(&EXPIRED),
        stamped(
            "time-stamp-after-certificate",
            "the token is of the second after the certificate ended",
            "a key that was lost later signs, and has it stamped",
            |token| "20260501130001Z".clone_into(&mut token.time),
        )
        .rejected(&EXPIRED),
        stamped(
            "time-stamp-from-future",
            "the token is of the second after the verification",
            "a clock that is wrong",
            |token| "20260601120001Z".clone_into(&mut token.time),
        )
        .rejected(&EXPIRED)
        .warned(INVALID),
        stamped(
            "time-stamp-not-exact",
            "the authority's clock may be off by two minutes",
            "RFC 3161, 2.4.2",
            |token| token.accuracy = Some(120),
        )
        .rejected(&EXPIRED)
        .warned(INVALID),
        Defect::of(
            "time-stamp-of-valid-certificate-before-it-began",
            "the certificate is in force, and a token shows that it was not when the builder signed",
            "RFC 5280, 4.1.2.5",
            |chain| {
                let mut draft = leaf();
                draft.not_before = "2026-05-15T00:00:00Z".parse().expect("a point in time");
                let signer = Signer::certified("workload", &draft.pem_by("ca"));
                build(chain, vec![signer.stamped(TokenDraft::at(IN_TIME))]);
            },
        )
        .rejected(&EXPIRED),
    ]
}

fn contents() -> Vec<Defect> {
    let bad = |name, title, reference, change: fn(&mut TokenDraft)| {
        stamped(name, title, reference, change).rejected(&EXPIRED).warned(INVALID)
    };
    vec![
        bad(
            "time-stamp-of-other-bytes",
            "the token is of another signature",
            "a token is public, and can be put anywhere",
            |token| token.stamped = Some(b"another signature".to_vec()),
        ),
        bad(
            "time-stamp-by-sha1",
            "the token is over the SHA-1 digest of the signature",
            "RFC 3161, 2.1, asks for a one-way function",
            |token| token.digest = StampDigest::Sha1,
        ),
        bad(
            "time-stamp-names-signer-by-sha1",
            "the token names the certificate of who signed it by SHA-1 alone",
            "RFC 5816",
            |token| token.names = SignerName::Sha1,
        ),
        bad(
            "time-stamp-names-no-signer",
            "the token does not name the certificate of who signed it",
            "RFC 3161, 2.4.2: another certificate of the same key could be put there",
            |token| token.names = SignerName::Missing,
        ),
        bad(
            "time-stamp-names-other-signer",
            "the token names another certificate than the one that it brings",
            "RFC 5816",
            |token| token.names = SignerName::Other,
        ),
        bad(
            "time-stamp-points-at-other-key",
            "the token points at a certificate by the id of another key than the one that it brings",
            "RFC 5652, 5.3",
            |token| {
                token.signer.subject_key_id = Some(vec![7; 20]);
                token.key_id = Some(vec![8; 20]);
            },
        ),
        bad(
            "time-stamp-points-at-no-key-id",
            "the token points at a certificate by the id of a key, and the one that it brings has none",
            "RFC 5652, 5.3",
            |token| token.key_id = Some(Vec::new()),
        ),
        bad(
            "time-stamp-signer-unreadable",
            "the certificate of who signed the token is of version 1",
            "RFC 5280, 4.1.2.1: what limits its use could not be said",
            |token| token.signer.version = None,
        ),
        bad("time-stamp-forged", "the token's signature was changed", "RFC 5652, 5.4", |token| {
            token.is_forged = true;
        }),
        bad(
            "time-stamp-not-granted",
            "the authority refused, and a token stands in its answer",
            "RFC 3161, 2.4.2",
            |token| token.status = Some(2),
        ),
        bad(
            "time-stamp-critical-extension",
            "the token has a critical extension that nobody knows",
            "RFC 3161, 2.4.2",
            |token| token.has_unknown_critical = true,
        ),
    ]
}

fn signers() -> Vec<Defect> {
    let bad = |name, title, reference, change: fn(&mut TokenDraft)| {
        stamped(name, title, reference, change).rejected(&EXPIRED).warned(INVALID)
    };
    let a21 = "GHSA-5qp5-ph6r-qj9f";
    vec![
        Defect::of(
            "time-stamp-authority-not-named",
            "the verifier names no authority of time stamps",
            "trust comes from the verifier alone",
            |chain| {
                build(chain, vec![signer(vec![TokenDraft::at(IN_TIME)])]);
                chain.options.timestamp_authorities = TimestampAuthorities::default();
            },
        )
        .rejected(&EXPIRED),
        bad(
            "time-stamp-by-other-authority",
            "the token is of an authority that the verifier did not name, and brings its root",
            "a root that comes along proves nothing",
            |token| {
                "other-ca".clone_into(&mut token.issuer);
                token.more.push(crate::certificates::root("other-ca"));
            },
        ),
        bad(
            "time-stamp-by-root-of-layout",
            "the token is of an authority below the root of the layout",
            "a layout does not say whose clock counts",
            |token| "ca".clone_into(&mut token.issuer),
        ),
        bad("time-stamp-by-server", "the token is signed by a server", a21, |token| {
            token.signer.purposes = vec![Purpose::ServerAuth];
        }),
        bad("time-stamp-by-any-purpose", "the signer's purposes are any", a21, |token| {
            token.signer.purposes = vec![Purpose::Any];
        }),
        bad("time-stamp-by-no-purpose", "the signer has no purposes", a21, |token| {
            token.signer.purposes = Vec::new();
        }),
        bad("time-stamp-by-two-purposes", "the signer is a server too", a21, |token| {
            token.signer.purposes.push(Purpose::ServerAuth);
        }),
        bad(
            "time-stamp-purpose-not-critical",
            "the signer's purpose is not critical",
            a21,
            |token| {
                token.signer.criticality = Criticality::NotCritical;
            },
        ),
        bad("time-stamp-by-authority", "an authority signed the token itself", a21, |token| {
            token.signer.authority = Some(None);
            token.signer.key_usage = Some(KEY_CERT_SIGN | 0x80);
        }),
        bad(
            "time-stamp-by-intermediate-for-servers",
            "the authority between is for certificates of servers",
            a21,
            |token| {
                let mut between = CertificateDraft::authority("tsa-between");
                between.purposes = vec![Purpose::ServerAuth];
                token.more.push(between.issued_by("tsa-ca"));
                "tsa-between".clone_into(&mut token.issuer);
            },
        ),
        bad(
            "time-stamp-signer-expired",
            "the certificate of the authority had ended when it stamped",
            "RFC 5280, 4.1.2.5",
            |token| {
                token.signer.not_after = "2026-05-01T12:29:59Z".parse().expect("a point in time");
            },
        ),
    ]
}

fn counts() -> Vec<Defect> {
    vec![
        Defect::of(
            "time-stamp-of-other-signature-lends-time",
            "an old signature with its token stands beside a new one of the same key",
            "whoever finds a key that has ended, and one link that it once signed, could sign anything",
            |chain| {
                let old = chain.link("checkout").value().to_compact().into_bytes();
                let old = keys::key("workload").sign(&old).expect("the key signs");
                let token = TokenDraft { stamped: Some(old.clone()), ..TokenDraft::at(IN_TIME) };
                // The token is put beside the old signature, which the new one is exchanged for.
                build(chain, vec![signer(vec![token]), signer(Vec::new()).under(Some("00000000"))]);
                let link = chain.link("build");
                let text = String::from_utf8(link.bytes()).expect("text");
                let (_, rest) = text.split_once("\"sig\": \"").expect("a signature");
                let (new, _) = rest.split_once('"').expect("its end");
                link.tamper(new, &data_encoding::HEXLOWER.encode(&old));
            },
        )
        .rejected(&EXPIRED)
        .warned(INVALID),
        Defect::of(
            "time-stamp-bad-beside-good",
            "a token that proves nothing stands beside one that does",
            "whoever carries a link can put a token there",
            |chain| {
                let bad = TokenDraft { is_forged: true, ..TokenDraft::at(IN_TIME) };
                build(chain, vec![signer(vec![bad, TokenDraft::at(IN_TIME)])]);
            },
        )
        .warned(INVALID),
        Defect::of(
            "time-stamp-bad-beside-certificate-in-force",
            "a token that proves nothing stands with a certificate that is in force",
            "whoever carries a link can put a token there",
            |chain| {
                let bad = TokenDraft { is_forged: true, ..TokenDraft::at(IN_TIME) };
                let signer = Signer::certified("workload", &leaf().pem_by("ca"));
                build(chain, vec![signer.stamped(bad)]);
            },
        )
        .warned(INVALID),
        Defect::of(
            "time-stamps-too-many",
            "more tokens stand with a signature than are looked at",
            "CVE-2024-45395",
            |chain| build(chain, vec![signer(vec![TokenDraft::at(IN_TIME); 9])]),
        )
        .rejected(&EXPIRED)
        .warned(INVALID),
        Defect::of(
            "certificate-in-two-forms",
            "a signature carries a certificate in each of the two forms that are in use",
            "two readers would take two certificates",
            |chain| {
                let text = leaf().pem_by("ca");
                let stranger = CertificateDraft::of("stranger").pem_by("ca");
                build(chain, vec![Signer::certified("workload", &text).as_witness()]);
                let both = format!("\"cert\": {},\n   \"certificate\"", quoted(&stranger));
                chain.link("build").tamper("\"certificate\"", &both);
            },
        )
        .rejected(&["certificate-malformed", NOT_MET]),
    ]
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\n', "\\n"))
}
