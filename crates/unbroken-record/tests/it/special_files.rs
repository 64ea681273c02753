//! What has no content, or not one content, or leads elsewhere: an error each, and none that waits.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, Mode, mkfifoat};
use unbroken_record::{HashOptions, RecordError, SymlinkPolicy};

use crate::tree::{Tree, hash, names};

fn with_symlinks(tree: &Tree, symlinks: SymlinkPolicy) -> HashOptions<'static> {
    HashOptions { symlinks, ..tree.options() }
}

#[test]
fn a_fifo_or_a_socket_is_an_error_at_once() {
    let begin = Instant::now();
    let tree = Tree::new(&[("fifo/a", ""), ("socket/a", "")]);
    mkfifoat(CWD, tree.at("fifo/p"), Mode::RUSR | Mode::WUSR).unwrap();
    let _listener = UnixListener::bind(tree.at("socket/s")).unwrap();
    for (specs, due) in [
        (["fifo", "fifo/p", "dir:fifo", "fifo/*"], "FIFO"),
        (["socket", "socket/s", "dir:socket", "socket/*"], "socket"),
    ] {
        for spec in specs {
            let error = tree.hash(&[spec]).unwrap_err();
            assert!(matches!(error, RecordError::Special { kind, .. } if kind == due), "{spec}");
        }
    }
    assert!(begin.elapsed() < Duration::from_secs(1));
}

#[test]
fn a_device_is_an_error_also_behind_a_link() {
    let tree = Tree::new(&[]);
    tree.link("/dev/zero", "endless");
    let options = with_symlinks(&tree, SymlinkPolicy::FollowAll);
    for spec in ["endless", "."] {
        let error = hash(&[spec], &options).unwrap_err();
        assert!(matches!(error, RecordError::Special { kind: "device", .. }), "{spec}");
    }
    let error = tree.hash(&["/dev/zero"]).unwrap_err();
    assert!(matches!(error, RecordError::Special { kind: "device", .. }));
}

#[test]
fn links_in_circles_are_errors() {
    let circles: &[(&str, &[(&str, &str)])] = &[
        ("self", &[("self", "self")]),
        ("mutual", &[("b", "a"), ("a", "b")]),
        ("parent", &[("..", "d/up")]),
        ("own folder", &[(".", "d/here")]),
        ("two folders", &[("../q", "p/to-q"), ("../p", "q/to-p")]),
    ];
    for (what, links) in circles {
        let tree = Tree::new(&[("d/file", "1")]);
        for (target, path) in *links {
            tree.link(target, path);
        }
        for policy in [SymlinkPolicy::FollowInside, SymlinkPolicy::FollowAll] {
            for spec in [".", "**/*"] {
                let error = hash(&[spec], &with_symlinks(&tree, policy)).unwrap_err();
                let is_loop = matches!(error, RecordError::SymlinkLoop { .. });
                assert!(is_loop, "{what} by {spec}: {error:?}");
            }
        }
    }
}

#[test]
fn links_to_nowhere_are_errors() {
    let tree = Tree::new(&[("a", "1")]);
    tree.link("none", "dangling");
    for spec in [".", "dangling", "*"] {
        let error = tree.hash(&[spec]).unwrap_err();
        assert!(matches!(error, RecordError::SymlinkDangling { .. }), "{spec}");
    }
}

#[test]
fn links_inside_are_followed_and_named_by_themselves() {
    let tree = Tree::new(&[("d/file", "1")]);
    tree.link("d/file", "relative");
    tree.link(fs::canonicalize(tree.at("d/file")).unwrap(), "absolute");
    tree.link("../d", "sub/folder");
    let artifacts = tree.hash(&["."]).unwrap();
    let due = ["absolute", "d/file", "relative", "sub/folder/file"];
    assert_eq!(names(&artifacts), due);
    assert!(artifacts.iter().all(|(_, digests)| Some(digests) == artifacts.get("d/file")));
    for spec in [".", "relative", "sub", "sub/folder", "sub/folder/file"] {
        let error = hash(&[spec], &with_symlinks(&tree, SymlinkPolicy::Refuse)).unwrap_err();
        assert!(matches!(error, RecordError::SymlinkRefused { .. }), "{spec}");
    }
}

