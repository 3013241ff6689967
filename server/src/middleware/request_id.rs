//! A name for each request, in the answer, in errors and in the log.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderName};

/// The header that carries it, in both directions.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The start of the process in microseconds, so that ids of two runs differ.
static START: LazyLock<u64> =
    LazyLock::new(|| SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64));
static COUNT: AtomicU64 = AtomicU64::new(0);

/// The id that the client or a proxy gave, if it is harmless; otherwise a new one.
pub fn of(headers: &HeaderMap) -> String {
    headers
        .get(REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|id| is_harmless(id))
        .map_or_else(|| format!("{:x}-{:x}", *START, COUNT.fetch_add(1, Ordering::Relaxed)), str::to_owned)
}

fn is_harmless(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
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
    }
}
