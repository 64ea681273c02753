//! What made a drop-in fail, named as the reference names it where it has a name for it.

use std::error::Error;
use std::fmt;
use std::io;

use unbroken_crypto::KeyError;
use unbroken_record::RecordError;

use super::python;

/// A failure: an exception of the reference and its message.
#[derive(Debug)]
pub(super) struct Failure {
    kind: &'static str,
    pub(super) message: String,
}

impl Failure {
    pub(super) fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// Names what the system refused about a file.
    pub(super) fn os(error: &io::Error, path: &str) -> Self {
        // What writes files whole wraps the system's error: only its kind is left.
        let (kind, known) = match error.kind() {
            io::ErrorKind::NotFound => {
                ("FileNotFoundError", Some((2, "No such file or directory")))
            }
            io::ErrorKind::PermissionDenied => (
                "PermissionError",
                error.raw_os_error().is_none().then_some((13, "Permission denied")),
            ),
            io::ErrorKind::IsADirectory => ("IsADirectoryError", Some((21, "Is a directory"))),
            io::ErrorKind::NotADirectory => ("NotADirectoryError", Some((20, "Not a directory"))),
            io::ErrorKind::AlreadyExists => ("FileExistsError", Some((17, "File exists"))),
            _ => ("OSError", None),
        };
        let text = error.to_string();
        let system = text.split(" (os error").next().unwrap_or_default();
        let path = python::text(path);
        let message = match (known, error.raw_os_error()) {
            (Some((number, text)), _) => format!("[Errno {number}] {text}: {path}"),
            (None, Some(number)) => format!("[Errno {number}] {system}: {path}"),
            (None, None) => format!("{text}: {path}"),
        };
        Self::new(kind, message)
    }

    /// Says why a key cannot be used.
    pub(super) fn key(error: &KeyError, path: &str) -> Self {
        let message = match error {
            KeyError::PassphraseWrong => {
                let message = "Incorrect password, could not decrypt key";
                return Self::new("ValueError", message);
            }
            KeyError::PassphraseMissing => "Password was not given but private key is encrypted",
            KeyError::PassphraseNotNeeded => "Password was given but private key is not encrypted.",
            _ => {
                let path = python::text(path);
                return Self::new("ValueError", format!("{path}: {}", reasons(error)));
            }
        };
        Self::new("TypeError", message)
    }

    /// Says what could not be recorded; `file` is the file that was meant to be written, if any.
    pub(super) fn record(error: &RecordError, file: Option<&str>) -> Self {
        match (error, file) {
            (RecordError::Spawn { program, source }, _) => Self::os(source, program),
            (RecordError::Write { source, .. } | RecordError::Read { source, .. }, Some(file)) => {
                Self::os(source, file)
            }
            (RecordError::PrefixOfPrefix { shorter, longer }, _) => {
                let (shorter, longer) = (python::text(shorter), python::text(longer));
                let message = format!("{shorter} and {longer} triggered a left substring error");
                Self::new("PrefixError", message)
            }
            (RecordError::Collision { .. }, _) => Self::new("PrefixError", reasons(error)),
            _ => Self::new("ValueError", reasons(error)),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.kind, self.message)
    }
}

/// Writes an error and its causes in one line.
pub(super) fn reasons(error: &dyn Error) -> String {
    let mut text = error.to_string();
    crate::error::append_reasons(&mut text, error.source());
    text
}
