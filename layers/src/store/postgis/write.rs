//! Edits, of one layer or of several in one transaction.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::Row;
use sqlx::postgres::PgArguments;

use super::connect::{Database, Session, failure};
use super::define;
use super::log::{closed, transaction};
use super::schema::{Schema, sql_type};
use crate::definition::FieldType;
use crate::feature::{Feature, FeatureId, Value};
use crate::store::{Edit, LayerEdits, StoreError, Written, wkb};

/// Writes a transaction.
pub(super) async fn write(database: &Database, parts: &[LayerEdits]) -> Result<Written, StoreError> {
    let mut session = database.write().await?;
    let ids = write_all_in(&mut session, database, parts).await?;
    let number = transaction(&mut session).await?;
    session.commit().await?;
    Ok(Written { ids, seq: closed(database, number).await?, repeated: false })
}

/// Does what [`write`] does, and takes it back.
pub(super) async fn attempt(database: &Database, parts: &[LayerEdits]) -> Result<(), StoreError> {
    let mut session = database.write().await?;
    write_all_in(&mut session, database, parts).await?;
    session.roll_back().await
}

/// Writes edits in a transaction that is open; the ids in the order of the parts and of their edits.
pub(super) async fn write_all_in(
    session: &mut Session,
    database: &Database,
    parts: &[LayerEdits],
) -> Result<Vec<FeatureId>, StoreError> {
    // In one order of layers, so that two transactions never wait for each other.
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|place| &parts[*place].layer);
    let mut ids = vec![Vec::new(); parts.len()];
    for place in order {
        let LayerEdits { layer, edits } = &parts[place];
        ids[place] = write_in(session, database, layer, edits).await?;
    }
    Ok(ids.concat())
}

/// Writes the edits of a layer; the ids in their order.
async fn write_in(
    session: &mut Session,
    database: &Database,
    layer: &str,
    edits: &[Edit],
) -> Result<Vec<FeatureId>, StoreError> {
    let schema = define::schema(session, database, layer).await?.managed()?;
    let mut ids = Vec::with_capacity(edits.len());
    let mut rest = edits;
    while let Some(run) = run_of(rest) {
        write_run(session, &schema, &rest[..run], &mut ids).await?;
        rest = &rest[run..];
    }
    Ok(ids)
}

/// How many of the first edits can be written by one statement: of one kind, no feature twice.
fn run_of(edits: &[Edit]) -> Option<usize> {
    let first = edits.first()?;
    let mut seen = BTreeSet::new();
    let alike = edits.iter().take_while(|edit| {
        std::mem::discriminant(*edit) == std::mem::discriminant(first)
            && match edit {
                Edit::Insert(_) => true,
                Edit::Update { id, .. } | Edit::Delete { id, .. } => seen.insert(*id),
            }
    });
    Some(alike.count())
}

async fn write_run(
    session: &mut Session,
    schema: &Schema,
    run: &[Edit],
    ids: &mut Vec<FeatureId>,
) -> Result<(), StoreError> {
    check(session, schema, run).await?;
    let rows: Vec<(Option<FeatureId>, &Feature)> = run
        .iter()
        .filter_map(|edit| match edit {
            Edit::Insert(feature) => Some((None, feature)),
            Edit::Update { id, feature, .. } => Some((Some(*id), feature)),
            Edit::Delete { .. } => None,
        })
        .collect();
    let columns = schema.columns("");
    let table = &schema.table;
    match run.first() {
        Some(Edit::Insert(_)) => {
            let source = source(schema);
            let sql = format!(
                "INSERT INTO {table} ({columns}) SELECT {} FROM {source} ORDER BY s.place RETURNING fid",
                schema.columns("s.")
            );
            let inserted = session.all(bind(&sql, schema, &rows)?).await?;
            for row in &inserted {
                ids.push(row.try_get(0).map_err(|error| failure(&error))?);
            }
        }
        Some(Edit::Update { .. }) => {
            let sets: Vec<String> = schema.names().map(|name| format!("\"{name}\" = s.\"{name}\"")).collect();
            let sql =
                format!("UPDATE {table} AS t SET {} FROM {} WHERE t.fid = s.fid", sets.join(", "), source(schema));
            session.all(bind(&sql, schema, &rows)?).await?;
            ids.extend(rows.iter().filter_map(|(id, _)| *id));
        }
        _ => {
            let gone: Vec<FeatureId> = targets(run).map(|(id, _)| id).collect();
            let sql = format!("DELETE FROM {table} WHERE fid = ANY($1)");
            session.all(sqlx::query(&sql).bind(gone.clone())).await?;
            ids.extend(gone);
        }
    }
    Ok(())
}

/// The features that edits change, and the versions from which they were made.
fn targets(run: &[Edit]) -> impl Iterator<Item = (FeatureId, Option<i64>)> {
    run.iter().filter_map(|edit| match edit {
        Edit::Insert(_) => None,
        Edit::Update { id, expected, .. } | Edit::Delete { id, expected } => Some((*id, *expected)),
    })
}

