//! What the drop-ins say, and how loudly: the reference's levels.

use std::io::{self, Write};

use super::argparse::Parsed;
use crate::output::escape;

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Log {
    Quiet,
    /// Warnings and errors.
    Normal,
    Verbose,
}

impl Log {
    /// Reads `-v` and `-q`.
    pub(super) fn of(parsed: &Parsed) -> Self {
        if parsed.has("verbose") {
            Self::Verbose
        } else if parsed.has("quiet") {
            Self::Quiet
        } else {
            Self::Normal
        }
    }

    pub(super) fn info(self, text: &str) {
        if self == Self::Verbose {
            say(text);
        }
    }

    pub(super) fn warning(self, text: &str) {
        if self >= Self::Normal {
            say(text);
        }
    }

    pub(super) fn error(self, text: &str) {
        self.warning(text);
    }
}

/// Says a line on stderr; foreign text in it cannot move the cursor.
pub(super) fn say(text: &str) {
    // Usages are laid out with tabs.
    let text: Vec<String> = text.split('\t').map(escape).collect();
    // There is nobody to tell that stderr cannot be written.
    drop(writeln!(io::stderr().lock(), "{}", text.join("\t")));
}

/// Prints data on stdout. A reader that went away is no concern of the reference's tools.
pub(super) fn print(text: &str) {
    let mut stdout = io::stdout().lock();
    drop(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()));
}
