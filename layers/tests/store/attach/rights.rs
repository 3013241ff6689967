//! Roles that may do less.

use std::time::Duration;

use bricola_layers::log::Operation;
use bricola_layers::store::{LayerKind, PostgisOptions, PostgisStore, RedactedUrl, Store, StoreError};

use super::{database, everything, layers, psql};
use crate::cluster::cluster;
use crate::sample::all;

/// A store over the database as seen by a role of this name, which may make schemas in it.
async fn as_role(database: &str, role: &str) -> PostgisStore {
    psql(database, format!("GRANT CREATE ON DATABASE {database} TO {role}")).await;
    let url = format!("postgres://{role}@127.0.0.1:{}/{database}", cluster().port);
    PostgisStore::open(PostgisOptions::new(RedactedUrl::new(url), "city")).await.expect("opens")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_attaches_what_it_may_read_and_tracks_what_it_may_trigger() {
    let database = database(
        "CREATE ROLE attach_reader LOGIN; \
         CREATE TABLE read_only (id int PRIMARY KEY, name text, secret text, geom geometry(Point, 4326)); \
         CREATE TABLE with_triggers (LIKE read_only INCLUDING ALL); CREATE TABLE hidden (LIKE read_only INCLUDING ALL); \
         CREATE TABLE some_columns (LIKE read_only INCLUDING ALL); \
         CREATE SCHEMA closed; CREATE TABLE closed.t (LIKE read_only INCLUDING ALL); \
         GRANT SELECT ON read_only, with_triggers, closed.t TO attach_reader; \
         GRANT SELECT (id, name, geom) ON some_columns TO attach_reader; \
         GRANT TRIGGER ON with_triggers TO attach_reader",
    )
    .await;
    let store = as_role(&database, "attach_reader").await;
    store.attach(&everything()).await.expect("attaches");
    let found = layers(&store).await;
    let kinds: Vec<(&str, &str)> = found.iter().map(|(id, layer)| (id.as_str(), layer.kind.name())).collect();
    assert_eq!(kinds, [("read-only", "polled"), ("some-columns", "polled"), ("with-triggers", "tracked")]);
    assert!(found["some-columns"].definition.field("secret").is_none());
    // The table's owner writes, who has nothing to do with us.
    psql(&database, "CREATE ROLE attach_clerk; GRANT INSERT ON with_triggers, some_columns TO attach_clerk").await;
    let seq = store.last_seq().await.expect("answers");
    psql(
        &database,
        "SET ROLE attach_clerk; INSERT INTO with_triggers VALUES (5, 'a', 'b', NULL); \
         INSERT INTO some_columns VALUES (6, 'a', 'b', NULL)",
    )
    .await;
    tokio::time::timeout(Duration::from_secs(2), store.changed(seq)).await.expect("in time").expect("answers");
    let changes = store.changes(seq, 10).await.expect("reads");
    assert_eq!((changes.len(), changes[0].id, changes[0].operation), (1, Some(5), Operation::Insert));
    assert_eq!(all(&store, "some-columns").await[0].id, 6);
    // Rights that come and go are followed.
    psql(&database, "GRANT SELECT ON hidden TO attach_reader; REVOKE SELECT ON read_only FROM attach_reader").await;
    store.attach(&everything()).await.expect("attaches");
    let ids: Vec<String> = layers(&store).await.into_keys().collect();
    assert_eq!(ids, ["hidden", "some-columns", "with-triggers"]);
    // Only the owner could take the triggers off: they stay, and do nothing.
    store.attach(&[]).await.expect("detaches");
    assert!(layers(&store).await.is_empty());
    let seq = store.last_seq().await.expect("answers");
    psql(&database, "INSERT INTO with_triggers VALUES (7, 'a', 'b', NULL)").await;
    assert_eq!(store.last_seq().await.expect("answers"), seq);
    psql(&database, "DROP SCHEMA bricola CASCADE").await;
    let triggers = "SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'bricola%'";
    assert_eq!(psql(&database, triggers).await.trim(), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_somebody_holds_is_polled_until_it_is_free() {
    let database = database("CREATE TABLE t (id int PRIMARY KEY, geom geometry(Point, 4326))").await;
    let store = super::open(&database).await;
    let holder = tokio::spawn({
        let database = database.clone();
        async move { psql(&database, "BEGIN; INSERT INTO t VALUES (1, NULL); SELECT pg_sleep(3); COMMIT").await }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    let started = std::time::Instant::now();
    store.attach(&everything()).await.expect("attaches");
    assert!(started.elapsed() < Duration::from_secs(2), "waited {:?}", started.elapsed());
    assert_eq!(layers(&store).await["t"].kind.name(), "polled");
    holder.await.expect("ends");
    store.attach(&everything()).await.expect("attaches");
    assert_eq!(layers(&store).await["t"].kind, LayerKind::Tracked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_make_no_schema_is_told_which_right_it_lacks() {
    let database = database("CREATE ROLE attach_poor LOGIN").await;
    let open = || {
        let url = format!("postgres://attach_poor@127.0.0.1:{}/{database}", cluster().port);
        PostgisStore::open(PostgisOptions::new(RedactedUrl::new(url), "city"))
    };
    let Err(StoreError::Unusable(reason)) = open().await else { panic!("opens") };
    let grant = format!("GRANT CREATE ON DATABASE {database} TO attach_poor");
    assert!(reason.contains("\"bricola\", \"city\", \"city_history\"") && reason.ends_with(&grant), "{reason}");
    // What it says helps; and once the schemas are there, the right is not asked for again.
    psql(&database, grant).await;
    assert!(open().await.is_ok());
    psql(&database, format!("REVOKE CREATE ON DATABASE {database} FROM attach_poor")).await;
    assert!(open().await.is_ok());
}
