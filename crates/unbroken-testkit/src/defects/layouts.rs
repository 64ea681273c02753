//! What can be wrong with a layout as a whole.

use super::Defect;
use crate::chain::Chain;
use crate::keys;

pub(super) fn all() -> Vec<Defect> {
    [time(), thresholds(), names(), rule_forms(), parameters(), rest()].concat()
}

fn time() -> Vec<Defect> {
    let expires = |name, title, reference, text: &str| {
        Defect::of(name, title, reference, |chain| chain.layout.set("expires", text.to_owned()))
    };
    vec![
        Defect::of("pipeline", "nothing is wrong", "control", |_| {}),
        expires(
            "expired-by-one-second",
            "the layout ended one second ago",
            "specification 1.0, 4.3",
            "2026-06-01T11:59:59Z",
        )
        .rejected(&["layout-expired"]),
        expires(
            "expires-exactly-now",
            "the layout ends in this very second",
            "implementations differ: some let the second of the end pass",
            "2026-06-01T12:00:00Z",
        )
        .rejected(&["layout-expired"]),
        expires(
            "expires-in-one-second",
            "the layout ends in one second",
            "control",
            "2026-06-01T12:00:01Z",
        ),
        expires(
            "expires-with-offset",
            "the end is given with an offset instead of Z",
            "specification 1.0, 4.2.2",
            "2030-01-01T00:00:00+00:00",
        )
        .rejected(&["layout-malformed"]),
        expires(
            "expires-on-no-day",
            "the end is on the 30th of February",
            "a form check alone lets it pass",
            "2030-02-30T00:00:00Z",
        )
        .rejected(&["layout-malformed"]),
        Defect::of("expires-missing", "the layout has no end", "specification 1.0, 4.3", |chain| {
            chain.layout.remove("expires");
        })
        .rejected(&["layout-malformed"]),
    ]
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
            "threshold-above-keys",
            "a step asks for two functionaries and names one key",
            "it can never be met",
            "2",
        )
        .rejected(&["threshold-above-keys", "link-threshold-not-met"]),
    ]
}

fn names() -> Vec<Defect> {
    let renamed = |name, title, reference, place: &'static str, new: &str| {
        Defect::of(name, title, reference, |chain| {
            chain.layout.set(&format!("{place}/name"), new.to_owned());
        })
    };
    let inspection_named = |chain: &mut Chain, name: &str| {
        chain.layout.set("inspect/0/name", name.to_owned());
        chain.layout.set_json("inspect/0/expected_products", "[]");
    };
    vec![
        renamed(
            "step-name-with-slash",
            "a step's name leads out of the folder of links",
            "the reference implementation reads and writes there",
            "steps/1",
            "../other/build",
        )
        .rejected(&["name-invalid"]),
        renamed(
            "step-name-with-glob",
            "a step's name is a pattern",
            "an implementation that looks for {step}.*.link takes it for one",
            "steps/1",
            "b*",
        )
        .rejected(&["name-invalid"]),
        renamed(
            "step-name-empty",
            "a step has an empty name",
            "the reference implementation accepts it",
            "steps/1",
            "",
        )
        .rejected(&["name-invalid"]),
        renamed(
            "inspection-name-leads-out",
            "an inspection's name leads out of the working directory",
            "the reference implementation writes a link file there",
            "inspect/0",
            "../../PWN",
        )
        .rejected(&["name-invalid"]),
        Defect::of(
            "inspection-named-as-step",
            "an inspection has the name of a step",
            "specification 1.0, 4.3.2",
            |chain| inspection_named(chain, "scan"),
        )
        .rejected(&["name-duplicate"]),
        Defect::of(
            "names-differ-in-case",
            "an inspection and a step have names that differ in case only",
            "some file systems take them for one",
            |chain| inspection_named(chain, "Scan"),
        )
        .rejected(&["name-duplicate"]),
    ]
}

fn rule_forms() -> Vec<Defect> {
    let rule = |name, title, reference, json: &str| {
        Defect::of(name, title, reference, |chain| {
            chain.layout.set_json("steps/1/expected_materials/0", json);
        })
    };
    let malformed = ["rule-malformed"];
    vec![
        rule(
            "rule-keyword-unknown",
            "a rule begins with a word that is none of the seven",
            "specification 1.0, 4.3.3",
            r#"["PERMIT", "src/*"]"#,
        )
        .rejected(&malformed),
        rule(
            "rule-match-with-product",
            "MATCH says PRODUCT in place of PRODUCTS",
            "an example of the specification writes it; no implementation reads it",
            r#"["MATCH", "src/*", "WITH", "PRODUCT", "FROM", "checkout"]"#,
        )
        .rejected(&malformed),
        rule("rule-empty", "a rule has no word", "one implementation panics", "[]")
            .rejected(&malformed),
        rule(
            "rule-pattern-empty",
            "a rule has an empty pattern",
            "it matches nothing",
            r#"["ALLOW", ""]"#,
        )
        .rejected(&malformed),
        rule(
            "match-source-step-missing",
            "MATCH names a step that does not exist",
            "a slip of the pen that the reference implementation does not notice",
            r#"["MATCH", "src/*", "WITH", "PRODUCTS", "FROM", "chekout"]"#,
        )
        .rejected(&["match-source-missing"]),
        rule(
            "match-source-is-inspection",
            "MATCH of a step names an inspection, which runs after all steps",
            "the rule never consumes anything",
            r#"["MATCH", "src/*", "WITH", "PRODUCTS", "FROM", "no-critical"]"#,
        )
        .rejected(&["match-source-missing"]),
    ]
}

fn parameters() -> Vec<Defect> {
    let with = |chain: &mut Chain, pattern: &str, name: &str, value: &str| {
        let rule = format!("MATCH {pattern} WITH PRODUCTS FROM checkout\nDISALLOW *");
        chain.layout.set_rules("steps/1/expected_materials", &rule);
        chain.options.parameters.insert(name.to_owned(), value.to_owned());
    };
    let reference = "the reference implementation formats with the language's own means";
    vec![
        Defect::of(
            "parameter-substituted",
            "a parameter of the layout is given",
            "control",
            |chain| with(chain, "{sources}/*", "sources", "src"),
        ),
        Defect::of(
            "parameter-without-value",
            "a parameter of the layout is not given, another one is",
            "a rule with a hole in it means nothing",
            |chain| with(chain, "{sources}/*", "source", "src"),
        )
        .rejected(&["parameter-invalid"]),
        Defect::of(
            "parameter-attribute-access",
            "a replacement asks for an attribute of the parameter",
            reference,
            |chain| with(chain, "{sources.__class__}/*", "sources", "src"),
        )
        .rejected(&["parameter-invalid"]),
        Defect::of(
            "parameter-with-width",
            "a replacement asks for five million characters",
            reference,
            |chain| with(chain, "{sources:>5000000}/*", "sources", "src"),
        )
        .rejected(&["parameter-invalid"]),
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
