//! The two messages of the Workload API that are read here, in the wire format of Protocol Buffers.
//!
//! A field of another number is passed over, as the format has it.

use zeroize::Zeroizing;

use crate::error::SignerError;

/// The wire types of the format.
const VARINT: u64 = 0;
const FIXED_64: u64 = 1;
const LENGTH_DELIMITED: u64 = 2;
const FIXED_32: u64 = 5;
/// How many identities a process may have.
const MAX_SVIDS: usize = 256;

/// The answer to the call.
#[derive(Default)]
pub(super) struct X509SvidResponse {
    pub(super) svids: Vec<X509Svid>,
}

/// One identity.
#[derive(Default)]
pub(super) struct X509Svid {
    pub(super) spiffe_id: String,
    /// The certificate and those between it and the root, in DER, one behind the other.
    pub(super) certificates: Vec<u8>,
    /// PKCS#8 in DER.
    pub(super) private_key: Zeroizing<Vec<u8>>,
}

impl X509SvidResponse {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, SignerError> {
        let mut response = Self::default();
        for field in fields(bytes) {
            if let (1, Some(content)) = field? {
                if response.svids.len() == MAX_SVIDS {
                    return Err(fault("it holds too many identities"));
                }
                response.svids.push(X509Svid::read(content)?);
            }
        }
        Ok(response)
    }
}

impl X509Svid {
    fn read(bytes: &[u8]) -> Result<Self, SignerError> {
        let mut svid = Self::default();
        for field in fields(bytes) {
            match field? {
                (1, Some(content)) => {
                    let text = std::str::from_utf8(content).map_err(|_| fault("it is no text"))?;
                    text.clone_into(&mut svid.spiffe_id);
                }
                (2, Some(content)) => svid.certificates = content.to_vec(),
                (3, Some(content)) => svid.private_key = Zeroizing::new(content.to_vec()),
                _ => {}
            }
        }
        Ok(svid)
    }
}

/// Returns the content of the first message of a gRPC stream; nothing while it is not whole.
pub(super) fn message(stream: &[u8]) -> Result<Option<&[u8]>, SignerError> {
    let Some((head, rest)) = stream.split_first_chunk::<5>() else { return Ok(None) };
    let [compressed, length @ ..] = *head;
    if compressed != 0 {
        return Err(fault("it is compressed, which nobody asked for"));
    }
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    Ok(rest.get(..length))
}

/// Goes through the fields of a message: their numbers, and what those of a length hold.
fn fields(bytes: &[u8]) -> impl Iterator<Item = Result<(u64, Option<&[u8]>), SignerError>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let field = field(&mut rest);
        if field.is_none() {
            rest = &[];
        }
        Some(field.ok_or_else(|| fault("a field of it is cut off or malformed")))
    })
}

fn field<'a>(rest: &mut &'a [u8]) -> Option<(u64, Option<&'a [u8]>)> {
    let tag = varint(rest)?;
    let length = match tag & 7 {
        VARINT => {
            varint(rest)?;
            return Some((tag >> 3, None));
        }
        LENGTH_DELIMITED => usize::try_from(varint(rest)?).ok()?,
        FIXED_64 => 8,
        FIXED_32 => 4,
        _ => return None,
    };
    let (content, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    Some((tag >> 3, (tag & 7 == LENGTH_DELIMITED).then_some(content)))
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value: u64 = 0;
    for shift in (0..64).step_by(7) {
        let (byte, behind) = rest.split_first()?;
        *rest = behind;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn fault(reason: &'static str) -> SignerError {
    SignerError::WorkloadApiAnswer { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_and_unknown_ones_passed_over() {
        // An unknown number, an SVID with an unknown field of each wire type, and another.
        let bytes = [
            0x38, 0x96, 1, 0x0a, 24, 0x0a, 1, b'a', 0x12, 2, 1, 2, 0x1a, 1, 3, 0x2d, 0, 0, 0, 0,
            0x31, 0, 0, 0, 0, 0, 0, 0, 0, 0x0a, 3, 0x0a, 1, b'b',
        ];
        let response = X509SvidResponse::read(&bytes).unwrap();
        let ids: Vec<&str> = response.svids.iter().map(|svid| svid.spiffe_id.as_str()).collect();
        assert_eq!(ids, ["a", "b"]);
        assert_eq!(response.svids[0].certificates, [1, 2]);
        assert_eq!(*response.svids[0].private_key, [3]);
        for cut in 1..bytes.len() {
            // Cut between fields it is a shorter message; anywhere else it is none.
            if let Ok(shorter) = X509SvidResponse::read(&bytes[..cut]) {
                assert!(shorter.svids.len() <= 1 && matches!(cut, 3 | 29), "{cut}");
            }
        }
    }

    #[test]
    fn numbers_without_end_and_lengths_beyond_it_are_refused() {
        for bytes in [&[0xff; 11][..], &[0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f], &[0x0b], &[0x0f, 1]] {
            assert!(X509SvidResponse::read(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn a_message_is_whole_or_none() {
        let whole = [0, 0, 0, 0, 2, 7, 8, 9];
        assert_eq!(message(&whole).unwrap(), Some(&[7, 8][..]));
        for cut in 0..7 {
            assert_eq!(message(&whole[..cut]).unwrap(), None);
        }
        assert!(message(&[1, 0, 0, 0, 0]).is_err());
    }
}
