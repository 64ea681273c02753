//! A webhook that answers as a test wants it to, and keeps what it was sent.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use serde_json::{Value, json};
use unbroken_testkit::registry::Identity;

use crate::server::{LASTING, Server};

/// A call of the API server.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

/// An answer: status, headers, body.
pub(crate) type Reply = (u16, Vec<(&'static str, &'static str)>, String);

type Rule = dyn Fn(usize, &Call) -> Reply + Send + Sync;

/// The webhook; it ends when it is dropped.
pub(crate) struct OtherWebhook {
    address: String,
    calls: Arc<Mutex<Vec<Call>>>,
    handle: Handle<std::net::SocketAddr>,
}

impl OtherWebhook {
    /// Starts it; the rule is told how many calls came before.
    pub(crate) fn start(rule: impl Fn(usize, &Call) -> Reply + Send + Sync + 'static) -> Self {
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let calls = Arc::new(Mutex::new(Vec::new()));
        let (kept, rule): (_, Arc<Rule>) = (Arc::clone(&calls), Arc::new(rule));
        let handle = Handle::new();
        let of_server = handle.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let identity = Identity::of_localhost(Server::AUTHORITY, LASTING);
                let [chain, key] = [identity.certificate(), identity.key()];
                let tls = RustlsConfig::from_pem(chain.into(), key.into()).await.unwrap();
                let answer = move |uri: Uri, headers: HeaderMap, body: Bytes| {
                    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
                    let call = Call { target: uri.to_string(), headers, body };
                    let (kept, rule) = (Arc::clone(&kept), Arc::clone(&rule));
                    async move {
                        let before = {
                            let mut kept = kept.lock().unwrap();
                            kept.push(call.clone());
                            kept.len() - 1
                        };
                        let answered = tokio::task::spawn_blocking(move || rule(before, &call));
                        let (status, headers, body) = answered.await.unwrap();
                        let headers = headers
                            .into_iter()
                            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
                        let headers: HeaderMap = headers.collect();
                        (StatusCode::from_u16(status).unwrap(), headers, body)
                    }
                };
                let routes = Router::new().fallback(answer);
                let server = axum_server::from_tcp_rustls(listener, tls).unwrap();
                server.handle(of_server).serve(routes.into_make_service()).await.unwrap();
            });
        });
        Self { address, calls, handle }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }
}

impl Drop for OtherWebhook {
    fn drop(&mut self) {
        self.handle.shutdown();
    }
}

/// An answer that lets everything in.
pub(crate) fn allow(call: &Call) -> Reply {
    reviewed(call, &json!({"allowed": true}))
}

/// An answer in form, of these members beside the uid.
pub(crate) fn reviewed(call: &Call, response: &Value) -> Reply {
    let mut response = response.clone();
    response["uid"] = call.body["request"]["uid"].clone();
    review(&response)
}

/// An answer of exactly these members.
pub(crate) fn review(response: &Value) -> Reply {
    let body = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response,
    });
    (200, vec![("content-type", "application/json")], body.to_string())
}
