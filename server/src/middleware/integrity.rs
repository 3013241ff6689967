//! Whether a body is what its sender sent (ModI, `INTEGRITY_REST_02`): `Digest`, and `Agid-JWT-Signature` by a key that is known.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use http::{HeaderMap, Method, header};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use thiserror::Error;

use super::guard::body_too_large;
use crate::app::App;
use crate::error::{Kind, Problem};

/// Seconds by which clocks may differ.
const LEEWAY: u64 = 60;
/// Seconds after which a token is too old, however long it says that it is good for.
const OLDEST: i64 = 300;
/// Tokens that are remembered, so that none is used twice.
const MAX_REMEMBERED: usize = 100_000;
/// Where edits go.
const EDITS: [&str; 5] = ["/collections/", "/transactions", "/undo", "/styles", "/subscriptions"];

/// Why there are no keys.
#[derive(Debug, Error)]
pub enum NoKeys {
    /// The file cannot be read.
    #[error("cannot read editing.integrity_keys {0}: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// It is no JWK set.
    #[error("editing.integrity_keys {0} is no JWK set (RFC 7517): {1}")]
    NoSet(PathBuf, String),
    /// Tokens are for an address, and nobody has said which is ours.
    #[error("editing.integrity_keys needs public_url: signatures name the server that they are for")]
    NoAudience,
}

/// The keys of those who may write.
pub struct Integrity {
    keys: HashMap<String, DecodingKey>,
    /// Our address, without a slash at its end.
    audience: String,
    /// Tokens that were used, and until when they would be good.
    used: Mutex<HashMap<String, i64>>,
}

#[derive(Deserialize)]
struct Claims {
    jti: String,
    iat: i64,
    exp: i64,
    signed_headers: Vec<HashMap<String, String>>,
}

impl Integrity {
    /// Of a file.
    ///
    /// # Errors
    /// See [`NoKeys`].
    pub fn read(path: &Path, public_url: Option<&str>) -> Result<Self, NoKeys> {
        let audience = public_url.ok_or(NoKeys::NoAudience)?.trim_end_matches('/').to_owned();
        let text = std::fs::read_to_string(path).map_err(|error| NoKeys::Unreadable(path.to_owned(), error))?;
        let wrong = |reason: String| NoKeys::NoSet(path.to_owned(), reason);
        let set: JwkSet = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let mut keys = HashMap::new();
        for jwk in &set.keys {
            let kid = jwk.common.key_id.clone().ok_or_else(|| wrong("a key has no kid".to_owned()))?;
            let key = DecodingKey::from_jwk(jwk).map_err(|error| wrong(format!("{kid}: {error}")))?;
            keys.insert(kid, key);
        }
        Ok(Self { keys, audience, used: Mutex::default() })
    }

    /// Whether a token is of a key that is known, for this request, and not used before; the headers that it signs.
    fn claims(&self, token: &str, path: &str) -> Result<Claims, &'static str> {
        let head = decode_header(token).map_err(|_| "it is no JWT")?;
        let key = head.kid.and_then(|kid| self.keys.get(&kid)).ok_or("its key (kid) is not known here")?;
        let mut validation = Validation::new(head.alg);
        // A token does not choose how it is judged.
        validation.algorithms = vec![Algorithm::RS256, Algorithm::ES256];
        validation.algorithms.retain(|algorithm| *algorithm == head.alg);
        if validation.algorithms.is_empty() {
            return Err("it is signed neither by RS256 nor by ES256");
        }
        validation.leeway = LEEWAY;
        validation.validate_nbf = true;
        validation.set_audience(&[&self.audience, &format!("{}/", self.audience), &format!("{}{path}", self.audience)]);
        validation.set_required_spec_claims(&["exp", "aud"]);
        let claims = decode::<Claims>(token, key, &validation).map_err(|error| reason(&error))?.claims;
        let now = Utc::now().timestamp();
        if (now - claims.iat).abs() > OLDEST {
            return Err("it is too old, or of the future (iat)");
        }
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.retain(|_, until| *until + LEEWAY as i64 >= now);
        if used.contains_key(&claims.jti) {
            return Err("it was used before (jti)");
        }
        if used.len() >= MAX_REMEMBERED {
            return Err("too many were used in these minutes");
        }
        used.insert(claims.jti.clone(), claims.exp.max(now));
        Ok(claims)
    }
}

