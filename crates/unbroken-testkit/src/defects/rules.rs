//! What artifact rules must find, and what they must let pass.

use super::Defect;

pub(super) fn all() -> Vec<Defect> {
    [changes(), matching(), requiring(), creating()].concat()
}

pub(super) const FORBIDDEN: [&str; 1] = ["rule-disallow"];

fn changes() -> Vec<Defect> {
    vec![
        Defect::of(
            "artifact-changed-between-steps",
            "a source file changed between checkout and build",
            "what in-toto is for",
            |chain| chain.link("build").set("materials/src~1main.c/sha256", "ab".repeat(32)),
        )
        .rejected(&FORBIDDEN),
        Defect::of(
            "artifact-added-between-steps",
            "the build used a source file that checkout did not bring",
            "what in-toto is for",
            |chain| {
                let place = "materials/src~1evil.c";
                chain.link("build").set_json(place, "{}");
                chain.link("build").set(&format!("{place}/sha256"), "ab".repeat(32));
            },
        )
        .rejected(&FORBIDDEN),
        Defect::of(
            "artifact-not-recorded-by-maker",
            "the build says that it made nothing, and the scanner found an image",
            "a link that leaves a file out must not make it pass unseen",
            |chain| {
                chain.link("build").set_json("products", "{}");
                chain.layout.set_json("inspect", "[]");
            },
        )
        .rejected(&FORBIDDEN),
        Defect::of(
            "rules-end-open",
            "a list of rules ends without DISALLOW, and an artifact is left",
            "specification 1.0, 4.3.3.1: an implicit ALLOW",
            |chain| {
                chain.layout.set_rules("steps/1/expected_products", "CREATE image.tar");
            },
        ),
        Defect::of(
            "disallow-before-allow",
            "DISALLOW stands before the rule that would have consumed the artifact",
            "specification 1.0, 4.3.3.1: rules apply in order",
            |chain| {
                chain.layout.set_rules("steps/1/expected_products", "DISALLOW image.tar\nALLOW *");
            },
        )
        .rejected(&FORBIDDEN),
    ]
}

fn matching() -> Vec<Defect> {
    let build_rules = |name, title, reference, rules: &'static str| {
        Defect::of(name, title, reference, move |chain| {
            chain.layout.set_rules("steps/1/expected_materials", rules);
        })
    };
    vec![
        build_rules(
            "match-pattern-not-applied",
            "an artifact equals that of the other step, and the pattern does not name it",
            "one implementation ignores the pattern of MATCH",
            "MATCH *.c WITH PRODUCTS FROM checkout\nDISALLOW *",
        )
        .rejected(&FORBIDDEN),
        build_rules(
            "match-outside-prefix",
            "the artifacts lie outside of the source prefix",
            "one implementation matches them all the same",
            "MATCH src/* IN app WITH PRODUCTS FROM checkout\nDISALLOW *",
        )
        .rejected(&FORBIDDEN),
        build_rules(
            "match-prefix-no-folder",
            "the source prefix is the beginning of a folder's name",
            "specification 1.0, 4.3.3: a prefix is a folder",
            "MATCH * IN sr WITH PRODUCTS IN sr FROM checkout\nDISALLOW *",
        )
        .rejected(&FORBIDDEN),
        build_rules(
            "match-prefix-is-literal",
            "the source prefix holds a pattern",
            "prefixes are literal text",
            "MATCH * IN s* WITH PRODUCTS IN src FROM checkout\nDISALLOW *",
        )
        .rejected(&FORBIDDEN),
        build_rules(
            "match-keywords-lower-case",
            "the keywords of a rule are in lower case",
            "control: keywords are read in either case",
            "match * in src with products in src from checkout\ndisallow *",
        ),
        build_rules(
            "match-materials-for-products",
            "MATCH compares with the materials of the other step, which has none",
            "specification 1.0, 4.3.3",
            "MATCH src/* WITH MATERIALS FROM checkout\nDISALLOW *",
        )
        .rejected(&FORBIDDEN),
        Defect::of(
            "match-first-of-two",
            "two MATCH rules are about one artifact, and only the second one's step has another content",
            "control: what the first consumes the second does not see",
            |chain| {
                let rules = "MATCH image.tar WITH PRODUCTS FROM build\n\
                             MATCH image.tar WITH PRODUCTS FROM checkout\nDISALLOW *";
                chain.layout.set_rules("steps/2/expected_materials", rules);
                chain.link("checkout").set_json("products/image.tar", "{}");
                chain.link("checkout").set("products/image.tar/sha256", "ab".repeat(32));
                chain.layout.set_rules("steps/0/expected_products", "CREATE *\nDISALLOW *");
            },
        ),
        Defect::of(
            "match-in-prefix-both-sides",
            "the build has the sources below another folder than checkout",
            "control: both prefixes are applied",
            |chain| {
                let rules = "MATCH * IN app WITH PRODUCTS IN src FROM checkout\nDISALLOW *";
                chain.layout.set_rules("steps/1/expected_materials", rules);
                for file in ["main.c", "Containerfile"] {
                    let digests = chain.link("build").get(&format!("materials/src~1{file}"));
                    let digests = digests.clone();
                    chain.link("build").remove(&format!("materials/src~1{file}"));
                    chain.link("build").set(&format!("materials/app~1{file}"), digests);
                }
            },
        ),
    ]
}

