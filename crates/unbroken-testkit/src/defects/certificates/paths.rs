//! Certificates that are not in force, for other things, or lead nowhere.

use super::super::Defect;
use super::{NOT_MET, below, leaf, of, with};
use crate::certificates::{
    AltName, CertificateDraft, KEY_CERT_SIGN, KEY_ENCIPHERMENT, Purpose, pem,
};
use crate::keys;

pub(super) fn all() -> Vec<Defect> {
    [times(), uses(), paths()].concat()
}

fn times() -> Vec<Defect> {
    let expired = ["certificate-expired", NOT_MET];
    let time = |text: &str| text.parse().expect("a point in time");
    vec![
        of(
            "certificate-expired-by-one-second",
            "the builder's certificate ended a second before the verification",
            "RFC 5280, 4.1.2.5",
            |leaf| {
                leaf.not_after = time("2026-06-01T11:59:59Z");
            },
        )
        .rejected(&expired),
        of(
            "certificate-ends-in-this-second",
            "the builder's certificate ends in the second of the verification",
            "control: the last second counts (RFC 5280, 4.1.2.5)",
            |leaf| {
                leaf.not_after = time("2026-06-01T12:00:00Z");
            },
        ),
        of(
            "certificate-not-yet-valid",
            "the builder's certificate begins a second after the verification",
            "RFC 5280, 4.1.2.5",
            |leaf| {
                leaf.not_before = time("2026-06-01T12:00:01Z");
            },
        )
        .rejected(&expired),
        below(
            "certificate-intermediate-expired",
            "the certificate of the authority between has ended",
            "CVE-2026-24122",
            |between| {
                between.not_after = time("2026-05-01T00:00:00Z");
            },
        )
        .rejected(&expired),
        Defect::of(
            "certificate-root-expired",
            "the root certificate has ended",
            "libraries do not look at the time of roots",
            |chain| {
                with(chain, &leaf().pem_by("ca"));
                let mut root = CertificateDraft::authority("ca");
                root.not_after = time("2026-05-01T00:00:00Z");
                chain.list_authority("rootcas", "ca", &root.pem_by("ca"));
            },
        )
        .rejected(&expired),
    ]
}

fn uses() -> Vec<Defect> {
    let usage = ["certificate-usage", NOT_MET];
    vec![
        of(
            "certificate-of-authority-signs-link",
            "an authority signs a link with the key of its certificate",
            "whoever issues certificates would be every functionary",
            |leaf| {
                leaf.authority = Some(None);
                leaf.key_usage = Some(0x80 | KEY_CERT_SIGN);
            },
        )
        .rejected(&usage),
        of(
            "certificate-without-digital-signature",
            "the builder's certificate is for the encryption of keys",
            "RFC 5280, 4.2.1.3",
            |leaf| {
                leaf.key_usage = Some(KEY_ENCIPHERMENT);
            },
        )
        .rejected(&usage),
        of(
            "certificate-for-clients-only",
            "the purposes of the builder's certificate are limited to clients",
            "RFC 5280, 4.2.1.12",
            |leaf| {
                leaf.purposes = vec![Purpose::ClientAuth];
            },
        )
        .rejected(&usage),
        of(
            "certificate-for-servers-and-clients",
            "the builder's certificate has the purposes of an X509-SVID",
            "control: what SPIFFE issues",
            |leaf| {
                leaf.purposes = vec![Purpose::ServerAuth, Purpose::ClientAuth];
            },
        ),
        below(
            "certificate-intermediate-for-any-purpose",
            "the authority between is for any purpose",
            "control",
            |between| {
                between.purposes = vec![Purpose::Any];
            },
        ),
        below(
            "certificate-intermediate-for-clients-only",
            "the authority between is for certificates of clients",
            "RFC 5280, 4.2.1.12",
            |between| {
                between.purposes = vec![Purpose::ClientAuth];
            },
        )
        .rejected(&["certificate-untrusted", NOT_MET]),
    ]
}

fn paths() -> Vec<Defect> {
    let untrusted = ["certificate-untrusted", NOT_MET];
    vec![
        Defect::of(
            "certificate-self-signed",
            "the builder issued his certificate himself",
            "a certificate alone proves nothing",
            |chain| with(chain, &leaf().pem_by("workload")),
        )
        .rejected(&untrusted),
        Defect::of(
            "certificate-by-unlisted-root",
            "the builder's certificate is of a root that the layout does not list",
            "the roots of the machine count nothing",
            |chain| with(chain, &leaf().pem_by("other-ca")),
        )
        .rejected(&untrusted),
        Defect::of(
            "certificate-brings-root",
            "the root stands behind the builder's certificate, and the layout does not list it",
            "what comes with evidence is no trust",
            |chain| {
                let root = CertificateDraft::authority("other-ca").pem_by("other-ca");
                with(chain, &(leaf().pem_by("other-ca") + &root));
            },
        )
        .rejected(&untrusted),
        Defect::of(
            "certificate-signature-forged",
            "the builder's certificate names the root as its issuer, and a stranger signed it",
            "RFC 5280, 6.1.3",
            |chain| {
                let forged = leaf().issued_by("ca");
                let stranger = keys::key("stranger").sign(b"another").expect("the key signs");
                let end = forged.len() - stranger.len();
                with(chain, &pem(&[&forged[..end], &stranger].concat()));
            },
        )
        .rejected(&untrusted),
        below(
            "certificate-issued-by-leaf",
            "somebody with a certificate to sign with issued one for the builder",
            "RFC 5280, 4.2.1.9",
            |between| {
between.authority = None;
},
        )
        .rejected(&untrusted),
        below(
            "certificate-intermediate-without-cert-sign",
            "the authority between may sign lists of revocations, and no certificates",
            "RFC 5280, 4.2.1.3: libraries do not look at it",
            |between| {
between.key_usage = Some(0x02);
},
        )
        .rejected(&untrusted),
        Defect::of(
            "certificate-path-longer-than-root-allows",
            "the root allows no authority below it, and there is one",
            "RFC 5280, 4.2.1.9: libraries do not look at roots",
            |chain| {
                let between = CertificateDraft::authority("between").pem_by("ca");
                with(chain, &(leaf().pem_by("between") + &between));
                let mut root = CertificateDraft::authority("ca");
                root.authority = Some(Some(0));
                chain.list_authority("rootcas", "ca", &root.pem_by("ca"));
            },
        )
        .rejected(&untrusted),
        below(
            "certificate-name-constraint",
            "the authority between may not issue for this trust domain",
            "RFC 5280, 4.2.1.10; RUSTSEC-2026-0098",
            |between| {
between.excluded = vec![AltName::Uri("example.com".into())];
},
        )
        .rejected(&untrusted),
        Defect::of(
            "certificate-paths-in-circles",
            "four authorities issued certificates for one another",
            "CVE-2018-16875, RUSTSEC-2023-0053: the ways through them are more than anybody can try",
            |chain| {
                let names = ["a", "b", "c", "d"];
                let mut text = leaf().pem_by("a");
                for name in names {
                    for issuer in names.into_iter().filter(|issuer| *issuer != name) {
                        text += &CertificateDraft::authority(name).pem_by(issuer);
                    }
                }
                with(chain, &text);
            },
        )
        .rejected(&["budget-exceeded", NOT_MET]),
    ]
}
