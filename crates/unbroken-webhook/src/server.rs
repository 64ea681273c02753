//! The server: reviews in, answers out. What cannot be judged in time or at all is denied in form.

mod body;
mod callers;
mod connections;
mod gauges;
mod judging;
mod plain;
mod tls;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{DefaultBodyLimit, RawQuery, Request as Sent, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::sync::Semaphore;
use unbroken_model::timestamp::Timestamp;
use unbroken_policy::PolicySet;

use self::body::{Bodies, Body, come_again};
pub use self::callers::Callers;
pub(crate) use self::callers::Refused;
use self::judging::Asked;
pub use self::plain::serve_metrics;
pub use self::tls::{Certificates, serve_tls};
use crate::admission::{Occasion, Ruling, Verify, judge};
use crate::answer::refuse;
use crate::cluster::events::Events;
use crate::log::Log;
use crate::metrics::Metrics;
use crate::review::{Answer, Request};
use crate::traces::{Parent, Traces};
use unbroken_policy::code::AdmissionCode;

/// Reviews that are judged at the same time; more are asked to come again.
const AT_ONCE: usize = 64;
/// The largest body that is read between others; a larger one has a thread of its own meanwhile.
const READ_AT_ONCE: usize = 64 << 10;
/// How long a review may take where the API server does not say.
const DEFAULT_TIME: Duration = Duration::from_secs(10);
/// The API server waits 30 s at most.
const LONGEST_TIME: Duration = Duration::from_secs(30);
/// The longest text about a body that is no review: it may quote what was sent.
const LONGEST_FAULT: usize = 300;
/// What is left of the API server's time for the way there and back.
const MARGIN: Duration = Duration::from_millis(500);

/// What the server judges by.
pub struct Service {
    policies: RwLock<Arc<PolicySet>>,
    verifier: Arc<dyn Verify + Send + Sync>,
    clock: fn() -> Timestamp,
    log: Log,
    bodies: Bodies,
    slots: Arc<Semaphore>,
    ready: AtomicBool,
    /// When the certificate ends, in seconds since 1970, where that is known.
    certificate_ends: AtomicI64,
    metrics: Metrics,
    events: OnceLock<Events>,
    traces: OnceLock<Traces>,
    callers: OnceLock<Callers>,
}

/// What is done with a review.
#[derive(Clone, Copy)]
enum Task {
    Verify,
    Mutate,
}

impl Service {
    /// Makes a service that is ready.
    pub fn new(
        policies: PolicySet,
        verifier: Arc<dyn Verify + Send + Sync>,
        clock: fn() -> Timestamp,
        log: Log,
    ) -> Arc<Self> {
        Arc::new_cyclic(|service: &Weak<Self>| Self {
            policies: RwLock::new(Arc::new(policies)),
            verifier,
            clock,
            log,
            bodies: Bodies::default(),
            slots: Arc::new(Semaphore::new(AT_ONCE)),
            ready: AtomicBool::new(true),
            certificate_ends: AtomicI64::new(gauges::UNKNOWN),
            metrics: Metrics::with(Weak::clone(service)),
            events: OnceLock::new(),
            traces: OnceLock::new(),
            callers: OnceLock::new(),
        })
    }

    /// Judges by other policies from now on.
    pub fn set_policies(&self, policies: PolicySet) {
        *self.policies.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policies);
    }

    /// Tells the cluster of denials from now on; there is one place for that.
    pub fn tell_events(&self, events: Events) {
        drop(self.events.set(events));
    }

    /// Traces reviews from now on; there is one place for that.
    pub fn trace(&self, traces: Traces) {
        drop(self.traces.set(traces));
    }

    /// Judges what runs already; nothing where the policies are not known yet.
    pub(crate) fn judge_again(&self, request: &Request, time: Duration) -> Option<Ruling> {
        let policies = self.policies();
        if policies.waiting_for.is_some() {
            return None;
        }
        let of_request = self.verifier.for_request(request, None);
        let verifier = of_request.as_deref().unwrap_or(self.verifier.as_ref());
        let occasion = Occasion { now: (self.clock)(), until: Some(Instant::now() + time) };
        Some(judge(request, &policies, occasion, verifier))
    }

    /// Says that no more reviews should come: the server is about to end.
    pub fn drain(&self) {
        self.ready.store(false, Ordering::Relaxed);
    }

    /// Sends the traces that wait, since the program is about to end.
    pub fn finish(&self) {
        if let Some(traces) = self.traces.get() {
            traces.finish();
        }
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// Returns what was counted.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    fn policies(&self) -> Arc<PolicySet> {
        Arc::clone(&self.policies.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Answers without a judgement: nobody else has told of it.
    fn without_judgement(&self, task: Task, code: AdmissionCode, told: (&str, &str)) -> Answer {
        let answer = refuse(code, told.0, told.1);
        self.metrics.reviewed(task.name(), &answer);
        answer
    }
}

impl Task {
    fn name(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Mutate => "mutate",
        }
    }
}

/// Returns the routes of a service.
pub fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/verify", post(verify))
        .route("/mutate", post(mutate))
        .route("/livez", get(|| std::future::ready(StatusCode::OK)))
        .route("/readyz", get(readiness))
        .layer(DefaultBodyLimit::max(body::LARGEST))
        .with_state(service)
}

