//! Verifies a layout with the wrong key and reads the finding.

#![expect(clippy::print_stdout, reason = "an example shows what it did")]

use std::error::Error;
use std::num::NonZeroU32;

use unbroken_crypto::{
    KeyAlgorithm, KeyIdStyle, KeySet, Owner, SignatureBudget, SigningKey, authenticate, sign,
};
use unbroken_model::envelope::{Envelope, EnvelopeKind};
use unbroken_model::json::Value;
use unbroken_model::layout::Layout;
use unbroken_model::limits::Limits;
use unbroken_verify::{FindingCode, layout_finding};

fn main() -> Result<(), Box<dyn Error>> {
    let limits = Limits::default();
    let text =
        br#"{"_type":"layout","expires":"2035-01-01T00:00:00Z","keys":{},"steps":[],"inspect":[]}"#;
    let mut envelope = Envelope::unsigned(EnvelopeKind::Dsse, Value::parse(text, &limits)?);
    sign(&mut envelope, &SigningKey::generate(KeyAlgorithm::Ed25519)?, KeyIdStyle::default())?;

    let other = SigningKey::generate(KeyAlgorithm::Ed25519)?;
    let owners = KeySet::<Owner>::new([other.public().clone()]);
    let mut budget = SignatureBudget::default();
    let result =
        authenticate::<Layout, Owner>(envelope, &owners, NonZeroU32::MIN, &limits, &mut budget);

    let finding = layout_finding(&result.err().ok_or("a stranger's signature was accepted")?);
    println!("code     {}", finding.code);
    println!("message  {}", finding.message);
    println!("remedy   {}", finding.remedy);
    assert_eq!(finding.code, FindingCode::SignatureThresholdNotMet);
    Ok(())
}
