//! The public half of a key on a token, from the numbers that the token tells.

use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use pkcs8::ObjectIdentifier;
use pkcs8::der::asn1::{AnyRef, BitStringRef, OctetStringRef, UintRef};
use pkcs8::der::{Decode, Encode};
use pkcs8::spki::{AlgorithmIdentifier, SubjectPublicKeyInfo};
use unbroken_crypto::{KeyError, PublicKey};

use super::{describe, token};
use crate::error::SignerError;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// Finds the public key object that belongs to a private key, and makes a key of it.
pub(super) fn of(session: &Session, private: ObjectHandle) -> Result<PublicKey, SignerError> {
    let id =
        session.get_attributes(private, &[AttributeType::Id]).map_err(token("describe a key"))?;
    let template = [vec![Attribute::Class(ObjectClass::PUBLIC_KEY)], id].concat();
    let found = session.find_objects(&template).map_err(token("find the public half of a key"))?;
    let key = describe(session, private)?;
    let [public] = found.as_slice() else { return Err(SignerError::NoPublicHalf { key }) };
    let wanted = [
        AttributeType::KeyType,
        AttributeType::Modulus,
        AttributeType::PublicExponent,
        AttributeType::EcParams,
        AttributeType::EcPoint,
    ];
    let attributes = session.get_attributes(*public, &wanted).map_err(token("describe a key"))?;
    let read = spki(&attributes).and_then(|der| PublicKey::from_spki_der(&der));
    read.map_err(|source| SignerError::Unusable { key, source })
}

/// Writes SubjectPublicKeyInfo.
fn spki(attributes: &[Attribute]) -> Result<Vec<u8>, KeyError> {
    let malformed = || KeyError::Malformed { what: "public key of the token" };
    let find = |pick: fn(&Attribute) -> Option<&Vec<u8>>| {
        attributes.iter().find_map(pick).ok_or_else(malformed)
    };
    let kind = attributes.iter().find_map(|attribute| match attribute {
        Attribute::KeyType(kind) => Some(*kind),
        _ => None,
    });
    if kind == Some(KeyType::RSA) {
        let modulus = find(|attribute| match attribute {
            Attribute::Modulus(bytes) => Some(bytes),
            _ => None,
        })?;
        let exponent = find(|attribute| match attribute {
            Attribute::PublicExponent(bytes) => Some(bytes),
            _ => None,
        })?;
        let (modulus, exponent) = (UintRef::new(modulus), UintRef::new(exponent));
        let (Ok(modulus), Ok(exponent)) = (modulus, exponent) else { return Err(malformed()) };
        // `RSAPublicKey` of RFC 8017.
        let key = [modulus, exponent].to_der().map_err(|_| malformed())?;
        return info(RSA, Some(AnyRef::NULL), &key).ok_or_else(malformed);
    }
    let point = find(|attribute| match attribute {
        Attribute::EcPoint(bytes) => Some(bytes),
        _ => None,
    })?;
    // PKCS#11 wraps points into an OCTET STRING; some tokens do not.
    let point =
        <&OctetStringRef>::from_der(point).map_or(point.as_slice(), OctetStringRef::as_bytes);
    match kind {
        Some(KeyType::EC) => {
            let curve = attributes.iter().find_map(|attribute| match attribute {
                Attribute::EcParams(bytes) => AnyRef::from_der(bytes).ok(),
                _ => None,
            });
            info(EC, curve, point).ok_or_else(malformed)
        }
        Some(KeyType::EC_EDWARDS) => info(ED25519, None, point).ok_or_else(malformed),
        _ => Err(KeyError::Unsupported { what: "a key of this type on a token".to_owned() }),
    }
}

fn info(oid: ObjectIdentifier, parameters: Option<AnyRef<'_>>, key: &[u8]) -> Option<Vec<u8>> {
    let algorithm = AlgorithmIdentifier { oid, parameters };
    let subject_public_key = BitStringRef::from_bytes(key).ok()?;
    SubjectPublicKeyInfo { algorithm, subject_public_key }.to_der().ok()
}
