//! `/collections/{id}/schema`, `/queryables`, `/sortables`: what features hold, and by what they may be asked for
//! (OGC API Features 5, which is Common 3, clauses 7 to 12; Features 3, clause 6; JSON Schema 2020-12).

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use bricola_layers::definition::{FieldDefinition, FieldType, GeometryType, LayerDefinition};
use http::{HeaderMap, header};
use serde_json::{Map, Value, json};

use super::parameters;
use super::respond::{self, Format, Language};
use super::select;
use crate::app::App;
use crate::error::{Answer, Kind};
use crate::pages::{self, Asked};
use crate::params::Params;
use crate::wired::schema::{reference, text};
use crate::wired::{Operation, Words};

const SCHEMA: &str = "https://json-schema.org/draft/2020-12/schema";
const MEDIA_TYPE: &str = "application/schema+json";

/// What these three are needed for; the last four are the names that drafts had for them.
pub const CLASSES: &[&str] = &[
    "http://www.opengis.net/spec/ogcapi-common-3/1.0/conf/schemas",
    "http://www.opengis.net/spec/ogcapi-common-3/1.0/conf/advanced-property-roles",
    "http://www.opengis.net/spec/ogcapi-common-3/1.0/conf/returnables-and-receivables",
    "http://www.opengis.net/spec/ogcapi-common-3/1.0/conf/queryables",
    "http://www.opengis.net/spec/ogcapi-common-3/1.0/conf/sortables",
    "http://www.opengis.net/spec/ogcapi-features-5/1.0/conf/schemas",
    "http://www.opengis.net/spec/ogcapi-features-5/1.0/conf/core-roles-features",
    "http://www.opengis.net/spec/ogcapi-features-5/1.0/conf/queryables",
    "http://www.opengis.net/spec/ogcapi-features-5/1.0/conf/sortables",
];

/// Of [`schema`].
pub fn about_schema() -> Operation {
    about(What::Schema)
}

/// Of [`queryables`].
pub fn about_queryables() -> Operation {
    about(What::Queryables)
}

/// Of [`sortables`].
pub fn about_sortables() -> Operation {
    about(What::Sortables)
}

fn about(what: What) -> Operation {
    let about = Words(
        "Uno schema JSON (2020-12) dei campi dello strato.",
        "A JSON Schema (2020-12) of the fields of the layer.",
    );
    Operation::get(what.word(), "features", what.title(), about)
        .takes([parameters::collection(), parameters::form(["json", "html"]), parameters::lang()])
        .gives(
            about,
            [(MEDIA_TYPE, reference("JsonSchema")), ("text/html", text())],
            &["Cache-Control", "Content-Language"],
        )
        .fails([Kind::UnknownLayer, Kind::LayerUnreadable, Kind::NotAcceptable])
}

/// Which of the three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Schema,
    Queryables,
    Sortables,
}

impl What {
    /// The end of its path.
    const fn word(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::Queryables => "queryables",
            Self::Sortables => "sortables",
        }
    }

    const fn title(self) -> Words {
        match self {
            Self::Schema => Words("Che cosa contiene un oggetto", "What a feature holds"),
            Self::Queryables => Words("Che cosa può nominare un filtro", "What a filter may name"),
            Self::Sortables => Words("Per che cosa si può ordinare", "By what features may be sorted"),
        }
    }
}

/// `GET /collections/{id}/schema`: what a feature holds.
pub async fn schema(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    answer(&app, &id, query.as_deref(), &headers, What::Schema)
}

/// `GET /collections/{id}/queryables`: what a filter may name.
pub async fn queryables(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    answer(&app, &id, query.as_deref(), &headers, What::Queryables)
}

/// `GET /collections/{id}/sortables`: by what features may be sorted.
pub async fn sortables(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    answer(&app, &id, query.as_deref(), &headers, What::Sortables)
}

