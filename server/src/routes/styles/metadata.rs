//! `/styles/{id}/metadata`: what a style is about (OGC API Styles, Core).

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use bricola_layers::definition::LayerDefinition;
use bricola_layers::tile::LABEL_SUFFIX;
use http::{HeaderMap, header};
use serde_json::{Value, json};

use super::{MEDIA_TYPE, definitions, given, links, present, title_of};
use crate::app::App;
use crate::error::Answer;
use crate::params::Params;
use crate::routes::respond::{self, Language};

/// Where the specification of the encoding is.
const SPECIFICATION: &str = "https://maplibre.org/maplibre-style-spec/";

/// `GET /styles/{styleId}/metadata`.
pub async fn get(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    let params = Params::read(query.as_deref(), &["f", "lang"])?;
    params.one_of("f", &[("json", ())])?;
    let language = respond::language(&params, &headers)?;
    let base = respond::base_url(&app.config, &headers);
    let definitions = definitions(&app);
    let present = present(&definitions);
    let given = given(&app, &present, &base, &id)?;
    let style = &given.document;
    let of = |name: &str| style["metadata"].get(format!("bricola:{name}"));
    let text = |name: &str| match of(name) {
        Some(Value::String(text)) => Some(text.as_str()),
        Some(texts) => texts[language.tag()].as_str(),
        None => None,
    };
    let own = present.iter().find(|definition| definition.id == id);
    let title = text("title").map_or_else(|| title_of(&app, &present, &id, language), str::to_owned);
    let description = text("description").or_else(|| own.map(|definition| language.of(&definition.description)));
    let names = drawn(style);
    let layers: Vec<Value> = names.iter().filter_map(|name| layer(&present, name, &base, language)).collect();
    let mut keywords: Vec<&str> =
        of("keywords").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    if keywords.is_empty() {
        keywords = layers.iter().filter_map(|layer| layer["title"].as_str()).collect();
    }
    let mut document = json!({
        "id": id, "title": title, "scope": "style", "keywords": keywords, "version": "8",
        "stylesheets": [{
            "title": title, "version": "8", "specification": SPECIFICATION, "native": true,
            "link": {"href": format!("{base}/styles/{id}"), "rel": "stylesheet", "type": MEDIA_TYPE},
        }],
        "layers": layers,
        "links": links(&base, &id, true),
    });
    if let Some(description) = description {
        document["description"] = description.into();
    }
    if let Some(stored) = &given.stored {
        document["updated"] = stored.changed.as_str().into();
    }
    let mut response = respond::json(&document);
    respond::set(&mut response, header::CONTENT_LANGUAGE, language.tag());
    respond::set(&mut response, header::VARY, "accept-language, host, x-forwarded-host");
    Ok(response)
}

/// The layers that a style draws.
pub fn drawn(style: &Value) -> BTreeSet<String> {
    let layers = style["layers"].as_array().into_iter().flatten();
    let names = layers.filter_map(|layer| layer["source-layer"].as_str());
    names.map(|name| name.strip_suffix(LABEL_SUFFIX).unwrap_or(name).to_owned()).collect()
}

fn layer(present: &[&LayerDefinition], name: &str, base: &str, language: Language) -> Option<Value> {
    let definition = present.iter().find(|definition| definition.id == name)?;
    let kind = match definition.geometry.dimension() {
        Some(0) => "point",
        Some(1) => "line",
        Some(2) => "polygon",
        _ => "geometry",
    };
    let attributes: Vec<Value> = definition
        .tile_fields()
        .map(|(_, field)| json!({"id": field.name, "title": language.of(&field.title), "type": field.kind}))
        .collect();
    let href = format!("{base}/collections/{name}/items");
    Some(json!({
        "id": name, "title": language.of(&definition.title), "type": kind, "attributes": attributes,
        "sampleData": {"href": href, "rel": "start", "type": "application/geo+json"},
    }))
}
