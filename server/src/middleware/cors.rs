//! Cross-origin reading (Fetch standard): maps of other hosts are our first clients.

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use crate::config::Cors;

/// Headers that scripts of other origins may read.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "ETag, Retry-After, X-Request-Id, Bricola-Seq, Bricola-Age, Bricola-Next, Bricola-Dry-Run, Allow, Accept-Patch, \
     Content-Crs, Location, Preference-Applied, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset",
);
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
const HEADERS: HeaderValue = HeaderValue::from_static(
    "Accept, Accept-Language, Authorization, Bricola-Min-Seq, Content-Crs, Content-Type, Idempotency-Key, If-Match, \
     If-None-Match, Last-Event-ID, Prefer, Range, X-Request-Id",
);

/// Whether a browser asks before it asks.
pub fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ORIGIN)
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// The answer to that; [`apply`] adds the origin.
pub fn preflight() -> Response {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS),
        (header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400")),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// Names the origin that may read the answer.
pub fn apply(cors: &Cors, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
    if cors.origins.iter().any(|allowed| allowed == "*") {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    } else {
        if cors.origins.is_empty() {
            return;
        }
        headers.append(header::VARY, HeaderValue::from_static("origin"));
        let Some(origin) =
            origin.filter(|origin| cors.origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()))
        else {
            return;
        };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
}
