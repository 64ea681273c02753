//! Asks the git program for object ids.
//!
//! Git is found in system folders, not by `PATH`, and starts nothing from there either; it is asked on its standard input, so that no
//! revision can pass for an option. A repository is others' work: its replacements, hooks, file
//! system monitor and remote are not used.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use unbroken_model::digest::{Digest, DigestAlgorithm};

use crate::error::RecordError;
use crate::program::{PROGRAM_PATH, find_system_program};

/// Returns the ids of the object that `revision` names, the object's own first.
///
/// `revision` must not hold a line feed.
pub(crate) fn object(repository: &Path, revision: &str) -> Result<Vec<Digest>, RecordError> {
    let answers = ask(repository, &format!("{revision}\n{revision}^{{commit}}\n"))?;
    let mut lines = answers.lines();
    let unknown =
        || RecordError::GitRevision { path: repository.to_owned(), revision: revision.to_owned() };
    let (id, kind) = lines.next().and_then(answer).ok_or_else(unknown)?;
    let algorithm = algorithm(kind).ok_or_else(unknown)?;
    let mut digests = vec![digest(algorithm, id)?];
    if kind == "tag"
        && let Some((commit, "commit")) = lines.next().and_then(answer)
    {
        digests.push(digest(DigestAlgorithm::GitCommit, commit)?);
    }
    Ok(digests)
}

/// Reads `<id> <kind> <size>`; anything else is a complaint (`missing`, `ambiguous`).
fn answer(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split(' ');
    let (id, kind, size) = (words.next()?, words.next()?, words.next()?);
    let plain = words.next().is_none() && size.bytes().all(|byte| byte.is_ascii_digit());
    (plain && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some((id, kind))
}

fn algorithm(kind: &str) -> Option<DigestAlgorithm> {
    match kind {
        "commit" => Some(DigestAlgorithm::GitCommit),
        "tree" => Some(DigestAlgorithm::GitTree),
        "blob" => Some(DigestAlgorithm::GitBlob),
        "tag" => Some(DigestAlgorithm::GitTag),
        _ => None,
    }
}

fn digest(algorithm: DigestAlgorithm, id: &str) -> Result<Digest, RecordError> {
    Digest::from_hex(algorithm, id).map_err(|source| RecordError::GitDigest { source })
}

fn ask(repository: &Path, questions: &str) -> Result<String, RecordError> {
    let program = find_system_program("git");
    let program = program.ok_or(RecordError::GitMissing { paths: PROGRAM_PATH })?;
    let failed = |source| RecordError::GitRun { source };
    let mut child = command(&program, repository).spawn().map_err(failed)?;
    if let Some(mut input) = child.stdin.take() {
        // Git that refuses the repository does not read; its own message says more than EPIPE.
        let _refused = input.write_all(questions.as_bytes());
    }
    let output = child.wait_with_output().map_err(failed)?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(RecordError::GitRepository { path: repository.to_owned(), message });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn command(program: &Path, repository: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args(["--no-replace-objects", "-c", "core.fsmonitor=false"])
        .args(["-c", "core.hooksPath=/dev/null", "-c", "protocol.allow=never"])
        .arg("-C")
        .arg(repository)
        .args(["cat-file", "--batch-check"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // Git needs the user's own settings (`safe.directory`) and none of our secrets.
    command.env_clear();
    for name in ["HOME", "XDG_CONFIG_HOME"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    // A folder below a repository is not that repository: git must not look further up.
    let ceiling = repository.parent().map_or_else(OsString::new, Into::into);
    command
        .env("PATH", PROGRAM_PATH)
        .env("GIT_CEILING_DIRECTORIES", ceiling)
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("LC_ALL", "C");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_are_no_answers() {
        let id = "ab".repeat(20);
        let line = format!("{id} blob 12");
        assert_eq!(answer(&line), Some((id.as_str(), "blob")));
        for complaint in
            ["HEAD missing", "1 ambiguous", "", "x y z", "HEAD:a b missing", "zz blob 1", "a b 1 2"]
        {
            assert_eq!(answer(complaint), None, "{complaint}");
        }
    }
}
