//! The programs that are measured: ours, the bar, and the peer. All command lines of the bench are here.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{Failure, output};
use crate::workspace::Workspace;

/// Where the programs are.
pub(super) struct Tools {
    unbroken: PathBuf,
    hash_alone: PathBuf,
    /// The folder of the peer's programs, where the peer is there.
    peer: Option<PathBuf>,
}

impl Tools {
    /// Builds our program and the bar with the release profile.
    pub(super) fn build(workspace: &Workspace, python: Option<PathBuf>) -> Result<Self, Failure> {
        let build = |selection: &[&str]| {
            let status = workspace.cargo().args(["build", "--release"]).args(selection).status()?;
            if status.success() { Ok(()) } else { Err(Failure::from("the release build failed")) }
        };
        build(&["--package", "unbroken-cli"])?;
        build(&["--package", "xtask", "--example", "hash_alone"])?;
        let release = workspace.target.join("release");
        Ok(Self {
            unbroken: release.join("unbroken"),
            hash_alone: release.join("examples/hash_alone"),
            peer: python.and_then(|file| file.parent().map(Path::to_owned)),
        })
    }

    /// Makes `key` and `key.pub`, ed25519, without a passphrase.
    pub(super) fn generate_key(&self, key: &Path) -> Result<(), Failure> {
        output(Command::new(&self.unbroken).args(["key", "generate"]).arg(key)).map(drop)
    }

    /// Signs a layout or link file in place.
    pub(super) fn sign(&self, file: &Path, key: &Path) -> Result<(), Failure> {
        output(Command::new(&self.unbroken).arg("sign").arg(file).arg("--key").arg(key)).map(drop)
    }

    /// Records the files of a folder as materials of a step that does nothing.
    pub(super) fn record(&self, folder: &Path, key: &Path, scratch: &Path) -> Command {
        let mut command = Command::new(&self.unbroken);
        command.args(["run", "bench", "--key"]).arg(key).arg("--base-path");
        command.arg(parent(folder)).arg("--materials").arg(name(folder));
        command.args(["--", "true"]).current_dir(scratch);
        command
    }

    /// Verifies a chain.
    pub(super) fn verify(&self, layout: &Path, trust: &Path, links: &Path, cwd: &Path) -> Command {
        let mut command = Command::new(&self.unbroken);
        command.arg("verify").arg("--layout").arg(layout).arg("--trust").arg(trust);
        command.arg("--link-dir").arg(links).current_dir(cwd);
        command
    }

    /// Copies an image from one place to another.
    pub(super) fn image_copy(&self, from: &str, to: &str) -> Command {
        let mut command = Command::new(&self.unbroken);
        command.args(["image", "copy", from, to]);
        command
    }

    /// Puts a file beside an image.
    pub(super) fn image_attach(&self, image: &str, file: &Path) -> Command {
        let mut command = Command::new(&self.unbroken);
        command.args(["image", "attach", image]).arg(file);
        command
    }

    /// Verifies an image with the links that lie beside it.
    pub(super) fn verify_image(
        &self,
        image: &str,
        layout: &Path,
        trust: &Path,
        cwd: &Path,
    ) -> Command {
        let mut command = Command::new(&self.unbroken);
        command.args(["verify", image]).arg("--layout").arg(layout);
        command.arg("--trust").arg(trust).current_dir(cwd);
        command
    }

    /// The same recording by the peer.
    pub(super) fn peer_record(&self, folder: &Path, key: &Path, scratch: &Path) -> Option<Command> {
        let mut command = Command::new(self.peer.as_ref()?.join("in-toto-run"));
        command.args(["--step-name", "bench", "--signing-key"]).arg(key).arg("--base-path");
        command.arg(parent(folder)).arg("--materials").arg(name(folder));
        command.args(["--", "true"]).current_dir(scratch);
        Some(command)
    }

    /// The same verification by the peer.
    pub(super) fn peer_verify(
        &self,
        layout: &Path,
        trust: &Path,
        links: &Path,
        cwd: &Path,
    ) -> Option<Command> {
        let mut command = Command::new(self.peer.as_ref()?.join("in-toto-verify"));
        command.arg("--layout").arg(layout).arg("--verification-keys").arg(trust);
        command.arg("--link-dir").arg(links).current_dir(cwd);
        Some(command)
    }

    /// Opening, reading and hashing the files of a folder and nothing else, in seconds.
    pub(super) fn hash_alone(&self, folder: &Path, threads: usize) -> Result<f64, Failure> {
        let text = self.ask_bar(&[&folder.to_string_lossy(), &threads.to_string()])?;
        field(&text, 2)
    }

    /// What these cores hash when the data is already in memory, in bytes per second.
    pub(super) fn hashing_rate(&self, threads: usize) -> Result<f64, Failure> {
        let text = self.ask_bar(&["--memory", &threads.to_string()])?;
        Ok(field(&text, 0)? / field(&text, 1)?)
    }

    fn ask_bar(&self, arguments: &[&str]) -> Result<String, Failure> {
        let answer = output(Command::new(&self.hash_alone).args(arguments))?;
        Ok(String::from_utf8(answer.stdout)?)
    }
}

/// Links hold relative names: the folder is named from the one above it.
fn parent(folder: &Path) -> &Path {
    folder.parent().unwrap_or(Path::new("."))
}

fn name(folder: &Path) -> &OsStr {
    folder.file_name().unwrap_or_default()
}

fn field(text: &str, index: usize) -> Result<f64, Failure> {
    let word = text.split_whitespace().nth(index).ok_or("hash_alone printed too little")?;
    Ok(word.parse()?)
}
