//! The rules of the specification (1.0, section 4.3.3), transcribed with sets and strings.
//!
//! It follows the reference implementation function by function and shares nothing with the
//! engine. Where the reference stops at the first rule that fails, this goes on and notes them
//! all, so that its first failure is that of the reference.
#![expect(clippy::indexing_slicing, reason = "a transcription indexes as its model does")]

use std::collections::{BTreeMap, BTreeSet};

use crate::fnmatch;

/// The digests of one artifact by the names of their algorithms.
pub type Digests = BTreeMap<String, String>;
/// Artifacts by path.
pub type Artifacts = BTreeMap<String, Digests>;
/// Paths.
pub type Paths = BTreeSet<String>;

/// What a step or an inspection recorded.
#[derive(Clone, Debug, Default)]
pub struct Item {
    /// The materials.
    pub materials: Artifacts,
    /// The products.
    pub products: Artifacts,
}

/// What a list of rules did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// For each rule what it consumed.
    pub consumed: Vec<Paths>,
    /// For each rule that failed its index and the artifacts that it failed for.
    pub failed: Vec<(usize, Paths)>,
}

/// Which of the two lists of an item is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// `expected_materials`
    Materials,
    /// `expected_products`
    Products,
}

/// A rule that the reference would not even unpack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongFormat;

/// Applies one list of rules to an item, as `verify_item_rules`.
///
/// # Errors
/// [`WrongFormat`] for words that are no rule.
pub fn verify_item_rules(
    item: &Item,
    list: List,
    rules: &[Vec<String>],
    links: &BTreeMap<String, Item>,
) -> Result<Outcome, WrongFormat> {
    let artifacts = match list {
        List::Materials => &item.materials,
        List::Products => &item.products,
    };
    let mut queue: Paths = artifacts.keys().cloned().collect();
    let mut outcome = Outcome::default();
    for (index, rule) in rules.iter().enumerate() {
        let words: Vec<&str> = rule.iter().map(String::as_str).collect();
        let consumed = match words.as_slice() {
            [kind, pattern] => {
                let filtered = filter(&queue, pattern);
                let materials: Paths = item.materials.keys().cloned().collect();
                let products: Paths = item.products.keys().cloned().collect();
                match kind.to_lowercase().as_str() {
                    "allow" => filtered,
                    "create" => intersection(&filtered, &difference(&products, &materials)),
                    "delete" => intersection(&filtered, &difference(&materials, &products)),
                    "modify" => {
                        let both = intersection(&filtered, &intersection(&materials, &products));
                        both.into_iter()
                            .filter(|path| changed(&item.materials[path], &item.products[path]))
                            .collect()
                    }
                    "disallow" => {
                        if !filtered.is_empty() {
                            outcome.failed.push((index, filtered));
                        }
                        Paths::new()
                    }
                    "require" => {
                        if !queue.contains(*pattern) {
                            outcome.failed.push((index, Paths::from([(*pattern).to_owned()])));
                        }
                        Paths::new()
                    }
                    _ => return Err(WrongFormat),
                }
            }
            [kind, rest @ ..] if kind.eq_ignore_ascii_case("match") => {
                verify_match_rule(rest, &queue, artifacts, links)?
            }
            _ => return Err(WrongFormat),
        };
        queue = difference(&queue, &consumed);
        outcome.consumed.push(consumed);
    }
    Ok(outcome)
}

/// Tells whether all digests in common differ. The reference asks whether the records do: there a file is
/// modified that was only recorded by one algorithm more, which is no change.
fn changed(before: &Digests, after: &Digests) -> bool {
    let common: Vec<bool> = before
        .iter()
        .filter_map(|(algorithm, value)| Some(after.get(algorithm)? != value))
        .collect();
    common.contains(&true) && !common.contains(&false)
}

