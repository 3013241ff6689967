//! Headers that keep browsers from doing what nobody asked for.

use axum::response::Response;
use http::{HeaderValue, header};

/// What a page of ours may load: only from this host. `MapLibre` runs its workers from blobs.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; \
     connect-src 'self'; worker-src 'self' blob:; child-src blob:; object-src 'none'; base-uri 'none'; \
     form-action 'self'; frame-ancestors 'self'",
);

/// The same, of a page that other sites may show in a frame.
const EMBEDDED_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; \
     connect-src 'self'; worker-src 'self' blob:; child-src blob:; object-src 'none'; base-uri 'none'; \
     form-action 'self'; frame-ancestors *",
);

/// Put by a route on a page that other sites may show in a frame: one on which nothing can be done.
#[derive(Debug, Clone, Copy)]
pub struct Embeddable;

/// On every answer `nosniff`; on pages also the content security policy and what goes with it.
pub fn apply(response: &mut Response) {
    let is_embeddable = response.extensions_mut().remove::<Embeddable>().is_some();
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let is_page = headers.get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/html"));
    if is_page {
        headers.insert(header::CONTENT_SECURITY_POLICY, if is_embeddable { EMBEDDED_POLICY } else { PAGE_POLICY });
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        // Without this header any site may; it can name none.
        if !is_embeddable {
            headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
        }
    }
}
