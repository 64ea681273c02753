//! Private keys under a passphrase: PKCS#8 with PBES2 (RFC 8018, 6.2).

use aws_lc_rs::rand;
use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::der::asn1::OctetStringRef;
use pkcs8::der::{Encode, Reader, SliceReader};
use pkcs8::pkcs5::pbes2::{Kdf, Parameters};
use pkcs8::pkcs5::{self, scrypt};
use pkcs8::spki::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use crate::error::KeyError;
use crate::secret::Passphrase;

/// What deriving a key may cost when a file is opened: an attacker may have written the file.
/// 10,000,000 iterations take seconds; OWASP asks for 600,000.
const MAX_PBKDF2_ITERATIONS: u32 = 10_000_000;
/// 256 MiB, where a usual key asks for 16 or 32.
const MAX_SCRYPT_BYTES: u64 = 256 << 20;
/// 64 times the work of a usual key.
const MAX_SCRYPT_WORK: u64 = 1 << 23;

/// scrypt with 16 MiB of memory, the most that OpenSSL takes without being told, five times over:
/// one of the equally strong settings of OWASP's Password Storage Cheat Sheet.
const SCRYPT_LOG_N: u8 = 14;
const SCRYPT_R: u32 = 8;
const SCRYPT_P: u32 = 5;

/// Encrypts a PKCS#8 private key.
pub(super) fn encrypt(der: &[u8], passphrase: &Passphrase) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    if passphrase.is_empty() {
        return Err(KeyError::PassphraseEmpty);
    }
    encrypt_with(&parameters().ok_or(KeyError::Encoding)?, der, passphrase)
}

fn encrypt_with(
    parameters: &Parameters,
    der: &[u8],
    passphrase: &Passphrase,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let encrypted =
        parameters.encrypt(passphrase.as_bytes(), der).map_err(|_| KeyError::Encoding)?;
    let info = EncryptedPrivateKeyInfoRef {
        encryption_algorithm: parameters.clone().into(),
        encrypted_data: OctetStringRef::new(&encrypted).map_err(|_| KeyError::Encoding)?,
    };
    info.to_der().map(Zeroizing::new).map_err(|_| KeyError::Encoding)
}

fn parameters() -> Option<Parameters> {
    let (mut salt, mut iv) = ([0; 16], [0; 16]);
    rand::fill(&mut salt).ok()?;
    rand::fill(&mut iv).ok()?;
    let cost = scrypt::Params::new(SCRYPT_LOG_N, SCRYPT_R, SCRYPT_P).ok()?;
    Parameters::generate_scrypt_aes256cbc(cost, &salt, iv).ok()
}

/// Decrypts a PKCS#8 private key.
pub(super) fn decrypt(der: &[u8], passphrase: &Passphrase) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let info = EncryptedPrivateKeyInfoRef::try_from(der).map_err(|_| unknown_encryption(der))?;
    let Some(parameters) = info.encryption_algorithm.pbes2() else {
        let what = format!("PBES1 ({})", info.encryption_algorithm.oid());
        return Err(KeyError::UnsupportedEncryption { what });
    };
    check_cost(&parameters.kdf)?;
    let decrypted = match info.decrypt(passphrase.as_bytes()) {
        Ok(document) => document,
        Err(pkcs8::Error::EncryptedPrivateKey(pkcs5::Error::UnsupportedAlgorithm { oid })) => {
            return Err(KeyError::UnsupportedEncryption { what: format!("algorithm {oid}") });
        }
        // Wrong padding, or, once in 256 times, right padding around noise.
        Err(_) => return Err(KeyError::PassphraseWrong),
    };
    if pkcs8::PrivateKeyInfoRef::try_from(decrypted.as_bytes()).is_err() {
        return Err(KeyError::PassphraseWrong);
    }
    Ok(decrypted.to_bytes())
}

/// Names an encryption that is not PBES2, such as those of PKCS#12.
fn unknown_encryption(der: &[u8]) -> KeyError {
    let algorithm = || -> pkcs8::der::Result<_> {
        SliceReader::new(der)?.sequence(|inner| {
            let algorithm = inner.decode::<AlgorithmIdentifierRef<'_>>()?;
            inner.decode::<&OctetStringRef>()?;
            Ok(algorithm.oid)
        })
    };
    match algorithm() {
        Ok(oid) => KeyError::UnsupportedEncryption { what: format!("algorithm {oid}") },
        Err(_) => KeyError::Malformed { what: "private key (encrypted PKCS#8)" },
    }
}

