//! Tokens as they are written: signed data of one signer (RFC 5652) around what the token says.

use x509_cert::der::asn1::ObjectIdentifier;

use super::digest::oid;
use super::element::{
    CONTEXT_0, CONTEXT_1, Element, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET,
};
use super::error::TimestampError;
use super::info::Info;
use super::signer::SignerInfo;
use crate::certificate::Certificate;

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
pub(super) const TST_INFO: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");

/// How many certificates of a token are looked at: each may stand on a path.
const MAX_CERTIFICATES: usize = 8;

/// A token that has been read; its signature has not been checked.
#[derive(Debug)]
pub(super) struct Token<'a> {
    pub(super) info: Info<'a>,
    pub(super) signer: SignerInfo<'a>,
    certificates: Vec<&'a [u8]>,
}

impl<'a> Token<'a> {
    /// Reads a token: as it is, or in the answer of the authority that brought it.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, TimestampError> {
        let outer = Element::read(bytes)?.tagged(SEQUENCE)?;
        let mut parts = outer.parts()?;
        let Some(status) = parts.maybe(SEQUENCE) else { return Self::read_token(outer) };
        // 0 is granted, 1 is granted with changes to what was asked for.
        if status.parts()?.due(INTEGER)?.small_number()? > 1 {
            return Err(TimestampError::NotGranted);
        }
        Self::read_token(parts.only(SEQUENCE)?)
    }

    fn read_token(token: Element<'a>) -> Result<Self, TimestampError> {
        let mut parts = token.parts()?;
        if oid(parts.due(OBJECT_IDENTIFIER)?)? != SIGNED_DATA {
            return Err(TimestampError::malformed("it is not signed data"));
        }
        let data = parts.only(CONTEXT_0)?.parts()?.only(SEQUENCE)?;
        let mut parts = data.parts()?;
        // Peers write several versions for one and the same form.
        parts.due(INTEGER)?;
        parts.due(SET)?;
        let mut content = parts.due(SEQUENCE)?.parts()?;
        if oid(content.due(OBJECT_IDENTIFIER)?)? != TST_INFO {
            return Err(TimestampError::malformed("what is signed is no time stamp"));
        }
        let content = content.only(CONTEXT_0)?.parts()?.only(OCTET_STRING)?.content;
        let mut certificates = Vec::new();
        if let Some(set) = parts.maybe(CONTEXT_0) {
            // Attribute certificates and the like have other tags, and say nothing here.
            let plain = set.parts()?.filter(|one| one.tag == SEQUENCE);
            certificates.extend(plain.map(|one| one.whole));
            if certificates.len() > MAX_CERTIFICATES {
                return Err(TimestampError::malformed("it brings too many certificates"));
            }
        }
        parts.maybe(CONTEXT_1);
        // A token has the signature of its authority, and no other (RFC 3161, section 2.4.2).
        let signer = parts.only(SET)?.parts()?.only(SEQUENCE)?;
        let signer = SignerInfo::read(signer, content)?;
        Ok(Self { info: Info::read(content)?, signer, certificates })
    }

    /// Reads the certificates that came with it. Nobody signed that they come with it: one that cannot
    /// be read is none, and takes nothing from the others.
    pub(super) fn certificates(&self) -> Vec<Certificate> {
        self.certificates.iter().filter_map(|der| Certificate::from_der(der).ok()).collect()
    }
}
