//! What stands between a request and the process: limits, the clock, and panics.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt as _;
use http::{Uri, header};

use super::{freshness, integrity};
use crate::app::App;
use crate::error::{Kind, Problem};

/// Paths that answer however busy the server is.
pub const ALWAYS: &[&str] = &["/status", "/metrics"];

/// Bytes of a file of rows that is answered row by row (`POST /geocode`, `POST /zones`): it is kept in a file and not in
/// memory.
pub const MAX_BATCH_BYTES: usize = 256 * 1024 * 1024;

/// Runs the route inside the limits; whatever happens, there is an answer.
pub async fn run(app: &App, request: Request, next: Next, pattern: &str) -> Response {
    if let Some(problem) = too_large(app, &request, pattern) {
        return problem.into_response();
    }
    let permit = app.requests.try_acquire();
    if permit.is_err() && !ALWAYS.contains(&pattern) {
        let most = app.config.limits.concurrent_requests;
        return Problem::new(Kind::Overloaded, format!("{most} requests are being worked on; try again in a second."))
            .with("limit", "limits.concurrent_requests")
            .with("allowed", most)
            .retry_after(1)
            .into_response();
    }
    let seconds = app.config.limits.request_seconds;
    let wanted = match freshness::wanted(&request) {
        Ok(wanted) => wanted,
        Err(problem) => return problem.into_response(),
    };
    let answer = async {
        match freshness::wait(app, wanted).await {
            Ok(()) => match integrity::check(app, request, pattern).await {
                Ok(request) => next.run(request).await,
                Err(problem) => crate::routes::bearer::refusal_or(problem),
            },
            Err(problem) => problem.into_response(),
        }
    };
    let answer = AssertUnwindSafe(answer).catch_unwind();
    match tokio::time::timeout(Duration::from_secs(seconds), answer).await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => {
            app.metrics.panic();
            Problem::internal(format!("panic: {}", message(&*panic))).into_response()
        }
        Err(_) => {
            Problem::new(Kind::Timeout, format!("There was no answer within {seconds} s; ask for less at a time."))
                .with("limit", "limits.request_seconds")
                .with("allowed", seconds)
                .retry_after(5)
                .into_response()
        }
    }
}

fn too_large(app: &App, request: &Request, pattern: &str) -> Option<Problem> {
    let limits = &app.config.limits;
    let length = length(request.uri());
    if length > limits.uri_bytes {
        let detail = format!("{length} bytes of path and query; {} are allowed.", limits.uri_bytes);
        return Some(
            Problem::new(Kind::UriTooLong, detail).with("limit", "limits.uri_bytes").with("allowed", limits.uri_bytes),
        );
    }
    let declared = request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse::<u64>().ok()?;
    let takes_tables = [crate::routes::search::GEOCODE].into_iter().chain(crate::routes::processes::TABLES);
    if takes_tables.into_iter().any(|path| path == pattern) {
        return (declared > MAX_BATCH_BYTES as u64).then(batch_too_large);
    }
    (declared > limits.body_bytes as u64).then(|| body_too_large(limits.body_bytes))
}

/// Bytes of a path and its query.
pub fn length(uri: &Uri) -> usize {
    uri.path().len() + uri.query().map_or(0, |query| query.len() + 1)
}

/// The answer to a body over the limit.
pub fn body_too_large(limit: usize) -> Problem {
    Problem::new(Kind::BodyTooLarge, format!("The body may have {limit} bytes; send it in parts."))
        .with("limit", "limits.body_bytes")
        .with("allowed", limit)
}

/// The answer to a file of rows over the limit.
pub fn batch_too_large() -> Problem {
    Problem::new(Kind::BodyTooLarge, format!("The file may have {MAX_BATCH_BYTES} bytes; send it in parts."))
        .with("limit", "MAX_BATCH_BYTES")
        .with("allowed", MAX_BATCH_BYTES)
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}
