//! Recording: many small files, and a few large ones.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::process::{Failure, announce};
use crate::workspace::Workspace;

use super::Sizes;
use super::measure::{mebibytes, median_of, once, peak_memory, quotient, rate, seconds};
use super::table::Row;
use super::tools::Tools;

const SMALL_FILE: usize = 4096;
const SMALL_RATE_TARGET: f64 = 200_000.0;
const SMALL_RATIO_TARGET: f64 = 1.25;
const WHOLE_RATIO_TARGET: f64 = 10.0;
const LARGE_SHARE_TARGET: f64 = 0.9;
const LARGE_MEMORY_TARGET: u64 = 40 << 20;

/// A tree of small files, key and scratch folder beside it.
struct Place {
    tree: PathBuf,
    key: PathBuf,
    scratch: PathBuf,
}

impl Place {
    fn make(tools: &Tools, folder: &Path) -> Result<Self, Failure> {
        let place = Self {
            tree: folder.join("tree"),
            key: folder.join("key"),
            scratch: folder.join("scratch"),
        };
        fs::create_dir_all(&place.tree)?;
        fs::create_dir_all(&place.scratch)?;
        tools.generate_key(&place.key)?;
        Ok(place)
    }
}

/// Small files by the whole program: start-up, recording, signing, and the link on the disk.
pub(super) fn small_files(
    tools: &Tools,
    folder: &Path,
    sizes: &Sizes,
) -> Result<Vec<Row>, Failure> {
    let count = sizes.small_files;
    announce(&format!("record {count} files of 4 KiB"));
    let place = Place::make(tools, &folder.join("small-files"))?;
    let mut noise = Noise::new();
    for number in 0..count {
        let directory = place.tree.join(format!("{:03}", number / 200));
        if number % 200 == 0 {
            fs::create_dir_all(&directory)?;
        }
        write_noise(&directory.join(format!("{number:06}.bin")), SMALL_FILE, &mut noise)?;
    }
    let threads = threads();
    let (mut alone, mut ours) = (Vec::new(), Vec::new());
    // Turn by turn, so that a change of the machine's mood meets both.
    for _ in 0..sizes.repeats {
        alone.push(Duration::from_secs_f64(tools.hash_alone(&place.tree, threads)?));
        ours.push(once(tools.record(&place.tree, &place.key, &place.scratch))?);
    }
    let (alone, ours) = (median_of(alone)?, median_of(ours)?);
    let peer = peer_time(tools, &place)?;
    Ok(vec![Row {
        what: "the same by `unbroken run`, link signed and on the disk".to_owned(),
        target: format!(">= {WHOLE_RATIO_TARGET} x python"),
        measured: format!("{:.0} files/s ({})", rate(count, ours), seconds(ours)),
        peer: format!(
            "python {}; open+read+hash alone {}",
            peer.map_or_else(
                || "not here".to_owned(),
                |time| format!("{:.0} files/s", rate(count, time))
            ),
            seconds(alone)
        ),
        ratio: peer
            .map_or_else(String::new, |time| format!("{:.1} x faster", quotient(time, ours))),
        reached: peer.is_some_and(|time| quotient(time, ours) >= WHOLE_RATIO_TARGET),
    }])
}

/// Small files by the recording room alone: walk, open, read, hash, name and sort, beside opening,
/// reading and hashing a list that is known. The room's own bench runs both sides by turns.
pub(super) fn small_files_of_the_room(
    workspace: &Workspace,
    sizes: &Sizes,
) -> Result<Vec<Row>, Failure> {
    let count = sizes.small_files;
    announce(&format!("hash {count} files of 4 KiB by the recording room"));
    let answer = workspace
        .cargo()
        .args(["bench", "--package", "unbroken-record", "--bench", "record"])
        .env("RECORD_FILES", count.to_string())
        .env("RECORD_LARGE", "1")
        .env("RECORD_LARGE_MIB", "1")
        .output()?;
    let table = String::from_utf8(answer.stdout)?;
    let cells = table
        .lines()
        .find(|line| line.starts_with(&format!("| {count} files")))
        .map(|line| line.split('|').map(str::trim).collect::<Vec<_>>())
        .ok_or("the bench `record` of unbroken-record printed no row")?;
    let number = |index: usize| -> Result<f64, Failure> {
        let cell: &str = cells.get(index).ok_or("the bench's row is too short")?;
        Ok(cell.split(' ').next().unwrap_or_default().parse()?)
    };
    let (ours, bare, ratio) = (number(3)?, number(4)?, number(5)?);
    Ok(vec![
        Row {
            what: format!("record {count} files of 4 KiB"),
            target: format!(">= {SMALL_RATE_TARGET} files/s"),
            measured: format!("{ours:.0} files/s"),
            peer: format!("open+read+hash alone {bare:.0} files/s"),
            ratio: String::new(),
            reached: ours >= SMALL_RATE_TARGET,
        },
        Row {
            what: "the same, beside open+read+hash alone".to_owned(),
            target: format!("<= {SMALL_RATIO_TARGET} times its time"),
            measured: format!("{ratio:.2} times"),
            peer: String::new(),
            ratio: format!("{ratio:.2} x its time"),
            reached: ratio <= SMALL_RATIO_TARGET,
        },
    ])
}

