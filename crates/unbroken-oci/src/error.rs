//! What could not be done with an image or a registry. None of it is a verdict.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// An action of this room that failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OciError {
    /// A text is no name of an image.
    #[error("{text:?} does not name an image: {fault}")]
    Reference {
        /// The text, shortened.
        text: String,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// A text is no digest that content can be held against.
    #[error("{text:?} is not a digest of content: {fault}")]
    Digest {
        /// The text, shortened.
        text: String,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// Content is not what its place in an image asks for.
    #[error("{what} is malformed: {fault}")]
    Malformed {
        /// The content.
        what: String,
        /// What is wrong with it.
        fault: String,
    },
    /// Content is not what its digest, its size or its type says.
    #[error("{what} is not what was asked for: its {property} is {found}, not {due}")]
    Mismatch {
        /// The content.
        what: String,
        /// Digest, size or media type.
        property: &'static str,
        /// What was asked for.
        due: String,
        /// What came.
        found: String,
    },
    /// Content asks for more than a bound of [`crate::limits::Limits`].
    #[error("{what} exceeds the limit of {limit} {unit}")]
    Limit {
        /// The content.
        what: String,
        /// The bound.
        limit: u64,
        /// What is counted.
        unit: &'static str,
    },
    /// There is no such image, manifest or blob.
    #[error("{what} is not there")]
    NotFound {
        /// What was looked for.
        what: String,
    },
    /// A registry refused an action.
    #[error("the registry answered {status} to {action}{detail}")]
    Status {
        /// The status of HTTP.
        status: u16,
        /// What was asked for.
        action: String,
        /// What the registry said, made harmless, beginning with a colon; may be empty.
        detail: String,
    },
    /// A registry named a host, or a way to it, that is not used.
    #[error("{action} leads to {url}, which is not followed: {fault}")]
    Host {
        /// What was asked for.
        action: String,
        /// Where it would lead, without its query.
        url: String,
        /// Why not.
        fault: String,
    },
    /// An answer of a registry is not HTTP as the distribution specification has it.
    #[error("the answer to {action} is not usable: {fault}")]
    Answer {
        /// What was asked for.
        action: String,
        /// What is wrong with it.
        fault: String,
    },
    /// A registry could not be reached, or did not answer in time.
    #[error("{action} failed")]
    Transport {
        /// What was asked for.
        action: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The time for the whole operation is over.
    #[error("there was no time left for {action}")]
    Deadline {
        /// What would have been asked for.
        action: String,
    },
    /// Another writer changed the list of referrers over and over.
    #[error(
        "{what} could not be listed beside {subject}: other writers changed the list {tries} times"
    )]
    Contended {
        /// The manifest.
        what: String,
        /// The image.
        subject: String,
        /// How often it was tried.
        tries: u32,
    },
    /// Credentials are there but cannot be read.
    #[error("the credentials in {place} cannot be used: {fault}")]
    Credentials {
        /// A file, a variable or a program.
        place: String,
        /// What is wrong, without any secret.
        fault: String,
    },
    /// The settings of the connection cannot be used.
    #[error("{what} cannot be used: {fault}")]
    Settings {
        /// The setting.
        what: String,
        /// What is wrong with it.
        fault: String,
    },
    /// A program that keeps images failed.
    #[error("{program} does not tell about {name}: {fault}")]
    Program {
        /// The program.
        program: &'static str,
        /// The image.
        name: String,
        /// What it said.
        fault: String,
    },
    /// A place does not take what was to be done.
    #[error("{place} {fault}")]
    Unsupported {
        /// The place.
        place: String,
        /// What it does not do.
        fault: &'static str,
    },
    /// A file could not be read or written.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was done.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The result of an action of this room.
pub type Result<T> = std::result::Result<T, OciError>;

impl OciError {
    /// Tells whether the caller named something that cannot be used.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Reference { .. }
                | Self::Digest { .. }
                | Self::Settings { .. }
                | Self::Unsupported { .. }
        )
    }

    /// Tells whether the thing that was asked for is not there, as opposed to not reachable.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// Tells whether the place failed at the moment, so that the same may do another time.
    pub(crate) fn is_momentary(&self) -> bool {
        matches!(self, Self::Status { status: 408 | 429 | 500..=599, .. } | Self::Transport { .. })
    }

    pub(crate) fn malformed(what: impl Into<String>, fault: impl Into<String>) -> Self {
        Self::Malformed { what: what.into(), fault: fault.into() }
    }

    pub(crate) fn limit(what: impl Into<String>, limit: u64, unit: &'static str) -> Self {
        Self::Limit { what: what.into(), limit, unit }
    }

    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}

/// Shortens foreign text for a message.
pub(crate) fn short(text: &str) -> String {
    text.chars().take(200).collect()
}
