//! What `deny.toml` says, held without `cargo deny` and without its database.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails, its helpers too")]

use std::collections::BTreeMap;

use cargo_metadata::semver::{Version, VersionReq};
use serde::Deserialize;

use crate::source::{read, root};

#[derive(Deserialize)]
struct Deny {
    advisories: Advisories,
    bans: Bans,
}

#[derive(Deserialize)]
struct Advisories {
    ignore: Vec<Ignored>,
}

#[derive(Deserialize)]
struct Ignored {
    id: String,
    reason: String,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Banned>,
}

#[derive(Deserialize)]
struct Banned {
    #[serde(rename = "crate")]
    package: String,
    reason: String,
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
}

fn deny() -> Deny {
    toml::from_str(&read(&root().join("deny.toml"))).unwrap()
}

fn locked(file: &str) -> Vec<(String, Version)> {
    let lock: Lock = toml::from_str(&read(&root().join(file))).unwrap();
    lock.package.into_iter().map(|it| (it.name, it.version.parse().unwrap())).collect()
}

/// The bans that a set of locked packages runs into.
fn hits(bans: &[Banned], locked: &[(String, Version)]) -> Vec<String> {
    let mut hits = Vec::new();
    for ban in bans {
        // `name@version` is that one version to cargo-deny, and `name:<version` a bound.
        assert!(!ban.package.contains('@'), "{}: one version is no bound", ban.package);
        // Bans without a bound are cargo-deny's: the lock file also lists what is never built.
        let Some((name, bound)) = ban.package.split_once(':') else { continue };
        let bound = VersionReq::parse(bound).unwrap();
        for (_, version) in locked.iter().filter(|(locked, _)| locked == name) {
            // A release candidate is below the release, whatever a requirement says of it.
            let plain = Version::new(version.major, version.minor, version.patch);
            if bound.matches(&plain) || bound.matches(version) {
                hits.push(format!("{name} {version}: {}", ban.reason));
            }
        }
    }
    hits
}

#[test]
fn no_package_is_below_the_version_that_mends_it() {
    for file in ["Cargo.lock", "fuzz/Cargo.lock"] {
        let locked = locked(file);
        assert!(locked.len() > 50, "{file}: {} packages", locked.len());
        assert_eq!(hits(&deny().bans.deny, &locked), Vec::<String>::new(), "{file}");
    }
}

#[test]
fn every_ban_has_a_reason_and_every_ignored_advisory_a_date_as_well() {
    let deny = deny();
    for ban in &deny.bans.deny {
        assert!(ban.reason.len() > 5, "{}", ban.package);
    }
    for ignored in &deny.advisories.ignore {
        let (date, reason) = ignored.reason.split_once(": ").unwrap_or_default();
        let is_date = date.len() == 10 && date.chars().all(|c| c == '-' || c.is_ascii_digit());
        assert!(is_date && reason.len() > 20, "{}: {:?}", ignored.id, ignored.reason);
    }
}

/// The advisories on cryptography and parsers that this project has to look at, each held by a bound.
#[test]
fn the_bounds_on_what_is_in_use_are_there() {
    let deny = deny();
    let bounds: BTreeMap<&str, &str> =
        deny.bans.deny.iter().filter_map(|ban| ban.package.split_once(':')).collect();
    for name in [
        "aws-lc-sys",
        "aws-lc-rs",
        "ed25519-dalek",
        "curve25519-dalek",
        "ml-dsa",
        "pgp",
        "rustls-webpki",
        "rustls",
        "h2",
        "idna",
        "time",
        "tar",
    ] {
        assert!(bounds.contains_key(name), "{name} has no bound");
    }
}

#[test]
fn a_version_below_a_bound_is_a_hit() {
    let bans = [Banned { package: "tar:<0.4.45".into(), reason: "mended".into() }];
    let tar = |version: &str| vec![("tar".to_owned(), version.parse().unwrap())];
    assert_eq!(hits(&bans, &tar("0.4.44")), ["tar 0.4.44: mended"]);
    assert!(hits(&bans, &tar("0.4.45")).is_empty());
}
