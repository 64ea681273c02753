//! Chains that are judged up to a step, and what a step is about to use.

use unbroken_testkit::{Case, Chain, MAIN, RECIPE, artifacts, keys};
use unbroken_verify::{
    Before, Finding, FindingCode, PartialSupplyChain, Rejection, Session, Submission, UpTo,
};

/// Judges a case up to a step; there is nothing to judge where the layout has none of this name.
fn up_to(case: &Case, step: &str) -> Option<Result<PartialSupplyChain, Box<Rejection>>> {
    let (options, budget) = (case.options.clone(), case.budget.clone());
    let layout = case.in_force().unwrap();
    let last = step.parse().unwrap();
    let mut session: Session<UpTo> =
        Session::open_up_to(&last, layout, case.now, options, case.limits, budget)?;
    hand_in(&mut session, case);
    Some(session.evaluate())
}

/// Holds what a step is about to use against the layout of a case.
fn before(
    case: &Case,
    step: &str,
    materials: &[(&str, &str)],
) -> Result<Vec<Finding>, Box<Rejection>> {
    let (options, budget) = (case.options.clone(), case.budget.clone());
    let (layout, step) = (case.in_force().unwrap(), step.parse().unwrap());
    let mut session: Session<Before> =
        Session::open_before(&step, layout, case.now, options, case.limits, budget).unwrap();
    hand_in(&mut session, case);
    session.hold(&artifacts(materials))
}

fn hand_in<S>(session: &mut Session<S>, case: &Case) {
    for request in session.requests() {
        for step in &request.steps {
            let of_step = case.evidence.iter().filter(|(stem, _)| {
                stem.rsplit_once('.').is_some_and(|(name, _)| name == step.as_str())
            });
            for (stem, bytes) in of_step {
                session.submit(request.chain, Submission { step, source: stem, stem, bytes });
            }
        }
    }
}

fn codes(rejection: &Rejection) -> Vec<FindingCode> {
    rejection.assessment().findings.iter().map(|finding| finding.code).collect()
}

#[test]
fn what_comes_after_the_step_is_not_looked_at() {
    let mut chain = Chain::pipeline();
    chain.take(&keys::stem("scan", "scanner"));
    chain.forget_outcome("no-critical");
    let partial = up_to(&chain.case(), "build").unwrap().unwrap();
    let assessment = partial.assessment();
    let left_out = assessment.left_out.as_ref().unwrap();
    assert_eq!((left_out.up_to.as_str(), left_out.steps, left_out.inspections), ("build", 1, 1));
    let [root] = assessment.chains.as_slice() else { panic!("one layout") };
    let names: Vec<&str> = root.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["checkout", "build"]);
    assert!(root.inspections.is_empty());
    // All of it, it is missing.
    assert!(chain.case().verify().is_err());
}

#[test]
fn what_comes_up_to_the_step_is_judged_as_ever() {
    for step in ["checkout", "build", "scan"] {
        assert!(up_to(&Chain::pipeline().case(), step).unwrap().is_ok(), "{step}");
    }
    let mut chain = Chain::pipeline();
    chain.take(&keys::stem("build", "builder"));
    assert!(up_to(&chain.case(), "checkout").unwrap().is_ok());
    for step in ["build", "scan"] {
        let rejection = up_to(&chain.case(), step).unwrap().unwrap_err();
        assert_eq!(codes(&rejection), [FindingCode::LinkMissing]);
        assert_eq!(rejection.assessment().left_out.as_ref().unwrap().up_to, step);
    }
}

#[test]
fn a_layout_that_is_wrong_anywhere_is_wrong() {
    let mut chain = Chain::pipeline();
    chain.layout.set("steps/2/threshold", 2_i64);
    let rejection = up_to(&chain.case(), "checkout").unwrap().unwrap_err();
    assert_eq!(codes(&rejection), [FindingCode::ThresholdAboveKeys]);
}

#[test]
fn a_rule_that_looks_ahead_is_not_passed_over() {
    let mut chain = Chain::pipeline();
    let rules = "MATCH report.json WITH PRODUCTS FROM scan\nALLOW *";
    chain.layout.set_rules("steps/1/expected_products", rules);
    assert!(up_to(&chain.case(), "scan").unwrap().is_ok());
    let rejection = up_to(&chain.case(), "build").unwrap().unwrap_err();
    assert_eq!(codes(&rejection), [FindingCode::MatchSourceMissing]);
}

