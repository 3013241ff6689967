//! Rows that somebody wrote by hand into `PostGIS` and that cannot be mirrored, or that one might fear could not.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::super::harness::{Folder, Process};
use super::super::postgis::PostGis;
use super::super::replicas::{Client, free_port, in_turn, serve, tiles};
use super::storm::{end_of_log, equal, parcels, server_count, server_is_ready};

/// What is written into a parcel, and a word of the reason for which it is set aside.
const POISON: [(&str, &str); 9] = [
    ("geom = ST_Translate(geom, 'NaN', 0)", "coordinates"),
    ("geom = ST_Translate(geom, 'Infinity', 0)", "coordinates"),
    ("geom = ST_Translate(geom, 1e300, 0)", "too far"),
    ("geom = ST_Transform(geom, 4326)", "EPSG:4326"),
    ("geom = ST_PointOnSurface(geom)", "POINT"),
    ("geom = ST_Boundary(geom)", "LINESTRING"),
    ("geom = ST_Collect(geom, ST_Centroid(geom))", "COLLECTION"),
    ("geom = ST_SetSRID('CURVEPOLYGON(CIRCULARSTRING(0 0,4 0,4 4,0 4,0 0))'::geometry, ST_SRID(geom))", "curves"),
    ("area_m2 = 'NaN'", "area_m2"),
];

/// What looks dangerous and is served: nothing of it, as it is, or without its heights.
const ODD: [&str; 5] = [
    "geom = ST_SetSRID('MULTIPOLYGON EMPTY'::geometry, ST_SRID(geom))",
    "geom = NULL",
    "geom = ST_Force3DZ(geom, 7)",
    "geom = ST_Force4D(geom)",
    // A bow tie.
    "geom = ST_Multi(ST_SetSRID(ST_MakePolygon(ST_MakeLine(ARRAY[ST_MakePoint(x, y), ST_MakePoint(x + 9, y + 9), \
     ST_MakePoint(x + 9, y), ST_MakePoint(x, y + 9), ST_MakePoint(x, y)])), ST_SRID(geom)))",
];

#[test]
fn rows_spoilt_by_hand_are_set_aside_by_name_and_come_back_when_they_are_mended() {
    in_turn(spoil());
}

async fn spoil() {
    let (database, folder) = (PostGis::start(), Folder::new());
    let url = database.url();
    let filled = folder.run(&["demo", "--parcels", "500", "--no-serve", "--database", &url, "--log-level", "error"]);
    assert_eq!(filled.code, 0, "{}", filled.stderr);
    // A column that takes anything, and the rows as they were.
    database.sql("ALTER TABLE city.parcels ALTER geom TYPE geometry; CREATE TABLE kept AS SELECT * FROM city.parcels");
    let server = serve(&folder, &url, free_port());
    server_is_ready(&server).await;
    let client = Client(reqwest::Client::new());
    let inside: Vec<(f64, f64)> = parcels(&database).iter().map(|(_, x, y, _)| (*x, *y)).collect();
    let before = tiles(&client, &server.url, "parcels", &inside, end_of_log(&database)).await;
    let last = POISON.len() as u64;
    for (number, (assignment, _)) in (1..).zip(POISON) {
        database.sql(&format!("UPDATE city.parcels SET {assignment} WHERE fid = {number}"));
    }
    for (number, assignment) in (last + 1..).zip(ODD) {
        database.sql(&format!(
            "UPDATE city.parcels SET {assignment} FROM (SELECT ST_X(p) AS x, ST_Y(p) AS y FROM (SELECT \
             ST_PointOnSurface(geom) AS p FROM city.parcels WHERE fid = {number}) AS place) AS place WHERE fid = {number}"
        ));
    }
    let seq = end_of_log(&database);
    // One that has heard of them by changes, and one that reads them in their place.
    let fresh = serve(&folder, &url, free_port());
    server_is_ready(&fresh).await;
    for server in [&server, &fresh] {
        assert_eq!(client.get(&server.url, "/status", seq).await.status(), 200, "nothing of it is fatal");
        let set_aside = set_aside(&client, server).await;
        for (number, (assignment, word)) in (1..).zip(POISON) {
            let reason = set_aside.get(&number).unwrap_or_else(|| panic!("{assignment}: {set_aside:?}"));
            assert!(reason.to_uppercase().contains(&word.to_uppercase()), "{assignment}: {reason}");
        }
        assert_eq!(set_aside.len(), POISON.len(), "{set_aside:?}");
        let held = server_count(&client, &server.url, "parcels").await;
        assert_eq!(held, inside.len() as u64 - last, "the others are there");
        let (x, y) = inside[0];
        let lookup = format!("/lookup?x={x}&y={y}&layers=parcels");
        let hits: Value = client.get(&server.url, &lookup, seq).await.json().await.expect("JSON");
        assert_eq!(hits["hits"].as_array().map(Vec::len), Some(0), "a parcel set aside is nowhere: {hits}");
    }
    let poisoned = tiles(&client, &server.url, "parcels", &inside, seq).await;
    assert_eq!(poisoned, tiles(&client, &fresh.url, "parcels", &inside, seq).await, "both draw the same");
    assert_ne!(poisoned, before);
    database.sql("UPDATE city.parcels AS p SET geom = kept.geom, area_m2 = kept.area_m2 FROM kept WHERE kept.fid = p.fid AND p.fid < 30");
    let seq = end_of_log(&database);
    for server in [&server, &fresh] {
        let started = Instant::now();
        assert_eq!(client.get(&server.url, "/status", seq).await.status(), 200);
        loop {
            let left = set_aside(&client, server).await;
            if left.is_empty() {
                break;
            }
            assert!(started.elapsed() < Duration::from_secs(10), "{left:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(tiles(&client, &server.url, "parcels", &inside, seq).await, before, "as if nothing had been");
    }
    equal(&database, &folder, &[server, fresh], seq).await;
}

/// Parcels that are set aside, with the reasons, as `/status` has them.
async fn set_aside(client: &Client, server: &Process) -> BTreeMap<u64, String> {
    let status: Value = client.get(&server.url, "/status", 0).await.json().await.expect("JSON");
    let layers = status["layers"].as_array().expect("layers");
    let parcels = layers.iter().find(|layer| layer["id"] == "parcels").expect("parcels");
    let told = parcels["set_aside_first"].as_array().expect("a list");
    let row = |row: &Value| (row["id"].as_u64().expect("an id"), row["reason"].as_str().expect("a reason").to_owned());
    let told: BTreeMap<u64, String> = told.iter().map(row).collect();
    assert_eq!(parcels["set_aside"].as_u64(), Some(told.len() as u64), "each once: {parcels}");
    told
}
