//! The embedded store: one `GeoPackage` file.
//!
//! It is a plain `SQLite` file that QGIS, GDAL and `sqlite3` open and edit while a server runs on it: the triggers
//! of each layer write history and change log whoever edits, and [`Store::changed`] wakes on foreign edits too.
//!
//! All SQL runs on threads that may block, through `rusqlite` (sqlx on the same linked `SQLite` moves every value
//! between threads: 7 µs of CPU for a parcel read where this takes 1 µs); `sqlx` runs the migrations. A transaction
//! is one closure on such a thread: it ends with a commit or a rollback even when the caller stops waiting.
//!
//! | file | what |
//! |---|---|
//! | `open` | the checks of a file, its migrations, connections |
//! | `schema` | the SQL of one layer: table, history, triggers |
//! | `define` | layers in and out of the store |
//! | `rows` | scans, features by id, edits |
//! | `seek` | questions about layers that are not in memory |
//! | `words` | conditions in its words |
//! | `past` | the same as of an earlier change |
//! | `receipts` | batches that are written once |
//! | `replace` | atomic replacement of a layer |
//! | `retention` | followers that the log is kept for, and what goes |
//! | `styles` | styles |
//! | `subscriptions` | subscriptions of other programs |
//! | `bindings` | fields that are bound to other layers |
//! | `follow` | being woken by the change log |
//! | `blob`, `values`, `srs` | geometries, properties, reference systems as the standard writes them |

mod bindings;
mod blob;
mod define;
mod export;
mod follow;
mod open;
mod past;
mod receipts;
mod replace;
mod retention;
mod rows;
mod schema;
mod seek;
mod srs;
mod styles;
mod subscriptions;
mod values;
mod words;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use futures::Stream;
use futures::stream::BoxStream;
use rusqlite::{Connection, ErrorCode, TransactionBehavior};

pub use export::export;
pub use replace::GeoPackageReplacement;

use super::unreadable::LeftOut;
use super::{
    BindingState, BoundRows, LayerEdits, Once, Pruned, Pruning, RegisteredFollower, ScannedRow, Sight, Sought, Store,
    StoreError, StoredLayer, StoredStyle, StyleEdit, Subscriptions, Unreadable, Version, Written,
};
use crate::definition::LayerDefinition;
use crate::feature::{FeatureId, StoredFeature};
use crate::log::{Change, Operation, Seq};

/// How a store file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// Created when it is not there, migrated when it is older.
    ReadWrite,
    /// Must be there, in the form of this version; nothing is written.
    ReadOnly,
}

/// The embedded store. Clones share the file's connections.
#[derive(Clone)]
pub struct GeoPackageStore {
    file: Arc<File>,
}

/// An open store file.
struct File {
    path: PathBuf,
    /// One writer at a time, in order of arrival; `None` when opened for reading only. A replacement holds it
    /// while it writes through its own connection.
    writer: Option<Arc<tokio::sync::Mutex<Connection>>>,
    /// Connections for reading that nobody uses now.
    readers: Mutex<Vec<Connection>>,
    follower: follow::Follower,
    /// Read without looking for a journal: the folder cannot be written.
    immutable: bool,
    /// Layers that this version cannot read.
    left_out: LeftOut,
}

impl GeoPackageStore {
    /// Opens or creates a store file. Replacements of processes that died are cleared away.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] when the file is not a store, is damaged, or was made by a newer version;
    /// [`StoreError::Busy`] when another program holds it for longer than five seconds.
    pub async fn open(path: impl AsRef<Path>, mode: OpenMode) -> Result<Self, StoreError> {
        open::open(path.as_ref(), mode).await.map(|file| Self { file: Arc::new(file) })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.file.path
    }

    async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let file = Arc::clone(&self.file);
        blocking(move || file.read(query)).await
    }

    /// Runs `change` in a transaction on the writer, then wakes the followers.
    async fn transact<T: Send + 'static>(
        &self,
        change: impl FnOnce(&rusqlite::Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.transact_or_not(true, change).await
    }

    /// As [`Self::transact`]; what is not to be kept is taken back.
    async fn transact_or_not<T: Send + 'static>(
        &self,
        keep: bool,
        change: impl FnOnce(&rusqlite::Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let writer = Arc::clone(self.file.writer()?);
        let file = Arc::clone(&self.file);
        let mut connection = writer.lock_owned().await;
        blocking(move || {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(|e| failure(&e))?;
            let before = last_seq(&transaction)?;
            let done = change(&transaction)?;
            if !keep {
                // Dropped, a transaction is rolled back.
                return Ok(done);
            }
            let seq = last_seq(&transaction)?;
            past::date_as_one(&transaction, before, seq)?;
            transaction.commit().map_err(|e| failure(&e))?;
            file.follower.advance(seq);
            Ok(done)
        })
        .await
    }
}

