//! On which terms an edit is asked for: headers and parameters.

use std::fmt::Write as _;

use axum::extract::Request;
use bricola_layers::crs::Crs;
use bricola_layers::definition::LayerDefinition;
use bricola_layers::store::Once;
use http::{HeaderMap, HeaderName, header};
use sha2::{Digest as _, Sha256};

use super::super::CONTENT_CRS;
use super::super::crs_uris;
use crate::app::App;
use crate::error::{Kind, Problem};
use crate::params::Params;
use crate::routes::bearer;

/// The parameter that asks what would be.
const DRY_RUN: &str = "dry-run";
const PREFER: HeaderName = HeaderName::from_static("prefer");
/// Under which a client sends an edit again when it does not know whether the first arrived
/// (draft-ietf-httpapi-idempotency-key-header).
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Characters of it at most.
const LONGEST_KEY: usize = 200;
/// Media type of a feature in a body (RFC 7946, 12).
pub const GEOJSON: &str = "application/geo+json";
/// Media type of a change of one (RFC 7386).
pub const MERGE_PATCH: &str = "application/merge-patch+json";

/// The terms of an edit.
pub struct Terms {
    /// Checks all and changes nothing.
    pub dry_run: bool,
    /// Of the coordinates in the body, and in the answer (OGC API Features 2, 6.3; part 4).
    pub crs: Crs,
    /// Whether the answer holds the feature; `None` where nobody says (RFC 7240, 4.2).
    pub representation: Option<bool>,
}

impl Terms {
    /// Reads query and headers.
    ///
    /// # Errors
    /// A parameter that is none, or a CRS that the layer is not given in.
    pub fn read(definition: &LayerDefinition, query: Option<&str>, headers: &HeaderMap) -> Result<Self, Problem> {
        Ok(Self { crs: crs(definition, headers)?, ..Self::of_all(query, headers)? })
    }

    /// Those that hold for several layers, each of which has a say in the CRS ([`Self::agree`]); CRS84 until then.
    ///
    /// # Errors
    /// A parameter that is none.
    pub fn of_all(query: Option<&str>, headers: &HeaderMap) -> Result<Self, Problem> {
        let params = Params::read(query, &[DRY_RUN])?;
        let dry_run = params.one_of(DRY_RUN, &[("true", true), ("false", false)])?.unwrap_or(false);
        Ok(Self { dry_run, crs: Crs::crs84(), representation: representation(headers) })
    }

    /// Takes the CRS that the client names, which must be one of the layer.
    ///
    /// # Errors
    /// A CRS that the layer is not given in.
    pub fn agree(&mut self, definition: &LayerDefinition, headers: &HeaderMap) -> Result<(), Problem> {
        self.crs = crs(definition, headers)?;
        Ok(())
    }
}

fn crs(definition: &LayerDefinition, headers: &HeaderMap) -> Result<Crs, Problem> {
    let Some(value) = headers.get(CONTENT_CRS) else { return Ok(Crs::crs84()) };
    let text = String::from_utf8_lossy(value.as_bytes());
    let name = text.trim().trim_start_matches('<').trim_end_matches('>');
    let allowed = crs_uris(definition);
    Crs::parse(name).ok().filter(|crs| allowed.contains(&crs.uri())).ok_or_else(|| {
        let reason = "must be the URI of a CRS that the collection lists, in angle brackets";
        Problem::parameter("Content-Crs", &text, reason).with("allowed", allowed)
    })
}

/// `Prefer: return=minimal` or `return=representation`; the first that is said counts (RFC 7240, 2).
fn representation(headers: &HeaderMap) -> Option<bool> {
    let values = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split([',', ';'])).find_map(|preference| match preference.trim() {
        "return=representation" => Some(true),
        "return=minimal" => Some(false),
        _ => None,
    })
}

/// The idempotency key, if there is one, and what tells this edit from another under the same key.
///
/// # Errors
/// A key that is empty, too long or not of visible ASCII characters.
pub fn once(headers: &HeaderMap, crs: &Crs, body: &[u8]) -> Result<Option<Once>, Problem> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = value.to_str().map_err(|_| "must be of visible ASCII characters").and_then(|key| match key.len() {
        1..=LONGEST_KEY => Ok(key.to_owned()),
        _ => Err("must have 1 to 200 characters"),
    });
    let key = key
        .map_err(|reason| Problem::parameter("Idempotency-Key", &String::from_utf8_lossy(value.as_bytes()), reason))?;
    let mut hash = Sha256::new();
    hash.update(crs.uri().as_bytes());
    hash.update([0]);
    hash.update(body);
    let digest = hash.finalize().iter().fold(String::with_capacity(64), |mut digest, byte| {
        // Writing to a string cannot fail.
        let _ = write!(digest, "{byte:02x}");
        digest
    });
    Ok(Some(Once { key, digest }))
}

