//! Followers that the log is kept for, and what is no longer kept.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::{GeoPackageStore, failure, last_seq, past};
use crate::log::Seq;
use crate::store::retention::{bound, check_name};
use crate::store::{Pruned, Pruning, RegisteredFollower, StoreError};

/// Numbers of the log that are looked through in one transaction: other programs wait for the file meanwhile.
const BATCH: Seq = 20_000;

pub(super) fn followers(connection: &Connection) -> Result<Vec<RegisteredFollower>, StoreError> {
    let sql = "SELECT name, seq, seen, patience_days FROM bricola_followers \
               UNION ALL SELECT 'subscription ' || id, seq, seen, patience_days FROM bricola_subscriptions ORDER BY name";
    let mut query = connection.prepare_cached(sql).map_err(|e| failure(&e))?;
    let rows = query.query_map((), |row| {
        let seen: String = row.get(2)?;
        Ok(RegisteredFollower {
            name: row.get(0)?,
            seq: row.get(1)?,
            seen: DateTime::parse_from_rfc3339(&seen).map_or(DateTime::UNIX_EPOCH, |seen| seen.to_utc()),
            patience_days: row.get(3)?,
        })
    });
    rows.and_then(Iterator::collect).map_err(|e| failure(&e))
}

/// Registers a follower that has handled the changes up to `seq`; its key.
pub(super) fn register(
    transaction: &Transaction<'_>,
    name: &str,
    seq: Seq,
    patience_days: Option<u32>,
) -> Result<String, StoreError> {
    check_name(name)?;
    reaches_back(transaction, seq)?;
    let end = last_seq(transaction)?;
    if seq > end {
        return Err(StoreError::Unusable(format!("the log ends at change {end}; a follower cannot begin at {seq}")));
    }
    transaction
        .query_row(
            "INSERT INTO bricola_followers (name, key, seq, patience_days) VALUES (?1, lower(hex(randomblob(16))), ?2, ?3) \
             ON CONFLICT DO NOTHING RETURNING key",
            (name, seq, patience_days),
            |row| row.get(0),
        )
        .optional()
        .map_err(|e| failure(&e))?
        .ok_or_else(|| StoreError::Unusable(format!("there is a follower \"{name}\" already")))
}

/// How far a follower of this name and key has come, if there is one; and whether it was heard of within a minute.
pub(super) fn position(connection: &Connection, name: &str, key: &str) -> Result<Option<(Seq, bool)>, StoreError> {
    let sql = "SELECT seq, seen > strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 minute') FROM bricola_followers \
               WHERE name = ?1 AND key = ?2";
    connection.query_row(sql, (name, key), |row| Ok((row.get(0)?, row.get(1)?))).optional().map_err(|e| failure(&e))
}

/// Notes how far a follower has come.
pub(super) fn acknowledge(transaction: &Transaction<'_>, name: &str, seq: Seq) -> Result<(), StoreError> {
    let sql = "UPDATE bricola_followers SET seq = max(seq, min(?2, (SELECT ifnull(max(seq), 0) FROM bricola_changes))), \
               seen = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE name = ?1";
    transaction.execute(sql, (name, seq)).map(|_| ()).map_err(|e| failure(&e))
}

/// The log is no longer kept for a follower; false when there was none.
pub(super) fn forget(transaction: &Transaction<'_>, name: &str) -> Result<bool, StoreError> {
    let gone = transaction.execute("DELETE FROM bricola_followers WHERE name = ?1", [name]);
    gone.map(|rows| rows > 0).map_err(|e| failure(&e))
}

/// The log tells what came after this change.
pub(super) fn log_from(connection: &Connection) -> Result<Seq, StoreError> {
    connection
        .prepare_cached("SELECT log_from FROM bricola_store")
        .and_then(|mut query| query.query_row((), |row| row.get(0)))
        .map_err(|e| failure(&e))
}

/// Refuses a cursor that is older than the log.
pub(super) fn reaches_back(connection: &Connection, after: Seq) -> Result<(), StoreError> {
    let first = log_from(connection)?;
    if after < first { Err(StoreError::Pruned { first }) } else { Ok(()) }
}

