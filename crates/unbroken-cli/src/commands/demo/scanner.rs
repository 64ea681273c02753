//! Who scans the demo's image: trivy where it is installed with a database, else samples that say
//! what they are.

use std::path::Path;
use std::{fs, io};

use serde_json::json;

use super::builder::{own_command, program_of_the_system};
use crate::error::Result;

/// What samples say of themselves.
const NOTE: &str = "a sample of unbroken demo: no scanner ran";

/// Returns the command of the scan step.
pub(super) fn command(critical: bool) -> Result<Vec<String>> {
    own_command(&["scan", "src", "scan", if critical { "critical" } else { "clean" }])
}

/// Writes an SBOM and a scan report about `source` into `folder`, and says who made them.
pub(super) fn scan(source: &Path, folder: &Path, critical: bool) -> io::Result<&'static str> {
    fs::create_dir_all(folder)?;
    let sbom = folder.join("sbom.cdx.json");
    let report = folder.join("vulnerability-report.json");
    if !critical && trivy(source, &sbom, "cyclonedx") && trivy(source, &report, "json") {
        return Ok("trivy");
    }
    let app = fs::read(source.join("app.py"))?;
    let sbom_text = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": { "properties": [{ "name": "note", "value": NOTE }] },
        "components": [{
            "type": "file",
            "name": "app.py",
            "hashes": [{ "alg": "SHA-256", "content": unbroken_crypto::hash::sha256_hex(&app) }],
        }],
    });
    fs::write(sbom, pretty(&sbom_text)?)?;
    let vulnerability = json!({
        "VulnerabilityID": "SAMPLE-0001",
        "PkgName": "sample-package",
        "Severity": "CRITICAL",
        "Title": "a planted sample, no real vulnerability",
    });
    let found = if critical { vec![vulnerability] } else { Vec::new() };
    let report_text = json!({
        "Note": NOTE,
        "Results": [{ "Target": "app:1.0", "Vulnerabilities": found }],
    });
    fs::write(report, pretty(&report_text)?)?;
    Ok("a sample: no scanner ran")
}

fn pretty(value: &serde_json::Value) -> io::Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}

/// Lets trivy look at a folder without a network; false where it is not there or has no database.
fn trivy(source: &Path, report: &Path, format: &str) -> bool {
    use std::process::{Command, Stdio};
    let Some(trivy) = program_of_the_system("trivy") else { return false };
    let mut command = Command::new(trivy);
    command
        .args(["filesystem", "--quiet", "--offline-scan", "--skip-db-update"])
        .args(["--skip-java-db-update", "--format", format, "--output"])
        .arg(report)
        .arg(source)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success()) && report.is_file()
}
