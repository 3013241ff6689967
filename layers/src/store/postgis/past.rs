//! Layers as they stood after an earlier change.
//!
//! Rows name the transactions that made and superseded them (`since`, `until`); those that came after a change are the
//! ones that the log numbers higher, and those that it has yet to number. A row stood after the change when its
//! `since` is not among them and it is either a row of now or superseded by one of them. A change in the middle of a
//! transaction, where no one outside could ever look, shows the features whose changes it has passed as the
//! transaction left them.

use std::ops::Range;

use chrono::{DateTime, NaiveDate, Utc};
use futures::Stream;
use sqlx::Row;

use super::connect::{Database, Session, failure, first_or};
use super::define;
use super::rows::{self, collect, send, stream, wanted};
use super::schema::Schema;
use crate::feature::{FeatureId, StoredFeature};
use crate::log::Seq;
use crate::store::{ScannedRow, StoreError, Version};

type Batch = Result<Vec<ScannedRow>, StoreError>;

/// Streams a range of ids as of `at`.
pub(super) fn scan(
    database: Database,
    layer: String,
    ids: Range<FeatureId>,
    at: Seq,
) -> impl Stream<Item = Batch> + Send {
    stream(move |sender| async move {
        let mut session = database.read_on().await?;
        let schema = define::schema(&mut session, &database, &layer).await?;
        reaches_back(&mut session, &database, &schema, at).await?;
        if schema.source.is_some() {
            let query = schema.in_range(&ids);
            return send(&mut session, &query, &schema, &sender).await;
        }
        let range = |row: &str| format!("{row}.fid >= {} AND {row}.fid < {}", ids.start, ids.end);
        let columns = |row: &str| schema.selected(row);
        let query = format!("{} ORDER BY fid", states(&mut session, &schema, at, Rows::Many, (range, columns)).await?);
        send(&mut session, &query, &schema, &sender).await
    })
}

/// Features by id as of `at`, in the order of the ids.
pub(super) async fn features(
    database: &Database,
    layer: &str,
    ids: &[FeatureId],
    at: Seq,
) -> Result<Vec<StoredFeature>, StoreError> {
    let (mut session, schema) = define::read_layer(database, layer).await?;
    reaches_back(&mut session, database, &schema, at).await?;
    features_in(&mut session, &schema, ids, at).await
}

/// As [`features`], of a moment to which history is known to reach back.
pub(super) async fn features_in(
    session: &mut Session,
    schema: &Schema,
    ids: &[FeatureId],
    at: Seq,
) -> Result<Vec<StoredFeature>, StoreError> {
    if schema.source.is_some() {
        return rows::features_in(session, schema, ids).await;
    }
    let list: Vec<String> = ids.iter().map(FeatureId::to_string).collect();
    let among = |row: &str| format!("{row}.fid = ANY ('{{{}}}'::bigint[])", list.join(","));
    let columns = |row: &str| schema.selected(row);
    let states = states(session, schema, at, Rows::Few, (among, columns)).await?;
    let query = format!("SELECT state.* FROM ({states}) AS state {}", wanted(ids, "state"));
    collect(session, &query, schema).await
}

/// Every state of a feature that is still known, oldest first. Of a table that is not ours only the one of now is.
pub(super) async fn versions(database: &Database, layer: &str, id: FeatureId) -> Result<Vec<Version>, StoreError> {
    super::log::sequence(database).await?;
    let (mut session, schema) = define::read_layer(database, layer).await?;
    if schema.source.is_some() {
        let there = rows::features_in(&mut session, &schema, &[id]).await?;
        let now = |row: StoredFeature| Version { number: row.version, since: None, at: None, until: None };
        return Ok(there.into_iter().map(now).collect());
    }
    let sql = format!(
        "SELECT v.version::bigint, made.seq, made.at, gone.seq FROM (\
         SELECT version, since, until FROM {} WHERE fid = $1 UNION ALL SELECT version, since, NULL FROM {} WHERE fid = $1) AS v \
         LEFT JOIN bricola.transactions AS made ON made.transaction = v.since \
         LEFT JOIN bricola.transactions AS gone ON gone.transaction = v.until ORDER BY v.version",
        schema.history, schema.table
    );
    let read = |row: &sqlx::postgres::PgRow| {
        Ok(Version { number: row.try_get(0)?, since: row.try_get(1)?, at: row.try_get(2)?, until: row.try_get(3)? })
    };
    let rows = session.all(sqlx::query(&sql).bind(id)).await?;
    rows.iter().map(read).collect::<Result<_, sqlx::Error>>().map_err(|error| failure(&error))
}

/// How many rows are asked for.
#[derive(Clone, Copy)]
enum Rows {
    Few,
    Many,
}

