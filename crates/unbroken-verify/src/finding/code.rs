//! The stable codes of findings. Each has a page under `docs/findings/`.

/// What kind of finding it is: a stable word in kebab case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FindingCode {
    /// The layout's file is no envelope, or its text is ambiguous.
    EnvelopeMalformed,
    /// Other metadata stands where a layout or a link is due.
    PayloadTypeMismatch,
    /// Too few of the keys that must have signed a layout did.
    SignatureThresholdNotMet,
    /// The layout, or something in it, does not have the form of the specification.
    LayoutMalformed,
    /// The layout has no step: it would admit anything.
    LayoutEmpty,
    /// The layout is past its end.
    LayoutExpired,
    /// The layout is older than one that was seen before, or than is accepted.
    LayoutReplayed,
    /// A step's threshold is below one.
    ThresholdBelowOne,
    /// A step's threshold is above the number of its different keys.
    ThresholdAboveKeys,
    /// A step or an inspection has a name that could reach another file.
    NameInvalid,
    /// Two steps or inspections have one name.
    NameDuplicate,
    /// A key id is no key id, or names no key of the layout.
    KeyIdInvalid,
    /// The layout lists one key under two ids.
    KeyListedTwice,
    /// A step needs a key that cannot be used.
    KeyUnusable,
    /// The layout holds a private key.
    PrivateKeyInLayout,
    /// The layout lists an authority that is none, or a constraint names one that it does not list.
    CertificateAuthorityInvalid,
    /// A rule of the layout has no valid form.
    RuleMalformed,
    /// A `MATCH` rule names a step that the layout does not have.
    MatchSourceMissing,
    /// A parameter of the layout has no value, or something in braces is no parameter.
    ParameterInvalid,
    /// A link's file is no link.
    LinkMalformed,
    /// There is no link for a step.
    LinkMissing,
    /// Too few different functionaries vouch for a step.
    LinkThresholdNotMet,
    /// A link names another step than it was handed in for.
    LinkNameMismatch,
    /// A link does not say for which layout, run or time it was made, and has to.
    LinkUnbound,
    /// A link was made for another layout or run.
    LinkBoundElsewhere,
    /// A link was made before the time that is asked for, or after now.
    LinkTimeRefused,
    /// A link is signed by a key that may not sign for the step.
    FunctionaryNotAuthorised,
    /// A functionary who vouches by several keys together did not sign with all of them.
    FunctionaryKeyMissing,
    /// A link has no valid signature of a key of the layout.
    LinkSignatureInvalid,
    /// The certificate of a link's signer cannot be read, or holds a weak key.
    CertificateMalformed,
    /// The certificate of a link's signer is for other things than signing.
    CertificateUsage,
    /// A certificate on the path of a link's signer is not in force.
    CertificateExpired,
    /// No path leads from the certificate of a link's signer to a root of the layout.
    CertificateUntrusted,
    /// The certificate of a link's signer meets no constraint of the step.
    CertificateConstraintNotMet,
    /// A time-stamp token that stands with a signature proves no time.
    TimestampInvalid,
    /// The links of one step differ in materials or products.
    LinksDisagree,
    /// A path in a link is not in normal form.
    PathNotNormal,
    /// A digest in a link cannot be one.
    DigestInvalid,
    /// An artifact has no digest that proves its content.
    DigestNotStrong,
    /// The recorded command differs from the expected one.
    CommandDiffers,
    /// The recorded command ended with an error.
    CommandFailed,
    /// An artifact is there that a `DISALLOW` rule forbids.
    RuleDisallow,
    /// An artifact that a `REQUIRE` rule demands is not there.
    RuleRequire,
    /// A sublayout failed its own verification.
    SublayoutRejected,
    /// A sublayout stands below itself.
    SublayoutCycle,
    /// A sublayout wants to run commands and may not.
    SublayoutInspectionRefused,
    /// The signed link of an inspection is not signed by those who may inspect.
    InspectorNotAuthorised,
    /// The signed link of an inspection does not stand in for running it.
    InspectionLinkRefused,
    /// An inspection's command failed.
    InspectionFailed,
    /// An inspection was not run.
    InspectionNotRun,
    /// The evidence asks for more work than a verification may spend.
    BudgetExceeded,
    /// The verified chain does not name the image or file in question.
    SubjectNotCovered,
}

