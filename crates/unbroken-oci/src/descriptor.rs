//! Descriptors: the media type, digest and size under which content is named.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use unbroken_model::digest::Digest;
use unbroken_model::json::{Object, Value};

use crate::digest;
use crate::error::{OciError, Result, short};

/// A name of content that tells what the content must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// The media type.
    pub media_type: String,
    /// The digest.
    pub digest: Digest,
    /// The size in bytes.
    pub size: u64,
    /// The type of the artifact behind a manifest. A hint: registries get it wrong.
    pub artifact_type: Option<String>,
    /// The annotations. Hints, unless they stand in content of a known digest.
    pub annotations: BTreeMap<String, String>,
    /// `os/architecture` or `os/architecture/variant`.
    pub platform: Option<String>,
    /// The content itself, in base64, where the descriptor brings it.
    data: Option<String>,
    /// The descriptor as it came, so that what others wrote is written back whole.
    raw: Option<Object<'static>>,
}

impl Descriptor {
    /// Describes bytes.
    pub fn of(media_type: impl Into<String>, bytes: &[u8]) -> Self {
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Self::new(media_type, digest::sha256(bytes), size)
    }

    /// Describes content that is known by digest and size.
    pub fn new(media_type: impl Into<String>, digest: Digest, size: u64) -> Self {
        Self {
            media_type: media_type.into(),
            digest,
            size,
            artifact_type: None,
            annotations: BTreeMap::new(),
            platform: None,
            data: None,
            raw: None,
        }
    }

    /// Returns the three things that say which content is meant, without hints.
    #[must_use]
    pub fn bare(&self) -> Self {
        Self::new(self.media_type.clone(), self.digest.clone(), self.size)
    }

    pub(crate) fn read(value: &Value<'_>, place: &str) -> Result<Self> {
        let object = object(value, place)?;
        let digest = digest::parse(
            text(object, "digest", place)?
                .ok_or_else(|| OciError::malformed(place, "a descriptor has no digest"))?,
        )?;
        let size = object.get("size").and_then(Value::as_integer);
        // A size below zero, or one that no file system holds, is a trap for arithmetic.
        let size = size.and_then(|size| i64::try_from(size).ok());
        let size = size.and_then(|size| u64::try_from(size).ok()).ok_or_else(|| {
            OciError::malformed(place, format!("the size of {digest} is not a size"))
        })?;
        let media_type = text(object, "mediaType", place)?.map(short).ok_or_else(|| {
            OciError::malformed(place, format!("the descriptor of {digest} has no media type"))
        })?;
        Ok(Self {
            media_type,
            digest,
            size,
            artifact_type: text(object, "artifactType", place)?.map(short),
            annotations: annotations(object, place)?,
            platform: platform(object.get("platform"), place)?,
            data: text(object, "data", place)?.map(str::to_owned),
            raw: Some(object.clone().into_owned()),
        })
    }

    /// Writes the descriptor; one that came from others is written as it came.
    pub(crate) fn to_value(&self) -> Value<'static> {
        if let Some(raw) = &self.raw {
            return Value::Object(raw.clone());
        }
        let mut object = Object::new();
        object.insert("mediaType", self.media_type.clone());
        object.insert("digest", self.digest.to_string());
        object.insert("size", Value::Integer(i128::from(self.size)));
        if let Some(artifact_type) = &self.artifact_type {
            object.insert("artifactType", artifact_type.clone());
        }
        if !self.annotations.is_empty() {
            object.insert("annotations", strings(&self.annotations));
        }
        if let Some(data) = &self.data {
            object.insert("data", data.clone());
        }
        if let Some(platform) = &self.platform {
            let mut parts = platform.splitn(3, '/');
            let mut value = Object::new();
            for name in ["os", "architecture", "variant"] {
                if let Some(part) = parts.next() {
                    value.insert(name, part.to_owned());
                }
            }
            object.insert("platform", value);
        }
        object.into()
    }

    /// Returns the content that the descriptor itself brings, held against digest and size.
    ///
    /// # Errors
    /// [`OciError::Malformed`] when it is not that content: it is a claim like any other.
    pub(crate) fn inline(&self) -> Result<Option<Vec<u8>>> {
        let Some(data) = &self.data else { return Ok(None) };
        let what = format!("the content within the descriptor of {}", self.digest);
        let bytes = BASE64
            .decode(data.as_bytes())
            .map_err(|_| OciError::malformed(&what, "it is not base64"))?;
        let sound = u64::try_from(bytes.len()).is_ok_and(|size| size == self.size)
            && digest::check(&what, &bytes, &self.digest).is_ok();
        if sound { Ok(Some(bytes)) } else { Err(OciError::malformed(what, "it is other content")) }
    }

    /// Lets the descriptor bring the content itself.
    pub(crate) fn set_inline(&mut self, bytes: &[u8]) {
        self.data = Some(BASE64.encode(bytes));
    }

    /// Gives the content another name in an image layout.
    pub(crate) fn with_annotation(mut self, name: &str, value: &str) -> Self {
        self.annotations.insert(name.to_owned(), value.to_owned());
        if let Some(raw) = &mut self.raw {
            raw.insert("annotations", strings(&self.annotations));
        }
        self
    }
}

/// Writes annotations.
pub(crate) fn strings(annotations: &BTreeMap<String, String>) -> Object<'static> {
    let mut object = Object::new();
    for (name, value) in annotations {
        object.insert(name.clone(), value.clone());
    }
    object
}

pub(crate) fn object<'v, 'a>(value: &'v Value<'a>, place: &str) -> Result<&'v Object<'a>> {
    value.as_object().ok_or_else(|| {
        OciError::malformed(place, format!("{} stands where an object is due", value.type_name()))
    })
}

/// Finds a member that is a string; `null` counts as absent.
pub(crate) fn text<'v>(object: &'v Object<'_>, name: &str, place: &str) -> Result<Option<&'v str>> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(OciError::malformed(place, format!("{name} is not a string"))),
    }
}

/// Finds a member that is an array; `null` counts as absent.
pub(crate) fn array<'v, 'a>(
    object: &'v Object<'a>,
    name: &str,
    place: &str,
) -> Result<Option<&'v [Value<'a>]>> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(items)) => Ok(Some(items)),
        Some(_) => Err(OciError::malformed(place, format!("{name} is not an array"))),
    }
}

pub(crate) fn annotations(object: &Object<'_>, place: &str) -> Result<BTreeMap<String, String>> {
    let members = match object.get("annotations") {
        None | Some(Value::Null) => return Ok(BTreeMap::new()),
        Some(Value::Object(members)) => members,
        Some(_) => return Err(OciError::malformed(place, "annotations are not an object")),
    };
    let pairs = members.iter().map(|(name, value)| match value.as_str() {
        Some(text) => Ok((name.to_owned(), text.to_owned())),
        None => Err(OciError::malformed(place, "an annotation is not a string")),
    });
    pairs.collect()
}

fn platform(value: Option<&Value<'_>>, place: &str) -> Result<Option<String>> {
    let Some(value) = value.filter(|value| **value != Value::Null) else { return Ok(None) };
    let value = object(value, place)?;
    let mut text_of = Vec::new();
    for name in ["os", "architecture", "variant"] {
        text_of.extend(text(value, name, place)?.filter(|part| !part.is_empty()).map(short));
    }
    Ok(Some(text_of.join("/")))
}