async fn verify(state: State<Arc<Service>>, query: RawQuery, request: Sent) -> Response {
    review(state, query, request, Task::Verify).await
}

async fn mutate(state: State<Arc<Service>>, query: RawQuery, request: Sent) -> Response {
    review(state, query, request, Task::Mutate).await
}

async fn readiness(State(service): State<Arc<Service>>) -> StatusCode {
    let knows_all = service.policies().waiting_for.is_none();
    let is_ready = service.ready.load(Ordering::Relaxed);
    if knows_all && is_ready && service.has_certificate() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

async fn review(
    State(service): State<Arc<Service>>,
    RawQuery(query): RawQuery,
    sent: Sent,
    task: Task,
) -> Response {
    if let Some(answer) = service.refusal(sent.extensions()) {
        return answer;
    }
    let parent = service.traces.get().and_then(|_| Parent::of(sent.headers()));
    let Body { bytes, room } = match service.bodies.read(sent).await {
        Ok(body) => body,
        Err(answer) => {
            if answer.status() == StatusCode::TOO_MANY_REQUESTS {
                service.metrics.turned_away();
            }
            return answer;
        }
    };
    let length = bytes.len();
    // The object is read as far as these policies look at it, and judged by no others.
    let policies = service.policies();
    let (read, told) = (Arc::clone(&policies), Arc::clone(&service));
    let parse = move || Request::parse(&bytes, &read.settings.kinds);
    let broken = || {
        told.metrics.panicked();
        let said = ("the review could not be judged", "Report this.");
        told.without_judgement(task, AdmissionCode::Internal, said)
    };
    let parsed =
        if length > READ_AT_ONCE { tokio::task::spawn_blocking(parse).await } else { Ok(parse()) };
    let request = match parsed {
        Ok(Ok(request)) => request,
        // A body that ends its reader has no uid to answer to.
        Err(_) => {
            return (StatusCode::INTERNAL_SERVER_ERROR, "the body could not be read")
                .into_response();
        }
        Ok(Err(malformed)) => {
            service.metrics.malformed();
            let message: String = malformed.to_string().chars().take(LONGEST_FAULT).collect();
            let Some(uid) = malformed.uid else {
                return (StatusCode::BAD_REQUEST, message).into_response();
            };
            let remedy = "Register the webhook for admission.k8s.io/v1 alone.";
            let code = AdmissionCode::ReviewMalformed;
            return reviewed(&uid, &service.without_judgement(task, code, (&message, remedy)));
        }
    };
    let Some(kept) = service.bodies.keep(request.values()) else {
        service.metrics.turned_away();
        return come_again();
    };
    let uid = request.uid.clone();
    let asked = Asked { task, request, policies, parent };
    if matches!(task, Task::Verify) {
        // A panic ends this one review.
        let recalled = catch_unwind(AssertUnwindSafe(|| service.recall(&asked)));
        match recalled.map_err(|_| broken()) {
            Ok(None) => {}
            Ok(Some(answer)) | Err(answer) => return reviewed(&uid, &answer),
        }
    }
    let Ok(slot) = Arc::clone(&service.slots).try_acquire_owned() else {
        service.metrics.turned_away();
        return come_again();
    };
    let time = time_for(query.as_deref().unwrap_or_default());
    let until = Instant::now() + time;
    let judged = tokio::task::spawn_blocking(move || {
        let answer = service.judge(&asked, until);
        // Kept until the work is done, also where nobody waits for it any more.
        drop((slot, room, kept));
        answer
    });
    let answer = match tokio::time::timeout(time, judged).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => broken(),
        Err(_) => {
            let message = format!("the review took longer than {} s", time.as_secs_f32());
            let remedy = "Look at the registry; raise timeoutSeconds of the webhook if it is slow.";
            told.without_judgement(task, AdmissionCode::OutOfTime, (&message, remedy))
        }
    };
    reviewed(&uid, &answer)
}

/// Whatever is said of a uid is said with 200: the API server takes any other status for a failure.
fn reviewed(uid: &str, answer: &Answer) -> Response {
    let body = answer.to_json(uid).to_string();
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// Reads `timeout=10s`, and leaves some of it for the way.
fn time_for(query: &str) -> Duration {
    let asked = query.split('&').find_map(|pair| pair.strip_prefix("timeout="));
    let seconds = asked.and_then(|text| text.strip_suffix('s')?.parse::<u64>().ok());
    let whole = seconds.map_or(DEFAULT_TIME, Duration::from_secs).min(LONGEST_TIME);
    whole.saturating_sub(MARGIN).max(MARGIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_the_api_server_is_kept() {
        for (query, millis) in [
            ("timeout=10s", 9500),
            ("a=b&timeout=3s", 2500),
            ("", 9500),
            ("timeout=1s", 500),
            ("timeout=0s", 500),
            ("timeout=99999s", 29500),
            ("timeout=10", 9500),
            ("timeout=-1s", 9500),
        ] {
            assert_eq!(time_for(query), Duration::from_millis(millis), "{query}");
        }
    }
}
