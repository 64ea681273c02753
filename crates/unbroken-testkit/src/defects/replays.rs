//! Layouts and links that were good once.

use unbroken_crypto::hash;
use unbroken_model::envelope::Envelope;
use unbroken_model::json::Object;
use unbroken_model::limits::Limits;
use unbroken_model::link::binding::bind;
use unbroken_verify::{BindingDemands, BindingPolicy, LayoutPin, Pinning};

use super::Defect;
use crate::chain::Chain;
use crate::draft::Draft;

const AUDIT: &str = "GHSA-73jv-h86v-c2vh, TOTO-PT-23-03: an earlier layout is replayed";

const REUSE: &str = "GHSA-6q78-j78h-pqm2, TOTO-PT-23-04: links of an earlier run are used again";
/// When the links of the bound pipeline were made, an hour before they are verified.
const MADE: &str = "2026-06-01T11:00:00Z";
const STEPS: [&str; 3] = ["checkout", "build", "scan"];

pub(super) fn all() -> Vec<Defect> {
    [layouts(), links()].concat()
}

fn layouts() -> Vec<Defect> {
    vec![
        Defect::of(
            "layout-with-version",
            "the layout says its version, and nobody asks for it",
            "control: the readme is a text that every implementation keeps",
            |chain| set_version(chain, 7),
        ),
        versioned(
            "layout-version-same",
            "the layout is the one that was seen before",
            7,
            |chain| {
                seen(chain, 7, digest_of(&chain.layout.bytes()));
            },
        ),
        versioned(
            "layout-version-newer",
            "the layout is newer than the one that was seen",
            8,
            |chain| {
                seen(chain, 7, [7; 32]);
            },
        ),
        versioned("layout-version-older", "a newer layout was seen before", 7, |chain| {
            seen(chain, 8, [8; 32]);
        })
        .rejected(&["layout-replayed"]),
        versioned(
            "layout-version-twice",
            "another layout with the same version was seen before",
            7,
            |chain| seen(chain, 7, [7; 32]),
        )
        .rejected(&["layout-replayed"]),
        Defect::of(
            "layout-version-absent-after-one",
            "a layout with a version was seen before, and this one says none",
            AUDIT,
            |chain| seen(chain, 1, [1; 32]),
        )
        .in_process()
        .rejected(&["layout-replayed"]),
        Defect::of(
            "layout-version-absent-twice",
            "another layout was seen before, and neither says which is newer",
            AUDIT,
            |chain| seen(chain, 0, [0; 32]),
        )
        .in_process()
        .rejected(&["layout-replayed"]),
        at_least(
            "layout-version-at-minimum",
            "the layout has the lowest version that is accepted",
            7,
        ),
        at_least(
            "layout-version-below-minimum",
            "the layout has a lower version than is accepted",
            8,
        )
        .rejected(&["layout-replayed"]),
        Defect::of(
            "layout-version-absent-below-minimum",
            "a lowest version is asked for, and the layout says none",
            AUDIT,
            |chain| chain.options.freshness.minimum = Some(1),
        )
        .rejected(&["layout-replayed"]),
        Defect::of(
            "readme-directive-unknown",
            "the readme has a directive that no program knows",
            "what the owner asks for and nobody holds must not pass for held",
            |chain| chain.layout.set("readme", "unbroken: all-is-well"),
        )
        .rejected(&["layout-malformed"]),
        Defect::of(
            "readme-directive-twice",
            "the layout says two versions",
            "two readers could see two layouts",
            |chain| {
                let readme = "unbroken: layout-version 7\nunbroken: layout-version 8";
                chain.layout.set("readme", readme);
            },
        )
        .rejected(&["layout-malformed"]),
    ]
}

/// Makes a vector of a layout with a version; programs keep account in files that only they know.
fn versioned(
    name: &'static str,
    title: &str,
    version: u64,
    change: impl FnOnce(&mut Chain),
) -> Defect {
    Defect::of(name, title, AUDIT, |chain| {
        set_version(chain, version);
        change(chain);
    })
    .in_process()
}

fn at_least(name: &'static str, title: &str, minimum: u64) -> Defect {
    Defect::of(name, title, AUDIT, |chain| {
        set_version(chain, 7);
        chain.options.freshness.minimum = Some(minimum);
    })
}

fn set_version(chain: &mut Chain, version: u64) {
    let readme = format!("checkout, build, scan\nunbroken: layout-version {version}");
    chain.layout.set("readme", readme);
}

fn seen(chain: &mut Chain, version: u64, digest: [u8; 32]) {
    chain.options.freshness.pin = Pinning::Seen(LayoutPin { version, digest });
}

/// Returns the digest of what the signatures of a document are over.
pub(super) fn digest_of(document: &[u8]) -> [u8; 32] {
    let envelope = Envelope::parse(document, &Limits::default()).expect("an own envelope");
    hash::sha256(envelope.signing_input())
}

