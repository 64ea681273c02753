//! Verifies the chain of an image in a registry. No command is run: inspections pass by signed links.

use unbroken_crypto::{Inspector, KeySet};
use unbroken_model::digest::Digest;
use unbroken_model::limits::Limits;
use unbroken_model::timestamp::Timestamp;
use unbroken_oci::evidence::{Evidence, Scope};
use unbroken_oci::image::ResolvedImage;
use unbroken_oci::location::Location;
use unbroken_oci::manifest::Fetched;
use unbroken_oci::reference::Reference;
use unbroken_oci::registry::Client;
use unbroken_oci::store::open_store;
use unbroken_oci::{OciError, look_up};
use unbroken_verify::{
    BindingDemands, BindingPolicy, Budget, InspectionCommands, Inspectors, NamedEvidence, Options,
    Product, Rejection, Session, VerifiedSupplyChain, open_layout,
};

use crate::admission::{Occasion, Verify};
use crate::code::AdmissionCode;
use crate::decision::{Demand, Failure, Verified};
use crate::policy::{Binding, ChainPolicy, Policy};

/// Looks images and their evidence up in registries.
pub struct RegistryVerifier {
    client: Client,
}

/// An image that was looked up, with what lies beside it.
struct Found {
    /// The digests by which a chain may name the image, that of the manifest first.
    digests: Vec<Digest>,
    manifests: Vec<Fetched>,
    beside: Vec<NamedEvidence>,
}

impl RegistryVerifier {
    /// Makes a verifier; nothing is connected to yet.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// Returns the client, whose requests end when nobody waits for the answer any more.
    fn client(&self, occasion: Occasion) -> Client {
        occasion.until.map_or_else(|| self.client.clone(), |until| self.client.until(until))
    }
}

/// Looks an image up. A tag is resolved here and nowhere else: what follows goes by digests.
fn find(client: &Client, image: &Reference) -> Result<Found, OciError> {
    let place = Location::Registry(image.clone());
    let (identified, ResolvedImage { image: manifest, index }) = look_up(&place, client, None)?;
    let digests = identified
        .digests()
        .ok_or_else(|| OciError::NotFound { what: format!("the digest of {image}") })?;
    let manifests: Vec<Fetched> = manifest.into_iter().chain(index).collect();
    let beside = gather(client, &place, &manifests)?;
    let digests = std::iter::once(digests.digest).chain(digests.others).collect();
    Ok(Found { digests, manifests, beside })
}

fn gather(
    client: &Client,
    place: &Location,
    manifests: &[Fetched],
) -> Result<Vec<NamedEvidence>, OciError> {
    let store = open_store(place, client)?;
    let mut named = Vec::new();
    for manifest in manifests {
        let found = store.find(manifest, Scope::Chain)?;
        named.extend(found.evidence.into_iter().filter_map(named_evidence));
    }
    Ok(named)
}

fn judge(
    client: &Client,
    image: &Reference,
    found: &Found,
    (name, chain): (&str, &ChainPolicy),
    now: Timestamp,
) -> Result<Verified, Vec<Failure>> {
    let mut elsewhere = Vec::new();
    for place in &chain.evidence {
        let more = gather(client, place, &found.manifests);
        elsewhere.extend(more.map_err(|error| vec![undecided(&error)])?);
    }
    let beside = || found.beside.iter().chain(&elsewhere);
    let verified = verify_chain(chain, beside, now).map_err(|rejection| {
        let errors: Vec<Failure> =
            rejection.assessment().errors().map(Failure::of_finding).collect();
        errors
    })?;
    let mut refused = None;
    for digest in &found.digests {
        match verified.admits(digest) {
            Ok(proof) => {
                let demand = Demand::new(image, name);
                let digest = found.digests.first().unwrap_or(digest);
                return Ok(Verified::of(demand, digest, &proof));
            }
            Err(finding) => _ = refused.get_or_insert(finding),
        }
    }
    Err(refused.iter().map(|finding| Failure::of_finding(finding)).collect())
}

