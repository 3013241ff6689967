//! How many requests a client may make in a minute, where somebody says (Italian guidelines on interoperability, 8.4; RFC
//! 6585, 4). Nothing is counted and nothing is said by default.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use axum::extract::Request;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::guard;
use crate::app::App;
use crate::error::{Kind, Problem};

const MINUTE: u64 = 60;
/// Clients that are counted one by one in a minute; those that come later are counted together.
const MOST_CLIENTS: usize = 100_000;
const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// From which address a connection comes; put on requests where a quota holds.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// What every client has used up in this minute.
#[derive(Debug)]
pub struct Quota {
    per_minute: u32,
    begun: Instant,
    used: Mutex<Used>,
}

#[derive(Debug, Default)]
struct Used {
    minute: u64,
    by_client: HashMap<IpAddr, u32>,
}

/// What a client may still do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    limit: u32,
    remaining: u32,
    /// Seconds until all of it is there again.
    reset: u32,
    is_over: bool,
}

impl Quota {
    /// So many requests a minute for each client; none for 0, which is no limit.
    pub fn new(per_minute: u32) -> Option<Self> {
        (per_minute > 0).then(|| Self { per_minute, begun: Instant::now(), used: Mutex::default() })
    }

    /// Counts a request, unless it is free.
    fn take(&self, client: IpAddr, is_free: bool) -> Allowance {
        let elapsed = self.begun.elapsed().as_secs();
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.minute != elapsed / MINUTE {
            *used = Used { minute: elapsed / MINUTE, by_client: HashMap::new() };
        }
        let is_crowded = used.by_client.len() >= MOST_CLIENTS && !used.by_client.contains_key(&client);
        let client = if is_crowded { Ipv6Addr::UNSPECIFIED.into() } else { client };
        let count = used.by_client.entry(client).or_default();
        let is_over = *count >= self.per_minute && !is_free;
        if !is_free && !is_over {
            *count += 1;
        }
        let reset = (MINUTE - elapsed % MINUTE) as u32;
        Allowance { limit: self.per_minute, remaining: self.per_minute - *count, reset, is_over }
    }
}

/// Counts a request where a quota holds. What operators ask for is free, or a busy client would hide the server's health.
pub fn take(app: &App, request: &Request, pattern: &str) -> Option<Allowance> {
    let quota = app.quota.as_ref()?;
    let Peer(peer) = request.extensions().get::<Peer>().copied()?;
    Some(quota.take(client(app.config.trust_forwarded, peer, request.headers()), guard::ALWAYS.contains(&pattern)))
}

impl Allowance {
    /// The answer to who has used up all.
    pub fn refusal(&self) -> Option<Problem> {
        self.is_over.then(|| {
            Problem::new(Kind::TooManyRequests, format!("{} requests a minute are allowed.", self.limit))
                .with("limit", "limits.requests_per_minute")
                .with("allowed", self.limit)
                .retry_after(self.reset)
        })
    }

    /// Says it.
    pub fn say(&self, headers: &mut HeaderMap) {
        headers.insert(LIMIT, HeaderValue::from(self.limit));
        headers.insert(REMAINING, HeaderValue::from(self.remaining));
        headers.insert(RESET, HeaderValue::from(self.reset));
    }
}

/// The address of the client, of IPv6 its network. A proxy near by says for whom it asks; a client from afar that says
/// so is not believed, since it could take another name for every request.
fn client(trust_forwarded: bool, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let forwarded = || {
        let last = headers.get_all(FORWARDED_FOR).iter().next_back()?.to_str().ok()?.rsplit(',').next()?;
        last.trim().parse().ok()
    };
    let told = if trust_forwarded && is_near(peer) { forwarded() } else { None };
    match told.unwrap_or(peer).to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address @ IpAddr::V4(_) => address,
    }
}

fn is_near(peer: IpAddr) -> bool {
    match peer.to_canonical() {
        IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("address")
    }

    #[test]
    fn each_client_has_its_own_allowance_and_what_is_free_takes_nothing_of_it() {
        let quota = Quota::new(2).expect("a quota");
        let (a, b) = (address("192.0.2.1"), address("192.0.2.2"));
        assert_eq!((quota.take(a, false).remaining, quota.take(a, true).remaining), (1, 1));
        assert_eq!((quota.take(a, false).remaining, quota.take(a, false).is_over), (0, true));
        assert!(!quota.take(a, true).is_over && !quota.take(b, false).is_over);
        assert!(Quota::new(0).is_none());
    }

    #[test]
    fn only_a_proxy_near_by_is_believed() {
        let mut headers = HeaderMap::new();
        headers.insert(FORWARDED_FOR, HeaderValue::from_static("198.51.100.9, 203.0.113.5"));
        let client = |trust, peer| client(trust, address(peer), &headers);
        assert_eq!(client(true, "127.0.0.1"), address("203.0.113.5"), "what the nearest proxy added");
        assert_eq!(client(true, "192.0.2.1"), address("192.0.2.1"));
        assert_eq!(client(false, "127.0.0.1"), address("127.0.0.1"));
        assert_eq!(client(true, "2001:db8::1:2"), address("2001:db8::"));
    }
}