/// A query for all rows that stood after the change `at`, to stand in brackets, with the columns of the table.
pub(super) async fn all(
    session: &mut Session,
    database: &Database,
    schema: &Schema,
    at: Seq,
) -> Result<String, StoreError> {
    reaches_back(session, database, schema, at).await?;
    if schema.source.is_some() {
        return Ok(schema.rows());
    }
    let columns = |row: &str| format!("{row}\"fid\", {row}\"version\", {}", schema.columns(row));
    let all = |_: &str| "TRUE".to_owned();
    Ok(format!("({})", states(session, schema, at, Rows::Many, (all, columns)).await?))
}

/// A query for the rows that stood after the change `at`, of those that a condition on `fid` chooses; both it and the columns
/// are told the name of a row.
async fn states(
    session: &mut Session,
    schema: &Schema,
    at: Seq,
    rows: Rows,
    (chosen, columns): (impl Fn(&str) -> String, impl Fn(&str) -> String),
) -> Result<String, StoreError> {
    let Schema { table, history, tenant, .. } = schema;
    let later = format!(
        "later AS MATERIALIZED (SELECT transaction FROM bricola.transactions WHERE seq > {at} \
         UNION SELECT transaction FROM bricola.pending)"
    );
    let is_later = |column: &str| match rows {
        Rows::Many => format!("EXISTS (SELECT FROM later WHERE later.transaction = {column})"),
        // What came later may be many transactions more than there are rows: each is looked up by itself.
        Rows::Few => format!(
            "(coalesce((SELECT seq FROM bricola.transactions WHERE transaction = {column}), 0) > {at} \
             OR EXISTS (SELECT FROM bricola.pending WHERE transaction = {column}))"
        ),
    };
    let mut stood =
        [format!("NOT {}", is_later("t.since")), format!("{} AND NOT {}", is_later("h.until"), is_later("h.since"))];
    let mut with = later;
    if let Some((open, before)) = open_at(session, at).await? {
        // The features of the transaction whose changes lie at or before `at`, and all their states.
        let passed = format!(
            ", passed AS MATERIALIZED (SELECT c.id FROM (SELECT last - cardinality(ids) AS first, ids FROM bricola.changes \
             WHERE last > {before} AND last - cardinality(ids) < {at} AND transaction = {open} AND tenant = '{tenant}' \
             AND layer = '{}') AS g, unnest(g.ids) WITH ORDINALITY AS c (id, place) WHERE g.first + c.place <= {at})",
            schema.layer()
        );
        with.push_str(&passed);
        let is_passed = |row: &str| format!("{row}.fid IN (SELECT id FROM passed)");
        stood = [
            format!("({} OR t.since = {open} AND {})", stood[0], is_passed("t")),
            format!(
                "{} AND CASE WHEN {} THEN h.until <> {open} AND (h.since = {open} OR NOT {since}) ELSE NOT {since} END",
                is_later("h.until"),
                is_passed("h"),
                since = is_later("h.since")
            ),
        ];
    }
    Ok(format!(
        "WITH {with} SELECT {} FROM {table} AS t WHERE {} AND {} UNION ALL SELECT {} FROM {history} AS h WHERE {} AND {}",
        columns("t."),
        chosen("t"),
        stood[0],
        columns("h."),
        chosen("h"),
        stood[1],
    ))
}

/// The transaction that has changes both at or before `at` and after it, with the last change of the one before.
async fn open_at(session: &mut Session, at: Seq) -> Result<Option<(i64, Seq)>, StoreError> {
    let query = sqlx::query(
        "SELECT n.transaction, b.seq, n.seq, $1 < (SELECT log_from FROM bricola.clock) FROM \
         (SELECT transaction, seq FROM bricola.transactions WHERE seq > $1 ORDER BY seq LIMIT 1) AS n, \
         (SELECT coalesce(max(seq), 0) AS seq FROM bricola.transactions WHERE seq <= $1) AS b WHERE b.seq < $1 \
         AND ($1 < (SELECT log_from FROM bricola.clock) \
         OR EXISTS (SELECT FROM bricola.changes WHERE last > b.seq AND transaction = n.transaction))",
    );
    let rows = session.all(query.bind(at)).await?;
    let read = |row: &sqlx::postgres::PgRow| {
        Ok::<_, sqlx::Error>((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?))
    };
    match rows.first().map(read).transpose().map_err(|error| failure(&error))? {
        // Which of its changes came first, only the log could tell.
        Some((_, _, first, true)) => Err(StoreError::Pruned { first }),
        Some((transaction, before, _, false)) => Ok(Some((transaction, before))),
        None => Ok(None),
    }
}

