//! The table that a bench run prints.

use crate::process::Failure;

/// One measured thing: all cells as they are printed.
pub(super) struct Row {
    pub(super) what: String,
    pub(super) target: String,
    pub(super) measured: String,
    pub(super) peer: String,
    pub(super) ratio: String,
    pub(super) reached: bool,
}

/// The rows so far, and the groups of rows that could not be measured.
#[derive(Default)]
pub(super) struct Table {
    rows: Vec<Row>,
    failures: Vec<String>,
}

const HEAD: [&str; 6] = ["what", "target", "measured", "peer", "ratio to the peer", "reached"];

impl Table {
    /// Takes in a group of rows, or notes why there is none: one failure does not hide the others.
    pub(super) fn add(&mut self, group: &str, rows: Result<Vec<Row>, Failure>) {
        match rows {
            Ok(rows) => self.rows.extend(rows),
            Err(error) => self.failures.push(format!("{group}: {error}")),
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.failures.is_empty()
    }

    pub(super) fn print(&self) {
        let lines: Vec<[String; 6]> = self.rows.iter().map(cells).collect();
        let mut widths = HEAD.map(str::len);
        for line in &lines {
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = (*width).max(cell.chars().count());
            }
        }
        println!("\n{}", machine());
        print_line(&HEAD.map(str::to_owned), &widths);
        print_line(&widths.map(|width| "-".repeat(width)), &widths);
        for line in &lines {
            print_line(line, &widths);
        }
        for failure in &self.failures {
            println!("not measured: {failure}");
        }
    }
}

fn cells(row: &Row) -> [String; 6] {
    [
        row.what.clone(),
        row.target.clone(),
        row.measured.clone(),
        row.peer.clone(),
        row.ratio.clone(),
        if row.reached { "yes" } else { "NO" }.to_owned(),
    ]
}

fn print_line(cells: &[String; 6], widths: &[usize; 6]) {
    let padded: Vec<String> =
        cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
    println!("| {} |", padded.join(" | "));
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let model = std::fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        })
        .unwrap_or_else(|| "unknown processor".to_owned());
    format!("{cores} cores, {model}")
}
