//! The import table of ARCHITECTURE.md, held against what cargo says.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

use crate::source::root;

const PREFIX: &str = "unbroken-";

/// Row may import column. A room that does not exist yet is listed all the same: its place is decided.
const TABLE: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("crypto", &["model"]),
    ("verify", &["model", "crypto"]),
    ("author", &["model", "crypto", "verify"]),
    ("report", &["model", "verify"]),
    ("record", &["model"]),
    ("oci", &["model"]),
    ("sigstore", &["model", "crypto"]),
    // Keys that are kept elsewhere: gpg, PKCS#11, ssh-agent, the SPIFFE Workload API.
    ("signer", &["model", "crypto"]),
    // What the command line and admission read and judge alike.
    ("policy", &["model", "crypto", "verify", "oci"]),
    (
        "cli",
        &[
            "model", "crypto", "verify", "author", "report", "record", "oci", "sigstore", "signer",
            "policy",
        ],
    ),
    ("webhook", &["model", "crypto", "verify", "report", "oci", "sigstore", "policy"]),
    // Beside the floors: it makes what the engine is given, and puts the engine to the test.
    ("testkit", &["model", "crypto", "verify", "oci"]),
];

/// What the tests of any room may import: the testkit, and what the testkit is made of.
const FOR_TESTS: &[&str] = &["testkit", "model", "crypto", "verify"];

/// What a pure room may not pull in either: the outside world as a crate.
const IMPURE_CRATES: &[&str] = &[
    "anstream",
    "async-std",
    "ignore",
    "indicatif",
    "jwalk",
    "libc",
    "mio",
    "nix",
    "notify",
    "reqwest",
    "rpassword",
    "rustix",
    "signal-hook",
    "socket2",
    "tempfile",
    "tokio",
    "walkdir",
];
const PURE_ROOMS: &[&str] = &["model", "crypto", "verify", "author", "report"];

struct Edge {
    from: String,
    to: String,
    kind: DependencyKind,
}

fn edges() -> Vec<Edge> {
    let answer = MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec();
    let mut edges = Vec::new();
    for package in answer.into_iter().flat_map(|metadata| metadata.packages) {
        for dependency in package.dependencies {
            edges.push(Edge {
                from: package.name.to_string(),
                to: dependency.name,
                kind: dependency.kind,
            });
        }
    }
    edges
}

fn table() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    TABLE.iter().map(|(room, may_import)| (*room, may_import.iter().copied().collect())).collect()
}

/// The edges that the table does not allow, as sentences.
fn faults(edges: &[Edge]) -> Vec<String> {
    let table = table();
    let mut faults = Vec::new();
    for edge in edges {
        let Some(to) = edge.to.strip_prefix(PREFIX) else { continue };
        let Some(from) = edge.from.strip_prefix(PREFIX) else {
            faults.push(format!("{} imports {}: only rooms import rooms", edge.from, edge.to));
            continue;
        };
        let for_tests = edge.kind == DependencyKind::Development && FOR_TESTS.contains(&to);
        if !for_tests && !table.get(from).is_some_and(|may_import| may_import.contains(to)) {
            faults.push(format!("{from} imports {to} ({:?}): not in the table", edge.kind));
        }
    }
    faults
}

#[test]
fn rooms_import_only_what_the_table_allows() {
    let edges = edges();
    assert!(!edges.is_empty(), "cargo described no package");
    assert_eq!(faults(&edges), Vec::<String>::new());
}

#[test]
fn every_room_is_in_the_table() {
    let table = table();
    for room in crate::source::rooms() {
        let name = room.file_name().unwrap().to_string_lossy().into_owned();
        let listed = name.strip_prefix(PREFIX).is_some_and(|room| table.contains_key(room));
        assert!(listed, "{name} is not in the import table");
    }
}

#[test]
fn pure_rooms_pull_in_no_crate_of_the_outside_world() {
    for edge in edges().iter().filter(|edge| edge.kind == DependencyKind::Normal) {
        let pure = edge.from.strip_prefix(PREFIX).is_some_and(|room| PURE_ROOMS.contains(&room));
        assert!(
            !(pure && IMPURE_CRATES.contains(&edge.to.as_str())),
            "{} is pure and imports {}",
            edge.from,
            edge.to
        );
    }
}

#[test]
fn a_forbidden_edge_is_a_fault() {
    let edge = |from: &str, to: &str, kind| Edge { from: from.into(), to: to.into(), kind };
    let verify_to_record = edge("unbroken-verify", "unbroken-record", DependencyKind::Normal);
    let program_to_testkit = edge("unbroken-cli", "unbroken-testkit", DependencyKind::Normal);
    let test_of_verify = edge("unbroken-verify", "unbroken-testkit", DependencyKind::Development);
    assert_eq!(faults(&[verify_to_record, program_to_testkit, test_of_verify]).len(), 2);
}
