//! Errors of the program: what could not be done, why, and what to do about it.

use std::error::Error;
use std::fmt;

use crate::exit::Exit;

/// The result of a command.
pub(crate) type Result<T> = std::result::Result<T, CliError>;

/// An action of the program that failed.
#[derive(Debug)]
pub(crate) struct CliError {
    exit: Exit,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
    remedy: Option<String>,
}

impl CliError {
    /// The arguments, a key or a configuration are not usable.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into(), source: None, remedy: None }
    }

    /// The machine did not do what was asked: nothing is known about the chain.
    pub(crate) fn undecided(message: impl Into<String>) -> Self {
        Self { exit: Exit::Undecided, message: message.into(), source: None, remedy: None }
    }

    /// Ends with another code.
    pub(crate) fn with_exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// Names the cause.
    pub(crate) fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Says what to do.
    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    pub(crate) fn hint(&self) -> Option<&str> {
        self.remedy.as_deref()
    }
}

impl fmt::Display for CliError {
    /// Writes the message and the causes in one line.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.message.clone();
        if let Some(source) = &self.source {
            append_reasons(&mut text, Some(source.as_ref()));
        }
        out.write_str(&text)
    }
}

/// Appends a chain of causes to a message, in one line.
pub(crate) fn append_reasons(text: &mut String, mut next: Option<&(dyn Error + 'static)>) {
    while let Some(source) = next {
        let more = source.to_string();
        // Transparent errors repeat their source.
        if !text.ends_with(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        next = source.source();
    }
}
