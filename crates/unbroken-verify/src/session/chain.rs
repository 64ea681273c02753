//! One layout of a session with the evidence for it.

use std::collections::BTreeMap;

use unbroken_crypto::PublicKey;
use unbroken_model::layout::{Inspection, Layout};
use unbroken_model::name::StepName;
use unbroken_model::timestamp::Timestamp;

use super::{Options, Submission};
use crate::dialect;
use crate::directives::Directives;
use crate::evidence::Piece;
use crate::finding::Finding;
use crate::in_force::{InForce, Parts};
use crate::inspection_link::{InspectionPiece, InspectorKeys};
use crate::layout_check::{self, LayoutKeys};
use crate::replay::{self, LayoutPin};
use crate::substitution;

/// A layout, its evidence, and what is wrong with the layout itself.
pub(super) struct Chain {
    /// The pieces of evidence that lead here, for findings: `build.210dcc50`.
    pub(super) path: Vec<String>,
    pub(super) parent: Option<usize>,
    /// The step of the layout above that a sublayout stands for.
    pub(super) step: Option<String>,
    pub(super) folders: Vec<Vec<String>>,
    /// The identities of this layout and those above it.
    pub(super) ancestry: Vec<[u8; 32]>,
    pub(super) layout: Layout,
    pub(super) pin: LayoutPin,
    pub(super) signers: Vec<PublicKey>,
    pub(super) keys: LayoutKeys,
    pub(super) evidence: BTreeMap<StepName, Vec<Piece>>,
    /// Who signs links of inspections; nobody where every inspection is run.
    pub(super) inspectors: Option<InspectorKeys>,
    pub(super) inspection_links: BTreeMap<StepName, Vec<InspectionPiece>>,
    pub(super) findings: Vec<Finding>,
    pub(super) requested: bool,
}

impl Chain {
    pub(super) fn root(layout: InForce, now: Timestamp, options: &Options) -> Self {
        let Parts { mut layout, signers, digest } = layout.into_parts();
        let mut findings = Vec::new();
        let (directives, pin) = directives(&layout, digest, &mut findings);
        findings.extend(replay::check(pin, options.freshness));
        findings.extend(substitution::apply(&mut layout, &options.parameters));
        findings.extend(dialect::apply(&mut layout, options.patterns));
        let (keys, more) = layout_check::check(&layout, &directives, now, &options.intermediates);
        findings.extend(more);
        let inspectors = InspectorKeys::of_layout(&options.inspectors, &signers);
        Self {
            path: Vec::new(),
            parent: None,
            step: None,
            folders: Vec::new(),
            ancestry: Vec::new(),
            layout,
            pin,
            signers,
            keys,
            evidence: BTreeMap::new(),
            inspectors,
            inspection_links: BTreeMap::new(),
            findings,
            requested: false,
        }
    }

    /// Makes the chain of a sublayout. Parameters are those of the layout above and do not reach
    /// into a sublayout, which somebody else wrote. `authorised` are those who signed it and may sign for
    /// the step.
    pub(super) fn sublayout(
        (parent_index, parent): (usize, &Self),
        submission: Submission<'_>,
        (identity, layout, authorised): ([u8; 32], InForce, &[PublicKey]),
        now: Timestamp,
        options: &Options,
    ) -> Self {
        let Parts { mut layout, signers, digest } = layout.into_parts();
        let mut findings = dialect::apply(&mut layout, options.patterns);
        let (directives, pin) = directives(&layout, digest, &mut findings);
        let (keys, more) = layout_check::check(&layout, &directives, now, &options.intermediates);
        findings.extend(more);
        let step = submission.step.to_string();
        let mut path = parent.path.clone();
        // Two functionaries may hand in a sublayout each: the stem tells them apart.
        path.push(submission.stem.to_owned());
        let mut folders = parent.folders.clone();
        folders.push(folder_names(&step, submission.stem));
        let mut ancestry = parent.ancestry.clone();
        ancestry.push(identity);
        let in_parent = parent.layout.steps.iter().find(|step| step.name == *submission.step);
        let authorised = in_parent.map(|step| parent.keys.with_groups(step, authorised));
        let authorised = authorised.unwrap_or_default();
        let inspectors = InspectorKeys::of_sublayout(&options.inspectors, &authorised);
        Self {
            path,
            parent: Some(parent_index),
            step: Some(step),
            folders,
            ancestry,
            layout,
            pin,
            signers,
            keys,
            evidence: BTreeMap::new(),
            inspectors,
            inspection_links: BTreeMap::new(),
            findings,
            requested: false,
        }
    }

    /// Lists the inspections for which signed links may stand in.
    pub(super) fn awaited_inspections(&self) -> Vec<StepName> {
        let names = self.layout.inspections.iter().map(|inspection| &inspection.name);
        names.filter(|name| self.awaited_inspection(name).is_some()).cloned().collect()
    }

    /// Finds the inspection that a link would stand in for. Where a step has its name too, which is a
    /// finding, evidence is the step's.
    pub(super) fn awaited_inspection(&self, name: &StepName) -> Option<&Inspection> {
        let is_step = self.layout.steps.iter().any(|step| step.name == *name);
        let due = self.inspectors.is_some() && !is_step;
        let found = self.layout.inspections.iter().find(|inspection| inspection.name == *name);
        found.filter(|_| due)
    }
}

/// Reads what the layout says to this verifier, its place among its renewals first.
fn directives(
    layout: &Layout,
    digest: [u8; 32],
    findings: &mut Vec<Finding>,
) -> (Directives, LayoutPin) {
    let directives = Directives::of(layout).unwrap_or_else(|finding| {
        findings.push(*finding);
        Directives::default()
    });
    let pin = LayoutPin { version: directives.version.unwrap_or_default(), digest };
    (directives, pin)
}

/// Names the folders that may hold a sublayout's evidence: that of the file itself, and that of
/// the first eight digits of its key id.
fn folder_names(step: &str, stem: &str) -> Vec<String> {
    let mut names = vec![stem.to_owned()];
    let id = stem.strip_prefix(step).and_then(|rest| rest.strip_prefix('.')).unwrap_or_default();
    if let Some(prefix) = id.get(..8).filter(|prefix| prefix.len() < id.len()) {
        names.push(format!("{step}.{prefix}"));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_of_a_sublayout_has_the_name_of_its_file_or_of_eight_digits_of_its_key() {
        let long = folder_names("build", "build.210dcc50ab");
        assert_eq!(long, ["build.210dcc50ab", "build.210dcc50"]);
        assert_eq!(folder_names("build", "build.210dcc50"), ["build.210dcc50"]);
        assert_eq!(folder_names("build", "build.210dcc5"), ["build.210dcc5"]);
        assert_eq!(folder_names("build", "other.210dcc50ab"), ["other.210dcc50ab"]);
    }
}
