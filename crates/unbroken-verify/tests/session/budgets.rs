//! Every counter of the budget: enough is enough, one less is a finding.

use unbroken_model::json::{Object, Value};
use unbroken_model::limits::{MOST_INSPECTIONS, MOST_KEYS, MOST_RULES, MOST_STEPS};
use unbroken_testkit::{Case, Chain, HandingIn, keys};
use unbroken_verify::Budget;

/// Judges the case with a budget that is lowered until it does not suffice: it must be verified
/// above, and rejected for the budget below.
fn lowest(case: &Case, what: &str, lower: impl Fn(&mut Budget, u64)) -> u64 {
    let suffices = |amount| {
        let mut case = case.clone();
        lower(&mut case.budget, amount);
        let one_by_one = case.judge();
        let order: Vec<_> = case.evidence.keys().collect();
        let at_once = case.verify_handing_in(&order, HandingIn::AtOnce);
        assert_eq!(one_by_one, case.judgement_of(at_once), "{what}: {amount}");
        let named = one_by_one.errors.contains(&"budget-exceeded".to_owned());
        assert_eq!(one_by_one.verified, !named, "{what}: {amount}: {:#?}", one_by_one.findings);
        one_by_one.verified
    };
    assert!(suffices(1 << 20), "{what}");
    assert!(!suffices(0), "{what}");
    let (mut low, mut high) = (0, 1 << 20);
    while high - low > 1 {
        let middle = u64::midpoint(low, high);
        if suffices(middle) { high = middle } else { low = middle }
    }
    high
}

fn narrow(amount: u64) -> u32 {
    u32::try_from(amount).unwrap()
}

/// A pipeline whose build is a sublayout: four files and five signatures with the layout's own.
fn delegated() -> Case {
    let mut chain = Chain::pipeline();
    chain.layout.set_json("steps/1/expected_command", "[]");
    chain.put_sublayout("build", "builder", Chain::compile());
    chain.case()
}

#[test]
fn each_piece_of_evidence_is_counted() {
    let case = delegated();
    assert_eq!(lowest(&case, "links", |budget, amount| budget.links = narrow(amount)), 4);
}

#[test]
fn each_byte_of_evidence_is_counted() {
    let case = delegated();
    let bytes: usize = case.evidence.values().map(Vec::len).sum();
    let lowest = lowest(&case, "bytes", |budget, amount| budget.bytes = amount);
    assert_eq!(lowest, u64::try_from(bytes).unwrap());
}

#[test]
fn each_signature_check_is_counted() {
    let case = delegated();
    // In a Metablock the key id names the key: one check for each of the four files.
    let lowest = lowest(&case, "signatures", |budget, amount| budget.signatures = narrow(amount));
    assert_eq!(lowest, 4);
}

#[test]
fn each_sublayout_is_counted() {
    let mut chain = Chain::pipeline();
    chain.layout.set_json("steps/1/expected_command", "[]");
    chain.authorise(1, "second-builder");
    chain.put_sublayout("build", "builder", Chain::compile());
    let mut other = Chain::compile();
    other.layout.set("readme", "another one");
    chain.put_sublayout("build", "second-builder", other);
    chain.layout.set("steps/1/threshold", 2_i64);
    let case = chain.case();
    let lowest = lowest(&case, "sublayouts", |budget, amount| budget.sublayouts = narrow(amount));
    assert_eq!(lowest, 2);
}

#[test]
fn each_comparison_of_a_rule_with_an_artifact_is_counted() {
    let case = Chain::pipeline().case();
    let lowest = lowest(&case, "comparisons", |budget, amount| budget.comparisons = amount);
    assert!((10..100).contains(&lowest), "{lowest}");
    // Twice the artifacts, more comparisons.
    let mut chain = Chain::pipeline();
    for number in 0..100 {
        let place = format!("products/src~1{number}.c");
        for side in ["checkout", "build"] {
            let place = if side == "build" {
                place.replace("products", "materials")
            } else {
                place.clone()
            };
            chain.link(side).set_json(&place, "{}");
            chain.link(side).set(&format!("{place}/sha256"), "ab".repeat(32));
        }
    }
    let case = chain.case();
    let more = super::budgets::lowest(&case, "comparisons", |budget, amount| {
        budget.comparisons = amount;
    });
    assert!(more >= lowest + 200, "{more}");
}

