//! The names of a certificate: what constraints are held against.
//!
//! Names are compared byte for byte, so that the reading is strict: a name that two readers could
//! take for two names is refused, and none is taken from where it does not belong. A mail address
//! in the subject or a host in the common name is no such name.

use x509_cert::TbsCertificate;
use x509_cert::der::asn1::{Any, ObjectIdentifier};
use x509_cert::der::{Tag, Tagged};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::{DirectoryString, GeneralName};

use super::error::CertificateError;

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");
/// How many names a certificate may have: each is compared with every value of every constraint.
const MAX_NAMES: usize = 256;
/// The longest SPIFFE id (SPIFFE-ID, section 2.3).
const MAX_SPIFFE_ID: usize = 2048;

/// The names of a certificate that constraints speak of, in the certificate's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateNames {
    /// The common names of the subject; a certificate should have one at most.
    pub common_names: Vec<String>,
    /// The organisations of the subject.
    pub organizations: Vec<String>,
    /// The DNS names.
    pub dns_names: Vec<String>,
    /// The mail addresses.
    pub emails: Vec<String>,
    /// The URIs, SPIFFE ids among them.
    pub uris: Vec<String>,
}

impl CertificateNames {
    pub(super) fn read(certificate: &TbsCertificate) -> Result<Self, CertificateError> {
        let mut names = Self::default();
        for attribute in certificate.subject().iter() {
            match attribute.oid {
                COMMON_NAME => names.common_names.push(text(&attribute.value)?),
                ORGANIZATION => names.organizations.push(text(&attribute.value)?),
                _ => {}
            }
        }
        let malformed = |_| CertificateError::malformed("its subjectAltName is not one");
        let alternative = certificate.get_extension::<SubjectAltName>().map_err(malformed)?;
        for name in alternative.map(|(_, names)| names.0).unwrap_or_default() {
            match name {
                GeneralName::DnsName(name) => names.dns_names.push(name.as_str().to_owned()),
                GeneralName::Rfc822Name(name) => names.emails.push(name.as_str().to_owned()),
                GeneralName::UniformResourceIdentifier(name) => {
                    names.uris.push(name.as_str().to_owned());
                }
                // No constraint speaks of addresses and the like, and nothing rests on them.
                _ => {}
            }
        }
        if names.all().count() > MAX_NAMES {
            return Err(CertificateError::TooMany { what: "names", limit: MAX_NAMES });
        }
        // An empty name would pass for none, and a control character for the end of a name.
        if names.all().any(|name| name.is_empty() || name.chars().any(char::is_control)) {
            return Err(CertificateError::malformed("a name is empty or has control characters"));
        }
        names.check_spiffe_ids()?;
        Ok(names)
    }

    fn all(&self) -> impl Iterator<Item = &String> {
        [&self.common_names, &self.organizations, &self.dns_names, &self.emails, &self.uris]
            .into_iter()
            .flatten()
    }

    /// A certificate with a SPIFFE id has no other URI (X509-SVID, section 2), and the id has the
    /// one form that it may have, so that there is nothing to normalise.
    fn check_spiffe_ids(&self) -> Result<(), CertificateError> {
        let ids: Vec<&String> = self.uris.iter().filter(|uri| has_spiffe_scheme(uri)).collect();
        if ids.is_empty() {
            return Ok(());
        }
        if self.uris.len() > 1 {
            return Err(CertificateError::malformed("it has another URI beside a SPIFFE id"));
        }
        match ids.iter().find(|id| !is_spiffe_id(id)) {
            None => Ok(()),
            Some(id) => Err(CertificateError::malformed(format!("{id:?} is no SPIFFE id"))),
        }
    }
}

fn has_spiffe_scheme(uri: &str) -> bool {
    uri.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("spiffe:"))
}

/// Tells a SPIFFE id (SPIFFE-ID, section 2): `spiffe://`, a trust domain, and a path or none.
fn is_spiffe_id(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("spiffe://").filter(|_| text.len() <= MAX_SPIFFE_ID) else {
        return false;
    };
    let (domain, path) = rest.split_once('/').map_or((rest, None), |(d, path)| (d, Some(path)));
    let of_domain = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_')
    };
    let of_path = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let is_segment =
        |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(of_path);
    (1..=255).contains(&domain.len())
        && domain.bytes().all(of_domain)
        && path.is_none_or(|path| path.split('/').all(is_segment))
}

/// Reads the text of an attribute of a subject.
fn text(value: &Any) -> Result<String, CertificateError> {
    if value.tag() == Tag::Ia5String {
        // Not among the choices of RFC 5280, and written by some.
        let text = value.decode_as::<x509_cert::der::asn1::Ia5String>().map_err(not_text)?;
        return Ok(text.as_str().to_owned());
    }
    let text = value.decode_as::<DirectoryString>().map_err(not_text)?;
    Ok(text.value().into_owned())
}

fn not_text(_: x509_cert::der::Error) -> CertificateError {
    CertificateError::malformed("a name in its subject is no text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spiffe_ids_have_one_form() {
        for id in ["spiffe://root", "spiffe://example.com/write-code", "spiffe://a_b.c-1/A/b.c/_"] {
            assert!(is_spiffe_id(id), "{id}");
        }
        let long = format!("spiffe://a/{}", "b".repeat(MAX_SPIFFE_ID));
        for id in [
            "spiffe://",
            "spiffe:///a",
            "spiffe://a/",
            "spiffe://a//b",
            "spiffe://a/../b",
            "spiffe://a/./b",
            "spiffe://A/b",
            "SPIFFE://a/b",
            "spiffe://a/b?c",
            "spiffe://a/b#c",
            "spiffe://a/%2f",
            "spiffe://user@a/b",
            "spiffe://a:1/b",
            "spiffe://\u{e4}/b",
            "spiffe:a",
            &long,
        ] {
            assert!(has_spiffe_scheme(id) && !is_spiffe_id(id), "{id}");
        }
        assert!(!has_spiffe_scheme("https://spiffe:x"));
    }
}
