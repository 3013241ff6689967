//! Atomic replacement of a layer.
//!
//! Rows go to a staging table of the same file, in short transactions between which others write. The commit is
//! one transaction: a layer without rows takes the staging table by renaming it; a layer with a key is compared
//! row by row and only differences are written; any other layer moves its rows to the history and then takes the
//! staging table. A process that dies leaves a staging table that nobody holds the lock of: the next
//! [`super::GeoPackageStore::open`] drops it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::schema::Schema;
use super::{File, blocking, define, failure, open, rows, values};
use crate::feature::{Feature, FeatureId};
use crate::log::Seq;
use crate::store::{Replaced, Replacement, StoreError};

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
    Commit(oneshot::Sender<Result<(Replaced, Seq), StoreError>>),
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

    async fn commit(self) -> Result<(Replaced, Seq), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.messages.send(Message::Commit(reply)).await.map_err(|_| self.failure())?;
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
                Some(Message::Commit(reply)) => break self.stage(&mut waiting).map(|()| Some(reply)),
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
            Ok(Some(reply)) => {
                let committed = self.commit();
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

    fn commit(&mut self) -> Result<(Replaced, Seq), StoreError> {
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

/// The transaction of a commit.
struct Swap<'a> {
    transaction: &'a Transaction<'a>,
    staged: &'a Staged,
    schema: &'a Schema,
}

impl Swap<'_> {
    fn run(&self) -> Result<(Replaced, Seq), StoreError> {
        let layer = &self.schema.definition.id;
        let live = has_rows(self.transaction, &self.schema.table)?;
        let seq = define::log_replace(self.transaction, layer)?;
        let (replaced, first, last) = if !live {
            let (first, last) = self.take_table()?;
            (Replaced { added: self.staged.rows, ..Replaced::default() }, first, last)
        } else if self.schema.definition.key.is_empty() {
            let sql = self.schema.supersede("t.", "?1", &format!(" FROM \"{}\" AS t", self.schema.table));
            let removed = self.execute(&sql, [seq])?;
            let (first, last) = self.take_table()?;
            (Replaced { added: self.staged.rows, removed, ..Replaced::default() }, first, last)
        } else {
            self.merge(seq)?
        };
        if first <= last {
            self.execute("INSERT INTO bricola_replacements VALUES (?1, ?2, ?3, ?4)", (seq, layer, first, last))?;
        }
        let forget = "UPDATE gpkg_contents SET min_x = NULL, min_y = NULL, max_x = NULL, max_y = NULL \
                      WHERE table_name = ?1";
        self.execute(forget, [&self.schema.table])?;
        rows::touch(self.transaction, &self.schema.table, self.staged.bounds)?;
        Ok((replaced, seq))
    }

    fn execute(&self, sql: &str, params: impl rusqlite::Params) -> Result<u64, StoreError> {
        self.transaction.execute(sql, params).map(|rows| rows as u64).map_err(|e| failure(&e))
    }

    fn batch(&self, sql: &str) -> Result<(), StoreError> {
        self.transaction.execute_batch(sql).map_err(|e| failure(&e))
    }

    /// The staging table becomes the table of the layer; gives the first and last id in it.
    fn take_table(&self) -> Result<(FeatureId, FeatureId), StoreError> {
        let (table, staged) = (&self.schema.table, self.staged);
        let given = sequence(self.transaction, table)?;
        let rows = staged.rows as i64;
        // Others may have inserted since the replacement began; moved by no less than the rows there are, no id
        // meets another on the way.
        let shift = if given > staged.base { rows.max(given - staged.base) } else { 0 };
        if shift > 0 {
            self.execute(&format!("UPDATE \"{}\" SET \"fid\" = \"fid\" + ?1", staged.table), [shift])?;
            self.execute("UPDATE sqlite_sequence SET seq = seq + ?1 WHERE name = ?2", (shift, &staged.table))?;
        }
        self.batch(&format!("DROP TABLE \"{table}\"; ALTER TABLE \"{}\" RENAME TO \"{table}\";", staged.table))?;
        if !staged.indexed
            && let Some(sql) = self.schema.create_key_index(table, staged.id)
        {
            self.transaction
                .execute_batch(&sql)
                .map_err(|e| define::duplicate(self.transaction, self.schema, table, &e))?;
        }
        self.batch(&self.schema.create_triggers())?;
        Ok((staged.base + shift + 1, staged.base + shift + rows))
    }

    /// Writes only what differs, by key; gives the first and last new id.
    fn merge(&self, seq: Seq) -> Result<(Replaced, FeatureId, FeatureId), StoreError> {
        let schema = self.schema;
        let (table, staging) = (&schema.table, &self.staged.table);
        let given = sequence(self.transaction, table)?;
        let (unchanged, changed) = self.match_rows()?;
        // The triggers would log row by row what is one replacement.
        self.batch(&schema.drop_triggers())?;
        let removed = self.remove_unmatched(seq, unchanged + changed)?;
        if changed > 0 {
            let from = format!(
                " FROM temp.bricola_match AS m CROSS JOIN \"{table}\" AS t ON t.\"fid\" = m.fid WHERE NOT m.same"
            );
            self.execute(&schema.supersede("t.", "?1", &from), [seq])?;
            let (names, values) = (schema.columns(""), schema.columns("s."));
            let pairs = names.split(", ").zip(values.split(", ")).map(|(name, value)| format!("{name} = {value}"));
            let sets = pairs.collect::<Vec<_>>().join(", ");
            self.execute(
                &format!(
                    "UPDATE \"{table}\" AS t SET {sets}, \"version\" = t.\"version\" + 1 FROM temp.bricola_match AS m \
                     CROSS JOIN \"{staging}\" AS s ON s.\"fid\" = m.staged WHERE m.fid = t.\"fid\" AND NOT m.same"
                ),
                (),
            )?;
        }
        let (names, values) = (schema.columns(""), schema.columns("s."));
        let insert = format!(
            "INSERT INTO \"{table}\" ({names}) SELECT {values} FROM temp.bricola_match AS m CROSS JOIN \"{staging}\" AS s \
             ON s.\"fid\" = m.staged WHERE m.fid IS NULL ORDER BY m.staged"
        );
        let added = self
            .transaction
            .execute(&insert, ())
            .map_err(|e| define::duplicate(self.transaction, schema, staging, &e))? as u64;
        self.batch("DROP TABLE temp.bricola_match")?;
        self.batch(&schema.create_triggers())?;
        let replaced = Replaced { added, changed, unchanged, removed };
        Ok((replaced, given + 1, sequence(self.transaction, table)?))
    }

    /// Moves the rows for which no staged row came to the history, if there are more than the `matched` ones.
    fn remove_unmatched(&self, seq: Seq, matched: u64) -> Result<u64, StoreError> {
        let table = &self.schema.table;
        let rows: u64 = self
            .transaction
            .query_row(&format!("SELECT count(*) FROM \"{table}\""), (), |row| row.get(0))
            .map_err(|e| failure(&e))?;
        if rows == matched {
            return Ok(0);
        }
        let gone = "NOT EXISTS (SELECT 1 FROM temp.bricola_match AS m WHERE m.fid = t.\"fid\")";
        self.execute(&self.schema.supersede("t.", "?1", &format!(" FROM \"{table}\" AS t WHERE {gone}")), [seq])?;
        self.execute(&format!("DELETE FROM \"{table}\" AS t WHERE {gone}"), ())
    }

    /// Pairs every staged row with the row of the same key, in a table of this connection; how many are the same
    /// and how many are not.
    fn match_rows(&self) -> Result<(u64, u64), StoreError> {
        let (schema, staging) = (self.schema, &self.staged.table);
        let same_key = schema.same_key("s.", "t.").unwrap_or_default();
        self.batch(&format!(
            "CREATE TEMP TABLE bricola_match (staged INTEGER PRIMARY KEY, fid INTEGER, same INTEGER); \
             INSERT INTO temp.bricola_match SELECT s.\"fid\", t.\"fid\", {} FROM \"{staging}\" AS s \
             LEFT JOIN \"{}\" AS t ON {same_key}",
            schema.same_feature("s.", "t."),
            schema.table,
        ))?;
        self.transaction
            .execute_batch("CREATE UNIQUE INDEX temp.bricola_match_fid ON bricola_match (fid) WHERE fid IS NOT NULL")
            .map_err(|e| define::duplicate(self.transaction, schema, staging, &e))?;
        self.transaction
            .query_row(
                "SELECT count(*) FILTER (WHERE same), count(*) FILTER (WHERE NOT same) FROM temp.bricola_match \
                 WHERE fid IS NOT NULL",
                (),
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .map_err(|e| failure(&e))
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

fn has_rows(connection: &Connection, table: &str) -> Result<bool, StoreError> {
    let sql = format!("SELECT EXISTS (SELECT 1 FROM \"{table}\")");
    connection.query_row(&sql, (), |row| row.get(0)).map_err(|e| failure(&e))
}

/// The last id that a table has given out.
fn sequence(connection: &Connection, table: &str) -> Result<FeatureId, StoreError> {
    let sql = "SELECT ifnull(max(seq), 0) FROM sqlite_sequence WHERE name = ?1";
    connection.query_row(sql, [table], |row| row.get(0)).map_err(|e| failure(&e))
}

fn drop_staging(connection: &mut Connection, id: i64) -> Result<(), StoreError> {
    let transaction = immediate(connection)?;
    transaction
        .execute_batch(&format!("DROP TABLE IF EXISTS \"{}\"", table(id)))
        .and_then(|()| transaction.execute("DELETE FROM bricola_staging WHERE id = ?1", [id]))
        .and_then(|_| transaction.commit())
        .map_err(|e| failure(&e))
}

/// Drops the staging tables of processes that are no more.
pub(super) fn clear_dead(store: &Path, connection: &mut Connection) -> Result<(), StoreError> {
    let ids: Vec<i64> = connection
        .prepare("SELECT id FROM bricola_staging")
        .and_then(|mut query| query.query_map((), |row| row.get(0))?.collect())
        .map_err(|e| failure(&e))?;
    for id in &ids {
        if let Some(_lock) = Lock::of_the_dead(store, *id) {
            tracing::info!(id, "clearing away a load that was cut short");
            drop_staging(connection, *id)?;
        }
    }
    let lost: Vec<i64> = Lock::ids(store).into_iter().filter(|id| !ids.contains(id)).collect();
    if lost.is_empty() { Ok(()) } else { clear_lost_locks(store, connection, lost) }
}

/// Removes lock files without a replacement: a process may die between the two.
fn clear_lost_locks(store: &Path, connection: &mut Connection, lost: Vec<i64>) -> Result<(), StoreError> {
    // A replacement makes its file and its row in one such transaction: here it has both or neither.
    let transaction = immediate(connection)?;
    for id in lost {
        let sql = "SELECT EXISTS (SELECT 1 FROM bricola_staging WHERE id = ?1)";
        let under_way: bool = transaction.query_row(sql, [id], |row| row.get(0)).map_err(|e| failure(&e))?;
        if !under_way {
            // Removed with the value, unless somebody holds it who is just done.
            drop(Lock::of_the_dead(store, id));
        }
    }
    transaction.commit().map_err(|e| failure(&e))
}

/// A locked file beside the store: the lock ends with the process, however it ends.
struct Lock {
    path: PathBuf,
    _file: Option<std::fs::File>,
}

impl Lock {
    fn path(store: &Path, id: i64) -> PathBuf {
        let mut name = store.as_os_str().to_owned();
        name.push(format!("-load-{id}"));
        PathBuf::from(name)
    }

    fn take(store: &Path, id: i64) -> Result<Self, StoreError> {
        let path = Self::path(store, id);
        let taken = std::fs::File::create(&path).and_then(|file| {
            file.try_lock()?;
            Ok(file)
        });
        match taken {
            Ok(file) => Ok(Self { path, _file: Some(file) }),
            Err(error) => Err(StoreError::Failure(format!("cannot lock {}: {error}", path.display()))),
        }
    }

    /// The numbers of the lock files beside a store; none where the folder cannot be listed.
    fn ids(store: &Path) -> Vec<i64> {
        let (Some(folder), Some(name)) = (store.parent(), store.file_name()) else { return Vec::new() };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let start = format!("{}-load-", name.to_string_lossy());
        let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
        files.filter_map(|file| file.file_name().to_str()?.strip_prefix(&start)?.parse().ok()).collect()
    }

    /// The lock of a replacement whose process is gone.
    fn of_the_dead(store: &Path, id: i64) -> Option<Self> {
        let path = Self::path(store, id);
        match std::fs::File::open(&path) {
            Ok(file) => file.try_lock().is_ok().then_some(Self { path, _file: Some(file) }),
            Err(error) => (error.kind() == std::io::ErrorKind::NotFound).then_some(Self { path, _file: None }),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Gone already, or left: the row in bricola_staging is what counts.
        let _ = std::fs::remove_file(&self.path);
    }
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
