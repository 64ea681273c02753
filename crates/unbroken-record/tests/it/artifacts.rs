//! Names and digests of artifacts.

use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use unbroken_model::digest::DigestAlgorithm;
use unbroken_record::{HashOptions, MissingPolicy, Progress, RecordError};

use crate::tree::{Tree, hash, names};

fn sha256(tree: &Tree, specs: &[&str], name: &str) -> String {
    let artifacts = tree.hash(specs).unwrap();
    let digest = artifacts.get(name).unwrap().get(&DigestAlgorithm::Sha256).unwrap();
    digest.hex().to_owned()
}

#[test]
fn files_and_folders_are_named_by_their_normal_paths() {
    let tree = Tree::new(&[("a", "abc"), ("d/f", "1"), ("d/e/g", "2"), ("d/e.x", "3")]);
    assert_eq!(tree.names(&["./a", "d//f"]), ["a", "d/f"]);
    assert_eq!(tree.names(&["."]), ["a", "d/e.x", "d/e/g", "d/f"]);
    assert_eq!(tree.names(&["d/../d/e/"]), ["d/e/g"]);
    assert_eq!(tree.names(&["file:./d/f", "a"]), ["a", "file:d/f"]);
    let due = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(sha256(&tree, &["a"], "a"), due);
}

#[test]
fn one_file_named_twice_is_one_artifact() {
    let tree = Tree::new(&[("a", "1"), ("d/b", "2")]);
    assert_eq!(tree.names(&["d", ".", "a", "./a", "d/b"]), ["a", "d/b"]);
    assert_eq!(tree.names(&["dir:d", "dir:d/"]), ["dir:d"]);
}

#[test]
fn a_backslash_is_no_separator() {
    let tree = Tree::new(&[("b\\c", "evil"), ("b/c", "good")]);
    let artifacts = tree.hash(&["."]).unwrap();
    assert_eq!(names(&artifacts), ["b/c", "b\\c"]);
    assert_ne!(artifacts.get("b/c"), artifacts.get("b\\c"));
}

#[test]
fn names_outside_of_the_base_need_a_prefix_to_strip() {
    let tree = Tree::new(&[("base/x", ""), ("side/a", "1")]);
    let mut options = HashOptions { base_path: Some(tree.at("base")), ..HashOptions::default() };
    assert!(matches!(hash(&["../side/a"], &options), Err(RecordError::Name { .. })));
    options.strip_prefixes = vec!["../side/".to_owned()];
    assert_eq!(names(&hash(&["../side"], &options).unwrap()), ["a"]);
    let absolute = tree.at("side/a");
    options.strip_prefixes = vec![format!("{}/", tree.path().display())];
    let artifacts = hash(&[absolute.to_str().unwrap()], &options).unwrap();
    assert_eq!(names(&artifacts), ["side/a"]);
}

#[test]
fn two_files_that_become_one_name_are_an_error() {
    let tree = Tree::new(&[("a/x", "1"), ("b/x", "1")]);
    let options =
        HashOptions { strip_prefixes: vec!["a/".to_owned(), "b/".to_owned()], ..tree.options() };
    let Err(RecordError::Collision { name, first, second }) = hash(&["."], &options) else {
        panic!("the names were to collide");
    };
    assert_eq!(name, "x");
    assert!(first.ends_with("a/x") && second.ends_with("b/x"));
}

#[test]
fn a_name_that_is_stripped_away_is_an_error() {
    let tree = Tree::new(&[("foo", "1")]);
    let options = HashOptions { strip_prefixes: vec!["foo".to_owned()], ..tree.options() };
    assert!(matches!(hash(&["foo"], &options), Err(RecordError::EmptyName { .. })));
}

