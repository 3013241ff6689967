//! Features in the forms in which they are asked for.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::response::Response;
use bricola_layers::cache::{RowAt, RowRef, Snapshot, ValueRef};
use bricola_layers::crs::with_transformer;
use bricola_layers::definition::Scope;
use bricola_layers::query::cql2::Row as _;
use bricola_layers::query::{Cursor, FeatureWriter};
use geozero::ToWkt as _;
use http::{HeaderValue, header};
use serde_json::json;

use super::question::{Form, Question};
use crate::routes::respond;

/// Features that are written in one piece.
const PIECE: usize = 1_000;

const GEOJSON: HeaderValue = HeaderValue::from_static("application/geo+json");

/// Who asked for what, for the links.
pub struct Told {
    pub base: String,
    /// The layer.
    pub id: String,
    pub query: String,
    pub seq: i64,
    pub scope: Scope,
}

impl Told {
    fn link(&self, path: &str, query: &str, rel: &str, kind: &str) -> serde_json::Value {
        let mark = if query.is_empty() { "" } else { "?" };
        json!({"href": format!("{}/collections/{}{path}{mark}{query}", self.base, self.id), "rel": rel, "type": kind})
    }
}

/// A page as one `FeatureCollection`, or all features as a file that is written while it is sent.
pub fn page(snapshot: &Arc<Snapshot>, question: Question, told: &Told) -> Response {
    let limit = question.limit.unwrap_or(usize::MAX - 1);
    let page = question.selection.page(snapshot, &question.order, question.after.as_ref(), limit);
    if question.form != Form::GeoJson {
        return file(Arc::clone(snapshot), page.rows, question, told);
    }
    let writer = writer(snapshot, &question, told.scope);
    let mut out = Vec::with_capacity(1024 + page.rows.len() * 512);
    out.extend_from_slice(b"{\"type\":\"FeatureCollection\",\"features\":[");
    for (position, at) in page.rows.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        writer.write(&mut out, snapshot.row_at(*at));
    }
    let mut links = vec![told.link("/items", &told.query, "self", "application/geo+json")];
    if let Some(next) = &page.next {
        links.push(told.link("/items", &with_cursor(&told.query, next), "next", "application/geo+json"));
    }
    links.push(told.link("", "f=json", "collection", "application/json"));
    let rest = json!({
        "links": links,
        "timeStamp": chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        "numberMatched": page.matched,
        "numberReturned": page.rows.len(),
        "seq": told.seq,
    });
    out.extend_from_slice(b"],");
    out.extend_from_slice(&rest.to_string().as_bytes()[1..]);
    let mut response = Response::new(Body::from(out));
    response.headers_mut().insert(header::CONTENT_TYPE, GEOJSON);
    response
}

/// One feature.
pub fn feature(snapshot: &Snapshot, question: &Question, told: &Told, row: RowRef<'_>) -> Response {
    let mut out = Vec::with_capacity(1024);
    writer(snapshot, question, told.scope).write(&mut out, row);
    // Its last brace makes room for the links.
    out.pop();
    let links = json!({
        "links": [
            told.link(&format!("/items/{}", row.id()), &told.query, "self", "application/geo+json"),
            told.link("", "f=json", "collection", "application/json"),
        ],
        "version": row.base.version(row.row),
        "seq": told.seq,
    });
    out.push(b',');
    out.extend_from_slice(&links.to_string().as_bytes()[1..]);
    let mut response = Response::new(Body::from(out));
    response.headers_mut().insert(header::CONTENT_TYPE, GEOJSON);
    response
}

fn writer<'a>(snapshot: &'a Snapshot, question: &Question, scope: Scope) -> FeatureWriter<'a> {
    let mut writer = snapshot.writer(scope).in_crs(&question.crs);
    if let Some(fields) = &question.fields {
        writer = writer.only(fields);
    }
    if question.skip_geometry { writer.without_geometry() } else { writer }
}

