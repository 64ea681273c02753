//! The vectors in the repository are those that the generator makes, to the byte.
#![expect(clippy::panic, reason = "a test stops where it fails, its helpers too")]

use std::collections::BTreeMap;
use std::path::Path;

use unbroken_testkit::{defects, vectors_folder};

#[test]
fn the_files_in_the_repository_are_the_ones_that_are_made() {
    let again = "run: cargo run -p unbroken-testkit --example make_vectors";
    for defect in defects::all() {
        let made = defect.vector.files();
        let kept = files(&vectors_folder().join(defect.name), "");
        let names: Vec<_> = made.keys().collect();
        assert_eq!(kept.keys().collect::<Vec<_>>(), names, "{}; {again}", defect.name);
        for (path, bytes) in made {
            let same = kept.get(&path) == Some(&bytes);
            assert!(same, "{}/{path} differs; {again}", defect.name);
        }
    }
}

#[test]
fn making_them_twice_gives_the_same_bytes() {
    for (first, second) in defects::all().iter().zip(defects::all()) {
        assert_eq!(first.vector.files(), second.vector.files(), "{}", first.name);
    }
}

fn files(folder: &Path, prefix: &str) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let entries =
        std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries.flatten() {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            found.extend(files(&entry.path(), &format!("{name}/")));
        } else {
            found.insert(name, std::fs::read(entry.path()).unwrap_or_default());
        }
    }
    found
}
