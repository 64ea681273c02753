//! What is known of a file beside its content, as artifacts of its own.
//!
//! | artifact | the digest is that of this text |
//! | --- | --- |
//! | `mode:PATH` of a file or a folder | `mode 100755` and a line feed: type and permissions, octal |
//! | `symlink:PATH` of a symbolic link | `symlink TARGET` and a line feed |
//!
//! Rules name them like any other artifact, in this and in every other implementation. No plain file
//! is recorded under such a name.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::FileType;

use crate::error::RecordError;
use crate::walk::Entry;

/// The scheme of the artifacts that tell a mode.
pub(crate) const MODE: &str = "mode:";
/// The scheme of the artifacts that tell where a link leads.
pub(crate) const SYMLINK: &str = "symlink:";

/// Facts of one folder, by their scheme, in the order of names.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    modes: Vec<Entry>,
    symlinks: Vec<Entry>,
}

impl Facts {
    /// Looks at what lies at `path`, following no link, and notes it under `name`.
    pub(crate) fn note(&mut self, name: &str, path: &Path) -> Result<(), RecordError> {
        let failed = |source| RecordError::Stat { path: path.to_owned(), source };
        let metadata = fs::symlink_metadata(path).map_err(failed)?;
        if FileType::from_raw_mode(metadata.mode()) == FileType::Symlink {
            return self.note_link(name, path);
        }
        let text = format!("mode {:06o}\n", metadata.mode());
        self.modes.push(Entry::fact(name, text.into_bytes()));
        Ok(())
    }

    /// Notes where the link at `path` leads.
    pub(crate) fn note_link(&mut self, name: &str, path: &Path) -> Result<(), RecordError> {
        let failed = |source| RecordError::Stat { path: path.to_owned(), source };
        let target = fs::read_link(path).map_err(failed)?;
        let text = [b"symlink ", target.as_os_str().as_bytes(), b"\n"].concat();
        self.symlinks.push(Entry::fact(name, text));
        Ok(())
    }

    /// Hands out the facts that there are.
    pub(crate) fn into_batches(self) -> impl Iterator<Item = (&'static str, Vec<Entry>)> {
        let both = [(MODE, self.modes), (SYMLINK, self.symlinks)];
        both.into_iter().filter(|(_, entries)| !entries.is_empty()).map(|(scheme, mut entries)| {
            entries.sort_by(|one, other| one.name.cmp(&other.name));
            (scheme, entries)
        })
    }
}
