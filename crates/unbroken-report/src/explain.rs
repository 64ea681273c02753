//! The page of every finding code, embedded so that it can be read without network.

use unbroken_verify::FindingCode;

macro_rules! pages {
    ($($code:ident = $word:literal,)*) => {
        &[$((
            FindingCode::$code,
            include_str!(concat!("../../../docs/findings/", $word, ".md")),
        ),)*]
    };
}

/// The pages in the order of a verification.
const PAGES: &[(FindingCode, &str)] = pages! {
    EnvelopeMalformed = "envelope-malformed",
    PayloadTypeMismatch = "payload-type-mismatch",
    SignatureThresholdNotMet = "signature-threshold-not-met",
    LayoutMalformed = "layout-malformed",
    LayoutEmpty = "layout-empty",
    LayoutExpired = "layout-expired",
    LayoutReplayed = "layout-replayed",
    ThresholdBelowOne = "threshold-below-one",
    ThresholdAboveKeys = "threshold-above-keys",
    NameInvalid = "name-invalid",
    NameDuplicate = "name-duplicate",
    KeyIdInvalid = "key-id-invalid",
    KeyListedTwice = "key-listed-twice",
    KeyUnusable = "key-unusable",
    PrivateKeyInLayout = "private-key-in-layout",
    CertificateAuthorityInvalid = "certificate-authority-invalid",
    RuleMalformed = "rule-malformed",
    MatchSourceMissing = "match-source-missing",
    ParameterInvalid = "parameter-invalid",
    LinkMalformed = "link-malformed",
    LinkMissing = "link-missing",
    LinkThresholdNotMet = "link-threshold-not-met",
    LinkNameMismatch = "link-name-mismatch",
    LinkUnbound = "link-unbound",
    LinkBoundElsewhere = "link-bound-elsewhere",
    LinkTimeRefused = "link-time-refused",
    FunctionaryNotAuthorised = "functionary-not-authorised",
    FunctionaryKeyMissing = "functionary-key-missing",
    LinkSignatureInvalid = "link-signature-invalid",
    CertificateMalformed = "certificate-malformed",
    CertificateUsage = "certificate-usage",
    CertificateExpired = "certificate-expired",
    CertificateUntrusted = "certificate-untrusted",
    CertificateConstraintNotMet = "certificate-constraint-not-met",
    TimestampInvalid = "timestamp-invalid",
    LinksDisagree = "links-disagree",
    PathNotNormal = "path-not-normal",
    DigestInvalid = "digest-invalid",
    DigestNotStrong = "digest-not-strong",
    CommandDiffers = "command-differs",
    CommandFailed = "command-failed",
    RuleDisallow = "rule-disallow",
    RuleRequire = "rule-require",
    SublayoutRejected = "sublayout-rejected",
    SublayoutCycle = "sublayout-cycle",
    SublayoutInspectionRefused = "sublayout-inspection-refused",
    InspectorNotAuthorised = "inspector-not-authorised",
    InspectionLinkRefused = "inspection-link-refused",
    InspectionFailed = "inspection-failed",
    InspectionNotRun = "inspection-not-run",
    BudgetExceeded = "budget-exceeded",
    SubjectNotCovered = "subject-not-covered",
};

/// Returns the page of a code, in Markdown.
pub fn page(code: FindingCode) -> &'static str {
    PAGES.iter().find(|(known, _)| *known == code).map_or("", |(_, page)| page)
}

/// Returns what a code means, in one line: the title of its page.
pub fn title(code: FindingCode) -> &'static str {
    let line = page(code).lines().next().unwrap_or_default();
    line.split_once(": ").map_or(line, |(_, title)| title)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECTIONS: [&str; 5] = [
        "## What it means",
        "## Why it matters",
        "## Example",
        "## How to mend it",
        "## Specification",
    ];

    #[test]
    fn every_code_has_a_page_with_every_section() {
        for code in FindingCode::all() {
            let page = page(code);
            assert!(page.starts_with(&format!("# {code}: ")), "{code}");
            let headings: Vec<_> = page.lines().filter(|line| line.starts_with("## ")).collect();
            assert_eq!(headings, SECTIONS, "{code}");
            for body in page.split("\n## ").skip(1) {
                let text = body.split_once('\n').map_or("", |(_, text)| text);
                assert!(text.trim().len() > 20, "{code} has an empty section: {body}");
            }
            assert!((15..=40).contains(&page.lines().count()), "{code}: {}", page.lines().count());
        }
    }

    #[test]
    fn every_example_shows_its_code() {
        for code in FindingCode::all() {
            let page = page(code);
            let shown = ["error", "warning"].map(|severity| format!("\n{severity}[{code}]: "));
            assert!(shown.iter().any(|line| page.contains(line.as_str())), "{code}");
            assert!(page.lines().all(|line| line.chars().count() <= 120), "{code} has a long line");
        }
    }
}
