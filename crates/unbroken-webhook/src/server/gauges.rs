//! What stands at the moment, for whoever reads the metrics.

use std::fmt;
use std::sync::atomic::Ordering;

use unbroken_crypto::Certificate;
use unbroken_policy::{PolicySet, Reach};

use super::{AT_ONCE, Service};
use crate::metrics::{Gauges, Reading, Value};
use crate::traces::Traces;

/// Policies whose layouts are told one by one.
const TOLD: usize = 200;
/// That it is not known when the certificate ends.
pub(super) const UNKNOWN: i64 = i64::MIN;

impl Service {
    /// Notes when the certificate of the server ends, the first of these in PEM.
    pub(super) fn note_certificate(&self, chain: &[u8]) {
        let ends = Certificate::read_all(chain).ok().and_then(|all| {
            let (_, ends) = all.first()?.validity();
            Some(ends.unix())
        });
        self.certificate_ends.store(ends.unwrap_or(UNKNOWN), Ordering::Relaxed);
    }

    /// Tells whether the API server would take the certificate, as far as its end is known.
    pub(super) fn has_certificate(&self) -> bool {
        let ends = self.certificate_ends.load(Ordering::Relaxed);
        ends == UNKNOWN || (self.clock)().unix() <= ends
    }

    fn of_policies(&self, policies: &PolicySet) -> [Reading; 2] {
        let (mut usable, mut refused, mut invalid) = (0, 0, 0);
        let mut ends = Vec::new();
        for policy in &policies.policies {
            match policy.chain.as_ref().map(|chain| chain.layout_ends((self.clock)())) {
                Err(_) => invalid += 1,
                Ok(Err(_)) => refused += 1,
                Ok(Ok(end)) => {
                    usable += 1;
                    // Others may write as many policies of their namespaces as they like.
                    if policy.reach == Reach::Cluster {
                        let value = Value::Gauge(end.unix());
                        ends.push((Some(("policy", policy.name.clone())), value));
                    }
                }
            }
        }
        ends.truncate(TOLD);
        let of = |state: &str, count: i64| (Some(("state", state.to_owned())), Value::Gauge(count));
        [
            Reading {
                name: "policies",
                help: "Policies: usable, with a layout that is refused or has ended, or invalid.",
                values: vec![
                    of("usable", usable),
                    of("layout-refused", refused),
                    of("invalid", invalid),
                ],
            },
            Reading {
                name: "layout_expiry_timestamp_seconds",
                help: "When the layout of a policy ends, since 1970.",
                values: ends,
            },
        ]
    }
}

impl Gauges for Service {
    fn read(&self) -> Vec<Reading> {
        let free = self.slots.available_permits();
        let running = i64::try_from(AT_ONCE.saturating_sub(free)).unwrap_or(i64::MAX);
        let mut all = vec![Reading {
            name: "lookups_in_flight",
            help: "Reviews that may be asking a registry at the moment.",
            values: vec![(None, Value::Gauge(running))],
        }];
        let ends = self.certificate_ends.load(Ordering::Relaxed);
        if ends != UNKNOWN {
            all.push(Reading {
                name: "certificate_expiry_timestamp_seconds",
                help: "When the certificate of the server ends, since 1970.",
                values: vec![(None, Value::Gauge(ends))],
            });
        }
        if let Some(events) = self.events.get() {
            all.push(Reading {
                name: "events_dropped",
                help: "Events of the cluster that were not written.",
                values: vec![(None, Value::Counter(events.dropped()))],
            });
        }
        all.extend(self.of_policies(&self.policies()));
        all.extend(self.verifier.readings());
        all.extend(self.traces.get().map(Traces::reading));
        all
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Service")
    }
}
