//! The size and the shape of files.

use crate::source::{code_lines, files, read, rooms, root};

/// Aim at 60 to 200 lines, ask yourself at 300, split at this.
const MOST_LINES: usize = 400;

#[test]
fn no_source_file_is_longer_than_four_hundred_lines_of_code() {
    for room in rooms() {
        for file in files(&room.join("src"), ".rs") {
            if file.file_name().is_some_and(|name| name == "tests.rs") {
                continue;
            }
            let lines = code_lines(&read(&file)).len();
            assert!(lines <= MOST_LINES, "{}: {lines} lines of code", file.display());
        }
    }
}

#[test]
fn modules_are_files_that_bear_their_own_name() {
    for folder in ["crates", "xtask"] {
        for file in files(&root().join(folder), ".rs") {
            assert!(
                file.file_name().is_some_and(|name| name != "mod.rs"),
                "{}: a module lies beside its folder, as rule.rs beside rule/",
                file.display()
            );
        }
    }
}

#[test]
fn every_crate_inherits_the_lints_of_the_workspace() {
    for package in rooms().into_iter().chain([root().join("xtask")]) {
        let manifest = read(&package.join("Cargo.toml"));
        assert!(manifest.contains("[lints]\nworkspace = true"), "{}", package.display());
    }
}
