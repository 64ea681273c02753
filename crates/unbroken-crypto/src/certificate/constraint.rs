//! Constraints of a step, held against the names of a certificate.

use std::collections::BTreeSet;

use unbroken_model::layout::CertConstraint;

use super::names::CertificateNames;

/// Allows any values of an attribute, where it is the only value of a constraint.
const ANY: &str = "*";
/// How much of a name is shown.
const SHOWN: usize = 120;

/// Says what of a constraint the names do not meet; nothing where they meet it.
///
/// # Checks
/// For each attribute, that the certificate has every value of the constraint, once, and none
/// besides, byte for byte. An absent or empty attribute of the constraint stands for no value: an
/// identity that the owner did not name is one that he did not let in.
///
/// # Does not check
/// The roots: they are compared with the path that was found.
pub(super) fn misses(constraint: &CertConstraint, names: &CertificateNames) -> Vec<String> {
    let common_name = std::slice::from_ref(&constraint.common_name);
    [
        ("common_name", common_name, &names.common_names),
        ("dns_names", &constraint.dns_names, &names.dns_names),
        ("emails", &constraint.emails, &names.emails),
        ("organizations", &constraint.organizations, &names.organizations),
        ("uris", &constraint.uris, &names.uris),
    ]
    .into_iter()
    .filter(|(_, due, found)| !are_the_same(due, found))
    .map(|(attribute, due, found)| {
        format!("{attribute} is {}, and {} is due", list(found), list(named(due)))
    })
    .collect()
}

/// Tells whether a path that ends at the root of this id is one that the constraint lets in.
pub(super) fn admits_root(constraint: &CertConstraint, root: &str) -> bool {
    constraint.roots == [ANY]
        || constraint.roots.iter().any(|listed| listed.eq_ignore_ascii_case(root))
}

fn are_the_same(due: &[String], found: &[String]) -> bool {
    if due == [ANY] {
        return true;
    }
    let mut unmet: BTreeSet<&String> = named(due).iter().collect();
    found.iter().all(|name| unmet.remove(name)) && unmet.is_empty()
}

/// A single empty value is written for no value.
fn named(due: &[String]) -> &[String] {
    if due == [""] { &[] } else { due }
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    let shown = names.iter().take(8).map(|name| {
        let name: String = name.chars().take(SHOWN).collect();
        format!("{name:?}")
    });
    shown.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn strings(values: &[&str]) -> Vec<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    #[test]
    fn values_are_the_same_on_both_sides_or_any() {
        for (due, found, fits) in [
            (&["*"][..], &["a", "b"][..], true),
            (&["*"], &[], true),
            (&[], &[], true),
            (&[""], &[], true),
            (&["a", "b"], &["b", "a"], true),
            (&["a", "a"], &["a"], true),
            (&[], &["a"], false),
            (&[""], &["a"], false),
            (&["a"], &[], false),
            (&["a"], &["a", "b"], false),
            (&["a", "b"], &["a"], false),
            (&["a"], &["a", "a"], false),
            (&["a"], &["A"], false),
            (&["a*"], &["ab"], false),
            (&["*", "a"], &["b"], false),
            (&["*", "a"], &["a"], false),
            (&["a."], &["ab"], false),
        ] {
            assert_eq!(are_the_same(&strings(due), &strings(found)), fits, "{due:?} {found:?}");
        }
    }

    #[test]
    fn what_is_not_named_is_not_let_in() {
        let uri = "spiffe://example.com/build";
        let names = CertificateNames { uris: strings(&[uri]), ..CertificateNames::default() };
        let constraint = CertConstraint { uris: strings(&[uri]), ..CertConstraint::default() };
        assert!(misses(&constraint, &names).is_empty());
        for (attribute, more) in [
            ("common_name", CertificateNames { common_names: strings(&["x"]), ..names.clone() }),
            ("organizations", CertificateNames { organizations: strings(&["x"]), ..names.clone() }),
            ("dns_names", CertificateNames { dns_names: strings(&["x"]), ..names.clone() }),
            ("emails", CertificateNames { emails: strings(&["x"]), ..names.clone() }),
            ("uris", CertificateNames { uris: strings(&[uri, "x"]), ..names.clone() }),
        ] {
            let missed = misses(&constraint, &more);
            assert!(missed.len() == 1 && missed[0].starts_with(attribute), "{missed:?}");
        }
        assert_eq!(
            misses(&constraint, &CertificateNames::default()),
            [format!("uris is none, and {uri:?} is due")]
        );
        assert!(!admits_root(&constraint, "aa"));
        let open = CertConstraint { roots: strings(&["AA", "bb"]), ..constraint };
        assert!(admits_root(&open, "aa") && admits_root(&open, "bb") && !admits_root(&open, "cc"));
        assert!(admits_root(&CertConstraint { roots: strings(&["*"]), ..open }, "cc"));
    }

    proptest! {
        #[test]
        fn without_a_star_it_is_equality_of_sets_and_no_name_twice(
            due in prop::collection::vec("[a-c]{1,2}", 0..5),
            found in prop::collection::vec("[a-c]{1,2}", 0..5),
        ) {
            let (a, b): (BTreeSet<_>, BTreeSet<_>) = (due.iter().collect(), found.iter().collect());
            prop_assert_eq!(are_the_same(&due, &found), a == b && b.len() == found.len());
        }
    }
}
