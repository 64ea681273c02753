//! Measures signature checks against the same operation of `aws-lc-rs` alone, in one run.
//!
//! `cargo bench -p unbroken-crypto` prints a table: checks per second of the library, with the key
//! parsed beforehand, and ours through [`unbroken_crypto::PublicKey::verify`], with their ratio.
//! The two alternate in short rounds and the best round of each counts, so that a busy machine
//! disturbs both alike.
#![expect(
    clippy::expect_used,
    clippy::as_conversions,
    clippy::print_stdout,
    reason = "a benchmark stops where it fails and prints its table"
)]

use std::hint::black_box;
use std::time::Duration;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ECDSA_P521_SHA512_ASN1, ED25519, ML_DSA_65,
    ParsedPublicKey, RSA_PSS_2048_8192_SHA256, VerificationAlgorithm,
};
use unbroken_crypto::{KeyAlgorithm, SigningKey};

const ROUNDS: usize = 15;
const ROUND: Duration = Duration::from_millis(60);

fn main() {
    let message = vec![b'x'; 2048];
    println!("{:<12} {:>14} {:>14} {:>7}", "checks/s", "aws-lc-rs", "unbroken", "ratio");
    for (algorithm, raw) in [
        (KeyAlgorithm::Ed25519, &ED25519 as &'static dyn VerificationAlgorithm),
        (KeyAlgorithm::EcdsaP256, &ECDSA_P256_SHA256_ASN1),
        (KeyAlgorithm::EcdsaP384, &ECDSA_P384_SHA384_ASN1),
        (KeyAlgorithm::EcdsaP521, &ECDSA_P521_SHA512_ASN1),
        (KeyAlgorithm::Rsa3072, &RSA_PSS_2048_8192_SHA256),
        (KeyAlgorithm::MlDsa65, &ML_DSA_65),
    ] {
        let key = SigningKey::generate(algorithm).expect("key generation");
        let signature = key.sign(&message).expect("signing");
        let parsed = ParsedPublicKey::new(raw, key.public().spki_der()).expect("parsing");
        let library = || match algorithm {
            // TAP 21 hashes the message first: so must the peer.
            KeyAlgorithm::MlDsa65 => {
                let hash = digest::digest(&digest::SHA512, black_box(&message));
                let prepared = [b"tuf\x01", hash.as_ref()].concat();
                assert!(parsed.verify_sig(&prepared, &signature).is_ok());
            }
            _ => assert!(parsed.verify_sig(black_box(&message), &signature).is_ok()),
        };
        let ours = || assert!(key.public().verify(black_box(&message), &signature).is_ok());
        let (mut best_library, mut best_ours) = (0.0f64, 0.0f64);
        for _ in 0..ROUNDS {
            best_library = best_library.max(rate(library));
            best_ours = best_ours.max(rate(ours));
        }
        let ratio = best_ours / best_library;
        println!("{:<12} {best_library:>14.0} {best_ours:>14.0} {ratio:>7.3}", algorithm.name());
    }
}

/// Calls per second over one round.
#[expect(clippy::disallowed_methods, reason = "a benchmark needs a clock")]
fn rate(operation: impl Fn()) -> f64 {
    let start = std::time::Instant::now();
    let mut calls = 0u32;
    while start.elapsed() < ROUND {
        for _ in 0..8 {
            operation();
        }
        calls += 8;
    }
    f64::from(calls) / start.elapsed().as_secs_f64()
}
