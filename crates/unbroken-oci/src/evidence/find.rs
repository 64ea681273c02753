//! Finds evidence: referrers, cosign's tags, and BuildKit's manifests in an index.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use unbroken_model::digest::Digest;

use super::{Evidence, Found, Skipped, Way, plain_title};
use crate::classify::recognise;
use crate::content::{Content, read_blob};
use crate::descriptor::Descriptor;
use crate::error::{OciError, Result};
use crate::manifest::{Fetched, Image, Manifest};
use crate::reference::Selector;
use crate::referrers::{fallback_tag, list};
use crate::{media_type, referrers};

/// How many manifests are fetched at once.
const WORKERS: usize = 8;
/// The annotation of manifests in an index that hold BuildKit's statements. Nobody signed those: fetching
/// them can wait until somebody asks for everything.
const BUILDKIT_MANIFEST: &str = "attestation-manifest";

/// How far to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Where signed links and layouts may lie.
    Chain,
    /// Everywhere.
    All,
}

/// Finds the evidence beside an image.
///
/// # Errors
/// Any error means that it is not known what there is: a place that did not answer is never taken
/// for one that has nothing. What is there and is no evidence is told in [`Found::skipped`].
pub fn find(content: &dyn Content, image: &Fetched, scope: Scope) -> Result<Found> {
    let mut found = find_referrers(content, &image.descriptor.digest)?;
    let others = find_others(content, image, scope, total(&found.evidence))?;
    found.evidence.extend(others.evidence);
    found.skipped.extend(others.skipped);
    sort(&mut found);
    Ok(found)
}

/// Finds the evidence that refers to an image, of which no more than the digest has to be known.
///
/// # Errors
/// Those of [`find`].
pub fn find_referrers(content: &dyn Content, subject: &Digest) -> Result<Found> {
    let mut found = Found::default();
    let (listed, _) = list(content, subject)?;
    let referrers: Vec<_> = listed.into_iter().map(|entry| (entry, Way::Referrer)).collect();
    gather(content, subject, &referrers, 0, &mut found)?;
    sort(&mut found);
    Ok(found)
}

/// Finds what lies beside an image in other ways; `spent` bytes were found in the first one.
///
/// # Errors
/// Those of [`find`].
pub fn find_others(
    content: &dyn Content,
    image: &Fetched,
    scope: Scope,
    spent: u64,
) -> Result<Found> {
    let (subject, mut found) = (&image.descriptor.digest, Found::default());
    let suffixes: &[&str] = match scope {
        Scope::Chain => &["att"],
        Scope::All => &["att", "sig", "sbom"],
    };
    for suffix in suffixes {
        let tag = format!("{}.{suffix}", fallback_tag(subject));
        match content.manifest(&Selector::Tag(tag)) {
            Ok(fetched) => {
                let entry = (fetched.descriptor, Way::CosignTag);
                gather(content, subject, &[entry], spent, &mut found)?;
            }
            Err(OciError::NotFound { .. }) => {}
            Err(error) if is_of_the_content(&error) => {
                let what = format!("the manifest of {}.{suffix}", fallback_tag(subject));
                found.skipped.push(Skipped { what, reason: error });
            }
            Err(error) => return Err(error),
        }
    }
    if let (Manifest::Index(index), Scope::All) = (&image.manifest, scope) {
        let children = index.manifests.iter().filter(|child| is_attestation(child));
        let children: Vec<_> = children.map(|child| (child.clone(), Way::BuildKit)).collect();
        gather(content, subject, &children, spent, &mut found)?;
    }
    sort(&mut found);
    Ok(found)
}

fn sort(found: &mut Found) {
    found.evidence.sort_by(|a, b| {
        let key = |piece: &Evidence| {
            (piece.way, piece.manifest.to_string(), piece.blob.digest.to_string())
        };
        key(a).cmp(&key(b))
    });
    found.evidence.dedup_by(|a, b| a.manifest == b.manifest && a.blob.digest == b.blob.digest);
}

/// Tells a manifest of attestations in an index from an image: by its annotation, its type, or the
/// platform that no machine has.
fn is_attestation(child: &Descriptor) -> bool {
    let annotation = child.annotations.get(media_type::BUILDKIT_TYPE);
    annotation.is_some_and(|annotation| annotation == BUILDKIT_MANIFEST)
        || child.artifact_type.as_deref() == Some(media_type::BUILDKIT_ARTIFACT)
        || child.platform.as_deref() == Some("unknown/unknown")
}

