//! The admission controller under load: a real registry on this machine, signed images, kept connections.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use crate::process::{Failure, announce, find, output};
use crate::workspace::Workspace;

use super::measure::{mebibytes, seconds};
use super::table::{Row, Table};

const WARM_RATE: u64 = 5000;
const WARM_P99: Duration = Duration::from_millis(2);
/// What a first decision may take beside the answers of the registry.
const COLD: Duration = Duration::from_millis(25);
const COLD_REQUESTS: u64 = 4;
const IDLE_MEMORY: u64 = 40 << 20;
const LOAD_MEMORY: u64 = 120 << 20;

/// How much is measured.
pub(crate) struct Load {
    seconds: u64,
    images: u64,
}

impl Load {
    /// What the targets are stated for.
    pub(crate) const FULL: Self = Self { seconds: 20, images: 10_000 };
    /// A look in between.
    pub(crate) const QUICK: Self = Self { seconds: 3, images: 500 };
}

/// Builds, measures, prints; says whether every row could be measured.
pub(crate) fn run(load: &Load) -> Result<bool, Failure> {
    let workspace = Workspace::load()?;
    announce("the release program, and what sends it reviews");
    let mut table = Table::default();
    table.add("admission", rows(&workspace, load));
    table.print();
    println!("load average afterwards: {}", load_average());
    Ok(table.is_complete())
}

fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

fn rows(workspace: &Workspace, load: &Load) -> Result<Vec<Row>, Failure> {
    let registry = find("docker-registry").ok_or("docker-registry is not here")?;
    let build = |selection: &[&str]| {
        let status = workspace.cargo().args(["build", "--release"]).args(selection).status()?;
        if status.success() { Ok(()) } else { Err(Failure::from("the release build failed")) }
    };
    build(&["--package", "unbroken-webhook"])?;
    build(&["--package", "unbroken-testkit", "--example", "admission_load"])?;
    let release = workspace.target.join("release");
    announce("admission under load");
    println!("load average before: {}", load_average());
    let mut command = Command::new(release.join("examples/admission_load"));
    command.arg(release.join("unbroken-webhook")).arg(&registry);
    command.arg(load.seconds.to_string()).arg(load.images.to_string());
    let said = String::from_utf8(output(&mut command)?.stdout)?;
    table_of(&Numbers::read(&said)?, load)
}

/// What the load printed.
struct Numbers(BTreeMap<String, u64>);

impl Numbers {
    fn read(text: &str) -> Result<Self, Failure> {
        let number = |line: &str| {
            let (name, number) = line.split_once(' ')?;
            Some((name.to_owned(), number.parse().ok()?))
        };
        let lines: Option<BTreeMap<String, u64>> = text.lines().map(number).collect();
        lines.map(Self).ok_or_else(|| format!("the load said something else: {text}").into())
    }

    fn get(&self, name: &str) -> Result<u64, Failure> {
        self.0.get(name).copied().ok_or_else(|| format!("the load did not say {name}").into())
    }

    fn time(&self, name: &str) -> Result<Duration, Failure> {
        self.get(name).map(Duration::from_micros)
    }
}

fn table_of(numbers: &Numbers, load: &Load) -> Result<Vec<Row>, Failure> {
    let row = |what: &str, target: String, measured: String, reached: bool| Row {
        what: what.to_owned(),
        target,
        measured,
        peer: String::new(),
        ratio: String::new(),
        reached,
    };
    let (rate, p99) = (numbers.get("warm-per-second")?, numbers.time("warm-p99-microseconds")?);
    let requests = numbers.get("cold-requests-per-image")?;
    let trip = numbers.time("registry-round-trip-microseconds")?;
    let cold = numbers.time("cold-median-microseconds")?;
    let trips = trip * u32::try_from(requests).unwrap_or(u32::MAX);
    let (idle, peak) = (numbers.get("idle-memory-bytes")?, numbers.get("peak-memory-bytes")?);
    let reload = numbers.get("reload-failed")?;
    let (reviews, changes) = (numbers.get("reload-reviews")?, numbers.get("reload-changes")?);
    let distinct = numbers.get("distinct-per-second")?;
    let failed = ["cold-failed", "warm-failed", "distinct-failed", "distinct-again-failed"];
    let failed: u64 = failed.into_iter().map(|name| numbers.get(name)).sum::<Result<_, _>>()?;
    let images = load.images;
    Ok(vec![
        row(
            "remembered images: reviews a second, 8 kept connections of TLS",
            format!(">= {WARM_RATE}"),
            rate.to_string(),
            rate >= WARM_RATE,
        ),
        row(
            "the same: 99 % within",
            format!("< {}", seconds(WARM_P99)),
            format!(
                "{}, the median {}",
                seconds(p99),
                seconds(numbers.time("warm-median-microseconds")?)
            ),
            p99 < WARM_P99,
        ),
        row(
            "first decision on an image: median",
            format!("< {} beside the registry", seconds(COLD)),
            format!(
                "{}, of which {requests} answers of the registry take {}",
                seconds(cold),
                seconds(trips)
            ),
            cold.saturating_sub(trips) < COLD,
        ),
        row(
            "the same: requests to the registry",
            format!("<= {COLD_REQUESTS}"),
            requests.to_string(),
            requests <= COLD_REQUESTS,
        ),
        row(
            "memory, idle",
            format!("< {}", mebibytes(IDLE_MEMORY)),
            mebibytes(idle),
            idle < IDLE_MEMORY,
        ),
        row(
            &format!("memory at the most, with {images} different images"),
            format!("< {}", mebibytes(LOAD_MEMORY)),
            format!("{}, {distinct} first decisions a second", mebibytes(peak)),
            peak < LOAD_MEMORY,
        ),
        row(
            "reviews that failed while policies and certificates changed each second",
            "0".to_owned(),
            format!("{reload} of {reviews}, with {changes} changes"),
            // What did not change says nothing about changes.
            reload == 0 && changes > 0,
        ),
        row("other reviews that failed", "0".to_owned(), failed.to_string(), failed == 0),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_load_prints_becomes_rows_and_anything_else_is_a_failure() {
        let names = [
            "idle-memory-bytes",
            "cold-requests-per-image",
            "cold-median-microseconds",
            "cold-failed",
            "registry-round-trip-microseconds",
            "warm-per-second",
            "warm-median-microseconds",
            "warm-p99-microseconds",
            "warm-failed",
            "reload-reviews",
            "reload-failed",
            "reload-changes",
            "distinct-per-second",
            "distinct-failed",
            "distinct-again-failed",
            "peak-memory-bytes",
        ];
        let text: String = names.map(|name| format!("{name} 5\n")).concat();
        let rows = table_of(&Numbers::read(&text).unwrap(), &Load::QUICK).unwrap();
        let reached: Vec<bool> = rows.iter().map(|row| row.reached).collect();
        assert_eq!(reached, [false, true, true, false, true, true, false, false]);
        let unchanged = text.replace("reload-changes 5", "reload-changes 0");
        let unchanged = unchanged.replace("reload-failed 5", "reload-failed 0");
        let rows = table_of(&Numbers::read(&unchanged).unwrap(), &Load::QUICK).unwrap();
        assert!(!rows[6].reached && rows[6].measured.contains("0 changes"));
        let missing = text.replace("warm-failed 5\n", "");
        assert!(table_of(&Numbers::read(&missing).unwrap(), &Load::QUICK).is_err());
        assert!(Numbers::read("usage: something").is_err());
    }
}
