//! A place along a street: by metres, between house numbers; and works by parcel and street.

use bricola_layers::feature::{Feature, Value};
use bricola_layers::store::{Edit, Store as _};
use geo_types::{Geometry, LineString, MultiLineString, Point};
use serde_json::{Value as Json, json};

use super::{Town, day, definition, drawn, feature, text, town};
use crate::harness::CORNER;

fn at([x, y]: [f64; 2]) -> (f64, f64) {
    (CORNER[0] + x, CORNER[1] + y)
}

fn street(code: &str, name: &str, parts: &[&[[f64; 2]]]) -> Feature {
    let parts = parts.iter().map(|part| part.iter().map(|place| at(*place)).collect::<LineString<f64>>());
    let geometry = Geometry::MultiLineString(MultiLineString(parts.collect()));
    feature("streets", geometry, &[("code", text(code)), ("name", text(name)), ("full_name", text(name))])
}

fn house(code: &str, street: &str, number: &str, place: [f64; 2]) -> Feature {
    feature(
        "addresses",
        Point::from(at(place)).into(),
        &[
            ("code", text(code)),
            ("street_code", text(street)),
            ("street_name", text("Calle Lunga")),
            ("number", text(number)),
            ("suffix", Value::Null),
            ("district", text("San Marco")),
            ("full", text(&format!("Calle Lunga, {number}"))),
        ],
    )
}

/// A street of 60 m to the east in two parts, drawn the wrong way round; one that forks; two of one name; houses beside the first.
async fn with_streets() -> Town {
    let town = town().await;
    town.store.define(&definition("addresses")).await.expect("defined");
    let streets = [
        street("V1", "Calle Lunga", &[&[[0.0, 2.0], [30.0, 2.0]], &[[60.0, 2.0], [30.0, 2.0]]]),
        street(
            "V2",
            "Calle del Forno",
            &[&[[0.0, 40.0], [30.0, 40.0]], &[[30.0, 40.0], [60.0, 40.0]], &[[30.0, 40.0], [30.0, 60.0]]],
        ),
        street("V3", "Via Roma", &[&[[0.0, 80.0], [30.0, 80.0]]]),
        street("V4", "Via Roma", &[&[[0.0, 90.0], [30.0, 90.0]]]),
    ];
    town.store.write("streets", streets.into_iter().map(Edit::Insert).collect()).await.expect("written");
    let houses = [
        house("a", "V1", "12", [10.0, 5.0]),
        house("b", "V1", "14/B", [45.0, -1.0]),
        house("c", "V1", "40", [55.0, 5.0]),
        house("d", "V1", "99", [55.0, 400.0]),
        house("e", "V2", "1", [5.0, 42.0]),
        house("f", "V2", "2", [25.0, 42.0]),
        house("g", "V2", "3", [50.0, 42.0]),
    ];
    let (_, seq) =
        town.store.write("addresses", houses.into_iter().map(Edit::Insert).collect()).await.expect("written");
    town.server.get(&format!("/search?q=roma&min-seq={seq}")).await;
    town
}

fn along(answer: &Json) -> [f64; 3] {
    ["from_m", "to_m", "of_m"]
        .map(|name| answer["place"]["along"][name].as_str().and_then(|it| it.parse().ok()).expect("metres"))
}

