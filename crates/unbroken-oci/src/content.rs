//! Places that keep content by digest: a repository of a registry, an image layout, an archive.

use std::io::Read;

use unbroken_model::digest::Digest;

use crate::descriptor::Descriptor;
use crate::digest::of_stream;
use crate::error::{OciError, Result};
use crate::limits::Limits;
use crate::manifest::{Due, Fetched};
use crate::reference::Selector;

/// A place that keeps manifests and blobs.
///
/// Whatever comes out of it has been held against digest, size and media type, for bytes that are
/// streamed at the end of the stream. All calls block; a place may be used by several threads.
pub trait Content: Send + Sync {
    /// Names the place for people.
    fn place(&self) -> String;

    /// Returns the bounds that the place keeps.
    fn limits(&self) -> &Limits;

    /// Fetches a manifest by tag or digest.
    ///
    /// # Errors
    /// [`OciError::NotFound`] when it is certain that there is none, any other error when it is not.
    fn manifest(&self, selector: &Selector) -> Result<Fetched>;

    /// Fetches a manifest by its descriptor.
    ///
    /// # Errors
    /// Those of [`Self::manifest`], and [`OciError::Mismatch`] for another size or media type.
    fn manifest_of(&self, due: &Descriptor) -> Result<Fetched> {
        let fetched = self.manifest(&Selector::Digest(due.digest.clone()))?;
        let what = fetched.descriptor.digest.to_string();
        // The bytes have the digest; size and type are what the descriptor may have wrong.
        let told = Some(fetched.descriptor.media_type.as_str());
        Fetched::check(&what, fetched.bytes, told, &Due::Descriptor(due), self.limits())
    }

    /// Opens a blob. The stream fails at its end if the content is not what was asked for.
    ///
    /// # Errors
    /// Those of [`Self::manifest`].
    fn blob(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send + '_>>;

    /// Returns what refers to a manifest as far as the place itself keeps account, or nothing
    /// when it keeps none and the fallback tag has to.
    ///
    /// # Errors
    /// Any error means that it is not known what there is.
    fn referrers(&self, subject: &Digest) -> Result<Option<Vec<Descriptor>>>;

    /// Hears that a fallback tag had what the place itself keeps no account of, so that the next
    /// image need not ask for both.
    fn has_fallback(&self) {}

    /// Tells whether a blob is there.
    ///
    /// # Errors
    /// Any error means that it is not known.
    fn has_blob(&self, blob: &Descriptor) -> Result<bool>;

    /// Stores a blob of the descriptor's digest and size.
    ///
    /// # Errors
    /// [`OciError::Unsupported`] for a place that takes nothing.
    fn push_blob(&self, blob: &Descriptor, content: &mut (dyn Read + Send)) -> Result<()>;

    /// Stores a manifest that others name: one of an index, or an image before it gets its tag.
    ///
    /// # Errors
    /// Those of [`Self::push_manifest`].
    fn push_part(&self, manifest: &Fetched) -> Result<()> {
        let selector = Selector::Digest(manifest.descriptor.digest.clone());
        self.push_manifest(manifest, &selector).map(drop)
    }

    /// Stores a manifest, by its digest or under a tag.
    ///
    /// # Errors
    /// [`OciError::Unsupported`] for a place that takes nothing.
    fn push_manifest(&self, manifest: &Fetched, selector: &Selector) -> Result<Pushed>;
}

/// What became of a manifest that was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// The place keeps account of what refers to what, and lists it from now on.
    Listed,
    /// The place does not say that it lists referrers: the fallback tag has to.
    Unlisted,
}

/// Reads a whole blob that may have at most `limit` bytes.
///
/// # Errors
/// [`OciError::Limit`] for a larger one, before anything is fetched, and those of [`Content::blob`].
pub fn read_blob(content: &dyn Content, blob: &Descriptor, limit: u64) -> Result<Vec<u8>> {
    let what = blob.digest.to_string();
    if blob.size > limit {
        return Err(OciError::limit(what, limit, "bytes"));
    }
    // The size is a claim until the end of the stream: memory grows with what really comes.
    let mut bytes = Vec::new();
    let action = format!("reading {what}");
    content.blob(blob)?.read_to_end(&mut bytes).map_err(|error| of_stream(&action, error))?;
    Ok(bytes)
}
