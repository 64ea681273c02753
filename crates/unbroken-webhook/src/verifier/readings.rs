//! What the verifier counts: the use of the cache, and requests to registries.

use unbroken_oci::registry::Tally;

use crate::cache::Usage;
use crate::metrics::{Reading, Value};

pub(super) fn of(usage: &Usage, tally: &Tally) -> Vec<Reading> {
    let labelled = |label: &'static str, values: &[(&str, u64)]| {
        let value = |(name, count): &(&str, u64)| {
            (Some((label, (*name).to_owned())), Value::Counter(*count))
        };
        values.iter().map(value).collect()
    };
    let gauge = |count: usize| vec![(None, Value::Gauge(i64::try_from(count).unwrap_or(i64::MAX)))];
    vec![
        Reading {
            name: "cache_lookups",
            help: "Images under policies, answered from the cache or not.",
            values: labelled("result", &[("hit", usage.hits), ("miss", usage.misses)]),
        },
        Reading {
            name: "cache_entries",
            help: "Looks and verdicts in the cache.",
            values: gauge(usage.entries),
        },
        Reading { name: "cache_bytes", help: "What they take.", values: gauge(usage.bytes) },
        Reading {
            name: "registry_requests",
            help: "Requests to registries and token services, by how they ended.",
            values: labelled(
                "result",
                &[
                    ("answered", tally.answered),
                    ("refused", tally.refused),
                    ("throttled", tally.throttled),
                    ("failed", tally.failed),
                    ("broken", tally.broken),
                ],
            ),
        },
    ]
}
