//! `/service-area`: what is within walking reach, over a store with some streets.

use std::sync::Arc;

use bricola_layers::definition::LayerDefinition;
use bricola_layers::feature::{Feature, Value};
use bricola_layers::store::{Edit, GeoPackageStore, OpenMode, Store as _};
use geo_types::{Coord, Geometry, LineString, MultiLineString, Point};
use serde_json::{Value as Json, json};

use super::harness::{CORNER, CORNER_LONLAT, Server};

fn layer(id: &str, geometry: &str) -> LayerDefinition {
    toml::from_str(&format!(
        "id = \"{id}\"\ntitle = {{ it = \"t\", en = \"t\" }}\ndescription = {{ it = \"d\", en = \"d\" }}\n\
         theme = \"mobility\"\ngeometry = \"{geometry}\"\ncrs = \"EPSG:7795\"\nresolution = 0.001\n\
         zoom = {{ min = 10, max = 16 }}\nkey = [\"code\"]\nlabel = \"code\"\n\
         [[field]]\nname = \"code\"\ntype = \"text\"\ntitle = {{ it = \"c\", en = \"c\" }}\n\
         [[field]]\nname = \"pupils\"\ntype = \"integer\"\ntitle = {{ it = \"p\", en = \"p\" }}\n"
    ))
    .expect("a definition")
}

fn at([x, y]: [f64; 2]) -> Coord<f64> {
    let thousandth = |value: f64| (value * 1000.0).round() / 1000.0;
    Coord { x: thousandth(CORNER[0] + x), y: thousandth(CORNER[1] + y) }
}

fn street(code: &str, corners: &[[f64; 2]]) -> Edit {
    let line = LineString(corners.iter().map(|corner| at(*corner)).collect());
    let geometry: Geometry<f64> = MultiLineString(vec![line]).into();
    Edit::Insert(Feature { geometry: Some(geometry), properties: vec![Value::Text(code.to_owned()), Value::Null] })
}

fn school(code: &str, place: [f64; 2], pupils: i64) -> Edit {
    let properties = vec![Value::Text(code.to_owned()), Value::Integer(pupils)];
    Edit::Insert(Feature { geometry: Some(Point(at(place)).into()), properties })
}

struct Town {
    store: Arc<GeoPackageStore>,
    server: Server,
    _folder: tempfile::TempDir,
}

/// A street of 400 m along which others go off, one of them over a bridge to an island; three schools.
async fn town() -> Town {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bricola.gpkg");
    let store = Arc::new(GeoPackageStore::open(path, OpenMode::ReadWrite).await.expect("a store"));
    for (id, geometry) in [("streets", "multilinestring"), ("schools", "point")] {
        store.define(&layer(id, geometry)).await.expect("defined");
    }
    let streets = vec![
        street("main", &[[0.0, 0.0], [200.0, 0.0], [400.0, 0.0]]),
        street("side", &[[200.0, 0.0], [200.0, 300.0]]),
        street("bridge", &[[400.0, 0.0], [450.0, 0.0]]),
        street("island", &[[450.0, 0.0], [450.0, 100.0], [550.0, 100.0]]),
    ];
    store.write("streets", streets).await.expect("written");
    let schools = vec![
        school("near", [100.0, 5.0], 120),
        school("side", [205.0, 250.0], 80),
        school("island", [540.0, 100.0], 40),
    ];
    store.write("schools", schools).await.expect("written");
    let server = Server::over(Arc::clone(&store)).await;
    Town { store, server, _folder: folder }
}

