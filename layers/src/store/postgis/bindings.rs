//! How far bindings are true, and their results.

use sqlx::Row as _;
use sqlx::postgres::PgRow;

use super::connect::{Database, Session, failure, first_or};
use super::log::{closed, transaction};
use super::schema::{Schema, sql_type};
use super::{define, write};
use crate::definition::FieldDefinition;
use crate::feature::FeatureId;
use crate::log::Seq;
use crate::store::{BindingState, BoundRow, BoundRows, CLAIM_SECONDS, StoreError};

/// How long a row may be held by somebody else; what waits for longer is tried again.
const HELD: &str = "SET LOCAL lock_timeout = '5s'";

fn state(row: &PgRow) -> Result<BindingState, sqlx::Error> {
    Ok(BindingState {
        layer: row.try_get(0)?,
        seq: row.try_get(1)?,
        declaration: row.try_get(2)?,
        day: row.try_get(3)?,
    })
}

pub(super) async fn all(database: &Database) -> Result<Vec<BindingState>, StoreError> {
    if database.ledger().is_some() {
        return Ok(Vec::new());
    }
    let mut session = database.read().await?;
    let sql =
        "SELECT layer, seq, declaration, day FROM bricola.bindings WHERE tenant = $1 ORDER BY layer COLLATE \"C\"";
    let rows = session.all(sqlx::query(sql).bind(database.tenant())).await?;
    rows.iter().map(state).collect::<Result<_, _>>().map_err(|error| failure(&error))
}

/// Claims the bindings of a layer; `None` where somebody else has them.
pub(super) async fn claim(database: &Database, layer: &str, holder: &str) -> Result<Option<BindingState>, StoreError> {
    let mut session = database.write().await?;
    define::schema(&mut session, database, layer).await?.managed()?;
    // Lost in a crash it does no harm, so nobody waits for the disk.
    session.run(&format!("SET LOCAL synchronous_commit = off; {HELD}")).await?;
    let sql = format!(
        "INSERT INTO bricola.bindings AS b (tenant, layer, holder, until) \
         VALUES ($1, $2, $3, clock_timestamp() + interval '{CLAIM_SECONDS} seconds') \
         ON CONFLICT (tenant, layer) DO UPDATE SET holder = excluded.holder, until = excluded.until \
         WHERE b.holder IS NOT DISTINCT FROM excluded.holder OR b.until <= clock_timestamp() \
         RETURNING layer, seq, declaration, day"
    );
    let query = sqlx::query(&sql).bind(database.tenant()).bind(layer.to_owned()).bind(holder.to_owned());
    let rows = session.all(query).await?;
    session.commit().await?;
    rows.first().map(state).transpose().map_err(|error| failure(&error))
}

/// Writes results; `None` where the claim has ended.
pub(super) async fn write(database: &Database, rows: &BoundRows) -> Result<Option<(u64, Seq)>, StoreError> {
    let BoundRows { layer, holder, .. } = rows;
    let mut session = database.write().await?;
    let schema = define::schema(&mut session, database, layer).await?.managed()?;
    session.run(HELD).await?;
    let (until, reached) = match &rows.reached {
        Some(_) => ("'-infinity'".to_owned(), ", seq = $4, declaration = $5, day = $6"),
        None => (format!("clock_timestamp() + interval '{CLAIM_SECONDS} seconds'"), ""),
    };
    let sql = format!(
        "UPDATE bricola.bindings SET until = {until}{reached} WHERE tenant = $1 AND layer = $2 AND holder = $3 \
         AND until > clock_timestamp() RETURNING 1"
    );
    let mut query = sqlx::query(&sql).bind(database.tenant()).bind(layer.clone()).bind(holder.clone());
    if let Some(BindingState { seq, declaration, day, .. }) = &rows.reached {
        query = query.bind(*seq).bind(declaration.clone()).bind(*day);
    }
    if session.all(query).await?.is_empty() {
        session.roll_back().await?;
        return Ok(None);
    }
    if rows.rows.is_empty() {
        session.commit().await?;
        return Ok(Some((0, 0)));
    }
    let number = transaction(&mut session).await?;
    let changed = put(&mut session, &schema, rows).await?;
    session.commit().await?;
    Ok(Some((changed, closed(database, number).await?)))
}

/// By one statement: rows are held in order of id, so that no other batch waits for one of them while this one waits for
/// another; those that somebody has changed meanwhile are passed over.
async fn put(session: &mut Session, schema: &Schema, rows: &BoundRows) -> Result<u64, StoreError> {
    let unknown = |name: &String| StoreError::Unusable(format!("layer \"{}\" has no field \"{name}\"", rows.layer));
    let fields: Vec<&FieldDefinition> = rows
        .fields
        .iter()
        .map(|name| schema.definition.field(name).map(|(_, field)| field).ok_or_else(|| unknown(name)))
        .collect::<Result<_, _>>()?;
    let names: Vec<String> = fields.iter().map(|field| format!("\"{}\"", field.name)).collect();
    let arrays: Vec<String> = ["bigint", "bigint", "integer"]
        .into_iter()
        .chain(fields.iter().map(|field| sql_type(field.kind)))
        .enumerate()
        .map(|(place, kind)| format!("${}::{kind}[]", place + 1))
        .collect();
    let texts = arrays.len() + 1;
    let (columns, arrays, table) = (names.join(", "), arrays.join(", "), &schema.table);
    let each =
        |form: &dyn Fn(&String) -> String, between: &str| names.iter().map(form).collect::<Vec<_>>().join(between);
    let sql = format!(
        "WITH given AS (SELECT * FROM unnest({arrays}) AS u (fid, version, why, {columns})), \
         held AS (SELECT g.* FROM {table} AS t JOIN given AS g ON g.fid = t.fid \
         WHERE t.version = g.version AND ({}) ORDER BY t.fid FOR UPDATE OF t), \
         done AS (UPDATE {table} AS t SET {} FROM held AS h WHERE t.fid = h.fid RETURNING t.fid, h.why), \
         told AS (INSERT INTO bricola.causes (transaction, layer, ids, causes) \
         SELECT bricola.this_transaction(), ${}, array_agg(d.fid ORDER BY d.fid), c.causes FROM done AS d \
         JOIN unnest(${texts}::text[]) WITH ORDINALITY AS c (causes, number) ON c.number = d.why GROUP BY c.number, c.causes) \
         SELECT count(*) FROM done",
        each(&|name| format!("t.{name} IS DISTINCT FROM g.{name}"), " OR "),
        each(&|name| format!("{name} = h.{name}"), ", "),
        texts + 1,
    );
    let of = |pick: &dyn Fn(&BoundRow) -> i64| rows.rows.iter().map(pick).collect::<Vec<FeatureId>>();
    let why: Vec<i32> = rows.rows.iter().map(|row| i32::try_from(row.why + 1).unwrap_or(i32::MAX)).collect();
    let mut query = sqlx::query(&sql).bind(of(&|row| row.id)).bind(of(&|row| row.version)).bind(why);
    for (position, field) in fields.iter().enumerate() {
        query = write::bind_column(query, field.kind, rows.rows.iter().map(|row| &row.values[position]));
    }
    let causes = rows.causes.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>();
    let causes = causes.map_err(|error| StoreError::Failure(error.to_string()))?;
    let done = session.all(query.bind(causes).bind(rows.layer.clone())).await?;
    first_or::<i64>(&done, 0).map(i64::unsigned_abs)
}
