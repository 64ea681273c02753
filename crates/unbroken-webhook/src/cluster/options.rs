//! How the API server is reached.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::api::{Api, Endpoint};
use super::resource::{Name, Resource};
use super::rotation::Issuing;
use crate::failure::Failed;

/// Whether and how the API server is asked.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Cluster")]
pub struct ClusterOptions {
    /// Follow the policies, namespaces and config maps of the cluster
    #[arg(long)]
    cluster: bool,
    /// Read the image pull secrets of pods and of their service accounts
    #[arg(long, requires = "cluster")]
    pull_secrets: bool,
    /// Tell of denials as events
    #[arg(long, requires = "cluster")]
    events: bool,
    /// Judge the pods that run each so many seconds, and report what would not come in any more
    #[arg(long, value_name = "SECONDS", requires = "cluster")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    recheck: Option<u64>,
    /// The API server, if it is not that of the cluster that the program runs in
    #[arg(long, value_name = "URL", requires = "cluster")]
    api_server: Option<String>,
    /// The authorities of the API server's certificate in PEM
    #[arg(long, value_name = "FILE", requires = "api_server")]
    api_ca: Option<PathBuf>,
    /// The file of the token for the API server
    #[arg(long, value_name = "FILE", requires = "api_server")]
    api_token: Option<PathBuf>,
    /// The namespace of the webhook itself, if it is not that of its pod
    #[arg(long, value_name = "NAME", requires = "cluster")]
    own_namespace: Option<String>,
}

/// A cluster that is to be followed.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Its API server.
    pub api: Api,
    /// The namespace of the webhook.
    pub own_namespace: Name,
    /// Whether the image pull secrets of pods are read.
    pub pull_secrets: bool,
    /// Whether denials are told as events.
    pub events: bool,
    /// How often pods that run are judged, if they are.
    pub recheck: Option<Duration>,
}

impl ClusterOptions {
    /// Returns the cluster, if one is to be followed.
    ///
    /// # Errors
    /// [`Failed`] where it is not known how it is reached.
    pub fn cluster(&self) -> Result<Option<Cluster>, Failed> {
        if !self.cluster {
            return Ok(None);
        }
        let endpoint = match &self.api_server {
            Some(address) => Endpoint {
                address: address.clone(),
                authorities: self.api_ca.clone(),
                token: self.api_token.clone(),
            },
            None => Endpoint::of_pod(|name| std::env::var(name).ok()).ok_or_else(|| {
                Failed::usage("this is no pod of a cluster: give --api-server".to_owned())
            })?,
        };
        let own_namespace = self.own_namespace.clone().or_else(Endpoint::own_namespace);
        let own_namespace = own_namespace.as_deref().and_then(Name::new).ok_or_else(|| {
            Failed::usage(
                "the namespace of the webhook is not known: give --own-namespace".to_owned(),
            )
        })?;
        let api = Api::new(endpoint).map_err(|error| Failed::usage(error.to_string()))?;
        let (pull_secrets, events) = (self.pull_secrets, self.events);
        let recheck = self.recheck.map(Duration::from_secs);
        Ok(Some(Cluster { api, own_namespace, pull_secrets, events, recheck }))
    }
}

/// Whether and how the webhook makes its own certificates.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Certificates")]
pub struct IssuingOptions {
    /// Make certificates, keep them in a secret, and keep the caBundle of the registrations
    #[arg(long, requires = "cluster", conflicts_with_all = ["cert", "key"])]
    self_issued: bool,
    /// The secret of the webhook's namespace in which they are kept
    #[arg(long, value_name = "NAME", default_value = "in-toto-webhook-certificates")]
    certificate_secret: String,
    /// The service that the API server calls
    #[arg(long, value_name = "NAME", default_value = "in-toto-webhook")]
    service: String,
    /// A further name of the server
    #[arg(long, value_name = "HOST")]
    dns_name: Vec<String>,
    /// The ValidatingWebhookConfiguration
    #[arg(long, value_name = "NAME", default_value = "in-toto-verifier")]
    validating_configuration: String,
    /// The MutatingWebhookConfiguration, if /mutate is registered
    #[arg(long, value_name = "NAME")]
    mutating_configuration: Option<String>,
    /// After how many seconds a new certificate is made; it is good for 90 days
    #[arg(long, value_name = "SECONDS", default_value = "5184000")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=80 * 86_400))]
    renew_after: u64,
    /// For how many seconds API servers have to know a new authority before its certificate is shown
    #[arg(long, value_name = "SECONDS", default_value = "30")]
    settle: u64,
}

impl IssuingOptions {
    /// Returns what is needed to make certificates, if they are to be made.
    ///
    /// # Errors
    /// [`Failed`] for names that are none.
    pub fn issuing(&self, cluster: Option<&Cluster>) -> Result<Option<Issuing>, Failed> {
        let Some(cluster) = cluster.filter(|_| self.self_issued) else { return Ok(None) };
        let name = |text: &str| {
            Name::new(text)
                .ok_or_else(|| Failed::usage(format!("{text:?} is no name of an object")))
        };
        let (service, namespace) = (name(&self.service)?, cluster.own_namespace.clone());
        let (service, of) = (service.as_str(), namespace.as_str());
        let mut names = vec![
            format!("{service}.{of}.svc"),
            format!("{service}.{of}.svc.cluster.local"),
            format!("{service}.{of}"),
            service.to_owned(),
        ];
        names.extend(self.dns_name.iter().cloned());
        let mut registrations = vec![(Resource::VALIDATING, name(&self.validating_configuration)?)];
        // What is not registered is not asked about: there may be no right to.
        if let Some(mutating) = &self.mutating_configuration {
            registrations.push((Resource::MUTATING, name(mutating)?));
        }
        Ok(Some(Issuing {
            secret: (namespace, name(&self.certificate_secret)?),
            names,
            registrations,
            renew_after: Duration::from_secs(self.renew_after),
            settle: Duration::from_secs(self.settle),
        }))
    }
}
