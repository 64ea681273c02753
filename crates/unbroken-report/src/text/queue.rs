//! What rules did to the artifacts of a step, in a few words.

use unbroken_model::rule::ArtifactRule;
use unbroken_verify::{QueueTrace, RuleTrace};

/// Sums up one side of a step: `3 in (3 = checkout)`.
pub(super) fn summary(direction: &str, artifacts: usize, trace: &QueueTrace) -> String {
    let mut parts: Vec<String> = Vec::new();
    for rule in trace.rules.iter().filter(|rule| rule.consumed.count() > 0) {
        parts.push(format!("{} {}", rule.consumed.count(), verb(rule)));
    }
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
