//! Features of a snapshot as a `GeoPackage` of their own, for people who take them away (OGC 12-128r18).

use std::fmt::Write as _;
use std::fs::File;
use std::io::{Seek as _, SeekFrom};

use rusqlite::types::{Null, ToSqlOutput, ValueRef as SqlRef};
use rusqlite::{Connection, Statement};

use super::values::column_type;
use super::{blob, failure, srs};
use crate::cache::{RowAt, RowRef, Snapshot, ValueRef};
use crate::query::Positions;
use crate::store::StoreError;
use crate::writer::{Contents, Stop, WriteError};

/// Bytes that `SQLite` keeps of the file in memory, as it wants them: in negative thousands.
const CACHE: i32 = -16_000;
/// Features after which is asked whether anybody still waits.
const SLICE: usize = 512;

/// Writes a file of some features of a snapshot, in their order, under a title for people; with a spatial index. It has no
/// name in any folder, so that it is gone with its handle, whatever happens.
///
/// # Errors
/// When the file cannot be written, [`StoreError::Unusable`] in a CRS without an EPSG code; [`WriteError::Stopped`] once
/// `stop` says so.
pub fn export(
    snapshot: &Snapshot,
    rows: &[RowAt],
    contents: &Contents,
    title: &str,
    stop: &Stop,
) -> Result<File, WriteError> {
    let named = tempfile::Builder::new().suffix(".gpkg").tempfile()?;
    let mut file = named.reopen()?;
    let mut connection = Connection::open(named.path()).map_err(|e| failure(&e))?;
    // Nobody reads it before it is whole, and half of it is worth nothing: no journal, and so no other file beside it.
    let pragmas = format!(
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; \
         PRAGMA temp_store = MEMORY; PRAGMA cache_size = {CACHE};"
    );
    connection.execute_batch(&pragmas).map_err(|e| failure(&e))?;
    connection.execute_batch(include_str!("export.sql")).map_err(|e| failure(&e))?;
    // Both handles stay good without it.
    named.close()?;
    let transaction = connection.transaction().map_err(|e| failure(&e))?;
    Export { connection: &transaction, table: table_of(snapshot), snapshot, contents }.write(rows, title, stop)?;
    transaction.commit().map_err(|e| failure(&e))?;
    connection.close().map_err(|(_, e)| failure(&e))?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

/// The name of the table: that of the layer, without its hyphens.
fn table_of(snapshot: &Snapshot) -> String {
    snapshot.definition().id.replace('-', "_")
}

struct Export<'a> {
    connection: &'a Connection,
    table: String,
    snapshot: &'a Snapshot,
    contents: &'a Contents,
}

