//! The hashed part of an OpenPGP signature packet of version 4 (RFC 9580, 5.2.3).

use aws_lc_rs::digest;

use crate::scheme::SignatureScheme;

/// What stands in the hashed part, as far as it decides.
#[derive(Debug)]
pub(super) struct Headers<'a> {
    pub(super) algorithm: u8,
    pub(super) hash: Hash,
    /// When the signature was made, in seconds since 1970.
    pub(super) created: i64,
    pub(super) expires: Option<i64>,
    /// Fingerprints and key ids (their last eight bytes) of who is said to have signed.
    pub(super) issuers: Vec<&'a [u8]>,
}

/// The hash functions that may be used; MD5, SHA-1 and the like are not among them.
#[derive(Clone, Copy, Debug)]
pub(super) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    pub(super) fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }

    pub(super) fn rsa_scheme(self) -> SignatureScheme {
        match self {
            Self::Sha256 => SignatureScheme::RsaPkcs1v15Sha256,
            Self::Sha384 => SignatureScheme::RsaPkcs1v15Sha384,
            Self::Sha512 => SignatureScheme::RsaPkcs1v15Sha512,
        }
    }
}

const CREATION_TIME: u8 = 2;
const EXPIRATION_TIME: u8 = 3;
const ISSUER: u8 = 16;
const ISSUER_FINGERPRINT: u8 = 33;
const CRITICAL: u8 = 0x80;

const MALFORMED: &str = "their subpackets are malformed";

impl<'a> Headers<'a> {
    /// Reads the hashed part.
    ///
    /// # Checks
    /// Version 4; a signature over a document of bytes, so that no signature over a key or a text is
    /// taken for one; a strong hash; nothing behind the subpackets; exactly one creation time; no
    /// critical subpacket that is not understood.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, &'static str> {
        let [version, kind, algorithm, hash, high, low, rest @ ..] = bytes else {
            return Err("they are too short");
        };
        if *version != 4 {
            return Err("they are not of version 4");
        }
        if *kind != 0 {
            return Err("the signature is not one over a document of bytes");
        }
        let hash = match hash {
            8 => Hash::Sha256,
            9 => Hash::Sha384,
            10 => Hash::Sha512,
            _ => return Err("the hash is not SHA-256, SHA-384 or SHA-512"),
        };
        if usize::from(u16::from_be_bytes([*high, *low])) != rest.len() {
            return Err("their length is not what they say");
        }
        let (mut created, mut lifetime, mut issuers) = (None, None, Vec::new());
        let mut subpackets = rest;
        while !subpackets.is_empty() {
            let (kind, value, behind) = subpacket(subpackets).ok_or(MALFORMED)?;
            subpackets = behind;
            let time = || value.try_into().map(|bytes| i64::from(u32::from_be_bytes(bytes)));
            let slot = match kind & !CRITICAL {
                CREATION_TIME => &mut created,
                EXPIRATION_TIME => &mut lifetime,
                ISSUER if value.len() == 8 => {
                    issuers.push(value);
                    continue;
                }
                ISSUER_FINGERPRINT => {
                    let fingerprint = value.strip_prefix(&[4]).filter(|rest| rest.len() == 20);
                    issuers.push(fingerprint.ok_or(MALFORMED)?);
                    continue;
                }
                ISSUER => return Err(MALFORMED),
                _ if kind & CRITICAL != 0 => return Err("a critical subpacket is not understood"),
                _ => continue,
            };
            if slot.replace(time().map_err(|_| MALFORMED)?).is_some() {
                return Err("a time stands there twice");
            }
        }
        let created = created.ok_or("they have no creation time")?;
        let expires = lifetime.filter(|lifetime| *lifetime > 0).map(|lifetime| created + lifetime);
        Ok(Self { algorithm: *algorithm, hash, created, expires, issuers })
    }
}

