//! Features in the forms in which they are asked for.

use axum::body::Body;
use axum::response::Response;
use bricola_layers::cache::{RowRef, Snapshot};
use bricola_layers::crs::Crs;
use bricola_layers::definition::Scope;
use bricola_layers::query::{Cursor, FeatureWriter, Page, Profile};
use http::header;
use serde::Serialize;
use serde_json::{Value, json};

use super::form::{self, FORMS, Form, PROFILES};
use super::question::Question;
use crate::routes::respond;

/// The classes that a JSON-FG document declares (JSON-FG 1, 8.2 and 13.1).
const JSONFG: [&str; 2] = [
    "http://www.opengis.net/spec/json-fg-1/1.0/conf/core",
    "http://www.opengis.net/spec/json-fg-1/1.0/conf/types-schemas",
];
/// Before the name of a profile.
const PROFILE: &str = "http://www.opengis.net/def/profile/OGC/0/";

/// Who asked for what, for the links.
pub struct Told {
    pub base: String,
    /// The layer.
    pub id: String,
    pub query: String,
    pub seq: i64,
    pub scope: Scope,
}

/// A link (RFC 8288, as the standards write it in JSON).
#[derive(Serialize)]
struct Link {
    href: String,
    rel: &'static str,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'static str>,
}

/// What a page says after its features.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rest {
    links: Vec<Link>,
    time_stamp: String,
    number_matched: usize,
    number_returned: usize,
    seq: i64,
}

impl Told {
    fn link(&self, path: &str, query: &str, rel: &'static str, kind: &'static str) -> Link {
        let mark = if query.is_empty() { "" } else { "?" };
        let href = format!("{}/collections/{}{path}{mark}{query}", self.base, self.id);
        Link { href, rel, kind: Some(kind), title: None }
    }

    /// The same in each other of some forms (OGC API Features 1, 7.15.8 and 7.16.2).
    fn alternates(&self, path: &str, words: &[&str], form: Form) -> impl Iterator<Item = Link> {
        let others = FORMS.iter().filter(move |row| row.form != form && words.contains(&row.word));
        let asked = without(&self.query, &["f", "profile"]);
        let and = if asked.is_empty() { "" } else { "&" };
        others.map(move |row| {
            let link = self.link(path, &format!("{asked}{and}f={}", row.word), "alternate", row.media_type);
            Link { title: Some(row.title), ..link }
        })
    }
}

/// A page as one `FeatureCollection`.
pub fn page(snapshot: &Snapshot, question: &Question, told: &Told, page: &Page) -> Response {
    written(collection(snapshot, question, told, page), question.form.row().media_type)
}

/// The page that people get as a table.
pub fn table(snapshot: &Snapshot, question: &Question, told: &Told, page: &Page) -> Value {
    // What is written here is JSON.
    serde_json::from_slice(&collection(snapshot, question, told, page)).unwrap_or_default()
}

/// A page as one `FeatureCollection`, written.
pub fn collection(snapshot: &Snapshot, question: &Question, told: &Told, page: &Page) -> Vec<u8> {
    let kind = question.form.row().media_type;
    let writer = writer(snapshot, question, told.scope);
    let mut out = Vec::with_capacity(1024 + page.rows.len() * 768);
    out.extend_from_slice(b"{\"type\":\"FeatureCollection\",");
    if question.form == Form::JsonFg {
        let mut members = jsonfg(snapshot, question, told);
        if let Some(dimension) = snapshot.definition().geometry.dimension() {
            members["geometryDimension"] = json!(dimension);
        }
        write_members(&mut out, &members);
        out.push(b',');
    }
    out.extend_from_slice(b"\"features\":[");
    for (position, at) in page.rows.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        writer.write(&mut out, snapshot.row_at(*at));
    }
    let mut links = vec![told.link("/items", &told.query, "self", kind)];
    if let Some(next) = &page.next {
        links.push(told.link("/items", &with_cursor(&told.query, next), "next", kind));
    }
    links.extend(told.alternates("/items", &form::WORDS, question.form));
    links.push(told.link("", "f=json", "collection", "application/json"));
    links.extend(profile_link(question));
    let rest = Rest {
        links,
        time_stamp: chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        number_matched: page.matched,
        number_returned: page.rows.len(),
        seq: told.seq,
    };
    out.extend_from_slice(b"],");
    write_members(&mut out, &rest);
    out.push(b'}');
    out
}

