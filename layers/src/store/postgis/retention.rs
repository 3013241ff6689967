//! Followers that the log is kept for, and what is no longer kept.
//!
//! What is refused from now on is said first, in a transaction of its own; only then rows go, some thousands at a time.
//! Readers look at both in one snapshot, so none takes what has gone for what never was.

use chrono::{DateTime, Utc};
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::connect::{Database, Session, failure, first_or};
use super::log::{scalar, sequence};
use super::past::seq_at;
use super::schema::history_of;
use crate::log::Seq;
use crate::store::retention::{bound, check_name};
use crate::store::{Pruned, Pruning, RegisteredFollower, StoreError};

/// Of the servers of a database, one prunes; and no follower comes while it decides how far.
const LOCK: &str = "pg_catalog.hashtextextended('bricola.retention', 4711202614)";
/// Rows that go in one transaction.
const BATCH: i64 = 5_000;

pub(super) async fn followers(database: &Database) -> Result<Vec<RegisteredFollower>, StoreError> {
    if database.ledger().is_some() {
        return Ok(Vec::new());
    }
    let mut session = database.read().await?;
    list(&mut session).await
}

async fn list(session: &mut Session) -> Result<Vec<RegisteredFollower>, StoreError> {
    let sql = "SELECT name, seq, seen, patience_days FROM (SELECT name, seq, seen, patience_days FROM bricola.followers \
               UNION ALL SELECT 'subscription ' || id, seq, seen, patience_days FROM bricola.subscriptions) AS f \
               ORDER BY name COLLATE \"C\"";
    let rows = session.all(sqlx::query(sql)).await?;
    let read = |row: &PgRow| {
        Ok::<_, sqlx::Error>(RegisteredFollower {
            name: row.try_get(0)?,
            seq: row.try_get(1)?,
            seen: row.try_get(2)?,
            patience_days: row.try_get::<Option<i32>, _>(3)?.map(i32::unsigned_abs),
        })
    };
    rows.iter().map(read).collect::<Result<_, _>>().map_err(|error| failure(&error))
}

/// Until the end of the transaction the log is not cut, and nobody else is waited for.
pub(super) async fn lock(session: &mut Session) -> Result<(), StoreError> {
    session.run(&format!("SELECT pg_advisory_xact_lock({LOCK})")).await.map(|_| ())
}

/// Registers a follower that has handled the changes up to `seq`; its key.
pub(super) async fn register(
    database: &Database,
    name: &str,
    seq: Seq,
    patience_days: Option<u32>,
) -> Result<String, StoreError> {
    check_name(name)?;
    let end = sequence(database).await?;
    let mut session = database.write().await?;
    lock(&mut session).await?;
    let first = scalar(&mut session, "SELECT log_from FROM bricola.clock").await?;
    if seq < first {
        return Err(StoreError::Pruned { first });
    }
    if seq > end {
        return Err(StoreError::Unusable(format!("the log ends at change {end}; a follower cannot begin at {seq}")));
    }
    let query = sqlx::query(
        "INSERT INTO bricola.followers (name, seq, patience_days) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING key",
    );
    let days = patience_days.map(|days| i32::try_from(days).unwrap_or(i32::MAX));
    let rows = session.all(query.bind(name.to_owned()).bind(seq).bind(days)).await?;
    let row = rows.first().ok_or_else(|| StoreError::Unusable(format!("there is a follower \"{name}\" already")))?;
    let key = row.try_get(0).map_err(|error| failure(&error))?;
    session.commit().await?;
    Ok(key)
}

/// Notes how far a follower has come; false when there is none of that name and key.
pub(super) async fn acknowledge(database: &Database, name: &str, key: &str, seq: Seq) -> Result<bool, StoreError> {
    if database.ledger().is_some() {
        return Ok(false);
    }
    let mut session = database.write().await?;
    let query = sqlx::query("SELECT bricola.acknowledge($1, $2, $3)").bind(name.to_owned()).bind(key.to_owned());
    let known = first_or(&session.all(query.bind(seq)).await?, false)?;
    session.commit().await?;
    Ok(known)
}

/// The log is no longer kept for a follower; false when there was none.
pub(super) async fn forget(database: &Database, name: &str) -> Result<bool, StoreError> {
    let mut session = database.write().await?;
    let query = sqlx::query("DELETE FROM bricola.followers WHERE name = $1 RETURNING true").bind(name.to_owned());
    let known = first_or(&session.all(query).await?, false)?;
    session.commit().await?;
    Ok(known)
}