pub(super) async fn prune(store: &GeoPackageStore, pruning: Pruning) -> Result<Pruned, StoreError> {
    let mut pruned = Pruned::default();
    let seq_at = |instant: Option<DateTime<Utc>>| async move {
        let Some(instant) = instant else { return Ok(0) };
        store.read(move |connection| past::seq_at(connection, instant)).await
    };
    let (past, wanted) = (seq_at(pruning.past_before).await?, seq_at(pruning.log_before).await?);
    if past > 0 {
        let prune = move |transaction: &Transaction<'_>| {
            // Changes are told with what was there before them.
            let (until, _) = bound(past, &followers(transaction)?, Utc::now());
            prune_past(transaction, until)
        };
        pruned.states = store.transact(prune).await?;
    }
    loop {
        let (changes, states, step) = store.transact(move |transaction| step(transaction, wanted)).await?;
        pruned.changes += changes;
        pruned.states += states;
        (pruned.log_from, pruned.held_by) = (step.reached, step.held_by);
        if step.done {
            return Ok(pruned);
        }
    }
}

struct Step {
    reached: Seq,
    held_by: Option<String>,
    done: bool,
}

/// Cuts a piece off the log, and off the past, which is found by the log.
fn step(transaction: &Transaction<'_>, wanted: Seq) -> Result<(u64, u64, Step), StoreError> {
    let from = log_from(transaction)?;
    // The last change stays: a server that comes back knows by it that the log is the one that it had read.
    let wanted = wanted.min(last_seq(transaction)? - 1);
    let (end, held_by) = bound(wanted, &followers(transaction)?, Utc::now());
    let reached = end.min(from + BATCH);
    if reached <= from {
        return Ok((0, 0, Step { reached: from, held_by, done: true }));
    }
    let states = prune_past(transaction, reached)?;
    let run = |sql: &str| transaction.execute(sql, [reached]).map_err(|e| failure(&e));
    run("UPDATE bricola_store SET log_from = ?1")?;
    run("DELETE FROM bricola_causes WHERE seq < ?1")?;
    // The largest ids stay: a layer that is dropped and comes back does not give them out again.
    run("DELETE FROM bricola_replacements WHERE seq < ?1 AND seq NOT IN \
         (SELECT seq FROM (SELECT seq, max(last_fid) FROM bricola_replacements GROUP BY layer))")?;
    // The last change of each layer too, by which its state is known; and the one that the log begins after, which
    // tells from which instant on.
    let changes = run("DELETE FROM bricola_changes WHERE seq < ?1 \
         AND seq NOT IN (SELECT max(seq) FROM bricola_changes GROUP BY layer) \
         AND seq NOT IN (SELECT seq FROM (SELECT seq, max(fid) FROM bricola_changes GROUP BY layer)) \
         AND seq NOT IN (SELECT seq FROM bricola_replacements)")?;
    Ok((changes as u64, states, Step { reached, held_by, done: reached == end }))
}

/// Lets go of the states that were superseded at `until` or before.
fn prune_past(transaction: &Transaction<'_>, until: Seq) -> Result<u64, StoreError> {
    let sql = "UPDATE bricola_layers SET first_seq = ?1 WHERE first_seq < ?1";
    transaction.execute(sql, [until]).map_err(|e| failure(&e))?;
    // By their names only: a definition that cannot be read keeps nothing from being let go of.
    let histories: Vec<String> = transaction
        .prepare(
            "SELECT name FROM bricola_layers JOIN sqlite_master ON type = 'table' AND name = 'bricola_history_' || table_name",
        )
        .and_then(|mut query| query.query_map((), |row| row.get(0))?.collect())
        .map_err(|e| failure(&e))?;
    let mut gone = 0;
    for history in histories {
        let sql = format!("DELETE FROM \"{}\" WHERE \"seq_to\" <= ?1", history.replace('"', "\"\""));
        gone += transaction.execute(&sql, [until]).map_err(|e| failure(&e))? as u64;
    }
    Ok(gone)
}
