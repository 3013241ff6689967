//! A table of a `GeoPackage`: finding it, describing it, reading its rows.

use std::path::Path;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use chrono::NaiveDate;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row};
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::{BATCH, Batch, Item, damaged};
use crate::definition::{FieldType, GeometryType};
use crate::feature::Value;
use crate::limits::{MAX_COLUMNS, MAX_ROW_BYTES};
use crate::reader::builder::from_gpkg;
use crate::reader::flatgeobuf::date_or_time;
use crate::reader::geometry::{feature, row_error};
use crate::reader::open::choose;
use crate::reader::tally::Tally;
use crate::reader::{ReadError, SourceCrs, SourceField, SourceSchema, crs_name, encoding};

/// How long another program may hold the file.
const BUSY: Duration = Duration::from_secs(5);

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A row of `gpkg_contents`.
pub(super) struct Listed {
    pub name: String,
    geometry_column: Option<String>,
    pub geometry: Option<GeometryType>,
    srs_id: Option<i64>,
}

/// The tables that can be read: those with features, or, where there are none, those with attributes.
pub(super) async fn tables(connection: &mut SqliteConnection, path: &Path) -> Result<Vec<Listed>, ReadError> {
    let rows = sqlx::query(
        "SELECT c.table_name, c.data_type, g.column_name, g.geometry_type_name, g.srs_id \
         FROM gpkg_contents c LEFT JOIN gpkg_geometry_columns g ON lower(g.table_name) = lower(c.table_name) \
         WHERE c.data_type IN ('features', 'attributes', 'aspatial') ORDER BY c.rowid",
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(|error| match error {
        sqlx::Error::Database(inner) if inner.message().contains("no such table") => ReadError::File(format!(
            "{}: an SQLite database, but not a GeoPackage (it has no gpkg_contents); export it as GeoPackage",
            path.display()
        )),
        other => damaged(path, &other),
    })?;
    let text = |row: &SqliteRow, at: usize| row.try_get::<Option<String>, _>(at).ok().flatten();
    let listed = rows.iter().filter_map(|row| {
        Some((
            text(row, 1)? == "features",
            Listed {
                name: text(row, 0)?,
                geometry_column: text(row, 2),
                geometry: text(row, 3).as_deref().and_then(geometry_type),
                srs_id: row.try_get(4).ok().flatten(),
            },
        ))
    });
    let (features, attributes): (Vec<_>, Vec<_>) = listed.partition(|(features, _)| *features);
    let chosen = if features.is_empty() { attributes } else { features };
    if chosen.is_empty() {
        return Err(ReadError::File(format!("{}: the GeoPackage holds no tables with features", path.display())));
    }
    Ok(chosen.into_iter().map(|(_, table)| table).collect())
}

fn geometry_type(name: &str) -> Option<GeometryType> {
    Some(match name.to_ascii_uppercase().as_str() {
        "POINT" => GeometryType::Point,
        "MULTIPOINT" => GeometryType::MultiPoint,
        "LINESTRING" => GeometryType::LineString,
        "MULTILINESTRING" => GeometryType::MultiLineString,
        "POLYGON" => GeometryType::Polygon,
        "MULTIPOLYGON" => GeometryType::MultiPolygon,
        "GEOMETRY" | "GEOMETRYCOLLECTION" => GeometryType::Geometry,
        _ => return None,
    })
}

pub(super) async fn count(connection: &mut SqliteConnection, table: &str) -> Option<u64> {
    let kept: Option<i64> =
        sqlx::query_scalar("SELECT feature_count FROM gpkg_ogr_contents WHERE lower(table_name) = lower(?)")
            .bind(table)
            .fetch_optional(&mut *connection)
            .await
            .ok()
            .flatten()
            .flatten();
    let counted = if kept.is_some() {
        kept
    } else {
        let sql = format!("SELECT count(*) FROM {}", quoted(table));
        sqlx::query_scalar(&sql).fetch_one(&mut *connection).await.ok()
    };
    counted.and_then(|count: i64| u64::try_from(count).ok())
}

/// What is read of a table, and how.
pub(super) struct Table {
    sql: String,
    has_geometry: bool,
    kinds: Vec<FieldType>,
    pub schema: SourceSchema,
}

impl Table {
    /// Finds a table and describes it.
    pub async fn open(connection: &mut SqliteConnection, path: &Path, wanted: Option<&str>) -> Result<Self, ReadError> {
        let mut listed = tables(connection, path).await?;
        let names: Vec<String> = listed.iter().map(|table| table.name.clone()).collect();
        let table = listed.swap_remove(choose(&path.display().to_string(), &names, wanted)?);
        let mut schema = SourceSchema {
            format: "GeoPackage",
            layer: table.name.clone(),
            crs: crs(connection, table.srs_id).await,
            geometry: table.geometry,
            tabular: table.geometry_column.is_none(),
            rows: count(connection, &table.name).await,
            ..SourceSchema::default()
        };
        let info = sqlx::query("SELECT name, type, pk FROM pragma_table_info(?)")
            .bind(&table.name)
            .fetch_all(&mut *connection)
            .await
            .map_err(|error| damaged(path, &error))?;
        let (mut key, mut columns) = (None, Vec::new());
        for row in &info {
            let get = |at: usize| row.try_get::<String, _>(at).unwrap_or_default();
            let (name, declared, pk) = (get(0), get(1), row.try_get::<i64, _>(2).unwrap_or(0));
            if table.geometry_column.as_ref().is_some_and(|column| column.eq_ignore_ascii_case(&name)) {
                continue;
            }
            if pk == 1 && declared.eq_ignore_ascii_case("INTEGER") {
                key = Some(name);
                continue;
            }
            match field_type(&declared) {
                Some(kind) => columns.push(SourceField { name, kind }),
                None => schema.remarks.push(format!("column `{name}` of type {declared} is not read")),
            }
        }
        if columns.len() > MAX_COLUMNS {
            return Err(ReadError::File(format!(
                "{}: {} columns, more than MAX_COLUMNS ({MAX_COLUMNS})",
                path.display(),
                columns.len()
            )));
        }
        let geometry = table.geometry_column.as_deref();
        // A view has no row id; its rows are then counted.
        let key = key.map_or_else(|| "NULL".to_owned(), |key| quoted(&key));
        let selected: Vec<String> = std::iter::once(key)
            .chain(geometry.map(quoted))
            .chain(columns.iter().map(|column| quoted(&column.name)))
            .collect();
        let sql = format!("SELECT {} FROM {}", selected.join(", "), quoted(&table.name));
        let kinds = columns.iter().map(|column| column.kind).collect();
        schema.fields = columns;
        Ok(Self { sql, has_geometry: geometry.is_some(), kinds, schema })
    }

    /// Reads all rows.
    pub fn read(&self, path: &Path, immutable: bool, batches: &SyncSender<Batch>) {
        let mut tally = Tally::default();
        let mut items = Vec::with_capacity(BATCH);
        match self.send(path, immutable, &mut items, &mut tally, batches) {
            Ok(true) => {}
            // Nobody wants the rows any more.
            Ok(false) => return,
            Err(error) => items.push(Err(damaged(path, &error))),
        }
        batches.send(Batch { items, remarks: Some(tally.take()) }).ok();
    }

    /// Sends the rows, but for the last that fill no batch; false when nobody takes them.
    fn send(
        &self,
        path: &Path,
        immutable: bool,
        items: &mut Vec<Item>,
        tally: &mut Tally,
        batches: &SyncSender<Batch>,
    ) -> Result<bool, rusqlite::Error> {
        let connection = open(path, immutable)?;
        let mut statement = connection.prepare(&self.sql)?;
        let mut rows = statement.query(())?;
        let mut number = 0;
        while let Some(row) = rows.next()? {
            number += 1;
            items.push(self.row(row, number, tally));
            if items.len() == BATCH {
                let full = std::mem::replace(items, Vec::with_capacity(BATCH));
                if batches.send(Batch { items: full, remarks: None }).is_err() {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn row(&self, row: &Row<'_>, counted: u64, tally: &mut Tally) -> Item {
        let raw = |at: usize| row.get_ref(at);
        let number = raw(0).ok().and_then(|id| id.as_i64().ok()).and_then(|id| u64::try_from(id).ok());
        let number = number.unwrap_or(counted);
        let raw = |at: usize| raw(at).map_err(|error| row_error(number, error.to_string()));
        let mut geometry = None;
        if self.has_geometry {
            match raw(1)? {
                ValueRef::Null => {}
                ValueRef::Blob(blob) if blob.len() > MAX_ROW_BYTES => {
                    return Err(row_error(
                        number,
                        format!("the geometry is larger than MAX_ROW_BYTES ({MAX_ROW_BYTES})"),
                    ));
                }
                ValueRef::Blob(blob) => {
                    geometry = from_gpkg(blob, tally).map_err(|reason| row_error(number, reason))?;
                }
                _ => return Err(row_error(number, "the geometry is not a blob")),
            }
        }
        let first = 1 + usize::from(self.has_geometry);
        let mut values = Vec::with_capacity(self.kinds.len());
        for (at, kind) in self.kinds.iter().enumerate() {
            values.push(value(raw(first + at)?, *kind, tally));
        }
        feature(number, geometry, values)
    }
}

/// A connection for the rows: `sqlx`, which has found the table, hands each value from thread to thread.
fn open(path: &Path, immutable: bool) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if immutable {
        let path = path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
        return Connection::open_with_flags(format!("file:{path}?immutable=1"), flags | OpenFlags::SQLITE_OPEN_URI);
    }
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}

/// Types of columns (12-128r18, table 1); `None` for blobs.
fn field_type(declared: &str) -> Option<FieldType> {
    let name = declared.split('(').next().unwrap_or_default().trim().to_ascii_uppercase();
    Some(match name.as_str() {
        "BOOLEAN" | "BOOL" => FieldType::Boolean,
        "TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "INTEGER" | "BIGINT" | "INT64" => FieldType::Integer,
        "FLOAT" | "DOUBLE" | "REAL" | "NUMERIC" | "DECIMAL" => FieldType::Real,
        "DATE" => FieldType::Date,
        "DATETIME" | "TIMESTAMP" => FieldType::DateTime,
        "BLOB" => return None,
        _ => FieldType::Text,
    })
}

/// A value, by what is stored: `SQLite` lets anything stand in any column.
fn value(raw: ValueRef<'_>, kind: FieldType, tally: &mut Tally) -> Value {
    match raw {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => match kind {
            FieldType::Boolean if number == 0 || number == 1 => Value::Boolean(number == 1),
            FieldType::Real => Value::Real(number as f64),
            _ => Value::Integer(number),
        },
        ValueRef::Real(number) if number.is_finite() => Value::Real(number),
        ValueRef::Real(_) => {
            tally.not_finite += 1;
            Value::Null
        }
        ValueRef::Blob(_) => {
            tally.binary += 1;
            Value::Null
        }
        ValueRef::Text(bytes) => {
            let text = encoding::utf8_or_1252(bytes, tally);
            match kind {
                FieldType::Date => {
                    NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d").map_or_else(|_| date_or_time(&text), Value::Date)
                }
                FieldType::DateTime => date_or_time(&text),
                _ => Value::Text(text.trim().to_owned()),
            }
        }
    }
}

async fn crs(connection: &mut SqliteConnection, srs_id: Option<i64>) -> SourceCrs {
    // -1 and 0 are the undefined Cartesian and geographic systems of the standard.
    let Some(srs_id) = srs_id.filter(|id| *id > 0) else { return SourceCrs::Undeclared };
    let found = sqlx::query(
        "SELECT organization, organization_coordsys_id, definition FROM gpkg_spatial_ref_sys WHERE srs_id = ?",
    )
    .bind(srs_id)
    .fetch_optional(connection)
    .await
    .ok()
    .flatten();
    let Some(row) = found else {
        return u32::try_from(srs_id).map_or(SourceCrs::Undeclared, SourceCrs::Epsg);
    };
    let organization: String = row.try_get(0).unwrap_or_default();
    let code = row.try_get::<i64, _>(1).ok().and_then(|code| u32::try_from(code).ok());
    match code {
        Some(code) if organization.eq_ignore_ascii_case("EPSG") && code > 0 => SourceCrs::Epsg(code),
        _ => crs_name::from_wkt(&row.try_get::<String, _>(2).unwrap_or_default()),
    }
}
