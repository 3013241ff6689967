//! Layers in and out of the store.

use rusqlite::{Connection, OptionalExtension, Transaction};

use super::schema::Schema;
use super::{failure, past, srs};
use crate::definition::{LayerDefinition, compatible};
use crate::log::Seq;
use crate::store::unreadable::{apart, parse};
use crate::store::{LayerKind, StoreError, StoredLayer, Unreadable};

/// The tables of a layer, by its id.
pub(super) fn schema(connection: &Connection, layer: &str) -> Result<Schema, StoreError> {
    let definition = stored(connection, layer)?.ok_or_else(|| StoreError::UnknownLayer(layer.to_owned()))?;
    Schema::of(&definition)
}

fn stored(connection: &Connection, layer: &str) -> Result<Option<LayerDefinition>, StoreError> {
    let sql = "SELECT definition FROM bricola_layers WHERE layer = ?1";
    let text: Option<String> = connection
        .prepare_cached(sql)
        .and_then(|mut query| query.query_row([layer], |row| row.get(0)).optional())
        .map_err(|e| failure(&e))?;
    Ok(text.map(|text| parse(layer, &text)).transpose()?)
}

/// All layers, of one moment, and those that this version cannot read. One whose table another program has dropped is
/// left out, with a warning.
pub(super) fn layers(connection: &mut Connection) -> Result<(Vec<StoredLayer>, Vec<Unreadable>), StoreError> {
    let transaction = connection.transaction().map_err(|e| failure(&e))?;
    let found: Vec<(String, String)> = transaction
        .prepare("SELECT layer, definition FROM bricola_layers ORDER BY layer")
        .and_then(|mut query| query.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?.collect())
        .map_err(|e| failure(&e))?;
    let (mut layers, mut left_out) = (Vec::with_capacity(found.len()), Vec::new());
    for (layer, text) in found {
        let schema = match apart(&layer, &text, schema_of(&layer, &text))? {
            Ok(schema) => schema,
            Err(unreadable) => {
                left_out.push(unreadable);
                continue;
            }
        };
        if exists(&transaction, &schema.table)? {
            layers.push(summary(&transaction, schema)?);
        } else {
            tracing::warn!(layer, "the table of this layer is gone; load the layer again");
        }
    }
    Ok((layers, left_out))
}

fn schema_of(layer: &str, text: &str) -> Result<Schema, StoreError> {
    Schema::of(&parse(layer, text)?)
}

