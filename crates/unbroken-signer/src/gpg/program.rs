//! Which gpg program is run.
//!
//! As the reference: what `GNUPG` names, else `gpg2`, else `gpg`. Never one that lies in the folder
//! that is being recorded, though `PATH` has it first: who writes there would sign.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::SignerError;

/// The programs that are looked for where none is named.
const USUAL: [&str; 2] = ["gpg2", "gpg"];

/// Where the gpg program is looked for.
#[derive(Clone, Copy, Debug)]
pub struct ProgramSearch<'a> {
    /// The program that the user named (`GNUPG`): a name or an absolute path, perhaps with
    /// arguments behind it.
    pub named: Option<&'a str>,
    /// The folders of programs (`PATH`).
    pub path: Option<&'a OsStr>,
    /// The folder whose programs are not run.
    pub avoid: &'a Path,
}

/// A program with the arguments that it always gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Program {
    file: PathBuf,
    arguments: Vec<String>,
}

impl Program {
    pub(super) fn find(search: &ProgramSearch<'_>) -> Result<Self, SignerError> {
        let missing = |tried: &str| SignerError::GpgMissing { tried: tried.to_owned() };
        let Some(named) = search.named.filter(|named| !named.trim().is_empty()) else {
            let found = USUAL.iter().find_map(|name| search.file(name));
            let file = found.ok_or_else(|| missing(&USUAL.join(" and ")))?;
            return Ok(Self { file, arguments: Vec::new() });
        };
        let mut words = shlex::split(named).unwrap_or_default().into_iter();
        let name = words.next().unwrap_or_default();
        let file = search.file(&name).ok_or_else(|| missing(&name))?;
        Ok(Self { file, arguments: words.collect() })
    }

    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.file);
        command.args(&self.arguments);
        command
    }
}

impl ProgramSearch<'_> {
    /// Finds a program by its absolute path, or by its name in the folders of programs.
    fn file(&self, name: &str) -> Option<PathBuf> {
        if name.contains('/') {
            // Who names a file by its full path means that file.
            return Some(PathBuf::from(name)).filter(|path| path.is_absolute() && is_program(path));
        }
        let folders = std::env::split_paths(self.path?).filter(|folder| folder.is_absolute());
        folders.map(|folder| folder.join(name)).find(|file| is_program(file) && !self.avoids(file))
    }

    /// Tells whether a program lies in the folder to avoid, by its name or as what it leads to.
    fn avoids(&self, file: &Path) -> bool {
        let Ok(avoided) = self.avoid.canonicalize() else { return true };
        // All programs lie below the root: who works there has no other.
        if avoided == Path::new("/") {
            return false;
        }
        let folder = file.parent().and_then(|folder| folder.canonicalize().ok());
        let places = [folder, file.canonicalize().ok()];
        places.iter().any(|place| place.as_ref().is_none_or(|place| place.starts_with(&avoided)))
    }
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A folder of programs and a working directory.
    struct Site(tempfile::TempDir);

    impl Site {
        fn new(programs: &[&str]) -> Self {
            let site = Self(tempfile::tempdir().unwrap());
            for folder in ["bin", "work", "work/bin"] {
                std::fs::create_dir(site.at(folder)).unwrap();
            }
            for program in programs {
                std::fs::write(site.at(program), "#!/bin/sh\n").unwrap();
                let mode = std::fs::Permissions::from_mode(0o755);
                std::fs::set_permissions(site.at(program), mode).unwrap();
            }
            site
        }

        fn at(&self, path: &str) -> PathBuf {
            self.0.path().canonicalize().unwrap().join(path)
        }

        fn find(&self, named: Option<&str>, path: &str) -> Result<Program, SignerError> {
            let (path, avoid) = (Some(OsStr::new(path)), self.at("work"));
            Program::find(&ProgramSearch { named, path, avoid: &avoid })
        }
    }

    #[test]
    fn a_program_in_the_recorded_folder_is_passed_over() {
        let site = Site::new(&["bin/gpg", "work/gpg", "work/gpg2", "work/bin/gpg"]);
        std::os::unix::fs::symlink(site.at("work"), site.at("link")).unwrap();
        std::os::unix::fs::symlink(site.at("work/gpg"), site.at("bin/gpg2")).unwrap();
        let at = |path: &str| site.at(path).display().to_string();
        for first in [".", "", "work", "bin/../bin", &at("work"), &at("work/bin"), &at("link")] {
            let path = format!("{first}:{}", at("bin"));
            let found = site.find(None, &path).unwrap();
            assert_eq!(found.file, site.at("bin/gpg"), "{first}");
            assert!(site.find(None, first).is_err(), "{first}");
        }
        let path = std::env::join_paths([site.at("bin")]).unwrap();
        let search = ProgramSearch { named: None, path: Some(&path), avoid: &site.at("not there") };
        assert!(Program::find(&search).is_err());
    }

    #[test]
    fn gpg2_comes_before_gpg_and_what_is_named_before_both() {
        let site = Site::new(&["bin/gpg", "bin/gpg2", "bin/mine"]);
        let path = site.at("bin").display().to_string();
        assert_eq!(site.find(None, &path).unwrap().file, site.at("bin/gpg2"));
        assert_eq!(site.find(Some(" "), &path).unwrap().file, site.at("bin/gpg2"));
        let named = site.find(Some("mine --debug 'a b'"), &path).unwrap();
        assert_eq!(named.file, site.at("bin/mine"));
        assert_eq!(named.arguments, ["--debug", "a b"]);
        for missing in ["other", "'", "bin/mine", "./gpg"] {
            let error = site.find(Some(missing), &path).unwrap_err();
            assert!(matches!(error, SignerError::GpgMissing { .. }), "{missing}");
        }
        // A file that nobody may run is no program.
        std::fs::set_permissions(site.at("bin/gpg2"), std::fs::Permissions::from_mode(0o644))
            .unwrap();
        assert_eq!(site.find(None, &path).unwrap().file, site.at("bin/gpg"));
    }
}
