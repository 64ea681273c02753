//! Reads the evidence of a folder: the link files of steps, and the folders of sublayouts.
//!
//! Names of steps are compared, never taken as patterns. Everything found is untrusted: a file is
//! opened without following links or waiting for a FIFO, and bounded in size.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, open};
use rustix::io::Errno;
use thiserror::Error;
use unbroken_model::name::StepName;

use crate::error::RecordError;
use crate::walk::special_kind;

/// The largest link file: a link of 400,000 artifacts has 90 MB.
pub const LARGEST_LINK: u64 = 128 << 20;

/// What one folder may make a verifier read.
#[derive(Clone, Copy, Debug)]
pub struct LinkDirLimits {
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Bytes of all files together.
    pub total_bytes: u64,
    /// Link files and sublayout folders of the steps asked for.
    pub files: usize,
    /// Entries of the folder, whatever they are.
    pub entries: usize,
}

impl Default for LinkDirLimits {
    /// A hundred steps with a hundred functionaries each, in a folder with the product beside them.
    fn default() -> Self {
        Self { file_bytes: LARGEST_LINK, total_bytes: 1 << 30, files: 10_000, entries: 10_000_000 }
    }
}

/// A file that its name makes the link of a step.
#[derive(Debug)]
pub struct LinkFile {
    /// The step that its name tells.
    pub step: StepName,
    /// The beginning of the key id that its name tells: a hint, nothing more.
    pub key_hint: String,
    /// Where it lies.
    pub path: PathBuf,
    /// Its bytes, or why there are none.
    pub content: Result<Vec<u8>, LinkFileError>,
}

/// A folder that its name makes the links of a sublayout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SublayoutDir {
    /// The step that is a sublayout.
    pub step: StepName,
    /// The beginning of the key id that its name tells: a hint, nothing more.
    pub key_hint: String,
    /// Where it lies.
    pub path: PathBuf,
}

/// The evidence of one folder, in the order of file names.
#[derive(Debug, Default)]
pub struct LinkDir {
    /// The link files, also those that cannot be read.
    pub links: Vec<LinkFile>,
    /// The folders of sublayouts.
    pub sublayouts: Vec<SublayoutDir>,
}

