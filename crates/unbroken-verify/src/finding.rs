//! Findings: what is wrong with a chain, as data.

mod code;

use std::fmt;

use unbroken_model::digest::DigestSet;
use unbroken_model::rule::Side;

pub use self::code::FindingCode;

/// One thing that a verification found.
///
/// A finding is a value and no error: a verification gathers all of them. Texts in it come from
/// untrusted metadata; whoever prints them escapes control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The stable kind.
    pub code: FindingCode,
    /// Whether it rejects the chain.
    pub severity: Severity,
    /// The sublayouts that lead to the place, outermost first, each by the name of its evidence
    /// (`build.210dcc50`); empty in the layout itself.
    pub chain: Vec<String>,
    /// The step or inspection.
    pub item: Option<String>,
    /// The rule that decided.
    pub rule: Option<RuleReference>,
    /// The artifact.
    pub artifact: Option<String>,
    /// What was expected of the artifact and what was found.
    pub difference: Option<Difference>,
    /// The functionary, described by his key.
    pub functionary: Option<String>,
    /// The file or other source of the evidence.
    pub source: Option<String>,
    /// What is wrong, in one sentence for people.
    pub message: String,
    /// What would mend it.
    pub remedy: String,
}

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The chain is rejected.
    Error,
    /// The chain may pass; somebody should look.
    Warning,
}

/// A rule of the layout by its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleReference {
    /// The list: `expected_materials` or `expected_products`.
    pub side: Side,
    /// The index in the list, from 0.
    pub index: usize,
    /// The rule in text form.
    pub text: String,
}

/// The two sides of an artifact that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Whose record was compared: `products of checkout`.
    pub expected_at: String,
    /// What that record says; nothing where it does not name the artifact.
    pub expected: Option<DigestSet>,
    /// What was found here; nothing where the artifact is absent.
    pub found: Option<DigestSet>,
}

impl Finding {
    /// Makes a finding that rejects.
    pub(crate) fn error(
        code: FindingCode,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            code,
            severity: Severity::Error,
            chain: Vec::new(),
            item: None,
            rule: None,
            artifact: None,
            difference: None,
            functionary: None,
            source: None,
            message: message.into(),
            remedy: remedy.into(),
        }
    }

    /// Makes a finding that warns.
    pub(crate) fn warning(
        code: FindingCode,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message, remedy) }
    }

    /// Names the step or inspection.
    pub(crate) fn of_item(mut self, item: impl fmt::Display) -> Self {
        self.item = Some(item.to_string());
        self
    }

    /// Names the artifact.
    pub(crate) fn of_artifact(mut self, artifact: impl fmt::Display) -> Self {
        self.artifact = Some(artifact.to_string());
        self
    }

    /// Names the functionary.
    pub(crate) fn of_functionary(mut self, functionary: impl fmt::Display) -> Self {
        self.functionary = Some(functionary.to_string());
        self
    }

    /// Names the source of the evidence.
    pub(crate) fn at_source(mut self, source: impl fmt::Display) -> Self {
        self.source = Some(source.to_string());
        self
    }

    /// Tells whether the finding rejects the chain.
    pub fn rejects(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "[{}] ", self.code)?;
        for name in &self.chain {
            write!(out, "{name}/")?;
        }
        if let Some(item) = &self.item {
            write!(out, "{item}: ")?;
        }
        out.write_str(&self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_written_with_its_place() {
        let mut finding = Finding::error(FindingCode::LinkMissing, "there is none", "");
        assert_eq!(finding.to_string(), "[link-missing] there is none");
        finding = finding.of_item("compile");
        finding.chain = vec!["build.210dcc50".to_owned()];
        assert_eq!(finding.to_string(), "[link-missing] build.210dcc50/compile: there is none");
    }
}
