//! Evidence: what was handed in for a step, and whether it counts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use unicode_normalization::UnicodeNormalization;

use unbroken_crypto::authenticate;
use unbroken_crypto::{
    Authentic, AuthenticationError, Functionary, KeyMaterial, PublicKey, SignatureBudget,
};
use unbroken_model::artifact::ArtifactSet;
use unbroken_model::envelope::{Envelope, StepEvidence};
use unbroken_model::layout::Step;
use unbroken_model::link::Link;
use unbroken_model::name::StepName;

use crate::budget::Exhausted;
use crate::certificates::{Certificates, Judge};
use crate::fault::{chain_of, payload_finding};
use crate::finding::{Finding, FindingCode};
use crate::session::exhausted_finding;

/// What vouches for a step.
#[derive(Debug)]
pub(crate) enum Evidence {
    /// A link, signed by functionaries of the step.
    Link(Authentic<StepEvidence, Functionary>),
    /// What a verified sublayout sums up to.
    Summary(Link),
}

impl Evidence {
    pub(crate) fn link(&self) -> Option<&Link> {
        match self {
            Self::Summary(link) => Some(link),
            Self::Link(evidence) => match evidence.get() {
                StepEvidence::Link(link) => Some(link),
                StepEvidence::Sublayout(_) => None,
            },
        }
    }
}

/// One piece of evidence after its own checks.
pub(crate) struct Piece {
    /// Where it came from, for people.
    pub(crate) source: String,
    /// The keys whose signatures hold.
    pub(crate) signers: Vec<PublicKey>,
    /// Those of them that a certificate lets sign for the step.
    pub(crate) certified: BTreeSet<KeyMaterial>,
    pub(crate) state: State,
    /// What is worth a look, whatever becomes of the piece.
    pub(crate) warnings: Vec<Finding>,
}

pub(crate) enum State {
    /// A link that may count.
    Link(Arc<Evidence>),
    /// A sublayout, judged as the chain of this index.
    Sublayout(usize),
    /// It does not count, and why.
    Refused(Box<Finding>),
}

/// A piece of evidence with the signers that may sign for its step.
pub(crate) struct AuthenticPiece {
    pub(crate) evidence: Authentic<StepEvidence, Functionary>,
    pub(crate) signers: Vec<PublicKey>,
    /// Those of them that a certificate lets sign for the step.
    pub(crate) certified: BTreeSet<KeyMaterial>,
}