pub(super) async fn prune(database: &Database, pruning: Pruning) -> Result<Pruned, StoreError> {
    let mut pruned = Pruned::default();
    if database.ledger().is_some() {
        return Ok(pruned);
    }
    if let Some(instant) = pruning.past_before {
        pruned.states = prune_past(database, instant).await?;
    }
    let wanted = match pruning.log_before {
        Some(instant) => seq_at(database, instant).await?,
        None => 0,
    };
    (pruned.log_from, pruned.held_by) = cut(database, wanted).await?;
    // The last change of each layer stays: it is what the layer's state is known by. So do those of a transaction of
    // which more is kept: what was in the middle of it can be told by all of them only.
    let sql = format!(
        "DELETE FROM bricola.changes WHERE last IN (SELECT last FROM bricola.changes AS c WHERE last <= \
         coalesce((SELECT max(seq) FROM bricola.transactions WHERE seq <= {0}), {0}) \
         AND EXISTS (SELECT FROM bricola.changes AS n WHERE n.tenant = c.tenant AND n.layer = c.layer AND n.last > c.last) \
         ORDER BY last LIMIT {BATCH} FOR UPDATE SKIP LOCKED)",
        pruned.log_from
    );
    pruned.changes = in_batches(database, &sql).await?;
    let sql = format!(
        "DELETE FROM bricola.causes WHERE ctid = ANY (ARRAY(SELECT w.ctid FROM bricola.causes AS w \
         JOIN bricola.transactions AS t ON t.transaction = w.transaction WHERE t.seq <= {} LIMIT {BATCH}))",
        pruned.log_from
    );
    in_batches(database, &sql).await?;
    Ok(pruned)
}

/// Says from where on the log tells.
async fn cut(database: &Database, wanted: Seq) -> Result<(Seq, Option<String>), StoreError> {
    let mut session = database.write().await?;
    lock(&mut session).await?;
    // The last change stays: a server that comes back knows by it that the log is the one that it had read.
    let last = scalar(&mut session, "SELECT seq FROM bricola.clock").await?;
    let (reached, held_by) = bound(wanted.min(last - 1), &list(&mut session).await?, Utc::now());
    let sql = format!("UPDATE bricola.clock SET log_from = greatest(log_from, {reached}) RETURNING log_from");
    let first = if wanted > 0 {
        scalar(&mut session, &sql).await?
    } else {
        scalar(&mut session, "SELECT log_from FROM bricola.clock").await?
    };
    session.commit().await?;
    Ok((first, held_by))
}

/// Lets go of states that were superseded before an instant, and of the numbers of transactions that no past needs.
async fn prune_past(database: &Database, instant: DateTime<Utc>) -> Result<u64, StoreError> {
    let until = seq_at(database, instant).await?;
    let tenant = database.tenant().to_owned();
    let mut session = database.write().await?;
    // Changes are told with what was there before them.
    let (until, _) = bound(until, &list(&mut session).await?, Utc::now());
    let query = sqlx::query(
        "UPDATE bricola.layers SET kept_from = greatest(kept_from, $2) WHERE tenant = $1 AND kind = 'managed' \
         RETURNING table_name",
    );
    let rows = session.all(query.bind(tenant.clone()).bind(until)).await?;
    session.commit().await?;
    let mut states = 0;
    for row in &rows {
        let table: String = row.try_get(0).map_err(|error| failure(&error))?;
        let history = format!("\"{}\".\"{}\"", history_of(&tenant), table.replace('"', "\"\""));
        let sql = format!(
            "DELETE FROM {history} WHERE ctid = ANY (ARRAY(SELECT h.ctid FROM {history} AS h JOIN bricola.transactions AS t \
             ON t.transaction = h.until WHERE t.seq <= {until} LIMIT {BATCH}))"
        );
        states += in_batches(database, &sql).await?;
    }
    // Instants are told by these too: the last one stays, and none goes that another tenant's past needs.
    let sql = format!(
        "DELETE FROM bricola.transactions WHERE transaction IN (SELECT transaction FROM bricola.transactions \
         WHERE seq < (SELECT max(seq) FROM bricola.transactions WHERE seq <= least({until}, \
         (SELECT min(kept_from) FROM bricola.layers WHERE kind = 'managed'))) ORDER BY seq LIMIT {BATCH} \
         FOR UPDATE SKIP LOCKED)"
    );
    in_batches(database, &sql).await?;
    Ok(states)
}

/// Repeats a deletion of at most [`BATCH`] rows until nothing is left of them.
async fn in_batches(database: &Database, sql: &str) -> Result<u64, StoreError> {
    let mut gone = 0;
    loop {
        let mut session = database.write().await?;
        let rows = session.run(sql).await?;
        session.commit().await?;
        gone += rows;
        if rows < BATCH.unsigned_abs() {
            return Ok(gone);
        }
    }
}
