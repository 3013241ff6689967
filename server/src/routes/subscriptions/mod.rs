//! `/subscriptions`: other programs are told what changes, by webhooks that are signed, page by page, or as a stream.
//!
//! Who may edit may subscribe; a subscriber that fetches is known by the secret of its subscription.

mod about;
mod fetch;
mod letters;
mod stream;
mod write;

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State as AppState};
use axum::response::{IntoResponse as _, Response};
use bricola_layers::store::{StoredSubscription, Subscriptions};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;

use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::params::Params;
use crate::routes::{bearer, respond};
use crate::services::subscriptions::{Delivery, Document, State, Stuck};

pub use about::{
    about_create, about_digest, about_fetch, about_letters, about_list, about_one, about_put_aside, about_remove,
    about_replace, about_replay, about_stream,
};
pub use fetch::{digest, fetch};
pub use letters::{letters, put_aside, replay};
pub use stream::stream;
pub use write::{create, remove, replace};

/// Letters that are counted at most.
const COUNTED: usize = 1_000;

/// Where subscriptions are kept.
fn kept(app: &App) -> Result<&Arc<dyn Subscriptions>, Problem> {
    let none = || {
        let detail =
            "This server keeps no subscriptions: it only reads its store. /changes and /events tell what changes.";
        Problem::new(Kind::MethodNotAllowed, detail)
    };
    app.subscriptions.as_ref().ok_or_else(none)
}

/// Lets in who may edit.
fn admit(app: &App, headers: &HeaderMap) -> Result<(), Problem> {
    if app.editors.is_empty() {
        let detail = "Who may edit may subscribe, and nobody may edit here: the administrator gives a token \
                      (editing.enabled, BRICOLA_EDITING_TOKEN). Without one, /changes and /events tell what changes.";
        return Err(Problem::new(Kind::MethodNotAllowed, detail));
    }
    if bearer::is_known(app, headers) {
        return kept(app).map(|_| ());
    }
    let detail = "Subscriptions take the header \"Authorization: Bearer\" with one of the tokens that the administrator gave \
                  (editing.token or editing.tokens_file).";
    Err(Problem::new(Kind::Unauthorized, detail))
}

/// Lets in who may edit, and the subscriber itself by the secret of the subscription.
async fn subscriber(app: &App, id: &str, headers: &HeaderMap) -> Result<StoredSubscription, Problem> {
    if app.editors.is_empty() {
        admit(app, headers)?;
    }
    let found = match &app.subscriptions {
        Some(_) => all(app).await?.into_iter().find(|one| one.id == id),
        None => None,
    };
    let secret = found.as_ref().and_then(|one| one.secret.clone());
    let is_its = bearer::token(headers)
        .zip(secret)
        .is_some_and(|(sent, secret)| bool::from(sent.as_bytes().ct_eq(secret.as_bytes())));
    if !is_its {
        // Who is not known does not hear whether there is one.
        admit(app, headers)?;
    }
    found.ok_or_else(|| unknown(id))
}

async fn all(app: &App) -> Result<Vec<StoredSubscription>, Problem> {
    app.metrics.store_question();
    kept(app)?.all().await.map_err(|error| Problem::store(&error))
}