#[test]
fn globs_match_hidden_names_and_across_folders() {
    let tree = Tree::new(&[
        ("src/a.rs", ""),
        ("src/.hidden.rs", ""),
        ("src/b.txt", ""),
        ("src/deep/er/a.rs", ""),
        ("x[1].txt", ""),
        ("x1.txt", ""),
    ]);
    assert_eq!(tree.names(&["src/*.rs"]), ["src/.hidden.rs", "src/a.rs"]);
    assert_eq!(tree.names(&["**/a.rs"]), ["src/a.rs", "src/deep/er/a.rs"]);
    assert_eq!(tree.names(&["src/**/er/*"]), ["src/deep/er/a.rs"]);
    assert_eq!(tree.names(&["s?c/d*"]), ["src/deep/er/a.rs"]);
    assert_eq!(tree.names(&["**"]).len(), 6);
    assert_eq!(tree.names(&["x[1].txt"]), ["x[1].txt"], "a file of that very name comes first");
    assert_eq!(tree.names(&["x[12].txt"]), ["x1.txt"]);
}

#[test]
fn what_matches_nothing_is_an_error_unless_asked_otherwise() {
    let tree = Tree::new(&[("a", "1")]);
    for spec in ["b", "a/b", "*.x", "file:b", "dir:b", "git:b", "**/x", "/nowhere/at/all"] {
        let error = tree.hash(&["a", spec]).unwrap_err();
        assert!(matches!(error, RecordError::Missing { .. }), "{spec}: {error:?}");
        let options = HashOptions { missing: MissingPolicy::Skip, ..tree.options() };
        assert_eq!(names(&hash(&["a", spec], &options).unwrap()), ["a"], "{spec}");
    }
}

#[test]
fn unknown_schemes_are_errors_and_no_missing_files() {
    let tree = Tree::new(&[("note:today", "1")]);
    for spec in ["https://host/x", "oci:app", "note:today"] {
        let options = HashOptions { missing: MissingPolicy::Skip, ..tree.options() };
        let error = hash(&[spec], &options).unwrap_err();
        assert!(matches!(error, RecordError::UnknownScheme { .. }), "{spec}");
    }
    assert_eq!(tree.names(&["./note:today"]), ["note:today"]);
}

#[test]
fn a_file_cannot_pass_for_the_artifact_of_a_resolver() {
    let tree = Tree::new(&[("t/oci:app", "1")]);
    let options = HashOptions { base_path: Some(tree.at("t")), ..HashOptions::default() };
    assert!(matches!(hash(&["."], &options), Err(RecordError::ReservedName { .. })));
    assert_eq!(tree.names(&["dir:t"]), ["dir:t"]);
}

#[test]
fn exclusions_prune_folders_before_they_are_read() {
    let tree = Tree::new(&[
        ("a.py", ""),
        ("a.pyc", ""),
        ("b~", ""),
        ("build.0123abcd.link", ""),
        (".git/HEAD", ""),
        ("sub/.git", ""),
        ("node_modules/x/y", ""),
        ("out/keep", ""),
        ("out/drop", ""),
    ]);
    // Neither the circle nor the FIFO would be taken, but both are excluded.
    tree.link(".", "node_modules/circle");
    rustix::fs::mkfifoat(rustix::fs::CWD, tree.at("x.fifo"), rustix::fs::Mode::RUSR).unwrap();
    let mut options = tree.options();
    let more = ["node_modules", "*.fifo", "out/", "!out/keep"];
    options.excludes.extend(more.map(str::to_owned));
    let found = names(&hash(&["."], &options).unwrap());
    assert_eq!(found, ["a.py", "out/keep"]);
    assert_eq!(names(&hash(&["**/*"], &options).unwrap()), found);
    assert!(hash(&["a.pyc", "node_modules/x", "sub"], &options).unwrap().is_empty());
    options.excludes = vec!["[z-a]".to_owned()];
    assert!(matches!(hash(&["."], &options), Err(RecordError::Pattern { .. })));
}

#[test]
fn the_digest_of_a_folder_is_that_of_the_shell() {
    let tree =
        Tree::new(&[("d/b", "2"), ("d/a/x", "1"), ("d/a.b", "3"), ("d/Z", "4"), ("d/é", "5")]);
    std::fs::create_dir(tree.at("empty")).unwrap();
    for name in ["d", "empty"] {
        let shell = "find . -type f | cut -c3- | LC_ALL=C sort | xargs -r sha256sum | sha256sum";
        let printed =
            Command::new("sh").args(["-c", shell]).current_dir(tree.at(name)).output().unwrap();
        let spec = format!("dir:{name}");
        let found = sha256(&tree, &[&spec], &spec);
        let printed = String::from_utf8(printed.stdout).unwrap();
        assert_eq!(printed, format!("{found}  -\n"), "{name}");
    }
    assert!(matches!(tree.hash(&["dir:d/b"]), Err(RecordError::NotAFolder { .. })));
    assert!(matches!(tree.hash(&["dir:."]), Err(RecordError::Name { .. })));
}

