//! Spans, and the document of OTLP in JSON that they are sent in.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

/// The longest text of an attribute: names of objects and images are no longer.
const LONGEST: usize = 512;

/// What took some time.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) trace: u128,
    pub(super) id: u64,
    pub(super) parent: Option<u64>,
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) begun: SystemTime,
    pub(super) end: SystemTime,
    pub(super) attributes: Vec<Attribute>,
    pub(super) failed: bool,
}

pub(super) type Attribute = (&'static str, Value);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Number(u32),
}

/// On which side of a call a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Internal,
    Server,
    Client,
}

/// Returns a number that names a span, or half a trace. It is no secret, and hardly comes twice.
pub(super) fn fresh_number() -> u64 {
    static SEED: OnceLock<RandomState> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    SEED.get_or_init(RandomState::new).hash_one(count).max(1)
}

/// Writes spans as OTLP over HTTP takes them in JSON: numbers of 64 bits are texts there, and names of spans hex.
pub(super) fn document(spans: &[Span]) -> serde_json::Value {
    let spans: Vec<serde_json::Value> = spans.iter().map(Span::to_json).collect();
    let (name, version) = ("unbroken-webhook", env!("CARGO_PKG_VERSION"));
    let resource = json!({"attributes": [
        attribute("service.name", &Value::Text(name.to_owned())),
        attribute("service.version", &Value::Text(version.to_owned())),
    ]});
    let scope = json!({"scope": {"name": name, "version": version}, "spans": spans});
    json!({"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]})
}

impl Span {
    fn to_json(&self) -> serde_json::Value {
        let nanoseconds = |at: SystemTime| {
            let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
            since.as_nanos().to_string()
        };
        let kind = match self.kind {
            Kind::Internal => 1,
            Kind::Server => 2,
            Kind::Client => 3,
        };
        let attributes = self.attributes.iter().map(|(name, value)| attribute(name, value));
        let attributes: Vec<serde_json::Value> = attributes.collect();
        let mut span = json!({
            "traceId": format!("{:032x}", self.trace), "spanId": format!("{:016x}", self.id),
            "name": self.name, "kind": kind,
            "startTimeUnixNano": nanoseconds(self.begun), "endTimeUnixNano": nanoseconds(self.end),
            "attributes": attributes, "status": if self.failed { json!({"code": 2}) } else { json!({}) },
        });
        if let (Some(parent), Some(members)) = (self.parent, span.as_object_mut()) {
            members.insert("parentSpanId".to_owned(), format!("{parent:016x}").into());
        }
        span
    }
}

fn attribute(name: &str, value: &Value) -> serde_json::Value {
    let value = match value {
        Value::Text(text) => {
            json!({"stringValue": text.chars().take(LONGEST).collect::<String>()})
        }
        Value::Number(number) => json!({"intValue": number.to_string()}),
    };
    json!({"key": name, "value": value})
}
