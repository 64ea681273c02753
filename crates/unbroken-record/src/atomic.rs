//! Writes files whole or not at all.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::{self, fs::PermissionsExt};
use std::path::Path;

use tempfile::TempPath;

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
    let mut builder = unfinished();
    let builder = builder.permissions(Permissions::from_mode(mode));
    let mut file = builder.tempfile_in(folder(path)).map_err(|source| failed(path, source))?;
    let written = file.write_all(bytes).and_then(|()| file.as_file().sync_all());
    written.map_err(|source| failed(path, source))?;
    persist(file.into_temp_path(), path, overwrite)
}

/// Copies the file `from` to `path` whole or not at all, with its permissions, which the process's mask may
/// narrow; the rest is as with [`write`](fn@write).
///
/// # Errors
/// Those of [`write`](fn@write).
pub fn copy(from: &Path, path: &Path, overwrite: Overwrite) -> Result<(), RecordError> {
    let copied = File::open(from).and_then(|mut from| {
        let mut builder = unfinished();
        let builder = builder.permissions(from.metadata()?.permissions());
        let mut file = builder.tempfile_in(folder(path))?;
        io::copy(&mut from, file.as_file_mut())?;
        file.as_file().sync_all()?;
        Ok(file.into_temp_path())
    });
    persist(copied.map_err(|source| failed(path, source))?, path, overwrite)
}

/// Makes `path` a symbolic link to `target`; what was there is replaced in one step or stays.
///
/// # Errors
/// Those of [`write`](fn@write).
pub fn symlink(target: &Path, path: &Path, overwrite: Overwrite) -> Result<(), RecordError> {
    let made = unfinished().make_in(folder(path), |beside| unix::fs::symlink(target, beside));
    persist(made.map_err(|source| failed(path, source))?.into_temp_path(), path, overwrite)
}

/// The names of what is not whole yet; no recording takes them.
fn unfinished() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".unbroken-").suffix("~");
    builder
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn failed(path: &Path, source: io::Error) -> RecordError {
    RecordError::Write { path: path.to_owned(), source }
}

fn persist(whole: TempPath, path: &Path, overwrite: Overwrite) -> Result<(), RecordError> {
    let persisted = match overwrite {
        Overwrite::Refuse => whole.persist_noclobber(path),
        Overwrite::Replace => whole.persist(path),
    };
    persisted.map_err(|error| match error.error.kind() {
        io::ErrorKind::AlreadyExists if overwrite == Overwrite::Refuse => {
            RecordError::Exists { path: path.to_owned() }
        }
        _ => failed(path, error.error),
    })?;
    // The new name is on the disk once its folder is.
    let folder = File::open(folder(path)).and_then(|folder| folder.sync_all());
    folder.map_err(|source| failed(path, source))
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
        unix::fs::symlink(&target, &link).unwrap();
        assert!(write(&link, b"new", 0o644, Overwrite::Refuse).unwrap_err().is_exists());
        write(&link, b"new", 0o644, Overwrite::Replace).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"kept");
        assert_eq!(fs::read(&link).unwrap(), b"new");
    }

    #[test]
    fn copies_and_links_replace_what_is_there_only_if_that_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let (program, path) = (folder.path().join("program"), folder.path().join("name"));
        fs::write(&program, "whole").unwrap();
        fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
        symlink(&program, &path, Overwrite::Refuse).unwrap();
        assert_eq!(fs::read_link(&path).unwrap(), program);
        assert!(copy(&program, &path, Overwrite::Refuse).unwrap_err().is_exists());
        assert!(symlink(&program, &path, Overwrite::Refuse).unwrap_err().is_exists());
        copy(&program, &path, Overwrite::Replace).unwrap();
        let metadata = fs::symlink_metadata(&path).unwrap();
        assert!(metadata.is_file() && metadata.permissions().mode() & 0o777 == 0o755);
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        symlink(Path::new("program"), &path, Overwrite::Replace).unwrap();
        assert!(path.is_symlink());
        assert!(copy(&folder.path().join("none"), &path, Overwrite::Replace).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left beside them");
    }

    #[test]
    fn a_missing_folder_is_an_error_and_no_new_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none/key");
        let error = write(&path, b"x", 0o600, Overwrite::Refuse).unwrap_err();
        assert!(matches!(error, RecordError::Write { .. }) && !error.is_exists());
    }
}
