//! One image, resolved once: the digests by which a chain may name it.

use std::fmt;
use std::str::FromStr;

use unbroken_model::digest::Digest;

use crate::content::Content;
use crate::descriptor::Descriptor;
use crate::error::{OciError, Result, short};
use crate::manifest::{Fetched, Manifest};
use crate::reference::Selector;

/// `os/architecture`, perhaps with `/variant`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform(String);

/// What a name led to, at one moment. Everything further goes by these digests.
#[derive(Clone, Debug)]
pub struct ResolvedImage {
    /// The index, where the name led to one.
    pub index: Option<Fetched>,
    /// The image: that of the platform asked for, or what the name led to. Nothing for an index
    /// of which no platform was chosen.
    pub image: Option<Fetched>,
}

/// The digests of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageDigests {
    /// The digest that the image is called by: of its manifest, or of an index that stands for it.
    pub digest: Digest,
    /// Others that name the same image: of its configuration, and of the index that it is a child of.
    pub others: Vec<Digest>,
}

/// Fetches what a name leads to, and from an index the image of a platform.
///
/// # Errors
/// [`OciError::NotFound`] for a platform that the index has not; [`OciError::Malformed`] for one
/// that it has twice; those of [`Content::manifest`].
pub fn resolve(
    content: &dyn Content,
    selector: &Selector,
    platform: Option<&Platform>,
) -> Result<ResolvedImage> {
    let fetched = content.manifest(selector)?;
    let Manifest::Index(index) = &fetched.manifest else {
        return Ok(ResolvedImage { index: None, image: Some(fetched) });
    };
    let Some(platform) = platform else {
        return Ok(ResolvedImage { index: Some(fetched), image: None });
    };
    let what = || format!("{platform} in {}", fetched.descriptor.digest);
    let mut of_platform = index.manifests.iter().filter(|child| platform.is_of(child));
    let child = match (of_platform.next(), of_platform.next()) {
        (Some(child), None) => child,
        (None, _) => return Err(OciError::NotFound { what: what() }),
        // Which of them runs is the runtime's choice, so none can be verified in its place.
        (Some(_), Some(_)) => return Err(OciError::malformed(what(), "it is there twice")),
    };
    let image = content.manifest_of(child)?;
    Ok(ResolvedImage { index: Some(fetched), image: Some(image) })
}

impl ResolvedImage {
    /// Returns the descriptor of what the image is called by.
    pub fn descriptor(&self) -> Option<&Descriptor> {
        self.image.as_ref().or(self.index.as_ref()).map(|fetched| &fetched.descriptor)
    }

    /// Returns the digests by which a chain may name the image. An index stands for its children; a
    /// child does not stand for the index.
    pub fn digests(&self) -> Option<ImageDigests> {
        let digest = self.descriptor()?.digest.clone();
        let image = self.image.as_ref();
        let config = image
            .and_then(|image| image.manifest.as_image())
            .map(|image| image.config.digest.clone());
        let index = image.and(self.index.as_ref()).map(|index| index.descriptor.digest.clone());
        Some(ImageDigests { digest, others: config.into_iter().chain(index).collect() })
    }
}

impl Platform {
    fn is_of(&self, child: &Descriptor) -> bool {
        let Some(of_child) = &child.platform else { return false };
        let without_variant = of_child.splitn(3, '/').take(2).collect::<Vec<_>>().join("/");
        *of_child == self.0 || without_variant == self.0
    }
}

impl FromStr for Platform {
    type Err = OciError;

    fn from_str(text: &str) -> Result<Self> {
        let parts: Vec<&str> = text.split('/').collect();
        let plain = |part: &&str| {
            let word = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            !part.is_empty() && part.bytes().all(word)
        };
        if (2..=3).contains(&parts.len()) && parts.iter().all(plain) {
            return Ok(Self(text.to_owned()));
        }
        let fault = "a platform has the form os/architecture or os/architecture/variant";
        Err(OciError::Settings { what: short(text), fault: fault.to_owned() })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}
