//! Layers in and out of the store.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use super::ask::literal;
use super::connect::{Database, Session, failure, first_or};
use super::ledger::{Ledger, Row};
use super::log::{scalar, transaction};
use super::past;
use super::schema::Schema;
use crate::definition::{LayerDefinition, compatible};
use crate::feature::FeatureId;
use crate::log::Seq;
use crate::store::unreadable::{apart, parse};
use crate::store::{LayerKind, StoreError, StoredLayer};

/// Pages of a table up to which its rows are counted; a larger one is estimated, so that no start waits for it.
const COUNTED_PAGES: i64 = 4_096;

/// The tables of a layer, by its id.
pub(super) async fn schema(session: &mut Session, database: &Database, layer: &str) -> Result<Schema, StoreError> {
    stored(session, database, layer).await?.ok_or_else(|| StoreError::UnknownLayer(layer.to_owned()))
}

async fn stored(session: &mut Session, database: &Database, layer: &str) -> Result<Option<Schema>, StoreError> {
    let tenant = database.tenant();
    if let Some(ledger) = database.ledger() {
        return remembered(ledger, tenant, layer);
    }
    let Ok(sql) = registration(tenant, layer) else { return Ok(None) };
    read(tenant, layer, &session.rows(&sql).await?)
}

fn remembered(ledger: &Ledger, tenant: &str, layer: &str) -> Result<Option<Schema>, StoreError> {
    let Some(Row { schema, name, definition, source, .. }) = ledger.row(layer) else { return Ok(None) };
    registered(tenant, layer, &definition, Some(source), [schema, name]).map(Some)
}

/// Begins to read with the tables of a layer.
pub(super) async fn read_layer(database: &Database, layer: &str) -> Result<(Session, Schema), StoreError> {
    let unknown = || StoreError::UnknownLayer(layer.to_owned());
    if let Some(ledger) = database.ledger() {
        let schema = remembered(ledger, database.tenant(), layer)?.ok_or_else(unknown)?;
        return Ok((database.read().await?, schema));
    }
    let sql = registration(database.tenant(), layer).map_err(|_| unknown())?;
    let (session, rows) = database.read_first(&sql).await?;
    let schema = read(database.tenant(), layer, &rows)?.ok_or_else(unknown)?;
    Ok((session, schema))
}

fn registration(tenant: &str, layer: &str) -> Result<String, StoreError> {
    Ok(format!(
        "SELECT definition, source, table_schema, table_name FROM bricola.layers WHERE tenant = {} AND layer = {}",
        literal(tenant)?,
        literal(layer)?,
    ))
}

fn read(tenant: &str, layer: &str, rows: &[PgRow]) -> Result<Option<Schema>, StoreError> {
    let read = |row: &PgRow| {
        Ok::<(String, _, _, _), sqlx::Error>((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?))
    };
    let found = rows.first().map(read).transpose().map_err(|error| failure(&error))?;
    found.map(|(text, source, table, name)| registered(tenant, layer, &text, source, [table, name])).transpose()
}

/// The schema of a row of `bricola.layers`.
fn registered(
    tenant: &str,
    layer: &str,
    definition: &str,
    source: Option<String>,
    [table_schema, table_name]: [String; 2],
) -> Result<Schema, StoreError> {
    let definition = parse(layer, definition)?;
    let Some(source) = source else { return Schema::of(tenant, &definition) };
    Schema::attached(tenant, &definition, parse(layer, &source)?, [&table_schema, &table_name])
}

/// A row of `bricola.layers`, with what the catalogue knows of its table.
struct Listed {
    layer: String,
    definition: String,
    /// Pages and rows, as the database estimates; `None` where there is no such table.
    size: Option<(i64, i64)>,
    seq: Seq,
    kind: String,
    source: Option<String>,
    table: [String; 2],
    looked: Option<DateTime<Utc>>,
}

