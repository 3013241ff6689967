//! Answers to edits.

use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use bricola_layers::log::Seq;
use http::{HeaderMap, HeaderName, StatusCode, header};
use serde_json::json;
use tracing::info;

use super::super::CONTENT_CRS;
use super::terms::{GEOJSON, MERGE_PATCH, Terms};
use crate::app::App;
use crate::error::{Kind, Problem};
use crate::routes::{bearer, respond};
use crate::services::editing::{Batch, Done};

const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");
const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");
const APPLIED: HeaderName = HeaderName::from_static("preference-applied");
const DRY_RUN: HeaderName = HeaderName::from_static("bricola-dry-run");
/// How long an answer waits until the territory has seen its change; whoever needs it for certain asks with `min-seq`.
const SETTLING: Duration = Duration::from_secs(2);

/// The two kinds of places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// `/items`.
    Items,
    /// `/items/{feature}`.
    Feature,
    /// `/undo`.
    Undo,
}

impl Place {
    const fn allow(self, open: bool) -> &'static str {
        match (self, open) {
            (Self::Undo, _) => "POST, OPTIONS",
            (_, false) => "GET, HEAD, OPTIONS",
            (Self::Items, true) => "GET, HEAD, POST, OPTIONS",
            (Self::Feature, true) => "GET, HEAD, PUT, PATCH, DELETE, OPTIONS",
        }
    }
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    Created,
    Changed,
    Deleted,
}

/// What a place takes; clients such as QGIS offer editing by it.
pub fn options(place: Place, open: bool) -> Response {
    // With 200, as part 4 has it.
    let mut response = StatusCode::OK.into_response();
    respond::set(&mut response, header::ALLOW, place.allow(open));
    match place {
        Place::Items if open => respond::set(&mut response, ACCEPT_POST, GEOJSON),
        Place::Feature if open => respond::set(&mut response, ACCEPT_PATCH, MERGE_PATCH),
        _ => {}
    }
    response
}

/// A problem with the headers that go with it.
pub fn refusal(problem: Problem, place: Place) -> Response {
    let kind = problem.kind();
    if kind == Kind::Unauthorized {
        return bearer::refusal(problem);
    }
    let mut response = problem.into_response();
    match kind {
        Kind::MethodNotAllowed => respond::set(&mut response, header::ALLOW, place.allow(false)),
        Kind::UnsupportedMediaType if place == Place::Feature => {
            respond::set(&mut response, ACCEPT_PATCH, MERGE_PATCH);
        }
        _ => {}
    }
    response
}

/// An edit that came too late, with the validator of what is there.
pub fn stale(problem: Problem, tag: &str) -> Response {
    let mut response = problem.into_response();
    respond::set(&mut response, header::ETAG, tag);
    response
}

/// An edit that was made, or would be.
pub async fn done(app: &App, headers: &HeaderMap, id: &str, terms: &Terms, task: Task, done: Done) -> Response {
    let feature = done.image.stored.id;
    if let Some(seq) = done.seq {
        info!(target: "bricola::editing", layer = id, feature, seq, edit = ?task, "edited");
        settle(app, seq).await;
    }
    let shows = task != Task::Deleted && terms.representation.unwrap_or(terms.dry_run);
    let mut response = match (task, shows) {
        (Task::Created, _) if done.seq.is_some() => StatusCode::CREATED.into_response(),
        (_, true) => StatusCode::OK.into_response(),
        (_, false) => StatusCode::NO_CONTENT.into_response(),
    };
    if shows {
        let mut body = done.image.told(app.scope, &terms.crs);
        if let (Some(members), true) = (body.as_object_mut(), done.seq.is_none() && task == Task::Created) {
            // Who asks what would be is given no id.
            members.insert("id".to_owned(), json!(null));
            members.remove("version");
        }
        *response.body_mut() = Body::from(body.to_string());
        respond::set(&mut response, header::CONTENT_TYPE, GEOJSON);
        respond::set(&mut response, CONTENT_CRS, &format!("<{}>", terms.crs.uri()));
    }
    if let Some(representation) = terms.representation.filter(|_| task != Task::Deleted) {
        let applied = if representation { "return=representation" } else { "return=minimal" };
        respond::set(&mut response, APPLIED, applied);
    }
    respond::set(&mut response, header::CACHE_CONTROL, "no-store");
    let Some(seq) = done.seq else {
        say_dry_run(&mut response);
        return response;
    };
    respond::set_seq(&mut response, seq);
    if task != Task::Deleted {
        respond::set(&mut response, header::ETAG, &done.image.tag());
    }
    if task == Task::Created {
        let base = respond::base_url(&app.config, headers);
        respond::set(&mut response, header::LOCATION, &format!("{base}/collections/{id}/items/{feature}"));
    }
    response
}

/// Many features that were made, or would be: their ids in the order of the collection.
pub async fn batch(app: &App, id: &str, batch: Batch) -> Response {
    let mut response = respond::json(&json!({"created": batch.count, "ids": batch.ids, "seq": batch.seq}));
    respond::set(&mut response, header::CACHE_CONTROL, "no-store");
    match batch.seq {
        Some(seq) => {
            info!(target: "bricola::editing", layer = id, count = batch.count, seq, "created");
            settle(app, seq).await;
            *response.status_mut() = StatusCode::CREATED;
            respond::set_seq(&mut response, seq);
        }
        None => say_dry_run(&mut response),
    }
    response
}

/// Says that nothing was changed.
pub fn say_dry_run(response: &mut Response) {
    respond::set(response, DRY_RUN, "true");
}

/// Waits a little, so that the next question of the same client finds the change even if it does not ask for it.
pub async fn settle(app: &App, seq: Seq) {
    // Too slow is no failure: the change is made.
    let _ = tokio::time::timeout(SETTLING, app.territory.reached(seq)).await;
}
