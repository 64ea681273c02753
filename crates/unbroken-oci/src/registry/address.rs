//! Addresses of HTTP that a registry names, and the one rule of which of them are followed.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ureq::http::Uri;

use crate::error::{OciError, Result, short};
use crate::reference::Host;

/// The longest address that is followed.
const LONGEST: usize = 8 << 10;

/// A scheme, a host and a path with its query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) secure: bool,
    pub(crate) host: Host,
    pub(crate) path: String,
}

/// How an address may be reached, and what it may be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// The user named the host: any address will do. Credentials go to the registry alone.
    Named,
    /// The registry named the host: public addresses only, and no credentials.
    Foreign,
}

impl Address {
    pub(crate) fn new(secure: bool, host: Host, path: impl Into<String>) -> Self {
        Self { secure, host, path: path.into() }
    }

    /// Reads an address that an answer of `self` names: absolute, or a path on the same host.
    pub(crate) fn join(&self, text: &str) -> std::result::Result<Self, &'static str> {
        let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
        if text.len() > LONGEST || !text.bytes().all(plain) {
            return Err("it is no address");
        }
        let text = text.split('#').next().unwrap_or(text);
        if text.starts_with('/') && !text.starts_with("//") {
            return Ok(Self { path: text.to_owned(), ..self.clone() });
        }
        let uri: Uri = text.parse().map_err(|_| "it is no address")?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err("it is no address of HTTP"),
        };
        let authority = uri.authority().ok_or("it names no host")?.as_str().to_ascii_lowercase();
        if authority.contains('@') {
            return Err("it has credentials in it");
        }
        let host = authority.parse()?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Ok(Self::new(secure, host, path))
    }

    /// Tells whether two addresses are of one scheme, host and port.
    pub(crate) fn is_of_one_origin(&self, other: &Self) -> bool {
        self.secure == other.secure
            && self.host.name() == other.host.name()
            && self.port() == other.port()
    }

    pub(crate) fn port(&self) -> u16 {
        self.host.port().unwrap_or(if self.secure { 443 } else { 80 })
    }

    /// Tells whether what is sent there can be read on the way.
    pub(crate) fn is_open_to_eavesdroppers(&self) -> bool {
        !self.secure && !self.host.is_loopback()
    }

    /// Writes the address without its query, which may hold a token.
    pub(crate) fn without_query(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}{}", self.host, self.path.split('?').next().unwrap_or_default())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(out, "{scheme}://{}{}", self.host, self.path)
    }
}

/// Decides on an address that the registry named while `action` was done.
///
/// The registry's own origin is followed, and hosts that the user trusts. Everything else is
/// foreign: never a step down from TLS, never another port of the registry's host, never an
/// address that is not public. Else whoever answers could make this machine reach what only it can.
pub(crate) fn follow(
    action: &str,
    registry: &Address,
    from: &Address,
    named: &str,
    trusted: &BTreeSet<Host>,
) -> Result<(Address, Reach)> {
    let refuse = |url: String, fault: &str| OciError::Host {
        action: action.to_owned(),
        url,
        fault: fault.to_owned(),
    };
    let target = from
        .join(named)
        .map_err(|fault| refuse(short(named.split('?').next().unwrap_or_default()), fault))?;
    if target.is_of_one_origin(registry) {
        return Ok((target, Reach::Named));
    }
    if from.secure && !target.secure {
        return Err(refuse(target.without_query(), "it steps down from HTTPS to HTTP"));
    }
    if trusted.contains(&target.host) {
        return Ok((target, Reach::Named));
    }
    if target.host.name() == registry.host.name() {
        return Err(refuse(target.without_query(), "it is another port of the registry's host"));
    }
    let address = target.host.name().parse::<IpAddr>();
    let is_public = address.map_or_else(|_| is_public_name(target.host.name()), is_public);
    if !is_public {
        return Err(refuse(target.without_query(), "it is no public address"));
    }
    Ok((target, Reach::Foreign))
}

