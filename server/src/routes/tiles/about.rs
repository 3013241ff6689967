//! How `/api` describes tiles and tilesets.

use bricola_layers::limits::MAX_ZOOM;

use super::{COLLECTIONS, MEDIA_TYPE};
use crate::error::Kind;
use crate::routes::{parameters, when};
use crate::wired::schema::{between, formatted, reference, text, whole};
use crate::wired::{Operation, Parameter, Words};

/// What the tiles of OGC's paths are needed for.
pub const CLASSES: &[&str] = &[
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/mvt",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/datetime",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/oas30",
];
/// What the lists of tilesets are needed for.
pub const SETS_CLASSES: &[&str] = &[
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/tilesets-list",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/dataset-tilesets",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/collections-selection",
];
/// And those of layers.
pub const COLLECTION_CLASSES: &[&str] = &["http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/geodata-tilesets"];
/// What the metadata of tilesets are needed for.
pub const SET_CLASSES: &[&str] = &[
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/tileset",
    "http://www.opengis.net/spec/tms/2.0/conf/tilesetmetadata",
    "http://www.opengis.net/spec/tms/2.0/conf/json-tilesetmetadata",
    "http://www.opengis.net/spec/tms/2.0/conf/tilematrixsetlimits",
    "http://www.opengis.net/spec/tms/2.0/conf/json-tilematrixsetlimits",
];

/// The last column and row of the deepest zoom.
const LAST: u32 = (1 << MAX_ZOOM) - 1;
const LISTED: &[&str] = &["Bricola-Seq", "Cache-Control", "Content-Language"];

/// Of [`super::tile`], where it stands under the URLs of Martin's users.
pub fn about_tile() -> Operation {
    let about = Words(
        "Un tile vettoriale (Mapbox Vector Tile 2.1) di uno o più strati, nella griglia WebMercatorQuad; .mvt o .pbf alla \
         fine non cambiano nulla.",
        "A vector tile (Mapbox Vector Tile 2.1) of one layer or several, of the grid WebMercatorQuad; .mvt or .pbf at the end \
         changes nothing.",
    );
    let number =
        |name, about, most: u32, example: u32| Parameter::path(name, about, between(0, i64::from(most)), example);
    let operation = Operation::get("tile", "maps", Words("Un tile vettoriale", "A vector tile"), about).takes([
        about_layers(),
        number("z", Words("Il livello di zoom", "The zoom"), u32::from(MAX_ZOOM), 14),
        number("x", Words("La colonna, da ovest", "The column, from the west"), LAST, 8753),
        number("y", Words("La riga, da nord", "The row, from the north"), LAST, 5868),
    ]);
    tile(operation, about)
}

/// Of [`super::collection_tile`].
pub fn about_collection_tile() -> Operation {
    let about = Words(
        "Un tile vettoriale (Mapbox Vector Tile 2.1) di uno strato, in una delle griglie.",
        "A vector tile (Mapbox Vector Tile 2.1) of a layer, of one of the grids.",
    );
    let id = "tile.collection.vector.getTile";
    let operation = Operation::get(id, "maps", Words("Un tile di uno strato", "A tile of a layer"), about)
        .takes([parameters::collection(), parameters::matrix_set()])
        .takes(numbers())
        .takes([parameters::form(["mvt"])]);
    tile(operation, about).fails([Kind::UnknownMatrixSet])
}

/// Of [`super::tile`], where it stands under the URLs of OGC API Tiles.
pub fn about_dataset_tile() -> Operation {
    let about = Words(
        "Un tile vettoriale (Mapbox Vector Tile 2.1) di tutti gli strati, o di quelli scelti, in una delle griglie.",
        "A vector tile (Mapbox Vector Tile 2.1) of all layers, or of chosen ones, of one of the grids.",
    );
    let id = "tile.dataset.vector.getTile";
    let operation = Operation::get(id, "maps", Words("Un tile di più strati", "A tile of several layers"), about)
        .takes([parameters::matrix_set()])
        .takes(numbers())
        .takes([parameters::form(["mvt"]), about_collections()]);
    tile(operation, about).fails([Kind::UnknownMatrixSet])
}

