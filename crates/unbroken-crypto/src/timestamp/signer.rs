//! Who signed a token, and how (RFC 5652, section 5.3; RFC 5816 for the certificate's digest).

use rustls_pki_types::{AlgorithmIdentifier, CertificateDer, alg_id};
use webpki::EndEntityCert;
use x509_cert::der::asn1::ObjectIdentifier;

use super::digest::{Strong, oid};
use super::element::{
    CONTEXT_0, CONTEXT_0_SIMPLE, CONTEXT_1, Element, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING,
    SEQUENCE, SET,
};
use super::error::TimestampError;
use super::token::TST_INFO;
use crate::certificate::Certificate;
use crate::low_order;

const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
/// The certificate of who signs, by SHA-1: it counts for nothing.
const SIGNING_CERTIFICATE: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.12");
/// The certificate of who signs, by a digest that is named.
const SIGNING_CERTIFICATE_V2: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const RSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const RSA_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
const ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const ECDSA_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// The signature of a token.
#[derive(Debug)]
pub(super) struct SignerInfo<'a> {
    identifier: Identifier<'a>,
    /// The digest of the certificate of who signs, which he signed.
    certificate: (Strong, &'a [u8]),
    /// The signed attributes in the form in which they are signed.
    signed: Vec<u8>,
    algorithm: AlgorithmIdentifier,
    signature: &'a [u8],
}

/// How a token points at the certificate of who signs, besides its digest (`SignerIdentifier`).
#[derive(Debug)]
enum Identifier<'a> {
    /// By the name of its issuer, in DER, and its serial number.
    Issued { issuer: &'a [u8], serial: &'a [u8] },
    /// By its `subjectKeyIdentifier`.
    Key(&'a [u8]),
}

impl<'a> SignerInfo<'a> {
    /// Reads it.
    ///
    /// # Checks
    /// That what was signed is a time stamp, and these bytes; all digests are strong, and one.
    pub(super) fn read(signer: Element<'a>, content: &[u8]) -> Result<Self, TimestampError> {
        let mut parts = signer.parts()?;
        parts.due(INTEGER)?;
        let identifier = if let Some(key_id) = parts.maybe(CONTEXT_0_SIMPLE) {
            Identifier::Key(key_id.content)
        } else {
            let mut parts = parts.due(SEQUENCE)?.parts()?;
            let issuer = parts.due(SEQUENCE)?.whole;
            Identifier::Issued { issuer, serial: parts.only(INTEGER)?.content }
        };
        let digest = Strong::read(parts.due(SEQUENCE)?, "the digest of what is signed")?;
        let attributes = parts.due(CONTEXT_0)?;
        let algorithm = parts.due(SEQUENCE)?;
        let signature = parts.due(OCTET_STRING)?.content;
        parts.maybe(CONTEXT_1);
        parts.end()?;

        let attribute = |kind| single(attributes, kind);
        let missing = TimestampError::malformed("an attribute is missing that must be signed");
        let due = attribute(CONTENT_TYPE)?.ok_or(missing)?;
        if oid(due.tagged(OBJECT_IDENTIFIER)?)? != TST_INFO {
            return Err(TimestampError::malformed("it is signed as something else"));
        }
        let missing = TimestampError::malformed("the digest of what is signed is missing");
        let signed_digest = attribute(MESSAGE_DIGEST)?.ok_or(missing)?.tagged(OCTET_STRING)?;
        if signed_digest.content != digest.of(content) {
            return Err(TimestampError::Signature);
        }
        let certificate = match attribute(SIGNING_CERTIFICATE_V2)? {
            Some(named) => certificate_digest(named)?,
            None if attribute(SIGNING_CERTIFICATE)?.is_some() => {
                let what = "it names the certificate of who signed it by SHA-1 alone";
                return Err(TimestampError::Weak { what });
            }
            None => {
                let reason = "it does not name the certificate of who signed it";
                return Err(TimestampError::malformed(reason));
            }
        };
        // They are signed as the set that they are, not under the tag that they have in their place.
        let mut signed = attributes.whole.to_vec();
        if let Some(tag) = signed.first_mut() {
            *tag = SET;
        }
        let algorithm = self::algorithm(algorithm, digest)?;
        Ok(Self { identifier, certificate, signed, algorithm, signature })
    }

