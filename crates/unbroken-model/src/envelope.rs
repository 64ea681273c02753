//! Signed envelopes: Metablock (specification 1.0, section 4.1) and DSSE (protocol 1.0).
//!
//! An [`Envelope`] is what came from outside. Its payload is sealed: `unbroken-crypto` checks
//! signatures over [`Envelope::signing_input`], which is made of the received bytes and never of a
//! decoded struct, and opens the payload afterwards. Who opens it without that check has to write
//! the word: [`Envelope::into_unverified_payload`].

mod dsse;
mod metablock;
mod payload;
mod signature;

use thiserror::Error;

pub use self::payload::{Payload, PayloadError, PayloadType, StepEvidence, UnverifiedPayload};
pub use self::signature::{
    CERTIFICATE_MEMBER, Signature, SignatureHintError, TIMESTAMPS_MEMBER, timestamp_entry,
};
use crate::decode::look_alike;
use crate::json::{JsonError, Object, Value};
use crate::limits::Limits;

/// The members of either envelope.
const MEMBERS: [&str; 4] = ["payload", "payloadType", "signatures", "signed"];

/// The payload type of layouts and links in DSSE (ITE-5).
pub const IN_TOTO_PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// The two kinds of envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvelopeKind {
    /// `{"signatures": [...], "signed": {...}}`, signed over the canonical form of `signed`.
    Metablock,
    /// `{"payload": ..., "payloadType": ..., "signatures": [...]}`, signed over the PAE.
    Dsse,
}

/// A document with signatures whose payload nobody has authenticated yet. It borrows the text.
#[derive(Debug)]
pub struct Envelope<'a> {
    form: Form<'a>,
    signatures: Vec<Signature>,
    signing_input: Vec<u8>,
}

#[derive(Debug)]
enum Form<'a> {
    /// The parsed member `signed`.
    Metablock { signed: Value<'a> },
    /// The decoded payload.
    Dsse { payload: Vec<u8>, payload_type: String },
}

/// Why bytes are no envelope.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// The bytes are not strict JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The document is neither of the two kinds, or both at once.
    #[error("the document is no envelope: {0}")]
    Shape(&'static str),
    /// A member of the envelope is missing or has the wrong type.
    #[error("the envelope's member {member} is not {due}")]
    Member {
        /// The member.
        member: &'static str,
        /// What it should be.
        due: &'static str,
    },
    /// A payload or signature is not in the one base64 or hexadecimal form that it may have.
    #[error("the envelope's member {member} is not valid {encoding}")]
    Encoding {
        /// The member.
        member: &'static str,
        /// The encoding.
        encoding: &'static str,
    },
    /// More signatures, or a larger one, than [`Limits`] admit.
    #[error("the envelope has {what} beyond the limit of {limit}")]
    Limit {
        /// What is too much.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
}

impl<'a> Envelope<'a> {
    /// Parses an envelope of either kind.
    ///
    /// # Errors
    /// [`EnvelopeError`] for bytes that are no envelope, are ambiguous, or go beyond `limits`.
    pub fn parse(bytes: &'a [u8], limits: &Limits) -> Result<Self, EnvelopeError> {
        let Value::Object(document) = Value::parse(bytes, limits)? else {
            return Err(EnvelopeError::Shape("it is no JSON object"));
        };
        let names = document.iter().map(|(name, _)| name).filter(|name| !MEMBERS.contains(name));
        if look_alike(names, &MEMBERS).is_some() {
            return Err(EnvelopeError::Shape(
                "a member is named like another but for the case of its letters",
            ));
        }
        let has = |name| document.get(name).is_some();
        match (has("signed"), has("payload") || has("payloadType")) {
            (true, false) => metablock::read(document, limits),
            (false, true) => dsse::read(&document, limits),
            // Two payloads in one document: readers would disagree on which one is signed.
            (true, true) => Err(EnvelopeError::Shape("it has both \"signed\" and \"payload\"")),
            (false, false) => {
                Err(EnvelopeError::Shape("it has neither \"signed\" nor \"payload\""))
            }
        }
    }

    /// Makes an envelope without signatures around a payload of one's own.
    pub fn unsigned(kind: EnvelopeKind, payload: Value<'a>) -> Self {
        match kind {
            EnvelopeKind::Metablock => metablock::unsigned(payload),
            EnvelopeKind::Dsse => dsse::unsigned(&payload),
        }
    }

    /// Returns the kind.
    pub fn kind(&self) -> EnvelopeKind {
        match self.form {
            Form::Metablock { .. } => EnvelopeKind::Metablock,
            Form::Dsse { .. } => EnvelopeKind::Dsse,
        }
    }

    /// Returns the signatures, unchecked.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// Takes away the signatures for which `keep` is false.
    pub fn retain_signatures(&mut self, keep: impl FnMut(&Signature) -> bool) {
        self.signatures.retain(keep);
    }

    /// Adds a signature.
    pub fn push_signature(&mut self, signature: Signature) {
        self.signatures.push(signature);
    }

    /// Returns the bytes that signatures of this envelope are made over.
    pub fn signing_input(&self) -> &[u8] {
        &self.signing_input
    }

    /// Writes the envelope as the reference implementation does: a Metablock with an indent of one
    /// space, a DSSE envelope on one line.
    pub fn to_bytes(&self) -> Vec<u8> {
        match &self.form {
            Form::Metablock { signed } => metablock::write(signed, &self.signatures),
            Form::Dsse { payload, payload_type } => {
                dsse::write(payload, payload_type, &self.signatures)
            }
        }
    }

    /// Opens the payload without any check of its signatures.
    ///
    /// What comes out is whatever somebody wrote. Show it under the word UNVERIFIED, or check the
    /// signatures first as `unbroken-crypto` does.
    pub fn into_unverified_payload(self) -> UnverifiedPayload<'a> {
        match self.form {
            Form::Metablock { signed } => UnverifiedPayload::of_metablock(signed),
            Form::Dsse { payload, payload_type } => {
                UnverifiedPayload::of_dsse(payload, payload_type)
            }
        }
    }
}

