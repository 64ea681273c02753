//! The threat model: every line of the catalogue once, every name in it there, every code in its tables.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails, its helpers too")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use unbroken_testkit::{catalogue, defects, vectors_folder};
use unbroken_verify::FindingCode;

/// How many lines each group has.
const GROUPS: [(&str, u32); 14] = [
    ("L", 73),
    ("R", 20),
    ("K", 21),
    ("I", 14),
    ("D", 21),
    ("C", 15),
    ("P", 16),
    ("F", 21),
    ("A", 39),
    ("O", 20),
    ("J", 6),
    ("W", 24),
    ("B", 27),
    ("G", 39),
];

/// Advisories beyond the row.
const SINGLE: [&str; 10] = ["A63", "A64", "A68", "A69", "A73", "A74", "A75", "A76", "A77", "A78"];

#[test]
fn every_line_is_there_once() {
    let mut due: Vec<String> = GROUPS
        .iter()
        .flat_map(|(letter, last)| (1..=*last).map(move |number| (letter, number)))
        .map(
            |(letter, number)| {
                if *letter == "J" { format!("J{number}") } else { format!("{letter}{number:02}") }
            },
        )
        .chain(SINGLE.map(str::to_owned))
        .collect();
    due.sort();
    let mut found: Vec<String> = catalogue::lines().into_iter().map(|line| line.id).collect();
    found.sort();
    assert_eq!(found, due);
}

/// A line that nothing holds says so.
#[test]
fn every_line_is_held_or_says_that_it_is_not() {
    for line in catalogue::lines() {
        assert!(!line.held_by.is_empty() || !line.note.is_empty(), "{}", line.id);
    }
}

#[test]
fn every_name_is_a_vector_a_test_or_a_path() {
    let is_there = existing();
    let lines = catalogue::lines();
    let names = lines.iter().flat_map(|line| line.held_by.iter().map(move |name| (&line.id, name)));
    let missing: Vec<_> = names.filter(|(_, name)| !is_there(name)).collect();
    assert!(missing.is_empty(), "these are nowhere: {missing:?}");
}

/// The table of bounds names what exists, too.
#[test]
fn every_bound_has_a_test() {
    let text = fs::read_to_string(catalogue::threat_model()).unwrap();
    let bounds = text.split("## Bounds").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows: Vec<&str> = bounds.lines().filter(|line| line.starts_with("| ")).skip(2).collect();
    assert!(rows.len() > 15, "{}", rows.len());
    let is_there = existing();
    for row in rows {
        let tests = row.trim_end_matches([' ', '|']).rsplit('|').next().unwrap();
        let names: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "{row}");
        for name in names {
            assert!(is_there(name), "{name} is nowhere: {row}");
        }
    }
}

#[test]
fn the_tables_are_the_ones_that_are_made() {
    let kept = fs::read_to_string(catalogue::threat_model()).unwrap();
    let made = catalogue::with_tables(&kept, &defects::all());
    assert!(kept == made, "run: cargo run -p unbroken-testkit --example make_vectors");
    for defect in defects::all() {
        assert!(made.contains(&format!("`{}`", defect.name)), "{} is in no table", defect.name);
    }
}

#[test]
fn every_finding_is_in_the_table_of_classes() {
    let text = fs::read_to_string(catalogue::threat_model()).unwrap();
    let classes = text.split("## Classes of findings").nth(1).unwrap();
    let classes = classes.split("\n## ").next().unwrap();
    let classes: String = classes.lines().filter(|line| line.starts_with('|')).collect();
    for code in FindingCode::all() {
        assert!(classes.contains(&format!("`{code}`")), "{code}");
    }
    for code in classes.split('`').skip(1).step_by(2) {
        assert!(FindingCode::from_word(code).is_some(), "{code} is no finding");
    }
}

/// Tells whether a name is a vector, a test, or a path of the repository.
fn existing() -> impl Fn(&str) -> bool {
    let root = vectors_folder().join("../..");
    let mut sources = Vec::new();
    for folder in ["crates", "xtask"] {
        collect(&root.join(folder), &mut sources);
    }
    let code: String = sources.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let vectors: BTreeSet<&str> = defects::all().iter().map(|defect| defect.name).collect();
    move |name| {
        vectors.contains(name)
            || (name.contains('/') && root.join(name).exists())
            || code.contains(&format!("fn {name}("))
    }
}

/// Finds the Rust files below a folder.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
