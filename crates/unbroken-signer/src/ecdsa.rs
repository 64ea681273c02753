//! ECDSA signatures: from two numbers to the DER that in-toto uses.

use pkcs8::der::Encode;
use pkcs8::der::asn1::UintRef;

use crate::error::SignerError;

/// Writes `Ecdsa-Sig-Value` (RFC 3279) of two big-endian numbers, with or without leading zeros.
pub(crate) fn der(r: &[u8], s: &[u8]) -> Result<Vec<u8>, SignerError> {
    let malformed = |_| SignerError::Signature { reason: "its numbers have no DER form" };
    let (r, s) = (UintRef::new(r).map_err(malformed)?, UintRef::new(s).map_err(malformed)?);
    [r, s].to_der().map_err(malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_minimal_and_positive() {
        let written = der(&[0, 0, 0x80], &[1]).unwrap();
        assert_eq!(written, [0x30, 7, 2, 2, 0, 0x80, 2, 1, 1]);
    }
}
