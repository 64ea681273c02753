//! The session: evidence in, verdict out.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails, its helpers too")]

mod budgets;
mod certificates;
mod inspections;
mod openpgp;
mod order;
mod partial;
mod signed_inspections;
mod steps;
mod subjects;
mod sublayouts;
mod thresholds;

use unbroken_testkit::{Chain, Verdict};
use unbroken_verify::Finding;

/// Judges a chain that must be verified without a warning.
fn verified(chain: &Chain) {
    let verdict = chain.case().judge();
    assert!(verdict.verified && verdict.findings.is_empty(), "{:#?}", verdict.findings);
}

/// Judges a chain that must be rejected with exactly these codes.
fn rejected(chain: &Chain, codes: &[&str]) -> Verdict {
    let verdict = chain.case().judge();
    assert!(!verdict.verified);
    assert_eq!(verdict.errors, codes, "{:#?}", verdict.findings);
    verdict
}

/// Judges a chain that must be verified with exactly these warnings.
fn warned(chain: &Chain, codes: &[&str]) -> Verdict {
    let verdict = chain.case().judge();
    assert!(verdict.verified && verdict.errors.is_empty(), "{:#?}", verdict.findings);
    assert_eq!(verdict.warnings, codes, "{:#?}", verdict.findings);
    verdict
}

/// Returns the only finding of a code.
fn the<'v>(verdict: &'v Verdict, code: &str) -> &'v Finding {
    let mut found = verdict.findings.iter().filter(|finding| finding.code.as_str() == code);
    let finding = found.next().unwrap();
    assert_eq!(found.next(), None, "two findings of {code}");
    finding
}
