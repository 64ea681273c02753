//! Makes the webhook's own certificates, and sees to it that the API server trusts what is shown.
//!
//! A certificate is shown when its authority has stood in the registrations for a while. Registrations
//! are read before the secret, and each write names the version that was read: a replica that knows
//! less than another does not take an authority out again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use data_encoding::BASE64;
use serde_json::{Value, json};
use unbroken_model::timestamp::Timestamp;

use super::api::{Api, ApiError};
use super::certificates::{Generation, Generations};
use super::resource::{Name, Resource};
use crate::log::Log;

/// The member of the secret.
const MEMBER: &str = "generations";
/// How often is looked, at the most.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// What is needed to make certificates.
#[derive(Clone, Debug)]
pub struct Issuing {
    /// The namespace of the webhook and the name of the secret.
    pub secret: (Name, Name),
    /// The names of the server.
    pub names: Vec<String>,
    /// The registrations whose `caBundle` is kept.
    pub registrations: Vec<(Resource, Name)>,
    /// After how long a new certificate is made.
    pub renew_after: Duration,
    /// How long an authority stands in the registrations before what it signed is shown: each API
    /// server has to have seen it.
    pub settle: Duration,
}

/// A certificate and its private key, in PEM.
type Pair = (Vec<u8>, Vec<u8>);

/// The certificate to show and its private key as they are at the moment.
#[derive(Clone, Default)]
pub struct Shown {
    pair: Arc<Mutex<Option<Pair>>>,
}

/// Keeps certificates.
pub struct Rotation {
    api: Api,
    issuing: Issuing,
    clock: fn() -> Timestamp,
    log: Log,
    shown: Shown,
    /// Since when authorities were seen in all registrations.
    trusted: BTreeMap<String, Instant>,
    fault: Option<String>,
    /// What was told of the secret.
    told: Option<String>,
}

