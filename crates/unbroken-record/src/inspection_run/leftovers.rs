//! Ends processes that an inspection left behind, where no namespace does so.
//!
//! They are known by their environment: each inspection has a home of its own.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// How often is looked again: a process may fork while it is being ended.
const ROUNDS: usize = 40;
/// How many looks in a row must find nothing: in the middle of an exec a process has no environment.
const QUIET_ROUNDS: usize = 3;

/// Ends the processes whose home is `home`, and returns how many there were.
pub(super) fn end(home: &Path) -> usize {
    let mark = [b"HOME=", home.as_os_str().as_bytes(), b"\0"].concat();
    let mut seen = Vec::new();
    let mut quiet = 0;
    for _ in 0..ROUNDS {
        let living = marked(&mark);
        quiet = if living.is_empty() { quiet + 1 } else { 0 };
        if quiet == QUIET_ROUNDS {
            break;
        }
        for pid in living {
            let _gone = kill_process(pid, Signal::KILL);
            if !seen.contains(&pid) {
                seen.push(pid);
            }
        }
        thread::sleep(Duration::from_millis(5));
    }
    seen.len()
}

/// Finds living processes with a mark in their environment; a zombie has none.
fn marked(mark: &[u8]) -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    numbers
        .filter(|number: &i32| {
            let environment = fs::read(format!("/proc/{number}/environ")).unwrap_or_default();
            environment.windows(mark.len()).any(|window| window == mark)
        })
        .filter_map(Pid::from_raw)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_process_in_a_session_of_its_own_is_found_by_its_home() {
        let home = tempfile::tempdir().unwrap();
        let mut child = Command::new("/usr/bin/setsid")
            .args(["/bin/sleep", "600"])
            .env("HOME", home.path())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        // The environment is readable from the exec on.
        while marked(&[b"HOME=", home.path().as_os_str().as_bytes(), b"\0"].concat()).is_empty() {
            thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(end(home.path()), 1);
        assert!(!child.wait().unwrap().success());
        assert_eq!(end(home.path()), 0);
    }
}
