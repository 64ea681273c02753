//! Signed links that stand in for running inspections.

mod elsewhere;

use unbroken_model::link::Link;
use unbroken_verify::{InspectionCommands, Inspectors};

use super::Defect;
use crate::chain::Chain;
use crate::draft::{Draft, artifacts, link};
use crate::keys;

const NAME: &str = "no-critical";
const COMMAND: &str = r#"["grep", "-q", "\"critical\": 0", "report.json"]"#;
const PRODUCT: [(&str, &str); 2] =
    [("image.tar", "the layers of an image"), ("report.json", "{\"critical\": 0}\n")];
const SPECIFICATION: &str = "specification 1.0, 4.5.3";
const WHO: &str = "whoever could sign it for a step would check himself";
const REPLAY: &str = "one good product would open the door for every later one";

pub(super) fn all() -> Vec<Defect> {
    [signers(), contents(), products(), rows(), elsewhere::all()].concat()
}

/// Makes the link of the inspection of the pipeline, or another one with its product.
fn of(name: &str, command: &str) -> Draft {
    let mut draft = Draft::of(&link(name, &PRODUCT, &PRODUCT));
    draft.set_json("command", command);
    draft
}

/// Has the seeded key of this name sign the link of the inspection, and lets nothing be run.
fn signed_by(chain: &mut Chain, by: &str) {
    put(chain, by, |_| {});
    never(chain);
}

fn put(chain: &mut Chain, by: &str, change: impl FnOnce(&mut Draft)) {
    let mut draft = of(NAME, COMMAND);
    change(&mut draft);
    chain.put(keys::stem(NAME, by), draft.signed_by(by));
}

fn never(chain: &mut Chain) {
    chain.options.inspections = InspectionCommands::Never;
    chain.forget_outcome(NAME);
}

/// Makes a vector whose link of the owner is changed, and nothing is run.
fn changed(
    name: &'static str,
    title: &str,
    reference: &str,
    change: impl FnOnce(&mut Draft),
) -> Defect {
    Defect::of(name, title, reference, |chain| {
        put(chain, "owner", change);
        never(chain);
    })
}

const NOT_BY: [&str; 2] = ["inspection-not-run", "inspector-not-authorised"];
const NOT_SO: [&str; 2] = ["inspection-link-refused", "inspection-not-run"];

fn signers() -> Vec<Defect> {
    let of_inspector = |chain: &mut Chain, inspector: &str| {
        let keys = [keys::key(inspector).public().clone()].into_iter().collect();
        chain.options.inspectors = Inspectors::AnyOf(keys);
    };
    vec![
        Defect::of(
            "inspection-link",
            "a link that the owner signed stands in for running the inspection",
            "control: specification 1.0, 4.5.3",
            |chain| signed_by(chain, "owner"),
        ),
        Defect::of(
            "inspection-link-by-inspector",
            "a link of a key that the verifier trusts for it stands in",
            "control: specification 1.0, 4.5.3",
            |chain| {
                signed_by(chain, "inspector");
                of_inspector(chain, "inspector");
            },
        ),
        Defect::of(
            "inspection-link-by-functionary",
            "the link is signed by a functionary of the layout",
            WHO,
            |chain| signed_by(chain, "scanner"),
        )
        .rejected(&NOT_BY),
        Defect::of(
            "inspection-link-by-stranger",
            "the link is signed by a key that nobody knows",
            WHO,
            |chain| signed_by(chain, "stranger"),
        )
        .rejected(&NOT_BY),
        Defect::of(
            "inspection-link-by-stranger-run",
            "the link is signed by a key that nobody knows, and the inspection is run",
            "one bad file would block everybody",
            |chain| put(chain, "stranger", |_| {}),
        )
        .warned(&["inspector-not-authorised"]),
        Defect::of(
            "inspection-link-by-owner-beside-inspector",
            "the link is signed by the owner, where the verifier names another key for it",
            WHO,
            |chain| {
                signed_by(chain, "owner");
                of_inspector(chain, "inspector");
            },
        )
        .rejected(&NOT_BY),
        Defect::of(
            "inspection-link-by-one-of-two-owners",
            "two owners signed the layout, and one of them the link",
            "what one owner may not decide alone, he could by a link",
            |chain| {
                chain.layout = chain.layout.clone().signed_by("second-owner");
                chain.owners.push(keys::key("second-owner").public().clone());
                signed_by(chain, "owner");
            },
        )
        .rejected(&NOT_BY),
        Defect::of(
            "inspection-link-unsigned",
            "nobody signed the link",
            "the drop-ins leave such links in the working directory",
            |chain| {
                chain.put(keys::stem(NAME, "owner"), of(NAME, COMMAND));
                never(chain);
            },
        )
        .rejected(&NOT_BY),
    ]
}

