//! `in-toto sign`: signs a layout or a link, or verifies a signature.

use std::num::NonZeroU32;

use unbroken_crypto::{
    Functionary, KeyIdStyle, KeySet, PublicKey, SignatureBudget, authenticate, sign,
};
use unbroken_model::envelope::{Envelope, EnvelopeKind, StepEvidence};
use unbroken_model::limits::Limits;

use super::files;
use super::pflag::{Flag, Parsed, Takes};
use super::recording::{private_key, system, write};
use crate::commands::verify::clock;
use crate::drop_in::failure::reasons;
use crate::drop_in::sign::read_public_key;

pub(super) const FLAGS: &[&[Flag]] = &[&[
    Flag::new("file", Some('f'), Takes::One, "the layout or link"),
    Flag::new(
        "key",
        Some('k'),
        Takes::One,
        "private key to sign with, or public key to verify with",
    ),
    Flag::new("output", Some('o'), Takes::One, "where to write; by default the file is replaced"),
    Flag::new("verify", None, Takes::Nothing, "verify the signature of the key"),
]];

pub(super) fn act(parsed: &Parsed) -> Result<u8, String> {
    parsed.require(&["file", "key"])?;
    let path = parsed.one("file").unwrap_or_default();
    let loading = |reason: String| format!("failed to load layout at {path}: {reason}");
    let bytes =
        std::fs::read(path).map_err(|error| loading(format!("open {path}: {}", system(&error))))?;
    let limits = Limits::default();
    let open = || Envelope::parse(&bytes, &limits).map_err(|error| loading(reasons(&error)));
    // Nobody should sign what no verifier can read.
    open()?
        .into_unverified_payload()
        .decode::<StepEvidence>(&limits)
        .map_err(|error| loading(reasons(&error)))?;
    let mut envelope = open()?;
    let key = parsed.one("key").unwrap_or_default();
    if parsed.is_on("verify") {
        return verify(envelope, &public_key(key)?);
    }
    let key = private_key(key)?;
    if envelope.kind() == EnvelopeKind::Dsse {
        // The original makes the envelope anew; in a Metablock it adds a signature.
        envelope.retain_signatures(|_| false);
    }
    sign(&mut envelope, &*key, KeyIdStyle::Legacy).map_err(|error| reasons(&error))?;
    write(parsed.one("output").unwrap_or(path), &files::of_envelope(&envelope)?)?;
    Ok(0)
}

fn verify(envelope: Envelope<'_>, key: &PublicKey) -> Result<u8, String> {
    let keys = KeySet::<Functionary>::new([key.clone()]);
    let (limits, mut budget) = (Limits::default(), SignatureBudget::default());
    let one = NonZeroU32::MIN;
    authenticate::<StepEvidence, _>(envelope, &keys, one, &limits, &mut budget)
        .map_err(|error| format!("signature verification failed: {}", reasons(&error)))?;
    Ok(0)
}

/// Reads a public key; a private one will do, as in the original.
pub(super) fn public_key(path: &str) -> Result<PublicKey, String> {
    let invalid = |reason| format!("invalid key at {path}: {reason}");
    if let Err(error) = std::fs::metadata(path) {
        return Err(invalid(format!("open {path}: {}", system(&error))));
    }
    match read_public_key(path, clock()) {
        Ok(key) => Ok(key),
        Err(failure) => {
            private_key(path).map(|key| key.public().clone()).map_err(|_| invalid(failure.message))
        }
    }
}
