//! Private keys in JSON, as the reference implementation wrote them before 2.0.
//!
//! Plain: a key object with `keyval.private`. Encrypted: five fields in hexadecimal (the second in
//! decimal), `salt@@@@iterations@@@@hmac@@@@iv@@@@ciphertext`. PBKDF2-HMAC-SHA256 derives the one
//! key of both AES-256-CTR and the HMAC-SHA256 over the ciphertext. Salt, iterations and IV are not
//! under the HMAC, so the decrypted object is checked as if it had come in the open.

use std::num::NonZeroU32;

use aws_lc_rs::cipher::{
    AES_256, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext, UnboundCipherKey,
};
use aws_lc_rs::encoding::AsBigEndian;
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use aws_lc_rs::{hmac, pbkdf2, rand};
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use pkcs8::der::Encode;
use pkcs8::der::asn1::{AnyRef, BitStringRef, ContextSpecific, OctetStringRef};
use pkcs8::der::{TagMode, TagNumber};
use unbroken_model::json::{Object, Value};
use unbroken_model::limits::Limits;
use zeroize::Zeroizing;

use super::{Pair, SigningKey, encryption, read};
use crate::error::KeyError;
use crate::key::kind::KeyKind;
use crate::key::{PublicKey, layout_key, pem};
use crate::secret::Passphrase;

const DELIMITER: &str = "@@@@";
/// What the reference implementation wrote and, being fixed there, all that its users have.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(100_000).unwrap();

const MALFORMED: KeyError = KeyError::Malformed { what: "private key (JSON)" };

/// A text that is a key of this format, as far as can be seen from outside.
pub(crate) enum OldKey<'a> {
    Plain(Object<'a>),
    Encrypted(&'a str),
}

impl<'a> OldKey<'a> {
    /// Tells whether a text is in this format.
    pub(super) fn find(text: &'a str) -> Option<Self> {
        let text = text.trim();
        if text.starts_with('{') {
            return object(text).map(Self::Plain);
        }
        Self::is_encrypted(text).then_some(Self::Encrypted(text))
    }

    /// Tells whether a text is an encrypted key of this format.
    pub(crate) fn is_encrypted(text: &str) -> bool {
        let is_field = |field: &str| field.bytes().all(|byte| byte.is_ascii_hexdigit());
        text.contains(DELIMITER) && text.trim().split(DELIMITER).all(is_field)
    }

    /// Opens the key.
    pub(super) fn open(self, passphrase: Option<&Passphrase>) -> Result<SigningKey, KeyError> {
        match (self, passphrase) {
            (Self::Plain(object), None) => from_object(object),
            (Self::Plain(_), Some(_)) => Err(KeyError::PassphraseNotNeeded),
            (Self::Encrypted(_), None) => Err(KeyError::PassphraseMissing),
            (Self::Encrypted(text), Some(passphrase)) => {
                let decrypted = decrypt(text, passphrase)?;
                let text = std::str::from_utf8(&decrypted).map_err(|_| MALFORMED)?;
                from_object(object(text.trim()).ok_or(MALFORMED)?)
            }
        }
    }
}

fn object(text: &str) -> Option<Object<'_>> {
    match Value::parse(text.as_bytes(), &Limits::default()) {
        Ok(Value::Object(object)) if object.get("keyval").is_some() => Some(object),
        _ => None,
    }
}

/// Makes a key of the object, and checks that its halves belong together.
fn from_object(mut object: Object<'_>) -> Result<SigningKey, KeyError> {
    let Some(Value::Object(mut keyval)) = object.remove("keyval") else {
        return Err(KeyError::LayoutKeyMember { member: "keyval" });
    };
    let private = match keyval.remove("private") {
        Some(Value::String(text)) if !text.is_empty() => Zeroizing::new(text.into_owned()),
        Some(Value::String(_)) | None => return Err(KeyError::PublicHalfGiven { what: "JSON" }),
        Some(_) => return Err(KeyError::LayoutKeyMember { member: "private" }),
    };
    object.insert("keyval", keyval);
    let public = PublicKey::from_object(&object, None)?;
    let pair = if layout_key::text(&object, "keytype")? == KeyKind::Ed25519.key_type() {
        let seed = HEXLOWER_PERMISSIVE.decode(private.as_bytes()).map(Zeroizing::new);
        let seed = seed.map_err(|_| MALFORMED)?;
        Ed25519KeyPair::from_seed_unchecked(&seed).map(Pair::Ed25519).map_err(|_| MALFORMED)?
    } else {
        read::pair(private.as_bytes(), None)?
    };
    let SigningKey { pair, public: derived } = SigningKey::from_pair(pair)?;
    if derived != public {
        return Err(KeyError::Malformed { what: "private key (JSON): its halves do not match" });
    }
    Ok(SigningKey { pair, public })
}

