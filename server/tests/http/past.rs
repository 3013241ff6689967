//! Answers of before: as of a change, an instant, and a day on which the data say what was in force.

use std::sync::Arc;

use bricola_layers::definition::LayerDefinition;
use bricola_layers::feature::{Feature, Value};
use bricola_layers::store::{Edit, GeoPackageStore, OpenMode, Store as _};
use chrono::NaiveDate;
use geo_types::Point;
use serde_json::json;

use super::harness::{CORNER, Server};

const LAYER: &str = "places";
/// The tile of the corner.
const TILE: &str = "/tiles/places/14/8753/5865";

fn definition() -> LayerDefinition {
    let field = |name: &str, kind: &str| {
        format!("[[field]]\nname = \"{name}\"\ntype = \"{kind}\"\ntitle = {{ it = \"{name}\", en = \"{name}\" }}\n")
    };
    let text = format!(
        "id = \"{LAYER}\"\ntitle = {{ it = \"t\", en = \"t\" }}\ndescription = {{ it = \"d\", en = \"d\" }}\n\
         theme = \"green\"\ngeometry = \"point\"\ncrs = \"EPSG:7795\"\nresolution = 0.001\nzoom = {{ min = 10, max = 16 }}\n{}{}{}",
        field("name", "text"),
        field("valid_from", "date"),
        field("valid_to", "date")
    );
    toml::from_str(&text).expect("a definition")
}

fn place(east: f64, name: &str, from: Option<(i32, u32)>, to: Option<(i32, u32)>) -> Feature {
    let day = |date: Option<(i32, u32)>| {
        date.and_then(|(year, month)| NaiveDate::from_ymd_opt(year, month, 1)).map_or(Value::Null, Value::Date)
    };
    let snapped = |value: f64| (value * 1000.0).round() / 1000.0;
    let point = Point::new(snapped(CORNER[0] + east), snapped(CORNER[1] + 1.0));
    Feature { geometry: Some(point.into()), properties: vec![Value::Text(name.to_owned()), day(from), day(to)] }
}

async fn city() -> (Arc<GeoPackageStore>, Server, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bricola.gpkg");
    let store = Arc::new(GeoPackageStore::open(path, OpenMode::ReadWrite).await.expect("a store"));
    store.define(&definition()).await.expect("defined");
    let server = Server::over(Arc::clone(&store)).await;
    (store, server, folder)
}

