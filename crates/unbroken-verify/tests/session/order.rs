//! The verdict depends on the evidence, and not on the order or way of handing it in.

use proptest::prelude::*;
use unbroken_testkit::{Case, Chain, Draft, HandingIn, defects, keys};

/// A chain with much to weigh: agreeing and disagreeing links, refused ones, sublayouts.
fn crowded(threshold: i64, disagreeing: bool) -> Case {
    let mut chain = Chain::pipeline();
    for name in ["second-builder", "third-builder", "fourth-builder"] {
        chain.authorise(1, name);
    }
    chain.layout.set("steps/1/threshold", threshold);
    chain.layout.set_json("steps/1/expected_command", "[]");
    let mut link = chain.link("build").clone();
    link.unsign();
    chain.put("build.aaaaaaaa", link.clone().signed_by("second-builder").signed_by("builder"));
    chain.put("build.bbbbbbbb", link.clone().signed_by("stranger"));
    chain.put("build.cccccccc", link.clone().signed_by("scanner"));
    chain.put("build.dddddddd", Draft::raw("no link"));
    chain.put_sublayout("build", "third-builder", Chain::compile());
    let mut broken = Chain::compile();
    broken.layout.set("readme", "another one");
    broken.take(&keys::stem("compile", "compiler"));
    chain.put_sublayout("build", "fourth-builder", broken);
    if disagreeing {
        link.set("products/image.tar/sha256", "ab".repeat(32));
        chain.put("build.eeeeeeee", link.signed_by("second-builder"));
    }
    chain.case()
}

/// The verdict and all that was found, in an order of its own.
fn told(case: &Case, order: &[&String], way: HandingIn) -> (bool, Vec<String>) {
    let verdict = case.judgement_of(case.verify_handing_in(order, way));
    let mut findings: Vec<String> =
        verdict.findings.iter().map(|finding| format!("{finding:?}")).collect();
    findings.sort();
    (verdict.verified, findings)
}

fn holds_in_every_order(case: &Case, order: &[String]) {
    let order: Vec<&String> = order.iter().collect();
    let usual: Vec<&String> = case.evidence.keys().collect();
    let due = told(case, &usual, HandingIn::OneByOne);
    for way in [HandingIn::OneByOne, HandingIn::AtOnce] {
        assert_eq!(told(case, &order, way), due);
    }
}

fn shuffled(case: &Case) -> impl Strategy<Value = Vec<String>> + use<> {
    Just(case.evidence.keys().cloned().collect::<Vec<_>>()).prop_shuffle()
}

fn scene() -> impl Strategy<Value = (Case, Vec<String>)> {
    (1..4_i64, any::<bool>()).prop_flat_map(|(threshold, disagreeing)| {
        let case = crowded(threshold, disagreeing);
        (Just(case.clone()), shuffled(&case))
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 150,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn evidence_in_any_order_gives_the_same_verdict_and_findings((case, order) in scene()) {
        holds_in_every_order(&case, &order);
    }
}

#[test]
fn every_vector_comes_out_the_same_backwards_and_at_once() {
    for defect in defects::all() {
        let case = &defect.vector.case;
        let backwards: Vec<String> = case.evidence.keys().rev().cloned().collect();
        holds_in_every_order(case, &backwards);
    }
}

#[test]
fn verifying_twice_gives_the_same_findings_to_the_letter() {
    for defect in defects::all() {
        let case = &defect.vector.case;
        assert_eq!(case.judge(), case.judge(), "{}", defect.name);
    }
}
