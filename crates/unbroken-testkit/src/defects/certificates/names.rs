//! Certificates of somebody else, and those that leave open whose they are.

use super::super::Defect;
use super::{ID, NOT_MET, constraint, leaf, of, with};
use crate::certificates::{AltName, CertificateDraft};
use crate::keys;

pub(super) fn all() -> Vec<Defect> {
    [identities(), forms()].concat()
}

fn identities() -> Vec<Defect> {
    let not_met = ["certificate-constraint-not-met", NOT_MET];
    let constrained = |name, title, reference, to: &'static str| {
        Defect::of(name, title, reference, move |chain| {
            with(chain, &leaf().pem_by("ca"));
            chain.layout.set_json("steps/1/cert_constraints/0", to);
        })
        .rejected(&not_met)
    };
    vec![
        constrained(
            "certificate-constraint-unset",
            "a constraint says nothing",
            "GHSA-mpvw-hw8p-7x27: whoever has a certificate of the root would be a functionary",
            "{}",
        ),
        constrained(
            "certificate-constraint-without-roots",
            "a constraint names no root",
            "GHSA-mpvw-hw8p-7x27",
            r#"{"common_name": "*", "uris": ["spiffe://example.com/build"]}"#,
        ),
        constrained(
            "certificate-constraint-star-inside",
            "a star stands inside of a value of a constraint",
            "it stands for itself there",
            r#"{"common_name": "*", "roots": ["*"], "uris": ["spiffe://example.com/*"]}"#,
        ),
        constrained(
            "certificate-constraint-star-beside",
            "a star stands beside another value of a constraint",
            "it stands for itself there",
            r#"{"common_name": "*", "roots": ["*"], "uris": ["spiffe://example.com/scan", "*"]}"#,
        ),
        of(
            "certificate-of-other-trust-domain",
            "the SPIFFE id is of another trust domain",
            "SPIFFE-ID, 2.1",
            |leaf| {
                leaf.alternative = vec![AltName::Uri("spiffe://example.org/build".into())];
            },
        )
        .rejected(&not_met),
        of(
            "certificate-with-extra-name",
            "the certificate has a DNS name that the constraint does not name",
            "a certificate of a machine that does other things too",
            |leaf| leaf.alternative.push(AltName::Dns("build.example.com".into())),
        )
        .rejected(&not_met),
        of(
            "certificate-with-extra-organization",
            "the certificate has an organisation that the constraint does not name",
            "an empty constraint demands none",
            |leaf| {
                leaf.organizations = vec!["example".into()];
            },
        )
        .rejected(&not_met),
        of(
            "certificate-without-name",
            "the SPIFFE id stands in the common name",
            "a common name is no URI",
            |leaf| {
                leaf.alternative.clear();
                leaf.organizations = vec![ID.into()];
            },
        )
        .rejected(&not_met),
        of(
            "certificate-name-of-other-kind",
            "the SPIFFE id is written as a DNS name",
            "names of two kinds are not compared",
            |leaf| {
                leaf.alternative = vec![AltName::Dns(ID.into())];
            },
        )
        .rejected(&not_met),
        of(
            "certificate-name-in-capitals",
            "the common name differs in the case of a letter",
            "names are compared byte for byte",
            |leaf| {
                leaf.spki = Some(keys::key("workload").public().spki_der().to_vec());
                leaf.name = "Workload".into();
            },
        )
        .rejected(&not_met),
        Defect::of(
            "certificate-name-twice",
            "a DNS name stands twice in the certificate",
            "one value is met by one name",
            |chain| {
                let mut draft = leaf();
                draft.alternative = vec![AltName::Dns("a.example".into()); 2];
                with(chain, &draft.pem_by("ca"));
                let place = "steps/1/cert_constraints/0";
                chain.layout.set_json(&format!("{place}/uris"), "[]");
                chain.layout.set_json(&format!("{place}/dns_names"), r#"["a.example"]"#);
            },
        )
        .rejected(&not_met),
        Defect::of(
            "certificate-of-other-root",
            "two roots are listed, and the path ends at the one that the constraint does not name",
            "the roots of the layout compared in place of the root of the path",
            |chain| {
                let other = CertificateDraft::authority("other-ca").pem_by("other-ca");
                chain.list_authority("rootcas", "other-ca", &other);
                with(chain, &leaf().pem_by("other-ca"));
            },
        )
        .rejected(&not_met),
        Defect::of(
            "certificate-of-other-step",
            "a certificate that may do the scan does the build",
            "constraints are the step's own",
            |chain| {
                let scan = constraint("ca").replace("/build", "/scan");
                chain.certify(2, "ca", &scan);
                let mut draft = leaf();
                draft.alternative = vec![AltName::Uri("spiffe://example.com/scan".into())];
                with(chain, &draft.pem_by("ca"));
            },
        )
        .rejected(&not_met),
    ]
}

fn forms() -> Vec<Defect> {
    let malformed = ["certificate-malformed", NOT_MET];
    let uri = |uri: &str| vec![AltName::Uri(uri.to_owned())];
    vec![
        Defect::of(
            "certificate-garbage",
            "the certificate is none",
            "any text can stand there",
            |chain| {
                with(chain, "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n");
            },
        )
        .rejected(&malformed),
        of(
            "certificate-spiffe-id-not-normal",
            "the SPIFFE id leads up and down again",
            "SPIFFE-ID, 2.2",
            |leaf| {
                leaf.alternative = uri("spiffe://example.com/scan/../build");
            },
        )
        .rejected(&malformed),
        of(
            "certificate-spiffe-id-beside-uri",
            "another URI stands beside the SPIFFE id",
            "X509-SVID, 2",
            |leaf| leaf.alternative.extend(uri("https://example.com/")),
        )
        .rejected(&malformed),
        of(
            "certificate-name-with-nul",
            "a name goes on behind a NUL",
            "readers that take it for the end see another name",
            |leaf| {
                leaf.alternative = uri("spiffe://example.com/build\0.evil");
            },
        )
        .rejected(&malformed),
        of(
            "certificate-critical-extension",
            "the certificate has a critical extension that nobody knows",
            "RFC 5280, 4.2",
            |leaf| {
                leaf.has_unknown_critical = true;
            },
        )
        .rejected(&malformed),
        of(
            "certificate-extension-twice",
            "the names stand in two extensions",
            "RFC 5280, 4.2: which of them counts depends on the reader",
            |leaf| {
                leaf.repeats_names = true;
            },
        )
        .rejected(&malformed),
        of(
            "certificate-of-version-one",
            "the certificate is of version 1",
            "it cannot say what it is for",
            |leaf| {
                leaf.version = None;
            },
        )
        .rejected(&malformed),
        of("certificate-serial-zero", "the serial number is zero", "RFC 5280, 4.1.2.2", |leaf| {
            leaf.serial = vec![0];
        })
        .rejected(&malformed),
        of(
            "certificate-serial-negative",
            "the serial number is negative",
            "RFC 5280, 4.1.2.2",
            |leaf| {
                leaf.serial = vec![0x80];
            },
        )
        .rejected(&malformed),
        of(
            "certificate-of-weak-key",
            "the certificate holds an Ed25519 key of low order",
            "it accepts signatures that nobody made",
            |leaf| {
                let head = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];
                leaf.spki = Some([&head[..], &[1], &[0; 31]].concat());
            },
        )
        .rejected(&malformed),
    ]
}
