//! Why a key, a signature or an envelope was refused: one variant per failed action.

use std::num::NonZeroU32;

use thiserror::Error;
use unbroken_model::envelope::PayloadError;

use crate::votes::SignatureReport;

/// Why a key cannot be read, written or used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The text is neither PEM, nor an OpenSSH public key line, nor a key object in JSON.
    #[error("not a key: neither PEM, nor an OpenSSH public key line, nor a key object in JSON")]
    NotAKey,
    /// The text is larger than any key.
    #[error("not a key: {size} bytes, more than the limit of {limit}")]
    TooLarge {
        /// Bytes in the text.
        size: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The text holds more than one key: which is meant?
    #[error("the text holds more than one key")]
    SeveralKeys,
    /// The PEM block is of a type that holds no key which can be read.
    #[error("a PEM block of type {label:?} holds no key that can be read")]
    UnknownPemLabel {
        /// The type that the block names.
        label: String,
    },
    /// The text says that it is a key of this kind, and is not one.
    #[error("malformed {what}")]
    Malformed {
        /// What it says it is.
        what: &'static str,
    },
    /// The key is of a kind that cannot be used here.
    #[error("{what} is not supported")]
    Unsupported {
        /// The kind of key.
        what: String,
    },
    /// The private key is encrypted and no passphrase was given.
    #[error("the private key is encrypted and no passphrase was given")]
    PassphraseMissing,
    /// The passphrase does not open the private key.
    #[error("the passphrase does not open the private key")]
    PassphraseWrong,
    /// A passphrase was given for a private key that is not encrypted: perhaps the wrong file.
    #[error("a passphrase was given, but the private key is not encrypted")]
    PassphraseNotNeeded,
    /// A key cannot be protected by an empty passphrase.
    #[error("an empty passphrase protects nothing")]
    PassphraseEmpty,
    /// A public key was given where a private key is due.
    #[error("this is the public half ({what}); signing needs the private key")]
    PublicHalfGiven {
        /// What was given.
        what: &'static str,
    },
    /// A private key was given where a public key is due.
    #[error("this is a private key ({what}); the public half is due here")]
    PrivateHalfGiven {
        /// What was given.
        what: &'static str,
    },
    /// The private key is encrypted in a way that cannot be opened.
    #[error("the private key is encrypted with {what}, which is not supported")]
    UnsupportedEncryption {
        /// The way of encryption.
        what: String,
    },
    /// The key file asks for more work than opening a key may cost.
    #[error("the private key asks for {what}, more work than opening a key may cost")]
    DerivationTooExpensive {
        /// The parameters asked for.
        what: String,
    },
    /// The key could be broken, or accepts signatures that nobody made.
    #[error("weak key: {reason}")]
    Weak {
        /// What is weak about it.
        reason: &'static str,
    },
    /// The signature scheme is not known.
    #[error("signature scheme {scheme:?} is not supported")]
    UnknownScheme {
        /// The scheme's name.
        scheme: String,
    },
    /// The key type, the signature scheme and the key do not belong together.
    #[error("scheme {scheme:?} with key type {key_type:?} does not fit a key of {actual}")]
    SchemeMismatch {
        /// The key type that was declared.
        key_type: String,
        /// The scheme that was declared.
        scheme: String,
        /// What the key really is.
        actual: &'static str,
    },
    /// A member of a layout's key object is missing or of the wrong type.
    #[error("the key object's member {member:?} is missing or of the wrong type")]
    LayoutKeyMember {
        /// The member's name.
        member: &'static str,
    },
    /// A layout names a key by one id and the key object names itself by another.
    #[error("the layout lists the key as {listed}, and the key calls itself {inner:?}")]
    KeyIdMismatch {
        /// The id in the layout's list.
        listed: String,
        /// The id inside of the key object.
        inner: String,
    },
    /// A layout carries a private key.
    #[error("the key object carries a private key")]
    PrivateKeyInLayout,
    /// The key has expired.
    #[error("the key expired at {at}")]
    Expired {
        /// The first second in which it is not valid.
        at: String,
    },
    /// The key says that it was made in the future.
    #[error("the key is not valid before {from}")]
    NotYetValid {
        /// The first second in which it is valid.
        from: String,
    },
    /// The key was revoked by its holder.
    #[error("the key was revoked at {at}{said}")]
    Revoked {
        /// When the revocation was signed.
        at: String,
        /// The holder's reason, after a colon, where one is known.
        said: &'static str,
    },
    /// An OpenPGP certificate does not hold.
    #[error("the OpenPGP certificate is refused: {reason}")]
    Certificate {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No key of an OpenPGP certificate may sign.
    #[error("no key of the OpenPGP certificate may sign: {reasons}")]
    NoSigningKey {
        /// What is wrong with each of them.
        reasons: String,
    },
    /// The id of an OpenPGP key in a layout is not its fingerprint.
    #[error("the key is listed as {listed}, and the fingerprint of its numbers is {actual}")]
    FingerprintMismatch {
        /// The id that it is listed by.
        listed: String,
        /// The fingerprint of what is listed.
        actual: String,
    },
    /// An OpenPGP key in place of a private key that signs here.
    #[error("this is an OpenPGP key, and only the gpg program signs with those")]
    OpenPgpSigns,
    /// The name stands for no key algorithm.
    #[error("{name:?} is no key algorithm")]
    UnknownAlgorithm {
        /// The name.
        name: String,
    },
    /// The name stands for no style of key ids.
    #[error("{name:?} is no style of key ids")]
    UnknownKeyIdStyle {
        /// The name.
        name: String,
    },
    /// The library could not make a key.
    #[error("cannot generate a key of {algorithm}")]
    Generation {
        /// The algorithm asked for.
        algorithm: &'static str,
    },
    /// The library could not write the key.
    #[error("cannot encode the key")]
    Encoding,
}

/// Why one signature does not hold.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureError {
    /// The signature is not by this key over this message.
    #[error("the signature is not by this key over these bytes")]
    Mismatch,
    /// An Ed25519 signature whose point R has low order: it may hold for messages nobody signed.
    #[error("the signature's point has low order")]
    LowOrderPoint,
    /// The headers of an OpenPGP signature, which are signed with the message, rule it out.
    #[error("the OpenPGP headers of the signature are refused: {reason}")]
    Headers {
        /// What is wrong with them.
        reason: &'static str,
    },
}

