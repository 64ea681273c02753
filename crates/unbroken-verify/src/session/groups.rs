//! Keys that have to sign together: they are one functionary, who vouches by all of them.
//!
//! A group only ever takes votes away: without it each of its keys would have one.

use std::collections::BTreeSet;

use unbroken_crypto::{KeyMaterial, PublicKey};

use crate::evidence::{Piece, State};
use crate::finding::{Finding, FindingCode};
use crate::layout_check::{Group, LayoutKeys};

/// Tells who votes when a key signs: its group by the first of its keys, or the key itself.
pub(super) fn voter_of(key: KeyMaterial, groups: &[&Group]) -> KeyMaterial {
    let group = groups.iter().find(|group| group.contains(&key));
    group.and_then(|group| group.first()).copied().unwrap_or(key)
}

/// Takes the signatures of groups away of which not every key signed evidence of the step. Evidence that
/// nobody else signed is refused; of other evidence the findings are returned.
pub(super) fn take_incomplete(
    pieces: &mut [Piece],
    groups: &[&Group],
    keys: &LayoutKeys,
) -> Vec<Finding> {
    let is_good = |piece: &&mut Piece| matches!(piece.state, State::Link(_));
    let mut findings = Vec::new();
    for group in groups {
        let signed: BTreeSet<KeyMaterial> = pieces
            .iter_mut()
            .filter(is_good)
            .flat_map(|piece| piece.signers.iter().map(PublicKey::material))
            .filter(|key| group.contains(key))
            .collect();
        if signed.is_empty() || signed.len() == group.len() {
            continue;
        }
        for piece in pieces.iter_mut().filter(is_good) {
            let of_group = |key: &PublicKey| group.contains(&key.material());
            let (taken, left): (Vec<_>, Vec<_>) = piece.signers.iter().cloned().partition(of_group);
            if taken.is_empty() {
                continue;
            }
            let finding = lacking(&taken, group, &signed, keys).at_source(&piece.source);
            if left.is_empty() {
                piece.state = State::Refused(Box::new(finding));
            } else {
                piece.certified.retain(|key| !group.contains(key));
                piece.signers = left;
                findings.push(finding);
            }
        }
    }
    findings
}

fn lacking(
    taken: &[PublicKey],
    group: &Group,
    signed: &BTreeSet<KeyMaterial>,
    keys: &LayoutKeys,
) -> Finding {
    let names = |keys: Vec<&PublicKey>| {
        keys.into_iter().map(PublicKey::describe).collect::<Vec<_>>().join(", ")
    };
    let absent = keys.all().iter().filter(|key| {
        let material = key.material();
        group.contains(&material) && !signed.contains(&material)
    });
    let (by, absent) = (names(taken.iter().collect()), names(absent.collect()));
    let message = format!(
        "it is signed by {by}, whose functionary vouches with all of his keys, and nothing is by {absent}"
    );
    let remedy = format!("let him sign with {absent} too: unbroken sign LINK --key KEY");
    Finding::error(FindingCode::FunctionaryKeyMissing, message, remedy).of_functionary(by)
}
