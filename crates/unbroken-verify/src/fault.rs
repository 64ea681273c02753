//! From faults of documents to findings.

use std::error::Error;

use unbroken_crypto::AuthenticationError;
use unbroken_model::decode::{DecodeError, Fault};
use unbroken_model::envelope::{EnvelopeError, PayloadError};
use unbroken_model::json::JsonError;

use crate::finding::{Finding, FindingCode};

/// Turns the reason why bytes are no envelope into a finding about a layout.
pub fn envelope_finding(error: &EnvelopeError) -> Finding {
    let code = match error {
        EnvelopeError::Json(error) if error.is_limit() => FindingCode::BudgetExceeded,
        EnvelopeError::Limit { .. } => FindingCode::BudgetExceeded,
        _ => FindingCode::EnvelopeMalformed,
    };
    Finding::error(code, chain_of(error), "get the file again from whoever signed it")
}

/// Turns the reason why a layout is not authentic into a finding.
pub fn layout_finding(error: &AuthenticationError) -> Finding {
    match error {
        AuthenticationError::NoKeys => Finding::error(
            FindingCode::SignatureThresholdNotMet,
            "no key of an owner was given, so nothing can be authentic",
            "give the owner's public key, got over a channel that you trust",
        ),
        AuthenticationError::ThresholdNotMet { found, needed, signatures } => {
            let mut message =
                format!("{found} of {needed} keys that must have signed the layout did");
            for report in signatures {
                message.push_str("; ");
                message.push_str(&report.to_string());
            }
            if signatures.is_empty() {
                message.push_str("; the layout carries no signature");
            }
            let remedy = "compare the key ids: if the signer is the owner, get his public key over \
                          a channel that you trust; if the key is right, the layout was changed";
            Finding::error(FindingCode::SignatureThresholdNotMet, message, remedy)
        }
        AuthenticationError::Payload(error) => payload_finding(
            error,
            FindingCode::LayoutMalformed,
            "the owner mends the layout and signs it again",
        ),
        other => Finding::error(
            FindingCode::BudgetExceeded,
            chain_of(other),
            "the layout carries more signatures than a layout needs",
        ),
    }
}

/// Turns the reason why an authentic payload cannot be read into a finding; `general` is the code
/// for whatever has none of its own.
pub(crate) fn payload_finding(error: &PayloadError, general: FindingCode, remedy: &str) -> Finding {
    let code = match error {
        PayloadError::Json(error) => json_code(error, general),
        PayloadError::Decode(error) => decode_code(error, general),
        _ => general,
    };
    Finding::error(code, chain_of(error), remedy)
}

fn json_code(error: &JsonError, general: FindingCode) -> FindingCode {
    if error.is_limit() { FindingCode::BudgetExceeded } else { general }
}

fn decode_code(error: &DecodeError, general: FindingCode) -> FindingCode {
    match error.fault {
        Fault::Kind { .. } => FindingCode::PayloadTypeMismatch,
        Fault::Threshold { .. } => FindingCode::ThresholdBelowOne,
        Fault::Name(_) => FindingCode::NameInvalid,
        Fault::Path(_) | Fault::DuplicatePath(_) => FindingCode::PathNotNormal,
        Fault::Digest(_) => FindingCode::DigestInvalid,
        Fault::Rule(_) => FindingCode::RuleMalformed,
        Fault::KeyId(_) => FindingCode::KeyIdInvalid,
        _ => general,
    }
}

/// Writes an error and its sources in one line.
pub(crate) fn chain_of(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let more = source.to_string();
        // Transparent errors repeat their source.
        if !text.ends_with(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        next = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use unbroken_model::json::Value;
    use unbroken_model::limits::Limits;

    use super::*;

    #[test]
    fn a_payload_beyond_its_bounds_is_told_from_one_with_a_fault() {
        let of = |text: &str| {
            let error = Value::parse(text.as_bytes(), &Limits::default()).unwrap_err();
            payload_finding(&PayloadError::Json(error), FindingCode::LinkMalformed, "").code
        };
        assert_eq!(of(&"[".repeat(100)), FindingCode::BudgetExceeded);
        assert_eq!(of("[,]"), FindingCode::LinkMalformed);
    }

    #[test]
    fn every_source_of_an_error_is_told_once() {
        let error = Value::parse(b"[,]", &Limits::default()).unwrap_err();
        let due = "not acceptable JSON: expected value at line 1 column 2";
        assert_eq!(chain_of(&error), due);
        // Transparent: it says what its source says.
        assert_eq!(chain_of(&PayloadError::Json(error)), due);
    }
}
