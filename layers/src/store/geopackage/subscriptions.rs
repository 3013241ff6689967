//! Subscriptions and their letters.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction};

use super::retention::reaches_back;
use super::{GeoPackageStore, failure, last_seq};
use crate::log::Seq;
use crate::store::subscription::Answer;
use crate::store::{LEASE_SECONDS, Letter, Progress, StoreError, StoredSubscription, SubscriptionEdit, Subscriptions};

/// Seconds since 1970.
const NOW: &str = "(unixepoch('subsec'))";

fn instant(row: &Row<'_>, place: usize) -> rusqlite::Result<DateTime<Utc>> {
    let text: String = row.get(place)?;
    Ok(DateTime::parse_from_rfc3339(&text).map_or(DateTime::UNIX_EPOCH, |instant| instant.to_utc()))
}

impl Subscriptions for GeoPackageStore {
    fn all(&self) -> Answer<'_, Vec<StoredSubscription>> {
        Box::pin(self.read(|connection| all(connection)))
    }

    fn write(&self, edit: SubscriptionEdit) -> Answer<'_, bool> {
        Box::pin(self.transact(move |transaction| write(transaction, &edit)))
    }

    fn claim<'a>(&'a self, id: &'a str, holder: &'a str) -> Answer<'a, Option<Progress>> {
        let (id, holder) = (id.to_owned(), holder.to_owned());
        Box::pin(self.transact(move |transaction| claim(transaction, &id, &holder)))
    }

    fn advance<'a>(
        &'a self,
        id: &'a str,
        holder: &'a str,
        progress: Progress,
        letters: Vec<Letter>,
        heard: bool,
    ) -> Answer<'a, bool> {
        let (id, holder) = (id.to_owned(), holder.to_owned());
        Box::pin(self.transact(move |transaction| advance(transaction, &id, &holder, &progress, &letters, heard)))
    }

    fn release<'a>(&'a self, id: &'a str, holder: &'a str) -> Answer<'a, ()> {
        let (id, holder) = (id.to_owned(), holder.to_owned());
        Box::pin(self.transact(move |transaction| release(transaction, &id, &holder)))
    }

    fn handled<'a>(&'a self, id: &'a str, seq: Seq, is_copied: bool) -> Answer<'a, bool> {
        let id = id.to_owned();
        Box::pin(self.transact(move |transaction| handled(transaction, &id, seq, is_copied)))
    }

    fn letters<'a>(&'a self, id: &'a str, after: i64, limit: usize) -> Answer<'a, Vec<Letter>> {
        let id = id.to_owned();
        Box::pin(self.read(move |connection| letters(connection, &id, after, limit)))
    }

    fn mark_letters<'a>(&'a self, id: &'a str, numbers: &'a [i64], again: bool) -> Answer<'a, u64> {
        let (id, numbers) = (id.to_owned(), numbers.to_vec());
        Box::pin(self.transact(move |transaction| mark_letters(transaction, &id, &numbers, again)))
    }

    fn remove_letters<'a>(&'a self, id: &'a str, numbers: &'a [i64]) -> Answer<'a, u64> {
        let (id, numbers) = (id.to_owned(), numbers.to_vec());
        Box::pin(self.transact(move |transaction| remove_letters(transaction, &id, &numbers)))
    }
}

/// All of them, in order of id.
fn all(connection: &Connection) -> Result<Vec<StoredSubscription>, StoreError> {
    let sql =
        "SELECT id, document, secret, seq, state, created, seen, patience_days FROM bricola_subscriptions ORDER BY id";
    let mut query = connection.prepare_cached(sql).map_err(|e| failure(&e))?;
    let rows = query.query_map((), |row| {
        Ok(StoredSubscription {
            id: row.get(0)?,
            document: row.get(1)?,
            secret: row.get(2)?,
            progress: Progress { seq: row.get(3)?, state: row.get(4)? },
            created: instant(row, 5)?,
            seen: instant(row, 6)?,
            patience_days: row.get(7)?,
        })
    });
    rows.and_then(Iterator::collect).map_err(|e| failure(&e))
}

/// Writes one, if what is there is what was seen; false where it is not.
fn write(transaction: &Transaction<'_>, edit: &SubscriptionEdit) -> Result<bool, StoreError> {
    let sql = "SELECT document FROM bricola_subscriptions WHERE id = ?1";
    let found: Option<String> =
        transaction.query_row(sql, [&edit.id], |row| row.get(0)).optional().map_err(|e| failure(&e))?;
    if found != edit.seen {
        return Ok(false);
    }
    let Some(document) = &edit.document else {
        for sql in
            ["DELETE FROM bricola_letters WHERE subscription = ?1", "DELETE FROM bricola_subscriptions WHERE id = ?1"]
        {
            transaction.execute(sql, [&edit.id]).map_err(|e| failure(&e))?;
        }
        return Ok(true);
    };
    if let Some(begin) = &edit.begin {
        reaches_back(transaction, begin.seq)?;
        if begin.seq > last_seq(transaction)? {
            return Err(StoreError::Unusable("a subscription cannot begin behind the end of the log".to_owned()));
        }
    }
    let (seq, state) = edit.begin.as_ref().map(|begin| (begin.seq, begin.state.as_str())).unzip();
    let sql = "INSERT INTO bricola_subscriptions (id, document, secret, seq, state, patience_days) \
               VALUES (?1, ?2, ?3, ifnull(?4, 0), ifnull(?5, '{}'), ?6) ON CONFLICT (id) DO UPDATE SET \
               document = excluded.document, secret = ifnull(excluded.secret, secret), seq = ifnull(?4, seq), \
               state = ifnull(?5, state), patience_days = excluded.patience_days, holder = NULL, until = 0";
    let values = (&edit.id, document, &edit.secret, seq, state, edit.patience_days);
    transaction.execute(sql, values).map_err(|e| failure(&e))?;
    Ok(true)
}

