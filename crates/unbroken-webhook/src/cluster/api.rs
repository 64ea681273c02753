//! Requests to the API server: JSON over TLS, with the token of the service account.
//!
//! Calls block, as those to registries do. The token and the authorities are read anew: the kubelet
//! renews them while the program runs.

use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use thiserror::Error;
use ureq::Agent;
use ureq::http::{Response, Uri};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use zeroize::Zeroizing;

/// Where the kubelet puts what a pod needs to reach the API server.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// The largest answer: a page of a list. One object has 1.5 MiB in etcd, and each of its letters may be
/// six in JSON.
const LARGEST_ANSWER: u64 = 16 << 20;
/// The longest event of a watch.
const LONGEST_EVENT: u64 = LARGEST_ANSWER;
/// The largest file of a token or of authorities.
const LARGEST_FILE: u64 = 1 << 20;
/// How long an answer may take.
const ANSWER_TIME: Duration = Duration::from_secs(30);
/// How long a watch may be silent: the API server sends bookmarks each minute.
const SILENCE: Duration = Duration::from_secs(90);

/// Where the API server is, and how it is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// `https://HOST:PORT`; `http` for the loopback alone, without a token.
    pub address: String,
    /// The authorities of its certificate, in PEM.
    pub authorities: Option<PathBuf>,
    /// The file of the token.
    pub token: Option<PathBuf>,
}

/// Why the API server did not do what it was asked for.
#[derive(Debug, Error)]
pub enum ApiError {
    /// It said so.
    #[error("the API server answered {action} with {code}: {message}")]
    Status {
        /// What was asked.
        action: String,
        /// The status of HTTP.
        code: u16,
        /// What it said.
        message: String,
    },
    /// It was not reached, or did not go on.
    #[error("the API server does not answer {action}: {fault}")]
    Transport {
        /// What was asked.
        action: String,
        /// What is wrong.
        fault: String,
    },
    /// What it said is not of the form of its interface.
    #[error("the API server's answer to {action} cannot be read: {fault}")]
    Unreadable {
        /// What was asked.
        action: String,
        /// What is wrong.
        fault: String,
    },
    /// What it said is more than is read.
    #[error("the API server's answer to {action} has more than {LARGEST_ANSWER} bytes")]
    TooLarge {
        /// What was asked.
        action: String,
    },
    /// It cannot be asked: the address, the authorities or the token are not usable.
    #[error("the API server cannot be asked: {0}")]
    Settings(String),
}

/// A client of the API server.
#[derive(Clone)]
pub struct Api {
    shared: Arc<Shared>,
}

struct Shared {
    endpoint: Endpoint,
    secure: bool,
    /// The connections, with the authorities that they were made with.
    made: Mutex<Option<(Vec<u8>, Agent)>>,
}

/// The events of a watch, a line each.
pub struct Events {
    action: String,
    lines: BufReader<Box<dyn Read + Send>>,
}

impl Endpoint {
    /// Finds the API server of the cluster that the program runs in.
    pub fn of_pod(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let host = variable("KUBERNETES_SERVICE_HOST")?;
        let port = variable("KUBERNETES_SERVICE_PORT")?;
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        Some(Self {
            address: format!("https://{host}:{port}"),
            authorities: Some(Path::new(ACCOUNT).join("ca.crt")),
            token: Some(Path::new(ACCOUNT).join("token")),
        })
    }

    /// Returns the namespace of the pod that the program runs in.
    pub fn own_namespace() -> Option<String> {
        let text = fs::read_to_string(Path::new(ACCOUNT).join("namespace")).ok()?;
        Some(text.trim().to_owned())
    }
}

impl Api {
    /// Makes a client; nothing is connected to yet.
    ///
    /// # Errors
    /// [`ApiError::Settings`] for an address that is none, and for plain HTTP to another machine.
    pub fn new(endpoint: Endpoint) -> Result<Self, ApiError> {
        let unusable = |fault: &str| ApiError::Settings(format!("{} {fault}", endpoint.address));
        let uri: Uri = endpoint.address.parse().map_err(|_| unusable("is no address"))?;
        let secure = uri.scheme_str() == Some("https");
        let loopback = matches!(uri.host(), Some("127.0.0.1" | "[::1]" | "localhost"));
        if !(secure || uri.scheme_str() == Some("http") && loopback) {
            return Err(unusable("is not spoken to over TLS"));
        }
        if uri.path_and_query().is_some_and(|path| path.as_str() != "/") {
            return Err(unusable("has a path"));
        }
        Ok(Self { shared: Arc::new(Shared { endpoint, secure, made: Mutex::default() }) })
    }

