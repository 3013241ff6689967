//! OGC API Tiles: grids, tilesets and their tiles. The abstract tests of the standard (20-057, annex A) are named where they
//! are done.

use std::collections::BTreeSet;

use bricola_layers::crs::lonlat_to_world;
use bricola_layers::tile::TileId;
use serde_json::Value;

use super::harness::{Answer, CORNER_LONLAT, Server, assert_log_is_clean};

const MEDIA: &str = "application/vnd.mapbox-vector-tile";
const TILING_SCHEME: &str = "http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme";
const TILESETS: &str = "http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector";

fn here(z: u8) -> TileId {
    TileId::holding(lonlat_to_world([CORNER_LONLAT[0] + 0.0002, CORNER_LONLAT[1] + 0.0002]), z)
}

/// The path of a tile of WebMercatorQuad under a tileset.
pub fn tile(tilesets: &str, z: u8) -> String {
    let TileId { z, x, y } = here(z);
    format!("{tilesets}/WebMercatorQuad/{z}/{y}/{x}")
}

fn list<'a>(value: &'a Value, name: &str) -> &'a Vec<Value> {
    value[name].as_array().unwrap_or_else(|| panic!("{name} of {value}"))
}

fn link<'a>(value: &'a Value, rel: &str) -> &'a Value {
    let found: Vec<&Value> = list(value, "links").iter().filter(|link| link["rel"] == rel).collect();
    assert_eq!(found.len(), 1, "{rel} of {value}");
    found[0]
}

fn href<'a>(value: &'a Value, rel: &str) -> &'a str {
    link(value, rel)["href"].as_str().expect("an address")
}

async fn follow(server: &Server, url: &str) -> Answer {
    server.send(server.client.get(url)).await
}

fn texts<'a>(values: &'a [Value], name: &str) -> Vec<&'a str> {
    values.iter().filter_map(|value| value[name].as_str()).collect()
}

#[tokio::test]
async fn grids_are_listed_and_described_as_the_standard_has_them() {
    let server = Server::start().await;
    let listed = server.get("/tileMatrixSets").await.json();
    let sets = list(&listed, "tileMatrixSets");
    assert_eq!(
        texts(sets, "id"),
        ["WebMercatorQuad", "WorldCRS84Quad", "EuropeanETRS89_LAEAQuad", "ItalyRDN2008_UTM33NQuad"]
    );
    for set in sets {
        let one = follow(&server, href(set, "self")).await;
        assert_eq!((one.status, one.header("content-type")), (200, "application/json"));
        let one = one.json();
        assert_eq!((&one["id"], &one["crs"], one.get("uri")), (&set["id"], &set["crs"], set.get("uri")));
        let mut scale = f64::MAX;
        for matrix in list(&one, "tileMatrices") {
            let denominator = matrix["scaleDenominator"].as_f64().expect("a scale");
            assert!(denominator < scale, "{matrix}");
            scale = denominator;
            for member in ["cellSize", "tileWidth", "tileHeight", "matrixWidth", "matrixHeight"] {
                assert!(matrix[member].as_f64().is_some_and(|number| number > 0.0), "{member} of {matrix}");
            }
        }
    }
    let europe = server.get("/tileMatrixSets/EuropeanETRS89_LAEAQuad?lang=en").await;
    assert_eq!(europe.header("content-language"), "en");
    let europe = europe.json();
    assert_eq!(europe["title"], "Europe, Lambert equal area (ETRS89)");
    assert_eq!(europe["orderedAxes"], serde_json::json!(["Y", "X"]));
    assert_eq!(
        europe["tileMatrices"][0]["pointOfOrigin"],
        serde_json::json!([5_500_000.0, 2_000_000.0]),
        "north first"
    );
    let mercator = server.get("/tileMatrixSets/WebMercatorQuad").await.json();
    assert_eq!(mercator["uri"], "http://www.opengis.net/def/tilematrixset/OGC/1.0/WebMercatorQuad");
    let [x, y] =
        [0, 1].map(|axis: usize| mercator["tileMatrices"][3]["pointOfOrigin"][axis].as_f64().expect("a number"));
    assert!((x + 20_037_508.342_789_2).abs() < 1e-6 && (y - 20_037_508.342_789_2).abs() < 1e-6);
    for unknown in ["webmercatorquad", "Nothing", "..%2F..%2Fetc%2Fpasswd", "%00"] {
        let problem = server.get(&format!("/tileMatrixSets/{unknown}")).await.problem(404, "unknown-tile-matrix-set");
        assert_eq!(list(&problem, "allowed").len(), 4);
    }
    server.get("/tileMatrixSets?f=xml").await.problem(400, "invalid-parameter");
    server.get("/tileMatrixSets/WebMercatorQuad?token=1").await.problem(400, "unknown-parameter");
    assert_log_is_clean();
}