fn near(found: [f64; 3], wanted: [f64; 3]) -> bool {
    found.iter().zip(wanted).all(|(found, wanted)| (found - wanted).abs() < 0.05)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stretch_of_a_street_is_a_place_of_every_desk() {
    let town = with_streets().await;
    let zones = "layers=tariff-zones&datetime=2026-01-01";
    let part = town.json(&format!("/zones?along=Calle%20Lunga&from_m=20&to_m=50&{zones}")).await;
    assert!(near(along(&part), [20.0, 50.0, 60.0]), "{part}");
    assert_eq!((&part["place"]["kind"], &part["place"]["feature"]["layer"]), (&"line".into(), &"streets".into()));
    // 10 m in zone A, which ends at 30 m, and 20 m in B.
    let mut shares: Vec<(&str, f64)> = part["layers"][0]["zones"]
        .as_array()
        .expect("zones")
        .iter()
        .map(|it| {
            (
                it["code"].as_str().unwrap_or_default(),
                it["length_m"].as_str().and_then(|m| m.parse().ok()).unwrap_or(0.0),
            )
        })
        .collect();
    shares.sort_by(|a, b| a.0.cmp(b.0));
    assert!(shares[0].0 == "A" && (shares[0].1 - 10.0).abs() < 0.05 && (shares[1].1 - 20.0).abs() < 0.05, "{shares:?}");
    let line = part["place"]["geometry"]["coordinates"][0].as_array().expect("a line");
    assert_eq!(line.len(), 3, "with the vertex where the parts meet");
    // What is drawn there is the same place.
    let wkt = line.iter().map(|at| format!("{} {}", at[0], at[1])).collect::<Vec<_>>().join(",");
    let same = town.json(&format!("/zones?geometry=LINESTRING({wkt})&{zones}")).await;
    assert_eq!(same["layers"][0]["zones"], part["layers"][0]["zones"]);
    let whole = town.json(&format!("/zones?along=V1&{zones}")).await;
    assert!(near(along(&whole), [0.0, 60.0, 60.0]), "by its code, and all of it: {whole}");
    for (numbers, wanted) in
        [("12,40", [10.0, 55.0, 60.0]), ("40,%2012", [10.0, 55.0, 60.0]), ("12,14/b", [10.0, 45.0, 60.0])]
    {
        let houses = town.json(&format!("/zones?along=calle%20lunga&between={numbers}&{zones}")).await;
        assert!(near(along(&houses), wanted), "{numbers}: {houses}");
    }
    // Where a street forks, its numbers still say where on one of its lines.
    let fork = town.json(&format!("/zones?along=V2&between=1,2&{zones}")).await;
    assert!(near(along(&fork), [5.0, 25.0, 30.0]), "{fork}");
    let inputs = json!({"inputs": {"along": "Calle Lunga", "between": ["12", "40"], "layers": ["tariff-zones"]}});
    let process = town.server.post_json("/processes/zones/execution", &inputs).await;
    assert!(process.status == 200 && near(along(&process.json()), [10.0, 55.0, 60.0]), "{}", process.text());
    let fee = "/tariff?occupation=plateatico&along=Calle%20Lunga&between=12,40&width=2&from=2026-06-01&to=2026-06-30";
    assert_eq!(town.json(fee).await["place"]["along"]["street"], "Calle Lunga");
    let page = town.server.get("/zones?f=html&along=via%20roma").await.text();
    assert!(page.contains("along=V3") && page.contains("along=V4") && page.contains("Si scelga"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_found_along_a_street_is_named() {
    let town = with_streets().await;
    for (query, named) in [
        ("along=Calle%20Lunga&from_m=20&to_m=70", "to_m"),
        ("along=Calle%20Lunga&from_m=-1", "from_m"),
        ("along=Calle%20Lunga&from_m=40&to_m=20", "to_m"),
        ("along=Calle%20Lunga&from_m=venti", "from_m"),
        ("along=Calle%20Lunga&between=12", "between"),
        ("along=Calle%20Lunga&between=12,13", "between"),
        ("along=Calle%20Lunga&between=12,99", "between"),
        ("along=Calle%20Lunga&between=12,dodici", "between"),
        ("along=Calle%20Lunga&between=12,12", "between"),
        ("along=V2&from_m=0&to_m=10", "along"),
        ("along=V2&between=1,3", "between"),
        ("along=via%20roma", "along"),
        ("along=Calle%20Lunga&between=12,40&from_m=1", "from_m, to_m, between"),
        ("along=Calle%20Lunga&parcel=12/57", "geometry, x, y, parcel, feature, address, along"),
    ] {
        let problem = town.server.get(&format!("/zones?{query}")).await.problem(400, "invalid-parameter");
        assert_eq!(problem["parameter"], named, "{query}: {problem}");
    }
    let known = town.server.get("/zones?along=Calle%20Lunga&between=12,13").await.problem(400, "invalid-parameter");
    assert_eq!(known["allowed"], json!(["12", "14/B", "40", "99"]));
    let choices = town.server.get("/zones?along=via%20roma").await.problem(400, "invalid-parameter");
    assert_eq!(choices["choices"].as_array().map(Vec::len), Some(2), "{choices}");
    town.server.get("/zones?along=Calle%20del%20Nulla").await.problem(404, "unknown-feature");
    for query in ["between=12,40", "from_m=3"] {
        let problem = town.server.get(&format!("/zones?{query}")).await.problem(400, "missing-parameter");
        assert_eq!(problem["parameter"], "along", "{query}");
    }
}

fn work(cup: &str, geometry: Geometry<f64>) -> Feature {
    let fields = [
        ("cup", text(cup)),
        ("title", text(&format!("Opera {cup}"))),
        ("phase", text("execution")),
        ("amount_eur", Value::Real(1000.0)),
        ("start_planned", day("2026-01-01")),
    ];
    feature("public-works", geometry, &fields)
}

#[tokio::test(flavor = "multi_thread")]
async fn works_are_found_by_parcel_and_street_and_say_where_they_lie() {
    let town = with_streets().await;
    town.store.define(&definition("public-works")).await.expect("defined");
    let line = |y: f64, from: f64, to: f64| {
        Geometry::from(MultiLineString(vec![LineString::from(vec![at([from, y]), at([to, y])])]))
    };
    for it in [
        // Along the first street, 1 m off its line; across parcels 57 and 58; far away.
        work("F71B21006420006", line(3.0, 5.0, 25.0)),
        work("B11B23000110001", line(15.0, 20.0, 50.0)),
        work("B11B23000110002", line(300.0, 0.0, 10.0)),
    ] {
        town.write("public-works", Edit::Insert(it)).await;
    }
    let cups = |answer: &Json| -> Vec<String> {
        answer["works"]
            .as_array()
            .expect("works")
            .iter()
            .map(|it| it["cup"].as_str().unwrap_or_default().to_owned())
            .collect()
    };
    for (query, found) in [
        ("along=Calle%20Lunga", vec!["F71B21006420006"]),
        ("along=Calle%20Lunga&from_m=40", vec![]),
        ("along=Calle%20Lunga&within=0.5", vec![]),
        ("along=Calle%20Lunga&within=20", vec!["B11B23000110001", "F71B21006420006"]),
        ("parcel=12/57", vec!["B11B23000110001"]),
        ("parcel=12/58", vec!["B11B23000110001"]),
        ("parcel=12/59", vec![]),
        (&*drawn([0.0, 0.0, 60.0, 30.0]), vec!["B11B23000110001", "F71B21006420006"]),
    ] {
        let answer = town.json(&format!("/works?{query}")).await;
        assert_eq!(cups(&answer), found, "{query}");
        assert_eq!(answer["total"]["works"], found.len(), "{query}: sums are of these works");
        assert!(answer["place"]["kind"].is_string() && answer["within_m"].is_number(), "{answer}");
    }
    let across =
        town.json("/works?parcel=12/57").await["works"][0]["feature"]["id"].as_str().expect("an id").to_owned();
    let at = town.json(&format!("/works?work={across}")).await["work"]["at"].clone();
    let codes = |list: &str| -> Vec<String> {
        let features = at[list]["features"].as_array().expect("features").iter();
        features.map(|it| it["code"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(
        (codes("parcels"), codes("streets")),
        (vec!["L736_001200.57".to_owned(), "L736_001200.58".to_owned()], vec![])
    );
    assert_eq!(at["districts"], Json::Null, "a layer that is not there says nothing");
    let beside =
        town.json("/works?along=Calle%20Lunga").await["works"][0]["feature"]["id"].as_str().expect("an id").to_owned();
    let page = town.server.get(&format!("/works?f=html&along=Calle%20Lunga&work={beside}")).await.text();
    assert!(page.contains("Strade") && page.contains("Calle Lunga"), "{page}");
    for (query, named, code) in [
        ("within=5", "geometry", "missing-parameter"),
        ("parcel=12/57&within=-1", "within", "invalid-parameter"),
        ("parcel=12/57&within=1001", "within", "invalid-parameter"),
        ("parcel=12/57&within=molto", "within", "invalid-parameter"),
    ] {
        let problem = town.server.get(&format!("/works?{query}")).await.problem(400, code);
        assert_eq!(problem["parameter"], named, "{query}");
    }
}
