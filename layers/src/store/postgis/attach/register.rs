//! Layers in and out of `bricola.layers`; triggers on and off.

use std::collections::BTreeSet;

use sqlx::Row;
use tracing::{info, warn};

use super::super::connect::{Database, Session, failure, first_or};
use super::catalogue::{self, Column, Postgis, Relation};
use super::describe::{Described, declared_srid, describe, geometries};
use super::names::{is_taken_out, is_wanted, layer_id};
use super::remember;
use super::source::{Key, Source};
use crate::definition::{Keep, LayerDefinition};
use crate::store::StoreError;

/// Tables that get their triggers in one transaction, and so are locked together, some milliseconds each.
const BATCH: usize = 25;
/// Triggers of a tracked table.
const HOOKS: i64 = 4;
/// One program at a time decides which layers there are.
const LOCK: i64 = 4_711_202_614;
/// What the first row of a column without a declared reference system may cost.
const SAMPLE: &str = "SET LOCAL statement_timeout = '2s'";

/// A geometry column of a table as it is registered.
pub(super) struct Known {
    pub layer: String,
    pub schema: String,
    pub name: String,
    /// The column; `None` where the source cannot be read.
    pub geometry: Option<String>,
    pub tracked: bool,
    pub definition: String,
    pub source: String,
    pub by_content: bool,
}

/// What is to be written of one table.
pub(super) struct Entry {
    pub layer: String,
    pub schema: String,
    pub name: String,
    pub definition: String,
    pub source: String,
    pub by_content: bool,
    /// Rows, as the database estimates.
    pub estimate: u64,
    /// Arguments of its triggers, where it can have them.
    hook: Option<String>,
}

/// What has been said in the log: not again every minute.
pub(in super::super) type Said = BTreeSet<String>;

/// Brings the layers of the tenant in line with the tables and views of the database.
pub(in super::super) async fn discover(
    database: &Database,
    patterns: &[String],
    said: &mut Said,
) -> Result<(), StoreError> {
    let (relations, postgis) = {
        let mut session = database.read().await?;
        let mut relations = catalogue::relations(&mut session, database).await?;
        relations.retain(|relation| is_wanted(patterns, &relation.schema, &relation.name));
        (relations, catalogue::postgis(&mut session).await?)
    };
    let (known, mut taken) = match database.ledger() {
        Some(ledger) => remember::known(ledger),
        None => registered(&mut database.read().await?, database.tenant()).await?,
    };
    let mut entries = Vec::new();
    let mut seen = BTreeSet::new();
    for relation in &relations {
        let Relation { schema, name, .. } = relation;
        for (turn, column) in geometries(relation).enumerate() {
            if is_taken_out(patterns, schema, name, &column.name) {
                continue;
            }
            let old = known_of(&known, relation, column);
            let further = (turn > 0).then_some(column.name.as_str());
            let id = old.map_or_else(|| layer_id(schema, name, further, &taken), |old| old.layer.clone());
            match describe_one(database, relation, column, &id, old, &postgis).await? {
                Ok(described) => {
                    taken.insert(id.clone());
                    seen.insert(id.clone());
                    tell_left_out(relation, &described, said);
                    // The ledger itself tells what is news to it.
                    let old = old.filter(|_| database.ledger().is_none());
                    entries.extend(entry(relation, id, &described, old)?);
                }
                Err(reason) => {
                    let origin = format!("{schema}.{name}");
                    if said.insert(format!("{origin}.{}: {reason}", column.name)) {
                        warn!(table = origin, column = column.name, reason, "not published");
                    }
                }
            }
        }
    }
    let gone = known.iter().filter(|known| !seen.contains(&known.layer));
    let mut count = 0;
    if let Some(ledger) = database.ledger() {
        count = remember::take(database, ledger, gone, entries).await?;
    } else {
        detach(database, gone).await?;
        for batch in entries.chunks(BATCH) {
            count += write(database, batch).await?;
        }
    }
    if count > 0 {
        info!(layers = count, "tables and views of the database are published");
    }
    Ok(())
}

/// What is registered of a geometry column. The first of a table also takes what one left that is no longer there: it was
/// given another name.
fn known_of<'a>(known: &'a [Known], relation: &Relation, column: &Column) -> Option<&'a Known> {
    let of_table = || known.iter().filter(|known| known.schema == relation.schema && known.name == relation.name);
    let is_there = |name: &str| geometries(relation).any(|column| column.name == name);
    let named = of_table().find(|known| known.geometry.as_ref() == Some(&column.name));
    named.or_else(|| {
        let is_first = geometries(relation).next().is_some_and(|first| first.name == column.name);
        let left = of_table().filter(|known| !known.geometry.as_deref().is_some_and(is_there));
        left.min_by_key(|known| known.layer.len()).filter(|_| is_first)
    })
}