/// Why a message could not be signed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SigningError {
    /// The library refused to sign.
    #[error("cannot sign with the key {key}")]
    Sign {
        /// The key, as [`crate::PublicKey::describe`] names it.
        key: String,
    },
    /// The program or the device that keeps the key did not sign.
    #[error("the key {key} did not sign")]
    Elsewhere {
        /// The key, as [`crate::PublicKey::describe`] names it.
        key: String,
        /// What it said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The key does not sign envelopes of this kind.
    #[error(
        "the key {key} signs no DSSE envelopes: OpenPGP signatures have a place in Metablocks only"
    )]
    Kind {
        /// The key, as [`crate::PublicKey::describe`] names it.
        key: String,
    },
    /// What came back is no signature by the key.
    #[error("the signature that was made with the key {key} does not hold")]
    DoesNotHold {
        /// The key, as [`crate::PublicKey::describe`] names it.
        key: String,
        /// What is wrong with it.
        source: SignatureError,
    },
}

/// Why an envelope did not become [`crate::Authentic`].
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AuthenticationError {
    /// No key was given: nothing could ever be authentic.
    #[error("no key was given to check signatures with")]
    NoKeys,
    /// Fewer distinct keys signed than were asked for.
    #[error("{found} of {needed} required signatures are valid")]
    ThresholdNotMet {
        /// How many distinct keys of the set signed.
        found: u32,
        /// How many must sign.
        needed: NonZeroU32,
        /// What became of each signature, in the order of the envelope.
        signatures: Vec<SignatureReport>,
    },
    /// Checking the signatures would cost more than was allowed.
    #[error("the budget for signature checks is spent")]
    BudgetExhausted,
    /// The signatures hold, and the payload is not what is due.
    #[error("the signatures hold, but the payload cannot be read")]
    Payload(#[source] PayloadError),
}
