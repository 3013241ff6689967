//! Subscribe, subscribe otherwise, and no more.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, Request, State as AppState};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bricola_layers::definition::Keep;
use bricola_layers::store::{Progress, StoreError, StoredSubscription, SubscriptionEdit};
use http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use super::{admit, answered, document, done, kept, known, told};
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::params::Params;
use crate::routes::{bearer, body, respond};
use crate::services::subscriptions::{Copy, Delivery, Document, Fault, Place, Signature, Start, State, Wanted, is_id};

/// Bytes of a subscription at most.
const MAX_BYTES: usize = 256 * 1024;
/// Characters of a secret: what can be guessed is none.
const SECRET: std::ops::RangeInclusive<usize> = 24..=256;

/// `POST /subscriptions`.
pub async fn create(AppState(app): AppState<Arc<App>>, RawQuery(query): RawQuery, request: Request) -> Response {
    created(&app, query.as_deref(), request).await.unwrap_or_else(bearer::refusal_or)
}

/// `PUT /subscriptions/{subscriptionId}`.
pub async fn replace(
    AppState(app): AppState<Arc<App>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response {
    replaced(&app, &id, query.as_deref(), request).await.unwrap_or_else(bearer::refusal_or)
}

/// `DELETE /subscriptions/{subscriptionId}`.
pub async fn remove(
    AppState(app): AppState<Arc<App>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    removed(&app, &id, query.as_deref(), &headers).await.unwrap_or_else(bearer::refusal_or)
}

async fn created(app: &App, query: Option<&str>, request: Request) -> Answer {
    Params::read(query, &[])?;
    let headers = request.headers().clone();
    admit(app, &headers)?;
    let (id, secret, document) = read(app, request, None).await?;
    let secret = secret.unwrap_or_else(new_secret);
    let begin = begin(app, &document).await?;
    let edit = SubscriptionEdit {
        id: id.clone(),
        seen: None,
        document: Some(serde_json::to_string(&document).map_err(Problem::internal)?),
        secret: Some(secret.clone()),
        begin: Some(begin),
        patience_days: document.patience_days,
    };
    if !write(app, edit).await? {
        let detail = format!("There is a subscription \"{id}\" already; PUT /subscriptions/{id} changes it.");
        return Err(Problem::new(Kind::SubscriptionExists, detail).with("value", &*id));
    }
    let mut answer = shown(app, &known(app, &id).await?, &headers).await?;
    answer["secret"] = secret.into();
    let mut response = answered(&answer);
    *response.status_mut() = StatusCode::CREATED;
    let location = format!("{}/subscriptions/{id}", respond::base_url(&app.config, &headers));
    respond::set(&mut response, header::LOCATION, &location);
    Ok(response)
}

async fn replaced(app: &App, id: &str, query: Option<&str>, request: Request) -> Answer {
    Params::read(query, &[])?;
    let headers = request.headers().clone();
    admit(app, &headers)?;
    let before = known(app, id).await?;
    let (_, secret, new) = read(app, request, Some(id)).await?;
    let begin = if document(&before)?.start == new.start {
        // It goes on where it is; what hindered it may be mended.
        let (place, state) = State::read(&before.progress);
        State { failing: None, gone: false, ..state }.progress(&place)
    } else {
        begin(app, &new).await?
    };
    let edit = SubscriptionEdit {
        id: id.to_owned(),
        seen: Some(before.document),
        document: Some(serde_json::to_string(&new).map_err(Problem::internal)?),
        secret,
        begin: Some(begin),
        patience_days: new.patience_days,
    };
    if !write(app, edit).await? {
        return Err(moved(id));
    }
    Ok(answered(&shown(app, &known(app, id).await?, &headers).await?))
}

async fn removed(app: &App, id: &str, query: Option<&str>, headers: &HeaderMap) -> Answer {
    Params::read(query, &[])?;
    admit(app, headers)?;
    let before = known(app, id).await?;
    let edit = SubscriptionEdit {
        id: id.to_owned(),
        seen: Some(before.document),
        document: None,
        secret: None,
        begin: None,
        patience_days: None,
    };
    if write(app, edit).await? { Ok(done()) } else { Err(moved(id)) }
}

fn moved(id: &str) -> Problem {
    Problem::new(
        Kind::PreconditionFailed,
        format!("Somebody else has just changed the subscription \"{id}\"; look again."),
    )
    .with("value", id)
}

async fn write(app: &App, edit: SubscriptionEdit) -> Result<bool, Problem> {
    let written = kept(app)?.write(edit).await.map_err(|error| match error {
        StoreError::Unusable(text) => invalid(&[Fault::at("/start", text)]),
        error => Problem::store(&error),
    })?;
    app.deliveries.look();
    Ok(written)
}

async fn shown(app: &App, one: &StoredSubscription, headers: &HeaderMap) -> Result<Value, Problem> {
    let end = app.archive().last_seq().await.map_err(|error| Problem::store(&error))?;
    told(app, one, end, headers).await
}

/// Name, secret and document out of a body.
async fn read(app: &App, request: Request, id: Option<&str>) -> Result<(String, Option<String>, Document), Problem> {
    let mut body: Value = body::json(request, app.config.limits.body_bytes.min(MAX_BYTES)).await?;
    let Some(members) = body.as_object_mut() else {
        return Err(Problem::new(Kind::InvalidBody, "The body must be a JSON object."));
    };
    let mut faults = Vec::new();
    let mut text = |name: &str| match members.remove(name) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text),
        Some(_) => {
            faults.push(Fault::at(&format!("/{name}"), "must be a text"));
            None
        }
    };
    let (named, secret) = (text("id"), text("secret"));
    // What a GET of it shows beside can be sent back as it is.
    members.remove("status");
    members.remove("links");
    match (id, &named) {
        (Some(id), Some(named)) if id != named => {
            faults.push(Fault::at("/id", format!("is another than that of the path, {id}")));
        }
        (None, None) if faults.is_empty() => faults.push(Fault::at("/id", "is missing: the name of the subscription")),
        (None, Some(named)) if !is_id(named) => {
            faults.push(Fault::at(
                "/id",
                "must be of lower-case letters, digits, -, _ and ., and begin with a letter or digit",
            ));
        }
        _ => {}
    }
    if secret.as_ref().is_some_and(|secret| !SECRET.contains(&secret.chars().count())) {
        let reason = format!("must have {} to {} characters; without it one is made", SECRET.start(), SECRET.end());
        faults.push(Fault::at("/secret", reason));
    }
    let document: Document = serde_json::from_value(body)
        .map_err(|error| Problem::new(Kind::InvalidBody, format!("The body is no subscription: {error}.")))?;
    faults.extend(document.faults());
    if faults.is_empty() {
        faults.extend(mismatches(app, &document));
    }
    if faults.is_empty() {
        return Ok((id.map(str::to_owned).or(named).unwrap_or_default(), secret, document));
    }
    Err(invalid(&faults))
}

