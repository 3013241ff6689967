//! Files of features: what GDAL reads in each is what the GeoJSON says, whatever is asked for.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use bricola_layers::definition::LayerDefinition;
use bricola_layers::feature::{Feature, Value};
use bricola_layers::store::{Edit, GeoPackageStore, OpenMode, Store as _};
use chrono::{DateTime, NaiveDate, Utc};
use geo_types::{Coord, Geometry, LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon};
use serde_json::{Value as Json, json};

use super::harness::{Answer, CORNER, Server, assert_log_is_clean};

const COMPARE: &str = include_str!("scripts/compare.py");
const EPSG: &str = "http://www.opengis.net/def/crs/EPSG/0";
const FORMATS: [Format; 3] = [
    Format {
        word: "fgb",
        driver: "FlatGeobuf",
        ids: Some("id"),
        logical: "boolean",
        day: "datetime",
        instant: "datetime",
    },
    Format { word: "gpkg", driver: "GPKG", ids: None, logical: "boolean", day: "date", instant: "datetime" },
    Format { word: "shp", driver: "ESRI Shapefile", ids: Some("id"), logical: "text", day: "date", instant: "text" },
];

struct Format {
    word: &'static str,
    driver: &'static str,
    /// The field of ids; the FID without one.
    ids: Option<&'static str>,
    /// What GDAL 3.6 reads as true and false.
    logical: &'static str,
    /// What becomes of days.
    day: &'static str,
    /// What becomes of instants.
    instant: &'static str,
}

impl Format {
    /// How `compare.py` reads it.
    fn options(&self, turned: bool, within: f64) -> Json {
        let (is_gpkg, is_shp) = (self.word == "gpkg", self.word == "shp");
        let cut = is_shp.then_some(254);
        json!({"ids": self.ids, "turned": turned, "within": within, "unsorted": is_gpkg, "blank": is_shp, "cut": cut})
    }
}

fn definition(id: &str, geometry: &str) -> LayerDefinition {
    let fields = [
        ("name", "text"),
        ("number", "integer"),
        ("size", "real"),
        ("open", "boolean"),
        ("valid_from", "date"),
        ("valid_to", "date"),
        ("seen", "datetime"),
    ];
    let field = |(name, kind): &(&str, &str)| {
        format!("[[field]]\nname = \"{name}\"\ntype = \"{kind}\"\ntitle = {{ it = \"{name}\", en = \"{name}\" }}\n")
    };
    let fields: String = fields.iter().map(field).collect();
    let text = format!(
        "id = \"{id}\"\ntitle = {{ it = \"Cose «à»\", en = \"Things\" }}\ndescription = {{ it = \"d\", en = \"d\" }}\n\
         theme = \"green\"\ngeometry = \"{geometry}\"\ncrs = \"EPSG:7795\"\nplaceless = true\n{fields}"
    );
    toml::from_str(&text).expect("a definition")
}

/// A place in whole millimetres from the corner.
fn at(east: i32, north: i32) -> Coord<f64> {
    let snapped = |value: f64| (value * 1000.0).round() / 1000.0;
    Coord { x: snapped(CORNER[0] + f64::from(east) / 1000.0), y: snapped(CORNER[1] + f64::from(north) / 1000.0) }
}

fn ring(west: i32, south: i32, side: i32) -> LineString<f64> {
    let corners = [[0, 0], [side, 0], [side, side], [0, side], [0, 0]];
    LineString(corners.iter().map(|[x, y]| at(west + x, south + y)).collect())
}

/// Two squares, the first with two holes.
fn squares(n: i32) -> MultiPolygon<f64> {
    let west = n * 70_003;
    let holes = vec![ring(west + 1_001, 1_001, 2_000), ring(west + 5_001, 5_001, 1_017)];
    MultiPolygon(vec![
        Polygon::new(ring(west, 0, 20_013), holes),
        Polygon::new(ring(west + 30_000, 30_000, 11_111), vec![]),
    ])
}

