//! What rules did to the artifacts of a step, in a few words.

use unbroken_model::rule::ArtifactRule;
use unbroken_verify::{QueueTrace, RuleTrace};

/// Sums up one side of a step: `3 in (3 = checkout)`.
pub(super) fn summary(direction: &str, artifacts: usize, trace: &QueueTrace) -> String {
    let mut consumed: Vec<(String, usize)> = Vec::new();
    for rule in trace.rules.iter().filter(|rule| rule.consumed.count() > 0) {
        let (verb, count) = (verb(rule), rule.consumed.count());
        match consumed.iter_mut().find(|(known, _)| *known == verb) {
            Some((_, sum)) => *sum += count,
            None => consumed.push((verb, count)),
        }
    }
    let parts = consumed.iter().map(|(verb, count)| format!("{count} {verb}"));
    let mut parts: Vec<String> = parts.collect();
    if let Some(left @ 1..) = trace.rules.last().map(|rule| rule.left) {
        parts.push(format!("{left} by no rule"));
    }
    if parts.is_empty() {
        return format!("{artifacts} {direction}");
    }
    format!("{artifacts} {direction} ({})", parts.join(", "))
}

/// Says what a rule vouches for.
fn verb(rule: &RuleTrace) -> String {
    match ArtifactRule::parse_text(&rule.rule) {
        Ok(ArtifactRule::Match(rule)) => format!("= {}", rule.from),
        Ok(ArtifactRule::Create(_)) => "created".to_owned(),
        Ok(ArtifactRule::Delete(_)) => "deleted".to_owned(),
        Ok(ArtifactRule::Modify(_)) => "modified".to_owned(),
        Ok(ArtifactRule::Allow(_)) => "allowed".to_owned(),
        // The others consume nothing; a rule that cannot be read back speaks for itself.
        _ => format!("by {}", rule.rule),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_without_rules_is_counted() {
        assert_eq!(summary("in", 7, &QueueTrace::default()), "7 in");
    }
}
