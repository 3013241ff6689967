//! `/tiles`: vector tiles by z/x/y, and `TileJSON`, under the URLs that users of Martin know.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use bricola_layers::cache::{Generation, Layer, Snapshot};
use bricola_layers::definition::{FieldDefinition, FieldType, LayerDefinition};
use bricola_layers::limits::MAX_ZOOM;
use bricola_layers::log::Seq;
use bricola_layers::tile::{LABEL_SUFFIX, Part, TileError, TileId};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::respond::{self, Language};
use super::when::{self, When};
use super::{parameters, select};
use crate::app::App;
use crate::encoding::Encoding;
use crate::error::{Answer, Kind, Problem};
use crate::params::Params;
use crate::services::tiles::{Finished, Request, generations, past_generations};
use crate::wired::schema::{between, formatted, reference, text};
use crate::wired::{Operation, Parameter, Words};

const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/vnd.mapbox-vector-tile");
const VARY: HeaderValue = HeaderValue::from_static("accept-encoding");
/// Room for the headers of an answer, so that the map of them grows once.
const HEADERS: usize = 14;
/// Features kept and features there were, when the byte budget left some out.
const KEPT: HeaderName = HeaderName::from_static("bricola-kept");

/// Where tiles are.
pub const PATTERN: &str = "/tiles/{layers}/{z}/{x}/{y}";
/// How the paths of [`PATTERN`] begin.
pub const PREFIX: &str = "/tiles/";

/// `GET /tiles/{layers}/{z}/{x}/{y}`, with `.mvt` or `.pbf` at the end if the client likes it so.
pub async fn tile(
    State(app): State<Arc<App>>,
    Path((set, z, x, y)): Path<(String, String, String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    let params = Params::read(query.as_deref(), &[when::AT, when::DATETIME])?;
    let when = when::read(&app, &params).await?;
    let asked = Asked::read(&app, &set, [&z, &x, &y], when, &headers).await?;
    let Asked { request, seq, generations, snapshots } = asked;
    let (finished, hit) = app.tiles.get(snapshots, generations, request).await.map_err(Problem::internal)?;
    let mut response = dress(&app, finished, hit, request.encoding, seq, &headers);
    when.cache(&mut response);
    Ok(response)
}

/// The same answer for a path, if the tile is finished already and the path has nothing in it to be decoded or refused.
pub async fn finished(app: &App, path: &str, headers: &HeaderMap) -> Option<Response> {
    let mut parts = path.strip_prefix(PREFIX).filter(|path| !path.contains('%'))?.split('/');
    let (Some(set), Some(z), Some(x), Some(y), None) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let asked = Asked::read(app, set, [z, x, y], When::default(), headers).await.ok()?;
    let Asked { request, seq, generations, .. } = asked;
    let finished = app.tiles.finished(generations, request).await?;
    Some(dress(app, finished, true, request.encoding, seq, headers))
}

/// A tile that can be asked for, and what it is to be made of.
struct Asked<'a> {
    request: Request<'a>,
    seq: Seq,
    generations: Vec<Generation>,
    snapshots: Vec<(Arc<Snapshot>, Part)>,
}

impl<'a> Asked<'a> {
    async fn read(
        app: &App,
        set: &'a str,
        [z, x, y]: [&str; 3],
        when: When,
        headers: &HeaderMap,
    ) -> Result<Self, Problem> {
        let (layers, parts) = select::drawn(app, set)?;
        let tile = tile_id(z, x, y)?;
        in_zoom_range(&layers, tile)?;
        // The order matters: what is read later is at least as new as what was read before.
        let seq = when.seq(app);
        let now = generations(&layers, tile);
        let snapshots = when.snapshots(app, &layers).await?;
        let generations = if when.is_past() { past_generations(&layers, &snapshots, tile) } else { now };
        let snapshots = snapshots.into_iter().zip(parts).collect();
        let encoding = Encoding::negotiate(headers);
        let request = Request { set, tile, encoding, valid_on: when.valid_on, scope: app.scope };
        Ok(Self { request, seq, generations, snapshots })
    }
}

fn dress(app: &App, finished: Finished, hit: bool, encoding: Encoding, seq: Seq, asked: &HeaderMap) -> Response {
    app.metrics.tile(hit);
    let mut response = answer(finished, encoding, asked);
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, app.tile_cache_control.clone());
    headers.insert(header::VARY, VARY);
    respond::set_seq(&mut response, seq);
    response
}

fn answer(finished: Finished, encoding: Encoding, asked: &HeaderMap) -> Response {
    let Finished { bytes, etag, kept, total } = finished;
    let known = std::str::from_utf8(&etag).is_ok_and(|etag| respond::matches(asked, etag));
    let empty = bytes.is_empty();
    let mut response = Response::new(if known || empty { Body::empty() } else { Body::from(bytes) });
    *response.status_mut() = match (known, empty) {
        (true, _) => StatusCode::NOT_MODIFIED,
        (false, true) => StatusCode::NO_CONTENT,
        (false, false) => StatusCode::OK,
    };
    let headers = response.headers_mut();
    headers.reserve(HEADERS);
    if let Ok(etag) = HeaderValue::from_maybe_shared(etag) {
        headers.insert(header::ETAG, etag);
    }
    if kept < total
        && let Ok(value) = HeaderValue::from_str(&format!("{kept}/{total}"))
    {
        headers.insert(KEPT, value);
    }
    if !known && !empty {
        headers.insert(header::CONTENT_TYPE, MEDIA_TYPE);
        if encoding != Encoding::Identity {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
        }
    }
    response
}

