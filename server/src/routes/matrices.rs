//! `/tileMatrixSets`: the grids in which there are tiles (OGC 17-083r4; OGC API Tiles 1, 6.2).

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use bricola_layers::tile::{TileMatrix, TileMatrixSet};
use http::{HeaderMap, header};
use serde_json::{Value, json};

use super::respond::{self, Format, Language};
use super::{parameters, tiles};
use crate::app::App;
use crate::error::{Answer, Kind};
use crate::pages;
use crate::params::Params;
use crate::wired::schema::{reference, text};
use crate::wired::{Operation, Words};

/// What these two are needed for.
pub const CLASSES: &[&str] = &[
    "http://www.opengis.net/spec/tms/2.0/conf/tilematrixset",
    "http://www.opengis.net/spec/tms/2.0/conf/json-tilematrixset",
];

const HEADERS: &[&str] = &["Cache-Control", "Content-Language"];

/// `GET /tileMatrixSets`.
pub async fn list(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Answer {
    let (format, language) = form(query.as_deref(), &headers)?;
    let base = respond::base_url(&app.config, &headers);
    let sets = app.matrix_sets.iter().map(|set| {
        let href = format!("{base}/tileMatrixSets/{}", set.id);
        // OGC's own tests look for items of the list, the standard's examples have themselves.
        let link = |rel: &str| json!({"href": href, "rel": rel, "type": "application/json"});
        let mut json = json!({
            "id": set.id,
            "title": language.of(&set.title),
            "crs": set.crs.uri(),
            "links": [link("self"), link("item")],
        });
        if let Some(uri) = &set.uri {
            json["uri"] = json!(uri);
        }
        json
    });
    let links = json!([{"href": format!("{base}/tileMatrixSets?f=json"), "rel": "self", "type": "application/json"}]);
    let document = json!({"tileMatrixSets": sets.collect::<Vec<_>>(), "links": links});
    if format == Format::Html {
        let asked = pages::Asked::new(&app, language, &base, "tileMatrixSets", query.as_deref());
        return Ok(pages::send(&asked, &pages::grids(&asked, &document)));
    }
    Ok(answer(&document, language))
}

/// `GET /tileMatrixSets/{tileMatrixSetId}`.
pub async fn one(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    let (format, language) = form(query.as_deref(), &headers)?;
    let set = tiles::known_set(&app, &id)?;
    let document = describe(&set, language);
    if format == Format::Html {
        let base = respond::base_url(&app.config, &headers);
        let path = format!("tileMatrixSets/{}", set.id);
        let asked = pages::Asked::new(&app, language, &base, &path, query.as_deref());
        return Ok(pages::send(&asked, &pages::grid(&asked, &document)));
    }
    Ok(answer(&document, language))
}

/// Of [`list`].
pub fn about_list() -> Operation {
    let about = Words("Le griglie in cui ci sono tile.", "The grids in which there are tiles.");
    Operation::get("grids.getTileMatrixSetsList", "maps", Words("Le griglie dei tile", "The grids of tiles"), about)
        .takes([parameters::form(["json", "html"]), parameters::lang()])
        .gives(about, [("application/json", reference("TileMatrixSets")), ("text/html", text())], HEADERS)
        .fails([Kind::NotAcceptable])
}

/// Of [`one`].
pub fn about_one() -> Operation {
    let about = Words(
        "Una griglia di tile, con le sue scale (OGC Two Dimensional Tile Matrix Set 2.0).",
        "A grid of tiles, with its scales (OGC Two Dimensional Tile Matrix Set 2.0).",
    );
    Operation::get("grid.getTileMatrixSet", "maps", Words("Una griglia di tile", "A grid of tiles"), about)
        .takes([parameters::matrix_set(), parameters::form(["json", "html"]), parameters::lang()])
        .gives(about, [("application/json", reference("TileMatrixSet")), ("text/html", text())], HEADERS)
        .fails([Kind::UnknownMatrixSet, Kind::NotAcceptable])
}

fn form(query: Option<&str>, headers: &HeaderMap) -> Result<(Format, Language), crate::error::Problem> {
    let params = Params::read(query, &["f", "lang"])?;
    Ok((respond::format(&params, headers)?, respond::language(&params, headers)?))
}

fn answer(body: &Value, language: Language) -> Response {
    let mut response = respond::json(body);
    respond::set(&mut response, header::CONTENT_LANGUAGE, language.tag());
    respond::set(&mut response, header::VARY, "accept, accept-language, host, x-forwarded-host");
    response
}

fn describe(set: &TileMatrixSet, language: Language) -> Value {
    let mut json = json!({
        "id": set.id,
        "title": language.of(&set.title),
        "crs": set.crs.uri(),
        "orderedAxes": set.ordered_axes,
    });
    if let Some(uri) = &set.uri {
        json["uri"] = json!(uri);
    }
    if let Some(scales) = &set.well_known_scale_set {
        json["wellKnownScaleSet"] = json!(scales);
    }
    let matrix = |matrix: &TileMatrix| {
        json!({
            "id": matrix.id,
            "scaleDenominator": matrix.scale_denominator,
            "cellSize": matrix.cell_size,
            "cornerOfOrigin": "topLeft",
            "pointOfOrigin": set.in_order(matrix.origin),
            "tileWidth": matrix.tile_size,
            "tileHeight": matrix.tile_size,
            "matrixWidth": matrix.columns,
            "matrixHeight": matrix.rows,
        })
    };
    json["tileMatrices"] = set.matrices.iter().map(matrix).collect();
    json
}
