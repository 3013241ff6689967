//! `/zones`.

use bricola_layers::store::Edit;
use geo_types::line_string;
use serde_json::{Value as Json, json};

use super::{Town, drawn, town, zone};
use crate::harness::{CORNER, CORNER_LONLAT};

fn shares(answer: &Json, layer: &str) -> Vec<(String, Option<String>)> {
    let layers = answer["layers"].as_array().expect("layers");
    let layer = layers.iter().find(|it| it["layer"] == layer).expect("the layer");
    let zones = layer["zones"].as_array().expect("zones").iter();
    zones
        .map(|it| (it["code"].as_str().expect("a code").to_owned(), it["percent"].as_str().map(str::to_owned)))
        .collect()
}

fn pair(code: &str, percent: &str) -> (String, Option<String>) {
    (code.to_owned(), Some(percent.to_owned()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_point_a_line_a_surface_a_parcel_and_a_feature_lie_in_their_zones() {
    let town = town().await;
    let [x, y] = [CORNER[0] + 5.0, CORNER[1] + 5.0];
    let point = town.json(&format!("/zones?x={x}&y={y}&crs=EPSG:7795&layers=tariff-zones")).await;
    assert_eq!(shares(&point, "tariff-zones"), [("A".to_owned(), None), ("C".to_owned(), None)]);
    let now = town.json(&format!("/zones?x={x}&y={y}&crs=EPSG:7795&layers=tariff-zones&datetime=2026-01-01")).await;
    assert_eq!(shares(&now, "tariff-zones"), [("A".to_owned(), None)]);
    let then = town.json(&format!("/zones?x={x}&y={y}&crs=EPSG:7795&layers=tariff-zones&datetime=2015-01-01")).await;
    assert_eq!(shares(&then, "tariff-zones"), [("C".to_owned(), None)]);
    assert_eq!(point["evidence"]["transform"]["from"], "EPSG:7795");

    let surface = town.json(&format!("/zones?{}&datetime=2026-01-01", drawn([21.0, 1.0, 61.0, 11.0]))).await;
    assert_eq!(shares(&surface, "tariff-zones"), [pair("B", "75.00"), pair("A", "22.50")]);
    assert_eq!(surface["place"]["area_m2"], "399.99", "geodesic: the CRS reads two hundred-thousandths more");
    let layer = surface["layers"].as_array().expect("layers").iter().find(|it| it["layer"] == "tariff-zones");
    assert_eq!(layer.expect("the layer")["outside_percent"], "2.50");

    let line = format!("geometry=LINESTRING({} {y},{} {y})&crs=EPSG:7795", CORNER[0] + 10.0, CORNER[0] + 50.0);
    let line = town.json(&format!("/zones?{line}&layers=tariff-zones&datetime=2026-01-01")).await;
    assert_eq!(shares(&line, "tariff-zones"), [pair("A", "50.00"), pair("B", "50.00")]);

    let parcel = town.json("/zones?parcel=12/57&layers=tariff-zones&datetime=2026-01-01").await;
    assert_eq!(shares(&parcel, "tariff-zones"), [pair("A", "95.24"), pair("B", "4.76")]);
    let same = town.json("/zones?feature=parcels/1&layers=tariff-zones&datetime=2026-01-01").await;
    assert_eq!(parcel["layers"], same["layers"]);
    let used = parcel["evidence"]["features"].as_array().expect("features");
    assert!(used.contains(&json!({"layer": "parcels", "id": "1", "version": 1})), "{used:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_question_as_of_the_same_change_has_the_same_bytes() {
    let town = town().await;
    let path = format!("/zones?{}&datetime=2026-01-01&layers=tariff-zones", drawn([21.0, 1.0, 61.0, 11.0]));
    let first = town.server.get(&path).await;
    let seq = first.json()["evidence"]["seq"].as_i64().expect("a seq");
    assert_eq!(first.header("bricola-seq"), seq.to_string());
    // Something else changes: the hash stays. Then the border itself.
    let before = first.json()["evidence"]["sha256"].clone();
    town.write("streets", insert(&town)).await;
    assert_eq!(town.json(&path).await["evidence"]["sha256"], before);
    let moved = Edit::Update { id: 1, expected: None, feature: zone("A", [0.0, 0.0, 25.0, 30.0], "2021-01-01", None) };
    town.write("tariff-zones", moved).await;
    assert_ne!(town.json(&path).await["evidence"]["sha256"], before);
    let again = town.server.get(&format!("{path}&at={seq}")).await;
    assert_eq!(again.text(), first.text());
}

fn insert(_: &Town) -> Edit {
    let line = line_string![(x: CORNER[0], y: CORNER[1]), (x: CORNER[0] + 9.0, y: CORNER[1])];
    let geometry = geo_types::Geometry::MultiLineString(geo_types::MultiLineString(vec![line]));
    Edit::Insert(super::feature("streets", geometry, &[("code", super::text("77"))]))
}

#[tokio::test(flavor = "multi_thread")]
async fn suspicious_places_are_told_and_nothing_is_moved() {
    let town = town().await;
    let warnings = async |query: &str| {
        let answer = town.json(&format!("/zones?{query}&layers=tariff-zones")).await;
        let warnings = answer["warnings"].as_array().expect("warnings").clone();
        (warnings.iter().map(|it| it["code"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>(), answer)
    };
    let [lon, lat] = CORNER_LONLAT;
    let (swapped, answer) = warnings(&format!("x={lat}&y={lon}")).await;
    assert_eq!(swapped, ["outside-territory"]);
    let hint = answer["warnings"][0]["text"]["it"].as_str().expect("a text");
    assert!(hint.contains("invertite"), "{hint}");
    assert!(shares(&answer, "tariff-zones").is_empty(), "nothing is guessed");
    let (zone, answer) = warnings("x=291847.96&y=5034631.54&crs=EPSG:7791").await;
    assert_eq!(zone, ["outside-territory"]);
    assert!(answer["warnings"][0]["text"]["en"].as_str().is_some_and(|it| it.contains("EPSG:7792")), "{answer}");
    let (rough, answer) = warnings("x=2311855.07&y=5034651.2&crs=EPSG:3004").await;
    assert_eq!(
        (rough, answer["evidence"]["transform"]["code"].as_str()),
        (vec!["rough-transform".to_owned()], Some("EPSG:1660"))
    );
    assert_eq!(warnings(&format!("x={lon}&y={lat}")).await.0, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_asks_and_answers_in_both_languages() {
    let town = town().await;
    let form = town.server.get("/zones?f=html").await;
    assert_eq!((form.status, form.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(form.text().contains("<form") && !form.text().contains("class=\"answer\""));
    let page = town.server.get("/zones?f=html&parcel=12/57&datetime=2026-01-01&lang=en").await.text();
    assert!(page.contains("Zona A") && page.contains("95.24") && page.contains("Evidence"), "{page}");
    let refused = town.server.get("/zones?f=html&parcel=99/1").await;
    assert!(refused.text().contains("role=\"alert\""), "{}", refused.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_points_comes_back_with_the_zones_of_each_row() {
    let town = town().await;
    let at = |x: f64| format!("{:.3},{:.3}", CORNER[0] + x, CORNER[1] + 15.0);
    let sent = format!("id,est,nord\n1,{}\n2,{}\n3,{}\n4,nowhere,7\n", at(12.0), at(50.0), at(90.0));
    let url = town.server.url("/zones?layers=parcels,zoning&crs=EPSG:7795");
    let request = || town.server.client.post(&url).header("content-type", "text/csv").body(sent.clone());
    let answer = town.server.send(request()).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/csv; charset=utf-8; header=present"));
    let text = answer.text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 5, "no row is lost: {text}");
    assert!(lines[0].starts_with("id,est,nord,parcels_id,") && lines[0].contains("zoning_zone"), "{text}");
    assert!(lines[1].contains("L736_001200.57") && lines[1].contains("A1"), "{text}");
    assert!(
        lines[2].contains("L736_001200.58") && lines[3].starts_with("3,") && lines[4].starts_with("4,nowhere,7,"),
        "{text}"
    );
    // The same as a job.
    let begun = town.server.send(request().header("prefer", "respond-async")).await;
    assert_eq!(begun.status, 201, "{}", begun.text());
    let id = begun.json()["jobID"].as_str().expect("an id").to_owned();
    while town.json(&format!("/jobs/{id}")).await["status"] != "successful" {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    for _ in 0..2 {
        assert_eq!(town.server.get(&format!("/jobs/{id}/results")).await.text(), text);
    }
    let post = async |query: &str, body: &str| {
        let request =
            town.server.client.post(town.server.url(&format!("/zones?{query}"))).header("content-type", "text/csv");
        town.server.send(request.body(body.to_owned())).await
    };
    post("layers=parcels", "a,b\n1,2\n").await.problem(400, "invalid-body");
    post("layers=parcels&x-column=c&y-column=b", "a,b\n1,2\n").await.problem(400, "invalid-parameter");
    post("layers=streets", "x,y\n1,2\n").await.problem(400, "invalid-parameter");
    post("", "x,y\n1,2\n").await.problem(400, "missing-parameter");
}
