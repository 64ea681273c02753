//! `unbroken image pull`: writes what lies beside an image into a folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use unbroken_oci::evidence::{Evidence, Scope};
use unbroken_oci::image::Platform;
use unbroken_oci::location::Location;
use unbroken_record::atomic::Overwrite;

use super::{find_image, gather};
use crate::error::{CliError, Result};
use crate::exit::Exit;
use crate::files;
use crate::output::{Output, count, escape_line};
use crate::registries::RegistryOptions;

/// Write what lies beside an image into a folder
///
/// Links get the names under which they were attached, so that `unbroken verify --link-dir` reads the folder.
/// A file that is there already and has other content is left alone.
#[derive(Args, Debug)]
pub(crate) struct Pull {
    /// The image, as `image digest` takes it
    image: Location,
    /// The folder; it is made if it is not there
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Of an index, pull what is beside the image of this platform too
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<Platform>,
    /// Look there too: a repository, oci:FOLDER or folder:FOLDER; may be repeated
    #[arg(long, value_name = "STORE")]
    evidence: Vec<Location>,
    #[command(flatten)]
    registries: RegistryOptions,
}

impl Pull {
    pub(crate) fn run(self, output: &Output) -> Result<Exit> {
        let client = self.registries.client()?;
        let image = find_image(&self.image, &client, self.platform.as_ref())?;
        let found = gather(&image, &self.image, &self.evidence, &client, Scope::All)?;
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
