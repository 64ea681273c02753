//! Judges one chain over the evidence that was found, and says how long that will hold.

use std::time::Duration;

use unbroken_model::digest::Digest;
use unbroken_model::timestamp::Timestamp;
use unbroken_policy::{ChainPolicy, Refusal};
use unbroken_verify::NamedEvidence;

use crate::admission::unusable;
use crate::decision::{Failure, Proven};

/// Judges the chain of a policy; `digests` are those by which it may name the image, that by which
/// the image is called first.
pub(super) fn judge(
    chain: &ChainPolicy,
    digests: &[Digest],
    evidence: &[&NamedEvidence],
    now: Timestamp,
) -> Result<Proven, Vec<Failure>> {
    let verified = chain.verify(evidence, now).map_err(|refusal| match refusal {
        Refusal::Rejected(rejection) => {
            rejection.assessment().errors().map(Failure::of_finding).collect()
        }
        Refusal::Unusable(fault) => vec![unusable(&fault)],
    })?;
    let mut refused = None;
    for digest in digests {
        match verified.admits(digest) {
            Ok(proof) => {
                let called = digests.first().unwrap_or(digest);
                return Ok(Proven::of(chain.generation(), called, &proof));
            }
            Err(finding) => _ = refused.get_or_insert(finding),
        }
    }
    Err(refused.iter().map(|finding| Failure::of_finding(finding)).collect())
}

/// Says until when a chain that passes now will pass, at the longest after `longest`.
///
/// Everything that depends on time (the ends of layouts and sublayouts, certificates, keys and
/// signatures of OpenPGP, the age of links) is asked of the same engine at the other end, and where
/// it says no, the second at which it changes its mind is looked for.
pub(super) fn passes_until(
    chain: &ChainPolicy,
    digests: &[Digest],
    evidence: &[&NamedEvidence],
    now: Timestamp,
    longest: Duration,
) -> Timestamp {
    let seconds = i64::try_from(longest.as_secs()).unwrap_or(i64::MAX);
    let passes = |at: i64| judge(chain, digests, evidence, Timestamp::from_unix(at)).is_ok();
    Timestamp::from_unix(end_of(passes, now.unix(), seconds))
}

/// Finds the first moment after `from` at which something no longer holds, by halving.
fn end_of(holds: impl Fn(i64) -> bool, from: i64, longest: i64) -> i64 {
    let (mut good, mut bad) = (from, from.saturating_add(longest));
    if longest > 1 && holds(bad - 1) {
        return bad;
    }
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        if holds(middle) {
            good = middle;
        } else {
            bad = middle;
        }
    }
    bad
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_at_which_something_ends_is_found() {
        for end in 101..=400 {
            assert_eq!(end_of(|at| at < end, 100, 300), end, "{end}");
        }
        assert_eq!(end_of(|_| true, 100, 300), 400);
        assert_eq!(end_of(|_| false, 100, 300), 101, "it holds at the moment that was judged");
        for longest in [0, 1] {
            assert_eq!(end_of(|_| false, 100, longest), 100 + longest, "{longest}");
        }
    }
}
