//! `POST /transactions`: edits of several features, of one layer or of many, all of them or none.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{RawQuery, Request, State};
use axum::response::Response;
use bricola_layers::cache::Layer;
use bricola_layers::feature::FeatureId;
use bricola_layers::limits::MAX_BATCH;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use tracing::info;

use super::about::{content_crs, dry_run};
use super::answer::{self, Place, settle};
use super::terms::{self, Terms};
use super::{admit_somewhere, desk, opened, problem};
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::routes::{body, respond};
use crate::services::editing::{Step, Table, Task, Transacted, Wish};
use crate::wired::schema::{reference, text};
use crate::wired::{Method, Operation, Parameter, Words};

/// The body.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with edits, an array")]
struct Asked {
    edits: Vec<Sent>,
}

/// One edit of it.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
enum Sent {
    Insert { collection: String, feature: Json },
    Replace { collection: String, id: FeatureId, version: Option<i64>, feature: Json },
    Update { collection: String, id: FeatureId, version: Option<i64>, patch: Json },
    Delete { collection: String, id: FeatureId, version: Option<i64> },
}

impl From<Sent> for Step {
    fn from(sent: Sent) -> Self {
        let (layer, task) = match sent {
            Sent::Insert { collection, feature } => (collection, Task::Insert(feature)),
            Sent::Replace { collection, id, version, feature } => {
                (collection, Task::Change { id, version, wish: Wish::Replace(feature) })
            }
            Sent::Update { collection, id, version, patch } => {
                (collection, Task::Change { id, version, wish: Wish::Patch(patch) })
            }
            Sent::Delete { collection, id, version } => (collection, Task::Change { id, version, wish: Wish::Delete }),
        };
        Self { layer, task }
    }
}

/// `POST /transactions` with `{"edits": [{"op", "collection", …}]}`.
pub async fn post(State(app): State<Arc<App>>, RawQuery(query): RawQuery, request: Request) -> Response {
    let done = transacted(&app, query.as_deref(), request).await;
    done.unwrap_or_else(|problem| answer::refusal(problem, Place::Undo))
}

async fn transacted(app: &App, query: Option<&str>, request: Request) -> Answer {
    let mut terms = admit_somewhere(app, query, &request)?;
    let headers = request.headers().clone();
    let bytes = body::json_bytes(request, app.config.limits.body_bytes).await?;
    let asked: Asked = body::parsed(&bytes)?;
    let steps: Vec<Step> = asked.edits.into_iter().map(Step::from).collect();
    check(app, &steps)?;
    let layers = layers(app, &steps)?;
    for layer in layers.values() {
        terms.agree(&layer.definition(), &headers)?;
    }
    let once = terms::once(&headers, &terms.crs, &bytes)?;
    let mut table = Table::new(app.archive(), terms.dry_run);
    for layer in layers.values() {
        table.add(desk(app, layer, &terms)?);
    }
    let done = table.transact(steps, &terms.crs, once).await.map_err(|refused| problem("", "", refused))?;
    Ok(answered(app, &layers, done, &terms).await)
}

/// Refuses what is none or too much, and edits that do not say which version they were made from.
fn check(app: &App, steps: &[Step]) -> Result<(), Problem> {
    if steps.is_empty() || steps.len() > MAX_BATCH {
        let detail = format!("{} edits; 1 to {MAX_BATCH} are made at once.", steps.len());
        return Err(Problem::new(Kind::InvalidBody, detail).with("limit", "MAX_BATCH").with("allowed", MAX_BATCH));
    }
    let blind = |step: &Step| matches!(step.task, Task::Change { version: None, .. });
    if app.config.editing.unconditional {
        return Ok(());
    }
    let Some(place) = steps.iter().position(blind) else { return Ok(()) };
    let detail = format!(
        "Edit {place} does not say which \"version\" of the feature it was made from; the ETag \"v3\" is of version 3, and \
         /items/{{id}}/versions lists them."
    );
    Err(Problem::new(Kind::PreconditionRequired, detail).with("pointer", format!("/edits/{place}/version")))
}

/// The layers that are edited, which must all be there and take edits.
fn layers(app: &App, steps: &[Step]) -> Result<BTreeMap<String, Arc<Layer>>, Problem> {
    let mut layers = BTreeMap::new();
    for (place, Step { layer, .. }) in steps.iter().enumerate() {
        if !layers.contains_key(layer) {
            let found = opened(app, layer).map_err(|problem| match problem.kind() {
                // It is the body that is wrong: the path takes edits.
                Kind::UnknownLayer | Kind::MethodNotAllowed => {
                    Problem::new(Kind::InvalidBody, problem.detail().to_owned())
                        .with("pointer", format!("/edits/{place}/collection"))
                }
                _ => problem,
            })?;
            layers.insert(layer.clone(), found);
        }
    }
    Ok(layers)
}

async fn answered(app: &App, layers: &BTreeMap<String, Arc<Layer>>, done: Transacted, terms: &Terms) -> Response {
    let count = done.entries.len();
    let entries =
        done.entries.iter().map(|entry| json!({"collection": entry.layer, "id": entry.id, "version": entry.version}));
    let mut response = respond::json(&json!({"edits": entries.collect::<Vec<_>>(), "count": count, "seq": done.seq}));
    respond::set(&mut response, http::header::CACHE_CONTROL, "no-store");
    if let Some(seq) = done.seq {
        let layers: Vec<&String> = layers.keys().collect();
        info!(target: "bricola::editing", ?layers, count, seq, "edited");
        settle(app, seq).await;
        respond::set_seq(&mut response, seq);
    } else if terms.dry_run {
        answer::say_dry_run(&mut response);
    }
    response
}

/// Of [`post`].
pub fn about() -> Operation {
    let about = Words(
        "Fino a mille modifiche di oggetti di uno o più strati, in un’unica transazione: tutte o nessuna. Ogni modifica di un \
         oggetto esistente dice da quale versione parte; se una sola non è più quella, la risposta è 412, dice quali e non cambia \
         nulla.",
        "Up to a thousand edits of features of one or more layers, in one transaction: all of them or none. Each edit of a \
         feature that is there says which version it was made from; where one of them is not that any more the answer is 412, \
         says which, and nothing is changed.",
    );
    let key = Words("La chiave che rende ripetibile la richiesta", "The key that makes the request repeatable");
    let summary = Words("Modificare più strati insieme", "Edit several layers as one");
    Operation::edit(Method::Post, "transaction", summary, about)
        .takes([dry_run(), content_crs(), Parameter::header("Idempotency-Key", key, text())])
        .sent([("application/json", reference("Transaction"))])
        .gives(
            about,
            [("application/json", reference("Transacted"))],
            &["Bricola-Dry-Run", "Bricola-Seq", "Cache-Control"],
        )
        .fails([
            Kind::InvalidFeature,
            Kind::DuplicateKey,
            Kind::KeyReused,
            Kind::PreconditionRequired,
            Kind::PreconditionFailed,
        ])
}
