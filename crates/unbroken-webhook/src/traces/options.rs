//! Where traces are sent, as the server is told.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use ureq::Agent;
use ureq::http::Uri;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use super::{TIME, Traces};
use crate::failure::Failed;
use crate::log::Log;

/// Traces of OpenTelemetry. The variables are those of its own libraries.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Traces")]
pub struct TraceOptions {
    /// Send traces to this collector, in OTLP over HTTP: http://HOST:4318; nowhere, if it is not given
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    otlp_endpoint: Option<String>,
    /// The authorities of its certificate in PEM, where the address is one of https
    #[arg(long, value_name = "FILE", env = "OTEL_EXPORTER_OTLP_CERTIFICATE")]
    otlp_ca: Option<PathBuf>,
}

impl TraceOptions {
    /// Begins to send traces, if that was asked for.
    ///
    /// # Errors
    /// [`Failed`] for an address that is none, for authorities that cannot be used, and where the machine gives no thread.
    pub fn start(&self, log: &Log) -> Result<Option<Traces>, Failed> {
        let Some(endpoint) = self.otlp_endpoint.as_deref().filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        // What is said about the address does not repeat it: somebody may have put a password there.
        let unusable =
            |fault: &str| Failed::usage(format!("the address for traces cannot be used: {fault}"));
        let uri: Uri = endpoint.parse().map_err(|_| unusable("it is none"))?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(unusable("it is none of http or https")),
        };
        if uri.authority().is_none_or(|authority| authority.as_str().contains('@')) {
            return Err(unusable("it has no host, or credentials beside it"));
        }
        if uri.query().is_some() {
            return Err(unusable("it has a query"));
        }
        let mut config = Agent::config_builder()
            .timeout_global(Some(TIME))
            .timeout_connect(Some(Duration::from_secs(2)))
            .max_redirects(0)
            .proxy(None);
        if secure {
            config = config.tls_config(self.tls()?);
        }
        let address = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
        let traces = Traces::start(config.build().into(), address, log.clone());
        traces.map(Some).map_err(|error| Failed::usage(format!("cannot begin: {error}")))
    }

    fn tls(&self) -> Result<TlsConfig, Failed> {
        let path = self.otlp_ca.as_ref().ok_or_else(|| {
            Failed::usage(
                "give the authorities of the collector's certificate: --otlp-ca".to_owned(),
            )
        })?;
        let cannot = |fault: &dyn std::fmt::Display| {
            Failed::usage(format!("cannot use {}: {fault}", path.display()))
        };
        let text = fs::read(path).map_err(|error| cannot(&error))?;
        let certificates = parse_pem(&text).filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        });
        let certificates: Vec<Certificate<'static>> = certificates.collect();
        if certificates.is_empty() {
            return Err(cannot(&"it holds no certificate"));
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        Ok(TlsConfig::builder()
            .root_certs(RootCerts::from(certificates))
            .unversioned_rustls_crypto_provider(provider)
            .build())
    }
}
