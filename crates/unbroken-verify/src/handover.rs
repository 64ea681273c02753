//! What is handed over to a step: whether its materials are those that earlier links tell of.
//!
//! A functionary asks this before he works. It is the rule `MATCH * WITH PRODUCTS FROM` the earlier
//! steps, then `DISALLOW *`, for somebody who has their links and no layout. Where several links
//! name one artifact nobody says which of them is later, so all of them have to agree.

use unbroken_model::artifact::ArtifactSet;
use unbroken_model::link::Link;
use unbroken_model::name::StepName;
use unbroken_model::rule::Side;

use crate::finding::{Difference, Finding, FindingCode};

/// How many artifacts are reported singly; the rest are counted.
const SINGLY: usize = 100;

/// Holds the materials that `step` is about to use against one side of earlier links.
///
/// # Checks
/// That each material is named by at least one of the links, with a strong digest, and by none of
/// them with other digests.
///
/// # Does not check
/// Who signed the links, and whether everything that they name is there: a step may use a part.
pub fn hold_materials(
    step: &StepName,
    materials: &ArtifactSet,
    side: Side,
    earlier: &[Link],
) -> Vec<Finding> {
    let mut hints = vec![0_usize; earlier.len()];
    let mut findings = Vec::new();
    let mut more = 0_usize;
    for (path, digests) in materials {
        let mut told = false;
        let mut differing = None;
        for (link, hint) in earlier.iter().zip(&mut hints) {
            let artifacts = match side {
                Side::Materials => &link.materials,
                Side::Products => &link.products,
            };
            let Some(expected) = artifacts.get_near(path.as_str(), hint) else { continue };
            told = true;
            if expected != digests || !digests.is_strong_for(path) {
                differing = Some((&link.name, expected.clone()));
            }
        }
        if told && differing.is_none() {
            continue;
        }
        if findings.len() >= SINGLY {
            more += 1;
            continue;
        }
        let (message, remedy, difference) = match differing {
            Some((from, expected)) => (
                format!("{path} changed between {from} and {step}"),
                format!("find out who changed it after {from}; get it again from where that came"),
                (format!("{} of {from}", crate::rules::words(side)), Some(expected)),
            ),
            None => (
                format!("{step} would use {path}, which no earlier link tells of"),
                "find out where it comes from; if it belongs there, name the link that tells of it"
                    .to_owned(),
                (format!("{} of earlier links", crate::rules::words(side)), None),
            ),
        };
        let (expected_at, expected) = difference;
        let mut finding = Finding::error(FindingCode::RuleDisallow, message, remedy);
        finding.difference =
            Some(Difference { expected_at, expected, found: Some(digests.clone()) });
        findings.push(finding.of_item(step).of_artifact(path));
    }
    if more > 0 {
        let message = format!("{more} more materials are not what earlier links tell of");
        let finding = Finding::error(FindingCode::RuleDisallow, message, "see the ones above");
        findings.push(finding.of_item(step));
    }
    findings
}

#[cfg(test)]
mod tests {
    use unbroken_model::digest::{Digest, DigestAlgorithm, DigestSet};
    use unbroken_model::json::Object;
    use unbroken_model::link::LinkForm;

    use super::*;

    fn set(entries: &[(&str, u8)]) -> ArtifactSet {
        let entries = entries
            .iter()
            .map(|(path, byte)| (path.parse().unwrap(), DigestSet::sha256([*byte; 32])));
        ArtifactSet::from_entries(entries.collect()).unwrap()
    }

    fn link(name: &str, products: ArtifactSet) -> Link {
        Link {
            form: LinkForm::Plain,
            name: name.parse().unwrap(),
            command: Vec::new(),
            materials: ArtifactSet::default(),
            products,
            byproducts: Object::new(),
            environment: Object::new(),
            extra: Object::new(),
        }
    }

    fn held(materials: &ArtifactSet, earlier: &[Link]) -> Vec<Finding> {
        hold_materials(&"build".parse().unwrap(), materials, Side::Products, earlier)
    }

    #[test]
    fn a_part_of_what_was_handed_over_may_be_used() {
        let links = [link("checkout", set(&[("a", 1), ("b", 2)])), link("fetch", set(&[("c", 3)]))];
        assert_eq!(held(&set(&[("a", 1), ("c", 3)]), &links), []);
        assert_eq!(held(&ArtifactSet::default(), &[]), []);
    }

    #[test]
    fn what_changed_or_was_added_is_found_with_both_digests() {
        let links = [link("checkout", set(&[("a", 1)]))];
        let findings = held(&set(&[("a", 9), ("x", 1)]), &links);
        assert_eq!(findings.len(), 2);
        let difference = findings[0].difference.as_ref().unwrap();
        assert_eq!(difference.expected_at, "products of checkout");
        assert_eq!(difference.expected, Some(DigestSet::sha256([1; 32])));
        assert_eq!(difference.found, Some(DigestSet::sha256([9; 32])));
        assert_eq!(findings[0].artifact.as_deref(), Some("a"));
        assert!(findings[1].message.contains("no earlier link tells of"));
        assert!(findings.iter().all(Finding::rejects));
    }

    /// Else a file could be put back to what it was before a later step changed it.
    #[test]
    fn links_that_contradict_each_other_vouch_for_nothing() {
        let links = [link("checkout", set(&[("a", 1)])), link("patch", set(&[("a", 2)]))];
        for byte in [1, 2] {
            for order in [[0, 1], [1, 0]] {
                let links = order.map(|index: usize| links[index].clone());
                assert_eq!(held(&set(&[("a", byte)]), &links).len(), 1, "{byte} {order:?}");
            }
        }
    }

    #[test]
    fn a_weak_digest_vouches_for_nothing() {
        let weak: DigestSet = [Digest::new(DigestAlgorithm::Sha1, &[7; 20])].into_iter().collect();
        let one = || ArtifactSet::from_entries(vec![("a".parse().unwrap(), weak.clone())]).unwrap();
        assert_eq!(held(&one(), &[link("checkout", one())]).len(), 1);
    }

    #[test]
    fn the_number_of_findings_is_bounded() {
        let many: Vec<String> = (0..250).map(|number| format!("f{number}")).collect();
        let many: Vec<(&str, u8)> = many.iter().map(|name| (name.as_str(), 1)).collect();
        let findings = held(&set(&many), &[link("checkout", ArtifactSet::default())]);
        assert_eq!(findings.len(), SINGLY + 1);
        assert!(findings[SINGLY].message.starts_with("150 more"));
    }
}
