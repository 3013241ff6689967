//! How far bindings are true, and their results.

use chrono::NaiveDate;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction};

use super::{define, failure, last_seq, rows, values};
use crate::log::{Cause, Seq};
use crate::store::{BindingState, BoundRows, CLAIM_SECONDS, StoreError};

/// Seconds since 1970.
const NOW: &str = "(unixepoch('subsec'))";

fn state(row: &Row<'_>) -> rusqlite::Result<BindingState> {
    let day: Option<String> = row.get(3)?;
    let day = day.and_then(|day| day.parse::<NaiveDate>().ok());
    Ok(BindingState { layer: row.get(0)?, seq: row.get(1)?, declaration: row.get(2)?, day })
}

pub(super) fn all(connection: &Connection) -> Result<Vec<BindingState>, StoreError> {
    let sql = "SELECT layer, seq, declaration, day FROM bricola_bindings ORDER BY layer";
    let mut query = connection.prepare_cached(sql).map_err(|e| failure(&e))?;
    query.query_map((), state).and_then(Iterator::collect).map_err(|e| failure(&e))
}

/// Claims the bindings of a layer; `None` where somebody else has them.
pub(super) fn claim(
    transaction: &Transaction<'_>,
    layer: &str,
    holder: &str,
) -> Result<Option<BindingState>, StoreError> {
    define::schema(transaction, layer)?;
    let sql = format!(
        "INSERT INTO bricola_bindings (layer, holder, until) VALUES (?1, ?2, {NOW} + {CLAIM_SECONDS}) \
         ON CONFLICT (layer) DO UPDATE SET holder = excluded.holder, until = excluded.until \
         WHERE bricola_bindings.holder IS excluded.holder OR bricola_bindings.until <= {NOW} \
         RETURNING layer, seq, declaration, day"
    );
    transaction.query_row(&sql, (layer, holder), state).optional().map_err(|e| failure(&e))
}

/// Writes results; `None` where the claim has ended.
pub(super) fn write(transaction: &Transaction<'_>, write: &BoundRows) -> Result<Option<(u64, Seq)>, StoreError> {
    let BoundRows { layer, holder, .. } = write;
    let sql = format!(
        "UPDATE bricola_bindings SET until = {NOW} + {CLAIM_SECONDS} WHERE layer = ?1 AND holder = ?2 AND until > {NOW}"
    );
    if transaction.execute(&sql, (layer, holder)).map_err(|e| failure(&e))? == 0 {
        return Ok(None);
    }
    let changed = if write.rows.is_empty() { 0 } else { put(transaction, write)? };
    if let Some(BindingState { seq, declaration, day, .. }) = &write.reached {
        let sql = "UPDATE bricola_bindings SET seq = ?2, declaration = ?3, day = ?4, until = 0 WHERE layer = ?1";
        let day = day.map(|day| day.to_string());
        transaction.execute(sql, (layer, seq, declaration, day)).map_err(|e| failure(&e))?;
    }
    Ok(Some((changed, last_seq(transaction)?)))
}

fn put(transaction: &Transaction<'_>, write: &BoundRows) -> Result<u64, StoreError> {
    let BoundRows { layer, fields, rows, causes, .. } = write;
    let schema = define::schema(transaction, layer)?;
    if let Some(name) = fields.iter().find(|name| schema.definition.field(name).is_none()) {
        return Err(StoreError::Unusable(format!("layer \"{layer}\" has no field \"{name}\"")));
    }
    let width = fields.len();
    let sets: Vec<String> = fields.iter().enumerate().map(|(at, name)| format!("\"{name}\" = ?{}", at + 1)).collect();
    let differs: Vec<String> =
        fields.iter().enumerate().map(|(at, name)| format!("\"{name}\" IS NOT ?{}", at + 1)).collect();
    let sql = format!(
        "UPDATE \"{}\" SET {} WHERE \"fid\" = ?{} AND \"version\" = ?{} AND ({})",
        schema.table,
        sets.join(", "),
        width + 1,
        width + 2,
        differs.join(" OR "),
    );
    let texts = causes.iter().map(|causes| text(causes)).collect::<Result<Vec<_>, _>>()?;
    let run = || -> rusqlite::Result<u64> {
        let mut update = transaction.prepare_cached(&sql)?;
        let mut cause = transaction.prepare_cached("INSERT INTO bricola_causes VALUES (?1, ?2)")?;
        let mut last = transaction.prepare_cached("SELECT max(seq) FROM bricola_changes")?;
        let mut changed = 0;
        for row in rows {
            for (at, value) in row.values.iter().enumerate() {
                update.raw_bind_parameter(at + 1, values::bound(value))?;
            }
            update.raw_bind_parameter(width + 1, row.id)?;
            update.raw_bind_parameter(width + 2, row.version)?;
            // The trigger counts the version by an update of its own, which is not counted here.
            if update.raw_execute()? > 0 {
                let seq: Seq = last.query_row((), |row| row.get(0))?;
                cause.execute((seq, &texts[row.why]))?;
                changed += 1;
            }
        }
        Ok(changed)
    };
    let changed = run().map_err(|e| failure(&e))?;
    rows::touch(transaction, &schema.table, None)?;
    Ok(changed)
}

fn text(causes: &[Cause]) -> Result<String, StoreError> {
    serde_json::to_string(causes).map_err(|error| StoreError::Failure(error.to_string()))
}
