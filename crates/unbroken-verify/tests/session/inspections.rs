//! Inspections: what is asked for, and what their outcomes mean.

use unbroken_model::artifact::ArtifactSet;
use unbroken_model::digest::{Digest, DigestAlgorithm, DigestSet};
use unbroken_testkit::{Chain, Draft, artifacts, keys, link};
use unbroken_verify::{Ending, InspectionCommands, Judgement};

use crate::{rejected, the, verified};

const NAME: &str = "no-critical";
const IMAGE: (&str, &str) = ("image.tar", "the layers of an image");
const REPORT: (&str, &str) = ("report.json", "{\"critical\": 0}\n");

/// Adds a second inspection with these rules over its materials.
fn second_inspection(chain: &mut Chain, rules: &str) {
    chain.layout.set_json(
        "inspect/1",
        r#"{"_type": "inspection", "name": "unpack", "run": ["tar", "xf", "image.tar"],
            "expected_materials": [], "expected_products": []}"#,
    );
    chain.layout.set_rules("inspect/1/expected_materials", rules);
    let found = artifacts(&[IMAGE, REPORT]);
    let left = artifacts(&[IMAGE, REPORT, ("layer/main", "binary")]);
    chain.set_outcome("unpack", found, left);
}

#[test]
fn the_caller_is_told_what_to_run_only_when_the_steps_passed() {
    let chain = Chain::pipeline();
    let verified = chain.case().verify().unwrap();
    let inspection = &verified.assessment().chains[0].inspections[0];
    assert_eq!(inspection.run, ["grep", "-q", "\"critical\": 0", "report.json"]);
    assert_eq!(inspection.ending.as_deref(), Some("exit 0"));
    assert_eq!(inspection.judgement, Judgement::Passed);

    let mut chain = Chain::pipeline();
    chain.link("build").set("materials/src~1main.c/sha256", "ab".repeat(32));
    let rejection = chain.case().verify().unwrap_err();
    let inspection = &rejection.assessment().chains[0].inspections[0];
    assert_eq!((inspection.ending.as_ref(), inspection.judgement), (None, Judgement::NotJudged));
}

#[test]
fn only_an_exit_with_zero_is_success() {
    for (ending, words) in [
        (Ending::Exited(1), "exit 1"),
        (Ending::Exited(-1), "exit -1"),
        (Ending::Exited(255), "exit 255"),
        (Ending::Signalled(9), "signal 9"),
        (Ending::TimedOut, "out of time"),
        (Ending::NotStarted("no such file".to_owned()), "no such file"),
    ] {
        let mut chain = Chain::pipeline();
        chain.outcome(NAME).ending = ending;
        let verdict = rejected(&chain, &["inspection-failed"]);
        let finding = the(&verdict, "inspection-failed");
        assert_eq!(finding.item.as_deref(), Some(NAME));
        assert!(finding.message.contains(words), "{}", finding.message);
    }
}

#[test]
fn an_inspection_that_was_not_run_rejects() {
    let mut chain = Chain::pipeline();
    second_inspection(&mut chain, "ALLOW *");
    chain.forget_outcome(NAME);
    let verdict = rejected(&chain, &["inspection-not-run"]);
    assert_eq!(the(&verdict, "inspection-not-run").item.as_deref(), Some(NAME));
}

#[test]
fn an_outcome_of_an_unknown_inspection_is_no_outcome_of_a_known_one() {
    let mut chain = Chain::pipeline();
    chain.forget_outcome(NAME);
    let none = artifacts(&[]);
    chain.set_outcome("no-critical-2", none.clone(), none);
    rejected(&chain, &["inspection-not-run"]);
}

#[test]
fn rules_of_an_inspection_may_name_steps_and_any_inspection() {
    // The one before, the one after, and itself.
    let mut chain = Chain::pipeline();
    second_inspection(&mut chain, "MATCH * WITH PRODUCTS FROM no-critical\nDISALLOW *");
    verified(&chain);
    let rules = "MATCH * WITH MATERIALS FROM unpack\nDISALLOW *";
    chain.layout.set_rules("inspect/0/expected_products", rules);
    verified(&chain);
    chain.layout.set_rules(
        "inspect/1/expected_products",
        "CREATE layer/*\n\
        MATCH * WITH MATERIALS FROM unpack\nDISALLOW *",
    );
    verified(&chain);

    // What the other one never saw is not matched.
    let rules = "MATCH * WITH PRODUCTS FROM scan\nDISALLOW *";
    chain.layout.set_rules("inspect/1/expected_materials", rules);
    let verdict = rejected(&chain, &["rule-disallow"]);
    let finding = the(&verdict, "rule-disallow");
    assert_eq!(finding.item.as_deref(), Some("unpack"));
    assert_eq!(finding.artifact.as_deref(), Some("image.tar"));
}

#[test]
fn a_weak_digest_of_a_found_file_matches_nothing() {
    let md5 = Digest::from_hex(DigestAlgorithm::Md5, &"ab".repeat(16)).unwrap();
    let found = |digest: &Digest| {
        let digests = DigestSet::from_iter([digest.clone()]);
        ArtifactSet::from_entries(vec![("image.tar".parse().unwrap(), digests)]).unwrap()
    };
    let mut chain = Chain::pipeline();
    chain.layout.set_rules("inspect/0/expected_materials", "ALLOW *");
    chain.set_outcome(NAME, found(&md5), found(&md5));
    rejected(&chain, &["rule-disallow"]);
    let sha512 = Digest::from_hex(DigestAlgorithm::Sha512, &"ab".repeat(64)).unwrap();
    chain.set_outcome(NAME, found(&sha512), found(&sha512));
    verified(&chain);
}

#[test]
fn a_failed_inspection_and_its_broken_rules_are_told_together() {
    let mut chain = Chain::pipeline();
    let found = artifacts(&[IMAGE, REPORT, ("stray", "")]);
    chain.set_outcome(NAME, found.clone(), found);
    chain.outcome(NAME).ending = Ending::Exited(1);
    rejected(&chain, &["inspection-failed", "rule-disallow"]);
}

/// Else a link of another product would do, where none is at hand: the rule only looks as if it said of
/// which one the link is.
#[test]
fn a_match_rule_that_takes_nothing_ties_a_link_to_nothing() {
    let verdict = |rules: &str| {
        let mut chain = Chain::pipeline();
        chain.layout.set_rules("inspect/0/expected_materials", rules);
        let mut made = Draft::of(&link(NAME, &[IMAGE, REPORT], &[IMAGE, REPORT]));
        made.set_json("command", r#"["grep", "-q", "\"critical\": 0", "report.json"]"#);
        chain.put(keys::stem(NAME, "owner"), made.signed_by("owner"));
        chain.options.inspections = InspectionCommands::Never;
        chain.forget_outcome(NAME);
        let mut case = chain.case();
        case.product = None;
        case.judge()
    };
    let tied = verdict("MATCH image.tar WITH PRODUCTS FROM build\nALLOW *");
    assert!(tied.verified, "{:#?}", tied.findings);
    let untied = verdict("MATCH other.tar WITH PRODUCTS FROM build\nALLOW *");
    assert!(!untied.verified);
    let refused = the(&untied, "inspection-link-refused");
    assert!(refused.message.contains("no MATCH rule ties a material"), "{}", refused.message);
}
