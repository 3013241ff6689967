//! Filters, days and explanations of tiles, and tiles of every grid while others edit.

use std::collections::BTreeSet;
use std::sync::Arc;

use bricola_layers::crs::{Crs, with_transformer};
use bricola_layers::definition::LayerDefinition;
use bricola_layers::feature::{Feature, Value as FieldValue};
use bricola_layers::store::{Edit, GeoPackageStore, OpenMode, Store as _};
use bricola_layers::tile::{MatrixSets, TileMatrixSet};
use chrono::NaiveDate;
use geo_types::Point;
use serde_json::Value;

use super::feed::{City, definition, fountain, update};
use super::harness::{Answer, CORNER, CORNER_LONLAT, Server, assert_log_is_clean};

#[path = "../../../layers/tests/common/mod.rs"]
mod decoder;

pub const TOKEN: &str = "0123456789abcdef-explain";

pub fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// The values of a field in a tile, layer by layer.
fn values(answer: &Answer, field: &str) -> BTreeSet<String> {
    assert!(matches!(answer.status, 200 | 204), "{}", answer.text());
    let layers = decoder::decode(&answer.body).into_iter().flat_map(|(_, features)| features);
    let values = layers.flat_map(|feature| feature.properties.into_iter().filter(|(name, _)| name == field));
    values.map(|(_, value)| value).collect()
}

fn names(values: &[&str]) -> BTreeSet<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

/// Where the tile of a grid is that shows a zoom and holds a place: matrix, row and column.
fn place(set: &TileMatrixSet, zoom: u8, lonlat: [f64; 2]) -> String {
    let matrix = set.matrices.iter().find(|matrix| matrix.zoom == zoom).expect("a matrix");
    let [x, y] = with_transformer(&Crs::wgs84(), &set.crs, |it| it.point(lonlat).expect("a place")).expect("a way");
    let number = |offset: f64| (offset / matrix.side()).floor() as u32;
    format!("{}/{}/{}", matrix.id, number(matrix.origin[1] - y), number(x - matrix.origin[0]))
}

/// The tile that holds the corner, at a zoom, in every grid and by every path.
fn everywhere(layer: &str, zoom: u8) -> Vec<String> {
    let sets = MatrixSets::shipped();
    let here = [CORNER_LONLAT[0] + 0.0001, CORNER_LONLAT[1] + 0.0001];
    let in_sets = sets.iter().flat_map(|set| {
        let place = place(set, zoom, here);
        let id = &set.id;
        [format!("/collections/{layer}/tiles/{id}/{place}"), format!("/tiles/{id}/{place}?collections={layer}")]
    });
    in_sets.chain([super::tiles::path(layer, zoom)]).collect()
}

