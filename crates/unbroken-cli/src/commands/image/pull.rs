//! `unbroken image pull`: writes what lies beside an image into a folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use unbroken_oci::evidence::Evidence;
use unbroken_record::atomic::Overwrite;

use super::Beside;
use crate::error::{CliError, Result};
use crate::exit::Exit;
use crate::files;
use crate::output::{Output, count, escape_line};

/// Write what lies beside an image into a folder
///
/// Links get the names under which they were attached, so that `unbroken verify --link-dir` reads the folder.
/// A file that is there already and has other content is left alone.
#[derive(Args, Debug)]
pub(crate) struct Pull {
    #[command(flatten)]
    beside: Beside,
    /// The folder; it is made if it is not there
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
}

impl Pull {
    pub(crate) fn run(self, output: &Output) -> Result<Exit> {
        let (image, found) = self.beside.gather()?;
        let mut names: BTreeMap<String, &Evidence> = BTreeMap::new();
        for piece in &found.evidence {
            let title = piece.title.clone().unwrap_or_else(|| piece.blob.digest.hex().to_owned());
            // Two pieces with one name are both kept: neither may hide the other.
            let name = match names.get(&title) {
                Some(other) if other.blob.digest == piece.blob.digest => continue,
                Some(_) => format!("{}.{title}", piece.blob.digest.short()),
                None => title,
            };
            names.insert(name, piece);
        }
        for (name, piece) in &names {
            write(&self.output.join(name), &piece.bytes)?;
            output.data(&format!("{}\n", escape_line(name)));
        }
        for skipped in &found.skipped {
            output.warning(&format!("passed over {}: {}", skipped.what, skipped.reason));
        }
        output.talk(&format!(
            "{} of {}@{}",
            count(names.len(), "file"),
            image.name,
            image.fetched.descriptor.digest
        ));
        Ok(Exit::Success)
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| {
            CliError::undecided(format!("cannot make {}", folder.display())).because(error)
        })?;
    }
    if path.is_file() && files::read(path)? == bytes {
        return Ok(());
    }
    files::write(path, bytes, 0o644, Overwrite::Refuse)
}
