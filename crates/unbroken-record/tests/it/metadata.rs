//! Modes, targets of links and empty folders as artifacts of their own.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use unbroken_model::artifact::ArtifactSet;
use unbroken_model::digest::DigestAlgorithm;
use unbroken_record::{HashOptions, Metadata, RecordError, SymlinkPolicy};

use crate::tree::{Tree, hash, names};

fn with_metadata(tree: &Tree) -> HashOptions<'static> {
    HashOptions { metadata: Metadata::Recorded, ..tree.options() }
}

fn mode(tree: &Tree, path: &str, mode: u32) {
    fs::set_permissions(tree.at(path), fs::Permissions::from_mode(mode)).unwrap();
}

fn assert_text(artifacts: &ArtifactSet, name: &str, text: &str) {
    let due = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    assert!(artifacts.contains(name), "{name} is not recorded");
    let found = artifacts.get(name).unwrap();
    let found = found.get(&DigestAlgorithm::Sha256).unwrap();
    assert_eq!(found.hex(), data_encoding::HEXLOWER.encode(due.as_ref()), "{name}");
}

#[test]
fn files_folders_and_links_tell_what_they_are() {
    let tree = Tree::new(&[("bin/app", "1"), ("bin/data", "2")]);
    fs::create_dir(tree.at("empty")).unwrap();
    tree.link("bin/app", "current");
    for (path, bits) in
        [("bin/app", 0o4755), ("bin/data", 0o640), ("bin", 0o755), ("empty", 0o1777)]
    {
        mode(&tree, path, bits);
    }
    let artifacts = hash(&["."], &with_metadata(&tree)).unwrap();
    let due = [
        "bin/app",
        "bin/data",
        "current",
        "mode:bin",
        "mode:bin/app",
        "mode:bin/data",
        "mode:empty",
        "symlink:current",
    ];
    assert_eq!(names(&artifacts), due);
    for (name, text) in [
        ("mode:bin/app", "mode 104755\n"),
        ("mode:bin/data", "mode 100640\n"),
        ("mode:bin", "mode 040755\n"),
        ("mode:empty", "mode 041777\n"),
        ("symlink:current", "symlink bin/app\n"),
    ] {
        assert_text(&artifacts, name, text);
    }
    assert_eq!(names(&tree.hash(&["."]).unwrap()), ["bin/app", "bin/data", "current"]);
}

/// GHSA-wqrg-wjp9-wqfq: a step that sets a bit leaves another record.
#[test]
fn a_bit_that_was_set_changes_one_artifact() {
    let tree = Tree::new(&[("app", "1"), ("other", "1")]);
    mode(&tree, "app", 0o755);
    let before = hash(&["."], &with_metadata(&tree)).unwrap();
    mode(&tree, "app", 0o4755);
    let after = hash(&["."], &with_metadata(&tree)).unwrap();
    let changed: Vec<&str> = before
        .iter()
        .filter(|(path, digests)| after.get(path.as_str()) != Some(digests))
        .map(|(path, _)| path.as_str())
        .collect();
    assert_eq!(changed, ["mode:app"]);
    assert_eq!(before.len(), after.len());
}

#[test]
fn arguments_tell_of_themselves_too() {
    let tree = Tree::new(&[("d/app", "1"), ("d/more", "1"), ("x", "2")]);
    tree.link("d", "folder");
    tree.link("x", "file");
    let found = |specs: &[&str]| names(&hash(specs, &with_metadata(&tree)).unwrap());
    assert_eq!(found(&["d/app"]), ["d/app", "mode:d/app"]);
    assert_eq!(found(&["d"]), ["d/app", "d/more", "mode:d", "mode:d/app", "mode:d/more"]);
    assert_eq!(found(&["d", "d/app", "./d"]), found(&["d"]), "once each");
    assert_eq!(found(&["d/m*"]), ["d/more", "mode:d/more"]);
    assert_eq!(found(&["file"]), ["file", "symlink:file"]);
    let due =
        ["folder/app", "folder/more", "mode:folder/app", "mode:folder/more", "symlink:folder"];
    assert_eq!(found(&["folder"]), due);
    assert_eq!(found(&["file:x"]), ["file:x", "mode:x"]);
    assert_eq!(found(&["dir:d"]), ["dir:d"]);
}

#[test]
fn exclusions_prefixes_and_limits_hold_for_metadata() {
    let tree = Tree::new(&[("src/a", "1"), ("src/b~", "2"), ("src/.git/x", "3")]);
    let mut options = with_metadata(&tree);
    options.strip_prefixes = vec!["src/".to_owned()];
    options.excludes.push("src/c".to_owned());
    tree.write("src/c", "4");
    assert_eq!(names(&hash(&["src"], &options).unwrap()), ["a", "mode:a", "mode:src"]);
    options.file_limit = 2;
    assert!(matches!(hash(&["src"], &options), Err(RecordError::TooManyFiles { limit: 2 })));
}

#[test]
fn no_plain_file_passes_for_metadata() {
    for name in ["mode:app", "symlink:app"] {
        let tree = Tree::new(&[(&format!("{name}/x"), "mode 100755\n")]);
        for options in [tree.options(), with_metadata(&tree)] {
            let refused = hash(&["."], &options).unwrap_err();
            assert!(matches!(refused, RecordError::ReservedName { .. }), "{name}: {refused:?}");
        }
    }
}

/// GHSA-v6px-jqx8-8xwj: a link can be recorded without what it leads to.
#[test]
fn links_that_are_recorded_are_not_followed() {
    let outside = Tree::new(&[("secret", "x")]);
    let tree = Tree::new(&[("a", "1"), ("d/b", "2")]);
    tree.link(outside.at("secret"), "d/outside");
    tree.link("nowhere", "dangling");
    tree.link("self", "self");
    tree.link("d", "folder");
    tree.link("/dev/zero", "endless");
    let options = HashOptions { symlinks: SymlinkPolicy::Record, ..tree.options() };
    let artifacts = hash(&["."], &options).unwrap();
    let due = [
        "a",
        "d/b",
        "symlink:d/outside",
        "symlink:dangling",
        "symlink:endless",
        "symlink:folder",
        "symlink:self",
    ];
    assert_eq!(names(&artifacts), due);
    assert_text(&artifacts, "symlink:dangling", "symlink nowhere\n");
    for (spec, due) in [
        ("dangling", "symlink:dangling"),
        ("folder", "symlink:folder"),
        ("d/outside", "symlink:d/outside"),
        ("end*", "symlink:endless"),
        ("folder/b", "folder/b"),
    ] {
        assert_eq!(names(&hash(&[spec], &options).unwrap()), [due], "{spec}");
    }
    assert!(matches!(hash(&["dir:."], &options), Err(RecordError::Name { .. })));
    assert!(matches!(hash(&["dir:d"], &options), Err(RecordError::SymlinkRefused { .. })));

    let before = artifacts;
    fs::remove_file(tree.at("dangling")).unwrap();
    tree.link("elsewhere", "dangling");
    let after = hash(&["."], &options).unwrap();
    assert_ne!(before.get("symlink:dangling"), after.get("symlink:dangling"));
}

#[test]
fn a_link_on_the_way_to_a_recorded_link_must_stay_inside() {
    let outside = Tree::new(&[("x", "x")]);
    outside.link("x", "link");
    let tree = Tree::new(&[("a", "1")]);
    tree.link(outside.path(), "away");
    let options = HashOptions { symlinks: SymlinkPolicy::Record, ..tree.options() };
    let error = hash(&["away/link"], &options).unwrap_err();
    assert!(matches!(error, RecordError::SymlinkOutside { .. }), "{error:?}");
}
