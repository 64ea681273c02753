//! Public keys: what signatures are checked with.

pub(crate) mod kind;
pub(crate) mod layout_key;
pub(crate) mod openpgp;
pub(crate) mod pem;
mod pss_salt;
mod rsa_strength;
pub(crate) mod ssh;

pub(crate) use self::rsa_strength::check_private_key;

use std::cmp::Ordering;
use std::fmt;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::signature::{
    ParsedPublicKey, RsaParameters, RsaPssSaltLength, VerificationAlgorithm,
};
use data_encoding::HEXLOWER;
use pkcs8::spki::SubjectPublicKeyInfoRef;

use unbroken_model::envelope::Signature;
use unbroken_model::json::Value;

use self::kind::KeyKind;
use self::openpgp::{DsaKey, OpenPgp};
use crate::error::{KeyError, SignatureError};
use crate::hash;
use crate::key_id::{self, KeyIdStyle};
use crate::low_order;
use crate::scheme::{SignatureScheme, tap21_message};
use crate::signer::old_json;

/// The identity of a key: the SHA-256 digest of its SubjectPublicKeyInfo in the one canonical form.
///
/// Key ids are names that others give; votes are counted by this.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyMaterial([u8; 32]);

impl fmt::Display for KeyMaterial {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for KeyMaterial {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KeyMaterial({self})")
    }
}

/// A public key with the scheme by which it signs.
///
/// Two values are equal when they hold the same key material, also under different schemes and
/// key ids. Cloning is cheap.
#[derive(Clone)]
pub struct PublicKey {
    inner: Arc<Inner>,
}

struct Inner {
    kind: KeyKind,
    scheme: SignatureScheme,
    /// The id by which a layout lists the key.
    declared_id: Option<String>,
    /// SubjectPublicKeyInfo, DER, as the library writes it: curve points are uncompressed.
    spki: Box<[u8]>,
    material: KeyMaterial,
    /// Parsed once: parsing costs a good part of a verification.
    verifier: Verifier,
    ids: OnceLock<Vec<(KeyIdStyle, String)>>,
    /// Only for OpenPGP keys: these sign in no other way.
    openpgp: Option<OpenPgp>,
    /// Who holds the key, for people, where a certificate says it.
    holder: Option<String>,
}

/// What checks a key's signatures.
enum Verifier {
    Library(ParsedPublicKey),
    /// The library has no DSA. Only OpenPGP keys are of it.
    Dsa(DsaKey),
}

impl PublicKey {
    /// Reads a public key: PEM (`PUBLIC KEY`, or `RSA PUBLIC KEY` of PKCS#1), an OpenSSH line, or
    /// the JSON object that the reference implementation wrote before 2.2.
    ///
    /// # Errors
    /// [`KeyError`], among them [`KeyError::PrivateHalfGiven`], [`KeyError::Unsupported`] for
    /// certificates and other kinds of keys, and [`KeyError::Weak`].
    pub fn from_pem_or_other(text: &[u8]) -> Result<Self, KeyError> {
        let text = pem::key_text(text)?;
        let Some(block) = pem::first_block(text)? else {
            let is_json = text.trim_start().starts_with('{');
            if old_json::OldKey::is_encrypted(text) {
                return Err(KeyError::PrivateHalfGiven { what: "encrypted JSON" });
            }
            return if is_json { Self::from_json(text) } else { ssh::public_key(text) };
        };
        if block.has_successor {
            return Err(KeyError::SeveralKeys);
        }
        let unsupported = |what: &str| Err(KeyError::Unsupported { what: what.to_owned() });
        let private = |what| Err(KeyError::PrivateHalfGiven { what });
        match block.label.as_str() {
            "PUBLIC KEY" => Self::from_spki_der(&block.der),
            "RSA PUBLIC KEY" => Self::from_pkcs1_der(&block.der),
            "CERTIFICATE" => unsupported("an X.509 certificate in place of a key"),
            "PGP PUBLIC KEY BLOCK" => unsupported("an OpenPGP key"),
            "PRIVATE KEY" => private("PKCS#8"),
            "ENCRYPTED PRIVATE KEY" => private("encrypted PKCS#8"),
            "RSA PRIVATE KEY" => private("PKCS#1"),
            "EC PRIVATE KEY" => private("SEC1"),
            "OPENSSH PRIVATE KEY" => private("OpenSSH"),
            _ => Err(KeyError::UnknownPemLabel { label: block.label }),
        }
    }

