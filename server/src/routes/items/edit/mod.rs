//! Create, replace, update, delete (OGC API Features 4): `POST /collections/{id}/items` and `PUT`, `PATCH`, `DELETE
//! /collections/{id}/items/{feature}`.

mod about;
pub(in crate::routes) mod answer;
pub(in crate::routes) mod terms;
pub mod transaction;
pub mod undo;

use std::sync::Arc;

use axum::extract::{Path, RawQuery, Request, State};
use axum::response::Response;
use bricola_layers::cache::Layer;
use bricola_layers::feature::FeatureId;
use bricola_layers::limits::MAX_BATCH;
use bricola_layers::store::{LayerKind, StoreError};
use http::header;
use serde_json::{Value as Json, json};

use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::routes::{body, select};
use crate::services::editing::{Conflict, Desk, Image, Refused, Wish};
pub use about::{about_create, about_remove, about_replace, about_update};
use answer::{Place, Task};
use terms::{GEOJSON, MERGE_PATCH, Seen, Terms};

/// `OPTIONS` of a collection’s items.
pub async fn options_of_collection(State(app): State<Arc<App>>, Path(id): Path<String>) -> Answer {
    let layer = select::one(&app, &id)?;
    Ok(answer::options(Place::Items, closed(&app, &layer).is_none()))
}

/// `OPTIONS` of a feature.
pub async fn options_of_feature(State(app): State<Arc<App>>, Path((id, _)): Path<(String, String)>) -> Answer {
    let layer = select::one(&app, &id)?;
    Ok(answer::options(Place::Feature, closed(&app, &layer).is_none()))
}