/// The attached tables of the tenant, and the ids that its layers have.
async fn registered(session: &mut Session, tenant: &str) -> Result<(Vec<Known>, BTreeSet<String>), StoreError> {
    let query = sqlx::query(
        "SELECT layer, table_schema, table_name, kind, definition, source, by_content FROM bricola.layers WHERE tenant = $1",
    );
    let rows = session.all(query.bind(tenant.to_owned())).await?;
    let (mut known, mut taken) = (Vec::new(), BTreeSet::new());
    for row in &rows {
        let mut read = || {
            let layer: String = row.try_get(0)?;
            taken.insert(layer.clone());
            let kind: &str = row.try_get(3)?;
            if kind != "managed" {
                let (definition, source) = (row.try_get(4)?, row.try_get::<Option<String>, _>(5)?.unwrap_or_default());
                let geometry = geometry_of(&source);
                let (schema, name, by_content) = (row.try_get(1)?, row.try_get(2)?, row.try_get(6)?);
                let tracked = kind == "tracked";
                known.push(Known { layer, schema, name, geometry, tracked, definition, source, by_content });
            }
            Ok::<_, sqlx::Error>(())
        };
        read().map_err(|error| failure(&error))?;
    }
    Ok((known, taken))
}

/// The geometry column that a stored source names.
pub(super) fn geometry_of(source: &str) -> Option<String> {
    serde_json::from_str::<Source>(source).ok().map(|source| source.geometry)
}

/// The layer that a relation's geometry column makes, or why it makes none.
async fn describe_one(
    database: &Database,
    relation: &Relation,
    column: &Column,
    id: &str,
    old: Option<&Known>,
    postgis: &Postgis,
) -> Result<Result<Described, String>, StoreError> {
    let srid = match declared_srid(column) {
        Some(srid) => srid,
        None => match old.and_then(stored_srid) {
            Some(srid) => srid,
            None => match sample(database, postgis, relation, &column.name).await {
                Ok(Some(srid)) => srid,
                Ok(None) => return Ok(Err("its geometry column is empty and declares no reference system".to_owned())),
                Err(error) if error.is_temporary() && !matches!(error, StoreError::Timeout) => return Err(error),
                Err(error) => return Ok(Err(format!("its first row cannot be read: {error}"))),
            },
        },
    };
    let mut described = describe(relation, column, id, srid, postgis);
    if let Ok(Described { definition, source, .. }) = &mut described {
        // Ids that another reading gives to other rows are none to page by.
        let has_ids = matches!(source.key, Key::Integer(_) | Key::Hashed(_));
        if has_ids && is_wanted(&database.options.stored, &relation.schema, &relation.name) {
            definition.keep = Keep::Stored;
        }
    }
    Ok(described)
}

/// What was found by a first row stays so: rows in another reference system are set aside one by one.
fn stored_srid(known: &Known) -> Option<i32> {
    let definition: LayerDefinition = serde_json::from_str(&known.definition).ok()?;
    definition.crs?.strip_prefix("EPSG:")?.parse().ok()
}

async fn sample(
    database: &Database,
    postgis: &Postgis,
    relation: &Relation,
    column: &str,
) -> Result<Option<i32>, StoreError> {
    let mut session = database.read().await?;
    session.run(SAMPLE).await?;
    catalogue::first_srid(&mut session, postgis, relation, column).await
}

fn tell_left_out(relation: &Relation, described: &Described, said: &mut Said) {
    for (column, reason) in &described.left_out {
        let origin = format!("{}.{}", relation.schema, relation.name);
        if said.insert(format!("{origin}.{column}: {reason}")) {
            info!(table = origin, column, reason, "column not published");
        }
    }
}

/// What is to be written of a relation; `None` when all is as it should be.
fn entry(
    relation: &Relation,
    layer: String,
    described: &Described,
    old: Option<&Known>,
) -> Result<Option<Entry>, StoreError> {
    let json = |error: serde_json::Error| StoreError::Failure(format!("layer \"{layer}\" cannot be written: {error}"));
    let definition = serde_json::to_string(&described.definition).map_err(json)?;
    let source = serde_json::to_string(&described.source).map_err(json)?;
    let hook = described.source.hook().filter(|_| relation.hooks.is_some());
    let hook = hook.map(|arguments| serde_json::to_string(&arguments)).transpose().map_err(json)?;
    let by_content = relation.opaque;
    let is_whole = old.is_some_and(|old| {
        let hooked = relation.hooks == Some(HOOKS) && old.tracked;
        old.definition == definition
            && old.source == source
            && old.by_content == by_content
            && (hooked || hook.is_none() && !old.tracked)
    });
    let (schema, name, estimate) = (relation.schema.clone(), relation.name.clone(), relation.estimate);
    Ok((!is_whole).then_some(Entry { layer, schema, name, definition, source, by_content, estimate, hook }))
}

