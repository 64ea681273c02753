//! DER read element by element (ITU-T X.690), so that every level of a token has a bound.
//!
//! The library of structures for signed messages sorts sets while it reads them, in a time that grows
//! with the square of what somebody put there.

use x509_cert::der::{AnyRef, Decode, Reader, SliceReader};

use super::error::TimestampError;

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
/// `[0]`, of something simple.
pub(super) const CONTEXT_0_SIMPLE: u8 = 0x80;
/// `[0]` and `[1]`, of something that has parts.
pub(super) const CONTEXT_0: u8 = 0xa0;
pub(super) const CONTEXT_1: u8 = 0xa1;

/// How many elements a sequence or a set of a token may have: certificates and attributes, some ten.
const MAX_ELEMENTS: usize = 32;

/// A tag and a content, as they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
    pub(super) whole: &'a [u8],
}

impl<'a> Element<'a> {
    /// Reads bytes that are one element and nothing besides.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, TimestampError> {
        let any = AnyRef::from_der(bytes).map_err(|_| NOT_DER)?;
        let tag = bytes.first().copied().ok_or(NOT_DER)?;
        Ok(Self { tag, content: any.value(), whole: bytes })
    }

    /// Demands the tag.
    pub(super) fn tagged(self, tag: u8) -> Result<Self, TimestampError> {
        if self.tag == tag { Ok(self) } else { Err(OUT_OF_PLACE) }
    }

    /// Reads what it is made of.
    pub(super) fn parts(&self) -> Result<Elements<'a>, TimestampError> {
        let mut reader = SliceReader::new(self.content).map_err(|_| NOT_DER)?;
        let mut parts = Vec::new();
        while !reader.is_finished() {
            if parts.len() == MAX_ELEMENTS {
                return Err(TimestampError::malformed("it has more parts than are looked at"));
            }
            parts.push(Self::read(reader.tlv_bytes().map_err(|_| NOT_DER)?)?);
        }
        Ok(Elements { parts: parts.into_iter().peekable() })
    }

    /// Reads a number that is small.
    pub(super) fn small_number(&self) -> Result<u64, TimestampError> {
        u64::from_der(self.whole).map_err(|_| OUT_OF_PLACE)
    }
}

const NOT_DER: TimestampError = TimestampError::malformed("it is not DER");
const OUT_OF_PLACE: TimestampError =
    TimestampError::malformed("a part of it is missing, or not of the kind that is due");

/// The parts of an element, one after the other.
pub(super) struct Elements<'a> {
    parts: std::iter::Peekable<std::vec::IntoIter<Element<'a>>>,
}

impl<'a> Elements<'a> {
    /// Takes the next part, which has this tag.
    pub(super) fn due(&mut self, tag: u8) -> Result<Element<'a>, TimestampError> {
        self.maybe(tag).ok_or(OUT_OF_PLACE)
    }

    /// Takes the next part if it has this tag.
    pub(super) fn maybe(&mut self, tag: u8) -> Option<Element<'a>> {
        self.parts.next_if(|part| part.tag == tag)
    }

    /// Checks that nothing is left.
    pub(super) fn end(mut self) -> Result<(), TimestampError> {
        if self.parts.next().is_none() { Ok(()) } else { Err(OUT_OF_PLACE) }
    }

    /// Takes the one part that there is, which has this tag.
    pub(super) fn only(mut self, tag: u8) -> Result<Element<'a>, TimestampError> {
        let one = self.due(tag)?;
        self.end()?;
        Ok(one)
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        self.parts.next()
    }
}
