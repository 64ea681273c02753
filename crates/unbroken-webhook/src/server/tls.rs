//! TLS, with certificates that are read again when they change.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use rustls::ServerConfig;
use rustls::server::NoServerSessionStorage;

use super::{Service, callers, connections, router};
use crate::cluster::rotation::Shown;
use crate::failure::Failed;
use crate::metrics::Reloaded;

/// How often files are looked at. The kubelet swaps a folder behind a symbolic link, which a watch on
/// a file does not see; reading two small files does.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// How long the API server goes on calling a pod that has said that it is not ready.
const LAME_DUCK: Duration = Duration::from_secs(5);
/// How long reviews that have begun may take when the server ends.
const DRAIN: Duration = Duration::from_secs(25);

/// Where the certificate chain and the private key are, each in PEM.
#[derive(Clone)]
pub enum Certificates {
    /// In files.
    Files {
        /// The chain, the certificate of the server first.
        chain: PathBuf,
        /// The private key.
        key: PathBuf,
    },
    /// The webhook makes them.
    Issued(Shown),
}

/// What is read again: the pair, and the authorities of clients where they are asked for a certificate.
#[derive(PartialEq, Eq)]
struct Read {
    chain: Vec<u8>,
    key: Vec<u8>,
    clients: Option<Vec<u8>>,
}

impl Certificates {
    fn read(&self, service: &Service) -> Result<Read, Failed> {
        let (chain, key) = self.pair()?;
        let clients =
            service.callers.get().map(|callers| read(callers.authorities())).transpose()?;
        Ok(Read { chain, key, clients })
    }

    fn pair(&self) -> Result<(Vec<u8>, Vec<u8>), Failed> {
        match self {
            Self::Files { chain, key } => Ok((read(chain)?, read(key)?)),
            Self::Issued(shown) => {
                shown.pair().ok_or_else(|| Failed::usage("there is no certificate yet".to_owned()))
            }
        }
    }

    /// Reads what is shown of itself, who may ask, and what is spoken.
    async fn config(&self, of: &Read, service: &Arc<Service>) -> Result<Arc<ServerConfig>, Failed> {
        let shown = RustlsConfig::from_pem(of.chain.clone(), of.key.clone()).await;
        let shown = shown.map_err(|error| {
            let place = match self {
                Self::Files { chain, .. } => chain.display().to_string(),
                Self::Issued(_) => "the certificate that was made".to_owned(),
            };
            Failed::usage(format!("{place} cannot be used: {error}"))
        })?;
        let shown = shown.get_inner();
        let mut config = ServerConfig::clone(&shown);
        if let Some(authorities) = &of.clients {
            let verifier = callers::verifier(authorities, service).map_err(|fault| {
                Failed::usage(format!("the authorities of --client-ca cannot be used: {fault}"))
            })?;
            config = ServerConfig::builder()
                .with_client_cert_verifier(verifier)
                .with_cert_resolver(Arc::clone(&shown.cert_resolver));
            // A connection that goes on from an earlier one would not show its certificate again.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        config.alpn_protocols = vec![connections::PROTOCOL.to_vec()];
        Ok(Arc::new(config))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failed> {
    fs::read(path)
        .map_err(|error| Failed::usage(format!("cannot read {}: {error}", path.display())))
}

/// Serves until `end` comes.
///
/// # Errors
/// [`Failed`] for certificates that cannot be used, and where nothing can be listened to.
pub async fn serve_tls(
    service: Arc<Service>,
    listener: TcpListener,
    certificates: Certificates,
    end: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Failed> {
    let begun = certificates.read(&service)?;
    let tls = RustlsConfig::from_config(certificates.config(&begun, &service).await?);
    service.note_certificate(&begun.chain);
    let handle = Handle::new();
    let looking = look_again(tls.clone(), certificates, begun, Arc::clone(&service));
    let looking = tokio::spawn(looking);
    let (draining, of_service) = (handle.clone(), Arc::clone(&service));
    tokio::spawn(async move {
        end.await;
        of_service.drain();
        tokio::time::sleep(LAME_DUCK).await;
        draining.graceful_shutdown(Some(DRAIN));
    });
    let server = connections::bounded(listener, tls)
        .map_err(|error| Failed::usage(format!("cannot listen: {error}")))?;
    let served = server.handle(handle).serve(router(service).into_make_service()).await;
    looking.abort();
    served.map_err(|error| Failed::usage(format!("the server ended: {error}")))
}

/// Takes up other certificates. What cannot be used changes nothing.
async fn look_again(
    tls: RustlsConfig,
    certificates: Certificates,
    mut current: Read,
    service: Arc<Service>,
) {
    loop {
        tokio::time::sleep(LOOK_AGAIN).await;
        let Ok(found) = certificates.read(&service) else { continue };
        if found == current {
            continue;
        }
        match certificates.config(&found, &service).await {
            Ok(config) => {
                tls.reload_from_config(config);
                service.note_certificate(&found.chain);
                service.metrics().reloaded(Reloaded::Certificate, true);
                service.log().event("the certificates were read again");
            }
            Err(error) => {
                service.metrics().reloaded(Reloaded::Certificate, false);
                service.log().event(&format!("the new certificates cannot be used: {error}"));
            }
        }
        // A pair that does not fit together is not tried again until it changes.
        current = found;
    }
}
