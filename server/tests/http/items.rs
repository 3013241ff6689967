//! Features page by page, chosen, sorted, in any CRS and form; and what describes them.

use std::collections::BTreeSet;
use std::sync::Arc;

use bricola_layers::crs::Crs;
use bricola_layers::definition::LayerDefinition;
use bricola_layers::feature::{Feature, Value};
use bricola_layers::query::Place;
use bricola_layers::store::{Edit, GeoPackageStore, OpenMode, Store as _};
use chrono::NaiveDate;
use geo_types::Point;
use serde_json::{Value as Json, json};

use super::harness::{Answer, CORNER, CORNER_LONLAT, SIDE, Server, assert_log_is_clean};

const ITEMS: &str = "/collections/parcels/items";
const EPSG: &str = "http://www.opengis.net/def/crs/EPSG/0";

fn ids(answer: &Answer) -> Vec<i64> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let json = answer.json();
    let features = json["features"].as_array().expect("features");
    assert_eq!(json["numberReturned"], features.len());
    features.iter().map(|feature| feature["id"].as_i64().expect("an id")).collect()
}

fn link(json: &Json, rel: &str) -> Option<String> {
    let links = json["links"].as_array().expect("links");
    links.iter().find(|link| link["rel"] == rel).map(|link| link["href"].as_str().expect("an address").to_owned())
}

/// All pages from an address on.
async fn pages(server: &Server, first: &str) -> Vec<i64> {
    let mut found = Vec::new();
    let mut next = Some(server.url(first));
    while let Some(address) = next {
        let answer = server.send(server.client.get(&address)).await;
        found.extend(ids(&answer));
        next = link(&answer.json(), "next");
        assert!(found.len() < 1_000, "pages without an end");
    }
    found
}

#[tokio::test]
async fn a_page_says_what_is_on_it_and_where_the_next_begins() {
    let server = Server::start().await;
    let answer = server.get(ITEMS).await;
    assert_eq!(ids(&answer), (1..=10).collect::<Vec<_>>());
    assert_eq!(answer.header("content-type"), "application/geo+json");
    assert_eq!(answer.header("content-crs"), "<http://www.opengis.net/def/crs/OGC/1.3/CRS84>");
    assert_eq!(answer.header("bricola-seq"), "7");
    let json = answer.json();
    assert_eq!((&json["type"], &json["numberMatched"]), (&"FeatureCollection".into(), &100.into()));
    assert!(json["timeStamp"].as_str().is_some_and(|at| at.ends_with('Z')), "{json}");
    let first = &json["features"][0];
    assert_eq!(
        first["properties"],
        json!({"national_ref": "L736_001200.1", "sheet": 12, "number": "1"}),
        "no value_eur"
    );
    assert_eq!(first["geometry"]["type"], "MultiPolygon");
    let [lon, lat] =
        [0, 1].map(|axis: usize| first["geometry"]["coordinates"][0][0][0][axis].as_f64().expect("number"));
    assert!((lon - CORNER_LONLAT[0]).abs() < 1e-6 && (lat - CORNER_LONLAT[1]).abs() < 1e-6, "{lon} {lat}");
    for (limit, step) in [("limit=7&", 100), ("limit=100&", 100), ("limit=99&", 100), ("", 100)] {
        assert_eq!(pages(&server, &format!("{ITEMS}?{limit}lang=it")).await, (1..=step).collect::<Vec<_>>(), "{limit}");
    }
    assert_eq!(ids(&server.get(&format!("{ITEMS}?limit=999999999")).await).len(), 100, "as many as there may be");
    assert_log_is_clean();
}

