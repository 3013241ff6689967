//! Create, replace, delete styles (OGC API Styles, Manage styles and Validation of styles, after Features 4): `POST /styles`,
//! `PUT` and `DELETE /styles/{id}`.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, Request, State};
use axum::response::{IntoResponse as _, Response};
use bricola_layers::limits::{MAX_STYLE_BYTES, MAX_STYLE_ID, MAX_STYLES};
use bricola_layers::store::{StoreError, StyleEdit};
use http::{HeaderMap, HeaderName, StatusCode, header};
use serde_json::Value;
use tracing::info;

use super::{MEDIA_TYPE, definitions, given, present, tag};
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::params::Params;
use crate::routes::items::edit::answer::{say_dry_run, settle};
use crate::routes::items::edit::terms::{Seen, authorize};
use crate::routes::{bearer, body, respond};
use crate::services::styles::kept::{Given, is_id, listed, new_id};
use crate::services::styles::validate::{Address, Ours, faults};
use crate::services::styles::{CITY, StyleError};

const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");
/// The parameter that asks what would be.
const DRY_RUN: &str = "dry-run";
/// Media types of a style.
const TAKEN: [&str; 2] = [MEDIA_TYPE, "application/json"];

/// `OPTIONS /styles`.
pub async fn options_of_list(State(app): State<Arc<App>>) -> Response {
    options(&app, true)
}

/// `OPTIONS /styles/{styleId}`.
pub async fn options_of_one(State(app): State<Arc<App>>) -> Response {
    options(&app, false)
}

/// `POST /styles`: a new style, under an identifier made of its name.
pub async fn create(State(app): State<Arc<App>>, RawQuery(query): RawQuery, request: Request) -> Response {
    created(&app, query.as_deref(), request).await.unwrap_or_else(|problem| refusal(problem, true))
}