/// Holds the rows that are to be changed, in order of id, so that two batches never wait for each other; refuses what
/// is not there and what somebody else has changed.
async fn check(session: &mut Session, schema: &Schema, run: &[Edit]) -> Result<(), StoreError> {
    let wanted: Vec<FeatureId> = targets(run).map(|(id, _)| id).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let sql = format!("SELECT fid, version::bigint FROM {} WHERE fid = ANY($1) ORDER BY fid FOR UPDATE", schema.table);
    let rows = session.all(sqlx::query(&sql).bind(wanted)).await?;
    let mut versions = std::collections::HashMap::with_capacity(rows.len());
    for row in &rows {
        let read = || Ok::<(FeatureId, i64), sqlx::Error>((row.try_get(0)?, row.try_get(1)?));
        let (id, version) = read().map_err(|error| failure(&error))?;
        versions.insert(id, version);
    }
    for (id, expected) in targets(run) {
        let layer = || schema.layer().to_owned();
        let actual = *versions.get(&id).ok_or_else(|| StoreError::UnknownFeature { layer: layer(), id })?;
        if let Some(expected) = expected.filter(|expected| *expected != actual) {
            return Err(StoreError::Conflict { layer: layer(), id, expected, actual });
        }
    }
    Ok(())
}

/// Rows from one array a column, as `s`.
fn source(schema: &Schema) -> String {
    let kinds = schema.definition.fields.iter().map(|field| sql_type(field.kind));
    let arrays: Vec<String> = ["bigint", "bytea"]
        .into_iter()
        .chain(kinds)
        .enumerate()
        .map(|(place, kind)| format!("${}::{kind}[]", place + 1))
        .collect();
    let geometry = format!("\"geom\"::geometry({}, {})", schema.definition.geometry.sql_name(), schema.srid);
    let fields = schema.names().skip(1).fold(String::new(), |names, name| names + ", \"" + name + "\"");
    format!(
        "(SELECT fid, {geometry} AS \"geom\"{fields}, place FROM unnest({}) WITH ORDINALITY AS u (fid, \"geom\"{fields}, place)) AS s",
        arrays.join(", ")
    )
}

pub(super) type Query<'q> = sqlx::query::Query<'q, sqlx::Postgres, PgArguments>;

fn bind<'q>(sql: &'q str, schema: &Schema, rows: &[(Option<FeatureId>, &Feature)]) -> Result<Query<'q>, StoreError> {
    for (_, feature) in rows {
        check_width(schema, feature)?;
    }
    let ids: Vec<Option<FeatureId>> = rows.iter().map(|(id, _)| *id).collect();
    let geometries: Vec<Option<Vec<u8>>> = rows
        .iter()
        .map(|(_, feature)| {
            feature.geometry.as_ref().map(|geometry| {
                let mut bytes = Vec::new();
                wkb::encode_with_srid(geometry, schema.srid, &mut bytes);
                bytes
            })
        })
        .collect();
    let mut query = sqlx::query(sql).bind(ids).bind(geometries);
    for (position, field) in schema.definition.fields.iter().enumerate() {
        let values = rows.iter().map(|(_, feature)| &feature.properties[position]);
        query = bind_column(query, field.kind, values);
    }
    Ok(query)
}

/// Binds the values of one field, as an array.
pub(super) fn bind_column<'q, 'a>(
    query: Query<'q>,
    kind: FieldType,
    values: impl Iterator<Item = &'a Value>,
) -> Query<'q> {
    match kind {
        FieldType::Text => query.bind(column(values, |value| match value {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        })),
        FieldType::Integer => query.bind(column(values, |value| match value {
            Value::Integer(value) => Some(*value),
            _ => None,
        })),
        FieldType::Real => query.bind(column(values, |value| match value {
            Value::Real(value) => Some(*value),
            _ => None,
        })),
        FieldType::Boolean => query.bind(column(values, |value| match value {
            Value::Boolean(value) => Some(*value),
            _ => None,
        })),
        FieldType::Date => query.bind(column(values, |value| match value {
            Value::Date(value) => Some(*value),
            _ => None::<NaiveDate>,
        })),
        FieldType::DateTime => query.bind(column(values, |value| match value {
            Value::DateTime(value) => Some(*value),
            _ => None::<DateTime<Utc>>,
        })),
    }
}

fn column<'a, T>(values: impl Iterator<Item = &'a Value>, pick: impl Fn(&Value) -> Option<T>) -> Vec<Option<T>> {
    values.map(pick).collect()
}

/// A feature must have one value per field, each of the field's type; it is a fault of the caller when it has not. A
/// text with the character U+0000 has no place in this database.
pub(super) fn check_width(schema: &Schema, feature: &Feature) -> Result<(), StoreError> {
    let (layer, fields) = (schema.layer(), &schema.definition.fields);
    if feature.properties.len() != fields.len() {
        let (has, wants) = (feature.properties.len(), fields.len());
        return Err(StoreError::Failure(format!("layer \"{layer}\": a feature has {has} values for {wants} fields")));
    }
    for (value, field) in feature.properties.iter().zip(fields) {
        let fits = match (value, field.kind) {
            (Value::Text(text), FieldType::Text) if text.contains('\0') => {
                let name = &field.name;
                return Err(StoreError::Unusable(format!(
                    "layer \"{layer}\": field \"{name}\" holds the character U+0000, which PostgreSQL cannot keep"
                )));
            }
            (Value::Null, _)
            | (Value::Text(_), FieldType::Text)
            | (Value::Integer(_), FieldType::Integer)
            | (Value::Real(_), FieldType::Real)
            | (Value::Boolean(_), FieldType::Boolean)
            | (Value::Date(_), FieldType::Date)
            | (Value::DateTime(_), FieldType::DateTime) => true,
            _ => false,
        };
        if !fits {
            let name = &field.name;
            return Err(StoreError::Failure(format!(
                "layer \"{layer}\": field \"{name}\" has a value of another type"
            )));
        }
    }
    Ok(())
}
