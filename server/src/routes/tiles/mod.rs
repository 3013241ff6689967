//! `/tiles` and `/collections/{id}/tiles`: vector tiles, under the URLs that users of Martin know and under those of OGC API
//! Tiles.
//!
//! Both begin with `/tiles/` and have as many parts: `/tiles/parcels/14/8753/5865` is column before row,
//! `/tiles/WebMercatorQuad/14/5865/8753` row before column. What stands first tells them apart: identifiers of layers begin
//! with a small letter, those of tile matrix sets with a capital one, which is checked where either is defined. What clients
//! of the standard ask for they find by links, and never have to know.

mod about;
mod ask;
mod explain;
mod json;
mod sets;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use bricola_layers::log::Seq;
use bricola_layers::tile::Place;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use super::explain::{EXPLAIN, is_wanted};
use super::filter::{self, FILTER, FILTER_CRS, FILTER_LANG};
use super::{bearer, respond, when};
use crate::app::App;
use crate::encoding::Encoding;
use crate::error::{Answer, Kind, Problem};
use crate::params::Params;
use crate::services::tiles::Finished;
use ask::{Address, Asked, Of, Terms};

pub use about::{
    CLASSES, COLLECTION_CLASSES, SET_CLASSES, SETS_CLASSES, about_collection_set, about_collection_sets,
    about_collection_tile, about_dataset_set, about_dataset_sets, about_dataset_tile, about_tile, about_tile_json,
};
pub use json::tile_json;
pub use sets::{TILESETS, collection_set, collection_sets, dataset_sets, known as known_set};

/// Media type of the tiles.
pub const MEDIA_TYPE: &str = "application/vnd.mapbox-vector-tile";
const VARY: HeaderValue = HeaderValue::from_static("accept-encoding");
/// Room for the headers of an answer, so that the map of them grows once.
const HEADERS: usize = 14;
/// Features kept and features there were, when the byte budget left some out.
const KEPT: HeaderName = HeaderName::from_static("bricola-kept");
/// The layers of a tile of the dataset (OGC API Tiles 1, clause 12).
const COLLECTIONS: &str = "collections";

/// Where tiles are.
pub const PATTERN: &str = "/tiles/{layers}/{z}/{x}/{y}";
/// Where the tiles of one layer are in any grid.
pub const COLLECTION_PATTERN: &str =
    "/collections/{collectionId}/tiles/{tileMatrixSetId}/{tileMatrix}/{tileRow}/{tileCol}";
/// Whether a path may be that of a tile.
pub fn may_be_at(path: &str) -> bool {
    path.starts_with("/tiles/") || (path.starts_with("/collections/") && path.contains("/tiles/"))
}

/// Whether a part of a path is the identifier of a tile matrix set, and not that of a layer.
pub fn is_matrix_set(part: &str) -> bool {
    part.starts_with(|first: char| first.is_ascii_uppercase())
}