#[test]
fn a_step_that_the_layout_does_not_have_is_none() {
    for step in ["deploy", "no-critical", "Build"] {
        assert!(up_to(&Chain::pipeline().case(), step).is_none(), "{step}");
        let (case, last) = (Chain::pipeline().case(), step.parse().unwrap());
        let (options, budget) = (case.options.clone(), case.budget.clone());
        let layout = case.in_force().unwrap();
        let session = Session::open_before(&last, layout, case.now, options, case.limits, budget);
        assert!(session.is_none(), "{step}");
    }
}

#[test]
fn what_a_step_is_about_to_use_is_held_against_its_rules() {
    let mut chain = Chain::pipeline();
    for (step, by) in [("build", "builder"), ("scan", "scanner")] {
        chain.take(&keys::stem(step, by));
    }
    chain.forget_outcome("no-critical");
    let case = chain.case();
    assert_eq!(before(&case, "build", &[MAIN, RECIPE]).unwrap(), []);
    // A part is enough, as no rule requires more.
    assert_eq!(before(&case, "build", &[MAIN]).unwrap(), []);
    assert_eq!(before(&case, "checkout", &[]).unwrap(), []);
    for (step, materials, artifact) in [
        ("build", &[(MAIN.0, "changed"), RECIPE][..], MAIN.0),
        ("build", &[MAIN, ("backdoor", "x")], "backdoor"),
        ("checkout", &[MAIN], MAIN.0),
    ] {
        let rejection = before(&case, step, materials).unwrap_err();
        assert_eq!(codes(&rejection), [FindingCode::RuleDisallow], "{step}");
        assert_eq!(rejection.assessment().findings[0].artifact.as_deref(), Some(artifact));
    }
}

#[test]
fn work_begins_only_on_earlier_steps_that_passed() {
    let mut chain = Chain::pipeline();
    chain.take(&keys::stem("checkout", "developer"));
    let rejection = before(&chain.case(), "build", &[MAIN]).unwrap_err();
    assert_eq!(codes(&rejection), [FindingCode::LinkMissing]);
    // It is a matter of all earlier steps, not only of those that the rules name.
    let rejection = before(&chain.case(), "scan", &[]).unwrap_err();
    assert_eq!(codes(&rejection), [FindingCode::LinkMissing]);
    let mut chain = Chain::pipeline();
    chain.layout.set("steps/2/threshold", 2_i64);
    let rejection = before(&chain.case(), "checkout", &[]).unwrap_err();
    assert_eq!(codes(&rejection), [FindingCode::ThresholdAboveKeys]);
}

#[test]
fn what_a_step_may_change_or_delete_it_may_have() {
    let mut chain = Chain::pipeline();
    let rules =
        "MODIFY a\nDELETE b\nCREATE c\nREQUIRE d\nMATCH * WITH PRODUCTS FROM checkout\nDISALLOW *";
    chain.layout.set_rules("steps/1/expected_materials", rules);
    let case = chain.case();
    let have = |more: &[(&'static str, &'static str)]| [&[("a", "1"), ("b", "1")], more].concat();
    let rejected = |more| codes(&before(&case, "build", &have(more)).unwrap_err());
    assert_eq!(rejected(&[]), [FindingCode::RuleRequire]);
    assert_eq!(rejected(&[("c", "1")]), [FindingCode::RuleRequire, FindingCode::RuleDisallow]);
    // What is required has to come from where the later rule says.
    assert_eq!(rejected(&[("d", "1"), MAIN]), [FindingCode::RuleDisallow]);
}

#[test]
fn a_rule_for_materials_that_looks_ahead_cannot_be_held() {
    for from in ["build", "scan"] {
        let mut chain = Chain::pipeline();
        let rules = format!("MATCH * WITH PRODUCTS FROM {from}\nALLOW *");
        chain.layout.set_rules("steps/1/expected_materials", &rules);
        let rejection = before(&chain.case(), "build", &[]).unwrap_err();
        assert_eq!(codes(&rejection), [FindingCode::MatchSourceMissing], "{from}");
    }
}