/// What all tiles take, give and may refuse.
fn tile(operation: Operation, about: Words) -> Operation {
    operation
        .takes([parameters::at(), parameters::interval(), subset()])
        .takes(parameters::filter())
        .takes([parameters::filter_crs(), parameters::explain()])
        .gives(
            about,
            [(MEDIA_TYPE, formatted("binary")), ("application/json", reference("TileExplanation"))],
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
        .fails([Kind::LayerUnreadable, Kind::Pruned, Kind::StoreUnavailable, Kind::MissingParameter, Kind::TooCostly])
        .fails([Kind::FilterSyntax, Kind::FilterField, Kind::FilterType, Kind::FilterUnsupported, Kind::FilterTooLarge])
        .fails([Kind::Unauthorized])
}

/// Of [`super::tile_json`].
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

/// Of [`super::collection_sets`].
pub fn about_collection_sets() -> Operation {
    let about = Words(
        "In quali griglie ci sono tile di uno strato, e dove.",
        "In which grids there are tiles of a layer, and where.",
    );
    let id = "tilesets.collection.vector.getTileSetsList";
    Operation::get(id, "maps", Words("I tile di uno strato", "The tiles of a layer"), about)
        .takes([parameters::collection(), parameters::form(["json", "html"]), parameters::lang()])
        .gives(about, [("application/json", reference("TileSets")), ("text/html", text())], LISTED)
        .fails([Kind::NotAcceptable])
        .fails([Kind::UnknownLayer, Kind::LayerUnreadable])
}

/// Of [`super::collection_set`].
pub fn about_collection_set() -> Operation {
    let about = Words(
        "I tile di uno strato in una griglia: campi, estensione e quali righe e colonne ci sono.",
        "The tiles of a layer in a grid: fields, extent, and which rows and columns there are.",
    );
    let id = "tileset.collection.vector.getTileSet";
    Operation::get(id, "maps", Words("I tile di uno strato in una griglia", "The tiles of a layer in a grid"), about)
        .takes([
            parameters::collection(),
            parameters::matrix_set(),
            parameters::form(["json", "html"]),
            parameters::lang(),
        ])
        .gives(about, [("application/json", reference("TileSet")), ("text/html", text())], LISTED)
        .fails([Kind::NotAcceptable])
        .fails([Kind::UnknownLayer, Kind::LayerUnreadable, Kind::UnknownMatrixSet])
}

/// Of [`super::dataset_sets`].
pub fn about_dataset_sets() -> Operation {
    let about = Words(
        "In quali griglie ci sono tile degli strati insieme, e dove.",
        "In which grids there are tiles of the layers together, and where.",
    );
    let id = "tilesets.dataset.vector.getTileSetsList";
    Operation::get(id, "maps", Words("I tile di tutti gli strati", "The tiles of all layers"), about)
        .takes([parameters::form(["json", "html"]), parameters::lang(), about_collections()])
        .gives(about, [("application/json", reference("TileSets")), ("text/html", text())], LISTED)
        .fails([Kind::NotAcceptable])
        .fails([Kind::UnknownLayer, Kind::LayerLoading])
}

/// Of [`super::tile_json`], where it stands under the URLs of OGC API Tiles.
pub fn about_dataset_set() -> Operation {
    let about = Words(
        "I tile degli strati insieme in una griglia: campi, estensione e quali righe e colonne ci sono.",
        "The tiles of the layers together in a grid: fields, extent, and which rows and columns there are.",
    );
    let id = "tileset.dataset.vector.getTileSet";
    Operation::get(
        id,
        "maps",
        Words("I tile di tutti gli strati in una griglia", "The tiles of all layers in a grid"),
        about,
    )
    .takes([parameters::matrix_set(), parameters::form(["json", "html"]), parameters::lang(), about_collections()])
    .gives(about, [("application/json", reference("TileSet")), ("text/html", text())], LISTED)
    .fails([Kind::NotAcceptable])
    .fails([Kind::UnknownLayer, Kind::LayerLoading, Kind::UnknownMatrixSet])
}

fn subset() -> Parameter {
    let about = Words(
        "Come datetime: datetime(\"2026-01-01\") o datetime(\"2026-01-01\":\"2026-12-31\"), con * per un estremo aperto",
        "As datetime: datetime(\"2026-01-01\") or datetime(\"2026-01-01\":\"2026-12-31\"), with * for an open end",
    );
    Parameter::query(when::SUBSET, about, text())
}

fn about_layers() -> Parameter {
    let about = Words(
        "Gli strati, separati da virgole; con _label i punti dei loro nomi",
        "The layers, separated by commas; with _label the points of their names",
    );
    Parameter::path("layers", about, text(), crate::routes::parcels::EXAMPLE)
}

fn about_collections() -> Parameter {
    let about = Words(
        "Gli strati, separati da virgole; con _label i punti dei loro nomi; senza, tutti quelli pronti (al più 32)",
        "The layers, separated by commas; with _label the points of their names; without it, all that are ready (at most 32)",
    );
    Parameter::query(COLLECTIONS, about, crate::wired::schema::list(&text()))
}

fn numbers() -> [Parameter; 3] {
    let matrix = Words("La matrice, cioè la scala, della griglia", "The matrix, that is the scale, of the grid");
    [
        Parameter::path("tileMatrix", matrix, text(), "14"),
        Parameter::path("tileRow", Words("La riga, da nord", "The row, from the north"), whole(0), 5865),
        Parameter::path("tileCol", Words("La colonna, da ovest", "The column, from the west"), whole(0), 8753),
    ]
}
