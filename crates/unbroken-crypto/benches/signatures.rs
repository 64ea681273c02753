//! Measures signature checks against the same operation of `aws-lc-rs` alone, in one run.
//!
//! `cargo bench -p unbroken-crypto` prints a table: checks per second of the library, with the key
//! parsed beforehand, and ours through [`unbroken_crypto::PublicKey::verify`], with their ratio.
//! The two alternate in short rounds, and the median of the rounds' ratios counts, so that a busy
//! machine disturbs both alike.
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

const ROUNDS: usize = 101;
const ROUND: Duration = Duration::from_millis(8);

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
        let rounds: Vec<(f64, f64)> = (0..ROUNDS).map(|_| (rate(library), rate(ours))).collect();
        let library = median(rounds.iter().map(|(library, _)| *library));
        let ours = median(rounds.iter().map(|(_, ours)| *ours));
        let ratio = median(rounds.iter().map(|(library, ours)| ours / library));
        println!("{:<12} {library:>14.0} {ours:>14.0} {ratio:>7.3}", algorithm.name());
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
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
