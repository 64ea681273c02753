//! Keys, key ids, signatures, the one threshold, and the proof type [`Authentic`].
//!
//! Bytes in, bytes out: this crate opens no file and asks no clock. The primitives are those of
//! `aws-lc-rs`; what is written here is which of them may be believed, under which names a key is
//! found, and how votes are counted.
//!
//! ```
//! use unbroken_crypto::{KeyAlgorithm, KeyIdStyle, KeySet, Owner, SignatureBudget, SigningKey};
//! use unbroken_crypto::{authenticate, sign};
//! use unbroken_model::envelope::{Envelope, EnvelopeKind, Payload};
//! use unbroken_model::json::Value;
//! use unbroken_model::layout::Layout;
//! use unbroken_model::limits::Limits;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let text = br#"{"_type":"layout","expires":"2030-01-01T00:00:00Z","readme":"","keys":{},
//!                 "steps":[],"inspect":[]}"#;
//! let limits = Limits::default();
//! let mut envelope = Envelope::unsigned(EnvelopeKind::Dsse, Value::parse(text, &limits)?);
//!
//! let key = SigningKey::generate(KeyAlgorithm::Ed25519)?;
//! sign(&mut envelope, &key, KeyIdStyle::default())?;
//!
//! let owners = KeySet::<Owner>::new([key.public().clone()]);
//! let threshold = owners.every_key().ok_or("no owners")?;
//! let mut budget = SignatureBudget::default();
//! let layout = authenticate::<Layout, _>(envelope, &owners, threshold, &limits, &mut budget)?;
//! assert_eq!(layout.signers(), [key.public().clone()]);
//! assert!(layout.get().steps.is_empty());
//! # Ok(())
//! # }
//! ```

mod authentic;
mod certificate;
mod error;
pub mod hash;
mod key;
mod key_id;
mod keyset;
mod low_order;
mod scheme;
mod secret;
mod signer;
pub mod threshold;
mod timestamp;
mod votes;

pub use self::authentic::{Authentic, authenticate};
pub use self::certificate::{
    AuthorityFault, Certificate, CertificateAuthorities, CertificateError, CertificateNames,
    Certified,
};
pub use self::error::{AuthenticationError, KeyError, SignatureError, SigningError};
pub use self::key::openpgp::OpenPgpSignature;
pub use self::key::{KeyMaterial, PublicKey};
pub use self::key_id::KeyIdStyle;
pub use self::keyset::{Functionary, Inspector, KeySet, Owner};
pub use self::scheme::SignatureScheme;
pub use self::secret::Passphrase;
pub use self::signer::{CertifiedSigner, KeyAlgorithm, SignatureEntry, Signer, SigningKey, sign};
pub use self::timestamp::{SigningTimes, TimestampAuthorities, TimestampError};
pub use self::votes::{
    SignatureBudget, SignatureOutcome, SignatureReport, check as check_signatures,
};
