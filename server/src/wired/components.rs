//! The schemas of what goes in and out. They are our own: those of the standards name numbers without a format.

mod desk;
mod edits;
mod explained;
mod subscriptions;

use bricola_layers::limits::{MAX_COMPOSITE_LAYERS, MAX_LOOKUP_POINTS, MAX_LOOKUP_RADIUS_M};
use serde_json::{Map, Value, json};

use super::schema::{
    any_object, between, boolean, envelope, formatted, list, nullable, number, object, reference, text, usually, whole,
    word,
};
use crate::error::Kind;
use crate::services::lookup::DEFAULT_RADIUS_M;

/// Geometries of RFC 7946.
const GEOMETRIES: [&str; 7] =
    ["Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection"];

/// Every named schema; `layers` are the ids of the layers that the caller may see.
pub fn all(layers: &[String]) -> Value {
    let id = if layers.is_empty() { text() } else { word(layers.iter().map(String::as_str)) };
    let mut all = Map::new();
    all.insert("CollectionId".into(), id);
    for (name, schema) in common()
        .into_iter()
        .chain(collections())
        .chain(features())
        .chain(maps())
        .chain(grids())
        .chain(feed())
        .chain(edits::all())
        .chain(explained::all())
        .chain(desk::all())
        .chain(subscriptions::all())
    {
        all.insert(name.to_owned(), schema);
    }
    for (name, schema) in lookups().into_iter().chain(searches()).chain(health()) {
        all.insert(name.to_owned(), schema);
    }
    Value::Object(all)
}

/// A list of layers, separated by commas.
pub fn layer_list() -> Value {
    json!({
        "type": "array", "items": reference("CollectionId"), "uniqueItems": true,
        "minItems": 1, "maxItems": MAX_COMPOSITE_LAYERS,
    })
}

fn common() -> Vec<(&'static str, Value)> {
    let codes = Kind::ALL.iter().map(|kind| kind.row().1);
    let problem = [
        ("type", formatted("uri")),
        ("title", text()),
        ("status", json!({"type": "integer", "format": "int32", "minimum": 400, "maximum": 599})),
        ("detail", text()),
        ("instance", text()),
        ("code", word(codes)),
        ("request_id", text()),
        ("parameter?", text()),
        ("limit?", text()),
    ];
    let mut problem = object(problem);
    problem["description"] = json!("RFC 9457.");
    problem["additionalProperties"] = json!(true);
    let link = [("href", text()), ("rel", text()), ("type?", text()), ("title?", text()), ("templated?", boolean())];
    vec![
        ("Problem", problem),
        ("Link", object(link)),
        ("LandingPage", object([("title", text()), ("description?", text()), ("links", list(&reference("Link")))])),
        ("Conformance", object([("conformsTo", list(&formatted("uri")))])),
        ("OpenApi", any_object()),
    ]
}

fn collections() -> Vec<(&'static str, Value)> {
    let tenant = object([("name", text()), ("bbox", nullable(envelope()))]);
    let all = [
        ("collections", list(&reference("Collection"))),
        ("links", list(&reference("Link"))),
        ("seq", whole(0)),
        ("tenant?", tenant),
    ];
    let spatial = object([("bbox", list(&envelope())), ("crs", formatted("uri"))]);
    let one = [
        ("id", text()),
        ("title", text()),
        ("description", text()),
        ("links", list(&reference("Link"))),
        ("extent?", object([("spatial", spatial)])),
        ("itemType", word(["feature"])),
        ("crs", list(&formatted("uri"))),
        ("storageCrs", formatted("uri")),
        ("theme", text()),
        ("themeTitle", text()),
        ("geometryType", text()),
        ("label", nullable(text())),
        ("key", list(&text())),
        ("minzoom", between(0, 22)),
        ("maxzoom", between(0, 22)),
        ("count", nullable(whole(0))),
        ("ready", boolean()),
        ("visibility", text()),
        ("fields", list(&reference("Field"))),
        ("attribution?", text()),
        ("licence?", text()),
        ("contact?", text()),
    ];
    let code = object([("code", text()), ("title", text())]);
    let field = [("name", text()), ("type", text()), ("title", text()), ("unit?", text()), ("values?", list(&code))];
    vec![
        ("Collections", object(all)),
        ("Collection", object(one)),
        ("Field", object(field)),
        ("JsonSchema", any_object()),
    ]
}