impl Verify for RegistryVerifier {
    fn verify(
        &self,
        image: &Reference,
        policies: &[&Policy],
        occasion: Occasion,
    ) -> Vec<Result<Verified, Vec<Failure>>> {
        let client = self.client(occasion);
        let found = find(&client, image);
        let judge = |policy: &&Policy| {
            let found = found.as_ref().map_err(|error| vec![undecided(error)])?;
            // A policy that cannot be used is not handed in; if it were, it would prove nothing.
            let chain = policy.chain.as_ref().map_err(|_| Vec::new())?;
            judge(&client, image, found, (&policy.name, chain), occasion.now)
        };
        policies.iter().map(judge).collect()
    }

    fn resolve(&self, image: &Reference, occasion: Occasion) -> Result<Digest, Box<Failure>> {
        let place = Location::Registry(image.clone());
        let mut failure = match look_up(&place, &self.client(occasion), None) {
            Ok((identified, _)) => match identified.digests() {
                Some(digests) => return Ok(digests.digest),
                None => undecided(&OciError::NotFound { what: format!("the digest of {image}") }),
            },
            Err(error) => undecided(&error),
        };
        failure.image = image.to_string();
        Err(Box::new(failure))
    }
}

/// Judges the chain of a policy over evidence.
fn verify_chain<'a, I: Iterator<Item = &'a NamedEvidence>>(
    chain: &ChainPolicy,
    evidence: impl Fn() -> I,
    now: Timestamp,
) -> Result<VerifiedSupplyChain, Box<Rejection>> {
    let in_force = open_layout(&chain.layout, &chain.owners, now)?;
    let options = Options {
        parameters: chain.parameters.clone(),
        inspections: InspectionCommands::Never,
        inspectors: inspectors(&chain.inspectors),
        bindings: bindings(&chain.binding, now),
        ..Options::default()
    };
    let mut session = Session::open(in_force, now, options, Limits::default(), Budget::default());
    loop {
        let requests = session.requests();
        if requests.is_empty() {
            break;
        }
        for request in requests {
            let pieces: Vec<_> =
                evidence().filter_map(|piece| piece.for_request(&request)).collect();
            session.submit_all(request.chain, &pieces);
        }
    }
    let mut waiting = session.evaluate()?;
    waiting.stand_in(Product::NotAtHand);
    waiting.conclude(Vec::new())
}

fn inspectors(keys: &KeySet<Inspector>) -> Inspectors {
    if keys.iter().next().is_none() { Inspectors::Owners } else { Inspectors::AnyOf(keys.clone()) }
}

fn bindings(binding: &Binding, now: Timestamp) -> BindingPolicy {
    match binding {
        Binding::Optional => BindingPolicy::Report,
        Binding::Required { max_age } => {
            let youngest = |age: u32| now.unix().saturating_sub(i64::from(age));
            let not_before = max_age.map(|age| Timestamp::from_unix(youngest(age)));
            BindingPolicy::Require(BindingDemands { nonce: None, not_before })
        }
    }
}

fn named_evidence(piece: Evidence) -> Option<NamedEvidence> {
    let name = piece.link_name()?;
    let source = format!("{name} ({} {})", piece.way, piece.manifest);
    NamedEvidence::new(&name, source, piece.bytes)
}

/// A registry that does not answer says nothing about a chain; one that has no such image does.
fn undecided(error: &OciError) -> Failure {
    let mut message = error.to_string();
    let mut source = std::error::Error::source(error);
    // Errors of transport are few deep.
    for _ in 0..8 {
        let Some(cause) = source else { break };
        message = format!("{message}: {cause}");
        source = cause.source();
    }
    let remedy = "try again later; look at the registry, its credentials and the network";
    Failure::new(AdmissionCode::Undecided, message, remedy).undecided()
}
