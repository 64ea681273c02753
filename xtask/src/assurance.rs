//! `cargo xtask assurance`: measures anew what takes minutes, and draws `docs/assurance.md`.

use crate::components::{self, Installing};
use crate::process::{Failure, announce};
use crate::record::{self, Run};
use crate::workspace::Workspace;

/// A measurement: its name on the page, and the arguments of `cargo test` that take it.
const MEASUREMENTS: &[(&str, &[&str])] = &[
    (
        "signatures",
        &[
            "--package",
            "unbroken-crypto",
            "--lib",
            "--test",
            "crypto",
            "--",
            "wycheproof",
            "two_libraries",
        ],
    ),
    ("orders", &["--package", "unbroken-report", "--test", "report", "--", "purity"]),
    ("vectors", &["--package", "unbroken-cli", "--test", "conformance", "--", "our_program"]),
    ("fuzz targets, in short", &["--package", "unbroken-testkit", "--test", "entries"]),
    ("damaged files", &["--package", "unbroken-cli", "--test", "damage"]),
];

/// Takes all measurements; tells whether every check held.
pub(crate) fn run() -> Result<bool, Failure> {
    let workspace = Workspace::load()?;
    let components = components::prepare(&workspace, Installing::Allowed);
    let mut all_held = true;
    for (name, arguments) in MEASUREMENTS {
        announce(name);
        let mut command = workspace.cargo();
        command.arg("test").args(*arguments).envs(components.variables.iter().cloned());
        match record::measure(&workspace, &mut command)? {
            Some(figures) => {
                let command = format!("cargo test {}", arguments.join(" "));
                record::keep(&workspace, Run { name: (*name).to_owned(), command, figures })?;
            }
            None => all_held = false,
        }
    }
    Ok(all_held)
}