#[test]
fn a_line_feed_in_a_name_cannot_forge_a_line_of_a_folder() {
    let tree = Tree::new(&[("d/a\nb", "1")]);
    assert!(matches!(tree.hash(&["dir:d"]), Err(RecordError::Name { .. })));
    assert!(matches!(tree.hash(&["d"]), Err(RecordError::Name { .. })));
}

#[test]
fn several_digests_are_made_at_once() {
    let tree = Tree::new(&[("a", "abc")]);
    let algorithms =
        vec![DigestAlgorithm::Blake3, DigestAlgorithm::Sha256, DigestAlgorithm::Sha512];
    let options = HashOptions { algorithms: algorithms.clone(), ..tree.options() };
    let artifacts = hash(&["a"], &options).unwrap();
    let found: Vec<_> =
        artifacts.get("a").unwrap().iter().map(|digest| digest.algorithm().clone()).collect();
    assert_eq!(found.len(), 3);
    assert!(algorithms.iter().all(|algorithm| found.contains(algorithm)));
}

#[test]
fn line_endings_are_normalised_on_demand_only() {
    let tree = Tree::new(&[("crlf", "a\r\nb\rc\n"), ("lf", "a\nb\nc\n")]);
    let plain = tree.hash(&["."]).unwrap();
    assert_ne!(plain.get("crlf"), plain.get("lf"));
    let options = HashOptions { normalize_line_endings: true, ..tree.options() };
    let normal = hash(&["."], &options).unwrap();
    assert_eq!(normal.get("crlf"), plain.get("lf"));
    assert_eq!(normal.get("lf"), plain.get("lf"));
}

#[test]
fn many_files_of_many_sizes_are_all_there() {
    let tree = Tree::new(&[]);
    for number in 0..3000 {
        let size = if number % 500 == 0 { 300_000 } else { number };
        tree.write(&format!("d{}/f{number}", number % 7), format!("{number}").repeat(size));
    }
    let counted = Counter::default();
    let options = HashOptions { progress: Some(&counted), ..tree.options() };
    let artifacts = hash(&["."], &options).unwrap();
    assert_eq!(artifacts.len(), 3000);
    let listing = Command::new("sh")
        .args(["-c", "find . -type f | cut -c3- | LC_ALL=C sort | xargs sha256sum"])
        .current_dir(tree.path())
        .output()
        .unwrap();
    let lines = artifacts.iter().map(|(path, digests)| {
        let digest = digests.get(&DigestAlgorithm::Sha256).unwrap();
        format!("{}  {path}", digest.hex())
    });
    let ours: Vec<String> = lines.collect();
    let theirs = String::from_utf8(listing.stdout).unwrap();
    assert!(ours.iter().eq(theirs.lines().collect::<Vec<_>>()));
    assert_eq!(counted.found.into_inner(), 3000);
    assert_eq!(counted.files.into_inner(), 3000);
    assert!(counted.bytes.into_inner() > 6 * 300_000);
}

#[test]
fn the_number_of_files_is_bounded() {
    let tree = Tree::new(&[("a", ""), ("b", ""), ("c/d", "")]);
    let mut options = HashOptions { file_limit: 2, ..tree.options() };
    assert!(matches!(hash(&["."], &options), Err(RecordError::TooManyFiles { limit: 2 })));
    options.file_limit = 3;
    assert_eq!(hash(&["."], &options).unwrap().len(), 3);
}

#[derive(Default)]
struct Counter {
    found: AtomicU64,
    files: AtomicU64,
    bytes: AtomicU64,
}

impl Progress for Counter {
    fn found(&self, files: u64) {
        self.found.fetch_add(files, Ordering::Relaxed);
    }

    fn hashed(&self, files: u64, bytes: u64) {
        self.files.fetch_add(files, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}
