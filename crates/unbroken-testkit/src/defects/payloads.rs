//! What can be wrong with the payload of an envelope and with the envelope's members.

use data_encoding::{BASE64, BASE64URL};
use unbroken_model::envelope::IN_TOTO_PAYLOAD_TYPE;

use super::Defect;
use super::envelopes::{build_by, build_refused, layout_as};
use crate::draft::{Draft, Signer, dsse_of};

pub(super) fn all() -> Vec<Defect> {
    [base64(), forms()].concat()
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
        written(
            "payload-base64-both-alphabets",
            "the payload is in the standard and the url-safe alphabet by turns",
            "DSSE: a text is in one alphabet; the reference implementation accepts it",
            |payload| payload.replacen('/', "_", 1),
        )
        .rejected(&malformed),
        written(
            "payload-base64-overpadded",
            "the payload has two padding characters too many",
            "two texts for one payload",
            |payload| format!("{payload}=="),
        )
        .rejected(&malformed),
        written(
            "payload-base64-goes-on",
            "more text stands behind the padding of the payload",
            "readers that stop at the padding do not see it",
            |payload| format!("{payload}e30="),
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
        tampered(
            "duplicate-payload",
            "a DSSE envelope has its payload twice",
            "one is checked, the other is used",
            "\"payload\"",
            "\"payload\": \"e30=\", \"payload\"",
        ),
        tampered(
            "duplicate-payload-type",
            "a DSSE envelope has its payload type twice",
            "one is checked, the other is used",
            "\"payloadType\"",
            "\"payloadType\": \"text/plain\", \"payloadType\"",
        ),
        tampered(
            "duplicate-signatures",
            "a DSSE envelope has its signatures twice",
            "one list is checked, the other is counted",
            "\"signatures\"",
            "\"signatures\": [], \"signatures\"",
        ),
        tampered(
            "payload-in-capitals",
            "a DSSE envelope has `Payload` beside `payload`",
            "readers that do not mind case take the last one",
            "\"payload\"",
            "\"Payload\": \"e30=\", \"payload\"",
        ),
        tampered(
            "signed-beside-payload",
            "a DSSE envelope has a member `signed`",
            "readers would disagree on which payload is signed",
            "\"payload\"",
            "\"signed\": {\"_type\": \"layout\"}, \"payload\"",
        ),
        Defect::of(
            "envelope-member-unknown",
            "a DSSE envelope has a member that nobody knows",
            "control: DSSE asks to ignore it",
            |chain| {
                layout_as(chain, IN_TOTO_PAYLOAD_TYPE);
                chain.layout.tamper("\"payload\"", "\"x-note\": [1, {}], \"payload\"");
            },
        ),
        payload("payload-is-array", "the payload is an array", "[]"),
        payload("payload-is-text", "the payload is a text", "\"layout\""),
        payload("payload-is-number", "the payload is a number", "1"),
        payload("payload-is-null", "the payload is null", "null"),
        payload("payload-is-no-json", "the payload is no JSON", "not-json"),
        payload("payload-is-empty", "the payload has no byte", ""),
    ]
}

/// The layout in a DSSE envelope, whose text is changed after it was signed.
fn tampered(
    name: &'static str,
    title: &str,
    reference: &str,
    from: &'static str,
    to: &'static str,
) -> Defect {
    Defect::of(name, title, reference, |chain| {
        layout_as(chain, IN_TOTO_PAYLOAD_TYPE);
        chain.layout.tamper(from, to);
    })
    .rejected(&["envelope-malformed"])
}

/// Any payload that the owner signed.
fn payload(name: &'static str, title: &str, text: &'static str) -> Defect {
    Defect::of(name, title, "an uncaught exception in the reference implementation", |chain| {
        let owner = [Signer::named("owner")];
        chain.layout = Draft::raw(dsse_of(IN_TOTO_PAYLOAD_TYPE, text.as_bytes(), &owner));
    })
    .rejected(&["layout-malformed"])
}
