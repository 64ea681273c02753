//! The rule engine (specification 1.0, section 4.3.3 and 4.5): one queue of artifacts, rules in
//! order, each consuming what it vouches for.

mod matching;
mod trace;

use std::collections::BTreeMap;

use unbroken_model::artifact::ArtifactSet;
use unbroken_model::digest::DigestSet;
use unbroken_model::name::StepName;
use unbroken_model::path::ArtifactPath;
use unbroken_model::rule::{ArtifactRule, Side};

use self::matching::NearMiss;
pub use self::trace::{QueueTrace, RuleTrace, Sample};
use crate::budget::{Budget, Exhausted};
use crate::finding::{Difference, Finding, FindingCode, RuleReference};

/// How many artifacts one rule may report singly; the rest are counted.
const SINGLY: usize = 100;

/// What one step or inspection consumed and made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Artifacts<'a> {
    pub(crate) materials: &'a ArtifactSet,
    pub(crate) products: &'a ArtifactSet,
}

impl<'a> Artifacts<'a> {
    pub(crate) fn side(self, side: Side) -> &'a ArtifactSet {
        match side {
            Side::Materials => self.materials,
            Side::Products => self.products,
        }
    }
}

/// The artifacts of every step (and, for inspections, of every inspection) that rules may name.
pub(crate) type Sources<'a> = BTreeMap<&'a StepName, Artifacts<'a>>;

/// Applies one list of rules to one side of an item.
///
/// The queue begins with all artifacts of the side. Each rule takes out what it consumes; DISALLOW
/// and REQUIRE consume nothing and look at what is left. What is left at the end is allowed.
pub(crate) fn apply(
    item: &StepName,
    side: Side,
    rules: &[ArtifactRule],
    artifacts: Artifacts<'_>,
    sources: &Sources<'_>,
    budget: &mut Budget,
) -> Result<(QueueTrace, Vec<Finding>), Exhausted> {
    let mut queue = Queue::new(item, side, artifacts);
    let mut findings = Vec::new();
    let mut trace = QueueTrace::new(queue.all.len());
    for (index, rule) in rules.iter().enumerate() {
        budget.spend_comparisons(queue.left.max(1))?;
        let consumed = queue.apply(index, rule, sources, &mut findings);
        trace.push(rule, consumed, queue.left);
    }
    Ok((trace, findings))
}

/// The artifacts that no rule has consumed yet.
struct Queue<'a> {
    item: &'a StepName,
    side: Side,
    artifacts: Artifacts<'a>,
    all: &'a ArtifactSet,
    /// By the order of `all`: whether the artifact is still in the queue.
    open: Vec<bool>,
    left: usize,
    /// Artifacts that a MATCH rule was about and did not consume, with the reason; the latest
    /// stays. They make a later DISALLOW explain itself.
    near_misses: BTreeMap<usize, NearMiss>,
}

impl<'a> Queue<'a> {
    fn new(item: &'a StepName, side: Side, artifacts: Artifacts<'a>) -> Self {
        let all = artifacts.side(side);
        let open = vec![true; all.len()];
        Self { item, side, artifacts, all, open, left: all.len(), near_misses: BTreeMap::new() }
    }

    /// Goes through what is in the queue.
    fn iter(&self) -> impl Iterator<Item = (usize, &'a ArtifactPath, &'a DigestSet)> {
        self.all
            .iter()
            .zip(&self.open)
            .enumerate()
            .filter_map(|(index, ((path, digests), open))| open.then_some((index, path, digests)))
    }

    fn apply(
        &mut self,
        index: usize,
        rule: &ArtifactRule,
        sources: &Sources<'_>,
        findings: &mut Vec<Finding>,
    ) -> Sample {
        let Artifacts { materials, products } = self.artifacts;
        match rule {
            ArtifactRule::Allow(pattern) => self.consume(|path, _| pattern.matches(path)),
            ArtifactRule::Create(pattern) => self.consume(|path, _| {
                pattern.matches(path) && products.contains(path) && !materials.contains(path)
            }),
            ArtifactRule::Delete(pattern) => self.consume(|path, _| {
                pattern.matches(path) && materials.contains(path) && !products.contains(path)
            }),
            ArtifactRule::Modify(pattern) => self.consume(|path, _| {
                pattern.matches(path)
                    && matches!((materials.get(path), products.get(path)), (Some(a), Some(b)) if a.proves_change_to(b))
            }),
            ArtifactRule::Match(rule) => {
                let source = sources.get(&rule.from).map(|artifacts| artifacts.side(rule.destination));
                matching::consume(self, rule, source)
            }
            ArtifactRule::Disallow(pattern) => {
                self.disallow(index, rule, |path| pattern.matches(path), findings);
                Sample::default()
            }
            ArtifactRule::Require(path) => {
                self.require(index, rule, path, findings);
                Sample::default()
            }
        }
    }

