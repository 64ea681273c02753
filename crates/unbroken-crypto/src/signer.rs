//! Private keys: made, read, written and used.

mod algorithm;
mod certified;
mod encryption;
mod envelope;
mod legacy_pem;
pub(crate) mod old_json;
mod read;

use std::fmt;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, ML_DSA_44_SIGNING,
    ML_DSA_65_SIGNING, ML_DSA_87_SIGNING, PqdsaKeyPair, PqdsaSigningAlgorithm,
};
use aws_lc_rs::{encoding, rsa};
use pkcs8::PrivateKeyInfoRef;
use zeroize::Zeroizing;

pub use self::algorithm::KeyAlgorithm;
pub use self::certified::CertifiedSigner;
pub use self::envelope::{SignatureEntry, Signer, sign};
use crate::error::{KeyError, SigningError};
use crate::key::kind::KeyKind;
use crate::key::{PublicKey, openpgp, pem};
use crate::scheme::{SignatureScheme, tap21_message};
use crate::secret::Passphrase;

/// A private key with its public half.
///
/// The library wipes the key from memory when it is dropped. It cannot be copied, and printing it
/// shows the public half:
/// ```compile_fail
/// use unbroken_crypto::{KeyAlgorithm, SigningKey};
/// let key = SigningKey::generate(KeyAlgorithm::Ed25519).unwrap();
/// let copy = key.clone();
/// ```
pub struct SigningKey {
    pair: Pair,
    public: PublicKey,
}

/// The library's key pairs.
pub(crate) enum Pair {
    Ed25519(Ed25519KeyPair),
    Ecdsa(EcdsaKeyPair),
    Rsa(rsa::KeyPair),
    MlDsa(PqdsaKeyPair),
}

impl SigningKey {
    /// Makes a new key.
    ///
    /// # Errors
    /// [`KeyError::Generation`] when the library fails.
    pub fn generate(algorithm: KeyAlgorithm) -> Result<Self, KeyError> {
        algorithm.generate().and_then(Self::from_pair)
    }

    /// Makes a new RSA key of this many bits: 2048, 3072, 4096 or 8192.
    ///
    /// # Errors
    /// [`KeyError::Weak`] below 2048 bits, [`KeyError::Unsupported`] for other sizes,
    /// [`KeyError::Generation`] when the library fails.
    pub fn generate_rsa(bits: u32) -> Result<Self, KeyError> {
        algorithm::generate_rsa(bits).and_then(Self::from_pair)
    }

    /// Reads a private key: PEM (PKCS#8, encrypted PKCS#8, PKCS#1, SEC1 or OpenSSH's format), or the
    /// JSON that the reference implementation wrote before 2.0.
    ///
    /// PKCS#1 and SEC1 may also be encrypted as RFC 1421 has it, and the JSON in its own way: both
    /// are opened, so that old keys can be used and converted.
    ///
    /// A passphrase must be given if and only if the key is encrypted. The work that an encrypted
    /// key may ask for is bounded.
    ///
    /// # Errors
    /// [`KeyError`], with a variant of its own for each of: passphrase missing, wrong, or not
    /// needed; the public half given; a kind of key or encryption that is not supported; a weak key.
    pub fn read(text: &[u8], passphrase: Option<&Passphrase>) -> Result<Self, KeyError> {
        if openpgp::certificate::is_openpgp_file(text) {
            return Err(KeyError::OpenPgpSigns);
        }
        match old_json::OldKey::find(pem::key_text(text)?) {
            Some(old) => old.open(passphrase),
            None => read::pair(text, passphrase).and_then(Self::from_pair),
        }
    }

    /// Reads a private key in DER (PKCS#8), not encrypted.
    ///
    /// # Errors
    /// [`KeyError`], as [`SigningKey::read`].
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyError> {
        read::pkcs8(der).and_then(Self::from_pair)
    }

    fn from_pair(pair: Pair) -> Result<Self, KeyError> {
        let public = match &pair {
            Pair::Ed25519(pair) => pair.public_key().as_der(),
            Pair::Ecdsa(pair) => pair.public_key().as_der(),
            Pair::Rsa(pair) => pair.public_key().as_der(),
            Pair::MlDsa(pair) => pair.public_key().as_der(),
        };
        let public = public.map_err(|_| KeyError::Malformed { what: "private key" })?;
        let public = PublicKey::from_spki_der(public.as_ref())?;
        Ok(Self { pair, public })
    }

    /// Makes the key sign by another scheme.
    ///
    /// # Errors
    /// [`KeyError::SchemeMismatch`] for a scheme that keys of this kind cannot sign by.
    pub fn with_scheme(self, scheme: SignatureScheme) -> Result<Self, KeyError> {
        let public = self.public.with_scheme(scheme)?;
        Ok(Self { pair: self.pair, public })
    }

    /// Writes the key as PKCS#8 in PEM, encrypted when a passphrase is given (scrypt, AES-256-CBC).
    ///
    /// # Errors
    /// [`KeyError::PassphraseEmpty`], or [`KeyError::Encoding`] when the library fails.
    pub fn to_pkcs8_pem(
        &self,
        passphrase: Option<&Passphrase>,
    ) -> Result<Zeroizing<String>, KeyError> {
        let der = self.to_pkcs8_der()?;
        match passphrase {
            None => pem::encode("PRIVATE KEY", &der),
            Some(passphrase) => {
                pem::encode("ENCRYPTED PRIVATE KEY", &encryption::encrypt(&der, passphrase)?)
            }
        }
    }