#[test]
fn links_out_of_the_tree_are_errors_unless_all_are_followed() {
    let outside = Tree::new(&[("secret", "x"), ("more/file", "y")]);
    let tree = Tree::new(&[("a", "1")]);
    tree.link(outside.at("secret"), "file");
    let error = tree.hash(&["."]).unwrap_err();
    assert!(matches!(error, RecordError::SymlinkOutside { .. }), "{error:?}");
    fs::remove_file(tree.at("file")).unwrap();
    tree.link(outside.path(), "folder");
    for spec in [".", "folder", "folder/secret", "folder/m*/file", "dir:folder"] {
        let error = tree.hash(&[spec]).unwrap_err();
        assert!(matches!(error, RecordError::SymlinkOutside { .. }), "{spec}: {error:?}");
    }
    let artifacts = hash(&["."], &with_symlinks(&tree, SymlinkPolicy::FollowAll)).unwrap();
    assert_eq!(names(&artifacts), ["a", "folder/more/file", "folder/secret"]);
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let tree = Tree::new(&[("open", "1"), ("shut", "2"), ("folder/x", "3")]);
    if rustix::process::geteuid().is_root() {
        // Permissions do not bind root, but no one may read this file.
        let error = tree.hash(&["/proc/sys/vm/compact_memory"]).unwrap_err();
        assert!(matches!(error, RecordError::Name { .. }), "{error:?}");
        let strip_prefixes = vec!["/proc/sys/vm/".to_owned()];
        let options = HashOptions { strip_prefixes, ..tree.options() };
        let error = hash(&["/proc/sys/vm/compact_memory"], &options).unwrap_err();
        assert!(matches!(error, RecordError::Read { .. }), "{error:?}");
        return;
    }
    fs::set_permissions(tree.at("shut"), fs::Permissions::from_mode(0o000)).unwrap();
    assert!(matches!(tree.hash(&["shut"]), Err(RecordError::Read { .. })));
    fs::remove_file(tree.at("shut")).unwrap();
    fs::set_permissions(tree.at("folder"), fs::Permissions::from_mode(0o000)).unwrap();
    assert!(matches!(tree.hash(&["."]), Err(RecordError::List { .. })));
    fs::set_permissions(tree.at("folder"), fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn a_file_that_changes_all_the_time_is_an_error() {
    let tree = Tree::new(&[]);
    tree.write("log", vec![b'x'; 32 << 20]);
    let file = OpenOptions::new().write(true).open(tree.at("log")).unwrap();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                file.write_at(b"y", 7).unwrap();
            }
        });
        let hashed = tree.hash(&["log"]);
        stop.store(true, Ordering::Relaxed);
        assert!(matches!(hashed, Err(RecordError::Changed { .. })), "{hashed:?}");
    });
}

#[test]
fn a_file_that_changes_once_is_hashed_again() {
    let tree = Tree::new(&[]);
    tree.write("log", vec![b'x'; 64 << 20]);
    let mut file = OpenOptions::new().append(true).open(tree.at("log")).unwrap();
    thread::scope(|scope| {
        scope.spawn(move || {
            thread::sleep(Duration::from_millis(10));
            file.write_all(b"end").unwrap();
        });
        tree.hash(&["log"]).unwrap();
    });
    let before = tree.hash(&["log"]).unwrap();
    assert_eq!(tree.hash(&["log"]).unwrap(), before);
}

#[test]
fn a_name_that_is_not_utf8_is_an_error_unless_excluded() {
    let tree = Tree::new(&[("a", "1")]);
    fs::write(tree.path().join(OsStr::from_bytes(b"caf\xe9.old")), "2").unwrap();
    for spec in [".", "*"] {
        let error = tree.hash(&[spec]).unwrap_err();
        assert!(matches!(error, RecordError::NonUtf8Name { .. }), "{spec}");
        assert!(error.to_string().contains("\\xE9"), "{error}");
    }
    let mut options = tree.options();
    options.excludes.push("*.old".to_owned());
    assert_eq!(names(&hash(&["."], &options).unwrap()), ["a"]);
}

#[test]
fn awkward_names_are_kept_as_they_are() {
    let long = "x".repeat(255);
    let awkward = ["a b", "-rf", "ünï", "..a", "a'\"$`", "%00", &long];
    let tree = Tree::new(&[]);
    for name in awkward {
        tree.write(name, name);
    }
    let mut due: Vec<_> = awkward.to_vec();
    due.sort_unstable();
    assert_eq!(tree.names(&["."]), due);
    fs::hard_link(tree.at("a b"), tree.at("hard")).unwrap();
    assert_eq!(tree.hash(&["."]).unwrap().len(), awkward.len() + 1);
}
