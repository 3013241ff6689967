//! What happens around every request, in one readable order.
//!
//! One layer instead of a stack of nine: each of the concerns below is a plain function of its own file, and a
//! request pays for one boxed future instead of nine, which at 100,000 answers a second is most of the cost.

mod cors;
mod freshness;
mod guard;
mod request_id;
mod security;

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{Method, StatusCode};
use tracing::{debug, error, info, warn};

use crate::app::App;
use crate::error::Problem;

pub use guard::body_too_large;
pub use request_id::REQUEST_ID;

/// Slower answers are worth a line in the log.
const SLOW_SECONDS: f64 = 1.0;

/// Wraps every route, and the answers for paths and methods that are not there.
pub async fn around(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id_value = request_id::of(request.headers());
    let id = id_value.to_str().unwrap_or("-");
    let origin = request.headers().get(http::header::ORIGIN).cloned();
    let method = request.method().clone();
    let uri = request.uri().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let pattern = route.as_ref().map_or("(none)", MatchedPath::as_str);

    let response =
        if cors::is_preflight(&request) { cors::preflight() } else { guard::run(&app, request, next, pattern).await };

    let mut response = write_problem(response, uri.path(), id);
    cors::apply(&app.config.cors, origin.as_ref(), response.headers_mut());
    security::apply(response.headers_mut());
    freshness::say_age(&app, response.headers_mut());
    finish(&app, &method, uri.path(), pattern, response.status(), started, id);
    response.headers_mut().insert(REQUEST_ID, id_value);
    response
}

/// Writes out the problem that a route returned, and logs the cause of a fault of ours, once.
fn write_problem(mut response: Response, path: &str, id: &str) -> Response {
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    if let Some(cause) = problem.cause() {
        error!(request.id = id, request.path = path, cause, "a request failed");
    }
    let (parts, _) = response.into_parts();
    problem.write(path, id, parts.headers)
}

/// Metrics, and a line in the log: always for failures and slow answers, for the rest at level debug.
fn finish(app: &App, method: &Method, path: &str, pattern: &str, status: StatusCode, started: Instant, id: &str) {
    let seconds = started.elapsed().as_secs_f64();
    app.metrics.request(method, pattern, status, seconds);
    let (status, ms) = (status.as_u16(), (seconds * 1e6).round() / 1e3);
    // The query is left out on purpose: coordinates and references of citizens' searches are no business of a log.
    if status >= 500 && status != 503 {
        warn!(target: "bricola::access", %method, path, status, ms, request.id = id, "answered with a fault");
    } else if seconds > SLOW_SECONDS {
        info!(target: "bricola::access", %method, path, status, ms, request.id = id, "answered slowly");
    } else {
        debug!(target: "bricola::access", %method, path, status, ms, request.id = id, "answered");
    }
}
