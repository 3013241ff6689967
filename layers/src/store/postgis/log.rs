//! The change log: numbering it and reading it.

use std::collections::HashMap;

use chrono::{DateTime, SecondsFormat, Utc};
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::ask::{Begin, literal};
use super::connect::{Database, Session, failure};
use crate::feature::FeatureId;
use crate::log::{Cause, Change, Operation, Seq};
use crate::store::StoreError;

/// The largest number that JSON's readers tell from its neighbours.
const LAST: Seq = (1 << 53) - 1;

/// Numbers what has been committed; the end of the log. Where nothing can be written (a standby), the end that is
/// there.
pub(super) async fn sequence(database: &Database) -> Result<Seq, StoreError> {
    if let Some(ledger) = database.ledger() {
        return Ok(ledger.last_seq());
    }
    let rows = match database.ask(Begin::Writing, "SELECT bricola.sequence()").await {
        Err(StoreError::ReadOnly) => database.ask(Begin::Reading, "SELECT seq FROM bricola.clock").await,
        rows => rows,
    }?;
    numbered(first(&rows)?)
}

/// Whoever waits for a change must not wait because of a number that cannot be.
fn numbered(seq: Seq) -> Result<Seq, StoreError> {
    if (0..=LAST).contains(&seq) { Ok(seq) } else { Err(StoreError::Garbled(format!("the log ends at {seq}"))) }
}

/// Reports the layers whose tables were altered since the last look.
pub(super) async fn watch(database: &Database) -> Result<(), StoreError> {
    match database.ask(Begin::Writing, "SELECT bricola.watch()").await {
        // A standby hears of it from the log.
        Err(StoreError::ReadOnly) => Ok(()),
        watched => watched.map(|_| ()),
    }
}

/// The number that closed a transaction of ours, which has been committed.
pub(super) async fn closed(database: &Database, transaction: i64) -> Result<Seq, StoreError> {
    // Each statement sees what the one before it has done. A transaction that changed nothing has no number.
    let sql = format!(
        "SELECT bricola.sequence(); SELECT coalesce((SELECT seq FROM bricola.transactions WHERE transaction = {transaction}), \
         (SELECT seq FROM bricola.clock))"
    );
    let rows = database.ask(Begin::Writing, &sql).await?;
    numbered(first(rows.get(1..).unwrap_or_default())?)
}

/// The number, in our own counting, of the transaction that is open on a session.
pub(super) async fn transaction(session: &mut Session) -> Result<i64, StoreError> {
    scalar(session, "SELECT bricola.this_transaction()").await
}

/// The one value of a query that gives one.
pub(super) async fn scalar(session: &mut Session, sql: &str) -> Result<i64, StoreError> {
    first(&session.rows(sql).await?)
}

fn first(rows: &[PgRow]) -> Result<i64, StoreError> {
    let row = rows.first().ok_or_else(|| StoreError::Failure("a query gave no row".to_owned()))?;
    row.try_get(0).map_err(|error| failure(&error))
}

/// Changes after `after`, oldest first.
pub(super) async fn changes(database: &Database, after: Seq, limit: usize) -> Result<Vec<Change>, StoreError> {
    if let Some(ledger) = database.ledger() {
        return ledger.changes(after, limit);
    }
    // Each row of the log holds one change at least.
    let sql = format!(
        "SELECT log_from FROM bricola.clock; SELECT last, layer, operation, ids, at, transaction FROM bricola.changes \
         WHERE last > {after} AND tenant = {tenant} ORDER BY last LIMIT {limit}; \
         SELECT w.transaction, w.layer, w.ids, w.causes, NULL, NULL FROM bricola.causes AS w WHERE w.transaction = ANY (ARRAY(\
         SELECT transaction FROM bricola.changes WHERE last > {after} AND tenant = {tenant} ORDER BY last LIMIT {limit}))",
        tenant = literal(database.tenant())?,
    );
    let rows = database.ask(Begin::Reading, &sql).await?;
    let first: Seq = first(&rows)?;
    if after < first {
        return Err(StoreError::Pruned { first });
    }
    // What bindings say of their changes has no instant.
    let is_change = |row: &&PgRow| row.try_get::<Option<DateTime<Utc>>, _>(4).is_ok_and(|at| at.is_some());
    let (rows, causes): (Vec<&PgRow>, Vec<&PgRow>) = rows[1..].iter().partition(is_change);
    let causes = Causes::read(&causes).map_err(|error| failure(&error))?;
    let mut changes = Vec::with_capacity(limit.min(rows.len()));
    for row in rows {
        expand(row, after, limit, &causes, &mut changes).map_err(|error| failure(&error))?;
        if changes.len() == limit {
            break;
        }
    }
    Ok(changes)
}

/// Why bindings made changes: by transaction, the layer, the features and the causes that they share.
#[derive(Default)]
struct Causes(HashMap<i64, Vec<Caused>>);

/// Features of a layer, and why they were changed.
type Caused = (String, Vec<FeatureId>, Vec<Cause>);

impl Causes {
    fn read(rows: &[&PgRow]) -> Result<Self, sqlx::Error> {
        let mut all = Self::default();
        for row in rows {
            // Causes that a newer version writes are left out.
            let causes = serde_json::from_str(row.try_get(3)?).unwrap_or_default();
            all.0.entry(row.try_get(0)?).or_default().push((row.try_get(1)?, row.try_get(2)?, causes));
        }
        Ok(all)
    }

    /// Those of a feature; its ids are in order.
    fn of(&self, transaction: i64, layer: &str, id: FeatureId) -> Vec<Cause> {
        let of = self.0.get(&transaction).into_iter().flatten();
        let mut of = of.filter(|(other, ids, _)| other == layer && ids.binary_search(&id).is_ok());
        of.next().map(|(.., causes)| causes.clone()).unwrap_or_default()
    }
}

/// The changes of one row of the log that come after `after`.
fn expand(
    row: &PgRow,
    after: Seq,
    limit: usize,
    causes: &Causes,
    changes: &mut Vec<Change>,
) -> Result<(), sqlx::Error> {
    let last: Seq = row.try_get(0)?;
    let layer: String = row.try_get(1)?;
    let operation = match row.try_get::<&str, _>(2)? {
        "insert" => Operation::Insert,
        "update" => Operation::Update,
        "delete" => Operation::Delete,
        _ => Operation::Replace,
    };
    let at = row.try_get::<DateTime<Utc>, _>(4)?.to_rfc3339_opts(SecondsFormat::Millis, true);
    let transaction: i64 = row.try_get(5)?;
    let change = |seq, id: Option<FeatureId>| {
        let causes = id.map(|id| causes.of(transaction, &layer, id)).unwrap_or_default();
        Change { seq, layer: layer.clone(), id, operation, at: at.clone(), causes }
    };
    match row.try_get::<Option<Vec<FeatureId>>, _>(3)? {
        None => changes.push(change(last, None)),
        Some(ids) => {
            let before = last - ids.len() as i64;
            let numbered = ids.into_iter().zip(before + 1..).filter(|(_, seq)| *seq > after);
            let room = limit - changes.len();
            changes.extend(numbered.take(room).map(|(id, seq)| change(seq, Some(id))));
        }
    }
    Ok(())
}
