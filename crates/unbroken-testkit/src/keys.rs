//! Keys that are the same in every run: an Ed25519 key is derived from its name.
//!
//! Everybody can make these private keys. They protect nothing.

use std::sync::Arc;

use data_encoding::BASE64;
use unbroken_crypto::{KeyAlgorithm, KeyIdStyle, SignatureScheme, SigningKey, hash};

/// What stands before the 32 secret bytes of an Ed25519 key in PKCS#8 (RFC 8410, section 7).
const PKCS8_OF_ED25519: [u8; 16] =
    [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// An RSA key with 3072 bits. RSASSA-PKCS1-v1_5 signatures of it are the same in every run.
const RSA: &str = include_str!("keys/rsa-3072.pem");

/// Public RSA keys that are refused: the vectors' name, what is wrong with it, and the key in PEM.
pub const WEAK_RSA: [(&str, &str, &str); 8] = [
    ("key-rsa-1024", "1024 bits", include_str!("keys/rsa-1024.pub.pem")),
    ("key-rsa-2047", "2047 bits", include_str!("keys/rsa-2047.pub.pem")),
    ("key-rsa-8193", "8193 bits", include_str!("keys/rsa-8193.pub.pem")),
    ("key-rsa-exponent-1", "the exponent 1", include_str!("keys/rsa-exponent-1.pub.pem")),
    ("key-rsa-exponent-3", "the exponent 3", include_str!("keys/rsa-exponent-3.pub.pem")),
    ("key-rsa-exponent-even", "an even exponent", include_str!("keys/rsa-exponent-even.pub.pem")),
    ("key-rsa-modulus-even", "an even modulus", include_str!("keys/rsa-modulus-even.pub.pem")),
    (
        "key-rsa-of-weak-generator",
        "the fingerprint of CVE-2017-15361 (ROCA)",
        include_str!("keys/rsa-roca.pub.pem"),
    ),
];

/// Returns the Ed25519 key of this name: `owner`, `developer`, `builder`, `scanner`, or any other.
///
/// # Panics
/// Never: every 32 bytes are a private key.
pub fn key(name: &str) -> Arc<SigningKey> {
    let secret = hash::sha256(format!("unbroken-testkit key of {name}").as_bytes());
    let der = [&PKCS8_OF_ED25519[..], &secret].concat();
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        BASE64.encode(&der)
    );
    Arc::new(SigningKey::read(pem.as_bytes(), None).expect("every 32 bytes are a private key"))
}

/// Returns an RSA key that is the same in every run.
///
/// # Panics
/// Never: the key lies beside this file.
pub fn rsa() -> SigningKey {
    SigningKey::read(RSA.as_bytes(), None).expect("the key lies beside this file")
}

/// Returns the same key with the scheme whose signatures are the same in every run.
///
/// # Panics
/// Never: the scheme is one of RSA.
pub fn rsa_pkcs1v15() -> SigningKey {
    rsa().with_scheme(SignatureScheme::RsaPkcs1v15Sha256).expect("a scheme of RSA")
}

/// Makes a new key of any algorithm; no run gives it twice.
///
/// # Panics
/// When the library fails.
pub fn generated(algorithm: KeyAlgorithm) -> Arc<SigningKey> {
    Arc::new(SigningKey::generate(algorithm).expect("a key is generated"))
}

/// Returns the id of the key of this name in the default style.
pub fn id(name: &str) -> String {
    key(name).public().key_id(KeyIdStyle::default())
}

/// Returns the name of a link file of this step by the key of this name, without its ending:
/// `build.210dcc50`.
pub fn stem(step: &str, name: &str) -> String {
    let id = id(name);
    format!("{step}.{}", id.get(..8).unwrap_or(&id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_gives_the_same_key_every_time() {
        assert_eq!(key("builder").public(), key("builder").public());
        assert_ne!(key("builder").public(), key("scanner").public());
        assert_eq!(
            key("owner").sign(b"message").unwrap(),
            key("owner").sign(b"message").unwrap(),
            "Ed25519 signatures are deterministic"
        );
    }
}
