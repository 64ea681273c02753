//! Stores of images that tests have to themselves: of docker's daemon, and of buildah and podman.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::component;

/// The program of docker and the daemon that it talks with.
#[derive(Clone, Debug)]
pub struct Docker {
    program: PathBuf,
    host: PathBuf,
}

/// What builds an image in docker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DockerBuilder {
    /// The builder that docker had first.
    Classic,
    /// `BuildKit`, the one inside the daemon.
    BuildKit,
}

impl Docker {
    /// Finds it, or says that the test is skipped.
    pub fn find(test: &str) -> Option<Self> {
        let program = component("UNBROKEN_TEST_DOCKER", test)?;
        let host = component("UNBROKEN_TEST_DOCKER_HOST", test)?;
        Some(Self { program, host })
    }

    /// Returns the program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Tells a program that calls docker which daemon and which builder it is about.
    pub fn tell(&self, command: &mut Command, builder: DockerBuilder) {
        let number = if builder == DockerBuilder::BuildKit { "1" } else { "0" };
        command.env("DOCKER_HOST", &self.host).env("DOCKER_BUILDKIT", number);
    }
}

/// Sets a store of buildah and podman up in a folder; returns the file that `CONTAINERS_STORAGE_CONF` names to them.
///
/// # Panics
/// When the folder cannot be written.
pub fn containers_storage(folder: &Path) -> PathBuf {
    let config = folder.join("storage.conf");
    let (root, run) = (folder.join("store"), folder.join("run"));
    let (root, run) = (root.display(), run.display());
    let text =
        format!("[storage]\ndriver = \"vfs\"\ngraphroot = \"{root}\"\nrunroot = \"{run}\"\n");
    std::fs::write(&config, text).expect("the folder is writable");
    config
}
