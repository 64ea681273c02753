//! The length of the salt inside of an RSASSA-PSS signature (RFC 8017, 8.1.2 and 9.1.2).
//!
//! The library checks a signature for one length of salt that it is told. Tools differ in the
//! length they use, and the length carries no trust. So it is read from the signature here, and the
//! library then decides: a mistake here can only refuse a signature, never accept one.

use aws_lc_rs::digest;
use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};

/// Public exponents of more bits are refused by the library.
const MAX_EXPONENT_BITS: u32 = 33;

/// Reads the length of the salt, of a key's modulus and exponent; `None` when there is no salt to
/// be found, and so no valid signature. Everything in it is public: time may depend on it.
pub(super) fn length(
    (n, e): (&[u8], &[u8]),
    signature: &[u8],
    hash: &'static digest::Algorithm,
) -> Option<u16> {
    let encoded = public_operation(n, e, signature)?;
    let modulus_bits = BoxedUint::from_be_slice_vartime(n).bits_vartime();
    let encoded_bits = modulus_bits.checked_sub(1)?;
    let size = usize::try_from(encoded_bits.div_ceil(8)).ok()?;
    // What stands before and behind is the library's to look at.
    let (_, encoded) = encoded.split_at_checked(encoded.len().checked_sub(size)?)?;
    let (masked, hash_and_trailer) =
        encoded.split_at_checked(size.checked_sub(hash.output_len() + 1)?)?;
    let hashed = hash_and_trailer.get(..hash.output_len())?;
    let mut block = masked.to_vec();
    let mut mask = (0u32..).flat_map(|counter| {
        let mut context = digest::Context::new(hash);
        context.update(hashed);
        context.update(&counter.to_be_bytes());
        context.finish().as_ref().to_vec()
    });
    for byte in &mut block {
        *byte ^= mask.next()?;
    }
    // The bits beyond the modulus are not part of the block, whose first byte is 0, or 1 where the salt is as
    // long as can be.
    *block.first_mut()? &= 1;
    let padding = block.iter().position(|byte| *byte != 0)?;
    let (_, salt) = block.get(padding..)?.split_first().filter(|(first, _)| **first == 1)?;
    u16::try_from(salt.len()).ok()
}

/// Computes `signature ^ e mod n`, as many bytes as the modulus has or more.
fn public_operation(n: &[u8], e: &[u8], signature: &[u8]) -> Option<Box<[u8]>> {
    let n = BoxedUint::from_be_slice_vartime(n);
    let e = BoxedUint::from_be_slice_vartime(e);
    if e.bits_vartime() > MAX_EXPONENT_BITS {
        return None;
    }
    let base = BoxedUint::from_be_slice(signature, n.bits_precision()).ok()?;
    if base >= n {
        return None;
    }
    let modulus = Option::<Odd<BoxedUint>>::from(Odd::new(n))?;
    let parameters = BoxedMontyParams::new_vartime(modulus);
    let power = BoxedMontyForm::new(base, &parameters).pow_bounded_exp(&e, MAX_EXPONENT_BITS);
    Some(power.retrieve().to_be_bytes())
}
