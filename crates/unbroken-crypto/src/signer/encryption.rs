//! Private keys under a passphrase: PKCS#8 with PBES2 (RFC 8018, 6.2).

use aws_lc_rs::rand;
use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::der::Encode;
use pkcs8::der::asn1::OctetStringRef;
use pkcs8::pkcs5::pbes2::{Kdf, Parameters};
use pkcs8::pkcs5::{self, scrypt};
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
    let info = EncryptedPrivateKeyInfoRef::try_from(der)
        .map_err(|_| KeyError::UnsupportedEncryption { what: "an unknown scheme".to_owned() })?;
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

fn check_cost(kdf: &Kdf) -> Result<(), KeyError> {
    let too_much = |what| Err(KeyError::DerivationTooExpensive { what });
    match kdf {
        Kdf::Pbkdf2(asked) if asked.iteration_count > MAX_PBKDF2_ITERATIONS => {
            too_much(format!("{} iterations of PBKDF2", asked.iteration_count))
        }
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
