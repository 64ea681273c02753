//! Every defect vector gives the verdict that it says, with exactly the findings that it says.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test stops where it fails, its helpers too, and reads its vectors from files"
)]

use std::collections::BTreeSet;
use std::path::PathBuf;

use unbroken_testkit::{Vector, artifacts, defects, vectors_folder};
use unbroken_verify::FindingCode;

fn folders() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(vectors_folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn all() -> Vec<(String, Vector)> {
    let read = |folder: &PathBuf| {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let vector = Vector::read(folder).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, vector)
    };
    folders().iter().map(read).collect()
}

#[test]
fn every_vector_gives_its_verdict() {
    let mut faults = Vec::new();
    for (name, vector) in all() {
        let verdict = vector.case.judge();
        let verified = vector.errors.is_empty();
        if (verdict.verified, &verdict.errors, &verdict.warnings)
            != (verified, &vector.errors, &vector.warnings)
        {
            let findings: Vec<String> =
                verdict.findings.iter().map(|finding| format!("\n    {finding}")).collect();
            faults.push(format!(
                "{name}: due {:?} and {:?}, found {:?} and {:?}:{}",
                vector.errors,
                vector.warnings,
                verdict.errors,
                verdict.warnings,
                findings.concat()
            ));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// What is delivered is what the inspection is said to have found.
#[test]
fn every_product_is_what_its_inspection_found() {
    for (name, vector) in all() {
        let Some(product) = &vector.product else { continue };
        let files: Vec<(&str, &str)> =
            product.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        if let Some(outcome) = vector.case.outcomes.get("no-critical") {
            assert_eq!(outcome.materials, artifacts(&files), "{name}");
            assert_eq!(outcome.products, artifacts(&files), "{name}");
        }
    }
}

#[test]
fn every_finding_is_raised_by_a_vector() {
    let raised: BTreeSet<String> = all()
        .into_iter()
        .flat_map(|(_, vector)| [vector.errors, vector.warnings].concat())
        .collect();
    let silent: Vec<&str> = FindingCode::all()
        .map(FindingCode::as_str)
        .filter(|code| !raised.contains(*code))
        .collect();
    assert!(silent.is_empty(), "no vector raises {silent:?}");
}

#[test]
fn every_folder_is_a_vector_that_the_generator_makes() {
    let made: BTreeSet<&str> = defects::all().iter().map(|defect| defect.name).collect();
    let kept: Vec<(String, Vector)> = all();
    let names: BTreeSet<&str> = kept.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, made);
    assert!(names.len() >= 50, "only {} vectors", names.len());
}

#[test]
fn a_folder_that_does_not_say_what_is_due_is_no_vector() {
    let refused = |text: Option<&str>| {
        let folder = std::env::temp_dir().join(format!("unbroken-vector-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        if let Some(text) = text {
            std::fs::write(folder.join("expect.toml"), text).unwrap();
        }
        let outcome = Vector::read(&folder).map(|_| ());
        std::fs::remove_dir_all(&folder).unwrap();
        outcome.unwrap_err()
    };
    let expect = |verdict: &str, code: &str| {
        format!(
            "title = \"\"\nreference = \"\"\nverdict = \"{verdict}\"\nerrors = [\"{code}\"]\n\
             now = \"2026-06-01T12:00:00Z\"\n"
        )
    };
    assert!(refused(None).contains("expect.toml"));
    assert!(refused(Some(&expect("rejected", "no-such-code"))).contains("no finding code"));
    assert!(refused(Some(&expect("verified", "layout-expired"))).contains("does not fit"));
}
