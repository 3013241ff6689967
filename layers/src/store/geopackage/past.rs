//! Layers as they stood after an earlier change.
//!
//! A row of now was there after the change `at` unless something happened to it since. What happened since is read
//! first, from the log and from an index of the history; then one pass over the table, in order of id, takes the rows
//! of now, and in place of each touched one the superseded state that stood at `at`, if any. As of a recent change
//! this costs what a scan of now costs.

use std::iter::Peekable;
use std::ops::Range;

use chrono::{DateTime, Datelike, SecondsFormat, Utc};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Transaction};

use super::rows::Batches;
use super::schema::Schema;
use super::{define, failure, last_seq, values};
use crate::feature::{FeatureId, StoredFeature};
use crate::log::Seq;
use crate::store::{ScannedRow, StoreError, Version};

/// Reads a range of ids as of `at`.
pub(super) fn scan(
    connection: &mut Connection,
    layer: &str,
    ids: &Range<FeatureId>,
    at: Seq,
    mut batches: Batches,
) -> Result<(), StoreError> {
    let transaction = connection.transaction().map_err(|e| failure(&e))?;
    let schema = define::schema(&transaction, layer)?;
    reaches_back(&transaction, layer, at)?;
    let since = Since::read(&transaction, &schema, ids, at)?;
    let states = History::of(&transaction, &schema)?;
    let mut past = Superseded { touched: since.touched.into_iter().peekable(), states, last: None };
    let sql = format!("{} WHERE \"fid\" >= ?1 AND \"fid\" < ?2 ORDER BY \"fid\"", schema.select());
    let mut statement = transaction.prepare_cached(&sql).map_err(|e| failure(&e))?;
    let mut rows = statement.query((ids.start, ids.end)).map_err(|e| failure(&e))?;
    while let Some(row) = rows.next().map_err(|e| failure(&e))? {
        let id: FeatureId = row.get(0).map_err(|e| failure(&e))?;
        if !past.send(|touched| touched <= id, &mut batches)? {
            return Ok(());
        }
        if past.last == Some(id) || since.brought.iter().any(|range| range.contains(&id)) {
            continue;
        }
        if !batches.push(values::feature(row, &schema.definition).map_err(|e| failure(&e))?) {
            return Ok(());
        }
    }
    if past.send(|_| true, &mut batches)? {
        batches.end();
    }
    Ok(())
}

/// A query for all rows that stood after the change `at`, in brackets, with the columns of the table.
pub(super) fn all(connection: &Connection, schema: &Schema, at: Seq) -> Result<String, StoreError> {
    reaches_back(connection, &schema.definition.id, at)?;
    Ok(format!(
        "(SELECT {} FROM \"{}\" AS r WHERE {} <= {at} UNION ALL \
         SELECT {} FROM \"{}\" AS h WHERE h.\"seq_from\" <= {at} AND h.\"seq_to\" > {at})",
        schema.selected("r."),
        schema.table,
        schema.since("r.\"fid\""),
        schema.selected("h."),
        schema.history(),
    ))
}

/// What happened to a layer after a change.
struct Since {
    /// Features that were inserted, changed or removed, in order of id, each once; with the row of the history that
    /// stood, if any.
    touched: Vec<(FeatureId, Option<i64>)>,
    /// Ids that came with replacements.
    brought: Vec<Range<FeatureId>>,
}

impl Since {
    const INSERTED: &str = "SELECT fid FROM bricola_changes WHERE layer = ?1 AND seq > ?2 AND operation = 'insert'";
    const BROUGHT: &str = "SELECT first_fid, last_fid FROM bricola_replacements WHERE layer = ?1 AND seq > ?2";

    fn superseded(schema: &Schema) -> String {
        format!("SELECT \"fid\", rowid, \"seq_from\" <= ?1 FROM \"{}\" WHERE \"seq_to\" > ?1", schema.history())
    }