fn summary(connection: &Connection, schema: Schema) -> Result<StoredLayer, StoreError> {
    let table = &schema.table;
    // Each on its own: SQLite answers min and max from the end of the tree only when asked for nothing else.
    let sql = format!(
        "SELECT (SELECT count(*) FROM \"{table}\"), (SELECT min(\"fid\") FROM \"{table}\"), \
         (SELECT max(\"fid\") FROM \"{table}\"), (SELECT max(seq) FROM bricola_changes WHERE layer = ?1)"
    );
    let (count, first, last, seq): (i64, Option<i64>, Option<i64>, Option<Seq>) = connection
        .query_row(&sql, [&schema.definition.id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .map_err(|e| failure(&e))?;
    Ok(StoredLayer {
        definition: schema.definition,
        seq: seq.unwrap_or(0),
        count: count.unsigned_abs(),
        ids: match (first, last) {
            (Some(first), Some(last)) => first..last.saturating_add(1),
            _ => 0..0,
        },
        kind: LayerKind::Managed,
    })
}

/// Creates the tables of a layer, or brings them under a compatible new definition.
pub(super) fn define(transaction: &Transaction<'_>, definition: &LayerDefinition) -> Result<(), StoreError> {
    let new = Schema::of(definition)?;
    let mut begins = false;
    match stored(transaction, &definition.id)? {
        Some(old) if exists(transaction, &new.table)? => {
            let whole = is_whole(transaction, &new)?;
            if old == *definition && whole {
                return Ok(());
            }
            let old = Schema::of(&old)?;
            if has_no_rows(transaction, &old)? {
                remove_tables(transaction, &old)?;
                create(transaction, &new)?;
            } else {
                alter(transaction, &old, &new)?;
            }
        }
        None if exists(transaction, &new.table)? => {
            return Err(StoreError::Unusable(format!(
                "layer \"{}\": the store already has a table \"{}\" that is no layer",
                definition.id, new.table
            )));
        }
        _ => {
            create(transaction, &new)?;
            begins = true;
        }
    }
    register(transaction, &new)?;
    let seq = log_replace(transaction, &definition.id)?;
    if begins {
        past::begin(transaction, &definition.id, seq)?;
    }
    Ok(())
}

fn create(transaction: &Transaction<'_>, schema: &Schema) -> Result<(), StoreError> {
    let mut sql = schema.create_table(&schema.table);
    sql.push(';');
    if !exists(transaction, &schema.history())? {
        sql.push_str(&schema.create_history());
    }
    if let Some(index) = schema.create_key_index(&schema.table, 0) {
        sql.push_str(&index);
        sql.push(';');
    }
    sql.push_str(&schema.create_triggers());
    transaction.execute_batch(&sql).map_err(|e| failure(&e))?;
    // A layer that comes back does not give out the ids of its first life again: the log still names them.
    transaction
        .execute(
            "INSERT INTO sqlite_sequence (name, seq) SELECT ?1, max( \
             ifnull((SELECT max(fid) FROM bricola_changes WHERE layer = ?2), 0), \
             ifnull((SELECT max(last_fid) FROM bricola_replacements WHERE layer = ?2), 0))",
            [&schema.table, &schema.definition.id],
        )
        .map_err(|e| failure(&e))?;
    Ok(())
}

fn alter(transaction: &Transaction<'_>, old: &Schema, new: &Schema) -> Result<(), StoreError> {
    let added = compatible(&old.definition, &new.definition).map_err(StoreError::Unusable)?;
    let mut sql = old.drop_triggers();
    sql.push_str(&new.add_columns(&added));
    transaction.execute_batch(&sql).map_err(|e| failure(&e))?;
    if old.definition.key != new.definition.key {
        drop_key_indexes(transaction, &new.table)?;
        if let Some(index) = new.create_key_index(&new.table, 0) {
            transaction.execute_batch(&index).map_err(|e| duplicate(transaction, new, &new.table, &e))?;
        }
    }
    transaction.execute_batch(&new.create_triggers()).map_err(|e| failure(&e))?;
    let columns = columns(transaction, &new.table)?;
    match new.definition.fields.iter().find(|field| !columns.contains(&field.name)) {
        None => Ok(()),
        Some(field) => Err(StoreError::Unusable(format!(
            "layer \"{}\": another program has removed the column \"{}\" of its table; drop the layer and load it again",
            new.definition.id, field.name
        ))),
    }
}

/// Names the layer in the tables of the standard, and keeps its definition.
fn register(transaction: &Transaction<'_>, schema: &Schema) -> Result<(), StoreError> {
    let definition = &schema.definition;
    srs::ensure(transaction, schema.srs)?;
    let json = serde_json::to_string(definition).map_err(|error| {
        StoreError::Failure(format!("the definition of layer \"{}\" cannot be written: {error}", definition.id))
    })?;
    let description = format!("{} - {}", definition.title.it, definition.description.it);
    transaction
        .execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, srs_id) \
             VALUES (?1, 'features', ?2, ?3, ?4) ON CONFLICT (table_name) DO UPDATE SET \
             data_type = excluded.data_type, identifier = excluded.identifier, \
             description = excluded.description, srs_id = excluded.srs_id",
            (&schema.table, &definition.id, description, schema.srs),
        )
        .and_then(|_| {
            transaction.execute(
                "INSERT INTO gpkg_geometry_columns VALUES (?1, 'geom', ?2, ?3, 0, 0) ON CONFLICT (table_name) \
                 DO UPDATE SET geometry_type_name = excluded.geometry_type_name, srs_id = excluded.srs_id",
                (&schema.table, definition.geometry.sql_name(), schema.srs),
            )
        })
        .and_then(|_| {
            transaction.execute(
                "INSERT INTO bricola_layers (layer, table_name, definition) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (layer) DO UPDATE SET definition = excluded.definition",
                (&definition.id, &schema.table, json),
            )
        })
        .map_err(|e| failure(&e))?;
    Ok(())
}

