//! Images as the artifacts of a step.

use std::str::FromStr;

use clap::Args;
use unbroken_model::artifact::ArtifactSet;
use unbroken_model::digest::{Digest, DigestSet};
use unbroken_model::path::ArtifactPath;
use unbroken_oci::location::Location;
use unbroken_oci::reference::Repository;
use unbroken_oci::registry::Client;
use unbroken_oci::{Identified, OciError, identify};

use crate::error::{CliError, Result};
use crate::registries::{RegistryOptions, oci_error};

/// An image to record: `[NAME=]PLACE`.
#[derive(Clone, Debug)]
pub(crate) struct ImageArgument {
    name: Option<Repository>,
    place: Location,
}

/// Images that a step uses.
#[derive(Args, Clone, Debug)]
pub(crate) struct ImageMaterials {
    /// An image that is used: registry/app:1, oci:DIR, ... or NAME=oci:DIR
    #[arg(long, value_name = "IMAGE", hide_short_help = true)]
    pub(crate) image_material: Vec<ImageArgument>,
}

/// Images that a step makes.
#[derive(Args, Clone, Debug)]
pub(crate) struct ImageProducts {
    /// An image that is made: registry/app:1, oci:DIR, ... or NAME=oci:DIR
    #[arg(long, value_name = "IMAGE", hide_short_help = true)]
    pub(crate) image_product: Vec<ImageArgument>,
}

/// What happens to an image that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MissingImage {
    Fail,
    /// A command that failed need not have made it.
    Skip,
}

impl FromStr for ImageArgument {
    type Err = OciError;

    fn from_str(text: &str) -> std::result::Result<Self, OciError> {
        match text.split_once('=') {
            Some((name, place)) => Ok(Self { name: Some(name.parse()?), place: place.parse()? }),
            None => Ok(Self { name: None, place: text.parse()? }),
        }
    }
}

/// Finds the digests of images and adds them to artifacts: `oci:registry/repository` with the
/// digest of the manifest, `oci-config:registry/repository` with that of the configuration.
pub(crate) fn add_images(
    artifacts: ArtifactSet,
    images: &[ImageArgument],
    registries: &RegistryOptions,
    missing: MissingImage,
) -> Result<ArtifactSet> {
    if images.is_empty() {
        return Ok(artifacts);
    }
    let client = registries.client()?;
    let mut entries: Vec<_> = artifacts.iter().cloned().collect();
    for image in images {
        match found(image, &client) {
            Ok(found) => entries.extend(entries_of(image, &found)?),
            Err(_) if missing == MissingImage::Skip => {}
            Err(error) => return Err(error),
        }
    }
    ArtifactSet::from_entries(entries).map_err(|error| {
        CliError::usage("nothing was recorded")
            .because(error)
            .remedy("give one of the images another name: NAME=PLACE")
    })
}

/// Joins artifacts that were found before a command to those that were recorded.
pub(crate) fn join(artifacts: &ArtifactSet, more: &ArtifactSet) -> Result<ArtifactSet> {
    let entries = artifacts.iter().chain(more).cloned().collect();
    ArtifactSet::from_entries(entries)
        .map_err(|error| CliError::usage("nothing was recorded").because(error))
}

fn found(image: &ImageArgument, client: &Client) -> Result<Identified> {
    // Without a platform, an index stands for all of its images.
    identify(&image.place, client, None).map_err(|error| oci_error(&error))
}

fn entries_of(image: &ImageArgument, found: &Identified) -> Result<Vec<(ArtifactPath, DigestSet)>> {
    let name = image.name.as_ref().or(found.name.as_ref()).ok_or_else(|| {
        let place = &image.place;
        CliError::usage(format!("{place} does not tell the repository of its image"))
            .remedy(format!("name it: registry/repository={place}"))
    })?;
    let named = [("oci", &found.manifest), ("oci-config", &found.config)];
    let entry = |(scheme, digest): (&str, &Option<Digest>)| {
        let digest = digest.clone()?;
        let path = format!("{scheme}:{name}").parse::<ArtifactPath>();
        Some(path.map(|path| (path, DigestSet::from_iter([digest]))))
    };
    let entries: std::result::Result<Vec<_>, _> = named.into_iter().filter_map(entry).collect();
    entries.map_err(|error| CliError::usage("the image cannot be recorded").because(error))
}
