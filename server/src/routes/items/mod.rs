//! `/collections/{id}/items`: features (OGC API Features 1, 7.15 and 7.16; part 2; part 3).

mod about;
mod answer;
pub mod differences;
pub mod edit;
mod explain;
mod file;
mod form;
mod question;
pub mod versions;

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use bricola_layers::cache::Layer;
use bricola_layers::feature::FeatureId;
use bricola_layers::writer::Stop;
use http::{HeaderMap, HeaderName, StatusCode, header};
use rustc_hash::FxHasher;
use tokio::sync::OwnedSemaphorePermit;

use super::{bearer, collections, respond, select};
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::pages::{self, Asked};
use crate::services::features::Source;
use answer::Told;
use form::Form;
use question::Question;

pub use about::{CLASSES, about_list, about_one};
pub use form::{FORMS, Row as FormRow};
pub use question::crs_uris;
pub(in crate::routes) use question::{any_crs, area};

/// Of the coordinates in an answer (OGC API Features 2, 6.3).
const CONTENT_CRS: HeaderName = HeaderName::from_static("content-crs");

/// Vertices of a page that is written at once.
const QUICK_VERTICES: usize = 4_096;

/// `GET /collections/{collectionId}/items`.
pub async fn list(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    let (layer, question) = ask(&app, &id, query.as_deref(), &headers).await?;
    if question.explain
        && let Err(problem) = bearer::staff(&app, &headers)
    {
        return Ok(bearer::refusal(problem));
    }
    let source = question.when.source(&app, &layer).await?;
    let base = respond::base_url(&app.config, &headers);
    if question.explain {
        note(&app, &source);
        let told = Told { base, id, query: query.unwrap_or_default(), seq: source.seq(), scope: app.scope };
        return explain::answer(source, question, told).await;
    }
    let tag = tag_of(&source, query.as_deref(), &base, &question);
    let (when, seq) = (question.when, source.seq());
    let mut response = if respond::matches(&headers, tag.trim_start_matches("W/")) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        note(&app, &source);
        let told = Told { base, id, query: query.unwrap_or_default(), seq, scope: app.scope };
        match question.form {
            Form::Html => table(&app, layer, &source, question, told).await?,
            _ => features(&app, &source, question, told).await?,
        }
    };
    validators(&mut response, &tag, seq);
    when.cache(&mut response);
    Ok(response)
}

/// The page for people.
async fn table(
    app: &Arc<App>,
    layer: Arc<Layer>,
    source: &Source,
    mut question: Question,
    told: Told,
) -> Result<Response, Problem> {
    question.skip_geometry = true;
    let (snapshot, page) = source.page(question.wanted()).await.map_err(|error| Problem::unanswered(&error))?;
    let app = Arc::clone(app);
    let work = move || {
        let path = format!("collections/{}/items", told.id);
        let asked = Asked::new(&app, question.language, &told.base, &path, Some(&told.query));
        let described = collections::describe(&app, &layer, snapshot.definition(), &told.base, question.language);
        let document = answer::table(&snapshot, &question, &told, &page);
        pages::send(&asked, &pages::items(&asked, &described, &document))
    };
    tokio::task::spawn_blocking(work).await.map_err(Problem::internal)
}

/// A page for programs, or a file.
async fn features(app: &App, source: &Source, question: Question, told: Told) -> Result<Response, Problem> {
    let crs = question.crs.clone();
    // A file that comes from the store holds one of its connections until its client has taken it.
    let needs_turn = question.form.is_built() || (question.form.is_file() && source.is_stored());
    let turn = if needs_turn { Some(turn(app).await?) } else { None };
    // Dropped with this request, when its client goes away or waits no longer.
    let (_waiting, stop) = Stop::new();
    let rows = if question.form.is_file() {
        let rows = source.rows(question.wanted(), question.form == Form::FlatGeobuf).await;
        Some(rows.map_err(|error| Problem::unanswered(&error))?)
    } else {
        None
    };
    let mut response = match rows {
        Some(rows) if question.form.is_built() => {
            let (snapshot, rows) = rows.gather().await.map_err(|error| Problem::unanswered(&error))?;
            let work = move || {
                let response = file::built(&snapshot, &rows, &question, &told, &stop);
                drop(turn);
                response
            };
            tokio::task::spawn_blocking(work).await.map_err(Problem::internal)??
        }
        Some(rows) => {
            let rows = rows.with(turn);
            let work = move || file::answer(rows, question, &told);
            tokio::task::spawn_blocking(work).await.map_err(Problem::internal)??
        }
        None => {
            let (snapshot, page) = source.page(question.wanted()).await.map_err(|error| Problem::unanswered(&error))?;
            let vertices = page.rows.iter().map(|at| snapshot.row_at(*at).vertices()).sum::<usize>();
            let work = move || answer::page(&snapshot, &question, &told, &page);
            // What is written sooner than another thread is woken is written here.
            let is_quick = vertices <= QUICK_VERTICES;
            if is_quick { work() } else { tokio::task::spawn_blocking(work).await.map_err(Problem::internal)? }
        }
    };
    respond::set(&mut response, CONTENT_CRS, &format!("<{}>", crs.uri()));
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
    let source = when.source(&app, &layer).await?;
    note(&app, &source);
    let found = match feature.parse::<FeatureId>() {
        Ok(id) => source.feature(id).await.map_err(|error| Problem::unanswered(&error))?,
        Err(_) => None,
    };
    let (snapshot, at) = found.ok_or_else(|| unknown(&id, &feature))?;
    let row = snapshot.row_at(at);
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

/// Counts that the store is about to be asked, if it is.
pub(in crate::routes) fn note(app: &App, source: &Source) {
    if source.is_stored() {
        app.metrics.store_question();
    }
}

/// A turn to make a file that takes more than memory.
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
fn tag_of(source: &Source, query: Option<&str>, base: &str, question: &Question) -> String {
    use std::hash::{Hash as _, Hasher as _};
    let mut hasher = FxHasher::default();
    (query, base, &source.definition().id, question.form.row().word, question.language.tag()).hash(&mut hasher);
    format!("W/\"{}-{:x}\"", source.seq(), hasher.finish())
}
