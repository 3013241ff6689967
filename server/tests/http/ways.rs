//! `/service-area` beside pgRouting, on a thousand random questions in the streets of a made-up city.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use bricola_city::City;
use bricola_layers::definition::{Catalog, LayerDefinition};
use bricola_layers::feature::{Feature, Value};
use bricola_layers::store::{Edit, GeoPackageStore, OpenMode, Store as _};
use futures::StreamExt as _;
use geo_types::{Geometry, MultiLineString, Point};
use serde::Deserialize;
use serde_json::Value as Json;

use super::harness::Server;
use super::stored::cluster::cluster;

/// Parcels of the city.
const PARCELS: u64 = 12_000;
/// Questions that are asked.
const QUESTIONS: usize = 1_000;

/// The graph by PostGIS, of the streets as they were drawn, in metres: vertices that lines share, their ends, and where one
/// ends on another. Then random places beside streets, and what pgRouting reaches of them.
const GRAPH: &str = r"
CREATE EXTENSION pgrouting;
CREATE TABLE given (street int, wkt text);
COPY given FROM stdin;
{streets}\.
CREATE TABLE lines AS SELECT row_number() OVER (ORDER BY street, (part).path) AS line, ST_RemoveRepeatedPoints((part).geom) AS geom
  FROM (SELECT street, ST_Dump(ST_GeomFromText(wkt)) AS part FROM given) AS parts;
CREATE TABLE vertices AS SELECT line, (point).path[1] AS place, (point).geom AS geom
  FROM (SELECT line, ST_DumpPoints(geom) AS point FROM lines) AS points;
CREATE TABLE segments AS SELECT line, place, ST_MakeLine(geom, next) AS geom
  FROM (SELECT line, place, geom, lead(geom) OVER (PARTITION BY line ORDER BY place) AS next FROM vertices) AS pairs WHERE next IS NOT NULL;
CREATE INDEX ON segments USING gist (geom);
CREATE TABLE ends AS SELECT line, ST_StartPoint(geom) AS geom FROM lines UNION ALL SELECT line, ST_EndPoint(geom) FROM lines;
CREATE TABLE corners AS SELECT line, place::float8 AS place, geom FROM vertices
  UNION ALL SELECT line, place + along, geom FROM (
    SELECT segments.line, place, ends.geom, ST_LineLocatePoint(segments.geom, ends.geom) AS along
      FROM ends JOIN segments ON segments.line <> ends.line AND ST_DWithin(segments.geom, ends.geom, 0.5)) AS met
  WHERE along > 0 AND along < 1;
CREATE TABLE placed AS SELECT line, key, geom, row_number() OVER (PARTITION BY line ORDER BY place) AS n,
    row_number() OVER (PARTITION BY line ORDER BY place DESC) AS from_end
  FROM (SELECT *, lag(key) OVER (PARTITION BY line ORDER BY place) AS before
    FROM (SELECT *, round(ST_X(geom) * 100) || ' ' || round(ST_Y(geom) * 100) AS key FROM corners) AS keyed) AS followed
  WHERE key IS DISTINCT FROM before;
CREATE TABLE nodes AS SELECT key, row_number() OVER (ORDER BY key) AS node, (array_agg(geom))[1] AS geom FROM placed
  GROUP BY key HAVING count(*) > 1 OR bool_or(n = 1 OR from_end = 1);
CREATE TABLE edges AS SELECT row_number() OVER (ORDER BY line, part) AS id, (array_agg(node ORDER BY n))[1] AS source,
    (array_agg(next_node ORDER BY n DESC))[1] AS target, sum(ST_Distance(geom, next)) AS cost,
    ST_MakeLine(array_agg(geom ORDER BY n) || (array_agg(next ORDER BY n DESC))[1]) AS geom
  FROM (SELECT line, n, placed.geom, node, lead(placed.geom) OVER along AS next, lead(node) OVER along AS next_node, count(node) OVER along AS part
    FROM placed LEFT JOIN nodes USING (key) WINDOW along AS (PARTITION BY line ORDER BY n)) AS pairs
  WHERE next IS NOT NULL GROUP BY line, part;
CREATE INDEX ON edges USING gist (geom);
SELECT setseed(0.25);
CREATE TABLE drawn AS SELECT geom FROM edges, generate_series(1, 3) ORDER BY random() LIMIT 1400;
CREATE TABLE tries AS SELECT row_number() OVER () AS q, (ARRAY[1, 3, 6, 10, 15])[1 + floor(random() * 5)::int] AS minutes,
    ST_SnapToGrid(ST_Translate(ST_LineInterpolatePoint(geom, random()), (random() - 0.5) * 12, (random() - 0.5) * 12), 0.001) AS geom FROM drawn;
