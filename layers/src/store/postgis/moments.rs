//! Features as they stood at many moments, by one question: the feed tells what each of a page of changes did.

use sqlx::Row as _;

use super::connect::{Database, Session, failure};
use super::copy::{Fields, feature};
use super::define;
use super::past::{features_in, reach};
use super::rows::collect_by;
use super::schema::Schema;
use crate::feature::{FeatureId, StoredFeature};
use crate::log::Seq;
use crate::store::{Moment, StoreError};

/// How many changes there may be since the first moment for each feature that is asked for, before each of its states is looked
/// at by itself: more of them would take longer to list.
const NEAR: Seq = 20;

/// For each moment the features that stood then; `None` where history does not reach back to it.
pub(super) async fn features(
    database: &Database,
    layer: &str,
    moments: &[Moment],
) -> Result<Vec<Option<Vec<StoredFeature>>>, StoreError> {
    let (mut session, schema) = define::read_layer(database, layer).await?;
    let first = reach(&mut session, database, &schema).await?;
    // Of a table whose past is not known it does not matter what they are.
    let (ends, last) = if schema.source.is_some() { (Vec::new(), 0) } else { ends(&mut session, moments).await? };
    let mut found: Vec<Option<Vec<StoredFeature>>> =
        moments.iter().map(|(at, _)| (*at >= first).then(Vec::new)).collect();
    let (mut ats, mut ids, mut places) = (Vec::new(), Vec::new(), Vec::new());
    for (place, (at, wanted)) in moments.iter().enumerate().filter(|(_, (at, _))| *at >= first) {
        if schema.source.is_some() || !ends.contains(at) {
            // In the middle of a transaction, or of a table whose past is not known.
            found[place] = Some(features_in(&mut session, &schema, wanted, *at).await?);
            continue;
        }
        ats.extend(wanted.iter().map(|_| *at));
        ids.extend(wanted.iter().copied());
        places.extend(wanted.iter().map(|_| place as i64));
    }
    if ids.is_empty() {
        return Ok(found);
    }
    let from = ats.iter().copied().min().unwrap_or_default();
    let is_near = last - from <= NEAR * ids.len() as Seq;
    let query = query(&schema, (&ats, &ids, &places), is_near.then_some(from));
    let row = |fields: &mut Fields<'_>| (fields.bigint(), feature(fields, &schema.definition));
    for (place, row) in collect_by(&mut session, &query, row).await? {
        let place = place.and_then(|place| usize::try_from(place).ok());
        let there = place.and_then(|place| found.get_mut(place)?.as_mut()).ok_or_else(StoreError::garbled)?;
        // A row that cannot be mirrored is left out, as everywhere.
        there.extend(row.ok());
    }
    Ok(found)
}

/// Those of the moments that are ends of transactions, and the last change.
async fn ends(session: &mut Session, moments: &[Moment]) -> Result<(Vec<Seq>, Seq), StoreError> {
    let ats: Vec<Seq> = moments.iter().map(|(at, _)| *at).collect();
    let query = sqlx::query(
        "SELECT ARRAY(SELECT seq FROM bricola.transactions WHERE seq = ANY($1)), (SELECT seq FROM bricola.clock)",
    );
    let rows = session.all(query.bind(ats)).await?;
    let row = rows.first().ok_or_else(StoreError::garbled)?;
    let read = || Ok((row.try_get(0)?, row.try_get(1)?));
    read().map_err(|error: sqlx::Error| failure(&error))
}

/// Rows with the place of their moment before them, in the order of the moments and their ids. `from` is the first of the
/// moments, where few transactions came later: what they have superseded is then all of the past that is looked at.
fn query(schema: &Schema, (ats, ids, places): (&[Seq], &[FeatureId], &[i64]), from: Option<Seq>) -> String {
    let list = |numbers: &[i64]| numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
    // The change that closed a transaction; of one that has no number yet, later than all.
    let closed = |transaction: &str| {
        format!(
            "CASE WHEN {transaction} IN (SELECT transaction FROM bricola.pending) THEN {} \
             ELSE coalesce((SELECT seq FROM bricola.transactions WHERE transaction = {transaction}), 0) END",
            i64::MAX
        )
    };
    let later = from.map_or_else(String::new, |from| {
        format!(
            " AND h.until IN (SELECT transaction FROM bricola.transactions WHERE seq > {from} \
             UNION ALL SELECT transaction FROM bricola.pending)"
        )
    });
    format!(
        "WITH wanted AS MATERIALIZED (SELECT * FROM unnest('{{{}}}'::bigint[], '{{{ids}}}'::bigint[], '{{{}}}'::bigint[]) \
         WITH ORDINALITY AS w (at, id, place, number)), \
         kept AS MATERIALIZED (SELECT h.*, {} AS \"bricola since\", {} AS \"bricola until\" FROM {} AS h \
         WHERE h.fid = ANY ('{{{ids}}}'::bigint[]){later}), \
         present AS MATERIALIZED (SELECT t.*, {} AS \"bricola since\" FROM {} AS t \
         WHERE t.fid = ANY ('{{{ids}}}'::bigint[])) \
         SELECT {} FROM (\
         SELECT w.number AS \"bricola number\", w.place AS \"bricola place\", {} FROM wanted AS w \
         JOIN present AS t ON t.fid = w.id WHERE t.\"bricola since\" <= w.at \
         UNION ALL \
         SELECT w.number, w.place, {} FROM wanted AS w JOIN kept AS h ON h.fid = w.id \
         WHERE h.\"bricola since\" <= w.at AND h.\"bricola until\" > w.at) AS s ORDER BY \"bricola number\"",
        list(ats),
        list(places),
        closed("h.since"),
        closed("h.until"),
        schema.history,
        closed("t.since"),
        schema.table,
        format_args!("s.\"bricola place\", {}", schema.selected("s.")),
        plain(schema, "t."),
        plain(schema, "h."),
        ids = list(ids),
    )
}

/// The columns of a row, as they are.
fn plain(schema: &Schema, prefix: &str) -> String {
    format!("{prefix}\"fid\", {prefix}\"version\", {}", schema.columns(prefix))
}
