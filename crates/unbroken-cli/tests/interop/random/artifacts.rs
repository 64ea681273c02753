//! Artifacts drawn from a few paths and a few contents, so that rules and links meet.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use unbroken_crypto::hash::sha256_hex;
use unbroken_testkit::Random;

const PATHS: [&str; 9] = ["a", "b", "d/a", "d/b", "e/a", "d/e/a", "x.txt", "d/x.txt", "[ab]"];
const CONTENTS: [&str; 2] = ["1", "2"];

/// Paths and what the files hold.
pub(super) type Tree = BTreeMap<&'static str, &'static str>;

/// Draws a few files.
pub(super) fn draw(random: &mut Random) -> Tree {
    let count = random.below(5);
    (0..count).map(|_| (*random.pick(&PATHS), *random.pick(&CONTENTS))).collect()
}

/// Does to a tree what a step does: adds, changes and removes a little.
pub(super) fn worked_on(random: &mut Random, tree: &Tree) -> Tree {
    let mut tree = tree.clone();
    for _ in 0..random.below(3) {
        match random.below(3) {
            0 => drop(tree.remove(*random.pick(&PATHS))),
            _ => drop(tree.insert(*random.pick(&PATHS), *random.pick(&CONTENTS))),
        }
    }
    tree
}

/// Writes a tree as a link has it. Some trees are hashed twice over: digests compare as a whole.
pub(super) fn recorded(tree: &Tree, twice: bool) -> Value {
    let digests = |content: &str| {
        let mut digests = json!({"sha256": sha256_hex(content.as_bytes())});
        if twice {
            digests["sha3-256"] = json!(sha256_hex(format!("another {content}").as_bytes()));
        }
        digests
    };
    tree.iter().map(|(path, content)| ((*path).to_owned(), digests(content))).collect()
}
