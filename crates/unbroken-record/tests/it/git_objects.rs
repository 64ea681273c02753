//! Objects of real git repositories.

use std::fs;
use std::path::Path;
use std::process::Command;

use unbroken_model::digest::DigestAlgorithm;
use unbroken_record::{HashOptions, RecordError};

use crate::tree::{Tree, hash, names};

fn git(folder: &Path, words: &[&str]) -> String {
    let output = Command::new("/usr/bin/git")
        .args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"])
        .args(words)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn repository() -> Tree {
    let tree = Tree::new(&[("repo/src/a", "one"), ("repo/b", "two")]);
    let repo = tree.at("repo");
    git(&repo, &["init", "-q"]);
    git(&repo, &["add", "."]);
    git(&repo, &["commit", "-q", "-m", "first"]);
    git(&repo, &["tag", "-a", "v1", "-m", "release"]);
    tree
}

fn digest(tree: &Tree, spec: &str, name: &str, algorithm: &DigestAlgorithm) -> String {
    let artifacts = tree.hash(&[spec]).unwrap();
    assert_eq!(names(&artifacts), [name]);
    artifacts.get(name).unwrap().get(algorithm).unwrap().hex().to_owned()
}

#[test]
fn commits_trees_blobs_and_tags_are_recorded_by_their_ids() {
    let tree = repository();
    let repo = tree.at("repo");
    for (spec, revision, algorithm) in [
        ("git:repo", "HEAD", DigestAlgorithm::GitCommit),
        ("git:repo@main", "main", DigestAlgorithm::GitCommit),
        ("git:repo@HEAD^{tree}", "HEAD^{tree}", DigestAlgorithm::GitTree),
        ("git:repo@HEAD:src/a", "HEAD:src/a", DigestAlgorithm::GitBlob),
        ("git:repo@v1", "v1", DigestAlgorithm::GitTag),
        ("git:repo@v1", "v1^{commit}", DigestAlgorithm::GitCommit),
    ] {
        let due = git(&repo, &["rev-parse", revision]);
        assert_eq!(digest(&tree, spec, spec, &algorithm), due, "{spec}");
    }
}

#[test]
fn the_working_tree_plays_no_part_and_the_working_folder_has_a_name() {
    let tree = repository();
    let before = tree.hash(&["git:repo/"]).unwrap();
    tree.write("repo/b", "changed");
    assert_eq!(tree.hash(&["git:./repo"]).unwrap(), before);
    let options = HashOptions { base_path: Some(tree.at("repo")), ..HashOptions::default() };
    assert_eq!(names(&hash(&["git:.", "git:.@v1"], &options).unwrap()), ["git:@HEAD", "git:@v1"]);
}

#[test]
fn what_is_no_object_is_an_error_and_no_option() {
    let tree = repository();
    for revision in ["none", "--help", "-h", "--batch", "HEAD:none", "", "HEAD HEAD", "^HEAD"] {
        let spec = format!("git:repo@{revision}");
        let error = tree.hash(&[&spec]).unwrap_err();
        assert!(matches!(error, RecordError::GitRevision { .. }), "{revision}: {error:?}");
    }
    let error = tree.hash(&["git:repo@HEAD\nHEAD"]).unwrap_err();
    assert!(matches!(error, RecordError::Name { .. }));
}

#[test]
fn a_folder_below_a_repository_is_not_that_repository() {
    let tree = repository();
    fs::create_dir(tree.at("plain")).unwrap();
    for spec in ["git:repo/src", "git:plain", "git:repo/b"] {
        let error = tree.hash(&[spec]).unwrap_err();
        assert!(matches!(error, RecordError::GitRepository { .. }), "{spec}: {error:?}");
    }
}

#[test]
fn replacements_are_not_followed() {
    let tree = repository();
    let repo = tree.at("repo");
    let due = git(&repo, &["rev-parse", "HEAD:b"]);
    git(&repo, &["replace", &git(&repo, &["rev-parse", "HEAD^{tree}"]), &evil_tree(&repo)]);
    let found = digest(&tree, "git:repo@HEAD:b", "git:repo@HEAD:b", &DigestAlgorithm::GitBlob);
    assert_eq!(found, due);
}

fn evil_tree(repo: &Path) -> String {
    fs::write(repo.join("b"), "evil").unwrap();
    git(repo, &["add", "b"]);
    git(repo, &["write-tree"])
}
