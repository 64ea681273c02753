//! Measures recording beside the least that any recorder must do, in the same run.
//!
//! - many small files, page cache warm: beside opening, reading and hashing a list that is known;
//! - few large files: beside the same, and beside hashing a buffer that never leaves the cache.
//!
//! Sizes come from the environment: `RECORD_FILES` (20000), `RECORD_FILE_BYTES` (4096),
//! `RECORD_LARGE` (4), `RECORD_LARGE_MIB` (64), `RECORD_ROUNDS` (7). Each round runs both sides; the
//! table holds medians, and the median of the ratios of the rounds.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench prints its table and stops at the first fault"
)]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use aws_lc_rs::digest::{Context, SHA256, digest};
use unbroken_record::{HashOptions, hash_artifacts};

const FILES_IN_A_FOLDER: usize = 100;
const BUFFER: usize = 64 * 1024;

fn main() {
    // `cargo test --benches` only asks whether the program runs.
    let trial = std::env::args().any(|argument| argument == "--test");
    let size = |name: &str, usual: usize, tried: usize| {
        let set = std::env::var(name).ok().and_then(|text| text.parse().ok());
        set.unwrap_or(if trial { tried } else { usual })
    };
    let rounds = size("RECORD_ROUNDS", 7, 1);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    println!("{cores} cores, {rounds} rounds; medians");
    println!("| what | beside | ours | bare | ratio of times | memory |");
    println!("| --- | --- | --- | --- | --- | --- |");
    large(size("RECORD_LARGE", 4, 1), size("RECORD_LARGE_MIB", 64, 1), rounds, cores);
    small(size("RECORD_FILES", 20_000, 200), size("RECORD_FILE_BYTES", 4096, 4096), rounds, cores);
}

fn small(files: usize, bytes: usize, rounds: usize, cores: usize) {
    let folder = tempfile::tempdir().unwrap();
    let mut list = Vec::new();
    for number in 0..files {
        let sub = folder.path().join(format!("d{:04}", number / FILES_IN_A_FOLDER));
        if number % FILES_IN_A_FOLDER == 0 {
            fs::create_dir(&sub).unwrap();
        }
        let path = sub.join(format!("file-{number:06}.txt"));
        fs::write(&path, content(number, bytes)).unwrap();
        list.push(path);
    }
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        bare.push(timed(|| read_and_hash(cores, &list)));
        ours.push(timed(|| record(folder.path(), files)));
    }
    let rate = |seconds: f64| format!("{:.0} files/s", count(files) / seconds);
    row(&format!("{files} files of {bytes} bytes | open, read, hash"), &mut ours, &mut bare, rate);
}

fn large(files: usize, mib: usize, rounds: usize, cores: usize) {
    let folder = tempfile::tempdir().unwrap();
    let mut list = Vec::new();
    for number in 0..files {
        let path: PathBuf = folder.path().join(format!("large-{number}"));
        let mut file = File::create(&path).unwrap();
        for part in 0..mib {
            file.write_all(&content(number + part, 1 << 20)).unwrap();
        }
        list.push(path);
    }
    let total = files * mib * (1 << 20);
    let (mut ours, mut reading, mut hashing) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        hashing.push(timed(|| hash_alone(cores, total / cores)));
        reading.push(timed(|| read_and_hash(cores, &list)));
        ours.push(timed(|| record(folder.path(), files)));
    }
    let rate = |seconds: f64| format!("{:.2} GB/s", count(total) / seconds / 1e9);
    let what = format!("{files} files of {mib} MiB");
    row(&format!("{what} | open, read, hash"), &mut ours, &mut reading, rate);
    row(&format!("{what} | hash alone"), &mut ours, &mut hashing, rate);
}

/// Opens, reads and hashes files whose paths are known, without looking whether they change.
fn read_and_hash(cores: usize, list: &[PathBuf]) {
    on_all_cores(cores, list.len(), |index, buffer| {
        let mut file = File::open(&list[index]).unwrap();
        let mut context = None;
        loop {
            let count = file.read(buffer).unwrap();
            let bytes = &buffer[..count];
            if count < BUFFER && context.is_none() {
                std::hint::black_box(digest(&SHA256, bytes));
                break;
            }
            context.get_or_insert_with(|| Context::new(&SHA256)).update(bytes);
            if count < BUFFER {
                break;
            }
        }
        std::hint::black_box(context.map(Context::finish));
    });
}

/// Hashes a buffer that never leaves the cache.
fn hash_alone(cores: usize, bytes: usize) {
    on_all_cores(cores, cores, |_, buffer| {
        let mut context = Context::new(&SHA256);
        for _ in 0..bytes / BUFFER {
            context.update(buffer);
        }
        std::hint::black_box(context.finish());
    });
}

fn record(folder: &Path, due: usize) {
    let options = HashOptions { base_path: Some(folder.to_owned()), ..HashOptions::default() };
    let artifacts = hash_artifacts(&[".".to_owned()], &options).unwrap();
    assert_eq!(artifacts.len(), due);
}

fn on_all_cores(cores: usize, jobs: usize, job: impl Fn(usize, &mut [u8]) + Sync) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                let mut buffer = vec![7; BUFFER];
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= jobs {
                        break;
                    }
                    job(index, &mut buffer);
                }
            });
        }
    });
}

fn timed(work: impl FnOnce()) -> f64 {
    let begin = Instant::now();
    work();
    begin.elapsed().as_secs_f64()
}

fn row(what: &str, ours: &mut [f64], bare: &mut [f64], rate: impl Fn(f64) -> String) {
    let mut ratios: Vec<f64> = ours.iter().zip(&*bare).map(|(ours, bare)| ours / bare).collect();
    let (ours, bare, ratio) = (median(ours), median(bare), median(&mut ratios));
    println!("| {what} | {} | {} | {ratio:.2} | {} |", rate(ours), rate(bare), memory());
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn content(seed: usize, bytes: usize) -> Vec<u8> {
    let mut state = u64::try_from(seed).unwrap() + 1;
    let step = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(step).take(bytes).collect()
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number / 1024).unwrap()) * 1024.0
        + f64::from(u32::try_from(number % 1024).unwrap())
}

/// The most memory that this process has held so far.
fn memory() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.map_or_else(|| "unknown".to_owned(), |peak| peak.trim().to_owned())
}