/// `GET /tiles/{layers}/{z}/{x}/{y}`, with `.mvt` or `.pbf` at the end if the client likes it so; and
/// `GET /tiles/{tileMatrixSetId}/{tileMatrix}/{tileRow}/{tileCol}`.
pub async fn tile(
    State(app): State<Arc<App>>,
    Path((first, z, x, y)): Path<(String, String, String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    if !is_matrix_set(&first) {
        let params = Params::read(query.as_deref(), &OF_LAYERS)?;
        return answer(&app, Address::of_layers(&first, [&z, &x, &y]), &params, &headers).await;
    }
    let params = Params::read(query.as_deref(), &OF_DATASET)?;
    params.one_of("f", &[("mvt", ())])?;
    let of = Of::Dataset(params.text(COLLECTIONS));
    answer(&app, Address::in_set(of, &first, [&z, &x, &y]), &params, &headers).await
}

/// `GET /collections/{collectionId}/tiles/{tileMatrixSetId}/{tileMatrix}/{tileRow}/{tileCol}`.
pub async fn collection_tile(
    State(app): State<Arc<App>>,
    Path((id, set, matrix, row, column)): Path<(String, String, String, String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    let params = Params::read(query.as_deref(), &OF_COLLECTION)?;
    params.one_of("f", &[("mvt", ())])?;
    let address = Address::in_set(Of::Collection(&id), &set, [&matrix, &row, &column]);
    answer(&app, address, &params, &headers).await
}

/// The parameters of a tile; of tiles of OGC's paths also the form, and which layers.
const OF_LAYERS: [&str; 7] = [when::AT, when::DATETIME, when::SUBSET, FILTER, FILTER_LANG, FILTER_CRS, EXPLAIN];
const OF_COLLECTION: [&str; 8] =
    ["f", when::AT, when::DATETIME, when::SUBSET, FILTER, FILTER_LANG, FILTER_CRS, EXPLAIN];
const OF_DATASET: [&str; 9] =
    ["f", COLLECTIONS, when::AT, when::DATETIME, when::SUBSET, FILTER, FILTER_LANG, FILTER_CRS, EXPLAIN];

async fn answer(app: &App, address: Address<'_>, params: &Params<'_>, headers: &HeaderMap) -> Answer {
    let is_explained = match is_wanted(app, params, headers) {
        Err(problem) if problem.kind() == Kind::Unauthorized => return Ok(bearer::refusal(problem)),
        wanted => wanted?,
    };
    let (when, during) = when::read_during(app, params).await?;
    let terms = Terms { when, during, filter: filter::read_whole(params)? };
    let asked = Asked::read(app, &address, &terms).await?;
    let encoding = Encoding::negotiate(headers);
    // In a grid whose CRS means nothing so far away, a tile there would have to look at the whole layer to find nothing.
    let is_grid = matches!(asked.place, Place::Grid(_));
    if is_grid && app.tiles.finished(asked.generations.clone(), asked.request(app, encoding, &terms)).await.is_none() {
        asked.check_limits(app)?;
    }
    if is_explained {
        return explain::answer(app, asked, encoding, &terms).await;
    }
    let Asked { seq, generations, layers, .. } = &asked;
    let request = asked.request(app, encoding, &terms);
    let (finished, hit) =
        app.tiles.get(layers.clone(), generations.clone(), request).await.map_err(|fault| Problem::tile(&fault))?;
    if !hit && layers.iter().any(|layer| layer.stored.is_some()) {
        app.metrics.store_question();
    }
    if finished.bytes.is_empty() {
        asked.check_limits(app)?;
    }
    let mut response = dress(app, finished, hit, encoding, *seq, headers);
    terms.when.cache(&mut response);
    Ok(response)
}

/// The same answer for a path, if the tile is finished already and the path has nothing in it to be decoded or refused; with
/// the pattern of the path.
pub async fn finished(app: &App, path: &str, headers: &HeaderMap) -> Option<(Response, &'static str)> {
    let (address, pattern) = Address::of_path(path)?;
    let terms = Terms::default();
    let mut asked = Asked::read(app, &address, &terms).await.ok()?;
    let encoding = Encoding::negotiate(headers);
    let generations = std::mem::take(&mut asked.generations);
    let finished = app.tiles.finished(generations, asked.request(app, encoding, &terms)).await?;
    // Where there is nothing, it has to be looked whether there may be something.
    if finished.bytes.is_empty() && asked.has_limits() {
        return None;
    }
    Some((dress(app, finished, true, encoding, asked.seq, headers), pattern))
}

fn dress(app: &App, finished: Finished, hit: bool, encoding: Encoding, seq: Seq, asked: &HeaderMap) -> Response {
    app.metrics.tile(hit);
    let mut response = respond_with(finished, encoding, asked);
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, app.tile_cache_control.clone());
    headers.insert(header::VARY, VARY);
    respond::set_seq(&mut response, seq);
    response
}

fn respond_with(finished: Finished, encoding: Encoding, asked: &HeaderMap) -> Response {
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
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if encoding != Encoding::Identity {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
        }
    }
    response
}
