//! `/collections`: what layers there are (OGC API Features 1, 7.13 and 7.14), and what an application needs to
//! draw and name them.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use bricola_layers::cache::{Layer, RowAt};
use bricola_layers::definition::{FieldDefinition, LayerDefinition, Theme};
use http::{HeaderMap, header};
use serde_json::{Map, Value, json};

use super::respond::{self, Format, Language};
use super::when::When;
use super::{parameters, select, tiles};
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::pages::{self, Asked, Content};
use crate::params::Params;
use crate::services::features::Wanted;
use crate::wired::schema::{reference, text};
use crate::wired::{Operation, Words};

const SCHEMA: &str = "application/schema+json";
const QUERYABLES: &str = "http://www.opengis.net/def/rel/ogc/1.0/queryables";
const JSONFG_PROFILE: &str = "http://www.opengis.net/def/profile/OGC/0/jsonfg";
const CRS84: &str = "http://www.opengis.net/def/crs/OGC/1.3/CRS84";

/// What `/collections` is needed for.
pub const CLASSES: &[&str] = &["http://www.opengis.net/spec/ogcapi-common-2/1.0/conf/collections"];

const HEADERS: &[&str] = &["Bricola-Seq", "Cache-Control", "Content-Language"];

/// `GET /collections`.
pub async fn list(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Answer {
    let (format, language, base) = negotiate(&app, query.as_deref(), &headers)?;
    let layers: Vec<_> = select::visible(&app).collect();
    let bbox = select::envelope(&app);
    let collections: Vec<Value> =
        layers.iter().map(|(layer, definition)| describe(&app, layer, definition, &base, language)).collect();
    let seq = app.territory.seq();
    let links = [
        link(&base, "/collections?f=json", "self", "application/json", "collections"),
        link(&base, "/collections?f=html", "alternate", "text/html", "collections"),
    ];
    let document = json!({
        "collections": collections,
        "links": links,
        "seq": seq,
        "tenant": {"name": app.config.tenant.name, "bbox": bbox},
    });
    if format == Format::Html {
        let asked = Asked::new(&app, language, &base, "collections", query.as_deref());
        return Ok(page(&asked, &pages::collections(&asked, &document), seq));
    }
    Ok(answer(&document, language, seq))
}

/// Of [`list`].
pub fn about_list() -> Operation {
    let about = Words(
        "Gli strati, ciascuno con campi, estensione e collegamenti.",
        "The layers, each with fields, extent and links.",
    );
    Operation::get("collections", "features", Words("Gli strati", "The layers"), about)
        .takes([parameters::form(["json", "html"]), parameters::lang()])
        .gives(about, [("application/json", reference("Collections")), ("text/html", text())], HEADERS)
        .fails([Kind::NotAcceptable])
}

/// Of [`one`].
pub fn about_one() -> Operation {
    let about = Words("Uno strato, con campi, estensione e collegamenti.", "A layer, with fields, extent and links.");
    Operation::get("collection", "features", Words("Uno strato", "A layer"), about)
        .takes([parameters::collection(), parameters::form(["json", "html"]), parameters::lang()])
        .gives(about, [("application/json", reference("Collection")), ("text/html", text())], HEADERS)
        .fails([
            Kind::UnknownLayer,
            Kind::LayerUnreadable,
            Kind::NotAcceptable,
            Kind::StoreUnavailable,
            Kind::TooCostly,
        ])
}

/// `GET /collections/{collectionId}`.
pub async fn one(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    let (format, language, base) = negotiate(&app, query.as_deref(), &headers)?;
    let layer = select::one(&app, &id)?;
    let definition = layer.definition();
    let seq = layer.seq().unwrap_or_else(|| app.territory.seq());
    let document = describe(&app, &layer, &definition, &base, language);
    if format == Format::Html {
        let path = format!("collections/{id}");
        let asked = Asked::new(&app, language, &base, &path, query.as_deref());
        let sample = sample(&app, &layer).await?;
        return Ok(page(&asked, &pages::collection(&asked, &document, &sample), seq));
    }
    Ok(answer(&document, language, seq))
}

fn negotiate(app: &App, query: Option<&str>, headers: &HeaderMap) -> Result<(Format, Language, String), Problem> {
    let params = Params::read(query, &["f", "lang"])?;
    let format = respond::format(&params, headers)?;
    Ok((format, respond::language(&params, headers)?, respond::base_url(&app.config, headers)))
}

/// Some features of a layer as GeoJSON, to show what they are like.
async fn sample(app: &App, layer: &Arc<Layer>) -> Result<Vec<Value>, Problem> {
    const SHOWN: usize = 5;
    if !layer.is_ready() {
        return Ok(Vec::new());
    }
    let source = When::default().source(app, layer).await?;
    super::items::note(app, &source);
    let selection = Arc::default();
    let wanted = Wanted { selection: &selection, order: &[], after: None, limit: SHOWN };
    let (snapshot, page) = source.page(wanted).await.map_err(|error| Problem::unanswered(&error))?;
    let writer = snapshot.writer(app.scope);
    let feature = |at: &RowAt| {
        let mut out = Vec::new();
        writer.write(&mut out, snapshot.row_at(*at));
        serde_json::from_slice(&out).ok()
    };
    Ok(page.rows.iter().filter_map(feature).collect())
}

fn page(asked: &Asked<'_>, content: &Content, seq: i64) -> Response {
    let mut response = pages::send(asked, content);
    respond::set_seq(&mut response, seq);
    response
}

fn answer(body: &Value, language: Language, seq: i64) -> Response {
    let mut response = respond::json(body);
    respond::set(&mut response, header::CONTENT_LANGUAGE, language.tag());
    respond::set(&mut response, header::VARY, "accept, accept-language, host, x-forwarded-host");
    respond::set_seq(&mut response, seq);
    response
}

fn link(base: &str, path: &str, rel: &str, kind: &str, title: &str) -> Value {
    json!({"href": format!("{base}{path}"), "rel": rel, "type": kind, "title": title})
}

/// What programs are told of a layer.
pub(super) fn describe(
    app: &App,
    layer: &Layer,
    definition: &LayerDefinition,
    base: &str,
    language: Language,
) -> Value {
    let id = &definition.id;
    let storage = definition.crs.as_deref().unwrap_or(&app.config.tenant.crs);
    let storage = storage.strip_prefix("EPSG:").map(|code| format!("http://www.opengis.net/def/crs/EPSG/0/{code}"));
    let storage = storage.unwrap_or_else(|| CRS84.to_owned());
    let title = language.of(&definition.title);
    let mut json = json!({
        "id": id,
        "title": title,
        "description": language.of(&definition.description),
        "crs": super::items::crs_uris(definition),
        "storageCrs": storage,
        "itemType": "feature",
        "theme": definition.theme,
        "themeTitle": theme_title(definition.theme, language),
        "geometryType": definition.geometry,
        "label": definition.label,
        "key": definition.key,
        "minzoom": definition.zoom.min,
        "maxzoom": definition.zoom.max,
        "count": layer.count(),
        "ready": layer.is_ready(),
        "visibility": definition.visibility,
        "fields": app.scope.fields(definition).map(|(_, field)| describe_field(field, language)).collect::<Vec<_>>(),
        "links": [
            link(base, &format!("/collections/{id}?f=json"), "self", "application/json", title),
            link(base, &format!("/collections/{id}?f=html"), "alternate", "text/html", title),
            link(base, &format!("/collections/{id}/schema"), "http://www.opengis.net/def/rel/ogc/1.0/schema", SCHEMA, title),
            link(base, &format!("/collections/{id}/queryables"), QUERYABLES, SCHEMA, title),
            link(base, &format!("/collections/{id}/sortables"), "http://www.opengis.net/def/rel/ogc/1.0/sortables", SCHEMA, title),
            link(base, &format!("/collections/{id}/tiles?f=json"), tiles::TILESETS, "application/json", title),
            link(base, &format!("/tiles/{id}.json"), "describedby", "application/json", "TileJSON"),
            {
                "href": format!("{base}/tiles/{id}/{{z}}/{{x}}/{{y}}"), "rel": "item", "templated": true,
                "type": "application/vnd.mapbox-vector-tile", "title": title,
            },
        ],
    });
    if let Value::Array(links) = &mut json["links"] {
        let forms = super::items::FORMS.iter().map(|form| items_link(base, id, form));
        links.splice(2..2, forms);
    }
    if let Some(extent) = layer.extent_lonlat() {
        json["extent"] = json!({"spatial": {"bbox": [extent], "crs": CRS84}});
    }
    for (name, value) in
        [("attribution", &definition.attribution), ("licence", &definition.licence), ("contact", &definition.contact)]
    {
        if let Some(value) = value {
            json[name] = json!(value);
        }
    }
    json
}

/// Where the features are in a form.
fn items_link(base: &str, id: &str, form: &super::items::FormRow) -> Value {
    let mut link =
        link(base, &format!("/collections/{id}/items?f={}", form.word), "items", form.media_type, form.title);
    // Clients look for the one link with the media type of GeoJSON, which JSON-FG has too: the profile tells them apart.
    if form.is_profile() {
        link["type"] = json!(format!("{};profile=\"{JSONFG_PROFILE}\"", form.media_type));
    }
    link
}

fn describe_field(field: &FieldDefinition, language: Language) -> Value {
    let mut json = Map::new();
    json.insert("name".into(), json!(field.name));
    json.insert("type".into(), json!(field.kind));
    json.insert("title".into(), json!(language.of(&field.title)));
    if let Some(unit) = &field.unit {
        json.insert("unit".into(), json!(unit));
    }
    if !field.values.is_empty() {
        let values = field.values.iter().map(|value| json!({"code": value.code, "title": language.of(&value.title)}));
        json.insert("values".into(), values.collect());
    }
    Value::Object(json)
}

fn theme_title(theme: Theme, language: Language) -> &'static str {
    let (italian, english) = match theme {
        Theme::Boundaries => ("Confini e suddivisioni", "Boundaries and districts"),
        Theme::Cadastre => ("Catasto", "Cadastre"),
        Theme::Addresses => ("Strade e indirizzi", "Streets and addresses"),
        Theme::Planning => ("Urbanistica", "Planning"),
        Theme::Taxes => ("Tributi e occupazioni", "Taxes and occupations"),
        Theme::Mobility => ("Mobilità", "Mobility"),
        Theme::Services => ("Scuola e servizi sociali", "Schools and social services"),
        Theme::Green => ("Verde e spazi pubblici", "Green and public spaces"),
        Theme::Works => ("Lavori pubblici", "Public works"),
        Theme::Other => ("Altri dati", "Other data"),
    };
    if language == Language::Italian { italian } else { english }
}
