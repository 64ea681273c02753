//! Which signatures hold, and which must not.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P521_SHA256_ASN1_SIGNING, ECDSA_P521_SHA384_ASN1_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, KeyPair, ML_DSA_65_SIGNING, PqdsaKeyPair,
};
use p384::ecdsa::signature::hazmat::PrehashSigner;
use p384::pkcs8::EncodePublicKey;
use sha2::{Digest, Sha256, Sha512};
use unbroken_crypto::{KeyAlgorithm, PublicKey, SignatureError, SignatureScheme, SigningKey};

use crate::support::{data, private, public};

#[test]
fn every_scheme_signs_and_verifies_and_notices_each_change() {
    for (file, scheme) in [
        ("ed25519.pem", "ed25519"),
        ("p256.pem", "ecdsa-sha2-nistp256"),
        ("p384.pem", "ecdsa-sha2-nistp384"),
        ("p521.pem", "ecdsa-sha2-nistp521"),
        ("rsa.pem", "rsassa-pss-sha256"),
        ("rsa.pem", "rsassa-pss-sha384"),
        ("rsa.pem", "rsassa-pss-sha512"),
        ("rsa.pem", "rsa-pkcs1v15-sha256"),
        ("rsa.pem", "rsa-pkcs1v15-sha384"),
        ("rsa.pem", "rsa-pkcs1v15-sha512"),
        ("ml-dsa-44.pem", "ml-dsa-44/1"),
        ("ml-dsa-65.pem", "ml-dsa-65/1"),
        ("ml-dsa-87.pem", "ml-dsa-87/1"),
        ("ml-dsa-44.pem", "ml-dsa-44"),
        ("ml-dsa-65.pem", "ml-dsa-65"),
        ("ml-dsa-87.pem", "ml-dsa-87"),
    ] {
        let key = private(file).with_scheme(scheme.parse().unwrap()).unwrap();
        let good = key.sign(b"message").unwrap();
        assert_eq!(key.public().verify(b"message", &good), Ok(()), "{scheme}");
        let refused = |message: &[u8], signature: &[u8]| {
            assert!(key.public().verify(message, signature).is_err(), "{scheme}");
        };
        refused(b"messagE", &good);
        refused(b"", &good);
        refused(b"message", &[]);
        refused(b"message", &good[1..]);
        refused(b"message", &[good.as_slice(), &[0]].concat());
        for place in [0, good.len() / 2, good.len() - 1] {
            let mut bad = good.clone();
            bad[place] ^= 1;
            refused(b"message", &bad);
        }
    }
}

/// python in-toto before 3.0 signs a digest by SHA-256 with every ECDSA key.
#[test]
fn a_longer_curve_may_sign_a_digest_by_sha_256_and_no_other_foreign_one() {
    let key = p384::ecdsa::SigningKey::from_slice(&[7; 48]).unwrap();
    let spki = key.verifying_key().to_public_key_der().unwrap();
    let public = PublicKey::from_spki_der(spki.as_bytes()).unwrap();
    let sign = |digest: &[u8]| {
        let made: p384::ecdsa::DerSignature = key.sign_prehash(digest).unwrap();
        made.as_bytes().to_vec()
    };
    let made = sign(&Sha256::digest(b"message"));
    assert_eq!(public.verify(b"message", &made), Ok(()));
    assert_eq!(public.verify(b"messagE", &made), Err(SignatureError::Mismatch));
    let foreign = sign(&Sha512::digest(b"message"));
    assert_eq!(public.verify(b"message", &foreign), Err(SignatureError::Mismatch));

    let p521 = |algorithm: &'static EcdsaSigningAlgorithm| {
        let pair = EcdsaKeyPair::generate(algorithm).unwrap();
        let spki = pair.public_key().as_der().unwrap();
        let public = PublicKey::from_spki_der(spki.as_ref()).unwrap();
        let made = pair.sign(&SystemRandom::new(), b"message").unwrap();
        public.verify(b"message", made.as_ref())
    };
    assert_eq!(p521(&ECDSA_P521_SHA256_ASN1_SIGNING), Ok(()));
    assert_eq!(p521(&ECDSA_P521_SHA384_ASN1_SIGNING), Err(SignatureError::Mismatch));
}

#[test]
fn a_signature_holds_only_under_its_own_scheme_and_key() {
    let pss = private("rsa.pem");
    let made = pss.sign(b"message").unwrap();
    for scheme in SignatureScheme::ALL {
        if let Ok(other) = pss.public().with_scheme(scheme) {
            let expected = scheme == SignatureScheme::RsassaPssSha256;
            assert_eq!(other.verify(b"message", &made).is_ok(), expected, "{scheme}");
        }
    }
    let other = SigningKey::generate(KeyAlgorithm::Rsa3072).unwrap();
    assert_eq!(other.public().verify(b"message", &made), Err(SignatureError::Mismatch));
}

