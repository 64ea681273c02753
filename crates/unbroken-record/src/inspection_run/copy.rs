//! Copies a product folder, and sees whether it changed.

use std::fs::{self, DirBuilder, File, FileTimes, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, open};

use crate::error::RecordError;
use crate::options::SymlinkPolicy;
use crate::walk::{resolve_link, special_kind};

/// The identity, size and times of everything below a folder.
pub(super) type TreeState = Vec<(PathBuf, [i128; 8])>;

/// Looks at a folder and everything below it, in a fixed order.
pub(super) fn state_of(root: &Path) -> Result<TreeState, RecordError> {
    let mut state = vec![(root.to_owned(), state(&metadata(root)?))];
    each_below(root, &mut |path, metadata| {
        state.push((path.to_owned(), self::state(metadata)));
        Ok(())
    })?;
    state.sort_unstable();
    Ok(state)
}

fn state(metadata: &Metadata) -> [i128; 8] {
    [
        i128::from(metadata.dev()),
        i128::from(metadata.ino()),
        i128::from(metadata.mode()),
        i128::from(metadata.size()),
        i128::from(metadata.mtime()),
        i128::from(metadata.mtime_nsec()),
        i128::from(metadata.ctime()),
        i128::from(metadata.ctime_nsec()),
    ]
}

/// Copies what lies below `root` into the empty folder `copy`, where the file system can by
/// sharing blocks.
///
/// Relative links that stay inside are kept as links; every other link is an error, because in the
/// copy it would lead to the original or further out.
pub(super) fn copy_tree(root: &Path, copy: &Path) -> Result<(), RecordError> {
    each_below(root, &mut |path, metadata| {
        let to = copy.join(path.strip_prefix(root).unwrap_or(path));
        let failed = |source| RecordError::Write { path: to.clone(), source };
        let kind = metadata.file_type();
        if kind.is_dir() {
            // Its owner must be able to fill and to remove it.
            let mode = metadata.mode() & 0o777 | 0o700;
            DirBuilder::new().mode(mode).create(&to).map_err(failed)
        } else if kind.is_symlink() {
            resolve_link(path, SymlinkPolicy::FollowInside, root)?;
            let target = fs::read_link(path).map_err(failed)?;
            if target.is_absolute() {
                return Err(RecordError::SymlinkOutside { path: path.to_owned(), target });
            }
            symlink(target, &to).map_err(failed)
        } else if let Some(kind) = special_kind(FileType::from_raw_mode(metadata.mode())) {
            Err(RecordError::Special { path: path.to_owned(), kind })
        } else {
            copy_file(path, &to, metadata)
        }
    })
}

fn copy_file(from: &Path, to: &Path, metadata: &Metadata) -> Result<(), RecordError> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut source = open(from, flags, Mode::empty())
        .map(File::from)
        .map_err(|errno| RecordError::Read { path: from.to_owned(), source: errno.into() })?;
    let mut copied = || -> io::Result<()> {
        let mut target = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
        io::copy(&mut source, &mut target)?;
        let times = FileTimes::new().set_modified(metadata.modified()?);
        target.set_times(times)?;
        target.set_permissions(Permissions::from_mode(metadata.mode() & 0o777))
    };
    copied().map_err(|source| RecordError::Write { path: to.to_owned(), source })
}

/// Hands everything below a folder to `take`, folders before what they hold.
fn each_below(
    root: &Path,
    take: &mut dyn FnMut(&Path, &Metadata) -> Result<(), RecordError>,
) -> Result<(), RecordError> {
    let mut waiting = vec![root.to_owned()];
    while let Some(folder) = waiting.pop() {
        let failed = |source| RecordError::List { path: folder.clone(), source };
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let metadata = metadata(&path)?;
            take(&path, &metadata)?;
            if metadata.is_dir() {
                waiting.push(path);
            }
        }
    }
    Ok(())
}

fn metadata(path: &Path) -> Result<Metadata, RecordError> {
    fs::symlink_metadata(path).map_err(|source| RecordError::Stat { path: path.to_owned(), source })
}

/// Gives the owner of all folders below `root` back the right to remove what they hold. What cannot
/// be changed is left: the removal that follows will meet it again.
pub(super) fn unlock_folders(root: &Path) {
    let mut waiting = vec![root.to_owned()];
    while let Some(folder) = waiting.pop() {
        let Ok(metadata) = fs::symlink_metadata(&folder) else { continue };
        if !metadata.is_dir() {
            continue;
        }
        if metadata.mode() & 0o700 != 0o700 {
            let _kept = fs::set_permissions(&folder, Permissions::from_mode(0o700));
        }
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        let folders = entries
            .filter_map(Result::ok)
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        waiting.extend(folders.map(|entry| entry.path()));
    }
}