/// Authenticates one piece of evidence and holds it against the step.
///
/// # Checks
/// That the signatures are of keys of the layout, or of keys whose certificates make them
/// functionaries' of this step, at the time of the signature where it is proven, else at that of the
/// verification; that at least one is authorised for the step; that a
/// link names the step; that each of its artifacts has a strong digest.
///
/// # Does not check
/// The threshold of the step, agreement, and rules: they look at all evidence together.
pub(crate) fn authenticate_piece(
    bytes: &[u8],
    step: &Step,
    judge: Judge<'_>,
    budget: &mut SignatureBudget,
    warnings: &mut Vec<Finding>,
) -> Result<AuthenticPiece, Box<Finding>> {
    const REMEDY: &str = "do the step again, or get the file again from whoever did it";
    let Judge { keys, limits, .. } = judge;
    let envelope = Envelope::parse(bytes, limits).map_err(|error| {
        let mut finding = crate::fault::envelope_finding(&error);
        if finding.code == FindingCode::EnvelopeMalformed {
            finding.code = FindingCode::LinkMalformed;
        }
        REMEDY.clone_into(&mut finding.remedy);
        finding
    })?;
    let mut certificates = Certificates::judge(&envelope, step, judge, budget)?;
    warnings.append(&mut certificates.warnings);
    let with_certified;
    let all = if certificates.certified.is_empty() {
        keys.all()
    } else {
        with_certified = keys.all().with_certified(&certificates.certified);
        &with_certified
    };
    let one = std::num::NonZeroU32::MIN;
    let refused = certificates.refused.as_ref();
    let evidence: Authentic<StepEvidence, _> = authenticate(envelope, all, one, limits, budget)
        .map_err(|error| match (error, refused) {
            (AuthenticationError::Payload(error), _) => {
                payload_finding(&error, FindingCode::LinkMalformed, REMEDY)
            }
            (AuthenticationError::BudgetExhausted, _) => exhausted_finding(Exhausted::SIGNATURES),
            // It says more than that nobody else signed, also where the layout lists no key at all.
            (
                AuthenticationError::ThresholdNotMet { .. } | AuthenticationError::NoKeys,
                Some(one),
            ) => one.clone(),
            (AuthenticationError::ThresholdNotMet { signatures, .. }, None) => forged(&signatures),
            (other, _) => {
                Finding::error(FindingCode::LinkSignatureInvalid, chain_of(&other), REMEDY)
            }
        })?;

    let mut authorised = keys.of_step(step);
    authorised.extend(certificates.materials());
    let signers: Vec<PublicKey> = evidence
        .signers()
        .iter()
        .filter(|signer| authorised.contains(&signer.material()))
        .cloned()
        .collect();
    if signers.is_empty() {
        let otherwise = || not_authorised(evidence.signers(), step);
        return Err(Box::new(certificates.refused.unwrap_or_else(otherwise)));
    }
    let own = |material: &KeyMaterial| signers.iter().any(|key| key.material() == *material);
    let certified = certificates.materials().filter(own).collect();
    if let StepEvidence::Link(link) = evidence.get() {
        check_link(link, &step.name)?;
    }
    Ok(AuthenticPiece { evidence, signers, certified })
}

fn forged(signatures: &[unbroken_crypto::SignatureReport]) -> Finding {
    let message = "no signature of a functionary of the layout holds".to_owned();
    let message = message + &each(signatures);
    let remedy =
        "the file was changed after it was signed, or somebody else signed it: do the step again";
    Finding::error(FindingCode::LinkSignatureInvalid, message, remedy)
}

/// Tells of each signature, behind what is said of all.
pub(crate) fn each(signatures: &[unbroken_crypto::SignatureReport]) -> String {
    let mut text = String::new();
    for report in signatures {
        text.push_str("; ");
        text.push_str(&report.to_string());
    }
    text
}

fn not_authorised(signers: &[PublicKey], step: &Step) -> Finding {
    let who = describe(signers);
    let message = format!("it is signed by {who}, who may not sign for this step");
    let remedy = format!(
        "have a functionary of {} do the step, or let the owner authorise this key",
        step.name
    );
    Finding::error(FindingCode::FunctionaryNotAuthorised, message, remedy).of_functionary(who)
}

/// Holds a link against the step or the inspection that it was handed in for.
pub(crate) fn check_link(link: &Link, due: &StepName) -> Result<(), Box<Finding>> {
    // Without this, a functionary of two steps could be made to vouch for one by the link of the
    // other.
    if link.name != *due {
        let message = format!("the link is of {:?}", link.name.as_str());
        let remedy = format!("hand in the link of {due}");
        return Err(Box::new(Finding::error(FindingCode::LinkNameMismatch, message, remedy)));
    }
    for (side, artifacts) in [("material", &link.materials), ("product", &link.products)] {
        let finding = weak_digest(side, artifacts).or_else(|| same_text(side, artifacts));
        if let Some(finding) = finding {
            return Err(Box::new(finding));
        }
    }
    Ok(())
}

fn weak_digest(side: &str, artifacts: &ArtifactSet) -> Option<Finding> {
    let (path, digests) = artifacts.iter().find(|(path, digests)| !digests.is_strong_for(path))?;
    let message = format!("the {side} {path} has no digest that proves its content: {digests}");
    let remedy = "record the step with sha256";
    Some(Finding::error(FindingCode::DigestNotStrong, message, remedy).of_artifact(path))
}

