//! The one piece of arithmetic that OpenSSH's RSA keys ask for.

use zeroize::Zeroizing;

/// The longest number in an RSA key of 8192 bits. The work grows with the square of it.
const MAX_BYTES: usize = 1024;

/// Computes `value mod (prime - 1)` for an odd prime; big-endian, no leading zeros.
///
/// The time it takes depends on the lengths of the numbers only: both are secret.
pub(super) fn modulo_one_less(value: &[u8], prime: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    if value.len() > MAX_BYTES || prime.len() > MAX_BYTES {
        return None;
    }
    let mut modulus = Zeroizing::new(prime.to_vec());
    let last = modulus.last_mut()?;
    if *last % 2 == 0 {
        return None;
    }
    *last -= 1;
    // One byte more than the modulus, for the bit that doubling carries out.
    modulus.insert(0, 0);
    if modulus.iter().all(|byte| *byte == 0) {
        return None;
    }
    let mut rest = Zeroizing::new(vec![0u8; modulus.len()]);
    let mut less = Zeroizing::new(vec![0u8; modulus.len()]);
    for byte in value {
        for shift in (0..8).rev() {
            double_and_add(&mut rest, (byte >> shift) & 1);
            let borrow = subtract(&rest, &modulus, &mut less);
            // All ones when the difference is not negative.
            let take = borrow.wrapping_sub(1);
            for (to, from) in rest.iter_mut().zip(less.iter()) {
                *to = (*from & take) | (*to & !take);
            }
        }
    }
    rest.remove(0);
    Some(rest)
}

fn double_and_add(number: &mut [u8], bit: u8) {
    let mut carry = bit;
    for byte in number.iter_mut().rev() {
        let next = *byte >> 7;
        *byte = (*byte << 1) | carry;
        carry = next;
    }
}

/// Writes `a - b` and returns the borrow, 0 or 1.
fn subtract(a: &[u8], b: &[u8], out: &mut [u8]) -> u8 {
    let mut borrow = 0u16;
    for ((a, b), out) in a.iter().zip(b).zip(out.iter_mut()).rev() {
        let difference = u16::from(*a).wrapping_sub(u16::from(*b)).wrapping_sub(borrow);
        let [high, low] = difference.to_be_bytes();
        *out = low;
        borrow = u16::from(high & 1);
    }
    u8::from(borrow != 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_machine_arithmetic(value: u128, prime in 1u64..) {
            let prime = prime | 1;
            prop_assume!(prime > 1);
            let expected = value % u128::from(prime - 1);
            let got = modulo_one_less(&value.to_be_bytes(), &prime.to_be_bytes()).unwrap();
            let got = got.iter().fold(0u128, |sum, byte| (sum << 8) | u128::from(*byte));
            prop_assert_eq!(got, expected);
        }
    }

    #[test]
    fn numbers_beyond_any_key_are_refused() {
        let long = vec![0xff; MAX_BYTES + 1];
        assert!(modulo_one_less(&long, &[7]).is_none());
        assert!(modulo_one_less(&[7], &long).is_none());
    }

    #[test]
    fn what_is_no_odd_prime_is_refused() {
        for prime in [&[][..], &[0], &[1], &[0, 1], &[8]] {
            assert!(modulo_one_less(&[5], prime).is_none(), "{prime:?}");
        }
    }
}
