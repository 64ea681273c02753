//! The forms of artifact rules.

use super::Defect;

pub(super) fn all() -> Vec<Defect> {
    let rule = |name, title, reference, json: &str| {
        Defect::of(name, title, reference, |chain| {
            chain.layout.set_json("steps/1/expected_materials/0", json);
        })
    };
    let malformed = ["rule-malformed"];
    let prefix = |name, title, prefix: &str| {
        let reference = "no artifact lies there: the rule consumes nothing in silence";
        let words = format!(
            r#"["MATCH", "*", "IN", "{prefix}", "WITH", "PRODUCTS", "IN", "{prefix}", "FROM", "checkout"]"#
        );
        rule(name, title, reference, &words).rejected(&malformed)
    };
    let rules = |name, title, reference, rules: &str| {
        let rules = rules.to_owned();
        Defect::of(name, title, reference, move |chain| {
            chain.layout.set_rules("steps/1/expected_materials", &rules);
        })
    };
    vec![
        prefix("match-prefix-absolute", "a prefix is the root of the file system", "/"),
        prefix("match-prefix-dot-dot", "a prefix leads upwards", ".."),
        prefix("match-prefix-dot-slash", "a prefix begins with ./", "./src"),
        prefix("match-prefix-empty-segment", "a prefix has two slashes in a row", "src//app"),
        rule(
            "match-prefix-empty",
            "the prefixes are empty texts",
            "control: that is no prefix",
            r#"["MATCH", "src/*", "IN", "", "WITH", "PRODUCTS", "IN", "", "FROM", "checkout"]"#,
        ),
        rules(
            "match-prefix-ends-with-slash",
            "the prefixes end with a slash",
            "control: a folder may be written so",
            "MATCH * IN src/ WITH PRODUCTS IN src/ FROM checkout\nDISALLOW *",
        ),
        rules(
            "match-of-itself",
            "MATCH compares the materials of a step with themselves",
            "control: the specification allows it, and it is no more than ALLOW",
            "MATCH * WITH MATERIALS FROM build\nDISALLOW *",
        ),
        rules(
            "match-of-later-step",
            "MATCH compares with the products of a later step",
            "control: the specification does not ask for an order; nothing is consumed here",
            "MATCH * WITH PRODUCTS FROM scan\nDISALLOW *",
        )
        .rejected(&["rule-disallow"]),
        rules(
            "rules-none",
            "a step has no rule for its materials",
            "specification 1.0, 4.3.3.1: an implicit ALLOW",
            "",
        ),
        rule(
            "rule-word-is-number",
            "the pattern of a rule is a number",
            "specification 1.0, 4.3.3",
            r#"["ALLOW", 1]"#,
        )
        .rejected(&["layout-malformed"]),
        rule(
            "rule-with-too-many-words",
            "a rule goes on behind its pattern",
            "readers that stop at the second word read another rule",
            r#"["ALLOW", "src/*", "DISALLOW", "*"]"#,
        )
        .rejected(&malformed),
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
