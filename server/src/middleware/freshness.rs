//! Read your own writes, on whichever server: a request may name a change that its answer must reflect.

use std::time::Duration;

use axum::extract::Request;
use bricola_layers::log::Seq;
use chrono::Utc;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::app::App;
use crate::error::{Kind, Problem};
use crate::params::MIN_SEQ;

const HEADER: HeaderName = HeaderName::from_static("bricola-min-seq");
/// Seconds since the store last answered, while it does not.
const AGE: HeaderName = HeaderName::from_static("bricola-age");
/// How long a request waits for a change to arrive.
const PATIENCE: Duration = Duration::from_secs(5);

/// Waits until answers reflect the change that the request named, if it did.
pub async fn wait(app: &App, wanted: Option<Seq>) -> Result<(), Problem> {
    let Some(wanted) = wanted else { return Ok(()) };
    if app.territory.seq() >= wanted {
        return Ok(());
    }
    // With too many who wait already, those who come are asked to come again.
    if let Ok(_permit) = app.waiting.try_acquire()
        && tokio::time::timeout(PATIENCE, app.territory.reached(wanted)).await.is_ok()
    {
        return Ok(());
    }
    let seq = app.territory.seq();
    Err(Problem::new(Kind::NotYet, format!("Change {wanted} was asked for; this server has seen those up to {seq}."))
        .with("parameter", MIN_SEQ)
        .with("value", wanted)
        .with("seq", seq)
        .retry_after(1))
}

/// Whether the headers name a change.
pub fn names_a_change(headers: &HeaderMap) -> bool {
    headers.contains_key(HEADER)
}

/// Whether a query may name a change: what is sure is said by [`wanted`].
pub fn may_name_a_change(query: &str) -> bool {
    query.contains(MIN_SEQ)
}

/// The change that a request names.
pub fn wanted(request: &Request) -> Result<Option<Seq>, Problem> {
    wanted_in(request.headers(), request.uri().query())
}

/// As [`wanted`], of a request in parts.
///
/// # Errors
/// What is no number of a change.
pub fn wanted_in(headers: &HeaderMap, query: Option<&str>) -> Result<Option<Seq>, Problem> {
    let header = headers.get(HEADER).map(|value| value.to_str().unwrap_or_default().to_owned());
    let query = || {
        let query = query.filter(|query| may_name_a_change(query))?;
        form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == MIN_SEQ).map(|(_, value)| value.into_owned())
    };
    let Some(text) = header.or_else(query) else { return Ok(None) };
    match text.trim().parse::<Seq>() {
        Ok(seq) if seq >= 0 => Ok(Some(seq)),
        _ => Err(Problem::parameter(MIN_SEQ, &text, "must be the seq of a change, a whole number")),
    }
}

/// Says how old the answers are while the store cannot be asked for newer ones.
pub fn say_age(app: &App, headers: &mut HeaderMap) {
    let health = app.territory.health();
    if health.trouble.is_some() && health.contact_ms > 0 {
        let seconds = (Utc::now().timestamp_millis() - health.contact_ms).max(0) / 1000;
        headers.insert(AGE, HeaderValue::from(seconds));
    }
}