CREATE TABLE starts AS SELECT * FROM (
  SELECT q, minutes, geom, near.*, count(*) OVER (PARTITION BY q) AS found, row_number() OVER (PARTITION BY q ORDER BY off) AS rank,
      lead(off) OVER (PARTITION BY q ORDER BY off) - off AS ahead
    FROM tries, LATERAL (SELECT id, source, target, cost, ST_Distance(edges.geom, tries.geom) AS off,
        ST_LineLocatePoint(edges.geom, tries.geom) AS along FROM edges ORDER BY edges.geom <-> tries.geom LIMIT 2) AS near) AS ranked
  WHERE rank = 1 AND along > 0.001 AND along < 0.999 AND (ahead IS NULL OR ahead > 0.05) ORDER BY q LIMIT {questions};
CREATE TABLE reached AS SELECT -start_vid AS q, node, agg_cost + off AS metres, minutes * 75.0 AS most
  FROM pgr_withPointsDD('SELECT id, source, target, cost, cost AS reverse_cost FROM edges',
      'SELECT q AS pid, id AS edge_id, along AS fraction, ''b''::char AS side FROM starts',
      (SELECT array_agg(-q) FROM starts), 1125.0, directed := false, driving_side := 'b', details := false)
    JOIN starts ON q = -start_vid
  WHERE node > 0 AND agg_cost + off <= minutes * 75.0;
CREATE INDEX ON reached (q, node);
ANALYZE reached;
CREATE TABLE chosen AS SELECT * FROM nodes WHERE node % 8 = 0;
CREATE TABLE walked AS SELECT q, id AS edge FROM reached JOIN edges ON source = node UNION SELECT q, id FROM reached JOIN edges ON target = node
  UNION SELECT q, id FROM starts;
ANALYZE walked;
-- Metres of streets: of most edges by their ends, of the first by what lies around the place.
CREATE TABLE lengths AS
  SELECT starts.q, sum(CASE WHEN edges.id = starts.id THEN
      (SELECT sum(upper(part) - lower(part)) FROM unnest((SELECT range_agg(numrange(low::numeric, greatest(low, high)::numeric)) FROM (VALUES
        (greatest(0, along * edges.cost - (minutes * 75.0 - off)), least(edges.cost, along * edges.cost + minutes * 75.0 - off)),
        (0, CASE WHEN a.metres IS NOT NULL THEN least(edges.cost, minutes * 75.0 - a.metres) END),
        (CASE WHEN b.metres IS NOT NULL THEN greatest(0, edges.cost - (minutes * 75.0 - b.metres)) END, edges.cost)) AS spans (low, high)
        WHERE low IS NOT NULL AND high IS NOT NULL)) AS part)::float8
    ELSE least(edges.cost, coalesce(minutes * 75.0 - a.metres, 0) + coalesce(minutes * 75.0 - b.metres, 0)) END) AS metres
  FROM starts JOIN walked USING (q) JOIN edges ON edges.id = edge
    LEFT JOIN reached AS a ON a.q = starts.q AND a.node = edges.source LEFT JOIN reached AS b ON b.q = starts.q AND b.node = edges.target
  GROUP BY starts.q;
";

/// A question, and what pgRouting says.
#[derive(Debug, Deserialize)]
struct Asked {
    x: f64,
    y: f64,
    minutes: f64,
    /// Metres of streets.
    streets: f64,
    /// Metres to each corner that is reached.
    corners: BTreeMap<String, f64>,
}

fn streets() -> LayerDefinition {
    let catalog = Catalog::shipped().expect("sound");
    let shipped = catalog.get("streets").expect("shipped").clone();
    LayerDefinition { crs: Some("EPSG:7795".to_owned()), resolution: Some(0.001), ..shipped }
}

fn corners() -> LayerDefinition {
    toml::from_str(
        "id = \"corners\"\ntitle = { it = \"t\", en = \"t\" }\ndescription = { it = \"d\", en = \"d\" }\ntheme = \"mobility\"\n\
         geometry = \"point\"\ncrs = \"EPSG:7795\"\nresolution = 0.001\nlabel = \"code\"\n\
         [[field]]\nname = \"code\"\ntype = \"text\"\ntitle = { it = \"c\", en = \"c\" }\n",
    )
    .expect("a definition")
}