fn path(n: i32) -> LineString<f64> {
    LineString((0..20).map(|step| at(n * 5_003 + step * 1_117, (step * step * 331) % 9_973)).collect())
}

fn geometry(kind: &str, n: i32) -> Geometry<f64> {
    let point = |m: i32| Point(at(n * 1_013 + m, m * 777));
    match kind {
        "point" => point(0).into(),
        "multipoint" => MultiPoint((0..3).map(point).collect()).into(),
        "linestring" => path(n).into(),
        "multilinestring" => MultiLineString(vec![path(n), path(n + 7)]).into(),
        "polygon" => squares(n).0.swap_remove(0).into(),
        _ => squares(n).into(),
    }
}

const KINDS: [&str; 6] = ["point", "multipoint", "linestring", "multilinestring", "polygon", "multipolygon"];

/// Features with values of every type and without, of long and awkward texts, with and without a place.
fn features(kind: &str) -> Vec<Edit> {
    let texts =
        ["", "Calle dell’Àngelo", "\"virgolette\", <script>alert(1)</script> & così via", "a\nb\tc", "Жук 漢字 🦀"];
    let long = "lungo ".repeat(60);
    let feature = |n: i32| {
        let kind = if kind == "geometry" { KINDS[n as usize % 6] } else { kind };
        let text = if n == 7 { long.trim() } else { texts[n as usize % texts.len()] };
        let day = NaiveDate::from_ymd_opt(2020 + n % 7, 1 + n as u32 % 12, 1 + n as u32 % 28)
            .map_or(Value::Null, Value::Date);
        let instant: DateTime<Utc> = "2026-03-29T01:30:05.250Z".parse().expect("an instant");
        let values = vec![
            Value::Text(text.to_owned()),
            Value::Integer(if n % 4 == 0 { -9_000_000_000 + i64::from(n) } else { n.into() }),
            Value::Real(f64::from(n) / 3.0),
            Value::Boolean(n % 2 == 0),
            day,
            Value::Date(NaiveDate::from_ymd_opt(2031, 5, 17).expect("a day")),
            Value::DateTime(instant + chrono::TimeDelta::seconds(n.into())),
        ];
        let empty = |place: usize| n as usize % 9 == place;
        let properties = values.into_iter().enumerate().map(|(at, value)| if empty(at) { Value::Null } else { value });
        Edit::Insert(Feature { geometry: (n % 11 != 10).then(|| geometry(kind, n)), properties: properties.collect() })
    };
    (0..40).map(feature).collect()
}

struct City {
    server: Server,
    folder: tempfile::TempDir,
    store: Arc<GeoPackageStore>,
    /// The change after which every layer is filled.
    seq: i64,
}

async fn city(layers: &[&str]) -> City {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bricola.gpkg");
    let store = Arc::new(GeoPackageStore::open(path, OpenMode::ReadWrite).await.expect("a store"));
    let mut seq = 0;
    for kind in layers {
        store.define(&definition(&format!("of-{kind}"), kind)).await.expect("defined");
        seq = store.write(&format!("of-{kind}"), features(kind)).await.expect("written").1;
    }
    let server = Server::over(Arc::clone(&store)).await;
    server.get(&format!("/status?min-seq={seq}")).await;
    City { server, folder, store, seq }
}