    /// Reads an object or a list.
    pub fn get(&self, path: &str) -> Result<Value, ApiError> {
        self.get_until(path, None)
    }

    /// Reads an object, where there is one.
    pub fn find(&self, path: &str) -> Result<Option<Value>, ApiError> {
        self.find_until(path, None)
    }

    /// Reads an object, where there is one, for somebody who waits until then.
    pub fn find_until(
        &self,
        path: &str,
        until: Option<Instant>,
    ) -> Result<Option<Value>, ApiError> {
        match self.get_until(path, until) {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.code() == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes an object.
    pub fn create(&self, path: &str, object: &Value) -> Result<Value, ApiError> {
        let request = self.agent()?.post(self.url(path)).content_type("application/json");
        let request = self.authorized(request)?;
        read(&format!("POST {path}"), request.send(object.to_string()))
    }

    /// Puts an object in place of the one whose `resourceVersion` it bears.
    pub fn replace(&self, path: &str, object: &Value) -> Result<Value, ApiError> {
        let request = self.agent()?.put(self.url(path)).content_type("application/json");
        let request = self.authorized(request)?;
        read(&format!("PUT {path}"), request.send(object.to_string()))
    }

    /// Changes members of an object (RFC 7386).
    pub fn merge(&self, path: &str, change: &Value) -> Result<Value, ApiError> {
        let request = self.agent()?.patch(self.url(path));
        let request = self.authorized(request.content_type("application/merge-patch+json"))?;
        read(&format!("PATCH {path}"), request.send(change.to_string()))
    }

    /// Begins a watch.
    pub fn watch(&self, path: &str) -> Result<Events, ApiError> {
        let action = format!("GET {path}");
        let request = self.agent()?.get(self.url(path));
        let request = self.authorized(request)?;
        let response = sound(&action, request.call())?;
        let reader: Box<dyn Read + Send> = Box::new(response.into_body().into_reader());
        Ok(Events { action, lines: BufReader::new(reader) })
    }

    fn get_until(&self, path: &str, until: Option<Instant>) -> Result<Value, ApiError> {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let action = format!("GET {path}");
        if left.is_some_and(|left| left.is_zero()) {
            return Err(ApiError::Transport { action, fault: "there is no time left".to_owned() });
        }
        let request = self.agent()?.get(self.url(path)).config().timeout_global(left).build();
        read(&action, self.authorized(request)?.call())
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.shared.endpoint.address.trim_end_matches('/'))
    }

    fn agent(&self) -> Result<Agent, ApiError> {
        let authorities = match &self.shared.endpoint.authorities {
            Some(path) if self.shared.secure => read_file(path)?.to_vec(),
            _ => Vec::new(),
        };
        let mut made = self.shared.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, agent)) = made.as_ref()
            && *of == authorities
        {
            return Ok(agent.clone());
        }
        let agent = agent(self.shared.secure, &authorities, SILENCE)?;
        *made = Some((authorities, agent.clone()));
        Ok(agent)
    }

    fn authorized<B>(
        &self,
        request: ureq::RequestBuilder<B>,
    ) -> Result<ureq::RequestBuilder<B>, ApiError> {
        let request = request.header("accept", "application/json");
        match &self.shared.endpoint.token {
            Some(path) if self.shared.secure => {
                let bytes = read_file(path)?;
                let token = std::str::from_utf8(&bytes)
                    .map_err(|_| ApiError::Settings(format!("{} is no text", path.display())))?;
                let header = Zeroizing::new(format!("Bearer {}", token.trim()));
                Ok(request.header("authorization", header.as_str()))
            }
            _ => Ok(request),
        }
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Api").field(&self.shared.endpoint.address).finish()
    }
}

impl ApiError {
    /// Returns the status that the API server answered with.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Status { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// Tells whether somebody else changed the object in between, or made it before.
    pub fn is_conflict(&self) -> bool {
        self.code() == Some(409)
    }
}