fn features() -> Vec<(&'static str, Value)> {
    let any_list = json!({"type": "array", "items": {}});
    let geometry =
        object([("type", word(GEOMETRIES)), ("coordinates?", any_list), ("geometries?", list(&any_object()))]);
    let feature = || {
        object([
            ("type", word(["Feature"])),
            ("id", whole(0)),
            ("geometry", reference("Geometry")),
            ("bbox?", json!({"type": "array", "items": number(), "minItems": 4, "maxItems": 6})),
            ("properties", any_object()),
            ("links?", list(&reference("Link"))),
            ("version?", whole(0)),
            ("seq?", whole(0)),
            ("conformsTo?", list(&formatted("uri"))),
            ("featureType?", text()),
            ("featureSchema?", formatted("uri")),
            ("coordRefSys?", formatted("uri")),
            ("time?", reference("Time")),
            ("place?", reference("Geometry")),
        ])
    };
    let sent = object([
        ("type", word(["Feature"])),
        ("id?", whole(0)),
        ("geometry", reference("Geometry")),
        ("properties", nullable(any_object())),
    ]);
    let sent_many = object([("type", word(["FeatureCollection"])), ("features", list(&sent))]);
    let patch = object([("geometry?", reference("Geometry")), ("properties?", any_object())]);
    let created = [("created", whole(0)), ("ids", list(&whole(0))), ("seq", nullable(whole(0)))];
    let many = [
        ("type", word(["FeatureCollection"])),
        ("features", list(&reference("Feature"))),
        ("links?", list(&reference("Link"))),
        ("timeStamp?", formatted("date-time")),
        ("numberMatched?", whole(0)),
        ("numberReturned?", whole(0)),
        ("seq", whole(0)),
        ("conformsTo?", list(&formatted("uri"))),
        ("featureType?", text()),
        ("featureSchema?", formatted("uri")),
        ("coordRefSys?", formatted("uri")),
        ("geometryDimension?", between(0, 2)),
    ];
    let interval = json!({"type": "array", "items": text(), "minItems": 2, "maxItems": 2});
    vec![
        ("Time", nullable(object([("interval", interval)]))),
        ("Geometry", nullable(geometry)),
        ("Feature", feature()),
        ("FeatureOrNull", nullable(feature())),
        ("FeatureCollection", object(many)),
        ("FeaturesToMake", json!({"oneOf": [sent, sent_many]})),
        ("FeatureToBe", sent),
        ("FeaturePatch", patch),
        ("FeaturesMade", object(created)),
    ]
}

fn maps() -> Vec<(&'static str, Value)> {
    let layer = [
        ("id", text()),
        ("description?", text()),
        ("minzoom?", between(0, 22)),
        ("maxzoom?", between(0, 22)),
        ("fields", json!({"type": "object", "additionalProperties": text()})),
    ];
    let tiles = [
        ("tilejson", text()),
        ("tiles", list(&text())),
        ("vector_layers", list(&object(layer))),
        ("name?", text()),
        ("description?", text()),
        ("version?", text()),
        ("scheme?", word(["xyz"])),
        ("minzoom?", between(0, 22)),
        ("maxzoom?", between(0, 22)),
        ("bounds?", envelope()),
        ("center?", json!({"type": "array", "items": number(), "minItems": 3, "maxItems": 3})),
        ("attribution?", text()),
    ];
    let style = object([("id", text()), ("title", text()), ("links", list(&reference("Link")))]);
    let metadata = [
        ("id", text()),
        ("title", text()),
        ("description?", text()),
        ("keywords", list(&text())),
        ("scope", word(["style"])),
        ("version", text()),
        ("updated?", formatted("date-time")),
        ("stylesheets", list(&any_object())),
        ("layers", list(&any_object())),
        ("links", list(&reference("Link"))),
    ];
    vec![
        ("TileJson", object(tiles)),
        ("Styles", object([("default", text()), ("styles", list(&style))])),
        ("Style", any_object()),
        ("StyleMetadata", object(metadata)),
        ("SpriteIndex", any_object()),
    ]
}

