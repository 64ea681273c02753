//! Signed links of inspections (specification 1.0, section 4.5.3): who may sign them, and what each must
//! say to stand in for running the command.

use std::num::NonZeroU32;

use unbroken_crypto::{
    Authentic, AuthenticationError, Inspector, KeySet, PublicKey, SignatureBudget, authenticate,
};
use unbroken_model::artifact::ArtifactSet;
use unbroken_model::envelope::Envelope;
use unbroken_model::layout::Inspection;
use unbroken_model::limits::Limits;
use unbroken_model::link::Link;

use crate::budget::Exhausted;
use crate::evidence::{check_link, each};
use crate::fault::{envelope_finding, payload_finding};
use crate::finding::{Difference, Finding, FindingCode};
use crate::session::exhausted_finding;

/// Whose signed links may stand in for running the inspections of the layout.
///
/// Those of a sublayout are signed by whoever signed the sublayout, unless it is nobody.
#[derive(Clone, Debug, Default)]
pub enum Inspectors {
    /// Nobody's: every inspection is run, those of sublayouts too.
    #[default]
    Nobody,
    /// Those of the owners, all of whom have to sign, as they did the layout.
    Owners,
    /// Those of any of these keys.
    AnyOf(KeySet<Inspector>),
}

/// The keys that sign links of inspections of one layout, and how many of them have to.
#[derive(Debug)]
pub(crate) struct InspectorKeys {
    keys: KeySet<Inspector>,
    threshold: NonZeroU32,
}

impl InspectorKeys {
    /// Those of the layout itself; nothing where every inspection is run.
    pub(crate) fn of_layout(inspectors: &Inspectors, signers: &[PublicKey]) -> Option<Self> {
        match inspectors {
            Inspectors::Nobody => None,
            Inspectors::Owners => Self::every(signers),
            Inspectors::AnyOf(keys) => {
                Some(Self { keys: keys.clone(), threshold: NonZeroU32::MIN })
            }
        }
    }

    /// Those of a sublayout: all keys that made it count. One of several could have been added by
    /// somebody who did not write it.
    pub(crate) fn of_sublayout(inspectors: &Inspectors, signers: &[PublicKey]) -> Option<Self> {
        match inspectors {
            Inspectors::Nobody => None,
            Inspectors::Owners | Inspectors::AnyOf(_) => Self::every(signers),
        }
    }

    fn every(signers: &[PublicKey]) -> Option<Self> {
        let keys: KeySet<Inspector> = signers.iter().cloned().collect();
        let threshold = keys.every_key()?;
        Some(Self { keys, threshold })
    }

    fn describe(&self) -> String {
        let names: Vec<String> = self.keys.iter().map(PublicKey::describe).collect();
        match (names.as_slice(), self.threshold.get()) {
            ([], _) => "nobody".to_owned(),
            (_, 1) => names.join(" or "),
            _ => names.join(" and "),
        }
    }
}

/// A link that was handed in for an inspection.
pub(crate) struct InspectionPiece {
    /// Where it came from, for people.
    pub(crate) source: String,
    /// The link, or why it stands in for nothing.
    pub(crate) link: Result<Authentic<Link, Inspector>, Box<Finding>>,
}

impl InspectionPiece {
    pub(crate) fn refused(inspection: &Inspection, source: &str, finding: Finding) -> Self {
        let finding = finding.of_item(&inspection.name).at_source(source);
        Self { source: source.to_owned(), link: Err(Box::new(finding)) }
    }

    /// Returns the link, where it may stand in.
    pub(crate) fn good(&self) -> Option<&Authentic<Link, Inspector>> {
        self.link.as_ref().ok()
    }
}

