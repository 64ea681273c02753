//! Manifests and indexes: parsed under limits, and refused where two readers could take them for two things.

use std::collections::BTreeMap;

use unbroken_model::decode::look_alike;
use unbroken_model::digest::Digest;
use unbroken_model::json::{Object, Value};

use crate::descriptor::{Descriptor, annotations, array, object, strings, text};
use crate::digest::{self, mismatch};
use crate::error::{OciError, Result, short};
use crate::limits::Limits;
use crate::media_type;

/// The members that a manifest or an index may have here.
const MEMBERS: [&str; 8] = [
    "schemaVersion",
    "mediaType",
    "artifactType",
    "config",
    "layers",
    "manifests",
    "subject",
    "annotations",
];

/// A manifest or an index that has the digest by which it was asked for.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// Media type, digest and size of the bytes.
    pub descriptor: Descriptor,
    /// The bytes as they came.
    pub bytes: Vec<u8>,
    /// What they say.
    pub manifest: Manifest,
}

/// What the bytes of a manifest say.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Manifest {
    /// One image, or an artifact.
    Image(Image),
    /// A list of manifests.
    Index(Index),
}

/// The manifest of an image, or of an artifact.
#[derive(Clone, Debug)]
pub struct Image {
    /// The configuration; its digest is the image's id.
    pub config: Descriptor,
    /// The layers.
    pub layers: Vec<Descriptor>,
    /// The type of an artifact.
    pub artifact_type: Option<String>,
    /// What an artifact is about.
    pub subject: Option<Descriptor>,
    /// The annotations.
    pub annotations: BTreeMap<String, String>,
}

/// A list of manifests.
#[derive(Clone, Debug, Default)]
pub struct Index {
    /// The manifests.
    pub manifests: Vec<Descriptor>,
    /// What an artifact is about.
    pub subject: Option<Descriptor>,
    /// The type of an artifact.
    pub artifact_type: Option<String>,
    /// The annotations.
    pub annotations: BTreeMap<String, String>,
}

impl Fetched {
    /// Takes bytes for the manifest that was asked for.
    ///
    /// `told` is the media type by which whoever sent them called them, `due` what they must be.
    ///
    /// # Errors
    /// [`OciError::Mismatch`] when digest, size or media type is not that of `due`, or when sender
    /// and content disagree on the type; [`OciError::Malformed`] and [`OciError::Limit`] as in
    /// [`Manifest::parse`].
    pub fn check(
        what: &str,
        bytes: Vec<u8>,
        told: Option<&str>,
        due: &Due<'_>,
        limits: &Limits,
    ) -> Result<Self> {
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let digest = match due {
            Due::Digest(digest) => {
                digest::check(what, &bytes, digest)?;
                (*digest).clone()
            }
            Due::Descriptor(descriptor) => {
                if descriptor.size != size {
                    return Err(mismatch(what, "size", &descriptor.size, &size));
                }
                digest::check(what, &bytes, &descriptor.digest)?;
                descriptor.digest.clone()
            }
            Due::Tag => digest::sha256(&bytes),
        };
        let told = told.map(media_type::essence);
        let (manifest, media_type) = Manifest::parse(what, &bytes, told, limits)?;
        if let Due::Descriptor(descriptor) = due
            && descriptor.media_type != media_type
        {
            return Err(mismatch(what, "media type", &descriptor.media_type, &media_type));
        }
        Ok(Self { descriptor: Descriptor::new(media_type, digest, size), bytes, manifest })
    }
}

