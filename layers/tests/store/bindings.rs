//! Bound fields, on both stores: what is stored is what the layers give, whoever edits what.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bricola_layers::binding::{Bindings, Checked, State, check, keep, rebuild};
use bricola_layers::cache::{Territory, follow};
use bricola_layers::definition::LayerDefinition;
use bricola_layers::feature::{Feature, FeatureId, Value};
use bricola_layers::log::{Cause, Change, Reason, Seq};
use bricola_layers::store::{BindingState, BoundRow, BoundRows, Edit, Replacement as _, Store};
use chrono::{Days, NaiveDate};
use geo_types::{Geometry, MultiPolygon, Point, Polygon, line_string, polygon};
use tokio::task::JoinHandle;

use super::sample::all;
use super::{geopackage, postgis};

/// A corner of what the tests are about, EPSG:7795.
const CORNER: [f64; 2] = [3_026_000.0, 5_033_000.0];

fn layer(id: &str, geometry: &str, fields: &str) -> LayerDefinition {
    let text = format!(
        "id = \"{id}\"\ntitle = {{ it = \"Prova\", en = \"Test\" }}\ndescription = {{ it = \"d\", en = \"d\" }}\n\
         theme = \"taxes\"\ngeometry = \"{geometry}\"\ncrs = \"EPSG:7795\"\nkey = [\"code\"]\n{fields}"
    );
    let text = text.replace("title:", "title = { it = \"f\", en = \"f\" }, ");
    bricola_layers::definition::parse(id, &text).expect("a definition")
}

const CODE: &str = "[[field]]\nname = \"code\"\ntype = \"text\"\ntitle = { it = \"f\", en = \"f\" }\n";

fn field(name: &str, kind: &str, more: &str) -> String {
    format!("[[field]]\nname = \"{name}\"\ntype = \"{kind}\"\ntitle = {{ it = \"f\", en = \"f\" }}\n{more}\n")
}

fn zones() -> LayerDefinition {
    let fields = [field("rank", "integer", ""), field("valid_from", "date", ""), field("valid_to", "date", "")];
    layer("zones", "multipolygon", &format!("{CODE}{}", fields.concat()))
}

fn stops() -> LayerDefinition {
    layer("stops", "linestring", &format!("{CODE}{}", field("mode", "text", "")))
}

