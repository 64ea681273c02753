//! Attaches evidence to an image, as referrers that any tool of the OCI finds.

use std::collections::BTreeMap;

use crate::classify::{Kind, recognise};
use crate::content::{Content, Pushed};
use crate::descriptor::Descriptor;
use crate::error::{OciError, Result};
use crate::manifest::{Fetched, Image, Manifest};
use crate::media_type;
use crate::reference::Selector;
use crate::referrers::add_to_fallback;
use crate::registry::pause;

/// Evidence up to this size stands in the manifest too, which saves readers a request each. The
/// blob is stored all the same: not every reader looks there.
const INLINE: usize = 64 << 10;

/// A piece of evidence to attach.
#[derive(Clone, Debug)]
pub struct Piece {
    /// The file name to attach it under.
    pub title: String,
    /// The media type, or nothing to recognise it.
    pub media_type: Option<String>,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// What was attached.
#[derive(Clone, Debug)]
pub struct Attached {
    /// What the piece is.
    pub kind: Kind,
    /// Its manifest.
    pub manifest: Descriptor,
}

/// Attaches evidence to a manifest. The same evidence attached again is the same manifest: nothing
/// changes.
///
/// # Errors
/// What was attached before the error stays, and attaching all again is harmless.
pub fn attach(
    content: &dyn Content,
    subject: &Descriptor,
    pieces: &[Piece],
) -> Result<Vec<Attached>> {
    let mut attached = Vec::new();
    let mut unlisted = Vec::new();
    for piece in pieces {
        let kind = recognise(piece.media_type.as_deref().unwrap_or_default(), &piece.bytes).kind;
        let manifest = manifest_of(subject, piece, kind);
        if let Some(layer) = manifest.layers.first() {
            known(content.push_blob(layer, &mut piece.bytes.as_slice()))?;
        }
        let bytes = manifest.to_bytes();
        let descriptor = Descriptor::of(media_type::MANIFEST, &bytes);
        let listed = manifest.listed(&descriptor);
        let selector = Selector::Digest(descriptor.digest.clone());
        let fetched = Fetched { descriptor, bytes, manifest: Manifest::Image(manifest) };
        let pushed = match content.push_manifest(&fetched, &selector) {
            Err(error) if may_pass(&error) => store_again(content, piece, &fetched)?,
            pushed => pushed?,
        };
        if pushed == Pushed::Unlisted {
            unlisted.push(listed);
        }
        attached.push(Attached { kind, manifest: fetched.descriptor });
    }
    if !unlisted.is_empty() {
        add_to_fallback(content, &subject.digest, &unlisted)?;
    }
    Ok(attached)
}

/// How often a piece is stored again that the registry did not take.
const TRIES: u32 = 8;

/// Stores a piece whole once more, after a pause.
fn store_again(content: &dyn Content, piece: &Piece, manifest: &Fetched) -> Result<Pushed> {
    let selector = Selector::Digest(manifest.descriptor.digest.clone());
    let mut outcome = Err(OciError::NotFound { what: manifest.descriptor.digest.to_string() });
    for attempt in 0..TRIES {
        std::thread::sleep(pause(attempt, None));
        if let Some(layer) = manifest.manifest.as_image().and_then(|image| image.layers.first()) {
            known(content.push_blob(layer, &mut piece.bytes.as_slice()))?;
        }
        outcome = content.push_manifest(manifest, &selector);
        if !outcome.as_ref().is_err_and(may_pass) {
            break;
        }
    }
    outcome
}

/// Passes over a failure of the moment: whether a blob is there is seen when the manifest that names
/// it is stored.
fn known<T>(outcome: Result<T>) -> Result<Option<T>> {
    match outcome {
        Err(error) if error.is_momentary() => Ok(None),
        outcome => outcome.map(Some),
    }
}

/// Tells whether a refused manifest may be taken another time: while others store the same blob, a
/// registry may for a moment not have it.
fn may_pass(error: &OciError) -> bool {
    matches!(error, OciError::Status { status: 400, .. } | OciError::NotFound { .. })
        || error.is_momentary()
}

/// The manifest of a piece: nothing in it depends on when or by whom it is attached.
///
/// The piece is its own configuration, as it is all that the artifact has. An empty one would cost the
/// registry two more requests, and would be the one blob that all writers store at the same time.
fn manifest_of(subject: &Descriptor, piece: &Piece, kind: Kind) -> Image {
    let media_type = piece.media_type.clone().unwrap_or_else(|| kind.media_type().to_owned());
    let mut layer = Descriptor::of(media_type.clone(), &piece.bytes);
    layer.annotations.insert(media_type::TITLE.to_owned(), piece.title.clone());
    if piece.bytes.len() <= INLINE {
        layer.set_inline(&piece.bytes);
    }
    Image {
        config: layer.bare(),
        layers: vec![layer],
        artifact_type: Some(media_type),
        subject: Some(subject.bare()),
        annotations: BTreeMap::new(),
    }
}
