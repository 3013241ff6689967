//! What routes have in common when they answer: format, language, links, validators.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::Serialize;

use crate::config::Config;
use crate::error::{Kind, Problem};
use crate::params::Params;

/// The two forms of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For machines.
    Json,
    /// For people.
    Html,
}

/// The language of titles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Italian, the default.
    Italian,
    /// English.
    English,
}

impl Language {
    /// The text in this language.
    pub fn of(self, text: &bricola_layers::definition::Text) -> &str {
        match self {
            Self::Italian => &text.it,
            Self::English => &text.en,
        }
    }

    /// Its BCP 47 tag.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Italian => "it",
            Self::English => "en",
        }
    }
}

/// The form that `?f=` names, or that `Accept` likes best; JSON when nobody says.
///
/// # Errors
/// A word that is neither `json` nor `html`, or an `Accept` that takes neither.
pub fn format(params: &Params<'_>, headers: &HeaderMap) -> Result<Format, Problem> {
    format_of(params, headers, "application/json")
}

/// As [`format`], where the form for machines has a media type of its own beside `application/json`.
///
/// # Errors
/// As [`format`].
pub fn format_of(params: &Params<'_>, headers: &HeaderMap, machines: &str) -> Result<Format, Problem> {
    if let Some(format) = params.one_of("f", &[("json", Format::Json), ("html", Format::Html)])? {
        return Ok(format);
    }
    let Some(accept) = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()) else {
        return Ok(Format::Json);
    };
    let own = machines.split([';', '/']).nth(1).map_or(0.0, |subtype| weight(accept, "application", subtype));
    let (json, html) = (weight(accept, "application", "json").max(own), weight(accept, "text", "html"));
    if json == 0.0 && html == 0.0 {
        return Err(Problem::new(Kind::NotAcceptable, format!("This path answers as {machines} or text/html."))
            .with("allowed", vec![machines, "text/html"]));
    }
    Ok(if html > json { Format::Html } else { Format::Json })
}

/// The weight that `Accept` gives a media type such as `text/csv`; 0 when it does not take it.
pub fn weight_of(accept: &str, media_type: &str) -> f32 {
    let (kind, subtype) = media_type.split_once('/').unwrap_or_default();
    weight(accept, kind, subtype)
}

/// The weight that `Accept` gives a media type: the most specific range decides (RFC 9110, 12.5.1).
fn weight(accept: &str, kind: &str, subtype: &str) -> f32 {
    let mut best = (0, 0.0);
    for range in accept.split(',') {
        let mut parts = range.split(';');
        let (range_kind, range_subtype) = parts.next().unwrap_or_default().trim().split_once('/').unwrap_or_default();
        let rank = match (range_kind, range_subtype) {
            ("*", "*") => 1,
            (k, "*") if k.eq_ignore_ascii_case(kind) => 2,
            (k, s) if k.eq_ignore_ascii_case(kind) && s.eq_ignore_ascii_case(subtype) => 3,
            _ => continue,
        };
        let weight = parts.find_map(|part| part.trim().strip_prefix("q=")).map_or(Ok(1.0), str::parse).unwrap_or(0.0);
        if rank > best.0 {
            best = (rank, weight);
        }
    }
    best.1
}

/// The language that `?lang=` names, or the first that `Accept-Language` has of ours; Italian when nobody says.
///
/// # Errors
/// A word that is neither `it` nor `en`.
pub fn language(params: &Params<'_>, headers: &HeaderMap) -> Result<Language, Problem> {
    if let Some(language) = params.one_of("lang", &[("it", Language::Italian), ("en", Language::English)])? {
        return Ok(language);
    }
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let known = accepted.split(',').find_map(|range| match range.trim().get(..2) {
        Some("it") => Some(Language::Italian),
        Some("en") => Some(Language::English),
        _ => None,
    });
    Ok(known.unwrap_or(Language::Italian))
}

/// The address of this server as the client knows it, without a slash at the end.
pub fn base_url(config: &Config, headers: &HeaderMap) -> String {
    if let Some(url) = &config.public_url {
        return url.clone();
    }
    let first = |name: &str| headers.get(name)?.to_str().ok()?.split(',').next().map(str::trim);
    let forwarded = |name: &str| if config.trust_forwarded { first(name) } else { None };
    let scheme = forwarded("x-forwarded-proto").filter(|scheme| matches!(*scheme, "http" | "https")).unwrap_or("http");
    let host = forwarded("x-forwarded-host").or_else(|| first("host")).filter(|host| is_host(host));
    let host = host.map_or_else(|| config.listen.to_string(), str::to_owned);
    let prefix = forwarded("x-forwarded-prefix").filter(|prefix| is_prefix(prefix)).unwrap_or_default();
    format!("{scheme}://{host}{}", prefix.trim_end_matches('/'))
}

/// A header of the client ends up in links: letters that could break out of one are refused.
fn is_host(host: &str) -> bool {
    (1..=255).contains(&host.len())
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte))
}

fn is_prefix(prefix: &str) -> bool {
    prefix.starts_with('/')
        && !prefix.starts_with("//")
        && prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte))
}

/// A JSON answer that is fresh each time.
pub fn json(value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => {
            let mut response = Response::new(Body::from(body));
            set(&mut response, header::CONTENT_TYPE, "application/json");
            set(&mut response, header::CACHE_CONTROL, "no-cache");
            response
        }
        Err(error) => Problem::internal(error).into_response(),
    }
}

/// Sets a header; a value that no header can hold is left out.
pub fn set(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// Says at which change the answer stands.
pub fn set_seq<B>(response: &mut Response<B>, seq: i64) {
    response.headers_mut().insert(HeaderName::from_static("bricola-seq"), HeaderValue::from(seq));
}

/// Whether the client has this already (`If-None-Match`, compared weakly: RFC 9110, 13.1.2).
pub fn matches(headers: &HeaderMap, etag: &str) -> bool {
    headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).any(|value| {
        value.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
    })
}
