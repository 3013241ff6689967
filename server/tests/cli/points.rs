//! A hundred thousand places, asked of us and of PostGIS.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::harness::{Folder, Process, alone};
use super::postgis::PostGis;

const POINTS: usize = 100_000;
/// Points of one request.
const BATCH: usize = 10_000;
/// PostGIS computes with doubles and we with whole millimetres: nearer to an edge than this either may be right.
const TOLERANCE_M: f64 = 0.001;

/// A repeatable stream of numbers in `0.0..1.0` (splitmix64).
fn numbers(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) as f64 / u64::MAX as f64
    }
}

fn fields<const N: usize>(line: &str) -> [f64; N] {
    let mut fields = line.split('|').map(|field| field.parse().expect("a number"));
    std::array::from_fn(|_| fields.next().expect("a field"))
}

/// Anywhere in the city, on vertices, on edges, and within millimetres of them.
fn places(database: &PostGis) -> Vec<[f64; 2]> {
    let lines = database.sql(
        "SELECT ST_X(ST_StartPoint(edge)), ST_Y(ST_StartPoint(edge)), ST_X(ST_EndPoint(edge)), ST_Y(ST_EndPoint(edge)) \
         FROM (SELECT edge FROM parcels_edges UNION ALL SELECT edge FROM zoning_edges) AS e ORDER BY 1, 2, 3, 4;",
    );
    let edges: Vec<[f64; 4]> = lines.lines().map(fields).collect();
    let extent =
        "SELECT ST_XMin(e), ST_YMin(e), ST_XMax(e), ST_YMax(e) FROM (SELECT ST_Extent(geom) AS e FROM parcels) AS x;";
    let [west, south, east, north] = fields(database.sql(extent).trim());
    let mut next = numbers(42);
    let place = |index: usize| {
        let [x1, y1, x2, y2] = edges[((next() * edges.len() as f64) as usize).min(edges.len() - 1)];
        let along = next();
        let on = [x1 + along * (x2 - x1), y1 + along * (y2 - y1)];
        let mut around = |[x, y]: [f64; 2], reach: f64| [x + reach * (next() - 0.5), y + reach * (next() - 0.5)];
        match index % 10 {
            0 => [x1, y1],
            1 => on,
            2 => around(on, 0.01),
            3 => around([x1, y1], 2.0),
            _ => [west + next() * (east - west), south + next() * (north - south)],
        }
    };
    (0..POINTS).map(place).collect()
}

/// What PostGIS says of a layer.
struct Truth {
    /// By place: the surfaces that cover it.
    covering: BTreeMap<usize, BTreeSet<i64>>,
    /// By place: the surfaces with an edge so near that they may be said to cover it or not.
    undecided: BTreeMap<usize, BTreeSet<i64>>,
    /// Places so near to the rim of all surfaces together that none may cover them.
    rim: BTreeSet<usize>,
}

impl Truth {
    fn ask(database: &PostGis, layer: &str) -> Self {
        let pairs = |sql: &str| {
            let mut pairs: BTreeMap<usize, BTreeSet<i64>> = BTreeMap::new();
            for line in database.sql(sql).lines() {
                let (place, feature) = line.split_once('|').expect("two fields");
                let feature = feature.parse().expect("an id");
                pairs.entry(place.parse().expect("a number")).or_default().insert(feature);
            }
            pairs
        };
        let covers = format!("SELECT p.id, t.fid FROM places AS p JOIN {layer} AS t ON ST_Covers(t.geom, p.geom);");
        let near = format!(
            "SELECT DISTINCT p.id, e.fid FROM places AS p JOIN {layer}_edges AS e ON ST_DWithin(e.edge, p.geom, {TOLERANCE_M});"
        );
        let rim = format!(
            "CREATE TABLE {layer}_rim AS SELECT (ST_DumpSegments(ST_Boundary(ST_Union(geom)))).geom AS edge FROM {layer}; \
             CREATE INDEX ON {layer}_rim USING gist (edge); ANALYZE {layer}_rim; \
             SELECT DISTINCT p.id, 0 FROM places AS p JOIN {layer}_rim AS r ON ST_DWithin(r.edge, p.geom, {TOLERANCE_M});"
        );
        Self { covering: pairs(&covers), undecided: pairs(&near), rim: pairs(&rim).into_keys().collect() }
    }

    /// Compares; the number of places that PostGIS leaves undecided.
    fn compare(&self, what: &str, answers: &[BTreeSet<i64>]) -> usize {
        let (none, mut undecided) = (BTreeSet::new(), 0);
        for (place, ours) in answers.iter().enumerate() {
            let covering = self.covering.get(&place).unwrap_or(&none);
            let Some(near) = self.undecided.get(&place) else {
                assert_eq!(ours, covering, "{what}, place {place}");
                continue;
            };
            undecided += 1;
            let possible: BTreeSet<i64> = covering | near;
            assert!(ours.is_subset(&possible), "{what}, place {place}: {ours:?}, possible are {possible:?}");
            if self.rim.contains(&place) {
                assert!(ours.len() <= 1, "{what}, place {place} on the rim: {ours:?}");
            } else {
                assert_eq!(ours.len(), 1, "{what}, place {place}: {ours:?} of {possible:?}");
            }
        }
        undecided
    }
}

