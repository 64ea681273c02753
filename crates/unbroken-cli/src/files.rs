//! Reading and writing the files that a user names.

use std::io::Read;
use std::path::Path;

use unbroken_record::atomic::{self, Overwrite};

use crate::error::{CliError, Result};

/// The largest file of metadata that is read; a link of 400,000 artifacts has 90 MB.
const LARGEST: u64 = 256 << 20;
/// The largest layout that is read.
const LARGEST_LAYOUT: u64 = 16 << 20;
/// The largest key or passphrase file that is read.
const LARGEST_KEY: u64 = 1 << 20;

/// Reads metadata; `-` is stdin.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    read_bounded(path, LARGEST)
}

/// Reads a layout; `-` is stdin.
pub(crate) fn read_layout(path: &Path) -> Result<Vec<u8>> {
    read_bounded(path, LARGEST_LAYOUT)
}

/// Reads a key or a passphrase.
pub(crate) fn read_key(path: &Path) -> Result<Vec<u8>> {
    read_bounded(path, LARGEST_KEY)
}

fn read_bounded(path: &Path, largest: u64) -> Result<Vec<u8>> {
    let failed =
        |error| CliError::undecided(format!("cannot read {}", path.display())).because(error);
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        let read = std::io::stdin().lock().take(largest + 1).read_to_end(&mut bytes);
        read.map_err(failed)?;
    } else {
        let file = std::fs::File::open(path).map_err(failed)?;
        if file.metadata().map_err(failed)?.is_dir() {
            return Err(CliError::usage(format!("{} is a folder, not a file", path.display())));
        }
        file.take(largest + 1).read_to_end(&mut bytes).map_err(failed)?;
    }
    if u64::try_from(bytes.len()).is_ok_and(|size| size > largest) {
        let path = path.display();
        return Err(CliError::undecided(format!("{path} is larger than {largest} bytes")));
    }
    Ok(bytes)
}

/// Writes a file whole or not at all.
pub(crate) fn write(path: &Path, bytes: &[u8], mode: u32, overwrite: Overwrite) -> Result<()> {
    atomic::write(path, bytes, mode, overwrite).map_err(|error| {
        let exists = error.is_exists();
        let failed = CliError::undecided(format!("cannot write {}", path.display())).because(error);
        if exists {
            failed.remedy("choose another name, or use --force to replace it")
        } else {
            failed
        }
    })
}
