//! `/styles/{id}/thumbnail`: a style as a picture.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use bricola_layers::cache::{Generation, Layer, Snapshot};
use bricola_layers::limits::{MAX_MAP_PIXELS, MAX_MAP_TILES};
use bricola_layers::query::Positions;
use bricola_layers::tile::{Part, Place, TileId};
use geo::BoundingRect;
use geo_types::{Geometry, Rect};
use http::{HeaderMap, header};
use serde_json::Value;

use super::{definitions, given, not_modified, present};
use crate::app::App;
use crate::encoding::Encoding;
use crate::error::{Answer, Kind, Problem};
use crate::params::Params;
use crate::routes::items::area;
use crate::routes::processes::place::row_named;
use crate::routes::when::When;
use crate::routes::{respond, select};
use crate::services::maps::{Covering, Finished, Plan, Sheet, View, decode};
use crate::services::tiles::{Drawn, Request, generations};

const KNOWN: [&str; 8] = ["bbox", "bbox-crs", "center", "zoom", "feature", "width", "height", "scale"];
/// Parts of its own size by which a feature's surroundings are shown, and degrees at least.
const AROUND: (f64, f64) = (0.4, 2e-4);

/// `GET /styles/{styleId}/thumbnail`: where the data are, in a box of any CRS, around a centre or a feature.
pub async fn get(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    let params = Params::read(query.as_deref(), &KNOWN)?;
    let style = {
        let definitions = definitions(&app);
        given(&app, &present(&definitions), "", &id)?.document
    };
    let plan = Plan::new(&style, "");
    let marked = marked(&app, &params).await?;
    let view = view(&app, &params, &plan, marked.as_ref())?;
    // Read first: what is drawn is at least as new.
    let seq = app.territory.seq();
    let tiles = tiles(&app, &plan, &view)?;
    let key = key(&style, &view, &tiles, &app) + &marked.as_ref().map(|it| format!("{it:?}")).unwrap_or_default();
    let map = match app.maps.kept(&key) {
        Some(map) => map,
        None => draw(&app, plan, (view, marked), tiles, key).await?,
    };
    Ok(answer(&headers, &map, seq))
}

/// The feature that the picture is about, in degrees. Where it is said what is to be seen, one that is not there any more is not
/// missed.
async fn marked(app: &App, params: &Params<'_>) -> Result<Option<Geometry<f64>>, Problem> {
    let Some(text) = params.text("feature") else { return Ok(None) };
    let has_place = ["bbox", "center"].iter().any(|name| params.text(name).is_some());
    let (snapshot, at) = match row_named(app, &When::default(), text).await {
        Err(problem) if has_place && problem.kind() == Kind::UnknownFeature => return Ok(None),
        found => found?,
    };
    match Positions::LonLat.geometry(snapshot.row_at(at)) {
        None if !has_place => {
            let detail = format!("{} has no geometry to draw.", crate::error::clipped(text));
            Err(Problem::new(Kind::UnknownFeature, detail).with("parameter", "feature"))
        }
        geometry => Ok(geometry),
    }
}

fn answer(headers: &HeaderMap, map: &Finished, seq: i64) -> Response {
    let mut response = if respond::matches(headers, &map.etag) {
        not_modified()
    } else {
        let mut response = Response::new(Body::from(map.png.clone()));
        respond::set(&mut response, header::CONTENT_TYPE, "image/png");
        respond::set_seq(&mut response, seq);
        response
    };
    respond::set(&mut response, header::CACHE_CONTROL, "no-cache");
    respond::set(&mut response, header::ETAG, &map.etag);
    response
}