#[tokio::test]
async fn features_are_sorted_and_paged_by_any_keys() {
    let server = Server::start().await;
    let by_text: Vec<i64> = {
        let mut numbers: Vec<i64> = (1..=100).collect();
        numbers.sort_by_key(ToString::to_string);
        numbers
    };
    assert_eq!(pages(&server, &format!("{ITEMS}?sortby=number&limit=9")).await, by_text);
    let backwards: Vec<i64> = by_text.iter().rev().copied().collect();
    assert_eq!(pages(&server, &format!("{ITEMS}?sortby=-number&limit=9")).await, backwards);
    assert_eq!(
        pages(&server, &format!("{ITEMS}?sortby=sheet,-id&limit=33")).await,
        (1..=100).rev().collect::<Vec<_>>()
    );
    assert_eq!(ids(&server.get(&format!("{ITEMS}?sortby=+id&limit=3")).await), [1, 2, 3]);
    let problem = server.get(&format!("{ITEMS}?sortby=value_eur")).await.problem(400, "invalid-parameter");
    assert_eq!(problem["allowed"], json!(["national_ref", "sheet", "number"]), "what may not be seen is not there");
    for cursor in ["x", "[]", "[1,2]", "[\"a\"]", "{}", "[null]"] {
        let problem = server.get(&format!("{ITEMS}?cursor={cursor}")).await.problem(400, "invalid-parameter");
        assert_eq!(problem["parameter"], "cursor");
    }
}

#[tokio::test]
async fn a_box_finds_what_touches_it_in_every_crs() {
    let server = Server::start().await;
    // The inside of the squares in columns 2 to 4 and rows 1 and 2.
    let [west, south] = [CORNER[0] + 2.5 * SIDE, CORNER[1] + 1.5 * SIDE];
    let [east, north] = [CORNER[0] + 4.5 * SIDE, CORNER[1] + 2.5 * SIDE];
    let expected = [13, 14, 15, 23, 24, 25];
    let within = |bbox: [f64; 4], crs: &str| {
        let bbox: Vec<String> = bbox.iter().map(f64::to_string).collect();
        format!("{ITEMS}?limit=100&bbox={}{crs}", bbox.join(","))
    };
    let here = [west, south, east, north];
    assert_eq!(ids(&server.get(&within(here, &format!("&bbox-crs={EPSG}/7795"))).await), expected);
    // The same system with north before east.
    let turned = [south, west, north, east];
    assert_eq!(ids(&server.get(&within(turned, &format!("&bbox-crs={EPSG}/6876"))).await), expected);
    let stored = Crs::epsg(7795).expect("a CRS");
    let corner = |x: f64, y: f64| Place::new(&stored, [x, y]).expect("a place").lonlat();
    let ([w, s], [e, n]) = (corner(west, south), corner(east, north));
    assert_eq!(ids(&server.get(&within([w, s, e, n], "")).await), expected);
    assert_eq!(ids(&server.get(&within([s, w, n, e], &format!("&bbox-crs={EPSG}/4326"))).await), expected);
    let heights = format!("{ITEMS}?limit=100&bbox={w},{s},-5,{e},{n},100");
    assert_eq!(ids(&server.get(&heights).await), expected);
    // Around the world the other way: everything but what lies between.
    assert_eq!(ids(&server.get(&within([e + 0.01, -90.0, w - 0.01, 90.0], "")).await), Vec::<i64>::new());
    assert_eq!(
        ids(&server.get(&within([w - 1.0, -90.0, -170.0, 90.0], "")).await).len(),
        100,
        "across the antimeridian"
    );
    assert_eq!(ids(&server.get(&within([-180.0, -90.0, 180.0, 90.0], "")).await).len(), 100);
    for wrong in
        ["1,2,3", "a,b,c,d", "1,2,3,4,5", "12,46,13,45", "12,45,13,95", "-190,45,13,46", "NaN,45,13,46", "inf,1,2,3"]
    {
        let problem = server.get(&format!("{ITEMS}?bbox={wrong}")).await.problem(400, "invalid-parameter");
        assert_eq!((&problem["parameter"], &problem["value"]), (&"bbox".into(), &wrong.into()));
    }
    server.get(&format!("{ITEMS}?bbox-crs={EPSG}/7795")).await.problem(400, "missing-parameter");
    server.get(&format!("{ITEMS}?bbox=1,2,3,4&bbox-crs=nonsense")).await.problem(400, "invalid-parameter");
    assert_log_is_clean();
}

