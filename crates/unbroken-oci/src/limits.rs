//! What images, registries and evidence may make us fetch and keep, each with the reason for its number.

use std::time::Duration;

use unbroken_model::limits::Limits as JsonLimits;

/// Bounds what one place of images may cost. Lowering a limit is always safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a manifest or an index: the bound that the distribution specification asks
    /// registries to take at least.
    pub manifest_bytes: u64,
    /// Layers of one manifest. Images have some 127 at most; evidence has a layer per attestation.
    pub layers: usize,
    /// Manifests that one index lists: platforms and their attestations.
    pub children: usize,
    /// Referrers of one image that are looked at, over all pages.
    pub referrers: usize,
    /// Pages of one list: a list that leads back to itself ends here.
    pub pages: usize,
    /// Bytes of one piece of evidence: a link of 100,000 artifacts has about 23 MB, and BuildKit
    /// allows 40 MiB for an attestation.
    pub evidence_bytes: u64,
    /// Bytes of all pieces of evidence beside one image.
    pub evidence_total: u64,
    /// Bytes of one layer of an image that is copied.
    pub layer_bytes: u64,
    /// Members of an archive.
    pub archive_members: usize,
    /// Redirects of one request.
    pub redirects: u32,
    /// Bytes of all headers of one answer.
    pub header_bytes: usize,
    /// How often one request is tried.
    pub tries: u32,
    /// How long a connection may take to come about.
    pub connect_time: Duration,
    /// How long an answer may take to begin.
    pub answer_time: Duration,
    /// How long anything that is not a transfer of blobs may take.
    pub request_time: Duration,
    /// How long a transfer may stay slower than a kibibyte a second: a server that drips bytes
    /// holds a reader for ever.
    pub drip_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            manifest_bytes: 4 << 20,
            layers: 4096,
            children: 4096,
            referrers: 1000,
            pages: 100,
            evidence_bytes: 64 << 20,
            evidence_total: 256 << 20,
            layer_bytes: 64 << 30,
            archive_members: 100_000,
            redirects: 5,
            header_bytes: 64 << 10,
            tries: 4,
            connect_time: Duration::from_secs(10),
            answer_time: Duration::from_secs(30),
            request_time: Duration::from_mins(1),
            drip_time: Duration::from_secs(30),
        }
    }
}

impl Limits {
    /// The bounds of a JSON document that has already been bounded in size.
    pub(crate) fn json(&self) -> JsonLimits {
        JsonLimits {
            bytes: usize::try_from(self.manifest_bytes).unwrap_or(usize::MAX),
            depth: 16,
            values: 500_000,
            string: 1 << 20,
            ..JsonLimits::default()
        }
    }
}