/// Authenticates a link and holds it against the inspection.
///
/// # Checks
/// That it is signed by those who may; that it names the inspection and its very command, and says how
/// that ended; that each of its artifacts has a strong digest.
///
/// # Does not check
/// Its binding, which product it is about, how the command ended, and the rules: they take more than
/// the link.
pub(crate) fn authenticate_link(
    bytes: &[u8],
    inspection: &Inspection,
    keys: &InspectorKeys,
    limits: &Limits,
    budget: &mut SignatureBudget,
) -> Result<Authentic<Link, Inspector>, Box<Finding>> {
    const REMEDY: &str = "get the file again from whoever made the inspection, or inspect again";
    let envelope = Envelope::parse(bytes, limits).map_err(|error| {
        let mut finding = envelope_finding(&error);
        if finding.code == FindingCode::EnvelopeMalformed {
            finding.code = FindingCode::LinkMalformed;
        }
        REMEDY.clone_into(&mut finding.remedy);
        finding
    })?;
    let signed = authenticate::<Link, _>(envelope, &keys.keys, keys.threshold, limits, budget);
    let link = signed.map_err(|error| match error {
        AuthenticationError::Payload(error) => {
            payload_finding(&error, FindingCode::LinkMalformed, REMEDY)
        }
        AuthenticationError::BudgetExhausted => exhausted_finding(Exhausted::SIGNATURES),
        AuthenticationError::ThresholdNotMet { signatures, .. } => {
            not_authorised(keys, &each(&signatures))
        }
        _ => not_authorised(keys, ""),
    })?;
    check_link(link.get(), &inspection.name)?;
    if link.get().command != inspection.run {
        let message = format!(
            "the link is of the command {:?}, and the inspection is {:?}",
            link.get().command.join(" "),
            inspection.run.join(" ")
        );
        return Err(Box::new(refused(message)));
    }
    if link.get().return_value().is_none() {
        return Err(Box::new(refused("the link does not say how the command ended")));
    }
    Ok(link)
}

fn not_authorised(keys: &InspectorKeys, signatures: &str) -> Finding {
    let who = keys.describe();
    let message = format!("it is not signed by {who}, who may inspect for this layout{signatures}");
    let remedy = "have one who may sign it: unbroken verify --sign-inspections KEY; if the signer \
                  is to be believed, name his key: --inspector KEY";
    Finding::error(FindingCode::InspectorNotAuthorised, message, remedy)
}

pub(crate) fn refused(message: impl Into<String>) -> Finding {
    let remedy =
        "inspect this product and sign what that gives: unbroken verify --sign-inspections KEY";
    Finding::error(FindingCode::InspectionLinkRefused, message, remedy)
}

/// Says why a link is not of the files that the inspection would see.
pub(crate) fn other_product(due: &ArtifactSet, link: &Link) -> Option<Finding> {
    let found = &link.materials;
    let paths = || due.iter().chain(found).map(|(path, _)| path.as_str());
    let path = paths().find(|path| due.get(path) != found.get(path))?;
    let mut finding = refused(format!("the link is of another product: {path} is not the same"));
    finding.artifact = Some(path.to_owned());
    finding.difference = Some(Difference {
        expected_at: "what the inspection would see".to_owned(),
        expected: due.get(path).cloned(),
        found: found.get(path).cloned(),
    });
    Some(finding)
}

#[cfg(test)]
mod tests {
    use unbroken_testkit::keys;

    use super::*;

    #[test]
    fn who_may_inspect_is_said_with_how_many_of_them_have_to() {
        let public = |name: &str| keys::key(name).public().clone();
        let (one, other) = (public("one"), public("other"));
        let says = |inspectors: &Inspectors, signers: &[PublicKey]| {
            InspectorKeys::of_layout(inspectors, signers).map(|keys| keys.describe())
        };
        let either = KeySet::new([one.clone(), other.clone()]);
        let names: Vec<String> = either.iter().map(PublicKey::describe).collect();
        let signers = [one.clone(), other];
        assert_eq!(says(&Inspectors::Nobody, &signers), None);
        assert_eq!(says(&Inspectors::Owners, std::slice::from_ref(&one)), Some(one.describe()));
        assert_eq!(says(&Inspectors::Owners, &signers), Some(names.join(" and ")));
        assert_eq!(says(&Inspectors::AnyOf(either), &[]), Some(names.join(" or ")));
        let none = Inspectors::AnyOf(KeySet::new([]));
        assert_eq!(says(&none, &signers).as_deref(), Some("nobody"));
    }
}