/// Refuses whoever does not know a token of the configuration.
///
/// # Errors
/// 401, in the same words whatever was wrong with the token.
pub fn authorize(app: &App, headers: &HeaderMap) -> Result<(), Problem> {
    if bearer::is_known(app, headers) {
        return Ok(());
    }
    let detail = "Editing takes the header \"Authorization: Bearer\" with one of the tokens that the administrator gave \
                  (editing.token or editing.tokens_file).";
    Err(Problem::new(Kind::Unauthorized, detail))
}

/// Refuses another media type than the one that is taken.
///
/// # Errors
/// 415, with what is taken; 400 where the body says no media type at all (OGC API Features 4, /req/create-replace-delete).
pub fn media_type(request: &Request, wanted: &'static str) -> Result<(), Problem> {
    let sent = request.headers().get(header::CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let essence = sent.as_deref().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(wanted) {
        return Ok(());
    }
    let shown = crate::error::clipped(essence).into_owned();
    if shown.is_empty() {
        let detail = format!("The body has no media type: send the header Content-Type: {wanted}.");
        return Err(Problem::new(Kind::InvalidBody, detail)
            .with("header", "Content-Type")
            .with("allowed", vec![wanted]));
    }
    Err(Problem::new(Kind::UnsupportedMediaType, format!("The body is {shown}; send {wanted}."))
        .with("value", shown)
        .with("allowed", vec![wanted]))
}

/// Which versions an edit may be made from (`If-Match`; RFC 9110, 13.1.1).
pub enum Seen {
    /// `*`: whichever there is.
    Any,
    /// These strong validators.
    Tags(Vec<String>),
}

impl Seen {
    /// Reads `If-Match`.
    ///
    /// # Errors
    /// 428 when it is not there.
    pub fn read(headers: &HeaderMap, address: &str) -> Result<Self, Problem> {
        let values: Vec<_> =
            headers.get_all(header::IF_MATCH).iter().map(|value| value.to_str().unwrap_or("")).collect();
        if values.is_empty() {
            let detail = format!(
                "Send the ETag that GET {address} answers with in the header If-Match, so that nobody's edit is lost."
            );
            return Err(Problem::new(Kind::PreconditionRequired, detail).with("header", "If-Match"));
        }
        let tags = values.iter().flat_map(|value| value.split(',')).map(|tag| tag.trim().to_owned());
        let tags: Vec<String> = tags.filter(|tag| !tag.is_empty()).collect();
        Ok(if tags.iter().any(|tag| tag == "*") { Self::Any } else { Self::Tags(tags) })
    }

    /// Whether a version is one of them. Weak validators never are (RFC 9110, 13.1.1).
    pub fn allows(&self, tag: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Tags(tags) => tags.iter().any(|seen| seen == tag),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().expect("a value"))).collect()
    }

    #[test]
    fn validators_are_compared_strongly() {
        let seen = |value: &str| Seen::read(&headers(&[(header::IF_MATCH, value)]), "/").expect("there");
        assert!(
            seen("\"v3\"").allows("\"v3\"") && seen("\"v1\", \"v3\"").allows("\"v3\"") && seen("*").allows("\"v3\"")
        );
        for other in ["\"v2\"", "W/\"v3\"", "v3", "\"v33\"", ""] {
            assert!(!seen(other).allows("\"v3\""), "{other}");
        }
        let problem = Seen::read(&HeaderMap::new(), "/").err().expect("required");
        assert_eq!(problem.kind(), Kind::PreconditionRequired);
    }

    #[test]
    fn a_preference_is_found_among_others() {
        let preferred = |value: &str| representation(&headers(&[(PREFER, value)]));
        assert_eq!(preferred("handling=strict, return=representation"), Some(true));
        assert_eq!(preferred("return=minimal"), Some(false));
        assert_eq!(preferred("wait=10"), None);
    }
}