#[tokio::test]
async fn tilesets_are_found_by_links_from_the_landing_page_and_from_each_layer() {
    // /conf/dataset-tilesets/landingpage, /conf/geodata-tilesets/desc-links, /conf/tilesets-list/tileset-links
    let server = Server::start().await;
    let landing = server.get("/?f=json").await.json();
    let of_dataset = href(&landing, TILESETS).to_owned();
    assert_eq!(of_dataset, server.url("/tiles?f=json"));
    href(&landing, "http://www.opengis.net/def/rel/ogc/1.0/tiling-schemes");
    let parcels = server.get("/collections/parcels").await.json();
    let of_parcels = href(&parcels, TILESETS).to_owned();
    assert_eq!(of_parcels, server.url("/collections/parcels/tiles?f=json"));
    for (tilesets, path) in [(of_dataset, "/tiles"), (of_parcels, "/collections/parcels/tiles")] {
        let answer = follow(&server, &tilesets).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
        let answer = answer.json();
        assert_eq!(href(&answer, "self"), tilesets);
        assert_eq!(list(&answer, "tilesets").len(), 4);
        for tileset in list(&answer, "tilesets") {
            assert_eq!(tileset["dataType"], "vector");
            let id = tileset["tileMatrixSetId"].as_str().expect("an id");
            assert_eq!(href(tileset, TILING_SCHEME), server.url(&format!("/tileMatrixSets/{id}")));
            assert_eq!(href(tileset, "self"), server.url(&format!("{path}/{id}?f=json")));
            let set = server.get(&format!("/tileMatrixSets/{id}")).await.json();
            assert_eq!(tileset["crs"], set["crs"]);
            let uri = set["uri"].as_str().map_or_else(|| server.url(&format!("/tileMatrixSets/{id}")), str::to_owned);
            assert_eq!(tileset["tileMatrixSetURI"], uri);
            let one = follow(&server, href(tileset, "self")).await;
            assert_eq!(one.status, 200);
            let item = link(&one.json(), "item").clone();
            assert_eq!((&item["templated"], &item["type"]), (&true.into(), &MEDIA.into()));
            let template = server.url(&format!("{path}/{id}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}"));
            assert_eq!(item["href"], template);
        }
    }
}

