//! The numbers of an OpenPGP key: in a certificate, in a layout, and in a fingerprint.

use aws_lc_rs::digest;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::PublicKeyComponents;
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use unbroken_model::json::Object;

use super::dsa::DsaKey;
use crate::error::KeyError;
use crate::key::kind::KeyKind;
use crate::key::layout_key::text;
use crate::key::{PublicKey, rsa_strength};
use crate::scheme::SignatureScheme;

const RSA: u8 = 1;
const RSA_SIGN_ONLY: u8 = 3;
const DSA: u8 = 17;
pub(super) const EDDSA: u8 = 22;
const ED25519: u8 = 27;

/// The name of the curve, with its length, and the mark of a point that stands as it is
/// (RFC 9580, 9.2 and 11.2.2).
const ED25519_CURVE: [u8; 10] = [9, 0x2b, 6, 1, 4, 1, 0xda, 0x47, 0x0f, 1];
const NATIVE_POINT: u8 = 0x40;

/// The public numbers, big-endian and without leading zeros; the point of Ed25519 has 32 bytes.
#[derive(Clone)]
pub(super) enum Numbers {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Dsa { p: Vec<u8>, q: Vec<u8>, g: Vec<u8>, y: Vec<u8> },
    Ed25519 { point: Vec<u8> },
}

impl Numbers {
    /// Reads what stands behind the algorithm in a key packet.
    pub(super) fn of_packet(algorithm: u8, parameters: &[u8]) -> Result<Self, KeyError> {
        let malformed = || KeyError::Malformed { what: "OpenPGP key: its numbers" };
        let mut rest = parameters;
        let mut number = || {
            let (number, behind) = mpi(rest)?;
            rest = behind;
            Some(number)
        };
        match algorithm {
            RSA | RSA_SIGN_ONLY => number().zip(number()).map(|(n, e)| Self::Rsa { n, e }),
            DSA => number()
                .zip(number())
                .zip(number().zip(number()))
                .map(|((p, q), (g, y))| Self::Dsa { p, q, g, y }),
            EDDSA => match parameters.strip_prefix(&ED25519_CURVE).and_then(mpi) {
                Some((point, _)) => point
                    .strip_prefix(&[NATIVE_POINT])
                    .map(|point| Self::Ed25519 { point: point.to_vec() }),
                None => {
                    return Err(KeyError::Unsupported {
                        what: "an OpenPGP key of EdDSA on another curve than Ed25519".to_owned(),
                    });
                }
            },
            ED25519 => Some(Self::Ed25519 { point: parameters.to_vec() }),
            other => {
                return Err(KeyError::Unsupported {
                    what: format!("an OpenPGP key of algorithm {other}"),
                });
            }
        }
        .ok_or_else(malformed)
    }

    /// Reads `type`, `method` and `keyval` of a layout's key object.
    pub(super) fn of_layout(object: &Object<'_>, public: &Object<'_>) -> Result<Self, KeyError> {
        let number = |member| number(public, member);
        match (text(object, "type")?, text(object, "method")?) {
            ("rsa", "pgp+rsa-pkcsv1.5") => Ok(Self::Rsa { n: number("n")?, e: number("e")? }),
            ("dsa", "pgp+dsa-fips-180-2") => {
                Ok(Self::Dsa { p: number("p")?, q: number("q")?, g: number("g")?, y: number("y")? })
            }
            ("eddsa", "pgp+eddsa-ed25519") => Ok(Self::Ed25519 { point: hex(public, "q")? }),
            (_, method) => {
                let method: String = method.chars().take(80).collect();
                Err(KeyError::Unsupported { what: format!("an OpenPGP key ({method:?})") })
            }
        }
    }

