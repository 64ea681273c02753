//! `cargo xtask assurance`: measures anew what takes minutes, and draws `docs/assurance.md`.

use crate::components::{self, Installing};
use crate::process::{Failure, announce, succeeds};
use crate::record::{self, Run};
use crate::workspace::Workspace;

/// A measurement: its name on the page, and the arguments of `cargo test` that take it. All of them are of the whole
/// workspace: of one package alone, half of the dependencies would be built anew.
const MEASUREMENTS: &[(&str, &[&str])] = &[
    (
        "signatures",
        &["--workspace", "--lib", "--test", "crypto", "--", "wycheproof", "two_libraries"],
    ),
    ("orders", &["--workspace", "--test", "report", "--", "purity"]),
    ("vectors", &["--workspace", "--test", "conformance", "--", "our_program"]),
    ("fuzz targets, in short", &["--workspace", "--test", "entries"]),
    ("damaged files", &["--workspace", "--test", "damage"]),
    ("system calls", &["--workspace", "--test", "traced"]),
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
    Ok(all_held & dependencies(&workspace)?)
}

/// Has cargo-deny look over the dependencies, but for the advisories: their database has to be fetched.
fn dependencies(workspace: &Workspace) -> Result<bool, Failure> {
    const CHECKS: [&str; 3] = ["bans", "licenses", "sources"];
    announce("dependencies");
    let mut known = workspace.cargo();
    if !succeeds(known.args(["deny", "--version"])) {
        eprintln!("    cargo-deny is not installed: `cargo install cargo-deny --locked`");
        return Ok(true);
    }
    let mut command = workspace.cargo();
    command.args(["deny", "check"]).args(CHECKS);
    if !command.status()?.success() {
        return Ok(false);
    }
    let command = format!("cargo deny check {}", CHECKS.join(" "));
    let figures = vec![("checks that found nothing".to_owned(), CHECKS.join(", "))];
    record::keep(workspace, Run { name: "dependencies".to_owned(), command, figures })?;
    Ok(true)
}