fn invalid(faults: &[Fault]) -> Problem {
    let others = match faults.len() {
        0 | 1 => String::new(),
        count => format!(" ({} more in \"errors\")", count - 1),
    };
    let first = faults.first().map_or_else(String::new, |fault| format!("{} {}{others}.", fault.pointer, fault.reason));
    Problem::new(Kind::InvalidSubscription, first).with("errors", serde_json::to_value(faults).unwrap_or_default())
}

/// What does not go with this server and its layers.
fn mismatches(app: &App, document: &Document) -> Vec<Fault> {
    let mut faults = Vec::new();
    match Wanted::new(document, &app.territory, app.scope) {
        Err(unwanted) => faults.push(unwanted.0),
        Ok(wanted) => faults.extend(wanted.missing.iter().map(|layer| {
            let place = document.layers.iter().position(|named| named == layer).unwrap_or_default();
            Fault::at(&format!("/layers/{place}"), format!("there is no layer \"{layer}\"; /collections lists them"))
        })),
    }
    if document.start == Start::Copy {
        for (place, id) in document.layers.iter().enumerate() {
            let layer = app.territory.layer(id).map(|layer| layer.definition());
            if layer.is_some_and(|layer| layer.keep == Keep::Stored) {
                let reason = format!(
                    "layer \"{id}\" is not kept in memory, from which copies are made: take one from /collections/{id}/items"
                );
                faults.push(Fault::at(&format!("/layers/{place}"), reason));
            }
        }
    }
    if let Delivery::Webhook { url, signature, .. } = &document.delivery {
        if let Some(Err(forbidden)) = app.poster.as_ref().map(|poster| poster.admit(url)) {
            faults.push(Fault::at("/delivery/url", forbidden.to_string()));
        }
        if *signature == Signature::Modi && app.modi_key.is_none() {
            let reason = "the server has no key for it; the administrator gives one (subscriptions.modi_key)";
            faults.push(Fault::at("/delivery/signature", reason));
        }
    }
    faults
}

/// Where a subscription begins.
async fn begin(app: &App, document: &Document) -> Result<Progress, Problem> {
    let place = match document.start {
        Start::After(seq) => Place { seq, copy: None },
        Start::Now => {
            let seq = app.archive().last_seq().await.map_err(|error| Problem::store(&error))?;
            Place { seq, copy: None }
        }
        // What the layers in memory show is this or later.
        Start::Copy => {
            let at = app.territory.seq();
            Place { seq: at, copy: Some(Copy::of(at, document.layers.clone())) }
        }
    };
    Ok(State::default().progress(&place))
}

/// What cannot be guessed, as Standard Webhooks writes it.
fn new_secret() -> String {
    let bytes = [uuid::Uuid::new_v4().into_bytes(), uuid::Uuid::new_v4().into_bytes()].concat();
    format!("whsec_{}", STANDARD.encode(bytes))
}
