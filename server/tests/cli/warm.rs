//! A server that is started again begins with what it knew.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::harness::{Folder, Process};
use super::postgis::Cluster;

/// A city in a cluster of its own, which the test may stop.
struct City {
    cluster: Cluster,
    database: String,
    folder: Folder,
}

impl City {
    fn start() -> Self {
        let cluster = Cluster::start("");
        let database = cluster.database();
        let city = Self { cluster, database, folder: Folder::new() };
        let url = city.url();
        let filled =
            city.folder.run(&["demo", "--parcels", "1k", "--no-serve", "--database", &url, "--log-level", "error"]);
        assert_eq!(filled.code, 0, "{}", filled.stderr);
        city
    }

    fn url(&self) -> String {
        self.cluster.url(&self.database)
    }

    fn serve(&self, seconds: &str) -> Process {
        self.folder.start(&["serve", "--database", &self.url(), "--warm-seconds", seconds, "--log-level", "warn"])
    }

    fn sql(&self, sql: &str) -> String {
        self.cluster.sql(&self.database, sql)
    }

    fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path().join("bricola-data/warm")).into_iter().flatten();
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

fn until(what: &str, limit: Duration, mut holds: impl FnMut() -> bool) -> Duration {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < limit, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
    started.elapsed()
}

const LONG: Duration = Duration::from_secs(30);

fn status(server: &Process) -> (u16, Value) {
    let (code, text) = server.get("/status");
    (code, serde_json::from_str(&text).expect("JSON"))
}

/// Every layer by how it stands.
fn layers(status: &Value) -> Vec<(String, i64, i64)> {
    let layers = status["layers"].as_array().expect("layers").iter();
    let number = |value: &Value| value.as_i64().unwrap_or(-1);
    layers.map(|layer| (layer["id"].to_string(), number(&layer["seq"]), number(&layer["count"]))).collect()
}

/// The tile of parcels and schools that holds a place.
fn tile(lon: f64, lat: f64, zoom: u8) -> String {
    let (side, sine) = (f64::from(1_u32 << zoom), lat.to_radians().sin());
    let x = (lon / 360.0 + 0.5) * side;
    let y = (0.5 - ((1.0 + sine) / (1.0 - sine)).ln() / (4.0 * std::f64::consts::PI)) * side;
    format!("/tiles/parcels,schools/{zoom}/{}/{}", x as u32, y as u32)
}

#[test]
fn a_server_starts_while_its_database_is_away_and_catches_up_when_it_is_back() {
    let city = City::start();
    let place = city.sql(
        "SELECT ST_X(p) || '&y=' || ST_Y(p) FROM (SELECT ST_Transform(geom, 4326) AS p FROM city.schools WHERE fid = 1) AS s",
    );
    let lookup = format!("/lookup?x={}&layers=schools,parcels&radius=1", place.trim());
    let server = city.serve("60");
    until("ready", LONG, || status(&server).0 == 200);
    city.sql("UPDATE city.schools SET name = 'prima' WHERE fid = 1");
    until("the edit is seen", LONG, || server.get(&lookup).1.contains("prima"));
    let (x, y) = place.trim().split_once("&y=").expect("two numbers");
    let tile = tile(x.parse().expect("a number"), y.parse().expect("a number"), 15);
    let answers = |server: &Process| (layers(&status(server).1), server.get(&lookup), server.get(&tile));
    let before = answers(&server);
    assert_eq!(before.2.0, 200, "{tile}");
    server.signal("-TERM");
    assert_eq!(server.end().0, Some(0));
    city.cluster.crash();

    let started = Instant::now();
    let server = city.serve("60");
    until("ready without a database", LONG, || status(&server).0 == 200);
    let (code, ready) = (status(&server).0, started.elapsed());
    println!("ready without a database after {ready:?}");
    assert!(code == 200 && ready < Duration::from_secs(4), "ready after {ready:?}");
    assert_eq!(answers(&server), before);
    until("it says so", LONG, || status(&server).1["status"] == "stale");
    let told = status(&server).1;
    assert_eq!(told["store"]["state"], "unreachable");
    assert!(told["store"]["contact_s"].as_i64().is_some_and(|seconds| seconds >= 0), "{told}");
    assert_eq!(server.get("/changes").0, 503);

    city.cluster.restart("");
    city.sql("UPDATE city.schools SET name = 'dopo' WHERE fid = 1");
    until("the database is back", LONG, || server.get(&lookup).1.contains("dopo"));
    let (code, told) = status(&server);
    assert_eq!((code, &told["status"]), (200, &Value::from("ok")));
    let read = told["layers"].as_array().expect("layers").iter().filter(|layer| layer["reads"] != 0);
    assert_eq!(read.count(), 0, "nothing was read as a whole: {told}");
}

#[test]
fn a_server_that_is_killed_while_it_keeps_its_layers_starts_with_whole_ones() {
    let city = City::start();
    for round in 0..8_u64 {
        let server = city.serve("1");
        until("ready", LONG, || status(&server).0 == 200);
        for edit in 0..6 {
            city.sql(&format!("UPDATE city.fountains SET name = '{round}.{edit}' WHERE fid % 3 = {edit} % 3"));
            std::thread::sleep(Duration::from_millis(60 + round * 53 % 200));
        }
        let end = city.sql("SELECT max(seq) FROM bricola.transactions").trim().parse::<i64>().expect("a number");
        until("caught up", LONG, || status(&server).1["seq"].as_i64() >= Some(end));
        let wanted = layers(&status(&server).1);
        server.signal("-KILL");
        drop(server);
        let again = city.serve("60");
        until("ready again", LONG, || status(&again).0 == 200);
        assert_eq!(layers(&status(&again).1), wanted, "round {round}");
        let counted = city.sql("SELECT count(*) FROM city.fountains WHERE name LIKE '%.5'");
        assert_ne!(counted.trim(), "0");
        again.signal("-KILL");
    }
}

#[test]
fn a_full_disk_costs_no_answer_and_leaves_no_rubbish() {
    let city = City::start();
    // A limit on the size of files fails a write in the middle, as a full disk does; the signal that goes with it is
    // ignored.
    let script = format!(
        "trap '' XFSZ; ulimit -f 60; exec {} serve --database {} --warm-seconds 1 --listen 127.0.0.1:0",
        env!("CARGO_BIN_EXE_bricola"),
        city.url()
    );
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &script]).current_dir(city.folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let server = Process::of(shell);
    until("ready", LONG, || status(&server).0 == 200);
    until("tried", LONG, || city.files().contains(&"lock".to_owned()));
    std::thread::sleep(Duration::from_secs(4));
    city.sql("UPDATE city.schools SET name = 'intanto' WHERE fid = 1");
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!((status(&server).0, city.files()), (200, vec!["lock".to_owned()]));
    server.signal("-TERM");
    let (code, log) = server.end();
    assert_eq!(code, Some(0));
    assert!(log.contains("cannot be kept for the next start"), "{log}");
    let server = city.serve("60");
    until("ready from the database", LONG, || status(&server).0 == 200);
}