fn view(app: &App, params: &Params<'_>, plan: &Plan, marked: Option<&Geometry<f64>>) -> Result<View, Problem> {
    let side = |name: &str, usual: i64| {
        let side = params.whole(name, 16..=i64::from(MAX_MAP_PIXELS))?.unwrap_or(usual);
        Ok::<u32, Problem>(u32::try_from(side).unwrap_or(MAX_MAP_PIXELS))
    };
    let size = [side("width", 400)?, side("height", 300)?];
    let ratio = params.whole("scale", 1..=2)?.unwrap_or(1) as f64;
    if size.iter().any(|side| f64::from(*side) * ratio > f64::from(MAX_MAP_PIXELS)) {
        let reason = format!("with this scale a side would have more than {MAX_MAP_PIXELS} pixels");
        return Err(Problem::parameter("scale", "2", reason)
            .with("limit", "MAX_MAP_PIXELS")
            .with("allowed", MAX_MAP_PIXELS));
    }
    let zoom = params.text("zoom").map(zoom).transpose()?;
    let bbox = bbox(params)?;
    match (params.text("center"), bbox) {
        (Some(text), Some(_)) => Err(Problem::parameter("center", text, "and bbox exclude each other")),
        (Some(text), None) => {
            let zoom = zoom.ok_or_else(|| Problem::missing("zoom", "center needs a zoom beside it"))?;
            Ok(View::at(centre(text)?, zoom, size, ratio))
        }
        (None, _) if zoom.is_some() => Err(Problem::missing("center", "zoom needs a center beside it")),
        (None, Some(bbox)) => Ok(View::around(bbox, size, ratio)),
        (None, None) => Ok(match marked.and_then(BoundingRect::bounding_rect) {
            Some(frame) => around(frame, size, ratio),
            None => usual(app, plan, size, ratio),
        }),
    }
}

/// A feature and what is beside it.
fn around(frame: Rect<f64>, size: [u32; 2], ratio: f64) -> View {
    let more = [frame.width(), frame.height()].map(|side| (side * AROUND.0).max(AROUND.1));
    let (low, high) = (frame.min(), frame.max());
    View::around([low.x - more[0], low.y - more[1], high.x + more[0], high.y + more[1]], size, ratio)
}

fn zoom(text: &str) -> Result<f64, Problem> {
    let zoom = text.parse().ok().filter(|zoom: &f64| (0.0..=22.0).contains(zoom));
    zoom.ok_or_else(|| Problem::parameter("zoom", text, "must be a number from 0 to 22"))
}

fn centre(text: &str) -> Result<[f64; 2], Problem> {
    let parts: Option<Vec<f64>> = text.split(',').map(|part| part.trim().parse().ok()).collect();
    let parts = parts.and_then(|parts| <[f64; 2]>::try_from(parts).ok());
    let sound = parts.filter(|[lon, lat]| lon.abs() <= 180.0 && lat.abs() <= 85.0);
    sound.ok_or_else(|| Problem::parameter("center", text, "must be lon,lat in degrees, within ±180 and ±85"))
}

/// The box in degrees.
fn bbox(params: &Params<'_>) -> Result<Option<[f64; 4]>, Problem> {
    let Some(area) = area(params)? else { return Ok(None) };
    let found = area.lonlat().filter(|[west, south, east, north]| west < east && south < north);
    let reason = "must have a width and a height, and not cross the antimeridian";
    found.map(Some).ok_or_else(|| Problem::parameter("bbox", params.text("bbox").unwrap_or_default(), reason))
}

/// Where the data of the style are: all of them, or as near as something is drawn.
fn usual(app: &App, plan: &Plan, size: [u32; 2], ratio: f64) -> View {
    let layers = plan.sources().iter().flat_map(|wanted| &wanted.layers);
    let snapshots: Vec<Arc<Snapshot>> = layers
        .filter_map(|name| app.territory.layer(name))
        .filter(|layer| app.scope.sees_layer(&layer.definition()))
        .filter_map(|layer| layer.snapshot())
        .collect();
    let extent = snapshots.iter().filter_map(|snapshot| snapshot.extent_lonlat()).reduce(select::union);
    let extent = extent.or(app.config.tenant.envelope).unwrap_or([6.0, 36.0, 19.0, 47.5]);
    let whole = View::around(extent, size, ratio);
    let first = plan.drawn_from();
    if !first.is_finite() || whole.zoom >= first {
        return whole;
    }
    // At the middle of all there may be nothing: at the feature that is nearest to it there is.
    let middle = [f64::midpoint(extent[0], extent[2]), f64::midpoint(extent[1], extent[3])];
    let world = bricola_layers::crs::lonlat_to_world_f64(middle);
    let places = snapshots.iter().flat_map(|snapshot| {
        let rows = snapshot.rows().take(2_000);
        rows.filter_map(|row| bricola_layers::cache::Footprint::of(row).bounds()).collect::<Vec<_>>()
    });
    let centres =
        places.map(|(low, high)| [0, 1].map(|axis| f64::midpoint(f64::from(low[axis]), f64::from(high[axis]))));
    let apart = |centre: &[f64; 2]| (centre[0] - world[0]).hypot(centre[1] - world[1]);
    let nearest = centres.min_by(|a, b| apart(a).total_cmp(&apart(b)));
    let at = nearest.map_or(middle, bricola_layers::crs::world_to_lonlat_f64);
    View::at(at, first + 0.5, size, ratio)
}