impl Export<'_> {
    fn write(&self, rows: &[RowAt], title: &str, stop: &Stop) -> Result<(), WriteError> {
        let srs = match (self.contents.geometry, self.contents.crs.code()) {
            (false, _) => None,
            (true, Some(code)) => Some(code as i32),
            (true, None) => {
                return Err(StoreError::Unusable("a GeoPackage needs a CRS with an EPSG code".to_owned()).into());
            }
        };
        self.create(title, srs)?;
        let bounds = self.insert(rows, srs, stop)?;
        if let Some([west, south, east, north]) = bounds {
            let sql = "UPDATE gpkg_contents SET min_x = ?1, min_y = ?2, max_x = ?3, max_y = ?4";
            self.connection.execute(sql, [west, south, east, north]).map_err(|e| failure(&e))?;
        }
        if srs.is_some() {
            self.connection.execute_batch(&self.index_triggers()).map_err(|e| failure(&e))?;
        }
        Ok(())
    }

    fn create(&self, title: &str, srs: Option<i32>) -> Result<(), StoreError> {
        let (table, definition) = (&self.table, self.snapshot.definition());
        let fields = self.contents.fields.iter().map(|field| &definition.fields[*field]);
        let mut columns = vec!["\"fid\" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL".to_owned()];
        columns.extend(srs.map(|_| format!("\"geom\" {}", definition.geometry.sql_name())));
        columns.extend(fields.map(|field| format!("\"{}\" {}", field.name, column_type(field.kind))));
        let mut sql = format!("CREATE TABLE \"{table}\" ({});", columns.join(", "));
        if srs.is_some() {
            // Writing to a string cannot fail.
            let _ = write!(
                sql,
                "CREATE VIRTUAL TABLE \"rtree_{table}_geom\" USING rtree (id, minx, maxx, miny, maxy); \
                 INSERT INTO gpkg_extensions VALUES ('{table}', 'geom', 'gpkg_rtree_index', \
                 'http://www.geopackage.org/spec120/#extension_rtree', 'write-only');"
            );
        }
        self.connection.execute_batch(&sql).map_err(|e| failure(&e))?;
        if let Some(srs) = srs {
            // The standard wants WGS 84 in every file (requirement 11).
            srs::ensure(self.connection, 4326)?;
            srs::ensure(self.connection, srs)?;
        }
        let kind = if srs.is_some() { "features" } else { "attributes" };
        let sql = "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, srs_id) VALUES (?1, ?2, ?1, ?3, ?4)";
        self.connection.execute(sql, (table, kind, title, srs)).map_err(|e| failure(&e))?;
        if let Some(srs) = srs {
            let sql = "INSERT INTO gpkg_geometry_columns VALUES (?1, 'geom', ?2, ?3, 0, 0)";
            self.connection.execute(sql, (table, definition.geometry.sql_name(), srs)).map_err(|e| failure(&e))?;
        }
        Ok(())
    }

    /// Inserts the rows; gives their bounds, where there are any.
    fn insert(&self, rows: &[RowAt], srs: Option<i32>, stop: &Stop) -> Result<Option<[f64; 4]>, WriteError> {
        let (table, fields) = (&self.table, &self.contents.fields);
        let values = vec!["?"; 1 + usize::from(srs.is_some()) + fields.len()].join(", ");
        let failed = |e: rusqlite::Error| failure(&e);
        let mut insert =
            self.connection.prepare(&format!("INSERT INTO \"{table}\" VALUES ({values})")).map_err(failed)?;
        let index = format!("INSERT INTO \"rtree_{table}_geom\" VALUES (?1, ?2, ?3, ?4, ?5)");
        let mut index = srs.map(|_| self.connection.prepare(&index)).transpose().map_err(failed)?;
        let positions = Positions::in_crs(&self.contents.crs);
        let (mut all, mut scratch) = (None, Vec::new());
        for (count, at) in rows.iter().enumerate() {
            stop.check_at(count, SLICE)?;
            let row = self.snapshot.row_at(*at);
            let bounds = match srs {
                Some(srs) => bind_geometry(&mut insert, row, &positions, srs, &mut scratch).map_err(failed)?,
                None => None,
            };
            insert.raw_bind_parameter(1, row.id()).map_err(failed)?;
            let first = 2 + usize::from(srs.is_some());
            for (place, field) in fields.iter().enumerate() {
                bind_value(&mut insert, first + place, row.base.value(row.row, *field)).map_err(failed)?;
            }
            insert.raw_execute().map_err(failed)?;
            if let (Some(index), Some([west, south, east, north])) = (&mut index, bounds) {
                index.execute((row.id(), west, east, south, north)).map_err(failed)?;
            }
            all = union(all, bounds);
        }
        Ok(all)
    }

    /// The triggers that keep the index true when the file is edited (OGC 12-128r18, annex F.3). They call functions that
    /// GDAL and QGIS have.
    fn index_triggers(&self) -> String {
        let (t, index) = (&self.table, format!("rtree_{}_geom", self.table));
        let boxed =
            "NEW.\"fid\", ST_MinX(NEW.\"geom\"), ST_MaxX(NEW.\"geom\"), ST_MinY(NEW.\"geom\"), ST_MaxY(NEW.\"geom\")";
        let (has, lacks) = (
            "(NEW.\"geom\" NOTNULL AND NOT ST_IsEmpty(NEW.\"geom\"))",
            "(NEW.\"geom\" ISNULL OR ST_IsEmpty(NEW.\"geom\"))",
        );
        let put = format!("INSERT OR REPLACE INTO \"{index}\" VALUES ({boxed});");
        let take = |of: &str| format!("DELETE FROM \"{index}\" WHERE id = {of}.\"fid\";");
        let both = format!("DELETE FROM \"{index}\" WHERE id IN (OLD.\"fid\", NEW.\"fid\");");
        let (same, other) = ("OLD.\"fid\" = NEW.\"fid\"", "OLD.\"fid\" != NEW.\"fid\"");
        let update = |name: &str, of: &str, when: String, what: &str| {
            format!("CREATE TRIGGER \"{index}_{name}\" AFTER UPDATE{of} ON \"{t}\" WHEN {when} BEGIN {what} END;")
        };
        [
            format!("CREATE TRIGGER \"{index}_insert\" AFTER INSERT ON \"{t}\" WHEN {has} BEGIN {put} END;"),
            update(
                "update6",
                " OF \"geom\"",
                format!("{same} AND {has} AND (OLD.\"geom\" NOTNULL AND NOT ST_IsEmpty(OLD.\"geom\"))"),
                &format!(
                    "UPDATE \"{index}\" SET minx = ST_MinX(NEW.\"geom\"), maxx = ST_MaxX(NEW.\"geom\"), \
                 miny = ST_MinY(NEW.\"geom\"), maxy = ST_MaxY(NEW.\"geom\") WHERE id = NEW.\"fid\";"
                ),
            ),
            update(
                "update7",
                " OF \"geom\"",
                format!("{same} AND {has} AND (OLD.\"geom\" ISNULL OR ST_IsEmpty(OLD.\"geom\"))"),
                &put,
            ),
            update("update2", " OF \"geom\"", format!("{same} AND {lacks}"), &take("OLD")),
            update("update5", "", format!("{other} AND {has}"), &format!("{} {put}", take("OLD"))),
            update("update4", "", format!("{other} AND {lacks}"), &both),
            format!(
                "CREATE TRIGGER \"{index}_delete\" AFTER DELETE ON \"{t}\" WHEN OLD.\"geom\" NOT NULL BEGIN {} END;",
                take("OLD")
            ),
        ]
        .concat()
    }
}

fn bind_geometry(
    insert: &mut Statement<'_>,
    row: RowRef<'_>,
    positions: &Positions,
    srs: i32,
    scratch: &mut Vec<u8>,
) -> rusqlite::Result<Option<[f64; 4]>> {
    let Some(geometry) = positions.geometry(row) else {
        insert.raw_bind_parameter(2, Null)?;
        return Ok(None);
    };
    scratch.clear();
    let bounds = blob::encode(&geometry, srs, scratch);
    insert.raw_bind_parameter(2, &scratch[..])?;
    Ok(bounds)
}

fn bind_value(insert: &mut Statement<'_>, place: usize, value: ValueRef<'_>) -> rusqlite::Result<()> {
    match value {
        ValueRef::Text(text) => insert.raw_bind_parameter(place, ToSqlOutput::Borrowed(SqlRef::Text(text.as_bytes()))),
        other => insert.raw_bind_parameter(place, super::values::bound(&other.to_value())),
    }
}

fn union(a: Option<[f64; 4]>, b: Option<[f64; 4]>) -> Option<[f64; 4]> {
    match (a, b) {
        (Some(a), Some(b)) => Some([a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]),
        (a, b) => a.or(b),
    }
}