impl Listed {
    const SQL: &str = "SELECT l.layer, l.definition, c.relpages::bigint, greatest(c.reltuples, 0)::bigint, \
         coalesce((SELECT last FROM bricola.changes AS g WHERE g.tenant = l.tenant AND g.layer = l.layer \
         ORDER BY last DESC LIMIT 1), 0), \
         l.kind, l.source, l.table_schema, l.table_name, l.looked \
         FROM bricola.layers AS l LEFT JOIN pg_namespace AS n ON n.nspname = l.table_schema \
         LEFT JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = l.table_name \
         WHERE l.tenant = $1 ORDER BY l.layer COLLATE \"C\"";

    fn read(row: &PgRow) -> Result<Self, sqlx::Error> {
        let (pages, rows): (Option<i64>, Option<i64>) = (row.try_get(2)?, row.try_get(3)?);
        Ok(Self {
            layer: row.try_get(0)?,
            definition: row.try_get(1)?,
            size: pages.map(|pages| (pages, rows.unwrap_or(0))),
            seq: row.try_get(4)?,
            kind: row.try_get(5)?,
            source: row.try_get(6)?,
            table: [row.try_get(7)?, row.try_get(8)?],
            looked: row.try_get(9)?,
        })
    }

    /// Whose the table is.
    fn kind(&self, database: &Database) -> Result<LayerKind, StoreError> {
        match &*self.kind {
            "managed" => Ok(LayerKind::Managed),
            "tracked" => Ok(LayerKind::Tracked),
            "polled" => {
                let looked = database.looks.of(&self.layer);
                if let Some(at) = self.looked {
                    looked.note(at);
                }
                Ok(LayerKind::Polled(looked))
            }
            other => Err(StoreError::Unusable(format!("its table is \"{other}\", which only a newer version knows"))),
        }
    }

    fn schema(&self, database: &Database) -> Result<(Schema, LayerKind), StoreError> {
        let kind = self.kind(database)?;
        let table = self.table.clone();
        let schema = registered(database.tenant(), &self.layer, &self.definition, self.source.clone(), table)?;
        Ok((schema, kind))
    }
}

/// All layers, of one moment. One whose table is gone is left out, with a warning, and so are those that this version
/// cannot read.
pub(super) async fn layers(database: &Database) -> Result<Vec<StoredLayer>, StoreError> {
    if let Some(ledger) = database.ledger() {
        let stored = |(layer, row, seq, count): (String, Row, Seq, u64)| {
            let (kind, ids) = (LayerKind::Polled(database.looks.of(&layer)), FeatureId::MIN..FeatureId::MAX);
            Ok(StoredLayer { definition: parse(&layer, &row.definition)?, seq, count, ids, kind })
        };
        return ledger.layers().into_iter().map(stored).collect();
    }
    // First what is committed gets its number: a layer must not be ahead of the log.
    super::log::sequence(database).await?;
    let mut session = database.read().await?;
    let rows = session.all(sqlx::query(Listed::SQL).bind(database.tenant().to_owned())).await?;
    let (mut layers, mut left_out) = (Vec::with_capacity(rows.len()), Vec::new());
    let mut sizes = String::new();
    for row in &rows {
        let listed = Listed::read(row).map_err(|error| failure(&error))?;
        let (schema, kind) = match apart(&listed.layer, &listed.definition, listed.schema(database))? {
            Ok(read) => read,
            Err(unreadable) => {
                left_out.push(unreadable);
                continue;
            }
        };
        let Some((pages, estimate)) = listed.size else {
            tracing::warn!(layer = listed.layer, "the table of this layer is gone; load the layer again");
            continue;
        };
        let (count, ids) = if kind == LayerKind::Managed {
            ask_size(&mut sizes, layers.len(), &schema, (pages >= COUNTED_PAGES).then_some(estimate));
            (0, 0..0)
        } else {
            (estimate.unsigned_abs(), FeatureId::MIN..FeatureId::MAX)
        };
        layers.push(StoredLayer { definition: schema.definition, seq: listed.seq, count, ids, kind });
    }
    if !sizes.is_empty() {
        measure(&mut session, &sizes, &mut layers).await?;
    }
    database.left_out.note(left_out);
    Ok(layers)
}

