//! A daemon of docker that lives as long as the run of the tests, and leaves the images of the machine alone.

use std::fs::{self, File};
use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::process::{Failure, find, show, succeeds};
use crate::workspace::Workspace;

/// The client of Debian's package: another one on the path may lack the part that asks `BuildKit`.
const CLIENT_OF_DEBIAN: &str = "/usr/bin/docker";
/// How long a daemon may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// The program of docker, and the daemon that it talks with.
pub(super) struct Docker {
    program: PathBuf,
    host: String,
    daemon: Child,
    folder: PathBuf,
}

impl Docker {
    /// Starts a daemon in the target folder.
    ///
    /// It is the first process of a namespace, and the kernel ends it when this program ends in whatever way: with it go
    /// the processes that it started, and what it mounted.
    pub(super) fn start(workspace: &Workspace) -> Result<Self, Failure> {
        let debian = Path::new(CLIENT_OF_DEBIAN);
        let debian = debian.is_file().then(|| debian.to_owned());
        let program = debian.or_else(|| find("docker")).ok_or("there is no docker")?;
        let dockerd = find("dockerd").ok_or("there is no dockerd")?;
        let folder = workspace.target.join("dockerd");
        let socket = folder.join("socket");
        if UnixStream::connect(&socket).is_ok() {
            let socket = socket.display();
            return Err(format!("a daemon of another run answers on {socket}").into());
        }
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => fs::create_dir_all(&folder)?,
        }
        let host = format!("unix://{}", socket.display());
        let log = File::create(folder.join("log"))?;
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--mount-proc"])
            .arg("--kill-child")
            .arg(dockerd)
            // Images are built from scratch and pushed to the loopback: no container needs a network.
            .args(["--storage-driver", "vfs", "--iptables=false", "--bridge=none"])
            .args(["--host", &host, "--data-root"])
            .arg(folder.join("root"))
            .arg("--exec-root")
            .arg(folder.join("exec"))
            .arg("--pidfile")
            .arg(folder.join("pid"))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let daemon = command.spawn()?;
        let mut docker = Self { program, host, daemon, folder };
        match docker.wait_for_answer() {
            Ok(()) => Ok(docker),
            Err(error) => {
                let log = fs::read_to_string(docker.folder.join("log"))?;
                let said = log.lines().last().unwrap_or_default();
                Err(format!("`{}` {error}: {said}", show(&command)).into())
            }
        }
    }

    fn wait_for_answer(&mut self) -> Result<(), Failure> {
        let begin = Instant::now();
        let mut question = Command::new(&self.program);
        question.args(["--host", &self.host, "version"]);
        while !succeeds(&mut question) {
            if let Some(status) = self.daemon.try_wait()? {
                return Err(format!("ended with {status}").into());
            }
            if begin.elapsed() > PATIENCE {
                return Err("does not answer".into());
            }
            sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// The variables that tell the tests of it.
    pub(super) fn variables(&self) -> [(&'static str, PathBuf); 2] {
        [
            ("UNBROKEN_TEST_DOCKER", self.program.clone()),
            ("UNBROKEN_TEST_DOCKER_HOST", PathBuf::from(&self.host)),
        ]
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        drop(self.daemon.kill());
        drop(self.daemon.wait());
        drop(fs::remove_dir_all(&self.folder));
    }
}
