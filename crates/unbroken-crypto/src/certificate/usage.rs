//! What a certificate says it may be used for (RFC 5280, sections 4.2.1.3, 4.2.1.9 and 4.2.1.12).

use std::collections::BTreeSet;

use x509_cert::TbsCertificate;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage};

use super::error::CertificateError;

const ANY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");
const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
const TIME_STAMPING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");

/// What a path is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Signing metadata.
    Metadata,
    /// Signing time-stamp tokens.
    TimeStamping,
}

/// The extensions of a certificate that limit its use.
pub(super) struct Usage {
    is_authority: bool,
    /// How many intermediate certificates may stand below this one.
    pub(super) path_length: Option<u8>,
    /// The bits of `keyUsage`.
    bits: Option<KeyUsage>,
    extended: Option<Vec<ObjectIdentifier>>,
    is_extended_critical: bool,
}

impl Usage {
    pub(super) fn read(certificate: &TbsCertificate) -> Result<Self, CertificateError> {
        let mut seen = BTreeSet::new();
        for extension in certificate.extensions().into_iter().flatten() {
            // Which of the two counts would depend on the reader.
            if !seen.insert(extension.extn_id) {
                let reason = format!("it has the extension {} twice", extension.extn_id);
                return Err(CertificateError::malformed(reason));
            }
        }
        let malformed = |what: &str| CertificateError::malformed(format!("its {what} is not one"));
        let basic = certificate
            .get_extension::<BasicConstraints>()
            .map_err(|_| malformed("basicConstraints"))?
            .map(|(_, basic)| basic);
        let key_usage =
            certificate.get_extension::<KeyUsage>().map_err(|_| malformed("keyUsage"))?;
        let extended = certificate
            .get_extension::<ExtendedKeyUsage>()
            .map_err(|_| malformed("extKeyUsage"))?;
        Ok(Self {
            is_authority: basic.as_ref().is_some_and(|basic| basic.ca),
            path_length: basic.and_then(|basic| basic.path_len_constraint),
            bits: key_usage.map(|(_, usage)| usage),
            is_extended_critical: extended.as_ref().is_some_and(|(critical, _)| *critical),
            extended: extended.map(|(_, extended)| extended.0),
        })
    }

    pub(super) fn is_authority(&self) -> bool {
        self.is_authority
    }

    /// Tells what keeps the key from signing metadata.
    pub(super) fn fault_of_leaf(&self) -> Option<&'static str> {
        if self.is_authority {
            return Some("it is of an authority, which signs certificates and nothing else");
        }
        let signs = |usage: &KeyUsage| usage.digital_signature();
        if !self.bits.as_ref().is_none_or(signs) {
            return Some("its keyUsage lacks digitalSignature");
        }
        self.fault_of_purpose(Purpose::Metadata)
    }

    /// Tells what keeps the key from signing time-stamp tokens (RFC 3161, section 2.3): it has this one
    /// purpose, and says so in a way that nobody may overlook.
    pub(super) fn fault_of_time_stamper(&self) -> Option<&'static str> {
        if self.is_authority {
            return Some("it is of an authority, which signs certificates and nothing else");
        }
        let signs = |usage: &KeyUsage| usage.digital_signature() || usage.non_repudiation();
        if !self.bits.as_ref().is_none_or(signs) {
            return Some("its keyUsage has neither digitalSignature nor nonRepudiation");
        }
        match self.extended.as_deref() {
            Some([TIME_STAMPING]) if self.is_extended_critical => None,
            Some([TIME_STAMPING]) => Some("its extKeyUsage is not critical"),
            _ => Some("its extKeyUsage is not timeStamping and nothing else"),
        }
    }

    /// Tells what keeps the key from signing certificates.
    pub(super) fn fault_of_authority(&self, purpose: Purpose) -> Option<&'static str> {
        if !self.is_authority {
            return Some("it is not of an authority");
        }
        if !self.bits.as_ref().is_none_or(KeyUsage::key_cert_sign) {
            return Some("its keyUsage lacks keyCertSign");
        }
        self.fault_of_purpose(purpose)
    }

    /// There is no purpose of its own for metadata. The implementation that brought certificates to
    /// in-toto asks for serverAuth wherever purposes are limited, as SPIFFE's certificates have it;
    /// what it takes is taken here, and nothing besides.
    fn fault_of_purpose(&self, purpose: Purpose) -> Option<&'static str> {
        let (due, fault) = match purpose {
            Purpose::Metadata => {
                (SERVER_AUTH, "its extKeyUsage has neither serverAuth nor any purpose")
            }
            Purpose::TimeStamping => {
                (TIME_STAMPING, "its extKeyUsage has neither timeStamping nor any purpose")
            }
        };
        let fits =
            |purposes: &Vec<ObjectIdentifier>| purposes.iter().any(|one| [ANY, due].contains(one));
        if self.extended.as_ref().is_none_or(fits) { None } else { Some(fault) }
    }
}
