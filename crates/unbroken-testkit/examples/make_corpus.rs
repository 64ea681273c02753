//! Writes the seeds that are missing of every fuzz target to `fuzz/corpus`, beside what fuzzing has found there.
#![expect(clippy::print_stdout, reason = "a program says what it did")]

use std::error::Error;
use std::fs;

use unbroken_testkit::entries;

fn main() -> Result<(), Box<dyn Error>> {
    for entry in entries::ALL {
        let folder = entries::fuzz_folder().join("corpus").join(entry.name);
        fs::create_dir_all(&folder)?;
        for (index, seed) in entry.seeds().into_iter().enumerate() {
            let file = folder.join(format!("seed-{index}"));
            // Some seeds hold random numbers: one that is there stays as it is.
            if !file.exists() {
                fs::write(file, seed)?;
            }
        }
    }
    println!("{} targets in {}", entries::ALL.len(), entries::fuzz_folder().display());
    Ok(())
}
