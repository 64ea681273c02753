//! Running other programs: found on the path, announced, and never silent about a failure.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The error of every command here: a sentence for the person at the terminal.
pub(crate) type Failure = Box<dyn std::error::Error>;

/// Says what begins now, so that a long run shows where it is.
pub(crate) fn announce(what: &str) {
    eprintln!("==> {what}");
}

/// Finds a program by name in the folders of `PATH`.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let folders = env::var_os("PATH")?;
    env::split_paths(&folders).map(|folder| folder.join(name)).find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
}

/// Runs a command to its end and returns its output; a failure carries the end of its stderr.
pub(crate) fn output(command: &mut Command) -> Result<Output, Failure> {
    let shown = show(command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("could not start `{shown}`: {error}"))?;
    if output.status.success() {
        return Ok(output);
    }
    let talk = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = talk.lines().collect();
    let tail: Vec<&str> = lines.iter().rev().take(8).rev().copied().collect();
    Err(format!("`{shown}` ended with {}: {}", output.status, tail.join("\n")).into())
}

/// Tells whether a command runs and succeeds, without showing anything of it.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    output(command).is_ok()
}

/// The command line as a person would read it, cut when it is very long.
pub(crate) fn show(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    let line = words.join(" ");
    if line.chars().count() > 300 {
        line.chars().take(300).chain("...".chars()).collect()
    } else {
        line
    }
}