/// Splits the first subpacket off: its type, its value, and what follows.
fn subpacket(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (length, rest) = match bytes {
        [255, a, b, c, d, rest @ ..] => (u32::from_be_bytes([*a, *b, *c, *d]), rest),
        [first @ 192..=254, second, rest @ ..] => {
            ((u32::from(*first) - 192) * 256 + u32::from(*second) + 192, rest)
        }
        [first @ 0..=191, rest @ ..] => (u32::from(*first), rest),
        _ => return None,
    };
    let (packet, behind) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    let (kind, value) = packet.split_first()?;
    Some((*kind, value, behind))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Headers as gpg writes them: an issuer fingerprint, then the creation time.
    fn headers(subpackets: &[u8]) -> Vec<u8> {
        let size = u16::try_from(subpackets.len()).unwrap().to_be_bytes();
        [&[4, 0, 1, 8], &size[..], subpackets].concat()
    }

    const CREATED: [u8; 6] = [5, 2, 0, 0, 0, 9];

    #[test]
    fn what_gpg_writes_is_read() {
        let issuer = [&[22, 33, 4][..], &[7; 20]].concat();
        let raw = headers(&[&issuer[..], &CREATED, &[5, 3, 0, 0, 0, 1], &[2, 100, 0]].concat());
        let read = Headers::read(&raw).unwrap();
        assert_eq!((read.algorithm, read.created, read.expires), (1, 9, Some(10)));
        assert_eq!(read.issuers, [&[7; 20]]);
    }

    #[test]
    fn each_hash_is_the_one_of_its_number() {
        for (number, size) in [(8, 32), (9, 48), (10, 64)] {
            let mut raw = headers(&CREATED);
            raw[3] = number;
            let hash = Headers::read(&raw).unwrap().hash;
            assert_eq!(hash.digest().output_len(), size);
            let scheme = hash.rsa_scheme().name();
            assert!(scheme.ends_with(&format!("sha{}", size * 8)), "{scheme}");
        }
    }

    #[test]
    fn the_length_of_a_subpacket_is_written_in_three_ways() {
        for (head, length) in [
            (&[5][..], 5),
            (&[191], 191),
            (&[192, 0], 192),
            (&[193, 5], 453),
            (&[255, 0, 0, 0, 5], 5),
        ] {
            let value = vec![7; length - 1];
            let bytes = [head, &[100], &value, &[9]].concat();
            assert_eq!(subpacket(&bytes), Some((100, &value[..], &[9][..])), "{head:?}");
        }
        for short in [&[][..], &[0], &[2, 100], &[192], &[255, 0, 0, 0]] {
            assert_eq!(subpacket(short), None, "{short:?}");
        }
    }

    #[test]
    fn everything_else_is_refused_for_its_own_reason() {
        let good = headers(&CREATED);
        let with = |index: usize, value: u8| {
            let mut bytes = good.clone();
            bytes[index] = value;
            bytes
        };
        for (bytes, said) in [
            (vec![], "too short"),
            (with(0, 3), "version 4"),
            (with(1, 1), "over a document"),
            (with(1, 0x18), "over a document"),
            (with(3, 1), "not SHA-256"),
            (with(3, 2), "not SHA-256"),
            (with(5, 7), "length"),
            ([&good[..], &[0]].concat(), "length"),
            (headers(&[]), "no creation time"),
            (headers(&[CREATED, CREATED].concat()), "twice"),
            (headers(&[&CREATED[..], &[1, CRITICAL | 0x64]].concat()), "critical"),
            (headers(&[&CREATED[..], &[0]].concat()), "malformed"),
            (headers(&[&CREATED[..], &[255, 255]].concat()), "malformed"),
            (headers(&[4, 2, 0, 0, 0]), "malformed"),
            (headers(&[&CREATED[..], &[2, 16, 0]].concat()), "malformed"),
            (headers(&[&CREATED[..], &[2, 33, 4]].concat()), "malformed"),
        ] {
            let reason = Headers::read(&bytes).expect_err("it was read");
            assert!(reason.contains(said), "{bytes:?}: {reason}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            drop(Headers::read(&bytes));
            drop(Headers::read(&headers(&bytes)));
        }
    }
}
