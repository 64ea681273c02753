//! Parameters of layouts and the values that are given for them.

use super::Defect;
use crate::chain::Chain;

pub(super) fn all() -> Vec<Defect> {
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
        Defect::of(
            "parameter-index",
            "a replacement asks for the first character of the parameter",
            reference,
            |chain| with(chain, "{sources[0]}*", "sources", "src"),
        )
        .rejected(&["parameter-invalid"]),
        Defect::of(
            "parameter-conversion",
            "a replacement asks for another spelling of the parameter",
            reference,
            |chain| with(chain, "{sources!r}/*", "sources", "src"),
        )
        .rejected(&["parameter-invalid"]),
        Defect::of(
            "parameter-without-name",
            "a replacement names no parameter",
            reference,
            |chain| with(chain, "{}/*", "sources", "src"),
        )
        .rejected(&["parameter-invalid"]),
        Defect::of(
            "parameter-unused",
            "a parameter is given that the layout does not have",
            "a slip of the pen leaves a rule other than it is meant",
            |chain| with(chain, "src/*", "sources", "src"),
        )
        .rejected(&["parameter-invalid"]),
        Defect::of(
            "parameter-is-no-pattern",
            "the value of a parameter is a star, and stands in a pattern",
            "whoever chooses a value widens the rules",
            |chain| with(chain, "{sources}", "sources", "*"),
        )
        .rejected(&["rule-disallow"]),
        Defect::of(
            "parameter-in-shell-command",
            "the value of a parameter ends a command of a shell and begins another one",
            "whoever chooses a value runs commands",
            |chain| {
                shell(chain);
                chain.options.parameters.insert("word".to_owned(), "0; touch INJ".to_owned());
            },
        )
        .rejected(&["parameter-invalid"]),
        Defect::of(
            "parameter-plain-in-command",
            "the value of a parameter stands in a longer word of a command, and is plain text",
            "control",
            |chain| {
                shell(chain);
                chain.options.parameters.insert("word".to_owned(), "critical".to_owned());
            },
        ),
        Defect::of(
            "parameter-as-whole-word",
            "the value of a parameter with quotation marks and a blank is a word of a command of its own",
            "control: no shell reads it",
            |chain| {
                chain.layout.set("inspect/0/run/2", "{words}");
                let value = "\"critical\": 0".to_owned();
                chain.options.parameters.insert("words".to_owned(), value);
            },
        ),
    ]
}

/// Makes the inspection a script with a parameter in it.
fn shell(chain: &mut Chain) {
    chain.layout.set_json("inspect/0/run", r#"["sh", "-c", "grep -q {word} report.json"]"#);
}
