//! Resolves `dir:PATH`: one digest for all files below a folder.
//!
//! The digest is that of this text: one line `<hex>  <path>` per file, paths relative to the folder
//! and in byte order. `find . -type f | cut -c3- | LC_ALL=C sort | xargs -r sha256sum | sha256sum`
//! prints the same.

use std::sync::Arc;

use unbroken_model::digest::DigestSet;
use unbroken_model::path::ArtifactPath;

use super::{Located, Recording};
use crate::error::RecordError;
use crate::hash_tree::{Batch, hash_found};
use crate::naming::{Naming, normal_path};
use crate::options::{Metadata, SymlinkPolicy};
use crate::walk::{Folder, Walker};

impl Recording<'_> {
    /// Makes the artifact of a folder. Exclusions apply to the files below it, by their paths there.
    pub(super) fn folder(
        &self,
        path: &str,
        naming: &Naming<'_>,
    ) -> Result<Option<(ArtifactPath, DigestSet)>, RecordError> {
        let local = normal_path(path);
        let Some(Located { physical, boundary }) = self.locate(&local)? else {
            return self.missing(path).map(|()| None);
        };
        if !physical.is_dir() {
            return Err(RecordError::NotAFolder { path: physical });
        }
        let name = naming.name("dir:", &local)?;
        // A line of a folder's list is no artifact of its own, so its name may begin like a scheme.
        let files = hash_found(self.options, &Naming::of_lines(), &self.hashers, |push| {
            // The list of a folder has files alone, so a link can only be followed or refused.
            let symlinks = match self.symlinks() {
                SymlinkPolicy::Record => SymlinkPolicy::Refuse,
                other => other,
            };
            let metadata = Metadata::NotRecorded;
            let (excludes, boundary) = (&self.excludes, boundary.as_path());
            let walker = Walker { excludes, symlinks, metadata, boundary };
            let folder = Folder { physical, prefix: String::new(), inherited: None, device: None };
            walker.walk(folder, &mut |scheme, folder, entries| {
                push(Batch { folder: Arc::clone(folder), entries, scheme })
            })
        })?;
        let lines: Vec<(&str, &DigestSet)> =
            files.iter().map(|(path, digests)| (path.as_str(), digests)).collect();
        Ok(Some((name, self.hashers.digest_of_lists(&lines))))
    }
}
