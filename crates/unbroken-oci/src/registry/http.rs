//! Requests over HTTP: time-outs, tries, redirects, and readers that cannot be held up.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ureq::Agent;
use ureq::config::{AutoHeaderValue, Config};
use ureq::http::Uri;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use super::Settings;
use super::address::{Address, Reach, is_public};
use crate::error::{OciError, Result};
use crate::limits::Limits;

/// The connections of a client, by the way that they go.
#[derive(Default)]
pub(crate) struct Agents {
    made: Mutex<BTreeMap<Way, Agent>>,
}

/// A way to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Way {
    secure: bool,
    reach: Reach,
    proxied: bool,
}

impl Agents {
    pub(crate) fn get(
        &self,
        address: &Address,
        reach: Reach,
        settings: &Settings,
    ) -> Result<Agent> {
        let proxy = settings.proxies.of(address);
        let way = Way { secure: address.secure, reach, proxied: proxy.is_some() };
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(agent) = made.get(&way) {
            return Ok(agent.clone());
        }
        // Reading the system's authorities costs more than a whole verification over plain HTTP.
        let is_secure =
            way.secure || proxy.is_some_and(|proxy| proxy.protocol() == ureq::ProxyProtocol::Https);
        let tls = is_secure.then(|| tls(settings)).transpose();
        let tls = tls.map_err(|fault| OciError::Settings { what: "TLS".to_owned(), fault })?;
        let agent = agent(tls, way, proxy, settings);
        made.insert(way, agent.clone());
        Ok(agent)
    }
}

fn agent(
    tls: Option<TlsConfig>,
    way: Way,
    proxy: Option<&ureq::Proxy>,
    settings: &Settings,
) -> Agent {
    let limits = &settings.limits;
    let mut config = Config::builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(proxy.cloned())
        .user_agent(concat!("unbroken/", env!("CARGO_PKG_VERSION")))
        .accept(AutoHeaderValue::None)
        // An encoding would make the bytes that are hashed other ones than those that came.
        .accept_encoding(AutoHeaderValue::None)
        .max_response_header_size(limits.header_bytes)
        .input_buffer_size(256 << 10)
        .output_buffer_size(256 << 10)
        .max_idle_connections_per_host(16)
        .max_idle_connections(32)
        .timeout_connect(Some(limits.connect_time))
        .timeout_resolve(Some(limits.connect_time))
        .timeout_recv_response(Some(limits.answer_time))
        .timeout_per_read(Some(limits.drip_time))
        .timeout_per_write(Some(limits.drip_time));
    if let Some(tls) = tls {
        config = config.tls_config(tls);
    }
    let connector = DefaultConnector::default();
    if way.reach == Reach::Foreign && !way.proxied {
        return Agent::with_parts(config.build(), connector, <PublicResolver>::default());
    }
    // Where there is a proxy, its own address is what is looked up here, and the user named it.
    Agent::with_parts(config.build(), connector, DefaultResolver::default())
}

fn tls(settings: &Settings) -> std::result::Result<TlsConfig, String> {
    let mut roots: Vec<Certificate<'static>> = settings.authorities.0.clone();
    let system = rustls_native_certs::load_native_certs();
    roots.extend(system.certs.iter().map(|der| Certificate::from_der(der).to_owned()));
    if roots.is_empty() {
        return Err("this machine has no certificates of authorities".to_owned());
    }
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::from(roots))
        .unversioned_rustls_crypto_provider(provider)
        .build())
}

/// Resolves names, and refuses those of which any address is not public. The addresses that are
/// looked at are those that are connected to: a name that changes its mind in between gains nothing.
#[derive(Debug, Default)]
struct PublicResolver<R = DefaultResolver>(R);

/// A host that a registry named and that is no place to go to.
#[derive(Debug, thiserror::Error)]
#[error("the host has the address {0}, which is not public")]
struct NotPublic(std::net::IpAddr);

impl<R: Resolver> Resolver for PublicResolver<R> {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> std::result::Result<ResolvedSocketAddrs, ureq::Error> {
        let addresses = self.0.resolve(uri, config, timeout)?;
        match addresses.iter().map(SocketAddr::ip).find(|address| !is_public(*address)) {
            None => Ok(addresses),
            Some(address) => Err(io::Error::other(NotPublic(address)).into()),
        }
    }
}

/// Turns a failure of HTTP into one of this room.
pub(crate) fn transport(action: &str, address: &Address, error: ureq::Error) -> OciError {
    if let ureq::Error::Io(inner) = &error
        && let Some(NotPublic(ip)) = inner.get_ref().and_then(|inner| inner.downcast_ref())
    {
        return OciError::Host {
            action: action.to_owned(),
            url: address.without_query(),
            fault: format!("it has the address {ip}, which is not public"),
        };
    }
    OciError::Transport {
        action: format!("{action} at {}", address.without_query()),
        source: Box::new(error),
    }
}

