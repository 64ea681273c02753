//! How many requests went to registries, and how they ended.

use std::sync::atomic::{AtomicU64, Ordering};

/// How requests to registries and their token services ended, since the client was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// With what was asked for, or a way to it.
    pub answered: u64,
    /// With a status below 500 that says no: it is not there, or may not be seen.
    pub refused: u64,
    /// With 429: the registry wants fewer.
    pub throttled: u64,
    /// With a status of 500 or more.
    pub failed: u64,
    /// Without an answer.
    pub broken: u64,
}

#[derive(Default)]
pub(super) struct Counters {
    answered: AtomicU64,
    refused: AtomicU64,
    throttled: AtomicU64,
    failed: AtomicU64,
    broken: AtomicU64,
}

impl Counters {
    /// Counts a request by the status of its answer, if one came.
    pub(super) fn count(&self, status: Option<u16>) {
        let counter = match status {
            None => &self.broken,
            Some(429) => &self.throttled,
            Some(500..) => &self.failed,
            Some(400..) => &self.refused,
            Some(_) => &self.answered,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> Tally {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Tally {
            answered: of(&self.answered),
            refused: of(&self.refused),
            throttled: of(&self.throttled),
            failed: of(&self.failed),
            broken: of(&self.broken),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_is_counted_once() {
        let counters = Counters::default();
        for status in [200, 201, 307, 401, 404, 429, 500, 503] {
            counters.count(Some(status));
        }
        counters.count(None);
        let due = Tally { answered: 3, refused: 2, throttled: 1, failed: 2, broken: 1 };
        assert_eq!(counters.read(), due);
    }
}
