//! What is told of a request to whoever wants to know.

use std::sync::Arc;
use std::time::Duration;

/// A request that was sent, and what came of it. Neither a path, which may have something signed in it, nor
/// credentials are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange<'a> {
    /// The method.
    pub method: &'a str,
    /// The host, with its port.
    pub host: &'a str,
    /// The status of the answer, if one came.
    pub status: Option<u16>,
    /// How long the header of the answer took.
    pub took: Duration,
}

/// Somebody who is told of requests, by the thread that sent them.
pub type Watcher = Arc<dyn Fn(&Exchange<'_>) + Send + Sync>;
