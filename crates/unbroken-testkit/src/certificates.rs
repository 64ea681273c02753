//! X.509 certificates that are the same in every run, good ones and ones with one thing wrong.
//!
//! The DER is written here by hand, since libraries that make certificates refuse to make the bad
//! ones. Keys are the seeded ones of [`crate::keys`]; whoever issues is named by the name of his key.

use data_encoding::BASE64;
use unbroken_crypto::KeyIdStyle;
use unbroken_model::json::{Object, Value};
use unbroken_model::timestamp::Timestamp;

use crate::keys;

/// Object identifiers, as they stand in DER behind their tag and length.
pub(crate) const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const ORGANIZATION: &[u8] = &[0x55, 4, 10];
const SUBJECT_KEY_ID: &[u8] = &[0x55, 0x1d, 14];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 15];
const ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 17];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 19];
const NAME_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 30];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 37];
/// An extension that nobody knows: 2.25.1.
const UNKNOWN: &[u8] = &[0x69, 1];

/// A purpose of `extKeyUsage`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// serverAuth.
    ServerAuth,
    /// clientAuth.
    ClientAuth,
    /// timeStamping.
    TimeStamping,
    /// Any purpose.
    Any,
}

/// Whether an extension may be passed over by whoever does not know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Criticality {
    /// It may not.
    Critical,
    /// It may.
    NotCritical,
}

/// A name of `subjectAltName`, or a subtree of `nameConstraints`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AltName {
    /// A mail address.
    Email(String),
    /// A DNS name.
    Dns(String),
    /// A URI.
    Uri(String),
}

/// A certificate before it is signed. Every part can be changed.
#[derive(Clone, Debug)]
pub struct CertificateDraft {
    /// Whose key it holds, and the common name of the subject.
    pub name: String,
    /// The SubjectPublicKeyInfo, where it is not that of the seeded key of the name.
    pub spki: Option<Vec<u8>>,
    /// Whether the subject has the common name.
    pub has_common_name: bool,
    /// The organisations of the subject.
    pub organizations: Vec<String>,
    /// The first second in which it is valid.
    pub not_before: Timestamp,
    /// The last one.
    pub not_after: Timestamp,
    /// The serial number in DER.
    pub serial: Vec<u8>,
    /// The version as it is written; 2 stands for version 3, and nothing for version 1.
    pub version: Option<u8>,
    /// Whether it is of an authority, and how many may stand below it.
    pub authority: Option<Option<u8>>,
    /// The bits of `keyUsage`, the first in the highest place; none for no such extension.
    pub key_usage: Option<u8>,
    /// The purposes; none for no such extension.
    pub purposes: Vec<Purpose>,
    /// Whether whoever does not know purposes may pass over them.
    pub criticality: Criticality,
    /// The id of the key; none for no such extension.
    pub subject_key_id: Option<Vec<u8>>,
    /// The names.
    pub alternative: Vec<AltName>,
    /// Subtrees that names below an authority may not be in.
    pub excluded: Vec<AltName>,
    /// Whether an extension that nobody knows is there and critical.
    pub has_unknown_critical: bool,
    /// Whether `subjectAltName` stands twice.
    pub repeats_names: bool,
}

/// The bit of `keyUsage` for signatures.
pub const DIGITAL_SIGNATURE: u8 = 0x80;
/// The bit of `keyUsage` for certificates.
pub const KEY_CERT_SIGN: u8 = 0x04;
/// The bit of `keyUsage` for the encryption of keys.
pub const KEY_ENCIPHERMENT: u8 = 0x20;

