//! Who builds the demo's image.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use clap::ValueEnum;
use unbroken_record::find_program;

use crate::error::{CliError, Result};

/// Who builds the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Builder {
    /// Docker, podman or buildah where one works, else the embedded assembler
    Auto,
    Docker,
    Podman,
    Buildah,
    /// An assembler inside this program; needs nothing
    Embedded,
}

impl Builder {
    /// Chooses a builder that works here.
    pub(super) fn choose(self) -> Self {
        if self != Self::Auto {
            return self;
        }
        let works = |builder: &Self| {
            let (program, arguments) = match builder {
                Self::Docker => ("docker", ["info"].as_slice()),
                Self::Podman => ("podman", ["info"].as_slice()),
                _ => ("buildah", ["--storage-driver", "vfs", "info"].as_slice()),
            };
            let Some(program) = program_of_the_system(program) else { return false };
            let mut command = Command::new(program);
            command
                .args(arguments)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            command.status().is_ok_and(|status| status.success())
        };
        [Self::Docker, Self::Podman, Self::Buildah]
            .into_iter()
            .find(works)
            .unwrap_or(Self::Embedded)
    }

    /// Returns the name for people.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Auto => "automatic",
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Buildah => "buildah",
            Self::Embedded => "the embedded assembler",
        }
    }

    /// Returns the command that builds the image out of `src` and writes its digest to
    /// `image-digest.txt`. No builder needs a network: the image starts from scratch.
    pub(super) fn command(self) -> Result<Vec<String>> {
        let words: Vec<&str> = match self {
            Self::Docker | Self::Podman => {
                let program = if self == Self::Docker { "docker" } else { "podman" };
                vec![program, "build", "--quiet", "--iidfile", "image-digest.txt", "src"]
            }
            Self::Buildah => vec![
                "buildah",
                "--storage-driver",
                "vfs",
                "bud",
                "--quiet",
                "--isolation",
                "chroot",
                "--iidfile",
                "image-digest.txt",
                "src",
            ],
            Self::Auto | Self::Embedded => {
                return own_command(&["assemble", "src", "image", "image-digest.txt"]);
            }
        };
        Ok(words.into_iter().map(str::to_owned).collect())
    }

    /// Takes an image out of the builder's store, where it has one and the image is there.
    pub(super) fn remove(self, id: &str) {
        if matches!(self, Self::Auto | Self::Embedded) {
            return;
        }
        let Some(program) = program_of_the_system(self.name()) else { return };
        let mut command = Command::new(program);
        if self == Self::Buildah {
            command.args(["--storage-driver", "vfs"]);
        }
        command.args(["rmi", id]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // The image was only there to be shown: that it stays is no fault of the demo.
        drop(command.status());
    }

    /// Returns what the build makes, as paths to record.
    pub(super) fn products(self) -> &'static [&'static str] {
        if self == Self::Embedded { &["image", "image-digest.txt"] } else { &["image-digest.txt"] }
    }
}

/// Finds a program that the caller has on his `PATH`, and that nobody else may have put there.
pub(super) fn program_of_the_system(name: &str) -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    let found = find_program(name, &[here]).ok()?;
    found.suspicion.is_none().then_some(found.path)
}

/// Returns a command that lets this very program do a step of the demo.
pub(super) fn own_command(arguments: &[&str]) -> Result<Vec<String>> {
    let program = std::env::current_exe().map_err(|error| {
        CliError::undecided("cannot find this program's own file").because(error)
    })?;
    let mut command = vec![program.display().to_string(), "demo-step".to_owned()];
    command.extend(arguments.iter().map(|&argument| argument.to_owned()));
    Ok(command)
}
