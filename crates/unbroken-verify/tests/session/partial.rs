//! Chains that are judged up to a step.

use unbroken_testkit::{Case, Chain, keys};
use unbroken_verify::{FindingCode, PartialSupplyChain, Rejection, Session, Submission, UpTo};

/// Judges a case up to a step; there is nothing to judge where the layout has none of this name.
fn up_to(case: &Case, step: &str) -> Option<Result<PartialSupplyChain, Box<Rejection>>> {
    let (options, budget) = (case.options.clone(), case.budget.clone());
    let layout = case.in_force().unwrap();
    let last = step.parse().unwrap();
    let mut session: Session<UpTo> =
        Session::open_up_to(&last, layout, case.now, options, case.limits, budget)?;
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
    Some(session.evaluate())
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
    }
}
