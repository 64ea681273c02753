//! The log: a line of JSON for each decision, without anything secret in it.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use unbroken_model::timestamp::Timestamp;

use crate::metrics::Source;
use crate::options::clock;
use crate::review::{Answer, Request, Verdict};

/// Where lines go.
#[derive(Clone)]
pub struct Log {
    to: Arc<Mutex<dyn Write + Send>>,
}

impl Log {
    /// Makes a log that writes there.
    pub fn new(to: impl Write + Send + 'static) -> Self {
        Self { to: Arc::new(Mutex::new(to)) }
    }

    /// Writes down a decision.
    pub fn decision(
        &self,
        now: Timestamp,
        request: &Request,
        answer: &Answer,
        source: Source,
        took: Duration,
    ) {
        let (allowed, message) = match &answer.verdict {
            Verdict::Allowed(_) => (true, None),
            Verdict::Denied { message, .. } => (false, Some(message)),
        };
        self.line(&json!({
            "time": now.to_string(),
            "uid": request.uid,
            "object": request.subject(),
            "operation": request.operation.name(),
            "subresource": request.subresource,
            "allowed": allowed,
            "message": message,
            "warnings": answer.warnings,
            "audit": answer.annotations,
            "atOnce": source == Source::AtOnce,
            "milliseconds": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        }));
    }

    /// Writes down what else happened.
    pub fn event(&self, what: &str) {
        self.line(&json!({ "time": clock().to_string(), "event": what }));
    }

    fn line(&self, value: &serde_json::Value) {
        let mut to = self.to.lock().unwrap_or_else(PoisonError::into_inner);
        // A log that cannot be written is no reason to let something in or to keep it out.
        drop(writeln!(to, "{value}"));
    }
}
