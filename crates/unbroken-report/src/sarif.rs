//! The findings as a SARIF 2.1.0 log, for code-scanning pages.
//!
//! A rule's page stands in the log itself (`help.markdown`): `helpUri` has to be an absolute
//! address, and the log has to be readable without network.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use unbroken_model::path::ArtifactPath;
use unbroken_verify::{Finding, FindingCode, LinkBond, Severity};

use crate::digests::digest_pairs;
use crate::explain;
use crate::json::{list, pinning};
use crate::report::{Report, Verdict};
use crate::visible::visible;

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: Vec<Run<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool<'a>,
    invocations: [Invocation; 1],
    column_kind: &'static str,
    results: Vec<SarifResult>,
    properties: Properties,
}

#[derive(Serialize)]
struct Properties {
    verdict: &'static str,
    pinning: &'static str,
    /// The steps whose links are bound to no layout.
    unbound: Vec<String>,
}

#[derive(Serialize)]
struct Tool<'a> {
    driver: Driver<'a>,
}

#[derive(Serialize)]
struct Driver<'a> {
    name: &'static str,
    version: &'a str,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: &'static str,
    short_description: Text,
    help: Help,
}

#[derive(Serialize)]
struct Text {
    text: String,
}

#[derive(Serialize)]
struct Help {
    text: &'static str,
    markdown: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    end_time_utc: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult {
    rule_id: &'static str,
    rule_index: usize,
    level: &'static str,
    message: Text,
    locations: [Location; 1],
    partial_fingerprints: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: PhysicalLocation,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logical_locations: Vec<LogicalLocation>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
}

#[derive(Serialize)]
struct ArtifactLocation {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogicalLocation {
    name: String,
    fully_qualified_name: String,
    kind: &'static str,
}

/// Writes the log, with a run for each report.
pub(crate) fn write(reports: &[Report]) -> String {
    let log = Log {
        schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        version: "2.1.0",
        runs: reports.iter().map(run).collect(),
    };
    #[expect(
        clippy::expect_used,
        reason = "structs with text members always serialise, and a string takes every write"
    )]
    let mut text = serde_json::to_string_pretty(&log).expect("plain data");
    text.push('\n');
    text
}

fn run(report: &Report) -> Run<'_> {
    let codes = report.codes();
    let verdict = match report.verdict() {
        Verdict::Verified => "verified",
        Verdict::Partial => "partial",
        Verdict::Rejected => "rejected",
    };
    let facts = report.facts();
    Run {
        tool: Tool {
            driver: Driver {
                name: "unbroken",
                version: &facts.tool_version,
                rules: codes.iter().map(|code| Rule::of(*code)).collect(),
            },
        },
        invocations: [Invocation {
            execution_successful: true,
            end_time_utc: facts.now.to_string(),
        }],
        column_kind: "unicodeCodePoints",
        results: report
            .findings()
            .iter()
            .map(|finding| SarifResult::of(finding, &codes, &facts.layout))
            .collect(),
        properties: Properties {
            verdict,
            pinning: pinning(report.pinning()),
            unbound: unbound(report),
        },
    }
}

fn unbound(report: &Report) -> Vec<String> {
    let chains = report.chains().iter();
    let steps = chains.flat_map(|chain| chain.steps.iter().map(move |step| (chain, step)));
    let unbound = steps.filter(|(_, step)| step.bond == Some(LinkBond::Unbound));
    let names = unbound.map(|(chain, step)| {
        let path: Vec<&str> = chain.chain.iter().chain([&step.name]).map(String::as_str).collect();
        visible(&path.join("/"))
    });
    names.collect()
}

impl Rule {
    fn of(code: FindingCode) -> Self {
        let page = explain::page(code);
        Self {
            id: code.as_str(),
            short_description: Text { text: explain::title(code).to_owned() },
            help: Help { text: page, markdown: page },
        }
    }
}

impl SarifResult {
    fn of(finding: &Finding, codes: &[FindingCode], layout: &str) -> Self {
        let logical = LogicalLocation::all(finding);
        let place = logical.last().map_or("", |it| &it.fully_qualified_name);
        let what = finding.artifact.as_deref().or(finding.source.as_deref()).unwrap_or_default();
        let fingerprint = format!("{}|{place}|{}", finding.code, visible(what));
        Self {
            rule_id: finding.code.as_str(),
            rule_index: codes.iter().position(|code| *code == finding.code).unwrap_or_default(),
            level: match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            message: Text { text: message(finding) },
            partial_fingerprints: BTreeMap::from([("unbrokenFinding/v1", fingerprint)]),
            locations: [Location {
                physical_location: PhysicalLocation {
                    artifact_location: ArtifactLocation { uri: location(finding, layout) },
                },
                logical_locations: logical,
            }],
        }
    }
}

impl LogicalLocation {
    /// Names the item, and the rule within it.
    fn all(finding: &Finding) -> Vec<Self> {
        let mut path = finding.chain.clone();
        let mut all = Vec::new();
        if let Some(item) = &finding.item {
            path.push(item.clone());
            all.push(Self::new(item, &path, "module"));
        }
        if let Some(rule) = &finding.rule {
            let name = format!("{}[{}]", list(rule.side), rule.index);
            path.push(name.clone());
            all.push(Self::new(&name, &path, "member"));
        }
        all
    }

    fn new(name: &str, path: &[String], kind: &'static str) -> Self {
        Self { name: visible(name), fully_qualified_name: visible(&path.join("/")), kind }
    }
}

fn message(finding: &Finding) -> String {
    let mut text = visible(&finding.message);
    if let Some(rule) = &finding.rule {
        // Writing to a string does not fail.
        let _ = write!(text, ". Rule: {}", visible(&rule.text));
    }
    for (name, digests) in digest_pairs(finding) {
        let _ = write!(text, ". {}: {}", visible(name), visible(&digests));
    }
    let _ = write!(text, ". Remedy: {}", visible(&finding.remedy));
    text
}

/// Returns the file that a finding is about: the artifact, else the evidence, else the layout.
fn location(finding: &Finding, layout: &str) -> String {
    uri(finding.artifact.as_deref().or(finding.source.as_deref()).unwrap_or(layout))
}

/// Writes a path as a URI reference; what is a URI already keeps its scheme.
fn uri(path: &str) -> String {
    let has_scheme = path.parse::<ArtifactPath>().is_ok_and(|path| path.scheme().is_some());
    let mut out = String::new();
    if path.starts_with('/') {
        out.push_str("file://");
    }
    for byte in path.bytes() {
        match char::from(byte) {
            plain if plain.is_ascii_alphanumeric() || "-._~/@+,=".contains(plain) => {
                out.push(plain);
            }
            ':' if has_scheme => out.push(':'),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uri_references() {
        assert_eq!(uri("src/a b.py"), "src/a%20b.py");
        assert_eq!(uri("a:b\\c%#?"), "a%3Ab%5Cc%25%23%3F");
        assert_eq!(uri("git:repo"), "git:repo");
        assert_eq!(uri("/abs/ü"), "file:///abs/%C3%BC");
        assert_eq!(uri("oci:reg.example/app"), "oci:reg.example/app");
    }
}
