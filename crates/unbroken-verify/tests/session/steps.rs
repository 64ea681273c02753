//! Single steps: evidence of another step, commands, artifacts, parameters.

use unbroken_testkit::{Chain, Draft, keys};
use unbroken_verify::{CommandPolicy, Judgement, LinkBond, Severity};

use crate::{rejected, the, verified, warned};

#[test]
fn the_pipeline_is_verified_in_both_envelopes() {
    verified(&Chain::pipeline());
    let mut chain = Chain::pipeline();
    chain.layout = chain.layout.clone().dsse();
    for step in ["checkout", "build", "scan"] {
        let link = chain.link(step);
        *link = link.clone().dsse();
    }
    verified(&chain);
}

#[test]
fn a_link_counts_for_the_step_that_it_names_and_no_other() {
    let mut chain = Chain::pipeline();
    chain.authorise(2, "builder");
    let link = chain.link("build").clone();
    chain.put(keys::stem("scan", "builder"), link);
    // The scanner's own link suffices: the other one is worth a look.
    let verdict = warned(&chain, &["link-name-mismatch"]);
    let finding = the(&verdict, "link-name-mismatch");
    assert_eq!(finding.item.as_deref(), Some("scan"));
    let stem = keys::stem("scan", "builder");
    assert_eq!(finding.source.as_deref(), Some(&*format!("{stem}.link")));

    chain.take(&keys::stem("scan", "scanner"));
    rejected(&chain, &["link-name-mismatch", "link-threshold-not-met"]);
}

#[test]
fn a_command_that_differs_warns_unless_the_verifier_insists() {
    let mut chain = Chain::pipeline();
    chain.link("build").set("command/0", "docker");
    let verdict = warned(&chain, &["command-differs"]);
    assert_eq!(the(&verdict, "command-differs").item.as_deref(), Some("build"));

    chain.options.commands = CommandPolicy::Enforce;
    let verdict = rejected(&chain, &["command-differs"]);
    assert_eq!(the(&verdict, "command-differs").severity, Severity::Error);

    // Without an expectation there is nothing to insist on.
    chain.layout.set_json("steps/1/expected_command", "[]");
    verified(&chain);
}

#[test]
fn a_changed_artifact_is_told_with_the_step_and_both_digests() {
    let mut chain = Chain::pipeline();
    chain.link("build").set("materials/src~1main.c/sha256", "ab".repeat(32));
    let verdict = rejected(&chain, &["rule-disallow"]);
    let finding = the(&verdict, "rule-disallow");
    assert_eq!(finding.item.as_deref(), Some("build"));
    assert_eq!(finding.artifact.as_deref(), Some("src/main.c"));
    let rule = finding.rule.as_ref().unwrap();
    assert_eq!((rule.index, rule.text.as_str()), (1, "DISALLOW *"));
    let difference = finding.difference.as_ref().unwrap();
    assert_eq!(difference.expected_at, "products of checkout");
    assert!(difference.found.as_ref().unwrap().to_string().starts_with("sha256:abababababab"));
    assert!(finding.message.contains("changed between checkout and build"), "{}", finding.message);
}

#[test]
fn findings_of_all_steps_are_told_together() {
    let mut chain = Chain::pipeline();
    chain.link("checkout").set("products/src~1main.c/sha256", "ab".repeat(32));
    chain.link("scan").set("materials/image.tar/sha256", "cd".repeat(32));
    chain.link("build").set("command/0", "docker");
    let verdict = rejected(&chain, &["rule-disallow"]);
    let steps: Vec<_> =
        verdict.findings.iter().map(|finding| finding.item.as_deref().unwrap()).collect();
    assert_eq!(steps, ["build", "build", "scan"]);
    assert_eq!(verdict.warnings, ["command-differs"]);
}

#[test]
fn a_step_that_looks_at_one_without_evidence_is_not_judged() {
    let mut chain = Chain::pipeline();
    chain.take(&keys::stem("checkout", "developer"));
    // What the build leaves behind would be a finding of its own, were it judged.
    let image = chain.link("build").get("products/image.tar").clone();
    chain.link("build").set("products/evil", image);
    rejected(&chain, &["link-missing"]);
    let rejection = chain.case().verify().unwrap_err();
    let judged: Vec<Judgement> =
        rejection.assessment().chains[0].steps.iter().map(|step| step.judgement).collect();
    assert_eq!(judged, [Judgement::Failed, Judgement::NotJudged, Judgement::Passed]);
}

