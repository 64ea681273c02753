//! Opens the place of an image, and tells by which digests it goes.

use std::path::Path;

use unbroken_model::digest::Digest;

use crate::archive::{OciArchive, docker_images};
use crate::content::Content;
use crate::error::{OciError, Result};
use crate::image::{ImageDigests, Platform, ResolvedImage, resolve};
use crate::image_layout::{ImageLayout, read_bounded};
use crate::location::Location;
use crate::programs::{StoredImage, containers_storage, docker_daemon};
use crate::reference::{Reference, Repository, Selector};
use crate::registry::Client;
use crate::{digest, media_type};

/// The largest file that holds a digest.
const LARGEST_DIGEST_FILE: u64 = 4096;

/// What is known of an image, wherever it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identified {
    /// The repository that it belongs to, where its place tells.
    pub name: Option<Repository>,
    /// The digest of its manifest, or of the index that its name leads to.
    pub manifest: Option<Digest>,
    /// The digest of its configuration, the image's id.
    pub config: Option<Digest>,
    /// The digest of the index that it is a child of, where its name led there.
    pub index: Option<Digest>,
}

impl Identified {
    /// Returns the digests by which a chain may name the image.
    pub fn digests(&self) -> Option<ImageDigests> {
        let all = [&self.manifest, &self.config, &self.index].into_iter().flatten().cloned();
        let mut all = all.collect::<Vec<_>>().into_iter();
        Some(ImageDigests { digest: all.next()?, others: all.collect() })
    }

    fn of(name: Option<Repository>, resolved: &ResolvedImage) -> Self {
        let image = resolved.image.as_ref();
        let config = image
            .and_then(|image| image.manifest.as_image())
            // An artifact that is no image has no id.
            .filter(|image| image.artifact_type.is_none())
            .filter(|image| image.config.media_type != media_type::EMPTY)
            .map(|image| image.config.digest.clone());
        Self {
            name,
            manifest: resolved.descriptor().map(|descriptor| descriptor.digest.clone()),
            config,
            index: image.and(resolved.index.as_ref()).map(|index| index.descriptor.digest.clone()),
        }
    }

    fn of_store(image: StoredImage) -> Self {
        let StoredImage { manifest, config, names } = image;
        Self { name: names.iter().find_map(|name| repository(name)), manifest, config, index: None }
    }
}

/// Opens a place that keeps content by digest, and says which manifest is meant.
///
/// # Errors
/// [`OciError::Unsupported`] for the stores of programs, which do not give manifests out.
pub fn open(location: &Location, client: &Client) -> Result<(Box<dyn Content>, Selector)> {
    let limits = client.limits();
    match location {
        Location::Registry(reference) => {
            Ok((Box::new(client.repository(reference.repository())), reference.selector()))
        }
        Location::Layout(path, selector) => {
            let layout = ImageLayout::open(path, limits)?;
            let selector = layout.select(selector.as_ref())?;
            Ok((Box::new(layout), selector))
        }
        Location::OciArchive(path, selector) => {
            let archive = OciArchive::open(path, limits)?;
            let selector = archive.select(selector.as_ref())?;
            Ok((Box::new(archive), selector))
        }
        other => Err(OciError::Unsupported {
            place: other.to_string(),
            fault: "does not give out manifests and blobs: push the image to a registry, or save it as an OCI archive",
        }),
    }
}

/// Finds the digests of an image. A tag is resolved here, once.
///
/// # Errors
/// Those of [`open`] and of what is opened.
pub fn identify(
    location: &Location,
    client: &Client,
    platform: Option<&Platform>,
) -> Result<Identified> {
    match location {
        Location::ContainersStorage(name) => containers_storage(name).map(Identified::of_store),
        Location::DockerDaemon(name) => docker_daemon(name).map(Identified::of_store),
        Location::DockerArchive(path, name) => docker_archive(path, name.as_deref(), client),
        Location::DigestFile(path) => digest_file(path),
        Location::Registry(_) | Location::Layout(..) | Location::OciArchive(..) => {
            look_up(location, client, platform).map(|(identified, _)| identified)
        }
        Location::Folder(_) => Err(OciError::Unsupported {
            place: location.to_string(),
            fault: "holds evidence, not an image",
        }),
    }
}

/// Looks up an image of a place that gives out manifests. A tag is resolved here, once.
///
/// # Errors
/// Those of [`open`] and of [`resolve`].
pub fn look_up(
    location: &Location,
    client: &Client,
    platform: Option<&Platform>,
) -> Result<(Identified, ResolvedImage)> {
    let name = match location {
        Location::Registry(reference) => Some(reference.repository().clone()),
        Location::Layout(_, Some(Selector::Tag(name)))
        | Location::OciArchive(_, Some(Selector::Tag(name))) => repository(name),
        _ => None,
    };
    let (content, selector) = open(location, client)?;
    let resolved = resolve(content.as_ref(), &selector, platform)?;
    Ok((Identified::of(name, &resolved), resolved))
}

/// Takes a name that a program keeps for an image, if it is one of a registry.
fn repository(name: &str) -> Option<Repository> {
    // A mere tag would pass for an image of Docker Hub.
    let reference: Reference = name.parse().ok().filter(|_| name.contains(['/', ':']))?;
    Some(reference.repository().clone())
}

fn docker_archive(path: &Path, name: Option<&str>, client: &Client) -> Result<Identified> {
    // New releases of docker put an image layout beside their own list: it has the manifest.
    if let Ok(archive) = OciArchive::open(path, client.limits())
        && let Ok(selector) = archive.select(None)
        && name.is_none()
    {
        let resolved = resolve(&archive, &selector, None)?;
        let names = docker_images(path, client.limits())?;
        let name = names.iter().flat_map(|image| &image.names).find_map(|name| repository(name));
        return Ok(Identified::of(name, &resolved));
    }
    let mut images = docker_images(path, client.limits())?;
    if let Some(wanted) = name {
        images.retain(|image| image.names.iter().any(|name| name == wanted));
    }
    let place = format!("docker-archive:{}", path.display());
    match (images.len(), images.pop()) {
        (1, Some(image)) => Ok(Identified {
            name: image.names.iter().find_map(|name| repository(name)),
            manifest: None,
            config: Some(image.config),
            index: None,
        }),
        (0, _) => Err(OciError::NotFound { what: format!("the image in {place}") }),
        _ => Err(OciError::Unsupported {
            place,
            fault: "holds several images: name one behind a second colon",
        }),
    }
}

/// Reads what a builder wrote: a digest, or a name with a digest.
fn digest_file(path: &Path) -> Result<Identified> {
    let bytes = read_bounded(path, LARGEST_DIGEST_FILE)?;
    let what = path.display().to_string();
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| OciError::malformed(&what, "it is no text"))?
        .trim_ascii();
    let (name, digest) = if text.contains('@') {
        let reference: Reference = text.parse()?;
        let digest = reference.digest().cloned();
        let digest = digest.ok_or_else(|| OciError::malformed(&what, "it names no digest"));
        (Some(reference.repository().clone()), digest)
    } else {
        (None, digest::parse(text))
    };
    let manifest = digest.map_err(|_| OciError::malformed(what, "it holds no sha256 digest"))?;
    Ok(Identified { name, manifest: Some(manifest), config: None, index: None })
}
