//! `bricola serve --database` over a database that was there before us.

use std::process::Command;
use std::time::{Duration, Instant};

use super::harness::{Folder, Process, alone, complaints};
use super::postgis::cluster;

const STREETS: &str = r#"{"type": "FeatureCollection", "features": [
    {"type": "Feature", "properties": {"Nome via": "Calle Lunga", "larghezza": 2.5},
     "geometry": {"type": "LineString", "coordinates": [[12.330, 45.440], [12.331, 45.441]]}},
    {"type": "Feature", "properties": {"Nome via": "Calle Stretta", "larghezza": null},
     "geometry": {"type": "LineString", "coordinates": [[12.332, 45.440], [12.333, 45.441]]}}]}"#;

/// Reads a file into a database by GDAL, as an office does.
fn ogr2ogr(database: &str, folder: &Folder, file: &str, options: &[&str]) {
    let target = format!("PG:host=127.0.0.1 port={} user=bricola dbname={database}", cluster().port);
    let mut command = Command::new("ogr2ogr");
    command.args(["-f", "PostgreSQL", &target]).arg(folder.path().join(file)).args(options);
    let output = command.output().unwrap_or_else(|error| panic!("ogr2ogr: {error}; install gdal-bin"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Waits until an answer is as it should be.
pub fn until(server: &Process, path: &str, within: Duration, holds: impl Fn(&serde_json::Value) -> bool) {
    let started = Instant::now();
    loop {
        let (status, body) = server.get(path);
        let answer = serde_json::from_str(&body).unwrap_or_default();
        if status == 200 && holds(&answer) {
            return;
        }
        assert!(started.elapsed() < within, "{path}: {status} {body}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn tables_that_ogr2ogr_made_are_served_as_tiles_and_edits_of_them_are_seen() {
    let folder = Folder::new();
    folder.write("strade.geojson", STREETS);
    let database = cluster().database();
    ogr2ogr(&database, &folder, "strade.geojson", &["-nln", "Strade", "-lco", "LAUNDER=NO", "-t_srs", "EPSG:25833"]);
    cluster().sql(
        &database,
        "CREATE VIEW public.larghe AS SELECT * FROM public.\"Strade\" WHERE larghezza > 2; \
         COMMENT ON VIEW public.larghe IS 'Strade larghe'",
    );
    let server = folder.start(&["serve", "--database", &cluster().url(&database)]);
    until(&server, "/collections", Duration::from_secs(40), |answer| {
        answer["collections"].as_array().is_some_and(|collections| collections.len() == 2)
    });
    server.wait_until_ready();
    let collections = server.json("/collections");
    assert_eq!(collections["collections"][0]["title"], "Strade larghe", "{collections}");
    assert_eq!(collections["collections"][1]["id"], "strade", "{collections}");
    let tilejson = server.json("/tiles/strade,larghe.json");
    assert_eq!(tilejson["vector_layers"][0]["fields"]["nome_via"], "String", "{tilejson}");
    assert_eq!(server.status("/tiles/strade,larghe/16/35012/23461"), 200);
    let style = server.json("/styles/strade.json");
    assert_eq!(style["layers"].as_array().expect("layers").last().expect("one")["source"], "strade", "{style}");

    let status = server.json("/status");
    let layer = |id: &str| status["layers"].as_array().expect("layers").iter().find(|layer| layer["id"] == id).cloned();
    let (streets, wide) = (layer("strade").expect("strade"), layer("larghe").expect("larghe"));
    assert_eq!((&streets["table"], &streets["looked_at"]), (&"tracked".into(), &serde_json::Value::Null));
    assert_eq!((&wide["table"], wide["looked_at"].is_string()), (&"polled".into(), true), "{wide}");

    cluster().sql(&database, "UPDATE public.\"Strade\" SET \"Nome via\" = 'Calle Nuova' WHERE ogc_fid = 1");
    let name = "/lookup?x=12.3305&y=45.4405&radius=30&layers=strade";
    until(&server, name, Duration::from_secs(20), |answer| {
        answer["hits"][0]["feature"]["properties"]["nome_via"] == "Calle Nuova"
    });
    let name = name.replace("strade", "larghe");
    until(&server, &name, Duration::from_secs(30), |answer| {
        answer["hits"][0]["feature"]["properties"]["nome_via"] == "Calle Nuova"
    });
    let listed = folder.run(&["layers", "--database", &cluster().url(&database)]);
    assert!(listed.stdout.contains("tracked") && listed.stdout.contains("polled 2"), "{}", listed.stdout);
    server.signal("-TERM");
    let (code, log) = server.end();
    assert_eq!((code, complaints(&log)), (Some(0), vec![]), "{log}");

    // With other patterns, the next server has other layers.
    let server =
        folder.start(&["serve", "--database", &cluster().url(&database), "--postgres-attach", "public.*,!*.larghe"]);
    until(&server, "/collections", Duration::from_secs(40), |answer| {
        answer["collections"].as_array().is_some_and(|collections| collections.len() == 1)
    });
    assert_eq!(server.get("/tiles/larghe.json").0, 404);
}

#[test]
fn a_server_over_a_thousand_tables_lists_them_all_and_reads_each_at_one_go() {
    let _turn = alone();
    let database = cluster().database();
    cluster().sql(
        &database,
        "DO $$ BEGIN FOR n IN 1 .. 1000 LOOP EXECUTE format('CREATE TABLE public.t_%s (id int PRIMARY KEY, name text, \
         geom geometry(Point, 4326)); INSERT INTO public.t_%1$s SELECT n, ''x'', ST_Point(12, 45, 4326) \
         FROM generate_series(1, 100) AS n', n); IF n % 50 = 0 THEN COMMIT; END IF; END LOOP; END $$",
    );
    let folder = Folder::new();
    for run in ["first", "second"] {
        let (started, transactions) = (Instant::now(), transactions(&database));
        // A line for each layer would fill the pipe that nobody reads before the end; nothing kept is to help the second.
        let flags = ["--log-level", "warn", "--warm-seconds", "0"];
        let server = folder.start(&[&["serve", "--database", &cluster().url(&database)], &flags[..]].concat());
        // Five seconds on a machine that does nothing else, in a release build; here others compile and test.
        until(&server, "/collections", Duration::from_secs(60), |answer| {
            answer["collections"].as_array().is_some_and(|collections| collections.len() == 1_000)
        });
        let listed = started.elapsed();
        until(&server, "/status", Duration::from_secs(120), |answer| {
            answer["layers"].as_array().is_some_and(|layers| {
                layers.iter().filter(|layer| layer["state"] == "ready" && layer["count"] == 100).count() == 1_000
            })
        });
        let read = started.elapsed();
        server.signal("-TERM");
        assert_eq!(server.end().0, Some(0));
        let transactions = self::transactions(&database) - transactions;
        println!("{run} start: listed in {listed:?}, read in {read:?} and {transactions} transactions");
        // How long it takes is the machine's affair; that each small table is read at one go is ours. The others look
        // for changes, some times a second.
        let allowed = 1_300 + 10 * read.as_secs();
        assert!(run == "first" || transactions <= allowed, "{transactions} transactions, of {allowed}");
    }
}

/// Transactions that a database has seen, once no server of ours is connected to it any more.
fn transactions(database: &str) -> u64 {
    let servers =
        format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND application_name = 'bricola'");
    let started = Instant::now();
    while cluster().sql("postgres", &servers).trim() != "0" {
        assert!(started.elapsed() < Duration::from_secs(20), "a server is still connected");
        std::thread::sleep(Duration::from_millis(50));
    }
    let seen = format!("SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = '{database}'");
    cluster().sql("postgres", &seen).trim().parse().expect("a number")
}
