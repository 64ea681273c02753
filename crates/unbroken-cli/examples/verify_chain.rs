//! Verifies a chain of one step in memory: a layout, a link, a verdict.

#![expect(clippy::print_stdout, reason = "an example shows what it did")]

use std::collections::BTreeMap;
use std::error::Error;
use std::num::NonZeroU32;

use unbroken_crypto::{
    KeyAlgorithm, KeyIdStyle, KeySet, Owner, SignatureBudget, SigningKey, authenticate, sign,
};
use unbroken_model::artifact::ArtifactSet;
use unbroken_model::digest::{Digest, DigestAlgorithm, DigestSet};
use unbroken_model::envelope::{Envelope, EnvelopeKind, Payload};
use unbroken_model::json::Object;
use unbroken_model::layout::{Layout, Step};
use unbroken_model::limits::Limits;
use unbroken_model::link::{Link, LinkForm};
use unbroken_model::rule::ArtifactRule;
use unbroken_verify::{Budget, InForce, Options, Session, Submission};

fn main() -> Result<(), Box<dyn Error>> {
    let (owner, builder) = (
        SigningKey::generate(KeyAlgorithm::Ed25519)?,
        SigningKey::generate(KeyAlgorithm::Ed25519)?,
    );
    let (layout, link) = evidence(&owner, &builder)?;

    // The layout: signatures first, then its end.
    let limits = Limits::default();
    let owners = KeySet::<Owner>::new([owner.public().clone()]);
    let every = owners.every_key().ok_or("no owner")?;
    let envelope = Envelope::parse(&layout, &limits)?;
    let authentic = authenticate::<Layout, Owner>(
        envelope,
        &owners,
        every,
        &limits,
        &mut SignatureBudget::default(),
    )?;
    let now = "2030-01-01T00:00:00Z".parse()?;
    let in_force = InForce::at(&authentic, now).map_err(|finding| finding.to_string())?;

    // The evidence, as the session asks for it.
    let mut session = Session::open(in_force, now, Options::default(), limits, Budget::default());
    for request in session.requests() {
        for step in &request.steps {
            let (source, stem) = ("build.link", "build.00000000");
            session.submit(request.chain, Submission { step, source, stem, bytes: &link });
        }
    }

    // The verdict. This layout has no inspections to run.
    let waiting = session.evaluate().map_err(|rejection| format!("{rejection:?}"))?;
    assert!(waiting.requests().is_empty());
    let chain = waiting.conclude(Vec::new()).map_err(|rejection| format!("{rejection:?}"))?;
    let made = Digest::new(DigestAlgorithm::Sha256, &[7; 32]);
    let proof = chain.admits(&made).map_err(|finding| finding.to_string())?;
    println!("verified; {made} is a product: {:?}", proof.binding());
    Ok(())
}

/// Makes a layout that asks for a build, and the link of one.
fn evidence(
    owner: &SigningKey,
    builder: &SigningKey,
) -> Result<(Vec<u8>, Vec<u8>), Box<dyn Error>> {
    let listed = builder.public().to_layout_key(KeyIdStyle::default())?;
    let products = ["CREATE app", "DISALLOW *"].map(ArtifactRule::parse_text);
    let layout = Layout {
        expires: "2035-01-01T00:00:00Z".parse()?,
        readme: String::new(),
        steps: vec![Step {
            name: "build".parse()?,
            expected_materials: Vec::new(),
            expected_products: products.into_iter().collect::<Result<_, _>>()?,
            pubkeys: vec![listed.id.clone()],
            cert_constraints: Vec::new(),
            expected_command: Vec::new(),
            threshold: NonZeroU32::MIN,
            extra: Object::new(),
        }],
        keys: [(listed.id.clone(), listed)].into(),
        root_cas: BTreeMap::new(),
        intermediate_cas: BTreeMap::new(),
        inspections: Vec::new(),
        extra: Object::new(),
    };
    let link = Link {
        form: LinkForm::Plain,
        name: "build".parse()?,
        command: vec!["make".to_owned()],
        materials: ArtifactSet::default(),
        products: ArtifactSet::from_entries(vec![("app".parse()?, DigestSet::sha256([7; 32]))])?,
        byproducts: Object::new(),
        environment: Object::new(),
        extra: Object::new(),
    };
    Ok((signed(&layout, owner)?, signed(&link, builder)?))
}

fn signed(payload: &impl Payload, key: &SigningKey) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut envelope = Envelope::unsigned(EnvelopeKind::Dsse, payload.to_value());
    sign(&mut envelope, key, KeyIdStyle::default())?;
    Ok(envelope.to_bytes())
}
