//! Cosign's older scheme: attestations as layers under a tag that is made of the image's digest.

use std::collections::BTreeMap;
use std::time::Duration;

use unbroken_model::json::{Object, Value};
use unbroken_model::link::LINK_PREDICATE;

use crate::attach::{Attached, Piece};
use crate::classify::{Kind, recognise};
use crate::content::Content;
use crate::descriptor::{Descriptor, strings};
use crate::error::{OciError, Result};
use crate::manifest::{Fetched, Image, Manifest};
use crate::media_type;
use crate::reference::Selector;
use crate::referrers::fallback_tag;

/// How often a writer merges its layers into what others write at the same time.
const MERGES: u32 = 20;
/// How long others may need between their reading and their writing.
const SETTLE: Duration = Duration::from_millis(200);

/// Puts DSSE envelopes under the tag that cosign reads attestations from.
///
/// # Errors
/// [`OciError::Malformed`] for a piece that is no DSSE envelope; [`OciError::Contended`] when other
/// writers do not come to rest.
pub fn attach_under_tag(
    content: &dyn Content,
    subject: &Descriptor,
    pieces: &[Piece],
) -> Result<Vec<Attached>> {
    let mut layers = Vec::new();
    for piece in pieces {
        layers.push(layer(piece)?);
        if let Some(layer) = layers.last() {
            content.push_blob(layer, &mut piece.bytes.as_slice())?;
        }
    }
    let selector = Selector::Tag(format!("{}.att", fallback_tag(&subject.digest)));
    for attempt in 0..MERGES {
        let mut image = match content.manifest(&selector) {
            Ok(Fetched { manifest: Manifest::Image(image), .. }) => Some(image),
            Ok(_) => {
                return Err(OciError::malformed(
                    format!("{}{selector}", content.place()),
                    "it is an index",
                ));
            }
            Err(OciError::NotFound { .. }) => None,
            Err(error) => return Err(error),
        };
        let there = image.take().map(|image| image.layers).unwrap_or_default();
        let missing: Vec<&Descriptor> = layers
            .iter()
            .filter(|layer| there.iter().all(|other| other.digest != layer.digest))
            .collect();
        if missing.is_empty() {
            let attached =
                |layer: Descriptor| Attached { kind: Kind::Attestation, manifest: layer };
            return Ok(layers.into_iter().map(attached).collect());
        }
        let all: Vec<Descriptor> = there.iter().chain(missing).cloned().collect();
        let config = config(&all);
        let described = Descriptor::of(media_type::CONFIG, &config);
        content.push_blob(&described, &mut config.as_slice())?;
        let image = Image {
            config: described,
            layers: all,
            artifact_type: None,
            subject: None,
            annotations: BTreeMap::new(),
        };
        let bytes = image.to_bytes();
        let descriptor = Descriptor::of(media_type::MANIFEST, &bytes);
        let manifest = Manifest::Image(image);
        content.push_manifest(&Fetched { descriptor, bytes, manifest }, &selector)?;
        std::thread::sleep(
            SETTLE.saturating_mul(attempt + 1).mul_f64(1.0 + crate::registry::chance()),
        );
    }
    Err(OciError::Contended {
        what: "the attestations".to_owned(),
        subject: subject.digest.to_string(),
        tries: MERGES,
    })
}

fn layer(piece: &Piece) -> Result<Descriptor> {
    let recognised = recognise(media_type::DSSE, &piece.bytes);
    let is_dsse = piece.bytes.windows(13).any(|window| window == b"\"payloadType\"");
    if !is_dsse || matches!(recognised.kind, Kind::Other | Kind::SigstoreBundle) {
        let fault = "cosign's tag holds DSSE envelopes, and it is none";
        return Err(OciError::malformed(&piece.title, fault));
    }
    let mut layer = Descriptor::of(media_type::DSSE, &piece.bytes);
    // Cosign looks for this annotation, empty as it is, before it reads an attestation.
    layer.annotations.insert("dev.cosignproject.cosign/signature".to_owned(), String::new());
    layer.annotations.insert(media_type::TITLE.to_owned(), piece.title.clone());
    let predicate = match recognised.kind {
        Kind::LinkStatement => Some(LINK_PREDICATE.to_owned()),
        Kind::Attestation => recognised.about,
        _ => None,
    };
    if let Some(predicate) = predicate {
        layer.annotations.insert("predicateType".to_owned(), predicate);
    }
    Ok(layer)
}

/// The configuration of an image whose layers are attestations: tools of images read it.
fn config(layers: &[Descriptor]) -> Vec<u8> {
    let mut rootfs = Object::new();
    rootfs.insert("type", "layers");
    let ids: Vec<Value<'_>> = layers.iter().map(|layer| layer.digest.to_string().into()).collect();
    rootfs.insert("diff_ids", ids);
    let mut config = Object::new();
    config.insert("architecture", "");
    config.insert("created", "0001-01-01T00:00:00Z");
    config.insert("os", "");
    config.insert("config", strings(&BTreeMap::new()));
    config.insert("rootfs", rootfs);
    Value::Object(config).to_compact().into_bytes()
}