/// Claims one; `None` where somebody else has it, or it is gone.
fn claim(transaction: &Transaction<'_>, id: &str, holder: &str) -> Result<Option<Progress>, StoreError> {
    let sql = format!(
        "UPDATE bricola_subscriptions SET holder = ?2, until = {NOW} + {LEASE_SECONDS} \
         WHERE id = ?1 AND (holder IS ?2 OR until <= {NOW}) RETURNING seq, state"
    );
    let read = |row: &Row<'_>| Ok(Progress { seq: row.get(0)?, state: row.get(1)? });
    transaction.query_row(&sql, (id, holder), read).optional().map_err(|e| failure(&e))
}

/// Notes how far one has come, and what was refused; false, and nothing is noted, where the claim has ended.
fn advance(
    transaction: &Transaction<'_>,
    id: &str,
    holder: &str,
    progress: &Progress,
    letters: &[Letter],
    heard: bool,
) -> Result<bool, StoreError> {
    let sql = format!(
        "UPDATE bricola_subscriptions SET seq = ?3, state = ?4, until = {NOW} + {LEASE_SECONDS}, \
         seen = CASE WHEN ?5 THEN strftime('%Y-%m-%dT%H:%M:%fZ', 'now') ELSE seen END \
         WHERE id = ?1 AND holder = ?2 AND until > {NOW}"
    );
    let rows =
        transaction.execute(&sql, (id, holder, progress.seq, &progress.state, heard)).map_err(|e| failure(&e))?;
    if rows == 0 {
        return Ok(false);
    }
    let sql = "INSERT INTO bricola_letters (subscription, seq, layer, fid, event, reason, attempts) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let mut insert = transaction.prepare_cached(sql).map_err(|e| failure(&e))?;
    for Letter { seq, layer, feature, event, reason, attempts, .. } in letters {
        insert.execute((id, seq, layer, feature, event, reason, attempts)).map_err(|e| failure(&e))?;
    }
    Ok(true)
}

/// Lets one go.
fn release(transaction: &Transaction<'_>, id: &str, holder: &str) -> Result<(), StoreError> {
    let sql = "UPDATE bricola_subscriptions SET until = 0 WHERE id = ?1 AND holder = ?2";
    transaction.execute(sql, (id, holder)).map(|_| ()).map_err(|e| failure(&e))
}

/// A subscriber that fetches has handled everything up to a change; false where there is none of the name.
fn handled(transaction: &Transaction<'_>, id: &str, seq: Seq, is_copied: bool) -> Result<bool, StoreError> {
    let sql = "UPDATE bricola_subscriptions SET seq = max(seq, min(?2, (SELECT ifnull(max(seq), 0) FROM bricola_changes))), \
               state = CASE WHEN ?3 THEN '{}' ELSE state END, seen = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE id = ?1";
    transaction.execute(sql, (id, seq, is_copied)).map(|rows| rows > 0).map_err(|e| failure(&e))
}

/// Letters behind a number, oldest first.
fn letters(connection: &Connection, id: &str, after: i64, limit: usize) -> Result<Vec<Letter>, StoreError> {
    let sql = "SELECT number, seq, layer, fid, event, reason, attempts, again, at FROM bricola_letters \
               WHERE subscription = ?1 AND number > ?2 ORDER BY number LIMIT ?3";
    let mut query = connection.prepare_cached(sql).map_err(|e| failure(&e))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = query.query_map((id, after, limit), |row| {
        Ok(Letter {
            number: row.get(0)?,
            seq: row.get(1)?,
            layer: row.get(2)?,
            feature: row.get(3)?,
            event: row.get(4)?,
            reason: row.get(5)?,
            attempts: row.get(6)?,
            again: row.get(7)?,
            at: instant(row, 8)?,
        })
    });
    rows.and_then(Iterator::collect).map_err(|e| failure(&e))
}

/// Has letters sent again, or notes that they were in vain.
fn mark_letters(transaction: &Transaction<'_>, id: &str, numbers: &[i64], again: bool) -> Result<u64, StoreError> {
    let sql = "UPDATE bricola_letters SET again = ?3, attempts = CASE WHEN ?3 THEN attempts ELSE attempts + 1 END \
               WHERE subscription = ?1 AND number = ?2";
    let mut query = transaction.prepare_cached(sql).map_err(|e| failure(&e))?;
    let marked =
        numbers.iter().map(|number| query.execute((id, number, again)).map(|rows| rows as u64)).sum::<Result<u64, _>>();
    marked.map_err(|e| failure(&e))
}

/// Takes letters away; how many there were.
fn remove_letters(transaction: &Transaction<'_>, id: &str, numbers: &[i64]) -> Result<u64, StoreError> {
    let sql = "DELETE FROM bricola_letters WHERE subscription = ?1 AND number = ?2";
    let mut query = transaction.prepare_cached(sql).map_err(|e| failure(&e))?;
    let gone = numbers.iter().map(|number| query.execute((id, number)).map(|rows| rows as u64)).sum::<Result<u64, _>>();
    gone.map_err(|e| failure(&e))
}