fn objects() -> LayerDefinition {
    let fields = [
        field("note", "text", ""),
        field("zone", "text", "bound = { layer = \"zones\", field = \"code\", first_by = \"rank\" }"),
        field("inner", "text", "bound = { layer = \"zones\", field = \"code\", smallest = true }"),
        field(
            "tram",
            "text",
            "bound = { layer = \"stops\", field = \"code\", within_m = 60.0, filter = \"mode = 'tram'\" }",
        ),
    ];
    layer("objects", "point", &format!("{CODE}{}", fields.concat()))
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn object(code: u32, x: f64, y: f64) -> Feature {
    let geometry = Some(Geometry::Point(Point::new(CORNER[0] + x, CORNER[1] + y)));
    let none = Value::Null;
    Feature { geometry, properties: vec![text(&code.to_string()), none.clone(), none.clone(), none.clone(), none] }
}

fn zone(code: &str, rank: i64, [west, south, east, north]: [f64; 4]) -> Feature {
    let (x, y) = (CORNER[0], CORNER[1]);
    let ring = polygon![(x: x + west, y: y + south), (x: x + east, y: y + south), (x: x + east, y: y + north), (x: x + west, y: y + north)];
    let properties = vec![text(code), Value::Integer(rank), Value::Null, Value::Null];
    Feature { geometry: Some(MultiPolygon(vec![ring]).into()), properties }
}

fn stop(code: &str, mode: &str, x: f64, y: f64) -> Feature {
    let (x, y) = (CORNER[0] + x, CORNER[1] + y);
    let line = line_string![(x: x, y: y), (x: x + 40.0, y: y + 5.0)];
    Feature { geometry: Some(line.into()), properties: vec![text(code), text(mode)] }
}

/// A server's tasks over a store.
struct Server {
    status: Bindings,
    tasks: [JoinHandle<()>; 2],
}

impl Server {
    fn over<S: Store>(store: &Arc<S>) -> Self {
        let (territory, status) = (Territory::default(), Bindings::default());
        let follower = tokio::spawn(follow(Arc::clone(store), territory.clone()));
        let keeper = tokio::spawn(keep(Arc::clone(store), territory, status.clone()));
        Self { status, tasks: [follower, keeper] }
    }

    /// Waits until everything that is in the log has been answered to.
    async fn settled<S: Store>(&self, store: &Arc<S>, layer: &str) -> Seq {
        let started = Instant::now();
        loop {
            let end = store.last_seq().await.expect("the end");
            let status = self.status.all().remove(layer);
            let is_true = |status: &bricola_layers::binding::BindingStatus| {
                status.state == State::True && status.seq.is_some_and(|seq| seq >= end)
            };
            if status.as_ref().is_some_and(is_true) && store.last_seq().await.expect("the end") == end {
                return end;
            }
            assert!(started.elapsed() < Duration::from_secs(60), "at {end}: {status:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn sound<S: Store>(store: &Arc<S>, layer: &str) -> Checked {
    let checked = check(store, layer, 5).await.expect("checks");
    assert_eq!((checked.differing, &checked.first), (0, &Vec::new()), "{checked:?}");
    checked
}

async fn put<S: Store>(store: &Arc<S>, layer: &str, edits: Vec<Edit>) -> (Vec<FeatureId>, Seq) {
    store.write(layer, edits).await.expect("writes")
}

fn insert(features: impl IntoIterator<Item = Feature>) -> Vec<Edit> {
    features.into_iter().map(Edit::Insert).collect()
}

const fn update(id: FeatureId, feature: Feature) -> Edit {
    Edit::Update { id, expected: None, feature }
}

/// The value of a field of each object, by its code.
async fn values<S: Store>(store: &Arc<S>, position: usize) -> BTreeMap<String, Option<String>> {
    let of = |value: &Value| value.as_text().map(str::to_owned);
    let rows = all(&**store, "objects").await;
    rows.iter()
        .map(|row| (of(&row.feature.properties[0]).unwrap_or_default(), of(&row.feature.properties[position])))
        .collect()
}

async fn caused<S: Store>(store: &Arc<S>, after: Seq) -> Vec<Change> {
    let changes = store.changes(after, 100_000).await.expect("the log");
    changes.into_iter().filter(|change| !change.causes.is_empty()).collect()
}

async fn city<S: Store>(store: &Arc<S>) -> Vec<FeatureId> {
    for definition in [zones(), stops(), objects()] {
        store.define(&definition).await.expect("defines");
    }
    let two = [zone("A", 1, [0.0, 0.0, 500.0, 1000.0]), zone("B", 2, [500.0, 0.0, 1000.0, 1000.0])];
    let ids = put(store, "zones", insert(two)).await.0;
    // On the border 500 too: it belongs to the one to the right.
    let places = [(1, 100.0, 100.0), (2, 499.0, 500.0), (3, 500.0, 500.0), (4, 900.0, 900.0), (5, 5000.0, 5000.0)];
    put(store, "objects", insert(places.map(|(code, x, y)| object(code, x, y)))).await;
    ids
}

async fn both_sides<S: Store>(store: Arc<S>) {
    let zone_ids = city(&store).await;
    let server = Server::over(&store);
    let found = server.settled(&store, "objects").await;
    let zone_of = |wanted: [Option<&str>; 5]| -> BTreeMap<String, Option<String>> {
        (1..).zip(wanted).map(|(code, zone): (u32, _)| (code.to_string(), zone.map(str::to_owned))).collect()
    };
    assert_eq!(values(&store, 2).await, zone_of([Some("A"), Some("A"), Some("B"), Some("B"), None]));
    let declared = caused(&store, 0).await;
    assert_eq!(declared.len(), 4, "what is nothing and stays nothing is not written: {declared:?}");
    assert!(declared.iter().all(|change| change.causes[0].operation == Reason::Declared), "{declared:?}");

    // The border moves: of the five objects one changes its zone, and the log says why.
    let moved = update(zone_ids[0], zone("A", 1, [0.0, 0.0, 700.0, 1000.0]));
    let (_, border) = put(&store, "zones", vec![moved]).await;
    let end = server.settled(&store, "objects").await;
    assert_eq!(values(&store, 2).await, zone_of([Some("A"), Some("A"), Some("A"), Some("B"), None]));
    let changes = caused(&store, found).await;
    let cause = Cause {
        fields: vec!["zone".to_owned()],
        layer: "zones".to_owned(),
        id: Some(zone_ids[0]),
        seq: border,
        operation: Reason::Update,
    };
    assert_eq!(changes.iter().map(|change| &change.causes).collect::<Vec<_>>(), [&vec![cause]]);

    // An object moves; what its editor says of its zone does not count.
    let row = all(&*store, "objects").await.into_iter().find(|row| row.feature.properties[0] == text("1")).expect("1");
    let mut feature = object(1, 950.0, 10.0);
    feature.properties[2] = text("nonsense");
    let (_, own) = put(&store, "objects", vec![update(row.id, feature)]).await;
    let end_of_move = server.settled(&store, "objects").await;
    assert_eq!(values(&store, 2).await["1"].as_deref(), Some("B"));
    let changes = caused(&store, end).await;
    assert_eq!(changes.len(), 1);
    assert_eq!((changes[0].id, changes[0].causes[0].id, changes[0].causes[0].seq), (Some(row.id), Some(row.id), own));
    assert_eq!(changes[0].causes[0].fields, ["zone", "inner"]);

    // A name that nobody takes, and a field that no binding asks for, concern nobody.
    let same = zone("A", 1, [0.0, 0.0, 700.0, 1000.0]);
    put(
        &store,
        "zones",
        vec![update(
            zone_ids[0],
            Feature { properties: vec![text("A"), Value::Integer(1), Value::Null, Value::Null], ..same },
        )],
    )
    .await;
    put(&store, "zones", insert([zone("far", 1, [8000.0, 0.0, 8100.0, 10.0])])).await;
    server.settled(&store, "objects").await;
    assert_eq!(caused(&store, end_of_move).await, []);

    // A zone in another, of a higher category; then it is gone again.
    let inner = put(&store, "zones", insert([zone("C", 0, [850.0, 850.0, 950.0, 950.0])])).await.0;
    server.settled(&store, "objects").await;
    assert_eq!(
        (values(&store, 2).await["4"].as_deref(), values(&store, 3).await["4"].as_deref()),
        (Some("C"), Some("C"))
    );
    put(&store, "zones", vec![Edit::Delete { id: inner[0], expected: None }]).await;
    let end = server.settled(&store, "objects").await;
    assert_eq!(values(&store, 2).await["4"].as_deref(), Some("B"));

    // A tram comes near one object, a bus does not count; nothing of the zones changes.
    put(&store, "stops", insert([stop("T1", "tram", 900.0, 940.0), stop("X", "bus", 100.0, 100.0)])).await;
    server.settled(&store, "objects").await;
    let near = caused(&store, end).await;
    assert_eq!((near.len(), &near[0].causes[0].fields), (1, &vec!["tram".to_owned()]), "{near:?}");
    assert_eq!(values(&store, 4).await["4"].as_deref(), Some("T1"));
    sound(&store, "objects").await;
    assert_eq!(store.bindings().await.expect("reads").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn geopackage_bindings_follow_both_sides() {
    let (store, _folder) = geopackage().await;
    both_sides(Arc::new(store)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgis_bindings_follow_both_sides() {
    both_sides(Arc::new(postgis::empty().await.0)).await;
}

async fn loads<S: Store>(store: Arc<S>) {
    city(&store).await;
    let server = Server::over(&store);
    let end = server.settled(&store, "objects").await;
    // The same objects are loaded again, without what is bound; one has moved, one is new.
    let mut replacement = store.replace("objects").await.expect("begins");
    let rows = [(1, 100.0, 100.0), (2, 499.0, 500.0), (3, 10.0, 500.0), (4, 900.0, 900.0), (6, 600.0, 1.0)];
    replacement.push(rows.map(|(code, x, y)| object(code, x, y)).to_vec()).await.expect("takes");
    let (replaced, _) = replacement.commit().await.expect("commits");
    assert_eq!((replaced.added, replaced.changed, replaced.unchanged, replaced.removed), (1, 1, 3, 1));
    server.settled(&store, "objects").await;
    let changes = caused(&store, end).await;
    assert_eq!(changes.len(), 2, "{changes:?}");
    assert!(changes.iter().all(|change| change.causes[0].operation == Reason::Replace), "{changes:?}");
    sound(&store, "objects").await;

    // Other zones altogether.
    let mut replacement = store.replace("zones").await.expect("begins");
    replacement.push(vec![zone("N", 1, [0.0, 0.0, 2000.0, 2000.0])]).await.expect("takes");
    let (_, whole) = replacement.commit().await.expect("commits");
    server.settled(&store, "objects").await;
    assert!(values(&store, 2).await.values().all(|zone| zone.as_deref() == Some("N")));
    let last = caused(&store, end).await.pop().expect("a change");
    assert_eq!((last.causes[0].layer.as_str(), last.causes[0].id, last.causes[0].seq), ("zones", None, whole));
    sound(&store, "objects").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn geopackage_loads_leave_bound_fields_alone() {
    let (store, _folder) = geopackage().await;
    loads(Arc::new(store)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgis_loads_leave_bound_fields_alone() {
    loads(Arc::new(postgis::empty().await.0)).await;
}

/// Random edits of both sides, by several at once, under two servers.
async fn at_random<S: Store>(store: &Arc<S>, seed: u64) {
    city(store).await;
    let servers = [Server::over(store), Server::over(store)];
    let mut next = numbers(seed);
    for round in 0..6 {
        for _ in 0..12 {
            let (x, y, size) = (next() * 1200.0, next() * 1200.0, 20.0 + next() * 400.0);
            let code = format!("{round}-{}", (next() * 1e6) as u32);
            let rows = |layer| all(&**store, layer);
            let pick = |rows: &[bricola_layers::feature::StoredFeature], at: f64| {
                rows.get((at * rows.len() as f64) as usize).map(|row| row.id)
            };
            match (next() * 8.0) as u32 {
                0 => drop(
                    put(store, "zones", insert([zone(&code, (next() * 3.0) as i64, [x, y, x + size, y + size])])).await,
                ),
                1 | 2 => {
                    if let Some(id) = pick(&rows("zones").await, next()) {
                        let feature = zone(&code, (next() * 3.0) as i64, [x, y, x + size, y + size]);
                        drop(store.write("zones", vec![update(id, feature)]).await);
                    }
                }
                3 => {
                    let zones = rows("zones").await;
                    if let Some(id) = pick(&zones, next()).filter(|_| zones.len() > 6) {
                        drop(store.write("zones", vec![Edit::Delete { id, expected: None }]).await);
                    }
                }
                4 => drop(
                    put(store, "stops", insert([stop(&code, if next() < 0.7 { "tram" } else { "bus" }, x, y)])).await,
                ),
                5 => {
                    let made = (0..5).map(|_| object((next() * 1e9) as u32, next() * 1200.0, next() * 1200.0));
                    put(store, "objects", insert(made.collect::<Vec<_>>())).await;
                }
                _ => {
                    let objects = rows("objects").await;
                    if let Some(row) = objects.get((next() * objects.len() as f64) as usize) {
                        let mut feature = row.feature.clone();
                        feature.geometry = object(0, x, y).geometry;
                        drop(store.write("objects", vec![update(row.id, feature)]).await);
                    }
                }
            }
        }
        for server in &servers {
            server.settled(store, "objects").await;
        }
        sound(store, "objects").await;
    }
    let before = store.last_seq().await.expect("the end");
    let again = rebuild(store, "objects").await.expect("rebuilds");
    assert_eq!((again.written, store.last_seq().await.expect("the end")), (0, before));
}

fn numbers(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn geopackage_bindings_are_true_after_random_edits() {
    for seed in 0..3 {
        let (store, _folder) = geopackage().await;
        at_random(&Arc::new(store), seed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgis_bindings_are_true_after_random_edits_and_are_what_st_contains_says() {
    let mut bound = 0;
    for seed in 10..13 {
        let (store, database) = postgis::empty().await;
        let store = Arc::new(store);
        at_random(&store, seed).await;
        // Random places lie on no edge.
        let sql = "SELECT count(*), count(*) FILTER (WHERE o.zone IS DISTINCT FROM (SELECT z.code FROM city.zones AS z \
                   WHERE ST_Contains(z.geom, o.geom) ORDER BY z.rank, z.fid LIMIT 1)), count(o.zone), \
                   count(*) FILTER (WHERE o.inner IS DISTINCT FROM (SELECT z.code FROM city.zones AS z \
                   WHERE ST_Contains(z.geom, o.geom) ORDER BY ST_Area(z.geom), z.fid LIMIT 1)) \
                   FROM city.objects AS o WHERE o.code <> '3'";
        let told = postgis::psql(&database, sql.replace("o.inner", "o.\"inner\"")).await;
        let numbers: Vec<u64> = told.trim().split('|').map(|number| number.parse().expect("a number")).collect();
        assert!(numbers[0] > 20 && numbers[1] == 0 && numbers[3] == 0, "{told}");
        bound += numbers[2];
    }
    assert!(bound > 20, "{bound}");
}

/// A border that goes to and fro faster than anybody looks, under two servers: what lies between the two places of it must
/// not keep the value of a moment, whoever wrote it.
async fn to_and_fro<S: Store>(store: Arc<S>) {
    let ids = city(&store).await;
    let made = (0..200).map(|n| object(100 + n, 300.0 + f64::from(n % 20) * 20.0, f64::from(n / 20) * 90.0));
    put(&store, "objects", insert(made.collect::<Vec<_>>())).await;
    let servers = [Server::over(&store), Server::over(&store)];
    let mut next = numbers(77);
    for round in 0..120 {
        let border = if round % 2 == 0 { 650.0 } else { 350.0 };
        put(&store, "zones", vec![update(ids[0], zone("A", 1, [0.0, 0.0, border, 1000.0]))]).await;
        if next() < 0.5 {
            tokio::time::sleep(Duration::from_micros((next() * 30_000.0) as u64)).await;
        }
        if round % 20 == 19 {
            for server in &servers {
                server.settled(&store, "objects").await;
            }
            sound(&store, "objects").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn geopackage_bindings_outlast_a_border_that_goes_to_and_fro() {
    let (store, _folder) = geopackage().await;
    to_and_fro(Arc::new(store)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgis_bindings_outlast_a_border_that_goes_to_and_fro() {
    to_and_fro(Arc::new(postgis::empty().await.0)).await;
}

async fn claims<S: Store>(store: Arc<S>) {
    city(&store).await;
    let claim = async |holder: &str| store.claim_bindings("objects", holder).await.expect("answers");
    assert_eq!(claim("a").await.map(|state| state.seq), Some(0));
    assert_eq!(claim("b").await, None);
    assert!(claim("a").await.is_some(), "who has it, keeps it");
    let row = all(&*store, "objects").await.remove(0);
    let reached = BindingState {
        layer: "objects".to_owned(),
        seq: 7,
        declaration: "d".to_owned(),
        day: NaiveDate::from_ymd_opt(2026, 2, 28),
    };
    let cause = Cause {
        fields: vec!["zone".to_owned()],
        layer: "zones".to_owned(),
        id: None,
        seq: 3,
        operation: Reason::Rebuilt,
    };
    let write = |holder: &str, version: i64, zone: &str, reached: Option<BindingState>| BoundRows {
        layer: "objects".to_owned(),
        holder: holder.to_owned(),
        fields: vec!["zone".to_owned()],
        rows: vec![BoundRow { id: row.id, version, values: vec![text(zone)], why: 0 }],
        causes: vec![vec![cause.clone()]],
        reached,
    };
    assert_eq!(store.write_bound(write("b", 1, "Z", None)).await.expect("answers"), None);
    let changed = async |write: BoundRows| store.write_bound(write).await.expect("writes").map(|(changed, _)| changed);
    assert_eq!(changed(write("a", 2, "Z", None)).await, Some(0), "another version is left alone");
    assert_eq!(changed(write("a", 1, "Z", None)).await, Some(1));
    assert_eq!(changed(write("a", 2, "Z", None)).await, Some(0), "what is so already is no change");
    assert_eq!(changed(write("a", 2, "Y", Some(reached.clone()))).await, Some(1));
    assert_eq!(store.bindings().await.expect("reads"), std::slice::from_ref(&reached));
    assert_eq!(claim("b").await, Some(reached), "the claim ended with the last piece");
    let told = caused(&store, 0).await;
    assert_eq!(
        told.iter().map(|change| (change.id, &change.causes[0])).collect::<Vec<_>>(),
        [(Some(row.id), &cause); 2]
    );
    let now = store.features("objects", &[row.id]).await.expect("reads").remove(0);
    assert_eq!(
        (now.version, &now.feature.properties[2], &now.feature.geometry),
        (3, &text("Y"), &row.feature.geometry)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn geopackage_one_at_a_time_writes_bindings() {
    let (store, _folder) = geopackage().await;
    claims(Arc::new(store)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgis_one_at_a_time_writes_bindings() {
    claims(Arc::new(postgis::empty().await.0)).await;
}

/// Chains come to rest; surfaces go by their greatest part; a day begins.
#[tokio::test(flavor = "multi_thread")]
async fn chains_shares_and_days() {
    let (store, _folder) = geopackage().await;
    let store = Arc::new(store);
    let zones = zones();
    let blocks = layer(
        "blocks",
        "multipolygon",
        &format!("{CODE}{}", field("zone", "text", "bound = { layer = \"zones\", field = \"code\", by = \"share\" }")),
    );
    let lamps = layer(
        "lamps",
        "point",
        &format!("{CODE}{}", field("zone", "text", "bound = { layer = \"blocks\", field = \"zone\" }")),
    );
    for definition in [&zones, &blocks, &lamps] {
        store.define(definition).await.expect("defines");
    }
    let ids =
        put(&store, "zones", insert([zone("A", 1, [0.0, 0.0, 45.0, 100.0]), zone("B", 1, [45.0, 0.0, 200.0, 100.0])]))
            .await
            .0;
    let ring = |west: f64, east: f64| -> Polygon<f64> {
        polygon![(x: CORNER[0] + west, y: CORNER[1]), (x: CORNER[0] + east, y: CORNER[1]), (x: CORNER[0] + east, y: CORNER[1] + 50.0), (x: CORNER[0] + west, y: CORNER[1] + 50.0)]
    };
    let block = Feature {
        geometry: Some(MultiPolygon(vec![ring(0.0, 100.0)]).into()),
        properties: vec![text("1"), Value::Null],
    };
    put(&store, "blocks", insert([block])).await;
    let lamp = Feature {
        geometry: Some(Point::new(CORNER[0] + 10.0, CORNER[1] + 10.0).into()),
        properties: vec![text("1"), Value::Null],
    };
    put(&store, "lamps", insert([lamp])).await;
    let server = Server::over(&store);
    let zone_of = async |layer: &str| all(&*store, layer).await[0].feature.properties[1].clone();
    for layer in ["blocks", "lamps", "blocks", "lamps"] {
        server.settled(&store, layer).await;
    }
    assert_eq!((zone_of("blocks").await, zone_of("lamps").await), (text("B"), text("B")));
    put(
        &store,
        "zones",
        vec![
            update(ids[0], zone("A", 1, [0.0, 0.0, 60.0, 100.0])),
            update(ids[1], zone("B", 1, [60.0, 0.0, 200.0, 100.0])),
        ],
    )
    .await;
    for layer in ["blocks", "lamps", "blocks", "lamps"] {
        server.settled(&store, layer).await;
    }
    assert_eq!((zone_of("blocks").await, zone_of("lamps").await), (text("A"), text("A")));
    let last = caused(&store, 0).await.pop().expect("a change");
    assert_eq!((last.layer.as_str(), last.causes[0].layer.as_str()), ("lamps", "blocks"));
    drop(server);

    // What was true of yesterday is asked again today, and the zone that came into force is the reason.
    let today = bricola_layers::binding::today();
    let mut now = zone("A", 1, [0.0, 0.0, 60.0, 100.0]);
    now.properties[3] = Value::Date(today);
    put(&store, "zones", vec![update(ids[0], now)]).await;
    let server = Server::over(&store);
    server.settled(&store, "blocks").await;
    assert_eq!(zone_of("blocks").await, text("B"), "no longer in force today");
    drop(server);
    let mut state =
        store.bindings().await.expect("reads").into_iter().find(|state| state.layer == "blocks").expect("there");
    let row = all(&*store, "blocks").await.remove(0);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(store.claim_bindings("blocks", "test").await.expect("answers").is_some());
    let back = BoundRows {
        layer: "blocks".to_owned(),
        holder: "test".to_owned(),
        fields: vec!["zone".to_owned()],
        rows: vec![BoundRow { id: row.id, version: row.version, values: vec![text("A")], why: 0 }],
        causes: vec![vec![Cause {
            fields: vec![],
            layer: "zones".to_owned(),
            id: None,
            seq: 0,
            operation: Reason::Rebuilt,
        }]],
        reached: None,
    };
    let after = store.write_bound(back.clone()).await.expect("writes").expect("claimed").1;
    (state.seq, state.day) = (after, today.checked_sub_days(Days::new(1)));
    let told = BoundRows { rows: vec![], reached: Some(state), ..back };
    store.write_bound(told).await.expect("writes").expect("claimed");
    let server = Server::over(&store);
    server.settled(&store, "blocks").await;
    let told = caused(&store, after).await;
    let by: Vec<_> = told.iter().map(|change| (change.causes[0].id, change.causes[0].operation)).collect();
    assert_eq!(by[0], (Some(ids[0]), Reason::Validity), "{told:?}");
    assert_eq!(zone_of("blocks").await, text("B"));
    // What is bound to what is bound follows a moment later.
    for layer in ["lamps", "blocks", "lamps"] {
        server.settled(&store, layer).await;
    }
    sound(&store, "blocks").await;
    sound(&store, "lamps").await;
}
