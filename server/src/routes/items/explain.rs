//! `/items?explain=true`: how a page of features comes about, for the staff.

use std::sync::Arc;
use std::time::Instant;

use axum::response::Response;
use bricola_layers::cache::Snapshot;
use bricola_layers::query::FilterWork;
use http::header;
use serde_json::{Value, json};

use super::answer::{self, Told};
use super::form::Form;
use super::question::Question;
use crate::routes::explain::milliseconds;
use crate::routes::respond;

/// Finds and writes the page as it would be answered, in GeoJSON, and tells how.
pub fn answer(snapshot: &Arc<Snapshot>, mut question: Question, told: &Told) -> Response {
    question.form = Form::GeoJson;
    let found = question.selection.explain(snapshot);
    let started = Instant::now();
    let limit = question.limit.unwrap_or(usize::MAX - 1);
    let page = question.selection.page(snapshot, &question.order, question.after.as_ref(), limit);
    let paged = started.elapsed();
    let started = Instant::now();
    let bytes = answer::collection(snapshot, &question, told, &page).len();
    let wrote = started.elapsed();

    let definition = snapshot.definition();
    let columns = question.columns(definition, told.scope);
    let skips = std::mem::replace(&mut question.skip_geometry, true);
    let mut weigh = |fields: Vec<usize>| {
        question.fields = Some(fields);
        answer::collection(snapshot, &question, told, &page).len()
    };
    let bare = weigh(Vec::new());
    let fields: Vec<Value> = columns
        .iter()
        .map(|column| json!({"name": definition.fields[*column].name, "bytes": weigh(vec![*column]) - bare}))
        .collect();
    let without_geometry = weigh(columns);
    let geometry = if skips { 0 } else { bytes - without_geometry };
    let work = |work: &FilterWork| json!({"tests": work.tests, "refused": work.refused, "ms": milliseconds(work.time)});
    let refused: usize = found.filters.iter().map(|work| work.refused).sum();
    let mut response = respond::json(&json!({
        "layer": told.id,
        "source": "cache",
        "index": found.candidates.map(|candidates| json!({"candidates": candidates})),
        "features": snapshot.len(),
        "dropped": {"bbox": found.outside, "datetime": found.invalid, "filter": refused},
        "filters": found.filters.iter().map(work).collect::<Vec<_>>(),
        "matched": page.matched,
        "returned": page.rows.len(),
        "hasNext": page.next.is_some(),
        "selectMs": milliseconds(found.select),
        "pageMs": milliseconds(paged),
        "writeMs": milliseconds(wrote),
        "bytes": bytes,
        "geometryBytes": geometry,
        "fields": fields,
        "otherBytes": bare,
        "seq": told.seq,
    }));
    respond::set(&mut response, header::CACHE_CONTROL, "no-store");
    respond::set_seq(&mut response, told.seq);
    response
}