/// in-toto writes salts as long as the hash, OpenSSL the longest, others what they were told.
#[test]
fn pss_salts_of_every_length_are_accepted() {
    let key = public("rsa.pub.pem");
    let other = key.with_scheme(SignatureScheme::RsassaPssSha512).unwrap();
    let pkcs1 = key.with_scheme(SignatureScheme::RsaPkcs1v15Sha256).unwrap();
    for file in ["pss-salt-0.sig", "pss-salt-20.sig", "pss-salt-max.sig"] {
        let good = data(file);
        assert_eq!(key.verify(b"salted", &good), Ok(()), "{file}");
        assert_eq!(key.verify(b"Salted", &good), Err(SignatureError::Mismatch), "{file}");
        assert_eq!(other.verify(b"salted", &good), Err(SignatureError::Mismatch), "{file}");
        assert_eq!(pkcs1.verify(b"salted", &good), Err(SignatureError::Mismatch), "{file}");
        for index in [0, 1, good.len() / 2, good.len() - 1] {
            let mut bent = good.clone();
            bent[index] ^= 1;
            assert_eq!(key.verify(b"salted", &bent), Err(SignatureError::Mismatch), "{file}");
        }
        for bent in [&good[1..], &good[..good.len() - 1], &[&[0], &good[..]].concat(), &[]] {
            assert_eq!(key.verify(b"salted", bent), Err(SignatureError::Mismatch), "{file}");
        }
    }
    for number in [[0; 256], [0xff; 256]] {
        assert_eq!(key.verify(b"salted", &number), Err(SignatureError::Mismatch));
    }
}

/// The order of the Ed25519 group, little-endian.
const L: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

#[test]
fn ed25519_signatures_cannot_be_bent() {
    let key = private("ed25519.pem");
    let good = key.sign(b"message").unwrap();
    // S + L names the same scalar.
    let mut bent = good.clone();
    let mut carry = 0u16;
    for (byte, add) in bent[32..].iter_mut().zip(L) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    assert_eq!(key.public().verify(b"message", &bent), Err(SignatureError::Mismatch));
    let mut low = good;
    low[..32].fill(0);
    assert_eq!(key.public().verify(b"message", &low), Err(SignatureError::LowOrderPoint));
}

#[test]
fn ecdsa_signatures_are_der_and_nothing_else() {
    let key = private("p256.pem");
    let (r, s) = loop {
        // Both numbers of full length make the other encodings easy to build.
        let made = key.sign(b"message").unwrap();
        if made.len() == 70 {
            break (made[4..36].to_vec(), made[38..70].to_vec());
        }
    };
    let der = |body: &[u8]| [&[0x30, u8::try_from(body.len()).unwrap()][..], body].concat();
    let integers = [&[2, 32], r.as_slice(), &[2, 32], &s].concat();
    let holds = |signature: &[u8]| key.public().verify(b"message", signature).is_ok();
    assert!(holds(&der(&integers)));
    assert!(!holds(&[r.as_slice(), &s].concat()), "r and s without DER");
    assert!(!holds(&der(&[integers.as_slice(), &[0]].concat())), "a byte inside the sequence");
    assert!(!holds(&[der(&integers).as_slice(), &[0]].concat()), "a byte behind the sequence");
    assert!(!holds(&[&[0x30, 0x81, 68][..], &integers].concat()), "a length in the long form");
    let padded = [&[2, 33, 0][..], &r, &[2, 32], &s].concat();
    assert!(!holds(&der(&padded)), "a leading zero that is not needed");
    let mut negative = integers.clone();
    negative[2] |= 0x80;
    assert!(!holds(&der(&negative)), "a negative r");
}

/// Every library accepts both, so the bytes of a signature are no identity.
#[test]
fn the_other_s_of_an_ecdsa_signature_is_accepted() {
    const N: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
        0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let key = private("p256.pem");
    let made = loop {
        let made = key.sign(b"message").unwrap();
        // s of 32 bytes whose complement needs no sign byte: 2^255 < n - s is avoided.
        if made.len() == 70 && made[38] > 0 {
            break made;
        }
    };
    let mut flipped = [0u8; 32];
    let mut borrow = 0i16;
    for index in (0..32).rev() {
        let difference = i16::from(N[index]) - i16::from(made[38 + index]) - borrow;
        borrow = i16::from(difference < 0);
        flipped[index] = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    assert!(flipped[0] >= 0x80, "n - s is at least 2^255 when s is below");
    let body = [&made[2..36], &[2, 33, 0], &flipped].concat();
    let signature = [&[0x30, u8::try_from(body.len()).unwrap()][..], &body].concat();
    assert_eq!(key.public().verify(b"message", &signature), Ok(()));
}

/// TAP 21 prepares the message, Sigstore does not: the scheme says which, and neither takes the
/// signature of the other.
#[test]
fn the_two_encodings_of_ml_dsa_do_not_stand_for_each_other() {
    let pem = String::from_utf8(data("ml-dsa-65.pem")).unwrap();
    let (_, der) = pem_rfc7468::decode_vec(pem.as_bytes()).unwrap();
    let pair = PqdsaKeyPair::from_pkcs8(&ML_DSA_65_SIGNING, &der).unwrap();
    let mut raw = vec![0; ML_DSA_65_SIGNING.signature_len()];
    pair.sign(b"message", &mut raw).unwrap();
    let key = public("ml-dsa-65.pub.pem");
    let pure = key.with_scheme(SignatureScheme::MlDsa65Pure).unwrap();
    assert_eq!(key.verify(b"message", &raw), Err(SignatureError::Mismatch));
    assert_eq!(pure.verify(b"message", &raw), Ok(()));
    let digest = unbroken_crypto::hash::sha512(b"message");
    pair.sign(&[&b"tuf\x01"[..], &digest].concat(), &mut raw).unwrap();
    assert_eq!(key.verify(b"message", &raw), Ok(()));
    assert_eq!(pure.verify(b"message", &raw), Err(SignatureError::Mismatch));
}
