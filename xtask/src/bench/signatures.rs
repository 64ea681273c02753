//! Signature checks, by the criterion bench of the crypto room: ours beside the library's own call.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::process::{Failure, announce};
use crate::workspace::Workspace;

use super::table::Row;

const SHARE_TARGET: f64 = 0.9;

/// One row for each algorithm that the bench measures twice: `verify/<algorithm>/ours` and `.../library`.
pub(super) fn rows(workspace: &Workspace) -> Result<Vec<Row>, Failure> {
    announce("signature checks");
    let status = workspace
        .cargo()
        .args(["bench", "--package", "unbroken-crypto", "--bench", "signatures"])
        .status()?;
    if !status.success() {
        return Err("the bench `signatures` of unbroken-crypto failed".into());
    }
    let mut rows = Vec::new();
    for group in fs::read_dir(workspace.target.join("criterion"))? {
        let group = group?;
        let name = group.file_name().to_string_lossy().into_owned();
        let Some(algorithm) = name.strip_prefix("verify_") else { continue };
        let ours = per_second(&group.path().join("ours"))?;
        let library = per_second(&group.path().join("library"))?;
        rows.push(Row {
            what: format!("signature checks: {algorithm}, one core"),
            target: format!(">= {:.0} % of the library", SHARE_TARGET * 100.0),
            measured: format!("{ours:.0} a second"),
            peer: format!("{library:.0} a second, the crypto library alone"),
            ratio: format!("{:.0} %", ours / library * 100.0),
            reached: ours / library >= SHARE_TARGET,
        });
    }
    rows.sort_by(|left, right| left.what.cmp(&right.what));
    if rows.is_empty() {
        return Err("the bench left no groups named verify_<algorithm>".into());
    }
    Ok(rows)
}

/// The rate behind criterion's estimate of the median, which it writes in nanoseconds.
fn per_second(folder: &Path) -> Result<f64, Failure> {
    let text = fs::read_to_string(folder.join("new/estimates.json"))?;
    let estimates: Value = serde_json::from_str(&text)?;
    let median = estimates
        .pointer("/median/point_estimate")
        .and_then(Value::as_f64)
        .ok_or("criterion's estimates name no median")?;
    Ok(1e9 / median)
}
