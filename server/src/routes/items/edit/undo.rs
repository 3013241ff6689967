//! `POST /undo` and `POST /collections/{id}/undo`: taking back what a run of changes did.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::{Path, RawQuery, Request, State};
use axum::response::Response;
use bricola_layers::feature::FeatureId;
use bricola_layers::log::Seq;
use bricola_layers::store::Once;
use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use tracing::info;

use super::about::dry_run;
use super::answer::{self, Place, settle};
use super::terms::{self, Terms};
use super::{admit, admit_somewhere, desk, opened, problem};
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::routes::{body, parameters, respond};
use crate::services::editing::{MAX_RUN, Refused, Table, Touched, Undo, Undone, touched};
use crate::wired::schema::{reference, text};
use crate::wired::{Method, Operation, Parameter, Words};

/// The body, of a layer.
#[derive(Debug, Clone, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "an object with from and to, the first and the last change, and features if wanted"
)]
struct Asked {
    from: Seq,
    to: Seq,
    #[serde(default)]
    features: BTreeSet<FeatureId>,
}

/// The body, of all layers.
#[derive(Debug, Clone, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "an object with from and to, the first and the last change, and collections if wanted"
)]
struct AskedOfAll {
    from: Seq,
    to: Seq,
    #[serde(default)]
    collections: BTreeSet<String>,
}

