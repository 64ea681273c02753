//! `cargo xtask fuzz`: the fuzz targets under libFuzzer, one after the other.

use std::path::PathBuf;
use std::process::Command;

use crate::process::{Failure, announce, succeeds};
use crate::workspace::Workspace;

/// Runs the targets of these names, or all, for so many seconds each; tells whether all held.
pub(crate) fn run(wanted: &[&str], seconds: u32) -> Result<bool, Failure> {
    let workspace = Workspace::load()?;
    if !succeeds(Command::new("cargo").args(["fuzz", "--version"])) {
        return Err("cargo-fuzz is not installed: `cargo install cargo-fuzz --locked`".into());
    }
    let targets = targets(&workspace)?;
    if let Some(unknown) = wanted.iter().find(|name| !targets.iter().any(|known| known == *name)) {
        return Err(format!("no fuzz target {unknown:?}; there are {}", targets.join(", ")).into());
    }
    let mut all_held = true;
    for target in targets.iter().filter(|name| wanted.is_empty() || wanted.contains(&name.as_str()))
    {
        announce(&format!("fuzz target {target}, {seconds} s"));
        let status = Command::new("cargo")
            // The sanitizers are behind a gate that only the nightly toolchain opens by itself.
            .env("RUSTC_BOOTSTRAP", "1")
            .current_dir(&workspace.root)
            .args(["fuzz", "run", target, "--"])
            .arg(format!("-max_total_time={seconds}"))
            .args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"])
            .status()?;
        all_held &= status.success();
    }
    Ok(all_held)
}

fn targets(workspace: &Workspace) -> Result<Vec<String>, Failure> {
    let folder: PathBuf = workspace.root.join("fuzz/fuzz_targets");
    let mut names = Vec::new();
    for entry in folder.read_dir()? {
        let path = entry?.path();
        names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}
