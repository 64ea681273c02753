//! The settings of the reference's first generation, for what records steps: its variables are honoured,
//! its files are not.
//!
//! A file in the working directory could make the reference leave out what an attacker wants left
//! out (CVE-2023-32076).

use std::path::PathBuf;
use std::time::Duration;

use super::failure::Failure;
use super::log::Log;
use super::python;

/// The files, below the home folder and elsewhere.
const IN_HOME: [&str; 4] =
    [".config/in_toto/config", ".config/in_toto", ".in_toto/config", ".in_totorc"];
const ELSEWHERE: [&str; 3] = ["/etc/in_toto/config", "/etc/in_totorc", ".in_totorc"];

/// Returns the patterns of what is left out; separated by colons.
pub(super) fn excludes() -> Option<Vec<String>> {
    let text = variable("IN_TOTO_ARTIFACT_EXCLUDE_PATTERNS")?;
    Some(text.split(':').map(str::to_owned).collect())
}

/// Returns the folder that artifacts are relative to.
pub(super) fn base_path() -> Option<PathBuf> {
    variable("IN_TOTO_ARTIFACT_BASE_PATH").map(PathBuf::from)
}

/// Returns how long a command may take.
pub(super) fn time_limit() -> Result<Option<Duration>, Failure> {
    let Some(text) = variable("IN_TOTO_LINK_CMD_EXEC_TIMEOUT") else { return Ok(None) };
    let seconds: f64 = text.trim().parse().map_err(|_| {
        let message = format!("could not convert string to float: {}", python::text(&text));
        Failure::new("ValueError", message)
    })?;
    // What is longer than a duration can be is no limit.
    Ok(Duration::try_from_secs_f64(seconds.max(0.0)).ok())
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

/// Says which settings files are there and not read.
pub(super) fn tell_of_files(log: Log) {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let in_home = home.iter().flat_map(|home| IN_HOME.map(|file| home.join(file)));
    let files = in_home.chain(ELSEWHERE.map(PathBuf::from)).filter(|file| file.is_file());
    for file in files {
        log.warning(&format!(
            "{} is not read: a settings file could hide artifacts (CVE-2023-32076); use options or variables",
            file.display()
        ));
    }
}
