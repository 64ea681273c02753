//! The two verdicts, and what is none: a chain that passed in part.

use unbroken_model::link::Link;
use unbroken_model::name::StepName;

use crate::assessment::Assessment;
use crate::finding::Finding;
use crate::replay::LayoutPin;
use crate::session::JudgedChain;

/// A chain that passed every check. It cannot be made in any other way.
pub struct VerifiedSupplyChain {
    assessment: Assessment,
    chains: Vec<JudgedChain>,
}

/// The first steps of a chain, which passed. It vouches for nothing: later steps and inspections were
/// not looked at, and there is no way from it to a [`VerifiedSupplyChain`].
#[derive(Debug)]
pub struct PartialSupplyChain {
    assessment: Assessment,
}

/// A chain that did not pass, with every reason.
#[derive(Debug)]
pub struct Rejection {
    assessment: Assessment,
}

impl VerifiedSupplyChain {
    pub(crate) fn new(assessment: Assessment, chains: Vec<JudgedChain>) -> Self {
        Self { assessment, chains }
    }

    /// Returns the course of the verification; its findings are warnings.
    pub fn assessment(&self) -> &Assessment {
        &self.assessment
    }

    /// Returns the layout's place among its renewals: to be kept, so that no earlier one passes again.
    pub fn layout_pin(&self) -> Option<LayoutPin> {
        self.assessment.chains.first().map(|chain| chain.pin)
    }

    /// Sums the chain up as one link: the materials of its first step, the products of its last
    /// (specification 1.0, section 5.2). Nobody signed it.
    pub fn summary_link(&self, name: &StepName) -> Option<Link> {
        self.chains.first()?.summary(name)
    }

    /// Goes through the links of the layout's steps.
    pub(crate) fn links(&self) -> impl Iterator<Item = (&StepName, &Link)> {
        self.chains.first().into_iter().flat_map(JudgedChain::links)
    }
}

impl PartialSupplyChain {
    pub(crate) fn new(assessment: Assessment) -> Self {
        Self { assessment }
    }

    /// Returns the course of the verification; it says what was left out.
    pub fn assessment(&self) -> &Assessment {
        &self.assessment
    }
}

impl Rejection {
    pub(crate) fn new(assessment: Assessment) -> Self {
        Self { assessment }
    }

    pub(crate) fn into_assessment(self) -> Assessment {
        self.assessment
    }

    /// Makes the rejection of a layout that could not even be opened.
    pub fn of_layout(finding: Finding) -> Self {
        Self { assessment: Assessment { findings: vec![finding], ..Assessment::default() } }
    }

    /// Returns the course of the verification; at least one of its findings rejects.
    pub fn assessment(&self) -> &Assessment {
        &self.assessment
    }
}

impl std::fmt::Debug for VerifiedSupplyChain {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("VerifiedSupplyChain")
            .field("assessment", &self.assessment)
            .finish_non_exhaustive()
    }
}