fn grids() -> Vec<(&'static str, Value)> {
    let count = || whole(1);
    let position = || json!({"type": "array", "items": number(), "minItems": 2, "maxItems": 2});
    let matrix = [
        ("id", text()),
        ("scaleDenominator", number()),
        ("cellSize", number()),
        ("cornerOfOrigin?", word(["topLeft"])),
        ("pointOfOrigin", position()),
        ("tileWidth", count()),
        ("tileHeight", count()),
        ("matrixWidth", count()),
        ("matrixHeight", count()),
    ];
    let grid = [
        ("id", text()),
        ("title?", text()),
        ("uri?", formatted("uri")),
        ("crs", text()),
        ("orderedAxes?", list(&text())),
        ("wellKnownScaleSet?", formatted("uri")),
        ("tileMatrices", list(&object(matrix))),
    ];
    let item = [
        ("id", text()),
        ("title?", text()),
        ("uri?", formatted("uri")),
        ("crs?", text()),
        ("links", list(&reference("Link"))),
    ];
    let head = || {
        vec![
            ("title?", text()),
            ("dataType", word(["vector"])),
            ("crs", text()),
            ("tileMatrixSetId?", text()),
            ("tileMatrixSetURI?", formatted("uri")),
            ("links", list(&reference("Link"))),
        ]
    };
    let limits = [
        ("tileMatrix", text()),
        ("minTileRow", whole(0)),
        ("maxTileRow", whole(0)),
        ("minTileCol", whole(0)),
        ("maxTileCol", whole(0)),
    ];
    let bounds = object([("lowerLeft", position()), ("upperRight", position()), ("crs?", text())]);
    let tileset = head().into_iter().chain([
        ("mediaTypes?", list(&text())),
        ("tileMatrixSetLimits?", list(&object(limits))),
        ("boundingBox?", bounds),
        ("centerPoint?", object([("coordinates", position()), ("tileMatrix", text()), ("crs?", text())])),
        ("layers?", list(&any_object())),
    ]);
    let tilesets = [("tilesets", list(&object(head()))), ("links?", list(&reference("Link")))];
    let sets = [("tileMatrixSets", list(&object(item))), ("links?", list(&reference("Link")))];
    vec![
        ("TileMatrixSets", object(sets)),
        ("TileMatrixSet", object(grid)),
        ("TileSets", object(tilesets)),
        ("TileSet", object(tileset)),
    ]
}

fn feed() -> Vec<(&'static str, Value)> {
    let cause = [
        ("fields", list(&text())),
        ("layer", text()),
        ("id?", whole(0)),
        ("seq", whole(0)),
        ("operation", word(["insert", "update", "delete", "replace", "validity", "declared", "rebuilt"])),
    ];
    let change = [
        ("seq", whole(1)),
        ("layer", text()),
        ("id", nullable(whole(0))),
        ("operation", word(["insert", "update", "delete", "replace"])),
        ("at", formatted("date-time")),
        ("causes?", list(&object(cause))),
        ("selection?", word(["entered", "stayed", "left"])),
        ("before?", reference("FeatureOrNull")),
        ("after?", reference("FeatureOrNull")),
    ];
    let changes = [("changes", list(&reference("Change"))), ("next", whole(0)), ("seq", whole(0))];
    vec![("Change", object(change)), ("Changes", object(changes))].into_iter().chain(past()).collect()
}

fn past() -> Vec<(&'static str, Value)> {
    let version = [
        ("version", whole(1)),
        ("since", nullable(whole(1))),
        ("at", nullable(formatted("date-time"))),
        ("until", nullable(whole(1))),
        ("href", nullable(formatted("uri"))),
        ("feature", reference("FeatureOrNull")),
    ];
    let versions = [
        ("layer", text()),
        ("id", whole(0)),
        ("versions", list(&object(version))),
        ("links", list(&reference("Link"))),
        ("seq", whole(0)),
    ];
    let difference = [
        ("type", word(["Feature"])),
        ("id", whole(0)),
        ("geometry", reference("Geometry")),
        ("bbox?", json!({"type": "array", "items": number(), "minItems": 4, "maxItems": 6})),
        ("properties", any_object()),
        ("change", word(["insert", "update", "delete"])),
        ("before", reference("FeatureOrNull")),
    ];
    let differences = [
        ("type", word(["FeatureCollection"])),
        ("features", list(&object(difference))),
        ("links", list(&reference("Link"))),
        ("numberReturned", whole(0)),
        ("from", whole(0)),
        ("seq", whole(0)),
    ];
    vec![("Versions", object(versions)), ("Differences", object(differences))]
}

