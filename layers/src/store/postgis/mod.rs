//! The production store: a `PostgreSQL` database with `PostGIS`.
//!
//! Each layer is a typed table in the schema of its tenant; triggers write history and change log whoever edits. Rows
//! are read by `COPY … TO STDOUT (FORMAT binary)`: it needs no prepared statement, so that a pooler in transaction
//! mode may stand between, and costs a fraction of decoding rows one by one. Every statement runs inside a
//! transaction, for the same reason. Only the listener holds a connection of its own.
//!
//! | file | what |
//! |---|---|
//! | `connect` | connections, their limits, what errors mean |
//! | `ask` | questions that are one message each |
//! | `patience` | telling a database at work from one that is gone |
//! | `migrate` | the schema `bricola` |
//! | `schema` | the SQL of one layer: table, history |
//! | `triggers` | the SQL that keeps history and log |
//! | `define` | layers in and out of the store |
//! | `copy` | the binary form of `COPY`, both ways |
//! | `rows` | scans and features by id |
//! | `seek` | questions about layers that are not in memory |
//! | `words` | conditions in its words |
//! | `guard` | what rows of tables that are not ours must not bring along |
//! | `write` | edits |
//! | `styles` | styles |
//! | `subscriptions` | subscriptions of other programs |
//! | `bindings` | fields that are bound to other layers |
//! | `replace` | atomic replacement of a layer |
//! | `past` | rows as of an earlier change |
//! | `moments` | features as of many changes at once |
//! | `attach` | tables and views that were there before us |
//! | `ledger` | list of layers and log in memory, where the database takes neither |
//! | `log` | the change log |
//! | `follow` | being woken by it |

mod ask;
mod attach;
mod bindings;
mod connect;
mod copy;
mod define;
mod follow;
mod guard;
mod ledger;
mod log;
mod migrate;
mod moments;
mod past;
mod patience;
mod receipts;
mod replace;
mod retention;
mod rows;
mod schema;
mod seek;
mod styles;
mod subscriptions;
mod triggers;
mod words;
mod write;

use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::stream::BoxStream;
use futures::{FutureExt, Stream};

pub use connect::{PostgisOptions, RedactedUrl};
pub use replace::PostgisReplacement;

use super::{
    BindingState, BoundRows, LayerEdits, Moment, Once, Pruned, Pruning, RegisteredFollower, ScannedRow, Sight, Sought,
    Store, StoreError, StoredLayer, StoredStyle, StyleEdit, Subscriptions, Unreadable, Version, Written,
};
use crate::definition::LayerDefinition;
use crate::feature::{FeatureId, StoredFeature};
use crate::log::{Change, Seq};
use connect::Database;
use follow::Follower;

/// A tenant's layers in a `PostGIS` database. Clones share the connections.
#[derive(Clone)]
pub struct PostgisStore {
    inner: Arc<Inner>,
}

struct Inner {
    database: Database,
    follower: Follower,
}

impl PostgisStore {
    /// Connects, and brings the schema `bricola` up to date (`options.migrate`), or does without it (`options.in_memory`).
    ///
    /// # Errors
    /// [`StoreError::Unreachable`] when there is no database at the address, [`StoreError::Unusable`] when it lacks
    /// `PostGIS`, is too old, or was migrated by a newer version in a way that this one cannot use.
    pub async fn open(options: PostgisOptions) -> Result<Self, StoreError> {
        let database = Database::connect(options);
        migrate::run(&database).await?;
        Ok(Self::over(database))
    }

    /// As [`Self::open`], but does not wait for the database: every method answers [`StoreError::Unreachable`] until it
    /// is there. Nothing is migrated.
    pub fn open_later(options: PostgisOptions) -> Self {
        Self::over(Database::connect(options))
    }

    /// Whether somebody listens where the database is said to be. Of a socket in the file system nothing is known.
    pub async fn is_listening(&self) -> bool {
        self.database().is_listening().await
    }