impl File {
    fn writer(&self) -> Result<&Arc<tokio::sync::Mutex<Connection>>, StoreError> {
        self.writer
            .as_ref()
            .ok_or_else(|| StoreError::Unusable(format!("{} was opened for reading only", self.path.display())))
    }

    /// Runs `query` on a connection for reading, inside a transaction: all that it reads is of one moment.
    fn read<T>(&self, query: impl FnOnce(&mut Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => open::reader(&self.path, self.immutable)?,
        };
        let answer = query(&mut connection);
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() < open::IDLE_READERS {
            readers.push(connection);
        }
        answer
    }
}

impl Store for GeoPackageStore {
    type Replacement = GeoPackageReplacement;

    async fn layers(&self) -> Result<Vec<StoredLayer>, StoreError> {
        let (layers, left_out) = self.read(define::layers).await?;
        self.file.left_out.note(left_out);
        Ok(layers)
    }

    fn unreadable(&self) -> Vec<Unreadable> {
        self.file.left_out.all()
    }

    async fn define(&self, definition: &LayerDefinition) -> Result<(), StoreError> {
        let definition = definition.clone();
        self.transact(move |transaction| define::define(transaction, &definition)).await
    }

    async fn drop_layer(&self, layer: &str) -> Result<(), StoreError> {
        let layer = layer.to_owned();
        self.transact(move |transaction| define::drop_layer(transaction, &layer)).await
    }

    fn scan(
        &self,
        layer: &str,
        ids: Range<FeatureId>,
    ) -> impl Stream<Item = Result<Vec<ScannedRow>, StoreError>> + Send {
        let layer = layer.to_owned();
        rows::stream(Arc::clone(&self.file), move |connection, batches| rows::scan(connection, &layer, &ids, batches))
    }

    fn scan_at(
        &self,
        layer: &str,
        ids: Range<FeatureId>,
        at: Seq,
    ) -> impl Stream<Item = Result<Vec<ScannedRow>, StoreError>> + Send {
        let layer = layer.to_owned();
        rows::stream(Arc::clone(&self.file), move |connection, batches| {
            past::scan(connection, &layer, &ids, at, batches)
        })
    }

    async fn features_at(&self, layer: &str, ids: &[FeatureId], at: Seq) -> Result<Vec<StoredFeature>, StoreError> {
        let (layer, ids) = (layer.to_owned(), ids.to_vec());
        self.read(move |connection| past::features(connection, &layer, &ids, at)).await
    }

    async fn seq_at(&self, instant: DateTime<Utc>) -> Result<Seq, StoreError> {
        self.read(move |connection| past::seq_at(connection, instant)).await
    }

    async fn layer_seq(&self, layer: &str, at: Seq) -> Result<Seq, StoreError> {
        let layer = layer.to_owned();
        self.read(move |connection| past::layer_seq(connection, &layer, at)).await
    }

    async fn identity(&self) -> Result<Option<String>, StoreError> {
        self.read(|connection| past::identity(connection).map(Some)).await
    }

    async fn features(&self, layer: &str, ids: &[FeatureId]) -> Result<Vec<StoredFeature>, StoreError> {
        let (layer, ids) = (layer.to_owned(), ids.to_vec());
        self.read(move |connection| rows::features(connection, &layer, &ids)).await
    }

