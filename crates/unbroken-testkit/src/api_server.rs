//! A real API server of Kubernetes with its etcd, on ports of the loopback: no kubelet, no controllers.
//!
//! Without controllers a Deployment makes no pods, so that one request is one decision of admission.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use serde_json::Value;
use unbroken_crypto::KeyAlgorithm;
use ureq::http::Request;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::keys;
use crate::registry::{Identity, free_port, lasting_root};
use crate::skip::component;

/// How long the API server may take to be ready: a busy machine needs some seconds.
const PATIENCE: Duration = Duration::from_mins(2);
/// The authority of the certificate that it shows.
const AUTHORITY: &str = "api-server-ca";
/// What keeps both programs. It ends them, and removes their folder, when its input ends: that is
/// when the test drops the server, and also when the test is killed.
const KEEPER: &str = r#"trap : INT TERM HUP
folder=$1 etcd=$2 api=$3 client=$4 port=$5
"$etcd" --data-dir "$folder/etcd" --listen-client-urls "$client" --advertise-client-urls "$client" \
  --listen-peer-urls http://127.0.0.1:0 --unsafe-no-fsync >"$folder/etcd.log" 2>&1 &
store=$!
"$api" --etcd-servers="$client" --bind-address=127.0.0.1 --advertise-address=127.0.0.1 --secure-port="$port" \
  --endpoint-reconciler-type=none --cert-dir="$folder" --service-cluster-ip-range=10.0.0.0/24 \
  --tls-cert-file="$folder/tls.crt" --tls-private-key-file="$folder/tls.key" --allow-privileged=true \
  --service-account-issuer=https://localhost --service-account-key-file="$folder/sa.pub" \
  --service-account-signing-key-file="$folder/sa.key" --token-auth-file="$folder/tokens.csv" \
  --authorization-mode=RBAC --disable-admission-plugins=ServiceAccount --feature-gates=ImageVolume=true \
  --admission-control-config-file="$folder/admission.yaml" \
  --audit-policy-file="$folder/audit.yaml" --audit-log-path="$folder/audit.log" >"$folder/api.log" 2>&1 &
server=$!
read -r _
kill -9 $server $store
wait
rm -rf "$folder"
"#;

/// An API server. Both programs end when it is dropped, and when the test ends in any way.
pub struct ApiServer {
    keeper: Child,
    folder: PathBuf,
    assets: PathBuf,
    address: String,
    agent: ureq::Agent,
}

/// What the API server answers.
#[derive(Clone, Debug)]
pub struct ApiReply {
    /// The status of HTTP.
    pub status: u16,
    /// The object, or the `Status` that says what is wrong.
    pub body: Value,
    /// The texts of the `Warning` headers.
    pub warnings: Vec<String>,
}

impl ApiReply {
    /// Returns what a `Status` says.
    pub fn message(&self) -> &str {
        self.body.get("message").and_then(Value::as_str).unwrap_or_default()
    }
}

impl ApiServer {
    /// The token of an administrator: group `system:masters`.
    pub const ADMIN: &str = "admin-token";
    /// The common name of the certificate that it shows to webhooks which ask for one.
    pub const CLIENT: &str = "kube-apiserver-admission";
    /// The authority of that certificate.
    pub const CLIENT_AUTHORITY: &str = "webhook-client-ca";