/// What a manifest is asked for by.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Due<'a> {
    /// A tag: whatever comes is what the tag names now.
    Tag,
    /// A digest.
    Digest(&'a Digest),
    /// Media type, digest and size.
    Descriptor(&'a Descriptor),
}

impl Manifest {
    /// Parses a manifest or an index; returns it with its media type.
    ///
    /// # Errors
    /// [`OciError::Malformed`] for what is not strict JSON, names a member twice, or has the
    /// members of both kinds; [`OciError::Mismatch`] when `told` and the document disagree.
    pub fn parse(
        what: &str,
        bytes: &[u8],
        told: Option<&str>,
        limits: &Limits,
    ) -> Result<(Self, String)> {
        let value = Value::parse(bytes, &limits.json()).map_err(|error| {
            let source = std::error::Error::source(&error).map(ToString::to_string);
            OciError::malformed(what, short(&source.unwrap_or_else(|| error.to_string())))
        })?;
        let document = object(&value, what)?;
        let names = document.iter().map(|(name, _)| name).filter(|name| !MEMBERS.contains(name));
        if let Some((name, like)) = look_alike(names, &MEMBERS) {
            let fault = format!("some readers take its member {:?} for {like:?}", short(name));
            return Err(OciError::malformed(what, fault));
        }
        if document.get("schemaVersion").and_then(Value::as_integer) != Some(2) {
            return Err(OciError::malformed(what, "its schema version is not 2"));
        }
        let own = text(document, "mediaType", what)?;
        // A document that one reader takes for an index and another for an image is two images.
        if let (Some(own), Some(told)) = (own, told)
            && own != told
        {
            return Err(mismatch(what, "media type", &told, &own));
        }
        let media_type = own.or(told);
        let has = |name| document.get(name).is_some();
        let image = has("config") || has("layers") || has("fsLayers");
        match (has("manifests"), image) {
            (true, false) => {
                let media_type = media_type.unwrap_or(media_type::INDEX);
                if !media_type::is_index(media_type) {
                    return Err(mismatch(what, "media type", &"that of an index", &media_type));
                }
                Ok((Self::Index(index(document, what, limits)?), media_type.to_owned()))
            }
            (false, true) => {
                let media_type = media_type.unwrap_or(media_type::MANIFEST);
                if !media_type::is_manifest(media_type) {
                    return Err(mismatch(what, "media type", &"that of an image", &media_type));
                }
                Ok((Self::Image(image_of(document, what, limits)?), media_type.to_owned()))
            }
            (true, true) => Err(OciError::malformed(what, "it is an index and an image at once")),
            (false, false) => Err(OciError::malformed(what, "it is neither an image nor an index")),
        }
    }

    /// Returns what the artifact is about.
    pub fn subject(&self) -> Option<&Descriptor> {
        match self {
            Self::Image(image) => image.subject.as_ref(),
            Self::Index(index) => index.subject.as_ref(),
        }
    }

    /// Returns the index.
    pub fn as_index(&self) -> Option<&Index> {
        if let Self::Index(index) = self { Some(index) } else { None }
    }

    /// Returns the image or artifact.
    pub fn as_image(&self) -> Option<&Image> {
        if let Self::Image(image) = self { Some(image) } else { None }
    }

    /// Returns everything that the manifest names and that is part of it.
    pub fn parts(&self) -> Vec<&Descriptor> {
        match self {
            Self::Image(image) => std::iter::once(&image.config).chain(&image.layers).collect(),
            Self::Index(index) => index.manifests.iter().collect(),
        }
    }
}

impl Image {
    /// Writes the manifest of an artifact.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut object = Object::new();
        object.insert("schemaVersion", Value::Integer(2));
        object.insert("mediaType", media_type::MANIFEST);
        if let Some(artifact_type) = &self.artifact_type {
            object.insert("artifactType", artifact_type.clone());
        }
        object.insert("config", self.config.to_value());
        object.insert("layers", self.layers.iter().map(Descriptor::to_value).collect::<Vec<_>>());
        if let Some(subject) = &self.subject {
            object.insert("subject", subject.to_value());
        }
        if !self.annotations.is_empty() {
            object.insert("annotations", strings(&self.annotations));
        }
        Value::Object(object).to_compact().into_bytes()
    }

    /// Describes the manifest as a list of referrers does.
    pub(crate) fn listed(&self, descriptor: &Descriptor) -> Descriptor {
        let artifact_type = self.artifact_type.clone();
        let mut listed = descriptor.bare();
        listed.artifact_type =
            Some(artifact_type.unwrap_or_else(|| self.config.media_type.clone()));
        listed.annotations.clone_from(&self.annotations);
        listed
    }
}

impl Index {
    /// Writes the index.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut object = Object::new();
        object.insert("schemaVersion", Value::Integer(2));
        object.insert("mediaType", media_type::INDEX);
        let manifests = self.manifests.iter().map(Descriptor::to_value).collect::<Vec<_>>();
        object.insert("manifests", manifests);
        if !self.annotations.is_empty() {
            object.insert("annotations", strings(&self.annotations));
        }
        Value::Object(object).to_compact().into_bytes()
    }
}

fn index(document: &Object<'_>, what: &str, limits: &Limits) -> Result<Index> {
    let items = array(document, "manifests", what)?.unwrap_or_default();
    bounded(items, limits.children, what, "manifests")?;
    let manifests = items.iter().map(|item| Descriptor::read(item, what));
    Ok(Index {
        manifests: manifests.collect::<Result<_>>()?,
        subject: subject(document, what)?,
        artifact_type: text(document, "artifactType", what)?.map(short),
        annotations: annotations(document, what)?,
    })
}

fn image_of(document: &Object<'_>, what: &str, limits: &Limits) -> Result<Image> {
    let config = document
        .get("config")
        .ok_or_else(|| OciError::malformed(what, "it has layers and no configuration"))?;
    let items = array(document, "layers", what)?
        .ok_or_else(|| OciError::malformed(what, "it has a configuration and no layers"))?;
    bounded(items, limits.layers, what, "layers")?;
    let layers = items.iter().map(|item| Descriptor::read(item, what));
    Ok(Image {
        config: Descriptor::read(config, what)?,
        layers: layers.collect::<Result<_>>()?,
        artifact_type: text(document, "artifactType", what)?.map(short),
        subject: subject(document, what)?,
        annotations: annotations(document, what)?,
    })
}

fn subject(document: &Object<'_>, what: &str) -> Result<Option<Descriptor>> {
    match document.get("subject") {
        None | Some(Value::Null) => Ok(None),
        Some(value) => Descriptor::read(value, what).map(Some),
    }
}

fn bounded(items: &[Value<'_>], limit: usize, what: &str, unit: &'static str) -> Result<()> {
    if items.len() <= limit {
        return Ok(());
    }
    Err(OciError::limit(what, u64::try_from(limit).unwrap_or(u64::MAX), unit))
}

#[cfg(test)]
mod tests;
