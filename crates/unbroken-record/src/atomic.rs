//! Writes files whole or not at all.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::error::RecordError;

/// Decides what happens to a file that is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overwrite {
    /// Leaves it and fails.
    #[default]
    Refuse,
    /// Replaces it in one step; a symbolic link is replaced, not followed.
    Replace,
}

/// Writes `bytes` to `path` by way of a file beside it, so that nobody ever reads half of it.
///
/// `mode` holds the permissions (`0o600` for secrets), which the process's mask may narrow; the
/// content has them from its first byte on. When this returns, the content is on the disk.
///
/// # Errors
/// [`RecordError::Exists`] when the file is there and [`Overwrite::Refuse`] holds, also when
/// somebody else makes it at the same moment; [`RecordError::Write`] for every other failure.
pub fn write(
    path: &Path,
    bytes: &[u8],
    mode: u32,
    overwrite: Overwrite,
) -> Result<(), RecordError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists if overwrite == Overwrite::Refuse => {
            RecordError::Exists { path: path.to_owned() }
        }
        _ => RecordError::Write { path: path.to_owned(), source },
    };
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new()
        .prefix(".unbroken-")
        .suffix("~")
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(folder)
        .map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    match overwrite {
        Overwrite::Refuse => file.persist_noclobber(path),
        Overwrite::Replace => file.persist(path),
    }
    .map_err(|error| failed(error.error))?;
    // The new name is on the disk once its folder is.
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_secret_is_for_its_owner_alone_and_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        write(&path, b"one", 0o600, Overwrite::Refuse).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let error = write(&path, b"two", 0o600, Overwrite::Refuse).unwrap_err();
        assert!(error.is_exists());
        assert_eq!(fs::read(&path).unwrap(), b"one");
        write(&path, b"two", 0o600, Overwrite::Replace).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_symbolic_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        fs::write(&target, "kept").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert!(write(&link, b"new", 0o644, Overwrite::Refuse).unwrap_err().is_exists());
        write(&link, b"new", 0o644, Overwrite::Replace).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"kept");
        assert_eq!(fs::read(&link).unwrap(), b"new");
    }

    #[test]
    fn a_missing_folder_is_an_error_and_no_new_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none/key");
        let error = write(&path, b"x", 0o600, Overwrite::Refuse).unwrap_err();
        assert!(matches!(error, RecordError::Write { .. }) && !error.is_exists());
    }
}
