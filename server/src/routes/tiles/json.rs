//! `TileJSON`, as `MapLibre` reads it.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use bricola_layers::definition::{FieldDefinition, FieldType, LayerDefinition};
use bricola_layers::tile::{LABEL_SUFFIX, Part};
use http::{HeaderMap, header};
use serde_json::{Value, json};

use super::{is_matrix_set, sets};
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::params::Params;
use crate::routes::respond::{self, Language};
use crate::routes::select;

/// `GET /tiles/{layers}.json`: `TileJSON` 3.0.0; and `GET /tiles/{tileMatrixSetId}`, told apart by the first letter.
pub async fn tile_json(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    if is_matrix_set(&name) {
        return sets::of_dataset(&app, &name, query.as_deref(), &headers);
    }
    let params = Params::read(query.as_deref(), &["lang"])?;
    let language = respond::language(&params, &headers)?;
    let Some(set) = name.strip_suffix(".json") else {
        let shown = crate::error::clipped(&name);
        let detail = format!("TileJSON is at /tiles/{shown}.json, tiles are at /tiles/{shown}/{{z}}/{{x}}/{{y}}.");
        return Err(Problem::new(Kind::UnknownPath, detail));
    };
    let (layers, parts) = select::drawn(&app, set)?;
    let base = respond::base_url(&app.config, &headers);
    let parts: Vec<_> =
        layers.iter().zip(parts).map(|(layer, part)| (layer.definition(), part, layer.extent_lonlat())).collect();
    let mut response = respond::json(&describe(&app, set, &base, &parts, language));
    respond::set(&mut response, header::CONTENT_LANGUAGE, language.tag());
    respond::set(&mut response, header::VARY, "accept-language, host, x-forwarded-host");
    Ok(response)
}

type Described = (Arc<LayerDefinition>, Part, Option<[f64; 4]>);

fn describe(app: &App, set: &str, base: &str, parts: &[Described], language: Language) -> Value {
    let definitions = || parts.iter().map(|(definition, ..)| &**definition);
    let text = |pick: fn(&LayerDefinition) -> &bricola_layers::definition::Text, separator: &str| {
        let mut texts: Vec<&str> = definitions().map(|definition| language.of(pick(definition))).collect();
        texts.dedup();
        texts.join(separator)
    };
    let min = definitions().map(|definition| definition.zoom.min).min().unwrap_or_default();
    let max = definitions().map(|definition| definition.zoom.max).max().unwrap_or_default();
    let mut attributions: Vec<&str> =
        definitions().filter_map(|definition| definition.attribution.as_deref()).collect();
    attributions.dedup();
    let extents = parts.iter().filter_map(|(.., extent)| *extent);
    let bounds = extents.reduce(select::union).or(app.config.tenant.envelope);
    let mut json = json!({
        "tilejson": "3.0.0",
        "name": text(|definition| &definition.title, ", "),
        "description": text(|definition| &definition.description, " "),
        "version": "1.0.0",
        "scheme": "xyz",
        "tiles": [format!("{base}/tiles/{set}/{{z}}/{{x}}/{{y}}")],
        "minzoom": min,
        "maxzoom": max,
        "vector_layers": parts.iter().map(|(definition, part, _)| vector_layer(definition, *part, language)).collect::<Vec<_>>(),
    });
    if let Some([west, south, east, north]) = bounds {
        json["bounds"] = json!([west, south, east, north]);
        json["center"] = json!([f64::midpoint(west, east), f64::midpoint(south, north), min.midpoint(max)]);
    }
    if !attributions.is_empty() {
        json["attribution"] = json!(attributions.join(" | "));
    }
    json
}

fn vector_layer(definition: &LayerDefinition, part: Part, language: Language) -> Value {
    let kind = |(_, field): (usize, &FieldDefinition)| {
        let kind = match field.kind {
            FieldType::Integer | FieldType::Real => "Number",
            FieldType::Boolean => "Boolean",
            FieldType::Text | FieldType::Date | FieldType::DateTime => "String",
        };
        (field.name.clone(), json!(kind))
    };
    let (suffix, fields): (_, serde_json::Map<String, Value>) = match part {
        Part::Features => ("", definition.tile_fields().map(kind).collect()),
        Part::Labels => (LABEL_SUFFIX, definition.label_point_fields().map(kind).collect()),
    };
    json!({
        "id": format!("{}{suffix}", definition.id),
        "description": language.of(&definition.title),
        "minzoom": definition.zoom.min,
        "maxzoom": definition.zoom.max,
        "fields": fields,
    })
}
