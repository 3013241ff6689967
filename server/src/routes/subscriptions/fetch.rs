//! What a subscriber fetches: the next events, and what its copy should have come to.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State as AppState};
use axum::response::Response;
use bricola_layers::log::Seq;
use bricola_layers::store::StoredSubscription;
use http::{HeaderMap, HeaderName, header};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{answered, document, kept, stuck, subscriber};
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::params::Params;
use crate::routes::changes::not_ahead;
use crate::routes::{bearer, respond, select};
use crate::services::subscriptions::{CELL_ZOOM, Delivery, Event, Place, Reader, State, Wanted, batch, digests};

/// Events of a page when nobody says how many.
const USUAL: i64 = 500;
/// And at most.
pub(super) const MOST: i64 = 1_000;
/// Seconds that a request may wait for a change to come.
pub(super) const LONGEST_WAIT: i64 = 25;
/// The cursor, as `/changes` has it.
const NEXT: HeaderName = HeaderName::from_static("bricola-next");

/// `GET /subscriptions/{subscriptionId}/changes?after=&limit=&wait=`.
pub async fn fetch(
    AppState(app): AppState<Arc<App>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    fetched(&app, &id, query.as_deref(), &headers).await.unwrap_or_else(bearer::refusal_or)
}

async fn fetched(app: &App, id: &str, query: Option<&str>, headers: &HeaderMap) -> Answer {
    let params = Params::read(query, &["after", "limit", "wait"])?;
    let after = cursor(params.text("after"))?;
    let limit = params.whole("limit", 1..=MOST)?.unwrap_or(USUAL) as usize;
    let wait = params.whole("wait", 0..=LONGEST_WAIT)?.unwrap_or(0);
    let one = pulled(app, id, headers).await?;
    let end = app.archive().last_seq().await.map_err(|error| Problem::store(&error))?;
    let mut place = begin(app, &one, after, end).await?;
    let mut reader = reader(app, &one, headers)?;
    let until = Instant::now() + Duration::from_secs(wait.unsigned_abs());
    // With too many who wait already, the answer comes at once, empty.
    let permit = app.waiting.try_acquire();
    let mut events = Vec::new();
    loop {
        events.extend(read(&mut reader, &mut place, limit).await?);
        if !events.is_empty() || until <= Instant::now() || permit.is_err() {
            break;
        }
        let _ = tokio::time::timeout_at(until, app.territory.reached(place.seq + 1)).await;
    }
    let end = end.max(place.seq);
    let mut body = b"{\"events\":".to_vec();
    body.extend(batch(&events));
    body.extend(format!(",\"next\":\"{}\",\"seq\":{end}}}", place.token()).into_bytes());
    let mut response = Response::new(Body::from(body));
    respond::set(&mut response, header::CONTENT_TYPE, "application/json");
    respond::set(&mut response, header::CACHE_CONTROL, "no-store");
    respond::set(&mut response, NEXT, &place.token());
    respond::set_seq(&mut response, end);
    Ok(response)
}

/// The events of a page; the place is behind it then.
pub(super) async fn read(reader: &mut Reader, place: &mut Place, limit: usize) -> Result<Vec<Event>, Problem> {
    let mut all = Vec::new();
    while all.len() < limit {
        let (events, end) = reader.next(place, limit - all.len()).await.map_err(|error| stuck(&error))?;
        let is_over = events.is_empty() && end == *place;
        all.extend(events);
        *place = end;
        if is_over {
            break;
        }
    }
    Ok(all)
}

/// A subscription that is fetched, and whose it is.
pub(super) async fn pulled(app: &App, id: &str, headers: &HeaderMap) -> Result<StoredSubscription, Problem> {
    let one = subscriber(app, id, headers).await?;
    if document(&one)?.delivery == Delivery::Pull {
        return Ok(one);
    }
    let detail =
        format!("The subscription \"{id}\" is sent to its subscriber, and not fetched (delivery.kind is webhook).");
    Err(Problem::new(Kind::MethodNotAllowed, detail).with("value", id))
}

/// Where a subscriber has come to, in its words.
pub(super) fn cursor(token: Option<&str>) -> Result<Option<Place>, Problem> {
    let reason = "must be the \"next\" of an answer, or the number of a change";
    token.map(|token| Place::parse(token).ok_or_else(|| Problem::parameter("after", token, reason))).transpose()
}

/// Where it goes on; what is before that has been handled.
pub(super) async fn begin(
    app: &App,
    one: &StoredSubscription,
    after: Option<Place>,
    end: Seq,
) -> Result<Place, Problem> {
    let Some(after) = after else { return Ok(State::read(&one.progress).0) };
    let seq = after.seq;
    not_ahead(seq, end)?;
    let handled = kept(app)?.handled(&one.id, seq, after.copy.is_none()).await;
    handled.map_err(|error| Problem::store(&error))?;
    Ok(after)
}

pub(super) fn reader(app: &App, one: &StoredSubscription, headers: &HeaderMap) -> Result<Reader, Problem> {
    let base = respond::base_url(&app.config, headers);
    Ok(Reader::new(app.shared_archive(), app.territory.clone(), (app.scope, base), &one.id, document(one)?))
}

/// `GET /subscriptions/{subscriptionId}/digest?layer=`.
pub async fn digest(
    AppState(app): AppState<Arc<App>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    digested(&app, &id, query.as_deref(), &headers).await.unwrap_or_else(bearer::refusal_or)
}

async fn digested(app: &App, id: &str, query: Option<&str>, headers: &HeaderMap) -> Answer {
    Params::read(query, &[])?;
    let document = document(&subscriber(app, id, headers).await?)?;
    // What the layers show is this or later.
    let seq = app.territory.seq();
    let wanted = Wanted::new(&document, &app.territory, app.scope).map_err(|unwanted| stuck(&unwanted.into()))?;
    let mut layers = Vec::new();
    for id in wanted.definitions.keys() {
        let layer = select::one(app, id)?;
        let Some(snapshot) = layer.snapshot() else { return Err(select::away(&layer)) };
        let Some(selection) = wanted.selection(id) else { continue };
        let (all, cells) = digests(&snapshot, selection);
        let cells: Value = cells
            .into_iter()
            .map(|(cell, digest)| (cell, json!({"count": digest.count, "digest": digest.text()})))
            .collect::<serde_json::Map<_, _>>()
            .into();
        layers.push(json!({
            "layer": id, "seq": snapshot.seq(), "count": all.count, "digest": all.text(), "cells": cells,
        }));
    }
    let mut response = answered(&json!({"seq": seq, "zoom": CELL_ZOOM, "layers": layers}));
    respond::set_seq(&mut response, seq);
    Ok(response)
}
