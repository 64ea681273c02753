//! The authorities of a layout, and the one place where a certificate makes a functionary.

use std::collections::{BTreeMap, BTreeSet};

use unbroken_model::json::Value;
use unbroken_model::layout::{CertConstraint, KeyId, Layout, LayoutKey};
use unbroken_model::timestamp::Timestamp;

use super::Certificate;
use super::constraint::{admits_root, misses};
use super::error::CertificateError;
use super::path::Candidates;
use super::usage::Purpose;
use crate::error::KeyError;
use crate::key::PublicKey;
use crate::key::layout_key::check_id;
use crate::votes::SignatureBudget;

/// The certificates that a layout lists: roots that paths may end at, and intermediate ones.
///
/// There are no others: the certificates that the machine trusts for other things count nothing.
#[derive(Debug, Default)]
pub struct CertificateAuthorities {
    roots: BTreeMap<KeyId, Certificate>,
    intermediates: Vec<Certificate>,
}

/// A certificate that a layout lists as an authority and that is none.
#[derive(Debug)]
#[non_exhaustive]
pub struct AuthorityFault {
    /// The id by which it is listed.
    pub id: KeyId,
    /// What is wrong with it.
    pub source: CertificateError,
}

/// A key that a certificate makes a functionary's for one step.
///
/// A value exists only because [`CertificateAuthorities::certify`] found the certificate good for the
/// constraints of that step.
#[derive(Clone, Debug)]
pub struct Certified {
    key: PublicKey,
    certificate: Certificate,
    root: KeyId,
}

impl Certified {
    /// Returns the key, which is described by the name in the certificate.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Returns the certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Returns the id of the root that the path ends at.
    pub fn root(&self) -> &KeyId {
        &self.root
    }
}

impl CertificateAuthorities {
    /// Gathers the authorities of a layout, and further intermediate certificates of the verifier's
    /// own. Those prove nothing by themselves: every path has to end at a root of the layout.
    ///
    /// What cannot be used is left out and told.
    pub fn of_layout(layout: &Layout, further: &[Certificate]) -> (Self, Vec<AuthorityFault>) {
        let mut faults = Vec::new();
        let mut usable = |listed: &BTreeMap<KeyId, LayoutKey>| {
            let mut found: BTreeMap<KeyId, Certificate> = BTreeMap::new();
            let mut keys = BTreeSet::new();
            for (id, object) in listed {
                match authority(object) {
                    Ok(certificate) if keys.insert(certificate.public_key().material()) => {
                        found.insert(id.clone(), certificate);
                    }
                    // Which root a path ends at would depend on the reader.
                    Ok(_) => faults.push(AuthorityFault {
                        id: id.clone(),
                        source: CertificateError::malformed(
                            "its key is listed under another id too",
                        ),
                    }),
                    Err(source) => faults.push(AuthorityFault { id: id.clone(), source }),
                }
            }
            found
        };
        let roots = usable(&layout.root_cas);
        let mut intermediates: Vec<Certificate> =
            usable(&layout.intermediate_cas).into_values().collect();
        for certificate in further {
            if !intermediates.contains(certificate) {
                intermediates.push(certificate.clone());
            }
        }
        (Self { roots, intermediates }, faults)
    }

    /// Tells whether a root is listed by this id.
    pub fn has_root(&self, id: &str) -> bool {
        self.roots.keys().any(|known| known.as_str().eq_ignore_ascii_case(id))
    }

    /// Finds out whether a certificate makes its key a functionary's of a step with these
    /// constraints; `carried` are the intermediate certificates that came with it.
    ///
    /// `at` is the time at which everything is judged: that of the signature where one is proven
    /// ([`crate::TimestampAuthorities::signing_times`]), else that of the verification.
    ///
    /// # Checks
    /// That the certificate may sign metadata and is no authority's; that it and every certificate
    /// of a path to a root of the layout is in force at that time; that its names are those of one
    /// of the constraints; and that this same constraint lets in the root at which the path ends.
    ///
    /// # Does not check
    /// That anybody signed with the key: pass it to [`crate::authenticate`]. Revocation.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn certify(
        &self,
        certificate: &Certificate,
        carried: &[Certificate],
        constraints: &[CertConstraint],
        at: Timestamp,
        budget: &mut SignatureBudget,
    ) -> Result<Certified, CertificateError> {
        let subject = certificate.describe();
        certificate.check_for_signing(at)?;

        let mut reasons = Vec::new();
        let mut fitting: Vec<(usize, &CertConstraint)> = Vec::new();
        for (index, constraint) in constraints.iter().enumerate() {
            match misses(constraint, certificate.names()).as_slice() {
                [] => fitting.push((index, constraint)),
                missed => reasons.push(format!("constraint {}: {}", index + 1, missed.join("; "))),
            }
        }
        if fitting.is_empty() {
            let reasons =
                if reasons.is_empty() { "it has none".into() } else { reasons.join("; ") };
            return Err(CertificateError::Constraint { subject, reasons });
        }

        let mut intermediates: Vec<&Certificate> = Vec::new();
        for one in self.intermediates.iter().chain(carried) {
            if !intermediates.contains(&one) {
                intermediates.push(one);
            }
        }
        let mut candidates = Candidates::of(certificate, &intermediates, Purpose::Metadata, at)?;
        let mut fault = None;
        for (id, root) in &self.roots {
            budget
                .spend_several(candidates.cost_to(root))
                .map_err(|_| CertificateError::BudgetExhausted)?;
            match candidates.lead_to(root, at) {
                Ok(()) if fitting.iter().any(|(_, one)| admits_root(one, id.as_str())) => {
                    let key = certificate.public_key().held_by(subject);
                    let key = key.map_err(CertificateError::Key)?;
                    let certificate = certificate.clone();
                    return Ok(Certified { key, certificate, root: id.clone() });
                }
                Ok(()) => reasons.extend(fitting.iter().map(|(index, _)| {
                    let number = index + 1;
                    format!("constraint {number}: roots does not name {id}, where the path ends")
                })),
                // That one root has nothing to do with it says less than what went wrong on the way.
                Err(error) => {
                    let says_more = !matches!(error, CertificateError::NoPath { .. });
                    if fault.is_none() || says_more {
                        fault = Some(error);
                    }
                }
            }
        }
        if reasons.iter().any(|reason| reason.contains("where the path ends")) {
            return Err(CertificateError::Constraint { subject, reasons: reasons.join("; ") });
        }
        let reason = || "the layout names no root that can be used".to_owned();
        Err(fault.unwrap_or_else(|| CertificateError::NoPath { subject, reason: reason() }))
    }
}

/// Reads the key object of an authority.
fn authority(listed: &LayoutKey) -> Result<Certificate, CertificateError> {
    let object = &listed.object;
    check_id(object, listed.id.as_str()).map_err(CertificateError::Entry)?;
    let keyval = object.get("keyval").and_then(Value::as_object);
    let text = keyval.and_then(|keyval| keyval.get("certificate")).and_then(Value::as_str);
    let member = "keyval.certificate";
    let text = text.ok_or(CertificateError::Entry(KeyError::LayoutKeyMember { member }))?;
    let certificate = Certificate::read(text.as_bytes())?;
    match certificate.inner.usage.fault_of_authority(Purpose::Metadata) {
        None => Ok(certificate),
        Some(reason) => {
            let subject = certificate.describe();
            Err(CertificateError::Usage { subject, what: "metadata", reason })
        }
    }
}
