//! Atomic replacement of a layer.
//!
//! Rows go to a staging table of the same file, in short transactions between which others write. The commit is
//! one transaction: a layer without rows takes the staging table by renaming it; a layer with a key is compared
//! row by row and only differences are written; any other layer moves its rows to the history and then takes the
//! staging table. A process that dies leaves a staging table that nobody holds the lock of: the next
//! [`super::GeoPackageStore::open`] drops it.

mod lock;
mod swap;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::schema::Schema;
use super::{File, blocking, define, failure, open, past, rows, values};
use crate::feature::{Feature, FeatureId};
use crate::log::Seq;
use crate::store::{Replaced, Replacement, StoreError};
use lock::Lock;
pub(super) use lock::clear_dead;
use swap::{Swap, has_rows, sequence};

/// Rows that are gathered before they are written in one transaction.
const CHUNK: usize = 8_192;
/// Rows of one INSERT. One by one, half the time goes into counting the ids of an AUTOINCREMENT table; past some
/// dozens nothing more is gained.
const ROWS_PER_INSERT: usize = 32;
/// How long the loader waits for another program to finish a write.
const BUSY: Duration = Duration::from_secs(60);

/// Rows on their way into a layer of a [`super::GeoPackageStore`]. A thread of its own writes them while the
/// next ones are read and checked; what goes wrong there is told by the next call.
pub struct GeoPackageReplacement {
    messages: mpsc::Sender<Message>,
    failed: Arc<Mutex<Option<StoreError>>>,
}

enum Message {
    Rows(Vec<Feature>),
    /// With the last change of the layer, if there must not be a later one.
    Commit(Option<Seq>, oneshot::Sender<Result<(Replaced, Seq), StoreError>>),
}

impl GeoPackageReplacement {
    fn failure(&self) -> StoreError {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner).take();
        failed.unwrap_or_else(|| StoreError::Failure("the replacement has failed".to_owned()))
    }
}

impl Replacement for GeoPackageReplacement {
    async fn push(&mut self, rows: Vec<Feature>) -> Result<(), StoreError> {
        self.messages.send(Message::Rows(rows)).await.map_err(|_| self.failure())
    }

    async fn commit_if(self, unchanged_since: Option<Seq>) -> Result<(Replaced, Seq), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.messages.send(Message::Commit(unchanged_since, reply)).await.map_err(|_| self.failure())?;
        answer.await.unwrap_or_else(|_| Err(self.failure()))
    }
}

pub(super) async fn begin(file: Arc<File>, layer: String) -> Result<GeoPackageReplacement, StoreError> {
    let turn = Arc::clone(file.writer()?).lock_owned().await;
    let staging = blocking(move || {
        let _turn = turn;
        Staging::create(file, &layer)
    });
    let staging = staging.await?;
    let (messages, inbox) = mpsc::channel(2);
    let failed = Arc::new(Mutex::new(None));
    let told = Arc::clone(&failed);
    std::thread::Builder::new()
        .name("geopackage-loader".to_owned())
        .spawn(move || staging.run(inbox, &told))
        .map_err(|error| StoreError::Failure(format!("no thread to load with: {error}")))?;
    Ok(GeoPackageReplacement { messages, failed })
}

struct Staging {
    file: Arc<File>,
    connection: Connection,
    schema: Schema,
    staged: Staged,
    /// Until nothing is left to clear.
    lock: Option<Lock>,
}

/// What has been staged so far.
struct Staged {
    id: i64,
    table: String,
    /// The last id that the layer had given out when the replacement began.
    base: FeatureId,
    rows: u64,
    bounds: Option<[f64; 4]>,
    /// The staging table has the unique index on the key.
    indexed: bool,
}

