//! To whom requests may go: nobody shall use this server to reach what only it can reach.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::Uri;
use hyper_util::client::legacy::connect::dns::Name;
use thiserror::Error;
use tower::Service;

/// Why a request does not go anywhere.
#[derive(Debug, Clone, Error)]
pub enum Forbidden {
    /// The host is not on the list.
    #[error("the host \"{0}\" is not among those that the administrator allows (subscriptions.hosts)")]
    Host(String),
    /// The address is one of an inner network.
    #[error(
        "\"{0}\" leads to an address of this machine or of an inner network; the administrator may allow it (subscriptions.hosts)"
    )]
    Address(String),
}

/// Host and port of a URL that events may be sent to: `https`, or `http`, without name and password.
///
/// # Errors
/// What is wrong with it, in words.
pub fn host_of(url: &str) -> Result<(String, u16), &'static str> {
    let uri: Uri = url.parse().map_err(|_| "must be a URL, as https://tributi.comune.example.it/eventi")?;
    let port = match uri.scheme_str() {
        Some("https") => 443,
        Some("http") => 80,
        _ => return Err("must begin with https:// (or http://)"),
    };
    let authority = uri.authority().ok_or("must name a host")?;
    if authority.as_str().contains('@') {
        return Err("must not hold a name and a password");
    }
    if url.contains('#') {
        return Err("must not hold a fragment");
    }
    if authority.as_str().len() > authority.host().len() && authority.port_u16().is_none() {
        return Err("must have a port from 1 to 65535, or none");
    }
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    if host.is_empty() { Err("must name a host") } else { Ok((host, authority.port_u16().unwrap_or(port))) }
}

/// The hosts that the administrator allows. Without a list all public ones are; who is on it may have an inner address too.
#[derive(Debug, Clone, Default)]
pub struct Allowed(Vec<String>);

impl Allowed {
    /// Of the configuration: hosts as `tributi.example.it`, or with a port, or `*.example.it`.
    pub fn new(hosts: &[String]) -> Self {
        Self(hosts.iter().map(|host| host.trim().to_ascii_lowercase()).collect())
    }

    fn names(&self, host: &str, port: u16) -> bool {
        self.0.iter().any(|allowed| {
            let (name, only) = match allowed.rsplit_once(':') {
                Some((name, digits)) if digits.bytes().all(|byte| byte.is_ascii_digit()) && !name.contains(':') => {
                    (name, digits.parse::<u16>().ok())
                }
                _ => (allowed.as_str(), None),
            };
            let is_host = match name.strip_prefix("*.") {
                Some(domain) => host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')),
                None => name == host,
            };
            is_host && only.is_none_or(|only| only == port)
        })
    }

    /// Whether something may be sent to a host; whether to inner addresses of it too.
    ///
    /// # Errors
    /// See [`Forbidden`].
    pub fn admit(&self, host: &str, port: u16) -> Result<bool, Forbidden> {
        let is_named = self.names(host, port);
        if !is_named && !self.0.is_empty() {
            return Err(Forbidden::Host(host.to_owned()));
        }
        // Names are looked up, and their addresses judged, at each connection.
        if !is_named && host.parse::<IpAddr>().is_ok_and(is_inner) {
            return Err(Forbidden::Address(host.to_owned()));
        }
        Ok(is_named)
    }
}

/// Whether an address is not of the open internet (IANA special-purpose address registries).
pub fn is_inner(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_inner_v4(address),
        IpAddr::V6(address) => is_inner_v6(address),
    }
}

fn is_inner_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || matches!((a, b, c), (0 | 240.., ..) | (100, 64..=127, _) | (192, 0, 0) | (198, 18..=19, _))
}

fn is_inner_v6(address: Ipv6Addr) -> bool {
    let mapped = address.to_ipv4_mapped().or_else(|| match address.segments() {
        // NAT64 leads to addresses of version 4.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))),
        _ => None,
    });
    mapped.is_some_and(is_inner_v4)
        || address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || matches!(address.segments()[0], 0xfc00..=0xfdff | 0xfe80..=0xfebf)
        || address.segments()[..2] == [0x2001, 0xdb8]
}

/// Looks names up.
#[derive(Debug, Clone, Copy)]
pub enum Names {
    /// All addresses.
    Any,
    /// Inner ones are left out.
    Outer,
}

impl Service<Name> for Names {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let is_any = matches!(self, Self::Any);
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| is_any || !is_inner(address.ip())).collect();
            if allowed.is_empty() {
                return Err(io::Error::other(Forbidden::Address(name.as_str().to_owned())));
            }
            Ok(allowed.into_iter())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inner_addresses_are_told_from_outer_ones() {
        let inner = [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "ff02::1",
        ];
        for address in inner {
            assert!(is_inner(address.parse().expect("an address")), "{address}");
        }
        for address in ["8.8.8.8", "151.1.1.1", "2a00:1450::1", "100.128.0.1", "172.32.0.1", "64:ff9b::808:808"] {
            assert!(!is_inner(address.parse().expect("an address")), "{address}");
        }
    }

    #[test]
    fn without_a_list_all_outer_hosts_are_allowed_and_with_one_only_those() {
        let none = Allowed::default();
        assert!(matches!(none.admit("example.it", 443), Ok(false)));
        assert!(matches!(none.admit("127.0.0.1", 80), Err(Forbidden::Address(_))));
        assert!(matches!(none.admit("::1", 80), Err(Forbidden::Address(_))));
        let some = Allowed::new(&["127.0.0.1:9000".to_owned(), "*.comune.example.it".to_owned(), "moduli".to_owned()]);
        assert!(matches!(some.admit("127.0.0.1", 9000), Ok(true)));
        assert!(matches!(some.admit("tributi.comune.example.it", 443), Ok(true)));
        assert!(matches!(some.admit("moduli", 1), Ok(true)));
        for (host, port) in [("127.0.0.1", 9001), ("comune.example.it", 443), ("evilcomune.example.it", 443)] {
            assert!(matches!(some.admit(host, port), Err(Forbidden::Host(_))), "{host}:{port}");
        }
    }

    #[test]
    fn urls() {
        assert_eq!(host_of("https://Tributi.example.it/a?b"), Ok(("tributi.example.it".to_owned(), 443)));
        assert_eq!(host_of("http://[::1]:8080/"), Ok(("::1".to_owned(), 8080)));
        for wrong in [
            "ftp://a",
            "a",
            "https://",
            "https://u:p@a/",
            "file:///etc/passwd",
            "https://a/#b",
            "/a",
            "http://a:x/",
            "http://a:70000/",
        ] {
            assert!(host_of(wrong).is_err(), "{wrong}");
        }
    }
}
