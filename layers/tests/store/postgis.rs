//! What is particular to `PostGIS`: other programs at work on the tables, the log under long transactions, trouble.

use bricola_layers::store::{PostgisOptions, PostgisStore, RedactedUrl};

use crate::cluster::cluster;

/// A store in an empty database of its own.
pub async fn empty() -> (PostgisStore, String) {
    let database = tokio::task::spawn_blocking(|| cluster().database()).await.expect("a database");
    (open(&database).await, database)
}

pub async fn open(database: &str) -> PostgisStore {
    let options = PostgisOptions::new(RedactedUrl::new(cluster().url(database)), "city");
    PostgisStore::open(options).await.expect("opens")
}