    /// Reads a SubjectPublicKeyInfo in DER.
    ///
    /// # Errors
    /// [`KeyError`], as [`PublicKey::from_pem_or_other`].
    pub fn from_spki_der(der: &[u8]) -> Result<Self, KeyError> {
        let kind = kind::read_spki(der)?;
        Self::from_parsable(kind, kind.default_scheme(), None, der)
    }

    fn from_pkcs1_der(der: &[u8]) -> Result<Self, KeyError> {
        rsa_strength::check_public_key(der)?;
        Self::from_parsable(KeyKind::Rsa, KeyKind::Rsa.default_scheme(), None, der)
    }

    /// Makes a key of anything that the library parses for this kind: a SubjectPublicKeyInfo, the
    /// 32 bytes of an Ed25519 key, a curve point, an RSAPublicKey.
    ///
    /// # Checks
    /// That the key is well-formed, on its curve, and for Ed25519 not of low order.
    ///
    /// # Does not check
    /// The strength of RSA keys: the callers did.
    fn from_parsable(
        kind: KeyKind,
        scheme: SignatureScheme,
        declared_id: Option<String>,
        bytes: &[u8],
    ) -> Result<Self, KeyError> {
        let malformed = KeyError::Malformed { what: "public key" };
        let parse = |algorithm| ParsedPublicKey::new(algorithm, bytes).ok();
        let Some(verifier) = scheme.algorithm().and_then(parse) else { return Err(malformed) };
        let Ok(der) = verifier.as_der() else { return Err(malformed) };
        let spki: Box<[u8]> = der.as_ref().into();
        if kind == KeyKind::Ed25519
            && key_bytes(&spki).is_none_or(low_order::begins_with_low_order_point)
        {
            return Err(KeyError::Weak {
                reason: "an Ed25519 key of low order: it accepts forgeries",
            });
        }
        Ok(Self::of_parts(kind, scheme, declared_id, spki, Verifier::Library(verifier)))
    }

    fn of_parts(
        kind: KeyKind,
        scheme: SignatureScheme,
        declared_id: Option<String>,
        spki: Box<[u8]>,
        verifier: Verifier,
    ) -> Self {
        let material = KeyMaterial(hash::sha256(&spki));
        let (ids, openpgp, holder) = (OnceLock::new(), None, None);
        let inner =
            Inner { kind, scheme, declared_id, spki, material, verifier, ids, openpgp, holder };
        Self { inner: Arc::new(inner) }
    }

    /// Returns the same key, described by the name of who holds it.
    pub(crate) fn held_by(&self, holder: String) -> Result<Self, KeyError> {
        let mut key = self.relabelled(self.scheme(), self.inner.declared_id.clone())?;
        if let Some(inner) = Arc::get_mut(&mut key.inner) {
            inner.holder = Some(holder);
        }
        Ok(key)
    }

    /// Returns the same key, signing by another scheme.
    ///
    /// # Errors
    /// [`KeyError::SchemeMismatch`] for a scheme that keys of this kind cannot sign by.
    pub fn with_scheme(&self, scheme: SignatureScheme) -> Result<Self, KeyError> {
        self.relabelled(scheme, self.inner.declared_id.clone())
    }

    fn relabelled(
        &self,
        scheme: SignatureScheme,
        declared_id: Option<String>,
    ) -> Result<Self, KeyError> {
        if self.inner.openpgp.is_some() {
            let what = "another scheme than OpenPGP's for an OpenPGP key".to_owned();
            return Err(KeyError::Unsupported { what });
        }
        if !scheme.fits(self.inner.kind) {
            return Err(KeyError::SchemeMismatch {
                key_type: self.key_type().to_owned(),
                scheme: scheme.name().to_owned(),
                actual: self.inner.kind.name(),
            });
        }
        Self::from_parsable(self.inner.kind, scheme, declared_id, &self.inner.spki)
    }

