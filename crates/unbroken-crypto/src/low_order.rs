//! What RFC 8032 leaves open and an attacker can use: Ed25519 points of low order.
//!
//! With the neutral element as public key, one constant signature holds for every message. The
//! library accepts such keys and such points R; refusing both gives the verdict of strict
//! verification ("Taming the many EdDSAs", section 2.1).

/// The y coordinates of the eight points of order 1, 2, 4 and 8, sign bit cleared, with the two
/// encodings above the field's prime that reduce to one of them. With both values of the sign bit
/// these seven numbers are the fourteen encodings of a low-order point.
const LOW_ORDER_Y: [[u8; 32]; 7] = [
    // 0: order 4.
    [0; 32],
    // 1: order 1, the neutral element.
    [
        1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0,
    ],
    // Order 8.
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    // Order 8, the other one.
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
    // p - 1: order 2.
    near_prime(0xec),
    // p: another way to write 0.
    near_prime(0xed),
    // p + 1: another way to write 1.
    near_prime(0xee),
];

const fn near_prime(lowest: u8) -> [u8; 32] {
    let mut bytes = [0xff; 32];
    let [first, .., top] = &mut bytes;
    *first = lowest;
    *top = 0x7f;
    bytes
}

/// Tells whether the first 32 bytes encode a point of low order.
///
/// Applied to a public key, and to a signature, whose first half is the point R.
pub(crate) fn begins_with_low_order_point(bytes: &[u8]) -> bool {
    let Some(point) = bytes.first_chunk::<32>() else { return false };
    let mut y = *point;
    let [.., top] = &mut y;
    *top &= 0x7f;
    LOW_ORDER_Y.contains(&y)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
    use data_encoding::HEXLOWER;

    use super::*;

    fn both_signs() -> impl Iterator<Item = [u8; 32]> {
        LOW_ORDER_Y.into_iter().flat_map(|y| {
            let mut negative = y;
            negative[31] |= 0x80;
            [y, negative]
        })
    }

    /// A key of low order has forgeries: for S = 0 the equation only asks that R = -kA, and kA
    /// takes at most eight values. The library confirms that each canonical entry is such a key.
    #[test]
    fn the_library_accepts_forgeries_for_the_canonical_encodings_of_the_list() {
        let forgeable: Vec<String> = both_signs()
            .filter(|key| {
                (0..64u8).any(|message| {
                    both_signs().any(|r| {
                        let signature = [r, [0; 32]].concat();
                        UnparsedPublicKey::new(&ED25519, key).verify(&[message], &signature).is_ok()
                    })
                })
            })
            .map(|key| HEXLOWER.encode(&key))
            .collect();
        assert_eq!(forgeable.len(), 8, "{forgeable:?}");
    }

    #[test]
    fn every_encoding_of_the_list_is_refused_as_key_and_as_r() {
        assert_eq!(both_signs().count(), 14);
        for point in both_signs() {
            assert!(begins_with_low_order_point(&point));
            assert!(begins_with_low_order_point(&[point, [7; 32]].concat()));
        }
    }

    #[test]
    fn an_ordinary_point_passes() {
        let base = HEXLOWER
            .decode(b"5866666666666666666666666666666666666666666666666666666666666666")
            .unwrap();
        assert!(!begins_with_low_order_point(&base));
        assert!(!begins_with_low_order_point(&[]));
    }
}
