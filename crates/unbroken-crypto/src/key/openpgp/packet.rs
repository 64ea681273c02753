//! A signature packet as a program writes it, taken apart into what metadata carries.

use data_encoding::HEXLOWER;
use unbroken_model::json::Object;

use super::headers::Headers;
use super::numbers::mpi;
use crate::error::SignatureError;

const SIGNATURE: u8 = 2;
const DSA: u8 = 17;
const EDDSA: u8 = 22;
const RSA: [u8; 2] = [1, 3];
const ED25519: u8 = 27;

/// A detached OpenPGP signature.
#[derive(Clone, Debug)]
pub struct OpenPgpSignature {
    /// The fingerprint of the key that signed, lowercase hexadecimal.
    pub fingerprint: String,
    /// The signature: a number for RSA, DER for DSA, R and S for Ed25519.
    pub bytes: Vec<u8>,
    headers: Vec<u8>,
}

impl OpenPgpSignature {
    /// Reads a binary file with one signature, as `gpg --detach-sign` writes it.
    ///
    /// # Checks
    /// What the signature says of itself, as when it is verified: over a document of bytes, by a
    /// strong hash, with the fingerprint of who signed.
    ///
    /// # Does not check
    /// The signature itself.
    ///
    /// # Errors
    /// [`SignatureError::Headers`].
    pub fn read(file: &[u8]) -> Result<Self, SignatureError> {
        Self::parse(file).map_err(|reason| SignatureError::Headers { reason })
    }

    fn parse(file: &[u8]) -> Result<Self, &'static str> {
        const MALFORMED: &str = "there is not one whole signature packet";
        let body = body(file).ok_or(MALFORMED)?;
        let subpackets = body.get(4..6).and_then(|size| size.try_into().ok()).ok_or(MALFORMED)?;
        let hashed = 6 + usize::from(u16::from_be_bytes(subpackets));
        let (raw, behind) = body.split_at_checked(hashed).ok_or(MALFORMED)?;
        let headers = Headers::read(raw)?;
        let fingerprint = headers.issuers.iter().find(|issuer| issuer.len() == 20);
        let fingerprint = fingerprint.ok_or("they have no fingerprint of the key that signed")?;
        let (unhashed, behind) = behind.split_first_chunk::<2>().ok_or(MALFORMED)?;
        // Two bytes of the digest stand behind what is not hashed.
        let rest = usize::from(u16::from_be_bytes(*unhashed)) + 2;
        let numbers = behind.get(rest..).ok_or(MALFORMED)?;
        Ok(Self {
            fingerprint: HEXLOWER.encode(fingerprint),
            bytes: signature(headers.algorithm, numbers).ok_or(MALFORMED)?,
            headers: raw.to_vec(),
        })
    }

    /// Returns what stands beside the key id in a Metablock: the signed headers, and the signature
    /// under the name that it has for these keys.
    pub fn extra(&self) -> Object<'static> {
        let mut extra = Object::new();
        extra.insert("other_headers", HEXLOWER.encode(&self.headers));
        extra.insert("signature", HEXLOWER.encode(&self.bytes));
        extra
    }
}

/// Returns what is in the one packet of a file (RFC 9580, 4.2).
fn body(file: &[u8]) -> Option<&[u8]> {
    let (first, rest) = file.split_first()?;
    let new_form = first & 0x40 != 0;
    let tag = if new_form { first & 0x3f } else { (first & 0x3f) >> 2 };
    let (size, body) = match (new_form, first & 3, rest) {
        (true, _, [size @ 0..=191, body @ ..]) | (false, 0, [size, body @ ..]) => {
            (usize::from(*size), body)
        }
        (true, _, [high @ 192..=223, low, body @ ..]) => {
            ((usize::from(*high) - 192) * 256 + usize::from(*low) + 192, body)
        }
        (false, 1, [high, low, body @ ..]) => {
            (usize::from(u16::from_be_bytes([*high, *low])), body)
        }
        _ => return None,
    };
    (first & 0x80 != 0 && tag == SIGNATURE && size == body.len()).then_some(body)
}

/// Writes the numbers of a signature as metadata carries them.
fn signature(algorithm: u8, numbers: &[u8]) -> Option<Vec<u8>> {
    if algorithm == ED25519 {
        return (numbers.len() == 64).then(|| numbers.to_vec());
    }
    let (first, rest) = mpi(numbers)?;
    if RSA.contains(&algorithm) {
        // Leading zeros are not in the packet: who verifies knows how long the modulus is.
        return rest.is_empty().then_some(first);
    }
    let (second, rest) = mpi(rest)?;
    match algorithm {
        _ if !rest.is_empty() => None,
        EDDSA => Some([padded(&first, 32), padded(&second, 32)].concat()),
        DSA => {
            let content = [integer(&first), integer(&second)].concat();
            Some([&[0x30, u8::try_from(content.len()).ok()?][..], &content].concat())
        }
        _ => None,
    }
}

pub(super) fn padded(number: &[u8], size: usize) -> Vec<u8> {
    let zeros = size.saturating_sub(number.len());
    [&vec![0; zeros], number].concat()
}

/// Writes an INTEGER in DER; those of DSA have 32 bytes at the most.
fn integer(number: &[u8]) -> Vec<u8> {
    let sign = number.first().is_none_or(|first| *first >= 0x80);
    let content = padded(number, number.len() + usize::from(sign));
    [&[2, u8::try_from(content.len()).unwrap_or(u8::MAX)][..], &content].concat()
}
