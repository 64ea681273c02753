//! Trees that somebody made to confuse whoever records them.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{Mode, OFlags, mkdirat, openat};
use unbroken_model::digest::{DigestAlgorithm, DigestSet};
use unbroken_record::{HashOptions, Progress, RecordError};

use crate::tree::{Tree, hash, names};

#[test]
fn a_tree_as_deep_as_paths_go_is_recorded_and_a_deeper_one_is_an_error() {
    let tree = Tree::new(&[]);
    let mut folder = rustix::fs::open(tree.path(), OFlags::DIRECTORY, Mode::empty()).unwrap();
    let deeper = |folder: &std::os::fd::OwnedFd| {
        mkdirat(folder, "d", Mode::RWXU).unwrap();
        openat(folder, "d", OFlags::DIRECTORY, Mode::empty()).unwrap()
    };
    let file = |folder: &std::os::fd::OwnedFd| {
        openat(folder, "f", OFlags::CREATE | OFlags::WRONLY, Mode::RUSR).unwrap()
    };
    for _ in 0..1900 {
        folder = deeper(&folder);
    }
    file(&folder);
    let due = format!("{}f", "d/".repeat(1900));
    assert_eq!(tree.names(&["."]), [due]);
    // Longer than any path that the system takes: nobody may leave it out in silence.
    for _ in 0..400 {
        folder = deeper(&folder);
    }
    file(&folder);
    let error = tree.hash(&["."]).unwrap_err();
    assert!(matches!(error, RecordError::List { .. } | RecordError::Name { .. }), "{error:?}");
    // The standard library removes by whole paths, too long here.
    let removed = std::process::Command::new("rm").arg("-rf").arg(tree.at("d")).status().unwrap();
    assert!(removed.success());
}

#[test]
fn the_longest_names_are_recorded() {
    let longest = "n".repeat(255);
    let tree = Tree::new(&[(&longest, "1"), (&format!("{longest}.d/x").replacen('n', "", 2), "2")]);
    assert_eq!(tree.names(&["."]).len(), 2);
    assert!(tree.hash(&["."]).unwrap().contains(&longest));
}

#[test]
fn names_with_control_or_direction_characters_are_errors() {
    for name in ["a\nb", "a\rb", "a\u{1b}[2Jb", "a\tb", "a\u{202e}b", "a\u{85}b", "a\u{7f}b"] {
        let tree = Tree::new(&[(&format!("d/{name}"), "1")]);
        for spec in [".", "dir:d", "d/*"] {
            let error = tree.hash(&[spec]).unwrap_err();
            assert!(matches!(error, RecordError::Name { .. }), "{name:?} by {spec}: {error:?}");
            assert!(!error.to_string().contains(name), "the message cannot act on a terminal");
        }
    }
}

#[test]
fn names_that_differ_by_case_or_composition_are_artifacts_of_their_own() {
    let tree = Tree::new(&[("Make", "1"), ("make", "2"), ("\u{e9}", "3"), ("e\u{301}", "4")]);
    let artifacts = tree.hash(&["."]).unwrap();
    assert_eq!(names(&artifacts), ["Make", "e\u{301}", "make", "\u{e9}"]);
    let mut digests: Vec<&DigestSet> = artifacts.iter().map(|(_, digests)| digests).collect();
    digests.dedup();
    assert_eq!(digests.len(), 4);
}

#[test]
fn hard_links_are_artifacts_of_their_own() {
    let tree = Tree::new(&[("a", "1")]);
    fs::hard_link(tree.at("a"), tree.at("b")).unwrap();
    let artifacts = tree.hash(&["."]).unwrap();
    assert_eq!(names(&artifacts), ["a", "b"]);
    assert_eq!(artifacts.get("a"), artifacts.get("b"));
}

#[test]
fn many_files_in_one_folder_are_all_there() {
    let tree = Tree::new(&[]);
    for number in 0..20_000 {
        File::create(tree.at(&format!("f{number:05}"))).unwrap();
    }
    let artifacts = tree.hash(&["."]).unwrap();
    assert_eq!(artifacts.len(), 20_000);
    assert!(artifacts.iter().map(|(path, _)| path).is_sorted());
}

#[test]
fn the_holes_of_a_sparse_file_are_hashed_as_what_they_read_as() {
    let tree = Tree::new(&[("zeros", &"\0".repeat(9 << 20))]);
    File::create(tree.at("sparse")).unwrap().set_len(9 << 20).unwrap();
    let artifacts = tree.hash(&["."]).unwrap();
    assert_eq!(artifacts.get("sparse"), artifacts.get("zeros"));
}

/// Turns a folder into a link that leads out of the tree, once the walk has seen what is in it.
struct Swap {
    folder: PathBuf,
    outside: PathBuf,
    done: AtomicBool,
}

impl Progress for Swap {
    fn found(&self, _files: u64) {
        if !self.done.swap(true, Ordering::Relaxed) {
            fs::rename(&self.folder, self.folder.with_extension("old")).unwrap();
            symlink(&self.outside, &self.folder).unwrap();
        }
    }

    fn hashed(&self, _files: u64, _bytes: u64) {}
}

#[test]
fn a_folder_that_becomes_a_link_while_it_is_walked_leads_nowhere() {
    let outside = Tree::new(&[("b/secret", "x"), ("first", "x")]);
    for path in ["a/b/secret", "a/first", "a/c/d/e/secret"] {
        let tree = Tree::new(&[("a/first", "1"), (path, "2")]);
        outside.write(path.strip_prefix("a/").unwrap(), "x");
        let swap = Swap {
            folder: tree.at("a"),
            outside: outside.path().to_owned(),
            done: AtomicBool::new(false),
        };
        let options = HashOptions { progress: Some(&swap), ..tree.options() };
        let error = hash(&["."], &options).unwrap_err();
        let seen = matches!(
            error,
            RecordError::List { .. } | RecordError::Changed { .. } | RecordError::Read { .. }
        );
        assert!(seen, "{path}: {error:?}");
        assert!(swap.done.into_inner());
    }
}

#[test]
fn a_digest_is_of_strong_functions_alone() {
    let tree = Tree::new(&[("a", "1")]);
    for weak in [DigestAlgorithm::Md5, DigestAlgorithm::Sha1] {
        let options = HashOptions { algorithms: vec![weak], ..tree.options() };
        assert!(matches!(hash(&["a"], &options), Err(RecordError::Algorithm { .. })));
    }
}
