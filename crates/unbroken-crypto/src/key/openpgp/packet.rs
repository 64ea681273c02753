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

#[cfg(test)]
mod tests {
    use super::*;

    const CREATED: [u8; 6] = [5, 2, 0, 0, 0, 9];
    const KEY_ID: [u8; 10] = [9, 16, 7, 7, 7, 7, 7, 7, 7, 7];

    fn hashed(algorithm: u8, subpackets: &[u8]) -> Vec<u8> {
        let size = u16::try_from(subpackets.len()).unwrap().to_be_bytes();
        [&[4, 0, algorithm, 8], &size[..], subpackets].concat()
    }

    fn signed_by(algorithm: u8) -> Vec<u8> {
        let fingerprint = [&[22, 33, 4][..], &[0xab; 20]].concat();
        hashed(algorithm, &[&CREATED[..], &fingerprint, &KEY_ID].concat())
    }

    /// What is in a packet: what is hashed, three bytes that are not, two of the digest, the numbers.
    fn content(hashed: &[u8], numbers: &[u8]) -> Vec<u8> {
        [hashed, &[0, 3, 2, 100, 0], &[0xd1, 0xd2], numbers].concat()
    }

    fn read(content: &[u8]) -> Result<OpenPgpSignature, SignatureError> {
        let size = u8::try_from(content.len()).unwrap();
        OpenPgpSignature::read(&[&[0x88, size], content].concat())
    }

    #[test]
    fn what_stands_in_a_packet_becomes_what_metadata_carries() {
        let numbers = [0, 9, 1, 0xff];
        for algorithm in RSA {
            let signature = read(&content(&signed_by(algorithm), &numbers)).unwrap();
            assert_eq!(signature.fingerprint, "ab".repeat(20));
            assert_eq!(signature.bytes, [1, 0xff]);
            let extra = signature.extra();
            let text = |member| extra.get(member).and_then(|value| value.as_str()).unwrap();
            assert_eq!(text("other_headers"), HEXLOWER.encode(&signed_by(algorithm)));
            assert_eq!(text("signature"), "01ff");
        }
        // The fingerprint is taken also where the shorter id stands first; the id alone is not one.
        let fingerprint = [&[22, 33, 4][..], &[0xcd; 20]].concat();
        let behind = hashed(1, &[&CREATED[..], &KEY_ID, &fingerprint].concat());
        let signature = read(&content(&behind, &numbers)).unwrap();
        assert_eq!(signature.fingerprint, "cd".repeat(20));
        let nameless = hashed(1, &[&CREATED[..], &KEY_ID].concat());
        let error = read(&content(&nameless, &numbers)).unwrap_err().to_string();
        assert!(error.contains("no fingerprint"), "{error}");
    }

    #[test]
    fn numbers_are_written_as_each_algorithm_has_them() {
        let number = |bytes: &[u8]| {
            let bits = u16::try_from(bytes.len() * 8).unwrap().to_be_bytes();
            [&bits[..], bytes].concat()
        };
        let written = |algorithm, numbers: &[u8]| {
            read(&content(&signed_by(algorithm), numbers)).ok().map(|signature| signature.bytes)
        };
        // Numbers of EdDSA are as long as the curve asks for, those of DSA positive integers in DER.
        let two = [number(&[5; 31]), number(&[6; 32])].concat();
        let due = [&[0][..], &[5; 31], &[6; 32]].concat();
        assert_eq!(written(EDDSA, &two), Some(due));
        let two = [number(&[0x80, 1]), number(&[0x7f])].concat();
        let due = [0x30, 8, 2, 3, 0, 0x80, 1, 2, 1, 0x7f];
        assert_eq!(written(DSA, &two).as_deref(), Some(&due[..]));
        assert_eq!(written(DSA, &[0, 0, 0, 0]).as_deref(), Some(&[0x30, 6, 2, 1, 0, 2, 1, 0][..]));
        assert_eq!(written(ED25519, &[9; 64]).as_deref(), Some(&[9; 64][..]));

        for (algorithm, numbers) in [
            (1, [number(&[7]), vec![0]].concat()),
            (1, vec![0, 16, 1]),
            (1, vec![]),
            (EDDSA, [&two[..], &[0]].concat()),
            (EDDSA, number(&[7])),
            (DSA, [&two[..], &[0]].concat()),
            (ED25519, vec![9; 63]),
            (ED25519, vec![9; 65]),
            // ElGamal signed once, and does no longer.
            (20, two),
        ] {
            assert_eq!(written(algorithm, &numbers), None, "{algorithm}: {numbers:?}");
        }
    }

    #[test]
    fn the_file_is_one_whole_signature_packet() {
        // A signature of RSA in a packet with so many bytes.
        let sized = |size: usize| {
            let hashed = signed_by(1);
            let rest = size - content(&hashed, &[]).len() - 2;
            let bits = u16::try_from(rest * 8).unwrap().to_be_bytes();
            content(&hashed, &[&bits[..], &vec![0xff; rest]].concat())
        };
        let good =
            |head: &[u8], size| OpenPgpSignature::read(&[head, &sized(size)].concat()).is_ok();
        assert!(good(&[0x88, 100], 100) && good(&[0x88, 255], 255));
        assert!(good(&[0x89, 0, 100], 100) && good(&[0x89, 1, 0x2c], 300));
        assert!(good(&[0xc2, 100], 100) && good(&[0xc2, 191], 191));
        assert!(good(&[0xc2, 192, 0], 192) && good(&[0xc2, 193, 5], 453));

        for (head, size) in [
            (&[0x88, 99][..], 100),
            (&[0x88, 101], 100),
            (&[0xc2, 101], 100),
            // Not the first bit; a packet of another kind; a length of four bytes, of none, of a part.
            (&[0x08, 100], 100),
            (&[0x42, 100], 100),
            (&[0x8c, 100], 100),
            (&[0xc3, 100], 100),
            (&[0x8a, 0, 0, 0, 100], 100),
            (&[0x8b], 100),
            (&[0xc2, 255, 0, 0, 0, 100], 100),
            (&[0xc2, 231], 128),
            (&[], 100),
        ] {
            assert!(!good(head, size), "{head:?}");
        }
        assert!(OpenPgpSignature::read(&[]).is_err());
    }
}
