//! `bricola serve --database` by a role that may only read, and over a standby, where the schema `bricola` was never made.

use std::sync::Arc;
use std::time::Duration;

use super::attaching::until;
use super::harness::Folder;
use super::postgis::{Cluster, PostGis, cluster};

const TABLES: &str = "CREATE TABLE strade (id int PRIMARY KEY, nome text, geom geometry(Point, 4326)); \
    INSERT INTO strade SELECT n, 'n' || n, ST_Point(12.33 + n / 1000.0, 45.44, 4326) FROM generate_series(1, 3) AS n; \
    CREATE TABLE ponti (codice text PRIMARY KEY, nome text, geom geometry(Point, 4326)); \
    INSERT INTO ponti VALUES ('a', 'uno', ST_Point(12.33, 45.44, 4326)); \
    CREATE TABLE segreta (LIKE ponti INCLUDING ALL); \
    CREATE VIEW larghe AS SELECT id, nome, current_setting('transaction_read_only') AS sola_lettura, geom FROM strade;";
const STREET: &str = "/lookup?x=12.331&y=45.44&radius=5&layers=";

/// What there is in a database beside the system's own.
const INVENTORY: &str = "SELECT (SELECT string_agg(nspname, ',' ORDER BY oid) FROM pg_namespace) || ' ' || \
    (SELECT count(*) FROM pg_class) || ' ' || (SELECT count(*) FROM pg_proc) || ' ' || (SELECT count(*) FROM pg_trigger)";

#[test]
fn a_role_that_may_only_read_serves_what_it_may_read_and_writes_nothing() {
    let (folder, database) = (Folder::new(), cluster().database());
    cluster().sql(&database, TABLES);
    cluster().sql(&database, "CREATE ROLE lettore LOGIN; GRANT SELECT ON strade, ponti, larghe TO lettore");
    let before = cluster().sql(&database, INVENTORY);
    let url = format!("postgres://lettore@127.0.0.1:{}/{database}", cluster().port);
    let server = folder.start(&["serve", "--database", &url]);
    until(&server, "/status", Duration::from_secs(60), |status| {
        status["layers"].as_array().is_some_and(|layers| {
            layers.len() == 3 && layers.iter().all(|layer| layer["state"] == "ready" && layer["table"] == "polled")
        })
    });
    let status = server.json("/status");
    assert_eq!(status["store"]["read_only"], true, "{status}");
    assert!(status["layers"][0]["looked_at"].is_string(), "{status}");
    assert_eq!(server.status("/tiles/strade,larghe/14/8753/5865"), 200);
    assert_eq!((server.get("/tiles/segreta.json").0, server.get("/collections/ponti").0), (404, 200));
    let hit = server.json(&format!("{STREET}larghe"))["hits"][0]["feature"]["properties"].clone();
    assert_eq!((&hit["nome"], &hit["sola_lettura"]), (&"n1".into(), &"on".into()), "{hit}");

    // The owner writes: maps and the feed are told of the layer as a whole.
    let seq = status["seq"].as_i64().expect("a number");
    cluster().sql(&database, "UPDATE strade SET nome = 'Calle Nuova' WHERE id = 1");
    for layer in ["strade", "larghe"] {
        until(&server, &format!("{STREET}{layer}"), Duration::from_secs(20), |answer| {
            answer["hits"][0]["feature"]["properties"]["nome"] == "Calle Nuova"
        });
    }
    let feed = server.json(&format!("/changes?after={seq}&layers=strade"));
    assert_eq!((&feed["changes"][0]["operation"], &feed["changes"][0]["layer"]), (&"replace".into(), &"strade".into()));
    let events = server.events(seq, |text| text.contains("\"layer\":\"strade\""));
    assert!(events.contains("event: change") && events.contains("\"whole\":true"), "{events}");
    // A number of an earlier process is not taken for one of this.
    assert_eq!(server.get("/changes?after=7").0, 410);

    let listed = folder.run(&["layers", "--database", &url]);
    assert!(listed.code == 0 && listed.stdout.contains("polled 2"), "{listed:?}");
    folder.write("punti.geojson", r#"{"type": "FeatureCollection", "features": []}"#);
    let refused = folder.run(&["load", "punti.geojson", "--layer", "schools", "--database", &url]);
    let grant = format!("GRANT CREATE ON DATABASE {database} TO lettore");
    assert!(refused.code == 1 && refused.stderr.contains(&grant), "{refused:?}");
    server.signal("-TERM");
    assert_eq!(server.end().0, Some(0));
    assert_eq!(cluster().sql(&database, INVENTORY), before);

    // Started again, with the files of the last time, it goes on from what is there now.
    cluster().sql(&database, "UPDATE strade SET nome = 'Calle Terza' WHERE id = 1");
    let server = folder.start(&["serve", "--database", &url]);
    until(&server, &format!("{STREET}strade"), Duration::from_secs(60), |answer| {
        answer["hits"][0]["feature"]["properties"]["nome"] == "Calle Terza"
    });
    assert_eq!(server.get(&format!("/changes?after={seq}")).0, 410);
}

#[test]
fn a_standby_that_never_had_the_schema_is_served_and_its_changes_are_seen() {
    let primary = Arc::new(Cluster::start(""));
    let database = PostGis::start_in(&primary);
    database.sql(TABLES);
    let standby = Arc::new(primary.standby());
    let folder = Folder::new();
    let server = folder.start(&["serve", "--database", &database.moved_to(&standby).url()]);
    until(&server, "/status", Duration::from_secs(60), |status| {
        status["store"]["read_only"] == true
            && status["layers"]
                .as_array()
                .is_some_and(|layers| layers.len() == 4 && layers.iter().all(|layer| layer["state"] == "ready"))
    });
    database.sql("UPDATE strade SET nome = 'Calle Nuova' WHERE id = 1; DELETE FROM ponti");
    for layer in ["strade", "larghe"] {
        until(&server, &format!("{STREET}{layer}"), Duration::from_secs(40), |answer| {
            answer["hits"][0]["feature"]["properties"]["nome"] == "Calle Nuova"
        });
    }
    until(&server, "/lookup?x=12.33&y=45.44&radius=5&layers=ponti", Duration::from_secs(40), |answer| {
        answer["hits"].as_array().is_some_and(Vec::is_empty)
    });
}
