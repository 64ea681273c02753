//! Media types and annotations of images and of what lies beside them.

/// An image's manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// An index: a list of manifests.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// An image's manifest as Docker writes it.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// An index as Docker writes it.
pub const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// An image's configuration.
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// The configuration of what has none.
pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// A link in a Metablock, as this project attaches it.
pub const LINK: &str = "application/vnd.in-toto.link+json";
/// A layout, in either envelope.
pub const LAYOUT: &str = "application/vnd.in-toto.layout+json";
/// A DSSE envelope around an in-toto document, as cosign and others write it.
pub const DSSE: &str = "application/vnd.dsse.envelope.v1+json";
/// An in-toto statement without an envelope, as BuildKit writes it.
pub const STATEMENT: &str = "application/vnd.in-toto+json";
/// A Sigstore bundle.
pub const SIGSTORE_BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// A simple signature of cosign.
pub const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// The envelopes of Notation's signatures.
pub const NOTATION_ENVELOPES: [&str; 2] = ["application/jose+json", "application/cose"];
/// The artifact type of a manifest of BuildKit's attestations.
pub const BUILDKIT_ARTIFACT: &str = "application/vnd.docker.attestation.manifest.v1+json";
/// Anything else.
pub const OCTETS: &str = "application/octet-stream";

/// The annotation of the file name of a layer.
pub const TITLE: &str = "org.opencontainers.image.title";
/// The annotation of the tag of a manifest in an image layout.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The annotation of the type of a manifest that BuildKit puts into an index.
pub const BUILDKIT_TYPE: &str = "vnd.docker.reference.type";

/// Every type of a manifest or an index, as a request accepts them.
pub const MANIFESTS: [&str; 4] = [MANIFEST, INDEX, DOCKER_MANIFEST, DOCKER_INDEX];

/// Tells whether a media type is that of an index.
pub fn is_index(media_type: &str) -> bool {
    matches!(media_type, INDEX | DOCKER_INDEX)
}

/// Tells whether a media type is that of an image's manifest.
pub fn is_manifest(media_type: &str) -> bool {
    matches!(media_type, MANIFEST | DOCKER_MANIFEST)
}

/// Returns a media type without its parameters.
pub(crate) fn essence(text: &str) -> &str {
    text.split(';').next().unwrap_or(text).trim()
}