fn reason(error: &jsonwebtoken::errors::Error) -> &'static str {
    use jsonwebtoken::errors::ErrorKind;
    match error.kind() {
        ErrorKind::InvalidSignature => "its signature is wrong",
        ErrorKind::ExpiredSignature => "it is over (exp)",
        ErrorKind::ImmatureSignature => "it is not good yet (nbf)",
        ErrorKind::InvalidAudience => "it is for another server (aud)",
        ErrorKind::MissingRequiredClaim(_) | ErrorKind::Json(_) => {
            "it lacks a claim: aud, exp, iat, jti and signed_headers are needed"
        }
        _ => "it cannot be read",
    }
}

/// Looks at a request that writes; what comes back is the same request.
///
/// # Errors
/// 400 for a body that is not the one of its `Digest`; 401 for a signature that is missing or wrong, where one is needed.
pub async fn check(app: &App, request: Request, pattern: &str) -> Result<Request, Problem> {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(request);
    }
    let needed = app.integrity.as_ref().filter(|_| EDITS.iter().any(|edits| pattern.starts_with(edits)));
    if needed.is_none() && !request.headers().contains_key("digest") {
        return Ok(request);
    }
    let (parts, body) = request.into_parts();
    let most = app.config.limits.body_bytes;
    let body = to_bytes(body, most).await.map_err(|_| body_too_large(most))?;
    let digest = digest(&parts.headers, &body)?;
    if let Some(integrity) = needed {
        signed(integrity, &parts.headers, parts.uri.path(), digest.as_deref())?;
    }
    Ok(Request::from_parts(parts, Body::from(body)))
}

/// The header `Digest` (RFC 3230), where it is that of the body.
fn digest(headers: &HeaderMap, body: &[u8]) -> Result<Option<String>, Problem> {
    let Some(sent) = headers.get("digest") else { return Ok(None) };
    let sent = String::from_utf8_lossy(sent.as_bytes()).into_owned();
    let refused = |detail: &'static str| Problem::new(Kind::DigestMismatch, detail).with("header", "Digest");
    let value = sent
        .split(',')
        .filter_map(|part| part.trim().split_once('='))
        .find_map(|(name, value)| name.eq_ignore_ascii_case("sha-256").then_some(value));
    let value = value.ok_or_else(|| refused("Digest must be SHA-256= and the base64 of the body's hash."))?;
    let hash = STANDARD.encode(Sha256::digest(body));
    if bool::from(hash.as_bytes().ct_eq(value.as_bytes())) {
        return Ok(Some(sent));
    }
    Err(refused(
        "The body is not the one that Digest was made of: it was changed on its way, or the hash is of something else.",
    ))
}

fn signed(integrity: &Integrity, headers: &HeaderMap, path: &str, digest: Option<&str>) -> Result<(), Problem> {
    let refused = |reason: &str| {
        let detail = format!(
            "Edits need the header Agid-JWT-Signature (INTEGRITY_REST_02) and a Digest: {reason}. The administrator knows which \
             keys are allowed (editing.integrity_keys)."
        );
        Problem::new(Kind::Integrity, detail).with("header", "Agid-JWT-Signature")
    };
    let token = headers.get("agid-jwt-signature").and_then(|value| value.to_str().ok());
    let token = token.ok_or_else(|| refused("there is none"))?;
    let digest = digest.ok_or_else(|| refused("there is no Digest"))?;
    let claims = integrity.claims(token.trim(), path).map_err(refused)?;
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut has_digest = false;
    for (name, value) in claims.signed_headers.iter().flatten() {
        let is_same = match name.to_ascii_lowercase().as_str() {
            "digest" => {
                has_digest = true;
                value == digest
            }
            "content-type" => value == content_type,
            other => headers.get(other).and_then(|sent| sent.to_str().ok()) == Some(value),
        };
        if !is_same {
            return Err(refused("a header is not the one that was signed").with("value", Value::from(name.clone())));
        }
    }
    if has_digest { Ok(()) } else { Err(refused("the Digest is not among the signed_headers")) }
}
