//! Registries as processes, each in a folder and on a port of its own.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use unbroken_oci::reference::Reference;
use unbroken_oci::registry::{Client, RegistryRepository, Settings};

/// How long a registry may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A registry that ends with the test.
pub(crate) struct Server {
    child: Child,
    pub(crate) host: String,
    _folder: TempDir,
}

/// Finds a component, or says that the test is skipped.
pub(crate) fn component(variable: &str, test: &str) -> Option<PathBuf> {
    let found = std::env::var_os(variable).map(PathBuf::from);
    if found.is_none() {
        unbroken_testkit::skip(test, &format!("{variable} is not set"));
    }
    found
}

impl Server {
    /// Starts Debian's docker-registry, which does not list referrers.
    pub(crate) fn docker(program: &PathBuf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let host = free_port();
        let config = folder.path().join("config.yml");
        let text = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage:\n  filesystem: {{rootdirectory: {}}}\nhttp: {{addr: \"{host}\"}}\n",
            folder.path().join("store").display()
        );
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new(program);
        command.arg("serve").arg(config);
        Self::start(command, host, folder)
    }

    /// Starts the registry of go-containerregistry, which lists them.
    pub(crate) fn listing(program: &PathBuf) -> Self {
        let host = free_port();
        let mut command = Command::new(program);
        command.arg(&host);
        Self::start(command, host, tempfile::tempdir().unwrap())
    }

    fn start(mut command: Command, host: String, folder: TempDir) -> Self {
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let server = Self { child: quiet.spawn().unwrap(), host, _folder: folder };
        let begin = Instant::now();
        while TcpStream::connect(&server.host).is_err() {
            assert!(begin.elapsed() < PATIENCE, "{} does not answer", server.host);
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    pub(crate) fn repository(&self, name: &str) -> RegistryRepository {
        let reference: Reference = format!("{}/{name}", self.host).parse().unwrap();
        Client::new(Settings::default()).repository(reference.repository())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn free_port() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}
