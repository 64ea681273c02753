//! Documents and the words in them.

use unbroken_model::digest::{Digest, DigestAlgorithm};
use unbroken_model::envelope::{Envelope, EnvelopeKind, Payload};
use unbroken_model::json::Value;
use unbroken_model::layout::{KeyId, Layout};
use unbroken_model::limits::Limits;
use unbroken_model::link::Link;
use unbroken_model::name::StepName;
use unbroken_model::path::ArtifactPath;
use unbroken_model::pattern::{Pattern, PatternDialect};
use unbroken_model::rule::ArtifactRule;
use unbroken_model::statement::{self, Statement};
use unbroken_model::timestamp::Timestamp;

use super::text;
use crate::fnmatch;

fn value(bytes: &[u8]) -> Option<Value<'_>> {
    Value::parse(bytes, &Limits::default()).ok()
}

/// What is read twice is the same.
pub(super) fn json(bytes: &[u8]) {
    let again = value(bytes);
    assert_eq!(value(bytes), again);
}

/// What either writer wrote is read as what was written.
pub(super) fn json_writers(bytes: &[u8]) {
    let Some(value) = value(bytes) else { return };
    for written in [value.to_compact(), value.to_pretty()] {
        let again = Value::parse(written.as_bytes(), &Limits::default());
        assert_eq!(again.expect("own text is read"), value);
    }
}

/// Values have one canonical form if and only if they are equal, in whatever order members came.
pub(super) fn canonical_json(bytes: &[u8]) {
    let Some(value) = value(bytes) else { return };
    let form = unbroken_model::canonical_json::encode(&value);
    let again = value.to_compact();
    let again = Value::parse(again.as_bytes(), &Limits::default()).expect("own text is read");
    assert_eq!(unbroken_model::canonical_json::encode(&again), form);
}

/// An envelope that is written is read as what it was, with the same bytes to be signed.
pub(super) fn envelope(bytes: &[u8]) {
    let limits = Limits::default();
    let Ok(envelope) = Envelope::parse(bytes, &limits) else { return };
    let written = envelope.to_bytes();
    let again = Envelope::parse(&written, &limits).expect("an own envelope is read");
    assert_eq!(again.kind(), envelope.kind());
    assert_eq!(again.signing_input(), envelope.signing_input());
    assert_eq!(again.signatures(), envelope.signatures());
    let payload = envelope.into_unverified_payload();
    if payload.value(&limits).is_ok() {
        assert_eq!(payload.peek_type(&limits).ok(), payload.peek_type(&limits).ok());
    }
}

fn round_trip<T: Payload + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    let Some(read) = value(bytes).and_then(|value| T::decode(value).ok()) else { return };
    let in_dsse_alone = statement::is_statement(&read.to_value());
    for kind in [EnvelopeKind::Metablock, EnvelopeKind::Dsse] {
        let written = Envelope::unsigned(kind, read.to_value()).to_bytes();
        let limits = Limits::default();
        let envelope = Envelope::parse(&written, &limits).expect("an own envelope is read");
        let again = envelope.into_unverified_payload().decode::<T>(&limits);
        if in_dsse_alone && kind == EnvelopeKind::Metablock {
            assert!(again.is_err());
            continue;
        }
        assert_eq!(again.expect("own metadata is read"), read);
    }
}

pub(super) fn layout(bytes: &[u8]) {
    round_trip::<Layout>(bytes);
}

pub(super) fn link(bytes: &[u8]) {
    round_trip::<Link>(bytes);
}

pub(super) fn statement(bytes: &[u8]) {
    round_trip::<Statement>(bytes);
}

/// Words are lines.
pub(super) fn rule_words(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let words: Vec<&str> = text.split('\n').collect();
    let Ok(rule) = ArtifactRule::parse_words(&words) else { return };
    assert_eq!(ArtifactRule::parse_words(&rule.to_words()).as_ref(), Ok(&rule));
}

pub(super) fn rule_text(bytes: &[u8]) {
    let Some(rule) = text(bytes).and_then(|text| ArtifactRule::parse_text(text).ok()) else {
        return;
    };
    assert_eq!(ArtifactRule::parse_text(&rule.to_string()).as_ref(), Ok(&rule));
}

/// A pattern, a line feed, a name: the engine's matcher decides as the transcription does.
pub(super) fn pattern(bytes: &[u8]) {
    let Some((pattern, name)) = text(bytes).and_then(|text| text.split_once('\n')) else { return };
    let compiled = Pattern::new(pattern);
    if let Ok(golang) = compiled.in_dialect(PatternDialect::Go) {
        golang.matches(name);
    }
    let found = compiled.matches(name);
    // The transcription takes exponential time on many stars; the engine must not.
    if pattern.matches('*').count() < 6 && name.len() < 64 {
        assert_eq!(found, fnmatch::matches(pattern, name), "{pattern:?} {name:?}");
    }
}

/// The encoding before a signature can be taken apart in one way only.
pub(super) fn pae(bytes: &[u8]) {
    for middle in 0..bytes.len().min(32) {
        let (kind, body) = bytes.split_at(middle);
        let Some(kind) = text(kind) else { continue };
        let encoded = unbroken_model::pae::encode(kind, body);
        let head = format!("DSSEv1 {} {kind} {} ", kind.len(), body.len());
        assert_eq!(encoded, [head.as_bytes(), body].concat());
    }
}

fn reads_back<T: std::str::FromStr + ToString>(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    if let Ok(read) = text.parse::<T>() {
        assert!(read.to_string().eq_ignore_ascii_case(text), "{text:?}");
    }
}

pub(super) fn timestamp(bytes: &[u8]) {
    reads_back::<Timestamp>(bytes);
}

/// A name is one component of a path, whatever it is put between.
pub(super) fn step_name(bytes: &[u8]) {
    reads_back::<StepName>(bytes);
    if let Some(name) = text(bytes).and_then(|text| text.parse::<StepName>().ok()) {
        let file = format!("{name}.01234567.link");
        let path = std::path::Path::new("folder").join(&file);
        assert_eq!(path.components().count(), 2);
        assert_eq!(path.file_name(), Some(std::ffi::OsStr::new(&file)));
    }
}

/// A path has no segment that leads elsewhere.
pub(super) fn artifact_path(bytes: &[u8]) {
    reads_back::<ArtifactPath>(bytes);
    if let Some(path) = text(bytes).and_then(|text| text.parse::<ArtifactPath>().ok()) {
        // `scheme://` is no segment.
        let local = path.scheme().and_then(|scheme| path.as_str().get(scheme.len() + 1..));
        let local = local.map_or(path.as_str(), |rest| rest.strip_prefix("//").unwrap_or(rest));
        assert!(local.split('/').all(|part| !matches!(part, "" | "." | "..")), "{path}");
    }
}

pub(super) fn key_id(bytes: &[u8]) {
    reads_back::<KeyId>(bytes);
    if let Some(id) = text(bytes).and_then(|text| text.parse::<KeyId>().ok()) {
        assert_eq!(id.prefix().len(), 8);
    }
}

/// An algorithm, a colon, digits.
pub(super) fn digest(bytes: &[u8]) {
    let Some((name, digits)) = text(bytes).and_then(|text| text.split_once(':')) else { return };
    let algorithm = DigestAlgorithm::from_name(name);
    let due = algorithm.hex_length();
    let Ok(digest) = Digest::from_hex(algorithm, digits) else { return };
    assert!(due.is_none_or(|due| due == digits.len()));
    assert!(digest.hex().eq_ignore_ascii_case(digits));
    assert!(digest.short().chars().count() <= 12);
}
