//! Rules drawn at random, of all seven kinds.

use serde_json::{Value, json};
use unbroken_testkit::Random;

const PATTERNS: [&str; 22] = [
    "*",
    "*",
    "a",
    "b",
    "d/*",
    "d*",
    "*/a",
    "?",
    "[ab]",
    "[!a]",
    "[]ab]",
    "e/*",
    "*.txt",
    "**/a",
    "d/[a-c]",
    "nothing",
    "[a",
    "[^a]",
    "[[]ab]",
    "{folder}/*",
    "\\*",
    "d/?",
];
const FILES: [&str; 5] = ["a", "d/a", "x.txt", "*", "[ab]"];
const PREFIXES: [&str; 6] = ["d", "d/", "e", "d/e", "nothing", "{folder}"];

/// Draws the rules of one side of a step: often such that an honest step passes them.
pub(super) fn draw(random: &mut Random, sources: &[&str], fitting: &[&[&str]]) -> Value {
    let mut rules = Vec::new();
    for _ in 0..random.below(3) {
        rules.push(one(random, sources));
    }
    if random.below(3) > 0 {
        rules.extend(fitting.iter().map(|words| json!(words)));
    }
    if random.below(3) == 0 {
        rules.push(json!(["DISALLOW", "*"]));
    }
    Value::from(rules)
}

fn one(random: &mut Random, sources: &[&str]) -> Value {
    let pattern = *random.pick(&PATTERNS);
    let keyword = match random.below(12) {
        0 | 1 => "CREATE",
        2 => "DELETE",
        3 => "MODIFY",
        4 | 5 => "ALLOW",
        6 => "DISALLOW",
        7 => return json!([cased(random, "REQUIRE"), random.pick(&FILES)]),
        _ => return matching(random, pattern, sources),
    };
    json!([cased(random, keyword), pattern])
}

fn matching(random: &mut Random, pattern: &str, sources: &[&str]) -> Value {
    let mut words = vec![cased(random, "MATCH"), pattern.to_owned()];
    let prefix = |random: &mut Random, words: &mut Vec<String>| {
        if random.below(3) == 0 {
            words.extend([cased(random, "IN"), (*random.pick(&PREFIXES)).to_owned()]);
        }
    };
    prefix(random, &mut words);
    let side = *random.pick(&["MATERIALS", "PRODUCTS", "PRODUCTS"]);
    words.extend([cased(random, "WITH"), cased(random, side)]);
    prefix(random, &mut words);
    words.extend([cased(random, "FROM"), (*random.pick(sources)).to_owned()]);
    json!(words)
}

/// Keywords are words in any case.
fn cased(random: &mut Random, keyword: &str) -> String {
    if random.below(4) == 0 { keyword.to_lowercase() } else { keyword.to_owned() }
}