    /// Returns `type`, and the members of `keyval`'s `public`.
    pub(super) fn to_layout(&self) -> (&'static str, Object<'static>) {
        let mut public = Object::new();
        let mut insert = |name: &'static str, number: &[u8]| {
            public.insert(name, HEXLOWER.encode(number));
        };
        let kind = match self {
            Self::Rsa { n, e } => {
                insert("e", e);
                insert("n", n);
                "rsa"
            }
            Self::Dsa { p, q, g, y } => {
                for (name, number) in [("y", y), ("p", p), ("g", g), ("q", q)] {
                    insert(name, number);
                }
                "dsa"
            }
            Self::Ed25519 { point } => {
                insert("q", point);
                "eddsa"
            }
        };
        (kind, public)
    }

    /// Returns the algorithms that keys of these numbers can be of, the usual one first.
    pub(super) fn algorithms(&self) -> &'static [u8] {
        match self {
            Self::Rsa { .. } => &[RSA, RSA_SIGN_ONLY],
            Self::Dsa { .. } => &[DSA],
            Self::Ed25519 { .. } => &[EDDSA, ED25519],
        }
    }

    /// Derives the fingerprint of version 4 (RFC 9580, 5.5.4.2). SHA-1 names the key here and
    /// decides nothing.
    pub(super) fn fingerprint(&self, algorithm: u8, created: u32) -> [u8; 20] {
        let mut body = vec![4];
        body.extend(created.to_be_bytes());
        body.push(algorithm);
        let mut append = |number: &[u8]| {
            let zeros = number.first().map_or(0, |byte| byte.leading_zeros());
            let bits = u16::try_from(number.len() * 8).unwrap_or(u16::MAX);
            let bits = bits.saturating_sub(u16::try_from(zeros).unwrap_or(0));
            body.extend(bits.to_be_bytes());
            body.extend(number);
        };
        match self {
            Self::Rsa { n, e } => {
                append(n);
                append(e);
            }
            Self::Dsa { p, q, g, y } => {
                for number in [p, q, g, y] {
                    append(number);
                }
            }
            Self::Ed25519 { point } if algorithm == EDDSA => {
                body.extend(ED25519_CURVE);
                let marked = [&[NATIVE_POINT], &point[..]].concat();
                body.extend([0x01, 0x07]);
                body.extend(marked);
            }
            Self::Ed25519 { point } => body.extend(point),
        }
        let mut all = vec![0x99];
        all.extend(u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes());
        all.extend(body);
        let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &all);
        digest.as_ref().first_chunk().copied().unwrap_or_default()
    }

    /// Makes the key that verifies.
    ///
    /// # Errors
    /// [`KeyError::Weak`], or [`KeyError::Malformed`].
    pub(super) fn key(&self) -> Result<PublicKey, KeyError> {
        match self {
            Self::Rsa { n, e } => {
                rsa_strength::check(n, e)?;
                let der = PublicKeyComponents { n, e }.as_der();
                let der = der.map_err(|_| KeyError::Malformed { what: "OpenPGP key (RSA)" })?;
                let (kind, scheme) = (KeyKind::Rsa, SignatureScheme::OpenPgpRsa);
                PublicKey::from_parsable(kind, scheme, None, der.as_ref())
            }
            Self::Dsa { p, q, g, y } => PublicKey::from_dsa(DsaKey::new(p, q, g, y)?),
            Self::Ed25519 { point } => PublicKey::from_parsable(
                KeyKind::Ed25519,
                SignatureScheme::OpenPgpEd25519,
                None,
                point,
            ),
        }
    }
}

/// Splits a number off: two bytes say how many bits it has.
pub(super) fn mpi(bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let (bits, rest) = bytes.split_first_chunk::<2>()?;
    let (number, rest) =
        rest.split_at_checked(usize::from(u16::from_be_bytes(*bits)).div_ceil(8))?;
    Some((without_zeros(number), rest))
}

fn hex(public: &Object<'_>, member: &'static str) -> Result<Vec<u8>, KeyError> {
    let hex = text(public, member)?;
    HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).map_err(|_| KeyError::LayoutKeyMember { member })
}

fn number(public: &Object<'_>, member: &'static str) -> Result<Vec<u8>, KeyError> {
    hex(public, member).map(|number| without_zeros(&number))
}

fn without_zeros(number: &[u8]) -> Vec<u8> {
    number.iter().copied().skip_while(|byte| *byte == 0).collect()
}
