//! Resolves `git:PATH` and `git:PATH@REV`: an object of a git repository.
//!
//! `PATH` ends at the first `@`; it is the top folder of a working tree, or a bare repository. `REV`
//! is whatever git takes for an object: `HEAD` (the default), `v1.2`, `main`, an id, `HEAD^{tree}`,
//! `HEAD:src/main.rs`. The working tree plays no part. The artifact is named `git:PATH@REV` as
//! written, `PATH` in normal form; of the working directory itself only `git:@REV` is left.
//!
//! | object | digests |
//! | --- | --- |
//! | commit, tree, blob | `gitCommit`, `gitTree`, `gitBlob` |
//! | annotated tag | `gitTag`, and `gitCommit` of the commit that it names |

use unbroken_model::digest::DigestSet;
use unbroken_model::path::ArtifactPath;

use super::Recording;
use crate::error::RecordError;
use crate::git;
use crate::naming::{Naming, normal_path};

impl Recording<'_> {
    /// Makes the artifact of a git object.
    pub(super) fn git(
        &self,
        repository: &str,
        naming: &Naming<'_>,
    ) -> Result<Option<(ArtifactPath, DigestSet)>, RecordError> {
        let (path, revision) = match repository.split_once('@') {
            Some((path, revision)) => (path, Some(revision)),
            None => (repository, None),
        };
        let local = normal_path(path);
        let Some(located) = self.locate(&local)? else {
            return self.missing(repository).map(|()| None);
        };
        let name = match (local.as_str(), revision) {
            (".", revision) => format!("@{}", revision.unwrap_or("HEAD")),
            (local, Some(revision)) => format!("{local}@{revision}"),
            (local, None) => local.to_owned(),
        };
        // Naming comes first: it refuses line feeds, which would end the question that git is asked.
        let name = naming.name("git:", &name)?;
        let digests = git::object(&located.physical, revision.unwrap_or("HEAD"))?;
        Ok(Some((name, digests.into_iter().collect())))
    }
}