/// Finds two artifacts whose paths are one text, composed in two ways: people cannot tell them apart,
/// a rule for the one does not see the other, and some file systems hold them for one file.
fn same_text(side: &str, artifacts: &ArtifactSet) -> Option<Finding> {
    let mut composed = BTreeSet::new();
    let paths = artifacts.iter().map(|(path, _)| path.as_str());
    let twin = paths.filter(|path| !path.is_ascii()).find(|path| {
        let text: String = path.nfc().collect();
        let is_other = text != **path && artifacts.contains(&text);
        is_other || !composed.insert(text)
    })?;
    let message = format!("two {side}s have the path {twin}, composed of other characters");
    let remedy = "rename one of the two, and do the step again";
    Some(Finding::error(FindingCode::PathNotNormal, message, remedy).of_artifact(twin))
}

/// Lists keys for people.
pub(crate) fn describe(keys: &[PublicKey]) -> String {
    keys.iter().map(PublicKey::describe).collect::<Vec<_>>().join(", ")
}

/// Picks a voter for as many pieces as can have one: one piece of evidence is one vote, also when
/// several signed it, and one key has one vote, also when it signed several pieces.
///
/// Every key looks for a piece, and one that finds its pieces taken asks their voters to take
/// another one. So the result depends on the keys and pieces alone, and not on their order: whoever
/// picks the first that is free can leave a vote uncounted.
///
/// `voter_of` tells for which voter a key signs: itself, or the group that it is of.
pub(crate) fn voters(
    pieces: &[&Piece],
    voter_of: impl Fn(KeyMaterial) -> KeyMaterial,
) -> BTreeSet<KeyMaterial> {
    let mut signed: BTreeMap<KeyMaterial, Vec<usize>> = BTreeMap::new();
    for (index, piece) in pieces.iter().enumerate() {
        for signer in &piece.signers {
            signed.entry(voter_of(signer.material())).or_default().push(index);
        }
    }
    let mut taken: Vec<Option<KeyMaterial>> = vec![None; pieces.len()];
    for key in signed.keys() {
        find_piece(*key, &signed, &mut taken, &mut vec![false; pieces.len()]);
    }
    taken.into_iter().flatten().collect()
}

/// Finds a piece for a key; recursion ends because each piece is asked for once.
fn find_piece(
    key: KeyMaterial,
    signed: &BTreeMap<KeyMaterial, Vec<usize>>,
    taken: &mut [Option<KeyMaterial>],
    asked: &mut [bool],
) -> bool {
    signed.get(&key).into_iter().flatten().any(|piece| {
        let is_new = asked.get_mut(*piece).is_some_and(|asked| !std::mem::replace(asked, true));
        let free = is_new
            && match taken.get(*piece).copied().flatten() {
                None => true,
                Some(other) => find_piece(other, signed, taken, asked),
            };
        if free && let Some(place) = taken.get_mut(*piece) {
            *place = Some(key);
        }
        free
    })
}

#[cfg(test)]
mod tests {
    use unbroken_testkit::artifacts;

    use super::*;

    #[test]
    fn one_path_in_two_compositions_is_found_and_one_composition_is_not() {
        let twin = |paths: &[&str]| {
            let all: Vec<_> = paths.iter().map(|path| (*path, "1")).collect();
            same_text("material", &artifacts(&all)).is_some()
        };
        for sound in [&["\u{e9}"][..], &["e\u{301}"], &["\u{e9}", "\u{e8}"], &["e", "\u{e9}"]] {
            assert!(!twin(sound), "{sound:?}");
        }
        assert!(twin(&["\u{e9}", "e\u{301}"]));
        // Two orders of two marks, neither of which is the composed form.
        assert!(twin(&["q\u{323}\u{307}", "q\u{307}\u{323}"]));
        assert!(twin(&["a\u{323}\u{302}", "a\u{302}\u{323}"]));
    }
}
