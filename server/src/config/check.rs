//! The rules of values that their types do not tell.

use bricola_layers::store::RedactedUrl;
use tracing_subscriber::EnvFilter;

use super::Config;

/// A key whose value breaks a rule.
#[derive(Debug)]
pub(super) struct Complaint {
    /// Dotted key.
    pub key: String,
    /// The rule.
    pub reason: String,
}

/// The first rule that the configuration breaks.
pub(super) fn check(config: &Config) -> Result<(), Complaint> {
    let Config { tenant, limits, .. } = config;
    rule("public_url", config.public_url.as_deref().is_none_or(is_public_url), || {
        "must be an http:// or https:// address without query or a slash at the end".into()
    })?;
    for (key, url) in [("database", &config.database), ("postgres.listen_url", &config.postgres.listen_url)] {
        rule(key, url.as_ref().is_none_or(RedactedUrl::is_sound), || {
            "must be a URL such as postgres://user:secret@host:5432/database".into()
        })?;
    }
    rule("postgres.connections", config.postgres.connections >= 2, || "must be at least 2".into())?;
    rule("postgres.statement_seconds", config.postgres.statement_seconds >= 1, || "must be at least 1".into())?;
    rule("tenant.name", !tenant.name.trim().is_empty(), || "must not be empty".into())?;
    rule("tenant.ipa", tenant.ipa.as_deref().is_none_or(is_ipa), || {
        "must be an IPA code such as c_l736: letters, digits and underscores".into()
    })?;
    rule("tenant.istat", tenant.istat.as_deref().is_none_or(|code| is_digits(code, 6)), || {
        "must be six digits, such as 027042 (in quotes, it starts with 0)".into()
    })?;
    rule("tenant.belfiore", tenant.belfiore.as_deref().is_none_or(is_belfiore), || {
        "must be a capital letter and three digits, such as L736".into()
    })?;
    rule("tenant.contact", tenant.contact.as_deref().is_none_or(|it| is_page(it) || it.contains('@')), || {
        "must be an e-mail address or an http:// or https:// address".into()
    })?;
    rule("tenant.terms", tenant.terms.as_deref().is_none_or(is_page), || {
        "must be an http:// or https:// address".into()
    })?;
    rule("tenant.crs", tenant.crs.strip_prefix("EPSG:").is_some_and(|code| code.parse::<u16>().is_ok()), || {
        "must be EPSG:n, such as EPSG:7795".into()
    })?;
    if let Some(envelope) = tenant.envelope {
        let reason = envelope_fault(envelope);
        rule("tenant.envelope", reason.is_none(), || reason.unwrap_or_default().into())?;
    }
    for (key, value) in [
        ("limits.body_bytes", limits.body_bytes),
        ("limits.uri_bytes", limits.uri_bytes),
        ("limits.request_seconds", limits.request_seconds as usize),
        ("limits.header_seconds", limits.header_seconds as usize),
        ("limits.concurrent_requests", limits.concurrent_requests),
        ("limits.connections", limits.connections),
    ] {
        rule(key, value >= 1, || "must be at least 1".into())?;
    }
    rule("tile.threads", config.tile.threads <= 1024, || "must be at most 1024".into())?;
    rule("tile.cache_mb", config.tile.cache_mb <= 1 << 24, || "must be at most 16777216 (16 TiB)".into())?;
    for origin in &config.cors.origins {
        rule("cors.origins", origin == "*" || is_origin(origin), || {
            format!("\"{origin}\" is no origin: write https://host, https://host:port or *")
        })?;
    }
    rule("log.level", EnvFilter::builder().parse(&config.log.level).is_ok(), || {
        "is no log level: write error, warn, info, debug or trace, and target=level after commas".into()
    })
}

fn is_page(url: &str) -> bool {
    (url.starts_with("https://") || url.starts_with("http://")) && !url.contains(char::is_whitespace)
}

fn rule(key: &str, holds: bool, reason: impl FnOnce() -> String) -> Result<(), Complaint> {
    if holds { Ok(()) } else { Err(Complaint { key: key.to_owned(), reason: reason() }) }
}

fn is_digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_belfiore(code: &str) -> bool {
    code.starts_with(|first: char| first.is_ascii_uppercase()) && is_digits(&code[1..], 3)
}

fn is_ipa(code: &str) -> bool {
    !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn is_public_url(url: &str) -> bool {
    is_http(url) && !url.ends_with('/') && !url.contains(['?', '#'])
}

fn is_origin(origin: &str) -> bool {
    is_http(origin) && origin.matches('/').count() == 2
}

fn is_http(url: &str) -> bool {
    url.parse::<http::Uri>().is_ok_and(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some())
}

fn envelope_fault([west, south, east, north]: [f64; 4]) -> Option<&'static str> {
    if ![west, south, east, north].iter().all(|degrees| degrees.is_finite()) {
        return Some("must be four finite numbers");
    }
    if !(-180.0..=180.0).contains(&west) || !(-180.0..=180.0).contains(&east) || west >= east {
        return Some("must have west smaller than east, both between -180 and 180");
    }
    if !(-90.0..=90.0).contains(&south) || !(-90.0..=90.0).contains(&north) || south >= north {
        return Some("must have south smaller than north, both between -90 and 90");
    }
    None
}