#[tokio::test]
async fn a_tileset_says_what_its_tiles_hold_and_where_they_are() {
    // /conf/tileset/description
    let server = Server::start().await;
    let answer = server.get("/collections/parcels/tiles/WebMercatorQuad?lang=en").await;
    assert_eq!((answer.header("content-language"), answer.header("bricola-seq")), ("en", "10"));
    let tileset = answer.json();
    assert_eq!(tileset["mediaTypes"], serde_json::json!([MEDIA]));
    assert_eq!(href(&tileset, "describedby"), server.url("/tiles/parcels.json"), "TileJSON is still there");
    let layer = &list(&tileset, "layers")[0];
    assert_eq!(
        (&layer["id"], &layer["title"], &layer["geometryDimension"]),
        (&"parcels".into(), &"Parcels".into(), &2.into())
    );
    assert_eq!((&layer["minTileMatrix"], &layer["maxTileMatrix"]), (&"13".into(), &"18".into()));
    assert_eq!((&layer["attribution"], &layer["propertiesSchema"]["type"]), (&"Agenzia".into(), &"object".into()));
    let properties = layer["propertiesSchema"]["properties"].as_object().expect("properties");
    assert_eq!(properties.keys().collect::<Vec<_>>(), ["sheet", "number"], "what tiles carry and everybody may see");
    assert_eq!((&properties["sheet"]["type"], &properties["number"]["title"]), (&"integer".into(), &"Number".into()));
    let limits = list(&tileset, "tileMatrixSetLimits");
    assert_eq!(texts(limits, "tileMatrix"), ["13", "14", "15", "16", "17", "18"]);
    for limit in limits {
        let z: u8 = limit["tileMatrix"].as_str().expect("a matrix").parse().expect("a zoom");
        let number = |name: &str| limit[name].as_u64().expect("a number") as u32;
        let TileId { x, y, .. } = here(z);
        assert!((number("minTileCol")..=number("maxTileCol")).contains(&x), "{limit}");
        assert!((number("minTileRow")..=number("maxTileRow")).contains(&y), "{limit}");
        assert!(number("maxTileCol") - number("minTileCol") < 4, "200 m are few tiles: {limit}");
    }
    let bounds = &tileset["boundingBox"];
    assert!(bounds["lowerLeft"][0].as_f64().is_some_and(|west| (west - CORNER_LONLAT[0]).abs() < 1e-4), "{bounds}");
    assert_eq!(tileset["centerPoint"]["tileMatrix"], "16");

    let all = server.get("/tiles/WorldCRS84Quad").await.json();
    assert_eq!(texts(list(&all, "layers"), "id"), ["fountains", "parcels", "streets"], "what is ready and public");
    assert_eq!(list(&all, "layers")[0]["geometryDimension"], 0);
    assert!(list(&all, "links").iter().all(|link| link["rel"] != "describedby"), "TileJSON is about WebMercatorQuad");
    let chosen = server.get("/tiles/WebMercatorQuad?collections=streets,parcels_label").await.json();
    assert_eq!(texts(list(&chosen, "layers"), "id"), ["streets", "parcels_label"]);
    assert_eq!(list(&chosen, "layers")[1]["geometryDimension"], 0);
    assert!(href(&chosen, "item").ends_with("/{tileMatrix}/{tileRow}/{tileCol}?collections=streets,parcels_label"));
    assert_eq!(href(&chosen, "describedby"), server.url("/tiles/streets,parcels_label.json"));
    // A layer in which there is nothing yet has tiles, all of them empty.
    let empty = server.get("/collections/slow-layer/tiles/WorldCRS84Quad").await.json();
    assert_eq!(list(&empty, "tileMatrixSetLimits")[0]["maxTileCol"], 1);
    assert!(empty.get("boundingBox").is_none());
}

#[tokio::test]
async fn tiles_of_both_kinds_of_paths_are_the_same_bytes_from_the_same_cache() {
    // /conf/core/tc-success, /conf/mvt/content
    let server = Server::start().await;
    for (layers, path, z) in [
        ("parcels", tile("/collections/parcels/tiles", 16), 16),
        ("fountains,parcels,streets", tile("/tiles", 15), 15),
        ("streets,parcels", format!("{}?collections=streets,parcels", tile("/tiles", 14)), 14),
        ("parcels,parcels_label", format!("{}?collections=parcels,parcels_label&f=mvt", tile("/tiles", 16)), 16),
    ] {
        let TileId { x, y, .. } = here(z);
        for coding in ["identity", "gzip", "br"] {
            let headers = [("accept-encoding", coding)];
            let known = server.get_with(&format!("/tiles/{layers}/{z}/{x}/{y}"), &headers).await;
            for path in [path.clone(), path.replace('?', ".mvt?")] {
                let same = server.get_with(&path, &headers).await;
                assert_eq!((same.status, same.header("content-type")), (200, MEDIA), "{path}");
                assert_eq!(same.body, known.body, "{path}");
                for header in ["etag", "bricola-seq", "cache-control", "vary", "content-encoding", "bricola-kept"] {
                    assert_eq!(same.header(header), known.header(header), "{header} of {path}");
                }
                let tag = known.header("etag").to_owned();
                let again = server.get_with(&path, &[("accept-encoding", coding), ("if-none-match", &tag)]).await;
                assert_eq!((again.status, again.body.len()), (304, 0));
            }
        }
    }
    let metrics = server.get("/metrics").await.text();
    assert!(metrics.contains("bricola_tile_cache_total{result=\"miss\"} 12\n"), "each was made once: {metrics}");
    assert!(metrics.contains("route=\"/collections/{collectionId}/tiles/{tileMatrixSetId}"), "{metrics}");
}