/// `POST /collections/{collectionId}/items`: a new feature, or a collection of them.
pub async fn create(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response {
    let created = created(&app, &id, query.as_deref(), request).await;
    created.unwrap_or_else(|problem| answer::refusal(problem, Place::Items))
}

/// `PUT /collections/{collectionId}/items/{featureId}`.
pub async fn replace(
    State(app): State<Arc<App>>,
    Path(path): Path<(String, String)>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response {
    changed(&app, &path, query.as_deref(), request, Some(GEOJSON)).await
}

/// `PATCH /collections/{collectionId}/items/{featureId}`.
pub async fn update(
    State(app): State<Arc<App>>,
    Path(path): Path<(String, String)>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response {
    changed(&app, &path, query.as_deref(), request, Some(MERGE_PATCH)).await
}

/// `DELETE /collections/{collectionId}/items/{featureId}`.
pub async fn remove(
    State(app): State<Arc<App>>,
    Path(path): Path<(String, String)>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response {
    changed(&app, &path, query.as_deref(), request, None).await
}

async fn created(app: &App, id: &str, query: Option<&str>, request: Request) -> Answer {
    let (layer, terms) = admit(app, id, query, &request)?;
    terms::media_type(&request, GEOJSON)?;
    let headers = request.headers().clone();
    let bytes = body::bytes(request, app.config.limits.body_bytes).await?;
    let once = terms::once(&headers, &terms.crs, &bytes)?;
    let body = parsed(&bytes)?;
    let desk = desk(app, &layer, &terms)?;
    if body.get("type").and_then(Json::as_str) == Some("FeatureCollection") {
        let batch = desk.create_all(body, &terms.crs, once).await.map_err(|refused| problem(id, "", refused))?;
        return Ok(answer::batch(app, id, batch).await);
    }
    let done = desk.create(body, &terms.crs, once).await.map_err(|refused| problem(id, "", refused))?;
    Ok(answer::done(app, &headers, id, &terms, Task::Created, done).await)
}

/// Replaces, patches or, without a media type, deletes a feature.
async fn changed(
    app: &App,
    (id, feature): &(String, String),
    query: Option<&str>,
    request: Request,
    media_type: Option<&'static str>,
) -> Response {
    let change = Change { app, id, feature, media_type };
    change.run(query, request).await.unwrap_or_else(|problem| answer::refusal(problem, Place::Feature))
}

/// A change of a feature that is there.
struct Change<'a> {
    app: &'a App,
    id: &'a str,
    feature: &'a str,
    /// Of the body; `None` for a deletion.
    media_type: Option<&'static str>,
}

impl Change<'_> {
    async fn run(&self, query: Option<&str>, request: Request) -> Answer {
        let (layer, terms) = admit(self.app, self.id, query, &request)?;
        if let Some(wanted) = self.media_type {
            terms::media_type(&request, wanted)?;
        }
        let feature: FeatureId = self.feature.parse().map_err(|_| problem(self.id, self.feature, Refused::Unknown))?;
        let headers = request.headers().clone();
        let only_new = headers.get(header::IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == b"*");
        let address = format!("/collections/{}/items/{feature}", self.id);
        let free = self.app.config.editing.unconditional && !headers.contains_key(header::IF_MATCH);
        let desk = desk(self.app, &layer, &terms)?;
        let seen = match if only_new || free { Ok(Seen::Any) } else { Seen::read(&headers, &address) } {
            Ok(seen) => seen,
            // Of what is not there nobody can have seen a version.
            Err(required) => {
                desk.current(feature).await.map_err(|refused| problem(self.id, self.feature, refused))?;
                return Err(required);
            }
        };
        let wish = match self.media_type {
            None => Wish::Delete,
            Some(GEOJSON) => Wish::Replace(json(self.app, request).await?),
            Some(_) => Wish::Patch(json(self.app, request).await?),
        };
        let current = desk.current(feature).await.map_err(|refused| problem(self.id, self.feature, refused))?;
        if only_new || !seen.allows(&current.tag()) {
            return Ok(self.stale(&current, &wish, &terms));
        }
        let task = if matches!(wish, Wish::Delete) { Task::Deleted } else { Task::Changed };
        match desk.change(current, wish.clone(), &terms.crs).await {
            Ok(done) => Ok(answer::done(self.app, &headers, self.id, &terms, task, done).await),
            // Somebody was quicker between the look and the write.
            Err(Refused::Stale) => match desk.current(feature).await {
                Ok(current) => Ok(self.stale(&current, &wish, &terms)),
                Err(refused) => Err(problem(self.id, self.feature, refused)),
            },
            Err(refused) => Err(problem(self.id, self.feature, refused)),
        }
    }

    /// 412: what is there now, and where it differs from what was sent.
    fn stale(&self, current: &Image, wish: &Wish, terms: &Terms) -> Response {
        let told = current.told(self.app.scope, &terms.crs);
        let differences = wish.differences(&told);
        let version = current.stored.version;
        let detail = format!(
            "Feature {} of layer \"{}\" is at version {version}. Look at \"current\" and \"differences\", and send the edit \
             again with If-Match: {} if it still stands.",
            current.stored.id,
            self.id,
            current.tag()
        );
        let problem = Problem::new(Kind::PreconditionFailed, detail)
            .with("layer", self.id)
            .with("version", version)
            .with("current", told)
            .with("differences", differences);
        answer::stale(problem, &current.tag())
    }
}

/// Who may edit what, before a byte of the body is read.
fn admit(app: &App, id: &str, query: Option<&str>, request: &Request) -> Result<(Arc<Layer>, Terms), Problem> {
    let layer = opened(app, id)?;
    terms::authorize(app, request.headers())?;
    let terms = Terms::read(&layer.definition(), query, request.headers())?;
    Ok((layer, terms))
}

/// The same for what is of several layers: the terms hold for each of them.
fn admit_somewhere(app: &App, query: Option<&str>, request: &Request) -> Result<Terms, Problem> {
    if let Some(reason) = closed_everywhere(app) {
        return Err(Problem::new(Kind::MethodNotAllowed, reason));
    }
    terms::authorize(app, request.headers())?;
    Terms::of_all(query, request.headers())
}

/// A layer that takes edits.
fn opened(app: &App, id: &str) -> Result<Arc<Layer>, Problem> {
    let layer = select::one(app, id)?;
    match closed(app, &layer) {
        Some(reason) => Err(Problem::new(Kind::MethodNotAllowed, reason).with("layer", id)),
        None => Ok(layer),
    }
}

/// Why no layer takes edits, if so.
fn closed_everywhere(app: &App) -> Option<String> {
    if app.editors.is_empty() {
        let advice = "This server is read-only. Its administrator opens it to editing by editing.enabled = true and a token \
                      in BRICOLA_EDITING_TOKEN; bricola config --print-default explains both.";
        return Some(advice.to_owned());
    }
    if app.is_read_only() {
        return Some("The database lets this server read only; edits are made where its tables are kept.".to_owned());
    }
    None
}

/// Why a layer takes no edits, if so.
fn closed(app: &App, layer: &Layer) -> Option<String> {
    let everywhere = closed_everywhere(app);
    if everywhere.is_some() {
        return everywhere;
    }
    (layer.state().kind != LayerKind::Managed).then(|| {
        let id = &layer.definition().id;
        format!("Layer \"{id}\" is a table of another program, published in place: it is edited there, and shown here.")
    })
}

fn desk<'a>(app: &'a App, layer: &Layer, terms: &Terms) -> Result<Desk<'a>, Problem> {
    let desk = Desk::new(app.archive(), &layer.definition(), app.scope, app.config.tenant.envelope, terms.dry_run);
    let shows = terms.representation == Some(true);
    desk.map(|desk| desk.showing(shows)).map_err(|error| Problem::store(&error))
}

async fn json(app: &App, request: Request) -> Result<Json, Problem> {
    parsed(&body::bytes(request, app.config.limits.body_bytes).await?)
}

