//! Registries over HTTP, as the OCI distribution specification 1.1 has them.
//!
//! A registry is an adversary: what it sends is held against digests, what it names is followed by
//! one rule (`address::follow`), and credentials go to the host that they were kept for. All calls
//! block and any number of threads may use one [`Client`]: its connections and tokens are shared.

mod address;
mod challenge;
mod credentials;
mod exchange;
pub mod foreign;
mod http;
mod proxy;
mod repository;
mod tally;
mod token;
mod watcher;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ureq::tls::{Certificate, PemItem, parse_pem};

use self::address::Address;
pub use self::credentials::{CredentialPlaces, Secret};
use self::http::Agents;
pub(crate) use self::http::{chance, pause};
pub use self::proxy::Proxies;
pub use self::repository::RegistryRepository;
pub use self::tally::Tally;
use self::token::Authorization;
pub use self::watcher::{Exchange, Watcher};
use crate::error::{OciError, Result};
use crate::limits::Limits;
use crate::reference::{Host, Repository};

/// How registries are reached. The default trusts the machine's certificates and nothing else.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The bounds of every transfer.
    pub limits: Limits,
    /// Registries that are spoken to in plain HTTP, beside those of this machine. Credentials are
    /// never sent to them.
    pub plain_http: BTreeSet<Host>,
    /// Hosts that a registry may redirect to although their addresses are not public.
    pub trusted_hosts: BTreeSet<Host>,
    /// Token services that may be given credentials although they are neither the registry nor
    /// a domain above it.
    pub auth_hosts: BTreeSet<Host>,
    /// Registries that are read in place of another, in this order, before it.
    pub mirrors: BTreeMap<Host, Vec<Host>>,
    /// Whether and through what requests go.
    pub proxies: Proxies,
    /// Where credentials are looked for.
    pub credentials: CredentialPlaces,
    /// Authorities that are trusted beside those of the machine.
    pub authorities: Authorities,
}

/// Authorities that are trusted beside those of the machine.
#[derive(Clone, Debug, Default)]
pub struct Authorities(Vec<Certificate<'static>>);

impl Authorities {
    /// Adds the certificates of a text in PEM. Registries of this machine are then spoken to in
    /// HTTPS too.
    ///
    /// # Errors
    /// [`OciError::Settings`] for a text without certificates.
    pub fn add(&mut self, name: &str, pem: &[u8]) -> Result<()> {
        let unusable =
            |fault: &str| OciError::Settings { what: name.to_owned(), fault: fault.to_owned() };
        let before = self.0.len();
        for item in parse_pem(pem) {
            match item {
                Ok(PemItem::Certificate(certificate)) => self.0.push(certificate),
                Ok(_) => {}
                Err(_) => return Err(unusable("it is no PEM")),
            }
        }
        if self.0.len() == before {
            return Err(unusable("it holds no certificate"));
        }
        Ok(())
    }
}

impl Settings {
    /// Tells whether a registry is spoken to over TLS.
    fn is_secure(&self, host: &Host) -> bool {
        let of_this_machine = host.is_loopback() && self.authorities.0.is_empty();
        !(of_this_machine || self.plain_http.contains(host))
    }
}

/// The connections to registries.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    deadline: Option<Instant>,
    watcher: Option<Watcher>,
}

type Authorizations = BTreeMap<(String, String), Authorization>;

struct Shared {
    settings: Settings,
    agents: Agents,
    /// What a registry asked for before, by registry and scope.
    authorizations: Mutex<Authorizations>,
    /// When a repository was last seen to keep its referrers in fallback tags.
    fallbacks: Mutex<BTreeMap<Repository, Instant>>,
    counters: Arc<tally::Counters>,
}

/// How long a repository is taken to keep its referrers in fallback tags: a registry that is renewed
/// begins to list them.
const FALLBACK_LASTS: Duration = Duration::from_mins(1);
/// Repositories of which that is remembered.
const FALLBACKS: usize = 4096;

impl Client {
    /// Makes a client. It connects when it is asked for something.
    pub fn new(settings: Settings) -> Self {
        Self::counted(settings, Arc::default())
    }

    fn counted(settings: Settings, counters: Arc<tally::Counters>) -> Self {
        let (agents, authorizations) = (Agents::default(), Mutex::default());
        let fallbacks = Mutex::default();
        let shared = Arc::new(Shared { settings, agents, authorizations, fallbacks, counters });
        Self { shared, deadline: None, watcher: None }
    }

    /// Makes a client that looks into this text of credentials before all other places. It shares
    /// neither connections nor tokens with this one, but its requests are counted with those of this one.
    #[must_use]
    pub fn with_credentials(&self, place: String, text: Secret) -> Self {
        let mut settings = self.settings().clone();
        settings.credentials.inline = Some((place, text));
        let counters = Arc::clone(&self.shared.counters);
        Self {
            deadline: self.deadline,
            watcher: self.watcher.clone(),
            ..Self::counted(settings, counters)
        }
    }

    /// Bounds everything that is done with the result, in all, by a moment. Connections and what
    /// registries asked for stay shared.
    #[must_use]
    pub fn until(&self, deadline: Instant) -> Self {
        Self { deadline: Some(deadline), ..self.clone() }
    }

    /// Tells somebody of each request that is sent by the result.
    #[must_use]
    pub fn watched_by(&self, watcher: Watcher) -> Self {
        Self { watcher: Some(watcher), ..self.clone() }
    }

    /// Opens a repository; nothing is asked of the registry yet.
    pub fn repository(&self, repository: &Repository) -> RegistryRepository {
        RegistryRepository::new(self.clone(), repository.clone())
    }

    /// Returns the bounds that everything is fetched under.
    pub fn limits(&self) -> &Limits {
        &self.settings().limits
    }

    /// Returns how the requests of this client and of those that were made from it ended.
    pub fn tally(&self) -> Tally {
        self.shared.counters.read()
    }

    /// Counts a request and tells of it.
    fn note(&self, exchange: &Exchange<'_>) {
        self.shared.counters.count(exchange.status);
        if let Some(watcher) = &self.watcher {
            watcher(exchange);
        }
    }

    fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    fn agents(&self) -> &Agents {
        &self.shared.agents
    }

    fn authorizations(&self) -> MutexGuard<'_, Authorizations> {
        self.shared.authorizations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keeps_to_fallback(&self, repository: &Repository) -> bool {
        let fallbacks = self.shared.fallbacks.lock().unwrap_or_else(PoisonError::into_inner);
        fallbacks.get(repository).is_some_and(|seen| seen.elapsed() < FALLBACK_LASTS)
    }

    fn note_fallback(&self, repository: &Repository) {
        let mut fallbacks = self.shared.fallbacks.lock().unwrap_or_else(PoisonError::into_inner);
        if fallbacks.len() >= FALLBACKS {
            fallbacks.clear();
        }
        // Only what was asked anew counts: else it would last for as long as somebody looks.
        let seen = fallbacks.entry(repository.clone()).or_insert_with(Instant::now);
        if seen.elapsed() >= FALLBACK_LASTS {
            *seen = Instant::now();
        }
    }

    /// The address of a registry's interface.
    fn address(&self, registry: &Host) -> Result<Address> {
        let secure = self.settings().is_secure(registry);
        let host = if registry.to_string() == "docker.io" {
            // Docker Hub's registry is not where its names say.
            "registry-1.docker.io"
                .parse()
                .map_err(|fault| OciError::Reference { text: registry.to_string(), fault })?
        } else {
            registry.clone()
        };
        Ok(Address::new(secure, host, "/v2/"))
    }
}