/// Adds to a query: place of the layer, rows, smallest and largest id.
fn ask_size(sizes: &mut String, place: usize, schema: &Schema, estimate: Option<i64>) {
    let table = &schema.table;
    let count = estimate.map_or_else(|| format!("(SELECT count(*) FROM {table})"), |estimate| estimate.to_string());
    let union = if sizes.is_empty() { "" } else { " UNION ALL " };
    let _ = write!(
        sizes,
        "{union}SELECT {place}::bigint, {count}::bigint, (SELECT min(fid) FROM {table}), (SELECT max(fid) FROM {table})",
    );
}

/// Fills in what [`ask_size`] asks.
async fn measure(session: &mut Session, sizes: &str, layers: &mut [StoredLayer]) -> Result<(), StoreError> {
    for row in session.all(sqlx::query(sizes)).await? {
        let read = || -> Result<_, sqlx::Error> {
            let (place, count): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
            let ends: (Option<FeatureId>, Option<FeatureId>) = (row.try_get(2)?, row.try_get(3)?);
            Ok((place, count, ends))
        };
        let (place, count, ends) = read().map_err(|error| failure(&error))?;
        let Some(layer) = usize::try_from(place).ok().and_then(|place| layers.get_mut(place)) else { continue };
        layer.count = count.unsigned_abs();
        if let (Some(first), Some(last)) = ends {
            layer.ids = first..last.saturating_add(1);
        }
    }
    Ok(())
}

/// Creates the tables of a layer, or brings them under a compatible new definition.
pub(super) async fn define(database: &Database, definition: &LayerDefinition) -> Result<(), StoreError> {
    let new = Schema::of(database.tenant(), definition)?;
    let mut session = database.write_on().await?;
    prepare(&mut session, &new).await?;
    let mut begins = false;
    match stored(&mut session, database, &definition.id).await? {
        Some(old) if old.source.is_some() => return old.managed().map(drop),
        Some(old) if exists(&mut session, &new.table).await? => {
            if old.definition == *definition && is_whole(&mut session, &new).await? {
                return Ok(());
            }
            if has_no_rows(&mut session, &old).await? {
                retire(&mut session, &old).await?;
                create(&mut session, &new).await?;
            } else {
                alter(&mut session, &old, &new).await?;
            }
        }
        None if exists(&mut session, &new.table).await? => {
            return Err(StoreError::Unusable(format!(
                "layer \"{}\": the schema \"{}\" already has a table \"{}\" that is no layer",
                definition.id, new.tenant, new.name
            )));
        }
        _ => {
            create(&mut session, &new).await?;
            begins = true;
        }
    }
    register(&mut session, &new).await?;
    if begins {
        past::begin(&mut session, &new).await?;
    }
    report_replace(&mut session, &new).await?;
    finish(session, database).await
}

/// Names in what follows are looked up where the system, `PostGIS` and temporary tables are, and nowhere else. One
/// program at a time changes a layer's tables.
async fn prepare(session: &mut Session, schema: &Schema) -> Result<(), StoreError> {
    let rows = session
        .all(sqlx::query(
            "SELECT n.nspname::text FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace \
             WHERE e.extname = 'postgis'",
        ))
        .await?;
    let found = rows.first().map(|row| row.try_get::<String, _>(0)).transpose().map_err(|error| failure(&error))?;
    let postgis = found.unwrap_or_else(|| "public".to_owned()).replace('"', "\"\"");
    let lock = "SELECT pg_advisory_xact_lock(hashtextextended($1, 4711202613))";
    session.run(&format!("SET LOCAL search_path = pg_catalog, \"{postgis}\", pg_temp")).await?;
    session.all(sqlx::query(lock).bind(format!("{}/{}", schema.tenant, schema.layer()))).await?;
    Ok(())
}