fn lookups() -> Vec<(&'static str, Value)> {
    let place = [
        ("x", number()),
        ("y", number()),
        ("lon", number()),
        ("lat", number()),
        ("crs", text()),
        ("operation?", text()),
        ("accuracy_m?", number()),
    ];
    let reading = [
        ("crs", text()),
        ("x", number()),
        ("y", number()),
        ("lon", number()),
        ("lat", number()),
        ("reason", text()),
        ("swapped", boolean()),
    ];
    let hit = [("layer", text()), ("feature", reference("Feature")), ("distance_m", number())];
    let answer = [
        ("query", object(place)),
        ("interpretations?", list(&object(reading))),
        ("hits", list(&reference("Hit"))),
        ("seq", whole(0)),
    ];
    let point =
        json!({"type": "array", "items": number(), "minItems": 2, "maxItems": 2, "example": [12.3388, 45.4342]});
    let mut points = list(&point);
    points["maxItems"] = json!(MAX_LOOKUP_POINTS);
    let mut radius = usually(nullable(number()), DEFAULT_RADIUS_M);
    radius["minimum"] = json!(0);
    radius["maximum"] = json!(MAX_LOOKUP_RADIUS_M);
    let mut layers = nullable(layer_list());
    layers["example"] = json!(null);
    let mut batch = object([
        ("points", points),
        ("crs?", json!({"type": "string", "nullable": true, "example": "EPSG:4326"})),
        ("layers?", layers),
        ("radius?", radius),
    ]);
    batch["additionalProperties"] = json!(false);
    let result = object([("hits?", list(&reference("Hit"))), ("error?", text())]);
    vec![
        ("Hit", object(hit)),
        ("LookupAnswer", object(answer)),
        ("LookupBatch", batch),
        ("LookupResults", object([("results", list(&result)), ("seq", whole(0))])),
    ]
}

fn searches() -> Vec<(&'static str, Value)> {
    let kinds = bricola_search::Kind::ALL.into_iter().map(bricola_search::Kind::word);
    let qualities = bricola_search::Quality::ALL.into_iter().map(bricola_search::Quality::word);
    let hit = [
        ("kind", word(kinds)),
        ("label", text()),
        ("context", text()),
        ("lon", number()),
        ("lat", number()),
        ("bbox?", envelope()),
        ("score", number()),
        ("quality", word(qualities)),
        ("layer", text()),
        ("id", nullable(whole(0))),
        ("distance_m?", number()),
        ("href", formatted("uri")),
    ];
    let asked = ["q?", "street?", "number?", "suffix?", "district?"].map(|name| (name, text()));
    let answer = [("query", object(asked)), ("hits", list(&reference("SearchHit"))), ("seq", whole(0))];
    let or_none = || nullable(json!({"allOf": [reference("SearchHit")]}));
    let reverse = [
        ("query", object([("lon", number()), ("lat", number())])),
        ("address", or_none()),
        ("street", or_none()),
        ("seq", whole(0)),
    ];
    vec![("SearchHit", object(hit)), ("SearchAnswer", object(answer)), ("ReverseAnswer", object(reverse))]
}

fn health() -> Vec<(&'static str, Value)> {
    let store = [
        ("state", text()),
        ("trouble_s", nullable(whole(0))),
        ("contact_s", nullable(whole(0))),
        ("reloads", whole(0)),
        ("setbacks", whole(0)),
        ("doubts", whole(0)),
        ("read_only", boolean()),
    ];
    let aside = object([("id", whole(0)), ("reason", text())]);
    let layer = [
        ("id", text()),
        ("state", word(["ready", "stale", "loading", "failed", "unreadable"])),
        ("seq", nullable(whole(0))),
        ("count", nullable(whole(0))),
        ("age_s", nullable(whole(0))),
        ("table", nullable(text())),
        ("looked_at", nullable(formatted("date-time"))),
        ("reads", whole(0)),
        ("set_aside", whole(0)),
        ("set_aside_first", list(&aside)),
        ("trouble", nullable(text())),
    ];
    let bound = object([("field", text()), ("target", text()), ("idle", nullable(text()))]);
    let binding = [
        ("layer", text()),
        ("state", word(["true", "working", "elsewhere", "waiting", "read_only", "failing"])),
        ("seq", nullable(whole(0))),
        ("fields", list(&bound)),
        ("looked", whole(0)),
        ("written", whole(0)),
        ("last_ms", whole(0)),
        ("trouble", nullable(text())),
    ];
    let status = [
        ("status", word(["ok", "stale"])),
        ("store", object(store)),
        ("version", text()),
        ("uptime_s", whole(0)),
        ("seq", whole(0)),
        ("layers", list(&object(layer))),
        ("bindings", list(&object(binding))),
        ("bindings_untrue", whole(0)),
    ];
    vec![("Status", object(status))]
}