/// What `compare.py` says of a file and the GeoJSON of the same question.
fn compare(folder: &Path, file: &Answer, expected: &Answer, options: &Json) -> Json {
    assert_eq!((file.status, expected.status), (200, 200), "{} {}", file.text(), expected.text());
    let name = file.header("content-disposition").split('"').nth(1).expect("a file name").to_owned();
    let (path, json) = (folder.join(&name), folder.join("expected.json"));
    std::fs::write(&path, &file.body).expect("written");
    std::fs::write(&json, &expected.body).expect("written");
    let mut command = Command::new("/usr/bin/python3");
    command.args(["-c", COMPARE]).args([&path, &json]).arg(options.to_string());
    let output = command.output().unwrap_or_else(|error| panic!("python3: {error}; install python3-gdal"));
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {err}");
    let report: Json = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{name}: {error}: {err}"));
    assert_eq!(report["differences"], json!([]), "{name}");
    assert_eq!(report["count"], expected.json()["numberReturned"], "{name}");
    assert_eq!(report["counted"], report["count"], "{name} says how many features it holds");
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn gdal_reads_in_files_what_geojson_says() {
    let layers = [&KINDS[..], &["geometry"]].concat();
    let City { server, folder, .. } = city(&layers).await;
    for format in FORMATS {
        let Format { word, driver, logical, day, instant, .. } = format;
        for kind in &layers {
            for (crs, epsg, turned, within) in [
                ("http://www.opengis.net/def/crs/OGC/1.3/CRS84".to_owned(), "4326", false, 1e-8),
                (format!("{EPSG}/7795"), "7795", false, 1e-6),
                (format!("{EPSG}/6876"), "6876", true, 1e-6),
                (format!("{EPSG}/25833"), "25833", false, 1e-6),
                (format!("{EPSG}/3003"), "3003", false, 1e-6),
            ] {
                let items = format!("/collections/of-{kind}/items?limit=1000&crs={crs}");
                let expected = server.get(&items).await;
                let file = server.get(&format!("{}&f={word}", items.replace("limit=1000&", ""))).await;
                assert_eq!(file.header("content-crs"), format!("<{crs}>"));
                assert_eq!(file.header("bricola-seq"), expected.header("bricola-seq"));
                let report = compare(folder.path(), &file, &expected, &format.options(turned, within));
                assert_eq!(report["driver"], driver, "{kind} {report}");
                // The WKT of ESRI says nothing of codes and of the order of axes.
                let is_told = word != "shp" || ["3003", "25833"].contains(&epsg);
                assert!(report["epsg"] == epsg || !is_told, "{kind} {epsg} {report}");
                let name = report["layers"][0].as_str().expect("a layer").replace('_', "-");
                assert!(name.starts_with(&format!("of-{kind}")), "{report}");
                assert_eq!(report["count"], 40);
                let kinds = &report["kinds"];
                let found = ["name", "number", "size", "open", "valid_from", "seen"].map(|name| kinds[name].clone());
                assert_eq!(found, ["text", "integer", "real", logical, day, instant], "{word}");
            }
        }
    }
    assert_log_is_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_holds_what_is_asked_for_and_no_more() {
    let City { server, folder, store, seq } = city(&["multipolygon"]).await;
    let [west, south] = CORNER;
    let questions = [
        "number=5".to_owned(),
        format!("bbox={},{},{},{}&bbox-crs={EPSG}/7795", west + 100.0, south, west + 700.0, south + 20.0),
        "filter=number > 10 AND \"open\" = true".to_owned(),
        "sortby=-size,name".to_owned(),
        "sortby=-id&limit=7".to_owned(),
        "properties=size,name".to_owned(),
        "skipGeometry=true&properties=number".to_owned(),
        "datetime=2023-06-01".to_owned(),
        format!("at={seq}"),
        "filter=number = 123456".to_owned(),
    ];
    for format in FORMATS {
        for question in &questions {
            // A change that comes after does not concern `at`, and is in both of the others.
            let (_, now) =
                store.write("of-multipolygon", vec![features("multipolygon").swap_remove(3)]).await.expect("written");
            server.get(&format!("/status?min-seq={now}")).await;
            let items = format!("/collections/of-multipolygon/items?{question}");
            let all = if question.contains("limit") { "" } else { "&limit=1000" };
            let expected = server.get(&format!("{items}{all}")).await;
            let file = server.get(&format!("{items}&f={}", format.word)).await;
            compare(folder.path(), &file, &expected, &format.options(false, 1e-8));
        }
    }
    assert_log_is_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn json_fg_tells_time_and_place_in_any_crs() {
    let City { server, .. } = city(&["multipolygon", "geometry"]).await;
    let items = "/collections/of-multipolygon/items";
    let plain = server.get(&format!("{items}?limit=40")).await.json();
    let answer = server.get(&format!("{items}?limit=40&f=jsonfg")).await;
    assert_eq!(answer.header("content-type"), "application/geo+json");
    let json = answer.json();
    let core = "http://www.opengis.net/spec/json-fg-1/1.0/conf/core";
    assert!(json["conformsTo"].as_array().is_some_and(|classes| classes.contains(&core.into())), "{json}");
    assert_eq!((&json["featureType"], &json["geometryDimension"]), (&"of-multipolygon".into(), &2.into()));
    assert_eq!(json.get("coordRefSys"), None, "CRS84 is in geometry");
    let schema = json["featureSchema"].as_str().expect("a schema").to_owned();
    assert_eq!(server.send(server.client.get(&schema)).await.status, 200);
    let links = json["links"].as_array().expect("links");
    assert!(
        links
            .iter()
            .any(|link| link["rel"] == "profile" && link["href"].as_str().is_some_and(|it| it.ends_with("/jsonfg")))
    );
    for (feature, like) in
        json["features"].as_array().expect("features").iter().zip(plain["features"].as_array().expect("features"))
    {
        for member in ["id", "geometry", "properties"] {
            assert_eq!(feature[member], like[member]);
        }
        assert_eq!(feature["place"], Json::Null);
        let [from, to] = ["valid_from", "valid_to"].map(|name| like["properties"][name].as_str());
        let last = to.map(|_| "2031-05-16");
        let expected = match (from, last) {
            (None, None) => Json::Null,
            (from, last) => json!({"interval": [from.unwrap_or(".."), last.unwrap_or("..")]}),
        };
        assert_eq!(feature["time"], expected, "the last day is the one before valid_to");
    }
    let crs = format!("{EPSG}/6876");
    let plain = server.get(&format!("{items}?crs={crs}")).await.json();
    for (profile, is_plus) in [("jsonfg", false), ("jsonfg-plus", true)] {
        let json = server.get(&format!("{items}?profile={profile}&crs={crs}")).await.json();
        assert_eq!(json["coordRefSys"], crs);
        for (feature, like) in
            json["features"].as_array().expect("features").iter().zip(plain["features"].as_array().expect("features"))
        {
            assert_eq!(feature["place"], like["geometry"], "in the order of axes of the authority");
            assert_eq!(feature["geometry"].is_object(), is_plus && like["geometry"].is_object());
        }
    }
    // One feature is a document too, and the mixed layer has no dimension.
    let one = server.get(&format!("{items}/3?profile=jsonfg&crs={crs}")).await.json();
    assert_eq!((&one["featureType"], &one["coordRefSys"]), (&"of-multipolygon".into(), &crs.as_str().into()));
    assert!(one["conformsTo"].is_array() && one["geometry"].is_null() && one["place"].is_object(), "{one}");
    let mixed = server.get("/collections/of-geometry/items?f=jsonfg").await.json();
    assert_eq!(mixed.get("geometryDimension"), None);
    for accept in ["application/fg+json", "application/vnd.ogc.fg+json;q=0.9, text/plain"] {
        let json = server.get_with(items, &[("accept", accept)]).await.json();
        assert!(json["conformsTo"].is_array(), "{accept}");
    }
    let plain = server.get_with(items, &[("accept", "application/geo+json, application/fg+json;q=0.5")]).await.json();
    assert_eq!(plain.get("conformsTo"), None);
    assert_eq!(server.get(&format!("{items}?f=jsonfg&profile=rfc7946")).await.json().get("conformsTo"), None);
    server.get(&format!("{items}?profile=gml")).await.problem(400, "invalid-parameter");
    server.get(&format!("{items}?profile=jsonfg&f=csv")).await.problem(400, "invalid-parameter");
    assert_log_is_clean();
}

/// What a few lines of Python print about the file at `argv[1]`, as JSON.
fn python(folder: &Path, name: &str, answer: &Answer, script: &str) -> Json {
    let path = folder.join(name);
    std::fs::write(&path, &answer.body).expect("written");
    let output = Command::new("/usr/bin/python3").args(["-c", script]).arg(&path).output().expect("python3");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[tokio::test]
async fn files_have_names_and_media_types_and_are_sent_as_they_are() {
    let server = Server::start().await;
    let items = "/collections/parcels/items";
    for (word, media_type, extension, is_packed) in [
        ("fgb", "application/flatgeobuf", "fgb", false),
        ("gpkg", "application/geopackage+sqlite3", "gpkg", false),
        ("parquet", "application/vnd.apache.parquet", "parquet", false),
        ("shp", "application/zip", "zip", false),
        ("csv", "text/csv", "csv", true),
        ("ndjson", "application/x-ndjson", "ndjson", true),
    ] {
        let headers = [("accept-encoding", "gzip"), ("accept", media_type)];
        for (path, headers) in [(format!("{items}?f={word}"), &headers[..1]), (items.to_owned(), &headers[..])] {
            let answer = server.get_with(&path, headers).await;
            assert_eq!(answer.status, 200, "{path}");
            assert_eq!(answer.header("content-type").split(';').next(), Some(media_type));
            assert_eq!(answer.header("content-disposition"), format!("attachment; filename=\"parcels.{extension}\""));
            assert_eq!(answer.header("content-encoding"), if is_packed { "gzip" } else { "" }, "{word}");
            assert_eq!(answer.header("bricola-seq"), "7");
            if ["gpkg", "shp"].contains(&word) {
                assert_eq!(answer.header("content-length"), answer.body.len().to_string());
            }
            let tag = answer.header("etag").to_owned();
            let again = [headers, &[("if-none-match", &*tag)]].concat();
            assert_eq!(server.get_with(&path, &again).await.status, 304);
        }
    }
    let links = server.get("/collections/parcels").await.json()["links"].clone();
    let links = links.as_array().expect("links").iter().filter(|link| link["rel"] == "items");
    let of_geojson = links.clone().filter(|link| link["type"] == "application/geo+json").count();
    assert_eq!((links.count(), of_geojson), (9, 1), "clients look for the one that is GeoJSON");
    server.get("/collections/rentals/items?f=gpkg").await.problem(404, "unknown-layer");
    server.get("/collections/slow-layer/items?f=shp").await.problem(503, "layer-loading");
    server.get(&format!("{items}?f=dxf")).await.problem(400, "invalid-parameter");
    assert_log_is_clean();
}

#[tokio::test]
async fn a_geopackage_keeps_the_standard_and_has_a_spatial_index() {
    let server = Server::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let answer =
        server.get("/collections/parcels/items?f=gpkg&lang=en&crs=http://www.opengis.net/def/crs/EPSG/0/7795").await;
    let script = r#"
import json, sqlite3, sys
file = sqlite3.connect(sys.argv[1])
one = lambda sql: file.execute(sql).fetchall()
print(json.dumps({
    "check": one("PRAGMA integrity_check"), "keys": one("PRAGMA foreign_key_check"), "application": one("PRAGMA application_id"),
    "contents": one("SELECT table_name, data_type, description, srs_id, min_x, max_y FROM gpkg_contents"),
    "boxes": one("SELECT count(*), min(minx), max(maxy) FROM rtree_parcels_geom"),
    "triggers": one("SELECT count(*) FROM sqlite_master WHERE type = 'trigger'"),
    "tables": sorted(name for (name,) in one("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%rtree%' AND name NOT LIKE 'sqlite%'")),
}))
"#;
    let found = python(folder.path(), "parcels.gpkg", &answer, script);
    assert_eq!((&found["check"], &found["keys"]), (&json!([["ok"]]), &json!([])));
    assert_eq!(found["application"], json!([[1_196_444_487]]));
    let contents = &found["contents"][0];
    assert_eq!(
        (&contents[0], &contents[1], &contents[2], &contents[3]),
        (&json!("parcels"), &json!("features"), &json!("Parcels"), &json!(7795))
    );
    assert_eq!(contents[4], json!(3_026_510.776));
    // The index holds single precision, and never less than the box.
    let near = |value: &Json, wanted: f64| value.as_f64().is_some_and(|value| (value - wanted).abs() <= 1.0);
    assert_eq!((&found["boxes"][0][0], &found["triggers"]), (&json!(100), &json!([[7]])));
    assert!(near(&found["boxes"][0][1], 3_026_510.776) && near(&found["boxes"][0][2], CORNER[1] + 200.0), "{found}");
    let tables = ["gpkg_contents", "gpkg_extensions", "gpkg_geometry_columns", "gpkg_spatial_ref_sys", "parcels"];
    assert_eq!(found["tables"], json!(tables), "nothing of ours is in it");
    // GDAL finds by the index, and may edit the file.
    let script = r#"
import json, sys
from osgeo import ogr
ogr.UseExceptions()
source = ogr.Open(sys.argv[1], 1)
layer = source.GetLayer(0)
layer.SetSpatialFilterRect(3026511, 5033256, 3026512, 5033257)
found = [feature.GetFID() for feature in layer]
layer.SetSpatialFilter(None)
feature = layer.GetFeature(100)
feature.SetGeometry(ogr.CreateGeometryFromWkt("MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)))"))
layer.SetFeature(feature)
layer.DeleteFeature(1)
layer.SetSpatialFilterRect(-1, -1, 3026512, 5033257)
print(json.dumps([found, [feature.GetFID() for feature in layer], source.GetLayerCount()]))
"#;
    assert_eq!(python(folder.path(), "edited.gpkg", &answer, script), json!([[1], [100], 1]));
    assert_log_is_clean();
}

#[tokio::test]
async fn a_shapefile_says_which_column_is_which_field() {
    let server = Server::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let answer = server.get("/collections/parcels/items?f=shp&crs=http://www.opengis.net/def/crs/EPSG/0/3003").await;
    let script = r#"
import json, sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
assert archive.testzip() is None
text = lambda name: archive.read(name).decode()
print(json.dumps([archive.namelist(), text("parcels.prj"), text("parcels.cpg"), text("parcels_fields.csv")]))
"#;
    let found = python(folder.path(), "parcels.zip", &answer, script);
    let names = ["shp", "shx", "prj", "dbf", "cpg"].map(|extension| format!("parcels.{extension}"));
    assert_eq!(found[0], json!([&names[..], &["parcels_fields.csv".to_owned()]].concat()));
    assert!(found[1].as_str().is_some_and(|prj| prj.starts_with("PROJCS[\"Monte_Mario_Italy_1\"")), "{found}");
    assert_eq!(found[2], "UTF-8");
    let fields = "column,field,titolo,title\nid,id,identificatore,identifier\nnational_r,national_ref,Riferimento,Reference\n\
                  sheet,sheet,Foglio,Sheet\nnumber,number,Numero,Number\n";
    assert_eq!(found[3], fields);
    let expected =
        server.get("/collections/parcels/items?limit=100&crs=http://www.opengis.net/def/crs/EPSG/0/3003").await;
    let options = json!({"ids": "id", "turned": false, "within": 1e-6, "names": ["national_r", "sheet", "number"]});
    compare(folder.path(), &answer, &expected, &options);
    assert_log_is_clean();
}
