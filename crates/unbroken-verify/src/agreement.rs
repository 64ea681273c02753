//! Agreement of the evidence of one step (specification 1.0, section 4.3.1).

use unbroken_model::artifact::ArtifactSet;
use unbroken_model::layout::Step;
use unbroken_model::link::Link;

use crate::finding::{Difference, Finding, FindingCode};

/// Checks that all links of a step tell the same materials and products.
///
/// This holds for a threshold of one too: else the order of two honest-looking links would decide
/// which of them is believed. Commands and byproducts may differ.
pub(crate) fn check(step: &Step, links: &[(&str, &Link)]) -> Option<Finding> {
    let ((first_source, first), others) = links.split_first()?;
    for (source, link) in others {
        for (side, left, right) in [
            ("materials", &first.materials, &link.materials),
            ("products", &first.products, &link.products),
        ] {
            if left != right {
                return Some(disagreement(step, side, (first_source, left), (source, right)));
            }
        }
    }
    None
}

fn disagreement(
    step: &Step,
    side: &str,
    (left_source, left): (&str, &ArtifactSet),
    (right_source, right): (&str, &ArtifactSet),
) -> Finding {
    let differing = left
        .iter()
        .chain(right)
        .map(|(path, _)| path)
        .find(|path| left.get(path.as_str()) != right.get(path.as_str()));
    let message = format!("{left_source} and {right_source} tell different {side}");
    let remedy = "find out which functionary is right, and do the step again with the others";
    let mut finding =
        Finding::error(FindingCode::LinksDisagree, message, remedy).of_item(&step.name);
    if let Some(path) = differing {
        finding.artifact = Some(path.to_string());
        finding.difference = Some(Difference {
            expected_at: left_source.to_owned(),
            expected: left.get(path.as_str()).cloned(),
            found: right.get(path.as_str()).cloned(),
        });
    }
    finding
}