fn contents() -> Vec<Defect> {
    vec![
        changed(
            "inspection-link-of-other-command",
            "the link is of another command",
            "a check that finds nothing would stand in for one that would",
            |link| link.set_json("command", r#"["true"]"#),
        )
        .rejected(&NOT_SO),
        changed(
            "inspection-link-without-ending",
            "the link does not say how the command ended",
            "no answer is not success",
            |link| link.set_json("byproducts", "{}"),
        )
        .rejected(&NOT_SO),
        Defect::of(
            "inspection-link-of-failure",
            "the link says that the command failed, and running it would succeed",
            "who may inspect has the last word",
            |chain| put(chain, "owner", |link| link.set("byproducts/return-value", 1_i64)),
        )
        .rejected(&["inspection-failed"]),
        Defect::of(
            "inspection-link-of-failure-beside-success",
            "one inspector's link says that the command failed, another one's that it succeeded",
            "who may inspect has the last word",
            |chain| {
                let keys = ["owner", "inspector"].map(|name| keys::key(name).public().clone());
                chain.options.inspectors = Inspectors::AnyOf(keys.into_iter().collect());
                put(chain, "owner", |_| {});
                put(chain, "inspector", |link| link.set("byproducts/return-value", 1_i64));
                never(chain);
            },
        )
        .rejected(&["inspection-failed"]),
        changed(
            "inspection-link-breaks-rule",
            "the link tells of a file that no rule allows",
            SPECIFICATION,
            |link| {
                let more = [PRODUCT[0], PRODUCT[1], ("core", "memory")];
                let Link { products, .. } = self::link(NAME, &[], &more);
                link.set("products", products_of(products));
            },
        )
        .rejected(&["rule-disallow"]),
        changed(
            "inspection-link-with-weak-digests",
            "the link has a material with no digest but MD5",
            "VU#836068: MD5",
            |link| {
                let weak = format!(r#"{{"md5": "{}"}}"#, "ab".repeat(16));
                link.set_json("materials/image.tar", &weak);
            },
        )
        .rejected(&["digest-not-strong", "inspection-not-run"]),
        Defect::of(
            "inspection-link-is-layout",
            "a layout stands in the place of the link",
            "a document of one type taken for another",
            |chain| {
                chain.put(keys::stem(NAME, "owner"), chain.layout.clone());
                never(chain);
            },
        )
        .rejected(&["inspection-not-run", "payload-type-mismatch"]),
        Defect::of(
            "inspection-link-garbage",
            "the file in the place of the link is no envelope",
            SPECIFICATION,
            |chain| {
                chain.put(keys::stem(NAME, "owner"), Draft::raw("{}"));
                never(chain);
            },
        )
        .rejected(&["inspection-not-run", "link-malformed"]),
    ]
}

fn products_of(
    products: unbroken_model::artifact::ArtifactSet,
) -> unbroken_model::json::Value<'static> {
    let mut carrier = link(NAME, &[], &[]);
    carrier.products = products;
    Draft::of(&carrier).get("products").clone()
}

fn products() -> Vec<Defect> {
    let other = |link: &mut Draft| {
        let other = crate::draft::digest("an earlier image");
        let mut carrier = self::link(NAME, &[], &[]);
        carrier.products = unbroken_model::artifact::ArtifactSet::from_entries(vec![
            ("image.tar".parse().expect("a path"), other),
            ("report.json".parse().expect("a path"), crate::draft::digest(PRODUCT[1].1)),
        ])
        .expect("each path once");
        let artifacts = products_of(carrier.products);
        link.set("materials", artifacts.clone());
        link.set("products", artifacts);
    };
    vec![
        changed(
            "inspection-link-of-other-product",
            "the link is of another product",
            REPLAY,
            other,
        )
        .rejected(&NOT_SO),
        Defect::of(
            "inspection-link-of-other-product-run",
            "the link is of another product, and the inspection is run",
            "one bad file would block everybody",
            |chain| put(chain, "owner", other),
        )
        .warned(&["inspection-link-refused"]),
        changed(
            "inspection-link-of-fewer-files",
            "the product has a file that the inspector did not see",
            REPLAY,
            |link| {
                link.remove("materials/image.tar");
                link.remove("products/image.tar");
            },
        )
        .rejected(&NOT_SO),
        Defect::of(
            "inspection-link-without-product",
            "no product is at hand, and a MATCH rule ties the link to the steps",
            "control: whoever admits images has none",
            |chain| signed_by(chain, "owner"),
        )
        .in_process(),
        Defect::of(
            "inspection-link-of-other-product-without-product",
            "no product is at hand, and the link is of another one",
            REPLAY,
            |chain| {
                put(chain, "owner", other);
                never(chain);
            },
        )
        .in_process()
        .rejected(&["rule-disallow"]),
        Defect::of(
            "inspection-link-tied-to-nothing",
            "no product is at hand, and no MATCH rule says of which one the link is",
            REPLAY,
            |chain| {
                chain.layout.set_rules("inspect/0/expected_materials", "ALLOW *");
                signed_by(chain, "owner");
            },
        )
        .in_process()
        .rejected(&NOT_SO),
    ]
}

/// Adds a second inspection.
fn second(chain: &mut Chain) {
    let run = r#"["grep", "-q", "critical", "report.json"]"#;
    let mut draft = Draft::of(&link("second", &PRODUCT, &PRODUCT));
    draft.set_json("command", run);
    chain.layout.set_json(
        "inspect/1",
        &format!(
            r#"{{"_type": "inspection", "name": "second", "run": {run},
                "expected_materials": [], "expected_products": []}}"#
        ),
    );
    chain.set_outcome("second", artifacts(&PRODUCT), artifacts(&PRODUCT));
    chain.put(keys::stem("second", "owner"), draft.signed_by("owner"));
}

