//! A folder of files for one test.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use unbroken_model::artifact::ArtifactSet;
use unbroken_record::{HashOptions, RecordError, hash_artifacts};

pub(crate) struct Tree(TempDir);

impl Tree {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        for (path, content) in files {
            tree.write(path, content);
        }
        tree
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.path().join(path)
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn script(&self, path: &str, lines: &str) {
        self.write(path, format!("#!/bin/sh\n{lines}\n"));
        fs::set_permissions(self.at(path), fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(crate) fn link(&self, target: impl AsRef<Path>, path: &str) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
    }

    pub(crate) fn options(&self) -> HashOptions<'static> {
        HashOptions { base_path: Some(self.path().to_owned()), ..HashOptions::default() }
    }

    pub(crate) fn hash(&self, specs: &[&str]) -> Result<ArtifactSet, RecordError> {
        hash(specs, &self.options())
    }

    pub(crate) fn names(&self, specs: &[&str]) -> Vec<String> {
        names(&self.hash(specs).unwrap())
    }
}

pub(crate) fn hash(specs: &[&str], options: &HashOptions<'_>) -> Result<ArtifactSet, RecordError> {
    hash_artifacts(&strings(specs), options)
}

pub(crate) fn names(artifacts: &ArtifactSet) -> Vec<String> {
    artifacts.iter().map(|(path, _)| path.to_string()).collect()
}

pub(crate) fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}
