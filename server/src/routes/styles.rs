//! `/styles`, `/fonts` and `/sprites`: what a map needs beside its tiles (OGC API Styles; `MapLibre`).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use bricola_layers::definition::LayerDefinition;
use bytes::Bytes;
use http::{HeaderMap, header};
use serde_json::{Value, json};

use super::respond::{self, Format};
use super::{parameters, select};
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::pages::{self, Asked};
use crate::params::Params;
use crate::services::styles::{StyleError, compose, summaries};
use crate::wired::schema::{formatted, pattern, reference, text};
use crate::wired::{Operation, Parameter, Words};

/// Glyphs and icons change with the binary only.
const KEPT_A_DAY: &str = "public, max-age=86400";

/// `GET /styles`: the styles that the visible layers make.
pub async fn list(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Answer {
    let params = Params::read(query.as_deref(), &["f", "lang"])?;
    let format = respond::format(&params, &headers)?;
    let language = respond::language(&params, &headers)?;
    let base = respond::base_url(&app.config, &headers);
    let definitions = definitions(&app);
    let styles: Vec<Value> = summaries(&present(&definitions))
        .into_iter()
        .map(|style| {
            let href = format!("{base}/styles/{}", style.id);
            json!({
                "id": style.id,
                "title": language.of(&style.title),
                "links": [{"href": href, "rel": "stylesheet", "type": "application/vnd.mapbox.style+json"}],
            })
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
    params.one_of("f", &[("json", ()), ("mapbox", ())])?;
    let id = id.strip_suffix(".json").unwrap_or(&id);
    let base = respond::base_url(&app.config, &headers);
    let definitions = definitions(&app);
    let style = compose(&present(&definitions), &base, id).map_err(problem)?;
    let mut response = respond::json(&style);
    respond::set(&mut response, header::VARY, "host, x-forwarded-host");
    Ok(response)
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

/// Of [`list`].
pub fn about_list() -> Operation {
    let about =
        Words("Gli stili: la carta della città e uno per strato.", "The styles: the city map and one for each layer.");
    Operation::get("styles", "maps", Words("Gli stili", "The styles"), about)
        .takes([parameters::form(["json", "html"]), parameters::lang()])
        .gives(
            about,
            [("application/json", reference("Styles")), ("text/html", text())],
            &["Cache-Control", "Content-Language"],
        )
        .fails([Kind::NotAcceptable])
}

/// Of [`one`].
pub fn about_one() -> Operation {
    let about =
        Words("Uno stile MapLibre, anche con .json alla fine.", "A MapLibre style, also with .json at the end.");
    Operation::get("style", "maps", Words("Uno stile", "A style"), about)
        .takes([
            Parameter::path(
                "styleId",
                Words("Lo stile: city o uno strato", "The style: city or a layer"),
                text(),
                "city",
            ),
            parameters::form(["json", "mapbox"]),
        ])
        .gives(about, [("application/json", reference("Style"))], &["Cache-Control"])
        .fails([Kind::UnknownStyle])
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
