//! Exit codes, documented in the README.

use std::process::ExitCode;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Verified, or done.
    Success,
    /// Rejected: the evidence was examined, and it does not hold.
    Rejected,
    /// The arguments or the configuration are not usable.
    Usage,
    /// Undecided: something could not be read, written or run.
    Undecided,
    /// Nobody read the output to its end.
    BrokenPipe,
    /// The code of the command that was run.
    Child(u8),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Success => 0,
            Exit::Rejected => 1,
            Exit::Usage => 2,
            Exit::Undecided => 3,
            Exit::BrokenPipe => 4,
            Exit::Child(code) => code,
        })
    }
}
