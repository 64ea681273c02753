//! What can be wrong with envelopes and payload types.

use unbroken_model::envelope::IN_TOTO_PAYLOAD_TYPE;

use super::Defect;
use crate::chain::Chain;
use crate::draft::{Draft, Signer, dsse_of, dsse_over};
use crate::keys;

pub(super) fn all() -> Vec<Defect> {
    [types(), key_ids(), pae()].concat()
}

/// The links that do not count for `build`, with the reason.
pub(super) fn build_refused(code: &'static str) -> [&'static str; 2] {
    [code, "link-threshold-not-met"]
}

/// Puts the layout into a DSSE envelope of any payload type, signed by the owner.
pub(super) fn layout_as(chain: &mut Chain, payload_type: &str) {
    let payload = chain.layout.value().to_compact();
    let owner = [Signer::named("owner")];
    chain.layout = Draft::raw(dsse_of(payload_type, payload.as_bytes(), &owner));
}

/// Puts the link of `build` into a DSSE envelope that these sign.
pub(super) fn build_by(chain: &mut Chain, signers: &[Signer]) {
    let payload = chain.link("build").value().to_compact();
    let link = dsse_of(IN_TOTO_PAYLOAD_TYPE, payload.as_bytes(), signers);
    *chain.link("build") = Draft::raw(link);
}

/// Puts any text into a DSSE envelope that the builder signs, in place of the link of `build`.
pub(super) fn build_payload(chain: &mut Chain, payload: &str) {
    let signers = [Signer::named("builder")];
    *chain.link("build") = Draft::raw(dsse_of(IN_TOTO_PAYLOAD_TYPE, payload.as_bytes(), &signers));
}

fn types() -> Vec<Defect> {
    let mismatch = ["payload-type-mismatch"];
    let signed_as = |name, title, reference, payload_type: &'static str| {
        Defect::of(name, title, reference, move |chain| layout_as(chain, payload_type))
            .rejected(&mismatch)
    };
    vec![
        Defect::of("dsse-pipeline", "everything is in DSSE envelopes", "control", |chain| {
            chain.layout = chain.layout.clone().dsse();
            for step in ["checkout", "build", "scan"] {
                let link = chain.link(step);
                *link = link.clone().dsse();
            }
        }),
        Defect::of(
            "mixed-envelopes",
            "one link is in a DSSE envelope, everything else in Metablocks",
            "control: the specification is silent, and peers do it",
            |chain| {
                let link = chain.link("build");
                *link = link.clone().dsse();
            },
        ),
        signed_as(
            "payload-type-mismatch",
            "the layout is signed as application/json",
            "DSSE: the payload type says how to read the payload",
            "application/json",
        ),
        signed_as(
            "payload-type-with-parameter",
            "the layout is signed under the payload type with a parameter behind it",
            "payload types are compared byte for byte",
            "application/vnd.in-toto+json; charset=utf8",
        ),
        signed_as(
            "payload-type-upper-case",
            "the layout is signed under the payload type in upper case",
            "payload types are compared byte for byte",
            "APPLICATION/VND.IN-TOTO+JSON",
        ),
        signed_as(
            "payload-type-with-blank",
            "the layout is signed under the payload type with a blank behind it",
            "payload types are compared byte for byte",
            "application/vnd.in-toto+json ",
        ),
        Defect::of(
            "payload-type-changed-after-signing",
            "the layout was signed as application/json and is now called in-toto metadata",
            "DSSE: the payload type is signed",
            |chain| {
                layout_as(chain, "application/json");
                chain.layout.tamper("application/json", IN_TOTO_PAYLOAD_TYPE);
            },
        )
        .rejected(&["signature-threshold-not-met"]),
        Defect::of(
            "statement-where-link-due",
            "a functionary hands in a statement that says nothing in place of a link",
            "what a key signs as one kind of metadata must not pass for another",
            |chain| {
                let statement = r#"{"_type": "https://in-toto.io/Statement/v1", "subject": []}"#;
                let signers = [Signer::named("builder")];
                let link = dsse_of(IN_TOTO_PAYLOAD_TYPE, statement.as_bytes(), &signers);
                *chain.link("build") = Draft::raw(link);
            },
        )
        .rejected(&build_refused("payload-type-mismatch")),
        Defect::of(
            "statement-under-its-own-type-where-link-due",
            "a functionary hands in provenance, whole and signed, in place of a link",
            "attestations other than links are no evidence here: they must not pass for it",
            |chain| {
                let statement = r#"{"_type": "https://in-toto.io/Statement/v0.1",
                    "subject": [{"name": "image.tar", "digest": {"sha256": "00"}}],
                    "predicateType": "https://slsa.dev/provenance/v0.2", "predicate": {}}"#;
                build_payload(chain, statement);
            },
        )
        .rejected(&build_refused("payload-type-mismatch")),
        Defect::of(
            "layout-where-link-due",
            "a functionary hands in the project's own layout in place of a link",
            "it is a sublayout then, without evidence and with a command to run",
            |chain| {
                let mut layout = chain.layout.clone();
                layout.unsign();
                *chain.link("build") = layout.signed_by("builder");
            },
        )
        .rejected(&[
            "link-missing",
            "sublayout-inspection-refused",
            "sublayout-rejected",
            "link-threshold-not-met",
        ]),
    ]
}

