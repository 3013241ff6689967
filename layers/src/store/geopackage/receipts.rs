//! Transactions over several layers, and those that are written once: what came of each is kept beside it.

use rusqlite::{OptionalExtension as _, Transaction};

use super::{failure, last_seq, rows};
use crate::log::Seq;
use crate::store::{LayerEdits, Once, REMEMBERED_HOURS, StoreError, Written};

/// Writes edits; the caller's transaction makes them one.
pub(super) fn write_all(transaction: &Transaction<'_>, parts: &[LayerEdits]) -> Result<Written, StoreError> {
    let mut ids = Vec::new();
    for LayerEdits { layer, edits } in parts {
        ids.extend(rows::write(transaction, layer, edits)?);
    }
    Ok(Written { ids, seq: last_seq(transaction)?, repeated: false })
}

/// As [`write_all`], unless the key is remembered; the caller's transaction makes both one.
pub(super) fn write(transaction: &Transaction<'_>, parts: &[LayerEdits], once: &Once) -> Result<Written, StoreError> {
    let layers = &LayerEdits::names(parts);
    let seconds = i64::from(REMEMBERED_HOURS) * 3600;
    transaction
        .prepare_cached("DELETE FROM bricola_receipts WHERE at < unixepoch() - ?1")
        .and_then(|mut statement| statement.execute([seconds]))
        .map_err(|e| failure(&e))?;
    if let Some(written) = remembered(transaction, layers, once)? {
        return Ok(written);
    }
    let written = write_all(transaction, parts)?;
    let told = serde_json::to_string(&written.ids).map_err(|error| StoreError::Failure(error.to_string()))?;
    transaction
        .prepare_cached("INSERT INTO bricola_receipts (key, digest, layer, ids, seq) VALUES (?1, ?2, ?3, ?4, ?5)")
        .and_then(|mut statement| statement.execute((&once.key, &once.digest, layers, told, written.seq)))
        .map_err(|e| failure(&e))?;
    Ok(written)
}

fn remembered(transaction: &Transaction<'_>, layers: &str, once: &Once) -> Result<Option<Written>, StoreError> {
    let found: Option<(String, String, String, Seq)> = transaction
        .prepare_cached("SELECT digest, layer, ids, seq FROM bricola_receipts WHERE key = ?1")
        .and_then(|mut query| {
            query.query_row([&once.key], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).optional()
        })
        .map_err(|e| failure(&e))?;
    let Some((digest, of, ids, seq)) = found else { return Ok(None) };
    if digest != once.digest || of != layers {
        return Err(StoreError::KeyReused);
    }
    let ids = serde_json::from_str(&ids).map_err(|error| StoreError::Failure(format!("a receipt: {error}")))?;
    Ok(Some(Written { ids, seq, repeated: true }))
}
