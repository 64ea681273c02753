//! The rule engine and the matcher against their slow transcriptions, on random input.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_types,
    reason = "a test stops where it fails, its helpers too, and one of them runs an interpreter"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};

use data_encoding::HEXLOWER;
use proptest::prelude::*;
use proptest::sample::select;
use unbroken_model::artifact::ArtifactSet;
use unbroken_model::digest::{Digest, DigestAlgorithm, DigestSet};
use unbroken_model::json::Value;
use unbroken_model::pattern::Pattern;
use unbroken_model::rule::Side;
use unbroken_testkit::oracle::{self, Artifacts, Digests, Item, List, Outcome};
use unbroken_testkit::{Chain, Random, fnmatch, link, python, skip};
use unbroken_verify::{Assessment, FindingCode};

/// The steps of the pipeline and who does them.
const STEPS: [(&str, &str); 3] =
    [("checkout", "developer"), ("build", "builder"), ("scan", "scanner")];

/// What one step recorded, and its rules.
#[derive(Clone, Debug)]
struct Step {
    item: Item,
    material_rules: Vec<Vec<String>>,
    product_rules: Vec<Vec<String>>,
}

fn digests() -> impl Strategy<Value = Digests> {
    // Few contents, so that many are equal; and sets of several algorithms, which are compared
    // whole.
    let sha256 = select(vec!["aa", "bb"]).prop_map(|pair| ("sha256", pair.repeat(32)));
    let sha512 = proptest::option::weighted(0.2, select(vec!["aa", "bb"]))
        .prop_map(|pair| pair.map(|pair| ("sha512", pair.repeat(64))));
    (sha256, sha512).prop_map(|(sha256, sha512)| {
        let all = [Some(sha256), sha512].into_iter().flatten();
        all.map(|(name, value)| (name.to_owned(), value)).collect()
    })
}

fn artifacts() -> impl Strategy<Value = Artifacts> {
    let paths = vec![
        "a",
        "b",
        "src/a",
        "src/b",
        "src/c.h",
        "src/src/a",
        "srcs/a",
        "out/a",
        "out/src/a",
        ".x",
        "[",
        "*",
    ];
    let path = select(paths).prop_map(str::to_owned);
    proptest::collection::btree_map(path, digests(), 0..9)
}

fn rule() -> impl Strategy<Value = Vec<String>> {
    let pattern = select(vec![
        "*",
        "a",
        "b",
        "src/*",
        "?",
        "*a",
        "[!a]*",
        "[ab]",
        "s*",
        "*/a",
        "src/[a-c]",
        "[",
        "**",
        "*.h",
        "[]a]",
        "out/*",
        "nothing",
        "*[*]*",
        "src/a",
    ]);
    let plain = (
        select(vec!["CREATE", "DELETE", "MODIFY", "ALLOW", "DISALLOW", "REQUIRE", "allow"]),
        pattern.clone(),
    )
        .prop_map(|(keyword, pattern)| vec![keyword, pattern]);
    let prefix = || {
        proptest::option::of(select(vec!["src", "src/", "out", "out/src", "s", "", "src//", "*"]))
    };
    let matching = (
        pattern,
        prefix(),
        select(vec!["MATERIALS", "PRODUCTS", "products"]),
        prefix(),
        select(STEPS.to_vec()),
    )
        .prop_map(|(pattern, source, side, destination, (from, _))| {
            let mut words = vec!["MATCH", pattern];
            words.extend(source.into_iter().flat_map(|prefix| ["IN", prefix]));
            words.extend(["WITH", side]);
            words.extend(destination.into_iter().flat_map(|prefix| ["IN", prefix]));
            words.extend(["FROM", from]);
            words
        });
    prop_oneof![plain, matching]
        .prop_map(|words| words.into_iter().map(str::to_owned).collect::<Vec<_>>())
}

fn step() -> impl Strategy<Value = Step> {
    let rules = || proptest::collection::vec(rule(), 0..6);
    (artifacts(), artifacts(), rules(), rules()).prop_map(
        |(materials, products, material_rules, product_rules)| Step {
            item: Item { materials, products },
            material_rules,
            product_rules,
        },
    )
}

fn artifact_set(artifacts: &Artifacts) -> ArtifactSet {
    let entries = artifacts.iter().map(|(path, digests)| {
        let digests = digests.iter().map(|(name, value)| {
            Digest::from_hex(DigestAlgorithm::from_name(name), value).unwrap()
        });
        (path.parse().unwrap(), digests.collect::<DigestSet>())
    });
    ArtifactSet::from_entries(entries.collect()).unwrap()
}

fn words(rules: &[Vec<String>]) -> Value<'static> {
    let rules = rules
        .iter()
        .map(|rule| Value::Array(rule.iter().map(|word| Value::from(word.clone())).collect()));
    Value::Array(rules.collect())
}

