//! Sublayouts: layouts in the place of a link.

use unbroken_verify::SublayoutInspections;

use super::Defect;
use crate::chain::Chain;
use crate::draft::{Draft, artifacts};
use crate::keys;

pub(super) fn all() -> Vec<Defect> {
    [sound(), broken(), inspecting()].concat()
}

/// Why the step `build` lacks evidence when the sublayout for it fails.
const REJECTED: [&str; 2] = ["sublayout-rejected", "link-threshold-not-met"];

fn rejected_with(code: &'static str) -> [&'static str; 3] {
    [code, REJECTED[0], REJECTED[1]]
}

/// Makes `child`, changed, the sublayout of the step `build`.
pub(super) fn delegated(chain: &mut Chain, change: impl FnOnce(&mut Chain)) {
    let mut child = Chain::compile();
    change(&mut child);
    chain.put_sublayout("build", "builder", child);
    chain.layout.set_json("steps/1/expected_command", "[]");
}

/// Gives the child an inspection.
pub(super) fn inspected(child: &mut Chain) {
    child.layout.set_json(
        "inspect",
        r#"[{"_type": "inspection", "name": "smoke-test", "run": ["touch", "RCE"],
             "expected_materials": [], "expected_products": []}]"#,
    );
    child.set_outcome("smoke-test", artifacts(&[]), artifacts(&[]));
}

/// Makes the sublayout of the step `build` one that asks for that very step; returns it with its stem.
fn asking_for_itself(chain: &mut Chain) -> (String, Draft) {
    let stem = keys::stem("build", "builder");
    delegated(chain, |child| {
        child.take(&keys::stem("compile", "compiler"));
        child.layout.set("steps/0/name", "build");
        child.layout.set("steps/0/pubkeys/0", keys::id("builder"));
        child.list_key("builder");
    });
    let itself = chain.take(&stem);
    chain.put(stem.clone(), itself.clone());
    (stem, itself)
}

fn sound() -> Vec<Defect> {
    vec![
        Defect::of(
            "sublayout",
            "the builder hands in a layout with links of his own in place of a link",
            "control: specification 1.0, 4.5",
            |chain| delegated(chain, |_| {}),
        ),
        Defect::of(
            "sublayout-of-sublayout",
            "a sublayout's step has a sublayout in turn",
            "control: specification 1.0, 4.5",
            nested,
        ),
        Defect::of(
            "sublayout-broken-beside-good-link",
            "one functionary's sublayout fails, another one's link suffices",
            "one bad file of one functionary would block everybody",
            |chain| {
                chain.authorise(1, "second-builder");
                let mut child = Chain::compile();
                child.take(&keys::stem("compile", "compiler"));
                chain.put_sublayout("build", "second-builder", child);
            },
        )
        .warned(&["link-missing", "sublayout-rejected"]),
    ]
}

/// Makes a sublayout of `build` whose step `compile` is a sublayout too.
fn nested(chain: &mut Chain) {
    delegated(chain, |child| {
        let mut grandchild = Chain::compile();
        grandchild.take(&keys::stem("compile", "compiler"));
        grandchild.layout.set("readme", "how the image is compiled");
        let link = child.link("compile").clone();
        grandchild.put(keys::stem("compile", "compiler"), link);
        child.layout.set_json("steps/0/expected_command", "[]");
        child.put_sublayout("compile", "compiler", grandchild);
    });
}

