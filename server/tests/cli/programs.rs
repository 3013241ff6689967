//! What GDAL and QGIS make of a running server and of its store.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::harness::{Folder, Process, alone, complaints, sqlite3};

const READ_TILES: &str = include_str!("scripts/read_tiles.py");
const READ_TILESET: &str = include_str!("scripts/read_tileset.py");
const DRAW_TILES: &str = include_str!("scripts/draw_tiles.py");
const EDIT_STORE: &str = include_str!("scripts/edit_store.py");

/// Debian's Python with one of its modules; the packages are part of `scripts/setup test`.
fn python(script: &str, arguments: &[&str], module: &str, package: &str, home: &Path) -> Child {
    let python = || {
        let mut command = Command::new("/usr/bin/python3");
        // QGIS keeps settings at home.
        command.env("HOME", home).env("XDG_RUNTIME_DIR", home).env("PYTHONDONTWRITEBYTECODE", "1");
        command
    };
    let found = python().args(["-c", &format!("import {module}")]).output();
    assert!(found.is_ok_and(|output| output.status.success()), "no {module} for /usr/bin/python3; install {package}");
    let mut command = python();
    command.args(["-c", script]).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("starts")
}

fn finish(child: Child) -> serde_json::Value {
    let output = child.wait_with_output().expect("ends");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    serde_json::from_str(out.lines().last().unwrap_or_default()).unwrap_or_else(|error| panic!("{error}\n{out}\n{err}"))
}

/// A running server over a small city.
fn city(parcels: &str) -> (Folder, Process, PathBuf) {
    let folder = Folder::new();
    let server = folder.start(&["demo", "--parcels", parcels, "--seed", "3"]);
    server.wait_until_ready();
    let store = folder.path().join("bricola-data/bricola.gpkg");
    (folder, server, store)
}

#[test]
fn gdal_reads_tiles_that_agree_with_the_store() {
    let (folder, server, store) = city("2000");
    let store = store.display().to_string();
    let layers: [(&str, &[&str]); 5] = [
        ("parcels", &["14", "16", "18"]),
        ("zoning", &["13", "15", "18"]),
        ("streets", &["14", "16", "18"]),
        ("buildings", &["16", "18"]),
        ("addresses", &["17"]),
    ];
    for (layer, zooms) in layers {
        let arguments = [&[&*server.url, &store, layer], zooms].concat();
        let told = finish(python(READ_TILES, &arguments, "osgeo.ogr", "python3-gdal", folder.path()));
        let count = |name: &str| told[name].as_u64().expect("a count");
        assert!(count("tiles") >= zooms.len() as u64, "{layer}: {told}");
        assert!(count("features") >= 20 && count("vertices") >= 100 && count("values") >= 40, "{layer}: {told}");
    }
}

#[test]
fn every_feature_is_found_in_every_grid_by_the_links_and_limits_of_its_tilesets() {
    let (folder, server, store) = city("2000");
    let store = store.display().to_string();
    for (layer, grid, code, place) in [
        ("parcels", "WebMercatorQuad", "3857", "2"),
        ("parcels", "ItalyRDN2008_UTM33NQuad", "7792", "2"),
        ("zoning", "EuropeanETRS89_LAEAQuad", "3035", "4"),
        ("buildings", "WorldCRS84Quad", "4326", "1"),
    ] {
        let arguments = [&*server.url, &store, layer, grid, code, place];
        let told = finish(python(READ_TILESET, &arguments, "osgeo.ogr", "python3-gdal", folder.path()));
        println!("{layer} in {grid}: {told}");
        let count = |name: &str| told[name].as_u64().expect("a count");
        assert!(count("features") >= 50 && count("values") >= 100, "{layer} in {grid}: {told}");
        assert!(count("tiles") >= 4 && count("empty") < count("tiles"), "{layer} in {grid}: {told}");
    }
}