fn lookup(more: &str) -> String {
    format!("/lookup?x={}&y={}&crs=EPSG:7795&radius=500&layers={LAYER}{more}", CORNER[0], CORNER[1])
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_of_the_past_is_what_it_was() {
    let (store, server, _folder) = city().await;
    let mut noted = Vec::new();
    let mut alive: Vec<i64> = Vec::new();
    for round in 0_i64..40 {
        let moved = place((round * 37 % 200) as f64, &format!("round {round}"), None, None);
        let pick = alive.get((round * 13) as usize % alive.len().max(1)).copied();
        let edit = match (round % 4, pick) {
            (1, Some(id)) => Edit::Update { id, expected: None, feature: moved },
            (3, Some(id)) => {
                alive.retain(|other| *other != id);
                Edit::Delete { id, expected: None }
            }
            _ => Edit::Insert(moved),
        };
        let inserts = matches!(edit, Edit::Insert(_));
        let (ids, seq) = store.write(LAYER, vec![edit]).await.expect("written");
        if inserts {
            alive.extend(ids);
        }
        let fresh = format!("&min-seq={seq}");
        let (found, tile) = (server.get(&lookup(&fresh)).await, server.get(&format!("{TILE}?min-seq={seq}")).await);
        assert_eq!(found.json()["seq"], seq);
        noted.push((seq, chrono::Utc::now(), found.json(), tile.header("etag").to_owned()));
        tokio::time::sleep(std::time::Duration::from_millis(3)).await;
    }
    for (seq, instant, found, etag) in &noted {
        let then = server.get(&lookup(&format!("&at={seq}"))).await;
        assert_eq!(&then.json(), found, "as of {seq}");
        assert_eq!(then.header("cache-control"), "public, max-age=3600", "a redefinition reaches every copy");
        let tile = server.get(&format!("{TILE}?at={seq}")).await;
        assert_eq!(tile.header("etag"), etag, "as of {seq}");
        assert_eq!(tile.header("bricola-seq"), seq.to_string());
        let by_clock = instant.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
        let then = server.get(&lookup(&format!("&at={by_clock}"))).await;
        assert_eq!(&then.json(), found, "at {by_clock}");
        assert!(!then.header("cache-control").contains("max-age=3600"), "a moment just gone is not yet settled");
        let body = json!({"points": [[CORNER[0], CORNER[1]]], "crs": "EPSG:7795", "radius": 500.0, "layers": [LAYER]});
        let request = server.client.post(server.url(&format!("/lookup?at={seq}"))).json(&body);
        assert_eq!(server.send(request).await.json()["results"][0]["hits"], found["hits"]);
    }
    let before = server.get(&lookup("&at=0")).await;
    assert_eq!(before.json()["hits"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_shows_what_was_in_force() {
    let (store, server, _folder) = city().await;
    let places = [
        place(1.0, "always", None, None),
        place(2.0, "old", None, Some((2025, 1))),
        place(3.0, "new", Some((2025, 1)), None),
        place(4.0, "between", Some((2024, 6)), Some((2025, 6))),
    ];
    let (_, seq) = store.write(LAYER, places.into_iter().map(Edit::Insert).collect()).await.expect("written");
    let names = |answer: serde_json::Value| -> Vec<String> {
        let hits = answer["hits"].as_array().expect("hits").clone();
        hits.iter().map(|hit| hit["feature"]["properties"]["name"].as_str().expect("a name").to_owned()).collect()
    };
    for (datetime, expected) in [
        ("2024-01-15", vec!["always", "old"]),
        ("2024-12-31", vec!["always", "old", "between"]),
        ("2025-01-01", vec!["always", "new", "between"]),
        ("2025-01-01T00:00:00%2B01:00", vec!["always", "new", "between"]),
        ("2024-12-31T23:00:00Z", vec!["always", "new", "between"]),
        ("2026-11-26", vec!["always", "new"]),
    ] {
        let answer = server.get(&lookup(&format!("&min-seq={seq}&datetime={datetime}"))).await;
        assert_eq!(names(answer.json()), expected, "{datetime}");
    }
    let size = |datetime: &'static str| {
        let server = &server;
        async move { server.get(&format!("{TILE}?datetime={datetime}")).await.body.len() }
    };
    assert!(size("2024-01-15").await < size("2024-12-31").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn moments_that_are_none_are_refused_with_the_reason() {
    let (store, server, _folder) = city().await;
    let seq = store.last_seq().await.expect("the end");
    let ahead = (seq + 1).to_string();
    for (at, reason) in [
        ("soon", "RFC"),
        (ahead.as_str(), "the last one is"),
        ("-1", "the last one is"),
        ("2999-01-01T00:00:00Z", "yet to come"),
        ("2026-01-01", "an instant such as"),
    ] {
        for path in [lookup(&format!("&at={at}")), format!("{TILE}?at={at}")] {
            let problem = server.get(&path).await.problem(400, "invalid-parameter");
            let detail = problem["detail"].as_str().expect("detail");
            assert!(detail.contains(reason) || reason == "RFC", "{detail}");
            assert_eq!(problem["parameter"], "at");
        }
    }
    let problem = server.get(&lookup("&datetime=yesterday")).await.problem(400, "invalid-parameter");
    assert_eq!(problem["parameter"], "datetime");
    // A layer that was dropped and defined anew does not lend its past.
    store.write(LAYER, vec![Edit::Insert(place(1.0, "first life", None, None))]).await.expect("written");
    let old = store.last_seq().await.expect("the end");
    store.drop_layer(LAYER).await.expect("dropped");
    store.define(&definition()).await.expect("defined");
    let seq = store.last_seq().await.expect("the end");
    server.get(&format!("/status?min-seq={seq}")).await;
    let gone = server.get(&lookup(&format!("&at={old}"))).await.problem(410, "pruned");
    assert!(gone["first"].as_i64() > Some(old), "{gone}");
}
