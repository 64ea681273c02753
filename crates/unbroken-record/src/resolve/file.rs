//! Resolves plain paths and `file:`: files, folders, globs.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::FileType;

use super::{Located, Recording};
use crate::error::RecordError;
use crate::hash_tree::{Batch, Push};
use crate::metadata::Facts;
use crate::naming::normal_path;
use crate::options::{Metadata, SymlinkPolicy};
use crate::walk::{Entry, Folder, Walker, kind_at, special_kind};

impl Recording<'_> {
    /// Pushes the files that `path` names. An excluded argument names none, as for the reference.
    pub(super) fn files(
        &self,
        scheme: &'static str,
        path: &str,
        push: Push<'_>,
    ) -> Result<(), RecordError> {
        let local = normal_path(path);
        if self.excludes.excludes_anywhere(&local) || self.note(&local, push)? {
            return Ok(());
        }
        if let Some(located) = self.locate(&local)? {
            return self.push(scheme, &local, located, push);
        }
        let matched = self.expand(&local)?;
        if matched.is_empty() {
            return self.missing(path);
        }
        for local in matched {
            if self.note(&local, push)? {
                continue;
            }
            // What vanished between the listing and now was there: the record would lack it.
            let located =
                self.locate(&local)?.ok_or_else(|| RecordError::Missing { spec: local.clone() })?;
            self.push(scheme, &local, located, push)?;
        }
        Ok(())
    }

    /// Pushes what lies at one place.
    pub(super) fn push(
        &self,
        scheme: &'static str,
        local: &str,
        located: Located,
        push: Push<'_>,
    ) -> Result<(), RecordError> {
        let Located { physical, boundary } = located;
        let kind = kind_at(&physical)?;
        if kind == FileType::Directory {
            let prefix = match local {
                "." => String::new(),
                "/" => local.to_owned(),
                _ => format!("{local}/"),
            };
            let (excludes, metadata) = (&self.excludes, self.options.metadata);
            let inherited = excludes.inherited_in(local);
            let walker =
                Walker { excludes, symlinks: self.symlinks(), metadata, boundary: &boundary };
            return walker.walk(
                Folder { physical, prefix, inherited, device: None },
                &mut |fact, folder, entries| {
                    let scheme = if fact.is_empty() { scheme } else { fact };
                    push(Batch { folder: Arc::clone(folder), entries, scheme })
                },
            );
        }
        if let Some(kind) = special_kind(kind) {
            return Err(RecordError::Special { path: physical, kind });
        }
        let (prefix, name) = split(local);
        let folder = folder_of(&physical, prefix);
        let entries = vec![Entry::file(name, Some(physical))];
        push(Batch { folder, entries, scheme })
    }

    /// Pushes what is known of an argument itself, and tells whether that is all there is to record:
    /// a link that is not followed.
    fn note(&self, local: &str, push: Push<'_>) -> Result<bool, RecordError> {
        let plain = self.base.join(local);
        let (prefix, name) = split(local);
        let Ok(metadata) = fs::symlink_metadata(&plain) else { return Ok(false) };
        let alone = metadata.is_symlink() && self.symlinks() == SymlinkPolicy::Record;
        if !alone && self.options.metadata == Metadata::NotRecorded
            || matches!(name, "." | "" | "..")
        {
            return Ok(false);
        }
        if let Some(above) = prefix.strip_suffix('/').filter(|above| !above.is_empty()) {
            // A link among the folders above must not lead out either.
            self.locate(above)?;
        }
        let mut facts = Facts::default();
        facts.note(name, &plain)?;
        for (scheme, entries) in facts.into_batches() {
            push(Batch { folder: folder_of(&plain, prefix), entries, scheme })?;
        }
        Ok(alone)
    }
}

/// Splits a path before its last part.
fn split(local: &str) -> (&str, &str) {
    let split = local.rfind('/').map_or(0, |slash| slash.saturating_add(1));
    local.split_at_checked(split).unwrap_or(("", local))
}

fn folder_of(path: &Path, prefix: &str) -> Arc<Folder> {
    let physical = path.parent().unwrap_or(Path::new("/")).to_owned();
    Arc::new(Folder { physical, prefix: prefix.to_owned(), inherited: None, device: None })
}