async fn known(app: &App, id: &str) -> Result<StoredSubscription, Problem> {
    all(app).await?.into_iter().find(|one| one.id == id).ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> Problem {
    let shown = crate::error::clipped(id);
    Problem::new(Kind::UnknownSubscription, format!("There is no subscription \"{shown}\"."))
        .with("parameter", "subscriptionId")
        .with("value", &*shown)
}

/// What was written, as it is kept.
fn document(one: &StoredSubscription) -> Result<Document, Problem> {
    serde_json::from_str(&one.document)
        .map_err(|error| Problem::internal(format!("subscription {} cannot be read: {error}", one.id)))
}

/// Why there are no events now.
fn stuck(stuck: &Stuck) -> Problem {
    match stuck {
        Stuck::Store(error) => Problem::store(error),
        Stuck::Unwanted(unwanted) => Problem::new(
            Kind::InvalidSubscription,
            format!("The subscription does not go with its layers any more: {unwanted}. Change it by PUT."),
        ),
        Stuck::Away(layer) | Stuck::Unreadable(layer) => super::select::loading(layer),
        Stuck::Starting => Problem::new(Kind::LayerLoading, format!("{stuck}; try again in a second.")).retry_after(1),
    }
}

/// `GET /subscriptions`.
pub async fn list(AppState(app): AppState<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    listed(&app, query.as_deref(), &headers).await.unwrap_or_else(bearer::refusal_or)
}

async fn listed(app: &App, query: Option<&str>, headers: &HeaderMap) -> Answer {
    Params::read(query, &[])?;
    admit(app, headers)?;
    let end = app.archive().last_seq().await.map_err(|error| Problem::store(&error))?;
    let mut subscriptions = Vec::new();
    for one in all(app).await? {
        subscriptions.push(told(app, &one, end, headers).await?);
    }
    let links = [link(app, headers, "/subscriptions", "self")];
    Ok(answered(&json!({"subscriptions": subscriptions, "seq": end, "links": links})))
}

/// `GET /subscriptions/{subscriptionId}`.
pub async fn one(
    AppState(app): AppState<Arc<App>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    shown(&app, &id, query.as_deref(), &headers).await.unwrap_or_else(bearer::refusal_or)
}

async fn shown(app: &App, id: &str, query: Option<&str>, headers: &HeaderMap) -> Answer {
    Params::read(query, &[])?;
    let one = subscriber(app, id, headers).await?;
    let end = app.archive().last_seq().await.map_err(|error| Problem::store(&error))?;
    Ok(answered(&told(app, &one, end, headers).await?))
}

/// It is done, and there is nothing to say.
fn done() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    respond::set(&mut response, http::header::CACHE_CONTROL, "no-store");
    response
}

fn answered(value: &Value) -> Response {
    let mut response = respond::json(value);
    respond::set(&mut response, http::header::CACHE_CONTROL, "no-store");
    response
}

fn link(app: &App, headers: &HeaderMap, path: &str, rel: &str) -> Value {
    let base = respond::base_url(&app.config, headers);
    json!({"href": format!("{base}{path}"), "rel": rel, "type": "application/json"})
}

/// A subscription and how it fares. The secret is told by the answer to who makes it, and by no other.
async fn told(app: &App, one: &StoredSubscription, end: i64, headers: &HeaderMap) -> Result<Value, Problem> {
    let document = document(one)?;
    let state: State = serde_json::from_str(&one.progress.state).unwrap_or_default();
    let letters = kept(app)?.letters(&one.id, 0, COUNTED).await.map_err(|error| Problem::store(&error))?.len();
    let mut told = serde_json::to_value(&document).unwrap_or_default();
    let is_pull = document.delivery == Delivery::Pull;
    let word = match () {
        () if document.paused => "paused",
        () if state.gone => "gone",
        () if state.failing.is_some() => "failing",
        () if state.copy.is_some() => "copying",
        () if one.progress.seq < end => "behind",
        () => "current",
    };
    let missing: Vec<&String> = document.layers.iter().filter(|id| super::select::one(app, id).is_err()).collect();
    let mut status = json!({
        "state": word, "seq": one.progress.seq, "behind": (end - one.progress.seq).max(0), "letters": letters,
        "created": one.created.to_rfc3339(), "seen": one.seen.to_rfc3339(), "missing_layers": missing,
    });
    if !is_pull {
        status["delivered"] = state.delivered.into();
        status["last"] = json!(state.last);
    }
    if let Some(copy) = &state.copy {
        status["copy"] = json!({"at": copy.at, "layers": copy.layers, "count": copy.count});
    }
    if let Some(failing) = &state.failing {
        status["failing"] = json!(failing);
    }
    let path = format!("/subscriptions/{}", one.id);
    let mut links = vec![link(app, headers, &path, "self"), link(app, headers, &format!("{path}/digest"), "digest")];
    if is_pull {
        links.push(link(app, headers, &format!("{path}/changes"), "next"));
    } else {
        links.push(link(app, headers, &format!("{path}/letters"), "letters"));
    }
    (told["id"], told["status"], told["links"]) = (json!(one.id), status, json!(links));
    Ok(told)
}
