//! Paths from a certificate to a root (RFC 5280, section 6).

use std::collections::BTreeSet;
use std::time::Duration;

use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use unbroken_model::timestamp::Timestamp;
use webpki::{EndEntityCert, Error, ExtendedKeyUsageValidator, KeyPurposeIdIter, VerifiedPath};

use super::Certificate;
use super::error::CertificateError;
use super::usage::Purpose;

/// How many certificates may stand between a certificate and a root: as many as the library takes.
const MAX_DEPTH: usize = 6;
/// How many paths may lead away from a certificate by the names of issuers. Whoever issues himself
/// certificates in circles would have a verifier try all the ways through them.
const MAX_PATHS: usize = 128;

/// The certificates that may stand on paths from one certificate.
pub(crate) struct Candidates<'a> {
    leaf: &'a Certificate,
    purpose: Purpose,
    /// Those that can be used at the time.
    usable: Vec<CertificateDer<'a>>,
    /// Why others were left out.
    left_out: Vec<CertificateError>,
    /// Whom the certificate and those on its ways name as issuers.
    issuers: BTreeSet<&'a [u8]>,
}

impl<'a> Candidates<'a> {
    /// Picks those certificates that a path from `leaf` can lead through.
    pub(crate) fn of(
        leaf: &'a Certificate,
        intermediates: &'a [&'a Certificate],
        purpose: Purpose,
        at: Timestamp,
    ) -> Result<Self, CertificateError> {
        let mut walk = Walk { intermediates, paths: 0, reached: BTreeSet::new() };
        walk.from(&leaf.inner.issuer_der, &mut Vec::new())?;
        let issuers = BTreeSet::from([&*leaf.inner.issuer_der]);
        let (usable, left_out) = (Vec::new(), Vec::new());
        let mut candidates = Self { leaf, purpose, usable, left_out, issuers };
        for index in walk.reached {
            let Some(certificate) = intermediates.get(index) else { continue };
            candidates.issuers.insert(&certificate.inner.issuer_der);
            match check_authority(certificate, "the intermediate certificate", purpose, at) {
                Ok(()) => candidates.usable.push(CertificateDer::from(certificate.der())),
                Err(error) => candidates.left_out.push(error),
            }
        }
        Ok(candidates)
    }

    /// Counts the signatures that looking for a path to this root checks, about; none for a root
    /// that nobody names as an issuer.
    pub(crate) fn cost_to(&self, root: &Certificate) -> u32 {
        if !self.names(root) {
            return 0;
        }
        u32::try_from(self.usable.len()).unwrap_or(u32::MAX).saturating_add(1)
    }

    fn names(&self, root: &Certificate) -> bool {
        self.issuers.contains(&*root.inner.subject_der)
    }

    /// Looks for a path to one root.
    ///
    /// # Checks
    /// Every signature of the path, every certificate of it at the same time, the root included;
    /// that all but the first are of authorities that may sign certificates; the lengths of paths
    /// and the name constraints that they set, where constraints of a form that the library does
    /// not know refuse; critical extensions.
    ///
    /// # Does not check
    /// Revocation: neither a layout nor a link carries a list, and those that a time-stamp token may
    /// bring are passed over.
    pub(crate) fn lead_to(
        &mut self,
        root: &Certificate,
        at: Timestamp,
    ) -> Result<(), CertificateError> {
        if !self.names(root) {
            return Err(self.fault(&Error::UnknownIssuer));
        }
        check_authority(root, "the root certificate", self.purpose, at)?;
        let der = CertificateDer::from(root.der());
        let anchor = webpki::anchor_from_trusted_cert(&der)
            .map_err(|error| CertificateError::malformed(format!("a root: {error}")))?;
        self.search(&anchor, root.inner.usage.path_length, at)
    }

    fn search(
        &mut self,
        anchor: &TrustAnchor<'_>,
        path_length: Option<u8>,
        at: Timestamp,
    ) -> Result<(), CertificateError> {
        let der = CertificateDer::from(self.leaf.der());
        let leaf = EndEntityCert::try_from(&der).map_err(|error| self.fault(&error))?;
        let time = UnixTime::since_unix_epoch(Duration::from_secs(
            u64::try_from(at.unix()).unwrap_or_default(),
        ));
        let root_allows = |path: &VerifiedPath<'_>| {
            let length = path.intermediate_certificates().count();
            match path_length.map(usize::from) {
                Some(limit) if length > limit => Err(Error::PathLenConstraintViolated),
                _ => Ok(()),
            }
        };
        let found = leaf.verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            std::slice::from_ref(anchor),
            &self.usable,
            time,
            PurposeWasChecked,
            None,
            Some(&root_allows),
        );
        match found {
            Ok(_) => Ok(()),
            // What was left out is the likelier reason than that nobody issued it.
            Err(Error::UnknownIssuer) if !self.left_out.is_empty() => {
                Err(self.left_out.swap_remove(0))
            }
            Err(error) => Err(self.fault(&error)),
        }
    }

    fn fault(&self, error: &Error) -> CertificateError {
        let reason = match error {
            Error::UnknownIssuer => match self.purpose {
                Purpose::Metadata => "nobody whom the layout names issued it",
                Purpose::TimeStamping => "nobody whom the verifier names issued it",
            },
            Error::InvalidSignatureForPublicKey => "a signature on the way does not hold",
            Error::NameConstraintViolation => {
                "a name constraint on the way forbids one of its names"
            }
            Error::PathLenConstraintViolated => {
                "an authority on the way may not have others below it"
            }
            Error::UnsupportedSignatureAlgorithmContext(_)
            | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
                "a signature on the way is made in a way that proves nothing (SHA-1, a small key)"
            }
            Error::MaximumPathDepthExceeded => "the way is too long",
            Error::UnsupportedCriticalExtension => {
                return CertificateError::malformed(
                    "it has a critical extension that is not known",
                );
            }
            other => {
                return CertificateError::NoPath {
                    subject: self.leaf.describe(),
                    reason: other.to_string(),
                };
            }
        };
        CertificateError::NoPath { subject: self.leaf.describe(), reason: reason.to_owned() }
    }
}