fn broken() -> Vec<Defect> {
    vec![
        Defect::of(
            "sublayout-depth-over-budget",
            "a sublayout stands in a sublayout, and the verifier allows one level",
            "a functionary could keep a verifier at work for ever",
            |chain| {
                nested(chain);
                chain.budget.depth = 1;
            },
        )
        .in_process()
        .rejected(&rejected_with("budget-exceeded")),
        Defect::of(
            "sublayout-cycle",
            "a sublayout is its own evidence",
            "the reference implementation ends at the interpreter's limits",
            |chain| {
                let (stem, itself) = asking_for_itself(chain);
                chain.put(format!("{stem}/{stem}"), itself);
            },
        )
        .rejected(&rejected_with("sublayout-cycle")),
        Defect::of(
            "sublayout-cycle-in-other-bytes",
            "a sublayout is its own evidence, there in an envelope of the other kind",
            "a verifier that knows a document again by its bytes goes on",
            |chain| {
                let (stem, itself) = asking_for_itself(chain);
                chain.put(format!("{stem}/{stem}"), itself.dsse());
            },
        )
        .rejected(&rejected_with("sublayout-cycle")),
        Defect::of(
            "sublayout-expired",
            "the sublayout ended a second ago",
            "specification 1.0, 4.5: a sublayout is verified as a layout",
            |chain| delegated(chain, |child| child.layout.set("expires", "2026-06-01T11:59:59Z")),
        )
        .rejected(&["layout-expired", "link-threshold-not-met"]),
        Defect::of(
            "sublayout-key-not-authorised",
            "a functionary of another step signed the sublayout",
            "specification 1.0, 4.5",
            |chain| {
                delegated(chain, |_| {});
                let stem = keys::stem("build", "builder");
                let mut child = chain.take(&stem);
                child.unsign();
                chain.put(stem, child.signed_by("scanner"));
            },
        )
        .rejected(&["functionary-not-authorised", "link-threshold-not-met"]),
        Defect::of(
            "sublayout-link-missing",
            "the sublayout's step has no link",
            "specification 1.0, 4.5.2",
            |chain| {
                delegated(chain, |child| {
                    child.take(&keys::stem("compile", "compiler"));
                });
            },
        )
        .rejected(&rejected_with("link-missing")),
        Defect::of(
            "sublayout-link-in-other-folder",
            "the sublayout's links lie beside those of the layout",
            "specification 1.0, 4.5.2: a folder of its own",
            |chain| {
                delegated(chain, |_| {});
                let link = keys::stem("compile", "compiler");
                let folder = keys::stem("build", "builder");
                let inner = chain.take(&format!("{folder}/{link}"));
                chain.put(link, inner);
            },
        )
        .rejected(&rejected_with("link-missing")),
        Defect::of(
            "sublayout-without-steps",
            "the sublayout has no step",
            "a layout without evidence in place of evidence",
            |chain| {
                delegated(chain, |child| child.layout.set_json("steps", "[]"));
            },
        )
        .rejected(&rejected_with("layout-empty")),
        Defect::of(
            "sublayout-rule-broken",
            "the sublayout's step made a file that its rules forbid",
            "specification 1.0, 4.5",
            |chain| {
                delegated(chain, |child| {
                    let image = child.link("compile").get("products/image.tar").clone();
                    child.link("compile").set("products/evil", image);
                });
            },
        )
        .rejected(&rejected_with("rule-disallow")),
        Defect::of(
            "sublayout-summary-differs",
            "the sublayout is in order, and what it made is not what was scanned",
            "specification 1.0, 4.5.1",
            |chain| {
                delegated(chain, |child| {
                    child.link("compile").set("products/image.tar/sha256", "ab".repeat(32));
                });
            },
        )
        .rejected(&["rule-disallow"]),
        Defect::of(
            "sublayout-malformed",
            "the sublayout has a threshold of zero",
            "specification 1.0, 4.5",
            |chain| {
                delegated(chain, |child| child.layout.set("steps/0/threshold", 0_i64));
            },
        )
        .rejected(&["threshold-below-one", "link-threshold-not-met"]),
    ]
}

fn inspecting() -> Vec<Defect> {
    let allow = |chain: &mut Chain| {
        chain.options.sublayout_inspections = SublayoutInspections::Allow;
    };
    vec![
        Defect::of(
            "sublayout-inspection-refused",
            "the sublayout wants to run a command on the verifier's machine",
            "any functionary could run anything on every machine that verifies",
            |chain| delegated(chain, inspected),
        )
        .rejected(&rejected_with("sublayout-inspection-refused")),
        Defect::of(
            "sublayout-inspection-allowed",
            "the sublayout's command is allowed, and ends well",
            "control: specification 1.0, 4.5.3",
            |chain| {
                delegated(chain, inspected);
                allow(chain);
            },
        )
        .in_process(),
        Defect::of(
            "sublayout-inspection-failed",
            "the sublayout's command is allowed, and fails",
            "specification 1.0, 4.5.3",
            |chain| {
                delegated(chain, |child| {
                    inspected(child);
                    child.outcome("smoke-test").ending = unbroken_verify::Ending::Exited(1);
                });
                allow(chain);
            },
        )
        .in_process()
        .rejected(&["inspection-failed"]),
        Defect::of(
            "sublayout-garbage",
            "the file in the place of the link is neither link nor layout",
            "specification 1.0, 4.5",
            |chain| *chain.link("build") = Draft::raw("{\"signed\": {}, \"signatures\": []}"),
        )
        .rejected(&["link-signature-invalid", "link-threshold-not-met"]),
    ]
}
