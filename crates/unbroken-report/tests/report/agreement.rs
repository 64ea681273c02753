//! Text, JSON, SARIF and JUnit of one report say the same.

use std::collections::BTreeMap;

use serde_json::Value;
use unbroken_report::{Detail, Report, TextStyle, Verdict};

use crate::text::{changed_file, failed_inspection, missing_link, sublayout, unauthorised};
use crate::world::{IMAGE, World, alice, builder, evidence, image_digest_file, key, link, scanner};

/// Reports of all kinds.
pub(crate) fn reports() -> Vec<(&'static str, Report)> {
    let mut expired = World::sound().subject(IMAGE);
    expired.now = expired.layout.expires;
    let mut foreign = World::sound();
    foreign.layout_signer = key(9);
    let mut not_run = World::sound();
    not_run.outcome = None;
    let mut require = World::sound();
    require.replace("scan", vec![evidence(&scanner(), &link("scan", &[image_digest_file()], &[]))]);
    vec![
        ("sound", World::sound().report()),
        ("sound with subject", World::sound().subject(IMAGE).report()),
        ("another image", World::sound().subject(&"ab".repeat(32)).report()),
        ("changed file", changed_file().report()),
        ("missing link", missing_link().report()),
        ("unauthorised", unauthorised().report()),
        ("failed inspection", failed_inspection().report()),
        ("inspection not run", not_run.report()),
        ("expired", expired.report()),
        ("foreign layout", foreign.report()),
        ("sublayout", sublayout().report()),
        ("required artifact", require.report()),
        ("broken layout", broken_layout().report()),
        ("warning", with_warning().report()),
    ]
}

/// A layout that is itself at fault, beside its steps.
fn broken_layout() -> World {
    let mut world = World::sound();
    world.layout.inspections[0].run.clear();
    world.step_mut("scan").threshold = 3.try_into().unwrap();
    let id = world.step_mut("build").pubkeys[0].clone();
    world.step_mut("build").pubkeys.push(id);
    world
}

/// A chain that passes although a useless link lies beside the good one.
fn with_warning() -> World {
    let mut world = World::sound();
    let mut build = crate::world::built(&crate::world::sources());
    build.command = vec!["other".to_owned()];
    world.step_mut("build").expected_command = vec!["make".to_owned()];
    let other = link("scan", &[], &[]);
    world.replace("build", vec![evidence(&builder(), &build)]);
    world.evidence.push(evidence(&alice(), &other));
    world
}

/// Reads XML strictly enough to tell well-formed from not, and returns the attributes of each
/// element in order.
fn elements(xml: &str) -> Vec<(String, BTreeMap<String, String>)> {
    let mut rest = xml.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n").unwrap();
    let (mut open, mut found) = (Vec::new(), Vec::new());
    let forbidden = |c: char| (c < ' ' && !"\n\t\r".contains(c)) || "\u{fffe}\u{ffff}".contains(c);
    assert!(!xml.chars().any(forbidden));
    while let Some((text, after)) = rest.split_once('<') {
        entities(text);
        assert!(!open.is_empty() || text.trim().is_empty(), "text outside of the document element");
        let (tag, after) = after.split_once('>').expect("a tag is closed");
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name));
            continue;
        }
        let (tag, empty) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let (name, mut list) = tag.split_once(' ').unwrap_or((tag, ""));
        let mut attributes = BTreeMap::new();
        while let Some((attribute, after)) = list.trim_start().split_once("=\"") {
            let (value, after) = after.split_once('"').expect("a value is closed");
            entities(value);
            assert!(!value.contains('<'));
            assert!(attributes.insert(attribute.to_owned(), value.to_owned()).is_none());
            list = after;
        }
        assert!(list.trim().is_empty(), "{tag}");
        found.push((name.to_owned(), attributes));
        if !empty {
            open.push(name.to_owned());
        }
    }
    assert!(open.is_empty() && rest.trim().is_empty());
    found
}

fn entities(text: &str) {
    for after in text.split('&').skip(1) {
        let name = after.split(';').next().unwrap();
        assert!(["lt", "gt", "amp", "quot", "apos"].contains(&name), "{name}");
    }
}

/// Checks the JUnit document against the report, and returns its number of failures.
pub(crate) fn junit_failures(report: &Report) -> usize {
    let xml = report.to_junit();
    let all = elements(&xml);
    let count = |name: &str| all.iter().filter(|(element, _)| element == name).count();
    assert_eq!(all[0].0, "testsuites");
    let total = |attribute: &str| all[0].1[attribute].parse::<usize>().unwrap();
    assert_eq!(total("tests"), count("testcase"));
    assert_eq!(total("failures"), count("failure"));
    assert_eq!(total("skipped"), count("skipped"));
    for finding in report.findings() {
        assert!(xml.contains(&format!("[{}]", finding.code)), "{finding}");
    }
    count("failure")
}