impl CertificateDraft {
    /// Begins with a good certificate to sign with, in force in 2026.
    ///
    /// # Panics
    /// Never.
    pub fn of(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            spki: None,
            has_common_name: true,
            organizations: Vec::new(),
            not_before: "2026-01-01T00:00:00Z".parse().expect("a point in time"),
            not_after: "2026-12-31T23:59:59Z".parse().expect("a point in time"),
            serial: vec![1],
            version: Some(2),
            authority: None,
            key_usage: Some(DIGITAL_SIGNATURE),
            purposes: Vec::new(),
            criticality: Criticality::NotCritical,
            subject_key_id: None,
            alternative: Vec::new(),
            excluded: Vec::new(),
            has_unknown_critical: false,
            repeats_names: false,
        }
    }

    /// Begins with a good certificate of an authority.
    pub fn authority(name: &str) -> Self {
        Self { authority: Some(None), key_usage: Some(KEY_CERT_SIGN), ..Self::of(name) }
    }

    /// Begins with a good certificate to sign time-stamp tokens with.
    pub fn time_stamper(name: &str) -> Self {
        let purposes = vec![Purpose::TimeStamping];
        Self { purposes, criticality: Criticality::Critical, ..Self::of(name) }
    }

    /// Adds a URI.
    #[must_use]
    pub fn uri(mut self, uri: &str) -> Self {
        self.alternative.push(AltName::Uri(uri.to_owned()));
        self
    }

    /// Signs it with the seeded key of this name, and returns it in DER.
    ///
    /// # Panics
    /// When the key does not sign.
    pub fn issued_by(&self, issuer: &str) -> Vec<u8> {
        let algorithm = sequence(&[oid(ED25519)]);
        let spki = self.spki.clone();
        let spki = spki.unwrap_or_else(|| keys::key(&self.name).public().spki_der().to_vec());
        let mut parts = Vec::new();
        if let Some(version) = self.version {
            parts.push(tlv(0xa0, &tlv(2, &[version])));
        }
        let validity = sequence(&[time(self.not_before), time(self.not_after)]);
        parts.extend([
            tlv(2, &self.serial),
            algorithm.clone(),
            subject(Some(issuer), &[]),
            validity,
            subject(self.has_common_name.then_some(self.name.as_str()), &self.organizations),
            spki,
            tlv(0xa3, &sequence(&self.extensions())),
        ]);
        let tbs = sequence(&parts);
        let signature = keys::key(issuer).sign(&tbs).expect("the key signs");
        sequence(&[tbs, algorithm, tlv(3, &[&[0], signature.as_slice()].concat())])
    }

    /// Signs it with the seeded key of this name, and returns it in PEM.
    pub fn pem_by(&self, issuer: &str) -> String {
        pem(&self.issued_by(issuer))
    }

    fn extensions(&self) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        if let Some(length) = self.authority {
            let length = length.map(|length| tlv(2, &[length])).unwrap_or_default();
            all.push(extension(BASIC_CONSTRAINTS, true, &sequence(&[tlv(1, &[0xff]), length])));
        }
        if let Some(bits) = self.key_usage {
            let unused = u8::try_from(bits.trailing_zeros()).unwrap_or(0);
            all.push(extension(KEY_USAGE, true, &tlv(3, &[unused, bits])));
        }
        if !self.purposes.is_empty() {
            let purposes = self.purposes.iter().map(|purpose| match purpose {
                Purpose::ServerAuth => oid(&[0x2b, 6, 1, 5, 5, 7, 3, 1]),
                Purpose::ClientAuth => oid(&[0x2b, 6, 1, 5, 5, 7, 3, 2]),
                Purpose::TimeStamping => oid(&[0x2b, 6, 1, 5, 5, 7, 3, 8]),
                Purpose::Any => oid(&[0x55, 0x1d, 37, 0]),
            });
            let purposes: Vec<Vec<u8>> = purposes.collect();
            let critical = self.criticality == Criticality::Critical;
            all.push(extension(EXTENDED_KEY_USAGE, critical, &sequence(&purposes)));
        }
        if let Some(id) = &self.subject_key_id {
            all.push(extension(SUBJECT_KEY_ID, false, &tlv(4, id)));
        }
        let names: Vec<Vec<u8>> = self.alternative.iter().map(general_name).collect();
        if !names.is_empty() {
            all.push(extension(ALTERNATIVE_NAME, false, &sequence(&names)));
        }
        if self.repeats_names {
            all.push(extension(ALTERNATIVE_NAME, false, &sequence(&names)));
        }
        let excluded = self.excluded.iter().map(|name| sequence(&[general_name(name)]));
        let excluded: Vec<Vec<u8>> = excluded.collect();
        if !excluded.is_empty() {
            let subtrees = sequence(&[tlv(0xa1, &excluded.concat())]);
            all.push(extension(NAME_CONSTRAINTS, true, &subtrees));
        }
        if self.has_unknown_critical {
            all.push(extension(UNKNOWN, true, &tlv(5, &[])));
        }
        all
    }
}

/// Returns the root certificate of this name, which signs itself.
pub fn root(name: &str) -> Vec<u8> {
    CertificateDraft::authority(name).issued_by(name)
}

/// Writes DER as PEM.
pub fn pem(der: &[u8]) -> String {
    let text = BASE64.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap_or("")).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

/// Returns the id by which layouts list the authority of this name.
pub fn authority_id(name: &str) -> String {
    keys::key(name).public().key_id(KeyIdStyle::Legacy)
}

/// Returns the key object by which a layout lists an authority.
pub fn authority_object(name: &str, pem: &str) -> Value<'static> {
    let mut keyval = Object::new();
    keyval.insert("public", "");
    keyval.insert("certificate", pem.to_owned());
    let mut object = Object::new();
    object.insert("keyid", authority_id(name));
    object.insert("keyid_hash_algorithms", vec![Value::from("sha256"), Value::from("sha512")]);
    object.insert("keytype", "ed25519");
    object.insert("keyval", keyval);
    object.insert("scheme", "ed25519");
    object.into()
}

pub(crate) fn subject(common_name: Option<&str>, organizations: &[String]) -> Vec<u8> {
    let mut attributes = Vec::new();
    for organization in organizations {
        attributes.push((ORGANIZATION, organization.as_str()));
    }
    attributes.extend(common_name.map(|name| (COMMON_NAME, name)));
    let named = attributes
        .into_iter()
        .map(|(kind, text)| tlv(0x31, &sequence(&[oid(kind), tlv(0x0c, text.as_bytes())])));
    sequence(&named.collect::<Vec<_>>())
}

fn general_name(name: &AltName) -> Vec<u8> {
    match name {
        AltName::Email(text) => tlv(0x81, text.as_bytes()),
        AltName::Dns(text) => tlv(0x82, text.as_bytes()),
        AltName::Uri(text) => tlv(0x86, text.as_bytes()),
    }
}

fn extension(kind: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical { tlv(1, &[0xff]) } else { Vec::new() };
    sequence(&[oid(kind), critical, tlv(4, value)])
}

/// Writes a time as RFC 5280 wants it until 2049.
fn time(time: Timestamp) -> Vec<u8> {
    let digits: String = time.to_string().chars().filter(char::is_ascii_digit).skip(2).collect();
    tlv(0x17, format!("{digits}Z").as_bytes())
}

pub(crate) fn oid(bytes: &[u8]) -> Vec<u8> {
    tlv(6, bytes)
}

pub(crate) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

/// Writes a tag, a length and a content.
pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).expect("certificates here are small");
    let [high, low] = length.to_be_bytes();
    let head = match length {
        0..0x80 => vec![tag, low],
        0x80..0x100 => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    [head.as_slice(), content].concat()
}
