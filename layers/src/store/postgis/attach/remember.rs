//! Layers in and out of the ledger, where the database does not take them; looking at their tables. All of this only reads.

use std::collections::BTreeSet;

use chrono::Utc;
use tracing::info;

use super::super::connect::Database;
use super::super::ledger::{Content, Ledger, Row, Sign};
use super::catalogue;
use super::register::{Entry, Known, geometry_of};
use crate::store::StoreError;

/// The tables that are layers, and the ids of these.
pub(super) fn known(ledger: &Ledger) -> (Vec<Known>, BTreeSet<String>) {
    let rows = ledger.layers();
    let taken = rows.iter().map(|(layer, ..)| layer.clone()).collect();
    let known = |(layer, row, ..): (String, Row, _, _)| {
        let Row { schema, name, definition, source, sign } = row;
        let (geometry, by_content) = (geometry_of(&source), sign == Sign::Rows);
        Known { layer, schema, name, geometry, tracked: false, definition, source, by_content }
    };
    (rows.into_iter().map(known).collect(), taken)
}

/// Takes layers out and notes those that are new or not what they were; how many.
pub(super) async fn take(
    database: &Database,
    ledger: &Ledger,
    gone: impl Iterator<Item = &Known>,
    entries: Vec<Entry>,
) -> Result<usize, StoreError> {
    for Known { layer, schema, name, .. } in gone {
        ledger.remove(layer);
        info!(layer, table = format!("{schema}.{name}"), "no longer published");
    }
    let looked = Utc::now();
    let state = catalogue::state(&mut database.read().await?).await?;
    let rows = entries.into_iter().map(|entry| {
        let sign = sign(entry.by_content, state.counts);
        let Entry { layer, schema, name, definition, source, estimate, .. } = entry;
        (layer, Row { schema, name, definition, source, sign }, estimate)
    });
    let rows: Vec<_> = rows.filter(|(layer, row, _)| ledger.row(layer).as_ref() != Some(row)).collect();
    let tables: Vec<_> = rows.iter().map(|(_, row, _)| (row.schema.clone(), row.name.clone())).collect();
    let prints = catalogue::fingerprints(&mut database.read().await?, &tables).await?;
    let count = rows.len();
    for ((layer, row, estimate), print) in rows.into_iter().zip(prints) {
        database.looks.of(&layer).note(looked);
        ledger.put(&layer, row, estimate, print, state.replayed.clone());
    }
    Ok(count)
}

/// `opaque`: no counter could tell of the rows. `counts`: the database counts at all.
fn sign(opaque: bool, counts: bool) -> Sign {
    match (opaque, counts) {
        (true, _) => Sign::Rows,
        (false, true) => Sign::Fingerprint,
        (false, false) => Sign::Replayed,
    }
}

/// Compares fingerprints; how many layers are reported.
pub(super) async fn poll(database: &Database, ledger: &Ledger) -> Result<i64, StoreError> {
    let (looked, rows) = (Utc::now(), ledger.layers());
    let tables: Vec<_> = rows.iter().map(|(_, row, ..)| (row.schema.clone(), row.name.clone())).collect();
    let prints = catalogue::fingerprints(&mut database.read().await?, &tables).await?;
    let mut count = 0;
    for ((layer, row, ..), print) in rows.iter().zip(prints) {
        count += i64::from(ledger.compare(layer, &print));
        if row.sign == Sign::Fingerprint {
            database.looks.of(layer).note(looked);
        }
    }
    Ok(count)
}

/// The layers whose rows are to be read, those first that were not for the longest, and how far the database has replayed
/// before. Where it has not since a layer was last looked at, the layer is what it was.
pub(super) async fn opaque(database: &Database, ledger: &Ledger) -> Result<(Vec<String>, Option<String>), StoreError> {
    let looked = Utc::now();
    let replayed = catalogue::state(&mut database.read().await?).await?.replayed;
    let mut layers = Vec::new();
    for (layer, row, ..) in ledger.layers() {
        let is_same =
            || replayed.is_some() && ledger.content(&layer).is_some_and(|content| content.replayed == replayed);
        match row.sign {
            Sign::Fingerprint => {}
            Sign::Replayed if is_same() => database.looks.of(&layer).note(looked),
            Sign::Replayed | Sign::Rows => layers.push((database.looks.of(&layer).at(), layer)),
        }
    }
    layers.sort();
    Ok((layers.into_iter().map(|(_, layer)| layer).collect(), replayed))
}

/// Notes what the rows of a layer came to; true when they are not what they were.
pub(super) fn content(ledger: &Ledger, layer: &str, hash: String, replayed: Option<&str>) -> bool {
    ledger.compare_content(layer, Content { hash: Some(hash), replayed: replayed.map(str::to_owned) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_only_where_nothing_else_tells() {
        assert_eq!(sign(false, true), Sign::Fingerprint);
        assert_eq!(sign(false, false), Sign::Replayed);
        assert_eq!((sign(true, true), sign(true, false)), (Sign::Rows, Sign::Rows));
    }
}
