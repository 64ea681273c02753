//! Walks folders: every entry becomes a file to hash, a folder to enter, or an error.
//!
//! Files come out in the byte order of their names, so the record of one folder needs no sorting:
//! within a folder the names of sub-folders are sorted with a slash at their end.

use std::ffi::{CStr, OsStr};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Dir, FileType, Mode, OFlags, open};
use rustix::io::Errno;

use crate::change_clock::LocalDevice;
use crate::error::RecordError;
use crate::exclude::{Excludes, Inherited};
use crate::metadata::Facts;
use crate::options::{Metadata, SymlinkPolicy};

/// A folder on the disk and in the names of artifacts.
#[derive(Debug)]
pub(crate) struct Folder {
    /// Where it lies, free of symbolic links.
    pub(crate) physical: PathBuf,
    /// What the names of its entries begin with: empty, or a path with a slash at its end.
    pub(crate) prefix: String,
    /// What its entries inherit of the exclusions.
    pub(crate) inherited: Inherited,
    /// Its device, when the changes there are stamped by our clock.
    pub(crate) device: Option<LocalDevice>,
}

/// A file to hash.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The last part of its name.
    pub(crate) name: String,
    /// Where its content lies, when that is not in the folder under this name.
    pub(crate) target: Option<PathBuf>,
    /// What is hashed in place of a content: something known of a file.
    pub(crate) fact: Option<Vec<u8>>,
}

impl Entry {
    /// Makes an entry for a file.
    pub(crate) fn file(name: impl Into<String>, target: Option<PathBuf>) -> Self {
        Self { name: name.into(), target, fact: None }
    }

    /// Makes an entry for something that is known of a file.
    pub(crate) fn fact(name: impl Into<String>, text: Vec<u8>) -> Self {
        Self { name: name.into(), target: None, fact: Some(text) }
    }
}

/// Takes files of one folder, in order; calls of one walk follow the order as well. Facts come with
/// the scheme of their names, files without one.
pub(crate) type Sink<'s> =
    &'s mut dyn FnMut(&'static str, &Arc<Folder>, Vec<Entry>) -> Result<(), RecordError>;

/// Walks folders under one set of rules.
pub(crate) struct Walker<'a> {
    pub(crate) excludes: &'a Excludes,
    pub(crate) symlinks: SymlinkPolicy,
    pub(crate) metadata: Metadata,
    /// The folder that a link must not lead out of, free of symbolic links.
    pub(crate) boundary: &'a Path,
}

enum Kind {
    File(Option<PathBuf>),
    Folder(PathBuf, Inherited),
}

/// A folder that the walk is in.
struct Entered {
    folder: Arc<Folder>,
    /// What is still to be looked at.
    entries: std::vec::IntoIter<(String, Kind)>,
    /// Files that were not handed over yet.
    files: Vec<Entry>,
}

impl Entered {
    fn hand_over(&mut self, sink: Sink<'_>) -> Result<(), RecordError> {
        let files = std::mem::take(&mut self.files);
        if files.is_empty() { Ok(()) } else { sink("", &self.folder, files) }
    }
}