/// The same question from a place on.
fn with_cursor(query: &str, cursor: &Cursor) -> String {
    let mut values: Vec<serde_json::Value> = cursor.values.iter().map(|value| json!(value)).collect();
    values.push(json!(cursor.id));
    let others = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "cursor");
    let mut next = form_urlencoded::Serializer::new(String::new());
    next.extend_pairs(others);
    next.append_pair("cursor", &serde_json::Value::Array(values).to_string());
    next.finish()
}

/// A file, piece by piece: what is held of it is its list of rows and one piece.
fn file(snapshot: Arc<Snapshot>, rows: Vec<RowAt>, question: Question, told: &Told) -> Response {
    let (extension, kind) = match question.form {
        Form::Csv => ("csv", "text/csv; charset=utf-8; header=present"),
        _ => ("ndjson", "application/x-ndjson"),
    };
    let name = format!("attachment; filename=\"{}.{extension}\"", told.id);
    let scope = told.scope;
    let fields = columns(&snapshot, &question, scope);
    let mut head = Vec::new();
    if question.form == Form::Csv {
        csv_head(&mut head, &snapshot, &question, &fields);
    }
    let pieces = futures::stream::unfold((0, Some(head)), move |(begin, head)| {
        let mut out = head.unwrap_or_default();
        let piece = rows.get(begin..(begin + PIECE).min(rows.len())).unwrap_or_default();
        if piece.is_empty() && out.is_empty() {
            return std::future::ready(None);
        }
        if question.form == Form::Csv {
            for at in piece {
                csv_row(&mut out, snapshot.row_at(*at), &question, &fields);
            }
        } else {
            let writer = writer(&snapshot, &question, scope);
            for at in piece {
                writer.write(&mut out, snapshot.row_at(*at));
                out.push(b'\n');
            }
        }
        std::future::ready(Some((Ok::<_, std::convert::Infallible>(Bytes::from(out)), (begin + piece.len(), None))))
    });
    let mut response = Response::new(Body::from_stream(pieces));
    respond::set(&mut response, header::CONTENT_TYPE, kind);
    respond::set(&mut response, header::CONTENT_DISPOSITION, &name);
    response
}

/// The fields that are wanted and may be seen.
fn columns(snapshot: &Snapshot, question: &Question, scope: Scope) -> Vec<usize> {
    let seen = scope.fields(snapshot.definition()).map(|(field, _)| field);
    seen.filter(|field| question.fields.as_ref().is_none_or(|wanted| wanted.contains(field))).collect()
}

fn csv_head(out: &mut Vec<u8>, snapshot: &Snapshot, question: &Question, fields: &[usize]) {
    let definition = snapshot.definition();
    let names = fields.iter().map(|field| definition.fields[*field].name.as_str());
    let names = std::iter::once("id").chain(names).chain((!question.skip_geometry).then_some("wkt"));
    csv_record(out, names.map(str::to_owned));
}

fn csv_row(out: &mut Vec<u8>, row: RowRef<'_>, question: &Question, fields: &[usize]) {
    let text = |field: usize| match row.base.value(row.row, field) {
        ValueRef::Null => String::new(),
        ValueRef::Text(text) => text.to_owned(),
        other => json!(other).as_str().map_or_else(|| json!(other).to_string(), str::to_owned),
    };
    let values = fields.iter().map(|field| text(*field));
    let wkt = (!question.skip_geometry).then(|| wkt(row, question).unwrap_or_default());
    csv_record(out, std::iter::once(row.id().to_string()).chain(values).chain(wkt));
}

/// The geometry in the CRS of the question, in its authority's order of axes.
fn wkt(row: RowRef<'_>, question: &Question) -> Option<String> {
    let mut geometry = row.geometry()?.into_owned();
    with_transformer(row.base.crs(), &question.crs, |transformer| transformer.geometry(&mut geometry)).ok()?.ok()?;
    if question.crs.north_first() {
        geo::MapCoordsInPlace::map_coords_in_place(&mut geometry, |c| geo_types::Coord { x: c.y, y: c.x });
    }
    geometry.to_wkt().ok()
}

fn csv_record(out: &mut Vec<u8>, values: impl Iterator<Item = String>) {
    let mut writer = csv::Writer::from_writer(out);
    // Writing to a vector cannot fail.
    let _ = writer.write_record(values);
    let _ = writer.flush();
}