#[test]
fn every_drawing_gives_the_same_verdict() {
    for (name, report) in reports() {
        let passed = report.verdict() == Verdict::Verified;
        assert_eq!(passed, report.is_verified());
        assert_eq!(passed, report.counts().errors == 0, "{name}");

        let text = report.to_text(&TextStyle::default());
        let last = text.lines().last().unwrap();
        assert_eq!(last.starts_with("PASS  "), passed, "{name}");
        assert_eq!(last.starts_with("FAIL  "), !passed, "{name}");

        let json: Value = serde_json::from_str(&report.to_json()).unwrap();
        assert_eq!(json["verdict"] == "verified", passed, "{name}");
        assert_eq!(junit_failures(&report) == 0, passed, "{name}");

        let sarif: Value = serde_json::from_str(&report.to_sarif()).unwrap();
        let results = sarif["runs"][0]["results"].as_array().unwrap();
        assert_eq!(results.iter().all(|result| result["level"] != "error"), passed, "{name}");
    }
}

#[test]
fn every_drawing_has_every_finding() {
    let full = TextStyle { detail: Detail::Full, ..TextStyle::default() };
    for (name, report) in reports() {
        let text = report.to_text(&full);
        let json: Value = serde_json::from_str(&report.to_json()).unwrap();
        let sarif: Value = serde_json::from_str(&report.to_sarif()).unwrap();
        let (run, count) = (&sarif["runs"][0], report.findings().len());
        assert_eq!(json["findings"].as_array().unwrap().len(), count, "{name}");
        assert_eq!(run["results"].as_array().unwrap().len(), count, "{name}");
        for (at, finding) in report.findings().iter().enumerate() {
            let code = finding.code.as_str();
            assert!(text.contains(&format!("[{code}]")), "{name}: {code}");
            assert_eq!(json["findings"][at]["code"], code);
            let result = &run["results"][at];
            assert_eq!(result["ruleId"], code);
            let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
            let at = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            let rule = &rules[at];
            assert_eq!(rule["id"], code);
            assert!(rule["help"]["markdown"].as_str().unwrap().contains(code));
        }
    }
}

#[test]
fn the_json_holds_whole_digests() {
    let report = changed_file().report();
    let json: Value = serde_json::from_str(&report.to_json()).unwrap();
    let difference = &json["findings"][1]["difference"];
    assert_eq!(difference["expectedAt"], "products of checkout");
    for side in ["expected", "found"] {
        assert_eq!(difference[side]["sha256"].as_str().unwrap().len(), 64, "{side}");
    }
    assert_ne!(difference["expected"], difference["found"]);
}

#[test]
fn every_drawing_can_tell_whole_digests() {
    let report = changed_file().report();
    let json: Value = serde_json::from_str(&report.to_json()).unwrap();
    let digest = json["findings"][1]["difference"]["found"]["sha256"].as_str().unwrap();
    let full = TextStyle { detail: Detail::Full, ..TextStyle::default() };
    for drawn in [report.to_text(&full), report.to_sarif(), report.to_junit()] {
        assert!(drawn.contains(&format!("sha256:{digest}")));
    }
    assert!(!report.to_text(&TextStyle::default()).contains(digest));
}

#[test]
fn results_name_the_rule_and_the_file() {
    let report = changed_file().report();
    let sarif: Value = serde_json::from_str(&report.to_sarif()).unwrap();
    let result = &sarif["runs"][0]["results"][1];
    let location = &result["locations"][0];
    assert_eq!(location["physicalLocation"]["artifactLocation"]["uri"], "src/app/main.py");
    let rule = &location["logicalLocations"][1]["fullyQualifiedName"];
    assert_eq!(rule, "build/expected_materials[1]");
    let fingerprint = &result["partialFingerprints"]["unbrokenFinding/v1"];
    assert_eq!(fingerprint, "rule-disallow|build/expected_materials[1]|src/app/main.py");
}

#[test]
fn what_was_not_judged_is_skipped_and_never_passes() {
    let report = missing_link().report();
    let all = elements(&report.to_junit());
    let scan =
        all.iter().position(|(_, it)| it.get("name").is_some_and(|it| it == "scan")).unwrap();
    assert_eq!(all[scan].1["skipped"], "1");
    assert_eq!(all[scan].1["tests"], "1");
    assert_eq!(all[scan + 2].0, "skipped");
}

#[test]
fn each_rule_is_a_case() {
    let all = elements(&changed_file().report().to_junit());
    let failed: Vec<&str> = all
        .windows(2)
        .filter(|pair| pair[1].0 == "failure")
        .map(|pair| pair[0].1["name"].as_str())
        .collect();
    assert_eq!(failed, ["expected_materials[1] DISALLOW *", "expected_products[2] DISALLOW *"]);
}

#[test]
fn counts_are_of_the_layout_itself() {
    let counts = sublayout().report().counts();
    assert_eq!((counts.steps.total, counts.sublayouts), (3, 1));
    assert_eq!((counts.steps.passed, counts.steps.failed, counts.steps.not_judged), (1, 1, 1));
    let warned = with_warning().report();
    assert!(warned.is_verified());
    assert_eq!((warned.counts().errors, warned.counts().warnings), (0, 2));
}
