//! The MATCH rule (specification 1.0, section 4.3.3.2).

use unbroken_model::artifact::ArtifactSet;
use unbroken_model::digest::DigestSet;
use unbroken_model::name::StepName;
use unbroken_model::rule::{MatchRule, Side};

use super::trace::Sample;
use super::{Queue, words};

/// How many artifacts keep the reason why a MATCH did not consume them: enough for every finding
/// that is reported singly, many times over.
const KEPT: usize = 10_000;

/// Why a MATCH rule that was about an artifact did not consume it.
#[derive(Clone, Debug)]
pub(super) struct NearMiss {
    pub(super) from: StepName,
    pub(super) side: Side,
    /// What the other step recorded; nothing where it does not name the artifact.
    pub(super) expected: Option<DigestSet>,
}

impl NearMiss {
    /// Says what was compared: `products of checkout`.
    pub(super) fn compared(&self) -> String {
        format!("{} of {}", words(self.side), self.from)
    }
}

/// Takes out of the queue the artifacts that equal those of the other step.
///
/// Prefixes are literal folders: an artifact outside the source prefix is not matched, and the
/// rest of its path is looked up below the destination prefix. Digest sets are compared whole, and
/// only a strong digest vouches.
pub(super) fn consume(
    queue: &mut Queue<'_>,
    rule: &MatchRule,
    source: Option<&ArtifactSet>,
) -> Sample {
    let source_prefix = folder(rule.source_prefix.as_deref());
    let destination_prefix = folder(rule.destination_prefix.as_deref());
    let mut consumed = Sample::default();
    let mut there = String::new();
    let mut hint = 0;
    for (at, ((path, digests), open)) in queue.all.iter().zip(&mut queue.open).enumerate() {
        let rest = path.as_str().strip_prefix(source_prefix.as_str());
        let Some(rest) = rest.filter(|rest| *open && rule.pattern.matches(rest)) else { continue };
        there.clear();
        there.push_str(&destination_prefix);
        there.push_str(rest);
        let expected = source.and_then(|source| source.get_near(&there, &mut hint));
        if expected == Some(digests) && digests.is_strong_for(path) {
            *open = false;
            consumed.add(path);
            queue.near_misses.remove(&at);
        } else if queue.near_misses.len() < KEPT {
            let (from, side) = (rule.from.clone(), rule.destination);
            let miss = NearMiss { from, side, expected: expected.cloned() };
            // A rule that knows the artifact explains more than one that never saw it.
            match queue.near_misses.get(&at) {
                Some(NearMiss { expected: Some(_), .. }) if miss.expected.is_none() => {}
                _ => {
                    queue.near_misses.insert(at, miss);
                }
            }
        }
    }
    queue.left -= consumed.count();
    consumed
}

/// Makes a prefix end with a slash, unless it does or is empty.
fn folder(prefix: Option<&str>) -> String {
    match prefix {
        None | Some("") => String::new(),
        Some(prefix) if prefix.ends_with('/') => prefix.to_owned(),
        Some(prefix) => format!("{prefix}/"),
    }
}
