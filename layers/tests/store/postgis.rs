//! What is particular to `PostGIS`: other programs at work on the tables, the log under long transactions, trouble.

#[path = "postgis/edits.rs"]
mod edits;
#[path = "postgis/log.rs"]
mod log;
#[path = "postgis/retention.rs"]
mod retention;
#[path = "postgis/trouble.rs"]
mod trouble;

use std::time::Duration;

use bricola_layers::feature::FeatureId;
use bricola_layers::log::{Change, Operation, Seq};
use bricola_layers::store::{PostgisOptions, PostgisStore, RedactedUrl, Store};

use crate::cluster::cluster;

const LAYER: &str = "test-parcels";

/// A store in an empty database of its own.
pub async fn empty() -> (PostgisStore, String) {
    let database = tokio::task::spawn_blocking(|| cluster().database()).await.expect("a database");
    (open(&database).await, database)
}

fn options(database: &str) -> PostgisOptions {
    PostgisOptions::new(RedactedUrl::new(cluster().url(database)), "city")
}

pub async fn open(database: &str) -> PostgisStore {
    PostgisStore::open(options(database)).await.expect("opens")
}

/// Runs statements by `psql`, as a clerk with a console would.
pub async fn psql(database: &str, sql: impl Into<String>) -> String {
    let (database, sql) = (database.to_owned(), sql.into());
    tokio::task::spawn_blocking(move || cluster().sql(&database, &sql)).await.expect("psql")
}

/// The changes after `after`, of which there must be some within a second.
async fn heard(store: &PostgisStore, after: Seq) -> Vec<Change> {
    tokio::time::timeout(Duration::from_secs(1), store.changed(after)).await.expect("in time").expect("answers");
    store.changes(after, 100_000).await.expect("reads")
}

/// Changes, without numbers and instants.
type Told = Vec<(Option<FeatureId>, Operation)>;

fn told(changes: &[Change]) -> Told {
    changes.iter().map(|change| (change.id, change.operation)).collect()
}
