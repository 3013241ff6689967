//! The cache over attached tables.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bricola_layers::cache::{Territory, follow};

use super::{attached, everything, open, psql};

/// A view whose rows cannot be read while the table says so.
const BREAKABLE: &str = "CREATE TABLE t (id int PRIMARY KEY, divisor int, geom geometry(Point, 4326)); \
    INSERT INTO t VALUES (1, 0, ST_Point(12, 45, 4326)); \
    CREATE VIEW breakable AS SELECT id, 1 / divisor AS part, geom::geometry(Point, 4326) FROM t";

/// Waits until a territory is as it should be.
async fn until(territory: &Territory, what: &str, within: Duration, holds: impl Fn(&Territory) -> bool) {
    let started = Instant::now();
    while !holds(territory) {
        assert!(started.elapsed() < within, "{what} not within {within:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn is_unread(territory: &Territory) -> bool {
    territory.layer("breakable").is_some_and(|layer| layer.state().trouble.is_some())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layer_that_cannot_be_read_is_read_when_it_can_and_goes_with_its_table() {
    let (store, database) = attached(BREAKABLE).await;
    let territory = Territory::default();
    let following = tokio::spawn(follow(Arc::new(store.clone()), territory.clone()));
    until(&territory, "trouble", Duration::from_secs(10), is_unread).await;
    let rows = |territory: &Territory| Some(territory.layer("breakable")?.snapshot()?.len());
    assert_eq!(rows(&territory), None);
    psql(&database, "UPDATE t SET divisor = 1").await;
    until(&territory, "rows", Duration::from_secs(10), |territory| rows(territory) == Some(1)).await;

    psql(
        &database,
        "UPDATE t SET divisor = 0; CREATE OR REPLACE VIEW breakable AS \
         SELECT id, 2 / divisor AS part, geom::geometry(Point, 4326) FROM t; SELECT bricola.poll()",
    )
    .await;
    until(&territory, "trouble again", Duration::from_secs(10), is_unread).await;
    psql(&database, "DROP VIEW breakable").await;
    open(&database).await.attach(&everything()).await.expect("attaches");
    // Heard from the log: sooner than the next attempt to read it would be.
    until(&territory, "gone", Duration::from_secs(4), |territory| territory.layer("breakable").is_none()).await;
    assert!(territory.layer("t").is_some());
    following.abort();
}
