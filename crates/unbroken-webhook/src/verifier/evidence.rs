//! Looks for what lies beside an image, with as few requests as will do.

use std::fmt::Write;

use unbroken_crypto::hash;
use unbroken_model::digest::Digest;
use unbroken_oci::evidence::{Found, Scope, find_others, find_referrers, total};
use unbroken_oci::location::Location;
use unbroken_oci::manifest::Fetched;
use unbroken_oci::reference::Reference;
use unbroken_oci::registry::{Client, RegistryRepository};
use unbroken_oci::store::open_store;
use unbroken_oci::{OciError, look_up};
use unbroken_verify::NamedEvidence;

use crate::cache::EvidenceDigest;

/// What a name led to.
#[derive(Clone)]
pub(super) struct Image {
    /// The digests by which a chain may name the image, that by which it is called first.
    pub(super) digests: Vec<Digest>,
    manifests: Vec<Fetched>,
}

/// Evidence of one image.
#[derive(Default)]
pub(super) struct Pieces {
    named: Vec<NamedEvidence>,
    /// What tells this evidence from other.
    content: Vec<String>,
    bytes: u64,
}

/// Finds the image of a name. A tag is resolved here and nowhere else: what follows goes by digests.
pub(super) fn resolve(client: &Client, image: &Reference) -> Result<Image, OciError> {
    let (identified, resolved) = look_up(&Location::Registry(image.clone()), client, None)?;
    let digests = identified
        .digests()
        .ok_or_else(|| OciError::NotFound { what: format!("the digest of {image}") })?;
    Ok(Image {
        digests: std::iter::once(digests.digest).chain(digests.others).collect(),
        manifests: resolved.image.into_iter().chain(resolved.index).collect(),
    })
}

/// Lists and fetches what refers to the image. Most chains need nothing else.
pub(super) fn referrers(
    repository: &RegistryRepository,
    image: &Digest,
) -> Result<Pieces, OciError> {
    Ok(Pieces::of(find_referrers(repository, image)?))
}

/// Finds what lies beside the image in other ways.
pub(super) fn others(
    repository: &RegistryRepository,
    image: &Image,
    referrers: &Pieces,
) -> Result<Pieces, OciError> {
    let Some(called) = image.manifests.first() else { return Ok(Pieces::default()) };
    let found = find_others(repository, called, Scope::Chain, referrers.bytes)?;
    Ok(Pieces::of(found))
}

/// Finds what is kept for the image elsewhere.
pub(super) fn elsewhere(
    client: &Client,
    place: &Location,
    image: &Image,
) -> Result<Pieces, OciError> {
    let store = open_store(place, client)?;
    let mut pieces = Pieces::default();
    for manifest in &image.manifests {
        pieces.add(store.find(manifest, Scope::Chain)?);
    }
    Ok(pieces)
}

impl Pieces {
    fn of(found: Found) -> Self {
        let mut pieces = Self::default();
        pieces.add(found);
        pieces
    }

    pub(super) fn named(&self) -> impl Iterator<Item = &NamedEvidence> {
        self.named.iter()
    }

    fn add(&mut self, found: Found) {
        self.bytes = self.bytes.saturating_add(total(&found.evidence));
        for piece in found.evidence {
            let Some(name) = piece.link_name() else { continue };
            let source = format!("{name} ({} {})", piece.way, piece.manifest);
            self.content.push(format!("{source} {}\n", piece.blob.digest));
            self.named.extend(NamedEvidence::new(&name, source, piece.bytes));
        }
    }
}

/// Sums up what an image was judged by: its digests, and all pieces.
pub(super) fn digest(digests: &[Digest], pieces: &[&Pieces]) -> EvidenceDigest {
    let mut text = String::new();
    // Writing to a text does not fail.
    for digest in digests {
        _ = writeln!(text, "{digest}");
    }
    for (place, pieces) in pieces.iter().enumerate() {
        _ = writeln!(text, "{place}");
        pieces.content.iter().for_each(|line| text.push_str(line));
    }
    EvidenceDigest(hash::sha256(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use unbroken_model::digest::DigestAlgorithm;

    use super::*;

    #[test]
    fn evidence_of_other_digests_pieces_or_places_is_other_evidence() {
        let digests = |bytes: &[u8]| -> Vec<Digest> {
            bytes.iter().map(|byte| Digest::new(DigestAlgorithm::Sha256, &[*byte; 32])).collect()
        };
        let pieces = |lines: &[&str]| Pieces {
            content: lines.iter().map(|line| format!("{line}\n")).collect(),
            ..Pieces::default()
        };
        let (one, two, none) = (pieces(&["x"]), pieces(&["x", "y"]), pieces(&[]));
        let other = pieces(&["y"]);
        let all = [
            digest(&digests(&[1]), &[&one]),
            digest(&digests(&[2]), &[&one]),
            digest(&digests(&[1, 2]), &[&one]),
            digest(&digests(&[1, 3]), &[&one]),
            digest(&digests(&[1]), &[&two]),
            digest(&digests(&[1]), &[&none, &one]),
            digest(&digests(&[1]), &[&one, &none]),
            digest(&digests(&[1]), &[&one, &other]),
            digest(&digests(&[1]), &[&one, &none, &other]),
        ];
        let distinct: HashSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
        assert_eq!(digest(&digests(&[1]), &[&one]), all[0]);
    }
}