async fn asked(town: &Town, query: &str) -> Json {
    let [x, y] = CORNER_LONLAT;
    let answer = town.server.get(&format!("/service-area?x={x}&y={y}&{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn names(answer: &Json) -> Vec<(String, i64)> {
    let features = answer["nearest"][0]["features"].as_array().expect("features");
    let metres = |feature: &Json| feature["metres"].as_str().and_then(|text| text.parse().ok()).unwrap_or_default();
    features.iter().map(|it| (it["name"].as_str().unwrap_or_default().to_owned(), metres(it))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_within_reach_is_counted_and_the_nearest_are_told() {
    let town = town().await;
    // 4.5 km/h: 75 m a minute.
    let answer = asked(&town, "minutes=6&count=schools:pupils&nearest=schools&k=5").await;
    assert_eq!((&answer["metres"], &answer["within"][0]["count"]), (&json!("450"), &json!(1)));
    assert_eq!(answer["within"][0]["sum"], 120.0);
    let near = names(&answer);
    assert_eq!(near.len(), 1);
    assert!((near[0].1 - 105).abs() <= 2, "{near:?}");
    let all = asked(&town, "minutes=20&count=schools:pupils&nearest=schools&k=2").await;
    assert_eq!((&all["within"][0]["count"], &all["within"][0]["sum"]), (&json!(3), &json!(240.0)));
    let near = names(&all);
    assert_eq!(near.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["near", "side"]);
    assert!((near[1].1 - 455).abs() <= 3, "{near:?}");
    assert!(
        all["streets_m"].as_str().and_then(|text| text.parse::<f64>().ok()).is_some_and(|m| (m - 950.0).abs() < 2.0)
    );
    assert_eq!(all["area"]["type"], "Polygon");
    // The same question has the same answer.
    let seq = all["evidence"]["seq"].as_i64().expect("a seq");
    let again = asked(&town, &format!("minutes=20&count=schools:pupils&nearest=schools&k=2&at={seq}")).await;
    assert_eq!(again["evidence"]["sha256"], all["evidence"]["sha256"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_streets_are_not_walked_and_what_they_cut_off_is_told() {
    let town = town().await;
    let answer = asked(&town, "minutes=20&closed=3&count=schools").await;
    assert_eq!(answer["within"][0]["count"], 2);
    assert_eq!(answer["cut_off"].as_array().map(Vec::len), Some(1), "{}", answer["cut_off"]);
    assert_eq!(answer["cut_off"][0]["junctions"], 2);
    // The graph is that of the layer: a new street is walked at once.
    let (_, seq) = town
        .store
        .write("streets", vec![street("ford", &[[200.0, 300.0], [550.0, 300.0], [550.0, 100.0]])])
        .await
        .expect("written");
    let answer = asked(&town, &format!("minutes=20&closed=3&count=schools&min-seq={seq}")).await;
    assert_eq!((&answer["within"][0]["count"], &answer["cut_off"]), (&json!(3), &json!([])));
}

#[tokio::test(flavor = "multi_thread")]
async fn streets_under_water_are_not_walked_but_on_walkways() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = GeoPackageStore::open(folder.path().join("bricola.gpkg"), OpenMode::ReadWrite).await.expect("a store");
    let store = Arc::new(store);
    let catalog = bricola_layers::definition::Catalog::shipped().expect("sound");
    let shipped = catalog.get("streets").expect("shipped").clone();
    let definition = LayerDefinition { crs: Some("EPSG:7795".to_owned()), resolution: Some(0.001), ..shipped };
    store.define(&definition).await.expect("defined");
    let street = |name: &str, corners: &[[f64; 2]], ground: Option<f64>, walkway: Option<f64>| {
        let Edit::Insert(Feature { geometry, .. }) = street(name, corners) else { unreachable!() };
        let number = |value: Option<f64>| value.map_or(Value::Null, Value::Real);
        let value = |field: &str| match field {
            "full_name" => Value::Text(name.to_owned()),
            "ground_m" => number(ground),
            "walkway_m" => number(walkway),
            _ => Value::Null,
        };
        let properties = definition.fields.iter().map(|field| value(&field.name)).collect();
        Edit::Insert(Feature { geometry, properties })
    };
    let streets = vec![
        street("Salizada", &[[0.0, 0.0], [200.0, 0.0]], Some(1.60), None),
        street("Fondamenta", &[[200.0, 0.0], [200.0, 300.0]], Some(1.05), None),
        street("Ruga", &[[200.0, 0.0], [400.0, 0.0]], Some(1.00), Some(1.20)),
        street("Corte", &[[0.0, 0.0], [0.0, 100.0]], None, None),
    ];
    store.write("streets", streets).await.expect("written");
    let server = Server::over(Arc::clone(&store)).await;
    let [x, y] = CORNER_LONLAT;
    let told = async |query: &str| {
        let answer = server.get(&format!("/service-area?x={x}&y={y}&minutes=20&{query}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    };
    let metres =
        |answer: &Json| answer["streets_m"].as_str().and_then(|text| text.parse::<f64>().ok()).unwrap_or_default();
    let is_near = |answer: &Json, wanted: f64| (metres(answer) - wanted).abs() < 2.0;
    // As high as the ground it is dry; higher it is not; a walkway is laid up to its own level.
    assert!(is_near(&told("tide=1.05").await, 800.0));
    let high = told("tide=1.10").await;
    assert!(is_near(&high, 500.0), "{high}");
    let tide = &high["tide"];
    assert_eq!(
        (&tide["count"], &tide["walkways"], &tide["unknown"], &tide["level_m"]),
        (&json!(1), &json!(1), &json!(1), &json!("1.10"))
    );
    assert_eq!((&tide["streets"][0]["name"], &tide["streets"][0]["ground_m"]), (&json!("Fondamenta"), &json!("1.05")));
    assert_eq!(tide["under_water"]["coordinates"].as_array().map(Vec::len), Some(1));
    assert!(tide["datum"]["it"].as_str().is_some_and(|it| it.contains("Punta della Salute")));
    assert_eq!(
        (&high["cut_off"].as_array().map(Vec::len), &high["warnings"][0]["code"]),
        (&Some(1), &json!("unknown-ground"))
    );
    assert!(is_near(&told("tide=1,21").await, 300.0));
    assert!(told("k=3").await["tide"].is_null());
    // From the street under water to the nearest that is dry.
    let [from_x, from_y] = [CORNER[0] + 203.0, CORNER[1] + 40.0];
    let answer = server.get(&format!("/service-area?x={from_x}&y={from_y}&crs=EPSG:7795&tide=1.3")).await.json();
    assert!(
        answer["warnings"].as_array().is_some_and(|all| all.iter().any(|it| it["code"] == "start-under-water")),
        "{answer}"
    );
    let page = server.get(&format!("/service-area?x={x}&y={y}&tide=1.10&f=html")).await.text();
    assert!(
        page.contains("class=\"wet\"") && page.contains("Strade sott’acqua") && page.contains("Fondamenta"),
        "{page}"
    );
    for level in ["9", "-9", "alta"] {
        let problem =
            server.get(&format!("/service-area?x={x}&y={y}&tide={level}")).await.problem(400, "invalid-parameter");
        assert_eq!(problem["parameter"], "tide");
    }
    let town = town().await;
    let problem =
        town.server.get(&format!("/service-area?x={x}&y={y}&tide=1.10")).await.problem(400, "invalid-parameter");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("walk.ground")), "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_questions_are_refused_by_name() {
    let town = town().await;
    let [x, y] = CORNER_LONLAT;
    for (query, parameter) in [
        (format!("x={x}&y={y}&minutes=0"), "minutes"),
        (format!("x={x}&y={y}&minutes=1000"), "minutes"),
        (format!("x={x}&y={y}&speed=100"), "speed"),
        (format!("x={x}&y={y}&k=0"), "k"),
        (format!("x={x}&y={y}&closed=99"), "closed"),
        (format!("x={x}&y={y}&closed=main"), "closed"),
        (format!("x={x}&y={y}&count=schools:nothing"), "count"),
        (format!("x={x}&y={y}&count=schools:code"), "count"),
        (format!("x={x}&y={y}&nearest=streets"), "nearest"),
        ("x=12.9&y=45.9".to_owned(), "geometry, x, y"),
    ] {
        let problem = town.server.get(&format!("/service-area?{query}")).await.problem(400, "invalid-parameter");
        assert_eq!(problem["parameter"], parameter, "{problem}");
    }
    town.server.get("/service-area").await.problem(400, "missing-parameter");
    town.server.get(&format!("/service-area?x={x}&y={y}&count=nowhere")).await.problem(404, "unknown-layer");
    let page = town.server.get_with(&format!("/service-area?x={x}&y={y}&f=html"), &[]).await;
    assert!(page.status == 200 && page.text().contains("<svg class=\"reach\""), "{}", page.text());
}
