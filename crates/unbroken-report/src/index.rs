//! Items and their findings by place: a layout can have very many of both, and looking each up by
//! going through the others would let its author make a report take for ever.

use std::collections::BTreeMap;

use unbroken_verify::{Finding, InspectionAssessment, StepAssessment};

use crate::report::Report;

/// The steps that lead to a sublayout, and the name of an item.
type Place<'a> = (&'a [String], &'a str);

/// What stands at each place. Two sublayouts of one step have one place; the first is found.
pub(crate) struct Index<'a> {
    steps: BTreeMap<Place<'a>, &'a StepAssessment>,
    inspections: BTreeMap<Place<'a>, &'a InspectionAssessment>,
    findings: BTreeMap<Place<'a>, Vec<&'a Finding>>,
}

impl<'a> Index<'a> {
    pub(crate) fn of(report: &'a Report) -> Self {
        let mut index = Self {
            steps: BTreeMap::new(),
            inspections: BTreeMap::new(),
            findings: BTreeMap::new(),
        };
        for chain in report.chains() {
            for step in &chain.steps {
                index.steps.entry((&chain.chain, &step.name)).or_insert(step);
            }
            for inspection in &chain.inspections {
                index.inspections.entry((&chain.chain, &inspection.name)).or_insert(inspection);
            }
        }
        for finding in report.findings() {
            if let Some(item) = &finding.item {
                index.findings.entry((&finding.chain, item)).or_default().push(finding);
            }
        }
        index
    }

    pub(crate) fn step(&self, chain: &[String], name: &str) -> Option<&'a StepAssessment> {
        self.steps.get(&(chain, name)).copied()
    }

    pub(crate) fn inspection(
        &self,
        chain: &[String],
        name: &str,
    ) -> Option<&'a InspectionAssessment> {
        self.inspections.get(&(chain, name)).copied()
    }

    /// Returns the findings about an item, in the order of the report.
    pub(crate) fn findings(&self, chain: &'a [String], item: &'a str) -> &[&'a Finding] {
        self.findings.get(&(chain, item)).map_or(&[], Vec::as_slice)
    }

    /// Takes the findings about an item out of the index.
    pub(crate) fn take(&mut self, chain: &'a [String], item: &'a str) -> Vec<&'a Finding> {
        let place = self.findings.get_mut(&(chain, item));
        place.map(std::mem::take).unwrap_or_default()
    }

    /// Returns the findings that were not taken and are about an item.
    pub(crate) fn rest(self) -> impl Iterator<Item = &'a Finding> {
        self.findings.into_values().flatten()
    }
}
