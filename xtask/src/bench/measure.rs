//! Stop-watch and scale for whole processes.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::process::{Failure, output, show};

/// The time of one run of a program, from start to exit.
pub(super) fn once(mut command: Command) -> Result<Duration, Failure> {
    let start = Instant::now();
    output(&mut command)?;
    Ok(start.elapsed())
}

/// The median time of several runs; the command is made anew for each.
pub(super) fn median(
    runs: usize,
    mut make: impl FnMut() -> Result<Command, Failure>,
) -> Result<Duration, Failure> {
    let mut times = Vec::with_capacity(runs);
    for _ in 0..runs {
        times.push(once(make()?)?);
    }
    median_of(times)
}

/// The median of what was measured elsewhere.
pub(super) fn median_of(mut times: Vec<Duration>) -> Result<Duration, Failure> {
    times.sort();
    times.get(times.len() / 2).copied().ok_or_else(|| "nothing was measured".into())
}

/// The highest resident memory of one run, in bytes: the kernel's own high-water mark, read until exit.
pub(super) fn peak_memory(mut command: Command) -> Result<u64, Failure> {
    let shown = show(&command);
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let status_file = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let status = loop {
        // The mark never sinks, so that a coarse interval loses only growth in the last millisecond.
        if let Some(kibibytes) = high_water_mark(&status_file) {
            peak = kibibytes * 1024;
        }
        if let Some(status) = child.try_wait()? {
            break status;
        }
        thread::sleep(Duration::from_millis(1));
    };
    if status.success() { Ok(peak) } else { Err(format!("`{shown}` ended with {status}").into()) }
}

fn high_water_mark(status_file: &str) -> Option<u64> {
    let text = fs::read_to_string(status_file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// A duration for a table cell.
pub(super) fn seconds(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{:.1} ms", time.as_secs_f64() * 1000.0)
    } else {
        format!("{:.2} s", time.as_secs_f64())
    }
}

/// A memory size for a table cell.
pub(super) fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}

/// How many of something there are in a second.
pub(super) fn rate(count: usize, time: Duration) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / time.as_secs_f64()
}

/// A quotient of two times.
pub(super) fn quotient(numerator: Duration, denominator: Duration) -> f64 {
    numerator.as_secs_f64() / denominator.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::{median_of, peak_memory, seconds};

    #[test]
    fn the_median_is_the_middle_of_the_sorted_times() {
        let times = [9, 1, 5].map(Duration::from_secs).to_vec();
        assert_eq!(median_of(times).unwrap(), Duration::from_secs(5));
        assert!(median_of(Vec::new()).is_err());
    }

    #[test]
    fn peak_memory_sees_a_running_process_and_a_failing_one_is_an_error() {
        let mut sleep = Command::new("sleep");
        sleep.arg("0.05");
        assert!(peak_memory(sleep).unwrap() > 0);
        assert!(peak_memory(Command::new("false")).is_err());
    }

    #[test]
    fn cells_change_their_unit_at_one_second() {
        assert_eq!(seconds(Duration::from_millis(12)), "12.0 ms");
        assert_eq!(seconds(Duration::from_millis(1250)), "1.25 s");
    }
}
