//! `/mutate`: writes digests in place of tags, so that what runs is what is verified.

use std::collections::{BTreeMap, BTreeSet};

use unbroken_oci::reference::Selector;
use unbroken_policy::{Mode, PolicySet};

use crate::admission::{IMAGES, Images, Occasion, Verify, images_to_judge};
use crate::answer::{answer_changes, refuse_failure};
use crate::decision::Failure;
use crate::review::{Answer, Change, Request};

/// Names images by their digests, each as it is at the moment.
///
/// Nothing is verified here: `/verify` judges the digests that are written. Doing it again changes
/// nothing, since a name with a digest stays as it is.
pub fn pin_tags(
    request: &Request,
    policies: &PolicySet,
    occasion: Occasion,
    verifier: &dyn Verify,
) -> Answer {
    let slots = match images_to_judge(request, policies) {
        Ok(Images::ToJudge(slots)) => slots,
        // What cannot be read is refused by /verify, with the reason.
        Ok(Images::Relieved(_)) | Err(_) => return answer_changes(Vec::new(), &[]),
    };
    let names: BTreeSet<&str> = slots.iter().map(|slot| slot.image.as_str()).collect();
    // An object with so many images does not come in, and nothing is looked up for it.
    if names.len() > IMAGES {
        return answer_changes(Vec::new(), &[]);
    }
    // Who may let in what does not verify is not kept out by a registry that does not answer.
    let permission = policies.break_glass(
        &request.user.name,
        &request.user.groups,
        &request.namespace,
        occasion.now,
    );
    let (mut changes, mut warnings) = (Vec::new(), Vec::new());
    let mut pinned: BTreeMap<String, Result<String, Box<Failure>>> = BTreeMap::new();
    for slot in slots {
        let Ok(image) = slot.reference() else { continue };
        // What is let in without a chain is not kept out for want of a registry.
        if policies.exemption(image.repository(), &request.namespace, occasion.now).is_some() {
            continue;
        }
        let mut matching = policies.matching(image.repository(), &request.namespace).peekable();
        if matches!(image.selector(), Selector::Digest(_)) || matching.peek().is_none() {
            continue;
        }
        // One look for each name: two would be two images, if the tag moves between them.
        let resolved = pinned.entry(image.to_string()).or_insert_with(|| {
            verifier.resolve(&image, occasion).map(|digest| format!("{image}@{digest}"))
        });
        match resolved {
            Ok(to) => {
                changes.push(Change { pointer: slot.pointer, from: slot.image, to: to.clone() });
            }
            Err(failure) if permission.is_none() && matching.any(|it| it.mode == Mode::Enforce) => {
                return refuse_failure(request, failure);
            }
            Err(failure) => warnings.push(format!("[{}] {}", failure.code, failure.message)),
        }
    }
    answer_changes(changes, &warnings)
}
