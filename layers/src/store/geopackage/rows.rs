//! Rows of a layer: scans, features by id, edits.

use std::ops::Range;
use std::sync::Arc;

use futures::Stream;
use rusqlite::{Connection, OptionalExtension, Transaction};
use tokio::sync::mpsc;

use super::schema::Schema;
use super::{File, define, failure, values};
use crate::feature::{Feature, FeatureId, StoredFeature};
use crate::store::{Edit, ScannedRow, StoreError};

/// Rows of one batch of a scan.
const BATCH: usize = 2_048;
/// Batches that a scan reads ahead.
const AHEAD: usize = 2;

type Batch = Result<Vec<ScannedRow>, StoreError>;

/// A stream of what `read` puts into its batches. The thread that reads also decodes, a few batches ahead of whoever
/// takes them, all of one moment; it ends when the stream is dropped.
pub(super) fn stream<R>(file: Arc<File>, read: R) -> impl Stream<Item = Batch> + Send
where
    R: FnOnce(&mut Connection, Batches) -> Result<(), StoreError> + Send + 'static,
{
    sending(file, |connection, sender| read(connection, Batches { sender, rows: Vec::with_capacity(BATCH) }))
}

/// A stream of what `read` sends, as [`stream`].
pub(super) fn sending<T, R>(file: Arc<File>, read: R) -> impl Stream<Item = Result<T, StoreError>> + Send
where
    T: Send + 'static,
    R: FnOnce(&mut Connection, mpsc::Sender<Result<T, StoreError>>) -> Result<(), StoreError> + Send + 'static,
{
    enum State<R, T> {
        Ready(Arc<File>, R),
        Reading(mpsc::Receiver<Result<T, StoreError>>),
    }
    futures::stream::unfold(State::Ready(file, read), |state| async {
        let mut batches = match state {
            State::Reading(batches) => batches,
            State::Ready(file, read) => {
                let (sender, batches) = mpsc::channel(AHEAD);
                tokio::task::spawn_blocking(move || {
                    let into = sender.clone();
                    if let Err(error) = file.read(|connection| read(connection, into)) {
                        // Nobody listens any more: nobody to tell.
                        let _ = sender.blocking_send(Err(error));
                    }
                });
                batches
            }
        };
        batches.recv().await.map(|batch| (batch, State::Reading(batches)))
    })
}

/// Rows on their way into a stream.
pub(super) struct Batches {
    sender: mpsc::Sender<Batch>,
    rows: Vec<ScannedRow>,
}

impl Batches {
    /// Adds a row; false when the stream was dropped and wants no more.
    pub(super) fn push(&mut self, row: ScannedRow) -> bool {
        self.rows.push(row);
        if self.rows.len() < BATCH {
            return true;
        }
        let full = std::mem::replace(&mut self.rows, Vec::with_capacity(BATCH));
        self.sender.blocking_send(Ok(full)).is_ok()
    }

    /// Sends what is left.
    pub(super) fn end(self) {
        if !self.rows.is_empty() {
            // As above: a stream that was dropped wants no more.
            let _ = self.sender.blocking_send(Ok(self.rows));
        }
    }
}

/// Reads a range of ids.
pub(super) fn scan(
    connection: &mut Connection,
    layer: &str,
    ids: &Range<FeatureId>,
    mut batches: Batches,
) -> Result<(), StoreError> {
    let transaction = connection.transaction().map_err(|e| failure(&e))?;
    let schema = define::schema(&transaction, layer)?;
    let sql = format!("{} WHERE \"fid\" >= ?1 AND \"fid\" < ?2 ORDER BY \"fid\"", schema.select());
    let mut statement = transaction.prepare_cached(&sql).map_err(|e| failure(&e))?;
    let mut rows = statement.query((ids.start, ids.end)).map_err(|e| failure(&e))?;
    while let Some(row) = rows.next().map_err(|e| failure(&e))? {
        if !batches.push(values::feature(row, &schema.definition).map_err(|e| failure(&e))?) {
            return Ok(());
        }
    }
    batches.end();
    Ok(())
}

/// Features by id, in the order of the ids; those that are not there or cannot be decoded are left out.
pub(super) fn features(
    connection: &mut Connection,
    layer: &str,
    ids: &[FeatureId],
) -> Result<Vec<StoredFeature>, StoreError> {
    let transaction = connection.transaction().map_err(|e| failure(&e))?;
    let schema = define::schema(&transaction, layer)?;
    let sql = format!("{} WHERE \"fid\" = ?1", schema.select());
    let mut statement = transaction.prepare_cached(&sql).map_err(|e| failure(&e))?;
    let mut features = Vec::with_capacity(ids.len());
    for id in ids {
        let row = statement
            .query_row([id], |row| values::feature(row, &schema.definition))
            .optional()
            .map_err(|e| failure(&e))?;
        match row {
            Some(Ok(feature)) => features.push(feature),
            Some(Err((id, reason))) => tracing::warn!(layer, id, reason, "a stored feature cannot be read"),
            None => {}
        }
    }
    Ok(features)
}

/// Writes the edits of a layer, whose ids it gives in their order; the caller's transaction makes it atomic.
pub(super) fn write(transaction: &Transaction<'_>, layer: &str, edits: &[Edit]) -> Result<Vec<FeatureId>, StoreError> {
    let schema = define::schema(transaction, layer)?;
    let mut writer = Writer { transaction, schema: &schema, scratch: Vec::new(), bounds: None };
    let ids = edits.iter().map(|edit| writer.edit(edit)).collect::<Result<Vec<_>, _>>()?;
    if !ids.is_empty() {
        touch(transaction, &schema.table, writer.bounds)?;
    }
    Ok(ids)
}