fn csv(places: &[[f64; 2]]) -> String {
    places.iter().fold("x,y\n".to_owned(), |mut text, [x, y]| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{x:?},{y:?}");
        text
    })
}

/// The answers of `bricola lookup`.
fn by_file(folder: &Folder, layer: &str, places: &[[f64; 2]], crs: &str) -> Vec<BTreeSet<i64>> {
    folder.write("places.csv", &csv(places));
    let run = folder.run(&["lookup", "places.csv", "--layer", layer, "--crs", crs, "-o", "found.csv"]);
    assert_eq!(run.code, 0, "{run:?}");
    let mut reader = csv::Reader::from_reader(std::io::Cursor::new(folder.read("found.csv")));
    assert_eq!(reader.headers().expect("a header").get(2), Some(&*format!("{layer}_id")));
    let row = |row: Result<csv::StringRecord, csv::Error>| {
        let row = row.expect("a row");
        row[2].parse().into_iter().collect()
    };
    reader.records().map(row).collect()
}

/// The answers of `POST /lookup`.
fn by_http(server: &Process, layer: &str, places: &[[f64; 2]], crs: &str) -> Vec<BTreeSet<i64>> {
    let ask = |points: &[[f64; 2]]| {
        let answer = server.post("/lookup", &serde_json::json!({ "points": points, "crs": crs, "layers": [layer] }));
        let results = answer["results"].as_array().expect("results");
        let ids = |result: &serde_json::Value| {
            let hits = result["hits"].as_array().unwrap_or_else(|| panic!("{result}"));
            hits.iter().map(|hit| hit["feature"]["id"].as_i64().expect("an id")).collect()
        };
        results.iter().map(ids).collect::<Vec<_>>()
    };
    places.chunks(BATCH).flat_map(ask).collect()
}

#[test]
fn a_hundred_thousand_places_have_the_surfaces_that_postgis_finds() {
    let _alone = alone();
    let folder = Folder::new();
    let data = folder.path().join("bricola-data");
    assert_eq!(folder.run(&["demo", "--parcels", "5000", "--seed", "3", "--no-serve"]).code, 0);
    let database = PostGis::start();
    for layer in ["parcels", "zoning"] {
        database.import(&data.join("bricola.gpkg"), layer);
        database.sql(&format!(
            "CREATE TABLE {layer}_edges AS SELECT fid, (ST_DumpSegments(ST_Boundary(geom))).geom AS edge FROM {layer}; \
             CREATE INDEX ON {layer}_edges USING gist (edge); ANALYZE {layer}_edges;"
        ));
    }
    let odd = "SELECT count(*) FILTER (WHERE ST_NumInteriorRings(ST_GeometryN(geom, 1)) > 0), \
               count(*) FILTER (WHERE ST_NumGeometries(geom) > 1) FROM zoning;";
    let [holes, parts] = fields(database.sql(odd).trim());
    assert!(holes > 5.0 && parts > 5.0, "too simple a layer: {holes} with holes, {parts} of several parts");

    let places = places(&database);
    let rows = places.iter().enumerate().fold(String::new(), |mut text, (id, [x, y])| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{id}\t{x:?}\t{y:?}");
        text
    });
    let degrees = database.sql(&format!(
        "CREATE TABLE places (id int PRIMARY KEY, x float8, y float8);\nCOPY places FROM stdin;\n{rows}\\.\n\
         ALTER TABLE places ADD geom geometry(Point, 7795); UPDATE places SET geom = ST_SetSRID(ST_MakePoint(x, y), 7795); \
         CREATE INDEX ON places USING gist (geom); ANALYZE places; \
         SELECT ST_X(p), ST_Y(p) FROM (SELECT id, ST_Transform(geom, 4326) AS p FROM places) AS t ORDER BY id;"
    ));
    let degrees: Vec<[f64; 2]> = degrees.lines().map(fields).collect();
    let server = folder.start(&["demo", "--parcels", "5000", "--seed", "3"]);
    server.wait_until_ready();
    for layer in ["parcels", "zoning"] {
        let truth = Truth::ask(&database, layer);
        assert!(truth.covering.len() > POINTS / 3, "{} places in {layer}", truth.covering.len());
        // The answer holds whole outlines, of which a zone's may be long.
        let by_request = if layer == "zoning" { 2_000 } else { POINTS };
        for (crs, places) in [("EPSG:7795", &places), ("EPSG:4326", &degrees)] {
            let what = format!("{layer} in {crs}");
            let undecided = truth.compare(&what, &by_file(&folder, layer, places, crs));
            assert!(undecided > 1_000, "{undecided} undecided");
            truth.compare(&what, &by_http(&server, layer, &places[..by_request], crs));
        }
    }
}