async fn create(session: &mut Session, schema: &Schema) -> Result<(), StoreError> {
    let sql = [schema.create(), schema.create_indexes(), schema.create_triggers(), schema.grants()].concat();
    session.run(&sql).await?;
    // A layer that comes back does not give out the ids of its first life again: the log still names them.
    let query = sqlx::query(
        "SELECT setval(pg_get_serial_sequence($1, 'fid'), 1 + greatest(\
         (SELECT max(last_id) FROM bricola.retired WHERE tenant = $2 AND layer = $3), \
         (SELECT max(id) FROM bricola.changes, unnest(ids) AS id WHERE tenant = $2 AND layer = $3), 0), false)",
    );
    let query = query.bind(schema.table.clone()).bind(schema.tenant.clone()).bind(schema.layer().to_owned());
    session.all(query).await?;
    Ok(())
}

async fn alter(session: &mut Session, old: &Schema, new: &Schema) -> Result<(), StoreError> {
    let added = compatible(&old.definition, &new.definition).map_err(StoreError::Unusable)?;
    session.run(&(old.drop_triggers() + &new.add_columns(&added))).await?;
    if old.definition.key != new.definition.key {
        session.run(&(old.drop_indexes() + &new.create_indexes())).await?;
    }
    session.run(&(new.create_triggers() + &new.grants())).await?;
    let columns = session
        .all(sqlx::query("SELECT attname::text FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped")
            .bind(new.table.clone()))
        .await?;
    let columns: Vec<String> = columns.iter().filter_map(|row| row.try_get(0).ok()).collect();
    match new.definition.fields.iter().find(|field| !columns.contains(&field.name)) {
        None => Ok(()),
        Some(field) => Err(StoreError::Unusable(format!(
            "layer \"{}\": another program has removed the column \"{}\" of its table; drop the layer and load it again",
            new.layer(),
            field.name
        ))),
    }
}

async fn register(session: &mut Session, schema: &Schema) -> Result<(), StoreError> {
    let definition = &schema.definition;
    let json = serde_json::to_string(definition).map_err(|error| {
        StoreError::Failure(format!("the definition of layer \"{}\" cannot be written: {error}", definition.id))
    })?;
    let query = sqlx::query(
        "INSERT INTO bricola.layers (tenant, layer, table_schema, table_name, definition) VALUES ($1, $2, $1, $3, $4) \
         ON CONFLICT (tenant, layer) DO UPDATE SET definition = excluded.definition",
    );
    let query = query.bind(schema.tenant.clone()).bind(definition.id.clone()).bind(schema.name.clone()).bind(json);
    session.all(query).await?;
    // What people see in QGIS and psql beside the name.
    let comment =
        format!("{} - {}", definition.title.it, definition.description.it).replace('\0', "").replace('\'', "''");
    session.run(&format!("COMMENT ON TABLE {} IS E'{}'", schema.table, comment.replace('\\', "\\\\"))).await?;
    remember_shape(session, schema).await
}

/// Notes what the table looks like when it is as we want it: see `bricola.watch()`.
pub(super) async fn remember_shape(session: &mut Session, schema: &Schema) -> Result<(), StoreError> {
    let query = sqlx::query(
        "UPDATE bricola.layers SET shape = bricola.shape(to_regclass($3)) WHERE tenant = $1 AND layer = $2",
    );
    let query = query.bind(schema.tenant.clone()).bind(schema.layer().to_owned()).bind(schema.table.clone());
    session.all(query).await?;
    Ok(())
}