#[test]
fn qgis_draws_tiles_in_the_shipped_style() {
    let (folder, server, _) = city("500");
    let [lon, lat] = [0, 1].map(|axis| server.json("/tiles/parcels.json")["center"][axis].to_string());
    let arguments = [&*server.url, "parcels", &lon, &lat];
    let told = finish(python(DRAW_TILES, &arguments, "qgis.core", "python3-qgis", folder.path()));
    assert_eq!((&told["valid"], &told["styled"]), (&true.into(), &true.into()), "{told}");
    assert_eq!(told["zooms"], serde_json::json!([13, 18]));
    // Surfaces, outlines and numbers.
    assert!(told["here"]["drawn"].as_u64() > Some(20_000) && told["here"]["colours"].as_u64() >= Some(10), "{told}");
    assert_eq!(told["far"]["drawn"], 0, "{told}");
    server.signal("-TERM");
    assert_eq!(complaints(&server.end().1), Vec::<&str>::new());
}

/// Ids of the parcels at a place.
fn parcels_at(server: &Process, [x, y]: [f64; 2]) -> Vec<(i64, String)> {
    let json = server.json(&format!("/lookup?x={x:.3}&y={y:.3}&crs=EPSG:7795&layers=parcels"));
    let hit = |hit: &serde_json::Value| {
        let feature = &hit["feature"];
        (feature["id"].as_i64().expect("an id"), feature["properties"]["label"].as_str().unwrap_or("").to_owned())
    };
    json["hits"].as_array().unwrap_or_else(|| panic!("{json}")).iter().map(hit).collect()
}

#[test]
fn an_edit_session_in_qgis_is_on_the_map_within_two_seconds_and_in_log_and_history() {
    let _alone = alone();
    let (folder, server, store) = city("500");
    let before: i64 = sqlite3(&store, "SELECT max(seq) FROM bricola_changes").trim().parse().expect("a number");
    let tile = |server: &Process| server.get("/tiles/parcels.json").1;
    let outline = tile(&server);
    let mut qgis = python(EDIT_STORE, &[&store.display().to_string()], "qgis.core", "python3-qgis", folder.path());
    let mut line = String::new();
    BufReader::new(qgis.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    let saved = Instant::now();
    if line.is_empty() {
        let output = qgis.wait_with_output().expect("ends");
        panic!("{}", String::from_utf8_lossy(&output.stderr));
    }
    let said: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    let of = |name: &str| {
        let place = |axis: usize| said[name][1][axis].as_f64().expect("a coordinate");
        (said[name][0].as_i64().expect("an id"), [place(0), place(1)])
    };
    let [renamed, moved, added, deleted] = ["renamed", "moved", "added", "deleted"].map(of);
    let holds = || {
        let has = |(id, place): (i64, [f64; 2])| parcels_at(&server, place).iter().any(|(found, _)| *found == id);
        parcels_at(&server, renamed.1).contains(&(renamed.0, "by QGIS".to_owned()))
            && has(moved)
            && parcels_at(&server, added.1) == [(added.0, "new".to_owned())]
            && !has(deleted)
    };
    while !holds() {
        assert!(saved.elapsed() < Duration::from_secs(2), "not within two seconds: {said}");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_ne!(tile(&server), outline, "the bounds have grown");
    let _ = qgis.wait();

    let log = sqlite3(
        &store,
        &format!("SELECT DISTINCT operation, fid FROM bricola_changes WHERE seq > {before} AND layer = 'parcels'"),
    );
    let wanted = [("update", renamed.0), ("update", moved.0), ("insert", added.0), ("delete", deleted.0)];
    let wanted: BTreeSet<String> = wanted.iter().map(|(operation, id)| format!("{operation}|{id}")).collect();
    assert_eq!(log.lines().map(str::to_owned).collect::<BTreeSet<_>>(), wanted);
    let history = sqlite3(&store, "SELECT fid, label = 'by QGIS', version FROM bricola_history_parcels ORDER BY fid");
    let mut kept: Vec<i64> = vec![renamed.0, moved.0, deleted.0];
    kept.sort_unstable();
    assert_eq!(history.lines().collect::<Vec<_>>(), kept.iter().map(|id| format!("{id}|0|1")).collect::<Vec<_>>());
    assert_eq!(sqlite3(&store, "PRAGMA integrity_check").trim(), "ok");
    server.signal("-TERM");
    assert_eq!(complaints(&server.end().1), Vec::<&str>::new());
}