/// Applies a MATCH rule, as `verify_match_rule`; `words` are those after the keyword.
fn verify_match_rule(
    words: &[&str],
    queue: &Paths,
    source_artifacts: &Artifacts,
    links: &BTreeMap<String, Item>,
) -> Result<Paths, WrongFormat> {
    let lower: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    // MATCH <pattern> [IN <source>] WITH (MATERIALS|PRODUCTS) [IN <destination>] FROM <step>
    let (source_prefix, destination, destination_prefix, step) = match lower.as_slice() {
        [_, "with", destination, "from", _] => ("", *destination, "", words[4]),
        [_, "in", _, "with", destination, "from", _] => (words[2], *destination, "", words[6]),
        [_, "with", destination, "in", _, "from", _] => ("", *destination, words[4], words[6]),
        [_, "in", _, "with", destination, "in", _, "from", _] => {
            (words[2], *destination, words[6], words[8])
        }
        _ => return Err(WrongFormat),
    };
    let mut consumed = Paths::new();
    // The destination link may be missing: then nothing is consumed.
    let Some(link) = links.get(step) else { return Ok(consumed) };
    let destination_artifacts = match destination {
        "materials" => &link.materials,
        "products" => &link.products,
        _ => return Err(WrongFormat),
    };
    // Match only the artifacts below the source prefix, without it.
    let source_prefix = with_slash(source_prefix);
    let filtered: Paths = if source_prefix.is_empty() {
        filter(queue, words[0])
    } else {
        let below = queue.iter().filter_map(|path| path.strip_prefix(&source_prefix));
        filter(&below.map(str::to_owned).collect(), words[0])
    };
    for path in filtered {
        let full_source = format!("{source_prefix}{path}");
        let full_destination = format!("{}{path}", with_slash(destination_prefix));
        let Some(source) = source_artifacts.get(&full_source) else { continue };
        let Some(destination) = destination_artifacts.get(&full_destination) else { continue };
        if source == destination {
            consumed.insert(full_source);
        }
    }
    Ok(consumed)
}

/// `os.path.join(prefix, "")`: a slash behind the prefix, unless it is there or the prefix empty.
fn with_slash(prefix: &str) -> String {
    if prefix.is_empty() || prefix.ends_with('/') {
        prefix.to_owned()
    } else {
        format!("{prefix}/")
    }
}

fn filter(paths: &Paths, pattern: &str) -> Paths {
    fnmatch::filter(paths, pattern).into_iter().cloned().collect()
}

fn intersection(left: &Paths, right: &Paths) -> Paths {
    left.intersection(right).cloned().collect()
}

fn difference(left: &Paths, right: &Paths) -> Paths {
    left.difference(right).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifacts(all: &[(&str, &str)]) -> Artifacts {
        let one = |content: &str| Digests::from([("sha256".to_owned(), content.to_owned())]);
        all.iter().map(|(path, content)| ((*path).to_owned(), one(content))).collect()
    }

    fn rule(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn the_examples_of_the_reference_come_out_as_there() {
        let item = Item {
            materials: artifacts(&[("foo", "1"), ("sub/foo", "1"), ("gone", "1"), ("same", "1")]),
            products: artifacts(&[("foo", "2"), ("new", "1"), ("same", "1")]),
        };
        let source =
            Item { products: artifacts(&[("foo", "1"), ("sub/foo", "1")]), ..Item::default() };
        let links = BTreeMap::from([("src".to_owned(), source)]);
        let run = |list, text: &str| verify_item_rules(&item, list, &[rule(text)], &links).unwrap();
        let names = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect::<Paths>();

        for (list, text, due) in [
            (List::Products, "CREATE *", &["new"][..]),
            (List::Materials, "CREATE *", &[]),
            (List::Materials, "DELETE *", &["gone", "sub/foo"]),
            (List::Products, "MODIFY *", &["foo"]),
            (List::Materials, "match foo in sub with products from src", &["sub/foo"]),
            (List::Materials, "MATCH foo IN sub WITH PRODUCTS IN sub FROM src", &["sub/foo"]),
            (List::Materials, "MATCH foo IN sub/ WITH PRODUCTS IN sub/ FROM src", &["sub/foo"]),
            (List::Materials, "MATCH foo IN sub WITH PRODUCTS IN sub// FROM src", &[]),
            (List::Materials, "MATCH * WITH PRODUCTS FROM src", &["foo", "sub/foo"]),
            (List::Materials, "MATCH * WITH PRODUCTS FROM nobody", &[]),
        ] {
            assert_eq!(run(list, text).consumed, [names(due)], "{text}");
        }
        assert_eq!(run(List::Products, "DISALLOW n*").failed, [(0, names(&["new"]))]);
        assert_eq!(run(List::Products, "REQUIRE n*").failed, [(0, names(&["n*"]))]);
        assert!(run(List::Products, "REQUIRE new").failed.is_empty());
    }

    #[test]
    fn words_that_the_reference_does_not_unpack_are_refused() {
        let refused = |text: &str| {
            verify_item_rules(&Item::default(), List::Materials, &[rule(text)], &BTreeMap::new())
        };
        for text in ["ALLOW", "PERMIT *", "MATCH * WITH PRODUCTS", "ALLOW a b"] {
            assert!(refused(text).is_err(), "{text}");
        }
        assert!(refused("MATCH * FROM x").is_err());
    }
}
