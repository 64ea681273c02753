//! Bodies: none larger than an update can be, none slower than the API server, and only so many at once.
//!
//! Whoever reaches the port may send one. What is being read and what is made of it has to fit into the
//! memory of a small container, whatever lengths are told.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Bytes, HttpBody as _};
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The largest body. The API server takes 3 MiB of an object, and sends an update with both sides.
pub(super) const LARGEST: usize = 8 << 20;
/// The largest of the usual bodies.
const USUAL: u64 = 256 << 10;
/// Usual bodies that are read at the same time.
const USUAL_AT_ONCE: usize = 256;
/// Larger ones, and those that do not say how large they are.
const LARGE_AT_ONCE: usize = 4;
/// Values that are kept of all reviews that are being judged. A usual one has some twenty.
const VALUES: usize = 100_000;
/// How long a body may take.
const TIME: Duration = Duration::from_secs(10);

/// The room for bodies.
pub(super) struct Bodies {
    usual: Arc<Semaphore>,
    large: Arc<Semaphore>,
    values: Arc<Semaphore>,
}

/// A body, and the room that it takes until nothing of it is needed any more.
pub(super) struct Body {
    pub(super) bytes: Bytes,
    pub(super) room: OwnedSemaphorePermit,
}

impl Default for Bodies {
    fn default() -> Self {
        Self {
            usual: Arc::new(Semaphore::new(USUAL_AT_ONCE)),
            large: Arc::new(Semaphore::new(LARGE_AT_ONCE)),
            values: Arc::new(Semaphore::new(VALUES)),
        }
    }
}

impl Bodies {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// The answer to one that is too large, too slow, one too many, or not whole.
    pub(super) async fn read(&self, request: Request) -> Result<Body, Response> {
        let told = request.body().size_hint();
        if !usize::try_from(told.lower()).is_ok_and(|size| size <= LARGEST) {
            return Err((StatusCode::PAYLOAD_TOO_LARGE, CLOSED).into_response());
        }
        let is_usual = told.upper().is_some_and(|size| size <= USUAL);
        let room = Arc::clone(if is_usual { &self.usual } else { &self.large });
        let room = room.try_acquire_owned().map_err(|_| come_again())?;
        let bytes = tokio::time::timeout(TIME, Bytes::from_request(request, &()))
            .await
            .map_err(|_| (StatusCode::REQUEST_TIMEOUT, CLOSED).into_response())?
            .map_err(IntoResponse::into_response)?;
        Ok(Body { bytes, room })
    }

    /// Returns room for so many values that are kept of a review, if there is any.
    pub(super) fn keep(&self, values: usize) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.values).try_acquire_many_owned(u32::try_from(values).ok()?).ok()
    }
}

/// The rest of a body that is not waited for is not taken for another request.
pub(super) const CLOSED: [(header::HeaderName, &str); 1] = [(header::CONNECTION, "close")];

/// The API server comes again by itself, within its own time.
pub(super) fn come_again() -> Response {
    (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "1")]).into_response()
}
