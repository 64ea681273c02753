//! Registries of others as processes, each in a folder and on a port of its own.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::certificates::{self, AltName, CertificateDraft, Purpose};
use crate::keys;

/// How long a registry may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Ports below those that Linux gives by itself: nobody else gets one before the program listens that it is meant for.
const PORTS: Range<u16> = 20_000..32_000;
/// How far apart the first ports of two programs are.
const PORTS_OF_A_PROGRAM: u32 = 61;
/// What it logs goes here, a line for each request.
const LOG: &str = "requests.log";

/// A registry that ends when it is dropped.
pub struct RegistryProcess {
    child: Child,
    host: String,
    folder: TempDir,
}

/// A certificate that a registry shows, in PEM, and its key.
#[derive(Clone, Debug)]
pub struct Identity {
    certificate: String,
    key: String,
}

impl Identity {
    /// Makes a certificate for the host `localhost` by the authority of this name; its public half
    /// is [`certificates::root`].
    ///
    /// # Panics
    /// Never.
    pub fn of_localhost(authority: &str, not_after: &str) -> Self {
        let mut draft = CertificateDraft::of("registry");
        draft.alternative.push(AltName::Dns("localhost".to_owned()));
        draft.purposes.push(Purpose::ServerAuth);
        Self::of(draft, authority, not_after)
    }

    /// Makes a certificate that a client of this common name shows.
    ///
    /// # Panics
    /// Never.
    pub fn of_client(name: &str, authority: &str, not_after: &str) -> Self {
        let mut draft = CertificateDraft::of(name);
        draft.purposes.push(Purpose::ClientAuth);
        Self::of(draft, authority, not_after)
    }

    fn of(mut draft: CertificateDraft, authority: &str, not_after: &str) -> Self {
        draft.not_before = "2020-01-01T00:00:00Z".parse().expect("a point in time");
        draft.not_after = not_after.parse().expect("a point in time");
        let key = keys::key(&draft.name).to_pkcs8_pem(None).expect("the key is written");
        Self { certificate: draft.pem_by(authority), key: key.to_string() }
    }

    /// Returns the certificate in PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Returns the private key in PEM.
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// Returns the certificate of an authority that is in force for as long as a test may run.
///
/// # Panics
/// Never.
pub fn lasting_root(authority: &str) -> String {
    let mut draft = CertificateDraft::authority(authority);
    draft.not_before = "2020-01-01T00:00:00Z".parse().expect("a point in time");
    draft.not_after = "2049-01-01T00:00:00Z".parse().expect("a point in time");
    certificates::pem(&draft.issued_by(authority))
}

impl RegistryProcess {
    /// Starts Debian's docker-registry, which does not list referrers; with an identity it speaks TLS.
    ///
    /// # Panics
    /// When it does not start.
    pub fn docker(program: &Path, identity: Option<&Identity>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let host = free_port();
        let store = folder.path().join("store");
        let tls = identity.map_or_else(String::new, |identity| {
            let [certificate, key] = ["cert.pem", "key.pem"].map(|name| folder.path().join(name));
            fs::write(&certificate, &identity.certificate).expect("the folder is writable");
            fs::write(&key, &identity.key).expect("the folder is writable");
            let (certificate, key) = (certificate.display(), key.display());
            format!("  tls: {{certificate: {certificate}, key: {key}}}\n")
        });
        let text = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage:\n  filesystem: {{rootdirectory: {}}}\nhttp:\n  addr: \"{host}\"\n{tls}",
            store.display()
        );
        let config = folder.path().join("config.yml");
        fs::write(&config, text).expect("the folder is writable");
        let log = File::create(folder.path().join(LOG)).expect("the folder is writable");
        let mut command = Command::new(program);
        command.arg("serve").arg(config).stdout(log).stderr(Stdio::null());
        Self::start(command, host, folder)
    }

    /// Starts the registry of go-containerregistry, which lists them.
    ///
    /// # Panics
    /// When it does not start.
    pub fn listing(program: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let host = free_port();
        let log = File::create(folder.path().join(LOG)).expect("the folder is writable");
        let mut command = Command::new(program);
        command.arg(&host).stdout(Stdio::null()).stderr(log);
        Self::start(command, host, folder)
    }

    fn start(mut command: Command, host: String, folder: TempDir) -> Self {
        let child = command.stdin(Stdio::null()).spawn().expect("the registry starts");
        let server = Self { child, host, folder };
        let begin = Instant::now();
        while TcpStream::connect(&server.host).is_err() {
            assert!(begin.elapsed() < PATIENCE, "{} does not answer", server.host);
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    /// Returns the host and the port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns what it logged of the requests that came, a line for each.
    ///
    /// # Panics
    /// When the log is gone.
    pub fn requests(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.path().join(LOG)).expect("the log is there");
        text.lines().filter(|line| line.contains(" /v2/")).map(str::to_owned).collect()
    }
}

impl Drop for RegistryProcess {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Returns an address of the loopback that nobody listens on.
///
/// # Panics
/// When all the ports that it may give are taken.
pub fn free_port() -> String {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let count = u32::from(PORTS.end - PORTS.start);
    // Test programs that run at the same time begin at other places.
    let first = std::process::id().wrapping_mul(PORTS_OF_A_PROGRAM);
    let free = (0..count).find_map(|_| {
        let number = first.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed)) % count;
        let port = PORTS.start + u16::try_from(number).expect("it is below a u16");
        TcpListener::bind(("127.0.0.1", port)).ok()
    });
    free.expect("a port of the loopback").local_addr().expect("its address").to_string()
}
