//! `/styles`, `/fonts` and `/sprites`: what a map needs beside its tiles (OGC API Styles; `MapLibre`).

mod about;
pub mod edit;
pub mod map;
pub mod metadata;

use std::fmt::Write as _;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use bricola_layers::definition::LayerDefinition;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::respond::{self, Format};
use super::select;
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::pages::{self, Asked};
use crate::params::Params;
use crate::services::styles::StyleError;
use crate::services::styles::kept::{self, Given, listed};
use crate::wired::schema::{formatted, pattern, reference, text};
use crate::wired::{Operation, Parameter, Words};

pub use about::{
    CLASSES, about_create, about_list, about_metadata, about_one, about_remove, about_replace, about_thumbnail,
};

/// Media type of a `MapLibre` style.
const MEDIA_TYPE: &str = "application/vnd.mapbox.style+json";
/// Glyphs and icons change with the binary only.
const KEPT_A_DAY: &str = "public, max-age=86400";

/// `GET /styles`: the styles that the visible layers make, and those that are kept.
pub async fn list(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Answer {
    let params = Params::read(query.as_deref(), &["f", "lang"])?;
    let format = respond::format(&params, &headers)?;
    let language = respond::language(&params, &headers)?;
    let base = respond::base_url(&app.config, &headers);
    let definitions = definitions(&app);
    let all = listed(&app.territory.styles(), &present(&definitions));
    let styles: Vec<Value> = all
        .into_iter()
        .map(|style| {
            json!({"id": style.id, "title": language.of(&style.title), "links": links(&base, &style.id, false)})
        })
        .collect();
    let document = json!({"default": "city", "styles": styles});
    if format == Format::Html {
        let asked = Asked::new(&app, language, &base, "styles", query.as_deref());
        return Ok(pages::send(&asked, &pages::styles(&asked, &document)));
    }
    let mut response = respond::json(&document);
    respond::set(&mut response, header::CONTENT_LANGUAGE, language.tag());
    respond::set(&mut response, header::VARY, "accept, accept-language, host, x-forwarded-host");
    Ok(response)
}

/// `GET /styles/{id}`, with `.json` at the end if the client likes it so: a `MapLibre` style.
pub async fn one(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    let params = Params::read(query.as_deref(), &["f"])?;
    let asked = params.one_of("f", &[("json", "application/json"), ("mapbox", MEDIA_TYPE)])?;
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = asked.unwrap_or(if accepted.contains(MEDIA_TYPE) { MEDIA_TYPE } else { "application/json" });
    let id = id.strip_suffix(".json").unwrap_or(&id);
    let base = respond::base_url(&app.config, &headers);
    let definitions = definitions(&app);
    let style = given(&app, &present(&definitions), &base, id)?.document.to_string();
    let etag = tag(&style);
    let mut response =
        if respond::matches(&headers, &etag) { not_modified() } else { Response::new(Body::from(style)) };
    if response.status() == StatusCode::OK {
        respond::set(&mut response, header::CONTENT_TYPE, media_type);
    }
    respond::set(&mut response, header::CACHE_CONTROL, "no-cache");
    respond::set(&mut response, header::ETAG, &etag);
    respond::set(&mut response, header::VARY, "accept, host, x-forwarded-host");
    Ok(response)
}

fn not_modified() -> Response {
    StatusCode::NOT_MODIFIED.into_response()
}

/// A style, kept or made of the layers.
fn given(app: &App, present: &[&LayerDefinition], base: &str, id: &str) -> Result<Given, Problem> {
    kept::given(&app.territory.styles(), present, base, id).map_err(problem)
}

/// What tells a style from every other: a hash of its bytes.
fn tag(style: &str) -> String {
    let hash = Sha256::digest(style.as_bytes());
    let hex = hash.iter().take(16).fold(String::with_capacity(34), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    format!("\"{hex}\"")
}

/// Where the style, its metadata and its picture are.
fn links(base: &str, id: &str, is_metadata: bool) -> Value {
    let style = format!("{base}/styles/{id}");
    json!([
        {"href": style, "rel": "stylesheet", "type": MEDIA_TYPE},
        {
            "href": format!("{style}/metadata"), "rel": if is_metadata { "self" } else { "describedby" },
            "type": "application/json",
        },
        {"href": format!("{style}/thumbnail"), "rel": "preview", "type": "image/png"},
    ])
}

/// The title of a style, in a language.
fn title_of(app: &App, present: &[&LayerDefinition], id: &str, language: respond::Language) -> String {
    let found = listed(&app.territory.styles(), present).into_iter().find(|style| style.id == id);
    found.map_or_else(|| id.to_owned(), |style| language.of(&style.title).to_owned())
}

/// `GET /fonts/{stack}/{range}`: signed distance fields of 256 characters, as `0-255.pbf`.
pub async fn glyphs(
    State(app): State<Arc<App>>,
    Path((stack, range)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Answer {
    Params::read(query.as_deref(), &[])?;
    let range = range.strip_suffix(".pbf").unwrap_or(&range).to_owned();
    let shared = Arc::clone(&app);
    // The first request for a range draws its glyphs.
    let drawn = tokio::task::spawn_blocking(move || shared.glyphs.range(&stack, &range));
    let bytes = drawn.await.map_err(Problem::internal)?.map_err(problem)?;
    Ok(asset(bytes, "application/x-protobuf"))
}

/// `GET /sprites/{file}`: `city.json`, `city.png`, and `@2x` of both.
pub async fn sprite(State(app): State<Arc<App>>, Path(file): Path<String>, RawQuery(query): RawQuery) -> Answer {
    Params::read(query.as_deref(), &[])?;
    let shared = Arc::clone(&app);
    let drawn = tokio::task::spawn_blocking(move || shared.sprites.file(&file));
    let file = drawn.await.map_err(Problem::internal)?.map_err(problem)?;
    Ok(asset(file.bytes, file.media_type))
}

/// Of [`glyphs`].
pub fn about_glyphs() -> Operation {
    let about = Words(
        "256 caratteri di un tipo, come campi di distanza.",
        "256 characters of a font, as signed distance fields.",
    );
    let stack = Words("Il tipo di carattere", "The font");
    Operation::get("glyphs", "maps", Words("Caratteri", "Glyphs"), about)
        .takes([
            Parameter::path("stack", stack, text(), "Titillium Web Regular"),
            Parameter::path("range", Words("Quali", "Which"), pattern(r"^[0-9]+-[0-9]+(\.pbf)?$"), "0-255.pbf"),
        ])
        .gives(about, [("application/x-protobuf", formatted("binary"))], &["Cache-Control"])
        .fails([Kind::UnknownAsset])
}

/// Of [`sprite`].
pub fn about_sprite() -> Operation {
    let about = Words(
        "I simboli della carta: city.json, city.png, e @2x di entrambi.",
        "The icons of the map: city.json, city.png, and @2x of both.",
    );
    Operation::get("sprite", "maps", Words("Simboli", "Icons"), about)
        .takes([Parameter::path("file", Words("Il file", "The file"), text(), "city.json")])
        .gives(
            about,
            [("application/json", reference("SpriteIndex")), ("image/png", formatted("binary"))],
            &["Cache-Control"],
        )
        .fails([Kind::UnknownAsset])
}

fn definitions(app: &App) -> Vec<Arc<LayerDefinition>> {
    select::visible(app).map(|(_, definition)| definition).collect()
}

fn present(definitions: &[Arc<LayerDefinition>]) -> Vec<&LayerDefinition> {
    definitions.iter().map(|definition| &**definition).collect()
}

fn asset(bytes: Bytes, media_type: &str) -> Response {
    let mut response = Response::new(Body::from(bytes));
    respond::set(&mut response, header::CONTENT_TYPE, media_type);
    respond::set(&mut response, header::CACHE_CONTROL, KEPT_A_DAY);
    response
}

fn problem(error: StyleError) -> Problem {
    let detail = error.to_string();
    match error {
        StyleError::UnknownStyle { id, available } => {
            Problem::new(Kind::UnknownStyle, detail).with("value", id).with("allowed", available)
        }
        StyleError::UnknownFont { stack, available } => {
            Problem::new(Kind::UnknownAsset, detail).with("value", stack).with("allowed", available)
        }
        StyleError::UnknownSprite { name, available } => {
            Problem::new(Kind::UnknownAsset, detail).with("value", name).with("allowed", available)
        }
        StyleError::BadGlyphRange { range, .. } => {
            Problem::new(Kind::InvalidParameter, detail).with("parameter", "range").with("value", range)
        }
        StyleError::Sprites { reason } => Problem::internal(reason),
    }
}