#[tokio::test]
async fn what_is_outside_is_404_and_what_is_no_number_400_by_the_names_of_the_standard() {
    // /conf/core/tc-error
    let server = Server::start().await;
    for tilesets in ["/collections/parcels/tiles", "/tiles"] {
        let get = async |rest: &str| server.get(&format!("{tilesets}/{rest}")).await;
        for (rest, parameter) in [
            ("WebMercatorQuad/x/0/0", "tileMatrix"),
            ("WebMercatorQuad/014/0/0", "tileMatrix"),
            ("WebMercatorQuad/14/-1/0", "tileRow"),
            ("WebMercatorQuad/14/1/1.5", "tileCol"),
            ("WebMercatorQuad/14/1/99999999999", "tileCol"),
            ("WorldCRS84Quad/14/a/0", "tileRow"),
            ("ItalyRDN2008_UTM33NQuad/10/0/1e3", "tileCol"),
        ] {
            assert_eq!(get(rest).await.problem(400, "invalid-tile")["parameter"], parameter, "{rest}");
        }
        for (rest, parameter) in [
            ("WebMercatorQuad/23/0/0", "tileMatrix"),
            ("WebMercatorQuad/14/16384/0", "tileRow"),
            ("WebMercatorQuad/14/0/16384", "tileCol"),
            ("WebMercatorQuad/14/2147483647/2147483647", "tileCol"),
            ("WorldCRS84Quad/24/0/0", "tileMatrix"),
            ("WorldCRS84Quad/x/0/0", "tileMatrix"),
            ("WorldCRS84Quad/13/8192/0", "tileRow"),
            ("EuropeanETRS89_LAEAQuad/11/0/2048", "tileCol"),
        ] {
            assert_eq!(get(rest).await.problem(404, "outside-grid")["parameter"], parameter, "{rest}");
        }
        let shallow = get("WebMercatorQuad/2/1/1").await.problem(404, "outside-zoom-range");
        assert_eq!(shallow["parameter"], "tileMatrix");
        let shallow = get("WorldCRS84Quad/3/1/1").await.problem(404, "outside-zoom-range");
        assert!(!list(&shallow, "allowed").is_empty());
        // Beyond the limits that the tileset tells there is no tile; the paths of Martin's users know no limits.
        let beyond = get("WebMercatorQuad/14/0/0").await.problem(404, "outside-grid");
        let TileId { x, y, .. } = here(14);
        let allowed = &beyond["allowed"];
        assert!(allowed["minTileCol"].as_u64().is_some_and(|least| least <= x.into()), "{beyond}");
        assert!(allowed["maxTileRow"].as_u64().is_some_and(|most| most >= y.into()), "{beyond}");
        for grid in ["WorldCRS84Quad", "EuropeanETRS89_LAEAQuad", "ItalyRDN2008_UTM33NQuad"] {
            get(&format!("{grid}/13/0/0")).await.problem(404, "outside-grid");
        }
        let unknown = get("Parcels/14/0/0").await.problem(404, "unknown-tile-matrix-set");
        assert!(unknown["detail"].as_str().is_some_and(|detail| detail.contains("small letters")), "{unknown}");
        get("Nothing").await.problem(404, "unknown-tile-matrix-set");
        get("WebMercatorQuad?f=xml").await.problem(400, "invalid-parameter");
        let shown = format!("{}?f=png", &tile("", 14)[1..]);
        assert_eq!(get(&shown).await.problem(400, "invalid-parameter")["parameter"], "f");
    }
    assert_eq!(server.get("/tiles/parcels/14/0/0").await.status, 204);
    server.get("/collections/nothing/tiles").await.problem(404, "unknown-layer");
    server.get("/collections/rentals/tiles/WebMercatorQuad").await.problem(404, "unknown-layer");
    server.get(&tile("/collections/rentals/tiles", 14)).await.problem(404, "unknown-layer");
    server.get(&tile("/collections/parcels,streets/tiles", 14)).await.problem(404, "unknown-layer");
    server.get(&tile("/collections/slow-layer/tiles", 14)).await.problem(503, "layer-loading");
    assert_log_is_clean();
}

