//! `unbroken image digest`: tells by which digests an image goes.

use clap::{Args, ValueEnum};
use serde_json::json;
use unbroken_oci::identify;

use super::Asked;
use crate::error::{CliError, Result};
use crate::exit::Exit;
use crate::output::Output;
use crate::registries::oci_error;

/// Print the digest of an image
///
/// IMAGE is registry/repository:TAG@DIGEST, or a place:
/// oci:FOLDER:TAG, oci-archive:FILE:TAG, docker-archive:FILE:NAME, containers-storage:NAME
/// (buildah, podman), docker-daemon:NAME, or digest-file:FILE (what kaniko and others write).
#[derive(Args, Debug)]
pub(crate) struct ImageDigest {
    #[command(flatten)]
    asked: Asked,
    /// The form of the answer
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// The digest alone
    Text,
    /// Every digest that is known: of manifest, configuration and index
    Json,
}

impl ImageDigest {
    pub(crate) fn run(self, output: &Output) -> Result<Exit> {
        let Asked { image, platform, registries } = &self.asked;
        let found = identify(image, &registries.client()?, platform.as_ref())
            .map_err(|error| oci_error(&error))?;
        let digests = found
            .digests()
            .ok_or_else(|| CliError::undecided(format!("{image} tells no digest of its image")))?;
        match self.format {
            Format::Text => {
                if found.manifest.is_none() {
                    output.warning("this is the image's id: its place keeps no manifest");
                }
                output.data(&format!("{}\n", digests.digest));
            }
            Format::Json => {
                let text = |digest: &Option<unbroken_model::digest::Digest>| {
                    digest.as_ref().map(ToString::to_string)
                };
                let answer = json!({
                    "name": found.name.as_ref().map(ToString::to_string),
                    "manifest": text(&found.manifest),
                    "config": text(&found.config),
                    "index": text(&found.index),
                });
                output.data(&format!("{answer:#}\n"));
            }
        }
        Ok(Exit::Success)
    }
}
