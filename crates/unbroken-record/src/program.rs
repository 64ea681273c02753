//! Finds programs that are named without a path, for everybody in this house who starts one.
//!
//! `PATH` is the caller's, but where it leads may not be: an entry such as `.` or `node_modules/.bin`
//! is a folder of whatever tree the caller stands in, and whoever filled that tree chooses what is
//! run. A program is never taken from there by its bare name.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::error::RecordError;

/// Where programs are looked for when `PATH` is not set, and where those are looked for that nobody
/// but the system should bring.
pub const PROGRAM_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// A program that was found by its bare name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundProgram {
    /// Where it lies: an absolute path, as `PATH` has it.
    pub path: PathBuf,
    /// Why others than the caller may have put it there, if they may.
    pub suspicion: Option<Suspicion>,
}

/// Why a program may come from somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Suspicion {
    /// It lies in the tree that is recorded, or in the working directory.
    InTree,
    /// Everybody may write to its folder.
    WritableByAll,
}

impl Suspicion {
    /// Says why, for people.
    pub fn reason(self) -> &'static str {
        match self {
            Self::InTree => "PATH leads into the tree",
            Self::WritableByAll => "PATH leads into a folder that everybody may write to",
        }
    }
}

/// Finds the program that `name` stands for on the caller's `PATH`.
///
/// `trees` are the folders that others filled.
///
/// # Errors
/// [`RecordError::ProgramRefused`] when the program that a shell would start lies in an entry that is
/// no absolute path, [`RecordError::Spawn`] when there is none.
pub fn find_program(name: &str, trees: &[PathBuf]) -> Result<FoundProgram, RecordError> {
    find_in(name, std::env::var_os("PATH"), trees)
}

fn find_in(
    name: &str,
    path: Option<OsString>,
    trees: &[PathBuf],
) -> Result<FoundProgram, RecordError> {
    let path = path.unwrap_or_else(|| PROGRAM_PATH.into());
    for folder in std::env::split_paths(&path) {
        let candidate = folder.join(name);
        if !is_executable(&candidate) {
            continue;
        }
        if !folder.is_absolute() {
            let reason = "it lies in an entry of PATH that is no absolute path";
            return Err(RecordError::ProgramRefused { program: name.to_owned(), reason });
        }
        let suspicion = suspicion(&folder, &candidate, trees);
        return Ok(FoundProgram { path: candidate, suspicion });
    }
    Err(RecordError::Spawn { program: name.to_owned(), source: Errno::NOENT.into() })
}

/// Finds a program of the system, whatever `PATH` says.
pub(crate) fn find_system_program(name: impl AsRef<OsStr>) -> Option<PathBuf> {
    let mut places = PROGRAM_PATH.split(':').map(|folder| Path::new(folder).join(name.as_ref()));
    places.find(|place| is_executable(place))
}

/// Tells whether a file can be executed by somebody.
pub(crate) fn is_executable(path: &Path) -> bool {
    fs::metadata(path)
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// Looks at the folder of the program and at the place where links lead from it.
fn suspicion(folder: &Path, program: &Path, trees: &[PathBuf]) -> Option<Suspicion> {
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let program = real(program);
    let places = [real(folder), program.parent().unwrap_or(folder).to_owned(), program];
    let trees: Vec<PathBuf> = trees.iter().map(|tree| real(tree)).collect();
    if places.iter().any(|place| trees.iter().any(|tree| place.starts_with(tree))) {
        return Some(Suspicion::InTree);
    }
    let mut folders = places.iter().filter_map(|place| fs::metadata(place).ok());
    folders
        .any(|metadata| metadata.permissions().mode() & 0o002 != 0)
        .then_some(Suspicion::WritableByAll)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(folder: &Path, name: &str) -> PathBuf {
        fs::create_dir_all(folder).unwrap();
        let path = folder.join(name);
        fs::write(&path, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn find(name: &str, folders: &[&Path], trees: &[PathBuf]) -> Result<FoundProgram, RecordError> {
        find_in(name, Some(std::env::join_paths(folders).unwrap()), trees)
    }

    #[test]
    fn the_first_that_can_be_executed_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        let due = program(&two, "tool");
        fs::create_dir_all(one.join("dir")).unwrap();
        fs::write(one.join("tool"), "data").unwrap();
        program(&two, "dir");
        for name in ["tool", "dir"] {
            let found = find(name, &[&one, &two], &[]).unwrap();
            assert_eq!(found.path, two.join(name));
            assert_eq!(found.suspicion, None);
        }
        assert!(due.is_file());
        let error = find("none", &[&one, &two], &[]).unwrap_err();
        assert!(matches!(error, RecordError::Spawn { .. }));
        assert_eq!(find_in("sh", None, &[]).unwrap().path.file_name().unwrap(), "sh");
    }

    #[test]
    fn a_folder_of_the_tree_is_suspicious_however_it_is_reached() {
        let folder = tempfile::tempdir().unwrap();
        let tree = folder.path().join("tree");
        let tool = program(&tree.join("bin"), "tool");
        let outside = folder.path().join("outside");
        fs::create_dir(&outside).unwrap();
        std::os::unix::fs::symlink(&tool, outside.join("tool")).unwrap();
        let alias = folder.path().join("alias");
        std::os::unix::fs::symlink(tree.join("bin"), &alias).unwrap();
        for entry in [&tree.join("bin"), &outside, &alias] {
            let found = find("tool", &[entry], std::slice::from_ref(&tree)).unwrap();
            assert_eq!(found.suspicion, Some(Suspicion::InTree), "{}", entry.display());
        }
    }

    #[test]
    fn a_folder_that_everybody_may_write_to_is_suspicious() {
        let folder = tempfile::tempdir().unwrap();
        let open = folder.path().join("open");
        program(&open, "tool");
        // Also where the sticky bit keeps others from replacing what is there: they may add.
        for mode in [0o777, 0o1777] {
            fs::set_permissions(&open, fs::Permissions::from_mode(mode)).unwrap();
            let found = find("tool", &[&open], &[]).unwrap();
            assert_eq!(found.suspicion, Some(Suspicion::WritableByAll));
        }
    }

    #[test]
    fn entries_that_are_no_absolute_paths_are_refused_where_they_hold_the_program() {
        // The tests of a crate run in its folder, where this file lies in src.
        let here = std::env::current_dir().unwrap();
        let folder = tempfile::Builder::new().prefix("bin-").tempdir_in(&here).unwrap();
        program(folder.path(), "tool");
        let name = Path::new(folder.path().file_name().unwrap());
        let system = Path::new("/usr/bin");
        for relative in [name.to_owned(), Path::new(".").join(name)] {
            let error = find("tool", &[&relative, system], &[]).unwrap_err();
            assert!(matches!(error, RecordError::ProgramRefused { .. }));
            // What lies before it is found as ever, and an entry without the program is no fault.
            let found = find("sh", &[&relative, Path::new(""), system], &[]).unwrap();
            assert_eq!(found.path, Path::new("/usr/bin/sh"));
        }
    }
}
