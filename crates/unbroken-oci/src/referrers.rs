//! What refers to an image: asked of the place, or kept in the fallback tag where the place keeps no account.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use unbroken_model::digest::Digest;

use crate::content::Content;
use crate::descriptor::Descriptor;
use crate::error::{OciError, Result};
use crate::manifest::{Fetched, Index, Manifest};
use crate::media_type;
use crate::reference::Selector;
use crate::registry::chance;

/// The digest of what stands where there is nothing.
pub(crate) const EMPTY_DIGEST: &str =
    "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

/// How often a writer merges its entries into a list that others change at the same time.
const MERGES: u32 = 40;
/// How often the list may fail to be read before it counts as one that cannot be.
const FAILURES: u32 = 6;
/// The shortest time between writing the list and reading it again.
const SETTLE: Duration = Duration::from_millis(50);
/// The longest.
const SETTLE_MOST: Duration = Duration::from_secs(4);

/// How a referrer was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The place listed it.
    Listed,
    /// The fallback tag listed it.
    FallbackTag,
}

/// The tag under which a list of referrers lies where the place keeps none: the specification
/// gives the algorithm 32 characters and the value 64.
pub fn fallback_tag(subject: &Digest) -> String {
    let hex: String = subject.hex().chars().take(64).collect();
    format!("{}-{hex}", subject.algorithm().name())
}

/// Lists what refers to a manifest.
///
/// An entry of the list is a claim: that a manifest refers to the subject is to be read in it.
///
/// # Errors
/// Any error means that it is not known what there is.
pub fn list(content: &dyn Content, subject: &Digest) -> Result<(Vec<Descriptor>, Way)> {
    if let Some(found) = content.referrers(subject)? {
        return Ok((found, Way::Listed));
    }
    let index = fallback_index(content, subject)?.unwrap_or_default();
    if !index.manifests.is_empty() {
        content.has_fallback();
    }
    Ok((index.manifests, Way::FallbackTag))
}

/// Reads the fallback list; nothing where there is none.
fn fallback_index(content: &dyn Content, subject: &Digest) -> Result<Option<Index>> {
    let tag = fallback_tag(subject);
    let fetched = match content.manifest(&Selector::Tag(tag.clone())) {
        Ok(fetched) => fetched,
        // That it is not there is certain; that it cannot be read is not the same.
        Err(OciError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    match fetched.manifest {
        Manifest::Index(index) => Ok(Some(index)),
        Manifest::Image(_) => {
            let what = format!("{}:{tag}", content.place());
            Err(OciError::malformed(what, "it is no list of referrers"))
        }
    }
}

/// Puts manifests into the fallback list, so that no other writer's entry is lost.
///
/// Registries do not compare before they swap. So a writer reads the list, adds its own entries and
/// all that it has seen before, writes it, waits for longer than others need between their reading
/// and their writing, and reads it again, until nothing that it ever saw is missing.
///
/// # Errors
/// [`OciError::Contended`] when other writers do not come to rest.
pub(crate) fn add_to_fallback(
    content: &dyn Content,
    subject: &Digest,
    added: &[Descriptor],
) -> Result<()> {
    let selector = Selector::Tag(fallback_tag(subject));
    let mut known = Known::default();
    let mut rest = SETTLE;
    let mut failures = 0;
    for _ in 0..MERGES {
        let begin = Instant::now();
        let mut index = match fallback_index(content, subject) {
            Ok(index) => index.unwrap_or_default(),
            // A registry in which many write at once fails now and then. What it then has is not
            // known, so nothing is written.
            Err(error) if error.is_momentary() && failures < FAILURES => {
                failures += 1;
                rest = wait(rest, begin.elapsed());
                continue;
            }
            Err(error) => return Err(error),
        };
        let there: BTreeSet<Digest> =
            index.manifests.iter().map(|entry| entry.digest.clone()).collect();
        known.note(&index.manifests);
        known.note(added);
        if known.entries.iter().all(|entry| there.contains(&entry.digest)) {
            return Ok(());
        }
        let limit = content.limits().referrers;
        if known.entries.len() > limit {
            let limit = u64::try_from(limit).unwrap_or(u64::MAX);
            return Err(OciError::limit(fallback_tag(subject), limit, "referrers"));
        }
        index.manifests.clone_from(&known.entries);
        let bytes = index.to_bytes();
        let descriptor = Descriptor::of(media_type::INDEX, &bytes);
        let manifest = Manifest::Index(index);
        let pushed = content.push_manifest(&Fetched { descriptor, bytes, manifest }, &selector);
        match pushed {
            Err(error) if !error.is_momentary() => return Err(error),
            // Whether it was written is seen when it is read again.
            _ => rest = wait(rest, begin.elapsed()),
        }
    }
    Err(OciError::Contended {
        what: added.iter().map(|entry| entry.digest.short()).collect::<Vec<_>>().join(", "),
        subject: subject.to_string(),
        tries: MERGES,
    })
}

/// Waits for what others need between their reading and their writing: as long as ours took, or a few
/// times that on a busy machine. Returns the time to wait at least the next time, which is longer:
/// whoever has to come back met others, and would meet them again.
fn wait(rest: Duration, took: Duration) -> Duration {
    let settle = rest.max(took.saturating_mul(3)).min(SETTLE_MOST);
    std::thread::sleep(settle.mul_f64(1.0 + chance() / 2.0));
    rest.saturating_mul(2).min(SETTLE_MOST)
}

/// Everything that was ever seen in a list, in the order in which it was seen.
#[derive(Default)]
struct Known {
    entries: Vec<Descriptor>,
    digests: BTreeSet<Digest>,
}

impl Known {
    fn note(&mut self, entries: &[Descriptor]) {
        for entry in entries {
            if self.digests.insert(entry.digest.clone()) {
                self.entries.push(entry.clone());
            }
        }
    }
}
