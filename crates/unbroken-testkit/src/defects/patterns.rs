//! Patterns that dialects read differently.

use unbroken_model::pattern::PatternDialect;

use super::Defect;
use super::rules::FORBIDDEN;

pub(super) fn all() -> Vec<Defect> {
    [patterns(), dialect()].concat()
}

fn patterns() -> Vec<Defect> {
    let forbidden = |name, title, reference, pattern: &'static str, path: &'static str| {
        Defect::of(name, title, reference, move |chain| {
            let place = format!("products/{path}");
            chain.link("build").set_json(&place, "{}");
            chain.link("build").set(&format!("{place}/sha256"), "ab".repeat(32));
            let rules = format!("DISALLOW {pattern}\nALLOW *");
            chain.layout.set_rules("steps/1/expected_products", &rules);
        })
        .rejected(&FORBIDDEN)
    };
    let dialects = "pattern dialects differ; a rule that one cannot read must not pass in silence";
    vec![
        forbidden(
            "pattern-bracket-unclosed",
            "DISALLOW has a bracket that nothing closes",
            dialects,
            "[x",
            "[x",
        ),
        forbidden("pattern-negated-set", "DISALLOW has a negated set", dialects, "[!i]*", "evil"),
        forbidden(
            "pattern-caret-is-literal",
            "DISALLOW has a set that begins with a caret",
            dialects,
            "[^x]vil",
            "^vil",
        ),
        forbidden(
            "pattern-backslash-is-literal",
            "DISALLOW has a backslash before a star",
            dialects,
            "\\*",
            "\\evil",
        ),
        forbidden(
            "pattern-two-stars",
            "DISALLOW has two stars within a word",
            dialects,
            "e**l",
            "evil",
        ),
        forbidden(
            "pattern-star-crosses-slash",
            "DISALLOW names a file below folders with one star",
            dialects,
            "deep*evil",
            "deep~1.hidden~1evil",
        ),
        forbidden(
            "pattern-set-with-bracket",
            "DISALLOW has a set that begins with a closing bracket",
            dialects,
            "[]e]vil",
            "evil",
        ),
        forbidden(
            "pattern-set-ends-with-dash",
            "DISALLOW has a set that ends with a dash",
            dialects,
            "[x-]evil",
            "-evil",
        ),
        forbidden(
            "pattern-class-is-literal",
            "DISALLOW has the class of letters of POSIX",
            dialects,
            "[[:alpha:]]",
            "a]",
        ),
        forbidden(
            "pattern-one-character-of-many-bytes",
            "DISALLOW has a question mark for a character of several bytes",
            dialects,
            "?vil",
            "\u{1f980}vil",
        ),
        Defect::of(
            "pattern-range-backwards",
            "ALLOW has a range that ends before it begins",
            "it is no error and matches nothing: an implementation that swaps its ends lets more pass",
            |chain| {
                let rules = "ALLOW [z-a]mage*\nDISALLOW *";
                chain.layout.set_rules("steps/1/expected_products", rules);
            },
        )
        .rejected(&FORBIDDEN),
        Defect::of(
            "pattern-minds-case",
            "DISALLOW names a file in small letters, and it is there in capitals",
            "control: patterns mind case on every system; end lists with DISALLOW *",
            |chain| {
                let digests = chain.link("build").get("products/image.tar").clone();
                chain.link("build").set("products/E.SH", digests);
                chain.layout.set_rules("steps/1/expected_products", "DISALLOW *.sh\nALLOW *");
            },
        ),
        Defect::of(
            "pattern-composed-otherwise",
            "ALLOW names café with a letter, and the file has an accent behind one",
            "two texts: a rule does not reach over",
            |chain| {
                let digests = chain.link("build").get("products/image.tar").clone();
                chain.link("build").set("products/cafe\u{301}", digests);
                let rules = "ALLOW image*\nALLOW caf\u{e9}\nDISALLOW *";
                chain.layout.set_rules("steps/1/expected_products", rules);
            },
        )
        .rejected(&FORBIDDEN),
    ]
}

/// Patterns that the verifier asks to be read as in-toto-golang reads them.
fn dialect() -> Vec<Defect> {
    let with = |name, title, rules: &'static str| {
        let reference = "in-toto-golang: what is no pattern names nothing, and forbids nothing";
        Defect::of(name, title, reference, move |chain| {
            chain.options.patterns = PatternDialect::Go;
            chain.layout.set_rules("steps/1/expected_products", rules);
        })
    };
    vec![
        with(
            "go-dialect-escape",
            "patterns escape a letter, negate a set, and are cleaned",
            "CREATE ./\\i[!x]age*\nDISALLOW *",
        ),
        with(
            "go-dialect-forbids",
            "DISALLOW escapes what is a letter in python's dialect too",
            "DISALLOW \\image.tar\nALLOW *",
        )
        .rejected(&FORBIDDEN),
        with(
            "go-dialect-bracket-unclosed",
            "DISALLOW has a bracket that nothing closes",
            "DISALLOW [i*\nALLOW *",
        )
        .rejected(&["rule-malformed"]),
        with(
            "go-dialect-escape-of-nothing",
            "ALLOW ends with a backslash",
            "ALLOW image.tar\\\nALLOW *",
        )
        .rejected(&["rule-malformed"]),
        with(
            "go-dialect-parent",
            "DISALLOW goes up a folder that its cleaning takes away",
            "DISALLOW any/../image.tar\nALLOW *",
        )
        .rejected(&["rule-malformed"]),
    ]
}
