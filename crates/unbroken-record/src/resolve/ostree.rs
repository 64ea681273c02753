//! Resolves `ostree:REF`: the commit that a branch of an OSTree repository names.
//!
//! The base folder is the repository. `refs/heads/REF` holds the id of the commit; the digest is that
//! of the commit object, which is what the id is, too. Nothing is cut off the name.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use unbroken_model::digest::DigestSet;
use unbroken_model::path::ArtifactPath;

use super::{Recording, is_absent};
use crate::error::RecordError;
use crate::hash_tree::hash_found;
use crate::naming::{Naming, normal_path};

/// An id has 64 digits and perhaps a line feed; what is longer is none.
const LONGEST_REF: u64 = 128;

impl Recording<'_> {
    /// Makes the artifact of a commit.
    pub(super) fn ostree(&self, branch: &str) -> Result<(ArtifactPath, DigestSet), RecordError> {
        let unknown =
            || RecordError::OstreeRef { path: self.base.clone(), branch: branch.to_owned() };
        // A name that climbs out of the folder of refs is none of a ref.
        if normal_path(branch) != branch || branch.starts_with(['.', '/']) {
            return Err(unknown());
        }
        let name = format!("ostree:{branch}").parse();
        let name = name.map_err(|source| RecordError::Name { source })?;
        let file = self.base.join("refs/heads").join(branch);
        let id = match read(&file) {
            Ok(id) => id,
            Err(source) if is_absent(&source) => return Err(unknown()),
            Err(source) => return Err(RecordError::Read { path: file, source }),
        };
        let id = id.trim_end_matches('\n');
        let is_id = id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let (folder, rest) = id.split_at_checked(2).filter(|_| is_id).ok_or_else(unknown)?;
        let object = format!("objects/{folder}/{rest}.commit");
        let located = self.locate(&object)?;
        let located = located.ok_or_else(|| RecordError::Missing { spec: object.clone() })?;
        let mut located = Some(located);
        let found = hash_found(self.options, &Naming::of_lines(), &self.hashers, |push| {
            located.take().map_or(Ok(()), |located| self.push("", &object, located, push))
        })?;
        let digests = found.iter().next().map(|(_, digests)| digests.clone());
        Ok((name, digests.ok_or_else(unknown)?))
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(LONGEST_REF).read_to_string(&mut text)?;
    Ok(text)
}
