//! A mock of a SPIFFE Workload API: a server on a socket of its own that gives every caller one
//! prepared answer. It is no agent: it attests nobody and issues nothing.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::{Method, Request, Response};
use tempfile::TempDir;
use unbroken_testkit::certificates::root;

/// What every caller is answered.
#[derive(Clone)]
pub(crate) enum MockAnswer {
    /// The status of gRPC, and nothing else.
    Status(&'static str),
    /// These bytes as the body; the stream stays open, as it does while an agent may renew.
    Open(Vec<u8>),
    /// These bytes as the body, and its end.
    Ended(Vec<u8>),
}

/// The server. Its thread ends with the tests.
pub(crate) struct MockWorkloadApi(TempDir);

impl MockWorkloadApi {
    pub(crate) fn answering(answer: MockAnswer) -> Self {
        let mock = Self(tempfile::tempdir().unwrap());
        let listener = std::os::unix::net::UnixListener::bind(mock.socket()).unwrap();
        listener.set_nonblocking(true).unwrap();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async move {
                let listener = tokio::net::UnixListener::from_std(listener).unwrap();
                while let Ok((stream, _)) = listener.accept().await {
                    // A caller may hang up whenever it likes.
                    drop(serve(stream, &answer).await);
                }
            });
        });
        mock
    }

    pub(crate) fn socket(&self) -> PathBuf {
        Path::new(self.0.path()).join("workload.sock")
    }
}

async fn serve(stream: tokio::net::UnixStream, answer: &MockAnswer) -> Result<(), h2::Error> {
    let mut connection = h2::server::handshake(stream).await?;
    let mut open = Vec::new();
    while let Some(call) = connection.accept().await {
        let (request, mut respond) = call?;
        let response = |status: &str| {
            let response = Response::builder().header("content-type", "application/grpc");
            response.header("grpc-status", status).body(()).unwrap()
        };
        match answer {
            _ if !is_due(&request) => drop(respond.send_response(response("3"), true)?),
            MockAnswer::Status(status) => drop(respond.send_response(response(status), true)?),
            MockAnswer::Open(body) | MockAnswer::Ended(body) => {
                let is_end = matches!(answer, MockAnswer::Ended(_));
                let head = Response::builder().header("content-type", "application/grpc");
                let mut stream = respond.send_response(head.body(()).unwrap(), false)?;
                stream.send_data(Bytes::from(body.clone()), is_end)?;
                open.push(stream);
            }
        }
    }
    Ok(())
}

/// An agent refuses calls without its header.
fn is_due<T>(request: &Request<T>) -> bool {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    request.method() == Method::POST
        && request.uri().path() == "/SpiffeWorkloadAPI/FetchX509SVID"
        && header("workload.spiffe.io") == Some("true")
        && header("content-type") == Some("application/grpc")
        && header("te") == Some("trailers")
}

/// Writes one identity as the message of an answer, as gRPC frames it.
pub(crate) fn framed(spiffe_id: &str, certificates: &[u8], private_key: &[u8]) -> Vec<u8> {
    let svid = [
        field(1, spiffe_id.as_bytes()),
        field(2, certificates),
        field(3, private_key),
        field(4, &root("ca")),
        field(5, b"a hint"),
    ];
    let message = field(1, &svid.concat());
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0][..], &length, &message].concat()
}

fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut length = content.len();
    while length >= 0x80 {
        out.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    out.push(u8::try_from(length).unwrap());
    out.extend_from_slice(content);
    out
}