fn requiring() -> Vec<Defect> {
    let products = |name, title, reference, rules: &'static str| {
        Defect::of(name, title, reference, move |chain| {
            chain.layout.set_rules("steps/1/expected_products", rules);
        })
    };
    vec![
        products(
            "require-missing",
            "a required product is not there",
            "specification 1.0, 4.3.3",
            "REQUIRE sbom.json\nALLOW *",
        )
        .rejected(&["rule-require"]),
        products(
            "require-after-allow",
            "a required product was consumed by an earlier rule",
            "the queue is what REQUIRE looks at",
            "ALLOW *\nREQUIRE image.tar",
        )
        .rejected(&["rule-require"]),
        products(
            "require-pattern-is-literal",
            "REQUIRE names a pattern",
            "REQUIRE takes its argument literally",
            "REQUIRE image*\nALLOW *",
        )
        .rejected(&["rule-require"]),
        products(
            "require-consumes-nothing",
            "a required product is there, and no rule allows it",
            "REQUIRE does not consume",
            "REQUIRE image.tar\nDISALLOW *",
        )
        .rejected(&FORBIDDEN),
        products(
            "require-present",
            "a required product is there",
            "control",
            "REQUIRE image.tar\nALLOW *",
        ),
    ]
}

fn creating() -> Vec<Defect> {
    vec![
        Defect::of(
            "create-of-material",
            "a product that CREATE names was there before the step",
            "specification 1.0, 4.3.3",
            |chain| {
                let image = chain.link("build").get("products/image.tar").clone();
                chain.link("build").set("materials/image.tar", image);
                chain.layout.set_rules("steps/1/expected_materials", "ALLOW *");
            },
        )
        .rejected(&FORBIDDEN),
        Defect::of(
            "modify-of-unchanged",
            "a product that MODIFY names is as it was",
            "specification 1.0, 4.3.3",
            |chain| {
                let main = chain.link("build").get("materials/src~1main.c").clone();
                chain.link("build").set("products/src~1main.c", main);
                let rules = "CREATE image*\nMODIFY src/main.c\nDISALLOW *";
                chain.layout.set_rules("steps/1/expected_products", rules);
            },
        )
        .rejected(&FORBIDDEN),
        Defect::of(
            "modify-of-recorded-otherwise",
            "a product that MODIFY names is as it was, and recorded by one algorithm more",
            "the reference implementation compares the records and takes that for a change",
            |chain| {
                let main = chain.link("build").get("materials/src~1main.c").clone();
                chain.link("build").set("products/src~1main.c", main);
                chain.link("build").set("products/src~1main.c/sha512", "ab".repeat(64));
                let rules = "CREATE image*\nMODIFY src/main.c\nDISALLOW *";
                chain.layout.set_rules("steps/1/expected_products", rules);
            },
        )
        .rejected(&FORBIDDEN),
        Defect::of(
            "modify-of-changed",
            "a product that MODIFY names was changed by the step",
            "control",
            |chain| {
                let place = "products/src~1main.c";
                chain.link("build").set_json(place, "{}");
                chain.link("build").set(&format!("{place}/sha256"), "ab".repeat(32));
                let rules = "CREATE image*\nMODIFY src/main.c\nDISALLOW *";
                chain.layout.set_rules("steps/1/expected_products", rules);
            },
        ),
        Defect::of(
            "delete-of-kept",
            "a material that DELETE names is still there after the step",
            "specification 1.0, 4.3.3",
            |chain| {
                let main = chain.link("build").get("materials/src~1main.c").clone();
                chain.link("build").set("products/src~1main.c", main);
                let rules = "DELETE src/*\nDISALLOW *";
                chain.layout.set_rules("steps/1/expected_materials", rules);
                chain.layout.set_rules("steps/1/expected_products", "ALLOW *");
            },
        )
        .rejected(&FORBIDDEN),
        Defect::of(
            "delete-of-deleted",
            "a material that DELETE names is gone after the step",
            "control",
            |chain| {
                chain.layout.set_rules("steps/1/expected_materials", "DELETE src/*\nDISALLOW *");
            },
        ),
    ]
}
