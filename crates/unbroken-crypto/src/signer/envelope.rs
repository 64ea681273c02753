//! Signing envelopes.

use unbroken_model::envelope::{Envelope, Signature};
use unbroken_model::json::Object;

use super::SigningKey;
use crate::error::SigningError;
use crate::key_id::KeyIdStyle;

/// Signs an envelope: appends a signature under the key's id of this style.
///
/// An earlier signature under any id of the same key is replaced, so that signing again after a
/// change leaves no stale signature behind. Signatures of other keys stay.
///
/// # Errors
/// [`SigningError`] when the library fails; the envelope is then unchanged.
pub fn sign(
    envelope: &mut Envelope<'_>,
    key: &SigningKey,
    style: KeyIdStyle,
) -> Result<(), SigningError> {
    let bytes = key.sign(envelope.signing_input())?;
    let public = key.public();
    envelope.retain_signatures(|earlier| {
        !earlier.key_id.as_deref().is_some_and(|hint| public.answers_to(hint))
    });
    let key_id = Some(public.key_id(style));
    envelope.push_signature(Signature { key_id, bytes, extra: Object::new() });
    Ok(())
}
