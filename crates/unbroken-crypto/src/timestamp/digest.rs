//! The digests that a token may rest on.

use x509_cert::der::asn1::ObjectIdentifier;

use super::element::{Element, OBJECT_IDENTIFIER};
use super::error::TimestampError;
use crate::hash;

/// A digest that proves what it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strong {
    Sha256,
    Sha384,
    Sha512,
}

impl Strong {
    const ALL: [(Self, ObjectIdentifier); 3] = [
        (Self::Sha256, ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1")),
        (Self::Sha384, ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2")),
        (Self::Sha512, ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3")),
    ];

    /// Reads an algorithm identifier; its parameters say nothing.
    pub(super) fn read(
        identifier: Element<'_>,
        what: &'static str,
    ) -> Result<Self, TimestampError> {
        let named = oid(identifier.parts()?.due(OBJECT_IDENTIFIER)?)?;
        let found = Self::ALL.into_iter().find(|(_, oid)| *oid == named);
        found.map(|(strong, _)| strong).ok_or(TimestampError::Weak { what })
    }

    pub(super) fn of(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => hash::sha256(bytes).to_vec(),
            Self::Sha384 => hash::sha384(bytes).to_vec(),
            Self::Sha512 => hash::sha512(bytes).to_vec(),
        }
    }
}

/// Reads an object identifier.
pub(super) fn oid(element: Element<'_>) -> Result<ObjectIdentifier, TimestampError> {
    ObjectIdentifier::from_bytes(element.content)
        .map_err(|_| TimestampError::malformed("an object identifier is none"))
}
