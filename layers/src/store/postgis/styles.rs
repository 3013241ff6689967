//! Styles that are kept beside the layers.

use chrono::{DateTime, SecondsFormat, Utc};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use super::connect::{Database, failure};
use super::log::{closed, transaction};
use crate::log::Seq;
use crate::store::{StoreError, StoredStyle, StyleEdit};

/// All of them, in order of id; none where the list of layers is in memory.
pub(super) async fn all(database: &Database) -> Result<Vec<StoredStyle>, StoreError> {
    if database.ledger().is_some() {
        return Ok(Vec::new());
    }
    let mut session = database.read().await?;
    let sql = "SELECT style, document, changed FROM bricola.styles WHERE tenant = $1 ORDER BY style COLLATE \"C\"";
    let rows = session.all(sqlx::query(sql).bind(database.tenant())).await?;
    let read = |row: &PgRow| {
        let changed: DateTime<Utc> = row.try_get(2)?;
        let changed = changed.to_rfc3339_opts(SecondsFormat::Millis, true);
        Ok(StoredStyle { id: row.try_get(0)?, document: row.try_get(1)?, changed })
    };
    rows.iter().map(read).collect::<Result<_, sqlx::Error>>().map_err(|error| failure(&error))
}

/// Writes one, if what is there is what was seen.
pub(super) async fn write(database: &Database, edit: &StyleEdit) -> Result<Seq, StoreError> {
    let mut session = database.write().await?;
    let (tenant, id) = (database.tenant(), &edit.id);
    let moved = || StoreError::StyleMoved(id.clone());
    let query = sqlx::query("SELECT document FROM bricola.styles WHERE tenant = $1 AND style = $2 FOR UPDATE");
    let rows = session.all(query.bind(tenant).bind(id)).await?;
    let found: Option<String> = rows.first().map(|row| row.try_get(0)).transpose().map_err(|error| failure(&error))?;
    if found != edit.seen {
        return Err(moved());
    }
    let number = transaction(&mut session).await?;
    match (&found, &edit.document) {
        (found, document) if found == document => {}
        (_, None) => {
            let query = sqlx::query("DELETE FROM bricola.styles WHERE tenant = $1 AND style = $2");
            session.all(query.bind(tenant).bind(id)).await?;
        }
        (Some(_), Some(document)) => {
            let query = sqlx::query(
                "UPDATE bricola.styles SET document = $3, changed = now() WHERE tenant = $1 AND style = $2",
            );
            session.all(query.bind(tenant).bind(id).bind(document)).await?;
        }
        (None, Some(document)) => {
            // Of two who make it at the same time the second finds it there.
            let query = sqlx::query(
                "INSERT INTO bricola.styles (tenant, style, document) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING 1",
            );
            if session.all(query.bind(tenant).bind(id).bind(document)).await?.is_empty() {
                return Err(moved());
            }
        }
    }
    session.commit().await?;
    closed(database, number).await
}
