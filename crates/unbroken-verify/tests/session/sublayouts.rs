//! Sublayouts: a layout with evidence of its own in the place of a link.

use unbroken_testkit::{Chain, artifacts, keys};
use unbroken_verify::{Ending, SublayoutInspections};

use crate::{rejected, the, verified, warned};

/// A pipeline whose build is a sublayout of the builder.
fn delegated(change: impl FnOnce(&mut Chain)) -> Chain {
    let mut chain = Chain::pipeline();
    let mut child = Chain::compile();
    change(&mut child);
    chain.layout.set_json("steps/1/expected_command", "[]");
    chain.put_sublayout("build", "builder", child);
    chain
}

/// A chain whose build is a sublayout, whose compilation is one, and so on, so many levels deep.
fn nested(levels: usize) -> Chain {
    let mut inner = Chain::compile();
    for level in 1..levels {
        let mut outer = Chain::compile();
        // Every level is a document of its own, or it would stand below itself.
        inner.layout.set("readme", format!("level {level}"));
        outer.layout.set_json("steps/0/expected_command", "[]");
        outer.put_sublayout("compile", "compiler", inner);
        inner = outer;
    }
    let mut chain = Chain::pipeline();
    chain.layout.set_json("steps/1/expected_command", "[]");
    chain.put_sublayout("build", "builder", inner);
    chain
}

fn inspected(child: &mut Chain) {
    child.layout.set_json(
        "inspect",
        r#"[{"_type": "inspection", "name": "smoke-test", "run": ["touch", "RCE"],
             "expected_materials": [], "expected_products": [["DISALLOW", "core"]]}]"#,
    );
    child.set_outcome("smoke-test", artifacts(&[]), artifacts(&[]));
}

#[test]
fn the_layout_above_sees_first_materials_and_last_products() {
    let chain = delegated(|_| {});
    verified(&chain);
    let verified = chain.case().verify().unwrap();
    let chains = &verified.assessment().chains;
    assert_eq!(chains.len(), 2);
    let stem = keys::stem("build", "builder");
    assert_eq!((&chains[1].chain, chains[1].step.as_deref()), (&vec![stem], Some("build")));
    let build = &chains[0].steps[1];
    assert!(build.evidence[0].sublayout && build.evidence[0].accepted);
    assert_eq!((build.materials, build.products), (2, 2));
}

#[test]
fn a_finding_within_is_told_with_its_place() {
    let chain = delegated(|child| {
        let image = child.link("compile").get("products/image.tar").clone();
        child.link("compile").set("products/evil", image);
    });
    let verdict =
        rejected(&chain, &["link-threshold-not-met", "rule-disallow", "sublayout-rejected"]);
    let finding = the(&verdict, "rule-disallow");
    assert_eq!(finding.chain, [keys::stem("build", "builder")]);
    assert_eq!(finding.item.as_deref(), Some("compile"));
    assert_eq!(the(&verdict, "sublayout-rejected").item.as_deref(), Some("build"));
}

#[test]
fn an_expired_sublayout_does_not_count() {
    let chain = delegated(|child| child.layout.set("expires", "2026-06-01T12:00:00Z"));
    rejected(&chain, &["layout-expired", "link-threshold-not-met"]);
    // Who signed it is told all the same.
    let rejection = chain.case().verify().unwrap_err();
    let evidence = &rejection.assessment().chains[0].steps[1].evidence[0];
    assert!(!evidence.accepted);
    assert_eq!(evidence.signers, [keys::key("builder").public().describe()]);
}

#[test]
fn the_layout_signed_for_the_step_above_is_the_only_one_that_counts() {
    // Two sublayouts side by side: evidence for the one is none for the other.
    let mut chain = delegated(|_| {});
    chain.authorise(1, "second-builder");
    let mut other = Chain::compile();
    other.take(&keys::stem("compile", "compiler"));
    chain.put_sublayout("build", "second-builder", other);
    let verdict = warned(&chain, &["link-missing", "sublayout-rejected"]);
    let stem = keys::stem("build", "second-builder");
    assert_eq!(the(&verdict, "link-missing").chain, [stem]);
    // Two are due: the broken one is the reason then.
    chain.layout.set("steps/1/threshold", 2_i64);
    rejected(&chain, &["link-missing", "link-threshold-not-met", "sublayout-rejected"]);
}

#[test]
fn several_functionaries_may_hand_in_sublayouts_or_links() {
    // A sublayout of the one, a link of the other: what they tell must agree.
    let mut chain = delegated(|_| {});
    chain.authorise(1, "second-builder");
    chain.layout.set("steps/1/threshold", 2_i64);
    let mut link = Chain::pipeline().link("build").clone();
    link.unsign();
    let stem = keys::stem("build", "second-builder");
    chain.put(stem.clone(), link.clone().signed_by("second-builder"));
    verified(&chain);
    let found = chain.case().verify().unwrap();
    let build = &found.assessment().chains[0].steps[1];
    let kinds: Vec<bool> = build.evidence.iter().map(|piece| piece.sublayout).collect();
    assert_eq!(kinds.iter().filter(|sublayout| **sublayout).count(), 1);

    link.set("products/image.tar/sha256", "ab".repeat(32));
    chain.put(stem, link.signed_by("second-builder"));
    rejected(&chain, &["links-disagree"]);

    // Two sublayouts.
    let mut chain = delegated(|_| {});
    chain.authorise(1, "second-builder");
    chain.layout.set("steps/1/threshold", 2_i64);
    chain.put_sublayout("build", "second-builder", Chain::compile());
    verified(&chain);
}