    fn seek(&self, layer: &str, sought: Arc<Sought>) -> BoxStream<'static, Result<Sight, StoreError>> {
        Box::pin(seek::seek(Arc::clone(&self.file), layer.to_owned(), sought))
    }

    async fn extent(&self, layer: &str) -> Result<Option<[f64; 4]>, StoreError> {
        let layer = layer.to_owned();
        self.read(move |connection| seek::extent(connection, &layer)).await
    }

    async fn versions(&self, layer: &str, id: FeatureId) -> Result<Vec<Version>, StoreError> {
        let layer = layer.to_owned();
        self.read(move |connection| past::versions(connection, &layer, id)).await
    }

    async fn write_all(&self, parts: Vec<LayerEdits>, once: Option<Once>) -> Result<Written, StoreError> {
        self.transact(move |transaction| match once {
            None => receipts::write_all(transaction, &parts),
            Some(once) => receipts::write(transaction, &parts, &once),
        })
        .await
    }

    async fn try_all(&self, parts: Vec<LayerEdits>) -> Result<(), StoreError> {
        self.transact_or_not(false, move |transaction| receipts::write_all(transaction, &parts).map(|_| ())).await
    }

    async fn styles(&self) -> Result<Vec<StoredStyle>, StoreError> {
        self.read(|connection| styles::all(connection)).await
    }

    async fn write_style(&self, edit: StyleEdit) -> Result<Seq, StoreError> {
        self.transact(move |transaction| styles::write(transaction, &edit)).await
    }

    fn subscriptions(self: &Arc<Self>) -> Option<Arc<dyn Subscriptions>> {
        Some(Arc::<Self>::clone(self))
    }

    async fn bindings(&self) -> Result<Vec<BindingState>, StoreError> {
        self.read(|connection| bindings::all(connection)).await
    }

    async fn claim_bindings(&self, layer: &str, holder: &str) -> Result<Option<BindingState>, StoreError> {
        let (layer, holder) = (layer.to_owned(), holder.to_owned());
        self.transact(move |transaction| bindings::claim(transaction, &layer, &holder)).await
    }

    async fn write_bound(&self, rows: BoundRows) -> Result<Option<(u64, Seq)>, StoreError> {
        self.transact(move |transaction| bindings::write(transaction, &rows)).await
    }

    async fn replace(&self, layer: &str) -> Result<GeoPackageReplacement, StoreError> {
        replace::begin(Arc::clone(&self.file), layer.to_owned()).await
    }

    async fn changes(&self, after: Seq, limit: usize) -> Result<Vec<Change>, StoreError> {
        self.read(move |connection| changes(connection, after, limit)).await
    }

    async fn last_seq(&self) -> Result<Seq, StoreError> {
        self.read(|connection| last_seq(connection)).await
    }

    async fn followers(&self) -> Result<Vec<RegisteredFollower>, StoreError> {
        self.read(|connection| retention::followers(connection)).await
    }

    async fn register(&self, name: &str, seq: Seq, patience_days: Option<u32>) -> Result<String, StoreError> {
        let name = name.to_owned();
        self.transact(move |transaction| retention::register(transaction, &name, seq, patience_days)).await
    }

    async fn acknowledge(&self, name: &str, key: &str, seq: Seq) -> Result<bool, StoreError> {
        let (name, key) = (name.to_owned(), key.to_owned());
        let sought = name.clone();
        match self.read(move |connection| retention::position(connection, &sought, &key)).await? {
            None => Ok(false),
            // Nothing new: the file is left alone.
            Some((known, true)) if known >= seq => Ok(true),
            Some(_) => {
                self.transact(move |transaction| retention::acknowledge(transaction, &name, seq)).await.map(|()| true)
            }
        }
    }

    async fn forget(&self, name: &str) -> Result<bool, StoreError> {
        let name = name.to_owned();
        self.transact(move |transaction| retention::forget(transaction, &name)).await
    }

    async fn prune(&self, pruning: Pruning) -> Result<Pruned, StoreError> {
        retention::prune(self, pruning).await
    }

    async fn changed(&self, after: Seq) -> Result<(), StoreError> {
        self.file.follower.past(after).await
    }
}

fn changes(connection: &Connection, after: Seq, limit: usize) -> Result<Vec<Change>, StoreError> {
    let sql = "SELECT c.seq, c.layer, c.fid, c.operation, c.at, w.causes FROM bricola_changes AS c \
               LEFT JOIN bricola_causes AS w ON w.seq = c.seq WHERE c.seq > ?1 ORDER BY c.seq LIMIT ?2";
    let mut statement = connection.prepare_cached(sql).map_err(|e| failure(&e))?;
    let rows = statement.query_map((after, limit.min(i64::MAX as usize) as i64), |row| {
        let operation = match row.get_ref(3)?.as_str()? {
            "insert" => Operation::Insert,
            "update" => Operation::Update,
            "delete" => Operation::Delete,
            _ => Operation::Replace,
        };
        let causes = row.get_ref(5)?.as_str_or_null()?.and_then(|text| serde_json::from_str(text).ok());
        let causes = causes.unwrap_or_default();
        Ok(Change { seq: row.get(0)?, layer: row.get(1)?, id: row.get(2)?, operation, at: row.get(4)?, causes })
    });
    let changes = rows.and_then(Iterator::collect).map_err(|e| failure(&e))?;
    // Asked last: what was cut off meanwhile is not passed over.
    retention::reaches_back(connection, after)?;
    Ok(changes)
}

fn last_seq(connection: &Connection) -> Result<Seq, StoreError> {
    let sql = "SELECT ifnull(max(seq), 0) FROM bricola_changes";
    connection.prepare_cached(sql).and_then(|mut query| query.query_row((), |row| row.get(0))).map_err(|e| failure(&e))
}

/// Runs work that may block where it holds up no other task.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(answer) => answer,
        Err(error) => Err(StoreError::Failure(format!("a task of the store ended: {error}"))),
    }
}

/// What `SQLite` says, in the words of the contract.
fn failure(error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy,
        Some(ErrorCode::NotADatabase) => StoreError::Unusable("the file is no SQLite database".to_owned()),
        Some(ErrorCode::DatabaseCorrupt) => StoreError::Unusable(format!(
            "the file is damaged ({error}): restore it from a backup, or save what can be read with \
             sqlite3's .recover"
        )),
        Some(ErrorCode::OperationInterrupted) => StoreError::Timeout,
        Some(ErrorCode::DiskFull) => StoreError::Failure("the disk is full".to_owned()),
        _ => StoreError::Failure(error.to_string()),
    }
}
