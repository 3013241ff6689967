//! `GeoParquet` 1.1: columns of some thousands of features at a time, which are all that is held of it. Without Arrow, of
//! which nothing here would be used but its names of types.

use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{ColumnPath, Type};
use serde_json::json;

use super::{Contents, WriteError, id_column};
use crate::cache::{RowAt, RowRef, Snapshot, ValueRef};
use crate::crs::Crs;
use crate::definition::{FieldType, GeometryType, LayerDefinition};
use crate::query::Positions;
use crate::store::wkb;

/// The column of geometries. No field is called so: fields have no other names than letters of the alphabet, but one might
/// be called `geometry`; then this one is `geom`, which none may be called.
fn geometry_column(definition: &LayerDefinition) -> &'static str {
    if definition.field("geometry").is_some() { "geom" } else { "geometry" }
}

/// Writes features as a `GeoParquet` file.
pub struct GeoParquetWriter {
    writer: SerializedFileWriter<Vec<u8>>,
    fields: Vec<(usize, FieldType)>,
    positions: Option<Positions>,
}

impl GeoParquetWriter {
    /// Features that make a group of the file, which is held while it is written.
    pub const GROUP: usize = 8_192;

    /// Begins a file of features of a layer.
    ///
    /// # Errors
    /// When the CRS cannot be described.
    pub fn begin(definition: &LayerDefinition, contents: &Contents) -> Result<Self, WriteError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(format!("Bricola {}", env!("CARGO_PKG_VERSION")))
            // The least and the greatest geometry mean nothing.
            .set_column_statistics_enabled(ColumnPath::from(geometry_column(definition)), EnabledStatistics::None)
            .set_column_dictionary_enabled(ColumnPath::from(geometry_column(definition)), false)
            .set_key_value_metadata(geo(definition, contents)?.map(|geo| vec![KeyValue::new("geo".to_owned(), geo)]))
            .build();
        let schema = Arc::new(schema(definition, contents)?);
        Ok(Self {
            writer: SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?,
            fields: contents.columns(definition).map(|(position, field)| (position, field.kind)).collect(),
            positions: contents.positions(),
        })
    }

    /// Appends what has to be written for a group of features.
    ///
    /// # Errors
    /// None that is known: memory takes everything.
    pub fn write(&mut self, out: &mut Vec<u8>, snapshot: &Snapshot, rows: &[RowAt]) -> Result<(), WriteError> {
        let row = |at: &RowAt| snapshot.row_at(*at);
        let mut group = self.writer.next_row_group()?;
        let ids: Vec<i64> = rows.iter().map(|at| row(at).id()).collect();
        let mut column = group.next_column()?.ok_or_else(missing)?;
        column.typed::<Int64Type>().write_batch(&ids, None, None)?;
        column.close()?;
        for (field, kind) in &self.fields {
            let values = rows.iter().map(|at| value(row(at), *field));
            write_field(&mut group, *kind, values)?;
        }
        if let Some(positions) = &self.positions {
            let wkb = |at: &RowAt| {
                let geometry = positions.geometry(row(at))?;
                let mut bytes = Vec::new();
                wkb::encode(&geometry, &mut bytes);
                Some(ByteArray::from(bytes))
            };
            put::<ByteArrayType>(&mut group, rows.iter().map(wkb))?;
        }
        group.close()?;
        self.take(out)
    }

    /// Appends the end of the file.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), WriteError> {
        self.writer.finish()?;
        self.take(out)
    }

    fn take(&mut self, out: &mut Vec<u8>) -> Result<(), WriteError> {
        self.writer.flush()?;
        out.append(self.writer.inner_mut());
        Ok(())
    }
}

fn missing() -> ParquetError {
    ParquetError::General("the file has fewer columns than its schema".to_owned())
}

fn value(row: RowRef<'_>, field: usize) -> ValueRef<'_> {
    row.base.value(row.row, field)
}

fn write_field<'a>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    kind: FieldType,
    values: impl Iterator<Item = ValueRef<'a>>,
) -> Result<(), ParquetError> {
    /// Days from the first of the year 1 to the first of 1970.
    const EPOCH: i32 = 719_163;
    macro_rules! column {
        ($type:ty, $pattern:pat => $value:expr) => {
            put::<$type>(group, values.map(|value| if let $pattern = value { Some($value) } else { None }))
        };
    }
    match kind {
        FieldType::Text => column!(ByteArrayType, ValueRef::Text(text) => ByteArray::from(text)),
        FieldType::Integer => column!(Int64Type, ValueRef::Integer(number) => number),
        FieldType::Real => column!(DoubleType, ValueRef::Real(number) => number),
        FieldType::Boolean => column!(BoolType, ValueRef::Boolean(value) => value),
        FieldType::Date => {
            column!(Int32Type, ValueRef::Date(day) => chrono::Datelike::num_days_from_ce(&day) - EPOCH)
        }
        FieldType::DateTime => column!(Int64Type, ValueRef::DateTime(instant) => instant.timestamp_micros()),
    }
}

/// Writes a column of which some values may be missing.
fn put<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    values: impl Iterator<Item = Option<T::T>>,
) -> Result<(), ParquetError> {
    let (mut there, mut levels) = (Vec::new(), Vec::new());
    for value in values {
        levels.push(i16::from(value.is_some()));
        there.extend(value);
    }
    let mut column = group.next_column()?.ok_or_else(missing)?;
    column.typed::<T>().write_batch(&there, Some(&levels), None)?;
    column.close()
}

