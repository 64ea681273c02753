//! Runs a command as a step, and signs the link that tells what it used and made.

#![expect(clippy::print_stdout, reason = "an example shows what it did")]

use std::error::Error;

use unbroken_crypto::{KeyAlgorithm, KeyIdStyle, SigningKey, sign};
use unbroken_model::envelope::{Envelope, EnvelopeKind, Payload};
use unbroken_record::{StepRun, link_file_name, run_step};

fn main() -> Result<(), Box<dyn Error>> {
    std::fs::write("input.txt", "one\n")?;
    let builder = SigningKey::generate(KeyAlgorithm::Ed25519)?;

    let command = ["cp", "input.txt", "output.txt"].map(str::to_owned);
    let recorded = run_step(&StepRun {
        materials: &["input.txt".to_owned()],
        products: &["output.txt".to_owned()],
        ..StepRun::new("copy".parse()?, &command)
    })?;

    let mut envelope = Envelope::unsigned(EnvelopeKind::Metablock, recorded.link.to_value());
    sign(&mut envelope, &builder, KeyIdStyle::default())?;
    let file =
        link_file_name(&recorded.link.name, &builder.public().key_id(KeyIdStyle::default()))?;
    std::fs::write(&file, envelope.to_bytes())?;
    println!("{file}: {:?}", recorded.link.products);
    assert_eq!(recorded.link.materials.get("input.txt"), recorded.link.products.get("output.txt"));
    Ok(())
}
