//! What can be wrong with a link and with who hands it in.

use unbroken_crypto::KeyIdStyle;
use unbroken_model::json::Value;
use unbroken_verify::CommandPolicy;

use super::Defect;
use crate::chain::Chain;
use crate::draft::{Draft, link};
use crate::keys;

pub(super) fn all() -> Vec<Defect> {
    [missing(), authority(), agreement(), commands(), others()].concat()
}

/// The links that do not count for `build`, with the reason.
fn build_refused(code: &'static str) -> [&'static str; 2] {
    [code, "link-threshold-not-met"]
}

/// Hands in the same link by a second builder; `change` makes it differ.
fn second_link(chain: &mut Chain, change: impl FnOnce(&mut Draft)) {
    let mut second = chain.link("build").clone();
    second.unsign();
    change(&mut second);
    chain.authorise(1, "second-builder");
    chain.put(keys::stem("build", "second-builder"), second.signed_by("second-builder"));
}

/// Files as an implementation in Rust writes them: keys without their ids, under ids of the older form;
/// no environment, and never a command.
fn others() -> Vec<Defect> {
    let as_written = |chain: &mut Chain| {
        for name in ["developer", "builder"] {
            let key = keys::key(name).public().to_layout_key(KeyIdStyle::Legacy);
            let mut key = key.expect("the id of a seeded key is one");
            key.object.remove("keyid");
            let (new, place) = (key.id.to_string(), usize::from(name == "builder"));
            chain.layout.remove(&format!("keys/{}", keys::id(name)));
            chain.layout.set(&format!("keys/{new}"), Value::from(key.object));
            chain.layout.set(&format!("steps/{place}/pubkeys/0"), new);
        }
        for step in ["checkout", "build"] {
            chain.link(step).set_json("environment", "null");
            chain.link(step).set_json("command", "[]");
        }
    };
    vec![
        Defect::of(
            "environment-null",
            "links say null of their environment and name no command, and keys come without ids",
            "as in-toto-rs writes its files",
            as_written,
        )
        .warned(&["command-differs"]),
        Defect::of(
            "environment-null-changed",
            "the same, and a product's digest was changed after signing",
            "as in-toto-rs writes its files",
            move |chain| {
                as_written(chain);
                let digest = crate::draft::digest("the layers of an image");
                let digest = digest.iter().next().unwrap();
                chain.link("build").tamper(digest.hex(), &"0".repeat(64));
            },
        )
        .rejected(&build_refused("link-signature-invalid"))
        .warned(&["command-differs"]),
    ]
}

fn missing() -> Vec<Defect> {
    vec![
        Defect::of("link-missing", "a step has no link", "specification 1.0, 5.2", |chain| {
            chain.take(&keys::stem("build", "builder"));
        })
        .rejected(&["link-missing"]),
        Defect::of("link-unsigned", "nobody signed a link", "specification 1.0, 5.2", |chain| {
            chain.link("build").unsign();
        })
        .rejected(&build_refused("link-signature-invalid")),
        Defect::of(
            "link-changed-after-signing",
            "the digest of the image was changed in a signed link",
            "specification 1.0, 5.2",
            |chain| {
                let digest = crate::draft::digest("the layers of an image");
                let digest = digest.iter().next().unwrap();
                let other = "0".repeat(64);
                chain.link("build").tamper(digest.hex(), &other);
            },
        )
        .rejected(&build_refused("link-signature-invalid")),
        Defect::of(
            "link-malformed",
            "a link's file is no JSON",
            "an uncaught exception in the reference implementation",
            |chain| *chain.link("build") = Draft::raw("not a link\n"),
        )
        .rejected(&build_refused("link-malformed")),
        Defect::of(
            "link-malformed-beside-good",
            "one functionary's file is no JSON, another one's link suffices",
            "one bad file of one functionary would block everybody",
            |chain| {
                chain.authorise(1, "second-builder");
                chain.put(keys::stem("build", "second-builder"), Draft::raw("not a link\n"));
            },
        )
        .warned(&["link-malformed"]),
        Defect::of(
            "link-without-products",
            "a link has no member for its products",
            "absent is not empty",
            |chain| chain.link("build").remove("products"),
        )
        .rejected(&build_refused("link-malformed")),
        Defect::of(
            "link-threshold-not-met",
            "two functionaries are due, one made a link",
            "specification 1.0, 4.3.1",
            |chain| {
                chain.authorise(1, "second-builder");
                chain.layout.set("steps/1/threshold", 2_i64);
            },
        )
        .rejected(&["link-threshold-not-met"]),
    ]
}