/// The codes with their words, in the order of a verification.
const WORDS: &[(FindingCode, &str)] = &[
    (FindingCode::EnvelopeMalformed, "envelope-malformed"),
    (FindingCode::PayloadTypeMismatch, "payload-type-mismatch"),
    (FindingCode::SignatureThresholdNotMet, "signature-threshold-not-met"),
    (FindingCode::LayoutMalformed, "layout-malformed"),
    (FindingCode::LayoutEmpty, "layout-empty"),
    (FindingCode::LayoutExpired, "layout-expired"),
    (FindingCode::LayoutReplayed, "layout-replayed"),
    (FindingCode::ThresholdBelowOne, "threshold-below-one"),
    (FindingCode::ThresholdAboveKeys, "threshold-above-keys"),
    (FindingCode::NameInvalid, "name-invalid"),
    (FindingCode::NameDuplicate, "name-duplicate"),
    (FindingCode::KeyIdInvalid, "key-id-invalid"),
    (FindingCode::KeyListedTwice, "key-listed-twice"),
    (FindingCode::KeyUnusable, "key-unusable"),
    (FindingCode::PrivateKeyInLayout, "private-key-in-layout"),
    (FindingCode::CertificateAuthorityInvalid, "certificate-authority-invalid"),
    (FindingCode::RuleMalformed, "rule-malformed"),
    (FindingCode::MatchSourceMissing, "match-source-missing"),
    (FindingCode::ParameterInvalid, "parameter-invalid"),
    (FindingCode::LinkMalformed, "link-malformed"),
    (FindingCode::LinkMissing, "link-missing"),
    (FindingCode::LinkThresholdNotMet, "link-threshold-not-met"),
    (FindingCode::LinkNameMismatch, "link-name-mismatch"),
    (FindingCode::LinkUnbound, "link-unbound"),
    (FindingCode::LinkBoundElsewhere, "link-bound-elsewhere"),
    (FindingCode::LinkTimeRefused, "link-time-refused"),
    (FindingCode::FunctionaryNotAuthorised, "functionary-not-authorised"),
    (FindingCode::FunctionaryKeyMissing, "functionary-key-missing"),
    (FindingCode::LinkSignatureInvalid, "link-signature-invalid"),
    (FindingCode::CertificateMalformed, "certificate-malformed"),
    (FindingCode::CertificateUsage, "certificate-usage"),
    (FindingCode::CertificateExpired, "certificate-expired"),
    (FindingCode::CertificateUntrusted, "certificate-untrusted"),
    (FindingCode::CertificateConstraintNotMet, "certificate-constraint-not-met"),
    (FindingCode::TimestampInvalid, "timestamp-invalid"),
    (FindingCode::LinksDisagree, "links-disagree"),
    (FindingCode::PathNotNormal, "path-not-normal"),
    (FindingCode::DigestInvalid, "digest-invalid"),
    (FindingCode::DigestNotStrong, "digest-not-strong"),
    (FindingCode::CommandDiffers, "command-differs"),
    (FindingCode::CommandFailed, "command-failed"),
    (FindingCode::RuleDisallow, "rule-disallow"),
    (FindingCode::RuleRequire, "rule-require"),
    (FindingCode::SublayoutRejected, "sublayout-rejected"),
    (FindingCode::SublayoutCycle, "sublayout-cycle"),
    (FindingCode::SublayoutInspectionRefused, "sublayout-inspection-refused"),
    (FindingCode::InspectorNotAuthorised, "inspector-not-authorised"),
    (FindingCode::InspectionLinkRefused, "inspection-link-refused"),
    (FindingCode::InspectionFailed, "inspection-failed"),
    (FindingCode::InspectionNotRun, "inspection-not-run"),
    (FindingCode::BudgetExceeded, "budget-exceeded"),
    (FindingCode::SubjectNotCovered, "subject-not-covered"),
];

impl FindingCode {
    /// Returns the word.
    pub fn as_str(self) -> &'static str {
        WORDS.iter().find(|(code, _)| *code == self).map_or("", |(_, word)| word)
    }

    /// Finds a code by its word.
    pub fn from_word(word: &str) -> Option<Self> {
        WORDS.iter().find(|(_, known)| *known == word).map(|(code, _)| *code)
    }

    /// Goes through all codes in the order of a verification.
    pub fn all() -> impl Iterator<Item = Self> {
        WORDS.iter().map(|(code, _)| *code)
    }
}

impl std::fmt::Display for FindingCode {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::as_conversions, reason = "a variant has no other way to its place")]
    fn words_lead_there_and_back_and_are_kebab_case() {
        for code in FindingCode::all() {
            assert_eq!(FindingCode::from_word(code.as_str()), Some(code));
            assert!(code.as_str().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'));
        }
        // The table names every code: the last one stands at its own place.
        assert_eq!(WORDS.len(), usize::from(FindingCode::SubjectNotCovered as u8) + 1);
    }
}
