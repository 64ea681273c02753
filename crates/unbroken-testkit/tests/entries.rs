//! A short run of every fuzz target on its corpus and on input made of it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where it fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use unbroken_testkit::entries::{ALL, Entry, fuzz_folder};
use unbroken_testkit::{Random, figure};

fn corpus(entry: &Entry) -> Vec<Vec<u8>> {
    let folder = fuzz_folder().join("corpus").join(entry.name);
    let files =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Rounds are few where one of them takes long by design.
fn rounds(entry: &Entry) -> u32 {
    match entry.name {
        "encrypted_private_key" => 60,
        "image_archive" | "openpgp_certificate" => 600,
        name if name.ends_with("signed")
            || name == "rules"
            || name == "parameters"
            || name == "readme" =>
        {
            600
        }
        _ => 3000,
    }
}

#[test]
fn every_target_stands_its_corpus_and_what_is_made_of_it() {
    let mut inputs = 0;
    for entry in ALL {
        let corpus = corpus(entry);
        assert!(!corpus.is_empty(), "{}", entry.name);
        for input in &corpus {
            (entry.run)(input);
        }
        entry.run_mutated(&corpus, rounds(entry), &mut Random::new(2026));
        inputs += corpus.len() + usize::try_from(rounds(entry)).unwrap();
    }
    figure("fuzz targets", ALL.len());
    figure("fuzz targets: inputs of the short run, none of which breaks one", inputs);
}

fn names(folder: &Path) -> BTreeSet<String> {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect()
}

#[test]
fn every_entry_is_a_fuzz_target_with_a_corpus() {
    let mut entries: BTreeSet<String> = ALL.iter().map(|entry| entry.name.to_owned()).collect();
    assert!(entries.len() >= 25 && entries.len() == ALL.len());
    // The webhook's are in its own tests, which the testkit is no part of.
    let webhook = fuzz_folder().join("../crates/unbroken-webhook/tests/admission/entries.rs");
    let webhook = fs::read_to_string(webhook).unwrap();
    let names_there = webhook.split("Entry { name: \"").skip(1).map(|rest| rest.split('"').next());
    entries.extend(names_there.flatten().map(str::to_owned));
    assert_eq!(entries.len(), ALL.len() + 5);
    assert_eq!(names(&fuzz_folder().join("fuzz_targets")), entries);
    assert_eq!(names(&fuzz_folder().join("corpus")), entries);
    let manifest = fs::read_to_string(fuzz_folder().join("Cargo.toml")).unwrap();
    for name in &entries {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
    }
}
