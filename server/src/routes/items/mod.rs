//! `/collections/{id}/items`: features (OGC API Features 1, 7.15 and 7.16; part 2; part 3).

mod about;
mod answer;
pub mod differences;
pub mod edit;
mod file;
mod form;
mod question;
pub mod versions;

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use bricola_layers::cache::{Layer, Snapshot};
use bricola_layers::feature::FeatureId;
use bricola_layers::writer::Stop;
use http::{HeaderMap, HeaderName, StatusCode, header};
use rustc_hash::FxHasher;
use tokio::sync::OwnedSemaphorePermit;

use super::{collections, respond, select};
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::pages::{self, Asked};
use answer::Told;
use form::Form;
use question::Question;

pub use about::{CLASSES, about_list, about_one};
pub use form::{FORMS, Row as FormRow};
pub use question::crs_uris;
pub(in crate::routes) use question::{any_crs, area};

/// Of the coordinates in an answer (OGC API Features 2, 6.3).
const CONTENT_CRS: HeaderName = HeaderName::from_static("content-crs");

/// `GET /collections/{collectionId}/items`.
pub async fn list(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    let (layer, question) = ask(&app, &id, query.as_deref(), &headers).await?;
    let snapshot = question.when.snapshots(&app, &[Arc::clone(&layer)]).await?.swap_remove(0);
    let base = respond::base_url(&app.config, &headers);
    let tag = tag_of(&snapshot, query.as_deref(), &base, &question);
    let when = question.when;
    let mut response = if respond::matches(&headers, tag.trim_start_matches("W/")) {
        StatusCode::NOT_MODIFIED.into_response()
    } else if question.form == Form::Html {
        let told = Told { base, id, query: query.unwrap_or_default(), seq: snapshot.seq(), scope: app.scope };
        let (app, snapshot) = (Arc::clone(&app), Arc::clone(&snapshot));
        let work = move || {
            let path = format!("collections/{}/items", told.id);
            let asked = Asked::new(&app, question.language, &told.base, &path, Some(&told.query));
            let described = collections::describe(&app, &layer, snapshot.definition(), &told.base, question.language);
            let document = answer::table(&snapshot, question, &told);
            pages::send(&asked, &pages::items(&asked, &described, &document))
        };
        tokio::task::spawn_blocking(work).await.map_err(Problem::internal)?
    } else {
        let told = Told { base, id, query: query.unwrap_or_default(), seq: snapshot.seq(), scope: app.scope };
        let (crs, snapshot) = (question.crs.clone(), Arc::clone(&snapshot));
        let turn = if question.form.is_built() { Some(turn(&app).await?) } else { None };
        // Dropped with this request, when its client goes away or waits no longer.
        let (_waiting, stop) = Stop::new();
        let work = move || {
            let response = answer::page(&snapshot, question, &told, &stop);
            drop(turn);
            response
        };
        let mut response = tokio::task::spawn_blocking(work).await.map_err(Problem::internal)??;
        respond::set(&mut response, CONTENT_CRS, &format!("<{}>", crs.uri()));
        response
    };
    validators(&mut response, &tag, snapshot.seq());
    when.cache(&mut response);
    Ok(response)
}

/// `GET /collections/{collectionId}/items/{featureId}`.
pub async fn one(
    State(app): State<Arc<App>>,
    Path((id, feature)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    let layer = select::one(&app, &id)?;
    let question = Question::of_one(&app, &layer.definition(), query.as_deref(), &headers).await?;
    let (when, language) = (question.when, question.language);
    let snapshot = when.snapshots(&app, &[Arc::clone(&layer)]).await?.swap_remove(0);
    let row = feature.parse::<FeatureId>().ok().and_then(|id| snapshot.feature(id));
    let row = row.ok_or_else(|| unknown(&id, &feature))?;
    let version = row.base.version(row.row);
    // Pages change with the version of the server too: theirs is a weak one, and no edit is made on it.
    let tag = if question.form == Form::Html {
        format!("W/\"v{version}-{}-{}\"", language.tag(), env!("CARGO_PKG_VERSION"))
    } else {
        format!("\"v{version}\"")
    };
    let mut response = if respond::matches(&headers, tag.trim_start_matches("W/")) {
        StatusCode::NOT_MODIFIED.into_response()
    } else if question.form == Form::Html {
        let base = respond::base_url(&app.config, &headers);
        let told = Told { base, id, query: query.unwrap_or_default(), seq: snapshot.seq(), scope: app.scope };
        let path = format!("collections/{}/items/{}", told.id, row.id());
        let asked = Asked::new(&app, language, &told.base, &path, Some(&told.query));
        let described = collections::describe(&app, &layer, snapshot.definition(), &told.base, language);
        pages::send(&asked, &pages::feature(&asked, &described, &answer::card(&snapshot, question, &told, row)))
    } else {
        let base = respond::base_url(&app.config, &headers);
        let told = Told { base, id, query: query.unwrap_or_default(), seq: snapshot.seq(), scope: app.scope };
        let mut response = answer::feature(&snapshot, &question, &told, row);
        respond::set(&mut response, CONTENT_CRS, &format!("<{}>", question.crs.uri()));
        response
    };
    validators(&mut response, &tag, snapshot.seq());
    when.cache(&mut response);
    Ok(response)
}

fn unknown(id: &str, feature: &str) -> Problem {
    let shown = crate::error::clipped(feature).into_owned();
    Problem::new(Kind::UnknownFeature, format!("Layer \"{id}\" has no feature with the id \"{shown}\"."))
        .with("layer", id)
        .with("value", shown)
}

/// A turn to make a file that is finished before it is sent.
async fn turn(app: &App) -> Result<OwnedSemaphorePermit, Problem> {
    Arc::clone(&app.builds).acquire_owned().await.map_err(Problem::internal)
}

fn validators(response: &mut Response, tag: &str, seq: i64) {
    respond::set(response, header::ETAG, tag);
    respond::set(response, header::CACHE_CONTROL, "no-cache");
    respond::set(response, header::VARY, "accept, accept-language, host, x-forwarded-host");
    respond::set_seq(response, seq);
}

async fn ask(app: &App, id: &str, query: Option<&str>, headers: &HeaderMap) -> Result<(Arc<Layer>, Question), Problem> {
    let layer = select::one(app, id)?;
    let question = Question::read(app, &layer.definition(), query, headers).await?;
    Ok((layer, question))
}

/// The same for the same question while the layer stays as it is. Weak, since each answer says when it was given.
fn tag_of(snapshot: &Snapshot, query: Option<&str>, base: &str, question: &Question) -> String {
    use std::hash::{Hash as _, Hasher as _};
    let mut hasher = FxHasher::default();
    (query, base, &snapshot.definition().id, question.form.row().word, question.language.tag()).hash(&mut hasher);
    format!("W/\"{}-{:x}\"", snapshot.seq(), hasher.finish())
}