/// A tile that is needed, with what it is made of.
struct Needed {
    source: String,
    list: String,
    tile: TileId,
    layers: Vec<Arc<Layer>>,
    parts: Vec<Part>,
    generations: Vec<Generation>,
}

fn tiles(app: &App, plan: &Plan, view: &View) -> Result<Vec<Needed>, Problem> {
    let mut needed = Vec::new();
    let mut loading = None;
    for wanted in plan.wanted(view.zoom) {
        // Layers that are still being read come when they are there.
        let is_ready = |name: &&String| {
            let is_ready = select::drawn(app, name)
                .is_ok_and(|(layers, _)| layers.iter().all(|it| it.is_stored() || it.snapshot().is_some()));
            if !is_ready {
                loading = Some((*name).clone());
            }
            is_ready
        };
        let list = wanted.layers.iter().filter(is_ready).map(String::as_str).collect::<Vec<_>>().join(",");
        if list.is_empty() {
            continue;
        }
        let (layers, parts) = select::drawn(app, &list)?;
        // A source that tells no zooms has those of its layers.
        let own = layers.iter().map(|layer| layer.definition().zoom);
        let own = own.fold([u8::MAX, 0], |[first, last], zoom| [first.min(zoom.min), last.max(zoom.max)]);
        let Covering(tiles) = view.covering([wanted.zooms[0].max(own[0]), wanted.zooms[1].min(own[1])]);
        for tile in tiles {
            let generations = generations(&layers, &Place::Mercator(tile), false);
            let (source, list) = (wanted.source.clone(), list.clone());
            needed.push(Needed { source, list, tile, layers: layers.clone(), parts: parts.clone(), generations });
        }
    }
    if let (Some(name), true) = (loading, needed.is_empty()) {
        return Err(select::loading(&name));
    }
    if needed.len() > MAX_MAP_TILES {
        let reason = format!("the map would be drawn of {} tiles; {MAX_MAP_TILES} is the most", needed.len());
        return Err(Problem::parameter("width", &view.size[0].to_string(), reason)
            .with("limit", "MAX_MAP_TILES")
            .with("allowed", MAX_MAP_TILES));
    }
    Ok(needed)
}

/// All that a map depends on.
fn key(style: &Value, view: &View, tiles: &[Needed], app: &App) -> String {
    let made: Vec<_> = tiles.iter().map(|needed| (&needed.list, needed.tile, &needed.generations)).collect();
    super::tag(&format!("{style} {view:?} {made:?} {:?}", app.scope))
}

async fn draw(
    app: &Arc<App>,
    plan: Plan,
    (view, marked): (View, Option<Geometry<f64>>),
    tiles: Vec<Needed>,
    key: String,
) -> Result<Finished, Problem> {
    let mut sheets = Vec::with_capacity(tiles.len());
    for needed in tiles {
        let sources = When::default().drawn(app, &needed.layers).await?.into_iter().zip(&needed.parts);
        let drawn = sources.map(|((snapshot, stored), part)| Drawn { snapshot, stored, part: *part, filter: None });
        let drawn = drawn.collect();
        let request = Request {
            set: &needed.list,
            place: Place::Mercator(needed.tile),
            encoding: Encoding::Identity,
            during: [None, None],
            filter: None,
            scope: app.scope,
        };
        let made = app.tiles.get(drawn, needed.generations, request).await;
        let (finished, _) = made.map_err(|fault| Problem::tile(&fault))?;
        let content = decode(&finished.bytes).map_err(Problem::internal)?;
        sheets.push(Sheet { source: needed.source, tile: needed.tile, content });
    }
    // Each takes room for its pixels, as a file does that is finished before it is sent.
    let _permit = app.builds.acquire().await.map_err(Problem::internal)?;
    let shared = Arc::clone(app);
    let drawn = tokio::task::spawn_blocking(move || shared.maps.draw(&plan, &view, &sheets, marked.as_ref()));
    let map = drawn.await.map_err(Problem::internal)?.map_err(Problem::internal)?;
    app.maps.keep(key, &map);
    Ok(map)
}
