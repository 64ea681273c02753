//! Commits of OSTree repositories, laid out by hand.

use unbroken_model::digest::DigestAlgorithm;
use unbroken_record::{HashOptions, RecordError};

use crate::tree::{Tree, hash, names};

/// SHA-256 of `commit`.
const COMMIT: &str = "9505cacb7c710ed17125fcc6cb3669e8ddca6c8cd8af6a31f6b3cd64604c3098";

fn digest(options: &HashOptions<'_>, spec: &str) -> String {
    let artifacts = hash(&[spec], options).unwrap();
    assert_eq!(names(&artifacts), [spec]);
    artifacts.get(spec).unwrap().get(&DigestAlgorithm::Sha256).unwrap().hex().to_owned()
}

#[test]
fn the_commit_that_a_branch_names_is_recorded_under_its_name() {
    let tree = Tree::new(&[]);
    let (head, tail) = COMMIT.split_at(2);
    let object = format!("objects/{head}/{tail}.commit");
    tree.write(&object, "commit");
    tree.write("refs/heads/os/x86_64/stable", format!("{COMMIT}\n"));
    let prefixes = vec!["os/".to_owned(), "ostree:".to_owned()];
    let excludes = vec!["objects".to_owned(), "*.commit".to_owned()];
    // Nothing is cut off, and nothing is left out, as for the reference.
    for options in [
        tree.options(),
        HashOptions { strip_prefixes: prefixes, ..tree.options() },
        HashOptions { excludes, ..tree.options() },
    ] {
        let found = digest(&options, "ostree:os/x86_64/stable");
        assert_eq!(found, COMMIT);
    }
    assert_eq!(tree.names(&["ostree:os/x86_64/stable", "ostree:os/x86_64/stable"]).len(), 1);
}

#[test]
fn what_is_no_branch_is_an_error() {
    let tree = Tree::new(&[("refs/heads/a/b", ""), ("refs/x", COMMIT), ("refs/heads/far", COMMIT)]);
    for (name, id) in
        [("up", "../../../../etc/passwd"), ("short", "ab\n"), ("long", &COMMIT.repeat(9))]
    {
        tree.write(&format!("refs/heads/{name}"), id);
    }
    for branch in ["none", "a", "a/b", "../x", "./a/b", "/etc/passwd", "", "up", "short", "long"] {
        let error = tree.hash(&[&format!("ostree:{branch}")]).unwrap_err();
        let refused = matches!(error, RecordError::OstreeRef { .. } | RecordError::Read { .. });
        assert!(refused, "{branch}: {error}");
    }
    assert!(matches!(tree.hash(&["ostree:far"]), Err(RecordError::Missing { .. })));
}
