//! Inspections as the caller sees them: requests, and what running them gave.

use std::fmt;

use unbroken_model::artifact::ArtifactSet;

use crate::session::ChainId;

/// A command that the layout wants to be run on the final product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InspectionRequest {
    /// The layout that asks.
    pub chain: ChainId,
    /// The sublayouts that lead to that layout, each by the name of its evidence.
    pub path: Vec<String>,
    /// The inspection's name.
    pub name: String,
    /// The command, as words; there is no shell.
    pub run: Vec<String>,
}

/// What a verification knows of the files that inspections would see.
#[derive(Clone, Copy, Debug)]
pub enum Product<'a> {
    /// The files, as an inspection would record them before its command.
    Files(&'a ArtifactSet),
    /// There are none: what ties the link of an inspection to the chain is its rules alone.
    NotAtHand,
}

/// What running an inspection gave.
#[derive(Clone, Debug)]
pub struct InspectionOutcome {
    /// The files before the command.
    pub materials: ArtifactSet,
    /// The files after the command.
    pub products: ArtifactSet,
    /// How the command ended.
    pub ending: Ending,
    /// Whether the network was out of the command's reach.
    pub isolated: bool,
    /// The end of what the command printed, for people.
    pub output: String,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It ended by itself with this status.
    Exited(i32),
    /// A signal ended it.
    Signalled(i32),
    /// It was ended because its time was over.
    TimedOut,
    /// It could not be started.
    NotStarted(String),
}

impl Ending {
    /// Tells whether the command succeeded.
    pub fn is_success(&self) -> bool {
        *self == Self::Exited(0)
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(status) => write!(out, "exit {status}"),
            Self::Signalled(signal) => write!(out, "ended by signal {signal}"),
            Self::TimedOut => out.write_str("out of time"),
            Self::NotStarted(reason) => write!(out, "not started: {reason}"),
        }
    }
}
