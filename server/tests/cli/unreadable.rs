//! A layer whose stored definition is of a newer version: the others are served all the same.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::harness::{Folder, Process, sqlite3};
use super::postgis::PostGis;

const FOUNTAINS: &str =
    "code,name,lon,lat\nF1,Fontana dei Mori,12.3330,45.4460\nF2,Fontana di Rialto,12.3359,45.4380\n";
const TOILETS: &str = "code,lon,lat\nT1,12.3330,45.4460\n";

/// A store of one kind or the other, as another program sees it.
struct Store {
    folder: Folder,
    database: Option<PostGis>,
}

impl Store {
    fn sql(&self, sql: &str) -> String {
        match &self.database {
            None => sqlite3(&self.folder.path().join("bricola-data/bricola.gpkg"), sql),
            Some(database) => database.sql(sql),
        }
    }

    /// With the flags that name the store.
    fn arguments<'a>(&self, arguments: &[&'a str], url: &'a str) -> Vec<&'a str> {
        let store = if self.database.is_some() { &["--database", url][..] } else { &[] };
        [arguments, store].concat()
    }

    fn run(&self, arguments: &[&str]) -> String {
        let url = self.database.as_ref().map(PostGis::url).unwrap_or_default();
        let run = self.folder.run(&self.arguments(arguments, &url));
        assert_eq!(run.code, 0, "{run:?}");
        run.stdout
    }

    fn start(&self) -> Process {
        let url = self.database.as_ref().map(PostGis::url).unwrap_or_default();
        self.folder.start(&self.arguments(&["serve"], &url))
    }

    /// Alters the definition of the fountains in the place where the store keeps it, as a newer version may.
    fn redefine(&self, from: &str, to: &str) {
        let table = if self.database.is_some() { "bricola.layers" } else { "bricola_layers" };
        self.sql(&format!(
            "UPDATE {table} SET definition = replace(definition, '{from}', '{to}') WHERE layer = 'fountains'"
        ));
        let kept = self.sql(&format!("SELECT definition FROM {table} WHERE layer = 'fountains'"));
        assert!(kept.contains(to), "{kept}");
    }

    /// An edit by another program.
    fn rename(&self, name: &str) {
        let table = if self.database.is_some() { "city.fountains" } else { "fountains" };
        self.sql(&format!("UPDATE {table} SET name = '{name}' WHERE code = 'F1'"));
    }
}

/// The line of `/status` on a layer, once it is in a state.
fn until(server: &Process, id: &str, state: &str) -> Value {
    let started = Instant::now();
    loop {
        let (code, body) = server.get("/status");
        let status: Value = serde_json::from_str(&body).expect("JSON");
        let layer = status["layers"].as_array().expect("layers").iter().find(|layer| layer["id"] == id).cloned();
        if let Some(layer) = layer.filter(|layer| code == 200 && layer["state"] == state) {
            return layer;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "{code} {status:#}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn name_of_the_first(server: &Process) -> String {
    let answer = server.json("/lookup?x=12.3330&y=45.4460&radius=1&layers=fountains");
    answer["hits"][0]["feature"]["properties"]["name"].to_string()
}

/// Everything but the fountains is served, and they are named with the reason.
fn assert_only_the_fountains_are_missing(server: &Process, reason: &str) {
    let fountains = until(server, "fountains", "unreadable");
    let trouble = fountains["trouble"].as_str().expect("a reason");
    assert!(trouble.contains("newer version") && trouble.contains(reason), "{trouble}");
    until(server, "toilets", "ready");
    let listed = server.json("/collections");
    let listed: Vec<_> = listed["collections"].as_array().expect("some").iter().map(|one| &one["id"]).collect();
    assert_eq!(listed, ["toilets"]);
    assert_eq!(server.json("/lookup?x=12.3330&y=45.4460&radius=1")["hits"].as_array().map(Vec::len), Some(1));
    assert_eq!(server.status("/tiles/toilets/16/35013/23459"), 200);
    for path in ["/tiles/fountains/16/35013/23459", "/collections/fountains"] {
        let (code, body) = server.get(path);
        assert!(code == 503 && body.contains("layer-unreadable"), "{path}: {code} {body}");
    }
    let changes = server.json("/changes");
    assert!(changes["changes"].as_array().expect("some").iter().all(|change| change["layer"] == "toilets"));
    assert!(server.get("/metrics").1.lines().any(|line| line == "bricola_layers_unreadable 1"));
}

/// What a newer server writes while this one runs, and what this one then starts with.
fn a_newer_definition_takes_down_its_own_layer_only(store: &Store) {
    store.folder.write("fountains.csv", FOUNTAINS);
    store.folder.write("toilets.csv", TOILETS);
    store.run(&["load", "fountains.csv", "--layer", "fountains"]);
    store.run(&["load", "toilets.csv", "--layer", "toilets"]);
    let server = store.start();
    until(&server, "fountains", "ready");

    // A member that this version does not know: noticed at the next change of the layer.
    let (plain, newer) = (r#""theme":"green""#, r#""theme":"green","season":"summer""#);
    store.redefine(plain, newer);
    store.rename("Fontana estiva");
    assert_only_the_fountains_are_missing(&server, "unknown field `season`");
    let listed = store.run(&["layers"]);
    assert!(listed.lines().any(|line| line.starts_with("fountains") && line.contains("season")), "{listed}");

    // It is tried again, whatever else happens meanwhile.
    store.rename("Fontana d''inverno");
    store.redefine(newer, plain);
    until(&server, "fountains", "ready");
    assert_eq!(name_of_the_first(&server), "\"Fontana d'inverno\"");
    store.rename("Fontana seguita");
    let started = Instant::now();
    while name_of_the_first(&server) != "\"Fontana seguita\"" {
        assert!(started.elapsed() < Duration::from_secs(20), "followed again");
        std::thread::sleep(Duration::from_millis(20));
    }

    // A value that this version does not know, met at the start.
    server.signal("-TERM");
    assert_eq!(server.end().0, Some(0));
    store.redefine(r#""geometry":"point""#, r#""geometry":"pointcloud""#);
    let server = store.start();
    assert_only_the_fountains_are_missing(&server, "unknown variant `pointcloud`");
    // Nobody may know of a layer that is not public, nor of one that may not be.
    store.redefine(r#""visibility":"public""#, r#""visibility":"mayor""#);
    let started = Instant::now();
    while server.get("/status").1.contains("fountains") {
        assert!(started.elapsed() < Duration::from_secs(30), "hidden");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(server.get("/collections/fountains").0, 404);
    store.redefine(r#""visibility":"mayor""#, r#""visibility":"public""#);
    store.redefine(r#""geometry":"pointcloud""#, r#""geometry":"point""#);
    until(&server, "fountains", "ready");
    server.signal("-TERM");
    let (code, log) = server.end();
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(log.matches("leaving it out").count(), 2, "said once for each reason: {log}");
    assert!(!log.contains("ERROR") && !log.contains("panicked"), "{log}");
}

#[test]
fn a_newer_definition_in_a_geopackage_takes_down_its_own_layer_only() {
    a_newer_definition_takes_down_its_own_layer_only(&Store { folder: Folder::new(), database: None });
}

#[test]
fn a_newer_definition_in_postgis_takes_down_its_own_layer_only() {
    a_newer_definition_takes_down_its_own_layer_only(&Store {
        folder: Folder::new(),
        database: Some(PostGis::start()),
    });
}
