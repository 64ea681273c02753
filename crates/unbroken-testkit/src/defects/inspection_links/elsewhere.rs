//! Signed links of inspections that were made for another layout, sublayout or step.

use unbroken_verify::{BindingDemands, BindingPolicy};

use super::super::Defect;
use super::super::replays::{bind_link, digest_of};
use super::super::sublayouts::{delegated, inspected};
use super::{COMMAND, NAME, SPECIFICATION, WHO, never, of, put};
use crate::chain::Chain;
use crate::keys;

pub(super) fn all() -> Vec<Defect> {
    [replays(), of_sublayouts(), in_other_places()].concat()
}

fn replays() -> Vec<Defect> {
    let bound = |name, title: &str, digest: fn(&Chain) -> Option<[u8; 32]>| {
        Defect::of(
            name,
            title,
            "GHSA-6q78-j78h-pqm2, TOTO-PT-23-04: links of an earlier run are used again",
            |chain| {
                let layout = digest_of(&chain.layout.bytes());
                for step in ["checkout", "build", "scan"] {
                    bind_link(chain.link(step), &layout);
                }
                chain.options.bindings = BindingPolicy::Require(BindingDemands::default());
                let digest = digest(chain);
                put(chain, "owner", |link| {
                    if let Some(digest) = digest {
                        bind_link(link, &digest);
                    }
                });
                never(chain);
            },
        )
    };
    vec![
        bound("inspection-link-bound", "the link was made for this layout", |chain| {
            Some(digest_of(&chain.layout.bytes()))
        }),
        bound("inspection-link-bound-elsewhere", "the link was made for another layout", |_| {
            Some([7; 32])
        })
        .rejected(&["inspection-not-run", "link-bound-elsewhere"]),
        bound(
            "inspection-link-unbound",
            "the link does not say for which layout it was made",
            |_| None,
        )
        .rejected(&["inspection-not-run", "link-unbound"]),
        Defect::of(
            "inspection-link-bound-elsewhere-unasked",
            "the link was made for another layout, and nobody asks for bindings",
            "GHSA-6q78-j78h-pqm2, TOTO-PT-23-04: links of an earlier run are used again",
            |chain| {
                put(chain, "owner", |link| bind_link(link, &[7; 32]));
                never(chain);
            },
        )
        .warned(&["link-bound-elsewhere"]),
    ]
}

fn of_sublayouts() -> Vec<Defect> {
    /// Makes a sublayout of the builder whose inspection these signed.
    fn signed(chain: &mut Chain, by: &[&str]) {
        delegated(chain, |child| {
            inspected(child);
            child.forget_outcome("smoke-test");
            let draft = of("smoke-test", r#"["touch", "RCE"]"#);
            let draft = by.iter().fold(draft, |draft, by| draft.signed_by(by));
            child.put(keys::stem("smoke-test", by[0]), draft);
        });
    }
    let refused = [
        "inspector-not-authorised",
        "link-threshold-not-met",
        "sublayout-inspection-refused",
        "sublayout-rejected",
    ];
    vec![
        Defect::of(
            "sublayout-inspection-link",
            "the builder signed a link of his sublayout's inspection, and nothing of it is run",
            "control: specification 1.0, 4.5.3",
            |chain| signed(chain, &["builder"]),
        ),
        Defect::of(
            "sublayout-inspection-link-by-owner",
            "the owner of the layout signed the link of the sublayout's inspection",
            SPECIFICATION,
            |chain| signed(chain, &["owner"]),
        )
        .rejected(&refused),
        Defect::of(
            "sublayout-inspection-link-by-own-functionary",
            "a functionary of the sublayout signed the link of its inspection",
            WHO,
            |chain| signed(chain, &["compiler"]),
        )
        .rejected(&refused),
        Defect::of(
            "sublayout-inspection-link-by-one-of-two",
            "two builders signed the sublayout, and one of them the link",
            "what one may not decide alone, he could by a link",
            |chain| {
                signed(chain, &["builder"]);
                chain.authorise(1, "second-builder");
                let stem = keys::stem("build", "builder");
                let sublayout = chain.take(&stem);
                chain.put(stem, sublayout.signed_by("second-builder"));
            },
        )
        .rejected(&refused),
        Defect::of(
            "sublayout-inspection-link-by-half-of-functionary",
            "one of the builder's two keys signed the sublayout and the link, the other one a link of the step",
            WHO,
            |chain| {
                let mut link = chain.take(&keys::stem("build", "builder"));
                link.unsign();
                chain.put(keys::stem("build", "builder-too"), link.signed_by("builder-too"));
                signed(chain, &["builder"]);
                chain.authorise(1, "builder-too");
                let ids = [keys::id("builder"), keys::id("builder-too")].join(" ");
                chain.layout.set("readme", format!("unbroken: all-of {ids}"));
            },
        )
        .rejected(&[&refused[..], &["functionary-key-missing"]].concat()),
        Defect::of(
            "sublayout-inspection-link-by-unauthorised-signer",
            "the scanner signed the sublayout of the build too, and the link alone",
            "a signature that does not make the sublayout count gives no say in it",
            |chain| {
                signed(chain, &["scanner"]);
                let stem = keys::stem("build", "builder");
                let sublayout = chain.take(&stem);
                chain.put(stem, sublayout.signed_by("scanner"));
            },
        )
        .rejected(&refused),
        Defect::of(
            "sublayout-inspection-link-of-the-layout-above",
            "the link lies beside the sublayout, not in its folder",
            SPECIFICATION,
            |chain| {
                delegated(chain, |child| {
                    inspected(child);
                    child.forget_outcome("smoke-test");
                });
                let draft = of("smoke-test", r#"["touch", "RCE"]"#).signed_by("builder");
                chain.put(keys::stem("smoke-test", "builder"), draft);
            },
        )
        .rejected(&refused[1..]),
    ]
}

fn in_other_places() -> Vec<Defect> {
    vec![
        Defect::of(
            "inspection-link-of-step",
            "the link of a step, signed by the owner too, is handed in for the inspection",
            "a document of one meaning taken for another",
            |chain| {
                let draft = of("scan", COMMAND).signed_by("owner");
                chain.put(keys::stem(NAME, "owner"), draft);
                never(chain);
            },
        )
        .rejected(&["inspection-not-run", "link-name-mismatch"]),
        Defect::of(
            "inspection-link-for-step",
            "the link of the inspection, signed by the scanner, is handed in for his step",
            "a document of one meaning taken for another",
            |chain| {
                let draft = of(NAME, COMMAND).signed_by("scanner");
                chain.put(keys::stem("scan", "scanner"), draft);
            },
        )
        .rejected(&["link-name-mismatch", "link-threshold-not-met"]),
        Defect::of(
            "inspection-link-with-name-of-step",
            "an inspection has the name of a step, whose link would pass for it",
            "a document of one meaning taken for another",
            |chain| {
                chain.authorise(2, "owner");
                chain.layout.set("inspect/0/name", "scan");
                chain.layout.set_rules("inspect/0/expected_products", "ALLOW *");
                chain.put(keys::stem("scan", "owner"), of("scan", COMMAND).signed_by("owner"));
                never(chain);
            },
        )
        .rejected(&["links-disagree", "name-duplicate"])
        .warned(&["command-differs"]),
    ]
}
