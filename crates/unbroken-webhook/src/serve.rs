//! `unbroken-webhook serve`: the server of a cluster.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::cache::options::CacheOptions;
use crate::cluster::Follower;
use crate::cluster::events::Events;
use crate::cluster::options::{Cluster, ClusterOptions, IssuingOptions};
use crate::cluster::pull_secrets::PullSecrets;
use crate::cluster::recheck::Recheck;
use crate::cluster::rotation::Rotation;
use crate::failure::Failed;
use crate::log::Log;
use crate::options::{Registries, clock};
use crate::policy_file::PolicyFile;
use crate::server::{Callers, Certificates, Service, serve_metrics, serve_tls};
use crate::traces::options::TraceOptions;
use crate::verifier::RegistryVerifier;

/// Answer the API server: POST /verify and /mutate, GET /livez and /readyz
#[derive(Args, Debug)]
pub struct Serve {
    /// The policies and settings, in YAML; read again when they change
    #[arg(required_unless_present = "cluster")]
    policies: Option<PathBuf>,
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:8443")]
    listen: SocketAddr,
    /// The certificates of the server in PEM, its own first; read again when they change
    #[arg(long, value_name = "FILE", required_unless_present = "self_issued", requires = "key")]
    cert: Option<PathBuf>,
    /// The private key of the server in PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// Answer reviews only for clients whose certificate chains to an authority of this file, in PEM; read
    /// again when it changes
    #[arg(long, value_name = "FILE")]
    client_ca: Option<PathBuf>,
    /// And only for those whose certificate has this DNS name or common name, or another one given so
    #[arg(long, value_name = "NAME", requires = "client_ca", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    client_name: Vec<String>,
    /// The address to answer /metrics on, in plain HTTP; nowhere, if it is not given
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<SocketAddr>,
    #[command(flatten)]
    registries: Registries,
    #[command(flatten)]
    cache: CacheOptions,
    #[command(flatten)]
    traces: TraceOptions,
    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    issuing: IssuingOptions,
}

impl Serve {
    /// Serves until SIGTERM or SIGINT.
    ///
    /// # Errors
    /// [`Failed`] for arguments, policies and certificates that cannot be used.
    pub fn run(self) -> Result<(), Failed> {
        let cluster = self.cluster.cluster()?;
        let issuing = self.issuing.issuing(cluster.as_ref())?;
        let file = self.policies.map(|path| PolicyFile::open(path, clock)).transpose()?;
        let policies = file.as_ref().map(PolicyFile::policies).unwrap_or_default();
        let policies = if cluster.is_some() { Follower::at_first(policies) } else { policies };
        let registries = self.registries.client()?;
        let bounds = self.cache.bounds();
        let log = Log::new(std::io::stderr());
        let mut verifier = RegistryVerifier::remembering(registries.clone(), bounds);
        if let Some(Cluster { api, pull_secrets: true, .. }) = &cluster {
            let pull_secrets = PullSecrets::new(api.clone(), registries.clone(), log.clone());
            verifier = verifier.with_pull_secrets(pull_secrets);
        }
        let service = Service::new(policies, Arc::new(verifier), clock, log.clone());
        let instance =
            || std::env::var("HOSTNAME").unwrap_or_else(|_| "unbroken-webhook".to_owned());
        let cannot = |error| Failed::usage(format!("cannot begin: {error}"));
        if let Some(Cluster { api, own_namespace, recheck: Some(every), .. }) = &cluster {
            let who = (own_namespace.clone(), instance());
            Recheck::new(api.clone(), &service, clock, who).start(*every).map_err(cannot)?;
        }
        if let Some(Cluster { api, events: true, .. }) = &cluster {
            let events = Events::start(api.clone(), instance(), log).map_err(cannot)?;
            service.tell_events(events);
        }
        if let Some(traces) = self.traces.start(service.log())? {
            service.trace(traces);
        }
        if let Some(authorities) = self.client_ca {
            service.ask_callers(Callers::new(authorities, self.client_name));
        }
        let metrics = self.metrics.map(listen).transpose()?;
        let (listener, address) = listen(self.listen)?;
        service.log().event(&format!("listening on {address}"));
        let runtime =
            tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(cannot)?;
        // The library of TLS asks for the one library of cryptography that there is here.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let certificates = match (issuing, &cluster, self.cert, self.key) {
            (Some(issuing), Some(cluster), ..) => {
                let (api, log) = (cluster.api.clone(), service.log().clone());
                let shown = Rotation::start(api, issuing, clock, log);
                Certificates::Issued(shown.map_err(|error| Failed::usage(error.to_string()))?)
            }
            (_, _, Some(chain), Some(key)) => Certificates::Files { chain, key },
            _ => return Err(Failed::usage("give --cert and --key".to_owned())),
        };
        let of_traces = Arc::clone(&service);
        let served = runtime.block_on(async {
            if let Some((listener, address)) = metrics {
                service.log().event(&format!("metrics on {address}"));
                tokio::spawn(serve_metrics(Arc::clone(&service), listener));
            }
            match (cluster, file) {
                (Some(cluster), file) => {
                    let begun = Follower::start(&service, cluster, registries, file, clock);
                    begun.map_err(cannot)?;
                }
                (None, Some(file)) => {
                    let begun = file.follow(Arc::downgrade(&service));
                    begun.map_err(cannot)?;
                }
                (None, None) => {}
            }
            serve_tls(service, listener, certificates, asked_to_end()).await
        });
        of_traces.finish();
        served
    }
}

fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Failed> {
    let cannot =
        |error: std::io::Error| Failed::usage(format!("cannot listen on {address}: {error}"));
    let listener = TcpListener::bind(address).map_err(cannot)?;
    listener.set_nonblocking(true).map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    Ok((listener, address))
}

async fn asked_to_end() {
    let ended = |kind| async move {
        match signal(kind) {
            Ok(mut signal) => _ = signal.recv().await,
            // Without signals only a kill ends the server.
            Err(_) => std::future::pending::<()>().await,
        }
    };
    tokio::select! {
        () = ended(SignalKind::terminate()) => {}
        () = ended(SignalKind::interrupt()) => {}
    }
}