/// Fetches manifests and what they hold, several at a time.
fn gather(
    content: &dyn Content,
    subject: &Digest,
    entries: &[(Descriptor, Way)],
    before: u64,
    found: &mut Found,
) -> Result<()> {
    let next = AtomicUsize::new(0);
    let spent = Mutex::new(before.saturating_add(total(&found.evidence)));
    let results = Mutex::new(Vec::new());
    let work = || {
        while let Some((entry, way)) = entries.get(next.fetch_add(1, Ordering::Relaxed)) {
            let result = pieces(content, subject, entry, *way, &spent);
            let failed = matches!(&result, Err(error) if !is_of_the_content(error));
            lock(&results).push((entry, result));
            if failed {
                // What is not known cannot become known by the others.
                next.fetch_add(entries.len(), Ordering::Relaxed);
            }
        }
    };
    if entries.len() < 2 {
        work();
    } else {
        std::thread::scope(|scope| {
            for _ in 0..WORKERS.min(entries.len()) {
                scope.spawn(work);
            }
        });
    }
    // Which pieces the bound leaves out would be a matter of which came first.
    let limit = content.limits().evidence_total;
    if spent.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) > limit {
        let what = format!("the evidence beside {}", content.place());
        return Err(OciError::limit(what, limit, "bytes"));
    }
    for (entry, result) in results.into_inner().unwrap_or_default() {
        match result {
            Ok(pieces) => found.evidence.extend(pieces),
            Err(error) if is_of_the_content(&error) => {
                let what = format!("the manifest {}", entry.digest);
                found.skipped.push(Skipped { what, reason: error });
            }
            Err(error) => return Err(error),
        }
    }
    found.skipped.sort_by(|a, b| a.what.cmp(&b.what));
    Ok(())
}

/// Sums up the sizes of pieces of evidence.
pub fn total(evidence: &[Evidence]) -> u64 {
    evidence.iter().map(|piece| piece.blob.size).fold(0, u64::saturating_add)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Tells whether an error is about one piece, which anybody who may push can have put there, as
/// opposed to the place, which then did not say what it has.
fn is_of_the_content(error: &OciError) -> bool {
    matches!(
        error,
        OciError::Malformed { .. }
            | OciError::Limit { .. }
            | OciError::NotFound { .. }
            | OciError::Digest { .. }
    )
}

fn pieces(
    content: &dyn Content,
    subject: &Digest,
    entry: &Descriptor,
    way: Way,
    spent: &Mutex<u64>,
) -> Result<Vec<Evidence>> {
    let what = || format!("the manifest {}", entry.digest);
    // Of the entry only the digest counts: lists have type and size wrong.
    let fetched = content.manifest(&Selector::Digest(entry.digest.clone()))?;
    let Manifest::Image(image) = &fetched.manifest else {
        return Err(OciError::malformed(what(), "it is an index, which holds no evidence"));
    };
    if way == Way::Referrer {
        // The list is a claim of the place; that the manifest names the image is in its own bytes.
        match &image.subject {
            Some(named) if named.digest == *subject => {}
            Some(named) => {
                let fault = format!("it refers to {}, not to this image", named.digest);
                return Err(OciError::malformed(what(), fault));
            }
            None => return Err(OciError::malformed(what(), "it refers to nothing")),
        }
    }
    layers(content, &fetched, image, way, spent)
}

fn layers(
    content: &dyn Content,
    fetched: &Fetched,
    image: &Image,
    way: Way,
    spent: &Mutex<u64>,
) -> Result<Vec<Evidence>> {
    let limits = content.limits();
    let mut pieces = Vec::new();
    for layer in &image.layers {
        if layer.digest.to_string() == referrers::EMPTY_DIGEST {
            continue;
        }
        if layer.size > limits.evidence_bytes {
            let what = layer.digest.to_string();
            return Err(OciError::limit(what, limits.evidence_bytes, "bytes"));
        }
        {
            let mut spent = lock(spent);
            *spent = spent.saturating_add(layer.size);
            if *spent > limits.evidence_total {
                // The caller sees that, and gives up.
                return Ok(pieces);
            }
        }
        let bytes = match layer.inline()? {
            Some(bytes) => bytes,
            None => read_blob(content, layer, limits.evidence_bytes)?,
        };
        let title = layer.annotations.get(media_type::TITLE);
        pieces.push(Evidence {
            way,
            manifest: fetched.descriptor.digest.clone(),
            blob: layer.bare(),
            title: title.and_then(|title| plain_title(title)).map(str::to_owned),
            recognised: recognise(&layer.media_type, &bytes),
            bytes,
        });
    }
    Ok(pieces)
}