/// Tells whether trying again may help.
pub(crate) fn is_transient(error: &OciError) -> bool {
    let OciError::Transport { source, .. } = error else { return false };
    match source.downcast_ref() {
        // A certificate that is not good does not become so.
        Some(ureq::Error::Io(error)) => {
            error.get_ref().is_none_or(|inner| !inner.is::<rustls::Error>())
        }
        Some(
            ureq::Error::Timeout(_) | ureq::Error::ConnectionFailed | ureq::Error::Protocol(_),
        ) => true,
        _ => false,
    }
}

/// How long to wait before the next try: twice as long each time, with chance in it so that clients
/// that failed together do not come back together.
pub(crate) fn pause(attempt: u32, told: Option<Duration>) -> Duration {
    const FIRST: Duration = Duration::from_millis(200);
    /// A registry may ask for patience, but not for an hour of it.
    const LONGEST: Duration = Duration::from_secs(20);
    let own = FIRST.saturating_mul(1 << attempt.min(6));
    let own = own.saturating_add(own.mul_f64(chance()));
    told.unwrap_or_default().max(own).min(LONGEST)
}

/// A number from 0 to 1.
pub(crate) fn chance() -> f64 {
    let mut bytes = [0; 1];
    // Without chance, waiting is merely less polite.
    let filled = aws_lc_rs::rand::fill(&mut bytes);
    let [byte] = if filled.is_ok() { bytes } else { [0] };
    f64::from(byte) / 255.0
}

/// A body that gives up when it comes too slowly, or after the time of the whole operation.
pub(crate) struct PatientReader<R> {
    inner: R,
    limits: Limits,
    deadline: Option<Instant>,
    window: Instant,
    in_window: u64,
}

/// The least that a transfer must bring in each second.
const LEAST_RATE: u64 = 1024;

impl<R: Read> PatientReader<R> {
    pub(crate) fn new(inner: R, limits: &Limits, deadline: Option<Instant>) -> Self {
        Self { inner, limits: *limits, deadline, window: Instant::now(), in_window: 0 }
    }
}

impl<R: Read> Read for PatientReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let now = Instant::now();
        if self.deadline.is_some_and(|deadline| now > deadline) {
            return Err(io::Error::other(OciError::Deadline { action: "a transfer".to_owned() }));
        }
        self.in_window = self.in_window.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        if now.duration_since(self.window) > self.limits.drip_time {
            let due = LEAST_RATE.saturating_mul(self.limits.drip_time.as_secs().max(1));
            if self.in_window < due {
                let fault = "it is slower than a kibibyte a second".to_owned();
                let action = "a transfer".to_owned();
                return Err(io::Error::other(OciError::Answer { action, fault }));
            }
            (self.window, self.in_window) = (now, 0);
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use ureq::unversioned::transport::{ConnectionDetails, Connector, Transport};

    use super::*;

    /// A name that leads to a public address when it is looked at, and then to this machine.
    #[derive(Debug, Default)]
    struct Rebinding(Arc<AtomicUsize>);

    impl Resolver for Rebinding {
        fn resolve(
            &self,
            _: &Uri,
            _: &Config,
            _: NextTimeout,
        ) -> std::result::Result<ResolvedSocketAddrs, ureq::Error> {
            let mut found = self.empty();
            let turn = self.0.fetch_add(1, Ordering::Relaxed);
            let address = if turn == 0 { [93, 184, 216, 34] } else { [127, 0, 0, 1] };
            found.push(SocketAddr::from((address, 80)));
            Ok(found)
        }
    }

    /// Notes what would be connected to, and connects to nothing.
    #[derive(Debug, Default)]
    struct Noting(Arc<Mutex<Vec<SocketAddr>>>);

    impl<In: Transport> Connector<In> for Noting {
        type Out = In;

        fn connect(
            &self,
            details: &ConnectionDetails<'_>,
            _: Option<In>,
        ) -> std::result::Result<Option<In>, ureq::Error> {
            self.0.lock().unwrap().extend(details.addrs.iter());
            Err(ureq::Error::ConnectionFailed)
        }
    }

    #[test]
    fn a76_a_name_that_changes_its_mind_is_connected_to_where_it_was_looked_at() {
        let (turns, connected) = (Arc::default(), Arc::default());
        let resolver = PublicResolver(Rebinding(Arc::clone(&turns)));
        let noting = Noting(Arc::clone(&connected));
        let config = Config::builder().proxy(None).build();
        let agent = Agent::with_parts(config, noting, resolver);
        assert!(agent.get("http://cdn.example/").call().is_err());
        assert_eq!(turns.load(Ordering::Relaxed), 1, "it is looked up once for a connection");
        let first = SocketAddr::from(([93, 184, 216, 34], 80));
        assert_eq!(*connected.lock().unwrap(), [first]);
        // The next connection looks again, and sees what the name has become.
        let refused = agent.get("http://cdn.example/").call().unwrap_err();
        assert!(refused.to_string().contains("127.0.0.1, which is not public"), "{refused}");
        assert_eq!(connected.lock().unwrap().len(), 1);
    }
}
