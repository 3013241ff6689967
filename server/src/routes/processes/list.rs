//! `/processes` and `/processes/{processId}` (OGC API Processes 1, 7.9 and 7.10).

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use http::{HeaderMap, header};
use serde_json::{Map, Value, json};

use super::{Input, Output, PROCESSES, Process, known};
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::pages;
use crate::params::Params;
use crate::routes::respond::{self, Format, Language};

/// `GET /processes`.
pub async fn list(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Answer {
    let params = Params::read(query.as_deref(), &["limit", "f", "lang"])?;
    let limit = params.whole("limit", 1..=1_000)?.unwrap_or(1_000) as usize;
    let (language, base) = (respond::language(&params, &headers)?, respond::base_url(&app.config, &headers));
    let processes: Vec<Value> = PROCESSES.iter().take(limit).map(|process| summary(process, &base, language)).collect();
    let document = json!({
        "processes": processes,
        "links": [link(&base, "/processes", "self", "application/json"), link(&base, "/processes?f=html", "alternate", "text/html")],
    });
    answer(&app, (&params, query.as_deref()), &headers, "processes", &document, pages::desk::processes)
}

/// `GET /processes/{processId}`.
pub async fn one(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    let params = Params::read(query.as_deref(), &["f", "lang"])?;
    let (language, base) = (respond::language(&params, &headers)?, respond::base_url(&app.config, &headers));
    let process = named(&id)?;
    let mut document = summary(process, &base, language);
    let inputs = (process.inputs)().into_iter().map(|it| (it.name.to_owned(), input(it, language)));
    document["inputs"] = Value::Object(inputs.collect());
    let outputs = process.outputs.iter().map(|it| (it.name.to_owned(), output(it, language)));
    document["outputs"] = Value::Object(outputs.collect());
    let path = format!("processes/{id}");
    answer(&app, (&params, query.as_deref()), &headers, &path, &document, pages::desk::process)
}

/// The process of this name.
///
/// # Errors
/// When there is none.
pub fn named(id: &str) -> Result<&'static Process, Problem> {
    known(id).ok_or_else(|| {
        let shown = crate::error::clipped(id);
        let all: Vec<&str> = PROCESSES.iter().map(|process| process.id).collect();
        Problem::new(Kind::UnknownProcess, format!("There is no process \"{shown}\"; /processes lists them."))
            .with("value", &*shown)
            .with("allowed", all)
    })
}

fn answer(
    app: &App,
    (params, query): (&Params<'_>, Option<&str>),
    headers: &HeaderMap,
    path: &str,
    document: &Value,
    page: fn(&pages::Asked<'_>, &Value) -> pages::Content,
) -> Answer {
    let language = respond::language(params, headers)?;
    if respond::format(params, headers)? == Format::Html {
        let base = respond::base_url(&app.config, headers);
        let asked = pages::Asked::new(app, language, &base, path, query);
        return Ok(pages::send(&asked, &page(&asked, document)));
    }
    let mut response = respond::json(document);
    respond::set(&mut response, header::CONTENT_LANGUAGE, language.tag());
    respond::set(&mut response, header::VARY, "accept, accept-language, host, x-forwarded-host");
    Ok(response)
}

fn summary(process: &Process, base: &str, language: Language) -> Value {
    let (id, path) = (process.id, process.path);
    json!({
        "id": id,
        "version": process.version,
        "title": process.title.of(language),
        "description": process.about.of(language),
        "jobControlOptions": ["sync-execute", "async-execute", "dismiss"],
        "outputTransmission": ["value"],
        "links": [
            link(base, &format!("/processes/{id}"), "self", "application/json"),
            link(base, &format!("/processes/{id}?f=html"), "alternate", "text/html"),
            link(base, &format!("/processes/{id}/execution"), "http://www.opengis.net/def/rel/ogc/1.0/execute", "application/json"),
            link(base, &format!("{path}?f=html"), "related", "text/html"),
        ],
    })
}

fn input(input: Input, language: Language) -> Value {
    json!({
        "title": input.about.of(language),
        "minOccurs": i32::from(input.needed),
        "maxOccurs": 1,
        "schema": if input.schema.get("$ref").is_some() { geometry() } else { input.schema },
    })
}

/// A geometry as it stands in a description that has to stand for itself: GeoJSON, or WKT.
fn geometry() -> Value {
    json!({"oneOf": [
        {"type": "object", "format": "geojson-geometry", "contentMediaType": "application/geo+json"},
        {"type": "string", "contentMediaType": "text/plain"},
    ]})
}

fn output(output: &Output, language: Language) -> Value {
    let media_type = output.media_type.split(';').next().unwrap_or_default();
    let schema = match media_type {
        "application/json" => json!({"type": "object", "contentMediaType": media_type}),
        "text/html" => json!({"type": "string", "contentMediaType": media_type}),
        _ => json!({"type": "string", "contentEncoding": "base64", "contentMediaType": media_type}),
    };
    json!({"title": output.about.of(language), "schema": schema})
}

/// A link.
pub fn link(base: &str, path: &str, rel: &str, media_type: &str) -> Value {
    let mut link = Map::new();
    link.insert("href".into(), format!("{base}{path}").into());
    link.insert("rel".into(), rel.into());
    link.insert("type".into(), media_type.into());
    Value::Object(link)
}
