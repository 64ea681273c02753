//! Makes keys and a layout of one step, and signs the layout.

#![expect(clippy::print_stdout, reason = "an example shows what it did")]

use std::collections::BTreeMap;
use std::error::Error;
use std::num::NonZeroU32;

use unbroken_crypto::{KeyAlgorithm, KeyIdStyle, SigningKey, sign};
use unbroken_model::envelope::{Envelope, EnvelopeKind, Payload};
use unbroken_model::json::Object;
use unbroken_model::layout::{Layout, Step};
use unbroken_model::rule::ArtifactRule;

fn main() -> Result<(), Box<dyn Error>> {
    let owner = SigningKey::generate(KeyAlgorithm::Ed25519)?;
    let builder = SigningKey::generate(KeyAlgorithm::EcdsaP256)?;
    let listed = builder.public().to_layout_key(KeyIdStyle::default())?;

    // The builder alone makes `app`, out of `app.c` and nothing else.
    let build = Step {
        name: "build".parse()?,
        expected_materials: rules(&["ALLOW app.c", "DISALLOW *"])?,
        expected_products: rules(&["CREATE app", "ALLOW app.c", "DISALLOW *"])?,
        pubkeys: vec![listed.id.clone()],
        cert_constraints: Vec::new(),
        expected_command: ["cc", "-o", "app", "app.c"].map(str::to_owned).to_vec(),
        threshold: NonZeroU32::MIN,
        extra: Object::new(),
    };
    let layout = Layout {
        expires: "2035-01-01T00:00:00Z".parse()?,
        readme: "how app is made".to_owned(),
        keys: [(listed.id.clone(), listed)].into(),
        root_cas: BTreeMap::new(),
        intermediate_cas: BTreeMap::new(),
        steps: vec![build],
        inspections: Vec::new(),
        extra: Object::new(),
    };

    let mut envelope = Envelope::unsigned(EnvelopeKind::Metablock, layout.to_value());
    sign(&mut envelope, &owner, KeyIdStyle::default())?;
    std::fs::write("root.layout", envelope.to_bytes())?;
    println!("root.layout, signed by {}", owner.public().describe());
    Ok(())
}

fn rules(texts: &[&str]) -> Result<Vec<ArtifactRule>, Box<dyn Error>> {
    let parsed: Result<Vec<_>, _> =
        texts.iter().map(|text| ArtifactRule::parse_text(text)).collect();
    Ok(parsed?)
}
