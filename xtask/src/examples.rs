//! Runs every example program of the workspace: an example that does not run is no example.

use std::fs;
use std::process::{Command, Stdio};

use cargo_metadata::TargetKind;

use crate::process::{Failure, announce};
use crate::workspace::Workspace;

/// What became of the examples.
#[derive(Default)]
pub(crate) struct ExamplesRun {
    pub(crate) ran: u64,
    pub(crate) failed: Vec<String>,
}

/// Runs each example without arguments in an empty folder of its own, output and all.
pub(crate) fn run(workspace: &Workspace) -> Result<ExamplesRun, Failure> {
    announce("examples");
    let mut outcome = ExamplesRun::default();
    // All together, as the tests were built: one package by itself has other features of its dependencies,
    // which would all be built again.
    let built = workspace
        .cargo()
        .args(["build", "--quiet", "--workspace", "--examples", "--manifest-path"])
        .arg(workspace.root.join("Cargo.toml"))
        .status()?;
    if !built.success() {
        outcome.failed.push(format!("they were not built ({built})"));
        return Ok(outcome);
    }
    for (package, example) in names(workspace) {
        eprintln!("    {package}: {example}");
        let folder = workspace.target.join("examples-run").join(&package).join(&example);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let program = workspace.target.join("debug/examples").join(&example);
        let status = Command::new(program).current_dir(&folder).stdin(Stdio::null()).status()?;
        if status.success() {
            outcome.ran += 1;
        } else {
            outcome.failed.push(format!("{package}: {example} ({status})"));
        }
    }
    Ok(outcome)
}

fn names(workspace: &Workspace) -> Vec<(String, String)> {
    let mut names = Vec::new();
    for package in workspace.metadata.workspace_packages() {
        for target in &package.targets {
            if target.kind.contains(&TargetKind::Example) {
                names.push((package.name.to_string(), target.name.clone()));
            }
        }
    }
    names.sort();
    names
}
