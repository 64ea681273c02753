//! Signing envelopes, with keys that are at hand or kept elsewhere.

use unbroken_model::envelope::{Envelope, EnvelopeKind, Signature};
use unbroken_model::json::Object;

use super::SigningKey;
use crate::error::SigningError;
use crate::key::PublicKey;
use crate::key_id::KeyIdStyle;

/// Something that signs envelopes: a private key in memory, or one that a program or a device keeps.
pub trait Signer {
    /// Returns the public half: what the signatures are checked with.
    fn public(&self) -> &PublicKey;

    /// Returns the id that stands with signatures and in the names of link files: in this style,
    /// unless keys of this sort have one id only.
    fn key_id(&self, style: KeyIdStyle) -> String {
        self.public().key_id(style)
    }

    /// Makes the signature of these bytes, which are the signing input of an envelope of this kind.
    ///
    /// # Errors
    /// [`SigningError`] when the key cannot be had or does not sign envelopes of this kind.
    fn sign_entry(
        &self,
        message: &[u8],
        kind: EnvelopeKind,
    ) -> Result<SignatureEntry, SigningError>;

    /// Tells whether the key signs envelopes of this kind: to be asked before the work is done that
    /// is to be signed.
    ///
    /// # Errors
    /// [`SigningError::Kind`] when it does not.
    fn check_kind(&self, _: EnvelopeKind) -> Result<(), SigningError> {
        Ok(())
    }

    /// Tells that what comes back must be checked before it is used: the key is kept elsewhere.
    fn is_remote(&self) -> bool {
        true
    }
}

/// One signature as a [`Signer`] makes it.
#[derive(Clone, Debug)]
pub struct SignatureEntry {
    /// The signature itself.
    pub bytes: Vec<u8>,
    /// Further members of the signature's object, such as `other_headers` or `cert`.
    pub extra: Object<'static>,
}

impl SignatureEntry {
    /// Makes an entry of a signature that needs nothing beside it.
    pub fn plain(bytes: Vec<u8>) -> Self {
        Self { bytes, extra: Object::new() }
    }
}

impl Signer for SigningKey {
    fn public(&self) -> &PublicKey {
        self.public()
    }

    fn sign_entry(&self, message: &[u8], _: EnvelopeKind) -> Result<SignatureEntry, SigningError> {
        self.sign(message).map(SignatureEntry::plain)
    }

    fn is_remote(&self) -> bool {
        false
    }
}

/// Signs an envelope: appends a signature under the signer's id of this style.
///
/// An earlier signature under any id of the same key is replaced, so that signing again after a
/// change leaves no stale signature behind. Signatures of other keys stay.
///
/// # Errors
/// [`SigningError`] when the signer fails, or when a signature that was made elsewhere does not
/// hold: nobody could verify it. The envelope is then unchanged.
pub fn sign(
    envelope: &mut Envelope<'_>,
    signer: &(impl Signer + ?Sized),
    style: KeyIdStyle,
) -> Result<(), SigningError> {
    let entry = signer.sign_entry(envelope.signing_input(), envelope.kind())?;
    let public = signer.public();
    let key_id = Some(signer.key_id(style));
    let signature = Signature { key_id, bytes: entry.bytes, extra: entry.extra };
    if signer.is_remote() {
        public
            .verify_entry(envelope.signing_input(), &signature)
            .map_err(|source| SigningError::DoesNotHold { key: public.describe(), source })?;
    }
    envelope.retain_signatures(|earlier| {
        !earlier.key_id.as_deref().is_some_and(|hint| public.answers_to(hint))
    });
    envelope.push_signature(signature);
    Ok(())
}