impl Staging {
    fn create(file: Arc<File>, layer: &str) -> Result<Self, StoreError> {
        let mut connection = open::connect(&file.path)?;
        // Nothing counts until the commit, whose transaction brings all that went before to the disk.
        connection
            .busy_timeout(BUSY)
            .and_then(|()| {
                connection.execute_batch(
                    "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 16000; PRAGMA cache_size = -65536; \
                     PRAGMA threads = 2;",
                )
            })
            .map_err(|e| failure(&e))?;
        let transaction = immediate(&mut connection)?;
        let schema = define::schema(&transaction, layer)?;
        transaction.execute("INSERT INTO bricola_staging (layer) VALUES (?1)", [layer]).map_err(|e| failure(&e))?;
        let id = transaction.last_insert_rowid();
        let lock = Lock::take(&file.path, id)?;
        let table = table(id);
        let base = sequence(&transaction, &schema.table)?;
        transaction
            .execute_batch(&schema.create_table(&table))
            .and_then(|()| {
                transaction.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)", (&table, base))
            })
            .and_then(|_| transaction.commit())
            .map_err(|e| failure(&e))?;
        let staged = Staged { id, table, base, rows: 0, bounds: None, indexed: false };
        Ok(Self { file, connection, schema, staged, lock: Some(lock) })
    }

    fn run(mut self, mut inbox: mpsc::Receiver<Message>, told: &Mutex<Option<StoreError>>) {
        let mut waiting = Vec::new();
        let outcome = loop {
            match inbox.blocking_recv() {
                None => break Ok(None),
                Some(Message::Commit(since, reply)) => break self.stage(&mut waiting).map(|()| Some((since, reply))),
                Some(Message::Rows(rows)) => {
                    waiting.extend(rows);
                    if waiting.len() >= CHUNK
                        && let Err(error) = self.stage(&mut waiting)
                    {
                        break Err(error);
                    }
                }
            }
        };
        match outcome {
            Ok(None) => self.clear(),
            Ok(Some((unchanged_since, reply))) => {
                let committed = self.commit(unchanged_since);
                let well = committed.is_ok();
                // Before the reply: with it the process may end, and this thread in the middle of what it does.
                self.clear();
                // Whoever stopped waiting finds the outcome in the log.
                let _ = reply.send(committed);
                if well {
                    self.tidy();
                }
            }
            Err(error) => {
                *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                // Closes the channel, by which the sender hears of it.
                drop(inbox);
                self.clear();
            }
        }
    }

    /// Writes the waiting rows to the staging table.
    fn stage(&mut self, waiting: &mut Vec<Feature>) -> Result<(), StoreError> {
        if waiting.is_empty() {
            return Ok(());
        }
        let _turn = self.file.writer()?.blocking_lock();
        let transaction = immediate(&mut self.connection)?;
        let (mut scratch, mut bounds) = (Vec::new(), self.staged.bounds);
        for rows in waiting.chunks(ROWS_PER_INSERT) {
            let marks = format!("({})", vec!["?"; self.schema.width()].join(", "));
            let (table, columns) = (&self.staged.table, self.schema.columns(""));
            let sql = format!("INSERT INTO \"{table}\" ({columns}) VALUES {}", vec![marks; rows.len()].join(", "));
            let mut insert = transaction.prepare_cached(&sql).map_err(|e| failure(&e))?;
            for (position, row) in rows.iter().enumerate() {
                rows::check_width(&self.schema, row)?;
                let first = 1 + position * self.schema.width();
                let of_row = values::bind(&mut insert, first, row, self.schema.srs, &mut scratch);
                bounds = rows::union(bounds, of_row.map_err(|e| failure(&e))?);
            }
            insert.raw_execute().map_err(|e| failure(&e))?;
        }
        transaction.commit().map_err(|e| failure(&e))?;
        self.staged.bounds = bounds;
        self.staged.rows += waiting.len() as u64;
        waiting.clear();
        Ok(())
    }

    fn commit(&mut self, unchanged_since: Option<Seq>) -> Result<(Replaced, Seq), StoreError> {
        let turn = Arc::clone(self.file.writer()?);
        let _turn = turn.blocking_lock();
        self.index()?;
        let transaction = immediate(&mut self.connection)?;
        let now = define::schema(&transaction, &self.schema.definition.id)?;
        if !alike(&now, &self.schema) {
            return Err(StoreError::Unusable(format!(
                "layer \"{}\" was redefined while it was being loaded; load it again",
                self.schema.definition.id
            )));
        }
        let layer = &self.schema.definition.id;
        if let Some(since) = unchanged_since
            && past::was_changed(&transaction, layer, since)?
        {
            return Err(StoreError::LayerChanged { layer: layer.clone(), since });
        }
        let swap = Swap { transaction: &transaction, staged: &self.staged, schema: &now };
        let done = swap.run()?;
        transaction.commit().map_err(|e| failure(&e))?;
        self.file.follower.advance(done.1);
        Ok(done)
    }

    /// Builds the unique index on the key while it is still nobody's business, if the table will be taken whole.
    fn index(&mut self) -> Result<(), StoreError> {
        let Some(sql) = self.schema.create_key_index(&self.staged.table, self.staged.id) else { return Ok(()) };
        let transaction = immediate(&mut self.connection)?;
        if has_rows(&transaction, &self.schema.table)? {
            return Ok(());
        }
        transaction
            .execute_batch(&sql)
            .map_err(|e| define::duplicate(&transaction, &self.schema, &self.staged.table, &e))?;
        transaction.commit().map_err(|e| failure(&e))?;
        self.staged.indexed = true;
        Ok(())
    }

    /// Drops the staging table; what cannot be dropped now is dropped at the next opening.
    fn clear(&mut self) {
        let cleared = self.file.writer().and_then(|writer| {
            let _turn = writer.blocking_lock();
            drop_staging(&mut self.connection, self.staged.id)
        });
        match cleared {
            Ok(()) => self.lock = None,
            Err(error) => {
                tracing::warn!(%error, table = self.staged.table, "a staging table is left for the next start");
            }
        }
    }

    /// After a commit: brings the journal into the file, refreshes the planner's figures.
    fn tidy(&self) {
        let tidied = self
            .connection
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |_| Ok(()))
            .and_then(|()| self.connection.execute_batch("PRAGMA optimize"));
        if let Err(error) = tidied {
            tracing::debug!(%error, "the store was not tidied after a load");
        }
    }
}

