//! How the API server is reached.

use std::path::PathBuf;

use clap::Args;

use super::api::{Api, Endpoint};
use super::resource::Name;
use crate::failure::Failed;

/// Whether and how the API server is asked.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Cluster")]
pub struct ClusterOptions {
    /// Follow the policies, namespaces and config maps of the cluster
    #[arg(long)]
    cluster: bool,
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
        Ok(Some(Cluster { api, own_namespace }))
    }
}
