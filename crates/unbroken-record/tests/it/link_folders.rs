//! Folders of link files, as a verifier finds them.

use std::fs;

use rustix::fs::{CWD, Mode, mkfifoat};
use unbroken_model::name::StepName;
use unbroken_record::RecordError;
use unbroken_record::link_dir::{LinkDirLimits, LinkFile, LinkFileError, read_links};

use crate::tree::Tree;

fn steps(names: &[&str]) -> Vec<StepName> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn summary(link: &LinkFile) -> (String, String, bool) {
    (link.step.to_string(), link.key_hint.clone(), link.content.is_ok())
}

#[test]
fn links_of_the_steps_are_read_and_nothing_else() {
    let id = "ab".repeat(32);
    let whole = format!("build.{id}.link");
    let tree = Tree::new(&[
        ("build.0123abcd.link", "one"),
        ("build.ffffffff.link", "two"),
        (&whole, "three"),
        ("a.b.0123abcd.link", "dotted"),
        ("build.link", "unsigned"),
        ("build.0123abc.link", "too short"),
        ("build.0123abcx.link", "no digits"),
        ("build.0123abcd.link~", "backup"),
        ("other.0123abcd.link", "not asked for"),
        (".build.0123abcd.link-unfinished", ""),
        ("build.0123abcd/inner.0123abcd.link", "sublayout"),
        ("build.ffff0000", "a file, not a folder"),
        ("product.tar", ""),
    ]);
    let found =
        read_links(tree.path(), &steps(&["build", "a.b", "none"]), &LinkDirLimits::default());
    let found = found.unwrap();
    let links: Vec<_> = found.links.iter().map(summary).collect();
    let due = [("a.b", "0123abcd"), ("build", "0123abcd"), ("build", &id), ("build", "ffffffff")];
    assert_eq!(links, due.map(|(step, hint)| (step.to_owned(), hint.to_owned(), true)));
    assert_eq!(found.links[0].content.as_ref().unwrap(), b"dotted");
    assert_eq!(found.sublayouts.len(), 1);
    assert_eq!(found.sublayouts[0].path, tree.at("build.0123abcd"));
    assert_eq!(found.sublayouts[0].key_hint, "0123abcd");
}

#[test]
fn what_is_no_plain_file_is_told_beside_the_others() {
    let tree = Tree::new(&[("build.00000000.link", "good"), ("elsewhere", "x"), ("dir/x", "")]);
    tree.link("elsewhere", "build.11111111.link");
    tree.link("/dev/zero", "build.22222222.link");
    mkfifoat(CWD, tree.at("build.33333333.link"), Mode::RUSR).unwrap();
    fs::create_dir(tree.at("build.44444444.link")).unwrap();
    tree.link("dir", "build.55555555");
    let found = read_links(tree.path(), &steps(&["build"]), &LinkDirLimits::default()).unwrap();
    assert!(found.sublayouts.is_empty());
    let kinds: Vec<_> = found
        .links
        .iter()
        .map(|link| match &link.content {
            Ok(_) => "read",
            Err(LinkFileError::NotPlain { kind }) => kind,
            Err(other) => panic!("{other:?}"),
        })
        .collect();
    let link = "symbolic link";
    assert_eq!(kinds, ["read", link, link, "FIFO", "folder", link]);
}

#[test]
fn sizes_and_counts_are_bounded() {
    let tree = Tree::new(&[
        ("build.00000000.link", "12345678"),
        ("build.11111111.link", "123456789"),
        ("build.22222222.link", "1234"),
    ]);
    let limits = LinkDirLimits { file_bytes: 8, total_bytes: 10, ..LinkDirLimits::default() };
    let found = read_links(tree.path(), &steps(&["build"]), &limits).unwrap();
    let read: Vec<_> = found.links.iter().map(|link| link.content.is_ok()).collect();
    assert_eq!(read, [true, false, false], "one too large alone, one with those before it");
    assert!(matches!(found.links[1].content, Err(LinkFileError::TooLarge { .. })));
    for limits in [
        LinkDirLimits { files: 2, ..LinkDirLimits::default() },
        LinkDirLimits { entries: 2, ..LinkDirLimits::default() },
    ] {
        let error = read_links(tree.path(), &steps(&["build"]), &limits).unwrap_err();
        assert!(matches!(error, RecordError::TooManyFiles { limit: 2 }));
    }
}

#[test]
fn a_missing_folder_is_an_error_and_no_empty_evidence() {
    let tree = Tree::new(&[("file", "")]);
    for path in ["none", "file"] {
        let error = read_links(&tree.at(path), &[], &LinkDirLimits::default()).unwrap_err();
        assert!(matches!(error, RecordError::List { .. }), "{path}");
    }
}