/// Why a link file has no bytes.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LinkFileError {
    /// It is no plain file: a link, a FIFO, a device.
    #[error("it is a {kind}, not a plain file")]
    NotPlain {
        /// What it is.
        kind: &'static str,
    },
    /// It is too large, alone or with those before it.
    #[error("it exceeds the limit of {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// It cannot be read.
    #[error("it cannot be read")]
    Read {
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Reads the links of `steps` in `folder`, and finds the folders of their sublayouts.
///
/// A link file is named `{step}.{8 to 128 hexadecimal digits}.link`; a file without the digits is
/// not signed and no evidence. A file that cannot be read is told beside the others.
///
/// # Errors
/// [`RecordError::List`] when the folder is missing or cannot be listed,
/// [`RecordError::TooManyFiles`] when a count exceeds its limit.
pub fn read_links(
    folder: &Path,
    steps: &[StepName],
    limits: &LinkDirLimits,
) -> Result<LinkDir, RecordError> {
    let steps: BTreeSet<&StepName> = steps.iter().collect();
    let mut found = Vec::new();
    for (count, name) in names(folder)?.enumerate() {
        let name = name?;
        if count >= limits.entries {
            return Err(RecordError::TooManyFiles { limit: limits.entries });
        }
        // A name that is not UTF-8 cannot be that of a step.
        let Some(name) = name.to_str() else { continue };
        let (stem, is_link) = name.strip_suffix(".link").map_or((name, false), |stem| (stem, true));
        let Some((step, hint)) = stem.rsplit_once('.') else { continue };
        let Ok(step) = step.parse::<StepName>() else { continue };
        if is_key_hint(hint) && steps.contains(&step) {
            if found.len() >= limits.files {
                return Err(RecordError::TooManyFiles { limit: limits.files });
            }
            found.push((name.to_owned(), step, hint.to_owned(), is_link));
        }
    }
    found.sort_unstable();
    let mut evidence = LinkDir::default();
    let mut left = limits.total_bytes;
    for (name, step, key_hint, is_link) in found {
        let path = folder.join(name);
        if is_link {
            let content = read(&path, limits.file_bytes.min(left));
            if let Ok(bytes) = &content {
                left = left.saturating_sub(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            }
            evidence.links.push(LinkFile { step, key_hint, path, content });
            continue;
        }
        match is_own_folder(&path) {
            Ok(true) => evidence.sublayouts.push(SublayoutDir { step, key_hint, path }),
            Ok(false) => {}
            Err(error) => {
                evidence.links.push(LinkFile { step, key_hint, path, content: Err(error) });
            }
        }
    }
    Ok(evidence)
}

/// Finds the steps that the link files of a folder are named after.
///
/// # Errors
/// As [`read_links`].
pub fn steps_of(folder: &Path, limits: &LinkDirLimits) -> Result<Vec<StepName>, RecordError> {
    let mut steps = BTreeSet::new();
    for (count, name) in names(folder)?.enumerate() {
        let name = name?;
        if count >= limits.entries || steps.len() > limits.files {
            return Err(RecordError::TooManyFiles { limit: limits.files.min(limits.entries) });
        }
        let stem = name.to_str().and_then(|name| name.strip_suffix(".link"));
        if let Some((step, hint)) = stem.and_then(|stem| stem.rsplit_once('.'))
            && is_key_hint(hint)
        {
            steps.extend(step.parse::<StepName>());
        }
    }
    Ok(steps.into_iter().collect())
}

fn names(
    folder: &Path,
) -> Result<impl Iterator<Item = Result<std::ffi::OsString, RecordError>>, RecordError> {
    let failed = |source| RecordError::List { path: folder.to_owned(), source };
    let entries = fs::read_dir(folder).map_err(failed)?;
    Ok(entries.map(move |entry| entry.map(|entry| entry.file_name()).map_err(failed)))
}

fn is_key_hint(text: &str) -> bool {
    (8..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Tells a folder from a file that happens to be named like one.
///
/// A symbolic link is told as a fault: it could lead to links that nobody put there.
fn is_own_folder(path: &Path) -> Result<bool, LinkFileError> {
    let metadata = fs::symlink_metadata(path).map_err(|source| LinkFileError::Read { source })?;
    if metadata.is_symlink() {
        return Err(LinkFileError::NotPlain { kind: "symbolic link" });
    }
    Ok(metadata.is_dir())
}

fn read(path: &Path, limit: u64) -> Result<Vec<u8>, LinkFileError> {
    read_regular(path, limit).map_err(|fault| match fault {
        OpenFault::Special(kind) => LinkFileError::NotPlain { kind },
        OpenFault::TooLarge => LinkFileError::TooLarge { limit },
        OpenFault::Io(source) => LinkFileError::Read { source },
    })
}

/// Why a file that must be plain was not read.
pub(crate) enum OpenFault {
    Special(&'static str),
    TooLarge,
    Io(io::Error),
}

/// Reads a plain file of at most `limit` bytes, following no link and waiting for nobody.
pub(crate) fn read_regular(path: &Path, limit: u64) -> Result<Vec<u8>, OpenFault> {
    let flags =
        OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let file = match open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::LOOP) => return Err(OpenFault::Special("symbolic link")),
        Err(Errno::NXIO) => return Err(OpenFault::Special("socket")),
        Err(errno) => return Err(OpenFault::Io(errno.into())),
    };
    let metadata = file.metadata().map_err(OpenFault::Io)?;
    if let Some(kind) = special_kind(FileType::from_raw_mode(metadata.mode())) {
        return Err(OpenFault::Special(kind));
    }
    let size = metadata.len();
    if size > limit {
        return Err(OpenFault::TooLarge);
    }
    // The size is a hint: the file may have grown since.
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(OpenFault::Io)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > limit) {
        return Err(OpenFault::TooLarge);
    }
    Ok(bytes)
}
