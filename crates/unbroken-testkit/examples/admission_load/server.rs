//! The admission controller as a process, and what the API server sends it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::json;
use unbroken_testkit::registry::{Identity, lasting_root};

use crate::client::Connection;

const AUTHORITY: &str = "webhook-ca";
/// How long one of two policies, and one of two certificates, is in force.
const CHANGE: Duration = Duration::from_secs(3);
/// Until when the certificates last, one after the other.
const ENDS: [&str; 2] = ["2048-01-01T00:00:00Z", "2049-01-01T00:00:00Z"];

pub(crate) struct Server {
    child: Child,
    port: u16,
    tls: Arc<ClientConfig>,
    /// How often it has taken up other certificates.
    reloads: Arc<AtomicUsize>,
}

impl Server {
    pub(crate) fn start(program: &Path, folder: &Path) -> Self {
        show(folder, ENDS[0]);
        let mut child = Command::new(program)
            .current_dir(folder)
            .args(["serve", "policies.yaml", "--listen", "127.0.0.1:0"])
            .args(["--cert", "tls.crt", "--key", "tls.key"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the webhook starts");
        let mut lines = BufReader::new(child.stderr.take().expect("its log")).lines();
        let begun = lines.next().expect("a line").expect("a line");
        // Somebody has to take the log in: the collector of a cluster does.
        let reloads = Arc::new(AtomicUsize::new(0));
        let counting = Arc::clone(&reloads);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if line.contains("\"the certificates were read again\"") {
                    counting.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        let port = begun.split("127.0.0.1:").nth(1).expect("an address");
        let port = port.chars().take_while(char::is_ascii_digit).collect::<String>();
        let mut roots = RootCertStore::empty();
        let root = lasting_root(AUTHORITY);
        let root = CertificateDer::from_pem_slice(root.as_bytes()).expect("a certificate");
        roots.add(root).expect("an authority");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions of TLS")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { child, port: port.parse().expect("a port"), tls: Arc::new(config), reloads }
    }

    pub(crate) fn connect(&self) -> Connection {
        let socket = TcpStream::connect(("127.0.0.1", self.port)).expect("a connection");
        socket.set_nodelay(true).expect("a socket");
        let name = ServerName::try_from("localhost").expect("a name");
        let tls = ClientConnection::new(Arc::clone(&self.tls), name).expect("a session");
        Connection::new(StreamOwned::new(tls, socket))
    }

    /// Says how often it has taken up other certificates.
    pub(crate) fn reloads(&self) -> usize {
        self.reloads.load(Ordering::Relaxed)
    }

    /// Returns a number of bytes that the kernel keeps of the process.
    pub(crate) fn memory(&self, line: &str) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let text = text.expect("the process is there");
        let found = text.lines().find_map(|it| it.strip_prefix(line)).expect("the line");
        let number = found.trim().trim_end_matches("kB").trim();
        number.parse::<u64>().expect("a number") << 10
    }

    /// Writes out the request to make a deployment of an image.
    pub(crate) fn review(&self, image: &str) -> Vec<u8> {
        let body = review(image).to_string();
        format!(
            "POST /verify?timeout=10s HTTP/1.1\r\nhost: localhost:{}\r\nuser-agent: kube-apiserver-admission\r\ncontent-type: application/json\r\naccept: application/json, */*\r\ncontent-length: {}\r\n\r\n{body}",
            self.port,
            body.len()
        )
        .into_bytes()
    }
}

/// Changes the policies and the certificate, back and forth. Each lasts longer than
/// the two seconds after which they are looked at again, so that no change is back before it is seen.
pub(crate) fn change_everything(folder: &Path, time: Duration) {
    let end = Instant::now() + time;
    let policies = fs::read_to_string(folder.join("policies.yaml")).expect("the policies");
    let mut changes = 0;
    while Instant::now() < end {
        changes += 1;
        // Another policy to the cache, under which the same images come in.
        let more = if changes % 2 == 0 { "" } else { "  inspectors: [{file: owner.pub}]\n" };
        replace(&folder.join("policies.yaml"), format!("{policies}{more}").as_bytes());
        show(folder, ENDS.get(changes % 2).expect("one of two"));
        std::thread::sleep(CHANGE);
    }
    replace(&folder.join("policies.yaml"), policies.as_bytes());
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn show(folder: &Path, ends: &str) {
    let identity = Identity::of_localhost(AUTHORITY, ends);
    replace(&folder.join("tls.key"), identity.key().as_bytes());
    replace(&folder.join("tls.crt"), identity.certificate().as_bytes());
}

fn replace(path: &Path, bytes: &[u8]) {
    let beside = path.with_extension("new");
    fs::write(&beside, bytes).expect("the folder is writable");
    fs::rename(&beside, path).expect("the folder is writable");
}

/// A review of the size that a plain deployment has.
fn review(image: &str) -> serde_json::Value {
    let labels = json!({"app.kubernetes.io/name": "web", "app.kubernetes.io/part-of": "shop"});
    let probe = json!({"httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"},
        "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3});
    let environment: Vec<_> = (0..12)
        .map(|number| json!({"name": format!("SETTING_{number}"), "value": "some value"}))
        .collect();
    let container = json!({
        "name": "app", "image": image, "ports": [{"containerPort": 8080, "protocol": "TCP"}],
        "env": environment, "livenessProbe": probe, "readinessProbe": probe,
        "resources": {"limits": {"memory": "256Mi"}, "requests": {"cpu": "100m", "memory": "128Mi"}},
        "imagePullPolicy": "IfNotPresent", "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    });
    json!({
        "kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
        "request": {
            "uid": "0c9a8d74-9cb7-44dd-b98e-09fd62def2f4",
            "kind": {"group": "apps", "version": "v1", "kind": "Deployment"},
            "resource": {"group": "apps", "version": "v1", "resource": "deployments"},
            "requestKind": {"group": "apps", "version": "v1", "kind": "Deployment"},
            "requestResource": {"group": "apps", "version": "v1", "resource": "deployments"},
            "name": "web", "namespace": "prod", "operation": "CREATE",
            "userInfo": {"username": "admin", "groups": ["system:masters", "system:authenticated"]},
            "object": {
                "kind": "Deployment", "apiVersion": "apps/v1",
                "metadata": {"name": "web", "namespace": "prod", "labels": labels},
                "spec": {
                    "replicas": 2, "selector": {"matchLabels": labels},
                    "template": {
                        "metadata": {"labels": labels},
                        "spec": {"containers": [container], "restartPolicy": "Always",
                            "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst",
                            "securityContext": {}, "schedulerName": "default-scheduler"},
                    },
                    "strategy": {"type": "RollingUpdate",
                        "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}},
                    "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600,
                },
                "status": {},
            },
            "oldObject": null, "dryRun": false,
            "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
        },
    })
}
