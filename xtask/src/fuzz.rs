//! `cargo xtask fuzz`: the fuzz targets under libFuzzer, one after the other.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::process::{Failure, announce, succeeds};
use crate::record::{self, Run};
use crate::workspace::Workspace;

/// Runs the targets of these names, or all, for so many seconds each; tells whether all held.
///
/// What a run finds on its way lies under the target folder, and the corpora of the repository stay as
/// small as they are. A run of all targets is recorded.
pub(crate) fn run(wanted: &[&str], seconds: u64) -> Result<bool, Failure> {
    let workspace = Workspace::load()?;
    if !succeeds(Command::new("cargo").args(["fuzz", "--version"])) {
        return Err("cargo-fuzz is not installed: `cargo install cargo-fuzz --locked`".into());
    }
    let targets = targets(&workspace)?;
    if let Some(unknown) = wanted.iter().find(|name| !targets.iter().any(|known| known == *name)) {
        return Err(format!("no fuzz target {unknown:?}; there are {}", targets.join(", ")).into());
    }
    let (mut all_held, mut executions, mut figures) = (true, 0, Vec::new());
    for target in targets.iter().filter(|name| wanted.is_empty() || wanted.contains(&name.as_str()))
    {
        announce(&format!("fuzz target {target}, {seconds} s"));
        let Ran { held, executed, edges } = run_one(&workspace, target, seconds)?;
        all_held &= held;
        executions += executed;
        let ran = format!("{executed} inputs, {edges} edges reached");
        eprintln!("    {target}: {ran}, {}", if held { "held" } else { "FAILED" });
        figures.push((target.clone(), ran));
    }
    if all_held && wanted.is_empty() {
        figures.push(("targets, none of which broke".to_owned(), targets.len().to_string()));
        figures.push(("inputs".to_owned(), executions.to_string()));
        let command = format!("cargo xtask fuzz --seconds {seconds}");
        let name = "fuzz targets, under libFuzzer with the address sanitizer".to_owned();
        record::keep(&workspace, Run { name, command, figures })?;
    }
    Ok(all_held)
}

/// What a run of a target came to.
struct Ran {
    held: bool,
    /// How many inputs it was given.
    executed: u64,
    /// How many edges between blocks of the program they reached.
    edges: u64,
}

fn run_one(workspace: &Workspace, target: &str, seconds: u64) -> Result<Ran, Failure> {
    let found = workspace.target.join("fuzz-corpus").join(target);
    fs::create_dir_all(&found)?;
    let mut child = Command::new("cargo")
        // The sanitizers are behind a gate that only the nightly toolchain opens by itself.
        .env("RUSTC_BOOTSTRAP", "1")
        .current_dir(&workspace.root)
        .args(["fuzz", "run", target])
        .arg(&found)
        .arg(workspace.root.join("fuzz/corpus").join(target))
        .arg("--")
        .arg(format!("-max_total_time={seconds}"))
        .args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"])
        .stderr(Stdio::piped())
        .spawn()?;
    let (mut executed, mut edges) = (0, 0);
    if let Some(stderr) = child.stderr.take() {
        for line in BufReader::new(stderr).split(b'\n') {
            let line = line?;
            std::io::stderr().write_all(&[&line[..], b"\n"].concat())?;
            let line = String::from_utf8_lossy(&line);
            if let Some(count) = line.trim().strip_prefix("stat::number_of_executed_units:") {
                executed = count.trim().parse()?;
            } else if let Some((_, after)) = line.split_once(" cov: ") {
                let count = after.split_whitespace().next().unwrap_or_default();
                edges = count.parse()?;
            }
        }
    }
    Ok(Ran { held: child.wait()?.success(), executed, edges })
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
