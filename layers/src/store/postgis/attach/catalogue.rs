//! What the database says of its tables and views.

use serde::Deserialize;
use sqlx::Row;

use super::super::connect::{Database, Session, failure, first_or};
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
    /// Rows, as the database estimates.
    pub estimate: u64,
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

/// `{hooks}` and `{ours}` are of the schema `bricola`, where that is there; see [`relations`].
const RELATIONS: &str = r#"
SELECT json_build_object(
    'schema', n.nspname, 'name', c.relname, 'kind', c.relkind, 'comment', obj_description(c.oid, 'pg_class'),
    'inherits', c.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits WHERE c.oid IN (inhrelid, inhparent)),
    'whole', has_table_privilege(c.oid, 'SELECT'),
    'hooks', CASE WHEN c.relkind = 'r' AND NOT EXISTS (SELECT FROM pg_inherits WHERE c.oid IN (inhrelid, inhparent))
        AND has_table_privilege(c.oid, 'TRIGGER') THEN {hooks} END,
    'opaque', c.relkind IN ('v', 'f') AND EXISTS (
        WITH {below}
        SELECT FROM below JOIN pg_class AS b USING (oid)
        WHERE b.relkind = 'f' OR b.relkind = 'v' AND EXISTS (
            SELECT FROM pg_rewrite AS r
            JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
                AND d.refclassid = 'pg_proc'::regclass
            WHERE r.ev_class = b.oid AND NOT EXISTS (
                SELECT FROM pg_depend AS e WHERE e.classid = 'pg_proc'::regclass AND e.objid = d.refobjid
                    AND e.deptype = 'e')
        )
    ),
    'estimate', greatest(c.reltuples, 0)::bigint,
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
    AND NOT (c.relpersistence = 'u' AND pg_is_in_recovery())
    AND n.nspname !~ '^(pg_|tiger)' AND n.nspname NOT IN ('information_schema', 'topology')
    {ours}
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

/// What is not to be published since it is ours.
const OURS: &str = "AND n.nspname NOT IN ($1, $1 || '_history')
    AND NOT EXISTS (
        SELECT FROM bricola.layers AS l
        WHERE l.kind = 'managed' AND n.nspname IN (l.table_schema, l.table_schema || '_history')
    )";

/// The relations from which some take their rows: themselves, the tables of a view at any depth, partitions and children,
/// as `bricola.below` finds them. A materialised view has rows of its own. `start` selects `place`, `oid` and `relkind`.
fn below(start: &str) -> String {
    format!(
        "RECURSIVE below AS ({start} UNION SELECT below.place, c.oid, c.relkind FROM below CROSS JOIN LATERAL (\
         SELECT inhrelid AS oid FROM pg_inherits WHERE inhparent = below.oid UNION ALL \
         SELECT d.refobjid FROM pg_rewrite AS r JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass \
         AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> below.oid \
         WHERE r.ev_class = below.oid AND below.relkind = 'v') AS next JOIN pg_class AS c ON c.oid = next.oid)"
    )
}

/// All that can be published, tables of `public` first. Relations that no key of ours can name are in it too.
pub(super) async fn relations(session: &mut Session, database: &Database) -> Result<Vec<Relation>, StoreError> {
    let (hooks, ours) = match database.ledger() {
        None => ("bricola.hooks(c.oid)", OURS),
        // Where there is no schema of ours, no trigger is either, nor a table.
        Some(_) => ("NULL::bigint", "AND $1 IS NOT NULL"),
    };
    let below = below("SELECT 1 AS place, c.oid, c.relkind");
    let sql = RELATIONS.replace("{hooks}", hooks).replace("{ours}", ours).replace("{below}", &below);
    let rows = session.all(sqlx::query(&sql).bind(database.tenant().to_owned())).await?;
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

/// The fingerprints of some tables and views, given by schema and name, as `bricola.fingerprint` makes them; of those that
/// are gone, `gone`.
pub(super) async fn fingerprints(
    session: &mut Session,
    tables: &[(String, String)],
) -> Result<Vec<String>, StoreError> {
    let below = below(
        "SELECT g.place, c.oid, c.relkind FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS g (s, n, place) \
         JOIN pg_namespace AS n ON n.nspname = g.s JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = g.n",
    );
    let sql = format!(
        "WITH {below} SELECT place, md5(string_agg(concat_ws(' ', c.oid, c.relfilenode, c.xmin, \
         pg_stat_get_tuples_inserted(c.oid), pg_stat_get_tuples_updated(c.oid), pg_stat_get_tuples_deleted(c.oid), \
         (SELECT string_agg(r.xmin::text, ' ' ORDER BY r.oid) FROM pg_rewrite AS r WHERE r.ev_class = c.oid)), \
         ',' ORDER BY c.oid)) FROM below JOIN pg_class AS c USING (oid) GROUP BY place"
    );
    let (schemas, names): (Vec<String>, Vec<String>) = tables.iter().cloned().unzip();
    let rows = session.all(sqlx::query(&sql).bind(schemas).bind(names)).await?;
    let mut prints = vec!["gone".to_owned(); tables.len()];
    for row in &rows {
        let read = || Ok::<(i64, String), sqlx::Error>((row.try_get(0)?, row.try_get(1)?));
        let (place, print) = read().map_err(|error| failure(&error))?;
        let place = usize::try_from(place - 1).ok();
        *place.and_then(|place| prints.get_mut(place)).ok_or_else(StoreError::garbled)? = print;
    }
    Ok(prints)
}

/// How the database comes to what it holds.
pub(super) struct State {
    /// It counts what is written to its tables.
    pub counts: bool,
    /// How far it has replayed what another writes, where it does.
    pub replayed: Option<String>,
}

/// See [`State`].
pub(super) async fn state(session: &mut Session) -> Result<State, StoreError> {
    let query = sqlx::query(
        "SELECT NOT pg_is_in_recovery() AND current_setting('track_counts')::boolean, \
         CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()::text END",
    );
    let rows = session.all(query).await?;
    let row = rows.first().ok_or_else(StoreError::garbled)?;
    let read = || Ok(State { counts: row.try_get(0)?, replayed: row.try_get(1)? });
    read().map_err(|error| failure(&error))
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
