//! Styles that are kept beside the layers.

use rusqlite::{Connection, OptionalExtension as _, Transaction};

use super::{failure, last_seq};
use crate::log::Seq;
use crate::store::{StoreError, StoredStyle, StyleEdit};

/// All of them, in order of id.
pub(super) fn all(connection: &Connection) -> Result<Vec<StoredStyle>, StoreError> {
    connection
        .prepare_cached("SELECT style, document, changed FROM bricola_styles ORDER BY style")
        .and_then(|mut query| {
            let read = |row: &rusqlite::Row<'_>| {
                Ok(StoredStyle { id: row.get(0)?, document: row.get(1)?, changed: row.get(2)? })
            };
            query.query_map((), read)?.collect()
        })
        .map_err(|e| failure(&e))
}

/// Writes one, if what is there is what was seen.
pub(super) fn write(transaction: &Transaction<'_>, edit: &StyleEdit) -> Result<Seq, StoreError> {
    let found: Option<String> = transaction
        .prepare_cached("SELECT document FROM bricola_styles WHERE style = ?1")
        .and_then(|mut query| query.query_row([&edit.id], |row| row.get(0)).optional())
        .map_err(|e| failure(&e))?;
    if found != edit.seen {
        return Err(StoreError::StyleMoved(edit.id.clone()));
    }
    let written = match &edit.document {
        // Nothing is another.
        document if *document == found => Ok(0),
        None => transaction.execute("DELETE FROM bricola_styles WHERE style = ?1", [&edit.id]),
        Some(document) => transaction.execute(
            "INSERT INTO bricola_styles (style, document) VALUES (?1, ?2) ON CONFLICT (style) DO UPDATE SET \
             document = excluded.document, changed = excluded.changed",
            [&edit.id, document],
        ),
    };
    written.map_err(|e| failure(&e))?;
    last_seq(transaction)
}