fn decrypt(text: &str, passphrase: &Passphrase) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let malformed = || KeyError::Malformed { what: "encrypted private key (JSON)" };
    let fields: Vec<&str> = text.split(DELIMITER).collect();
    let [salt, iterations, mac, iv, ciphertext] = fields[..] else { return Err(malformed()) };
    let bytes = |field: &str| HEXLOWER_PERMISSIVE.decode(field.as_bytes());
    let iterations: NonZeroU32 = iterations.parse().map_err(|_| malformed())?;
    encryption::check_pbkdf2_cost(iterations.get())?;
    let (Ok(salt), Ok(mac), Ok(iv), Ok(ciphertext)) =
        (bytes(salt), bytes(mac), bytes(iv), bytes(ciphertext))
    else {
        return Err(malformed());
    };
    let iv: [u8; 16] = iv.try_into().map_err(|_| malformed())?;

    let key = derive(iterations, &salt, passphrase);
    // Compares in constant time.
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, &*key), &ciphertext, &mac)
        .map_err(|_| KeyError::PassphraseWrong)?;
    let mut buffer = Zeroizing::new(ciphertext);
    UnboundCipherKey::new(&AES_256, &*key)
        .and_then(DecryptingKey::ctr)
        .and_then(|cipher| {
            cipher
                .decrypt(&mut buffer, DecryptionContext::Iv128(FixedLength::from(iv)))
                .map(|opened| Zeroizing::new(opened.to_vec()))
        })
        .map_err(|_| malformed())
}

fn derive(iterations: NonZeroU32, salt: &[u8], passphrase: &Passphrase) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    let secret = passphrase.as_bytes();
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, salt, secret, &mut *key);
    key
}

/// Writes a key, encrypted when a passphrase is given.
pub(super) fn write(
    key: &SigningKey,
    passphrase: Option<&Passphrase>,
) -> Result<Zeroizing<String>, KeyError> {
    let private = match &key.pair {
        Pair::Ed25519(pair) => {
            let seed = pair.seed().map_err(|_| KeyError::Encoding)?;
            let seed = seed.as_be_bytes().map_err(|_| KeyError::Encoding)?;
            HEXLOWER.encode(seed.as_ref())
        }
        Pair::Ecdsa(pair) => sec1_pem(pair, key.public.spki_der())?.trim_end().to_owned(),
        Pair::Rsa(_) | Pair::MlDsa(_) => {
            let what = format!("the old JSON format for keys of type {}", key.public.key_type());
            return Err(KeyError::Unsupported { what });
        }
    };
    let text = Zeroizing::new(Value::from(key.public.old_object(Some(private))).to_compact());
    match passphrase {
        None => Ok(text),
        Some(passphrase) if passphrase.is_empty() => Err(KeyError::PassphraseEmpty),
        Some(passphrase) => encrypt(&text, passphrase).ok_or(KeyError::Encoding),
    }
}

fn encrypt(text: &str, passphrase: &Passphrase) -> Option<Zeroizing<String>> {
    let (mut salt, mut iv) = ([0; 16], [0; 16]);
    rand::fill(&mut salt).ok()?;
    rand::fill(&mut iv).ok()?;
    let key = derive(ITERATIONS, &salt, passphrase);
    let mut buffer = text.as_bytes().to_vec();
    let context = EncryptionContext::Iv128(FixedLength::from(iv));
    let cipher = UnboundCipherKey::new(&AES_256, &*key).and_then(EncryptingKey::ctr).ok()?;
    cipher.less_safe_encrypt(&mut buffer, context).ok()?;
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &*key), &buffer);
    let fields = [
        HEXLOWER.encode(&salt),
        ITERATIONS.to_string(),
        HEXLOWER.encode(mac.as_ref()),
        HEXLOWER.encode(&iv),
        HEXLOWER.encode(&buffer),
    ];
    Some(Zeroizing::new(fields.join(DELIMITER)))
}

/// Writes ECPrivateKey (RFC 5915) with its curve and public key, as OpenSSL does.
fn sec1_pem(pair: &EcdsaKeyPair, spki: &[u8]) -> Result<Zeroizing<String>, KeyError> {
    let scalar = pair.private_key().as_be_bytes().map_err(|_| KeyError::Encoding)?;
    let der = || -> pkcs8::der::Result<Vec<u8>> {
        let info = pkcs8::spki::SubjectPublicKeyInfoRef::try_from(spki)
            .map_err(|_| pkcs8::der::ErrorKind::Failed)?;
        let curve = info.algorithm.parameters_oid().map_err(|_| pkcs8::der::ErrorKind::Failed)?;
        let tagged = |number, value| ContextSpecific {
            tag_number: TagNumber(number),
            tag_mode: TagMode::Explicit,
            value,
        };
        let (curve, point) =
            (curve.to_der()?, BitStringRef::from_bytes(pair.public_key().as_ref())?.to_der()?);
        let scalar = OctetStringRef::new(scalar.as_ref())?;
        let curve = tagged(0, AnyRef::try_from(curve.as_slice())?);
        let point = tagged(1, AnyRef::try_from(point.as_slice())?);
        let mut body = Zeroizing::new(1u8.to_der()?);
        body.extend(scalar.to_der()?);
        body.extend(curve.to_der()?);
        body.extend(point.to_der()?);
        AnyRef::new(pkcs8::der::Tag::Sequence, &body)?.to_der()
    };
    let der = der().map(Zeroizing::new).map_err(|_| KeyError::Encoding)?;
    pem::encode("EC PRIVATE KEY", &der)
}
