//! Signing with a key whose certificate goes along (ITE-7 as it is in use).

use unbroken_model::envelope::{CERTIFICATE_MEMBER, EnvelopeKind};
use unbroken_model::timestamp::Timestamp;

use super::{SignatureEntry, Signer};
use crate::certificate::{Certificate, CertificateError};
use crate::error::SigningError;
use crate::key::PublicKey;
use crate::key_id::KeyIdStyle;

/// A key that puts its certificate beside each signature, with the intermediate ones behind it.
pub struct CertifiedSigner {
    signer: Box<dyn Signer>,
    text: String,
    style: KeyIdStyle,
}

impl CertifiedSigner {
    /// Puts a key and its certificate together.
    ///
    /// # Checks
    /// That the certificate is of this key, in force now, and one to sign metadata with: what no
    /// verifier takes should be known before the work.
    ///
    /// # Does not check
    /// Whether it leads to any root: the signer does not know the layout.
    ///
    /// # Errors
    /// [`CertificateError`], among them [`CertificateError::OtherKey`].
    pub fn new(
        signer: Box<dyn Signer>,
        certificate: &Certificate,
        intermediates: &[Certificate],
        now: Timestamp,
    ) -> Result<Self, CertificateError> {
        if certificate.public_key() != signer.public() {
            return Err(CertificateError::OtherKey { subject: certificate.describe() });
        }
        certificate.check_for_signing(now)?;
        let mut text = String::new();
        for one in std::iter::once(certificate).chain(intermediates) {
            text.push_str(&one.to_pem().map_err(CertificateError::Key)?);
        }
        Ok(Self { signer, text, style: certificate.key_id_style() })
    }
}

impl Signer for CertifiedSigner {
    fn public(&self) -> &PublicKey {
        self.signer.public()
    }

    /// Returns the one id that verifiers of certificates derive.
    fn key_id(&self, _: KeyIdStyle) -> String {
        self.public().key_id(self.style)
    }

    fn sign_entry(
        &self,
        message: &[u8],
        kind: EnvelopeKind,
    ) -> Result<SignatureEntry, SigningError> {
        let mut entry = self.signer.sign_entry(message, kind)?;
        entry.extra.insert(CERTIFICATE_MEMBER, self.text.clone());
        Ok(entry)
    }

    fn is_remote(&self) -> bool {
        self.signer.is_remote()
    }
}
