//! What the server counts, for Prometheus. No label has more values than the program or its
//! administrators have words: neither images nor namespaces nor users are among them.

use std::fmt::{self, Debug};
use std::sync::Weak;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::admission::Ruling;
use crate::decision::{Decision, Failure, Settlement};
use crate::review::{Answer, Verdict};
use crate::server::Refused;

/// The media type of what [`Metrics::text`] writes.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper ends of the buckets, in seconds: from an answer at once to the longest time of the API server.
const BUCKETS: [f64; 14] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 2.5, 10.0, 30.0];

type Labels<const N: usize> = [(&'static str, String); N];

/// What was counted since the server began.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    decisions: Family<Labels<2>, Counter>,
    failures: Family<Labels<2>, Counter>,
    duration: Family<Labels<1>, Histogram>,
    turned_away: Counter,
    malformed: Counter,
    panics: Counter,
    reloads: Family<Labels<2>, Counter>,
    left_out: Counter,
    refused: Family<Labels<1>, Counter>,
}

/// What is asked when somebody reads the metrics.
pub trait Gauges: Debug + Send + Sync {
    /// Returns what stands at the moment.
    fn read(&self) -> Vec<Reading>;
}

/// One thing that stands at the moment.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The name, without the `unbroken_` before it.
    pub name: &'static str,
    /// What it is.
    pub help: &'static str,
    /// The values, each with a label or without.
    pub values: Vec<(Option<(&'static str, String)>, Value)>,
}

/// A value, and whether it can only grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// It only grows.
    Counter(u64),
    /// It goes up and down.
    Gauge(i64),
}

/// Where an answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// It needed no registry.
    AtOnce,
    /// It may have asked one.
    LookedUp,
}

/// What is read again when it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reloaded {
    /// The policies.
    Policies,
    /// The certificate of the server.
    Certificate,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("unbroken");
        let duration =
            Family::<Labels<1>, Histogram>::new_with_constructor(|| Histogram::new(BUCKETS));
        let made = Self {
            decisions: Family::default(),
            failures: Family::default(),
            duration,
            turned_away: Counter::default(),
            malformed: Counter::default(),
            panics: Counter::default(),
            reloads: Family::default(),
            left_out: Counter::default(),
            refused: Family::default(),
            registry: Registry::default(),
        };
        let Self { decisions, failures, duration, turned_away, .. } = &made;
        let Self { malformed, panics, reloads, left_out, refused, .. } = &made;
        registry.register("decisions", "Answers, by what came of them", decisions.clone());
        registry.register("failures", "Reasons against images", failures.clone());
        registry.register_with_unit(
            "review_duration",
            "Time from a review that was read to its answer",
            Unit::Seconds,
            duration.clone(),
        );
        registry.register("turned_away", "Reviews answered with 429", turned_away.clone());
        registry.register("malformed", "Bodies that are no review", malformed.clone());
        registry.register("panics", "Reviews that ended in a panic", panics.clone());
        registry.register("reloads", "Policies and certificates read again", reloads.clone());
        registry.register("recheck_left_out", "Pods that were too many", left_out.clone());
        registry.register("callers_refused", "Clients that may not ask", refused.clone());
        Self { registry, ..made }
    }
}

impl Metrics {
    /// Begins to count; `gauges` says what else there is to read.
    pub fn with<T: Gauges + 'static>(gauges: Weak<T>) -> Self {
        let mut made = Self::default();
        made.registry.register_collector(Box::new(Collecting(gauges)));
        made
    }

    /// Writes all of it as Prometheus reads it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a text does not fail.
        _ = encode(&mut text, &self.registry);
        text
    }

    pub(crate) fn reviewed(&self, task: &'static str, answer: &Answer) {
        let decision = match (&answer.verdict, answer.annotations.get("decision")) {
            (_, Some(decision)) => decision.clone(),
            (Verdict::Allowed(_), None) => "admit".to_owned(),
            (Verdict::Denied { .. }, None) => "deny".to_owned(),
        };
        let labels = [("task", task.to_owned()), ("decision", decision)];
        self.decisions.get_or_create(&labels).inc();
    }

    pub(crate) fn ruled(&self, ruling: &Ruling) {
        match &ruling.decision {
            Decision::Deny(failures) => failures.iter().for_each(|it| self.failed(it, "enforced")),
            Decision::Admit(proof) => {
                for (_, settlement) in proof.settled() {
                    if let Settlement::NotEnforced(failures) = settlement {
                        for failure in failures {
                            self.failed(failure, "not-enforced");
                        }
                    }
                }
            }
        }
    }

    fn failed(&self, failure: &Failure, mode: &str) {
        let labels = [("code", failure.code.clone()), ("mode", mode.to_owned())];
        self.failures.get_or_create(&labels).inc();
    }

    pub(crate) fn took(&self, source: Source, time: Duration) {
        let source = match source {
            Source::AtOnce => "at-once",
            Source::LookedUp => "looked-up",
        };
        let labels = [("source", source.to_owned())];
        self.duration.get_or_create(&labels).observe(time.as_secs_f64());
    }

    pub(crate) fn turned_away(&self) {
        self.turned_away.inc();
    }

    pub(crate) fn malformed(&self) {
        self.malformed.inc();
    }

    pub(crate) fn panicked(&self) {
        self.panics.inc();
    }

    /// Counts clients of whom no review is read.
    pub(crate) fn refused(&self, why: Refused) {
        self.refused.get_or_create(&[("reason", why.name().to_owned())]).inc();
    }

    /// Counts pods that run and were not judged again, because there are too many.
    pub(crate) fn left_out(&self, pods: u64) {
        self.left_out.inc_by(pods);
    }

    /// Counts that something was read again, and whether it can be used.
    pub fn reloaded(&self, what: Reloaded, usable: bool) {
        let what = match what {
            Reloaded::Policies => "policies",
            Reloaded::Certificate => "certificate",
        };
        let result = if usable { "usable" } else { "unusable" };
        let labels = [("what", what.to_owned()), ("result", result.to_owned())];
        self.reloads.get_or_create(&labels).inc();
    }
}

#[derive(Debug)]
struct Collecting<T>(Weak<T>);

impl<T: Gauges + 'static> Collector for Collecting<T> {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(gauges) = self.0.upgrade() else { return Ok(()) };
        for Reading { name, help, values } in gauges.read() {
            let counts = matches!(values.first(), Some((_, Value::Counter(_))));
            let kind = if counts { MetricType::Counter } else { MetricType::Gauge };
            let mut metric = encoder.encode_descriptor(name, help, None, kind)?;
            for (label, value) in values {
                let Some(label) = label else {
                    write(value, metric)?;
                    // What has no label has one value.
                    break;
                };
                write(value, metric.encode_family(&[label])?)?;
            }
        }
        Ok(())
    }
}

fn write(value: Value, to: prometheus_client::encoding::MetricEncoder<'_>) -> fmt::Result {
    match value {
        Value::Counter(count) => ConstCounter::new(count).encode(to),
        Value::Gauge(value) => ConstGauge::new(value).encode(to),
    }
}
