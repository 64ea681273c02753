//! Which RSA keys are strong enough to be believed.

use pkcs8::der::asn1::UintRef;
use pkcs8::der::{Reader, SliceReader};

use crate::error::KeyError;

/// The smallest modulus: 112 bits of strength (NIST SP 800-131A).
const MIN_BITS: usize = 2048;
/// The largest modulus: checking a signature grows with its square.
const MAX_BITS: usize = 8192;

/// Checks an RSAPublicKey (RFC 8017, A.1.1).
pub(crate) fn check_public_key(der: &[u8]) -> Result<(), KeyError> {
    let (n, e) =
        public_integers(der).ok_or(KeyError::Malformed { what: "RSA public key (PKCS#1)" })?;
    check(n, e)
}

/// Checks the public half of an RSAPrivateKey (RFC 8017, A.1.2).
pub(crate) fn check_private_key(der: &[u8]) -> Result<(), KeyError> {
    let (n, e) =
        private_integers(der).ok_or(KeyError::Malformed { what: "RSA private key (PKCS#1)" })?;
    check(n, e)
}

/// Refuses a key that is too small to be safe, too large to be checked cheaply, or of a shape
/// that is known to be broken. Both numbers are big-endian without leading zeros.
pub(crate) fn check(n: &[u8], e: &[u8]) -> Result<(), KeyError> {
    let weak = |reason| Err(KeyError::Weak { reason });
    match bits(n) {
        size if size < MIN_BITS => return weak("an RSA modulus of fewer than 2048 bits"),
        size if size > MAX_BITS => return weak("an RSA modulus of more than 8192 bits"),
        _ => {}
    }
    if !is_odd(n) {
        return weak("an even RSA modulus");
    }
    // Small exponents invite forgeries that careless padding checks let through; none is in use.
    if bits(e) < 17 || !is_odd(e) {
        return weak("an RSA exponent below 65537, or an even one");
    }
    if has_roca_fingerprint(n) {
        return weak("an RSA modulus with the fingerprint of CVE-2017-15361 (ROCA)");
    }
    Ok(())
}

/// Reads modulus and exponent of an RSAPublicKey: big-endian, without leading zeros.
pub(super) fn public_integers(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut reader = SliceReader::new(der).ok()?;
    let pair = reader
        .sequence(|inner| -> pkcs8::der::Result<_> {
            Ok((inner.decode::<UintRef<'_>>()?, inner.decode::<UintRef<'_>>()?))
        })
        .ok()?;
    reader.finish().ok()?;
    Some((pair.0.as_bytes(), pair.1.as_bytes()))
}

fn private_integers(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut reader = SliceReader::new(der).ok()?;
    let pair = reader
        .sequence(|inner| -> pkcs8::der::Result<_> {
            inner.decode::<UintRef<'_>>()?;
            let pair = (inner.decode::<UintRef<'_>>()?, inner.decode::<UintRef<'_>>()?);
            // The secret numbers that follow are the library's affair.
            inner.drain(inner.remaining_len())?;
            Ok(pair)
        })
        .ok()?;
    Some((pair.0.as_bytes(), pair.1.as_bytes()))
}

fn bits(number: &[u8]) -> usize {
    match number.iter().position(|byte| *byte != 0) {
        None => 0,
        Some(zeros) => {
            let lead = number.get(zeros).map_or(0, |byte| byte.leading_zeros());
            (number.len() - zeros) * 8 - usize::try_from(lead).unwrap_or(0)
        }
    }
}

fn is_odd(number: &[u8]) -> bool {
    number.last().is_some_and(|byte| byte % 2 == 1)
}

/// The primes whose residues give a ROCA modulus away ("The Return of Coppersmith's Attack", 2017).
const ROCA_PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// Tells whether the modulus is a power of 65537 modulo every one of the primes: so are the moduli
/// that a widespread smart card library made, and one in 2^27 others at most.
fn has_roca_fingerprint(n: &[u8]) -> bool {
    ROCA_PRIMES.into_iter().all(|prime| {
        let residue = n.iter().fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % prime);
        let mut power = 1;
        for _ in 0..prime {
            if power == residue {
                return true;
            }
            power = power * 65537 % prime;
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(n: &[u8], e: &[u8]) -> &'static str {
        match check(n, e) {
            Err(KeyError::Weak { reason }) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn size_parity_and_exponent_are_checked() {
        let e = [1, 0, 1];
        let mut n = vec![0xff; 256];
        assert!(check(&n, &e).is_ok() && check(&vec![0xff; 1024], &e).is_ok());
        assert!(reason(&vec![0xff; 255], &e).contains("fewer than 2048"));
        let beyond = [&[1][..], &[0xff; 1024]].concat();
        assert!(reason(&beyond, &e).contains("more than 8192"), "8193 bits");
        assert_eq!([bits(&[]), bits(&[0, 0]), bits(&[0, 0x80]), bits(&[1, 0])], [0, 0, 8, 9]);
        for small in [&[3][..], &[1], &[0xff, 0xff], &[1, 0, 2], &[]] {
            assert!(reason(&n, small).contains("exponent"), "{small:?}");
        }
        n[255] = 0xfe;
        assert!(reason(&n, &e).contains("even RSA modulus"));
        n[0] = 0x7f;
        n[255] = 0xff;
        assert!(reason(&n, &e).contains("fewer than 2048"), "2047 bits");
    }

    #[test]
    fn a_power_of_65537_has_the_roca_fingerprint() {
        // 65537^136 as an integer is a power of 65537 modulo every prime.
        let mut number = vec![1u8];
        for _ in 0..136 {
            // number * 65537 = number * 65536 + number, on little-endian bytes.
            let mut next = vec![0, 0];
            next.extend_from_slice(&number);
            let mut carry = 0;
            for (index, byte) in next.iter_mut().enumerate() {
                let sum =
                    u16::from(*byte) + u16::from(number.get(index).copied().unwrap_or(0)) + carry;
                *byte = sum.to_le_bytes()[0];
                carry = sum >> 8;
            }
            number = next;
        }
        number.reverse();
        assert!(reason(&number, &[1, 0, 1]).contains("ROCA"));
        // The last byte of such a number does not make one.
        let other = [&[0xff; 255][..], &number[number.len() - 1..]].concat();
        assert!(check(&other, &[1, 0, 1]).is_ok());
    }
}
