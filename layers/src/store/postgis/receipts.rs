//! Transactions that are written once: what came of each is kept beside it.

use sqlx::Row;

use super::connect::{Database, Session, failure};
use super::log::{closed, transaction};
use super::write::write_all_in;
use crate::feature::FeatureId;
use crate::store::{LayerEdits, Once, REMEMBERED_HOURS, StoreError, Written};

/// Writes a transaction unless its key is remembered.
pub(super) async fn write(database: &Database, parts: &[LayerEdits], once: &Once) -> Result<Written, StoreError> {
    let layers = &LayerEdits::names(parts);
    let mut session = database.write().await?;
    let number = transaction(&mut session).await?;
    let is_new = note(&mut session, database.tenant(), layers, once, number).await?;
    if !is_new {
        let (ids, number) = remembered(&mut session, database.tenant(), layers, once).await?;
        session.commit().await?;
        return Ok(Written { ids, seq: closed(database, number).await?, repeated: true });
    }
    let ids = write_all_in(&mut session, database, parts).await?;
    let query = sqlx::query("UPDATE bricola.receipts SET ids = $3 WHERE tenant = $1 AND key = $2");
    session.all(query.bind(database.tenant()).bind(&once.key).bind(ids.clone())).await?;
    session.commit().await?;
    Ok(Written { ids, seq: closed(database, number).await?, repeated: false })
}

/// Takes the key; false where it is taken. Waits for a transaction that is about to take it.
async fn note(session: &mut Session, tenant: &str, layers: &str, once: &Once, number: i64) -> Result<bool, StoreError> {
    let sql =
        format!("DELETE FROM bricola.receipts WHERE tenant = $1 AND at < now() - interval '{REMEMBERED_HOURS} hours'");
    session.all(sqlx::query(&sql).bind(tenant)).await?;
    let query = sqlx::query(
        "INSERT INTO bricola.receipts (tenant, key, digest, layer, transaction) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT DO NOTHING RETURNING 1",
    );
    let rows = session.all(query.bind(tenant).bind(&once.key).bind(&once.digest).bind(layers).bind(number)).await?;
    Ok(!rows.is_empty())
}

async fn remembered(
    session: &mut Session,
    tenant: &str,
    layers: &str,
    once: &Once,
) -> Result<(Vec<FeatureId>, i64), StoreError> {
    let query =
        sqlx::query("SELECT digest, layer, ids, transaction FROM bricola.receipts WHERE tenant = $1 AND key = $2");
    let rows = session.all(query.bind(tenant).bind(&once.key)).await?;
    // Removed between the two statements, since it was a day old.
    let row = rows.first().ok_or(StoreError::Busy)?;
    let read = || Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?));
    let (digest, of, ids, number): (String, String, Vec<FeatureId>, i64) = read().map_err(|e| failure(&e))?;
    if digest == once.digest && of == layers { Ok((ids, number)) } else { Err(StoreError::KeyReused) }
}