/// One feature.
pub fn feature(snapshot: &Snapshot, question: &Question, told: &Told, row: RowRef<'_>) -> Response {
    written(one(snapshot, question, told, row), question.form.row().media_type)
}

/// One feature for the page that people get: with its box in degrees.
pub fn card(snapshot: &Snapshot, question: Question, told: &Told, row: RowRef<'_>) -> Value {
    let question = Question { crs: Crs::crs84(), ..question };
    serde_json::from_slice(&one(snapshot, &question, told, row)).unwrap_or_default()
}

fn one(snapshot: &Snapshot, question: &Question, told: &Told, row: RowRef<'_>) -> Vec<u8> {
    let kind = question.form.row().media_type;
    let mut out = Vec::with_capacity(1024);
    writer(snapshot, question, told.scope).write(&mut out, row);
    // Its last brace makes room for the links.
    out.pop();
    let path = format!("/items/{}", row.id());
    let mut links = vec![told.link(&path, &told.query, "self", kind)];
    links.extend(told.alternates(&path, &form::WORDS_OF_ONE, question.form));
    links.push(told.link("", "f=json", "collection", "application/json"));
    links.extend(profile_link(question));
    let mut rest = json!({"links": links, "version": row.base.version(row.row), "seq": told.seq});
    if question.form == Form::JsonFg
        && let (Value::Object(rest), Value::Object(members)) = (&mut rest, jsonfg(snapshot, question, told))
    {
        rest.extend(members);
    }
    out.push(b',');
    write_members(&mut out, &rest);
    out.push(b'}');
    out
}

fn written(out: Vec<u8>, kind: &str) -> Response {
    let mut response = Response::new(Body::from(out));
    respond::set(&mut response, header::CONTENT_TYPE, kind);
    response
}

/// The members of an object, without its braces.
fn write_members(out: &mut Vec<u8>, members: &impl Serialize) {
    let begin = out.len();
    // What is written here is JSON, and writing to a vector cannot fail.
    let _ = serde_json::to_writer(&mut *out, members);
    out.pop();
    out.remove(begin);
}

/// What the root of a JSON-FG document says (JSON-FG 1, 8.2, 8.4 and 13).
fn jsonfg(snapshot: &Snapshot, question: &Question, told: &Told) -> Value {
    let mut members = json!({
        "conformsTo": JSONFG,
        "featureType": snapshot.definition().id,
        "featureSchema": format!("{}/collections/{}/schema", told.base, told.id),
    });
    if question.crs != Crs::crs84() {
        members["coordRefSys"] = json!(question.crs.uri());
    }
    members
}

/// JSON-FG names the profile that it follows (JSON-FG 1, clause 14).
fn profile_link(question: &Question) -> Option<Link> {
    let (name, _) = PROFILES.iter().find(|(_, profile)| *profile == question.profile)?;
    let link = Link { href: format!("{PROFILE}{name}"), rel: "profile", kind: None, title: None };
    (question.profile != Profile::Rfc7946).then_some(link)
}

/// Writes features as the question wants them.
pub fn writer<'a>(snapshot: &'a Snapshot, question: &Question, scope: Scope) -> FeatureWriter<'a> {
    let mut writer = snapshot.writer(scope).in_crs(&question.crs).with_profile(question.profile);
    if let Some(fields) = &question.fields {
        writer = writer.only(fields);
    }
    if question.skip_geometry { writer.without_geometry() } else { writer }
}

/// A query without some of its parameters.
fn without(query: &str, names: &[&str]) -> String {
    let kept = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| !names.contains(&&**name));
    form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish()
}

/// The same question from a place on.
fn with_cursor(query: &str, cursor: &Cursor) -> String {
    let mut values: Vec<Value> = cursor.values.iter().map(|value| json!(value)).collect();
    values.push(json!(cursor.id));
    let others = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "cursor");
    let mut next = form_urlencoded::Serializer::new(String::new());
    next.extend_pairs(others);
    next.append_pair("cursor", &Value::Array(values).to_string());
    next.finish()
}
