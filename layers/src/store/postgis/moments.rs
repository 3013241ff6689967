//! Features as they stood at many moments, by one question: the feed tells what each of a page of changes did.

use super::connect::{Database, Session};
use super::copy::{Fields, feature};
use super::define;
use super::past::{features_in, reach};
use super::rows::collect_by;
use super::schema::Schema;
use crate::feature::{FeatureId, StoredFeature};
use crate::log::Seq;
use crate::store::{Moment, StoreError};

/// For each moment the features that stood then; `None` where history does not reach back to it.
pub(super) async fn features(
    database: &Database,
    layer: &str,
    moments: &[Moment],
) -> Result<Vec<Option<Vec<StoredFeature>>>, StoreError> {
    let (mut session, schema) = define::read_layer(database, layer).await?;
    let first = reach(&mut session, database, &schema).await?;
    // Of a table whose past is not known it does not matter what they are.
    let ends = if schema.source.is_some() { Vec::new() } else { ends(&mut session, moments).await? };
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
    let query = query(&schema, &ats, &ids, &places);
    let row = |fields: &mut Fields<'_>| (fields.bigint(), feature(fields, &schema.definition));
    for (place, row) in collect_by(&mut session, &query, row).await? {
        let place = place.and_then(|place| usize::try_from(place).ok());
        let there = place.and_then(|place| found.get_mut(place)?.as_mut()).ok_or_else(StoreError::garbled)?;
        // A row that cannot be mirrored is left out, as everywhere.
        there.extend(row.ok());
    }
    Ok(found)
}

/// Those of the moments that are ends of transactions.
async fn ends(session: &mut Session, moments: &[Moment]) -> Result<Vec<Seq>, StoreError> {
    let ats: Vec<Seq> = moments.iter().map(|(at, _)| *at).collect();
    let query = sqlx::query("SELECT array_agg(seq) FROM bricola.transactions WHERE seq = ANY($1)").bind(ats);
    let rows = session.all(query).await?;
    Ok(super::connect::first_or::<Option<Vec<Seq>>>(&rows, None)?.unwrap_or_default())
}

/// Rows with the place of their moment before them, in the order of the moments and their ids.
fn query(schema: &Schema, ats: &[Seq], ids: &[FeatureId], places: &[i64]) -> String {
    let list = |numbers: &[i64]| numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
    // The change that closed a transaction; of one that has no number yet, later than all.
    let closed = |transaction: &str| {
        format!(
            "CASE WHEN {transaction} IN (SELECT transaction FROM bricola.pending) THEN {} \
             ELSE coalesce((SELECT seq FROM bricola.transactions WHERE transaction = {transaction}), 0) END",
            i64::MAX
        )
    };
    format!(
        "WITH wanted AS MATERIALIZED (SELECT * FROM unnest('{{{}}}'::bigint[], '{{{ids}}}'::bigint[], '{{{}}}'::bigint[]) \
         WITH ORDINALITY AS w (at, id, place, number)), \
         kept AS MATERIALIZED (SELECT h.*, {} AS \"bricola since\", {} AS \"bricola until\" FROM {} AS h \
         WHERE h.fid = ANY ('{{{ids}}}'::bigint[])), \
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