    /// Returns the API server that the tests of this program share; it starts with the first who
    /// asks. Where `KUBEBUILDER_ASSETS` is not set the test is skipped.
    pub fn shared(test: &str) -> Option<&'static Self> {
        static SHARED: OnceLock<ApiServer> = OnceLock::new();
        let assets = component("KUBEBUILDER_ASSETS", test)?;
        Some(SHARED.get_or_init(|| Self::start(&assets)))
    }

    /// Starts `etcd` and `kube-apiserver` of a folder, and waits until the API server is ready.
    ///
    /// # Panics
    /// When it does not become ready.
    pub fn start(assets: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a folder").keep();
        let keep = |name: &str, text: &str| {
            fs::write(folder.join(name), text).expect("the folder is writable");
        };
        let identity = Identity::of_localhost(AUTHORITY, "2049-01-01T00:00:00Z");
        keep("tls.crt", identity.certificate());
        keep("tls.key", identity.key());
        keep("ca.crt", &lasting_root(AUTHORITY));
        let accounts = keys::generated(KeyAlgorithm::EcdsaP256);
        keep("sa.key", &accounts.to_pkcs8_pem(None).expect("the key is written"));
        keep("sa.pub", &accounts.public().spki_pem());
        keep("tokens.csv", &format!("{},admin,1,\"system:masters\"\n", Self::ADMIN));
        keep(
            "audit.yaml",
            "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{level: Metadata}]\n",
        );
        let client =
            Identity::of_client(Self::CLIENT, Self::CLIENT_AUTHORITY, "2049-01-01T00:00:00Z");
        keep("client.crt", client.certificate());
        keep("client.key", client.key());
        let place = folder.display();
        keep(
            "webhooks.yaml",
            &format!(
                "apiVersion: v1\nkind: Config\nusers: [{{name: '*', user: {{client-certificate: '{place}/client.crt', client-key: '{place}/client.key'}}}}]\n"
            ),
        );
        keep(
            "admission.yaml",
            &format!(
                "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins: [{{name: ValidatingAdmissionWebhook, configuration: {{apiVersion: apiserver.config.k8s.io/v1, kind: WebhookAdmissionConfiguration, kubeConfigFile: '{place}/webhooks.yaml'}}}}]\n"
            ),
        );
        let (store, host) = (format!("http://{}", free_port()), free_port());
        let port = host.rsplit(':').next().unwrap_or_default();
        let keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(&folder)
            .args([assets.join("etcd"), assets.join("kube-apiserver")])
            .args([&store, port])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Whoever interrupts the test from a terminal does not end the keeper before the others.
            .process_group(0)
            .spawn()
            .expect("there is a shell");
        let address = format!("https://localhost:{port}");
        let server = Self { keeper, folder, assets: assets.to_owned(), address, agent: agent() };
        server.write_kubeconfig();
        server.wait();
        server
    }

    /// Returns the address, `https://localhost:` and a port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns the authority of its certificate in PEM.
    pub fn authority(&self) -> String {
        lasting_root(AUTHORITY)
    }

    /// Returns the file by which clients find it as the administrator.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.join("kubeconfig.yaml")
    }

    /// Sends a request as the administrator.
    ///
    /// # Panics
    /// When no answer comes.
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> ApiReply {
        self.call_as(Self::ADMIN, method, path, body)
    }

    /// Sends a request with a token. The body of a `PATCH` is a merge patch.
    ///
    /// # Panics
    /// When no answer comes.
    pub fn call_as(&self, token: &str, method: &str, path: &str, body: Option<&Value>) -> ApiReply {
        self.try_call(token, method, path, body).expect("the API server answers")
    }

    /// Runs `kubectl` of the assets as the administrator.
    ///
    /// # Panics
    /// When it does not start.
    pub fn kubectl(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(self.assets.join("kubectl"));
        command.arg("--kubeconfig").arg(self.kubeconfig()).args(arguments);
        // What it keeps of the server belongs to this server alone.
        command.env("KUBECACHEDIR", self.folder.join("kubectl"));
        command.stdin(Stdio::null()).output().expect("kubectl starts")
    }

    /// Returns the audit log: an event for each request that was answered.
    ///
    /// # Panics
    /// When the log cannot be read.
    pub fn audit(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.folder.join("audit.log")).expect("the log is there");
        // The last line may be half written.
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    fn try_call(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<ApiReply, ureq::Error> {
        let kind =
            if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.address))
            .header("Authorization", format!("Bearer {token}"))
            .header("Content-Type", kind)
            .body(body.map(Value::to_string).unwrap_or_default())?;
        let mut reply = self.agent.run(request)?;
        let warnings = reply.headers().get_all("warning").iter();
        let text = |value: &ureq::http::HeaderValue| {
            // `299 - "text"`, with what quotes need.
            let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
            let quoted = text.splitn(3, ' ').nth(2).unwrap_or_default();
            quoted.trim_matches('"').replace("\\\"", "\"")
        };
        let warnings = warnings.map(text).collect();
        let status = reply.status().as_u16();
        let text = reply.body_mut().read_to_string()?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(ApiReply { status, body, warnings })
    }

    fn write_kubeconfig(&self) {
        let (address, token) = (&self.address, Self::ADMIN);
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: test\ncontexts: [{{name: test, context: {{cluster: test, user: admin}}}}]\nclusters: [{{name: test, cluster: {{server: '{address}', certificate-authority: ca.crt}}}}]\nusers: [{{name: admin, user: {{token: {token}}}}}]\n"
        );
        fs::write(self.kubeconfig(), text).expect("the folder is writable");
    }

    fn wait(&self) {
        let begin = Instant::now();
        let ready = || {
            let reply = self.try_call(Self::ADMIN, "GET", "/readyz", None);
            reply.is_ok_and(|reply| reply.status == 200)
        };
        while !ready() {
            if begin.elapsed() > PATIENCE {
                let logs = ["etcd.log", "api.log"].map(|name| {
                    let text = fs::read_to_string(self.folder.join(name)).unwrap_or_default();
                    let lines: Vec<&str> = text.lines().rev().take(5).collect();
                    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
                });
                panic!("{} is not ready:\n{}", self.address, logs.join("\n"));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        drop(self.keeper.wait());
    }
}

fn agent() -> ureq::Agent {
    let root = lasting_root(AUTHORITY);
    let root = Certificate::from_pem(root.as_bytes()).expect("a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::from(vec![root]))
        .unversioned_rustls_crypto_provider(provider)
        .build();
    let config = ureq::Agent::config_builder().tls_config(tls).http_status_as_error(false);
    config.proxy(None).allow_non_standard_methods(true).build().into()
}
