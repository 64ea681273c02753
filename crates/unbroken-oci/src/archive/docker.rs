//! What `docker save` writes: a list of images by configuration, and in new releases an image layout too.

use std::path::Path;

use unbroken_model::digest::Digest;
use unbroken_model::json::Value;

use super::TarFile;
use crate::descriptor::{array, object, text};
use crate::digest;
use crate::error::{OciError, Result};
use crate::limits::Limits;

/// An image of a docker archive. The archive has no manifest: the image is known by its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DockerImage {
    /// The digest of the configuration, which is the image's id.
    pub config: Digest,
    /// The names that the image had.
    pub names: Vec<String>,
}

/// Lists the images of a docker archive.
///
/// # Errors
/// [`OciError::Malformed`] for an archive that is none.
pub fn docker_images(path: &Path, limits: &Limits) -> Result<Vec<DockerImage>> {
    let place = path.display().to_string();
    let tar = TarFile::open(path, limits)?;
    let list = tar.read("manifest.json", limits.manifest_bytes)?;
    let list = Value::parse(&list, &limits.json())
        .map_err(|error| OciError::malformed(&place, error.to_string()))?;
    let items = list
        .as_array()
        .ok_or_else(|| OciError::malformed(&place, "its manifest.json is no list"))?;
    let image = |item: &Value<'_>| {
        let item = object(item, &place)?;
        let config = text(item, "Config", &place)?
            .ok_or_else(|| OciError::malformed(&place, "an image has no configuration"))?;
        // What the file is named is a claim; its digest is not.
        let config = digest::sha256(&tar.read(config, limits.manifest_bytes)?);
        let names = array(item, "RepoTags", &place)?.unwrap_or_default();
        let names = names.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        Ok(DockerImage { config, names })
    };
    items.iter().map(image).collect()
}
