//! Project Wycheproof's verdicts on signatures: ours are the same, case by case, and so are those of a
//! second library.

mod rsa;

use unbroken_crypto::{PublicKey, SignatureScheme};
use unbroken_testkit::figure;
use wycheproof::TestResult;
use wycheproof::{ecdsa, eddsa, mldsa_verify};

use crate::second;

/// How many verdicts were compared, by what was due.
#[derive(Default)]
struct Tally {
    valid: usize,
    invalid: usize,
}

/// One signature, and what is due.
struct Case<'a> {
    id: usize,
    message: &'a [u8],
    signature: &'a [u8],
    due: TestResult,
    /// The length of the salt, for RSASSA-PSS.
    salt: Option<usize>,
}

impl Tally {
    /// Both libraries have to give the verdict that is due. No set that is used here has a case where
    /// either verdict is right ("acceptable").
    fn judge(&mut self, key: &PublicKey, case: &Case<'_>) {
        let name = format!("{}, case {}", key.scheme(), case.id);
        let holds = key.verify(case.message, case.signature).is_ok();
        let second = second::holds_with_salt(
            key.scheme(),
            key.spki_der(),
            case.message,
            case.signature,
            case.salt,
        );
        match case.due {
            TestResult::Valid => {
                assert!(holds, "{name}: a valid signature was refused");
                self.valid += 1;
            }
            TestResult::Invalid => {
                assert!(!holds, "{name}: an invalid signature was accepted");
                self.invalid += 1;
            }
            TestResult::Acceptable => panic!("{name}: neither verdict is due"),
        }
        assert_eq!(second, holds, "{name}: the second library differs");
    }

    /// Writes the figures down; there have to be enough of both kinds.
    fn conclude(&self, what: &str, least: usize) {
        assert!(self.valid >= least, "{what}: only {} valid signatures", self.valid);
        assert!(self.invalid >= least, "{what}: only {} invalid signatures", self.invalid);
        figure(&format!("wycheproof {what}: valid"), self.valid);
        figure(&format!("wycheproof {what}: invalid"), self.invalid);
    }
}

#[test]
fn ed25519_verdicts_agree() {
    let mut tally = Tally::default();
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    for group in set.test_groups {
        let key = PublicKey::from_spki_der(&group.der).unwrap();
        for test in group.tests {
            let (id, message, signature, due) = (test.tc_id, &test.msg, &test.sig, test.result);
            tally.judge(&key, &Case { id, message, signature, due, salt: None });
        }
    }
    tally.conclude("ed25519", 50);
}

#[test]
fn ecdsa_verdicts_agree() {
    use ecdsa::TestName::{
        EcdsaSecp256r1Sha256, EcdsaSecp384r1Sha256, EcdsaSecp384r1Sha384, EcdsaSecp521r1Sha512,
    };
    for (name, scheme, what) in [
        (EcdsaSecp256r1Sha256, SignatureScheme::EcdsaSha2Nistp256, "ecdsa-sha2-nistp256"),
        (EcdsaSecp384r1Sha384, SignatureScheme::EcdsaSha2Nistp384, "ecdsa-sha2-nistp384"),
        (EcdsaSecp384r1Sha256, SignatureScheme::EcdsaSha2Nistp384, "ecdsa P-384 over SHA-256"),
        (EcdsaSecp521r1Sha512, SignatureScheme::EcdsaSha2Nistp521, "ecdsa-sha2-nistp521"),
    ] {
        let mut tally = Tally::default();
        for group in ecdsa::TestSet::load(name).unwrap().test_groups {
            let key = PublicKey::from_spki_der(&group.der).unwrap();
            assert_eq!(key.scheme(), scheme);
            for test in group.tests {
                let (id, message, signature, due) = (test.tc_id, &test.msg, &test.sig, test.result);
                tally.judge(&key, &Case { id, message, signature, due, salt: None });
            }
        }
        tally.conclude(what, 100);
    }
}

/// The same signatures as two numbers of fixed length, and those over a hash that no implementation
/// of in-toto signs with that curve: nothing is tried beside those.
#[test]
fn ecdsa_in_another_encoding_or_over_another_hash_is_refused() {
    use ecdsa::TestName::{
        EcdsaSecp256r1Sha256P1363, EcdsaSecp256r1Sha512P1363, EcdsaSecp384r1Sha384P1363,
        EcdsaSecp384r1Sha512, EcdsaSecp521r1Sha512P1363,
    };
    let mut refused = 0;
    for name in [
        EcdsaSecp256r1Sha256P1363,
        EcdsaSecp256r1Sha512P1363,
        EcdsaSecp384r1Sha384P1363,
        EcdsaSecp384r1Sha512,
        EcdsaSecp521r1Sha512P1363,
    ] {
        for group in ecdsa::TestSet::load(name).unwrap().test_groups {
            let key = PublicKey::from_spki_der(&group.der).unwrap();
            for test in group.tests {
                assert!(key.verify(&test.msg, &test.sig).is_err(), "{name:?}, case {}", test.tc_id);
                refused += 1;
            }
        }
    }
    assert!(refused > 1000);
    figure("wycheproof ecdsa of other encodings and hashes: refused", refused);
}

/// Cases with a context are of schemes that in-toto has no name for.
#[test]
fn ml_dsa_verdicts_agree() {
    use mldsa_verify::TestName::{MlDsa44Verify, MlDsa65Verify, MlDsa87Verify};
    let mut of_malformed_keys = 0;
    let mut with_context = 0;
    for (name, scheme) in [
        (MlDsa44Verify, SignatureScheme::MlDsa44Pure),
        (MlDsa65Verify, SignatureScheme::MlDsa65Pure),
        (MlDsa87Verify, SignatureScheme::MlDsa87Pure),
    ] {
        let mut tally = Tally::default();
        for group in mldsa_verify::TestSet::load(name).unwrap().test_groups {
            let key = PublicKey::from_spki_der(&group.der);
            for test in group.tests {
                let Ok(key) = &key else {
                    assert_eq!(test.result, TestResult::Invalid, "{scheme}: {}", test.tc_id);
                    of_malformed_keys += 1;
                    continue;
                };
                let key = key.with_scheme(scheme).unwrap();
                if test.ctx.as_ref().is_some_and(|context| !context.is_empty()) {
                    assert!(key.verify(&test.msg, &test.sig).is_err(), "{scheme}: {}", test.tc_id);
                    with_context += 1;
                    continue;
                }
                let (id, message, signature, due) = (test.tc_id, &test.msg, &test.sig, test.result);
                tally.judge(&key, &Case { id, message, signature, due, salt: None });
            }
        }
        tally.conclude(scheme.name(), 20);
    }
    assert!((1..20).contains(&of_malformed_keys), "{of_malformed_keys}");
    figure("wycheproof ml-dsa of malformed keys: refused", of_malformed_keys);
    figure("wycheproof ml-dsa with a context: refused", with_context);
}
