//! What envelopes hold.

use std::borrow::Cow;

use super::IN_TOTO_PAYLOAD_TYPE;
use crate::decode::{DecodeError, Fault};
use crate::json::{JsonError, Value};
use crate::layout::Layout;
use crate::limits::Limits;
use crate::link::{Link, is_link_statement};
use crate::statement::is_statement;

/// Metadata that an envelope can hold.
pub trait Payload: Sized {
    /// What `_type` must say.
    const DUE: &'static str;

    /// Decodes the payload of an envelope.
    ///
    /// # Errors
    /// [`DecodeError`] for a value that is not this metadata.
    fn decode(value: Value<'_>) -> Result<Self, DecodeError>;

    /// Returns the value to be put into an envelope.
    fn to_value(&self) -> Value<'_>;

    /// Returns the type as [`UnverifiedPayload::peek_type`] would tell it.
    fn payload_type() -> PayloadType;
}

/// What a payload announces to be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PayloadType {
    /// A layout.
    Layout,
    /// A link.
    Link,
    /// Anything else: the payload type of DSSE, or `_type`.
    Other(String),
}

/// What may be handed in for a step: a link, or a layout whose own steps stand for the step
/// (a sublayout; specification 1.0, section 4.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepEvidence {
    /// A link.
    Link(Link),
    /// A sublayout.
    Sublayout(Layout),
}

impl Payload for StepEvidence {
    const DUE: &'static str = "link";

    fn decode(value: Value<'_>) -> Result<Self, DecodeError> {
        let kind = value.as_object().and_then(|object| object.get("_type")).and_then(Value::as_str);
        if kind == Some(Layout::DUE) {
            Layout::decode(value).map(Self::Sublayout)
        } else {
            Link::decode(value).map(Self::Link)
        }
    }

    fn to_value(&self) -> Value<'_> {
        match self {
            Self::Link(link) => link.to_value(),
            Self::Sublayout(layout) => layout.to_value(),
        }
    }

    fn payload_type() -> PayloadType {
        PayloadType::Link
    }
}

/// A payload whose signatures nobody has checked.
#[derive(Debug)]
pub struct UnverifiedPayload<'a>(Sealed<'a>);

#[derive(Debug)]
enum Sealed<'a> {
    /// The member `signed` of a Metablock.
    Metablock(Value<'a>),
    /// The decoded payload of a DSSE envelope, and its type.
    Dsse(Vec<u8>, String),
}

impl<'a> UnverifiedPayload<'a> {
    pub(super) fn of_metablock(signed: Value<'a>) -> Self {
        Self(Sealed::Metablock(signed))
    }

    pub(super) fn of_dsse(payload: Vec<u8>, payload_type: String) -> Self {
        Self(Sealed::Dsse(payload, payload_type))
    }

    /// Returns the payload as a value.
    ///
    /// # Errors
    /// [`JsonError`] for a DSSE payload that is not strict JSON.
    pub fn value(&self, limits: &Limits) -> Result<Cow<'_, Value<'_>>, JsonError> {
        match &self.0 {
            Sealed::Metablock(signed) => Ok(Cow::Borrowed(signed)),
            Sealed::Dsse(payload, _) => Value::parse(payload, limits).map(Cow::Owned),
        }
    }

    /// Returns the payload type of a DSSE envelope.
    pub fn dsse_payload_type(&self) -> Option<&str> {
        match &self.0 {
            Sealed::Metablock(_) => None,
            Sealed::Dsse(_, payload_type) => Some(payload_type),
        }
    }

    /// Tells what the payload announces to be; a hint for people and for `inspect`.
    pub fn peek_type(&self, limits: &Limits) -> Result<PayloadType, JsonError> {
        if let Some(other) = self.dsse_payload_type()
            && other != IN_TOTO_PAYLOAD_TYPE
        {
            return Ok(PayloadType::Other(other.to_owned()));
        }
        let value = self.value(limits)?;
        if self.dsse_payload_type().is_some() && is_link_statement(&value) {
            return Ok(PayloadType::Link);
        }
        let kind = value.as_object().and_then(|object| object.get("_type")).and_then(Value::as_str);
        Ok(match kind {
            Some(Layout::DUE) => PayloadType::Layout,
            Some(Link::DUE) => PayloadType::Link,
            other => PayloadType::Other(other.unwrap_or_default().to_owned()),
        })
    }

