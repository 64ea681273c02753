//! What is hashed and how: the options that all recording functions share.

use std::fmt;
use std::path::PathBuf;

use unbroken_model::digest::DigestAlgorithm;
use unbroken_model::json::{Object, Value};

use crate::exclude::DEFAULT_EXCLUDES;

/// The default of [`HashOptions::file_limit`]: ten times the largest tree that is asked for; a few
/// nested folder links can name more files than there are atoms.
const FILE_LIMIT: usize = 10_000_000;

/// Decides what happens to symbolic links.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SymlinkPolicy {
    /// Follows a link whose target lies in the base folder (for an argument outside of it: in the
    /// folder of the argument); a link that leads elsewhere is an error.
    #[default]
    FollowInside,
    /// Follows every link: a link can bring files of the whole machine into the record.
    FollowAll,
    /// Follows every link to a file, and leaves links to folders out, as in-toto-golang.
    FollowFiles,
    /// Follows no link: records where it leads, as the artifact `symlink:PATH`, whatever lies there.
    Record,
    /// Takes every link as an error.
    Refuse,
}

/// Decides whether what is known of a file beside its content is recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Metadata {
    /// Records content alone, as the reference does.
    #[default]
    NotRecorded,
    /// Records the modes of files and folders and the targets of symbolic links as artifacts of
    /// their own: `mode:PATH`, `symlink:PATH`.
    Recorded,
}

/// Decides what happens to an argument that names nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MissingPolicy {
    /// Takes it as an error: a slip of the pen would make an empty record.
    #[default]
    Fail,
    /// Leaves it out, as the reference does.
    Skip,
}

/// Is told how far hashing has come, from several threads.
pub trait Progress: Sync {
    /// Hears of files that were found and are still to be hashed.
    fn found(&self, files: u64);
    /// Hears of files that are done and of bytes that were read.
    fn hashed(&self, files: u64, bytes: u64);
    /// Hears of a prefix that was cut off the names of artifacts, at the end of a call.
    fn cut(&self, _prefix: &str) {}
}

/// Says how artifacts are named and hashed.
#[derive(Clone)]
pub struct HashOptions<'a> {
    /// The digests of every artifact; all are made in one reading.
    pub algorithms: Vec<DigestAlgorithm>,
    /// The folder that arguments and names are relative to, instead of the working directory.
    pub base_path: Option<PathBuf>,
    /// Prefixes to cut off names; the first that fits is cut, and none may begin another.
    pub strip_prefixes: Vec<String>,
    /// Patterns in the manner of `.gitignore`, on names before stripping.
    pub excludes: Vec<String>,
    /// Those of them that the link's environment tells: what is left out besides the usual is no part
    /// of what anybody vouches for, and a reader must be able to see it.
    pub told_excludes: Vec<String>,
    /// Whether CRLF and CR are hashed as LF, in every file; the link's environment then says so.
    pub normalize_line_endings: bool,
    /// What happens to symbolic links.
    pub symlinks: SymlinkPolicy,
    /// Whether modes and the targets of links are recorded.
    pub metadata: Metadata,
    /// What happens to arguments that name nothing.
    pub missing: MissingPolicy,
    /// The most files that one call takes.
    pub file_limit: usize,
    /// Who is told of the progress.
    pub progress: Option<&'a dyn Progress>,
}

impl Default for HashOptions<'_> {
    fn default() -> Self {
        Self {
            algorithms: vec![DigestAlgorithm::Sha256],
            base_path: None,
            strip_prefixes: Vec::new(),
            excludes: DEFAULT_EXCLUDES.iter().map(|&pattern| pattern.to_owned()).collect(),
            told_excludes: Vec::new(),
            normalize_line_endings: false,
            symlinks: SymlinkPolicy::default(),
            metadata: Metadata::default(),
            missing: MissingPolicy::default(),
            file_limit: FILE_LIMIT,
            progress: None,
        }
    }
}

impl HashOptions<'_> {
    /// Says in a link's environment what makes equal digests of unequal files, and what was left out.
    /// Both sides of a comparison must have been recorded alike, and a reader must be able to see it.
    pub(crate) fn environment(&self) -> Object<'static> {
        self.tell(Object::new())
    }

    /// Says the same of what is recorded later, in the environment of a recording that has begun.
    pub(crate) fn tell(&self, mut environment: Object<'static>) -> Object<'static> {
        if self.normalize_line_endings {
            environment.insert("line_endings", "normalized");
        }
        // One text, since some readers take no other values.
        let told = environment.get("excludes").and_then(Value::as_str).unwrap_or_default();
        let mut patterns: Vec<&str> = told.lines().collect();
        for pattern in &self.told_excludes {
            if !patterns.contains(&pattern.as_str()) {
                patterns.push(pattern);
            }
        }
        if !patterns.is_empty() {
            let text = patterns.join("\n");
            environment.insert("excludes", text);
        }
        environment
    }
}

impl fmt::Debug for HashOptions<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("HashOptions")
            .field("algorithms", &self.algorithms)
            .field("base_path", &self.base_path)
            .field("strip_prefixes", &self.strip_prefixes)
            .field("excludes", &self.excludes)
            .field("told_excludes", &self.told_excludes)
            .field("normalize_line_endings", &self.normalize_line_endings)
            .field("symlinks", &self.symlinks)
            .field("metadata", &self.metadata)
            .field("missing", &self.missing)
            .field("file_limit", &self.file_limit)
            .finish_non_exhaustive()
    }
}