#[test]
fn an_artifact_without_a_strong_digest_is_refused_on_either_side() {
    for (step, place) in [("checkout", "products/src~1main.c"), ("build", "materials/src~1main.c")]
    {
        let mut chain = Chain::pipeline();
        chain.link(step).set_json(place, r#"{"sha1": "da39a3ee5e6b4b0d3255bfef95601890afd80709"}"#);
        let verdict = rejected(&chain, &["digest-not-strong", "link-threshold-not-met"]);
        let finding = the(&verdict, "digest-not-strong");
        assert_eq!(finding.item.as_deref(), Some(step));
        assert_eq!(finding.artifact.as_deref(), Some("src/main.c"));
    }
}

#[test]
fn every_artifact_of_a_long_list_is_counted() {
    let mut chain = Chain::pipeline();
    let sha256 = "ab".repeat(32);
    for number in 0..250 {
        let place = format!("products/stray-{number:03}");
        chain.link("build").set_json(&place, "{}");
        chain.link("build").set(&format!("{place}/sha256"), sha256.clone());
    }
    let verdict = rejected(&chain, &["rule-disallow"]);
    let (single, rest): (Vec<_>, Vec<_>) =
        verdict.findings.iter().partition(|finding| finding.artifact.is_some());
    assert_eq!((single.len(), rest.len()), (100, 1));
    assert!(rest[0].message.contains("150 more"), "{}", rest[0].message);
}

#[test]
fn parameters_reach_rules_expected_commands_and_inspections() {
    let mut chain = Chain::pipeline();
    let rules = "MATCH {dir}/* WITH PRODUCTS FROM checkout\nDISALLOW *";
    chain.layout.set_rules("steps/1/expected_materials", rules);
    chain.layout.set("steps/1/expected_command/2", "{dir}");
    chain.layout.set("inspect/0/run/3", "{report}.json");
    chain.options.parameters.insert("dir".to_owned(), "src".to_owned());
    chain.options.parameters.insert("report".to_owned(), "report".to_owned());
    chain.options.commands = CommandPolicy::Enforce;
    verified(&chain);
    let verified = chain.case().verify().unwrap();
    let inspection = &verified.assessment().chains[0].inspections[0];
    assert_eq!(inspection.run[3], "report.json");

    // Another value is another rule.
    chain.options.parameters.insert("dir".to_owned(), "app".to_owned());
    rejected(&chain, &["command-differs", "rule-disallow"]);
}

/// Its rules are not those that the owner means; those of the other steps are.
#[test]
fn a_step_with_a_parameter_that_has_no_value_is_not_judged_and_the_others_are() {
    let mut chain = Chain::pipeline();
    let rules = "MATCH {dir}/* WITH PRODUCTS FROM checkout\nDISALLOW {other}";
    chain.layout.set_rules("steps/1/expected_materials", rules);
    chain.options.parameters.insert("dir".to_owned(), "src".to_owned());
    let report = chain.link("scan").get("products/report.json").clone();
    chain.link("scan").set("products/evil", report);
    rejected(&chain, &["parameter-invalid", "rule-disallow"]);
    let rejection = chain.case().verify().unwrap_err();
    let judged: Vec<Judgement> =
        rejection.assessment().chains[0].steps.iter().map(|step| step.judgement).collect();
    assert_eq!(judged, [Judgement::Passed, Judgement::NotJudged, Judgement::Failed]);
}

#[test]
fn a_value_under_a_name_that_no_parameter_can_have_rejects() {
    for name in ["", "a b", "a.b", "größe"] {
        let mut chain = Chain::pipeline();
        chain.options.parameters.insert(name.to_owned(), "value".to_owned());
        rejected(&chain, &["parameter-invalid"]);
    }
}

#[test]
fn without_parameters_braces_are_what_they_are() {
    let mut chain = Chain::pipeline();
    chain.layout.set("steps/1/expected_command/2", "{dir}");
    chain.link("build").set("command/2", "{dir}");
    chain.options.commands = CommandPolicy::Enforce;
    verified(&chain);
}

#[test]
fn a_piece_that_the_caller_would_not_read_is_a_finding_of_its_step() {
    let case = Chain::pipeline().case();
    let mut session = case.open().unwrap();
    let request = session.requests().remove(0);
    let step = &request.steps[0];
    session.refuse(request.chain, step, "checkout.00000000.link", "it is a FIFO");
    let rejection = session.evaluate().err().unwrap();
    let found = rejection.assessment().findings.iter().find(|finding| {
        finding.code.as_str() == "link-malformed" && finding.item.as_deref() == Some("checkout")
    });
    let found = found.unwrap();
    assert_eq!(found.source.as_deref(), Some("checkout.00000000.link"));
    assert!(found.message.contains("FIFO"));
}

#[test]
fn a_document_beyond_its_bounds_is_told_as_such() {
    let mut chain = Chain::pipeline();
    let size = chain.layout.bytes().len();
    chain.limits.bytes = size;
    verified(&chain);
    chain.limits.bytes = size - 1;
    rejected(&chain, &["budget-exceeded"]);

    let mut chain = Chain::pipeline();
    let stem = keys::stem("build", "builder");
    chain.put(stem, Draft::raw("[".repeat(1000)));
    rejected(&chain, &["budget-exceeded", "link-threshold-not-met"]);
}

#[test]
fn a_report_says_of_each_step_whether_its_links_are_bound() {
    let bond = |chain: &Chain| chain.case().verify().unwrap().assessment().chains[0].steps[1].bond;
    let mut chain = Chain::pipeline();
    assert_eq!(bond(&chain), Some(LinkBond::Unbound));
    let pin = chain.case().verify().unwrap().layout_pin().unwrap();
    let digest = data_encoding::HEXLOWER.encode(&pin.digest);
    chain.link("build").set("environment/bound_layout_sha256", digest);
    verified(&chain);
    assert_eq!(bond(&chain), Some(LinkBond::Bound));
    chain.link("build").set("environment/bound_layout_sha256", "ab".repeat(32));
    warned(&chain, &["link-bound-elsewhere"]);
    assert_eq!(bond(&chain), Some(LinkBond::Elsewhere));

    // The weakest of several counts.
    chain.authorise(1, "second-builder");
    let mut link = Chain::pipeline().link("build").clone();
    link.unsign();
    chain.put(keys::stem("build", "second-builder"), link.signed_by("second-builder"));
    assert_eq!(bond(&chain), Some(LinkBond::Unbound));
}
