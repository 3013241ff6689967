//! One request to a subscriber.

use std::error::Error as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::TokioExecutor;
use thiserror::Error;
use tracing::debug;

use super::allowed::{Allowed, Forbidden, Names, host_of};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// What is read of an answer, so that the connection can be used again.
const MAX_ANSWER: usize = 64 << 10;
/// The longest pause that a subscriber may ask for.
const LONGEST: u64 = 300;

/// Why there is no client.
#[derive(Debug, Error)]
#[error("cannot prepare requests to subscribers: {0}")]
pub struct NoPoster(#[from] io::Error);

/// One request after the other to the same host goes over the same connection. Redirects are not followed: whoever is asked to
/// go elsewhere could be led into an inner network.
type Sender = Client<HttpsConnector<HttpConnector<Names>>, Full<Bytes>>;

/// Sends to subscribers, where that is allowed.
#[derive(Clone)]
pub struct Poster {
    allowed: Allowed,
    /// For hosts that may have inner addresses.
    any: Sender,
    /// For all others.
    outer: Sender,
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
        Ok(Self { allowed: Allowed::new(hosts), any: sender(Names::Any)?, outer: sender(Names::Outer)? })
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
        let agent = concat!("Bricola/", env!("CARGO_PKG_VERSION"));
        let mut request = Request::post(url).header("content-type", media_type).header("user-agent", agent);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let Ok(request) = request.body(Full::new(Bytes::from(body))) else {
            return Outcome::Later("the URL is none".to_owned(), None);
        };
        let answer = async {
            let answer = client.request(request).await.map_err(|error| told(&error))?;
            let outcome = judge(answer.status(), answer.headers());
            // Read to its end, so that the connection can be used again.
            let _ = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
            Ok(outcome)
        };
        match tokio::time::timeout(timeout, answer).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(reason)) => Outcome::Later(reason, None),
            Err(_) => Outcome::Later("no answer in time".to_owned(), None),
        }
    }
}

fn sender(names: Names) -> Result<Sender, io::Error> {
    let mut plain = HttpConnector::new_with_resolver(names);
    plain.enforce_http(false);
    plain.set_nodelay(true);
    plain.set_connect_timeout(Some(CONNECT));
    let provider = rustls::crypto::ring::default_provider;
    let builder = match HttpsConnectorBuilder::new().with_provider_and_native_roots(provider()) {
        Ok(builder) => builder,
        // A machine that trusts nobody reaches plain hosts all the same.
        Err(error) => {
            debug!(%error, "no certificates of authorities are installed: hosts behind TLS cannot be trusted");
            let config = rustls::ClientConfig::builder_with_provider(Arc::new(provider()));
            let config = config.with_safe_default_protocol_versions().map_err(io::Error::other)?;
            let nobody = rustls::RootCertStore::empty();
            HttpsConnectorBuilder::new().with_tls_config(config.with_root_certificates(nobody).with_no_client_auth())
        }
    };
    let secured = builder.https_or_http().enable_http1().wrap_connector(plain);
    Ok(Client::builder(TokioExecutor::new()).build(secured))
}

/// What happened, without the URL, which may hold a secret.
fn told(error: &Error) -> String {
    let mut text = String::new();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = next.to_string();
        cause = next.source();
    }
    let kind = if error.is_connect() { "no connection" } else { "the request failed" };
    if text.is_empty() { kind.to_owned() } else { format!("{kind}: {text}") }
}

fn judge(status: StatusCode, headers: &HeaderMap) -> Outcome {
    let told = format!("the subscriber answered {}", status.as_u16());
    match status.as_u16() {
        200..=299 => Outcome::Taken,
        300..=399 => {
            Outcome::Later(format!("{told}: it is not gone elsewhere; the subscription must name the new URL"), None)
        }
        410 => Outcome::Gone,
        // These are about the subscriber, and not about what is sent.
        401 | 403..=405 | 407 | 408 | 421 | 425 | 429 => Outcome::Later(told, pause(headers)),
        400..=499 => Outcome::Refused(told),
        _ => Outcome::Later(told, pause(headers)),
    }
}

fn pause(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get("retry-after")?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.min(LONGEST)))
}
