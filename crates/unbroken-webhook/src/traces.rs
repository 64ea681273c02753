//! Traces on request: a span for each review, and below it one for each image and each request to a registry.
//!
//! They go to a collector in OTLP over HTTP, from a thread of its own. No review waits for that: what there is no
//! room for is dropped, and counted. What stands in a span stands in the log too, and nothing secret in either.

pub mod options;
mod parent;
mod span;

use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant, SystemTime};

use unbroken_model::digest::Digest;
use unbroken_oci::reference::Reference;
use unbroken_oci::registry::{Exchange, Watcher};
use unbroken_policy::Policy;
use ureq::Agent;

pub(crate) use self::parent::Parent;
use self::span::{Attribute, Kind, Span, Value, document, fresh_number};
use crate::admission::{Occasion, Verify};
use crate::decision::{Failure, Verified};
use crate::log::Log;
use crate::metrics::{Reading, Value as Measured};
use crate::review::{Answer, Request, Verdict};

/// Spans that wait to be sent.
const WAITING: usize = 8192;
/// Spans of one request to the collector.
const BATCH: usize = 512;
/// How long spans are gathered.
const GATHER: Duration = Duration::from_secs(1);
/// How long the collector may take.
const TIME: Duration = Duration::from_secs(5);
/// Spans of one review: 64 images, and some requests for each.
const SPANS: usize = 512;

/// Where traces go.
pub struct Traces {
    to: SyncSender<Message>,
    counts: Arc<Counts>,
}

enum Message {
    Spans(Vec<Span>),
    /// Nothing comes any more: what waits is sent, and then it is said so.
    End(SyncSender<()>),
}

#[derive(Default)]
struct Counts {
    waiting: AtomicUsize,
    sent: AtomicU64,
    dropped: AtomicU64,
}

/// The trace of one review, while it is judged.
pub(crate) struct Trace {
    parent: Option<Parent>,
    id: u128,
    root: u64,
    begun: SystemTime,
    /// The image that is being judged, else the review.
    current: AtomicU64,
    spans: Mutex<Vec<Span>>,
    dropped: AtomicU64,
}

impl Traces {
    /// Sends traces to an address, in a thread of its own.
    ///
    /// # Errors
    /// Where the machine gives no thread.
    pub fn start(agent: Agent, address: String, log: Log) -> io::Result<Self> {
        let (to, messages) = sync_channel(WAITING);
        let counts = Arc::<Counts>::default();
        let mut sender = Sender { agent, address, log, counts: Arc::clone(&counts), fault: false };
        Builder::new().spawn(move || sender.run(&messages))?;
        Ok(Self { to, counts })
    }

    /// Ends the trace of a review with its answer.
    pub(crate) fn end(
        &self,
        trace: &Trace,
        task: &'static str,
        request: &Request,
        answer: &Answer,
    ) {
        let mut spans = std::mem::take(&mut *trace.lock());
        spans.push(trace.of_review(task, request, answer));
        let count = spans.len();
        self.counts.dropped.fetch_add(trace.dropped.load(Ordering::Relaxed), Ordering::Relaxed);
        let before = self.counts.waiting.fetch_add(count, Ordering::Relaxed);
        if before + count > WAITING || self.to.try_send(Message::Spans(spans)).is_err() {
            self.counts.waiting.fetch_sub(count, Ordering::Relaxed);
            self.counts.lose(count);
        }
    }

    /// Sends what waits, as far as that takes no longer than the collector may.
    pub fn finish(&self) {
        let (told, ended) = sync_channel(1);
        if self.to.try_send(Message::End(told)).is_ok() {
            _ = ended.recv_timeout(TIME);
        }
    }

    pub(crate) fn reading(&self) -> Reading {
        let of = |result: &str, count: &AtomicU64| {
            let label = Some(("result", result.to_owned()));
            (label, Measured::Counter(count.load(Ordering::Relaxed)))
        };
        Reading {
            name: "trace_spans",
            help: "Spans that the collector took, and those that were dropped.",
            values: vec![of("sent", &self.counts.sent), of("dropped", &self.counts.dropped)],
        }
    }
}

