//! `POST /collections/{id}/undo`: taking back what a run of changes did.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Path, RawQuery, Request, State};
use axum::response::Response;
use bricola_layers::feature::FeatureId;
use bricola_layers::log::Seq;
use serde::Deserialize;
use serde_json::json;
use tracing::info;

use super::about::dry_run;
use super::answer::{self, Place, settle};
use super::terms;
use super::{admit, desk, problem};
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::routes::{body, parameters, respond};
use crate::services::editing::{MAX_RUN, Undo};
use crate::wired::schema::{reference, text};
use crate::wired::{Method, Operation, Parameter, Words};

/// The body.
#[derive(Debug, Deserialize)]
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

/// `POST /collections/{collectionId}/undo` with `{"from", "to", "features"}`.
pub async fn post(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response {
    let undone = undone(&app, &id, query.as_deref(), request).await;
    undone.unwrap_or_else(|problem| answer::refusal(problem, Place::Undo))
}

async fn undone(app: &App, id: &str, query: Option<&str>, request: Request) -> Answer {
    let (layer, terms) = admit(app, id, query, &request)?;
    let headers = request.headers().clone();
    let asked: Asked = body::json(request, app.config.limits.body_bytes).await?;
    let end = app.archive().last_seq().await.map_err(|error| Problem::store(&error))?;
    check(&asked, end)?;
    let told = format!("undo {} {} {:?}", asked.from, asked.to, asked.features);
    let once = terms::once(&headers, &terms.crs, told.as_bytes())?;
    let undo = Undo { from: asked.from, to: asked.to, features: asked.features };
    let undone = desk(app, &layer, &terms)?.undo(&undo, once).await.map_err(|refused| problem(id, "", refused))?;
    let count = undone.features.len();
    let mut response = respond::json(&json!({"undone": undone.features, "count": count, "seq": undone.seq}));
    respond::set(&mut response, http::header::CACHE_CONTROL, "no-store");
    match undone.seq {
        Some(seq) => {
            info!(target: "bricola::editing", layer = id, from = undo.from, to = undo.to, count, seq, "taken back");
            settle(app, seq).await;
            respond::set_seq(&mut response, seq);
        }
        None if terms.dry_run => answer::say_dry_run(&mut response),
        None => {}
    }
    Ok(response)
}

fn check(asked: &Asked, end: Seq) -> Result<(), Problem> {
    let wrong = |member: &str, detail: String| Problem::new(Kind::InvalidBody, detail).with("parameter", member);
    let Asked { from, to, .. } = *asked;
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
         nuovo id.",
        "Takes back what the changes from \"from\" to \"to\" did to the layer, by a new edit: all of it or nothing. Whoever has \
         changed one of the features since loses nothing: the answer is 409 and says which. A feature that was removed comes \
         back under a new id.",
    );
    let summary = Words("Annullare modifiche", "Take changes back");
    let key = Words(
        "La stessa chiave non annulla due volte, entro un giorno",
        "The same key does not take back twice, within a day",
    );
    Operation::edit(Method::Post, "undo", summary, about)
        .takes([parameters::collection(), dry_run(), Parameter::header("Idempotency-Key", key, text())])
        .sent([("application/json", reference("Undo"))])
        .gives(about, [("application/json", reference("Undone"))], &["Bricola-Dry-Run", "Bricola-Seq", "Cache-Control"])
        .fails([Kind::ChangedSince, Kind::Pruned, Kind::DuplicateKey, Kind::KeyReused])
}