/// Refuses more iterations of PBKDF2 than opening a key may cost.
pub(super) fn check_pbkdf2_cost(iterations: u32) -> Result<(), KeyError> {
    if iterations > MAX_PBKDF2_ITERATIONS {
        let what = format!("{iterations} iterations of PBKDF2");
        return Err(KeyError::DerivationTooExpensive { what });
    }
    Ok(())
}

fn check_cost(kdf: &Kdf) -> Result<(), KeyError> {
    let too_much = |what| Err(KeyError::DerivationTooExpensive { what });
    match kdf {
        Kdf::Pbkdf2(asked) => check_pbkdf2_cost(asked.iteration_count),
        Kdf::Scrypt(asked) => {
            let (n, r, p) = (asked.cost_parameter, asked.block_size, asked.parallelization);
            let blocks = n.saturating_mul(u64::from(r));
            let over = blocks.saturating_mul(128) > MAX_SCRYPT_BYTES
                || blocks.saturating_mul(u64::from(p)) > MAX_SCRYPT_WORK;
            if over { too_much(format!("scrypt with N={n}, r={r}, p={p}")) } else { Ok(()) }
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use pkcs8::pkcs5::pbes2::{Pbkdf2Params, ScryptParams};

    use super::*;

    fn scrypt(log_n: u8, r: u32, p: u32) -> Kdf {
        let cost = scrypt::Params::new(log_n, r, p).unwrap();
        ScryptParams::from_params_and_salt(cost, b"salt").unwrap().into()
    }

    fn refused(kdf: &Kdf) -> bool {
        matches!(check_cost(kdf), Err(KeyError::DerivationTooExpensive { .. }))
    }

    #[test]
    fn usual_costs_are_paid_and_extreme_ones_are_not() {
        let pbkdf2 = |count| {
            let mut asked = Pbkdf2Params::hmac_sha256(1, b"salt").unwrap();
            asked.iteration_count = count;
            Kdf::from(asked)
        };
        assert!(!refused(&pbkdf2(600_000)) && !refused(&pbkdf2(MAX_PBKDF2_ITERATIONS)));
        assert!(refused(&pbkdf2(MAX_PBKDF2_ITERATIONS + 1)) && refused(&pbkdf2(u32::MAX)));
        assert!(!refused(&scrypt(SCRYPT_LOG_N, SCRYPT_R, SCRYPT_P)), "what is written here");
        assert!(!refused(&scrypt(17, 8, 1)), "128 MiB");
        assert!(refused(&scrypt(20, 8, 1)), "1 GiB");
        assert!(refused(&scrypt(18, 8, 5)), "256 MiB, five times over");
    }

    #[test]
    fn what_is_written_is_read_and_salted_anew_each_time() {
        let passphrase = Passphrase::new("correct horse".to_owned());
        let key = pkcs8_key();
        let (one, two) = (encrypt(&key, &passphrase).unwrap(), encrypt(&key, &passphrase).unwrap());
        assert_ne!(one, two);
        assert_eq!(*decrypt(&one, &passphrase).unwrap(), key);
    }

    /// Padding alone does not notice every wrong passphrase: what comes out must be a key.
    #[test]
    fn well_padded_noise_is_a_wrong_passphrase() {
        let passphrase = Passphrase::new("correct horse".to_owned());
        let noise = encrypt(b"sixteen bytes of", &passphrase).unwrap();
        assert!(matches!(decrypt(&noise, &passphrase), Err(KeyError::PassphraseWrong)));
    }

    #[test]
    fn a_broken_structure_is_malformed() {
        let passphrase = Passphrase::new("correct horse".to_owned());
        for der in [&[][..], &[0x30, 0], &[0x30, 2, 5, 0]] {
            assert!(matches!(decrypt(der, &passphrase), Err(KeyError::Malformed { .. })));
        }
    }

    fn pkcs8_key() -> Vec<u8> {
        aws_lc_rs::signature::Ed25519KeyPair::generate()
            .unwrap()
            .to_pkcs8v1()
            .unwrap()
            .as_ref()
            .to_vec()
    }
}