    /// Checks that this key signed these bytes.
    ///
    /// # Checks
    /// The signature under the key's own scheme and no other. Ed25519: strictly, points R of low
    /// order and S out of range are refused. ECDSA: DER only, nothing behind it; on P-384 and P-521
    /// the digest is that of the scheme or SHA-256. RSASSA-PSS: a salt of any length.
    ///
    /// # Does not check
    /// That ECDSA signatures have the lower of the two possible S: never take the bytes of a
    /// signature for its identity.
    ///
    /// # Errors
    /// [`SignatureError`] when the signature does not hold.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        let inner = &*self.inner;
        let (None, Verifier::Library(verifier)) = (&inner.openpgp, &inner.verifier) else {
            return Err(SignatureError::Headers { reason: "they are missing" });
        };
        if inner.kind == KeyKind::Ed25519 && low_order::begins_with_low_order_point(signature) {
            return Err(SignatureError::LowOrderPoint);
        }
        let prepared;
        let message = if inner.scheme.is_tap21() {
            prepared = tap21_message(message);
            &prepared
        } else {
            message
        };
        if verifier.verify_sig(message, signature).is_ok() {
            return Ok(());
        }
        let salted = self.verifier_of_salt(signature);
        let salted = salted.as_ref().map(|other| -> &dyn VerificationAlgorithm { other });
        match salted.or_else(|| inner.scheme.with_sha256()) {
            Some(other) if other.verify_sig(&inner.spki, message, signature).is_ok() => Ok(()),
            _ => Err(SignatureError::Mismatch),
        }
    }

    /// Checks a signature of an envelope: for OpenPGP keys with its `other_headers`.
    ///
    /// # Checks
    /// As [`PublicKey::verify`]; for OpenPGP keys what the headers say of the signature, too.
    ///
    /// # Errors
    /// [`SignatureError`] when the signature does not hold.
    pub fn verify_entry(
        &self,
        message: &[u8],
        signature: &Signature,
    ) -> Result<(), SignatureError> {
        let headers = signature.extra.get("other_headers");
        let Some(openpgp) = &self.inner.openpgp else {
            // Headers would be part of what an OpenPGP key signs; nothing signs them here.
            return match headers {
                None => self.verify(message, &signature.bytes),
                Some(_) => Err(SignatureError::Headers { reason: "the key is not of OpenPGP" }),
            };
        };
        let headers = headers.and_then(Value::as_str);
        let headers = headers.ok_or(SignatureError::Headers { reason: "they are missing" })?;
        let key_id = signature.key_id.as_deref().unwrap_or_default();
        openpgp.verify(message, key_id, headers, &signature.bytes)
    }

    /// Finds the algorithm for an RSASSA-PSS signature whose salt is not as long as the hash.
    fn verifier_of_salt(&self, signature: &[u8]) -> Option<RsaParameters> {
        let inner = &*self.inner;
        let (algorithm, hash) = inner.scheme.pss()?;
        let numbers = rsa_strength::public_integers(key_bytes(&inner.spki)?)?;
        let length = pss_salt::length(numbers, signature, hash)?;
        (usize::from(length) != hash.output_len())
            .then(|| algorithm.with_pss_salt_length(RsaPssSaltLength::Custom(length)))
    }

    /// Returns the key's identity.
    pub fn material(&self) -> KeyMaterial {
        self.inner.material
    }

    /// Returns the identities of all keys that sign in this one's name: of its own, and of the
    /// subkeys of an OpenPGP key.
    pub fn materials(&self) -> Vec<KeyMaterial> {
        match &self.inner.openpgp {
            Some(openpgp) => openpgp.materials(),
            None => vec![self.material()],
        }
    }

    /// Returns the scheme by which the key signs.
    pub fn scheme(&self) -> SignatureScheme {
        self.inner.scheme
    }

    /// Returns the `keytype` of metadata: `ed25519`, `ecdsa`, `rsa` or `ml-dsa`.
    pub fn key_type(&self) -> &'static str {
        self.inner.kind.key_type()
    }

    /// Returns the id by which the layout lists the key that it was read from.
    pub fn declared_id(&self) -> Option<&str> {
        self.inner.declared_id.as_deref()
    }

    /// Returns the key as PEM (`PUBLIC KEY`), ended by a line feed.
    pub fn spki_pem(&self) -> String {
        let text = data_encoding::BASE64.encode(&self.inner.spki);
        let mut pem = "-----BEGIN PUBLIC KEY-----\n".to_owned();
        for (index, character) in text.chars().enumerate() {
            if index > 0 && index % 64 == 0 {
                pem.push('\n');
            }
            pem.push(character);
        }
        pem.push_str("\n-----END PUBLIC KEY-----\n");
        pem
    }

    /// Returns the key as SubjectPublicKeyInfo in DER.
    pub fn spki_der(&self) -> &[u8] {
        &self.inner.spki
    }

    /// Returns the `public` member of the key's object in metadata: 64 hexadecimal digits for
    /// Ed25519, PEM for all others.
    pub(crate) fn public_text(&self) -> String {
        match key_bytes(&self.inner.spki) {
            Some(bytes) if self.inner.kind == KeyKind::Ed25519 => HEXLOWER.encode(bytes),
            _ => self.spki_pem(),
        }
    }

    /// Returns the point of an ECDSA key on P-256 in hexadecimal digits.
    pub(crate) fn p256_point_text(&self) -> Option<String> {
        let is_on_p256 = self.inner.kind == KeyKind::EcdsaP256;
        key_bytes(&self.inner.spki).filter(|_| is_on_p256).map(|point| HEXLOWER.encode(point))
    }

    /// Returns the key's id in one style; in the default style where this one does not apply.
    pub fn key_id(&self, style: KeyIdStyle) -> String {
        let first = self.ids().first();
        self.ids()
            .iter()
            .find(|(own, _)| *own == style)
            .or(first)
            .map_or_else(String::new, |(_, id)| id.clone())
    }

    /// Returns the key's id in every style that applies to it; the same id may stand under two.
    pub fn key_ids(&self) -> Vec<(KeyIdStyle, String)> {
        self.ids().to_vec()
    }

    /// Tells whether a key id names this key, in whatever style.
    ///
    /// A key id is a hint: the answer narrows a search and proves nothing.
    pub fn answers_to(&self, hint: &str) -> bool {
        if let Some(openpgp) = &self.inner.openpgp {
            return openpgp.answers_to(hint);
        }
        self.ids().iter().any(|(_, id)| id.eq_ignore_ascii_case(hint))
    }

    /// Names the key for people: its type and the first digits of its id, after the name in its
    /// certificate where it has one.
    pub fn describe(&self) -> String {
        let id =
            self.declared_id().map_or_else(|| self.key_id(KeyIdStyle::default()), str::to_owned);
        let id = id.get(..8).unwrap_or(&id);
        match &self.inner.holder {
            None => format!("{} {id}…", self.key_type()),
            Some(holder) => format!("{holder} ({} {id}…)", self.key_type()),
        }
    }

    fn ids(&self) -> &[(KeyIdStyle, String)] {
        self.inner.ids.get_or_init(|| key_id::all(self))
    }

    pub(crate) fn is_openpgp(&self) -> bool {
        self.inner.openpgp.is_some()
    }

    pub(crate) fn is_ecdsa(&self) -> bool {
        self.inner.kind.is_ecdsa()
    }
}

/// Returns the key inside of a SubjectPublicKeyInfo.
fn key_bytes(spki: &[u8]) -> Option<&[u8]> {
    SubjectPublicKeyInfoRef::try_from(spki).ok()?.subject_public_key.as_bytes()
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.inner.material == other.inner.material
    }
}

impl Eq for PublicKey {}

impl PartialOrd for PublicKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PublicKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.inner.material.cmp(&other.inner.material)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PublicKey({} {})", self.inner.scheme, self.inner.material)
    }
}