/// Removes a layer with its history.
pub(super) async fn drop_layer(database: &Database, layer: &str) -> Result<(), StoreError> {
    let mut session = database.write_on().await?;
    let schema = schema(&mut session, database, layer).await?.managed()?;
    prepare(&mut session, &schema).await?;
    retire(&mut session, &schema).await?;
    let query = sqlx::query("DELETE FROM bricola.layers WHERE tenant = $1 AND layer = $2");
    session.all(query.bind(schema.tenant.clone()).bind(layer.to_owned())).await?;
    report_replace(&mut session, &schema).await?;
    finish(session, database).await
}

/// Removes the tables of a layer and remembers which ids were given out.
async fn retire(session: &mut Session, schema: &Schema) -> Result<(), StoreError> {
    if exists(session, &schema.table).await? {
        let sql = format!(
            "INSERT INTO bricola.retired (tenant, layer, last_id) SELECT $1, $2, coalesce(greatest(\
             (SELECT max(fid) FROM {}), (SELECT max(fid) FROM {}), \
             pg_sequence_last_value(pg_get_serial_sequence($3, 'fid')::regclass)), 0) \
             ON CONFLICT (tenant, layer) DO UPDATE SET last_id = greatest(excluded.last_id, retired.last_id)",
            schema.table, schema.history
        );
        let query = sqlx::query(&sql).bind(schema.tenant.clone()).bind(schema.layer().to_owned());
        session.all(query.bind(schema.table.clone())).await?;
    }
    let sql = format!("DROP TABLE IF EXISTS {}, {};", schema.table, schema.history) + &schema.drop_functions();
    session.run(&sql).await?;
    Ok(())
}

/// Reports that the layer as a whole is another now.
pub(super) async fn report_replace(session: &mut Session, schema: &Schema) -> Result<(), StoreError> {
    let query = sqlx::query("SELECT bricola.report($1, $2, 'replace', NULL)");
    session.all(query.bind(schema.tenant.clone()).bind(schema.layer().to_owned())).await?;
    Ok(())
}

/// Commits, and numbers what was committed.
async fn finish(mut session: Session, database: &Database) -> Result<(), StoreError> {
    transaction(&mut session).await?;
    session.commit().await?;
    super::log::sequence(database).await?;
    Ok(())
}

/// The error of a key that stands twice in `table`, when that is what went wrong.
pub(super) async fn duplicate(
    session: &mut Session,
    schema: &Schema,
    table: &str,
) -> Result<Option<StoreError>, StoreError> {
    let Some(sql) = schema.duplicate_key(table) else { return Ok(None) };
    let rows = session.all(sqlx::query(&sql)).await?;
    let key = rows.first().map(|row| row.try_get::<String, _>(0)).transpose().map_err(|error| failure(&error))?;
    Ok(key.map(|key| StoreError::DuplicateKey { layer: schema.layer().to_owned(), key }))
}

async fn exists(session: &mut Session, table: &str) -> Result<bool, StoreError> {
    let query = sqlx::query("SELECT to_regclass($1) IS NOT NULL").bind(table.to_owned());
    let rows = session.all(query).await?;
    first_or(&rows, false)
}

/// True when the triggers are all there; a table that another program made anew has none.
async fn is_whole(session: &mut Session, schema: &Schema) -> Result<bool, StoreError> {
    let sql = format!(
        "SELECT count(*) FROM pg_trigger WHERE tgrelid = '{}'::regclass AND NOT tgisinternal AND tgname LIKE 'bricola%'",
        schema.table
    );
    Ok(scalar(session, &sql).await? == Schema::TRIGGERS)
}

/// True when neither the table nor its history holds anything.
async fn has_no_rows(session: &mut Session, schema: &Schema) -> Result<bool, StoreError> {
    let sql = format!(
        "SELECT (EXISTS (SELECT FROM {}) OR EXISTS (SELECT FROM {}))::int::bigint",
        schema.table, schema.history
    );
    Ok(scalar(session, &sql).await? == 0)
}
