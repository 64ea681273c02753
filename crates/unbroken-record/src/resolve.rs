//! Turns arguments into artifacts, each by the resolver of its scheme.
//!
//! | argument | artifact |
//! | --- | --- |
//! | `PATH`, `file:PATH` | the file, or every file below the folder |
//! | `a/*.rs`, `src/**/x` | what the pattern matches; `*`, `?`, `[..]` within a segment, `**` across |
//! | `dir:PATH` | one artifact: the digest of the folder's sorted list of file digests |
//! | `ostree:REF` | the commit of a branch, where the base folder is an OSTree repository |
//! | `git:PATH`, `git:PATH@REV` | the object that `REV` (or `HEAD`) names in the repository |
//!
//! A file whose name begins like a scheme is written with `./` before it.

mod dir;
mod file;
mod git;
mod glob;
mod ostree;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use unbroken_model::artifact::ArtifactSet;

use crate::error::RecordError;
use crate::exclude::Excludes;
use crate::hash_file::Hashers;
use crate::hash_tree::hash_found;
use crate::naming::{Naming, split_scheme};
use crate::options::{HashOptions, MissingPolicy, SymlinkPolicy};
use crate::walk::resolve_link;

/// Hashes what `specs` name: files, folders, globs, and `file:`, `dir:`, `ostree:` and `git:` URIs.
///
/// # Errors
/// [`RecordError`] for the first thing that cannot be recorded; nothing is left out except by
/// [`HashOptions::excludes`] and [`MissingPolicy::Skip`].
pub fn hash_artifacts(
    specs: &[String],
    options: &HashOptions<'_>,
) -> Result<ArtifactSet, RecordError> {
    let naming = Naming::new(&options.strip_prefixes)?;
    let recording = Recording {
        options,
        excludes: Excludes::compile(&options.excludes)?,
        hashers: Hashers::new(&options.algorithms)?,
        base: canonical(options.base_path.as_deref().unwrap_or(Path::new(".")))?,
    };
    let (mut files, mut others) = (Vec::new(), Vec::new());
    for spec in specs {
        match split_scheme(spec) {
            None => files.push(("", spec.as_str())),
            Some(("file", path)) => files.push(("file:", path)),
            Some(("dir", path)) => others.extend(recording.folder(path, &naming)?),
            Some(("ostree", branch)) => others.push(recording.ostree(branch)?),
            Some(("git", repository)) => others.extend(recording.git(repository, &naming)?),
            Some((scheme, _)) => {
                let (spec, scheme) = (spec.clone(), scheme.to_owned());
                return Err(RecordError::UnknownScheme { spec, scheme });
            }
        }
    }
    let found = hash_found(options, &naming, &recording.hashers, |push| {
        files.iter().try_for_each(|(scheme, path)| recording.files(scheme, path, push))
    })?;
    if let Some(progress) = options.progress {
        naming.cut().for_each(|prefix| progress.cut(prefix));
    }
    if others.is_empty() {
        return Ok(found);
    }
    // The same argument twice is one artifact, as the same file twice is.
    others.sort_by(|(one, _), (other, _)| one.cmp(other));
    others.dedup();
    others.extend(found.iter().cloned());
    ArtifactSet::from_entries(others).map_err(|source| RecordError::Duplicate { source })
}

/// What the resolvers of one call share.
struct Recording<'a> {
    options: &'a HashOptions<'a>,
    excludes: Excludes,
    hashers: Hashers,
    /// The base folder, free of symbolic links.
    base: PathBuf,
}

/// Where an argument lies.
struct Located {
    /// Its path, free of symbolic links.
    physical: PathBuf,
    /// The folder that links below it must not lead out of.
    boundary: PathBuf,
}

impl Recording<'_> {
    /// Finds an argument on the disk; there is none when nothing is there.
    fn locate(&self, local: &str) -> Result<Option<Located>, RecordError> {
        let joined = self.base.join(local);
        let inside = !local.starts_with('/') && local != ".." && !local.starts_with("../");
        let (boundary, plain) = match (inside, joined.parent(), joined.file_name()) {
            (true, ..) if local == "." => (self.base.clone(), self.base.clone()),
            (true, ..) => (self.base.clone(), joined),
            // Who names a folder elsewhere by its path wants that folder.
            (false, Some(parent), Some(name)) => match fs::canonicalize(parent) {
                Ok(parent) => (parent.clone(), parent.join(name)),
                Err(source) if is_absent(&source) => return Ok(None),
                Err(source) => return Err(RecordError::Stat { path: parent.to_owned(), source }),
            },
            (false, ..) => (canonical(&joined)?, canonical(&joined)?),
        };
        match fs::symlink_metadata(&plain) {
            Ok(_) => {}
            Err(source) if is_absent(&source) => return Ok(None),
            Err(source) => return Err(RecordError::Stat { path: plain, source }),
        }
        let physical = match fs::canonicalize(&plain) {
            Ok(physical) if physical == plain => physical,
            _ => resolve_link(&plain, self.options.symlinks, &boundary)?,
        };
        Ok(Some(Located { physical, boundary }))
    }

    fn missing(&self, spec: &str) -> Result<(), RecordError> {
        match self.options.missing {
            MissingPolicy::Skip => Ok(()),
            MissingPolicy::Fail => Err(RecordError::Missing { spec: spec.to_owned() }),
        }
    }

    fn symlinks(&self) -> SymlinkPolicy {
        self.options.symlinks
    }
}

fn canonical(path: &Path) -> Result<PathBuf, RecordError> {
    fs::canonicalize(path).map_err(|source| RecordError::Stat { path: path.to_owned(), source })
}

/// Tells whether there is nothing at a path, as against something that cannot be seen.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