/// Refuses what lies before the history of a layer.
async fn reaches_back(session: &mut Session, database: &Database, schema: &Schema, at: Seq) -> Result<(), StoreError> {
    let first = reach(session, database, schema).await?;
    if at < first { Err(StoreError::Pruned { first }) } else { Ok(()) }
}

/// The first change after which the state of a layer is known.
pub(super) async fn reach(session: &mut Session, database: &Database, schema: &Schema) -> Result<Seq, StoreError> {
    if let Some(ledger) = database.ledger() {
        return Ok(ledger.reach(schema.layer()));
    }
    // Of a table that is not ours only the present is known, since its last change.
    let query = if schema.source.is_some() {
        sqlx::query(
            "SELECT coalesce((SELECT last FROM bricola.changes AS c WHERE c.tenant = $1 AND c.layer = $2 \
             ORDER BY last DESC LIMIT 1), 0)",
        )
    } else {
        sqlx::query(
            "SELECT greatest(l.kept_from, (SELECT seq FROM bricola.transactions AS t WHERE t.transaction = l.began)) \
         FROM bricola.layers AS l WHERE l.tenant = $1 AND l.layer = $2",
        )
    };
    let rows = session.all(query.bind(schema.tenant.clone()).bind(schema.layer().to_owned())).await?;
    first_or(&rows, 0)
}

/// Notes that the tables of a layer are new with the running transaction, if it had others before.
pub(super) async fn begin(session: &mut Session, schema: &Schema) -> Result<(), StoreError> {
    let known = |table: &str| format!("EXISTS (SELECT FROM bricola.{table} WHERE tenant = $1 AND layer = $2)");
    let sql = format!(
        "UPDATE bricola.layers SET began = bricola.this_transaction() WHERE tenant = $1 AND layer = $2 \
         AND ({} OR {} OR {})",
        known("retired"),
        known("changes"),
        known("pending")
    );
    session.all(sqlx::query(&sql).bind(schema.tenant.clone()).bind(schema.layer().to_owned())).await?;
    Ok(())
}

/// The last change at or before an instant.
pub(super) async fn seq_at(database: &Database, instant: DateTime<Utc>) -> Result<Seq, StoreError> {
    if let Some(ledger) = database.ledger() {
        return Ok(ledger.seq_at(instant));
    }
    super::log::sequence(database).await?;
    // The database's calendar is narrower than ours; no change is older or younger than these.
    let bound = |year| NaiveDate::from_ymd_opt(year, 1, 1).and_then(|day| day.and_hms_opt(0, 0, 0));
    let (Some(first), Some(last)) = (bound(1900), bound(9999)) else { return Ok(0) };
    let instant = instant.clamp(first.and_utc(), last.and_utc());
    let mut session = database.read().await?;
    let query = sqlx::query(
        "SELECT coalesce((SELECT seq FROM bricola.transactions WHERE at <= $1 ORDER BY at DESC, seq DESC LIMIT 1), 0)",
    );
    let rows = session.all(query.bind(instant)).await?;
    first_or(&rows, 0)
}

/// The last change of a layer at or before `at`; 0 before its first.
pub(super) async fn layer_seq(database: &Database, layer: &str, at: Seq) -> Result<Seq, StoreError> {
    if let Some(ledger) = database.ledger() {
        return Ok(ledger.layer_seq(layer, at));
    }
    let mut session = database.read().await?;
    // A row of the log holds some thousands of changes at most, so the one in question does not end much later. Where
    // the log or the past have been cut, the change may be gone; as it was there is as it was after the change.
    let query = sqlx::query(
        "SELECT greatest(coalesce((SELECT least(last, $3) FROM bricola.changes WHERE tenant = $1 AND layer = $2 \
         AND last < $3 + 10000 AND last - coalesce(cardinality(ids), 1) < $3 ORDER BY last DESC LIMIT 1), 0), \
         least($3, (SELECT log_from FROM bricola.clock)), \
         least($3, (SELECT kept_from FROM bricola.layers WHERE tenant = $1 AND layer = $2)))",
    );
    let at = at.clamp(0, Seq::MAX - 10_000);
    let rows = session.all(query.bind(database.tenant().to_owned()).bind(layer.to_owned()).bind(at)).await?;
    first_or(&rows, 0)
}

/// The name that the store was given when it was made.
pub(super) async fn identity(database: &Database) -> Result<String, StoreError> {
    if let Some(ledger) = database.ledger() {
        return Ok(ledger.identity());
    }
    let mut session = database.read().await?;
    let rows = session.all(sqlx::query("SELECT store::text FROM bricola.clock")).await?;
    let row = rows.first().ok_or_else(|| StoreError::Failure("the log has no clock".to_owned()))?;
    row.try_get(0).map_err(|error| failure(&error))
}
