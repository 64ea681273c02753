//! A second opinion: the signature libraries of RustCrypto, which share no line with the one that decides.

use ed25519_dalek::VerifyingKey as Ed25519Key;
use ml_dsa::{EncodedSignature, MlDsa44, MlDsa65, MlDsa87, MlDsaParams};
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use pkcs8::der::asn1::UintRef;
use pkcs8::der::{Reader, SliceReader};
use pkcs8::spki::SubjectPublicKeyInfoRef;
use rsa::pkcs1v15::Pkcs1v15Sign;
use rsa::pss::Pss;
use rsa::{BigUint, RsaPublicKey};
use sha2::{Digest, Sha256, Sha384, Sha512};
use unbroken_crypto::SignatureScheme;

/// Whether the other library takes the signature under this key, a SubjectPublicKeyInfo; no library
/// takes one of a key that it does not read. Salts are as long as the hash.
pub(crate) fn holds(scheme: SignatureScheme, spki: &[u8], message: &[u8], made: &[u8]) -> bool {
    holds_with_salt(scheme, spki, message, made, None)
}

/// The same, where an RSASSA-PSS signature has a salt of its own length: this library checks for the
/// one that it is told.
pub(crate) fn holds_with_salt(
    scheme: SignatureScheme,
    spki: &[u8],
    message: &[u8],
    made: &[u8],
    salt: Option<usize>,
) -> bool {
    use SignatureScheme as Scheme;
    match scheme {
        Scheme::Ed25519 => ed25519(spki, message, made),
        Scheme::EcdsaSha2Nistp256 => p256(spki, message, made),
        Scheme::EcdsaSha2Nistp384 => p384(spki, message, made),
        Scheme::EcdsaSha2Nistp521 => p521(spki, message, made),
        Scheme::RsaPkcs1v15Sha256 => pkcs1::<Sha256>(spki, message, made),
        Scheme::RsaPkcs1v15Sha384 => pkcs1::<Sha384>(spki, message, made),
        Scheme::RsaPkcs1v15Sha512 => pkcs1::<Sha512>(spki, message, made),
        Scheme::RsassaPssSha256 => pss::<Sha256>(spki, message, made, salt),
        Scheme::RsassaPssSha384 => pss::<Sha384>(spki, message, made, salt),
        Scheme::RsassaPssSha512 => pss::<Sha512>(spki, message, made, salt),
        Scheme::MlDsa44Pure => ml_dsa::<MlDsa44>(spki, message, made),
        Scheme::MlDsa65Pure => ml_dsa::<MlDsa65>(spki, message, made),
        Scheme::MlDsa87Pure => ml_dsa::<MlDsa87>(spki, message, made),
        other => panic!("no second opinion on {other}"),
    }
}

/// The key inside of a SubjectPublicKeyInfo.
fn key_bytes(spki: &[u8]) -> &[u8] {
    SubjectPublicKeyInfoRef::try_from(spki).unwrap().subject_public_key.as_bytes().unwrap()
}

fn ed25519(spki: &[u8], message: &[u8], made: &[u8]) -> bool {
    let Ok(key) = Ed25519Key::try_from(key_bytes(spki)) else { return false };
    let made = ed25519_dalek::Signature::from_slice(made);
    made.is_ok_and(|made| key.verify_strict(message, &made).is_ok())
}

fn p256(spki: &[u8], message: &[u8], made: &[u8]) -> bool {
    let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(key_bytes(spki)).unwrap();
    p256::ecdsa::Signature::from_der(made).is_ok_and(|made| key.verify(message, &made).is_ok())
}

/// Over the hash of the scheme, or over SHA-256 as earlier tools sign with this curve.
fn p384(spki: &[u8], message: &[u8], made: &[u8]) -> bool {
    let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(key_bytes(spki)).unwrap();
    p384::ecdsa::Signature::from_der(made).is_ok_and(|made| {
        let earlier = key.verify_prehash(&Sha256::digest(message), &made);
        key.verify(message, &made).is_ok() || earlier.is_ok()
    })
}

fn p521(spki: &[u8], message: &[u8], made: &[u8]) -> bool {
    let key = p521::ecdsa::VerifyingKey::from_sec1_bytes(key_bytes(spki)).unwrap();
    p521::ecdsa::Signature::from_der(made).is_ok_and(|made| key.verify(message, &made).is_ok())
}

fn rsa_key(spki: &[u8]) -> RsaPublicKey {
    let mut reader = SliceReader::new(key_bytes(spki)).unwrap();
    let (n, e) = reader
        .sequence(|inner| -> pkcs8::der::Result<_> {
            Ok((inner.decode::<UintRef<'_>>()?, inner.decode::<UintRef<'_>>()?))
        })
        .unwrap();
    let [n, e] = [n, e].map(|number| BigUint::from_bytes_be(number.as_bytes()));
    RsaPublicKey::new_with_max_size(n, e, 8192).unwrap()
}

fn pkcs1<D: Digest + rsa::pkcs8::AssociatedOid>(spki: &[u8], message: &[u8], made: &[u8]) -> bool {
    rsa_key(spki).verify(Pkcs1v15Sign::new::<D>(), &D::digest(message), made).is_ok()
}

fn pss<D>(spki: &[u8], message: &[u8], made: &[u8], salt: Option<usize>) -> bool
where
    D: 'static + Digest + sha2::digest::DynDigest + Send + Sync,
{
    let padding = match salt {
        Some(length) => Pss::new_with_salt::<D>(length),
        None => Pss::new::<D>(),
    };
    rsa_key(spki).verify(padding, &D::digest(message), made).is_ok()
}

fn ml_dsa<P: MlDsaParams>(spki: &[u8], message: &[u8], made: &[u8]) -> bool {
    let Ok(key) = key_bytes(spki).try_into() else { return false };
    let Ok(made) = EncodedSignature::<P>::try_from(made) else { return false };
    let made = ml_dsa::Signature::<P>::decode(&made);
    let key = ml_dsa::VerifyingKey::<P>::decode(key);
    made.is_some_and(|made| key.verify_with_context(message, &[], &made))
}