    /// Tells whether the token is of who has this certificate, by all that it says.
    pub(super) fn names(&self, certificate: &Certificate) -> bool {
        let (digest, value) = self.certificate;
        let is_named = match self.identifier {
            Identifier::Issued { issuer, serial } => certificate.is_issued_as(issuer, serial),
            Identifier::Key(id) => certificate.has_subject_key_id(id),
        };
        is_named && digest.of(certificate.der()) == value
    }

    /// Checks the signature with the key of this certificate.
    pub(super) fn check(&self, certificate: &Certificate) -> Result<(), TimestampError> {
        let is_ed25519 = self.algorithm == alg_id::ED25519;
        if is_ed25519 && low_order::begins_with_low_order_point(self.signature) {
            return Err(TimestampError::Signature);
        }
        let der = CertificateDer::from(certificate.der());
        let certificate = EndEntityCert::try_from(&der).map_err(|_| TimestampError::Signature)?;
        let holds = webpki::ALL_VERIFICATION_ALGS
            .iter()
            .filter(|algorithm| algorithm.signature_alg_id() == self.algorithm)
            .any(|algorithm| {
                certificate.verify_signature(*algorithm, &self.signed, self.signature).is_ok()
            });
        if holds { Ok(()) } else { Err(TimestampError::Signature) }
    }
}

/// Finds the one value of an attribute of this kind; two would be two readings.
fn single(
    attributes: Element<'_>,
    kind: ObjectIdentifier,
) -> Result<Option<Element<'_>>, TimestampError> {
    let mut found = None;
    for attribute in attributes.parts()? {
        let mut parts = attribute.tagged(SEQUENCE)?.parts()?;
        if oid(parts.due(OBJECT_IDENTIFIER)?)? != kind {
            continue;
        }
        let mut values = parts.only(SET)?.parts()?;
        let value = values.next();
        values.end()?;
        if value.is_none() || found.is_some() {
            return Err(TimestampError::malformed("an attribute has not one value"));
        }
        found = value;
    }
    Ok(found)
}

/// Reads the first `ESSCertIDv2` of a `SigningCertificateV2`: that of who signs (RFC 5035, section 3).
fn certificate_digest(named: Element<'_>) -> Result<(Strong, &[u8]), TimestampError> {
    let mut all = named.tagged(SEQUENCE)?.parts()?.due(SEQUENCE)?.parts()?;
    let mut first = all.due(SEQUENCE)?.parts()?;
    let digest = match first.maybe(SEQUENCE) {
        Some(identifier) => Strong::read(identifier, "the digest of the signer's certificate")?,
        None => Strong::Sha256,
    };
    Ok((digest, first.due(OCTET_STRING)?.content))
}

/// Finds the way to check a signature; the digest is the one of the attributes (RFC 8933, section 3, and
/// RFC 8419, section 3).
fn algorithm(
    identifier: Element<'_>,
    digest: Strong,
) -> Result<AlgorithmIdentifier, TimestampError> {
    let named = oid(identifier.parts()?.due(OBJECT_IDENTIFIER)?)?;
    let ((rsa_name, rsa), pss, (ecdsa_name, ecdsa)) = match digest {
        Strong::Sha256 => (
            (RSA_SHA256, alg_id::RSA_PKCS1_SHA256),
            alg_id::RSA_PSS_SHA256,
            (ECDSA_SHA256, alg_id::ECDSA_SHA256),
        ),
        Strong::Sha384 => (
            (RSA_SHA384, alg_id::RSA_PKCS1_SHA384),
            alg_id::RSA_PSS_SHA384,
            (ECDSA_SHA384, alg_id::ECDSA_SHA384),
        ),
        Strong::Sha512 => (
            (RSA_SHA512, alg_id::RSA_PKCS1_SHA512),
            alg_id::RSA_PSS_SHA512,
            (ECDSA_SHA512, alg_id::ECDSA_SHA512),
        ),
    };
    // Named by its key alone, an RSA signature is of PKCS#1.
    if named == RSA_ENCRYPTION || named == rsa_name {
        Ok(rsa)
    } else if named == ecdsa_name {
        Ok(ecdsa)
    } else if named == ED25519 && digest == Strong::Sha512 {
        Ok(alg_id::ED25519)
    } else if identifier.content == pss.as_ref() {
        Ok(pss)
    } else {
        Err(TimestampError::Weak { what: "the algorithm of its signature" })
    }
}