/// `PUT /styles/{styleId}`: another style in the place of what is there, or a new one.
pub async fn replace(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response {
    replaced(&app, &id, query.as_deref(), request).await.unwrap_or_else(|problem| refusal(problem, false))
}

/// `DELETE /styles/{styleId}`.
pub async fn remove(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response {
    removed(&app, &id, query.as_deref(), request.headers()).await.unwrap_or_else(|problem| refusal(problem, false))
}

async fn created(app: &App, query: Option<&str>, request: Request) -> Answer {
    let dry_run = admit(app, query, request.headers())?;
    let headers = request.headers().clone();
    let style = read(app, request).await?;
    let definitions = definitions(app);
    let taken: Vec<String> =
        listed(&app.territory.styles(), &present(&definitions)).into_iter().map(|s| s.id).collect();
    let id = new_id(style["name"].as_str().unwrap_or_default(), |id| taken.iter().any(|taken| taken == id));
    write(app, &headers, &id, None, Some(style), dry_run).await
}

async fn replaced(app: &App, id: &str, query: Option<&str>, request: Request) -> Answer {
    let dry_run = admit(app, query, request.headers())?;
    changeable(id)?;
    let headers = request.headers().clone();
    let current = current(app, &headers, id);
    check(app, &headers, id, current.as_ref())?;
    let style = read(app, request).await?;
    write(app, &headers, id, current, Some(style), dry_run).await
}

async fn removed(app: &App, id: &str, query: Option<&str>, headers: &HeaderMap) -> Answer {
    let dry_run = admit(app, query, headers)?;
    changeable(id)?;
    let Some(current) = current(app, headers, id) else {
        let definitions = definitions(app);
        let error = given(app, &present(&definitions), "", id).err();
        return Err(error.unwrap_or_else(|| Problem::new(Kind::UnknownStyle, "There is no such style.")));
    };
    if current.stored.is_none() {
        let detail =
            format!("Style \"{id}\" is made of the layer of this id and goes with it; PUT replaces it by another.");
        return Err(Problem::new(Kind::MethodNotAllowed, detail).with("value", id));
    }
    check(app, headers, id, Some(&current))?;
    write(app, headers, id, Some(current), None, dry_run).await
}

/// Who may edit, before a byte of the body is read; whether it is a dry run.
fn admit(app: &App, query: Option<&str>, headers: &HeaderMap) -> Result<bool, Problem> {
    if app.editors.is_empty() {
        let detail = "This server is read-only. Its administrator opens it to editing by editing.enabled = true and a token \
                      in BRICOLA_EDITING_TOKEN; bricola config --print-default explains both.";
        return Err(Problem::new(Kind::MethodNotAllowed, detail));
    }
    if app.is_read_only() {
        let detail = "The database lets this server read only; styles are kept where it can be written.";
        return Err(Problem::new(Kind::MethodNotAllowed, detail));
    }
    authorize(app, headers)?;
    let params = Params::read(query, &[DRY_RUN])?;
    Ok(params.one_of(DRY_RUN, &[("true", true), ("false", false)])?.unwrap_or(false))
}

fn changeable(id: &str) -> Result<(), Problem> {
    if id == CITY {
        let detail = "The city map is made of the layers that there are, and the geoportal is built on it; a style of your \
                      own takes another identifier.";
        return Err(Problem::new(Kind::MethodNotAllowed, detail).with("value", id));
    }
    if is_id(id) {
        return Ok(());
    }
    let reason = format!(
        "must be of small letters, digits, - and _, beginning with a letter or digit, at most {MAX_STYLE_ID} characters"
    );
    Err(Problem::parameter("styleId", id, reason))
}

fn current(app: &App, headers: &HeaderMap, id: &str) -> Option<Given> {
    let base = respond::base_url(&app.config, headers);
    let definitions = definitions(app);
    given(app, &present(&definitions), &base, id).ok()
}

/// Whether the editor has seen what is there (RFC 9110, 13.1).
fn check(app: &App, headers: &HeaderMap, id: &str, current: Option<&Given>) -> Result<(), Problem> {
    let only_new = headers.get(header::IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == b"*");
    let has_seen = headers.contains_key(header::IF_MATCH);
    let stale = |detail: String| Err(Problem::new(Kind::PreconditionFailed, detail).with("value", id));
    match current {
        None if has_seen => stale(format!("There is no style \"{id}\" any more.")),
        None => Ok(()),
        Some(_) if only_new => stale(format!("There is a style \"{id}\" already.")),
        Some(_) if app.config.editing.unconditional && !has_seen => Ok(()),
        Some(current) => {
            let tag = tag(&current.document.to_string());
            if Seen::read(headers, &format!("/styles/{id}"))?.allows(&tag) {
                return Ok(());
            }
            stale(format!("Style \"{id}\" is another by now: look at it, and send yours with If-Match: {tag}."))
        }
    }
}

/// A style out of a body, found sound.
async fn read(app: &App, request: Request) -> Result<Value, Problem> {
    let sent =
        request.headers().get(header::CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let essence = sent.as_deref().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !TAKEN.iter().any(|taken| essence.eq_ignore_ascii_case(taken)) {
        let shown = crate::error::clipped(essence).into_owned();
        return Err(Problem::new(Kind::UnsupportedMediaType, format!("The body is \"{shown}\"; send {MEDIA_TYPE}."))
            .with("value", shown)
            .with("allowed", TAKEN.to_vec()));
    }
    let base = respond::base_url(&app.config, request.headers());
    let bytes: Bytes = body::bytes(request, app.config.limits.body_bytes.min(MAX_STYLE_BYTES)).await?;
    let style: Value = serde_json::from_slice(&bytes)
        .map_err(|error| Problem::new(Kind::InvalidBody, format!("The body is no JSON: {error}.")))?;
    let definitions = definitions(app);
    let ours = Ours::new(present(&definitions), &base);
    let faults = faults(&style, Some(&ours));
    let Some(first) = faults.first() else {
        let mut style = style;
        Address::Relative.apply(&mut style, &base);
        return Ok(style);
    };
    let others = match faults.len() {
        1 => String::new(),
        count => format!(" ({} more in \"errors\")", count - 1),
    };
    let detail =
        format!("{}: {}{others}.", if first.pointer.is_empty() { "/" } else { &first.pointer }, first.reason.en);
    let errors = serde_json::to_value(&faults).unwrap_or_default();
    Err(Problem::new(Kind::InvalidStyle, detail).with("errors", errors))
}

/// Writes a style, or takes it away, and says so.
async fn write(
    app: &App,
    headers: &HeaderMap,
    id: &str,
    current: Option<Given>,
    style: Option<Value>,
    dry_run: bool,
) -> Answer {
    let mut response = StatusCode::NO_CONTENT.into_response();
    respond::set(&mut response, header::CACHE_CONTROL, "no-store");
    if dry_run {
        say_dry_run(&mut response);
        return Ok(response);
    }
    let is_new = current.is_none();
    let seen = current.and_then(|current| current.stored).map(|stored| stored.document);
    if seen.is_none() && app.territory.styles().len() >= MAX_STYLES {
        let detail = format!("{MAX_STYLES} styles are kept; take one away first.");
        return Err(Problem::new(Kind::InvalidBody, detail).with("limit", "MAX_STYLES").with("allowed", MAX_STYLES));
    }
    let document = style.as_ref().map(Value::to_string);
    let edit = StyleEdit { id: id.to_owned(), seen, document };
    let seq = app.archive().write_style(edit).await.map_err(|error| match error {
        StoreError::StyleMoved(_) => {
            let detail = format!("Somebody else has written style \"{id}\" meanwhile; look at it again.");
            Problem::new(Kind::PreconditionFailed, detail).with("value", id)
        }
        error => Problem::store(&error),
    })?;
    info!(target: "bricola::editing", style = id, seq, removed = style.is_none(), "edited a style");
    settle(app, seq).await;
    respond::set_seq(&mut response, seq);
    if let Some(mut style) = style {
        let base = respond::base_url(&app.config, headers);
        Address::Absolute.apply(&mut style, &base);
        respond::set(&mut response, header::ETAG, &tag(&style.to_string()));
        if is_new {
            *response.status_mut() = StatusCode::CREATED;
            respond::set(&mut response, header::LOCATION, &format!("{base}/styles/{id}"));
        }
    }
    Ok(response)
}

fn options(app: &App, is_list: bool) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let open = app.takes_edits();
    respond::set(&mut response, header::ALLOW, allow(is_list, open));
    if is_list && open {
        respond::set(&mut response, ACCEPT_POST, &TAKEN.join(", "));
    }
    response
}

const fn allow(is_list: bool, open: bool) -> &'static str {
    match (is_list, open) {
        (_, false) => "GET, HEAD, OPTIONS",
        (true, true) => "GET, HEAD, POST, OPTIONS",
        (false, true) => "GET, HEAD, PUT, DELETE, OPTIONS",
    }
}

/// A problem with the headers that go with it.
fn refusal(problem: Problem, is_list: bool) -> Response {
    match problem.kind() {
        Kind::Unauthorized => bearer::refusal(problem),
        Kind::MethodNotAllowed => {
            let mut response = problem.into_response();
            respond::set(&mut response, header::ALLOW, allow(is_list, false));
            response
        }
        _ => problem.into_response(),
    }
}

impl From<StyleError> for Problem {
    fn from(error: StyleError) -> Self {
        super::problem(error)
    }
}