/// Checks that a certificate is of an authority, in force at the time.
fn check_authority(
    certificate: &Certificate,
    what: &str,
    purpose: Purpose,
    at: Timestamp,
) -> Result<(), CertificateError> {
    let name = certificate.describe();
    check_time(certificate, &format!("{what} of {name}"), at)?;
    match certificate.inner.usage.fault_of_authority(purpose) {
        None => Ok(()),
        Some(fault) => {
            let reason = format!("{what} of {name} does not count: {fault}");
            Err(CertificateError::NoPath { subject: name, reason })
        }
    }
}

/// Checks that a certificate is in force at the time.
pub(super) fn check_time(
    certificate: &Certificate,
    what: &str,
    at: Timestamp,
) -> Result<(), CertificateError> {
    let (from, until) = certificate.validity();
    if from <= at && at <= until {
        return Ok(());
    }
    let [from, until, at] = [from, until, at].map(|time| time.to_string());
    Err(CertificateError::NotInForce { what: what.to_owned(), from, until, at })
}

/// Purposes were looked at when the certificates were picked, in one place for leaf and authorities.
struct PurposeWasChecked;

impl ExtendedKeyUsageValidator for PurposeWasChecked {
    fn validate(&self, _: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        Ok(())
    }
}

/// Follows the names of issuers, and counts the ways.
struct Walk<'a> {
    intermediates: &'a [&'a Certificate],
    paths: usize,
    reached: BTreeSet<usize>,
}

impl Walk<'_> {
    /// Recursion ends at the depth that paths may have.
    fn from(&mut self, issuer: &[u8], on_way: &mut Vec<usize>) -> Result<(), CertificateError> {
        if on_way.len() >= MAX_DEPTH {
            return Ok(());
        }
        for (index, certificate) in self.intermediates.iter().enumerate() {
            if *certificate.inner.subject_der != *issuer || on_way.contains(&index) {
                continue;
            }
            self.paths += 1;
            if self.paths > MAX_PATHS {
                return Err(CertificateError::TooMany { what: "paths", limit: MAX_PATHS });
            }
            self.reached.insert(index);
            on_way.push(index);
            self.from(&certificate.inner.issuer_der, on_way)?;
            on_way.pop();
        }
        Ok(())
    }
}