    fn read(
        transaction: &Transaction<'_>,
        schema: &Schema,
        ids: &Range<FeatureId>,
        at: Seq,
    ) -> Result<Self, StoreError> {
        let layer = &schema.definition.id;
        let read = || -> rusqlite::Result<Self> {
            let mut query = transaction.prepare_cached(&Self::superseded(schema))?;
            let superseded = query.query_map([at], |row| {
                let (id, row, stood): (_, _, bool) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok((id, stood.then_some(row)))
            })?;
            let mut touched = superseded.collect::<rusqlite::Result<Vec<_>>>()?;
            let mut query = transaction.prepare_cached(Self::INSERTED)?;
            for id in query.query_map((layer, at), |row| row.get(0))? {
                touched.push((id?, None));
            }
            touched.retain(|(id, _)| ids.contains(id));
            touched.sort_unstable_by_key(|(id, stood)| (*id, stood.is_none()));
            touched.dedup_by_key(|(id, _)| *id);
            let mut query = transaction.prepare_cached(Self::BROUGHT)?;
            let brought = query.query_map((layer, at), |row| {
                let (first, last): (FeatureId, FeatureId) = (row.get(0)?, row.get(1)?);
                Ok(first..last.saturating_add(1))
            })?;
            Ok(Self { touched, brought: brought.collect::<rusqlite::Result<_>>()? })
        };
        read().map_err(|e| failure(&e))
    }
}

/// Single rows of a history.
struct History<'a> {
    schema: &'a Schema,
    query: CachedStatement<'a>,
}

impl<'a> History<'a> {
    fn of(connection: &'a Connection, schema: &'a Schema) -> Result<Self, StoreError> {
        let sql = format!("{} WHERE rowid = ?1", schema.select_history());
        let query = connection.prepare_cached(&sql).map_err(|e| failure(&e))?;
        Ok(Self { schema, query })
    }

    fn state(&mut self, row: i64) -> Result<ScannedRow, StoreError> {
        let definition = &self.schema.definition;
        self.query.query_row([row], |row| values::feature(row, definition)).map_err(|e| failure(&e))
    }
}

/// Touched features on their way into a scan, by the states in which they stood.
struct Superseded<'a, I: Iterator<Item = (FeatureId, Option<i64>)>> {
    touched: Peekable<I>,
    states: History<'a>,
    /// The last touched feature that was passed.
    last: Option<FeatureId>,
}