impl Counts {
    fn lose(&self, count: usize) {
        self.dropped.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl Trace {
    /// Begins the trace of a review, or goes on with the one of whoever sent it; nothing, where he keeps none.
    pub(crate) fn begin(parent: Option<Parent>) -> Option<Arc<Self>> {
        if parent.as_ref().is_some_and(|parent| !parent.sampled) {
            return None;
        }
        let new = || (u128::from(fresh_number()) << 64) | u128::from(fresh_number());
        let id = parent.as_ref().map_or_else(new, |parent| parent.trace);
        let root = fresh_number();
        Some(Arc::new(Self {
            parent,
            id,
            root,
            begun: SystemTime::now(),
            current: AtomicU64::new(root),
            spans: Mutex::default(),
            dropped: AtomicU64::new(0),
        }))
    }

    /// Returns what notes each request to a registry.
    pub(crate) fn watcher(self: &Arc<Self>) -> Watcher {
        let trace = Arc::clone(self);
        Arc::new(move |exchange: &Exchange<'_>| trace.note_exchange(exchange))
    }

    fn note_exchange(&self, exchange: &Exchange<'_>) {
        let Exchange { method, host, status, took } = *exchange;
        let mut attributes = vec![
            ("http.request.method", Value::Text(method.to_owned())),
            ("server.address", Value::Text(host.to_owned())),
        ];
        attributes.extend(status.map(|it| ("http.response.status_code", Value::Number(it.into()))));
        let failed = status.is_none_or(|status| status >= 500);
        let parent = self.current.load(Ordering::Relaxed);
        let name = format!("{method} {host}");
        self.note(fresh_number(), parent, (name, Kind::Client), took, attributes, failed);
    }

    fn note(
        &self,
        id: u64,
        parent: u64,
        (name, kind): (String, Kind),
        took: Duration,
        attributes: Vec<Attribute>,
        failed: bool,
    ) {
        let end = SystemTime::now();
        let begun = end.checked_sub(took).unwrap_or(end);
        let (trace, parent) = (self.id, Some(parent));
        let span = Span { trace, id, parent, name, kind, begun, end, attributes, failed };
        let mut spans = self.lock();
        if spans.len() < SPANS {
            spans.push(span);
        } else {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Notes what came of an image; what is asked meanwhile stands below it.
    fn image<T>(
        &self,
        image: &Reference,
        judge: impl FnOnce() -> T,
        tell: impl FnOnce(&T) -> Told,
    ) -> T {
        let (id, begun) = (fresh_number(), Instant::now());
        self.current.store(id, Ordering::Relaxed);
        let result = judge();
        self.current.store(self.root, Ordering::Relaxed);
        if let Some((mut attributes, failed)) = tell(&result) {
            attributes.push(("unbroken.image", Value::Text(image.to_string())));
            let name = ("verify image".to_owned(), Kind::Internal);
            self.note(id, self.root, name, begun.elapsed(), attributes, failed);
        }
        result
    }

    fn of_review(&self, task: &'static str, request: &Request, answer: &Answer) -> Span {
        let text = |name, text: &str| (name, Value::Text(text.to_owned()));
        let annotation = |name: &str| answer.annotations.get(name);
        let (status, fallback) = match &answer.verdict {
            Verdict::Allowed(_) => (200, "admit"),
            Verdict::Denied { status, .. } => (*status, "deny"),
        };
        let kind = &request.kind;
        let mut attributes = vec![
            text("unbroken.review.uid", &request.uid),
            text("unbroken.review.object", &request.subject()),
            text("unbroken.review.kind", &kind.kind),
            text("unbroken.review.group", &kind.group),
            text("unbroken.review.operation", request.operation.name()),
            text("k8s.namespace.name", &request.namespace),
            text("unbroken.decision", annotation("decision").map_or(fallback, String::as_str)),
            ("unbroken.code", Value::Number(status.into())),
        ];
        attributes.extend(annotation("codes").map(|codes| text("unbroken.findings", codes)));
        Span {
            trace: self.id,
            id: self.root,
            parent: self.parent.as_ref().map(|parent| parent.span),
            name: format!("POST /{task}"),
            kind: Kind::Server,
            begun: self.begun,
            end: SystemTime::now(),
            attributes,
            // What is rejected is no failure of the program; what could not be decided is one of something.
            failed: status == 503,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Span>> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Told = Option<(Vec<Attribute>, bool)>;

/// A verifier, each answer of which is a span.
pub(crate) struct Traced<'a> {
    pub(crate) verifier: &'a dyn Verify,
    pub(crate) trace: &'a Trace,
}

impl Traced<'_> {
    fn told(
        policies: &[&Policy],
        answers: &[Result<Verified, Vec<Failure>>],
        source: &'static str,
    ) -> (Vec<Attribute>, bool) {
        let names: Vec<&str> = policies.iter().map(|policy| policy.name.as_str()).collect();
        let failures = || answers.iter().filter_map(|answer| answer.as_ref().err()).flatten();
        let codes: Vec<&str> = failures().map(|failure| failure.code.as_str()).collect();
        let mut attributes = vec![
            ("unbroken.policies", Value::Text(names.join(" "))),
            ("unbroken.source", Value::Text(source.to_owned())),
        ];
        if !codes.is_empty() {
            attributes.push(("unbroken.findings", Value::Text(codes.join(" "))));
        }
        (attributes, failures().any(|failure| failure.undecided))
    }
}

impl Verify for Traced<'_> {
    fn verify(
        &self,
        image: &Reference,
        policies: &[&Policy],
        occasion: Occasion,
    ) -> Vec<Result<Verified, Vec<Failure>>> {
        let verify = || self.verifier.verify(image, policies, occasion);
        self.trace.image(image, verify, |answers| Some(Self::told(policies, answers, "looked-up")))
    }

    fn recall(
        &self,
        image: &Reference,
        policies: &[&Policy],
        occasion: Occasion,
    ) -> Option<Vec<Result<Verified, Vec<Failure>>>> {
        let recall = || self.verifier.recall(image, policies, occasion);
        let told = |answers: &[_]| Self::told(policies, answers, "at-once");
        self.trace.image(image, recall, |answers| answers.as_deref().map(told))
    }

    fn resolve(&self, image: &Reference, occasion: Occasion) -> Result<Digest, Box<Failure>> {
        let resolve = || self.verifier.resolve(image, occasion);
        self.trace.image(image, resolve, |digest| {
            let code = digest.as_ref().err().map(|failure| failure.code.clone());
            let attributes = code.map(|code| ("unbroken.findings", Value::Text(code)));
            Some((attributes.into_iter().collect(), digest.is_err()))
        })
    }
}

/// Sends spans, some at a time.
struct Sender {
    agent: Agent,
    address: String,
    log: Log,
    counts: Arc<Counts>,
    /// Whether the collector did not take the last ones.
    fault: bool,
}

impl Sender {
    fn run(&mut self, messages: &Receiver<Message>) {
        let (mut batch, mut since) = (Vec::new(), Instant::now());
        loop {
            let left = GATHER.saturating_sub(since.elapsed());
            let mut end = None;
            match messages.recv_timeout(if batch.is_empty() { GATHER } else { left }) {
                Ok(Message::Spans(mut spans)) => {
                    if batch.is_empty() {
                        since = Instant::now();
                    }
                    batch.append(&mut spans);
                }
                Ok(Message::End(told)) => end = Some(told),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if batch.len() >= BATCH || end.is_some() || since.elapsed() >= GATHER {
                self.send(&std::mem::take(&mut batch));
            }
            if let Some(told) = end {
                _ = told.try_send(());
            }
        }
    }

    fn send(&mut self, spans: &[Span]) {
        if spans.is_empty() {
            return;
        }
        let request = self.agent.post(&self.address).content_type("application/json");
        let sent = request.send(document(spans).to_string());
        self.counts.waiting.fetch_sub(spans.len(), Ordering::Relaxed);
        match &sent {
            Ok(_) => {
                let count = u64::try_from(spans.len()).unwrap_or(u64::MAX);
                self.counts.sent.fetch_add(count, Ordering::Relaxed);
            }
            Err(_) => self.counts.lose(spans.len()),
        }
        if self.fault != sent.is_err() {
            self.log.event(&match &sent {
                Ok(_) => "the collector takes traces again".to_owned(),
                Err(error) => format!("the collector of traces does not take them: {error}"),
            });
        }
        self.fault = sent.is_err();
    }
}
