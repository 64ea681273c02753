//! The bar of the speed table: SHA-256 over the files of a folder, opened, read and hashed on several
//! threads and nothing else; or, with `--memory`, over memory that is already there.
//!
//! `hash_alone [FOLDER [THREADS]]` prints the files, the bytes and the seconds (without the listing);
//! `hash_alone --memory [THREADS]` prints the bytes and the seconds.

#![expect(clippy::print_stdout, reason = "its output is read by `cargo xtask bench`")]

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use aws_lc_rs::digest::{Context, SHA256};

const BUFFER: usize = 128 * 1024;
const MEMORY_ROUNDS: u64 = 16;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let threads = arguments.get(1).map_or(Ok(2), |count| count.parse::<usize>())?;
    match arguments.first().map(String::as_str) {
        Some("--memory") => hash_memory(threads),
        Some(folder) => hash_folder(Path::new(folder), threads)?,
        None => hash_folder(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), threads)?,
    }
    Ok(())
}

fn hash_memory(threads: usize) {
    let memory = vec![0x5a_u8; 16 << 20];
    let bytes = AtomicU64::new(0);
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                for _ in 0..MEMORY_ROUNDS {
                    let mut context = Context::new(&SHA256);
                    memory.chunks(BUFFER).for_each(|part| context.update(part));
                    std::hint::black_box(context.finish());
                    bytes.fetch_add(u64::try_from(memory.len()).unwrap_or(0), Ordering::Relaxed);
                }
            });
        }
    });
    println!("{} {}", bytes.into_inner(), start.elapsed().as_secs_f64());
}

fn hash_folder(folder: &Path, threads: usize) -> io::Result<()> {
    let mut files = Vec::new();
    list(folder, &mut files)?;
    files.sort();
    let next = AtomicUsize::new(0);
    let bytes = AtomicU64::new(0);
    let start = Instant::now();
    thread::scope(|scope| {
        let workers: Vec<_> =
            (0..threads).map(|_| scope.spawn(|| work(&files, &next, &bytes))).collect();
        workers.into_iter().try_for_each(|worker| {
            worker.join().unwrap_or_else(|_| Err(io::Error::other("a worker panicked")))
        })
    })?;
    let seconds = start.elapsed().as_secs_f64();
    println!("{} {} {seconds}", files.len(), bytes.into_inner());
    Ok(())
}

fn work(files: &[PathBuf], next: &AtomicUsize, bytes: &AtomicU64) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
        let mut file = File::open(path)?;
        let mut context = Context::new(&SHA256);
        loop {
            let count = file.read(&mut buffer)?;
            let Some(part) = buffer.get(..count).filter(|part| !part.is_empty()) else { break };
            context.update(part);
            bytes.fetch_add(u64::try_from(count).unwrap_or(0), Ordering::Relaxed);
        }
        std::hint::black_box(context.finish());
    }
    Ok(())
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            list(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}
