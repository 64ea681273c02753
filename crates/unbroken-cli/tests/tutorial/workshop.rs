//! Where the tutorial is followed: a repository to clone, and the programs that its commands call.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::TempDir;
use unbroken_testkit::{Docker, DockerBuilder, skip};

const PROGRAMS: [(&str, &str); 2] =
    [("git", include_str!("bin/git")), ("scan-image", include_str!("bin/scan-image"))];
/// The commands of docker, done by buildah.
const DOCKER_BY_BUILDAH: &str = include_str!("bin/docker");
/// The tutorials give all images of theirs one name, and there is one docker.
static DOCKER: Mutex<()> = Mutex::new(());

/// A requirement in which the tutorial's scanner finds a critical vulnerability.
pub(crate) const VULNERABLE: &str = "left-pad==0.1\n";
pub(crate) const HARMLESS: &str = "left-pad==1.3\n";

/// What builds the images of a tutorial.
enum Builder {
    Buildah(PathBuf),
    Docker { docker: Docker, builder: DockerBuilder, _alone: MutexGuard<'static, ()> },
}

/// The repository, the programs, and the store of images.
pub(crate) struct Workshop {
    home: TempDir,
    git: PathBuf,
    builder: Builder,
}

impl Workshop {
    /// Makes it with buildah in place of docker, or announces that the test skips.
    pub(crate) fn new(test: &str) -> Option<Self> {
        let buildah = component("UNBROKEN_TEST_BUILDAH", test)?;
        Self::with(Builder::Buildah(buildah), test)
    }

    /// Makes it with docker itself, or announces that the test skips.
    pub(crate) fn with_docker(builder: DockerBuilder, test: &str) -> Option<Self> {
        let docker = Docker::find(test)?;
        let alone = DOCKER.lock().unwrap_or_else(PoisonError::into_inner);
        Self::with(Builder::Docker { docker, builder, _alone: alone }, test)
    }

    fn with(builder: Builder, test: &str) -> Option<Self> {
        let git = component("UNBROKEN_TEST_GIT", test)?;
        let workshop = Self { home: tempfile::tempdir().unwrap(), git, builder };
        let programs = workshop.programs();
        fs::create_dir_all(&programs).unwrap();
        let write = |name: &str, text: &str| {
            fs::write(programs.join(name), text).unwrap();
            fs::set_permissions(programs.join(name), Permissions::from_mode(0o755)).unwrap();
        };
        for (name, text) in PROGRAMS {
            write(name, text);
        }
        match &workshop.builder {
            Builder::Buildah(_) => write("docker", DOCKER_BY_BUILDAH),
            Builder::Docker { docker, .. } => {
                symlink(docker.program(), programs.join("docker")).unwrap();
            }
        }
        symlink(env!("CARGO_BIN_EXE_unbroken"), programs.join("unbroken")).unwrap();
        let install = ["install-drop-ins", programs.to_str().unwrap()];
        let output = Command::new(env!("CARGO_BIN_EXE_unbroken")).args(install).output().unwrap();
        assert!(output.status.success(), "{}", told(&output));
        Some(workshop)
    }

    /// Leaves git as it is.
    pub(crate) fn with_plain_git(self) -> Self {
        fs::remove_file(self.programs().join("git")).unwrap();
        self
    }

    fn programs(&self) -> PathBuf {
        self.home.path().join("bin")
    }

    /// Makes a folder to work in.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let folder = self.home.path().join(name);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// Makes a repository with these requirements, and returns where it is.
    pub(crate) fn repository(&self, name: &str, requirements: &str) -> PathBuf {
        let repository = self.folder(name);
        for (path, text) in [
            ("Dockerfile", "FROM scratch\nCOPY src /app\nCOPY requirements.txt /app/\n"),
            ("src/app.py", "print('hello')\n"),
            ("src/greeting.py", "GREETING = 'hello'\n"),
            ("requirements.txt", requirements),
        ] {
            let path = repository.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let author = ["-c", "user.name=Author", "-c", "user.email=author@example.org"];
        for arguments in [
            &["init", "--quiet"][..],
            &["add", "--all"],
            &["commit", "--quiet", "--message", "The app"],
        ] {
            let mut command = Command::new(&self.git);
            command.args(author).args(arguments).current_dir(&repository);
            let output = command.output().unwrap();
            assert!(output.status.success(), "{}", told(&output));
        }
        repository
    }

    /// Runs a script by bash, in a folder.
    pub(crate) fn bash(&self, folder: &Path, script: &str) -> Output {
        let path = std::env::var("PATH").unwrap();
        let mut command = Command::new("bash");
        command.args(["-euo", "pipefail", "-c", script]).current_dir(folder);
        command.env("PATH", format!("{}:{path}", self.programs().display()));
        command.env("HOME", self.home.path()).env("GIT", &self.git);
        match &self.builder {
            Builder::Buildah(buildah) => {
                command.env("BUILDAH", buildah).env("STORE", self.home.path().join("store"));
            }
            Builder::Docker { docker, builder, .. } => docker.tell(&mut command, *builder),
        }
        command.stdin(Stdio::null()).output().unwrap()
    }

    /// Runs a script that has to succeed.
    pub(crate) fn must(&self, folder: &Path, script: &str) -> Output {
        let output = self.bash(folder, script);
        assert!(output.status.success(), "{script}\n{}", told(&output));
        output
    }
}

/// Finds the program that a variable names, or announces that the test skips.
pub(crate) fn component(variable: &str, test: &str) -> Option<PathBuf> {
    let found = std::env::var_os(variable);
    if found.is_none() {
        skip(test, &format!("{variable} is not set"));
    }
    found.map(|path| std::path::absolute(path).unwrap())
}

/// What a program has said.
pub(crate) fn told(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

/// Copies a folder with everything in it.
pub(crate) fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}
