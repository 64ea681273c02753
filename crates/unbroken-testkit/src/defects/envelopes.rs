//! What can be wrong with envelopes and payload types.

use data_encoding::{BASE64, BASE64URL};
use unbroken_model::envelope::IN_TOTO_PAYLOAD_TYPE;

use super::Defect;
use crate::chain::Chain;
use crate::draft::{Draft, Signer, dsse_of, dsse_over};
use crate::keys;

pub(super) fn all() -> Vec<Defect> {
    [types(), key_ids(), pae(), base64(), forms()].concat()
}

/// The links that do not count for `build`, with the reason.
fn build_refused(code: &'static str) -> [&'static str; 2] {
    [code, "link-threshold-not-met"]
}

/// Puts the layout into a DSSE envelope of any payload type, signed by the owner.
fn layout_as(chain: &mut Chain, payload_type: &str) {
    let payload = chain.layout.value().to_compact();
    let owner = [Signer::named("owner")];
    chain.layout = Draft::raw(dsse_of(payload_type, payload.as_bytes(), &owner));
}

/// Puts the link of `build` into a DSSE envelope that these sign.
fn build_by(chain: &mut Chain, signers: &[Signer]) {
    let payload = chain.link("build").value().to_compact();
    let link = dsse_of(IN_TOTO_PAYLOAD_TYPE, payload.as_bytes(), signers);
    *chain.link("build") = Draft::raw(link);
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
            "a functionary hands in an attestation in place of a link",
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

fn base64() -> Vec<Defect> {
    let malformed = build_refused("link-malformed");
    let written = |name, title, reference, write: fn(&str) -> String| {
        Defect::of(name, title, reference, move |chain| {
            // The text has characters for which the two alphabets differ, and needs padding.
            chain.link("build").set("environment/workdir", "/build/~~~???>>>\u{ff}");
            build_by(chain, &[Signer::named("builder")]);
            let payload = chain.link("build").bytes();
            let payload = String::from_utf8(payload).unwrap();
            let payload = payload.split('"').nth(3).unwrap().to_owned();
            chain.link("build").tamper(&payload, &write(&payload));
        })
    };
    vec![
        written(
            "payload-base64-variant",
            "the payload is in the url-safe alphabet",
            "DSSE: both alphabets are read",
            |payload| BASE64URL.encode(&BASE64.decode(payload.as_bytes()).unwrap()),
        ),
        written(
            "payload-base64-unpadded",
            "the payload's padding is missing",
            "two texts for one payload",
            |payload| payload.trim_end_matches('=').to_owned(),
        )
        .rejected(&malformed),
        written(
            "payload-base64-spare-bits",
            "the last character of the payload has bits that mean nothing",
            "two texts for one payload; the reference implementation accepts it",
            |payload| {
                let last = payload.trim_end_matches('=').len() - 1;
                let (head, tail) = payload.split_at(last);
                let next = char::from(tail.as_bytes()[0] + 1);
                format!("{head}{next}{}", &tail[1..])
            },
        )
        .rejected(&malformed),
        written(
            "payload-base64-line-feed",
            "the payload is broken into lines",
            "two texts for one payload",
            |payload| format!("{}\\n{}", &payload[..64], &payload[64..]),
        )
        .rejected(&malformed),
    ]
}

fn forms() -> Vec<Defect> {
    vec![
        Defect::of(
            "payload-beside-signed",
            "the document is a Metablock and a DSSE envelope at once",
            "readers would disagree on which payload is signed",
            |chain| {
                let both = r#"{"payload": "e30=", "payloadType": "application/vnd.in-toto+json","#;
                chain.layout.tamper("{", both);
            },
        )
        .rejected(&["envelope-malformed"]),
        Defect::of(
            "envelope-neither-kind",
            "the document is no envelope",
            "a layout without an envelope is signed by nobody",
            |chain| {
                let bare = chain.layout.value().to_pretty();
                chain.layout = Draft::raw(bare);
            },
        )
        .rejected(&["envelope-malformed"]),
        Defect::of(
            "signatures-too-many",
            "the layout carries 257 signatures",
            "each costs a public-key operation",
            |chain| {
                let one = r#"{"keyid": "00", "sig": "00"}"#;
                let many = format!("\"signatures\": [{},", vec![one; 256].join(","));
                chain.layout.tamper("\"signatures\": [", &many);
            },
        )
        .rejected(&["budget-exceeded"]),
    ]
}