fn key_ids() -> Vec<Defect> {
    let build_by_builder_under = |name, title, reference, key_id: Option<String>| {
        Defect::of(name, title, reference, move |chain| {
            build_by(chain, &[Signer::named("builder").under(key_id.as_deref())]);
        })
    };
    vec![
        build_by_builder_under(
            "keyid-hint-lies",
            "a DSSE signature of the builder stands under the key id of the scanner",
            "DSSE: a key id must not be used for a security decision",
            Some(keys::id("scanner")),
        ),
        build_by_builder_under(
            "keyid-absent",
            "a DSSE signature has no key id",
            "DSSE: the key id is optional; the reference implementation refuses it",
            None,
        ),
        build_by_builder_under(
            "keyid-empty",
            "a DSSE signature has an empty key id",
            "DSSE: the key id is a hint",
            Some(String::new()),
        ),
        Defect::of(
            "keyid-spoofed",
            "a stranger signed a link under the key id of the builder",
            "a key id proves nothing",
            |chain| {
                let spoofed = Signer::named("stranger").under(Some(&keys::id("builder")));
                let link = chain.link("build");
                link.unsign();
                *link = link.clone().signed(spoofed);
            },
        )
        .rejected(&build_refused("link-signature-invalid")),
        Defect::of(
            "keyid-of-other-key-in-metablock",
            "a Metablock signature of the builder stands under the key id of the scanner",
            "a Metablock's signature is found by its key id",
            |chain| {
                let lying = Signer::named("builder").under(Some(&keys::id("scanner")));
                let link = chain.link("build");
                link.unsign();
                *link = link.clone().signed(lying);
            },
        )
        .rejected(&build_refused("link-signature-invalid")),
        Defect::of(
            "keyid-of-legacy-form",
            "a signature stands under the id that earlier versions compute for the key",
            "control: implementations compute different ids for one key",
            |chain| {
                let key = keys::key("builder");
                let legacy = key.public().key_id(unbroken_crypto::KeyIdStyle::Legacy);
                let link = chain.link("build");
                link.unsign();
                *link = link.clone().signed(Signer::of(key).under(Some(&legacy)));
            },
        ),
    ]
}

fn pae() -> Vec<Defect> {
    let invalid = build_refused("link-signature-invalid");
    let signed_over = |name, title, reference, message: fn(&str) -> Vec<u8>| {
        Defect::of(name, title, reference, move |chain| {
            let payload = chain.link("build").value().to_compact();
            let builder = Signer::named("builder");
            let link =
                dsse_over(&message(&payload), IN_TOTO_PAYLOAD_TYPE, payload.as_bytes(), &[builder]);
            *chain.link("build") = Draft::raw(link);
        })
        .rejected(&invalid)
    };
    vec![
        signed_over(
            "signature-over-bare-payload",
            "the signature is over the payload and not over its type",
            "what is signed for one protocol would hold in another",
            |payload| payload.as_bytes().to_vec(),
        ),
        signed_over(
            "pae-length-confusion",
            "the signature is over type and payload without their lengths",
            "DSSE: without lengths, bytes could move from one to the other",
            |payload| format!("DSSEv1 {IN_TOTO_PAYLOAD_TYPE} {payload}").into_bytes(),
        ),
        signed_over(
            "pae-length-with-zeros",
            "the signature is over lengths with leading zeros",
            "DSSE: a length has one form",
            |payload| {
                let (kind, length) = (IN_TOTO_PAYLOAD_TYPE, payload.len());
                format!("DSSEv1 0{} {kind} 0{length} {payload}", kind.len()).into_bytes()
            },
        ),
    ]
}
