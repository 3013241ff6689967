//! `/items?explain=true`: how a page of features comes about, for the staff.

use std::sync::Arc;
use std::time::Instant;

use axum::response::Response;
use bricola_layers::cache::Snapshot;
use bricola_layers::limits::{DEFAULT_PAGE, MAX_PAGE};
use bricola_layers::query::{Explanation, FilterWork, Page};
use http::header;
use serde_json::{Value, json};

use super::answer::{self, Told};
use super::form::Form;
use super::question::Question;
use crate::error::{Answer, Problem};
use crate::routes::explain::milliseconds;
use crate::routes::respond;
use crate::services::features::Source;

/// Finds and writes the page as it would be answered, in GeoJSON, and tells how. Of a layer that is in the store only, what the
/// store looks at is its own business.
pub async fn answer(source: Source, mut question: Question, told: Told) -> Answer {
    question.form = Form::GeoJson;
    question.limit = Some(question.limit.unwrap_or(DEFAULT_PAGE).min(MAX_PAGE));
    let found = match &source {
        Source::Cached(snapshot) => {
            let (snapshot, selection) = (Arc::clone(snapshot), Arc::clone(&question.selection));
            let work = move || (selection.explain(&snapshot), snapshot.len());
            Some(tokio::task::spawn_blocking(work).await.map_err(Problem::internal)?)
        }
        Source::Stored(_) => None,
    };
    let started = Instant::now();
    let (snapshot, page) = source.page(question.wanted()).await.map_err(|error| Problem::unanswered(&error))?;
    let paged = started.elapsed();
    let work = move || {
        let mut json = written(&snapshot, &mut question, &told, &page);
        json["layer"] = json!(told.id);
        json["pageMs"] = json!(milliseconds(paged));
        json["seq"] = json!(told.seq);
        look(&mut json, found.as_ref());
        let mut response: Response = respond::json(&json);
        respond::set(&mut response, header::CACHE_CONTROL, "no-store");
        respond::set_seq(&mut response, told.seq);
        response
    };
    tokio::task::spawn_blocking(work).await.map_err(Problem::internal)
}

/// What was looked at, and how many features the layer has; where that is known.
fn look(json: &mut Value, found: Option<&(Explanation, usize)>) {
    let work = |work: &FilterWork| json!({"tests": work.tests, "refused": work.refused, "ms": milliseconds(work.time)});
    let Some((found, features)) = found else {
        json["source"] = json!("store");
        for member in ["index", "features", "dropped", "selectMs"] {
            json[member] = Value::Null;
        }
        json["filters"] = json!([]);
        return;
    };
    let refused: usize = found.filters.iter().map(|work| work.refused).sum();
    json["source"] = json!("cache");
    json["index"] = json!(found.candidates.map(|candidates| json!({"candidates": candidates})));
    json["features"] = json!(features);
    json["dropped"] = json!({"bbox": found.outside, "datetime": found.invalid, "filter": refused});
    json["filters"] = found.filters.iter().map(work).collect();
    json["selectMs"] = json!(milliseconds(found.select));
}

/// What the bytes of a page are spent on.
fn written(snapshot: &Snapshot, question: &mut Question, told: &Told, page: &Page) -> Value {
    let started = Instant::now();
    let bytes = answer::collection(snapshot, question, told, page).len();
    let wrote = started.elapsed();
    let definition = snapshot.definition();
    let columns = question.columns(definition, told.scope);
    let skips = std::mem::replace(&mut question.skip_geometry, true);
    let mut weigh = |fields: Vec<usize>| {
        question.fields = Some(fields);
        answer::collection(snapshot, question, told, page).len()
    };
    let bare = weigh(Vec::new());
    let fields: Vec<Value> = columns
        .iter()
        .map(|column| json!({"name": definition.fields[*column].name, "bytes": weigh(vec![*column]) - bare}))
        .collect();
    let without_geometry = weigh(columns);
    json!({
        "matched": page.matched,
        "returned": page.rows.len(),
        "hasNext": page.next.is_some(),
        "writeMs": milliseconds(wrote),
        "bytes": bytes,
        "geometryBytes": if skips { 0 } else { bytes - without_geometry },
        "fields": fields,
        "otherBytes": bare,
    })
}