impl<I: Iterator<Item = (FeatureId, Option<i64>)>> Superseded<'_, I> {
    /// Passes those for which `due` holds; false when the stream wants no more.
    fn send(&mut self, due: impl Fn(FeatureId) -> bool, batches: &mut Batches) -> Result<bool, StoreError> {
        while let Some((id, stood)) = self.touched.next_if(|(id, _)| due(*id)) {
            self.last = Some(id);
            if let Some(row) = stood
                && !batches.push(self.states.state(row)?)
            {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Features by id as of `at`, in the order of the ids; those that were not there or cannot be decoded are left out.
pub(super) fn features(
    connection: &mut Connection,
    layer: &str,
    ids: &[FeatureId],
    at: Seq,
) -> Result<Vec<StoredFeature>, StoreError> {
    let transaction = connection.transaction().map_err(|e| failure(&e))?;
    let schema = define::schema(&transaction, layer)?;
    reaches_back(&transaction, layer, at)?;
    let mut history = History::of(&transaction, &schema)?;
    let [superseded, now] = feature_queries(&schema);
    let mut superseded = transaction.prepare_cached(&superseded).map_err(|e| failure(&e))?;
    let mut now = transaction.prepare_cached(&now).map_err(|e| failure(&e))?;
    let mut features = Vec::with_capacity(ids.len());
    for id in ids {
        let next: Option<(i64, bool)> =
            superseded.query_row((id, at), |row| Ok((row.get(0)?, row.get(1)?))).optional().map_err(|e| failure(&e))?;
        let row = match next {
            Some((row, true)) => Some(history.state(row)?),
            Some((_, false)) => None,
            None => now
                .query_row((id, at), |row| values::feature(row, &schema.definition))
                .optional()
                .map_err(|e| failure(&e))?,
        };
        match row {
            Some(Ok(feature)) => features.push(feature),
            Some(Err((id, reason))) => tracing::warn!(layer, id, at, reason, "a stored feature cannot be read"),
            None => {}
        }
    }
    Ok(features)
}

/// Every state of a feature that is still known, oldest first.
pub(super) fn versions(connection: &mut Connection, layer: &str, id: FeatureId) -> Result<Vec<Version>, StoreError> {
    let transaction = connection.transaction().map_err(|e| failure(&e))?;
    let schema = define::schema(&transaction, layer)?;
    let read = || -> rusqlite::Result<Vec<Version>> {
        let mut query = transaction.prepare_cached(&versions_query(&schema))?;
        let rows = query.query_map([id], |row| {
            let at: Option<String> = row.get(3)?;
            let at = at.and_then(|at| DateTime::parse_from_rfc3339(&at).ok()).map(|at| at.to_utc());
            // 0 stands for what was there before the log.
            let since = Some(row.get(1)?).filter(|since| *since > 0);
            Ok(Version { number: row.get(0)?, since, at, until: row.get(2)? })
        })?;
        rows.collect()
    };
    read().map_err(|e| failure(&e))
}

fn versions_query(schema: &Schema) -> String {
    format!(
        "SELECT v.version, v.since, v.until, (SELECT at FROM bricola_changes WHERE seq = v.since) FROM (\
         SELECT \"version\" AS version, \"seq_from\" AS since, \"seq_to\" AS until FROM \"{}\" WHERE \"fid\" = ?1 \
         UNION ALL SELECT \"version\", {}, NULL FROM \"{}\" WHERE \"fid\" = ?1) AS v ORDER BY v.version",
        schema.history(),
        schema.since("?1"),
        schema.table
    )
}

/// The first state of a feature `?1` that was superseded after the change `?2`, and its row of now if it stood then.
fn feature_queries(schema: &Schema) -> [String; 2] {
    [
        format!(
            "SELECT rowid, \"seq_from\" <= ?2 FROM \"{}\" WHERE \"fid\" = ?1 AND \"seq_to\" > ?2 \
             ORDER BY \"seq_to\" LIMIT 1",
            schema.history()
        ),
        format!("{} WHERE \"fid\" = ?1 AND {} <= ?2", schema.select(), schema.since("?1")),
    ]
}

/// Refuses what lies before the history of a layer.
fn reaches_back(connection: &Connection, layer: &str, at: Seq) -> Result<(), StoreError> {
    let sql = "SELECT first_seq FROM bricola_layers WHERE layer = ?1";
    let first: Seq = connection
        .prepare_cached(sql)
        .and_then(|mut query| query.query_row([layer], |row| row.get(0)))
        .map_err(|e| failure(&e))?;
    if at < first { Err(StoreError::Pruned { first }) } else { Ok(()) }
}

/// Notes that the tables of a layer are new with the change `seq`, if it had others before.
pub(super) fn begin(transaction: &Transaction<'_>, layer: &str, seq: Seq) -> Result<(), StoreError> {
    let sql = "UPDATE bricola_layers SET first_seq = ?2 WHERE layer = ?1 \
               AND EXISTS (SELECT 1 FROM bricola_changes WHERE layer = ?1 AND seq < ?2)";
    transaction.execute(sql, (layer, seq)).map(|_| ()).map_err(|e| failure(&e))
}

/// Gives the histories of an older version the index that the past is found by.
pub(super) fn index(connection: &Connection) -> Result<(), StoreError> {
    let sql = "SELECT name FROM sqlite_master AS h WHERE type = 'table' AND name GLOB 'bricola_history_*' \
               AND NOT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = h.name || '_seq')";
    let histories: Vec<String> = connection
        .prepare(sql)
        .and_then(|mut query| query.query_map((), |row| row.get(0))?.collect())
        .map_err(|e| failure(&e))?;
    let sql: Vec<String> = histories.iter().map(|history| Schema::create_history_index(history)).collect();
    connection.execute_batch(&sql.join(";")).map_err(|e| failure(&e))
}

/// Dates all changes of a transaction alike: no instant may lie inside it.
pub(super) fn date_as_one(transaction: &Transaction<'_>, before: Seq, last: Seq) -> Result<(), StoreError> {
    let sql = "UPDATE bricola_changes SET at = new.at FROM (SELECT at FROM bricola_changes WHERE seq = ?2) AS new \
               WHERE seq > ?1 AND seq < ?2 AND bricola_changes.at <> new.at";
    transaction
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute((before, last)))
        .map(|_| ())
        .map_err(|e| failure(&e))
}

/// Whether anybody has changed a layer after a change, bindings not counted.
pub(super) fn was_changed(connection: &Connection, layer: &str, since: Seq) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM bricola_changes AS c WHERE c.layer = ?1 AND c.seq > ?2 \
               AND NOT EXISTS (SELECT 1 FROM bricola_causes AS w WHERE w.seq = c.seq))";
    connection.query_row(sql, (layer, since), |row| row.get(0)).map_err(|e| failure(&e))
}

