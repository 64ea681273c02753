//! What each rule did to its queue, kept for the report.

use unbroken_model::path::ArtifactPath;
use unbroken_model::rule::ArtifactRule;

/// How many paths a sample names.
const NAMED: usize = 20;

/// A count of artifacts and the first of them by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    count: usize,
    first: Vec<String>,
}

impl Sample {
    pub(super) fn add(&mut self, path: &ArtifactPath) {
        self.count += 1;
        if self.first.len() < NAMED {
            self.first.push(path.to_string());
        }
    }

    /// Returns how many artifacts there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Returns the first twenty at most.
    pub fn first(&self) -> &[String] {
        &self.first
    }
}

/// What one rule did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleTrace {
    /// The rule in text form.
    pub rule: String,
    /// What it consumed.
    pub consumed: Sample,
    /// How many artifacts were left in the queue after it.
    pub left: usize,
}

/// What a list of rules did to the artifacts of one side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueTrace {
    /// How many artifacts there were.
    pub artifacts: usize,
    /// The rules in order.
    pub rules: Vec<RuleTrace>,
}

impl QueueTrace {
    pub(super) fn new(artifacts: usize) -> Self {
        Self { artifacts, rules: Vec::new() }
    }

    pub(super) fn push(&mut self, rule: &ArtifactRule, consumed: Sample, left: usize) {
        self.rules.push(RuleTrace { rule: rule.to_string(), consumed, left });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_counts_all_and_names_the_first() {
        let mut sample = Sample::default();
        for number in 0..NAMED + 5 {
            sample.add(&format!("f{number}").parse().unwrap());
        }
        assert_eq!(sample.count(), NAMED + 5);
        let due: Vec<String> = (0..NAMED).map(|number| format!("f{number}")).collect();
        assert_eq!(sample.first(), due);
    }
}
