//! How the program ends, and why it could not begin.

use std::process::ExitCode;

use thiserror::Error;

/// How the program ends; the worst counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// Everything comes in.
    Success,
    /// Something is undecided.
    Undecided,
    /// Something does not come in.
    Rejected,
    /// The arguments are not usable.
    Usage,
}

/// Something that the program was told and cannot use.
#[derive(Debug, Error)]
#[error("{message}")]
pub struct Failed {
    message: String,
}

impl Failed {
    /// Makes a failure of arguments or configuration.
    pub fn usage(message: String) -> Self {
        Self { message }
    }
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        Self::from(match ending {
            Ending::Success => 0,
            Ending::Rejected => 1,
            Ending::Usage => 2,
            Ending::Undecided => 3,
        })
    }
}