/// The last change at or before an instant.
///
/// A clock may have been set back, so dates need not grow with the log. The numbers that are looked at depend on the
/// dates found on the way and not on how long the log is: the answer for an instant of the past stays the same.
pub(super) fn seq_at(connection: &mut Connection, instant: DateTime<Utc>) -> Result<Seq, StoreError> {
    let connection = connection.transaction().map_err(|e| failure(&e))?;
    // Dates of four digits compare as text.
    match instant.year() {
        ..0 => return Ok(0),
        10_000.. => return last_seq(&connection),
        _ => {}
    }
    let instant = instant.to_rfc3339_opts(SecondsFormat::Millis, true);
    let search = || -> rusqlite::Result<Seq> {
        let mut query =
            connection.prepare_cached("SELECT at <= ?2 FROM bricola_changes WHERE seq >= ?1 ORDER BY seq LIMIT 1")?;
        let mut found: Seq = 0;
        for bit in (0..Seq::BITS - 1).rev() {
            let further = found | 1 << bit;
            if query.query_row((further, &instant), |row| row.get(0)).optional()? == Some(true) {
                found = further;
            }
        }
        let sql = "SELECT ifnull(max(seq), 0) FROM bricola_changes WHERE seq <= ?1";
        connection.query_row(sql, [found], |row| row.get(0))
    };
    search().map_err(|e| failure(&e))
}

/// The last change of a layer at or before `at`; 0 before its first.
pub(super) fn layer_seq(connection: &Connection, layer: &str, at: Seq) -> Result<Seq, StoreError> {
    connection
        .prepare_cached(LAYER_SEQ)
        .and_then(|mut query| query.query_row((layer, at), |row| row.get(0)))
        .map_err(|e| failure(&e))
}

/// Where the log has been cut the change may be gone; as it was at the cut is as it was after the change.
const LAYER_SEQ: &str = "SELECT max(ifnull((SELECT max(seq) FROM bricola_changes WHERE layer = ?1 AND seq <= ?2), 0), \
                         min(?2, ifnull((SELECT first_seq FROM bricola_layers WHERE layer = ?1), 0)))";

/// The name that the store was given when it was made.
pub(super) fn identity(connection: &Connection) -> Result<String, StoreError> {
    connection.query_row("SELECT id FROM bricola_store", (), |row| row.get(0)).map_err(|e| failure(&e))
}

#[cfg(test)]
mod tests {
    use super::super::schema::tests::{file, plan, schema};
    use super::*;

    #[test]
    fn what_happened_since_is_looked_up_not_searched_for() {
        let (file, schema) = (file(), schema());
        let [superseded, now] = feature_queries(&schema);
        let queries = [
            Since::superseded(&schema),
            Since::INSERTED.to_owned(),
            Since::BROUGHT.to_owned(),
            LAYER_SEQ.to_owned(),
            superseded,
            now,
            versions_query(&schema),
        ];
        for sql in queries {
            let steps = plan(&file, &sql);
            // `v` are the states that were looked up.
            let is_found = |step: &str| ["SCAN CONSTANT ROW", "SCAN v"].contains(&step);
            assert!(
                !steps.iter().any(|step| (step.starts_with("SCAN") && !is_found(step)) || step.contains("AUTOMATIC")),
                "{sql}\n{steps:#?}"
            );
        }
        let steps = plan(&file, &Since::superseded(&schema)).join(" ");
        assert!(steps.contains("COVERING INDEX bricola_history_test_parcels_seq"), "{steps}");
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_move_the_answers_of_before() {
        let mut file = file();
        let log = |file: &Connection, at: &str| {
            let sql = "INSERT INTO bricola_changes (layer, operation, at) VALUES ('a', 'replace', ?1)";
            file.execute(sql, [format!("2026-11-26T{at}.000Z")]).expect("logs");
        };
        let instant =
            |text: &str| DateTime::parse_from_rfc3339(&format!("2026-11-26T{text}Z")).expect("an instant").to_utc();
        for minute in 10..40 {
            log(&file, &format!("08:{minute}:00"));
        }
        let asked: Vec<_> = (0..50).map(|minute| instant(&format!("08:{minute:02}:30"))).collect();
        let before: Vec<Seq> = asked.iter().map(|at| seq_at(&mut file, *at).expect("answers")).collect();
        assert_eq!((before[0], before[10], before[20], before[39]), (0, 1, 11, 30));
        for minute in 20..60 {
            log(&file, &format!("08:{minute}:10"));
        }
        for (at, seq) in asked.iter().zip(&before).filter(|(at, _)| **at < instant("08:20:00")) {
            assert_eq!(seq_at(&mut file, *at).expect("answers"), *seq, "{at}");
        }
    }
}
