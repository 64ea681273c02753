//! The log: a line of JSON for each decision, without anything secret in it.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
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

/// A line about a decision.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Decided<'a> {
    time: String,
    uid: &'a str,
    object: &'a str,
    operation: &'a str,
    subresource: &'a str,
    allowed: bool,
    message: Option<&'a String>,
    warnings: &'a [String],
    audit: &'a BTreeMap<&'static str, String>,
    at_once: bool,
    milliseconds: u64,
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
        self.line(&Decided {
            time: now.to_string(),
            uid: &request.uid,
            object: &request.subject(),
            operation: request.operation.name(),
            subresource: &request.subresource,
            allowed,
            message,
            warnings: &answer.warnings,
            audit: &answer.annotations,
            at_once: source == Source::AtOnce,
            milliseconds: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        });
    }

    /// Writes down what else happened.
    pub fn event(&self, what: &str) {
        self.line(&json!({ "time": clock().to_string(), "event": what }));
    }

    fn line(&self, value: &impl Serialize) {
        // One write for a line, which is whole before others wait for it. What is written here has
        // texts for names, and comes to JSON in any case.
        let Ok(mut line) = serde_json::to_vec(value) else { return };
        line.push(b'\n');
        let mut to = self.to.lock().unwrap_or_else(PoisonError::into_inner);
        // A log that cannot be written is no reason to let something in or to keep it out.
        drop(to.write_all(&line));
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use serde_json::Value;

    use super::*;

    /// Keeps each write apart.
    #[derive(Clone, Default)]
    struct Writes(Arc<Mutex<Vec<Vec<u8>>>>);

    impl Write for Writes {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().push(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_decision_is_one_line_and_one_write() {
        let body = json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": {
                "uid": "u", "kind": {"group": "", "version": "v1", "kind": "Pod"}, "name": "a\nb",
                "namespace": "prod", "operation": "CREATE", "object": null,
            },
        });
        let request = Request::parse(body.to_string().as_bytes(), &[]).unwrap();
        let answer = Answer {
            verdict: Verdict::Denied { status: 403, message: "no\nchain".into() },
            warnings: vec!["look".into()],
            annotations: [("decision", "deny".to_owned())].into(),
        };
        let (writes, now) = (Writes::default(), Timestamp::from_unix(0));
        let log = Log::new(writes.clone());
        log.decision(now, &request, &answer, Source::AtOnce, Duration::from_millis(7));
        log.event("the end");
        let written = writes.0.lock().unwrap();
        let [decision, event] = written.as_slice() else { panic!("{written:?}") };
        for line in [decision, event] {
            assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(line.len() - 1));
        }
        let due = json!({
            "time": "1970-01-01T00:00:00Z", "uid": "u", "object": "Pod prod/a b",
            "operation": "CREATE", "subresource": "", "allowed": false, "message": "no\nchain",
            "warnings": ["look"], "audit": {"decision": "deny"}, "atOnce": true, "milliseconds": 7,
        });
        assert_eq!(serde_json::from_slice::<Value>(decision).unwrap(), due);
    }
}
