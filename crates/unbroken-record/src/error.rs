//! The errors of this crate: one variant per action that failed, with its object.

use std::io;
use std::path::PathBuf;

use thiserror::Error;
use unbroken_model::artifact::DuplicatePath;
use unbroken_model::digest::DigestError;
use unbroken_model::path::PathError;

/// Who has to act on a [`RecordError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordErrorKind {
    /// The caller: an argument or an option cannot be used.
    Usage,
    /// The owner of the tree: it holds what cannot be recorded.
    Content,
    /// The operator: the machine did not do what it was asked.
    System,
}

/// An action of recording that failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecordError {
    /// An argument begins with a scheme that no resolver knows.
    #[error(
        "{spec:?} has the unknown scheme {scheme:?} (a file of that name is written \"./{spec}\")"
    )]
    UnknownScheme {
        /// The argument.
        spec: String,
        /// Its scheme.
        scheme: String,
    },
    /// An argument names nothing.
    #[error("{spec:?} matches nothing")]
    Missing {
        /// The argument.
        spec: String,
    },
    /// An argument to `dir:` is no folder.
    #[error("{path:?} is not a folder")]
    NotAFolder {
        /// The path.
        path: PathBuf,
    },
    /// A pattern of an argument or an exclusion cannot be read.
    #[error("the pattern {pattern:?} cannot be read: {reason}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A prefix to strip begins another one: which is cut would depend on their order.
    #[error("the prefix {shorter:?} begins the prefix {longer:?}")]
    PrefixOfPrefix {
        /// The shorter prefix.
        shorter: String,
        /// The longer one.
        longer: String,
    },
    /// No digest of this algorithm can be made.
    #[error("no {name} digests can be made")]
    Algorithm {
        /// The algorithm.
        name: String,
    },
    /// Stripping a prefix left no name.
    #[error("{path:?} has no name left after its prefix is stripped")]
    EmptyName {
        /// The name before stripping.
        path: String,
    },
    /// A name is no artifact path.
    #[error("an artifact cannot be named")]
    Name {
        /// Why.
        #[source]
        source: PathError,
    },
    /// A file has a name that would be read as a URI of a resolver.
    #[error("the file {path:?} would be recorded as a {scheme}: artifact")]
    ReservedName {
        /// The name.
        path: String,
        /// The scheme it begins with.
        scheme: String,
    },
    /// Two files would have one name.
    #[error("{first:?} and {second:?} would both be recorded as {name:?}")]
    Collision {
        /// The name.
        name: String,
        /// The one file.
        first: PathBuf,
        /// The other file.
        second: PathBuf,
    },
    /// Two arguments have one name.
    #[error("two arguments cannot be recorded")]
    Duplicate {
        /// The name.
        #[source]
        source: DuplicatePath,
    },
    /// A name is not UTF-8, so metadata cannot hold it.
    #[error("the name of {path:?} is not UTF-8")]
    NonUtf8Name {
        /// The path, escaped.
        path: PathBuf,
    },
    /// There is something without content: a FIFO, a socket, a device.
    #[error("{path:?} is a {kind}")]
    Special {
        /// The path.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// A symbolic link leads back to itself or to a folder above it.
    #[error("the symbolic link {path:?} leads in a circle")]
    SymlinkLoop {
        /// The link.
        path: PathBuf,
    },
    /// A symbolic link leads nowhere.
    #[error("the symbolic link {path:?} leads nowhere")]
    SymlinkDangling {
        /// The link.
        path: PathBuf,
    },
    /// A symbolic link leads out of the tree.
    #[error("the symbolic link {path:?} leads out of the tree, to {target:?}")]
    SymlinkOutside {
        /// The link.
        path: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
    /// A symbolic link, where the policy refuses all.
    #[error("{path:?} is a symbolic link")]
    SymlinkRefused {
        /// The link.
        path: PathBuf,
    },
    /// A path cannot be looked at.
    #[error("cannot look at {path:?}")]
    Stat {
        /// The path.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A folder cannot be listed.
    #[error("cannot list the folder {path:?}")]
    List {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file cannot be read.
    #[error("cannot read {path:?}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file is larger than what is taken.
    #[error("{path:?} is larger than {limit} bytes")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// A file changed each time it was hashed.
    #[error("{path:?} changes while it is hashed")]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// There are more files than the limit.
    #[error("there are more than {limit} files")]
    TooManyFiles {
        /// The limit.
        limit: usize,
    },
    /// No git program lies where one is trusted.
    #[error("there is no git program in {paths}")]
    GitMissing {
        /// Where it was looked for.
        paths: &'static str,
    },
    /// Git cannot be run.
    #[error("cannot run git")]
    GitRun {
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A folder is no git repository, or git refuses it.
    #[error("{path:?} cannot be read as a git repository: {message}")]
    GitRepository {
        /// The folder.
        path: PathBuf,
        /// What git says.
        message: String,
    },
    /// A repository has no such revision, or more than one.
    #[error("the git repository {path:?} has no object {revision:?}")]
    GitRevision {
        /// The folder.
        path: PathBuf,
        /// The revision.
        revision: String,
    },
    /// A folder is no OSTree repository, or has no such branch.
    #[error("{path:?} is no OSTree repository with a branch {branch:?}")]
    OstreeRef {
        /// The folder.
        path: PathBuf,
        /// The branch.
        branch: String,
    },
    /// An object id has a form that metadata cannot hold.
    #[error("a git object id cannot be recorded")]
    GitDigest {
        /// Why.
        #[source]
        source: DigestError,
    },
    /// There is no command to run.
    #[error("the command is empty")]
    NoCommand,
    /// A command cannot be started.
    #[error("cannot start {program:?}")]
    Spawn {
        /// The program.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A running command cannot be watched.
    #[error("cannot wait for {program:?}")]
    Wait {
        /// The program.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A signal stopped the work.
    #[error("stopped by signal {signal}")]
    Interrupted {
        /// The signal's number.
        signal: i32,
    },
    /// A program lies where others than the caller or the system may have put it.
    #[error("the program {program:?} is refused: {reason}")]
    ProgramRefused {
        /// The program.
        program: String,
        /// Why.
        reason: &'static str,
    },
    /// A file cannot be written.
    #[error("cannot write {path:?}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file is there already.
    #[error("{path:?} is there already")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A file cannot be removed.
    #[error("cannot remove {path:?}")]
    Remove {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A text is no key id, so no file can be named after it.
    #[error("{text:?} is not a key id of eight or more hexadecimal digits")]
    KeyId {
        /// The text.
        text: String,
    },
    /// The product folder changed while an inspection ran.
    #[error("{path:?} changed while the inspection ran on a copy of it")]
    OriginalChanged {
        /// The folder.
        path: PathBuf,
    },
}

impl RecordError {
    /// Tells whether a file that must not be overwritten is there already.
    pub fn is_exists(&self) -> bool {
        matches!(self, Self::Exists { .. })
    }

    /// Tells who has to act.
    pub fn kind(&self) -> RecordErrorKind {
        match self {
            Self::UnknownScheme { .. }
            | Self::Missing { .. }
            | Self::NotAFolder { .. }
            | Self::Pattern { .. }
            | Self::PrefixOfPrefix { .. }
            | Self::Algorithm { .. }
            | Self::Duplicate { .. }
            | Self::GitRevision { .. }
            | Self::OstreeRef { .. }
            | Self::NoCommand
            | Self::Exists { .. }
            | Self::KeyId { .. } => RecordErrorKind::Usage,
            Self::EmptyName { .. }
            | Self::Name { .. }
            | Self::ReservedName { .. }
            | Self::Collision { .. }
            | Self::NonUtf8Name { .. }
            | Self::Special { .. }
            | Self::SymlinkLoop { .. }
            | Self::SymlinkDangling { .. }
            | Self::SymlinkOutside { .. }
            | Self::SymlinkRefused { .. }
            | Self::TooLarge { .. }
            | Self::Changed { .. }
            | Self::TooManyFiles { .. }
            | Self::GitDigest { .. }
            | Self::ProgramRefused { .. }
            | Self::OriginalChanged { .. } => RecordErrorKind::Content,
            Self::Stat { .. }
            | Self::List { .. }
            | Self::Read { .. }
            | Self::GitMissing { .. }
            | Self::GitRun { .. }
            | Self::GitRepository { .. }
            | Self::Spawn { .. }
            | Self::Wait { .. }
            | Self::Interrupted { .. }
            | Self::Write { .. }
            | Self::Remove { .. } => RecordErrorKind::System,
        }
    }
}
