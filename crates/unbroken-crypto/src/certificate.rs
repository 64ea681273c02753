//! X.509 certificates: read, and held against the authorities and constraints of a layout.
//!
//! `rustls-webpki` builds and checks paths, with `aws-lc-rs` for the signatures; `x509-cert` reads
//! what a certificate says of its holder and of its use. Which certificates count is decided here.

mod authorities;
mod constraint;
mod error;
mod names;
pub(crate) mod path;
mod usage;

use std::fmt;
use std::sync::Arc;

use unbroken_model::json::{Object, Value};
use unbroken_model::layout::LayoutKey;
use unbroken_model::timestamp::Timestamp;
use x509_cert::der::{Decode, Reader, SliceReader};
use x509_cert::ext::pkix::SubjectKeyIdentifier;

pub use self::authorities::{AuthorityFault, CertificateAuthorities, Certified};
pub use self::error::CertificateError;
pub use self::names::CertificateNames;
pub(crate) use self::usage::Purpose;
use self::usage::Usage;
use crate::key::{PublicKey, pem};
use crate::key_id::KeyIdStyle;

/// The most certificates of one text.
const MAX_CERTIFICATES: usize = 16;
/// The longest serial number in bytes (RFC 5280, section 4.1.2.2).
const MAX_SERIAL: usize = 20;

/// A certificate whose text has been read and whose signature nobody has checked.
///
/// What it says is a claim until [`CertificateAuthorities::certify`] has found a path for it.
/// Cloning is cheap.
#[derive(Clone)]
pub struct Certificate {
    inner: Arc<Inner>,
}

struct Inner {
    der: Box<[u8]>,
    key: PublicKey,
    subject: String,
    /// The subject and the issuer as they are written: paths are found by them.
    subject_der: Box<[u8]>,
    issuer_der: Box<[u8]>,
    names: CertificateNames,
    not_before: Timestamp,
    not_after: Timestamp,
    /// The serial number without zeros in front.
    serial: Box<[u8]>,
    subject_key_id: Option<Box<[u8]>>,
    usage: Usage,
}

impl Certificate {
    /// Reads one certificate in PEM.
    ///
    /// # Checks
    /// That it is an X.509 certificate of version 3 in DER with nothing behind it, no extension
    /// twice, names of one reading, and a key that is strong and of a kind that can be used.
    ///
    /// # Does not check
    /// Its signature, its time, its use: [`CertificateAuthorities::certify`] does.
    ///
    /// # Errors
    /// [`CertificateError`], also for a text of several certificates.
    pub fn read(text: &[u8]) -> Result<Self, CertificateError> {
        match Self::read_all(text)?.as_slice() {
            [one] => Ok(one.clone()),
            _ => Err(CertificateError::malformed("the text holds more than one certificate")),
        }
    }

    /// Reads one certificate or several, one behind the other, in PEM.
    ///
    /// # Errors
    /// [`CertificateError`], as [`Certificate::read`], and for a text that holds anything else.
    pub fn read_all(text: &[u8]) -> Result<Vec<Self>, CertificateError> {
        let text = pem::key_text(text).map_err(CertificateError::Key)?;
        let blocks = pem::blocks(text, MAX_CERTIFICATES).map_err(CertificateError::Key)?;
        let Some(blocks) = blocks else {
            return Err(CertificateError::TooMany {
                what: "certificates in one text",
                limit: MAX_CERTIFICATES,
            });
        };
        if blocks.is_empty() {
            return Err(CertificateError::malformed("it is not PEM"));
        }
        let certificates = blocks.into_iter().map(|block| match block.label.as_str() {
            "CERTIFICATE" => Self::from_der(&block.der),
            label => Err(CertificateError::malformed(format!("it is a PEM block of {label:?}"))),
        });
        certificates.collect()
    }