fn schema(definition: &LayerDefinition, contents: &Contents) -> Result<Type, ParquetError> {
    let column = |name: &str, physical, logical: Option<LogicalType>, repetition| {
        let builder = Type::primitive_type_builder(name, physical);
        builder.with_logical_type(logical).with_repetition(repetition).build().map(Arc::new)
    };
    let mut columns = vec![column(id_column(definition), Physical::INT64, None, Repetition::REQUIRED)?];
    for (_, field) in contents.columns(definition) {
        let (physical, logical) = match field.kind {
            FieldType::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            FieldType::Integer => (Physical::INT64, None),
            FieldType::Real => (Physical::DOUBLE, None),
            FieldType::Boolean => (Physical::BOOLEAN, None),
            FieldType::Date => (Physical::INT32, Some(LogicalType::Date)),
            FieldType::DateTime => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MICROS))),
        };
        columns.push(column(&field.name, physical, logical, Repetition::OPTIONAL)?);
    }
    if contents.geometry {
        columns.push(column(geometry_column(definition), Physical::BYTE_ARRAY, None, Repetition::OPTIONAL)?);
    }
    Type::group_type_builder("schema").with_fields(columns).build()
}

/// What `GeoParquet` 1.1 wants to be told of the geometries; nothing where there are none.
fn geo(definition: &LayerDefinition, contents: &Contents) -> Result<Option<String>, WriteError> {
    if !contents.geometry {
        return Ok(None);
    }
    let mut column = json!({"encoding": "WKB", "geometry_types": geometry_types(definition.geometry)});
    if contents.crs != Crs::crs84() {
        column["crs"] = contents.crs.projjson()?;
    }
    let name = geometry_column(definition);
    Ok(Some(json!({"version": "1.1.0", "primary_column": name, "columns": {name: column}}).to_string()))
}

/// Those that may occur; an empty list is any.
const fn geometry_types(kind: GeometryType) -> &'static [&'static str] {
    match kind {
        GeometryType::Point => &["Point"],
        GeometryType::MultiPoint => &["MultiPoint"],
        GeometryType::LineString => &["LineString"],
        GeometryType::MultiLineString => &["MultiLineString"],
        GeometryType::Polygon => &["Polygon"],
        GeometryType::MultiPolygon => &["MultiPolygon"],
        GeometryType::Geometry => &[],
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    use parquet::record::Field;

    use super::super::tests::{everything, points};
    use super::*;

    fn written(contents: &Contents) -> SerializedFileReader<Bytes> {
        let snapshot = points();
        let (rows, _) = everything(&snapshot);
        let mut out = Vec::new();
        let mut writer = GeoParquetWriter::begin(snapshot.definition(), contents).expect("begun");
        for group in rows.chunks(300) {
            writer.write(&mut out, &snapshot, group).expect("written");
        }
        writer.finish(&mut out).expect("finished");
        SerializedFileReader::new(Bytes::from(out)).expect("a file")
    }

    #[test]
    fn every_value_is_read_back_with_its_type() {
        let (_, contents) = everything(&points());
        let reader = written(&contents);
        assert_eq!(reader.metadata().num_row_groups(), 4);
        let rows: Vec<_> = reader.get_row_iter(None).expect("rows").map(|row| row.expect("a row")).collect();
        assert_eq!(rows.len(), 1_000);
        for (n, row) in (0_i64..).zip(&rows) {
            let values: Vec<&Field> = row.get_column_iter().map(|(_, field)| field).collect();
            assert_eq!(values[0], &Field::Long(n + 1));
            if n % 3 == 2 {
                assert!(values[1..7].iter().all(|field| **field == Field::Null), "{n}: {values:?}");
            } else {
                let expected = [
                    Field::Str(format!("punto {n}")),
                    Field::Long(n * 1_000_000_007),
                    Field::Double(n as f64 / 7.0),
                    Field::Bool(n % 2 == 0),
                    Field::Date(738_000 + n as i32 - 719_163),
                    Field::TimestampMicros(1_700_000_000_000_000 + n),
                ];
                assert!(values[1..7].iter().zip(&expected).all(|(found, wanted)| *found == wanted), "{n}: {values:?}");
            }
            match values[7] {
                Field::Null => assert_eq!(n % 5, 4),
                // Little-endian, a point, two doubles.
                Field::Bytes(wkb) => assert_eq!((wkb.len(), &wkb.data()[..5]), (21, &[1_u8, 1, 0, 0, 0][..])),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn the_geometries_are_described() {
        let (_, contents) = everything(&points());
        let geo = |contents: &Contents| {
            let reader = written(contents);
            let all = reader.metadata().file_metadata().key_value_metadata().cloned().unwrap_or_default();
            let text = all.into_iter().find(|pair| pair.key == "geo").and_then(|pair| pair.value);
            text.map(|text| serde_json::from_str::<serde_json::Value>(&text).expect("JSON"))
        };
        let plain = geo(&contents).expect("described");
        assert_eq!((&plain["version"], &plain["primary_column"]), (&json!("1.1.0"), &json!("geometry")));
        assert_eq!(plain["columns"]["geometry"], json!({"encoding": "WKB", "geometry_types": ["Point"]}));
        let metric = geo(&Contents { crs: Crs::epsg(7795).expect("a CRS"), ..contents.clone() }).expect("described");
        assert_eq!(metric["columns"]["geometry"]["crs"]["id"], json!({"authority": "EPSG", "code": 7795}));
        assert_eq!(geo(&Contents { geometry: false, ..contents }), None);
    }
}