fn wkt(lines: &MultiLineString<f64>) -> String {
    let line = |line: &geo_types::LineString<f64>| {
        let places: Vec<String> = line.0.iter().map(|at| format!("{:.3} {:.3}", at.x, at.y)).collect();
        format!("({})", places.join(","))
    };
    format!("MULTILINESTRING({})", lines.iter().map(line).collect::<Vec<_>>().join(","))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_within_reach_is_what_pgrouting_reaches() {
    let definition = streets();
    let features: Vec<Feature> = City::new(PARCELS, 11).features("streets", &definition).collect();
    let mut rows = String::new();
    for (number, feature) in features.iter().enumerate() {
        let Some(Geometry::MultiLineString(lines)) = &feature.geometry else { panic!("{feature:?}") };
        let _ = writeln!(rows, "{number}\t{}", wkt(lines));
    }
    let database = cluster().database();
    cluster().sql(&database, &GRAPH.replace("{streets}", &rows).replace("{questions}", &QUESTIONS.to_string()));
    let told = cluster().sql(
        &database,
        "SELECT json_build_object('x', ST_X(starts.geom), 'y', ST_Y(starts.geom), 'minutes', minutes, 'streets', lengths.metres, 'corners',
            coalesce((SELECT json_object_agg(node, reached.metres) FROM reached JOIN chosen USING (node) WHERE reached.q = starts.q), '{}'))
          FROM starts JOIN lengths USING (q) ORDER BY q",
    );
    let questions: Vec<Asked> = told.lines().map(|line| serde_json::from_str(line).expect("a question")).collect();
    assert_eq!(questions.len(), QUESTIONS);

    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bricola.gpkg");
    let store = Arc::new(GeoPackageStore::open(path, OpenMode::ReadWrite).await.expect("a store"));
    store.define(&definition).await.expect("defined");
    store.define(&corners()).await.expect("defined");
    store.write("streets", features.into_iter().map(Edit::Insert).collect()).await.expect("written");
    let chosen = cluster().sql(&database, "SELECT node, ST_X(geom), ST_Y(geom) FROM chosen ORDER BY node");
    let corner = |line: &str| {
        let parts: Vec<&str> = line.split('|').collect();
        let place = |text: &str| (text.parse::<f64>().expect("a number") * 1e3).round() / 1e3;
        let at = Point::new(place(parts[1]), place(parts[2]));
        Edit::Insert(Feature { geometry: Some(at.into()), properties: vec![Value::Text(parts[0].to_owned())] })
    };
    store.write("corners", chosen.lines().map(corner).collect()).await.expect("written");
    let server = Server::over(Arc::clone(&store)).await;
    let asked = futures::stream::iter(&questions).map(|question| {
        let Asked { x, y, minutes, .. } = question;
        let path = format!("/service-area?x={x:.3}&y={y:.3}&crs=EPSG:7795&minutes={minutes}&nearest=corners&k=100");
        let server = &server;
        async move { (question, server.get(&path).await) }
    });
    let mut answers = asked.buffered(4);
    let mut compared = 0;
    while let Some((question, answer)) = answers.next().await {
        assert_eq!(answer.status, 200, "{}", answer.text());
        compared += compare(question, &answer.json());
    }
    assert!(compared > 5 * QUESTIONS, "{compared} corners");
}

/// Compares a question's answers; how many corners there were.
fn compare(question: &Asked, answer: &Json) -> usize {
    let metres = |value: &Json| value.as_str().and_then(|text| text.parse::<f64>().ok()).expect("metres");
    let features = answer["nearest"][0]["features"].as_array().expect("features");
    let ours: BTreeMap<&str, f64> =
        features.iter().map(|it| (it["name"].as_str().expect("a name"), metres(&it["metres"]))).collect();
    let most = question.minutes * 75.0;
    // Answers are whole metres; a hair on either side of the rim is neither's fault.
    for (corner, theirs) in question.corners.iter().filter(|(_, metres)| **metres < most - 0.1) {
        let ours = ours.get(corner.as_str()).unwrap_or_else(|| panic!("{corner} at {theirs}: {question:?}"));
        assert!((ours - theirs).abs() < 0.6, "{corner}: {ours} and {theirs}: {question:?}");
    }
    for (corner, metres) in ours.iter().filter(|(_, metres)| **metres < most - 1.0) {
        assert!(question.corners.contains_key(*corner), "{corner} at {metres}: {question:?}");
    }
    let whole = metres(&answer["streets_m"]);
    assert!((whole - question.streets).abs() < 1.0 + question.streets * 1e-3, "{whole}: {question:?}");
    ours.len()
}
