//! The mutations, one by one.

use super::{Mutation, Sound};
use crate::draft::Draft;
use crate::keys;

/// All mutations.
pub const ALL: &[Mutation] = &[
    of("layout-expired", "L01", "layout-expired", |sound, _| {
        sound.chain.layout.set("expires", "2026-06-01T12:00:00Z");
    }),
    of("layout-unsigned", "L05", "signature-threshold-not-met", |sound, _| {
        sound.chain.layout.unsign();
    }),
    of("layout-signed-by-stranger", "L06", "signature-threshold-not-met", |sound, _| {
        sound.chain.layout.unsign();
        sound.chain.layout = sound.chain.layout.clone().signed_by("stranger");
    }),
    of("layout-one-of-two-owners", "L08", "signature-threshold-not-met", |sound, _| {
        sound.chain.owners.push(keys::key("second-owner").public().clone());
    }),
    of("duplicate-signatures", "L14", "envelope-malformed", |sound, _| {
        sound.chain.layout.tamper("\"signatures\"", "\"signatures\": [], \"signatures\"");
    }),
    of("payload-beside-signed", "L20", "envelope-malformed", |sound, _| {
        sound.chain.layout.tamper("{", "{\"signed\": {}, \"payload\": \"e30=\", ");
    }),
    of("link-where-layout-due", "L23", "payload-type-mismatch", |sound, _| {
        sound.chain.layout.set("_type", "link");
    }),
    of("trailing-data", "L33", "envelope-malformed", |sound, _| {
        let text = [sound.chain.layout.bytes(), b"{}".to_vec()].concat();
        sound.chain.layout = Draft::raw(text);
    }),
    of("threshold-zero", "L34", "threshold-below-one", |sound, step| {
        sound.chain.layout.set(&format!("steps/{step}/threshold"), 0_i64);
    }),
    of("threshold-above-keys", "L35", "threshold-above-keys", |sound, step| {
        sound.chain.layout.set(&format!("steps/{step}/threshold"), 4_i64);
    }),
    of("pubkeys-empty", "L36", "threshold-above-keys", |sound, step| {
        sound.chain.layout.set_json(&format!("steps/{step}/pubkeys"), "[]");
    }),
    of("keyid-dangling", "L38", "key-id-invalid", |sound, step| {
        sound.chain.layout.set(&format!("steps/{step}/pubkeys/9"), keys::id("stranger"));
    }),
    of("private-key-in-layout", "L51", "private-key-in-layout", |sound, _| {
        let place = format!("keys/{}/keyval/private", keys::id("builder"));
        sound.chain.layout.set(&place, "11".repeat(32));
    }),
    of("step-name-leads-out", "L53", "name-invalid", |sound, step| {
        sound.chain.layout.set(&format!("steps/{step}/name"), "../x");
    }),
    of("inspection-named-as-step", "L52", "name-duplicate", |sound, step| {
        let name = sound.crew(step).step.to_uppercase();
        sound.chain.layout.set("inspect/0/name", name);
    }),
    of("layout-without-steps", "L55", "layout-empty", |sound, _| {
        sound.chain.layout.set_json("steps", "[]");
    }),
    of("match-source-step-missing", "L56", "match-source-missing", |sound, step| {
        let rules = "MATCH * WITH PRODUCTS FROM nowhere\nALLOW *";
        sound.chain.layout.set_rules(&format!("steps/{step}/expected_materials"), rules);
    }),
    of("rule-malformed", "L58", "rule-malformed", |sound, step| {
        sound.chain.layout.set_rules(&format!("steps/{step}/expected_products"), "FORBID *");
    }),
    of("parameter-unused", "L70", "parameter-invalid", |sound, _| {
        sound.chain.options.parameters.insert("name".to_owned(), "value".to_owned());
    }),
    of("path-dot-slash", "R01", "path-not-normal", |sound, step| add_product(sound, step, "./x")),
    of("path-dotdot", "R03", "path-not-normal", |sound, step| add_product(sound, step, "a/../x")),
    of("path-absolute", "R04", "path-not-normal", |sound, step| add_product(sound, step, "/x")),
    of("path-with-line-feed", "R11", "path-not-normal", |sound, step| {
        add_product(sound, step, "x\n");
    }),
    of("product-disallowed", "R13", "rule-disallow", |sound, step| add_product(sound, step, "x")),
    of("require-missing", "R15", "rule-require", |sound, step| {
        let rules = "REQUIRE sbom.json\nALLOW *";
        sound.chain.layout.set_rules(&format!("steps/{step}/expected_products"), rules);
    }),
    of("links-disagree", "R20", "links-disagree", |sound, step| {
        // A link of one more functionary, who saw another file.
        sound.change_links(step, |_| {});
        let crew = sound.crew(step).clone();
        let stem = crew.stems().remove(0);
        let mut other = sound.chain.take(&stem);
        sound.chain.put(stem, other.clone());
        other.unsign();
        other.set_json("products", "{}");
        let at = crew.functionaries.len();
        sound.chain.layout.set(&format!("steps/{step}/pubkeys/{at}"), keys::id("second"));
        sound.chain.list_key("second");
        sound.chain.put(keys::stem(crew.step, "second"), other.signed_by("second"));
    }),
    of("link-of-other-step", "K01", "link-name-mismatch", |sound, step| {
        sound.change_links(step, |link| link.set("name", "another"));
    }),
    of("link-missing", "K03", "link-missing", |sound, step| {
        for stem in sound.crew(step).stems() {
            sound.chain.take(&stem);
        }
    }),
    of("link-unsigned", "K03", "link-signature-invalid", |sound, step| {
        sound.change_links(step, Draft::unsign);
    }),
    of("keyid-spoofed", "K04", "link-signature-invalid", |sound, step| {
        sound.change_links(step, |link| {
            link.unsign();
            *link = link.clone().signed_by("stranger");
        });
    }),
    of("functionary-of-other-step", "K05", "functionary-not-authorised", |sound, step| {
        sound.chain.list_key("second");
        sound.change_links(step, |link| {
            link.unsign();
            *link = link.clone().signed_by("second");
        });
    }),
    of("link-malformed", "K07", "link-malformed", |sound, step| {
        sound.change_links(step, |link| *link = Draft::raw("{"));
    }),
    of("digestset-empty", "K09", "digest-not-strong", |sound, step| {
        set_digests(sound, step, "{}");
    }),
    of("digest-md5-only", "K10", "digest-not-strong", |sound, step| {
        set_digests(sound, step, r#"{"md5": "d41d8cd98f00b204e9800998ecf8427e"}"#);
    }),
    of("digest-wrong-length", "K11", "digest-invalid", |sound, step| {
        set_digests(sound, step, r#"{"sha256": "ab"}"#);
    }),
    of("same-key-signs-all", "K19", "link-threshold-not-met", |sound, step| {
        // One more is due, and one functionary hands in a second link in his name.
        sound.change_links(step, |_| {});
        let crew = sound.crew(step).clone();
        let at = crew.functionaries.len();
        let all = i64::try_from(at).unwrap_or(0) + 1;
        sound.chain.list_key("second");
        sound.chain.layout.set(&format!("steps/{step}/pubkeys/{at}"), keys::id("second"));
        sound.chain.layout.set(&format!("steps/{step}/threshold"), all);
        let stem = crew.stems().remove(0);
        let link = sound.chain.take(&stem);
        sound.chain.put(stem, link.clone());
        sound.chain.put(keys::stem(crew.step, "second"), link);
    }),
    of("inspection-failed", "I01", "inspection-failed", |sound, _| {
        sound.chain.outcome("look").ending = unbroken_verify::Ending::Exited(1);
    }),
    of("inspection-not-run", "I01", "inspection-not-run", |sound, _| {
        sound.chain.forget_outcome("look");
    }),
    of("signatures-too-many", "D06", "budget-exceeded", |sound, step| {
        sound.change_links(step, |link| {
            for _ in 0..257 {
                *link = link.clone().signed_by("stranger");
            }
        });
    }),
    of("statement-where-link-due", "D13", "payload-type-mismatch", |sound, step| {
        sound.change_links(step, |link| link.set("_type", "https://in-toto.io/Statement/v1"));
    }),
];

const fn of(
    name: &'static str,
    line: &'static str,
    code: &'static str,
    apply: fn(&mut Sound, usize),
) -> Mutation {
    Mutation { name, line, code, apply }
}

/// Adds a product to every link of the step.
fn add_product(sound: &mut Sound, step: usize, path: &str) {
    let place = format!("products/{}", path.replace('/', "~1"));
    sound.change_links(step, |link| {
        link.set_json(&place, "{}");
        link.set(&format!("{place}/sha256"), "ab".repeat(32));
    });
}

/// Replaces the digests of the product in every link of the step.
fn set_digests(sound: &mut Sound, step: usize, digests: &str) {
    let place = format!("products/{}", sound.crew(step).product.replace('/', "~1"));
    sound.change_links(step, |link| link.set_json(&place, digests));
}