fn links() -> Vec<Defect> {
    let refused = |code| [code, "link-threshold-not-met"];
    let nonce = || BindingDemands { nonce: Some("run-7".to_owned()), not_before: None };
    let since = |time: &str| BindingDemands {
        nonce: None,
        not_before: Some(time.parse().expect("a point in time")),
    };
    let environment = |chain: &mut Chain, member: &str, value: &str| match value {
        "" => chain.link("build").remove(&format!("environment/{member}")),
        _ => chain.link("build").set(&format!("environment/{member}"), value.to_owned()),
    };
    vec![
        bound(
            "links-bound-unasked",
            "every link is bound, and nobody asks for it",
            BindingDemands::default(),
            |chain| chain.options.bindings = BindingPolicy::Report,
        ),
        bound(
            "links-bound",
            "every link is bound to the layout",
            BindingDemands::default(),
            |_| {},
        ),
        bound("links-bound-to-run", "every link is bound to the run", nonce(), |_| {}),
        bound("links-made-in-time", "every link is as old as is accepted", since(MADE), |_| {}),
        Defect::of("links-unbound", "links have to be bound, and none is", REUSE, |chain| {
            chain.options.bindings = BindingPolicy::Require(BindingDemands::default());
        })
        .rejected(&refused("link-unbound")),
        bound(
            "link-unbound-beside-bound",
            "one link is not bound",
            BindingDemands::default(),
            |chain| chain.link("build").set_json("environment", "{}"),
        )
        .rejected(&refused("link-unbound")),
        bound(
            "link-bound-by-number",
            "the digest of the layout is no text",
            BindingDemands::default(),
            |chain| chain.link("build").set("environment/bound_layout_sha256", 7_i64),
        )
        .rejected(&refused("link-unbound")),
        bound(
            "link-bound-to-other-layout",
            "one link was made for another layout",
            BindingDemands::default(),
            |chain| environment(chain, "bound_layout_sha256", &"ab".repeat(32)),
        )
        .rejected(&refused("link-bound-elsewhere")),
        bound(
            "link-bound-to-other-layout-unasked",
            "one link was made for another layout, and nobody asks for bindings",
            BindingDemands::default(),
            |chain| {
                environment(chain, "bound_layout_sha256", &"ab".repeat(32));
                chain.options.bindings = BindingPolicy::Report;
            },
        )
        .warned(&["link-bound-elsewhere"]),
        bound("link-of-other-run", "one link is of another run", nonce(), |chain| {
            environment(chain, "bound_nonce", "run-6");
        })
        .rejected(&refused("link-bound-elsewhere")),
        bound(
            "link-of-no-run",
            "one link is bound to the layout and to no run",
            nonce(),
            |chain| {
                environment(chain, "bound_nonce", "");
            },
        )
        .rejected(&refused("link-unbound")),
        bound("link-too-old", "one link is a second too old", since(MADE), |chain| {
            environment(chain, "bound_time", "2026-06-01T10:59:59Z");
        })
        .rejected(&refused("link-time-refused")),
        bound("link-of-the-future", "one link was made in the future", since(MADE), |chain| {
            environment(chain, "bound_time", "2026-06-01T12:05:01Z");
        })
        .rejected(&refused("link-time-refused")),
        bound("link-of-fast-clock", "one link is ahead by five minutes", since(MADE), |chain| {
            environment(chain, "bound_time", "2026-06-01T12:05:00Z");
        }),
        bound("link-of-no-day", "the time of one link is none", since(MADE), |chain| {
            environment(chain, "bound_time", "2026-06-31T11:00:00Z");
        })
        .rejected(&refused("link-time-refused")),
        bound("link-without-time", "one link says no time", since(MADE), |chain| {
            environment(chain, "bound_time", "");
        })
        .rejected(&refused("link-unbound")),
        sublayout("sublayout-links-bound", "the links of a sublayout are bound to it", |child| {
            digest_of(&child.layout.bytes())
        }),
        sublayout(
            "sublayout-links-bound-above",
            "the links of a sublayout are bound to another layout",
            |_| [7; 32],
        )
        .rejected(&[
            "link-bound-elsewhere",
            "link-threshold-not-met",
            "sublayout-rejected",
        ]),
    ]
}

/// Makes a vector of the pipeline with every link bound, changed in one place.
fn bound(
    name: &'static str,
    title: &str,
    demands: BindingDemands,
    change: impl FnOnce(&mut Chain),
) -> Defect {
    Defect::of(name, title, REUSE, |chain| {
        let layout = digest_of(&chain.layout.bytes());
        for step in STEPS {
            bind_link(chain.link(step), &layout);
        }
        chain.options.bindings = BindingPolicy::Require(demands);
        change(chain);
    })
}

fn sublayout(name: &'static str, title: &str, digest: impl FnOnce(&Chain) -> [u8; 32]) -> Defect {
    bound(name, title, BindingDemands::default(), |chain| {
        let mut child = Chain::compile();
        // The summary of the sublayout has the command that the layout expects.
        child.layout.set_json("steps/0/expected_command", "[]");
        child.link("compile").set_json("command", r#"["buildah", "build", "src"]"#);
        let layout = digest(&child);
        bind_link(child.link("compile"), &layout);
        chain.put_sublayout("build", "builder", child);
    })
}

pub(super) fn bind_link(link: &mut Draft, layout: &[u8; 32]) {
    let mut environment = Object::new();
    bind(&mut environment, layout, Some("run-7"), MADE.parse().expect("a point in time"));
    link.set("environment", environment);
}
