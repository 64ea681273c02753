//! Takes network and processes away from an inspection, by the tools that every Linux has.
//!
//! Namespaces need system calls between fork and exec, which safe code cannot make; `unshare` and
//! `prlimit` of util-linux make them. What this machine lets them do is tried out once.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::exec::{Care, Supervision, supervise};
use crate::program::find_system_program;
use crate::streams::Streams;

/// The largest file that an inspection may write.
const FILE_BYTES: u64 = 4 << 30;
/// How many processes an inspection may have, where it has a namespace to count them in.
const PROCESSES: u32 = 1024;
/// How long trying out may take.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

/// What was taken away from an inspection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Isolation {
    /// Whether it had no network.
    pub network: bool,
    /// Whether it could neither see other processes of the machine nor outlive its own end.
    pub processes: bool,
    /// Whether the size of its files was limited.
    pub limits: bool,
}

/// A way to run a program: an isolation, and the words before the program.
#[derive(Clone, Debug)]
struct Way {
    isolation: Isolation,
    words: Vec<String>,
}

/// Makes a command that runs a program as isolated as this machine can.
pub(super) fn command(program: &Path, arguments: &[String]) -> (Isolation, Command) {
    static BEST: OnceLock<Way> = OnceLock::new();
    let best = BEST.get_or_init(|| ways().into_iter().find(works).unwrap_or_else(Way::bare));
    (best.isolation, best.command(program, arguments))
}

impl Way {
    fn bare() -> Self {
        Self { isolation: Isolation::default(), words: Vec::new() }
    }

    fn command(&self, program: &Path, arguments: &[String]) -> Command {
        match self.words.split_first() {
            None => {
                let mut command = Command::new(program);
                command.args(arguments);
                command
            }
            Some((wrapper, words)) => {
                let mut command = Command::new(wrapper);
                command.args(words).arg(program).args(arguments);
                command
            }
        }
    }
}

/// Lists the ways from the best to the barest.
fn ways() -> Vec<Way> {
    let limits = |more: &[String]| -> Option<Vec<String>> {
        let mut words = vec![tool("prlimit")?];
        words.extend(["--core=0".to_owned(), format!("--fsize={FILE_BYTES}")]);
        words.extend_from_slice(more);
        words.push("--".to_owned());
        Some(words)
    };
    let counted = limits(&[format!("--nproc={PROCESSES}")]);
    let mut ways = Vec::new();
    if let Some(unshare) = tool("unshare") {
        // A user namespace first: it makes the others possible without privileges, and keeps the
        // inspection from reading the memory and the environment of the verifier.
        let mut namespaces = vec![unshare];
        namespaces
            .extend(["--user", "--net", "--pid", "--fork", "--kill-child"].map(str::to_owned));
        namespaces.extend(identity().iter().map(|&flag| flag.to_owned()));
        for proc in [&["--mount-proc"][..], &[]] {
            for limits in [counted.clone(), None] {
                let mut words = namespaces.clone();
                words.extend(proc.iter().map(|&flag| flag.to_owned()));
                words.push("--".to_owned());
                let limited = limits.is_some();
                words.extend(limits.unwrap_or_default());
                let isolation = Isolation { network: true, processes: true, limits: limited };
                ways.push(Way { isolation, words });
            }
        }
    }
    if let Some(words) = limits(&[]) {
        let isolation = Isolation { limits: true, ..Isolation::default() };
        ways.push(Way { isolation, words });
    }
    ways
}

/// Says who the inspection is in its namespace. A root that knows one user alone fails at what root
/// does as a matter of course, such as unpacking an archive with its owners: nobody does not try.
fn identity() -> &'static [&'static str] {
    if rustix::process::geteuid().is_root() {
        &["--map-user=65534", "--map-group=65534"]
    } else {
        &["--map-current-user"]
    }
}

fn tool(name: &str) -> Option<String> {
    find_system_program(name)?.into_os_string().into_string().ok()
}

fn works(way: &Way) -> bool {
    let mut command = way.command(Path::new("/bin/true"), &[]);
    command.env_clear().stdin(Stdio::null());
    let run = Supervision {
        program: "/bin/true",
        care: Care::Group,
        streams: Streams::Capture,
        tail_bytes: 0,
        time_limit: Some(PATIENCE),
    };
    supervise(command, &run).is_ok_and(|outcome| outcome.exit.is_success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_says_what_it_takes_away() {
        for way in ways() {
            let has = |flag: &str| way.words.iter().any(|word| word.contains(flag));
            assert_eq!(way.isolation.network, has("--net"));
            assert_eq!(way.isolation.processes, has("--pid") && has("--kill-child"));
            assert_eq!(way.isolation.limits, has("--fsize"));
        }
    }
}
