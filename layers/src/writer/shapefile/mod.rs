//! Shapefiles in a zip archive: `.shp`, `.shx`, `.dbf`, `.prj`, `.cpg`, and a table that says which column is which field.
//!
//! What the format cannot hold: names of more than ten letters are cut ([`names::fitting`]), texts of more than 254 bytes
//! too, instants become texts, no value and an empty text are the same. A layer of mixed geometries becomes one shapefile
//! for points, one for lines, one for surfaces.

mod dbf;
mod names;
mod shp;

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write as _};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::{Contents, Stop, WriteError, id_column};
use crate::cache::{GeometryKind, RowAt, Snapshot};
use crate::crs::Crs;
use crate::definition::{FieldType, GeometryType};
use dbf::Column;
use shp::{ShapeType, ShapeWriter};

/// Bytes of the longest file that the format's readers take.
const LONGEST: usize = i32::MAX as usize;
/// Columns of the widest table.
const MOST_COLUMNS: usize = 255;
/// Features after which is asked whether anybody still waits.
const SLICE: usize = 512;
/// What `.prj` files hold, by EPSG code: the WKT of ESRI, as GDAL writes it.
const ESRI: &str = include_str!("esri.tsv");

/// Writes shapefiles of some features of a snapshot, in their order, as a zip archive. It has no name in any folder, so
/// that it is gone with its handle, whatever happens.
///
/// # Errors
/// [`WriteError::TooLarge`] past 2 GB of geometries or of attributes, [`WriteError::Stopped`] once `stop` says so, when a
/// file cannot be written, or the CRS cannot.
pub fn export(snapshot: &Snapshot, rows: &[RowAt], contents: &Contents, stop: &Stop) -> Result<File, WriteError> {
    let mut archive = ZipWriter::new(BufWriter::new(tempfile::tempfile()?));
    for group in groups(snapshot, rows, contents) {
        group.write(snapshot, contents, stop, &mut archive)?;
    }
    let named = columns(snapshot, contents);
    put(&mut archive, &format!("{}_fields.csv", snapshot.definition().id), &fields(snapshot, &named))?;
    let mut file = archive.finish().map_err(io::Error::from)?.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

type Archive = ZipWriter<BufWriter<File>>;

fn options() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated).compression_level(Some(1))
}

fn put(archive: &mut Archive, name: &str, bytes: &[u8]) -> Result<(), WriteError> {
    archive.start_file(name, options()).map_err(io::Error::from)?;
    archive.write_all(bytes)?;
    Ok(())
}

/// The features of one shapefile.
struct Group {
    name: String,
    /// A table without shapes where there is none.
    kind: Option<ShapeType>,
    rows: Vec<RowAt>,
}

/// One group, or one for each kind of geometry that there is.
fn groups(snapshot: &Snapshot, rows: &[RowAt], contents: &Contents) -> Vec<Group> {
    let definition = snapshot.definition();
    let all = |kind| vec![Group { name: definition.id.clone(), kind, rows: rows.to_vec() }];
    if !contents.geometry {
        return all(None);
    }
    match definition.geometry {
        GeometryType::Point => return all(Some(ShapeType::Point)),
        GeometryType::MultiPoint => return all(Some(ShapeType::MultiPoint)),
        GeometryType::LineString | GeometryType::MultiLineString => return all(Some(ShapeType::Line)),
        GeometryType::Polygon | GeometryType::MultiPolygon => return all(Some(ShapeType::Polygon)),
        GeometryType::Geometry => {}
    }
    let kind_of = |at: &RowAt| {
        let row = snapshot.row_at(*at);
        (row.base.geometry().kind(row.row), row.base.geometry().is_multi(row.row))
    };
    // Those without a place go with the points: any shapefile may hold them.
    let points = |at: &RowAt| matches!(kind_of(at).0, GeometryKind::None | GeometryKind::Point);
    let some = |holds: &dyn Fn(&RowAt) -> bool| rows.iter().filter(|at| holds(at)).copied().collect::<Vec<_>>();
    let are_multi = rows.iter().any(|at| kind_of(at) == (GeometryKind::Point, true));
    let point = if are_multi { ShapeType::MultiPoint } else { ShapeType::Point };
    let kinds = [
        ("points", point, some(&points)),
        ("lines", ShapeType::Line, some(&|at| kind_of(at).0 == GeometryKind::Line)),
        ("surfaces", ShapeType::Polygon, some(&|at| kind_of(at).0 == GeometryKind::Polygon)),
    ];
    let is_wanted = |place: usize, group: &Vec<RowAt>| !group.is_empty() || (place == 0 && rows.is_empty());
    let named = kinds.into_iter().enumerate().filter(|(place, (.., group))| is_wanted(*place, group));
    let group =
        |(_, (suffix, kind, rows))| Group { name: format!("{}_{suffix}", definition.id), kind: Some(kind), rows };
    named.map(group).collect()
}

/// The columns of the tables: the id, then the fields.
fn columns(snapshot: &Snapshot, contents: &Contents) -> Vec<Column> {
    let definition = snapshot.definition();
    let fields: Vec<_> = contents.columns(definition).collect();
    let all = std::iter::once(id_column(definition)).chain(fields.iter().map(|(_, field)| field.name.as_str()));
    let mut names = names::fitting(all).into_iter();
    let id = names.next().map(|name| Column::new(None, name, FieldType::Integer));
    let of_field = |(name, (position, field)): (String, &(usize, &crate::definition::FieldDefinition))| {
        Column::new(Some(*position), name, field.kind)
    };
    id.into_iter().chain(names.zip(&fields).map(of_field)).collect()
}

