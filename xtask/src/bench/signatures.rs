//! Signature checks, by the bench of the crypto room: ours beside the library's own call.

use crate::process::{Failure, announce};
use crate::workspace::Workspace;

use super::table::Row;

const SHARE_TARGET: f64 = 0.9;

/// One row for each algorithm of the bench's table: `name library ours ratio`.
pub(super) fn rows(workspace: &Workspace) -> Result<Vec<Row>, Failure> {
    announce("signature checks");
    let answer = workspace
        .cargo()
        .args(["bench", "--package", "unbroken-crypto", "--bench", "signatures"])
        .output()?;
    if !answer.status.success() {
        return Err("the bench `signatures` of unbroken-crypto failed".into());
    }
    let table = String::from_utf8(answer.stdout)?;
    let rows: Vec<Row> = table.lines().filter_map(row).collect();
    if rows.is_empty() {
        return Err("the bench `signatures` printed no rows".into());
    }
    Ok(rows)
}

fn row(line: &str) -> Option<Row> {
    let mut words = line.split_whitespace();
    let algorithm = words.next()?;
    let numbers: Vec<f64> = words.map_while(|word| word.parse().ok()).collect();
    let [library, ours, ratio] = numbers[..] else { return None };
    Some(Row {
        what: format!("signature checks: {algorithm}, one core"),
        target: format!(">= {:.0} % of the library", SHARE_TARGET * 100.0),
        measured: format!("{ours:.0} a second"),
        peer: format!("{library:.0} a second, the crypto library alone"),
        ratio: format!("{:.0} %", ratio * 100.0),
        reached: ratio >= SHARE_TARGET,
    })
}