/// Takes layers out whose tables are gone or are not to be published any more.
async fn detach(database: &Database, gone: impl Iterator<Item = &Known>) -> Result<(), StoreError> {
    for known in gone {
        let Known { schema, name, .. } = known;
        let mut session = database.write().await?;
        let query = sqlx::query(
            "WITH gone AS (DELETE FROM bricola.layers WHERE tenant = $1 AND layer = $2 AND kind <> 'managed' \
             RETURNING tenant, layer) \
             SELECT bricola.report(tenant, layer, 'replace', NULL)::text FROM gone",
        );
        session.all(query.bind(database.tenant().to_owned()).bind(known.layer.clone())).await?;
        // Another tenant's server may have the same table.
        let query = sqlx::query(
            "SELECT bricola.unhook(to_regclass(format('%I.%I', $1, $2))) WHERE NOT EXISTS \
             (SELECT FROM bricola.layers WHERE table_schema = $1 AND table_name = $2)",
        );
        let rows = session.all(query.bind(schema.clone()).bind(name.clone())).await?;
        let free: Option<bool> = first_or(&rows, None)?;
        session.commit().await?;
        let table = format!("{schema}.{name}");
        info!(layer = known.layer, table, "no longer published");
        if free == Some(false) {
            warn!(table, "our triggers stay, without effect: only the owner of the table can take them off");
        }
    }
    Ok(())
}

/// Writes some layers: triggers first, so that what is read afterwards is known to be followed. How many are new or
/// not what they were.
async fn write(database: &Database, batch: &[Entry]) -> Result<usize, StoreError> {
    let mut session = database.write_on().await?;
    session.run(&format!("SELECT pg_advisory_xact_lock({LOCK})")).await?;
    let column = |of: fn(&Entry) -> &str| batch.iter().map(|entry| of(entry).to_owned()).collect::<Vec<String>>();
    let hooks: Vec<Option<String>> = batch.iter().map(|entry| entry.hook.clone()).collect();
    let (schemas, names) = (column(|entry| &entry.schema), column(|entry| &entry.name));
    let query = sqlx::query(
        "SELECT CASE WHEN g.hook IS NULL THEN false ELSE bricola.hook(to_regclass(format('%I.%I', g.s, g.n)), \
         ARRAY(SELECT json_array_elements_text(g.hook::json))) END IS TRUE \
         FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS g (s, n, hook, place) ORDER BY place",
    );
    let rows = session.all(query.bind(schemas.clone()).bind(names.clone()).bind(hooks)).await?;
    let hooked = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<bool>, _>>();
    let hooked = hooked.map_err(|error| failure(&error))?;
    // A statement of its own: it sees the triggers that the one before has made.
    let query = sqlx::query(
        "WITH given AS (SELECT g.*, to_regclass(format('%I.%I', s, n)) AS relation FROM \
         unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bool[], $8::bool[]) \
         AS g (layer, s, n, definition, source, by_content, hooked)), \
         written AS (INSERT INTO bricola.layers AS l (tenant, layer, table_schema, table_name, kind, definition, source, \
         by_content, shape, looked) \
         SELECT $1, layer, s, n, CASE WHEN hooked THEN 'tracked' ELSE 'polled' END, definition, source, by_content, \
         CASE WHEN hooked THEN bricola.shape(relation) ELSE bricola.fingerprint(relation) END, now() \
         FROM given WHERE relation IS NOT NULL \
         ON CONFLICT (tenant, layer) DO UPDATE SET kind = excluded.kind, definition = excluded.definition, \
         source = excluded.source, by_content = excluded.by_content, content = NULL, shape = excluded.shape, \
         looked = excluded.looked WHERE l.kind <> 'managed' AND l.table_schema = excluded.table_schema \
         AND l.table_name = excluded.table_name \
         AND ROW(l.kind, l.definition, l.source, l.by_content, l.shape) IS DISTINCT FROM \
         ROW(excluded.kind, excluded.definition, excluded.source, excluded.by_content, excluded.shape) \
         RETURNING tenant, layer) \
         SELECT bricola.report(tenant, layer, 'replace', NULL)::text FROM written",
    );
    let query = query.bind(database.tenant().to_owned()).bind(column(|entry| &entry.layer)).bind(schemas).bind(names);
    let query = query.bind(column(|entry| &entry.definition)).bind(column(|entry| &entry.source));
    let query = query.bind(batch.iter().map(|entry| entry.by_content).collect::<Vec<bool>>()).bind(hooked);
    let written = session.all(query).await?.len();
    session.commit().await?;
    Ok(written)
}