fn with(path: &str, query: &str) -> String {
    format!("{path}{}{query}", if path.contains('?') { '&' } else { '?' })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filtered_tile_holds_what_fulfils_the_filter_and_is_never_stale() {
    let city = City::of(&[definition("fountains", "public")]).await;
    let filter = format!("filter={}", encoded("name LIKE 'n1%' OR name = 'n7'"));
    for path in everywhere("fountains", 14) {
        let plain = city.server.get(&path).await;
        assert_eq!(values(&plain, "name").len(), 10, "{path}");
        let few = city.server.get(&with(&path, &filter)).await;
        assert_eq!(values(&few, "name"), names(&["n1", "n7"]), "{path}");
        assert_ne!(few.header("etag"), plain.header("etag"));
        let tag = few.header("etag").to_owned();
        let again = city.server.get_with(&with(&path, &filter), &[("if-none-match", &tag)]).await;
        assert_eq!(again.status, 304);
        let json = encoded(r#"{"op":"=","args":[{"property":"name"},"n7"]}"#);
        let one = city.server.get(&with(&path, &format!("filter={json}&filter-lang=cql2-json"))).await;
        assert_eq!(values(&one, "name"), names(&["n7"]));
        let none = city.server.get(&with(&path, &format!("filter={}", encoded("name = 'nobody'")))).await;
        assert_eq!((none.status, none.body.len()), (204, 0));
    }
    // What an edit lets in or out is in the very next answer: by a value, by a place, by its end.
    for (edit, expected) in [
        (update(3, fountain(2.0, "n1 too")), &["n1", "n1 too", "n7"][..]),
        (update(3, fountain(2.0, "n2")), &["n1", "n7"]),
        (update(1, fountain(0.0, "other")), &["n1", "n7"]),
        (update(2, fountain(1.0, "n10")), &["n10", "n7"]),
        (Edit::Delete { id: 8, expected: None }, &["n10"]),
        (Edit::Insert(fountain(3.0, "n1 new")), &["n1 new", "n10"]),
    ] {
        let (_, seq) = city.write("fountains", vec![edit]).await;
        for path in everywhere("fountains", 14) {
            let now = city.server.get(&with(&path, &format!("{filter}&min-seq={seq}"))).await;
            assert_eq!(values(&now, "name"), names(expected), "{path}");
        }
    }
    assert_log_is_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn geometries_of_a_filter_may_be_in_any_crs_and_the_past_can_be_filtered() {
    let city = City::of(&[definition("fountains", "public")]).await;
    let before = city.end().await;
    let (_, seq) = city.write("fountains", vec![update(4, fountain(3.0, "changed"))]).await;
    let [x, y] = CORNER;
    let within = format!("S_WITHIN(geometry, BBOX({}, {}, {}, {}))", x + 1.5, y - 1.0, x + 4.5, y + 1.0);
    let crs = encoded("http://www.opengis.net/def/crs/EPSG/0/7795");
    let query = format!("filter={}&filter-crs={crs}", encoded(&within));
    for path in everywhere("fountains", 15) {
        let now = city.server.get(&with(&path, &format!("{query}&min-seq={seq}"))).await;
        assert_eq!(values(&now, "name"), names(&["n2", "changed", "n4"]), "{path}");
        let then = city.server.get(&with(&path, &format!("{query}&at={before}"))).await;
        assert_eq!(values(&then, "name"), names(&["n2", "n3", "n4"]), "{path}");
        let then = city.server.get(&with(&path, &format!("at={before}"))).await;
        assert!(values(&then, "name").contains("n3") && !values(&then, "name").contains("changed"), "{path}");
    }
}

#[tokio::test]
async fn filters_that_are_wrong_are_refused_with_the_reason() {
    let server = Server::start().await;
    let deep = format!("{}sheet = 12{}", "NOT (".repeat(80), ")".repeat(80));
    for path in everywhere("parcels", 15) {
        for (query, code) in [
            (format!("filter={}", encoded("sheet >")), "filter-syntax"),
            (format!("filter={}", encoded("sheet = 12; DROP TABLE parcels")), "filter-syntax"),
            (format!("filter={}", encoded("colour = 'red'")), "filter-field"),
            (format!("filter={}", encoded("value_eur > 1")), "filter-field"),
            (format!("filter={}", encoded("sheet = 'twelve'")), "filter-type"),
            (format!("filter={}&filter-lang=cql2-json", encoded("sheet = 12")), "filter-syntax"),
            (format!("filter={}", encoded(&deep)), "filter-too-large"),
            ("filter-lang=cql2-text".to_owned(), "missing-parameter"),
            ("filter-lang=sql&filter=a".to_owned(), "invalid-parameter"),
            (format!("filter-crs=nowhere&filter={}", encoded("sheet = 12")), "invalid-parameter"),
            ("datetime=yesterday".to_owned(), "invalid-parameter"),
            ("datetime=2026-02-01/2026-01-01".to_owned(), "invalid-parameter"),
            ("at=soon".to_owned(), "invalid-parameter"),
            ("explain=maybe".to_owned(), "invalid-parameter"),
        ] {
            let answer = server.get(&with(&path, &query)).await;
            answer.problem(400, code);
        }
    }
    // Of several layers each has to have the field.
    let both = format!("{}?filter={}", super::tiles::path("parcels,streets", 15), encoded("sheet = 12"));
    assert_eq!(server.get(&both).await.problem(400, "filter-field")["layer"], "streets");
    let named = format!("{}?filter={}", super::tiles::path("fountains,streets", 15), encoded("name LIKE 'Calle%'"));
    assert_eq!(values(&server.get(&named).await, "name"), names(&["Calle Lunga"]));
    let labels = format!("{}?filter={}", super::tiles::path("parcels,parcels_label", 16), encoded("number = '7'"));
    let tile = decoder::decode(&server.get(&labels).await.body);
    assert_eq!(
        tile.iter().map(|(name, features)| (name.as_str(), features.len())).collect::<Vec<_>>(),
        [("parcels", 1), ("parcels_label", 1)]
    );
    assert_log_is_clean();
}

#[tokio::test]
async fn a_filter_brings_out_what_the_zoom_hides() {
    // Parcels of 20 m are less than a pixel at zoom 13 and gathered there; whoever asks for one sees it.
    let server = Server::start().await;
    for path in everywhere("parcels", 13) {
        let one = server.get(&with(&path, &format!("filter={}", encoded("number = '47'")))).await;
        assert_eq!(values(&one, "number"), names(&["47"]), "{path}");
    }
}

fn dated() -> LayerDefinition {
    let field = |name: &str, kind: &str| {
        format!("[[field]]\nname = \"{name}\"\ntype = \"{kind}\"\ntitle = {{ it = \"{name}\", en = \"{name}\" }}\n")
    };
    let text = format!(
        "id = \"places\"\ntitle = {{ it = \"t\", en = \"t\" }}\ndescription = {{ it = \"d\", en = \"d\" }}\n\
         theme = \"green\"\ngeometry = \"point\"\ncrs = \"EPSG:7795\"\nresolution = 0.001\nzoom = {{ min = 10, max = 16 }}\n{}{}{}",
        field("name", "text"),
        field("valid_from", "date"),
        field("valid_to", "date")
    );
    toml::from_str(&text).expect("a definition")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_or_an_interval_shows_what_was_in_force_then() {
    let folder = tempfile::tempdir().expect("a folder");
    let store =
        Arc::new(GeoPackageStore::open(folder.path().join("b.gpkg"), OpenMode::ReadWrite).await.expect("a store"));
    store.define(&dated()).await.expect("defined");
    let server = Server::over(Arc::clone(&store)).await;
    let place = |east: f64, name: &str, from: Option<i32>, to: Option<i32>| {
        let day = |year: Option<i32>| {
            year.and_then(|year| NaiveDate::from_ymd_opt(year, 1, 1)).map_or(FieldValue::Null, FieldValue::Date)
        };
        let point = Point::new(((CORNER[0] + east) * 1000.0).round() / 1000.0, (CORNER[1] * 1000.0).round() / 1000.0);
        Edit::Insert(Feature {
            geometry: Some(point.into()),
            properties: vec![FieldValue::Text(name.to_owned()), day(from), day(to)],
        })
    };
    let edits = vec![
        place(1.0, "always", None, None),
        place(2.0, "old", None, Some(2020)),
        place(3.0, "new", Some(2024), None),
        place(4.0, "between", Some(2019), Some(2025)),
    ];
    let (_, seq) = store.write("places", edits).await.expect("written");
    for path in everywhere("places", 14) {
        for (datetime, expected) in [
            ("2018-06-01", &["always", "old"][..]),
            ("2019-06-01", &["always", "old", "between"]),
            ("2024-06-01", &["always", "new", "between"]),
            ("2020-06-01/2023-06-01", &["always", "between"]),
            ("2019-06-01/2024-06-01", &["always", "old", "new", "between"]),
            ("../2018-06-01", &["always", "old"]),
            ("2025-06-01/..", &["always", "new"]),
        ] {
            let answer = server.get(&with(&path, &format!("datetime={datetime}&min-seq={seq}"))).await;
            assert_eq!(values(&answer, "name"), names(expected), "{datetime} {path}");
        }
        let both = format!("datetime=2024-06-01&filter={}", encoded("name <> 'new'"));
        assert_eq!(values(&server.get(&with(&path, &both)).await, "name"), names(&["always", "between"]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tile_of_any_grid_is_what_a_server_that_has_just_read_the_layer_draws() {
    let city = City::of(&[definition("fountains", "public")]).await;
    let mut state = 7_u64;
    let mut random = |most: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % most
    };
    let mut alive: Vec<i64> = (1..=10).collect();
    for round in 0..12 {
        // Some far enough away to come to other tiles and to make the extent another.
        let moved = fountain(random(4_000) as f64 - 2_000.0, &format!("round {round}"));
        let picked = random(alive.len() as u64) as usize;
        let edit = match random(3) {
            0 if alive.len() > 3 => Edit::Delete { id: alive.swap_remove(picked), expected: None },
            1 => Edit::Update { id: alive[picked], expected: None, feature: moved },
            _ => Edit::Insert(moved),
        };
        let is_new = matches!(edit, Edit::Insert(_));
        let (ids, seq) = city.write("fountains", vec![edit]).await;
        alive.extend(ids.into_iter().filter(|_| is_new));
        let fresh = Server::over(Arc::clone(&city.store)).await;
        for path in everywhere("fountains", [10, 13, 14, 16][round % 4]) {
            let path = with(&path, &format!("min-seq={seq}"));
            let (followed, read) = (city.server.get(&path).await, fresh.get(&path).await);
            assert_eq!((followed.status, &followed.body), (read.status, &read.body), "{path}");
            assert_eq!(followed.header("etag"), read.header("etag"), "{path}");
        }
    }
}

fn sum(layer: &Value) -> u64 {
    let dropped = &layer["dropped"];
    let count = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("a count in {layer}"));
    let reasons = ["datetime", "filter", "filterOverflow", "vanished", "byteBudget"];
    count(&layer["drawn"]) + reasons.iter().map(|reason| count(&dropped[*reason])).sum::<u64>()
}

#[tokio::test]
async fn the_staff_learn_how_a_tile_comes_about_and_nobody_else() {
    let server = Server::open(TOKEN).await;
    let bearer = format!("Bearer {TOKEN}");
    let staff = [("authorization", &*bearer), ("accept-encoding", "gzip")];
    for (place, path) in everywhere("parcels", 15).into_iter().enumerate() {
        let path = path.replace("collections=parcels", "collections=parcels,parcels_label");
        for headers in [&[][..], &[("authorization", "Bearer 0123456789abcdef")], &[("authorization", "Basic abc")]] {
            let refused = server.get_with(&with(&path, "explain=true"), headers).await;
            refused.problem(401, "unauthorized");
            assert_eq!(refused.header("www-authenticate"), "Bearer realm=\"bricola\"");
        }
        let told = server.get_with(&with(&path, "explain=true"), &staff).await;
        assert_eq!((told.status, told.header("content-type")), (200, "application/json"), "{}", told.text());
        assert_eq!((told.header("cache-control"), told.header("bricola-seq")), ("no-store", "10"));
        let told = told.json();
        assert!(told["cached"] == false || place > 0, "{told}");
        let tile = server.get_with(&path, &staff).await;
        assert_eq!(
            (&told["etag"], told["encodedBytes"].as_u64()),
            (&tile.header("etag").into(), Some(tile.body.len() as u64))
        );
        let again = server.get_with(&with(&path, "explain=true"), &staff).await.json();
        assert_eq!(again["cached"], true);
        assert_eq!(again["tile"]["tileCol"], told["tile"]["tileCol"]);
        let plain = server.get_with(&path, &[("accept-encoding", "identity")]).await;
        assert_eq!(told["bytes"].as_u64(), Some(plain.body.len() as u64));
        let tiles = decoder::decode(&plain.body);
        let layers = told["layers"].as_array().expect("layers");
        assert_eq!(layers.len(), tiles.len());
        for (layer, (_, features)) in layers.iter().zip(&tiles) {
            assert_eq!((&layer["layer"], layer["drawn"].as_u64()), (&"parcels".into(), Some(features.len() as u64)));
            assert_eq!(sum(layer), layer["seen"].as_u64().expect("a count"), "{layer}");
            let bytes = |value: &Value| value.as_u64().expect("bytes");
            let fields: u64 =
                layer["fields"].as_array().expect("fields").iter().map(|field| bytes(&field["bytes"])).sum();
            assert_eq!(bytes(&layer["geometryBytes"]) + fields + bytes(&layer["otherBytes"]), bytes(&layer["bytes"]));
            assert!(layer["selectMs"].as_f64() >= Some(0.0) && layer["drawMs"].as_f64() > Some(0.0));
        }
        let filtered = with(&path, &format!("explain=true&filter={}", encoded("number = '1'")));
        let filtered = server.get_with(&filtered, &staff).await.json();
        let layer = &filtered["layers"][0];
        assert_eq!((&layer["drawn"], &layer["dropped"]["ladder"]), (&1.into(), &Value::Null));
        assert!(layer["dropped"]["filter"].as_u64() > Some(10), "{layer}");
        assert_eq!(Some(sum(layer)), layer["seen"].as_u64(), "{layer}");
        assert_eq!(server.get_with(&with(&path, "explain=false"), &staff).await.body, tile.body);
    }
    // Where everything is shown there is nobody to be kept out.
    let open = Server::with(|config| config.show_all_layers = true).await;
    let told = open.get(&with(&super::tiles::path("rentals", 14), "explain=true")).await.json();
    assert_eq!(told["layers"][0]["drawn"], 1);
    assert_log_is_clean();
}

#[tokio::test]
async fn grids_of_a_folder_are_offered_like_the_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let set = serde_json::json!({
        "id": "Comune", "title": "Griglia del Comune", "crs": "http://www.opengis.net/def/crs/EPSG/0/7795",
        "tileMatrices": [
            {"id": "1:5000", "scaleDenominator": 5000, "cellSize": 1.4, "pointOfOrigin": [3_000_000, 5_060_000],
             "tileWidth": 512, "tileHeight": 512, "matrixWidth": 100, "matrixHeight": 80},
            {"id": "1:2000", "scaleDenominator": 2000, "cellSize": 0.56, "pointOfOrigin": [3_000_000, 5_060_000],
             "tileWidth": 512, "tileHeight": 512, "matrixWidth": 250, "matrixHeight": 200},
        ],
    });
    std::fs::write(folder.path().join("comune.json"), set.to_string()).expect("written");
    let path = folder.path().to_path_buf();
    let server = Server::with(|config| config.tile.matrix_sets = Some(path)).await;
    let served = server.get("/tileMatrixSets/Comune").await.json();
    assert_eq!(served["tileMatrices"][1]["id"], "1:2000");
    assert_eq!(served["tileMatrices"][1]["cellSize"], 0.56);
    let tileset = server.get("/collections/parcels/tiles/Comune").await.json();
    let limits = tileset["tileMatrixSetLimits"].as_array().expect("limits");
    assert_eq!(limits.len(), 2, "{tileset}");
    let side = 0.56 * 512.0;
    let column = ((CORNER[0] + 1.0 - 3_000_000.0) / side).floor();
    let row = ((5_060_000.0 - CORNER[1] - 1.0) / side).floor();
    let tile = server.get(&format!("/collections/parcels/tiles/Comune/1:2000/{row}/{column}")).await;
    assert!(tile.status == 200 && tile.header("content-type").ends_with("vector-tile"), "{}", tile.text());
    // The parcels are squares of 20 m in that CRS: in its own grid each is drawn as one, side by side with the frame.
    let units = 4096.0 / side;
    for feature in decoder::decode(&tile.body).remove(0).1 {
        let corners: BTreeSet<[i32; 2]> = feature.parts[0].iter().copied().collect();
        assert_eq!(corners.len(), 4, "{feature:?}");
        let xs: BTreeSet<i32> = corners.iter().map(|corner| corner[0]).collect();
        let width = f64::from(xs.last().expect("x") - xs.first().expect("x"));
        assert!(xs.len() == 2 && width <= 20.0 * units + 1.0, "{feature:?}");
    }
}

#[tokio::test]
async fn a_subset_in_time_says_what_datetime_says() {
    let server = Server::start().await;
    let tile = "/collections/parcels/tiles/WebMercatorQuad/16/23462/35014";
    for (subset, datetime) in [
        ("datetime(%222026-01-31%22)", "2026-01-31"),
        ("datetime(2026-01-31)", "2026-01-31"),
        ("datetime(%222026-01-01%22:%222026-12-31%22)", "2026-01-01/2026-12-31"),
        ("time(%222026-01-01T00:00:00Z%22:*)", "2026-01-01T00:00:00Z/.."),
        ("datetime(*:%222026-12-31%22)", "../2026-12-31"),
    ] {
        let answers = [format!("{tile}?subset={subset}"), format!("{tile}?datetime={datetime}")];
        let [a, b] = [server.get(&answers[0]).await, server.get(&answers[1]).await];
        assert_eq!((a.status, a.header("etag"), &a.body), (b.status, b.header("etag"), &b.body), "{subset}");
        assert!(a.status == 200 || a.status == 204, "{}", a.text());
    }
    for wrong in [
        "datetime",
        "height(3)",
        "datetime()",
        "datetime(1:2:3)",
        "datetime(%22moon%22)",
        "datetime(2026-02-01:2026-01-01)",
    ] {
        let problem = server.get(&format!("{tile}?subset={wrong}")).await.problem(400, "invalid-parameter");
        assert_eq!(problem["parameter"], "subset", "{wrong}");
    }
    let both = format!("{tile}?subset=datetime(2026-01-31)&datetime=2026-01-31");
    server.get(&both).await.problem(400, "invalid-parameter");
    assert!(server.get("/conformance").await.text().contains("ogcapi-tiles-1/1.0/conf/datetime"));
}
