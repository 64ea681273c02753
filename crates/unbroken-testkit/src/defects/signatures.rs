//! What can be wrong with signatures: how they are written, how many there are, and what they say of themselves.

use unbroken_model::envelope::IN_TOTO_PAYLOAD_TYPE;
use unbroken_model::json::{Object, Value};
use unbroken_model::limits::Limits;

use super::Defect;
use super::envelopes::{build_by, build_refused};
use crate::chain::Chain;
use crate::draft::{Draft, Signer, dsse_of};
use crate::keys;

/// The order of the group of Ed25519, little-endian: what may be added to the second half of a signature.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

pub(super) fn all() -> Vec<Defect> {
    [written(), counted(), of_one_key(), described()].concat()
}

/// Changes a document as it was signed.
fn edit(draft: &mut Draft, change: impl FnOnce(&mut Object<'static>)) {
    let bytes = draft.bytes();
    let Ok(Value::Object(document)) = Value::parse(&bytes, &Limits::default()) else { return };
    let mut document = document.into_owned();
    change(&mut document);
    *draft = Draft::raw(Value::from(document).to_pretty());
}

/// Changes the first signature of a document.
fn edit_signature(draft: &mut Draft, change: impl FnOnce(&mut Object<'static>)) {
    edit(draft, |document| {
        let Some(Value::Array(mut signatures)) = document.remove("signatures") else { return };
        if let Some(Value::Object(first)) = signatures.first_mut() {
            change(first);
        }
        document.insert("signatures", signatures);
    });
}

fn written() -> Vec<Defect> {
    let as_text = |name, title, reference, change: fn(&str) -> String| {
        Defect::of(name, title, reference, move |chain: &mut Chain| {
            edit_signature(&mut chain.layout, |signature| {
                let text = signature.get("sig").and_then(Value::as_str).unwrap().to_owned();
                signature.insert("sig", change(&text));
            });
        })
    };
    let malformed = ["envelope-malformed"];
    let one_form = "two texts for one signature";
    vec![
        as_text(
            "signature-in-upper-case",
            "the signature is in upper case",
            "control: hexadecimal digits have two cases",
            str::to_uppercase,
        ),
        as_text(
            "signature-of-odd-length",
            "the last digit of the signature is missing",
            one_form,
            |text| text[..text.len() - 1].to_owned(),
        )
        .rejected(&malformed),
        as_text("signature-with-blank", "a blank stands in the signature", one_form, |text| {
            format!("{} {}", &text[..8], &text[8..])
        })
        .rejected(&malformed),
        as_text("signature-with-0x", "the signature begins with 0x", one_form, |text| {
            format!("0x{text}")
        })
        .rejected(&malformed),
        as_text(
            "signature-bent",
            "the group's order was added to the second half of an Ed25519 signature",
            "RFC 8032, 5.1.7: whoever does not compare takes it for a second signature",
            |text| {
                let mut bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap();
                let mut carry = 0_u16;
                for (byte, more) in bytes[32..].iter_mut().zip(ORDER) {
                    let sum = u16::from(*byte) + u16::from(more) + carry;
                    [*byte, _] = sum.to_le_bytes();
                    carry = sum >> 8;
                }
                data_encoding::HEXLOWER.encode(&bytes)
            },
        )
        .rejected(&["signature-threshold-not-met"]),
    ]
}

fn counted() -> Vec<Defect> {
    let without = |draft: &mut Draft| edit(draft, |document| drop(document.remove("signatures")));
    vec![
        Defect::of(
            "signatures-absent",
            "the layout has no member for its signatures",
            "absent is not empty",
            move |chain| without(&mut chain.layout),
        )
        .rejected(&["envelope-malformed"]),
        Defect::of(
            "dsse-signatures-absent",
            "a link in DSSE has no member for its signatures",
            "an uncaught exception in the reference implementation",
            move |chain| {
                build_by(chain, &[Signer::named("builder")]);
                without(chain.link("build"));
            },
        )
        .rejected(&build_refused("link-malformed")),
        Defect::of(
            "dsse-unsigned",
            "nobody signed a link in DSSE",
            "DSSE: no signature is no valid signature",
            |chain| build_by(chain, &[]),
        )
        .rejected(&build_refused("link-signature-invalid")),
        Defect::of(
            "dsse-signatures-as-many-as-may-be",
            "a link in DSSE has 255 signatures of strangers before that of the builder",
            "control: one fewer than is refused",
            |chain| {
                let mut signers = vec![Signer::named("stranger"); 255];
                signers.push(Signer::named("builder"));
                build_by(chain, &signers);
            },
        ),
        Defect::of(
            "dsse-signatures-too-many",
            "a link in DSSE has 256 signatures of strangers before that of the builder",
            "each costs a public-key operation with every key",
            |chain| {
                let mut signers = vec![Signer::named("stranger"); 256];
                signers.push(Signer::named("builder"));
                build_by(chain, &signers);
            },
        )
        .rejected(&build_refused("budget-exceeded")),
    ]
}

fn of_one_key() -> Vec<Defect> {
    vec![
        Defect::of(
            "dsse-signature-invalid-before-valid",
            "a bad signature under the builder's key id stands before his good one in DSSE",
            "an uncaught exception in the reference implementation",
            |chain| {
                let bogus = Signer::named("stranger").under(Some(&keys::id("builder")));
                build_by(chain, &[bogus, Signer::named("builder")]);
            },
        ),
        Defect::of(
            "dsse-signatures-of-one-key",
            "two functionaries are due; one signed his link in DSSE under his id and that of the other",
            "GHSA-pwqf-9h7j-7mv8 is its like in TUF: signatures counted in place of keys",
            |chain| {
                chain.authorise(1, "second-builder");
                chain.layout.set("steps/1/threshold", 2_i64);
                let other = keys::id("second-builder");
                let both = [Signer::named("builder"), Signer::named("builder").under(Some(&other))];
                build_by(chain, &both);
                let link = chain.link("build").clone();
                chain.put(keys::stem("build", "second-builder"), link);
            },
        )
        .rejected(&["link-threshold-not-met"]),
        Defect::of(
            "signature-with-certificate-of-nobody",
            "two functionaries are due; one signed twice, once under an invented id beside a certificate",
            "votes counted by an id that the signer chooses",
            |chain| {
                chain.authorise(1, "second-builder");
                chain.layout.set("steps/1/threshold", 2_i64);
                let payload = chain.link("build").value().to_compact();
                let twice = [Signer::named("builder").under(Some("c0ffee")), Signer::named("builder")];
                let link = dsse_of(IN_TOTO_PAYLOAD_TYPE, payload.as_bytes(), &twice);
                let mut link = Draft::raw(link);
                edit_signature(&mut link, |signature| {
                    let certificate = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
                    signature.insert("cert", certificate);
                });
                chain.put("build.c0ffee00", link);
            },
        )
        .rejected(&["link-threshold-not-met"]),
    ]
}

fn described() -> Vec<Defect> {
    vec![
        Defect::of(
            "openpgp-signature-of-plain-key",
            "a signature has the headers of OpenPGP, and its key is an Ed25519 key of its own",
            "an uncaught exception in the reference implementation",
            |chain| {
                edit_signature(chain.link("build"), |signature| {
                    let sig = signature.remove("sig").unwrap();
                    signature.insert("signature", sig);
                    signature.insert("other_headers", "04000108001d162104");
                });
            },
        )
        .rejected(&build_refused("link-signature-invalid")),
        Defect::of(
            "openpgp-headers-beside-plain-signature",
            "the headers of OpenPGP stand beside the signature of an Ed25519 key",
            "they are not signed, and change nothing or nothing counts",
            |chain| {
                edit_signature(chain.link("build"), |signature| {
                    signature.insert("other_headers", "04000108001d162104");
                });
            },
        )
        .rejected(&build_refused("link-signature-invalid")),
    ]
}
