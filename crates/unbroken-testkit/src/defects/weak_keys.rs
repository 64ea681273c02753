//! Keys that are weak, of an unknown kind, or not what their labels say.

use super::Defect;
use crate::chain::Chain;
use crate::draft::Draft;
use crate::keys;

const P384: &str = "\
-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEMPdKNoIEQUAR6nhyU7fGKZuK5Tq8peuR
JXWEOZBAHepmsCTSFZovIO+ESzAqvSxluKiK/SHN/F4ewjb4mTAUvzgZO5ndtVRH
RAkCLHrP9btDLb1Z3taYBKFo1/XDoZ60
-----END PUBLIC KEY-----
";

pub(super) fn all() -> Vec<Defect> {
    let weak = keys::WEAK_RSA.iter().map(|(name, what, pem)| {
        let title = format!("a step names an RSA key with {what}");
        named(
            name,
            &title,
            "weak keys sign for whoever computes them",
            ["rsa", "rsassa-pss-sha256"],
            pem,
        )
    });
    others().into_iter().chain(weak).collect()
}

fn others() -> Vec<Defect> {
    const UNKNOWN: &str = r#"{"keytype": "rot13", "scheme": "rot13", "keyval": {"public": "a"}}"#;
    const IDENTITY: &str = "0100000000000000000000000000000000000000000000000000000000000000";
    let id = "ab".repeat(32);
    let list = |chain: &mut Chain, json: &str| {
        chain.layout.set_json(&format!("keys/{}", "ab".repeat(32)), json);
    };
    vec![
        Defect::of(
            "key-unknown-unused",
            "the layout lists a key of an unknown kind that no step needs",
            "a layout may be newer than its reader",
            |chain| list(chain, UNKNOWN),
        ),
        Defect::of(
            "key-unknown-needed",
            "a step names a key of an unknown kind",
            "its signatures could not be checked",
            |chain| {
                list(chain, UNKNOWN);
                chain.layout.set("steps/1/pubkeys/1", id.clone());
            },
        )
        .rejected(&["key-unusable"]),
        Defect::of(
            "key-type-and-scheme-differ",
            "an Ed25519 key is labelled with a scheme of RSA",
            "an uncaught exception in the reference implementation",
            |chain| {
                chain.authorise(1, "second-builder");
                let place = format!("keys/{}/scheme", keys::id("second-builder"));
                chain.layout.set(&place, "rsassa-pss-sha256");
            },
        )
        .rejected(&["key-unusable"]),
        Defect::of(
            "key-of-low-order",
            "a step names the Ed25519 key that accepts a signature of nobody",
            "most libraries verify 01 00.. under the key 01 00..",
            |chain| {
                let object = format!(
                    r#"{{"keytype": "ed25519", "scheme": "ed25519", "keyval": {{"public": "{IDENTITY}"}}}}"#
                );
                list(chain, &object);
                chain.layout.set("steps/1/pubkeys/0", id.clone());
                let mut link = chain.take(&keys::stem("build", "builder"));
                link.unsign();
                let text = String::from_utf8(link.bytes()).unwrap();
                let forged = format!(
                    r#""signatures": [{{"keyid": "{id}", "sig": "{IDENTITY}{}"}}]"#,
                    "00".repeat(32)
                );
                let text = text.replace(r#""signatures": []"#, &forged);
                chain.put(format!("build.{}", &id[..8]), Draft::raw(text));
            },
        )
        .rejected(&[
            "key-unusable",
            "threshold-above-keys",
            "link-signature-invalid",
            "link-threshold-not-met",
        ]),
        Defect::of(
            "private-key-in-layout",
            "a key of the layout comes with its private half",
            "specification 1.0, 4.2.1",
            |chain| {
                chain.list_key("stranger");
                let place = format!("keys/{}/keyval/private", keys::id("stranger"));
                chain.layout.set(&place, "11".repeat(32));
            },
        )
        .rejected(&["private-key-in-layout"]),
        named(
            "key-rsa-labelled-ecdsa",
            "a step names an RSA key that is labelled as one of an elliptic curve",
            "which algorithm checks a signature would be its author's choice",
            ["ecdsa", "ecdsa-sha2-nistp256"],
            include_str!("../keys/rsa-3072.pub.pem"),
        ),
        Defect::of(
            "key-p384-labelled-p256",
            "the layout lists a key on P-384 with the scheme of P-256",
            "control: tools write it, and the curve of the key decides",
            |chain| {
                list(chain, &object(["ecdsa", "ecdsa-sha2-nistp256"], P384));
                chain.layout.set("steps/1/pubkeys/1", id.clone());
            },
        ),
    ]
}

/// Makes the key object of a PEM text under any labels.
fn object([kind, scheme]: [&str; 2], pem: &str) -> String {
    let pem = pem.replace('\n', "\\n");
    format!(r#"{{"keytype": "{kind}", "scheme": "{scheme}", "keyval": {{"public": "{pem}"}}}}"#)
}

/// A step that names a key besides the builder's which cannot be used.
fn named(name: &'static str, title: &str, reference: &str, labels: [&str; 2], pem: &str) -> Defect {
    Defect::of(name, title, reference, |chain| {
        let id = "ab".repeat(32);
        chain.layout.set_json(&format!("keys/{id}"), &object(labels, pem));
        chain.layout.set("steps/1/pubkeys/1", id);
    })
    .rejected(&["key-unusable"])
}