    /// Reads one certificate or several in DER, one behind the other.
    ///
    /// # Errors
    /// [`CertificateError`], as [`Certificate::read_all`].
    pub fn read_der_sequence(der: &[u8]) -> Result<Vec<Self>, CertificateError> {
        let malformed =
            |error: x509_cert::der::Error| CertificateError::malformed(error.to_string());
        let mut reader = SliceReader::new(der).map_err(malformed)?;
        let mut certificates = Vec::new();
        while !reader.is_finished() {
            if certificates.len() == MAX_CERTIFICATES {
                let what = "certificates in one sequence";
                return Err(CertificateError::TooMany { what, limit: MAX_CERTIFICATES });
            }
            certificates.push(Self::from_der(reader.tlv_bytes().map_err(malformed)?)?);
        }
        Ok(certificates)
    }

    /// Reads a certificate in DER.
    ///
    /// # Errors
    /// [`CertificateError`], as [`Certificate::read`].
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let parsed = x509_cert::Certificate::from_der(der)
            .map_err(|error| CertificateError::malformed(error.to_string()))?;
        let tbs = parsed.tbs_certificate();
        if tbs.version() != x509_cert::Version::V3 {
            return Err(CertificateError::malformed("it is not of version 3"));
        }
        let serial = tbs.serial_number().as_bytes();
        let is_negative = serial.first().is_some_and(|first| first & 0x80 != 0);
        let serial = without_zeros(serial);
        if is_negative || serial.len() > MAX_SERIAL {
            let reason = "its serial number is negative or longer than 20 bytes";
            return Err(CertificateError::malformed(reason));
        }
        let encode = |value: &dyn Fn() -> x509_cert::der::Result<Vec<u8>>| {
            value().map_err(|error| CertificateError::malformed(error.to_string()))
        };
        let spki = encode(&|| to_der(tbs.subject_public_key_info()))?;
        let key = PublicKey::from_spki_der(&spki).map_err(CertificateError::Key)?;
        let names = CertificateNames::read(tbs)?;
        let subject = tbs.subject().to_string();
        let validity = tbs.validity();
        // Nothing but tokens asks for it: one that is not one is none.
        let subject_key_id = tbs.get_extension::<SubjectKeyIdentifier>().ok().flatten();
        let inner = Inner {
            der: der.into(),
            key,
            subject,
            subject_der: encode(&|| to_der(tbs.subject()))?.into(),
            issuer_der: encode(&|| to_der(tbs.issuer()))?.into(),
            names,
            not_before: time(validity.not_before),
            not_after: time(validity.not_after),
            serial: serial.into(),
            subject_key_id: subject_key_id.map(|(_, id)| id.0.as_bytes().into()),
            usage: Usage::read(tbs)?,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Returns the key in the certificate.
    pub fn public_key(&self) -> &PublicKey {
        &self.inner.key
    }

    /// Returns the names that constraints speak of.
    pub fn names(&self) -> &CertificateNames {
        &self.inner.names
    }

    /// Returns the subject as text (RFC 4514).
    pub fn subject(&self) -> &str {
        &self.inner.subject
    }

    /// Returns the first and the last second in which the certificate is valid.
    pub fn validity(&self) -> (Timestamp, Timestamp) {
        (self.inner.not_before, self.inner.not_after)
    }

    /// Tells whether the certificate is of an authority, which signs certificates.
    pub fn is_authority(&self) -> bool {
        self.inner.usage.is_authority()
    }

    /// Checks that the key may sign metadata at a time, as far as the certificate itself says it.
    pub(crate) fn check_for_signing(&self, at: Timestamp) -> Result<(), CertificateError> {
        let subject = self.describe();
        if let Some(reason) = self.inner.usage.fault_of_leaf() {
            return Err(CertificateError::Usage { subject, what: "metadata", reason });
        }
        if self.inner.serial.is_empty() {
            return Err(CertificateError::malformed("its serial number is zero"));
        }
        path::check_time(self, &format!("the certificate of {subject}"), at)
    }

    /// Checks that the key may sign time-stamp tokens at a time, as far as the certificate itself says
    /// it.
    pub(crate) fn check_for_time_stamping(&self, at: Timestamp) -> Result<(), CertificateError> {
        let subject = self.describe();
        if let Some(reason) = self.inner.usage.fault_of_time_stamper() {
            return Err(CertificateError::Usage { subject, what: "time-stamp tokens", reason });
        }
        path::check_time(self, &format!("the certificate of {subject}"), at)
    }

    /// Tells whether the holder of this name, in DER, issued it under this serial number, as it says.
    pub(crate) fn is_issued_as(&self, issuer: &[u8], serial: &[u8]) -> bool {
        *self.inner.issuer_der == *issuer && *self.inner.serial == *without_zeros(serial)
    }

    /// Tells whether its key goes by this id, as it says.
    pub(crate) fn has_subject_key_id(&self, id: &[u8]) -> bool {
        self.inner.subject_key_id.as_deref() == Some(id)
    }

    /// Tells whether it is the certificate of an authority that paths of tokens may end at.
    pub(crate) fn is_time_stamping_root(&self) -> bool {
        self.inner.subject_der == self.inner.issuer_der
            && self.inner.usage.fault_of_authority(Purpose::TimeStamping).is_none()
    }

    /// Returns the certificate in DER.
    pub fn der(&self) -> &[u8] {
        &self.inner.der
    }

    /// Writes the certificate in PEM.
    ///
    /// # Errors
    /// [`crate::KeyError::Encoding`] when the library fails.
    pub fn to_pem(&self) -> Result<String, crate::KeyError> {
        pem::encode("CERTIFICATE", &self.inner.der).map(|text| text.to_string())
    }

    /// Makes the object by which a layout lists the certificate of an authority, under the id that
    /// the implementation gives it which brought certificates to in-toto.
    ///
    /// # Errors
    /// [`crate::KeyError`] when the library fails.
    pub fn to_layout_key(&self) -> Result<LayoutKey, crate::KeyError> {
        let mut listed = self.inner.key.to_layout_key(self.key_id_style())?;
        let keyval = listed.object.remove("keyval");
        let mut keyval = match keyval {
            Some(Value::Object(keyval)) => keyval,
            _ => Object::new(),
        };
        keyval.insert("certificate", self.to_pem()?);
        listed.object.insert("keyval", keyval);
        Ok(listed)
    }

    /// Returns the style of the one id that a certificate's key goes by: the legacy one, for keys
    /// on every curve with the scheme of P-256.
    pub(crate) fn key_id_style(&self) -> KeyIdStyle {
        let ids = self.inner.key.key_ids();
        let of_curve = ids.iter().any(|(style, _)| *style == KeyIdStyle::LegacyNistp256);
        if of_curve { KeyIdStyle::LegacyNistp256 } else { KeyIdStyle::Legacy }
    }

    /// Names the holder for people: by the first URI, mail address or DNS name, else by the
    /// subject.
    pub fn describe(&self) -> String {
        const MOST: usize = 200;
        let names = &self.inner.names;
        let name = [&names.uris, &names.emails, &names.dns_names].into_iter().flatten().next();
        let name = name.map_or(self.subject(), String::as_str);
        let name = if name.is_empty() { "(no name)" } else { name };
        name.chars().take(MOST).collect()
    }
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

fn to_der(value: &impl x509_cert::der::Encode) -> x509_cert::der::Result<Vec<u8>> {
    value.to_der()
}

fn time(time: x509_cert::time::Time) -> Timestamp {
    let seconds = time.to_unix_duration().as_secs();
    Timestamp::from_unix(i64::try_from(seconds).unwrap_or(i64::MAX))
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.inner.der == other.inner.der
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Certificate({:?} of {:?})", self.inner.subject, self.inner.key)
    }
}
