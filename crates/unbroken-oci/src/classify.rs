//! Recognises evidence by its content. What registries and descriptors call it is no more than a hint.

use data_encoding::BASE64;
use unbroken_model::envelope::{Envelope, EnvelopeKind};
use unbroken_model::json::{Object, Value};
use unbroken_model::limits::Limits as JsonLimits;
use unbroken_model::link::is_link_statement;

use crate::error::short;
use crate::media_type;

/// What a piece of evidence is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// An in-toto link, in either envelope.
    Link,
    /// A link that is a statement in a DSSE envelope.
    LinkStatement,
    /// An in-toto layout, in either envelope.
    Layout,
    /// Any other statement in a DSSE envelope.
    Attestation,
    /// A statement without an envelope: nobody signed it.
    UnsignedStatement,
    /// A Sigstore bundle.
    SigstoreBundle,
    /// A signature in cosign's older form.
    SimpleSignature,
    /// A signature of Notation.
    NotationSignature,
    /// A bill of materials as it is.
    Sbom,
    /// Anything else.
    Other,
}

/// What a piece of evidence says of itself, unverified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recognised {
    /// What it is.
    pub kind: Kind,
    /// The name of a link's step, the predicate type of a statement, the digest that a simple signature
    /// is for, the format of a bill of materials.
    pub about: Option<String>,
    /// The key ids that its signatures name.
    pub signers: Vec<String>,
}

impl Kind {
    /// Names the kind for people.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::LinkStatement => "link in a statement",
            Self::Layout => "layout",
            Self::Attestation => "attestation",
            Self::UnsignedStatement => "statement without signature",
            Self::SigstoreBundle => "Sigstore bundle",
            Self::SimpleSignature => "cosign signature",
            Self::NotationSignature => "Notation signature",
            Self::Sbom => "bill of materials",
            Self::Other => "other",
        }
    }

    /// The media type under which a piece of this kind is attached.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Link => media_type::LINK,
            Self::Layout => media_type::LAYOUT,
            Self::LinkStatement | Self::Attestation => media_type::DSSE,
            Self::UnsignedStatement => media_type::STATEMENT,
            Self::SigstoreBundle => media_type::SIGSTORE_BUNDLE,
            Self::SimpleSignature => media_type::SIMPLE_SIGNING,
            Self::NotationSignature | Self::Sbom | Self::Other => media_type::OCTETS,
        }
    }
}

/// Recognises content. `told` is the media type that somebody gave it; it decides only between
/// things that the content does not tell apart.
pub fn recognise(told: &str, bytes: &[u8]) -> Recognised {
    let limits = JsonLimits::default();
    let named = |kind, about| Recognised { kind, about, signers: Vec::new() };
    if let Ok(envelope) = Envelope::parse(bytes, &limits) {
        return of_envelope(envelope, &limits);
    }
    let by_type = || named(by_media_type(told), None);
    let Ok(value) = Value::parse(bytes, &limits) else { return by_type() };
    let Some(document) = value.as_object() else { return by_type() };
    let text = |name: &str| document.get(name).and_then(Value::as_str);
    let has = |names: &[&str]| names.iter().all(|name| document.get(name).is_some());
    if text("mediaType").is_some_and(|own| own.starts_with("application/vnd.dev.sigstore.bundle")) {
        return of_bundle(document, &limits);
    }
    if text("_type").is_some_and(|own| own.starts_with("https://in-toto.io/Statement/")) {
        return named(Kind::UnsignedStatement, text("predicateType").map(short));
    }
    if let Some(image) = simply_signed(document) {
        return named(Kind::SimpleSignature, Some(image));
    }
    // The flattened form of JWS.
    if has(&["payload", "protected", "signature"]) {
        return named(Kind::NotationSignature, None);
    }
    match text("spdxVersion").map(|_| "SPDX").or_else(|| text("bomFormat")) {
        Some(format) => named(Kind::Sbom, Some(short(format))),
        None => by_type(),
    }
}

fn by_media_type(told: &str) -> Kind {
    let is_sbom = ["spdx", "cyclonedx", "syft"].iter().any(|word| told.contains(word));
    if media_type::NOTATION_ENVELOPES.contains(&told) {
        Kind::NotationSignature
    } else if is_sbom {
        Kind::Sbom
    } else {
        Kind::Other
    }
}

/// The image that a simple signature is for.
fn simply_signed(document: &Object<'_>) -> Option<String> {
    let image = document.get("critical")?.as_object()?.get("image")?.as_object()?;
    image.get("docker-manifest-digest").and_then(Value::as_str).map(short)
}

/// What a bundle holds: an envelope around a statement or, as Tekton Chains writes it, around a simple
/// signature; or the signature of something else.
fn of_bundle(bundle: &Object<'_>, limits: &JsonLimits) -> Recognised {
    let about = || {
        let envelope = bundle.get("dsseEnvelope")?.as_object()?;
        let payload = envelope.get("payload").and_then(Value::as_str)?;
        let payload = BASE64.decode(payload.as_bytes()).ok()?;
        let value = Value::parse(&payload, limits).ok()?;
        let document = value.as_object()?;
        if simply_signed(document).is_some() {
            return Some(Kind::SimpleSignature.describe().to_owned());
        }
        member(document, "predicateType").or_else(|| member(document, "_type"))
    };
    Recognised { kind: Kind::SigstoreBundle, about: about(), signers: Vec::new() }
}

fn of_envelope(envelope: Envelope<'_>, limits: &JsonLimits) -> Recognised {
    let signers = envelope.signatures().iter().filter_map(|signature| signature.key_id.as_deref());
    let signers = signers.filter(|id| !id.is_empty()).map(short).collect();
    let signed_by = |kind, about| Recognised { kind, about, signers };
    let is_dsse = envelope.kind() == EnvelopeKind::Dsse;
    let payload = envelope.into_unverified_payload();
    let Ok(value) = payload.value(limits) else { return signed_by(Kind::Other, None) };
    let Some(document) = value.as_object() else { return signed_by(Kind::Other, None) };
    let text = |name: &str| member(document, name);
    match text("_type").as_deref() {
        Some("link") => signed_by(Kind::Link, text("name")),
        Some("layout") => signed_by(Kind::Layout, None),
        _ if is_dsse && is_link_statement(&value) => {
            let predicate = document.get("predicate").and_then(Value::as_object);
            let step = predicate.and_then(|predicate| member(predicate, "name"));
            signed_by(Kind::LinkStatement, step)
        }
        _ if is_dsse => signed_by(Kind::Attestation, text("predicateType")),
        _ => signed_by(Kind::Other, None),
    }
}

fn member(document: &Object<'_>, name: &str) -> Option<String> {
    document.get(name).and_then(Value::as_str).map(short)
}
