//! Runs a command as if nobody stood in between.
//!
//! The command stays in our process group, so that the terminal's own signals (Ctrl-C, Ctrl-\, a
//! new window size) reach it by themselves, once. Signals that somebody sends to this process are
//! passed on; a signal that was ignored when we started stays ignored, as under `nohup`.

mod signals;
mod supervise;

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;

pub(crate) use self::supervise::{Care, Supervision, supervise};
use crate::error::RecordError;
use crate::streams::{CapturedStream, Streams};

/// How many bytes of each stream are kept unless asked otherwise.
const TAIL: usize = 64 * 1024;

/// A command to run in the foreground.
#[derive(Clone, Debug)]
pub struct CommandRun<'a> {
    /// The program and its arguments; there is no shell.
    pub words: &'a [String],
    /// Where the program lies, when it has been found already; else the system looks for it.
    pub program: Option<&'a Path>,
    /// The folder to run in, instead of the working directory.
    pub directory: Option<&'a Path>,
    /// Variables of the environment that the command does not get: those that hold our secrets.
    pub hidden_variables: &'a [String],
    /// Where the output goes.
    pub streams: Streams,
    /// How many bytes of each recorded stream are kept.
    pub tail_bytes: usize,
    /// After how long the command is ended; never, by default.
    pub time_limit: Option<Duration>,
}

impl<'a> CommandRun<'a> {
    /// Makes a run of `words` with inherited streams and without a time limit.
    pub fn new(words: &'a [String]) -> Self {
        Self {
            words,
            program: None,
            directory: None,
            hidden_variables: &[],
            streams: Streams::Inherit,
            tail_bytes: TAIL,
            time_limit: None,
        }
    }
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExitOutcome {
    /// By itself, with this status.
    Exited(i32),
    /// By a signal.
    Signalled(i32),
    /// Because its time was over.
    TimedOut,
}

impl ExitOutcome {
    /// Tells whether the command succeeded.
    pub fn is_success(self) -> bool {
        self == Self::Exited(0)
    }

    /// Returns the code that a shell would report: 128 and the signal's number for a death by
    /// signal, 124 for a time-out.
    pub fn code(self) -> i32 {
        match self {
            Self::Exited(status) => status,
            Self::Signalled(signal) => signal.saturating_add(128),
            Self::TimedOut => 124,
        }
    }

    /// Returns the `return-value` that links hold: the status, or the signal's number negated.
    pub fn return_value(self) -> i32 {
        match self {
            Self::Exited(status) => status,
            Self::Signalled(signal) => signal.saturating_neg(),
            Self::TimedOut => -9,
        }
    }

    fn of(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Exited(code),
            (None, signal) => Self::Signalled(signal.unwrap_or_default()),
        }
    }
}

/// What running a command gave.
#[derive(Clone, Debug)]
pub struct ProcessOutcome {
    /// How it ended.
    pub exit: ExitOutcome,
    /// Its standard output, when it was recorded.
    pub stdout: Option<CapturedStream>,
    /// Its standard error, when it was recorded.
    pub stderr: Option<CapturedStream>,
}

/// Runs a command to its end.
///
/// Standard input passes through. Signals that are sent to this process meanwhile reach the command
/// and do not end this process; once the command has ended they do what they did before.
///
/// # Errors
/// [`RecordError::NoCommand`], [`RecordError::Spawn`], [`RecordError::Wait`]. A command that fails is
/// no error but an [`ExitOutcome`].
pub fn run_command(run: &CommandRun<'_>) -> Result<ProcessOutcome, RecordError> {
    let (program, arguments) = run.words.split_first().ok_or(RecordError::NoCommand)?;
    let mut command = Command::new(run.program.unwrap_or(Path::new(program)));
    // Programs that go by several names look at the one that they were called by.
    command.arg0(program).args(arguments);
    for variable in run.hidden_variables {
        command.env_remove(variable);
    }
    if let Some(directory) = run.directory {
        command.current_dir(directory);
    }
    supervise(
        command,
        &Supervision {
            program,
            care: Care::Foreground,
            streams: run.streams,
            tail_bytes: run.tail_bytes,
            time_limit: run.time_limit,
        },
    )
}
