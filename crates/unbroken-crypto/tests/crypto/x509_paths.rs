//! Paths from certificates to the roots of a layout: how long and how many they may be, what looking
//! for them costs, and which reason is told.

use unbroken_crypto::{
    Certificate, CertificateAuthorities, CertificateError, Certified, SignatureBudget,
};
use unbroken_model::envelope::Payload;
use unbroken_model::json::{Object, Value};
use unbroken_model::layout::{CertConstraint, Layout};
use unbroken_model::timestamp::Timestamp;
use unbroken_testkit::certificates::{CertificateDraft, authority_id, authority_object};

use crate::support::object;

/// More than any search here may cost.
const BUDGET: u32 = 1000;

/// A layout's roots, by the name of the key and their certificates.
fn roots(listed: &[CertificateDraft]) -> CertificateAuthorities {
    let mut cas = Object::new();
    for root in listed {
        cas.insert(
            authority_id(&root.name),
            authority_object(&root.name, &root.pem_by(&root.name)),
        );
    }
    let mut layout = object(
        r#"{"_type": "layout", "expires": "2030-01-01T00:00:00Z", "readme": "", "keys": {},
            "steps": [], "inspect": []}"#,
    );
    layout.insert("rootcas", cas);
    let layout = Layout::decode(Value::from(layout)).unwrap();
    let (authorities, faults) = CertificateAuthorities::of_layout(&layout, &[]);
    assert!(faults.is_empty(), "{faults:?}");
    authorities
}

fn now() -> Timestamp {
    "2026-06-01T12:00:00Z".parse().unwrap()
}

fn root(name: &str) -> CertificateDraft {
    CertificateDraft::authority(name)
}

fn expired(name: &str) -> CertificateDraft {
    CertificateDraft { not_after: "2026-05-01T00:00:00Z".parse().unwrap(), ..root(name) }
}

fn issued(draft: &CertificateDraft, issuer: &str) -> Certificate {
    Certificate::from_der(&draft.issued_by(issuer)).unwrap()
}

/// The builder's certificate, below the last of these authorities, of which each issued the next.
fn below(names: &[String]) -> (Certificate, Vec<Certificate>) {
    let pairs = names.iter().zip(names.iter().skip(1));
    let between = pairs.map(|(issuer, name)| issued(&root(name), issuer)).collect();
    (issued(&CertificateDraft::of("workload"), names.last().unwrap()), between)
}

/// The names of a root and of so many authorities below it.
fn ladder(length: usize) -> Vec<String> {
    let below = (0..length).map(|step| format!("between {step}"));
    std::iter::once("ca".to_owned()).chain(below).collect()
}

fn any() -> CertConstraint {
    let all = || vec!["*".to_owned()];
    CertConstraint {
        common_name: "*".to_owned(),
        dns_names: all(),
        emails: all(),
        organizations: all(),
        roots: all(),
        uris: all(),
    }
}

/// What is found, and what it cost.
fn search(
    roots: &CertificateAuthorities,
    leaf: &Certificate,
    carried: &[Certificate],
) -> (Result<Certified, CertificateError>, u32) {
    let mut budget = SignatureBudget::new(BUDGET);
    let found = roots.certify(leaf, carried, &[any()], now(), &mut budget);
    (found, BUDGET - budget.remaining())
}

#[track_caller]
fn refused(found: Result<Certified, CertificateError>, reason: &str) {
    let error = found.err().unwrap().to_string();
    assert!(error.contains(reason), "{error}");
}

#[test]
fn a_search_costs_what_can_stand_on_a_path_and_nothing_for_a_root_that_nobody_names() {
    let (direct, _) = below(&ladder(0));
    let stray = issued(&root("stray"), "nobody");
    let (found, cost) = search(&roots(&[root("ca")]), &direct, &[stray]);
    assert_eq!((found.is_ok(), cost), (true, 1));
    let (deep, between) = below(&ladder(2));
    let twice = [&between[..], &between[..]].concat();
    let (found, cost) = search(&roots(&[root("ca")]), &deep, &twice);
    assert_eq!((found.is_ok(), cost), (true, 3));
    // Nor is such a root the reason, whatever is wrong with it.
    for other in [root("other"), expired("other")] {
        let (found, cost) = search(&roots(&[other]), &deep, &between);
        assert_eq!(cost, 0);
        refused(found, "nobody whom the layout names issued it");
    }
    refused(search(&roots(&[]), &direct, &[]).0, "the layout names no root that can be used");

    let spent = |checks| {
        let mut budget = SignatureBudget::new(checks);
        roots(&[root("ca")]).certify(&deep, &between, &[any()], now(), &mut budget)
    };
    assert!(spent(3).is_ok());
    assert!(matches!(spent(2), Err(CertificateError::BudgetExhausted)));
}