fn answer(app: &App, id: &str, query: Option<&str>, headers: &HeaderMap, what: What) -> Answer {
    let params = Params::read(query, &["f", "lang"])?;
    let format = respond::format_of(&params, headers, MEDIA_TYPE)?;
    let language = respond::language(&params, headers)?;
    let layer = select::one(app, id)?;
    let definition = layer.definition();
    let base = respond::base_url(&app.config, headers);
    let document = describe(app, &definition, &base, language, what);
    if format == Format::Html {
        let path = format!("collections/{id}/{}", what.word());
        let asked = Asked::new(app, language, &base, &path, query);
        return Ok(pages::send(&asked, &pages::fields(&asked, &document, id, what.title().of(language))));
    }
    let mut response = respond::json(&document);
    respond::set(&mut response, header::CONTENT_TYPE, MEDIA_TYPE);
    respond::set(&mut response, header::CONTENT_LANGUAGE, language.tag());
    respond::set(&mut response, header::VARY, "accept, accept-language, host, x-forwarded-host");
    Ok(response)
}

fn describe(app: &App, definition: &LayerDefinition, base: &str, language: Language, what: What) -> Value {
    let mut properties = Map::new();
    let id = json!({"title": "id", "type": "integer", "format": "int64", "x-ogc-role": "id", "readOnly": true});
    properties.insert("id".into(), id);
    if what != What::Sortables {
        let title = if language == Language::Italian { "geometria" } else { "geometry" };
        let geometry = json!({
            "title": title, "format": geometry_format(definition.geometry), "x-ogc-role": "primary-geometry",
        });
        properties.insert("geometry".into(), geometry);
    }
    for (position, (_, field)) in app.scope.fields(definition).enumerate() {
        let mut described = describe_field(field, language);
        if what == What::Schema {
            described.insert("x-ogc-propertySeq".into(), json!(position + 1));
        }
        properties.insert(field.name.clone(), Value::Object(described));
    }
    json!({
        "$schema": SCHEMA,
        "$id": format!("{base}/collections/{}/{}", definition.id, what.word()),
        "type": "object",
        "title": language.of(&definition.title),
        "description": language.of(&definition.description),
        "properties": properties,
        "additionalProperties": false,
    })
}

/// A field as JSON Schema has it.
pub fn describe_field(field: &FieldDefinition, language: Language) -> Map<String, Value> {
    let (kind, format) = match field.kind {
        FieldType::Text => ("string", None),
        FieldType::Integer => ("integer", Some("int64")),
        FieldType::Real => ("number", Some("double")),
        FieldType::Boolean => ("boolean", None),
        FieldType::Date => ("string", Some("date")),
        FieldType::DateTime => ("string", Some("date-time")),
    };
    let mut json = Map::new();
    json.insert("title".into(), json!(language.of(&field.title)));
    json.insert("type".into(), json!(kind));
    if let Some(format) = format {
        json.insert("format".into(), json!(format));
    }
    if field.bound.is_some() {
        json.insert("readOnly".into(), json!(true));
    }
    if let Some(unit) = &field.unit {
        json.insert("x-ogc-unit".into(), json!(unit));
    }
    match field.name.as_str() {
        "valid_from" => json.insert("x-ogc-role".into(), json!("primary-interval-start")),
        "valid_to" => json.insert("x-ogc-role".into(), json!("primary-interval-end")),
        _ => None,
    };
    if !field.values.is_empty() {
        // Codes that are not in the list are taken too: it says what they mean, not which there may be.
        let values = field.values.iter().map(|value| json!({"const": value.code, "title": language.of(&value.title)}));
        let any = json!({"type": kind});
        json.insert("anyOf".into(), values.chain(std::iter::once(any)).collect());
    }
    json
}

fn geometry_format(geometry: GeometryType) -> &'static str {
    match geometry {
        GeometryType::Point => "geometry-point",
        GeometryType::MultiPoint => "geometry-multipoint",
        GeometryType::LineString => "geometry-linestring",
        GeometryType::MultiLineString => "geometry-multilinestring",
        GeometryType::Polygon => "geometry-polygon",
        GeometryType::MultiPolygon => "geometry-multipolygon",
        GeometryType::Geometry => "geometry-any",
    }
}
