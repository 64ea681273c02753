//! The rule engine and the matcher against their slow transcriptions, on random input.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_types,
    reason = "a test stops where it fails, its helpers too, and one of them runs an interpreter"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
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
use unbroken_testkit::{Chain, Random, amount, figure, fnmatch, link, python, skip};
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
        proptest::option::of(select(vec![
            "src", "src/", "out", "out/src", "s", "", "src/src/", "*",
        ]))
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

/// Patterns out of the characters that dialects differ on, each with many names, so that a good part of
/// them matches.
struct Pairs {
    random: Random,
}

impl Pairs {
    const NAMES: usize = 10;

    fn draw(&mut self) -> (String, Vec<String>) {
        let alphabet: Vec<char> = "aab[[]]!--**?^\\/.\né&~|{}".chars().collect();
        let plain: Vec<char> = "aab[]!-^\\/.\né".chars().collect();
        let (longest, longest_name) = *self.random.pick(&[(9, 5), (9, 5), (9, 5), (16, 9)]);
        let pattern = self.random.text(&alphabet, longest);
        let names = (0..Self::NAMES).map(|_| self.random.text(&plain, longest_name)).collect();
        (pattern, names)
    }
}

#[test]
fn the_matcher_agrees_with_the_transcription() {
    let mut pairs = Pairs { random: Random::new(3) };
    let (mut compared, mut matched) = (0, 0);
    for _ in 0..20_000 {
        let (pattern, names) = pairs.draw();
        let engine = Pattern::new(pattern.as_str());
        for name in &names {
            let due = fnmatch::matches(&pattern, name);
            assert_eq!(engine.matches(name), due, "{pattern:?} {name:?}");
            compared += 1;
            matched += usize::from(due);
        }
    }
    assert!(matched > compared / 50, "only {matched} of {compared} pairs match");
}

/// `cargo xtask compare patterns` does this with ten million pairs.
#[test]
fn the_matcher_agrees_with_the_interpreter() {
    /// Reads a number and so many lines: a pattern and its names. Answers with a digit for each name.
    const PROGRAM: &str = "
import fnmatch, sys
while count := sys.stdin.buffer.readline():
    answers = []
    for _ in range(int(count)):
        line = sys.stdin.buffer.readline().decode('ascii').strip('\\n')
        pattern, *names = (bytes.fromhex(word).decode('utf-8') for word in line.split(','))
        answers.extend('01'[fnmatch.fnmatchcase(name, pattern)] for name in names)
    sys.stdout.write(''.join(answers))
    sys.stdout.flush()
";
    const BATCH: usize = 2_000;
    let Some(python) = python() else {
        return skip("the matcher against fnmatch of Python", "there is no python3");
    };
    let due = amount("UNBROKEN_PATTERN_PAIRS", 300_000);
    let mut child = Command::new(python)
        .args(["-c", PROGRAM])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut questions, mut answers) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut pairs = Pairs { random: Random::new(5) };
    let (mut compared, mut matched) = (0, 0);
    let hex = |text: &String| HEXLOWER.encode(text.as_bytes());
    while compared < due {
        let batch: Vec<_> = (0..BATCH).map(|_| pairs.draw()).collect();
        let mut lines = format!("{BATCH}\n");
        for (pattern, names) in &batch {
            let words: Vec<_> = [pattern].into_iter().chain(names).map(hex).collect();
            lines.push_str(&words.join(","));
            lines.push('\n');
        }
        // The interpreter reads a batch whole before it answers.
        questions.write_all(lines.as_bytes()).unwrap();
        let mut answer = vec![0; BATCH * Pairs::NAMES];
        answers.read_exact(&mut answer).unwrap();
        let mut answer = answer.into_iter();
        for (pattern, names) in &batch {
            let engine = Pattern::new(pattern.as_str());
            for name in names {
                let due = answer.next() == Some(b'1');
                assert_eq!(engine.matches(name), due, "{pattern:?} {name:?}");
                assert_eq!(
                    fnmatch::matches(pattern, name),
                    due,
                    "transcription: {pattern:?} {name:?}"
                );
                compared += 1;
                matched += usize::from(due);
            }
        }
    }
    drop(questions);
    assert!(child.wait().unwrap().success());
    assert!(matched > compared / 50, "only {matched} of {compared} pairs match");
    figure("patterns beside fnmatch of CPython: pairs", compared);
    figure("patterns beside fnmatch of CPython: pairs that match", matched);
}

/// A pattern that makes matchers which try everything take years.
#[test]
fn a_pattern_of_many_stars_is_answered_at_once() {
    let pattern = Pattern::new("*a".repeat(14) + "b");
    assert!(!pattern.matches(&"a".repeat(10_000)));
    assert!(pattern.matches(&("a".repeat(10_000) + "b")));
}
