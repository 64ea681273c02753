//! Copies an image with everything that lies beside it: between registries, image layouts and archives.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use unbroken_model::digest::Digest;

use crate::content::{Content, Pushed};
use crate::descriptor::Descriptor;
use crate::error::{OciError, Result};
use crate::manifest::{Fetched, Manifest};
use crate::media_type;
use crate::reference::Selector;
use crate::referrers::{add_to_fallback, fallback_tag, list};

/// How many blobs are on their way at once.
const WORKERS: usize = 4;
/// How deep indexes lie in each other, and evidence beside evidence: a signature of an attestation
/// of an image is the third.
const DEEPEST: usize = 4;

/// Is told how far a copy has come, from several threads.
pub trait Progress: Sync {
    /// Hears of bytes that are still to be moved.
    fn found(&self, bytes: u64);
    /// Hears of bytes that were moved, or were there already.
    fn moved(&self, bytes: u64);
}

/// Whether the evidence beside an image is copied too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WithEvidence {
    /// All of it: what refers to the image and to its children, and cosign's tags.
    #[default]
    Yes,
    /// The image alone.
    No,
}

/// What a copy came to.
#[derive(Clone, Debug)]
pub struct Copied {
    /// The image.
    pub image: Descriptor,
    /// How many manifests lie beside it.
    pub evidence: usize,
}

/// Copies what a tag or digest of one place names to a tag or digest of another.
///
/// Bytes are never changed: the copy has the digest of the image.
///
/// # Errors
/// Those of both places. What was copied before stays, and a tag is written last.
pub fn copy(
    from: (&dyn Content, &Selector),
    to: (&dyn Content, Option<&Selector>),
    with: WithEvidence,
    progress: &dyn Progress,
) -> Result<Copied> {
    let copier = Copier { from: from.0, to: to.0, progress, done: Mutex::default() };
    let image = copier.from.manifest(from.1)?;
    let selector =
        to.1.cloned().unwrap_or_else(|| Selector::Digest(image.descriptor.digest.clone()));
    copier.parts(&image, 0)?;
    let mut evidence = 0;
    if with == WithEvidence::Yes {
        // Before the tag: whoever finds the image finds what vouches for it.
        copier.to.push_part(&image)?;
        evidence = copier.beside(&image, 0)?;
    }
    copier.to.push_manifest(&image, &selector)?;
    Ok(Copied { image: image.descriptor, evidence })
}

struct Copier<'a> {
    from: &'a dyn Content,
    to: &'a dyn Content,
    progress: &'a dyn Progress,
    /// What has been copied: layers and evidence are shared between images.
    done: Mutex<BTreeSet<Digest>>,
}

impl Copier<'_> {
    fn is_new(&self, digest: &Digest) -> bool {
        let mut done = self.done.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        done.insert(digest.clone())
    }

    fn too_deep(&self) -> OciError {
        let limit = u64::try_from(DEEPEST).unwrap_or(u64::MAX);
        OciError::limit(self.from.place(), limit, "manifests within each other")
    }

    /// Copies what a manifest is made of, and not the manifest itself.
    fn parts(&self, manifest: &Fetched, depth: usize) -> Result<()> {
        if depth > DEEPEST {
            return Err(self.too_deep());
        }
        match &manifest.manifest {
            Manifest::Index(index) => {
                for child in &index.manifests {
                    if self.is_new(&child.digest) {
                        let fetched = self.from.manifest_of(child)?;
                        self.parts(&fetched, depth + 1)?;
                        self.to.push_part(&fetched)?;
                    }
                }
                Ok(())
            }
            Manifest::Image(image) => {
                let blobs = std::iter::once(&image.config).chain(&image.layers);
                let blobs: Vec<&Descriptor> =
                    blobs.filter(|blob| self.is_new(&blob.digest)).collect();
                self.blobs(&blobs)
            }
        }
    }

    fn blobs(&self, blobs: &[&Descriptor]) -> Result<()> {
        let limit = self.from.limits().layer_bytes;
        for blob in blobs {
            if blob.size > limit {
                return Err(OciError::limit(blob.digest.to_string(), limit, "bytes"));
            }
            self.progress.found(blob.size);
        }
        let (next, failed) = (AtomicUsize::new(0), Mutex::new(None));
        let work = || {
            while let Some(blob) = blobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Err(error) = self.blob(blob) {
                    next.fetch_add(blobs.len(), Ordering::Relaxed);
                    let mut failed =
                        failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    failed.get_or_insert(error);
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..WORKERS.min(blobs.len()) {
                scope.spawn(work);
            }
        });
        match failed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn blob(&self, blob: &Descriptor) -> Result<()> {
        if self.to.has_blob(blob)? {
            self.progress.moved(blob.size);
            return Ok(());
        }
        let stream = match self.from.blob(blob) {
            // A layer that may not be handed on lies with its maker. Its own address is not asked.
            Err(OciError::NotFound { .. }) if may_be_elsewhere(&blob.media_type) => return Ok(()),
            stream => stream?,
        };
        self.to.push_blob(blob, &mut Counted { inner: stream, progress: self.progress })
    }

    /// Copies what lies beside a manifest, and beside its children.
    fn beside(&self, manifest: &Fetched, depth: usize) -> Result<usize> {
        if depth > DEEPEST {
            return Err(self.too_deep());
        }
        let subject = &manifest.descriptor.digest;
        let mut count = 0;
        let mut unlisted = Vec::new();
        for entry in list(self.from, subject)?.0 {
            let fetched = match self.from.manifest(&Selector::Digest(entry.digest.clone())) {
                // Whoever may push can list what is not there.
                Err(OciError::NotFound { .. }) => continue,
                fetched => fetched?,
            };
            if fetched.manifest.subject().is_none_or(|named| named.digest != *subject)
                || !self.is_new(&entry.digest)
            {
                continue;
            }
            self.parts(&fetched, depth)?;
            let pushed =
                self.to.push_manifest(&fetched, &Selector::Digest(entry.digest.clone()))?;
            if pushed == Pushed::Unlisted {
                unlisted.push(match &fetched.manifest {
                    Manifest::Image(image) => image.listed(&fetched.descriptor),
                    Manifest::Index(_) => fetched.descriptor.bare(),
                });
            }
            count += 1 + self.beside(&fetched, depth + 1)?;
        }
        if !unlisted.is_empty() {
            add_to_fallback(self.to, subject, &unlisted)?;
        }
        for suffix in ["att", "sig", "sbom"] {
            let tag = Selector::Tag(format!("{}.{suffix}", fallback_tag(subject)));
            match self.from.manifest(&tag) {
                Ok(fetched) => {
                    self.parts(&fetched, depth)?;
                    self.to.push_manifest(&fetched, &tag)?;
                    count += 1;
                }
                Err(OciError::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        if let Manifest::Index(index) = &manifest.manifest {
            for child in &index.manifests {
                if media_type::MANIFESTS.contains(&child.media_type.as_str()) {
                    count += self.beside(&self.from.manifest_of(child)?, depth + 1)?;
                }
            }
        }
        Ok(count)
    }
}

fn may_be_elsewhere(media_type: &str) -> bool {
    media_type.contains("nondistributable") || media_type.contains("foreign")
}

/// A stream that tells how much has flowed.
struct Counted<'a, R> {
    inner: R,
    progress: &'a dyn Progress,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.progress.moved(u64::try_from(count).unwrap_or(u64::MAX));
        Ok(count)
    }
}
