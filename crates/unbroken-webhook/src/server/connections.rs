//! Connections: so many at once, and none held by somebody who says nothing.

use std::io::{self, IoSlice};
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum_server::Server;
use axum_server::accept::Accept;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections at the same time. Further ones are closed before anything is read of them.
const AT_ONCE: usize = 512;
/// Connections to the metrics.
const FEW: usize = 16;
/// How long a handshake of TLS may take, and then the header of the first request.
const FIRST_WORD: Duration = Duration::from_secs(5);
/// How long a connection is kept until the header of its next request is there. The API server lets go
/// of it after 90 s; whoever is first to close may lose a request that was under way.
const KEPT: Duration = Duration::from_secs(100);

/// What is spoken. The API server speaks this to webhooks: over HTTP/2 all its requests would go to one
/// of several replicas. What floods of HTTP/2 rest on (streams that are reset at once, headers that go on,
/// settings and pings without end) is not there to be sent.
pub(super) const PROTOCOL: &[u8] = b"http/1.1";

/// Makes a server of a listener, with bounds on what a connection may cost.
pub(super) fn bounded(
    listener: TcpListener,
    tls: RustlsConfig,
) -> io::Result<Server<SocketAddr, RustlsAcceptor<Counted>>> {
    let counted = Counted { free: Arc::new(Semaphore::new(AT_ONCE)) };
    let acceptor = RustlsAcceptor::new(tls).handshake_timeout(FIRST_WORD).acceptor(counted);
    let server = axum_server::from_tcp(listener)?.acceptor(acceptor);
    let mut server = server.http1_only().first_request_timeout(FIRST_WORD);
    server.http_builder().http1().header_read_timeout(KEPT);
    Ok(server)
}

/// Makes a server in plain HTTP for a few who read metrics: whoever holds their connections open
/// takes no more of the program than that.
pub(super) fn few(listener: TcpListener) -> io::Result<Server<SocketAddr, Counted>> {
    let counted = Counted { free: Arc::new(Semaphore::new(FEW)) };
    let server = axum_server::from_tcp(listener)?.acceptor(counted);
    let mut server = server.http1_only().first_request_timeout(FIRST_WORD);
    server.http_builder().http1().header_read_timeout(KEPT);
    Ok(server)
}

/// Counts connections.
#[derive(Clone)]
pub(super) struct Counted {
    free: Arc<Semaphore>,
}

/// A connection that is counted for as long as it lasts.
pub(super) struct Held {
    stream: TcpStream,
    _place: OwnedSemaphorePermit,
}

impl<S> Accept<TcpStream, S> for Counted {
    type Stream = Held;
    type Service = S;
    type Future = std::future::Ready<io::Result<(Held, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let place = Arc::clone(&self.free).try_acquire_owned();
        let held = place.map_err(io::Error::other).and_then(|place| {
            stream.set_nodelay(true)?;
            Ok((Held { stream, _place: place }, service))
        });
        std::future::ready(held)
    }
}

impl AsyncRead for Held {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Held {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
