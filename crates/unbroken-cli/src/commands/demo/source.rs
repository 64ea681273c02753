//! The demo's source repository: a small program and its Dockerfile, in git.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::builder::program_of_the_system;
use crate::error::{CliError, Result};

const FILES: [(&str, &str); 3] = [
    (
        "Dockerfile",
        "FROM scratch\nCOPY app.py lib/greeting.txt /app/\nENTRYPOINT [\"/app/app.py\"]\n",
    ),
    ("app.py", "#!/usr/bin/env python3\nprint(open(\"/app/greeting.txt\").read())\n"),
    ("lib/greeting.txt", "hello from a chain that is unbroken\n"),
];

/// Makes the repository and commits the source.
pub(super) fn make_repository(folder: &Path) -> Result<()> {
    let failed = |error| {
        CliError::undecided(format!("cannot write below {}", folder.display())).because(error)
    };
    for (name, text) in FILES {
        let file = folder.join(name);
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        fs::write(&file, text).map_err(failed)?;
    }
    git(folder, &["init", "--quiet", "--initial-branch", "main"])?;
    git(folder, &["add", "--all"])?;
    git(folder, &["commit", "--quiet", "--message", "The first version"])
}

/// Runs git with an identity of its own and no configuration of the user.
fn git(folder: &Path, arguments: &[&str]) -> Result<()> {
    let git = program_of_the_system("git")
        .ok_or_else(|| CliError::undecided("there is no git").remedy("install git"))?;
    let output = Command::new(git)
        .args(["-c", "user.name=demo", "-c", "user.email=demo@example.invalid"])
        .args(["-c", "commit.gpgsign=false", "-c", "core.hooksPath=/dev/null"])
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| {
            CliError::undecided("cannot run git").because(error).remedy("install git")
        })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(CliError::undecided(format!("git {} failed", arguments.join(" "))).because(said))
}
