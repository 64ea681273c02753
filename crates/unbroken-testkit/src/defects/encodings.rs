//! What can be wrong with the text of a document.

use super::Defect;
use crate::draft::{Draft, Signer, dsse_of};
use crate::keys;

pub(super) fn all() -> Vec<Defect> {
    let malformed = ["envelope-malformed"];
    let tampered = |name, title, reference, from: &'static str, to: &str| {
        let to = to.to_owned();
        Defect::of(name, title, reference, move |chain| chain.layout.tamper(from, &to))
            .rejected(&malformed)
    };
    let bytes = |name, title, reference, change: fn(Vec<u8>) -> Vec<u8>| {
        Defect::of(name, title, reference, move |chain| {
            chain.layout = Draft::raw(change(chain.layout.bytes()));
        })
        .rejected(&malformed)
    };
    let deep = format!("\"readme\": {}{}", "[".repeat(100), "]".repeat(100));
    vec![
        tampered(
            "duplicate-json-key",
            "the layout has its list of inspections twice",
            "the last one counts for one reader, the first for another",
            "\"inspect\"",
            "\"inspect\": [], \"inspect\"",
        ),
        tampered(
            "duplicate-json-key-escaped",
            "a member stands there twice, once written with an escape",
            "the same name for a reader that resolves escapes first",
            "\"inspect\"",
            "\"in\\u0073pect\": [], \"inspect\"",
        ),
        tampered(
            "duplicate-signed",
            "the document has the member `signed` twice",
            "one is checked, the other is used",
            "\"signed\"",
            "\"signed\": {\"_type\": \"layout\"}, \"signed\"",
        ),
        bytes(
            "duplicate-signed-behind",
            "the document has the member `signed` twice, the false one behind",
            "one is checked, the other is used",
            |layout| {
                let text = String::from_utf8(layout).unwrap();
                let text = text.trim_end().strip_suffix('}').unwrap().to_owned();
                (text + ", \"signed\": {\"_type\": \"layout\"}}").into_bytes()
            },
        ),
        tampered(
            "type-named-twice",
            "the layout says that it is a link, and then that it is a layout",
            "the last one counts for one reader, the first for another",
            "\"_type\": \"layout\"",
            "\"_type\": \"link\", \"_type\": \"layout\"",
        ),
        tampered(
            "envelope-member-in-capitals",
            "the document has a member `Signed` beside `signed`",
            "readers that do not mind case take the last one",
            "\"signed\"",
            "\"Signed\": {\"_type\": \"layout\"}, \"signed\"",
        ),
        tampered(
            "number-as-float",
            "a threshold is written as 1.0",
            "canonical JSON has no floats",
            "\"threshold\": 1",
            "\"threshold\": 1.0",
        ),
        tampered(
            "number-not-a-number",
            "a threshold is NaN",
            "some JSON readers take it",
            "\"threshold\": 1",
            "\"threshold\": NaN",
        ),
        tampered(
            "number-beyond-64-bits",
            "a threshold is 2^64",
            "readers round it, or take it for another number",
            "\"threshold\": 1",
            "\"threshold\": 18446744073709551616",
        ),
        tampered(
            "number-beyond-any",
            "a threshold is 1e999",
            "readers take it for infinity",
            "\"threshold\": 1",
            "\"threshold\": 1e999",
        ),
        tampered(
            "number-minus-zero",
            "a threshold is -0",
            "two texts for one number",
            "\"threshold\": 1",
            "\"threshold\": -0",
        ),
        tampered(
            "lone-surrogate",
            "a text holds half of a character",
            "readers replace it differently, so that a changed text keeps its signature",
            "checkout, build, scan",
            "checkout \\ud800",
        ),
        Defect::of(
            "unknown-field-unsigned",
            "a member was added to the layout after it was signed",
            "the reference implementation drops it before it checks the signature",
            |chain| chain.layout.tamper("\"inspect\"", "\"x-team\": \"evil\", \"inspect\""),
        )
        .rejected(&["signature-threshold-not-met"]),
        Defect::of(
            "default-removed-after-signing",
            "a member with a default was taken out of the layout after it was signed",
            "the reference implementation fills it in before it checks the signature",
            |chain| chain.layout.tamper("\"readme\": \"checkout, build, scan\",", ""),
        )
        .rejected(&["signature-threshold-not-met"]),
        Defect::of(
            "step-type-changed-after-signing",
            "a step was made an inspection by name after the layout was signed",
            "the reference implementation does not look at it, nor at its signature",
            |chain| chain.layout.tamper("\"_type\": \"step\"", "\"_type\": \"inspection\""),
        )
        .rejected(&["signature-threshold-not-met"]),
        Defect::of(
            "member-with-kelvin-sign",
            "the layout has a member `keys` beside one that begins with the sign of the Kelvin",
            "readers that do not mind case take one for the other",
            |chain| chain.layout.set_json("\u{212a}eys", "{}"),
        )
        .rejected(&["layout-malformed"]),
        Defect::of(
            "nested-too-deep",
            "a value holds a hundred arrays inside one another",
            "it exhausts the stack of a reader that recurses",
            |chain| chain.layout.tamper("\"readme\": \"checkout, build, scan\"", &deep),
        )
        .rejected(&["budget-exceeded"]),
        bytes(
            "trailing-data",
            "a second document follows the layout",
            "readers that stop at the first do not see it",
            |layout| [layout, b"{}".to_vec()].concat(),
        ),
        bytes(
            "byte-order-mark",
            "the layout begins with a byte order mark",
            "JSON has none (RFC 8259, 8.1)",
            |layout| [b"\xef\xbb\xbf".to_vec(), layout].concat(),
        ),
        bytes(
            "utf-16",
            "the layout is written in UTF-16",
            "JSON is UTF-8 (RFC 8259, 8.1)",
            |layout| {
                let text = String::from_utf8(layout).unwrap();
                std::iter::once(0xfeff)
                    .chain(text.encode_utf16())
                    .flat_map(u16::to_le_bytes)
                    .collect()
            },
        ),
        bytes(
            "overlong-utf-8",
            "the layout holds a NUL in two bytes",
            "RFC 3629, 3: a character has one form",
            |layout| {
                let text = String::from_utf8(layout).unwrap();
                let (head, tail) = text.split_once("build, scan").unwrap();
                [head.as_bytes(), b"\xc0\x80", tail.as_bytes()].concat()
            },
        ),
        bytes("not-utf-8", "the layout holds a byte that is no UTF-8", "RFC 8259, 8.1", |layout| {
            let text = String::from_utf8(layout).unwrap();
            let (head, tail) = text.split_once("build, scan").unwrap();
            [head.as_bytes(), b"\xff", tail.as_bytes()].concat()
        }),
        Defect::of(
            "duplicate-json-key-in-payload",
            "a signed payload in DSSE has a member twice",
            "the envelope is well-formed, and the signature holds",
            |chain| {
                let payload = chain.link("build").value().to_compact();
                let payload = payload.replacen("\"name\"", "\"name\": \"scan\", \"name\"", 1);
                let signers = [Signer::named("builder")];
                let kind = unbroken_model::envelope::IN_TOTO_PAYLOAD_TYPE;
                *chain.link("build") = Draft::raw(dsse_of(kind, payload.as_bytes(), &signers));
            },
        )
        .rejected(&["link-malformed", "link-threshold-not-met"]),
        Defect::of(
            "string-with-backslash-n",
            "an output holds a backslash before an n, a tab, and a character of two surrogates",
            "one implementation turns the first into a line feed and cannot verify it",
            |chain| {
                let text =
                    "literal \\n, tab \t, line feed \n, escape \u{1b}, DEL \u{7f}, \u{1f980}";
                chain.link("build").set("byproducts/stdout", text);
            },
        ),
        Defect::of(
            "text-outside-ascii-in-payload",
            "a DSSE payload holds characters outside of ASCII as they are",
            "control: the bytes that came are signed, whoever wrote them",
            |chain| {
                chain.link("build").set("byproducts/stdout", "@@");
                let payload = chain.link("build").value().to_compact().replace("@@", "größe ✓");
                let signers = [Signer::named("builder")];
                let kind = unbroken_model::envelope::IN_TOTO_PAYLOAD_TYPE;
                let stem = keys::stem("build", "builder");
                chain.put(stem, Draft::raw(dsse_of(kind, payload.as_bytes(), &signers)));
            },
        ),
    ]
}
