//! The bill of materials of a program, as CycloneDX has it: every package that is linked into it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cargo_metadata::{CargoOpt, DependencyKind, MetadataCommand, PackageId};
use serde_json::{Value, json};

use crate::process::Failure;

/// Returns the bill of a package of a workspace for a platform.
pub(super) fn of(source: &Path, program: &str, platform: &str) -> Result<Value, Failure> {
    let metadata = MetadataCommand::new()
        .manifest_path(source.join("Cargo.toml"))
        .features(CargoOpt::SomeFeatures(Vec::new()))
        .other_options(["--locked", "--filter-platform", platform].map(str::to_owned))
        .exec()?;
    let resolve = metadata.resolve.as_ref().ok_or("cargo did not resolve the dependencies")?;
    let nodes: BTreeMap<&PackageId, _> = resolve.nodes.iter().map(|it| (&it.id, it)).collect();
    let root = metadata.packages.iter().find(|package| package.name.as_str() == program);
    let root = root.ok_or_else(|| format!("no package is called {program}"))?;
    let mut found = BTreeSet::new();
    let mut ahead = vec![&root.id];
    while let Some(id) = ahead.pop() {
        if !found.insert(id) {
            continue;
        }
        let linked = nodes
            .get(id)
            .into_iter()
            .flat_map(|node| &node.deps)
            .filter(|it| it.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal));
        ahead.extend(linked.map(|it| &it.pkg));
    }
    let packages = metadata.packages.iter().filter(|it| found.contains(&it.id));
    let mut components: Vec<Value> = packages
        .filter(|package| package.id != root.id)
        .map(|package| {
            let (name, version) = (package.name.as_str(), package.version.to_string());
            let license = package.license.as_ref().map(|text| text.replace('/', " OR "));
            let licenses: Vec<Value> =
                license.into_iter().map(|text| json!({ "expression": text })).collect();
            let url = format!("pkg:cargo/{name}@{version}");
            json!({
                "type": "library", "name": name, "version": version, "bom-ref": url, "purl": url,
                "licenses": licenses,
            })
        })
        .collect();
    components.sort_by_key(|component| component.get("purl").map(Value::to_string));
    let version = root.version.to_string();
    let subject = json!({"type": "application", "name": program, "version": version});
    Ok(json!({
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": {"component": subject}, "components": components,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bill_names_what_is_linked_and_not_what_only_tests_use() {
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        let bill = of(root, "unbroken-webhook", "x86_64-unknown-linux-musl").unwrap();
        let names = bill["components"].as_array().unwrap().iter();
        let names: BTreeSet<&str> = names.map(|it| it["name"].as_str().unwrap()).collect();
        for linked in ["unbroken-verify", "rustls", "axum", "serde_json"] {
            assert!(names.contains(linked), "{linked}");
        }
        for other in ["unbroken-testkit", "unbroken-record", "proptest", "windows-sys"] {
            assert!(!names.contains(other), "{other}");
        }
        assert!(bill["components"].as_array().unwrap().iter().all(|it| it["purl"].is_string()));
    }
}