#[test]
fn a_layout_full_of_signatures_exhausts_the_budget_and_not_the_machine() {
    let mut chain = Chain::pipeline();
    for _ in 0..100 {
        chain.layout = chain.layout.clone().signed_by("owner");
    }
    chain.budget.signatures = 50;
    let verdict = chain.case().judge();
    assert_eq!(verdict.errors, ["budget-exceeded"]);
}

#[test]
fn a_budget_that_is_spent_rejects_also_where_other_evidence_suffices() {
    let mut chain = Chain::pipeline();
    chain.authorise(1, "second-builder");
    let mut link = chain.link("build").clone();
    link.unsign();
    chain.put(keys::stem("build", "second-builder"), link.signed_by("second-builder"));
    let mut links = chain.case();
    links.budget.links = 3;
    let verdict = links.judge();
    assert!(!verdict.verified);
    assert!(verdict.errors.contains(&"budget-exceeded".to_owned()));

    // The piece that finds no signature check left is a second one of its step.
    chain.take(&keys::stem("build", "second-builder"));
    chain.authorise(2, "second-scanner");
    let mut link = chain.link("scan").clone();
    link.unsign();
    chain.put(keys::stem("scan", "second-scanner"), link.signed_by("second-scanner"));
    chain.budget.signatures = 3;
    let verdict = chain.case().judge();
    assert!(!verdict.verified);
    assert_eq!(verdict.errors, ["budget-exceeded"]);
}

/// As many as may be are looked at; one more, and the layout is not.
#[test]
fn every_list_of_a_layout_is_bounded() {
    let step = Chain::pipeline().layout.get("steps/0").clone();
    let inspection = Chain::pipeline().layout.get("inspect/0").clone();
    let named = |value: &Value<'static>, number: usize| {
        let Value::Object(mut object) = value.clone() else { panic!("no object") };
        object.insert("name", format!("n{number}"));
        Value::from(object)
    };
    let key = Chain::pipeline().layout.get(&format!("keys/{}", keys::id("builder"))).clone();
    let rule = Value::Array(vec![Value::from("ALLOW"), Value::from("none")]);
    let list = |place: &'static str, items: Vec<Value<'static>>| {
        let mut chain = Chain::pipeline();
        chain.layout.set(place, items);
        chain
    };
    let many = |what: &str, count: usize| match what {
        "steps" => list("steps", (0..count).map(|number| named(&step, number)).collect()),
        "inspections" => {
            list("inspect", (0..count).map(|number| named(&inspection, number)).collect())
        }
        "keys" => {
            let mut keys = Object::new();
            for number in 0..count {
                let Value::Object(mut key) = key.clone() else { panic!("no object") };
                key.remove("keyid");
                keys.insert(format!("{number:016}"), key);
            }
            let mut chain = Chain::pipeline();
            chain.layout.set("keys", keys);
            chain
        }
        _ => list("steps/1/expected_materials", vec![rule.clone(); count]),
    };
    for (what, most) in [
        ("steps", MOST_STEPS),
        ("inspections", MOST_INSPECTIONS),
        ("keys", MOST_KEYS),
        ("rules in one list", MOST_RULES),
    ] {
        let verdict = many(what, most).case().judge();
        assert!(!verdict.errors.contains(&"budget-exceeded".to_owned()), "{what}");
        let verdict = many(what, most + 1).case().judge();
        assert_eq!(verdict.errors, ["budget-exceeded"], "{what}");
        assert!(verdict.findings[0].message.contains(what), "{:?}", verdict.findings);
    }
}

/// A sublayout is bounded like the layout, and rejects whatever stands beside it.
#[test]
fn the_lists_of_a_sublayout_are_bounded_too() {
    let mut chain = Chain::pipeline();
    chain.authorise(1, "second-builder");
    let mut child = Chain::compile();
    let rule = Value::Array(vec![Value::from("ALLOW"), Value::from("none")]);
    child.layout.set("steps/0/expected_materials", vec![rule; MOST_RULES + 1]);
    chain.put_sublayout("build", "second-builder", child);
    let verdict = chain.case().judge();
    assert_eq!(verdict.errors, ["budget-exceeded"], "{:#?}", verdict.findings);
}