    /// Checks the schema and brings it up to date, for a store that was opened before its database was there.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn prepare(&self) -> Result<(), StoreError> {
        migrate::run(&self.inner.database).await
    }

    /// Publishes the tables and views that patterns name (`schema.table`, `*` for anything, `!` before what is not
    /// meant) and keeps looking at them, for ever: new ones come to the layers, those that are gone go.
    pub async fn keep_attached(&self, patterns: Vec<String>) {
        loop {
            let changed = || self.inner.follower.look();
            let keeping = attach::keep(self.database().clone(), patterns.clone(), changed);
            // It ends only by a panic that garbled bytes made in the driver.
            let _ = AssertUnwindSafe(keeping).catch_unwind().await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Brings the layers in line with the tables and views that patterns name, once.
    ///
    /// # Errors
    /// When the database is away, takes no writes, or does not let us write which layers there are.
    pub async fn attach(&self, patterns: &[String]) -> Result<(), StoreError> {
        attach::discover(self.database(), patterns, &mut attach::Said::default()).await?;
        self.inner.follower.look();
        Ok(())
    }

    fn over(database: Database) -> Self {
        let follower = Follower::start(database.clone());
        Self { inner: Arc::new(Inner { database, follower }) }
    }

    fn database(&self) -> &Database {
        &self.inner.database
    }
}

impl Store for PostgisStore {
    type Replacement = PostgisReplacement;

    fn is_read_only(&self) -> bool {
        self.database().ledger().is_some()
    }

    async fn layers(&self) -> Result<Vec<StoredLayer>, StoreError> {
        define::layers(self.database()).await
    }

    fn unreadable(&self) -> Vec<Unreadable> {
        self.database().left_out.all()
    }

    async fn define(&self, definition: &LayerDefinition) -> Result<(), StoreError> {
        let defined = define::define(self.database(), definition).await;
        self.inner.follower.look();
        defined
    }

    async fn drop_layer(&self, layer: &str) -> Result<(), StoreError> {
        define::drop_layer(self.database(), layer).await?;
        self.inner.follower.look();
        Ok(())
    }

    fn scan(
        &self,
        layer: &str,
        ids: Range<FeatureId>,
    ) -> impl Stream<Item = Result<Vec<ScannedRow>, StoreError>> + Send {
        rows::scan(self.database().clone(), layer.to_owned(), ids)
    }

    async fn features(&self, layer: &str, ids: &[FeatureId]) -> Result<Vec<StoredFeature>, StoreError> {
        rows::features(self.database(), layer, ids).await
    }

    fn scan_at(
        &self,
        layer: &str,
        ids: Range<FeatureId>,
        at: Seq,
    ) -> impl Stream<Item = Result<Vec<ScannedRow>, StoreError>> + Send {
        past::scan(self.database().clone(), layer.to_owned(), ids, at)
    }

    async fn features_at(&self, layer: &str, ids: &[FeatureId], at: Seq) -> Result<Vec<StoredFeature>, StoreError> {
        past::features(self.database(), layer, ids, at).await
    }

    async fn features_at_moments(
        &self,
        layer: &str,
        moments: &[Moment],
    ) -> Result<Vec<Option<Vec<StoredFeature>>>, StoreError> {
        moments::features(self.database(), layer, moments).await
    }

    fn seek(&self, layer: &str, sought: Arc<Sought>) -> BoxStream<'static, Result<Sight, StoreError>> {
        Box::pin(seek::seek(self.database().clone(), layer.to_owned(), sought))
    }

    async fn extent(&self, layer: &str) -> Result<Option<[f64; 4]>, StoreError> {
        seek::extent(self.database(), layer).await
    }

    async fn versions(&self, layer: &str, id: FeatureId) -> Result<Vec<Version>, StoreError> {
        past::versions(self.database(), layer, id).await
    }

    async fn seq_at(&self, instant: DateTime<Utc>) -> Result<Seq, StoreError> {
        past::seq_at(self.database(), instant).await
    }

    async fn layer_seq(&self, layer: &str, at: Seq) -> Result<Seq, StoreError> {
        past::layer_seq(self.database(), layer, at).await
    }

    async fn identity(&self) -> Result<Option<String>, StoreError> {
        past::identity(self.database()).await.map(Some)
    }

    async fn write_all(&self, parts: Vec<LayerEdits>, once: Option<Once>) -> Result<Written, StoreError> {
        let written = match once {
            None => write::write(self.database(), &parts).await?,
            Some(once) => receipts::write(self.database(), &parts, &once).await?,
        };
        self.inner.follower.advance(written.seq);
        Ok(written)
    }

    async fn try_all(&self, parts: Vec<LayerEdits>) -> Result<(), StoreError> {
        write::attempt(self.database(), &parts).await
    }

    async fn styles(&self) -> Result<Vec<StoredStyle>, StoreError> {
        styles::all(self.database()).await
    }

    async fn write_style(&self, edit: StyleEdit) -> Result<Seq, StoreError> {
        let seq = styles::write(self.database(), &edit).await?;
        self.inner.follower.advance(seq);
        Ok(seq)
    }

    fn subscriptions(self: &Arc<Self>) -> Option<Arc<dyn Subscriptions>> {
        (!self.is_read_only()).then(|| Arc::<Self>::clone(self) as _)
    }

    async fn bindings(&self) -> Result<Vec<BindingState>, StoreError> {
        bindings::all(self.database()).await
    }

    async fn claim_bindings(&self, layer: &str, holder: &str) -> Result<Option<BindingState>, StoreError> {
        bindings::claim(self.database(), layer, holder).await
    }

    async fn write_bound(&self, rows: BoundRows) -> Result<Option<(u64, Seq)>, StoreError> {
        let written = bindings::write(self.database(), &rows).await?;
        if let Some((_, seq)) = written.filter(|(changed, _)| *changed > 0) {
            self.inner.follower.advance(seq);
        }
        Ok(written)
    }

    async fn replace(&self, layer: &str) -> Result<PostgisReplacement, StoreError> {
        replace::begin(self.database().clone(), layer).await
    }

    async fn changes(&self, after: Seq, limit: usize) -> Result<Vec<Change>, StoreError> {
        log::changes(self.database(), after, limit).await
    }

    async fn last_seq(&self) -> Result<Seq, StoreError> {
        log::sequence(self.database()).await
    }

    async fn followers(&self) -> Result<Vec<RegisteredFollower>, StoreError> {
        retention::followers(self.database()).await
    }

    async fn register(&self, name: &str, seq: Seq, patience_days: Option<u32>) -> Result<String, StoreError> {
        retention::register(self.database(), name, seq, patience_days).await
    }

    async fn acknowledge(&self, name: &str, key: &str, seq: Seq) -> Result<bool, StoreError> {
        retention::acknowledge(self.database(), name, key, seq).await
    }

    async fn forget(&self, name: &str) -> Result<bool, StoreError> {
        retention::forget(self.database(), name).await
    }

    async fn prune(&self, pruning: Pruning) -> Result<Pruned, StoreError> {
        retention::prune(self.database(), pruning).await
    }

    async fn changed(&self, after: Seq) -> Result<(), StoreError> {
        self.inner.follower.past(after).await
    }
}