#[tokio::test]
async fn collections_chooses_among_the_layers_of_the_dataset() {
    // /conf/collections-selection
    let server = Server::start().await;
    let path = tile("/tiles", 15);
    for (list, parameter) in [
        ("nothing", "collections"),
        ("rentals", "collections"),
        ("parcels,parcels", "collections"),
        (",", "collections"),
    ] {
        let problem = server.get(&format!("{path}?collections={list}")).await.problem(400, "invalid-parameter");
        assert_eq!(problem["parameter"], parameter, "{list}");
        server.get(&format!("/tiles?collections={list}")).await.problem(400, "invalid-parameter");
        server.get(&format!("/tiles/WebMercatorQuad?collections={list}")).await.problem(400, "invalid-parameter");
    }
    let many = vec!["parcels"; 40].join(",");
    server.get(&format!("{path}?collections={many}")).await.problem(400, "invalid-parameter");
    server.get(&format!("{path}?collections=slow-layer")).await.problem(503, "layer-loading");
    let repeated = format!("{path}?collections=parcels&collections=streets");
    server.get(&repeated).await.problem(400, "repeated-parameter");
    assert_eq!(server.get(&format!("{path}?collections=")).await.body, server.get(&path).await.body);
    server
        .get(&format!("{}?collections=streets", tile("/collections/parcels/tiles", 15)))
        .await
        .problem(400, "unknown-parameter");
    server.get("/tiles/parcels/15/0/0?collections=streets").await.problem(400, "unknown-parameter");
}

#[tokio::test]
async fn the_description_has_the_paths_and_names_of_the_standard() {
    // /conf/oas30/completeness, /conf/oas30/operation-id
    let server = Server::start().await;
    let api = server.get("/api").await.json();
    for (path, suffix) in [
        ("/tiles", ".dataset.vector.getTileSetsList"),
        ("/tiles/{tileMatrixSetId}", ".dataset.vector.getTileSet"),
        ("/tiles/{tileMatrixSetId}/{tileMatrix}/{tileRow}/{tileCol}", ".dataset.vector.getTile"),
        ("/collections/{collectionId}/tiles", ".collection.vector.getTileSetsList"),
        ("/collections/{collectionId}/tiles/{tileMatrixSetId}", ".collection.vector.getTileSet"),
        (
            "/collections/{collectionId}/tiles/{tileMatrixSetId}/{tileMatrix}/{tileRow}/{tileCol}",
            ".collection.vector.getTile",
        ),
        ("/tileMatrixSets", ".getTileMatrixSetsList"),
        ("/tileMatrixSets/{tileMatrixSetId}", ".getTileMatrixSet"),
    ] {
        let operation = &api["paths"][path]["get"];
        assert!(operation["operationId"].as_str().is_some_and(|id| id.ends_with(suffix)), "{path}: {operation}");
    }
    let classes = server.get("/conformance").await.json();
    let classes: BTreeSet<&str> = list(&classes, "conformsTo").iter().filter_map(Value::as_str).collect();
    for class in [
        "core",
        "tileset",
        "tilesets-list",
        "dataset-tilesets",
        "geodata-tilesets",
        "collections-selection",
        "mvt",
        "oas30",
    ] {
        assert!(classes.contains(&*format!("http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/{class}")), "{class}");
    }
    for class in
        ["tilematrixset", "json-tilematrixset", "tilesetmetadata", "json-tilesetmetadata", "json-tilematrixsetlimits"]
    {
        assert!(classes.contains(&*format!("http://www.opengis.net/spec/tms/2.0/conf/{class}")), "{class}");
    }
}
