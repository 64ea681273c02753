//! Proxies: one for each scheme, and the hosts that are reached without any.

use std::net::IpAddr;

use super::address::Address;
use crate::error::{OciError, Result};
use crate::reference::Host;

/// The most entries of a list of hosts that are reached without a proxy.
const MOST_EXCEPTIONS: usize = 1000;

/// Through what requests go. The default is: through nothing.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    secure: Option<ureq::Proxy>,
    plain: Option<ureq::Proxy>,
    exceptions: Vec<Exception>,
}

/// Hosts that are reached without a proxy.
#[derive(Clone, Debug)]
enum Exception {
    All,
    /// The addresses of which this many bits are the same.
    Net(IpAddr, u8),
    /// A domain, perhaps without itself, perhaps at one port.
    Domain {
        name: String,
        with_itself: bool,
        port: Option<u16>,
    },
}

impl Proxies {
    /// Takes what the variables of an environment say: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and
    /// `NO_PROXY`, in capitals before small letters.
    ///
    /// # Errors
    /// Those of [`Self::new`].
    pub fn of_variables(get: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let first = |names: [&'static str; 4]| {
            let set = |name| Some((name, get(name).filter(|text| !text.is_empty())?));
            names.into_iter().find_map(set)
        };
        let secure = first(["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]);
        let plain = first(["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]);
        let except = ["NO_PROXY", "no_proxy"].into_iter().find_map(&get);
        Self::new(
            secure.as_ref().map(|(name, text)| (*name, text.as_str())),
            plain.as_ref().map(|(name, text)| (*name, text.as_str())),
            &except.unwrap_or_default(),
        )
    }

    /// Takes the addresses of the proxies for HTTPS and for HTTP, each with the name of the variable
    /// that holds it, and the list of hosts that are reached without one: names with all that is
    /// below them, `.name` for what is below alone, addresses, networks, or `*`.
    ///
    /// # Errors
    /// [`OciError::Settings`] for an address that cannot be used: going without it would go past it.
    pub fn new(
        secure: Option<(&str, &str)>,
        plain: Option<(&str, &str)>,
        exceptions: &str,
    ) -> Result<Self> {
        let read = |(variable, text): (&str, &str)| {
            let unusable = |fault: &str| OciError::Settings {
                // The address may hold a password.
                what: variable.to_owned(),
                fault: fault.to_owned(),
            };
            let proxy = ureq::Proxy::new(text).map_err(|_| unusable("it is no address"))?;
            if !matches!(proxy.protocol(), ureq::ProxyProtocol::Http | ureq::ProxyProtocol::Https) {
                return Err(unusable("only proxies of HTTP and HTTPS are spoken to"));
            }
            Ok(proxy)
        };
        let exceptions = exceptions.split([',', ' ']).filter(|text| !text.is_empty());
        Ok(Self {
            secure: secure.map(read).transpose()?,
            plain: plain.map(read).transpose()?,
            exceptions: exceptions.take(MOST_EXCEPTIONS).map(Exception::read).collect(),
        })
    }

    /// Finds the proxy for an address. This machine is reached without one: what the proxy calls so
    /// is another.
    pub(crate) fn of(&self, address: &Address) -> Option<&ureq::Proxy> {
        let host = &address.host;
        if host.is_loopback() || self.exceptions.iter().any(|exception| exception.is_of(address)) {
            return None;
        }
        if address.secure { self.secure.as_ref() } else { self.plain.as_ref() }
    }
}

impl Exception {
    fn read(text: &str) -> Self {
        let text = text.to_ascii_lowercase();
        if text == "*" {
            return Self::All;
        }
        let (address, bits) = text.split_once('/').unwrap_or((&text, ""));
        if let Ok(address) = address.parse::<IpAddr>() {
            let whole = if address.is_ipv4() { 32 } else { 128 };
            let bits = if bits.is_empty() { Some(whole) } else { bits.parse().ok() };
            if let Some(bits) = bits.filter(|bits| *bits <= whole) {
                return Self::Net(address, bits);
            }
        }
        let domain = text.strip_prefix('*').unwrap_or(&text);
        let (name, with_itself) =
            domain.strip_prefix('.').map_or((domain, true), |name| (name, false));
        match name.parse::<Host>() {
            Ok(host) => {
                Self::Domain { name: host.name().to_owned(), with_itself, port: host.port() }
            }
            // No host has such a name.
            Err(_) => Self::Domain { name: text, with_itself, port: None },
        }
    }

    fn is_of(&self, address: &Address) -> bool {
        let host = address.host.name();
        match self {
            Self::All => true,
            Self::Net(net, bits) => {
                host.parse().is_ok_and(|address| is_within(address, *net, *bits))
            }
            Self::Domain { name, with_itself, port } => {
                let below = host.strip_suffix(name.as_str());
                below.is_some_and(
                    |rest| if rest.is_empty() { *with_itself } else { rest.ends_with('.') },
                ) && port.is_none_or(|port| port == address.port())
            }
        }
    }
}

fn is_within(address: IpAddr, net: IpAddr, bits: u8) -> bool {
    let number = |address: IpAddr| match address {
        IpAddr::V4(address) => (u128::from(u32::from(address)) << 96, true),
        IpAddr::V6(address) => (u128::from(address), false),
    };
    let ((address, of_four), (net, net_of_four)) = (number(address), number(net));
    let same = (address ^ net).leading_zeros();
    of_four == net_of_four && same >= u32::from(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(exceptions: &str) -> Proxies {
        let secure = Some(("HTTPS_PROXY", "http://secure.example:3128"));
        let plain = Some(("HTTP_PROXY", "plain.example:8080"));
        Proxies::new(secure, plain, exceptions).unwrap()
    }

    fn proxy_of(exceptions: &str, secure: bool, host: &str) -> Option<String> {
        let address = Address::new(secure, host.parse().unwrap(), "/v2/");
        let proxies = proxies(exceptions);
        proxies.of(&address).map(|proxy| format!("{}:{}", proxy.host(), proxy.port()))
    }

    #[test]
    fn each_scheme_has_its_proxy_and_this_machine_none() {
        assert_eq!(proxy_of("", true, "reg.example").as_deref(), Some("secure.example:3128"));
        assert_eq!(proxy_of("", false, "reg.example").as_deref(), Some("plain.example:8080"));
        for host in ["localhost:5000", "127.0.0.1:5000", "[::1]:5000"] {
            assert_eq!(proxy_of("", false, host), None, "{host}");
        }
        let only_plain = Proxies::new(None, Some(("HTTP_PROXY", "http://p.example")), "").unwrap();
        let address = Address::new(true, "reg.example".parse().unwrap(), "/");
        assert!(only_plain.of(&address).is_none());
    }

    #[test]
    fn exceptions_are_names_with_what_is_below_them_addresses_and_networks() {
        for (exceptions, host, is_direct) in [
            ("example.com", "example.com", true),
            ("example.com", "reg.example.com", true),
            ("example.com", "badexample.com", false),
            (".example.com", "example.com", false),
            (".example.com", "reg.example.com", true),
            ("*.example.com", "reg.example.com", true),
            ("EXAMPLE.com", "example.com", true),
            ("a.example, example.com", "example.com", true),
            ("example.com:5000", "example.com:5000", true),
            ("example.com:5000", "example.com", false),
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("10.1.2.3", "10.1.2.3", true),
            ("fd00::/8", "[fd12::1]", true),
            ("0.0.0.0/0", "[fd12::1]", false),
            ("10.0.0.0/99", "10.0.0.1", false),
            ("*", "example.com", true),
            ("", "example.com", false),
        ] {
            assert_eq!(
                proxy_of(exceptions, true, host).is_none(),
                is_direct,
                "{exceptions} {host}"
            );
        }
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_an_error_and_its_password_is_not_told() {
        for text in
            ["socks5://u:CANARY@p.example", "ftp://u:CANARY@p.example", "http://u:CANARY@", "::"]
        {
            let error = Proxies::new(Some(("HTTPS_PROXY", text)), None, "").unwrap_err();
            assert!(error.is_usage() && !error.to_string().contains("CANARY"), "{error}");
        }
        let proxies = Proxies::new(Some(("HTTPS_PROXY", "http://u:CANARY@p.example")), None, "");
        assert!(!format!("{proxies:?}").contains("CANARY"));
    }
}
