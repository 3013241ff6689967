//! A name for each request, in the answer, in errors and in the log.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

/// The header that carries it, in both directions.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The start of the process in microseconds, so that ids of two runs differ.
static START: LazyLock<String> = LazyLock::new(|| {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
    format!("{since:x}-")
});
static COUNT: AtomicU64 = AtomicU64::new(0);

/// The id that the client or a proxy gave, if it is harmless; otherwise a new one. Always readable as text.
pub fn of(headers: &HeaderMap) -> HeaderValue {
    headers.get(REQUEST_ID).filter(|id| is_harmless(id.as_bytes())).map_or_else(fresh, HeaderValue::clone)
}

fn fresh() -> HeaderValue {
    let mut number = itoa::Buffer::new();
    let number = number.format(COUNT.fetch_add(1, Ordering::Relaxed));
    let mut id = Vec::with_capacity(START.len() + number.len());
    id.extend_from_slice(START.as_bytes());
    id.extend_from_slice(number.as_bytes());
    // Digits, letters and a hyphen are a header value.
    HeaderValue::from_maybe_shared(Bytes::from(id)).unwrap_or(HeaderValue::from_static("-"))
}

fn is_harmless(id: &[u8]) -> bool {
    (1..=64).contains(&id.len()) && id.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_could_forge_a_log_line_is_replaced() {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, "abc-1".parse().expect("header"));
        assert_eq!(of(&headers), "abc-1");
        headers.insert(REQUEST_ID, "abc level=error".parse().expect("header"));
        assert_ne!(of(&headers), "abc level=error");
        assert_ne!(of(&HeaderMap::new()), of(&HeaderMap::new()));
        assert!(of(&HeaderMap::new()).to_str().is_ok());
    }
}