struct Writer<'a> {
    transaction: &'a Transaction<'a>,
    schema: &'a Schema,
    scratch: Vec<u8>,
    bounds: Option<[f64; 4]>,
}

impl Writer<'_> {
    fn edit(&mut self, edit: &Edit) -> Result<FeatureId, StoreError> {
        let table = &self.schema.table;
        match edit {
            Edit::Insert(feature) => {
                let marks = vec!["?"; self.schema.width()].join(", ");
                let sql = format!("INSERT INTO \"{table}\" ({}) VALUES ({marks})", self.schema.columns(""));
                self.put(&sql, feature, None)?;
                Ok(self.transaction.last_insert_rowid())
            }
            Edit::Update { id, expected, feature } => {
                self.check(*id, *expected)?;
                let columns = self.schema.columns("");
                let sets: Vec<String> = columns.split(", ").map(|column| format!("{column} = ?")).collect();
                let sets = sets.join(", ");
                self.put(&format!("UPDATE \"{table}\" SET {sets} WHERE \"fid\" = ?"), feature, Some(*id))?;
                Ok(*id)
            }
            Edit::Delete { id, expected } => {
                self.check(*id, *expected)?;
                let sql = format!("DELETE FROM \"{table}\" WHERE \"fid\" = ?1");
                let mut statement = self.transaction.prepare_cached(&sql).map_err(|e| failure(&e))?;
                statement.execute([id]).map_err(|e| failure(&e))?;
                Ok(*id)
            }
        }
    }

    /// Refuses an edit of a feature that is not there or that somebody else has changed.
    fn check(&self, id: FeatureId, expected: Option<i64>) -> Result<(), StoreError> {
        let layer = || self.schema.definition.id.clone();
        let sql = format!("SELECT \"version\" FROM \"{}\" WHERE \"fid\" = ?1", self.schema.table);
        let mut statement = self.transaction.prepare_cached(&sql).map_err(|e| failure(&e))?;
        let found: Option<i64> = statement.query_row([id], |row| row.get(0)).optional().map_err(|e| failure(&e))?;
        let actual = found.ok_or_else(|| StoreError::UnknownFeature { layer: layer(), id })?;
        match expected {
            Some(expected) if expected != actual => Err(StoreError::Conflict { layer: layer(), id, expected, actual }),
            _ => Ok(()),
        }
    }

    /// Binds a feature, and the id after it, and runs the statement.
    fn put(&mut self, sql: &str, feature: &Feature, id: Option<FeatureId>) -> Result<(), StoreError> {
        check_width(self.schema, feature)?;
        let mut statement = self.transaction.prepare_cached(sql).map_err(|e| failure(&e))?;
        let done = values::bind(&mut statement, 1, feature, self.schema.srs, &mut self.scratch).and_then(|bounds| {
            if let Some(id) = id {
                statement.raw_bind_parameter(self.schema.width() + 1, id)?;
            }
            statement.raw_execute().map(|_| bounds)
        });
        let bounds = done.map_err(|error| match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::ConstraintViolation) => {
                StoreError::DuplicateKey { layer: self.schema.definition.id.clone(), key: key(self.schema, feature) }
            }
            _ => failure(&error),
        })?;
        self.bounds = union(self.bounds, bounds);
        Ok(())
    }
}

/// A feature must have one value per field; it is a fault of the caller when it has not.
pub(super) fn check_width(schema: &Schema, feature: &Feature) -> Result<(), StoreError> {
    let (has, wants) = (feature.properties.len(), schema.definition.fields.len());
    if has == wants {
        return Ok(());
    }
    Err(StoreError::Failure(format!(
        "layer \"{}\": a feature has {has} values for {wants} fields",
        schema.definition.id
    )))
}

/// The key of a feature as people read it.
fn key(schema: &Schema, feature: &Feature) -> String {
    let shown =
        schema.definition.key.iter().filter_map(|name| schema.definition.field(name)).map(
            |(position, _)| match &feature.properties[position] {
                crate::feature::Value::Text(text) => text.clone(),
                value => serde_json::to_string(value).unwrap_or_default(),
            },
        );
    shown.collect::<Vec<_>>().join(" / ")
}

pub(super) fn union(a: Option<[f64; 4]>, b: Option<[f64; 4]>) -> Option<[f64; 4]> {
    match (a, b) {
        (Some(a), Some(b)) => Some([a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]),
        (a, b) => a.or(b),
    }
}

/// Grows the extent of the layer in the table of contents, and dates its last change.
pub(super) fn touch(transaction: &Transaction<'_>, table: &str, bounds: Option<[f64; 4]>) -> Result<(), StoreError> {
    let [west, south, east, north] = bounds.map_or([None; 4], |bounds| bounds.map(Some));
    let sql = "UPDATE gpkg_contents SET last_change = strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), \
         min_x = ifnull(min(min_x, ?2), ifnull(min_x, ?2)), min_y = ifnull(min(min_y, ?3), ifnull(min_y, ?3)), \
         max_x = ifnull(max(max_x, ?4), ifnull(max_x, ?4)), max_y = ifnull(max(max_y, ?5), ifnull(max_y, ?5)) \
         WHERE table_name = ?1";
    transaction
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute((table, west, south, east, north)))
        .map_err(|e| failure(&e))?;
    Ok(())
}