/// Lets the engine judge a pipeline of these steps.
fn judged(steps: &[Step]) -> Assessment {
    let mut chain = Chain::pipeline();
    chain.layout.set_json("inspect", "[]");
    for (index, (step, (name, functionary))) in steps.iter().zip(STEPS).enumerate() {
        let place = format!("steps/{index}");
        chain.layout.set(&format!("{place}/expected_materials"), words(&step.material_rules));
        chain.layout.set(&format!("{place}/expected_products"), words(&step.product_rules));
        let mut made = link(name, &[], &[]);
        made.materials = artifact_set(&step.item.materials);
        made.products = artifact_set(&step.item.products);
        chain.put_link(functionary, &made);
    }
    match chain.case().verify() {
        Ok(verified) => verified.assessment().clone(),
        Err(rejection) => rejection.assessment().clone(),
    }
}

/// What the engine says that one list of rules did.
fn engine_outcome(assessment: &Assessment, step: usize, list: List) -> Outcome {
    let judged = &assessment.chains[0].steps[step];
    let (trace, side) = match list {
        List::Materials => (&judged.material_rules, Side::Materials),
        List::Products => (&judged.product_rules, Side::Products),
    };
    let consumed = trace.rules.iter().map(|rule| {
        assert_eq!(rule.consumed.count(), rule.consumed.first().len(), "all paths are named");
        rule.consumed.first().iter().cloned().collect()
    });
    let mut failed: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    for finding in assessment.errors() {
        let known = [FindingCode::RuleDisallow, FindingCode::RuleRequire];
        assert!(known.contains(&finding.code), "{finding}");
        let rule = finding.rule.as_ref().unwrap();
        if finding.item.as_deref() == Some(&*judged.name) && rule.side == side {
            let artifact = finding.artifact.clone().unwrap();
            failed.entry(rule.index).or_default().insert(artifact);
        }
    }
    Outcome { consumed: consumed.collect(), failed: failed.into_iter().collect() }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1500,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_engine_consumes_and_refuses_what_the_specification_does(
        steps in proptest::collection::vec(step(), STEPS.len())
    ) {
        let links: BTreeMap<String, Item> = STEPS
            .iter()
            .zip(&steps)
            .map(|((name, _), step)| ((*name).to_owned(), step.item.clone()))
            .collect();
        let assessment = judged(&steps);
        for (index, step) in steps.iter().enumerate() {
            for (list, rules) in
                [(List::Materials, &step.material_rules), (List::Products, &step.product_rules)]
            {
                let due = oracle::verify_item_rules(&step.item, list, rules, &links);
                let due = due.expect("only well-formed rules are made");
                prop_assert_eq!(
                    engine_outcome(&assessment, index, list), due,
                    "{:?} of {}: {:?}", list, STEPS[index].0, rules
                );
            }
        }
    }
}

/// Patterns and names out of the characters that dialects differ on: many names for a pattern, so
/// that a good part of them matches.
fn pairs(patterns: usize, names: usize) -> Vec<(String, String)> {
    let alphabet: Vec<char> = "aab[[]]!--**?^\\/.\né&~|{}".chars().collect();
    let plain: Vec<char> = "aab[]!-^\\/.\né".chars().collect();
    let mut random = Random::new(3);
    let mut pairs = Vec::new();
    for _ in 0..patterns {
        let pattern = random.text(&alphabet, 9);
        for _ in 0..names {
            pairs.push((pattern.clone(), random.text(&plain, 5)));
        }
    }
    pairs
}

#[test]
fn the_matcher_agrees_with_the_transcription() {
    let pairs = pairs(20_000, 10);
    let mut matched = 0;
    for (pattern, name) in &pairs {
        let due = fnmatch::matches(pattern, name);
        matched += usize::from(due);
        assert_eq!(Pattern::new(pattern.as_str()).matches(name), due, "{pattern:?} {name:?}");
    }
    assert!(matched > pairs.len() / 50, "only {matched} pairs match");
}

#[test]
fn the_matcher_agrees_with_the_interpreter() {
    const PROGRAM: &str = "
import fnmatch, sys
lines = sys.stdin.buffer.read().decode('ascii').split('\\n')
for line in lines:
    pattern, name = (bytes.fromhex(word).decode('utf-8') for word in line.split(','))
    sys.stdout.write('01'[fnmatch.fnmatchcase(name, pattern)])
";
    let Some(python) = python() else {
        return skip("the matcher against fnmatch of Python", "there is no python3");
    };
    let pairs = pairs(12_000, 10);
    assert!(pairs.len() >= 100_000);
    let hex = |text: &str| HEXLOWER.encode(text.as_bytes());
    let lines = pairs.iter().map(|(pattern, name)| [hex(pattern), hex(name)].join(","));
    let lines = lines.collect::<Vec<_>>().join(
        "
",
    );
    let mut child = Command::new(python)
        .args(["-c", PROGRAM])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // The interpreter reads everything before it writes.
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(output.stdout.len(), pairs.len());
    for ((pattern, name), answer) in pairs.iter().zip(output.stdout) {
        let due = answer == b'1';
        assert_eq!(Pattern::new(pattern.as_str()).matches(name), due, "{pattern:?} {name:?}");
        assert_eq!(fnmatch::matches(pattern, name), due, "transcription: {pattern:?} {name:?}");
    }
}

/// A pattern that makes matchers which try everything take years.
#[test]
fn a_pattern_of_many_stars_is_answered_at_once() {
    let pattern = Pattern::new("*a".repeat(14) + "b");
    assert!(!pattern.matches(&"a".repeat(10_000)));
    assert!(pattern.matches(&("a".repeat(10_000) + "b")));
}