/// Removes a layer with its history.
pub(super) fn drop_layer(transaction: &Transaction<'_>, layer: &str) -> Result<(), StoreError> {
    let schema = schema(transaction, layer)?;
    remove_tables(transaction, &schema)?;
    for sql in [
        "DELETE FROM gpkg_geometry_columns WHERE table_name = ?1",
        "DELETE FROM gpkg_contents WHERE table_name = ?1",
        "DELETE FROM bricola_layers WHERE table_name = ?1",
    ] {
        transaction.execute(sql, [&schema.table]).map_err(|e| failure(&e))?;
    }
    log_replace(transaction, layer).map(|_| ())
}

fn remove_tables(transaction: &Transaction<'_>, schema: &Schema) -> Result<(), StoreError> {
    let sql = format!("DROP TABLE IF EXISTS \"{}\"; DROP TABLE IF EXISTS \"{}\";", schema.table, schema.history());
    transaction.execute_batch(&sql).map_err(|e| failure(&e))
}

/// Writes into the log that the layer as a whole is another now.
pub(super) fn log_replace(transaction: &Transaction<'_>, layer: &str) -> Result<Seq, StoreError> {
    transaction
        .execute("INSERT INTO bricola_changes (layer, operation) VALUES (?1, 'replace')", [layer])
        .map_err(|e| failure(&e))?;
    Ok(transaction.last_insert_rowid())
}

/// Removes the unique indexes on the key of a layer.
pub(super) fn drop_key_indexes(transaction: &Transaction<'_>, table: &str) -> Result<(), StoreError> {
    let names: Vec<String> = transaction
        .prepare("SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ?1 AND name GLOB 'bricola_key_*'")
        .and_then(|mut query| query.query_map([table], |row| row.get(0))?.collect())
        .map_err(|e| failure(&e))?;
    names.iter().try_for_each(|name| {
        transaction.execute_batch(&format!("DROP INDEX \"{}\"", name.replace('"', "\"\""))).map_err(|e| failure(&e))
    })
}

/// The error of a key that stands twice in `table`, when that is what went wrong.
pub(super) fn duplicate(connection: &Connection, schema: &Schema, table: &str, error: &rusqlite::Error) -> StoreError {
    if error.sqlite_error_code() != Some(rusqlite::ErrorCode::ConstraintViolation) {
        return failure(error);
    }
    let key = schema
        .duplicate_key(table)
        .and_then(|sql| connection.query_row(&sql, (), |row| row.get::<_, String>(0)).optional().ok().flatten());
    match key {
        Some(key) => StoreError::DuplicateKey { layer: schema.definition.id.clone(), key },
        None => failure(error),
    }
}

pub(super) fn exists(connection: &Connection, table: &str) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1";
    let found = connection.query_row(sql, [table], |_| Ok(())).optional().map_err(|e| failure(&e))?;
    Ok(found.is_some())
}

/// True when the triggers are all there; a table that another program made anew has none.
fn is_whole(connection: &Connection, schema: &Schema) -> Result<bool, StoreError> {
    let sql = "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?1 AND name GLOB 'bricola_*'";
    let triggers: usize = connection.query_row(sql, [&schema.table], |row| row.get(0)).map_err(|e| failure(&e))?;
    Ok(triggers == Schema::TRIGGERS)
}

/// True when neither the table nor its history holds anything.
fn has_no_rows(connection: &Connection, schema: &Schema) -> Result<bool, StoreError> {
    let (table, history) = (&schema.table, schema.history());
    let sql = format!("SELECT EXISTS (SELECT 1 FROM \"{table}\") OR EXISTS (SELECT 1 FROM \"{history}\")");
    connection.query_row(&sql, (), |row| row.get::<_, bool>(0)).map(|any| !any).map_err(|e| failure(&e))
}

fn columns(connection: &Connection, table: &str) -> Result<Vec<String>, StoreError> {
    connection
        .prepare("SELECT name FROM pragma_table_info(?1)")
        .and_then(|mut query| query.query_map([table], |row| row.get(0))?.collect())
        .map_err(|e| failure(&e))
}
