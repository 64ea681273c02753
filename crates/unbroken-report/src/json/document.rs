//! The members of the JSON document, in its order.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use serde::Serialize;
use unbroken_model::digest::DigestSet;
use unbroken_model::rule::Side;
use unbroken_verify::{
    ChainAssessment, Difference, EvidenceAssessment, Finding, InspectionAssessment, Judgement,
    LeftOut, LinkBond, Pinning, QueueTrace, RuleReference, RuleTrace, Severity, StandIn,
    StepAssessment,
};

use crate::report::{Bound, BoundBy, Counts, Coverage, Report, Subject, Tally, Verdict};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document<'a> {
    media_type: &'static str,
    version: u32,
    verdict: &'static str,
    verified_at: String,
    tool: Tool<'a>,
    layout: &'a str,
    pinning: &'static str,
    left_out: Option<JsonLeftOut<'a>>,
    subject: Option<JsonSubject<'a>>,
    counts: JsonCounts,
    chains: Vec<Chain<'a>>,
    findings: Vec<JsonFinding<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tool<'a> {
    name: &'static str,
    version: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonLeftOut<'a> {
    up_to: &'a str,
    steps: usize,
    inspections: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonSubject<'a> {
    name: &'a str,
    digests: Vec<String>,
    coverage: &'static str,
    covered_digest: Option<String>,
    bound: Option<JsonBound<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonBound<'a> {
    by: &'static str,
    step: &'a str,
    artifact: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonCounts {
    steps: JsonTally,
    inspections: JsonTally,
    sublayouts: usize,
    errors: usize,
    warnings: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonTally {
    total: usize,
    passed: usize,
    failed: usize,
    not_judged: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Chain<'a> {
    path: &'a [String],
    readme: &'a str,
    expires: String,
    version: Option<u64>,
    digest: String,
    signers: &'a [String],
    steps: Vec<Step<'a>>,
    inspections: Vec<Inspection<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Step<'a> {
    name: &'a str,
    judgement: &'static str,
    threshold: u32,
    functionaries: &'a [String],
    evidence: Vec<Evidence<'a>>,
    binding: Option<&'static str>,
    command: &'a [String],
    materials: usize,
    products: usize,
    material_rules: Queue<'a>,
    product_rules: Queue<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Evidence<'a> {
    source: &'a str,
    kind: &'static str,
    signers: &'a [String],
    accepted: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Inspection<'a> {
    name: &'a str,
    judgement: &'static str,
    run: &'a [String],
    ending: Option<&'a str>,
    stand_in: Option<JsonStandIn<'a>>,
    isolated: Option<bool>,
    output: &'a str,
    material_rules: Queue<'a>,
    product_rules: Queue<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonStandIn<'a> {
    source: &'a str,
    signers: &'a [String],
    binding: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Queue<'a> {
    artifacts: usize,
    rules: Vec<AppliedRule<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AppliedRule<'a> {
    rule: &'a str,
    consumed: usize,
    first_consumed: &'a [String],
    left: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonFinding<'a> {
    code: &'static str,
    severity: &'static str,
    chain: &'a [String],
    item: Option<&'a str>,
    rule: Option<JsonRule<'a>>,
    artifact: Option<&'a str>,
    difference: Option<JsonDifference<'a>>,
    functionary: Option<&'a str>,
    source: Option<&'a str>,
    message: &'a str,
    remedy: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonRule<'a> {
    list: &'static str,
    index: usize,
    text: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonDifference<'a> {
    expected_at: &'a str,
    expected: Option<BTreeMap<String, String>>,
    found: Option<BTreeMap<String, String>>,
}

impl<'a> Document<'a> {
    pub(super) fn of(report: &'a Report) -> Self {
        let facts = report.facts();
        Self {
            media_type: "application/vnd.unbroken.verify-report+json",
            version: 1,
            verdict: match report.verdict() {
                Verdict::Verified => "verified",
                Verdict::Partial => "partial",
                Verdict::Rejected => "rejected",
            },
            verified_at: facts.now.to_string(),
            tool: Tool { name: "unbroken", version: &facts.tool_version },
            layout: &facts.layout,
            pinning: pinning(report.pinning()),
            left_out: report.left_out().map(|LeftOut { up_to, steps, inspections }| JsonLeftOut {
                up_to,
                steps: *steps,
                inspections: *inspections,
            }),
            subject: facts
                .subject
                .as_ref()
                .zip(report.coverage())
                .map(|(subject, coverage)| JsonSubject::of(subject, coverage)),
            counts: JsonCounts::of(report.counts()),
            chains: report.chains().iter().map(Chain::of).collect(),
            findings: report.findings().iter().map(JsonFinding::of).collect(),
        }
    }
}

impl<'a> JsonSubject<'a> {
    fn of(subject: &'a Subject, coverage: &'a Coverage) -> Self {
        let digests = std::iter::once(&subject.digest).chain(&subject.others);
        let (word, covered, bound) = match coverage {
            Coverage::Covered { digest, bound } => ("covered", Some(digest), bound.as_ref()),
            Coverage::NotCovered => ("not-covered", None, None),
            Coverage::NotJudged => ("not-judged", None, None),
        };
        Self {
            name: &subject.name,
            digests: digests.map(ToString::to_string).collect(),
            coverage: word,
            covered_digest: covered.map(ToString::to_string),
            bound: bound.map(|Bound { by, step, artifact }| JsonBound {
                by: match by {
                    BoundBy::Product => "product",
                    BoundBy::Subject => "subject",
                    BoundBy::DigestFile => "digest-file",
                },
                step,
                artifact,
            }),
        }
    }
}

impl JsonCounts {
    fn of(counts: Counts) -> Self {
        let Counts { steps, inspections, sublayouts, errors, warnings } = counts;
        let tally = |Tally { total, passed, failed, not_judged }| JsonTally {
            total,
            passed,
            failed,
            not_judged,
        };
        Self { steps: tally(steps), inspections: tally(inspections), sublayouts, errors, warnings }
    }
}

impl<'a> Chain<'a> {
    fn of(chain: &'a ChainAssessment) -> Self {
        Self {
            path: &chain.chain,
            readme: &chain.readme,
            expires: chain.expires.to_string(),
            version: Some(chain.pin.version).filter(|version| *version > 0),
            digest: format!("sha256:{}", HEXLOWER.encode(&chain.pin.digest)),
            signers: &chain.signers,
            steps: chain.steps.iter().map(Step::of).collect(),
            inspections: chain.inspections.iter().map(Inspection::of).collect(),
        }
    }
}

impl<'a> Step<'a> {
    fn of(step: &'a StepAssessment) -> Self {
        Self {
            name: &step.name,
            judgement: word(step.judgement),
            threshold: step.threshold,
            functionaries: &step.functionaries,
            evidence: step.evidence.iter().map(Evidence::of).collect(),
            binding: step.bond.map(bond_word),
            command: &step.command,
            materials: step.materials,
            products: step.products,
            material_rules: Queue::of(&step.material_rules),
            product_rules: Queue::of(&step.product_rules),
        }
    }
}

impl<'a> Evidence<'a> {
    fn of(evidence: &'a EvidenceAssessment) -> Self {
        Self {
            source: &evidence.source,
            kind: if evidence.sublayout { "sublayout" } else { "link" },
            signers: &evidence.signers,
            accepted: evidence.accepted,
        }
    }
}

impl<'a> Inspection<'a> {
    fn of(inspection: &'a InspectionAssessment) -> Self {
        Self {
            name: &inspection.name,
            judgement: word(inspection.judgement),
            run: &inspection.run,
            ending: inspection.ending.as_deref(),
            stand_in: inspection.stand_in.as_ref().map(|StandIn { source, signers, bond }| {
                JsonStandIn { source, signers, binding: bond_word(*bond) }
            }),
            isolated: inspection.isolated,
            output: &inspection.output,
            material_rules: Queue::of(&inspection.material_rules),
            product_rules: Queue::of(&inspection.product_rules),
        }
    }
}

impl<'a> Queue<'a> {
    fn of(trace: &'a QueueTrace) -> Self {
        let rules = trace.rules.iter().map(|RuleTrace { rule, consumed, left }| AppliedRule {
            rule,
            consumed: consumed.count(),
            first_consumed: consumed.first(),
            left: *left,
        });
        Self { artifacts: trace.artifacts, rules: rules.collect() }
    }
}

impl<'a> JsonFinding<'a> {
    fn of(finding: &'a Finding) -> Self {
        Self {
            code: finding.code.as_str(),
            severity: match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            chain: &finding.chain,
            item: finding.item.as_deref(),
            rule: finding.rule.as_ref().map(|RuleReference { side, index, text }| JsonRule {
                list: list(*side),
                index: *index,
                text,
            }),
            artifact: finding.artifact.as_deref(),
            difference: finding.difference.as_ref().map(
                |Difference { expected_at, expected, found }| JsonDifference {
                    expected_at,
                    expected: expected.as_ref().map(digests),
                    found: found.as_ref().map(digests),
                },
            ),
            functionary: finding.functionary.as_deref(),
            source: finding.source.as_deref(),
            message: &finding.message,
            remedy: &finding.remedy,
        }
    }
}

fn digests(set: &DigestSet) -> BTreeMap<String, String> {
    let pairs =
        set.iter().map(|digest| (digest.algorithm().name().to_owned(), digest.hex().to_owned()));
    pairs.collect()
}

fn word(judgement: Judgement) -> &'static str {
    match judgement {
        Judgement::Passed => "passed",
        Judgement::Failed => "failed",
        Judgement::NotJudged => "not-judged",
    }
}

fn bond_word(bond: LinkBond) -> &'static str {
    match bond {
        LinkBond::Unbound => "unbound",
        LinkBond::Elsewhere => "elsewhere",
        LinkBond::Bound => "bound",
    }
}

/// Says what was known of earlier layouts.
pub(crate) fn pinning(pinning: Pinning) -> &'static str {
    match pinning {
        Pinning::NotKept => "not-kept",
        Pinning::FirstSeen => "first-seen",
        Pinning::Seen(_) => "seen",
    }
}

/// Returns the name of a list of rules as layouts write it.
pub(crate) fn list(side: Side) -> &'static str {
    match side {
        Side::Materials => "expected_materials",
        Side::Products => "expected_products",
    }
}