/// Says that the first inspection's command left a file.
fn leaves_file(chain: &mut Chain) {
    let after = [PRODUCT[0], PRODUCT[1], ("verdict.txt", "good")];
    let rules = "CREATE verdict.txt\nMATCH * WITH MATERIALS FROM no-critical\nDISALLOW *";
    chain.layout.set_rules("inspect/0/expected_products", rules);
    let Link { products, .. } = link(NAME, &[], &after);
    put(chain, "owner", |link| link.set("products", products_of(products)));
}

fn rows() -> Vec<Defect> {
    vec![
        Defect::of(
            "inspection-links-in-a-row",
            "the second inspection saw what the first one left",
            "control: inspections of one verification see what earlier ones left",
            |chain| {
                second(chain);
                leaves_file(chain);
                let after = [PRODUCT[0], PRODUCT[1], ("verdict.txt", "good")];
                let mut seen = Draft::of(&link("second", &after, &after));
                seen.set_json("command", r#"["grep", "-q", "critical", "report.json"]"#);
                chain.put(keys::stem("second", "owner"), seen.signed_by("owner"));
                never(chain);
                chain.forget_outcome("second");
            },
        ),
        Defect::of(
            "inspection-link-did-not-see-what-was-left",
            "the second inspection did not see what the first one left",
            REPLAY,
            |chain| {
                second(chain);
                leaves_file(chain);
                never(chain);
                chain.forget_outcome("second");
            },
        )
        .rejected(&NOT_SO),
        Defect::of(
            "inspection-link-after-one-that-is-run",
            "the first inspection has no link, and is run: so is the second",
            "what the first one leaves is not known before",
            second,
        )
        .warned(&["inspection-link-refused"]),
        Defect::of(
            "inspection-link-left-file-before-one-that-is-run",
            "the second inspection has no link, and would see what the first one's link says it left",
            "what a link tells of is not there to be seen",
            |chain| {
                second(chain);
                chain.take(&keys::stem("second", "owner"));
                leaves_file(chain);
            },
        )
        .warned(&["inspection-link-refused"]),
    ]
}
