//! Headers that keep browsers from doing what nobody asked for.

use http::{HeaderMap, HeaderValue, header};

/// What a page of ours may load: only from this host. `MapLibre` runs its workers from blobs.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; \
     connect-src 'self'; worker-src 'self' blob:; child-src blob:; object-src 'none'; base-uri 'none'; \
     form-action 'self'; frame-ancestors 'self'",
);

/// On every answer `nosniff`; on pages also the content security policy and what goes with it.
pub fn apply(headers: &mut HeaderMap) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let is_page = headers.get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/html"));
    if is_page {
        headers.insert(header::CONTENT_SECURITY_POLICY, PAGE_POLICY);
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
    }
}