fn authority() -> Vec<Defect> {
    vec![
        Defect::of(
            "link-under-whole-keyid",
            "the name of a link's file has the whole key id in place of eight digits",
            "control: the name is a way to find it, and proves nothing",
            |chain| {
                let link = chain.take(&keys::stem("build", "builder"));
                chain.put(format!("build.{}", keys::id("builder")), link);
            },
        ),
        Defect::of(
            "link-without-name",
            "a link has an empty name",
            "GHSA-g9jx-rqhm-mj7g: an empty name stood for every step",
            |chain| chain.link("build").set("name", ""),
        )
        .rejected(&build_refused("name-invalid")),
        Defect::of(
            "functionary-of-other-step-signs",
            "the scanner, a functionary of another step, signed the link of the build",
            "one implementation never looks at the keys of the step",
            |chain| {
                let mut link = chain.take(&keys::stem("build", "builder"));
                link.unsign();
                chain.put(keys::stem("build", "scanner"), link.signed_by("scanner"));
            },
        )
        .rejected(&build_refused("functionary-not-authorised")),
        Defect::of(
            "link-of-stranger",
            "somebody whom the layout does not know signed the link",
            "specification 1.0, 4.3.1",
            |chain| {
                let mut link = chain.take(&keys::stem("build", "builder"));
                link.unsign();
                chain.put(keys::stem("build", "stranger"), link.signed_by("stranger"));
            },
        )
        .rejected(&build_refused("link-signature-invalid")),
        Defect::of(
            "link-of-stranger-beside-good",
            "a stranger adds a link of his own to a good one",
            "whoever can add a file could block the chain",
            |chain| {
                let mut link = chain.link("build").clone();
                link.unsign();
                link.set_json("products", "{}");
                chain.put(keys::stem("build", "stranger"), link.signed_by("stranger"));
            },
        )
        .warned(&["link-signature-invalid"]),
        Defect::of(
            "link-of-other-step",
            "the builder may sign for two steps, and his link of one is handed in for the other",
            "the reference implementation never looks at the name in the link",
            |chain| {
                chain.authorise(2, "builder");
                let link = chain.link("build").clone();
                chain.take(&keys::stem("scan", "scanner"));
                chain.put(keys::stem("scan", "builder"), link);
            },
        )
        .rejected(&["link-name-mismatch", "link-threshold-not-met"]),
        Defect::of(
            "signer-beside-authorised-one",
            "a link carries the signature of a stranger beside that of the builder",
            "control",
            |chain| {
                let link = chain.link("build");
                *link = link.clone().signed_by("stranger");
            },
        ),
    ]
}

fn agreement() -> Vec<Defect> {
    let disagree = ["links-disagree"];
    let threshold = |chain: &mut Chain| chain.layout.set("steps/1/threshold", 2_i64);
    vec![
        Defect::of(
            "links-disagree-on-products",
            "two functionaries are due, and built different images",
            "specification 1.0, 4.3.1",
            |chain| {
                second_link(chain, |link| {
                    link.set("products/image.tar/sha256", "ab".repeat(32));
                });
                threshold(chain);
            },
        )
        .rejected(&disagree),
        Defect::of(
            "links-disagree-on-materials",
            "two functionaries are due, and built from different sources",
            "specification 1.0, 4.3.1",
            |chain| {
                second_link(chain, |link| link.remove("materials/src~1main.c"));
                threshold(chain);
            },
        )
        .rejected(&disagree),
        Defect::of(
            "links-disagree-at-threshold-one",
            "one functionary is due, two made links, and these differ",
            "the order of the files decides which the reference implementation believes",
            |chain| {
                second_link(chain, |link| {
                    link.set("products/image.tar/sha256", "ab".repeat(32));
                });
            },
        )
        .rejected(&disagree),
        Defect::of(
            "links-differ-in-byproducts",
            "two functionaries are due, and their outputs differ",
            "control: byproducts are not compared",
            |chain| {
                second_link(chain, |link| link.set("byproducts/stdout", "another second"));
                threshold(chain);
            },
        ),
    ]
}

fn commands() -> Vec<Defect> {
    let other = |chain: &mut Chain| chain.link("build").set("command/0", "docker");
    vec![
        Defect::of(
            "command-differs",
            "the recorded command is not the expected one",
            "specification 1.0, 4.3.1: a warning, for nothing proves the command",
            other,
        )
        .warned(&["command-differs"]),
        Defect::of(
            "command-differs-enforced",
            "the recorded command is not the expected one, and the verifier insists",
            "specification 1.0, 4.3.1",
            |chain| {
                other(chain);
                chain.options.commands = CommandPolicy::Enforce;
            },
        )
        .rejected(&["command-differs"]),
        Defect::of(
            "command-failed",
            "the recorded command ended with 2",
            "byproducts are not verified; somebody should look",
            |chain| chain.link("build").set("byproducts/return-value", 2_i64),
        )
        .warned(&["command-failed"]),
        Defect::of(
            "command-absent",
            "the layout expects no command in particular",
            "control",
            |chain| chain.layout.set_json("steps/1/expected_command", "[]"),
        ),
        Defect::of(
            "link-of-empty-step",
            "a step consumed nothing and made nothing",
            "control: rules without artifacts hold",
            |chain| {
                chain.layout.set_json("inspect", "[]");
                chain.layout.set_rules("steps/2/expected_materials", "DISALLOW *");
                chain.layout.set_rules("steps/2/expected_products", "DISALLOW *");
                chain.layout.set_json("steps/2/expected_command", "[]");
                chain.put_link("scanner", &link("scan", &[], &[]));
                chain.forget_outcome("no-critical");
                chain.deliver(&[]);
            },
        ),
        Defect::of(
            "return-value-is-text",
            "the recorded command ended with \"0\", a text",
            "control: byproducts are not verified, and what is no number tells nothing",
            |chain| chain.link("build").set("byproducts/return-value", "0"),
        ),
        Defect::of(
            "return-value-absent",
            "the link does not say how the command ended",
            "control: a step without a command has no return value",
            |chain| chain.link("build").set_json("byproducts/return-value", "null"),
        ),
        Defect::of(
            "return-value-is-float",
            "the recorded command ended with 0.0",
            "canonical JSON has no floats",
            |chain| {
                chain.link("build").tamper("\"return-value\": 0", "\"return-value\": 0.0");
            },
        )
        .rejected(&build_refused("link-malformed")),
    ]
}
