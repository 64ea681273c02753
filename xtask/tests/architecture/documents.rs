//! Documents and code name the same things: finding codes and their pages, requirements and their tests.

use std::collections::BTreeSet;
use std::path::Path;

use crate::source::{files, read, root};

/// The text of the file that declares the codes.
fn declaration() -> String {
    files(&root().join("crates/unbroken-verify/src"), ".rs")
        .iter()
        .map(|file| read(file))
        .find(|text| text.contains("pub enum FindingCode"))
        .unwrap_or_default()
}

/// The words of the codes: the second halves of `(FindingCode::LayoutExpired, "layout-expired")`.
fn codes_in(text: &str) -> BTreeSet<String> {
    text.split("(FindingCode::")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .filter_map(|(pair, _)| pair.split('"').nth(1))
        .map(str::to_owned)
        .collect()
}

/// The variants of the enum, in the words that their names give: `LayoutExpired` is `layout-expired`.
fn variants_in(text: &str) -> BTreeSet<String> {
    let body = text.split("pub enum FindingCode {").nth(1).and_then(|rest| rest.split('}').next());
    body.unwrap_or_default()
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with(|first: char| first.is_ascii_uppercase()))
        .map(|line| kebab(line.trim_end_matches(',')))
        .collect()
}

fn kebab(name: &str) -> String {
    let mut word = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !word.is_empty() {
            word.push('-');
        }
        word.push(letter.to_ascii_lowercase());
    }
    word
}

fn pages() -> BTreeSet<String> {
    files(&root().join("docs/findings"), ".md")
        .iter()
        .filter_map(|file| file.file_stem())
        .map(|stem| stem.to_string_lossy().into_owned())
        .collect()
}

#[test]
fn every_finding_code_has_the_word_of_its_name() {
    let text = declaration();
    assert!(!variants_in(&text).is_empty(), "no file declares FindingCode");
    assert_eq!(variants_in(&text), codes_in(&text));
}

#[test]
fn every_finding_code_has_a_page_and_every_page_a_code() {
    assert_eq!(codes_in(&declaration()), pages());
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
fn codes_and_variants_are_read_from_their_declaration() {
    let text = "pub enum FindingCode {\n    /// Past.\n    LayoutExpired,\n    KeyIdInvalid,\n}\n\
                &[(FindingCode::LayoutExpired, \"layout-expired\"),\n\
                (FindingCode::KeyIdInvalid, \"key-id-invalid\")]";
    let expected = BTreeSet::from(["layout-expired", "key-id-invalid"].map(str::to_owned));
    assert_eq!(codes_in(text), expected);
    assert_eq!(variants_in(text), expected);
}

#[test]
fn differences_name_findings_that_exist() {
    let text = read(&root().join("docs/differences.md"));
    let codes = codes_in(&declaration());
    for rest in text.split("finding `").skip(1) {
        let code = rest.split('`').next().unwrap_or_default();
        assert!(codes.contains(code), "docs/differences.md names the finding {code:?}");
    }
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
            let vector = root().join("tests/vectors").join(&name);
            code.contains(&format!("fn {name}(")) || vector.is_dir()
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