impl Walker<'_> {
    /// Hands every file below `folder` to `sink`. The folders that lead to the place are kept in a
    /// list, not on the stack: a tree can be as deep as paths are long.
    pub(crate) fn walk(&self, folder: Folder, sink: Sink<'_>) -> Result<(), RecordError> {
        let mut above = vec![self.enter(folder, sink)?];
        while let Some(here) = above.last_mut() {
            match here.entries.next() {
                Some((name, Kind::File(target))) => here.files.push(Entry::file(name, target)),
                Some((name, Kind::Folder(physical, inherited))) => {
                    here.hand_over(sink)?;
                    let folder = Arc::clone(&here.folder);
                    // As bytes: paths compare part by part, which deep trees make expensive.
                    let real = physical.as_os_str();
                    if above.iter().any(|entered| entered.folder.physical.as_os_str() == real) {
                        let path = folder.physical.join(name.trim_end_matches('/'));
                        return Err(RecordError::SymlinkLoop { path });
                    }
                    let prefix = format!("{}{name}", folder.prefix);
                    let device = folder.device;
                    let below = Folder { physical, prefix, inherited, device };
                    above.push(self.enter(below, sink)?);
                }
                None => {
                    here.hand_over(sink)?;
                    above.pop();
                }
            }
        }
        Ok(())
    }

    fn enter(&self, mut folder: Folder, sink: Sink<'_>) -> Result<Entered, RecordError> {
        let mut facts = Facts::default();
        let entries = self.list(&mut folder, &mut facts)?.into_iter();
        let folder = Arc::new(folder);
        for (scheme, facts) in facts.into_batches() {
            sink(scheme, &folder, facts)?;
        }
        Ok(Entered { folder, entries, files: Vec::new() })
    }

    fn list(
        &self,
        folder: &mut Folder,
        facts: &mut Facts,
    ) -> Result<Vec<(String, Kind)>, RecordError> {
        let path = folder.physical.clone();
        let failed = |errno: Errno| RecordError::List { path: path.clone(), source: errno.into() };
        let opened = open_steady(&folder.physical, OFlags::DIRECTORY).map_err(failed)?;
        folder.device = LocalDevice::of(&opened, folder.device);
        let mut entries = Vec::new();
        for entry in Dir::new(opened).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            if name != c"." && name != c".." {
                entries.extend(self.take(folder, name, entry.file_type(), facts)?);
            }
        }
        entries.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        Ok(entries)
    }

    fn take(
        &self,
        folder: &Folder,
        name: &CStr,
        mut kind: FileType,
        facts: &mut Facts,
    ) -> Result<Option<(String, Kind)>, RecordError> {
        let path = || folder.physical.join(OsStr::from_bytes(name.to_bytes()));
        // Only for the exclusion of a name that is not UTF-8 is an approximation good enough.
        let text = name.to_string_lossy();
        if self.excludes.excludes(&folder.prefix, &text, folder.inherited) {
            return Ok(None);
        }
        let Ok(name) = name.to_str() else {
            return Err(RecordError::NonUtf8Name { path: path() });
        };
        if kind == FileType::Unknown {
            kind = kind_at(&path())?;
        }
        if kind == FileType::Symlink && self.symlinks == SymlinkPolicy::Record {
            facts.note_link(name, &path())?;
            return Ok(None);
        }
        if self.metadata == Metadata::Recorded {
            facts.note(name, &path())?;
        }
        let mut target = None;
        if kind == FileType::Symlink {
            let resolved = resolve_link(&path(), self.symlinks, self.boundary)?;
            kind = kind_at(&resolved)?;
            if kind == FileType::Directory && self.symlinks == SymlinkPolicy::FollowFiles {
                return Ok(None);
            }
            target = Some(resolved);
        }
        if kind == FileType::Directory {
            let inherited = self.excludes.inherit(&folder.prefix, name, folder.inherited);
            let physical = target.unwrap_or_else(path);
            return Ok(Some((format!("{name}/"), Kind::Folder(physical, inherited))));
        }
        if let Some(kind) = special_kind(kind) {
            return Err(RecordError::Special { path: path(), kind });
        }
        Ok(Some((name.to_owned(), Kind::File(target))))
    }
}

/// Opens what lies at a path that was free of symbolic links, for reading.
///
/// Where the system can, a link anywhere on the way is an error: whoever may write to the tree could
/// turn a folder into a link that leads out of it, between the moment that it was seen and now.
pub(crate) fn open_steady(path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, ResolveFlags, openat2};
        match openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
            // Kernels before 5.6 do not know it, and filters of old container engines forbid it.
            Err(Errno::NOSYS | Errno::PERM) => {}
            opened => return opened,
        }
    }
    open(path, flags, Mode::empty())
}

/// Looks what lies at a path, following no link.
pub(crate) fn kind_at(path: &Path) -> Result<FileType, RecordError> {
    let metadata = fs::symlink_metadata(path)
        .map_err(|source| RecordError::Stat { path: path.to_owned(), source })?;
    Ok(FileType::from_raw_mode(metadata.mode()))
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
    // Where links are recorded, the folders that lead to an argument may still be links.
    let inside = matches!(policy, SymlinkPolicy::FollowInside | SymlinkPolicy::Record);
    if inside && !target.starts_with(boundary) {
        return Err(RecordError::SymlinkOutside { path, target });
    }
    Ok(target)
}

/// Names what has no content to hash, unless it is a regular file.
pub(crate) fn special_kind(kind: FileType) -> Option<&'static str> {
    match kind {
        FileType::RegularFile => None,
        FileType::Fifo => Some("FIFO"),
        FileType::Socket => Some("socket"),
        FileType::CharacterDevice | FileType::BlockDevice => Some("device"),
        FileType::Directory => Some("folder"),
        FileType::Symlink => Some("symbolic link"),
        FileType::Unknown => Some("special file"),
    }
}