    /// Decodes the payload.
    ///
    /// # Errors
    /// [`PayloadError`] for a payload that is not strict JSON, announces another type (also by the
    /// payload type of DSSE, which is compared byte for byte), or is not the metadata `T`.
    pub fn decode<T: Payload>(self, limits: &Limits) -> Result<T, PayloadError> {
        if let Some(found) = self.dsse_payload_type()
            && found != IN_TOTO_PAYLOAD_TYPE
        {
            let found = found.chars().take(80).collect();
            let fault = Fault::Kind { due: IN_TOTO_PAYLOAD_TYPE, found };
            return Err(PayloadError::Decode(fault.at("payloadType")));
        }
        Ok(match self.0 {
            // The attestation framework has one envelope for its statements.
            Sealed::Metablock(signed) if is_statement(&signed) => {
                let found = "a statement in a Metablock".to_owned();
                return Err(PayloadError::Decode(Fault::Kind { due: T::DUE, found }.at("_type")));
            }
            Sealed::Metablock(signed) => T::decode(signed)?,
            Sealed::Dsse(payload, _) => T::decode(Value::parse(&payload, limits)?)?,
        })
    }
}

/// Why a payload is not the metadata that is due.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// The payload is not strict JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The payload is other metadata, or has a fault.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::{Envelope, EnvelopeKind};

    const LAYOUT: &str = r#"{"_type":"layout","expires":"2030-01-01T00:00:00Z","inspect":[],"keys":{},"readme":"","steps":[]}"#;
    const LINK: &str = r#"{"_type":"link","byproducts":{},"command":[],"environment":{},"materials":{},"name":"a","products":{}}"#;

    fn value(text: &str) -> Value<'_> {
        Value::parse(text.as_bytes(), &Limits::default()).unwrap()
    }

    fn opened(kind: EnvelopeKind, text: &str) -> UnverifiedPayload<'_> {
        Envelope::unsigned(kind, value(text)).into_unverified_payload()
    }

    #[test]
    fn a_layout_in_the_place_of_a_link_is_a_sublayout() {
        assert!(matches!(StepEvidence::decode(value(LAYOUT)), Ok(StepEvidence::Sublayout(_))));
        assert!(matches!(StepEvidence::decode(value(LINK)), Ok(StepEvidence::Link(_))));
        assert!(StepEvidence::decode(value("{}")).is_err());
    }

    #[test]
    fn a_payload_announces_its_type_in_both_envelopes() {
        let limits = Limits::default();
        for kind in [EnvelopeKind::Metablock, EnvelopeKind::Dsse] {
            for (text, due) in [
                (LAYOUT, PayloadType::Layout),
                (LINK, PayloadType::Link),
                (r#"{"_type":"x"}"#, PayloadType::Other("x".to_owned())),
                ("{}", PayloadType::Other(String::new())),
            ] {
                assert_eq!(opened(kind, text).peek_type(&limits).unwrap(), due, "{kind:?}");
            }
            assert!(opened(kind, LINK).decode::<Link>(&limits).is_ok(), "{kind:?}");
            assert!(opened(kind, LINK).decode::<Layout>(&limits).is_err(), "{kind:?}");
        }
    }

    #[test]
    fn a_statement_is_a_link_in_dsse_and_with_the_predicate_of_links_alone() {
        const LINK: &str = r#"{"_type":"https://in-toto.io/Statement/v1","subject":[],
            "predicateType":"https://in-toto.io/attestation/link/v0.3","predicate":{"name":"a"}}"#;
        let limits = Limits::default();
        let open = |kind, text| opened(kind, text);
        assert_eq!(open(EnvelopeKind::Dsse, LINK).peek_type(&limits).unwrap(), PayloadType::Link);
        assert!(open(EnvelopeKind::Dsse, LINK).decode::<StepEvidence>(&limits).is_ok());
        let other = LINK.replace("link/v0.3", "scai/v0.3");
        for (kind, text) in [(EnvelopeKind::Metablock, LINK), (EnvelopeKind::Dsse, &other)] {
            let kind_of = PayloadType::Other("https://in-toto.io/Statement/v1".to_owned());
            assert_eq!(open(kind, text).peek_type(&limits).unwrap(), kind_of);
            let refused = open(kind, text).decode::<StepEvidence>(&limits).unwrap_err();
            let PayloadError::Decode(DecodeError { fault, .. }) = refused else { panic!() };
            assert!(matches!(fault, Fault::Kind { .. }), "{fault}");
        }
    }

    /// Signed as something else, whatever the bytes look like.
    #[test]
    fn the_payload_type_of_dsse_is_held_to_the_letter() {
        let limits = Limits::default();
        for other in ["application/vnd.in-toto+json ", "application/json", ""] {
            let payload = || UnverifiedPayload::of_dsse(LINK.as_bytes().to_vec(), other.to_owned());
            assert_eq!(payload().dsse_payload_type(), Some(other));
            assert_eq!(payload().peek_type(&limits).unwrap(), PayloadType::Other(other.to_owned()));
            let refused = payload().decode::<Link>(&limits).unwrap_err();
            assert!(refused.to_string().contains("payloadType"), "{refused}");
        }
        assert_eq!(opened(EnvelopeKind::Metablock, LINK).dsse_payload_type(), None);
    }
}
