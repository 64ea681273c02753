//! Resolves plain paths and `file:`: files, folders, globs.

use std::path::Path;
use std::sync::Arc;

use rustix::fs::FileType;

use super::{Located, Recording};
use crate::error::RecordError;
use crate::hash_tree::{Batch, Push};
use crate::naming::normal_path;
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
        if self.excludes.excludes_anywhere(&local) {
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
            let inherited = self.excludes.inherited_in(local);
            let walker =
                Walker { excludes: &self.excludes, symlinks: self.symlinks(), boundary: &boundary };
            return walker.walk(
                Folder { physical, prefix, inherited, device: None },
                &mut |folder, entries| push(Batch { folder: Arc::clone(folder), entries, scheme }),
            );
        }
        if let Some(kind) = special_kind(kind) {
            return Err(RecordError::Special { path: physical, kind });
        }
        let split = local.rfind('/').map_or(0, |slash| slash.saturating_add(1));
        let (prefix, name) = local.split_at_checked(split).unwrap_or(("", local));
        let parent = physical.parent().unwrap_or(Path::new("/")).to_owned();
        let folder =
            Folder { physical: parent, prefix: prefix.to_owned(), inherited: None, device: None };
        let entries = vec![Entry { name: name.to_owned(), target: Some(physical) }];
        push(Batch { folder: Arc::new(folder), entries, scheme })
    }
}
