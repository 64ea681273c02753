//! The fuzz targets, which are no member of the workspace, are locked to what its lock file says.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails, its helpers too")]

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};
use serde::Deserialize;

use crate::source::{read, root};

/// What the fuzz targets have beside the workspace's packages.
const OF_FUZZING: [&str; 3] = ["arbitrary", "libfuzzer-sys", "unbroken-fuzz"];

#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    checksum: Option<String>,
    #[serde(default)]
    dependencies: Vec<String>,
}

fn locked(file: &str) -> Vec<Locked> {
    let lock: Lock = toml::from_str(&read(&root().join(file))).unwrap();
    assert!(lock.package.len() > 50, "{file}: {} packages", lock.package.len());
    lock.package
}

/// What each package of the workspace depends on beside its tests, by name.
fn wanted() -> BTreeMap<String, BTreeSet<String>> {
    let manifest = root().join("Cargo.toml");
    let metadata = MetadataCommand::new().manifest_path(manifest).no_deps().exec().unwrap();
    let used = |kind| matches!(kind, DependencyKind::Normal | DependencyKind::Build);
    let of_package = |package: &cargo_metadata::Package| {
        let used = package.dependencies.iter().filter(|dependency| used(dependency.kind));
        used.map(|dependency| dependency.name.clone()).collect()
    };
    let packages = metadata.packages.iter();
    packages.map(|package| (package.name.to_string(), of_package(package))).collect()
}

/// Else `cargo fuzz` changes the file before it runs, and what was fuzzed is not what is built.
#[test]
fn the_lock_of_the_fuzz_targets_is_in_step() {
    let of_workspace: BTreeSet<_> = locked("Cargo.lock")
        .into_iter()
        .map(|locked| (locked.name, locked.version, locked.checksum))
        .collect();
    let wanted = wanted();
    for Locked { name, version, checksum, dependencies } in locked("fuzz/Cargo.lock") {
        if OF_FUZZING.contains(&name.as_str()) {
            continue;
        }
        if let Some(wanted) = wanted.get(&name) {
            // `name version` where several versions are locked.
            let names = dependencies.iter().filter_map(|one| one.split(' ').next());
            let names: BTreeSet<String> = names.map(str::to_owned).collect();
            assert_eq!(names, *wanted, "{name}: run `cargo metadata` in fuzz/");
        }
        let locked = (name, version, checksum);
        assert!(
            of_workspace.contains(&locked),
            "{locked:?} is not in Cargo.lock: run `cargo update` in fuzz/"
        );
    }
}
