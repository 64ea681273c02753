//! What can be wrong with a layout as a whole.

use super::Defect;
use crate::keys;

pub(super) fn all() -> Vec<Defect> {
    [thresholds(), rest()].concat()
}

fn thresholds() -> Vec<Defect> {
    let threshold = |name, title, reference, json: &str| {
        Defect::of(name, title, reference, |chain| {
            chain.layout.set_json("steps/1/threshold", json);
        })
    };
    vec![
        threshold(
            "threshold-zero",
            "a step asks for no functionary at all",
            "GHSA-fphv-w9fq-2525 is its like in TUF",
            "0",
        )
        .rejected(&["threshold-below-one"]),
        Defect::of(
            "threshold-in-capitals",
            "a step has `Threshold` in place of `threshold`",
            "readers that do not mind case ask for two, all others for one",
            |chain| {
                chain.layout.remove("steps/1/threshold");
                chain.layout.set_json("steps/1/Threshold", "2");
            },
        )
        .rejected(&["layout-malformed"]),
        Defect::of(
            "run-in-capitals-beside-run",
            "an inspection has `Run` beside `run`",
            "TOTO-PT-23-107: one signed layout, two commands",
            |chain| chain.layout.set_json("inspect/0/Run", "[\"true\"]"),
        )
        .rejected(&["layout-malformed"]),
        threshold("threshold-negative", "a threshold is below zero", "as threshold-zero", "-1")
            .rejected(&["threshold-below-one"]),
        threshold(
            "threshold-true",
            "a threshold is a boolean",
            "the reference implementation counts true as 1",
            "true",
        )
        .rejected(&["layout-malformed"]),
        threshold(
            "threshold-is-text",
            "a threshold is a number in quotation marks",
            "readers that convert it count to one",
            "\"1\"",
        )
        .rejected(&["layout-malformed"]),
        Defect::of(
            "threshold-zero-without-links",
            "a step asks for no functionary, and nobody did it",
            "nothing satisfies a threshold of nothing",
            |chain| {
                chain.layout.set("steps/1/threshold", 0_i64);
                chain.take(&keys::stem("build", "builder"));
            },
        )
        .rejected(&["threshold-below-one"]),
        threshold(
            "threshold-above-keys",
            "a step asks for two functionaries and names one key",
            "it can never be met",
            "2",
        )
        .rejected(&["threshold-above-keys", "link-threshold-not-met"]),
    ]
}

fn rest() -> Vec<Defect> {
    vec![
        Defect::of(
            "layout-without-steps",
            "the layout has neither step nor inspection",
            "the reference implementation verifies any product with it",
            |chain| {
                chain.layout.set_json("steps", "[]");
                chain.layout.set_json("inspect", "[]");
            },
        )
        .rejected(&["layout-empty"]),
        Defect::of(
            "type-field-wrong",
            "the document says that it is something else",
            "specification 1.0, 4.3",
            |chain| chain.layout.set("_type", "banana"),
        )
        .rejected(&["payload-type-mismatch"]),
        Defect::of(
            "step-type-field-wrong",
            "a step says that it is an inspection",
            "specification 1.0, 4.3.1",
            |chain| chain.layout.set("steps/1/_type", "inspection"),
        )
        .rejected(&["payload-type-mismatch"]),
        Defect::of(
            "link-where-layout-due",
            "the owner's file is a link",
            "an uncaught exception in the reference implementation",
            |chain| {
                let stem = keys::stem("build", "builder");
                let mut link = chain.take(&stem);
                chain.put(stem, link.clone());
                link.unsign();
                chain.layout = link.signed_by("owner");
            },
        )
        .rejected(&["payload-type-mismatch"]),
        Defect::of(
            "inspection-without-command",
            "an inspection has nothing to run",
            "an exception without words in the reference implementation",
            |chain| chain.layout.set_json("inspect/0/run", "[]"),
        )
        .rejected(&["layout-malformed"]),
        Defect::of(
            "unknown-field-signed",
            "the layout has a signed member that nobody knows",
            "implementations that sign decoded structs cannot verify it",
            |chain| chain.layout.set("x-team", "platform"),
        ),
        Defect::of(
            "defaults-absent",
            "the layout was signed without the members that have defaults",
            "an implementation that fills them in before the check cannot verify it",
            |chain| {
                chain.layout.remove("readme");
                chain.layout.remove("steps/1/threshold");
            },
        ),
    ]
}
