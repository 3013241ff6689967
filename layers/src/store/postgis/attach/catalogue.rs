//! What the database says of its tables and views.

use serde::Deserialize;
use sqlx::Row;

use super::super::connect::{Session, failure, first_or};
use crate::store::StoreError;

/// A table or view with a geometry column that we may read.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Relation {
    pub schema: String,
    pub name: String,
    /// `pg_class.relkind`: `r` table, `p` partitioned, `v` view, `m` materialised view, `f` foreign table.
    pub kind: char,
    pub comment: Option<String>,
    /// Rows may be seen here that belong to another table, or elsewhere that belong here.
    pub inherits: bool,
    /// We may read all of it, not only some columns.
    pub whole: bool,
    /// How many triggers of ours are there, where we may put them.
    pub hooks: Option<i64>,
    /// No counter tells whether its rows changed.
    pub opaque: bool,
    pub columns: Vec<Column>,
    pub uniques: Vec<Unique>,
}

/// A column that we may read.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Column {
    pub name: String,
    /// Name of the type; of a domain, that under it.
    #[serde(rename = "type")]
    pub kind: String,
    /// `pg_type.typcategory`.
    pub category: char,
    /// The type is the system's own.
    pub builtin: bool,
    /// `pg_attribute.atttypmod`.
    pub modifier: i32,
    pub required: bool,
    pub comment: Option<String>,
}

/// A unique index on whole columns and all rows.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Unique {
    pub primary: bool,
    pub columns: Vec<String>,
}

/// Where the extension is, and the numbers of reference systems that are not what EPSG means by them.
pub(super) struct Postgis {
    pub schema: String,
    pub foreign: Vec<i32>,
}

const RELATIONS: &str = r#"
SELECT json_build_object(
    'schema', n.nspname, 'name', c.relname, 'kind', c.relkind, 'comment', obj_description(c.oid, 'pg_class'),
    'inherits', c.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits WHERE c.oid IN (inhrelid, inhparent)),
    'whole', has_table_privilege(c.oid, 'SELECT'),
    'hooks', CASE WHEN c.relkind = 'r' AND NOT EXISTS (SELECT FROM pg_inherits WHERE c.oid IN (inhrelid, inhparent))
        AND has_table_privilege(c.oid, 'TRIGGER') THEN bricola.hooks(c.oid) END,
    'opaque', c.relkind IN ('v', 'f') AND bricola.is_opaque(c.oid),
    'columns', (
        SELECT json_agg(json_build_object('name', a.attname, 'type', b.typname, 'category', b.typcategory,
            'builtin', b.typnamespace = 'pg_catalog'::regnamespace,
            'modifier', CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END,
            'required', a.attnotnull, 'comment', col_description(c.oid, a.attnum)) ORDER BY a.attnum)
        FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
        JOIN pg_type AS b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            AND has_column_privilege(c.oid, a.attnum, 'SELECT')
    ),
    'uniques', coalesce((
        SELECT json_agg(json_build_object('primary', i.indisprimary, 'columns', (
            SELECT json_agg(a.attname ORDER BY k.place)
            FROM unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY AS k (attnum, place)
            JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.attnum
        )) ORDER BY i.indisprimary DESC, i.indexrelid)
        FROM pg_index AS i WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid
            AND i.indpred IS NULL AND i.indexprs IS NULL
    ), '[]')
)::text
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't' AND NOT c.relispartition
    AND n.nspname !~ '^(pg_|tiger)' AND n.nspname NOT IN ('information_schema', 'topology')
    AND n.nspname NOT IN ($1, $1 || '_history')
    AND NOT EXISTS (
        SELECT FROM bricola.layers AS l
        WHERE l.kind = 'managed' AND n.nspname IN (l.table_schema, l.table_schema || '_history')
    )
    AND NOT EXISTS (
        SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e'
    )
    AND EXISTS (
        SELECT FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
        LEFT JOIN pg_type AS b ON t.typtype = 'd' AND b.oid = t.typbasetype
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            AND coalesce(b.typname, t.typname) IN ('geometry', 'geography')
            AND has_column_privilege(c.oid, a.attnum, 'SELECT')
    )
    AND has_schema_privilege(n.oid, 'USAGE')
ORDER BY n.nspname <> 'public', n.nspname COLLATE "C", c.relname COLLATE "C"
"#;

/// All that can be published, tables of `public` first. Relations that no key of ours can name are in it too.
pub(super) async fn relations(session: &mut Session, tenant: &str) -> Result<Vec<Relation>, StoreError> {
    let rows = session.all(sqlx::query(RELATIONS).bind(tenant.to_owned())).await?;
    let mut relations = Vec::with_capacity(rows.len());
    for row in &rows {
        let text: String = row.try_get(0).map_err(|error| failure(&error))?;
        relations.push(
            serde_json::from_str(&text)
                .map_err(|error| StoreError::Failure(format!("the catalogue cannot be read: {error}")))?,
        );
    }
    Ok(relations)
}

/// Where the extension is.
pub(super) async fn postgis(session: &mut Session) -> Result<Postgis, StoreError> {
    let query = sqlx::query(
        "SELECT n.nspname::text FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace \
         WHERE e.extname = 'postgis'",
    );
    let rows = session.all(query).await?;
    let row = rows.first().ok_or_else(|| StoreError::Unusable("the database has no PostGIS".to_owned()))?;
    let schema: String = row.try_get(0).map_err(|error| failure(&error))?;
    let sql = format!(
        "SELECT srid FROM {}.spatial_ref_sys WHERE auth_name IS DISTINCT FROM 'EPSG' OR auth_srid IS DISTINCT FROM srid",
        super::source::quoted(&schema)
    );
    let rows = session.all(sqlx::query(&sql)).await?;
    let foreign = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>().map_err(|error| failure(&error))?;
    Ok(Postgis { schema, foreign })
}

/// What becomes another whenever tables, views, columns or rights on them do.
pub(super) async fn mark(session: &mut Session) -> Result<String, StoreError> {
    let query = sqlx::query(
        "SELECT concat_ws(' ', \
         (SELECT concat_ws(' ', count(*), sum(hashtextextended(concat_ws(' ', oid, xmin, relname), 0))) FROM pg_class \
         WHERE relpersistence <> 't' AND oid >= 16384 AND relnamespace <> 'pg_toast'::regnamespace), \
         (SELECT sum(xmin::text::bigint) FROM pg_attribute WHERE attrelid >= 16384 AND attnum > 0), \
         (SELECT sum(xmin::text::bigint) FROM pg_namespace))",
    );
    let rows = session.all(query).await?;
    first_or(&rows, String::new())
}

/// The reference system of the first geometry of a column that does not declare one; `None` when it is empty.
pub(super) async fn first_srid(
    session: &mut Session,
    postgis: &Postgis,
    relation: &Relation,
    column: &str,
) -> Result<Option<i32>, StoreError> {
    use super::source::quoted;
    let sql = format!(
        "SELECT {}.ST_SRID({column}) FROM {}.{} WHERE {column} IS NOT NULL LIMIT 1",
        quoted(&postgis.schema),
        quoted(&relation.schema),
        quoted(&relation.name),
        column = quoted(column),
    );
    let rows = session.all(sqlx::query(&sql)).await?;
    rows.first().map(|row| row.try_get(0)).transpose().map_err(|error| failure(&error))
}