#[tokio::test]
async fn coordinates_come_in_the_crs_that_is_asked_for_and_its_order_of_axes() {
    let server = Server::start().await;
    let position = async |crs: &str| {
        let answer = server.get(&format!("{ITEMS}/1?crs={EPSG}/{crs}")).await;
        assert_eq!(answer.header("content-crs"), format!("<{EPSG}/{crs}>"), "{}", answer.text());
        let json = answer.json();
        [0, 1].map(|axis: usize| json["geometry"]["coordinates"][0][0][0][axis].as_f64().expect("a number"))
    };
    let near = |[a, b]: [f64; 2], [c, d]: [f64; 2], most: f64| (a - c).abs() < most && (b - d).abs() < most;
    // San Marco, by an independent computation.
    for (crs, expected, most) in [
        ("7795", CORNER, 0.001),
        ("6876", [CORNER[1], CORNER[0]], 0.001),
        ("25833", [291_847.960_5, 5_034_631.545_0], 0.002),
        ("7792", [291_847.960_5, 5_034_631.545_0], 0.002),
        ("3857", [1_373_548.933, 5_690_138.374_3], 0.01),
        ("4326", [45.4342, 12.3388], 2e-8),
        ("6706", [45.4342, 12.3388], 2e-8),
        ("3035", [2_483_083.878, 4_504_252.510_1], 0.002),
        ("3003", [1_761_183.998_1, 5_036_629.489_4], 0.002),
    ] {
        let found = position(crs).await;
        assert!(near(found, expected, most), "EPSG:{crs}: {found:?}, not {expected:?}");
    }
    let listed = server.get("/collections/parcels").await.json()["crs"].clone();
    for uri in listed.as_array().expect("crs") {
        let answer = server.get(&format!("{ITEMS}?limit=2&crs={}", uri.as_str().expect("text"))).await;
        assert_eq!(
            (answer.status, answer.header("content-crs")),
            (200, &*format!("<{}>", uri.as_str().expect("text")))
        );
        assert!(answer.json()["features"][0]["geometry"]["coordinates"].is_array(), "{uri}");
    }
    let problem = server.get(&format!("{ITEMS}?crs={EPSG}/27700")).await.problem(400, "invalid-parameter");
    assert_eq!(problem["allowed"], listed, "the British grid is not offered");
}

#[tokio::test]
async fn features_are_chosen_by_filter_and_by_the_values_of_their_fields() {
    let server = Server::start().await;
    for (query, expected) in [
        ("filter=number='7'", vec![7]),
        ("number=7", vec![7]),
        ("sheet=12&number=8", vec![8]),
        ("sheet=13", vec![]),
        ("number=9&filter=sheet=12 AND id > 5", vec![9]),
        ("filter={\"op\":\"in\",\"args\":[{\"property\":\"number\"},[\"3\",\"5\"]]}&filter-lang=cql2-json", vec![3, 5]),
        ("filter=CASEI(national_ref) LIKE CASEI('l736_001200.1_')&limit=3", vec![10, 11, 12]),
        ("filter=S_INTERSECTS(geometry,POINT(12.33888 45.43425))", vec![1]),
    ] {
        let answer = server.get(&format!("{ITEMS}?{query}")).await;
        assert_eq!(ids(&answer), expected, "{query}");
    }
    // Geometries of the filter in another CRS, north before east.
    let [x, y] = [CORNER[0] + 5.0, CORNER[1] + 25.0];
    let filter = format!("filter=S_INTERSECTS(geometry,POINT({x} {y}))&filter-crs={EPSG}/7795");
    assert_eq!(ids(&server.get(&format!("{ITEMS}?{filter}")).await), [11]);
    let filter = format!("filter=S_INTERSECTS(geometry,POINT({y} {x}))&filter-crs={EPSG}/6876");
    assert_eq!(ids(&server.get(&format!("{ITEMS}?{filter}")).await), [11]);
    for (query, code, parameter) in [
        ("filter=number=", "filter-syntax", "filter"),
        ("filter=value_eur>5", "filter-field", "filter"),
        ("filter=number>5", "filter-type", "filter"),
        ("filter-lang=cql2-text", "missing-parameter", "filter"),
        ("filter=true&filter-crs=none", "invalid-parameter", "filter-crs"),
        ("sheet=twelve", "invalid-parameter", "sheet"),
        ("value_eur=5", "unknown-parameter", "value_eur"),
        ("colour=red", "unknown-parameter", "colour"),
        ("limit=0", "invalid-parameter", "limit"),
        ("limit=many", "invalid-parameter", "limit"),
        ("properties=number,value_eur", "invalid-parameter", "properties"),
        ("f=xml", "invalid-parameter", "f"),
        ("skipGeometry=perhaps", "invalid-parameter", "skipGeometry"),
        ("datetime=yesterday", "invalid-parameter", "datetime"),
        ("datetime=2026-02-01/2026-01-01", "invalid-parameter", "datetime"),
        ("limit=5&limit=6", "repeated-parameter", "limit"),
    ] {
        let problem = server.get(&format!("{ITEMS}?{query}")).await.problem(400, code);
        assert_eq!(problem["parameter"], parameter, "{query}: {problem}");
    }
    assert_log_is_clean();
}

