//! The record of what was measured: `docs/assurance.toml`, and `docs/assurance.md` drawn from it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::process::{Failure, output};
use crate::workspace::Workspace;

/// A run that measured something.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) name: String,
    /// What does it again.
    pub(crate) command: String,
    pub(crate) figures: Vec<(String, String)>,
}

/// The same with its place in history.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    command: String,
    date: String,
    /// The newest commit of `main` that was in what was measured, and `+` when there was more in it: a branch's
    /// own commits have other names once they are on `main`.
    commit: String,
    figures: Vec<(String, String)>,
}

type Record = BTreeMap<String, Kept>;

/// Runs tests and returns the figures that they note down; nothing when a test fails.
pub(crate) fn measure(
    workspace: &Workspace,
    command: &mut Command,
) -> Result<Option<Vec<(String, String)>>, Failure> {
    let file = workspace.target.join("unbroken-figures.txt");
    fs::write(&file, "")?;
    let status = command.env("UNBROKEN_FIGURES", &file).stdin(Stdio::null()).status()?;
    if !status.success() {
        return Ok(None);
    }
    let mut figures: Vec<_> = fs::read_to_string(&file)?
        .lines()
        .filter_map(|line| line.rsplit_once(" = "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    figures.sort();
    for (name, value) in &figures {
        eprintln!("    {name}: {value}");
    }
    Ok(Some(figures))
}

/// Puts a run in the place of the one of its name, and draws the page again.
pub(crate) fn keep(workspace: &Workspace, run: Run) -> Result<(), Failure> {
    let mut record = read(workspace)?;
    let git = |arguments: &[&str]| -> Result<String, Failure> {
        let said = output(Command::new("git").current_dir(&workspace.root).args(arguments))?;
        Ok(String::from_utf8(said.stdout)?.trim().to_owned())
    };
    let base = git(&["merge-base", "HEAD", "main"])?;
    let mut commit = git(&["rev-parse", "--short=10", &base])?;
    // The record itself is what changes when several runs are recorded after each other.
    let measured = ["--", ".", ":!docs/assurance.*"];
    let committed = git(&[&["diff", "--name-only", &base][..], &measured].concat())?;
    let beside = git(&[&["status", "--porcelain"][..], &measured].concat())?;
    commit.push_str(if committed.is_empty() && beside.is_empty() { "" } else { "+" });
    let date = output(Command::new("date").args(["--utc", "+%Y-%m-%d"]))?;
    let date = String::from_utf8(date.stdout)?.trim().to_owned();
    let Run { name, command, figures } = run;
    record.insert(name, Kept { command, date, commit, figures });
    fs::write(record_file(workspace), toml::to_string(&record)?)?;
    fs::write(workspace.root.join("docs/assurance.md"), page(&record))?;
    Ok(())
}

fn record_file(workspace: &Workspace) -> PathBuf {
    workspace.root.join("docs/assurance.toml")
}

fn read(workspace: &Workspace) -> Result<Record, Failure> {
    let file = record_file(workspace);
    if !file.exists() {
        return Ok(Record::new());
    }
    Ok(toml::from_str(&fs::read_to_string(file)?)?)
}

const HEAD: &str = "\
# What was measured

Drawn from `docs/assurance.toml` by the commands that measure; nothing here is written by hand. `cargo xtask assurance`
measures what takes minutes, the other commands what takes hours. A run whose checks fail is not recorded: each figure is
one of a run without a failure. A commit with a `+` had changes that were not yet on `main`.
Advisories are not among the checks of dependencies, as no registry of packages carries their database: `deny.toml` has a bound
for each that matters, which an architecture test holds against every lock file.
Which changes of the code no test notices is in [mutants.md](mutants.md).
";

/// Draws the page.
fn page(record: &Record) -> String {
    let mut page = HEAD.to_owned();
    for (name, kept) in record {
        let Kept { command, date, commit, figures } = kept;
        let _ = write!(page, "\n## {name}\n\n`{command}`, on {date} at {commit}.\n\n");
        page.push_str("| figure | measured |\n| --- | ---: |\n");
        for (figure, value) in figures {
            let _ = writeln!(page, "| {figure} | {value} |");
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_what_the_record_gives() {
        let workspace = Workspace::load().unwrap();
        let kept = fs::read_to_string(workspace.root.join("docs/assurance.md")).unwrap();
        let record = read(&workspace).unwrap();
        assert!(!record.is_empty());
        assert_eq!(kept, page(&record), "run: cargo xtask assurance");
    }

    #[test]
    fn every_figure_is_of_a_day_and_a_commit_of_this_project() {
        let workspace = Workspace::load().unwrap();
        let git = |arguments: &[&str]| {
            let mut git = Command::new("git");
            git.current_dir(&workspace.root).args(arguments).output().unwrap().status.success()
        };
        // Sources without their history, or with a part of it, cannot tell.
        let has_history =
            workspace.root.join(".git").exists() && !workspace.root.join(".git/shallow").exists();
        for (name, kept) in read(&workspace).unwrap() {
            let commit = kept.commit.trim_end_matches('+');
            assert!(commit.len() == 10 && commit.bytes().all(|digit| digit.is_ascii_hexdigit()));
            let digits = kept.date.split('-').map(str::len).collect::<Vec<_>>();
            assert_eq!(digits, [4, 2, 2], "{name}");
            assert!(!kept.figures.is_empty(), "{name}");
            if has_history {
                assert!(git(&["merge-base", "--is-ancestor", commit, "HEAD"]), "{name}: {commit}");
            }
        }
    }
}
