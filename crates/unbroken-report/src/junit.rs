//! The report as JUnit XML: a suite for the layout, and one per step and inspection.
//!
//! Each finding that rejects makes exactly one case fail. What was not judged is skipped, and
//! never passes.

mod xml;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use unbroken_model::rule::Side;
use unbroken_verify::{Finding, Judgement, QueueTrace};

use self::xml::Element;
use crate::digests::digest_pairs;
use crate::index::Index;
use crate::json::list;
use crate::report::{Report, Verdict};

/// One case: passed when nothing else is said.
struct Case {
    name: String,
    errors: Vec<String>,
    skipped: bool,
}

struct Suite {
    name: String,
    cases: Vec<Case>,
    warnings: Vec<String>,
    output: String,
}

/// Writes the document. Of several reports, the suites are told apart by their layouts.
pub(crate) fn write(reports: &[Report]) -> String {
    let mut root = Element::new("testsuites");
    let layouts: Vec<&str> = reports.iter().map(|report| report.facts().layout.as_str()).collect();
    root.attribute("name", &format!("unbroken verify {}", layouts.join(" ")));
    let mut all: Vec<(String, Suite)> = Vec::new();
    for report in reports {
        let facts = report.facts();
        for mut suite in suites(report) {
            if reports.len() > 1 {
                suite.name = format!("{}: {}", facts.layout, suite.name);
            }
            all.push((facts.now.to_string(), suite));
        }
    }
    totals(&mut root, all.iter().flat_map(|(_, suite)| &suite.cases));
    for (time, suite) in &all {
        root.push(suite.element(time));
    }
    root.document()
}

/// Makes the suites.
fn suites(report: &Report) -> Vec<Suite> {
    let mut index = Index::of(report);
    let mut suites = Vec::new();
    for chain in report.chains() {
        for step in &chain.steps {
            let findings = index.take(&chain.chain, &step.name);
            let mut suite = Suite::new(&chain.chain, &step.name);
            let rules = [&step.material_rules, &step.product_rules];
            suite.judge("evidence", rules, step.judgement, findings);
            suites.push(suite);
        }
        for inspection in &chain.inspections {
            let findings = index.take(&chain.chain, &inspection.name);
            let mut suite = Suite::new(&chain.chain, &inspection.name);
            suite.output.clone_from(&inspection.output);
            let rules = [&inspection.material_rules, &inspection.product_rules];
            suite.judge("command", rules, inspection.judgement, findings);
            suites.push(suite);
        }
    }
    // Whatever is not about an item that was drawn is about the layout.
    let mut layout = Suite::new(&[], "layout");
    let mut case = Case::new("layout");
    let without_item = report.findings().iter().filter(|finding| finding.item.is_none());
    for finding in without_item.chain(index.rest()) {
        layout.tell(&mut case, finding);
    }
    if let Some(left_out) = report.left_out() {
        let mut rest = Case::new(&format!("after {}", left_out.up_to));
        rest.skipped = true;
        layout.cases.push(rest);
    }
    let fails = report.verdict() == Verdict::Rejected && !report.is_only_told();
    if fails && !report.findings().iter().any(Finding::rejects) {
        case.errors.push("the chain is rejected".to_owned());
    }
    layout.cases.push(case);
    suites.insert(0, layout);
    suites
}

impl Suite {
    fn new(chain: &[String], name: &str) -> Self {
        let path: Vec<&str> = chain.iter().map(String::as_str).chain([name]).collect();
        let (cases, warnings, output) = (Vec::new(), Vec::new(), String::new());
        Self { name: path.join("/"), cases, warnings, output }
    }

    /// Makes the case of the item itself, and one of each of its rules.
    fn judge(
        &mut self,
        item: &str,
        rules: [&QueueTrace; 2],
        judgement: Judgement,
        findings: Vec<&Finding>,
    ) {
        let mut of_item = Case::new(item);
        let mut of_rules = BTreeMap::new();
        for (side, trace) in [Side::Materials, Side::Products].into_iter().zip(rules) {
            for (index, rule) in trace.rules.iter().enumerate() {
                let name = format!("{}[{index}] {}", list(side), rule.rule);
                of_rules.insert((side, index), Case::new(&name));
            }
        }
        for finding in findings {
            let at = finding.rule.as_ref().map(|rule| (rule.side, rule.index));
            let case = at.and_then(|at| of_rules.get_mut(&at)).unwrap_or(&mut of_item);
            self.tell(case, finding);
        }
        of_item.skipped = judgement == Judgement::NotJudged && of_item.errors.is_empty();
        self.cases.push(of_item);
        self.cases.extend(of_rules.into_values());
    }

    fn tell(&mut self, case: &mut Case, finding: &Finding) {
        let mut text = finding.to_string();
        for (name, digests) in digest_pairs(finding) {
            // Writing to a string does not fail.
            let _ = write!(text, "\n{name}: {digests}");
        }
        let _ = write!(text, "\nremedy: {}", finding.remedy);
        if finding.rejects() { case.errors.push(text) } else { self.warnings.push(text) }
    }

    fn element(&self, time: &str) -> Element {
        let mut element = Element::new("testsuite");
        element.attribute("name", &self.name);
        totals(&mut element, self.cases.iter());
        element.attribute("timestamp", time.trim_end_matches('Z'));
        for case in &self.cases {
            element.push(case.element(&self.name));
        }
        let mut out = self.warnings.join("\n");
        if !self.output.is_empty() {
            out.push_str("\noutput of the command:\n");
            out.push_str(&self.output);
        }
        if !out.is_empty() {
            let mut element_out = Element::new("system-out");
            element_out.text(out.trim_start_matches('\n'));
            element.push(element_out);
        }
        element
    }
}

impl Case {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), errors: Vec::new(), skipped: false }
    }

    fn element(&self, suite: &str) -> Element {
        let mut element = Element::new("testcase");
        element.attribute("name", &self.name);
        element.attribute("classname", suite);
        if let Some(first) = self.errors.first() {
            let mut failure = Element::new("failure");
            failure.attribute("message", first.lines().next().unwrap_or_default());
            failure.attribute("type", "finding");
            failure.text(&self.errors.join("\n"));
            element.push(failure);
        } else if self.skipped {
            let mut skipped = Element::new("skipped");
            skipped.attribute("message", "not judged");
            element.push(skipped);
        }
        element
    }
}

fn totals<'a>(element: &mut Element, cases: impl Iterator<Item = &'a Case>) {
    let (mut tests, mut failures, mut skipped) = (0_usize, 0_usize, 0_usize);
    for case in cases {
        tests += 1;
        failures += usize::from(!case.errors.is_empty());
        skipped += usize::from(case.skipped);
    }
    for (name, count) in
        [("tests", tests), ("failures", failures), ("errors", 0), ("skipped", skipped)]
    {
        element.attribute(name, &count.to_string());
    }
}