/// Large files: what counts is how near the recording comes to what the cores can hash.
pub(super) fn large_files(
    tools: &Tools,
    folder: &Path,
    sizes: &Sizes,
) -> Result<Vec<Row>, Failure> {
    let (count, size) = (sizes.large_files, sizes.large_file_mebibytes);
    announce(&format!("record {count} files of {size} MiB"));
    let place = Place::make(tools, &folder.join("large-files"))?;
    let mut noise = Noise::new();
    for number in 0..count {
        write_noise(&place.tree.join(format!("{number:02}.bin")), size << 20, &mut noise)?;
    }
    let threads = threads();
    let (mut rates, mut alone, mut times) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..sizes.repeats.min(3) {
        rates.push(tools.hashing_rate(threads)?);
        alone.push(Duration::from_secs_f64(tools.hash_alone(&place.tree, threads)?));
        times.push(once(tools.record(&place.tree, &place.key, &place.scratch))?);
    }
    let (ours, alone) = (median_of(times)?, median_of(alone)?);
    let limit = rates.iter().sum::<f64>() / rate(rates.len(), Duration::from_secs(1));
    let memory = peak_memory(tools.record(&place.tree, &place.key, &place.scratch))?;
    let peer = peer_time(tools, &place)?;
    fs::remove_dir_all(&place.tree)?;
    let bytes_per_second = |time| rate(count * size, time) * 1_048_576.0;
    let share = bytes_per_second(ours) / limit;
    Ok(vec![
        Row {
            what: format!("record {count} files of {size} MiB"),
            target: format!(">= {:.0} % of the hashing rate", LARGE_SHARE_TARGET * 100.0),
            measured: format!("{} ({:.0} %)", gigabytes(bytes_per_second(ours)), share * 100.0),
            peer: format!(
                "{} in memory, {threads} threads{}",
                gigabytes(limit),
                peer.map_or_else(String::new, |time| format!(
                    "; python {}",
                    gigabytes(bytes_per_second(time))
                ))
            ),
            ratio: peer.map_or_else(String::new, |time| {
                format!("{:.1} x faster than python", quotient(time, ours))
            }),
            reached: share >= LARGE_SHARE_TARGET,
        },
        Row {
            what: "the same, beside open+read+hash alone".to_owned(),
            target: format!(">= {:.0} % of its rate", LARGE_SHARE_TARGET * 100.0),
            measured: gigabytes(bytes_per_second(ours)),
            peer: format!("{}, {threads} threads", gigabytes(bytes_per_second(alone))),
            ratio: format!("{:.0} % of its rate", quotient(alone, ours) * 100.0),
            reached: quotient(alone, ours) >= LARGE_SHARE_TARGET,
        },
        Row {
            what: "the same: memory".to_owned(),
            target: format!("<= {}", mebibytes(LARGE_MEMORY_TARGET)),
            measured: mebibytes(memory),
            peer: String::new(),
            ratio: String::new(),
            reached: memory <= LARGE_MEMORY_TARGET,
        },
    ])
}

fn peer_time(tools: &Tools, place: &Place) -> Result<Option<Duration>, Failure> {
    tools.peer_record(&place.tree, &place.key, &place.scratch).map(once).transpose()
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn gigabytes(bytes_per_second: f64) -> String {
    format!("{:.2} GB/s", bytes_per_second / 1e9)
}

/// Bytes that neither repeat within a file nor from file to file; the same ones in every run.
struct Noise {
    state: u64,
}

impl Noise {
    fn new() -> Self {
        Self { state: 0x9e37_79b9_7f4a_7c15 }
    }

    /// One step of xorshift64: plenty for data that only has to be different.
    fn next(&mut self) -> [u8; 8] {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state.to_le_bytes()
    }
}

fn write_noise(file: &Path, size: usize, noise: &mut Noise) -> io::Result<()> {
    let mut file = File::create(file)?;
    // One fresh block per file, repeated with a fresh start: fast enough for gibibytes.
    let mut block = Vec::with_capacity(1 << 20);
    while block.len() < size.min(1 << 20) {
        block.extend_from_slice(&noise.next());
    }
    let mut left = size;
    while left > 0 {
        let part = block.get(..left.min(block.len())).unwrap_or_default();
        file.write_all(part)?;
        left -= part.len();
    }
    Ok(())
}