#[tokio::test]
async fn only_what_is_wanted_of_a_feature_is_sent() {
    let server = Server::start().await;
    let feature = server.get(&format!("{ITEMS}?limit=1&properties=number&skipGeometry=true")).await.json();
    let feature = &feature["features"][0];
    assert_eq!((&feature["properties"], &feature["geometry"]), (&json!({"number": "1"}), &Json::Null));
    assert_eq!(feature.get("bbox"), None);
}

#[tokio::test]
async fn one_feature_has_its_version_as_validator() {
    let server = Server::start().await;
    let path = format!("{ITEMS}/5");
    let answer = server.get(&path).await;
    let json = answer.json();
    assert_eq!((answer.status, &json["type"], &json["id"]), (200, &"Feature".into(), &5.into()));
    assert_eq!((answer.header("etag"), &json["version"]), ("\"v1\"", &1.into()));
    assert!(link(&json, "collection").is_some_and(|address| address.contains("/collections/parcels")));
    assert_eq!(link(&json, "self"), Some(server.url(&path)));
    assert_eq!(server.get_with(&path, &[("if-none-match", "\"v1\"")]).await.status, 304);
    for unknown in ["0", "101", "-1", "x", "99999999999999999999"] {
        let problem = server.get(&format!("{ITEMS}/{unknown}")).await.problem(404, "unknown-feature");
        assert_eq!(problem["value"], unknown);
    }
    server.get("/collections/rentals/items/1").await.problem(404, "unknown-layer");
    server.get("/collections/rentals/items").await.problem(404, "unknown-layer");
    server.get("/collections/slow-layer/items").await.problem(503, "layer-loading");
    let list = server.get(ITEMS).await;
    let again = server.get_with(ITEMS, &[("if-none-match", list.header("etag"))]).await;
    assert_eq!((again.status, again.header("etag")), (304, list.header("etag")));
    assert_ne!(server.get(&format!("{ITEMS}?limit=11")).await.header("etag"), list.header("etag"));
}

#[tokio::test]
async fn files_hold_every_feature() {
    let server = Server::start().await;
    let answer = server.get(&format!("{ITEMS}?f=csv")).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/csv; charset=utf-8; header=present"));
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"parcels.csv\"");
    let mut reader = csv::Reader::from_reader(&answer.body[..]);
    assert_eq!(reader.headers().expect("a head"), vec!["id", "national_ref", "sheet", "number", "wkt"]);
    let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().expect("rows");
    assert_eq!(rows.len(), 100);
    assert_eq!(rows[41].iter().take(4).collect::<Vec<_>>(), ["42", "L736_001200.42", "12", "42"]);
    assert!(rows[41][4].starts_with("MULTIPOLYGON(((12.33"), "{}", &rows[41][4]);
    let fountains = server.get("/collections/fountains/items?f=csv&limit=2").await.text();
    assert!(fountains.contains("1,\"Fontana \"\"0\"\"\",POINT(12.3"), "{fountains}");
    assert_eq!(fountains.lines().count(), 3);

    let answer = server.get_with(ITEMS, &[("accept", "application/x-ndjson")]).await;
    let lines: Vec<Json> = answer.text().lines().map(|line| serde_json::from_str(line).expect("a feature")).collect();
    assert_eq!(lines.len(), 100);
    assert_eq!(lines[99]["properties"]["number"], "100");
    let empty = server.get(&format!("{ITEMS}?f=csv&sheet=99")).await;
    assert_eq!(empty.text(), "id,national_ref,sheet,number,wkt\n");
    let nothing = server.get(&format!("{ITEMS}?f=ndjson&sheet=99")).await;
    assert_eq!((nothing.status, nothing.text()), (200, String::new()));
    server.get_with(ITEMS, &[("accept", "image/png")]).await.problem(406, "not-acceptable");
}