#[test]
fn a_root_says_how_many_authorities_may_stand_below_it() {
    for allowed in 0..3_u8 {
        let root = CertificateDraft { authority: Some(Some(allowed)), ..root("ca") };
        let roots = roots(&[root]);
        for length in 0..4 {
            let (leaf, between) = below(&ladder(length));
            let (found, _) = search(&roots, &leaf, &between);
            if length <= usize::from(allowed) {
                assert!(found.is_ok(), "{length} of {allowed}");
            } else {
                refused(found, "may not have others below it");
            }
        }
    }
}

#[test]
fn six_authorities_may_stand_on_a_path() {
    let roots = roots(&[root("ca")]);
    let (leaf, between) = below(&ladder(6));
    let (found, cost) = search(&roots, &leaf, &between);
    assert_eq!((found.is_ok(), cost), (true, 7));
    // The seventh is not looked at, and so nobody is found who names the root.
    let (leaf, between) = below(&ladder(7));
    let (found, cost) = search(&roots, &leaf, &between);
    assert_eq!((found.is_ok(), cost), (false, 0));
}

#[test]
fn ways_are_counted_and_none_goes_in_circles() {
    let roots = roots(&[root("ca")]);
    let (leaf, _) = below(&["between".to_owned()]);
    let serial = |serial: u8| CertificateDraft { serial: vec![1, serial], ..root("between") };
    let by = |issuer: &str, count: u8| -> Vec<Certificate> {
        (0..count).map(|index| issued(&serial(index), issuer)).collect()
    };
    let too_many =
        |found| matches!(found, Err(CertificateError::TooMany { what: "paths", limit: 128 }));
    assert!(search(&roots, &leaf, &by("ca", 128)).0.is_ok());
    assert!(too_many(search(&roots, &leaf, &by("ca", 129)).0));
    // Four that issued each other: 4 ways of one step, 12 of two, 24 of three and 24 of four. Were
    // one stepped on twice, three of them would have more ways than are looked at.
    refused(search(&roots, &leaf, &by("between", 4)).0, "nobody whom the layout names issued it");
    assert!(too_many(search(&roots, &leaf, &by("between", 5)).0));
}

#[test]
fn an_authority_that_was_left_out_is_the_reason() {
    let roots = roots(&[root("ca")]);
    let (leaf, good) = below(&ladder(1));
    let names = ladder(1);
    let ended = issued(&expired(&names[1]), "ca");
    let (found, _) = search(&roots, &leaf, std::slice::from_ref(&ended));
    assert!(matches!(found, Err(CertificateError::NotInForce { .. })));
    let (found, cost) = search(&roots, &leaf, &[ended, good[0].clone()]);
    assert_eq!((found.is_ok(), cost), (true, 2), "one that is good leads on");
}

#[test]
fn of_several_roots_the_one_that_says_more_is_the_reason() {
    let mut names = ["one", "two", "three"];
    names.sort_by_key(|name| authority_id(name));
    let [first, issuer, last] = names;
    let leaf = issued(&CertificateDraft::of("workload"), issuer);
    for other in [first, last] {
        let (found, _) = search(&roots(&[root(other), expired(issuer)]), &leaf, &[]);
        assert!(matches!(found, Err(CertificateError::NotInForce { .. })), "beside {other}");
    }
}

#[test]
fn constraints_are_told_by_their_numbers() {
    let roots = roots(&[root("ca")]);
    let (leaf, _) = below(&ladder(0));
    let certify = |constraints: &[CertConstraint]| {
        let mut budget = SignatureBudget::new(BUDGET);
        roots.certify(&leaf, &[], constraints, now(), &mut budget)
    };
    let other_name = || CertConstraint { common_name: "other".to_owned(), ..any() };
    let other_root = || CertConstraint { roots: vec!["aa".to_owned()], ..any() };
    refused(certify(&[other_name(), other_name()]), "constraint 1: common_name is");
    refused(certify(&[other_name(), other_name()]), "constraint 2: common_name is");
    let ends = format!("constraint 3: roots does not name {}", authority_id("ca"));
    refused(certify(&[other_name(), other_name(), other_root()]), &ends);
    refused(certify(&[]), "it has none");
    assert!(certify(&[other_name(), other_root(), any()]).is_ok());
}
