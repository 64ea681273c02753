//! Documents and code name the same things: finding codes and their pages, requirements and their tests.

use std::collections::BTreeSet;
use std::path::Path;

use crate::source::{files, read, root};

/// The codes that `FindingCode` turns into text: `=> "kebab-case"` in the file that declares it.
fn finding_codes() -> BTreeSet<String> {
    files(&root().join("crates/unbroken-verify/src"), ".rs")
        .iter()
        .map(|file| read(file))
        .filter(|text| text.contains("pub enum FindingCode"))
        .flat_map(|text| codes_in(&text))
        .collect()
}

fn codes_in(text: &str) -> BTreeSet<String> {
    text.split("=> \"")
        .skip(1)
        .filter_map(|rest| rest.split_once('"'))
        .map(|(code, _)| code.to_owned())
        .filter(|code| code.contains(|c: char| c.is_ascii_lowercase()))
        .filter(|code| {
            code.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        })
        .collect()
}

fn pages() -> BTreeSet<String> {
    files(&root().join("docs/findings"), ".md")
        .iter()
        .filter_map(|file| file.file_stem())
        .map(|stem| stem.to_string_lossy().into_owned())
        .collect()
}

#[test]
fn every_finding_code_has_a_page_and_every_page_a_code() {
    assert_eq!(finding_codes(), pages());
}

#[test]
fn every_page_names_its_code_in_its_title() {
    for code in pages() {
        let text = read(&root().join(format!("docs/findings/{code}.md")));
        let title = text.lines().next().unwrap_or_default();
        assert!(
            title.starts_with("# ") && title.contains(&code),
            "{code}.md begins with {title:?}"
        );
    }
}

#[test]
fn codes_are_the_kebab_case_texts_of_match_arms() {
    let text =
        "Self::A => \"layout-expired\",\nSelf::B => \"Not A Code\",\nSelf::C => \"rule-disallow\",";
    let expected = ["layout-expired", "rule-disallow"].map(str::to_owned);
    assert_eq!(codes_in(text), expected.into());
}

/// The test names of the last column of the conformance table: words in backticks that end in a function's name.
fn named_tests(table: &str) -> Vec<String> {
    table
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| ---"))
        .filter_map(|line| line.trim_end().trim_end_matches('|').rsplit('|').next())
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_test_that_the_conformance_table_names_exists() {
    let table = read(&root().join("docs/spec-conformance.md"));
    let code: String = ["crates", "xtask"]
        .iter()
        .flat_map(|folder| files(&root().join(folder), ".rs"))
        .map(|file| read(&file))
        .collect();
    for name in named_tests(&table) {
        let found = if Path::new(&name).components().count() > 1 {
            root().join(&name).exists()
        } else {
            code.contains(&format!("fn {name}("))
        };
        assert!(
            found,
            "docs/spec-conformance.md names `{name}`, which is neither a test nor a path here"
        );
    }
}

#[test]
fn test_names_are_read_from_the_last_column_only() {
    let table =
        "| 4.3 | `MUST` | text | `a_test`, `tests/vectors/x` |\n| --- | --- | --- | --- |\n";
    assert_eq!(named_tests(table), ["a_test", "tests/vectors/x"]);
}