/// Which column is which field, with its titles.
fn fields(snapshot: &Snapshot, columns: &[Column]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing to a vector cannot fail.
    let _ = writer.write_record(["column", "field", "titolo", "title"]);
    for column in columns {
        let record = match column.field.map(|field| &snapshot.definition().fields[field]) {
            None => [column.name.as_str(), "id", "identificatore", "identifier"],
            Some(field) => [column.name.as_str(), &field.name, &field.title.it, &field.title.en],
        };
        let _ = writer.write_record(record);
    }
    writer.into_inner().unwrap_or_default()
}

impl Group {
    fn write(
        &self,
        snapshot: &Snapshot,
        contents: &Contents,
        stop: &Stop,
        archive: &mut Archive,
    ) -> Result<(), WriteError> {
        let name = |extension: &str| format!("{}.{extension}", self.name);
        if let Some(kind) = self.kind {
            let (shapes, index) = self.shapes(snapshot, contents, kind, stop)?;
            for (mut file, extension) in [(shapes, "shp"), (index, "shx")] {
                archive.start_file(name(extension), options()).map_err(io::Error::from)?;
                file.seek(SeekFrom::Start(0))?;
                io::copy(&mut file, archive)?;
            }
            put(archive, &name("prj"), projection(&contents.crs)?.as_bytes())?;
        }
        archive.start_file(name("dbf"), options()).map_err(io::Error::from)?;
        self.table(snapshot, contents, stop, archive)?;
        put(archive, &name("cpg"), b"UTF-8")
    }

    fn shapes(
        &self,
        snapshot: &Snapshot,
        contents: &Contents,
        kind: ShapeType,
        stop: &Stop,
    ) -> Result<(File, File), WriteError> {
        let file = || io::Result::Ok(BufWriter::new(tempfile::tempfile()?));
        let mut writer = ShapeWriter::begin(file()?, file()?, kind)?;
        let (positions, mut places) = (contents.positions(), Vec::new());
        for (count, at) in self.rows.iter().enumerate() {
            stop.check_at(count, SLICE)?;
            let row = snapshot.row_at(*at);
            if !positions.as_ref().is_some_and(|positions| positions.of(row, &mut places)) {
                places.clear();
            }
            writer.write(row, &places)?;
            if writer.bytes() > LONGEST {
                return Err(too_large("geometries"));
            }
        }
        let (shapes, index) = writer.finish()?;
        let whole = |file: BufWriter<File>| file.into_inner().map_err(io::IntoInnerError::into_error);
        Ok((whole(shapes)?, whole(index)?))
    }

    fn table(
        &self,
        snapshot: &Snapshot,
        contents: &Contents,
        stop: &Stop,
        out: &mut Archive,
    ) -> Result<(), WriteError> {
        let mut columns = columns(snapshot, contents);
        if columns.len() > MOST_COLUMNS {
            return Err(WriteError::TooLarge(format!("the layer has more than {MOST_COLUMNS} fields")));
        }
        for (count, at) in self.rows.iter().enumerate() {
            stop.check_at(count, SLICE)?;
            for column in &mut columns {
                column.widen(snapshot.row_at(*at));
            }
        }
        let row_bytes = dbf::row_bytes(&columns);
        if row_bytes > u16::MAX.into() || row_bytes.saturating_mul(self.rows.len()) > LONGEST {
            return Err(too_large("attributes"));
        }
        dbf::write_head(out, &columns, self.rows.len() as u32)?;
        let mut piece = Vec::new();
        for (count, at) in self.rows.iter().enumerate() {
            stop.check_at(count, SLICE)?;
            dbf::put_row(&mut piece, &columns, snapshot.row_at(*at));
            if count % SLICE == SLICE - 1 {
                out.write_all(&piece)?;
                piece.clear();
            }
        }
        piece.push(0x1a);
        out.write_all(&piece)?;
        Ok(())
    }
}

fn too_large(what: &str) -> WriteError {
    WriteError::TooLarge(format!("the {what} would be more than the 2 GB that a shapefile can hold"))
}

/// What goes into `.prj`: the WKT of ESRI for the systems in use in Italy, the WKT of ISO for others, which GDAL reads too.
fn projection(crs: &Crs) -> Result<String, WriteError> {
    let code = crs.code().map(|code| code.to_string());
    let known = ESRI.lines().filter_map(|line| line.split_once('\t')).find(|(of, _)| Some(*of) == code.as_deref());
    Ok(match known {
        Some((_, wkt)) => wkt.to_owned(),
        None => crs.wkt()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prj_files_name_the_systems_that_they_stand_for() {
        for line in ESRI.lines() {
            let (code, wkt) = line.split_once('\t').expect("a code and its definition");
            let crs = Crs::epsg(code.parse().expect("a code")).expect("known");
            assert_eq!(projection(&crs).expect("written"), wkt);
            let read = Crs::from_definition(wkt).expect("a CRS");
            assert_eq!(read.is_geographic(), crs.is_geographic(), "{code}");
        }
        let other = projection(&Crs::epsg(2056).expect("known")).expect("written");
        assert!(other.starts_with("PROJCRS["), "{other}");
    }
}