    /// Writes the key as the JSON that the reference implementation read before 2.0, encrypted when
    /// a passphrase is given (PBKDF2, AES-256-CTR, HMAC-SHA256).
    ///
    /// For tools of that time only: the protection is weaker than that of PKCS#8 here.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`] for keys other than Ed25519 and ECDSA, which had no such form;
    /// [`KeyError::PassphraseEmpty`], or [`KeyError::Encoding`] when the library fails.
    pub fn to_securesystemslib_json(
        &self,
        passphrase: Option<&Passphrase>,
    ) -> Result<Zeroizing<String>, KeyError> {
        old_json::write(self, passphrase)
    }

    /// Writes an RSA key as PKCS#1 in PEM, encrypted as RFC 1421 has it (AES-256-CBC) when a
    /// passphrase is given.
    ///
    /// For tools of that time only: one round of MD5 makes guessing the passphrase cheap, and
    /// nothing notices a change of the contents.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`] for keys other than RSA; [`KeyError::PassphraseEmpty`], or
    /// [`KeyError::Encoding`] when the library fails.
    pub fn to_pkcs1_pem(
        &self,
        passphrase: Option<&Passphrase>,
    ) -> Result<Zeroizing<String>, KeyError> {
        const LABEL: &str = "RSA PRIVATE KEY";
        if !matches!(self.pair, Pair::Rsa(_)) {
            let what = format!("PKCS#1 for keys of type {}", self.public.key_type());
            return Err(KeyError::Unsupported { what });
        }
        let der = self.to_pkcs8_der()?;
        let info = PrivateKeyInfoRef::try_from(der.as_slice()).map_err(|_| KeyError::Encoding)?;
        let der = info.private_key.as_bytes();
        match passphrase {
            None => pem::encode(LABEL, der),
            Some(passphrase) if passphrase.is_empty() => Err(KeyError::PassphraseEmpty),
            Some(passphrase) => legacy_pem::encode(LABEL, der, passphrase),
        }
    }

    fn to_pkcs8_der(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let copy = |bytes: &[u8]| Zeroizing::new(bytes.to_vec());
        match &self.pair {
            Pair::Ed25519(pair) => pair.to_pkcs8v1().map(|der| copy(der.as_ref())),
            Pair::Ecdsa(pair) => pair.to_pkcs8v1().map(|der| copy(der.as_ref())),
            Pair::Rsa(pair) => {
                AsDer::<encoding::Pkcs8V1Der<'_>>::as_der(pair).map(|der| copy(der.as_ref()))
            }
            Pair::MlDsa(pair) => pair.to_pkcs8v1().map(|der| copy(der.as_ref())),
        }
        .map_err(|_| KeyError::Encoding)
    }

    /// Returns the public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs a message by the scheme of the key.
    ///
    /// # Errors
    /// [`SigningError`] when the library fails.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        let signature = match &self.pair {
            Pair::Ed25519(pair) => pair.try_sign(message).ok().map(|made| made.as_ref().to_vec()),
            Pair::Ecdsa(pair) => {
                pair.sign(&SystemRandom::new(), message).ok().map(|made| made.as_ref().to_vec())
            }
            Pair::Rsa(pair) => self.public.scheme().rsa_encoding().and_then(|encoding| {
                let mut made = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &SystemRandom::new(), message, &mut made).ok()?;
                Some(made)
            }),
            Pair::MlDsa(pair) => {
                let mut made = vec![0; pair.algorithm().signature_len()];
                let prepared;
                let message = if self.public.scheme().is_tap21() {
                    prepared = tap21_message(message);
                    &prepared
                } else {
                    message
                };
                pair.sign(message, &mut made).ok().map(|_| made)
            }
        };
        signature.ok_or_else(|| SigningError::Sign { key: self.public.describe() })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SigningKey(private key of {:?}, redacted)", self.public)
    }
}

/// Returns the library's way to sign on a curve.
pub(crate) fn ecdsa_signing(kind: KeyKind) -> Option<&'static EcdsaSigningAlgorithm> {
    match kind {
        KeyKind::EcdsaP256 => Some(&ECDSA_P256_SHA256_ASN1_SIGNING),
        KeyKind::EcdsaP384 => Some(&ECDSA_P384_SHA384_ASN1_SIGNING),
        KeyKind::EcdsaP521 => Some(&ECDSA_P521_SHA512_ASN1_SIGNING),
        _ => None,
    }
}

/// Returns the library's parameter set of ML-DSA.
pub(crate) fn ml_dsa_signing(kind: KeyKind) -> Option<&'static PqdsaSigningAlgorithm> {
    match kind {
        KeyKind::MlDsa44 => Some(&ML_DSA_44_SIGNING),
        KeyKind::MlDsa65 => Some(&ML_DSA_65_SIGNING),
        KeyKind::MlDsa87 => Some(&ML_DSA_87_SIGNING),
        _ => None,
    }
}