fn tile_id(z: &str, x: &str, y: &str) -> Result<TileId, Problem> {
    let y = y.strip_suffix(".mvt").or_else(|| y.strip_suffix(".pbf")).unwrap_or(y);
    let number = |name: &str, text: &str| {
        // `+5` and `05` would give a tile a second address.
        let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
        text.parse::<u32>().ok().filter(|_| plain).ok_or_else(|| {
            let shown = crate::error::clipped(text).into_owned();
            Problem::new(
                Kind::InvalidTile,
                format!("{name}={shown}: must be a whole number without sign or leading zeros"),
            )
            .with("parameter", name)
            .with("value", shown)
        })
    };
    let (z, x, y) = (number("z", z)?, number("x", x)?, number("y", y)?);
    TileId::new(z, x, y).map_err(|error| {
        let (name, value) = match error {
            TileError::Zoom(_) => ("z".to_owned(), z),
            TileError::Outside { axis, value, .. } => (axis.to_string(), value),
        };
        Problem::new(Kind::OutsideGrid, format!("{error}.")).with("parameter", name).with("value", value)
    })
}

fn in_zoom_range(layers: &[Arc<Layer>], tile: TileId) -> Result<(), Problem> {
    let (mut min, mut max) = (u8::MAX, 0);
    for layer in layers {
        let zoom = layer.definition().zoom;
        if (zoom.min..=zoom.max).contains(&tile.z) {
            return Ok(());
        }
        (min, max) = (min.min(zoom.min), max.max(zoom.max));
    }
    Err(Problem::new(
        Kind::OutsideZoomRange,
        format!("zoom {}: these layers have tiles from zoom {min} to {max}.", tile.z),
    )
    .with("parameter", "z")
    .with("value", tile.z)
    .with("allowed", json!({"min": min, "max": max})))
}

/// `GET /tiles/{layers}.json`: `TileJSON` 3.0.0.
pub async fn tile_json(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
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
        layers.iter().zip(parts).map(|(layer, part)| (layer.definition(), part, layer.snapshot())).collect();
    let mut response = respond::json(&describe(&app, set, &base, &parts, language));
    respond::set(&mut response, header::CONTENT_LANGUAGE, language.tag());
    respond::set(&mut response, header::VARY, "accept-language, host, x-forwarded-host");
    Ok(response)
}

/// Of [`tile`].
pub fn about_tile() -> Operation {
    let about = Words(
        "Un tile vettoriale (Mapbox Vector Tile 2.1) di uno o più strati, nella griglia WebMercatorQuad; .mvt o .pbf alla \
         fine non cambiano nulla.",
        "A vector tile (Mapbox Vector Tile 2.1) of one layer or several, of the grid WebMercatorQuad; .mvt or .pbf at the end \
         changes nothing.",
    );
    let number =
        |name, about, most: u32, example: u32| Parameter::path(name, about, between(0, i64::from(most)), example);
    Operation::get("tile", "maps", Words("Un tile vettoriale", "A vector tile"), about)
        .takes([
            about_layers(),
            number("z", Words("Il livello di zoom", "The zoom"), u32::from(MAX_ZOOM), 14),
            number("x", Words("La colonna, da ovest", "The column, from the west"), LAST, 8753),
            number("y", Words("La riga, da nord", "The row, from the north"), LAST, 5868),
            parameters::at(),
            parameters::day(),
        ])
        .gives(
            about,
            [("application/vnd.mapbox-vector-tile", formatted("binary"))],
            &["Bricola-Kept", "Bricola-Seq", "Cache-Control", "ETag"],
        )
        .replies(
            204,
            Words("Nel tile non c’è nulla.", "There is nothing in the tile."),
            [],
            &["Bricola-Seq", "Cache-Control", "ETag"],
        )
        .or_not_modified()
        .fails([Kind::InvalidTile, Kind::OutsideGrid, Kind::OutsideZoomRange, Kind::UnknownLayer, Kind::LayerLoading])
        .fails([Kind::LayerUnreadable, Kind::Pruned, Kind::StoreUnavailable])
}

/// Of [`tile_json`].
pub fn about_tile_json() -> Operation {
    let about = Words(
        "Dove sono i tile di uno o più strati (TileJSON 3.0.0).",
        "Where the tiles of one layer or several are (TileJSON 3.0.0).",
    );
    Operation::get("tile-json", "maps", Words("Dove sono i tile", "Where the tiles are"), about)
        .takes([about_layers(), parameters::lang()])
        .gives(about, [("application/json", reference("TileJson"))], &["Cache-Control", "Content-Language"])
        .fails([Kind::UnknownPath, Kind::UnknownLayer, Kind::LayerUnreadable])
}

/// The last column and row of the deepest zoom.
const LAST: u32 = (1 << MAX_ZOOM) - 1;

fn about_layers() -> Parameter {
    let about = Words(
        "Gli strati, separati da virgole; con _label i punti dei loro nomi",
        "The layers, separated by commas; with _label the points of their names",
    );
    Parameter::path("layers", about, text(), super::parcels::EXAMPLE)
}

type Described = (Arc<LayerDefinition>, Part, Option<Arc<Snapshot>>);

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
    let extents = parts.iter().filter_map(|(.., snapshot)| snapshot.as_ref()?.extent_lonlat());
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
