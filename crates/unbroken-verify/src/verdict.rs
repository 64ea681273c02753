//! The two verdicts.

use unbroken_model::link::Link;
use unbroken_model::name::StepName;

use crate::assessment::Assessment;
use crate::finding::Finding;
use crate::session::JudgedChain;

/// A chain that passed every check. It cannot be made in any other way.
pub struct VerifiedSupplyChain {
    assessment: Assessment,
    chains: Vec<JudgedChain>,
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

impl Rejection {
    pub(crate) fn new(assessment: Assessment) -> Self {
        Self { assessment }
    }

    /// Makes the rejection of a layout that could not even be opened.
    pub fn of_layout(finding: Finding) -> Self {
        Self { assessment: Assessment { chains: Vec::new(), findings: vec![finding] } }
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