impl Shown {
    /// Returns the pair, once there is one.
    pub fn pair(&self) -> Option<Pair> {
        self.pair.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Rotation {
    /// Makes or takes up the first certificate, and keeps it fresh in a thread of its own.
    ///
    /// # Errors
    /// [`ApiError`] where there is no certificate to begin with.
    pub fn start(
        api: Api,
        issuing: Issuing,
        clock: fn() -> Timestamp,
        log: Log,
    ) -> Result<Shown, ApiError> {
        let (shown, trusted) = (Shown::default(), BTreeMap::new());
        let mut rotation =
            Self { api, issuing, clock, log, shown, trusted, fault: None, told: None };
        let shown = rotation.shown.clone();
        // Two replicas that begin at the same time make one secret: the other takes it up.
        let mut tries = 0;
        while let Err(error) = rotation.look() {
            tries += 1;
            if !error.is_conflict() || tries > 5 {
                return Err(error);
            }
        }
        let pause = rotation.issuing.settle.clamp(Duration::from_millis(200), LOOK_AGAIN);
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(pause);
                let fault = match rotation.look() {
                    // Somebody else was faster: it is looked at again.
                    Err(error) if error.is_conflict() => continue,
                    Err(error) => Some(error.to_string()),
                    Ok(()) => None,
                };
                if fault != rotation.fault {
                    let event = fault.as_deref().unwrap_or("the certificates are kept again");
                    rotation.log.event(&format!("certificates: {event}"));
                }
                rotation.fault = fault;
            }
        });
        Ok(shown)
    }

    fn look(&mut self) -> Result<(), ApiError> {
        let registrations = self.registrations()?;
        let generations = self.generations()?;
        let bundle = generations.bundle();
        let found: Vec<Vec<String>> = registrations.iter().map(|(_, it)| bundles_of(it)).collect();
        for ((path, registration), found) in registrations.into_iter().zip(&found) {
            if found.iter().any(|one| *one != bundle) {
                self.api.replace(&path, &with_bundle(registration, &bundle))?;
                self.log.event(&format!("the authorities of {path} were renewed"));
            }
        }
        // What was just written counts from the next look on, when it is read.
        self.trust(&generations, &found);
        if let Some(Generation { certificate, key, .. }) = self.choose(&generations, &found) {
            let pair = (certificate.as_bytes().to_vec(), key.as_bytes().to_vec());
            *self.shown.pair.lock().unwrap_or_else(PoisonError::into_inner) = Some(pair);
        }
        Ok(())
    }

    /// Notes since when each authority stands in all registrations.
    fn trust(&mut self, generations: &Generations, found: &[Vec<String>]) {
        let before = std::mem::take(&mut self.trusted);
        for Generation { authority, .. } in generations.latest_first() {
            if found.iter().flatten().all(|bundle| bundle.contains(authority)) {
                let since = before.get(authority).copied().unwrap_or_else(Instant::now);
                self.trusted.insert(authority.clone(), since);
            }
        }
    }

    /// Chooses what to show, if not what is shown already.
    fn choose<'a>(
        &self,
        generations: &'a Generations,
        found: &[Vec<String>],
    ) -> Option<&'a Generation> {
        // Nobody is registered who would have to trust it.
        if found.is_empty() {
            return generations.latest_first().next();
        }
        let since = |one: &Generation| self.trusted.get(&one.authority);
        let has_settled =
            |one: &Generation| since(one).is_some_and(|it| it.elapsed() >= self.issuing.settle);
        if let Some(settled) = generations.latest_first().find(|one| has_settled(one)) {
            return Some(settled);
        }
        let shown = self.shown.pair();
        let is_shown = |one: &Generation| {
            shown.as_ref().is_some_and(|(chain, _)| chain == one.certificate.as_bytes())
        };
        if generations.latest_first().any(is_shown) {
            return None;
        }
        // At the beginning the oldest that is trusted has been so for the longest.
        let trusted = generations.latest_first().filter(|one| since(one).is_some());
        trusted.last().or_else(|| generations.latest_first().next())
    }

    /// Reads the registrations that are there.
    fn registrations(&self) -> Result<Vec<(String, Value)>, ApiError> {
        let mut found = Vec::new();
        for (resource, name) in &self.issuing.registrations {
            let path = resource.one(None, name);
            if let Some(registration) = self.api.find(&path)? {
                found.push((path, registration));
            }
        }
        Ok(found)
    }

    /// Reads the generations, and makes a new one where it is time.
    fn generations(&mut self) -> Result<Generations, ApiError> {
        let (namespace, name) = &self.issuing.secret.clone();
        let path = Resource::SECRETS.one(Some(namespace), name);
        let secret = self.api.find(&path)?;
        let data = secret.as_ref().and_then(|secret| secret.get("data")?.get(MEMBER)?.as_str());
        let bytes = data.and_then(|text| BASE64.decode(text.as_bytes()).ok()).unwrap_or_default();
        let (generations, wrong) = Generations::parse(&bytes);
        if let Some(wrong) = wrong
            && self.told.replace(wrong.clone()) != Some(wrong.clone())
        {
            self.log.event(&format!("the certificates in the secret {}: {wrong}", name.as_str()));
        }
        let renew_after = i64::try_from(self.issuing.renew_after.as_secs()).unwrap_or(i64::MAX);
        let renewed = generations.renewed(&self.issuing.names, (self.clock)(), renew_after);
        let renewed = renewed.map_err(|error| ApiError::Settings(error.to_string()))?;
        let Some(renewed) = renewed else { return Ok(generations) };
        let data = json!({ MEMBER: BASE64.encode(renewed.to_json().as_bytes()) });
        if let Some(mut secret) = secret {
            if let Some(members) = secret.as_object_mut() {
                members.insert("data".to_owned(), data);
            }
            self.api.replace(&path, &secret)?;
        } else {
            let secret = json!({
                "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
                "metadata": { "name": name.as_str() }, "data": data,
            });
            self.api.create(&Resource::SECRETS.all(Some(namespace)), &secret)?;
        }
        self.log.event("a new certificate was made");
        Ok(renewed)
    }
}

/// Returns the authorities of each webhook of a registration, in PEM.
fn bundles_of(registration: &Value) -> Vec<String> {
    let webhooks = registration.get("webhooks").and_then(Value::as_array);
    let bundle = |webhook: &Value| {
        let text = webhook.pointer("/clientConfig/caBundle").and_then(Value::as_str);
        let bytes = text.and_then(|text| BASE64.decode(text.as_bytes()).ok()).unwrap_or_default();
        String::from_utf8(bytes).unwrap_or_default()
    };
    webhooks.into_iter().flatten().map(bundle).collect()
}

fn with_bundle(mut registration: Value, bundle: &str) -> Value {
    let webhooks = registration.get_mut("webhooks").and_then(Value::as_array_mut);
    for webhook in webhooks.into_iter().flatten() {
        let config = webhook.get_mut("clientConfig").and_then(Value::as_object_mut);
        if let Some(config) = config {
            config.insert("caBundle".to_owned(), json!(BASE64.encode(bundle.as_bytes())));
        }
    }
    registration
}
