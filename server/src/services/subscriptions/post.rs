//! One request to a subscriber.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use thiserror::Error;

use super::allowed::{Allowed, Forbidden, OuterOnly, host_of};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// What is read of an answer, so that the connection can be used again.
const MAX_ANSWER: usize = 64 << 10;
/// The longest pause that a subscriber may ask for.
const LONGEST: u64 = 300;

/// Why there is no client.
#[derive(Debug, Error)]
#[error("cannot prepare requests to subscribers: {0}")]
pub struct NoPoster(#[from] reqwest::Error);

/// Sends to subscribers, where that is allowed.
#[derive(Clone)]
pub struct Poster {
    allowed: Allowed,
    /// For hosts that may have inner addresses.
    any: Client,
    /// For all others.
    outer: Client,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The subscriber has it.
    Taken,
    /// The subscriber is no more (410).
    Gone,
    /// Not these events: what is wrong with them will be wrong again.
    Refused(String),
    /// Not now; perhaps after a pause that the subscriber has named.
    Later(String, Option<Duration>),
}

impl Poster {
    /// With the hosts of the configuration.
    ///
    /// # Errors
    /// Where no client can be made.
    pub fn new(hosts: &[String]) -> Result<Self, NoPoster> {
        // There may be one already: both are the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = || {
            let agent = concat!("Bricola/", env!("CARGO_PKG_VERSION"));
            // Whoever is asked to go elsewhere could be led into an inner network.
            Client::builder().redirect(Policy::none()).no_proxy().connect_timeout(CONNECT).user_agent(agent)
        };
        let outer = client().dns_resolver(std::sync::Arc::new(OuterOnly)).build()?;
        Ok(Self { allowed: Allowed::new(hosts), any: client().build()?, outer })
    }

    /// Whether something may be sent to a URL, as far as that can be told by the URL.
    ///
    /// # Errors
    /// See [`Forbidden`].
    pub fn admit(&self, url: &str) -> Result<(), Forbidden> {
        let (host, port) = host_of(url).map_err(|_| Forbidden::Host(url.to_owned()))?;
        self.allowed.admit(&host, port).map(|_| ())
    }

    /// Sends a body.
    pub async fn post(
        &self,
        url: &str,
        media_type: &str,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
        timeout: Duration,
    ) -> Outcome {
        let admitted = host_of(url).ok().map(|(host, port)| self.allowed.admit(&host, port));
        let client = match admitted {
            Some(Ok(true)) => &self.any,
            Some(Ok(false)) => &self.outer,
            Some(Err(forbidden)) => return Outcome::Later(forbidden.to_string(), None),
            None => return Outcome::Later("the URL is none".to_owned(), None),
        };
        let mut request = client.post(url).timeout(timeout).header("content-type", media_type);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let mut answer = match request.body(body).send().await {
            Ok(answer) => answer,
            Err(error) => return Outcome::Later(told(&error), None),
        };
        let outcome = judge(answer.status(), answer.headers());
        let mut read = 0;
        while let Ok(Some(piece)) = answer.chunk().await {
            read += piece.len();
            if read > MAX_ANSWER {
                break;
            }
        }
        outcome
    }
}

/// What happened, without the URL, which may hold a secret.
fn told(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(next) = cause {
        text = next.to_string();
        cause = next.source();
    }
    let kind = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the request failed"
    };
    if text.is_empty() { kind.to_owned() } else { format!("{kind}: {text}") }
}

fn judge(status: StatusCode, headers: &reqwest::header::HeaderMap) -> Outcome {
    let told = format!("the subscriber answered {}", status.as_u16());
    match status.as_u16() {
        200..=299 => Outcome::Taken,
        300..=399 => Outcome::Later(format!("{told}: it is not gone elsewhere; the subscription must name the new URL"), None),
        410 => Outcome::Gone,
        // These are about the subscriber, and not about what is sent.
        401 | 403..=405 | 407 | 408 | 421 | 425 | 429 => Outcome::Later(told, pause(headers)),
        400..=499 => Outcome::Refused(told),
        _ => Outcome::Later(told, pause(headers)),
    }
}

fn pause(headers: &reqwest::header::HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get("retry-after")?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.min(LONGEST)))
}
