//! Who asks: where an authority for clients is named, a review is read of nobody without its certificate.
//!
//! Whoever shows none is spoken to all the same: the kubelet asks whether the program lives, and has none.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use axum::http::{Extensions, StatusCode};
use axum::response::{IntoResponse, Response};
use axum_server::tls::TlsInfo;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};
use unbroken_crypto::Certificate;
use unbroken_model::timestamp::Timestamp;

use super::Service;
use super::body::CLOSED;

/// Lines of the log about refused callers in a [`WINDOW`]: whoever reaches the port could fill it.
const LINES: u32 = 10;
/// After which there are as many again.
const WINDOW: Duration = Duration::from_mins(1);

/// Whom the server answers about reviews.
#[derive(Debug)]
pub struct Callers {
    authorities: PathBuf,
    names: Vec<String>,
    told: Mutex<(Option<Instant>, u32)>,
}

/// Why somebody is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    NoCertificate,
    Unverified,
    OtherName,
    Ended,
}

impl Callers {
    /// Answers whoever has a certificate that chains to an authority of this file in PEM, and one of these
    /// names: a DNS name, or the common name of the subject. Without names every such certificate does.
    pub fn new(authorities: PathBuf, names: Vec<String>) -> Self {
        Self { authorities, names, told: Mutex::default() }
    }

    pub(super) fn authorities(&self) -> &PathBuf {
        &self.authorities
    }

    /// Says what is wrong with a certificate whose chain was found good when the connection began.
    fn fault(&self, leaf: &[u8], now: Timestamp) -> Option<Refused> {
        let Ok(certificate) = Certificate::from_der(leaf) else { return Some(Refused::Unverified) };
        // A connection may go on for longer than its certificate.
        let (begins, ends) = certificate.validity();
        if !(begins..=ends).contains(&now) {
            return Some(Refused::Ended);
        }
        let names = certificate.names();
        let mut found = names.dns_names.iter().chain(&names.common_names);
        let is_meant = self.names.is_empty() || found.any(|name| self.names.contains(name));
        (!is_meant).then_some(Refused::OtherName)
    }

    /// Tells whether one more line is written, and whether it is the last for a while.
    fn line(&self) -> Option<bool> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, count) = &mut *told;
        if since.is_none_or(|since| since.elapsed() >= WINDOW) {
            (*since, *count) = (Some(Instant::now()), 0);
        }
        *count = count.saturating_add(1);
        (*count <= LINES).then_some(*count == LINES)
    }
}

impl Refused {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NoCertificate => "no-certificate",
            Self::Unverified => "unverified",
            Self::OtherName => "other-name",
            Self::Ended => "ended",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::NoCertificate => {
                "it showed no certificate of the authority that --client-ca names"
            }
            Self::Unverified => "its certificate cannot be verified by what --client-ca names",
            Self::OtherName => "its certificate has none of the names that --client-name gives",
            Self::Ended => "its certificate is not valid at this time",
        }
    }
}

impl Service {
    /// Reads reviews of nobody else from now on; there is one place for that.
    pub fn ask_callers(&self, callers: Callers) {
        drop(self.callers.set(callers));
    }

    /// Returns the answer to somebody of whom no review is read, by what is known of his connection.
    pub(super) fn refusal(&self, connection: &Extensions) -> Option<Response> {
        let callers = self.callers.get()?;
        let shown = connection.get::<Arc<TlsInfo>>().and_then(|tls| tls.peer_certificates.first());
        let refused = match shown {
            Some(leaf) => callers.fault(leaf, (self.clock)())?,
            None => Refused::NoCertificate,
        };
        self.refuse(callers, refused, "");
        let text = format!("the client is not the API server: {}\n", refused.text());
        Some((StatusCode::FORBIDDEN, CLOSED, text).into_response())
    }

    fn refuse(&self, callers: &Callers, refused: Refused, detail: &str) {
        self.metrics.refused(refused);
        let Some(is_last) = callers.line() else { return };
        let last = if is_last { "; further ones are only counted for a minute" } else { "" };
        self.log.event(&format!("a client was refused: {}{detail}{last}", refused.text()));
    }
}

/// Makes what judges the certificates of clients by these authorities in PEM.
pub(super) fn verifier(
    authorities: &[u8],
    service: &Arc<Service>,
) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(authorities) {
        let root = root.map_err(|error| error.to_string())?;
        roots.add(root).map_err(|error| error.to_string())?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let chains = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let chains = chains.allow_unauthenticated().build().map_err(|error| error.to_string())?;
    Ok(Arc::new(Told { chains, service: Arc::downgrade(service) }))
}

/// Tells of certificates that are refused while the connection begins.
#[derive(Debug)]
struct Told {
    chains: Arc<dyn ClientCertVerifier>,
    service: Weak<Service>,
}

impl ClientCertVerifier for Told {
    fn client_auth_mandatory(&self) -> bool {
        self.chains.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chains.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        further: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.chains.verify_client_cert(leaf, further, now).inspect_err(|error| {
            let Some(service) = self.service.upgrade() else { return };
            let Some(callers) = service.callers.get() else { return };
            service.refuse(callers, Refused::Unverified, &format!(" ({error})"));
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chains.verify_tls12_signature(message, leaf, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chains.verify_tls13_signature(message, leaf, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chains.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use unbroken_testkit::certificates::{AltName, CertificateDraft};

    use super::*;

    #[test]
    fn a_certificate_counts_by_its_names_and_for_as_long_as_it_is_valid() {
        let of = |names: &[&str]| {
            Callers::new(PathBuf::new(), names.iter().map(|&name| name.to_owned()).collect())
        };
        let mut draft = CertificateDraft::of("kube-apiserver");
        draft.alternative.push(AltName::Dns("api.example".to_owned()));
        draft.organizations.push("system:masters".to_owned());
        let leaf = draft.issued_by("ca");
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let june = at("2026-06-01T00:00:00Z");
        for names in [&[][..], &["api.example"], &["kube-apiserver"], &["other", "kube-apiserver"]]
        {
            assert_eq!(of(names).fault(&leaf, june), None, "{names:?}");
        }
        for name in ["example", "pi.example", "*.example", "kube-apiserver ", "system:masters"] {
            assert_eq!(of(&[name]).fault(&leaf, june), Some(Refused::OtherName), "{name}");
        }
        for time in ["2025-12-31T23:59:59Z", "2027-01-01T00:00:00Z"] {
            assert_eq!(of(&[]).fault(&leaf, at(time)), Some(Refused::Ended), "{time}");
        }
        assert_eq!(of(&[]).fault(b"junk", june), Some(Refused::Unverified));
    }

    #[test]
    fn lines_about_refused_callers_are_bounded() {
        let callers = Callers::new(PathBuf::new(), Vec::new());
        let lines: Vec<Option<bool>> = (0..100).map(|_| callers.line()).collect();
        assert_eq!(lines.iter().flatten().count(), usize::try_from(LINES).unwrap());
        assert_eq!(lines.iter().position(|line| *line == Some(true)), Some(9));
    }
}
