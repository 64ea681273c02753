//! Private keys in the encryption of RFC 1421, as OpenSSL wrote them before PKCS#8.
//!
//! The key is derived from the passphrase by one round of MD5, which makes guessing cheap, and
//! nothing notices a change of the contents. So these files are read, and written only for tools
//! that read nothing else; MD5 is used for nothing else.

use aes::{Aes128, Aes192, Aes256};
use aws_lc_rs::rand;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{
    BlockCipherDecrypt, BlockModeDecrypt, BlockModeEncrypt, KeyInit, KeyIvInit, KeySizeUser,
};
use data_encoding::{HEXLOWER_PERMISSIVE, HEXUPPER};
use des::TdesEde3;
use md5::{Digest, Md5};
use pkcs8::der::{Reader, SliceReader};
use zeroize::Zeroizing;

use crate::error::KeyError;
use crate::key::pem;
use crate::secret::Passphrase;

/// Decrypts the contents of a PEM block; `dek_info` is the value of its header of that name.
pub(super) fn decrypt(
    dek_info: &str,
    encrypted: &[u8],
    passphrase: &Passphrase,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let (cipher, iv) = dek_info.split_once(',').unwrap_or((dek_info, ""));
    let open = match cipher.trim() {
        "AES-128-CBC" => open::<Aes128>,
        "AES-192-CBC" => open::<Aes192>,
        "AES-256-CBC" => open::<Aes256>,
        "DES-EDE3-CBC" => open::<TdesEde3>,
        other => {
            let name: String = other.chars().take(40).collect();
            let what = format!("{name:?} in the legacy PEM encryption of RFC 1421");
            return Err(KeyError::UnsupportedEncryption { what });
        }
    };
    let malformed = || KeyError::Malformed { what: "PEM block: its DEK-Info header" };
    let iv = HEXLOWER_PERMISSIVE.decode(iv.trim().as_bytes()).map_err(|_| malformed())?;
    let salt = *iv.first_chunk::<8>().ok_or_else(malformed)?;
    let opened = open(salt, &iv, encrypted, passphrase)?;
    // Once in 256 times wrong keys make right padding: what comes out must look like a key.
    let is_one_value = SliceReader::new(&opened)
        .and_then(|mut reader| {
            reader.sequence(|inner| inner.drain(inner.remaining_len()))?;
            reader.finish()
        })
        .is_ok();
    if is_one_value { Ok(opened) } else { Err(KeyError::PassphraseWrong) }
}

/// Writes a PEM block with the contents encrypted by AES-256-CBC, as OpenSSL does.
pub(super) fn encode(
    label: &str,
    der: &[u8],
    passphrase: &Passphrase,
) -> Result<Zeroizing<String>, KeyError> {
    let mut iv = [0; 16];
    rand::fill(&mut iv).map_err(|_| KeyError::Encoding)?;
    let salt = *iv.first_chunk::<8>().ok_or(KeyError::Encoding)?;
    let key = derive(salt, passphrase, Aes256::key_size());
    let encrypted = cbc::Encryptor::<Aes256>::new_from_slices(&key, &iv)
        .map_err(|_| KeyError::Encoding)?
        .encrypt_padded_vec::<Pkcs7>(der);
    let text = pem::encode(label, &encrypted)?;
    let (boundary, contents) = text.split_once('\n').ok_or(KeyError::Encoding)?;
    let iv = HEXUPPER.encode(&iv);
    Ok(Zeroizing::new(format!(
        "{boundary}\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,{iv}\n\n{contents}"
    )))
}

fn open<C: BlockCipherDecrypt + KeyInit>(
    salt: [u8; 8],
    iv: &[u8],
    encrypted: &[u8],
    passphrase: &Passphrase,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let key = derive(salt, passphrase, <C as KeySizeUser>::key_size());
    let cipher = cbc::Decryptor::<C>::new_from_slices(&key, iv)
        .map_err(|_| KeyError::Malformed { what: "PEM block: its DEK-Info header" })?;
    let mut buffer = Zeroizing::new(encrypted.to_vec());
    let opened =
        cipher.decrypt_padded::<Pkcs7>(&mut buffer).map_err(|_| KeyError::PassphraseWrong)?;
    Ok(Zeroizing::new(opened.to_vec()))
}

/// Derives a key as OpenSSL's `EVP_BytesToKey` does with MD5 and one round:
/// `D1 = MD5(passphrase || salt)`, `D2 = MD5(D1 || passphrase || salt)`, and so on, one after another.
fn derive(salt: [u8; 8], passphrase: &Passphrase, size: usize) -> Zeroizing<Vec<u8>> {
    let mut key = Zeroizing::new(Vec::with_capacity(size.next_multiple_of(16)));
    let mut last = Zeroizing::new([0; 16]);
    while key.len() < size {
        let mut hasher = Md5::new();
        if !key.is_empty() {
            hasher.update(*last);
        }
        hasher.update(passphrase.as_bytes());
        hasher.update(salt);
        *last = hasher.finalize().into();
        key.extend_from_slice(&*last);
    }
    key.truncate(size);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(dek_info: &str, encrypted: &[u8]) -> KeyError {
        let passphrase = Passphrase::new("hunter2".to_owned());
        decrypt(dek_info, encrypted, &passphrase).expect_err("it was opened")
    }

    #[test]
    fn headers_and_contents_that_fit_no_cipher_are_refused() {
        let eight = "0011223344556677";
        for header in ["AES-128-CBC", "AES-128-CBC,", "AES-128-CBC,zz", "DES-EDE3-CBC,001122"] {
            assert!(matches!(refusal(header, &[0; 16]), KeyError::Malformed { .. }), "{header}");
        }
        let short = refusal(&format!("AES-128-CBC,{eight}"), &[0; 16]);
        assert!(matches!(short, KeyError::Malformed { .. }), "{short}");
        for header in ["", "DES-CBC,0011223344556677", "RC2-40-CBC,0011223344556677"] {
            let error = refusal(header, &[0; 16]);
            assert!(matches!(error, KeyError::UnsupportedEncryption { .. }), "{header}: {error}");
        }
        for size in [0, 1, 7, 9] {
            let error = refusal(&format!("DES-EDE3-CBC,{eight}"), &vec![0; size]);
            assert!(matches!(error, KeyError::PassphraseWrong), "{size}: {error}");
        }
    }
}
