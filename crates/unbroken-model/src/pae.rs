//! The pre-authentication encoding of DSSE (protocol 1.0, "Signature Definition").

/// Joins payload type and body so that no two pairs give the same bytes.
///
/// Both lengths are counts of bytes in decimal without leading zeros.
pub fn encode(payload_type: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), body.len());
    let mut out = Vec::with_capacity(head.len() + body.len());
    out.extend_from_slice(head.as_bytes());
    out.extend_from_slice(body);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn equals_the_vector_of_the_protocol() {
        let bytes = encode("http://example.com/HelloWorld", b"hello world");
        assert_eq!(bytes, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }

    #[test]
    fn lengths_count_bytes() {
        assert_eq!(encode("é", "ü".as_bytes()), "DSSEv1 2 é 2 ü".as_bytes());
    }

    proptest! {
        #[test]
        fn is_injective(a in ".{0,8}", b in ".{0,8}", x in ".{0,8}", y in ".{0,8}") {
            let equal = encode(&a, x.as_bytes()) == encode(&b, y.as_bytes());
            prop_assert_eq!(equal, a == b && x == y);
        }
    }
}
