//! The host of a registry, with its port: what credentials and trust are bound to.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A host name or an address, with the port where one is named.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host {
    /// In lower case; an address of IPv6 without its brackets.
    name: String,
    port: Option<u16>,
}

impl Host {
    /// Returns the name or the address.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the port, if one is named.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Tells whether the host is this machine by its name or address: plain HTTP goes no further.
    pub fn is_loopback(&self) -> bool {
        match self.name.parse::<IpAddr>() {
            Ok(address) => address.is_loopback(),
            Err(_) => self.name == "localhost",
        }
    }
}

impl FromStr for Host {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let (name, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, rest) =
                    rest.split_once(']').ok_or("an address has no closing ']'")?;
                let address: Ipv6Addr =
                    address.parse().map_err(|_| "between brackets stands no address")?;
                let port = match rest {
                    "" => None,
                    rest => Some(rest.strip_prefix(':').ok_or("a port begins with ':'")?),
                };
                (address.to_string(), port)
            }
            None => match text.split_once(':') {
                None => (text.to_owned(), None),
                Some((name, port)) => (name.to_owned(), Some(port)),
            },
        };
        if name.parse::<Ipv6Addr>().is_err() && name.parse::<Ipv4Addr>().is_err() && !is_name(&name)
        {
            return Err("a registry has a lower-case host name or an address, and perhaps a port");
        }
        let port = port.map(|port| parse_port(port).ok_or("a port is a number from 1 to 65535"));
        Ok(Self { name, port: port.transpose()? })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.contains(':') {
            write!(out, "[{}]", self.name)?;
        } else {
            out.write_str(&self.name)?;
        }
        match self.port {
            Some(port) => write!(out, ":{port}"),
            None => Ok(()),
        }
    }
}

fn is_name(name: &str) -> bool {
    name.split('.').all(|label| {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        label.bytes().all(inner)
            && !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
    })
}

fn parse_port(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|port| plain && *port != 0)
}
