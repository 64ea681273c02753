//! Walks folders: every entry becomes a file to hash, a folder to enter, or an error.
//!
//! Files come out in the byte order of their names, so the record of one folder needs no sorting:
//! within a folder the names of sub-folders are sorted with a slash at their end.

use std::fs::{self, DirEntry, FileType};
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::io::Errno;

use crate::error::RecordError;
use crate::exclude::{Excludes, Inherited};
use crate::options::SymlinkPolicy;

/// A folder on the disk and in the names of artifacts.
#[derive(Debug)]
pub(crate) struct Folder {
    /// Where it lies, free of symbolic links.
    pub(crate) physical: PathBuf,
    /// What the names of its entries begin with: empty, or a path with a slash at its end.
    pub(crate) prefix: String,
    /// What its entries inherit of the exclusions.
    pub(crate) inherited: Inherited,
}

/// A file to hash.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The last part of its name.
    pub(crate) name: String,
    /// Where its content lies, when that is not in the folder under this name.
    pub(crate) target: Option<PathBuf>,
}

/// Takes files of one folder, in order; calls of one walk follow the order as well.
pub(crate) type Sink<'s> = &'s mut dyn FnMut(&Arc<Folder>, Vec<Entry>) -> Result<(), RecordError>;

/// Walks folders under one set of rules.
pub(crate) struct Walker<'a> {
    pub(crate) excludes: &'a Excludes,
    pub(crate) symlinks: SymlinkPolicy,
    /// The folder that a link must not lead out of, free of symbolic links.
    pub(crate) boundary: &'a Path,
}

enum Kind {
    File(Option<PathBuf>),
    Folder(PathBuf, Inherited),
}

impl Walker<'_> {
    /// Hands every file below `folder` to `sink`.
    pub(crate) fn walk(&self, folder: Folder, sink: Sink<'_>) -> Result<(), RecordError> {
        self.enter(folder, &mut Vec::new(), sink)
    }

    fn enter(
        &self,
        folder: Folder,
        above: &mut Vec<PathBuf>,
        sink: Sink<'_>,
    ) -> Result<(), RecordError> {
        let entries = self.list(&folder)?;
        above.push(folder.physical.clone());
        let folder = Arc::new(folder);
        let mut files = Vec::new();
        for (name, kind) in entries {
            match kind {
                Kind::File(target) => files.push(Entry { name, target }),
                Kind::Folder(physical, inherited) => {
                    if !files.is_empty() {
                        sink(&folder, std::mem::take(&mut files))?;
                    }
                    if above.contains(&physical) {
                        let path = folder.physical.join(name.trim_end_matches('/'));
                        return Err(RecordError::SymlinkLoop { path });
                    }
                    let prefix = format!("{}{name}", folder.prefix);
                    self.enter(Folder { physical, prefix, inherited }, above, sink)?;
                }
            }
        }
        above.pop();
        if files.is_empty() { Ok(()) } else { sink(&folder, files) }
    }

    fn list(&self, folder: &Folder) -> Result<Vec<(String, Kind)>, RecordError> {
        let failed = |source| RecordError::List { path: folder.physical.clone(), source };
        let mut entries = Vec::new();
        for entry in fs::read_dir(&folder.physical).map_err(failed)? {
            entries.extend(self.take(folder, &entry.map_err(failed)?)?);
        }
        entries.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        Ok(entries)
    }

    fn take(
        &self,
        folder: &Folder,
        entry: &DirEntry,
    ) -> Result<Option<(String, Kind)>, RecordError> {
        let os_name = entry.file_name();
        // Only for the exclusion of a name that is not UTF-8 is an approximation good enough.
        let excluded_as = |name: &str| format!("{}{name}", folder.prefix);
        if !self.excludes.is_empty()
            && self.excludes.excludes(&excluded_as(&os_name.to_string_lossy()), folder.inherited)
        {
            return Ok(None);
        }
        let Ok(mut name) = os_name.into_string() else {
            return Err(RecordError::NonUtf8Name { path: entry.path() });
        };
        let stat_failed = |source| RecordError::Stat { path: entry.path(), source };
        let mut kind = entry.file_type().map_err(stat_failed)?;
        let mut target = None;
        if kind.is_symlink() {
            let path = resolve_link(&entry.path(), self.symlinks, self.boundary)?;
            kind = fs::symlink_metadata(&path).map_err(stat_failed)?.file_type();
            target = Some(path);
        }
        if kind.is_dir() {
            let inherited = self.excludes.inherit(&excluded_as(&name), folder.inherited);
            name.push('/');
            let physical = target.unwrap_or_else(|| entry.path());
            return Ok(Some((name, Kind::Folder(physical, inherited))));
        }
        if let Some(kind) = special_kind(kind) {
            return Err(RecordError::Special { path: entry.path(), kind });
        }
        Ok(Some((name, Kind::File(target))))
    }
}

/// Finds where a symbolic link leads, if the policy lets it.
pub(crate) fn resolve_link(
    link: &Path,
    policy: SymlinkPolicy,
    boundary: &Path,
) -> Result<PathBuf, RecordError> {
    let path = link.to_owned();
    if policy == SymlinkPolicy::Refuse {
        return Err(RecordError::SymlinkRefused { path });
    }
    let target = fs::canonicalize(link).map_err(|source| {
        if source.kind() == io::ErrorKind::NotFound {
            RecordError::SymlinkDangling { path: link.to_owned() }
        } else if source.raw_os_error() == Some(Errno::LOOP.raw_os_error()) {
            RecordError::SymlinkLoop { path: link.to_owned() }
        } else {
            RecordError::Stat { path: link.to_owned(), source }
        }
    })?;
    if policy == SymlinkPolicy::FollowInside && !target.starts_with(boundary) {
        return Err(RecordError::SymlinkOutside { path, target });
    }
    Ok(target)
}

/// Names what has no content to hash, unless it is a regular file.
pub(crate) fn special_kind(kind: FileType) -> Option<&'static str> {
    if kind.is_file() {
        None
    } else if kind.is_fifo() {
        Some("FIFO")
    } else if kind.is_socket() {
        Some("socket")
    } else if kind.is_block_device() || kind.is_char_device() {
        Some("device")
    } else if kind.is_symlink() {
        Some("symbolic link")
    } else {
        Some("folder")
    }
}
