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

#[cfg(test)]
mod tests {
    use unbroken_model::rule::ArtifactRule;
    use unbroken_testkit::artifacts;

    use super::super::{Artifacts, Sources, apply};
    use super::*;
    use crate::budget::Budget;
    use crate::finding::Finding;

    /// Applies rules to the materials of a step `build`; returns what is left after each, and the findings.
    fn applied(
        rules: &str,
        materials: &ArtifactSet,
        sources: &[(&str, &ArtifactSet)],
    ) -> (Vec<usize>, Vec<Finding>) {
        let none = ArtifactSet::default();
        let rules: Vec<ArtifactRule> =
            rules.lines().map(|rule| ArtifactRule::parse_text(rule).unwrap()).collect();
        let names: Vec<StepName> = sources.iter().map(|(name, _)| name.parse().unwrap()).collect();
        let sources: Sources<'_> = names
            .iter()
            .zip(sources)
            .map(|(name, (_, products))| (name, Artifacts { materials: &none, products }))
            .collect();
        let item = "build".parse().unwrap();
        let artifacts = Artifacts { materials, products: &none };
        let mut budget = Budget::default();
        let (trace, findings) =
            apply(&item, Side::Materials, &rules, artifacts, &sources, &mut budget).unwrap();
        (trace.rules.iter().map(|rule| rule.left).collect(), findings)
    }

    #[test]
    fn what_a_rule_consumes_is_no_longer_left() {
        let materials = artifacts(&[("a", "1"), ("b", "1"), ("c", "1"), ("d", "1")]);
        let source = artifacts(&[("a", "1"), ("b", "1")]);
        let (left, findings) = applied(
            "MATCH * WITH PRODUCTS FROM checkout\nALLOW c\nALLOW d",
            &materials,
            &[("checkout", &source)],
        );
        assert_eq!(left, [2, 1, 0]);
        assert_eq!(findings, []);
    }

    /// A record that names the artifact says more than one that does not; of two that name it, the later.
    #[test]
    fn what_is_forbidden_is_explained_by_the_record_that_says_most() {
        let materials = artifacts(&[("a", "now")]);
        let (before, later, silent) =
            (artifacts(&[("a", "before")]), artifacts(&[("a", "later")]), ArtifactSet::default());
        let sources = [("before", &before), ("later", &later), ("silent", &silent)];
        for (order, telling) in [
            (["before", "silent"], "changed between before and build"),
            (["silent", "before"], "changed between before and build"),
            (["before", "later"], "changed between later and build"),
            (["later", "before"], "changed between before and build"),
            (["silent", "silent"], "build uses a, which is not among the products of silent"),
        ] {
            let [first, second] = order.map(|from| format!("MATCH * WITH PRODUCTS FROM {from}"));
            let (_, findings) =
                applied(&format!("{first}\n{second}\nDISALLOW *"), &materials, &sources);
            assert_eq!(findings.len(), 1);
            assert!(findings[0].message.contains(telling), "{order:?}: {}", findings[0].message);
        }
    }

    #[test]
    fn reasons_are_kept_for_so_many_artifacts_and_no_more() {
        let names: Vec<String> = (0..=KEPT).map(|number| format!("{number:06}")).collect();
        let materials: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
        let silent = ArtifactSet::default();
        let says = |number: usize| {
            let rules = format!("MATCH * WITH PRODUCTS FROM silent\nDISALLOW {}", names[number]);
            let (_, findings) = applied(&rules, &artifacts(&materials), &[("silent", &silent)]);
            findings[0].message.clone()
        };
        assert!(says(KEPT - 1).contains("not among the products of silent"));
        assert!(says(KEPT).contains("which no rule allows"));
    }
}
