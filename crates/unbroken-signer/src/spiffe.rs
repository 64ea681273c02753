//! The identity that a SPIFFE Workload API gives this process: an X509-SVID with its private key.
//!
//! The agent behind the socket knows who asks from the system, and hands out a key for a short time.
//! One call is made (SPIFFE Workload API, section 6.2.1), by the smallest of HTTP/2 and gRPC.

mod wire;

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use tokio::net::UnixStream;
use unbroken_crypto::{Certificate, SigningKey};
use zeroize::Zeroizing;

use self::wire::X509SvidResponse;
use crate::error::SignerError;

/// How long the agent may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The largest answer: what gRPC takes by itself.
const LARGEST: usize = 4 << 20;
/// The call. The authority is not looked at on a local socket.
const CALL: &str = "http://localhost/SpiffeWorkloadAPI/FetchX509SVID";
/// Without this header the agent has to refuse: no browser can be made to send it.
const SECURITY_HEADER: (&str, &str) = ("workload.spiffe.io", "true");

/// A key with its certificate, as an agent issued them for this process.
#[derive(Debug)]
pub struct WorkloadIdentity {
    /// The private key.
    pub key: SigningKey,
    /// The X509-SVID.
    pub certificate: Certificate,
    /// The certificates between it and the root of the trust domain.
    pub intermediates: Vec<Certificate>,
}

impl WorkloadIdentity {
    /// Fetches the identity of this process from the agent behind a socket; the first one, where it
    /// has several.
    ///
    /// # Checks
    /// That the answer is one, within bounds, and that the certificate says the identity that
    /// the agent says.
    ///
    /// # Does not check
    /// That the certificate is of the key: [`unbroken_crypto::CertifiedSigner::new`] does. Whether
    /// the agent is to be believed: a verifier finds out by the roots of its layout.
    ///
    /// # Errors
    /// [`SignerError`] when the agent cannot be reached, has no identity for this process, or answers
    /// what is no answer.
    pub fn fetch(socket: &Path) -> Result<Self, SignerError> {
        let unreachable =
            |source| SignerError::WorkloadApiUnreachable { socket: socket.to_owned(), source };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let answer = runtime.map_err(unreachable)?.block_on(async {
            match tokio::time::timeout(PATIENCE, call(socket)).await {
                Ok(answer) => answer,
                Err(elapsed) => Err(unreachable(elapsed.into())),
            }
        });
        let response = X509SvidResponse::read(&answer?)?;
        let Some(svid) = response.svids.into_iter().next() else {
            return Err(SignerError::NoKey { found: Vec::new() });
        };
        let unusable = |source| SignerError::Certificate { source };
        let certificates = Certificate::read_der_sequence(&svid.certificates).map_err(unusable)?;
        let mut certificates = certificates.into_iter();
        let Some(certificate) = certificates.next() else {
            return Err(answer_fault("it holds no certificate"));
        };
        if certificate.names().uris != [svid.spiffe_id.clone()] {
            return Err(answer_fault("the certificate is of another identity than it says"));
        }
        let key = SigningKey::from_pkcs8_der(&svid.private_key)
            .map_err(|source| SignerError::Unusable { key: svid.spiffe_id, source })?;
        Ok(Self { key, certificate, intermediates: certificates.collect() })
    }

    /// Reads the name of a socket: a path, or a URI of the form `unix:///path` as the standard has it.
    pub fn socket_of(name: &str) -> PathBuf {
        let path = name.strip_prefix("unix:").unwrap_or(name);
        PathBuf::from(path.strip_prefix("//").filter(|path| path.starts_with('/')).unwrap_or(path))
    }
}

/// Makes the call and returns the first message of the answer.
async fn call(socket: &Path) -> Result<Zeroizing<Vec<u8>>, SignerError> {
    let unreachable =
        |source| SignerError::WorkloadApiUnreachable { socket: socket.to_owned(), source };
    let stream = UnixStream::connect(socket).await.map_err(unreachable)?;
    let (client, connection) = h2::client::handshake(stream).await.map_err(broken)?;
    // It ends with the runtime.
    tokio::spawn(connection);
    let mut client = client.ready().await.map_err(broken)?;
    let request = Request::post(CALL)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header(SECURITY_HEADER.0, SECURITY_HEADER.1)
        .body(())
        .map_err(|_| answer_fault("the request cannot be made"))?;
    let (response, mut body) = client.send_request(request, false).map_err(broken)?;
    // One message without content, not compressed.
    body.send_data(Bytes::from_static(&[0; 5]), true).map_err(broken)?;
    let response = response.await.map_err(broken)?;
    if response.status() != StatusCode::OK {
        return Err(answer_fault("it is not one of gRPC"));
    }
    check_status(response.headers())?;
    let mut body = response.into_body();
    let mut message = Zeroizing::new(Vec::new());
    while let Some(chunk) = body.data().await {
        let chunk = chunk.map_err(broken)?;
        body.flow_control().release_capacity(chunk.len()).map_err(broken)?;
        message.extend_from_slice(&chunk);
        if message.len() > LARGEST {
            return Err(answer_fault("it is larger than an identity"));
        }
        // The call goes on with every renewal; the first message is enough.
        if let Some(content) = wire::message(&message)? {
            return Ok(Zeroizing::new(content.to_vec()));
        }
    }
    if let Some(trailers) = body.trailers().await.map_err(broken)? {
        check_status(&trailers)?;
    }
    Err(answer_fault("it ends within"))
}

/// Tells a refusal of the agent by the status of gRPC.
fn check_status(headers: &HeaderMap) -> Result<(), SignerError> {
    const MOST: usize = 200;
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    match text("grpc-status") {
        None | Some("0") => Ok(()),
        Some(status) => Err(SignerError::WorkloadApiRefused {
            status: status.chars().take(8).collect(),
            message: text("grpc-message").unwrap_or_default().chars().take(MOST).collect(),
        }),
    }
}

fn broken(source: h2::Error) -> SignerError {
    SignerError::WorkloadApiBroken { source: source.into() }
}

fn answer_fault(reason: &'static str) -> SignerError {
    SignerError::WorkloadApiAnswer { reason }
}