impl Events {
    /// Waits for the next event; none when the watch has ended.
    pub fn wait(&mut self) -> Result<Option<Value>, ApiError> {
        let mut line = Vec::new();
        match self.lines.by_ref().take(LONGEST_EVENT).read_until(b'\n', &mut line) {
            Ok(_) => {}
            // A watch that is silent for long may have nobody at its other end: it is begun again.
            Err(error) if is_silence(&error) => return Ok(None),
            Err(error) => {
                let (action, fault) = (self.action.clone(), error.to_string());
                return Err(ApiError::Transport { action, fault });
            }
        }
        if line.is_empty() {
            return Ok(None);
        }
        let event = serde_json::from_slice(&line).map_err(|error| ApiError::Unreadable {
            action: self.action.clone(),
            fault: error.to_string(),
        })?;
        Ok(Some(event))
    }
}

/// Tells whether nothing came for as long as is waited. The library says so in an error of its own.
fn is_silence(error: &std::io::Error) -> bool {
    let of_library = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>());
    matches!(of_library, Some(ureq::Error::Timeout(_)))
}

fn agent(secure: bool, authorities: &[u8], silence: Duration) -> Result<Agent, ApiError> {
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        // The API server redirects nobody, and the token is for it alone.
        .max_redirects(0)
        .proxy(None)
        .user_agent(concat!("unbroken-webhook/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(ANSWER_TIME))
        .timeout_recv_response(Some(ANSWER_TIME))
        .timeout_per_read(Some(silence))
        .timeout_per_write(Some(ANSWER_TIME));
    if secure {
        let mut roots: Vec<Certificate<'static>> = Vec::new();
        for item in parse_pem(authorities) {
            match item {
                Ok(PemItem::Certificate(certificate)) => roots.push(certificate),
                Ok(_) => {}
                Err(error) => return Err(ApiError::Settings(error.to_string())),
            }
        }
        if roots.is_empty() {
            return Err(ApiError::Settings("there are no authorities to trust".to_owned()));
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = TlsConfig::builder().root_certs(RootCerts::from(roots));
        config = config.tls_config(tls.unversioned_rustls_crypto_provider(provider).build());
    }
    Ok(config.build().into())
}

type Answered = Result<Response<ureq::Body>, ureq::Error>;

/// Takes an answer that says that all is well.
fn sound(action: &str, answered: Answered) -> Result<Response<ureq::Body>, ApiError> {
    let mut response = answered.map_err(|error| ApiError::Transport {
        action: action.to_owned(),
        fault: error.to_string(),
    })?;
    let code = response.status().as_u16();
    if (200..300).contains(&code) {
        return Ok(response);
    }
    let text = response.body_mut().with_config().limit(LARGEST_FILE).read_to_vec();
    let status: Value = serde_json::from_slice(&text.unwrap_or_default()).unwrap_or_default();
    let message = status.get("message").and_then(Value::as_str).unwrap_or("without a reason");
    Err(ApiError::Status { action: action.to_owned(), code, message: message.to_owned() })
}

fn read(action: &str, answered: Answered) -> Result<Value, ApiError> {
    let mut response = sound(action, answered)?;
    let unreadable = |fault: String| ApiError::Unreadable { action: action.to_owned(), fault };
    let bytes = response.body_mut().with_config().limit(LARGEST_ANSWER).read_to_vec();
    let bytes = bytes.map_err(|error| match error {
        ureq::Error::BodyExceedsLimit(_) => ApiError::TooLarge { action: action.to_owned() },
        other => unreadable(other.to_string()),
    })?;
    serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))
}

fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, ApiError> {
    let cannot = |error: std::io::Error| ApiError::Settings(format!("{}: {error}", path.display()));
    let mut bytes = Zeroizing::new(Vec::new());
    let file = fs::File::open(path).map_err(cannot)?;
    file.take(LARGEST_FILE).read_to_end(&mut bytes).map_err(cannot)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_watch_that_nothing_comes_of_is_silent_and_has_not_failed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (done, wait) = std::sync::mpsc::channel::<()>();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n").unwrap();
            // Until the client has had enough.
            _ = wait.recv();
        });
        let agent = agent(false, &[], Duration::from_millis(50)).unwrap();
        let body = agent.get(&url).call().unwrap().into_body();
        let reader: Box<dyn Read + Send> = Box::new(body.into_reader());
        let lines = BufReader::new(reader);
        let mut events = Events { action: "the watch".to_owned(), lines };
        assert!(events.wait().unwrap().is_none());
        drop(done);
        server.join().unwrap();
    }
}