    /// Takes out of the queue what `vouched` says.
    fn consume(&mut self, vouched: impl Fn(&str, &DigestSet) -> bool) -> Sample {
        let mut consumed = Sample::default();
        for ((path, digests), open) in self.all.iter().zip(&mut self.open) {
            if *open && vouched(path.as_str(), digests) {
                *open = false;
                consumed.add(path);
            }
        }
        self.left -= consumed.count();
        consumed
    }

    fn disallow(
        &self,
        index: usize,
        rule: &ArtifactRule,
        forbidden: impl Fn(&str) -> bool,
        findings: &mut Vec<Finding>,
    ) {
        let mut count = 0_usize;
        for (at, path, digests) in self.iter().filter(|(_, path, _)| forbidden(path.as_str())) {
            count += 1;
            if count <= SINGLY {
                findings.push(self.forbidden(at, path, digests, index, rule));
            }
        }
        if let Some(more @ 1..) = count.checked_sub(SINGLY) {
            let message = format!("{more} more artifacts are forbidden by the same rule");
            let finding = Finding::error(FindingCode::RuleDisallow, message, "see the ones above");
            findings.push(self.place(finding, index, rule));
        }
    }

    /// Says why an artifact is forbidden: what kept an earlier MATCH from consuming it.
    fn forbidden(
        &self,
        at: usize,
        path: &ArtifactPath,
        digests: &DigestSet,
        index: usize,
        rule: &ArtifactRule,
    ) -> Finding {
        let item = self.item;
        let did = if self.side == Side::Materials { "uses" } else { "leaves" };
        let (message, remedy) = match self.near_misses.get(&at) {
            Some(miss @ NearMiss { expected: Some(_), .. }) => (
                format!("{path} changed between {} and {item}", miss.from),
                format!(
                    "find out who changed it after {}; if the change is wanted, it needs a step of its own",
                    miss.from
                ),
            ),
            Some(miss) => (
                format!("{item} {did} {path}, which is not among the {}", miss.compared()),
                format!(
                    "find out where it comes from; if it belongs there, {} must record it",
                    miss.from
                ),
            ),
            None => (
                format!("{item} {did} {path}, which no rule allows"),
                "find out where it comes from; if it belongs there, the owner adds a rule for it"
                    .to_owned(),
            ),
        };
        let mut finding =
            self.place(Finding::error(FindingCode::RuleDisallow, message, remedy), index, rule);
        finding.artifact = Some(path.to_string());
        let miss = self.near_misses.get(&at);
        finding.difference = Some(Difference {
            expected_at: miss.map_or_else(|| "no record".to_owned(), NearMiss::compared),
            expected: miss.and_then(|miss| miss.expected.clone()),
            found: Some(digests.clone()),
        });
        finding
    }

    fn require(&self, index: usize, rule: &ArtifactRule, path: &str, findings: &mut Vec<Finding>) {
        let at = self.all.position(path);
        if at.and_then(|at| self.open.get(at)).is_some_and(|open| *open) {
            return;
        }
        let item = self.item;
        let (message, remedy) = if at.is_some() {
            (
                format!(
                    "{path} is there, but an earlier rule of {item} consumed it before REQUIRE looked"
                ),
                "the owner moves REQUIRE before the rule that consumes the artifact",
            )
        } else {
            (
                format!("{path} is not among the {} of {item}", words(self.side)),
                "do the step again so that the artifact is there when it is recorded",
            )
        };
        let finding = Finding::error(FindingCode::RuleRequire, message, remedy).of_artifact(path);
        findings.push(self.place(finding, index, rule));
    }

    fn place(&self, finding: Finding, index: usize, rule: &ArtifactRule) -> Finding {
        let mut finding = finding.of_item(self.item);
        finding.rule = Some(RuleReference { side: self.side, index, text: rule.to_string() });
        finding
    }
}

/// Returns the word for people.
pub(crate) fn words(side: Side) -> &'static str {
    match side {
        Side::Materials => "materials",
        Side::Products => "products",
    }
}
