//! No file lies in `tests/cmd` that nothing uses.

use std::path::Path;

use crate::support::{cases, files_below};

/// The folders that cases work on.
const FIXTURES: [&str; 4] = ["keys", "chain", "changed", "source"];

#[test]
fn every_file_of_a_case_belongs_to_one() {
    let mut cases_seen = 0;
    for file in files_below(&cases()) {
        let inside = file.strip_prefix(cases()).unwrap();
        let parts: Vec<&str> = inside.iter().map(|part| part.to_str().unwrap()).collect();
        let [verb, name, ..] = parts.as_slice() else { panic!("{} lies loose", inside.display()) };
        if FIXTURES.contains(verb) {
            continue;
        }
        let case = cases().join(verb).join(name).with_extension("toml");
        assert!(case.is_file(), "{} belongs to no case", inside.display());
        let extension = Path::new(name).extension().and_then(|extension| extension.to_str());
        match (extension, parts.len()) {
            (Some("toml"), 2) => {
                cases_seen += 1;
                for stream in ["stdout", "stderr"] {
                    let snapshot = file.with_extension(stream);
                    assert!(snapshot.is_file(), "{} is missing", snapshot.display());
                }
            }
            (Some("stdout" | "stderr"), 2) | (Some("out"), 3..) => {}
            _ => panic!("{} is not read by any test", inside.display()),
        }
    }
    assert!(cases_seen > 150, "only {cases_seen} cases were found");
}

#[test]
fn every_fixture_is_named_by_a_test() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut users = String::new();
    for file in files_below(&tests) {
        let extension = file.extension().and_then(|extension| extension.to_str());
        if matches!(extension, Some("toml" | "rs")) {
            users.push_str(&std::fs::read_to_string(&file).unwrap());
        }
    }
    for fixture in FIXTURES {
        for file in files_below(&cases().join(fixture)) {
            let inside = file.strip_prefix(cases().join(fixture)).unwrap();
            // A file is used by its name, or with the folder that it lies in.
            let first = inside.iter().next().unwrap().to_str().unwrap();
            assert!(
                users.contains(&format!("{first}\""))
                    || users.contains(&format!("{first} "))
                    || users.contains(&format!("{first}/")),
                "{} is not used",
                file.display()
            );
        }
    }
}