/// Reads the array of signatures, each element with `one`.
fn read_signatures(
    value: Option<&Value<'_>>,
    limits: &Limits,
    one: impl Fn(&Object<'_>) -> Result<Signature, EnvelopeError>,
) -> Result<Vec<Signature>, EnvelopeError> {
    const MEMBER: EnvelopeError =
        EnvelopeError::Member { member: "signatures", due: "an array of objects" };
    let items = value.and_then(Value::as_array).ok_or(MEMBER)?;
    if items.len() > limits.signatures {
        return Err(EnvelopeError::Limit { what: "signatures", limit: limits.signatures });
    }
    let signatures = items.iter().map(|item| one(item.as_object().ok_or(MEMBER)?));
    let signatures = signatures.collect::<Result<Vec<_>, _>>()?;
    if signatures.iter().any(|signature| signature.bytes.len() > limits.signature) {
        return Err(EnvelopeError::Limit { what: "a signature", limit: limits.signature });
    }
    for signature in &signatures {
        let text = text_member(&signature.extra, CERTIFICATE_MEMBER, "signatures[].cert")?;
        if text.is_some_and(|text| text.len() > limits.certificate) {
            return Err(EnvelopeError::Limit { what: "a certificate", limit: limits.certificate });
        }
    }
    Ok(signatures)
}

/// Returns a member of a signature object that is a string, or nothing where it is absent.
fn text_member(
    object: &Object<'_>,
    name: &str,
    member: &'static str,
) -> Result<Option<String>, EnvelopeError> {
    match object.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone().into_owned())),
        Some(_) => Err(EnvelopeError::Member { member, due: "a string" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Envelope<'_>, EnvelopeError> {
        Envelope::parse(text.as_bytes(), &Limits::default())
    }

    #[test]
    fn documents_that_two_readers_take_differently_are_refused() {
        for text in [
            r#"{"signed":{},"signatures":[],"payload":"e30="}"#,
            r#"{"signatures":[]}"#,
            "[]",
            "1",
            r#"{"signed":{},"signed":{},"signatures":[]}"#,
            r#"{"payload":"e30=","signatures":[]}"#,
            r#"{"signed":{},"signatures":[],"Signed":{}}"#,
            r#"{"signed":{},"signatures":[],"ſigned":{}}"#,
            r#"{"payload":"e30=","payloadtype":"a","payloadType":"b","signatures":[]}"#,
            r#"{"signed":{}}"#,
            r#"{"signed":{},"signatures":{}}"#,
            r#"{"signed":{},"signatures":[1]}"#,
            r#"{"signed":{},"signatures":[{"keyid":"a"}]}"#,
            r#"{"signed":{},"signatures":[{"keyid":"a","sig":"abc"}]}"#,
            r#"{"signed":{},"signatures":[{"keyid":1,"sig":"ab"}]}"#,
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn metablock_signs_the_canonical_form_of_what_came() {
        let envelope = parse(
            r#"{"signatures":[{"keyid":"k","sig":"AB"}],"signed":{"b":1,"a":"x\ty","more":{}}}"#,
        )
        .unwrap();
        assert_eq!(envelope.kind(), EnvelopeKind::Metablock);
        assert_eq!(envelope.signing_input(), "{\"a\":\"x\ty\",\"b\":1,\"more\":{}}".as_bytes());
        assert_eq!(envelope.signatures()[0].bytes, [0xab]);
    }

    #[test]
    fn dsse_takes_both_alphabets_but_one_way_to_write_each() {
        let of = |payload: &str| {
            let text = format!(r#"{{"payload":"{payload}","payloadType":"t","signatures":[]}}"#);
            parse(&text).map(|envelope| envelope.signing_input().to_vec())
        };
        assert_eq!(of("fn5-fn5_").unwrap(), of("fn5+fn5/").unwrap());
        for payload in ["fn5-fn5/", "e30", "e30==", "e3 0=", "e31=\\n", "e31=", "e30=e30=", "é"] {
            assert!(of(payload).is_err(), "{payload}");
        }
        assert!(of("e30=").is_ok());
    }

    #[test]
    fn dsse_signatures_need_no_key_id() {
        let text = r#"{"payload":"e30=","payloadType":"t","signatures":[{"sig":"AAEC"},{"keyid":"","sig":"AAE="}],"x":1}"#;
        let envelope = parse(text).unwrap();
        assert_eq!(
            envelope.signatures()[0],
            Signature { key_id: None, bytes: vec![0, 1, 2], extra: Object::new() }
        );
        assert_eq!(envelope.signing_input(), b"DSSEv1 1 t 2 {}");
    }

    #[test]
    fn both_kinds_are_written_as_they_are_read() {
        let payload =
            Value::parse(br#"{"_type":"link","b":[],"a":"\u00e9\n"}"#, &Limits::default()).unwrap();
        for kind in [EnvelopeKind::Metablock, EnvelopeKind::Dsse] {
            let mut envelope = Envelope::unsigned(kind, payload.clone());
            let extra = {
                let mut extra = Object::new();
                extra.insert("cert", "PEM");
                extra
            };
            envelope.push_signature(Signature {
                key_id: Some("ab".into()),
                bytes: vec![1, 2],
                extra,
            });
            assert_eq!(envelope.signatures().len(), 1);
            let bytes = envelope.to_bytes();
            let again = Envelope::parse(&bytes, &Limits::default()).unwrap();
            assert_eq!(again.signing_input(), envelope.signing_input());
            assert_eq!(again.signatures(), envelope.signatures());
            let opened = again.into_unverified_payload();
            assert_eq!(*opened.value(&Limits::default()).unwrap(), payload);
        }
    }

    #[test]
    fn counts_and_sizes_are_bounded() {
        let many = vec![r#"{"keyid":"a","sig":"ab"}"#; 257].join(",");
        assert!(matches!(
            parse(&format!(r#"{{"signed":{{}},"signatures":[{many}]}}"#)),
            Err(EnvelopeError::Limit { .. })
        ));
        let certified = |size: usize| {
            let text = format!(r#""cert":"{}"}}]"#, "a".repeat(size));
            let text =
                format!(r#"{{"signed":{{}},"signatures":[{{"keyid":"a","sig":"ab",{text}}}"#);
            parse(&text).map(|_| ())
        };
        assert!(certified(64 << 10).is_ok());
        let beyond = certified((64 << 10) + 1);
        assert!(matches!(beyond, Err(EnvelopeError::Limit { what: "a certificate", .. })));
        let most = vec![r#"{"keyid":"a","sig":"ab"}"#; 256].join(",");
        assert!(parse(&format!(r#"{{"signed":{{}},"signatures":[{most}]}}"#)).is_ok());
        let of = |size: usize| {
            let large = "ab".repeat(size);
            let text =
                format!(r#"{{"signed":{{}},"signatures":[{{"keyid":"a","sig":"{large}"}}]}}"#);
            parse(&text).map(|_| ())
        };
        assert!(of(64 << 10).is_ok());
        assert!(matches!(of((64 << 10) + 1), Err(EnvelopeError::Limit { .. })));
    }

    #[test]
    fn signatures_are_kept_by_what_is_asked_of_them() {
        let text =
            r#"{"signed":{},"signatures":[{"keyid":"a","sig":"01"},{"keyid":"b","sig":"02"}]}"#;
        let mut envelope = parse(text).unwrap();
        envelope.retain_signatures(|signature| signature.key_id.as_deref() == Some("b"));
        assert_eq!(envelope.signatures().len(), 1);
        assert_eq!(envelope.signatures()[0].bytes, [2]);
    }
}
