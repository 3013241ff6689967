//! Edits of attached tables while a store looks at them.

use std::time::{Duration, Instant};

use bricola_layers::feature::FeatureId;
use bricola_layers::log::{Change, Operation, Seq};
use bricola_layers::store::{PostgisStore, Store};

use super::{database, everything, layers, open, psql, text, values};
use crate::cluster::cluster;
use crate::sample::all;

/// A store that keeps looking at everything in a database, once it has found `count` layers.
async fn looking(sql: &str, count: usize) -> (PostgisStore, String) {
    let database = database(sql).await;
    let store = open(&database).await;
    tokio::spawn({
        let store = store.clone();
        async move { store.keep_attached(everything()).await }
    });
    let started = Instant::now();
    while layers(&store).await.len() < count {
        assert!(started.elapsed() < Duration::from_secs(10), "not found");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Until the first looks are over: they may report what they see for the first time.
    tokio::time::sleep(Duration::from_secs(4)).await;
    (store, database)
}

/// The changes of one layer after `after`, of which there must be some within a time.
async fn heard(store: &PostgisStore, layer: &str, after: Seq, within: Duration) -> Vec<Change> {
    let started = Instant::now();
    let mut seen = after;
    loop {
        let left = within.checked_sub(started.elapsed()).unwrap_or_else(|| panic!("nothing of {layer} in {within:?}"));
        let waited = tokio::time::timeout(left, store.changed(seen)).await;
        waited.unwrap_or_else(|_| panic!("nothing of {layer} in {within:?}")).expect("answers");
        let changes = store.changes(after, 100_000).await.expect("reads");
        seen = changes.last().map_or(seen, |change| change.seq);
        let changes: Vec<Change> = changes.into_iter().filter(|change| change.layer == layer).collect();
        if !changes.is_empty() {
            return changes;
        }
    }
}

type Told = Vec<(Option<FeatureId>, Operation)>;

fn told(changes: &[Change]) -> Told {
    changes.iter().map(|change| (change.id, change.operation)).collect()
}

const SECOND: Duration = Duration::from_secs(1);
/// Five on a machine that does nothing else.
const POLLED: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn edits_of_a_tracked_table_are_heard_within_a_second() {
    use Operation::{Delete, Insert, Replace, Update};
    let (store, database) = looking(
        "CREATE TABLE \"Strade\" (\"Gid\" int PRIMARY KEY, nome text, geom geometry(Point, 4326)); \
         INSERT INTO \"Strade\" SELECT n, 'n' || n, ST_Point(n, n, 4326) FROM generate_series(1, 3) AS n",
        1,
    )
    .await;
    let cases: [(&str, Told); 6] = [
        ("INSERT INTO \"Strade\" VALUES (4, 'x', NULL), (5, 'y', NULL)", vec![(Some(4), Insert), (Some(5), Insert)]),
        ("UPDATE \"Strade\" SET nome = 'z' WHERE \"Gid\" = 4", vec![(Some(4), Update)]),
        ("UPDATE \"Strade\" SET \"Gid\" = 6 WHERE \"Gid\" = 5", vec![(Some(5), Delete), (Some(6), Insert)]),
        ("DELETE FROM \"Strade\" WHERE \"Gid\" < 3", vec![(Some(1), Delete), (Some(2), Delete)]),
        ("COPY \"Strade\" FROM STDIN;\n7\tq\t\\N\n\\.\n", vec![(Some(7), Insert)]),
        ("TRUNCATE \"Strade\"", vec![(None, Replace)]),
    ];
    for (sql, expected) in cases {
        let seq = store.last_seq().await.expect("answers");
        psql(&database, sql).await;
        assert_eq!(told(&heard(&store, "strade", seq, SECOND).await), expected, "{sql}");
    }
    assert_eq!(all(&store, "strade").await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_altered_a_dropped_and_a_recreated_table_are_seen() {
    let (store, database) = looking(
        "CREATE TABLE t (id int PRIMARY KEY, a text, geom geometry(Point, 4326)); INSERT INTO t VALUES (1, 'a', NULL)",
        1,
    )
    .await;
    let fields = async || -> Vec<String> {
        let layers = layers(&store).await;
        layers
            .get("t")
            .map_or_else(Vec::new, |layer| layer.definition.fields.iter().map(|field| field.name.clone()).collect())
    };
    let until = async |expected: &[&str]| {
        let started = Instant::now();
        while fields().await != expected {
            assert!(started.elapsed() < POLLED, "{:?} is not {expected:?}", fields().await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    psql(&database, "ALTER TABLE t ADD COLUMN b int DEFAULT 5, DROP COLUMN a").await;
    until(&["b"]).await;
    assert_eq!(all(&store, "t").await.len(), 1);
    psql(&database, "ALTER TABLE t RENAME COLUMN id TO key; INSERT INTO t VALUES (2, NULL, 7)").await;
    let started = Instant::now();
    // The trigger still names the old column: the office's statement goes through, and the layer is read anew.
    loop {
        if let Some(Ok(rows)) = futures::StreamExt::next(&mut Box::pin(store.scan("t", i64::MIN..i64::MAX))).await
            && rows.len() == 2
        {
            break;
        }
        assert!(started.elapsed() < POLLED, "not readable");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    psql(&database, "DROP TABLE t").await;
    let started = Instant::now();
    while !layers(&store).await.is_empty() {
        assert!(started.elapsed() < POLLED, "still there");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    psql(&database, "CREATE TABLE t (id int PRIMARY KEY, c text, geom geometry(Point, 4326))").await;
    until(&["c"]).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let seq = store.last_seq().await.expect("answers");
    psql(&database, "INSERT INTO t VALUES (9, 'new', NULL)").await;
    let changes = heard(&store, "t", seq, SECOND).await;
    assert_eq!(told(&changes), [(Some(9), Operation::Insert)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_triggers_is_looked_at_every_few_seconds() {
    let (store, database) = looking(
        "CREATE TABLE hidden (id int PRIMARY KEY, name text, place geometry(Point, 4326)); \
         INSERT INTO hidden SELECT n, 'n' || n, ST_Point(n, n, 4326) FROM generate_series(1, 3) AS n; \
         CREATE VIEW inner_view AS SELECT id, name, place::geometry(Point, 4326) AS geom FROM hidden; \
         CREATE VIEW outer_view AS SELECT * FROM inner_view WHERE id < 100; \
         CREATE MATERIALIZED VIEW kept AS SELECT * FROM inner_view; CREATE UNIQUE INDEX ON kept (id); \
         CREATE TABLE keyless (name text, geom geometry(Point, 4326)); \
         CREATE TABLE parts (id int PRIMARY KEY, name text, geom geometry(Point, 4326)) PARTITION BY RANGE (id); \
         CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (1) TO (10); \
         CREATE FUNCTION rows_of() RETURNS SETOF hidden LANGUAGE sql STABLE AS 'SELECT * FROM hidden'; \
         CREATE VIEW by_function AS SELECT id, name, place::geometry(Point, 4326) AS geom FROM rows_of()",
        7,
    )
    .await;
    let cases = [
        ("outer-view", "UPDATE hidden SET name = 'changed' WHERE id = 2"),
        ("by-function", "UPDATE hidden SET name = 'again' WHERE id = 2"),
        ("kept", "REFRESH MATERIALIZED VIEW kept"),
        ("inner-view", "DELETE FROM hidden WHERE id = 3"),
        ("kept", "REFRESH MATERIALIZED VIEW CONCURRENTLY kept"),
        ("keyless", "INSERT INTO keyless VALUES ('one', ST_Point(1, 1, 4326))"),
        ("keyless", "TRUNCATE keyless"),
        ("parts", "INSERT INTO parts VALUES (1, 'p', ST_Point(1, 1, 4326))"),
        ("outer-view", "CREATE OR REPLACE VIEW outer_view AS SELECT * FROM inner_view WHERE id < 2"),
    ];
    for (layer, sql) in cases {
        let seq = store.last_seq().await.expect("answers");
        psql(&database, sql).await;
        let changes = heard(&store, layer, seq, POLLED).await;
        assert_eq!(told(&changes), [(None, Operation::Replace)], "{sql}");
    }
    assert_eq!(values(&store, "outer-view", "name").await, [text("n1")]);
    assert_eq!(values(&store, "kept", "name").await, [text("n1"), text("again")]);
    for layer in ["outer-view", "kept", "parts", "by-function"] {
        let looked = layers(&store).await[layer].kind.looked_at().unwrap_or_else(|| panic!("{layer}"));
        let age = chrono::Utc::now() - looked;
        assert!(age < chrono::TimeDelta::seconds(10), "{layer}: {age}");
    }
    // Nothing is reported where nothing happens.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let seq = store.last_seq().await.expect("answers");
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(store.changes(seq, 10).await.expect("reads"), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_another_server_is_compared_by_its_rows() {
    let port = cluster().port;
    let remote = database(
        "CREATE TABLE far (id int, name text, geom geometry(Point, 4326)); INSERT INTO far VALUES (1, 'a', NULL)",
    )
    .await;
    let (store, _) = looking(
        &format!(
            "CREATE EXTENSION postgres_fdw; CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw \
             OPTIONS (host '127.0.0.1', port '{port}', dbname '{remote}'); \
             CREATE USER MAPPING FOR bricola SERVER s OPTIONS (user 'bricola', password_required 'false'); \
             CREATE FOREIGN TABLE far (id int, name text, geom geometry(Point, 4326)) SERVER s"
        ),
        1,
    )
    .await;
    assert_eq!(values(&store, "far", "name").await, [text("a")]);
    let seq = store.last_seq().await.expect("answers");
    psql(&remote, "UPDATE far SET name = 'b'").await;
    assert_eq!(told(&heard(&store, "far", seq, POLLED).await), [(None, Operation::Replace)]);
    assert_eq!(values(&store, "far", "name").await, [text("b")]);
}