#[test]
fn a_sublayout_below_itself_is_refused() {
    let stem = keys::stem("build", "builder");
    let mut chain = delegated(|child| {
        child.take(&keys::stem("compile", "compiler"));
        child.layout.set("steps/0/name", "build");
        child.layout.set("steps/0/pubkeys/0", keys::id("builder"));
        child.list_key("builder");
    });
    let itself = chain.take(&stem);
    let mut place = stem.clone();
    for _ in 0..20 {
        chain.put(place.clone(), itself.clone());
        place = format!("{place}/{stem}");
    }
    let codes = ["link-threshold-not-met", "sublayout-cycle", "sublayout-rejected"];
    let verdict = rejected(&chain, &codes);
    let cycle = the(&verdict, "sublayout-cycle");
    assert_eq!((cycle.chain.clone(), cycle.item.as_deref()), (vec![stem], Some("build")));
}

#[test]
fn sublayouts_go_as_deep_as_the_budget() {
    for levels in [1, 2, 5, 8] {
        verified(&nested(levels));
    }
    let codes = ["budget-exceeded", "link-threshold-not-met", "sublayout-rejected"];
    rejected(&nested(9), &codes);
    let mut chain = nested(2);
    chain.budget.depth = 1;
    rejected(&chain, &codes);
    let mut chain = nested(1);
    chain.budget.depth = 0;
    rejected(&chain, &["budget-exceeded", "link-threshold-not-met"]);
}

#[test]
fn a_sublayout_runs_no_command_unless_it_may() {
    let mut chain = delegated(inspected);
    let codes = ["link-threshold-not-met", "sublayout-inspection-refused", "sublayout-rejected"];
    rejected(&chain, &codes);

    chain.options.sublayout_inspections = SublayoutInspections::Allow;
    verified(&chain);
    let name = format!("{}/smoke-test", keys::stem("build", "builder"));
    chain.outcome(&name).ending = Ending::Exited(3);
    let verdict = rejected(&chain, &["inspection-failed"]);
    let finding = the(&verdict, "inspection-failed");
    assert_eq!(finding.chain, [keys::stem("build", "builder")]);
    chain.outcome(&name).ending = Ending::Exited(0);
    chain.outcome(&name).products = artifacts(&[("core", "memory")]);
    rejected(&chain, &["rule-disallow"]);
    chain.forget_outcome(&name);
    rejected(&chain, &["inspection-not-run"]);
}

#[test]
fn no_command_of_a_broken_sublayout_is_asked_for() {
    let mut chain = delegated(|_| {});
    chain.options.sublayout_inspections = SublayoutInspections::Allow;
    chain.authorise(1, "second-builder");
    let mut broken = Chain::compile();
    inspected(&mut broken);
    broken.take(&keys::stem("compile", "compiler"));
    chain.put_sublayout("build", "second-builder", broken);
    chain.forget_outcome(&format!("{}/smoke-test", keys::stem("build", "second-builder")));
    // Its inspection has no outcome, and nobody asks for one.
    warned(&chain, &["link-missing", "sublayout-rejected"]);
}

#[test]
fn what_is_wrong_deep_in_a_sublayout_that_nobody_needs_only_warns() {
    let mut chain = Chain::pipeline();
    chain.authorise(1, "second-builder");
    let mut inner = Chain::compile();
    inner.layout.set("readme", "how the image is compiled");
    inner.take(&keys::stem("compile", "compiler"));
    let mut outer = Chain::compile();
    outer.put_sublayout("compile", "compiler", inner);
    chain.put_sublayout("build", "second-builder", outer);
    let codes = ["link-missing", "link-threshold-not-met", "sublayout-rejected"];
    let verdict = warned(&chain, &codes);
    let path = [keys::stem("build", "second-builder"), keys::stem("compile", "compiler")];
    assert_eq!(the(&verdict, "link-missing").chain, path);
}

#[test]
fn parameters_do_not_reach_into_a_sublayout() {
    let rules = "ALLOW {dir}/*\nDISALLOW *";
    let mut chain = delegated(|child| child.layout.set_rules("steps/0/expected_materials", rules));
    chain.layout.set_rules("steps/0/expected_products", "CREATE {dir}/*\nDISALLOW *");
    chain.options.parameters.insert("dir".to_owned(), "src".to_owned());
    let codes = ["link-threshold-not-met", "rule-disallow", "sublayout-rejected"];
    rejected(&chain, &codes);
}