/// `POST /collections/{collectionId}/undo` with `{"from", "to", "features"}`.
pub async fn post(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response {
    let undone = of_layer(&app, &id, query.as_deref(), request).await;
    undone.unwrap_or_else(|problem| answer::refusal(problem, Place::Undo))
}

/// `POST /undo` with `{"from", "to", "collections"}`.
pub async fn post_all(State(app): State<Arc<App>>, RawQuery(query): RawQuery, request: Request) -> Response {
    let undone = of_all(&app, query.as_deref(), request).await;
    undone.unwrap_or_else(|problem| answer::refusal(problem, Place::Undo))
}

async fn of_layer(app: &App, id: &str, query: Option<&str>, request: Request) -> Answer {
    let (layer, terms) = admit(app, id, query, &request)?;
    let headers = request.headers().clone();
    let asked: Asked = body::json(request, app.config.limits.body_bytes).await?;
    check(app, asked.from, asked.to).await?;
    let once = once(&headers, &terms, &asked)?;
    let some = !asked.features.is_empty();
    let undo = Undo { from: asked.from, to: asked.to, only: BTreeMap::from([(id.to_owned(), asked.features)]) };
    let mut table = Table::new(app.archive(), terms.dry_run);
    table.add(desk(app, &layer, &terms)?);
    let undone = match touched(app.archive(), &undo).await.map_err(|refused| problem(id, "", refused))? {
        Touched::Whole { seq, .. } if some => Err(Refused::Whole(seq)),
        Touched::Whole { layer, .. } => table.restore(&undo, &layer).await,
        Touched::Features(features) => table.undo(&undo, features, once).await,
    };
    Ok(answered(app, &undo, undone.map_err(|refused| problem(id, "", refused))?, &terms).await)
}

async fn of_all(app: &App, query: Option<&str>, request: Request) -> Answer {
    let terms = admit_somewhere(app, query, &request)?;
    let headers = request.headers().clone();
    let asked: AskedOfAll = body::json(request, app.config.limits.body_bytes).await?;
    check(app, asked.from, asked.to).await?;
    let once = once(&headers, &terms, &asked)?;
    let only = asked.collections.into_iter().map(|layer| (layer, BTreeSet::new()));
    let undo = Undo { from: asked.from, to: asked.to, only: only.collect() };
    for layer in undo.only.keys() {
        opened(app, layer)?;
    }
    let features = match touched(app.archive(), &undo).await.map_err(|refused| problem("", "", refused))? {
        Touched::Whole { layer, seq } => return Err(problem(&layer, "", Refused::Whole(seq))),
        Touched::Features(features) => features,
    };
    let layers = features.keys().map(|layer| opened(app, layer)).collect::<Result<Vec<_>, _>>();
    let layers =
        layers.map_err(|problem| problem.with("hint", "Name in \"collections\" those that are edited here."))?;
    let mut table = Table::new(app.archive(), terms.dry_run);
    for layer in &layers {
        table.add(desk(app, layer, &terms)?);
    }
    let undone = table.undo(&undo, features, once).await.map_err(|refused| problem("", "", refused))?;
    Ok(answered(app, &undo, undone, &terms).await)
}

fn once(headers: &HeaderMap, terms: &Terms, asked: &impl std::fmt::Debug) -> Result<Option<Once>, Problem> {
    terms::once(headers, &terms.crs, format!("undo {asked:?}").as_bytes())
}

async fn answered(app: &App, undo: &Undo, undone: Undone, terms: &Terms) -> Response {
    let replaced = undone.replaced;
    let count = replaced.map_or(undone.features.len() as u64, |of| of.added + of.changed + of.removed);
    let mut told = json!({"undone": undone.features, "count": count, "seq": undone.seq});
    if let Some(replaced) = replaced {
        told["replaced"] = serde_json::to_value(replaced).unwrap_or(Json::Null);
    }
    let mut response = respond::json(&told);
    respond::set(&mut response, http::header::CACHE_CONTROL, "no-store");
    match undone.seq {
        Some(seq) => {
            let layers: Vec<&String> = undo.only.keys().collect();
            info!(target: "bricola::editing", ?layers, from = undo.from, to = undo.to, count, seq, "taken back");
            settle(app, seq).await;
            respond::set_seq(&mut response, seq);
        }
        None if terms.dry_run => answer::say_dry_run(&mut response),
        None => {}
    }
    response
}

/// Refuses a run that is none, or that nobody has seen yet.
async fn check(app: &App, from: Seq, to: Seq) -> Result<(), Problem> {
    let end = app.archive().last_seq().await.map_err(|error| Problem::store(&error))?;
    let wrong = |member: &str, detail: String| Problem::new(Kind::InvalidBody, detail).with("parameter", member);
    if from < 1 || to < from {
        let detail = format!("from={from}, to={to}: from must be 1 or more, and to must not come before it.");
        return Err(wrong("from", detail));
    }
    if to > end {
        return Err(wrong("to", format!("to={to}: the last change is {end}.")).with("seq", end));
    }
    if to - from >= MAX_RUN {
        let detail = format!("{} changes; at most {MAX_RUN} at a time, the last ones first.", to - from + 1);
        return Err(wrong("to", detail).with("limit", "MAX_FEED_SCAN").with("allowed", MAX_RUN));
    }
    Ok(())
}

/// Of [`post`].
pub fn about() -> Operation {
    let about = Words(
        "Annulla ciò che le modifiche da from a to hanno fatto allo strato, con una nuova modifica: tutto o niente. Chi ha \
         cambiato nel frattempo uno degli oggetti non perde nulla: la risposta è 409 e dice quali. Un oggetto tolto torna con un \
         nuovo id. Un caricamento si annulla intero: lo strato torna com’era, se nulla lo ha cambiato dopo.",
        "Takes back what the changes from \"from\" to \"to\" did to the layer, by a new edit: all of it or nothing. Whoever has \
         changed one of the features since loses nothing: the answer is 409 and says which. A feature that was removed comes \
         back under a new id. A load is taken back whole: the layer is as it was before, where nothing has changed it since.",
    );
    let summary = Words("Annullare modifiche", "Take changes back");
    undoing("undo", summary, about).takes([parameters::collection()]).sent([("application/json", reference("Undo"))])
}

/// Of [`post_all`].
pub fn about_all() -> Operation {
    let about = Words(
        "Annulla ciò che le modifiche da from a to hanno fatto a tutti gli strati, o a quelli di collections, in un’unica \
         transazione: tutto o niente. Un caricamento si annulla sul suo strato.",
        "Takes back what the changes from \"from\" to \"to\" did to all layers, or to those of \"collections\", in one \
         transaction: all of it or nothing. A load is taken back at its layer.",
    );
    let summary = Words("Annullare modifiche di più strati", "Take changes of several layers back");
    undoing("undo-of-all", summary, about).sent([("application/json", reference("UndoOfAll"))])
}

fn undoing(id: &'static str, summary: Words, about: Words) -> Operation {
    let key = Words(
        "La stessa chiave non annulla due volte, entro un giorno",
        "The same key does not take back twice, within a day",
    );
    Operation::edit(Method::Post, id, summary, about)
        .takes([dry_run(), Parameter::header("Idempotency-Key", key, text())])
        .gives(about, [("application/json", reference("Undone"))], &["Bricola-Dry-Run", "Bricola-Seq", "Cache-Control"])
        .fails([Kind::ChangedSince, Kind::Pruned, Kind::DuplicateKey, Kind::KeyReused])
}