/// Tells whether a name can be one of the public internet. A proxy that looks names up would find the
/// others in its own network.
fn is_public_name(name: &str) -> bool {
    const LOCAL: [&str; 6] = ["localhost", "local", "internal", "localdomain", "arpa", "test"];
    let Some((_, last)) = name.rsplit_once('.') else { return false };
    // A number at the end is an address in another notation: octal, hexadecimal, with fewer dots.
    !(last.starts_with(|first: char| first.is_ascii_digit()) || LOCAL.contains(&last))
}

/// Tells whether an address is one of the public internet, whichever way it is written.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match embedded(address) {
            Some(inner) => is_public_v4(inner),
            None => is_public_v6(address),
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || a == 0
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19))
        || a >= 224;
    !special
}

/// The address of IPv4 that one of IPv6 leads to: mapped, compatible, NAT64, 6to4.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let of = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0x64, 0xff9b, _, _, _, _, high, low]
        | [0x2002, high, low, ..] => of(high, low),
        _ => None,
    }
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    // 2000::/3 is all that is given out; within it, Teredo and the documentation's range.
    (first & 0xe000) == 0x2000 && !(first == 0x2001 && (second == 0 || second == 0xdb8))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        let base = Address::new(true, "base.example".parse().unwrap(), "/");
        base.join(text).unwrap_or_else(|fault| panic!("{text}: {fault}"))
    }

    fn of(from: &str, named: &str) -> Result<(Address, Reach)> {
        follow("x", &address(from), &address(from), named, &BTreeSet::new())
    }

    #[test]
    fn a76_only_public_addresses_and_the_registry_itself_are_followed() {
        for named in [
            "http://127.0.0.1/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://0.0.0.0/",
            "http://169.254.169.254/latest/meta-data",
            "http://[fe80::1]/",
            "http://10.0.0.1/",
            "http://172.16.0.1/",
            "http://172.31.255.255/",
            "http://192.168.1.1/",
            "http://100.64.0.1/",
            "http://[fc00::1]/",
            "http://[fd12::1]/",
            "http://localhost/",
            "http://[::]/",
            "http://[64:ff9b::7f00:1]/",
            "http://[2002:7f00:1::]/",
            "http://[::127.0.0.1]/",
            "http://[ff02::1]/",
            "http://224.0.0.1/",
            "http://255.255.255.255/",
            "http://[2001:0:1::1]/",
            "http://2130706433/",
            "http://0177.0.0.01/",
            "http://0x7f.0x0.0x0.0x1/",
            "http://0x7f000001/",
            "http://127.1/",
            "http://metadata/",
            "http://metadata.google.internal/",
            "http://printer.local/",
            "http://a.localhost/",
        ] {
            let refused = of("http://reg.example:5000/v2/", named);
            assert!(matches!(refused, Err(OciError::Host { .. })), "{named}");
        }
        for named in ["/v2/x", "http://reg.example:5000/x"] {
            let (_, reach) = of("http://reg.example:5000/v2/", named).unwrap();
            assert_eq!(reach, Reach::Named, "{named}");
        }
        let (_, reach) = of("https://reg.example/v2/", "https://cdn.example/x?sig=1").unwrap();
        assert_eq!(reach, Reach::Foreign);
    }

    #[test]
    fn o13_other_ports_and_steps_down_are_refused() {
        for named in [
            "http://reg.example/x",
            "https://reg.example:8443/x",
            "http://cdn.example/x",
            "https://user:secret@cdn.example/x",
            "//cdn.example/x",
            "ftp://cdn.example/x",
            "x",
            "",
            "https://cdn.example\\@reg.example/",
            "https://cdn.exa mple/",
            "file:///etc/passwd",
        ] {
            assert!(of("https://reg.example/v2/", named).is_err(), "{named}");
        }
    }

    #[test]
    fn a_trusted_host_may_be_private_and_no_secret_is_told() {
        let trusted = BTreeSet::from(["10.0.0.1:9000".parse().unwrap()]);
        let registry = address("https://reg.example/v2/");
        let named = "https://10.0.0.1:9000/bucket?X-Signature=secret";
        let (_, reach) = follow("x", &registry, &registry, named, &trusted).unwrap();
        assert_eq!(reach, Reach::Named);
        let refused = follow("x", &registry, &registry, named, &BTreeSet::new()).unwrap_err();
        assert!(!refused.to_string().contains("secret"), "{refused}");
    }
}