#[tokio::test]
async fn what_features_hold_is_described() {
    let server = Server::start().await;
    for path in ["schema", "queryables", "sortables"] {
        let answer = server.get(&format!("/collections/parcels/{path}?lang=en")).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/schema+json"));
        let json = answer.json();
        assert_eq!(json["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert_eq!(json["$id"], server.url(&format!("/collections/parcels/{path}")));
        assert_eq!(json["properties"]["sheet"]["type"], "integer");
        assert_eq!(json["properties"]["number"]["title"], "Number");
        assert_eq!(json["properties"].get("value_eur"), None);
        assert_eq!(json["properties"].get("geometry").is_some(), path != "sortables");
        server.get(&format!("/collections/nothing/{path}")).await.problem(404, "unknown-layer");
        let address = link(
            &server.get("/collections/parcels").await.json(),
            &match path {
                "schema" => "http://www.opengis.net/def/rel/ogc/1.0/schema".to_owned(),
                _ => format!("http://www.opengis.net/def/rel/ogc/1.0/{path}"),
            },
        );
        assert_eq!(address, Some(server.url(&format!("/collections/parcels/{path}"))));
    }
}

#[tokio::test]
async fn every_conformance_class_has_something_to_show() {
    let server = Server::start().await;
    let declared = server.get("/conformance").await.json();
    let declared: Vec<&str> =
        declared["conformsTo"].as_array().expect("classes").iter().filter_map(Json::as_str).collect();
    assert_eq!(declared.iter().collect::<BTreeSet<_>>().len(), declared.len(), "none twice");
    for class in declared {
        let (standard, name) = class
            .strip_prefix("http://www.opengis.net/spec/")
            .and_then(|class| class.split_once("/1.0/conf/").or_else(|| class.split_once("/2.0/conf/")))
            .unwrap_or_else(|| panic!("{class} is no class"));
        let path = match (standard, name) {
            ("ogcapi-common-1" | "ogcapi-features-1", "html") => format!("{ITEMS}?f=html"),
            ("ogcapi-common-1", _) => "/?f=json".to_owned(),
            ("ogcapi-common-2", _) => "/collections".to_owned(),
            ("json-fg-1", "profiles") => format!("{ITEMS}?profile=jsonfg-plus"),
            ("json-fg-1", _) => format!("{ITEMS}?f=jsonfg"),
            ("ogcapi-features-2", _) => format!("{ITEMS}?crs={EPSG}/4326"),
            ("ogcapi-features-3" | "ogcapi-features-5" | "ogcapi-common-3", "queryables" | "sortables") => {
                format!("/collections/parcels/{name}")
            }
            ("ogcapi-features-3", "queryables-query-parameters") => format!("{ITEMS}?number=7"),
            ("ogcapi-features-5" | "ogcapi-common-3", _) => "/collections/parcels/schema".to_owned(),
            ("ogcapi-features-1", _) => ITEMS.to_owned(),
            ("ogcapi-features-3", _) => format!("{ITEMS}?filter=number='7'"),
            ("cql2", name) => format!("{ITEMS}?{}", cql2_example(name)),
            ("tms", "tilematrixset" | "json-tilematrixset") => "/tileMatrixSets/WebMercatorQuad".to_owned(),
            ("tms", _) => "/collections/parcels/tiles/WebMercatorQuad".to_owned(),
            ("ogcapi-styles-1", "core") => "/styles/city".to_owned(),
            ("ogcapi-styles-1", "global-styles") => "/styles".to_owned(),
            ("ogcapi-tiles-1", "datetime") => {
                let subset = "subset=datetime(%222026-01-01%22:*)";
                format!("/collections/parcels/tiles/WebMercatorQuad/14/5865/8753?{subset}")
            }
            ("ogcapi-tiles-1", "tileset") => "/tiles/WebMercatorQuad".to_owned(),
            ("ogcapi-tiles-1", "tilesets-list" | "dataset-tilesets") => "/tiles".to_owned(),
            ("ogcapi-tiles-1", "geodata-tilesets") => "/collections/parcels/tiles".to_owned(),
            ("ogcapi-tiles-1", "collections-selection") => {
                "/tiles/WebMercatorQuad/14/5865/8753?collections=parcels".to_owned()
            }
            ("ogcapi-tiles-1", "core" | "mvt" | "oas30") => {
                "/collections/parcels/tiles/WebMercatorQuad/14/5865/8753".to_owned()
            }
            // Jobs are begun, listed and dismissed in `desk/processes.rs`.
            ("ogcapi-processes-1", "ogc-process-description" | "job-list" | "dismiss") => "/processes/zones".to_owned(),
            ("ogcapi-processes-1", _) => "/processes".to_owned(),
            _ => panic!("{class} is proven by nothing"),
        };
        let answer = server.get(&path).await;
        assert_eq!(answer.status, 200, "{class}: {path}: {}", answer.text());
    }
}

/// A filter that only a server of a class of CQL2 takes.
fn cql2_example(class: &str) -> &'static str {
    match class {
        "cql2-text" => "filter=number='7' AND NOT sheet=1",
        "cql2-json" => "filter-lang=cql2-json&filter={\"op\":\"=\",\"args\":[{\"property\":\"sheet\"},12]}",
        "basic-cql2" => "filter=sheet>=12 AND sheet<=12 OR number IS NULL",
        "advanced-comparison-operators" => "filter=number LIKE '1%' AND sheet BETWEEN 1 AND 20 AND number IN ('1','2')",
        "case-insensitive-comparison" => "filter=CASEI(number)=CASEI('A')",
        "accent-insensitive-comparison" => "filter=ACCENTI(number)=ACCENTI('\u{e0}')",
        "basic-spatial-functions" => "filter=S_INTERSECTS(geometry,POINT(12.3 45.4))",
        "basic-spatial-functions-plus" => "filter=S_INTERSECTS(geometry,POLYGON((12 45,13 45,13 46,12 45)))",
        "spatial-functions" => {
            "filter=S_WITHIN(geometry,POLYGON((12 45,13 45,13 46,12 45))) OR S_TOUCHES(geometry,POINT(12 45))"
        }
        "temporal-functions" => "filter=T_AFTER(DATE('2026-01-01'),DATE('2025-01-01'))",
        "property-property" => "filter=number=national_ref",
        "arithmetic" => "filter=sheet*2%2B1=25",
        other => panic!("{other} has no example"),
    }
}

fn definition() -> LayerDefinition {
    let field = |name: &str, kind: &str| {
        format!("[[field]]\nname = \"{name}\"\ntype = \"{kind}\"\ntitle = {{ it = \"{name}\", en = \"{name}\" }}\n")
    };
    let fields = [("name", "text"), ("rank", "integer"), ("valid_from", "date"), ("valid_to", "date")];
    let fields: String = fields.iter().map(|(name, kind)| field(name, kind)).collect();
    let text = format!(
        "id = \"places\"\ntitle = {{ it = \"t\", en = \"t\" }}\ndescription = {{ it = \"d\", en = \"d\" }}\ntheme = \"green\"\n\
         geometry = \"point\"\ncrs = \"EPSG:7795\"\nresolution = 0.001\nzoom = {{ min = 10, max = 16 }}\n{fields}"
    );
    toml::from_str(&text).expect("a definition")
}

fn place(number: i64, rank: Option<i64>, from: Option<u32>, to: Option<u32>) -> Feature {
    let day = |month: Option<u32>| {
        month.and_then(|month| NaiveDate::from_ymd_opt(2026, month, 1)).map_or(Value::Null, Value::Date)
    };
    let point = Point::new(3_026_510.0 + number as f64, 5_033_255.0);
    let rank = rank.map_or(Value::Null, Value::Integer);
    Feature {
        geometry: Some(point.into()),
        properties: vec![Value::Text(format!("n{number}")), rank, day(from), day(to)],
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_between_pages_neither_repeat_nor_hide_another_feature() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bricola.gpkg");
    let store = Arc::new(GeoPackageStore::open(path, OpenMode::ReadWrite).await.expect("a store"));
    store.define(&definition()).await.expect("defined");
    let server = Server::over(Arc::clone(&store)).await;
    let begin = (0..60).map(|n| Edit::Insert(place(n, (n % 7 != 0).then_some(n % 5), None, None))).collect();
    let (first, seq) = store.write("places", begin).await.expect("written");
    for sort in ["", "&sortby=rank", "&sortby=-rank,name"] {
        let items = "/collections/places/items";
        let mut next = Some(server.url(&format!("{items}?limit=7{sort}&min-seq={seq}")));
        let (mut seen, mut round) = (Vec::new(), 0);
        while let Some(address) = next {
            let answer = server.send(server.client.get(&address)).await;
            seen.extend(ids(&answer));
            next = link(&answer.json(), "next");
            // One comes that stands anywhere, and an older one that stays where it is in every order gets a new place.
            round += 1;
            let id = first[(round * 11) % 60];
            let mut stored = store.features("places", &[id]).await.expect("read").remove(0).feature;
            stored.geometry = Some(Point::new(3_026_600.0 + round as f64, 5_033_300.0).into());
            let edits = vec![
                Edit::Insert(place(100 + round as i64, Some(3), None, None)),
                Edit::Update { id, expected: None, feature: stored },
            ];
            let (_, seq) = store.write("places", edits).await.expect("written");
            server.get(&format!("/status?min-seq={seq}")).await;
        }
        let mut old: Vec<i64> = seen.iter().copied().filter(|id| first.contains(id)).collect();
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), seen.len(), "{sort}: nothing twice");
        old.sort_unstable();
        assert_eq!(old, first, "{sort}: nothing is missing");
    }
    // As of the beginning it is as it was.
    let past = server.get(&format!("/collections/places/items?limit=1000&at={seq}")).await;
    assert_eq!(ids(&past), first);
    // Those without a rank come last, whichever way.
    for sort in ["rank", "-rank"] {
        let json = server.get(&format!("/collections/places/items?limit=1000&sortby={sort}&at={seq}")).await.json();
        let ranks: Vec<Option<i64>> =
            json["features"].as_array().expect("features").iter().map(|f| f["properties"]["rank"].as_i64()).collect();
        let known: Vec<i64> = ranks.iter().map_while(|rank| *rank).collect();
        assert_eq!(known.len(), ranks.iter().flatten().count(), "{sort}: {ranks:?}");
        assert!(known.is_sorted_by(|a, b| if sort == "rank" { a <= b } else { a >= b }), "{sort}: {known:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn intervals_of_time_choose_what_was_valid_in_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bricola.gpkg");
    let store = Arc::new(GeoPackageStore::open(path, OpenMode::ReadWrite).await.expect("a store"));
    store.define(&definition()).await.expect("defined");
    let server = Server::over(Arc::clone(&store)).await;
    let spans = [(None, None), (Some(3), Some(5)), (Some(5), None), (None, Some(3))];
    let edits = spans.iter().enumerate().map(|(n, (from, to))| Edit::Insert(place(n as i64, None, *from, *to)));
    let (made, seq) = store.write("places", edits.collect()).await.expect("written");
    for (datetime, expected) in [
        ("2026-01-15", vec![0, 3]),
        ("2026-03-01", vec![0, 1]),
        ("2026-04-30T12:00:00Z", vec![0, 1]),
        ("2026-05-01", vec![0, 2]),
        ("2026-01-01/2026-12-31", vec![0, 1, 2, 3]),
        ("2026-03-01/2026-04-30", vec![0, 1]),
        ("2026-05-01/..", vec![0, 2]),
        ("2026-04-30/", vec![0, 1, 2]),
        ("../2026-02-28", vec![0, 3]),
        ("../..", vec![0, 1, 2, 3]),
    ] {
        let found = ids(&server.get(&format!("/collections/places/items?datetime={datetime}&min-seq={seq}")).await);
        let expected: Vec<i64> = expected.into_iter().map(|n: usize| made[n]).collect();
        assert_eq!(found, expected, "{datetime}");
    }
}