fn parsed(bytes: &[u8]) -> Result<Json, Problem> {
    serde_json::from_slice(bytes)
        .map_err(|error| Problem::new(Kind::InvalidBody, format!("The body is no JSON: {error}.")))
}

/// An edit that was not made, in the words of HTTP.
fn problem(id: &str, feature: &str, refused: Refused) -> Problem {
    match refused {
        Refused::Faults(faults) => {
            let first = faults.first().map(|fault| format!("{}: {}", fault.pointer, fault.message)).unwrap_or_default();
            let others = match faults.len() {
                0 | 1 => String::new(),
                count => format!(" ({} more in \"errors\")", count - 1),
            };
            let errors = serde_json::to_value(&faults).unwrap_or_default();
            of(id, Problem::new(Kind::InvalidFeature, format!("{first}{others}."))).with("errors", errors)
        }
        Refused::DuplicateKey(key) => {
            let shown = bricola_layers::check::finding::quote(&key);
            let whose = if id.is_empty() { "The layer".to_owned() } else { format!("Layer \"{id}\"") };
            of(id, Problem::new(Kind::DuplicateKey, format!("{whose} has another feature with the key {shown}.")))
                .with("value", shown)
        }
        Refused::Unknown => {
            let shown = crate::error::clipped(feature).into_owned();
            let detail = format!(
                "Layer \"{id}\" has no feature with the id \"{shown}\". Ids are given by the store: POST \
                 /collections/{id}/items makes a new feature."
            );
            Problem::new(Kind::UnknownFeature, detail).with("layer", id).with("value", shown)
        }
        Refused::Stale => of(id, Problem::new(Kind::PreconditionFailed, "The feature has been changed meanwhile.")),
        Refused::Conflicts(conflicts) => conflicting(&conflicts),
        Refused::KeyReused => {
            let detail = "This Idempotency-Key came with another body within the last day; a new edit takes a new key.";
            of(id, Problem::new(Kind::KeyReused, detail)).with("header", "Idempotency-Key")
        }
        Refused::MovedOn(moved) if moved.is_empty() => {
            let detail = "The layer was changed again since; take that back first.";
            of(id, Problem::new(Kind::ChangedSince, detail))
        }
        Refused::MovedOn(moved) => {
            let detail = format!(
                "{} of the features were changed again since; take that back first, or name those that are to be taken back.",
                moved.len()
            );
            let features: Vec<Json> = match id {
                "" => moved.iter().map(|(layer, id)| json!({"collection": layer, "id": id})).collect(),
                _ => moved.iter().map(|(_, id)| json!(id)).collect(),
            };
            of(id, Problem::new(Kind::ChangedSince, detail)).with("features", features)
        }
        Refused::Forgotten => of(
            id,
            Problem::new(Kind::Pruned, "What is to be taken back, or what was before it, is not known any more."),
        ),
        Refused::Whole(seq) => {
            let detail = format!(
                "Change {seq} replaced or redefined layer \"{id}\" as a whole: that is taken back by itself, with all the layer's \
                 features, by POST /collections/{id}/undo."
            );
            Problem::new(Kind::InvalidBody, detail).with("layer", id).with("seq", seq)
        }
        Refused::TooMany => {
            let detail =
                format!("More than {MAX_BATCH} features were changed; take them back in parts, the last ones first.");
            Problem::new(Kind::InvalidBody, detail).with("limit", "MAX_BATCH").with("allowed", MAX_BATCH)
        }
        Refused::Store(StoreError::UnknownLayer(_)) => {
            Problem::new(Kind::UnknownLayer, format!("Layer \"{id}\" has just been removed.")).with("layer", id)
        }
        Refused::Store(error) => Problem::store(&error),
    }
}

/// With the layer, where it is of one.
fn of(id: &str, problem: Problem) -> Problem {
    if id.is_empty() { problem } else { problem.with("layer", id) }
}

/// Edits of a transaction that came too late, each with what is there.
fn conflicting(conflicts: &[Conflict]) -> Problem {
    let told = conflicts.iter().map(|conflict| {
        let Conflict { place, layer, id, current } = conflict;
        let mut told = json!({"pointer": format!("/edits/{place}"), "collection": layer, "id": id});
        let (version, feature, differences) = current
            .clone()
            .map_or_else(Default::default, |(version, feature, differences)| (json!(version), feature, differences));
        told["version"] = version;
        told["current"] = feature;
        told["differences"] = json!(differences);
        told
    });
    let detail = format!(
        "{} of the features are not as the edits saw them; nothing was changed. Look at \"conflicts\", and send the edits again \
         with the versions of now if they still stand.",
        conflicts.len()
    );
    Problem::new(Kind::PreconditionFailed, detail).with("conflicts", told.collect::<Vec<_>>())
}
