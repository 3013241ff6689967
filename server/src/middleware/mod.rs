//! What happens around every request, in one readable order.
//!
//! One layer instead of a stack of nine: each of the concerns below is a plain function of its own file, and a
//! request pays for one boxed future instead of nine, which at 100,000 answers a second is most of the cost.

mod cors;
mod freshness;
mod guard;
mod integrity;
mod quota;
mod request_id;
mod security;

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use tracing::{debug, error, info, warn};

use crate::app::App;
use crate::error::Problem;
use crate::pages::{self, Asked};
use crate::routes::respond::{self, Language};

pub use freshness::{may_name_a_change, names_a_change, wanted_in};
pub use guard::{ALWAYS, MAX_BATCH_BYTES, batch_too_large, body_too_large, length};
pub use integrity::{Integrity, NoKeys};
pub use quota::{Peer, Quota};
pub use request_id::REQUEST_ID;
pub use security::Embeddable;

/// Slower answers are worth a line in the log.
const SLOW_SECONDS: f64 = 1.0;

/// Wraps every route, and the answers for paths and methods that are not there.
pub async fn around(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let visit = Visit::begin(request.method(), request.uri(), request.headers());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let pattern = route.as_ref().map_or("(none)", MatchedPath::as_str);
    if cors::is_preflight(&request) {
        return visit.end(&app, pattern, cors::preflight());
    }
    let allowance = quota::take(&app, &request, pattern);
    let response = match allowance.as_ref().and_then(quota::Allowance::refusal) {
        Some(problem) => problem.into_response(),
        None => guard::run(&app, request, next, pattern).await,
    };
    let mut response = visit.end(&app, pattern, response);
    if let Some(allowance) = allowance {
        allowance.say(response.headers_mut());
    }
    response
}

/// What is kept of a request for the end of its answer.
pub struct Visit {
    started: Instant,
    id: HeaderValue,
    origin: Option<HeaderValue>,
    method: Method,
    uri: Uri,
    /// In which language, where the answer is for somebody who looks at it in a browser.
    page: Option<Language>,
}

impl Visit {
    /// To be called when the request comes in.
    pub fn begin(method: &Method, uri: &Uri, headers: &HeaderMap) -> Self {
        Self {
            started: Instant::now(),
            id: request_id::of(headers),
            origin: headers.get(header::ORIGIN).cloned(),
            method: method.clone(),
            uri: uri.clone(),
            page: reader(method, headers),
        }
    }

    /// Puts on an answer what every answer has, and counts it. `pattern` is its route.
    pub fn end(self, app: &App, pattern: &str, response: Response) -> Response {
        let id = self.id.to_str().unwrap_or("-");
        let mut response = write_problem(app, response, &self.uri, id, self.page);
        cors::apply(&app.config.cors, self.origin.as_ref(), response.headers_mut());
        security::apply(&mut response);
        freshness::say_age(app, response.headers_mut());
        finish(app, &self.method, self.uri.path(), pattern, response.status(), self.started, id);
        response.headers_mut().insert(REQUEST_ID, self.id);
        response
    }
}

/// Writes out the problem that a route returned, and logs the cause of a fault of ours, once.
fn write_problem(app: &App, mut response: Response, uri: &Uri, id: &str, page: Option<Language>) -> Response {
    let path = uri.path();
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    if let Some(cause) = problem.cause() {
        error!(request.id = id, request.path = path, cause, "a request failed");
    }
    let (parts, _) = response.into_parts();
    let Some(language) = page else { return problem.write(path, id, parts.headers) };
    // Links are relative to the path, whatever it is; there is nothing on the page that would be copied.
    let asked = Asked::new(app, language, "", path.trim_start_matches('/'), uri.query());
    let content = pages::problem(&asked, &problem.members(path, id));
    let mut response = problem.write_page(pages::written(&asked, &content), parts.headers);
    respond::set(&mut response, header::CONTENT_LANGUAGE, language.tag());
    response
}

/// The language of a page for who would rather read one than JSON, as browsers do that open an address.
fn reader(method: &Method, headers: &HeaderMap) -> Option<Language> {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).filter(|_| method == Method::GET)?;
    // Most clients take anything, and have a program read it.
    if !accept.contains("text/html") {
        return None;
    }
    let html = respond::weight_of(accept, "text/html");
    let json = ["application/json", "application/problem+json"].map(|kind| respond::weight_of(accept, kind));
    if json.iter().any(|weight| *weight >= html) {
        return None;
    }
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_english = accepted.split(',').find_map(|range| match range.trim().get(..2) {
        Some("it") => Some(false),
        Some("en") => Some(true),
        _ => None,
    });
    Some(if is_english == Some(true) { Language::English } else { Language::Italian })
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