/// True when rows made for one fit the other.
fn alike(a: &Schema, b: &Schema) -> bool {
    let (a, b) = (&a.definition, &b.definition);
    let kinds = |fields: &[crate::definition::FieldDefinition]| {
        fields.iter().map(|field| (field.name.clone(), field.kind)).collect::<Vec<_>>()
    };
    a.geometry == b.geometry && a.crs == b.crs && a.key == b.key && kinds(&a.fields) == kinds(&b.fields)
}

fn table(id: i64) -> String {
    format!("bricola_staging_{id}")
}

fn immediate(connection: &mut Connection) -> Result<Transaction<'_>, StoreError> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(|e| failure(&e))
}

fn drop_staging(connection: &mut Connection, id: i64) -> Result<(), StoreError> {
    let transaction = immediate(connection)?;
    transaction
        .execute_batch(&format!("DROP TABLE IF EXISTS \"{}\"", table(id)))
        .and_then(|()| transaction.execute("DELETE FROM bricola_staging WHERE id = ?1", [id]))
        .and_then(|_| transaction.commit())
        .map_err(|e| failure(&e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::{GeometryType, LayerDefinition};
    use crate::feature::Value;
    use crate::store::{GeoPackageStore, OpenMode, Store};

    fn notes() -> LayerDefinition {
        let text = r#"
            id = "notes"
            title = { it = "Note", en = "Notes" }
            description = { it = "Note.", en = "Notes." }
            theme = "services"
            geometry = "point"
            crs = "EPSG:7795"
            key = ["text"]
            field = [{ name = "text", type = "text", title = { it = "Testo", en = "Text" } }]
        "#;
        LayerDefinition { geometry: GeometryType::Point, ..toml::from_str(text).expect("a definition") }
    }

    fn note(number: usize) -> Feature {
        Feature { geometry: None, properties: vec![Value::Text(format!("{number:01000}"))] }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_full_disk_ends_the_load_and_leaves_the_old_rows() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("store.gpkg");
        let store = GeoPackageStore::open(&path, OpenMode::ReadWrite).await.expect("opens");
        store.define(&notes()).await.expect("defines");
        let mut replacement = store.replace("notes").await.expect("begins");
        replacement.push(vec![note(1), note(2)]).await.expect("takes");
        replacement.commit().await.expect("commits");

        let file = Arc::clone(&store.file);
        let failed = blocking(move || {
            let mut staging = Staging::create(file, "notes")?;
            staging.connection.execute_batch("PRAGMA max_page_count = 200").map_err(|e| failure(&e))?;
            let failed = staging.stage(&mut (0..CHUNK).map(note).collect());
            staging.clear();
            Ok(failed)
        });
        let error = failed.await.expect("runs").expect_err("the disk is full");
        assert!(matches!(&error, StoreError::Failure(reason) if reason.contains("disk is full")), "{error:?}");
        let layer = store.layers().await.expect("lists").remove(0);
        assert_eq!(layer.count, 2);
        let mut replacement = store.replace("notes").await.expect("begins");
        replacement.push((0..CHUNK).map(note).collect()).await.expect("takes");
        assert_eq!(replacement.commit().await.expect("commits").0.added, CHUNK as u64 - 2);
    }
}
