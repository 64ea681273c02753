//! `cargo xtask compare`: what CI compares with the reference in small, compared at length.

use crate::components::{self, Installing};
use crate::process::{Failure, announce};
use crate::record::{self, Run};
use crate::workspace::Workspace;

/// What can be compared.
pub(crate) struct Comparison {
    /// The word on the command line.
    pub(crate) name: &'static str,
    /// The option that says how many.
    pub(crate) option: &'static str,
    /// How many without it.
    pub(crate) usual: u64,
    /// What the test that does it reads the number from.
    variable: &'static str,
    package: &'static str,
    program: &'static str,
    test: &'static str,
}

pub(crate) const PATTERNS: Comparison = Comparison {
    name: "patterns",
    option: "--pairs",
    usual: 10_000_000,
    variable: "UNBROKEN_PATTERN_PAIRS",
    package: "unbroken-verify",
    program: "rules",
    test: "the_matcher_agrees_with_the_interpreter",
};

pub(crate) const CHAINS: Comparison = Comparison {
    name: "chains",
    option: "--count",
    usual: 10_000,
    variable: "UNBROKEN_RANDOM_CHAINS",
    package: "unbroken-cli",
    program: "interop",
    test: "verdicts_over_random_chains_are_the_same",
};

/// Compares so many, and records the figures when there was no difference.
pub(crate) fn run(what: &Comparison, count: u64) -> Result<bool, Failure> {
    let workspace = Workspace::load()?;
    let components = components::prepare(&workspace, Installing::Allowed);
    let python = components.variables.iter().find(|(name, _)| *name == "UNBROKEN_TEST_PYTHON");
    let (variable, python) = python.ok_or("python in-toto is not here and cannot be installed")?;
    announce(&format!("{count} {}", what.name));
    let mut command = workspace.cargo();
    command
        .args(["test", "--package", what.package, "--test", what.program, "--", what.test])
        .env(variable, python)
        .env(what.variable, count.to_string());
    let shown = format!("cargo xtask compare {} {} {count}", what.name, what.option);
    let Some(figures) = record::measure(&workspace, &mut command)? else { return Ok(false) };
    record::keep(&workspace, Run { name: what.name.to_owned(), command: shown, figures })?;
    Ok(true)
}
