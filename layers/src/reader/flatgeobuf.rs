//! `FlatGeobuf` 3: the fast path of bulk loads. Sequential; the index in the file is passed over.
//!
//! Framing is done here and not by the crate's iterator, which allocates whatever size a feature declares; every
//! buffer is verified before it is looked into.

use std::io::{BufRead, BufReader, Read};

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use flatgeobuf::packed_r_tree::PackedRTree;
use flatgeobuf::{ColumnType, Geometry as FgbGeometry, GeometryType as FgbType, Header};
use geo_types::{
    Coord, Geometry, GeometryCollection, LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon,
};

use super::geometry::{feature, polygon, row_error};
use super::source::{Source, Stream, broken};
use super::tally::Tally;
use super::{ReadError, Reader, SourceCrs, SourceFeature, SourceField, SourceSchema, crs_name};
use crate::definition::{FieldType, GeometryType};
use crate::feature::Value;
use crate::limits::{MAX_COLUMNS, MAX_NESTING, MAX_ROW_BYTES, MAX_TAG_BYTES};

/// Opens a `FlatGeobuf` source.
pub(super) fn open(source: &Source) -> Result<Box<dyn Reader>, ReadError> {
    let name = source.name();
    let mut input = BufReader::with_capacity(1024 * 1024, source.open()?);
    let mut start = [0; 12];
    input.read_exact(&mut start).map_err(|error| broken(&name, &error))?;
    let size = u32::from_le_bytes([start[8], start[9], start[10], start[11]]) as usize;
    let damaged = |what: &str| ReadError::File(format!("{name}: {what}; the file is damaged: export it again"));
    if !(8..=10 * MAX_TAG_BYTES).contains(&size) {
        return Err(damaged(&format!("the header claims {size} bytes")));
    }
    let mut buffer = start[8..12].to_vec();
    buffer.resize(size + 4, 0);
    input.read_exact(&mut buffer[4..]).map_err(|error| broken(&name, &error))?;
    let header =
        flatgeobuf::size_prefixed_root_as_header(&buffer).map_err(|_| damaged("the header is not readable"))?;
    skip_index(&mut input, &header).map_err(|reason| damaged(&reason))?;
    let columns: Vec<Column> = header.columns().map_or_else(Vec::new, |columns| {
        columns.iter().map(|column| Column { name: column.name().to_owned(), kind: column.type_() }).collect()
    });
    if columns.len() > MAX_COLUMNS {
        return Err(damaged(&format!("{} columns, more than MAX_COLUMNS ({MAX_COLUMNS})", columns.len())));
    }
    let schema = SourceSchema {
        format: "FlatGeobuf",
        layer: header.name().filter(|name| !name.is_empty()).map_or_else(|| source.stem(), str::to_owned),
        fields: columns.iter().map(|c| SourceField { name: c.name.clone(), kind: c.field_type() }).collect(),
        crs: crs(&header),
        geometry: geometry_type(header.geometry_type()),
        tabular: false,
        rows: (header.features_count() > 0).then_some(header.features_count()),
        encoding: None,
        remarks: Vec::new(),
    };
    let kind = header.geometry_type();
    Ok(Box::new(FgbReader { input, name, schema, columns, kind, buffer, tally: Tally::default(), row: 0, over: false }))
}

fn skip_index(input: &mut impl Read, header: &Header) -> Result<(), String> {
    let (count, node) = (header.features_count(), header.index_node_size());
    if node == 0 || count == 0 {
        return Ok(());
    }
    if node < 2 || count > 1 << 40 {
        return Err(format!("the index claims {count} features in nodes of {node}"));
    }
    let size = PackedRTree::index_size(count as usize, node) as u64;
    let skipped = std::io::copy(&mut input.take(size), &mut std::io::sink()).map_err(|error| error.to_string())?;
    if skipped < size { Err("the index is cut off".to_owned()) } else { Ok(()) }
}

fn crs(header: &Header) -> SourceCrs {
    let Some(crs) = header.crs() else { return SourceCrs::Undeclared };
    let epsg = crs.org().is_none_or(|org| org.is_empty() || org.eq_ignore_ascii_case("EPSG"));
    match (u32::try_from(crs.code()), crs.wkt()) {
        (Ok(code), _) if epsg && code > 0 => SourceCrs::Epsg(code),
        (_, Some(wkt)) => crs_name::from_wkt(wkt),
        _ => crs.name().map_or(SourceCrs::Undeclared, |name| crs_name::parse(name).0),
    }
}

fn geometry_type(kind: FgbType) -> Option<GeometryType> {
    Some(match kind {
        FgbType::Point => GeometryType::Point,
        FgbType::MultiPoint => GeometryType::MultiPoint,
        FgbType::LineString => GeometryType::LineString,
        FgbType::MultiLineString => GeometryType::MultiLineString,
        FgbType::Polygon => GeometryType::Polygon,
        FgbType::MultiPolygon => GeometryType::MultiPolygon,
        FgbType::GeometryCollection => GeometryType::Geometry,
        _ => return None,
    })
}

struct Column {
    name: String,
    kind: ColumnType,
}

impl Column {
    fn field_type(&self) -> FieldType {
        match self.kind {
            ColumnType::Bool => FieldType::Boolean,
            ColumnType::Float | ColumnType::Double => FieldType::Real,
            ColumnType::DateTime => FieldType::DateTime,
            ColumnType::String | ColumnType::Json | ColumnType::Binary => FieldType::Text,
            _ => FieldType::Integer,
        }
    }
}

struct FgbReader {
    input: BufReader<Stream>,
    name: String,
    schema: SourceSchema,
    columns: Vec<Column>,
    kind: FgbType,
    buffer: Vec<u8>,
    tally: Tally,
    row: u64,
    over: bool,
}

impl FgbReader {
    /// Reads the bytes of the next feature; false at the end.
    fn frame(&mut self) -> Result<bool, ReadError> {
        if self.input.fill_buf().map_err(|error| broken(&self.name, &error))?.is_empty() {
            return match self.schema.rows {
                Some(rows) if rows > self.row => Err(ReadError::File(format!(
                    "{}: the file is truncated: {} of {rows} features; copy or download it again",
                    self.name, self.row
                ))),
                _ => Ok(false),
            };
        }
        let mut size = [0; 4];
        self.input.read_exact(&mut size).map_err(|error| broken(&self.name, &error))?;
        let bytes = u32::from_le_bytes(size) as usize;
        if !(4..=MAX_ROW_BYTES).contains(&bytes) {
            return Err(ReadError::File(format!(
                "{}: feature {} claims {bytes} bytes (MAX_ROW_BYTES is {MAX_ROW_BYTES}); the file is damaged",
                self.name,
                self.row + 1
            )));
        }
        self.buffer.clear();
        self.buffer.extend_from_slice(&size);
        self.buffer.resize(bytes + 4, 0);
        self.input.read_exact(&mut self.buffer[4..]).map_err(|error| broken(&self.name, &error))?;
        Ok(true)
    }

    fn parse(&mut self) -> Result<SourceFeature, ReadError> {
        let row = self.row;
        let bad = |reason: &str| row_error(row, reason);
        let raw = flatgeobuf::size_prefixed_root_as_feature(&self.buffer)
            .map_err(|_| bad("the feature is damaged; export the file again"))?;
        let geometry = match raw.geometry() {
            Some(geometry) => read_geometry(&geometry, self.kind, 0, &mut self.tally).map_err(|reason| bad(&reason))?,
            None => None,
        };
        let mut values = vec![Value::Null; self.columns.len()];
        if let Some(properties) = raw.properties() {
            let mut rest = properties.bytes();
            // Some writers leave one trailing byte.
            while rest.len() > 1 {
                rest = read_value(rest, &self.columns, &mut values, &mut self.tally).map_err(|reason| bad(&reason))?;
            }
        }
        feature(row, geometry, values)
    }
}

/// Reads one property from the front of `bytes` and gives back what is after it.
fn read_value<'b>(
    bytes: &'b [u8],
    columns: &[Column],
    values: &mut [Value],
    tally: &mut Tally,
) -> Result<&'b [u8], String> {
    let (at, rest) = bytes.split_first_chunk::<2>().ok_or("the properties are cut off")?;
    let at = usize::from(u16::from_le_bytes(*at));
    let column = columns.get(at).ok_or_else(|| format!("property of column {at}, which the header does not have"))?;
    let cut_off = || format!("field `{}` is cut off", column.name);
    macro_rules! number {
        ($type:ty) => {{
            let (raw, rest) = rest.split_first_chunk().ok_or_else(cut_off)?;
            (<$type>::from_le_bytes(*raw), rest)
        }};
    }
    let real = |value: f64, tally: &mut Tally| {
        if value.is_finite() {
            return Value::Real(value);
        }
        tally.not_finite += 1;
        Value::Null
    };
    let (value, rest) = match column.kind {
        ColumnType::Bool => {
            let (value, rest) = number!(u8);
            (Value::Boolean(value != 0), rest)
        }
        ColumnType::Byte => {
            let (value, rest) = number!(i8);
            (Value::Integer(value.into()), rest)
        }
        ColumnType::UByte => {
            let (value, rest) = number!(u8);
            (Value::Integer(value.into()), rest)
        }
        ColumnType::Short => {
            let (value, rest) = number!(i16);
            (Value::Integer(value.into()), rest)
        }
        ColumnType::UShort => {
            let (value, rest) = number!(u16);
            (Value::Integer(value.into()), rest)
        }
        ColumnType::Int => {
            let (value, rest) = number!(i32);
            (Value::Integer(value.into()), rest)
        }
        ColumnType::UInt => {
            let (value, rest) = number!(u32);
            (Value::Integer(value.into()), rest)
        }
        ColumnType::Long => {
            let (value, rest) = number!(i64);
            (Value::Integer(value), rest)
        }
        ColumnType::ULong => {
            let (value, rest) = number!(u64);
            let value = i64::try_from(value)
                .map_err(|_| format!("field `{}`: {value} is larger than a 64-bit integer", column.name))?;
            (Value::Integer(value), rest)
        }
        ColumnType::Float => {
            let (value, rest) = number!(f32);
            (real(value.into(), tally), rest)
        }
        ColumnType::Double => {
            let (value, rest) = number!(f64);
            (real(value, tally), rest)
        }
        kind => {
            let (length, rest) = number!(u32);
            let (raw, rest) = rest.split_at_checked(length as usize).ok_or_else(cut_off)?;
            (text_value(kind, raw, tally), rest)
        }
    };
    values[at] = value;
    Ok(rest)
}

fn text_value(kind: ColumnType, raw: &[u8], tally: &mut Tally) -> Value {
    if kind == ColumnType::Binary {
        tally.binary += 1;
        return Value::Null;
    }
    let text = super::encoding::utf8_or_1252(raw, tally);
    if kind == ColumnType::DateTime {
        return date_or_time(&text);
    }
    Value::Text(text.into_owned())
}

/// A date or an instant in ISO 8601; without an offset it is taken for UTC. What is neither stays text.
pub(super) fn date_or_time(text: &str) -> Value {
    let text = text.trim();
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Value::Date(date);
    }
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Value::DateTime(instant.with_timezone(&Utc));
    }
    for format in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y/%m/%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M"] {
        if let Ok(instant) = NaiveDateTime::parse_from_str(text, format) {
            return Value::DateTime(instant.and_utc());
        }
    }
    if text.is_empty() { Value::Null } else { Value::Text(text.to_owned()) }
}

fn coords(geometry: &FgbGeometry) -> Vec<Coord<f64>> {
    let Some(xy) = geometry.xy() else { return Vec::new() };
    // The eight bytes of a double, twice: the vector is verified to hold whole doubles.
    let (pairs, _) = xy.bytes().as_chunks::<16>();
    pairs.iter().map(coord).collect()
}

fn coord(pair: &[u8; 16]) -> Coord<f64> {
    let [x @ .., y0, y1, y2, y3, y4, y5, y6, y7] = *pair;
    Coord { x: f64::from_le_bytes(x), y: f64::from_le_bytes([y0, y1, y2, y3, y4, y5, y6, y7]) }
}

/// The coordinates cut at `ends`.
fn lines(geometry: &FgbGeometry) -> Result<Vec<Vec<Coord<f64>>>, String> {
    let coords = coords(geometry);
    let ends = match geometry.ends() {
        Some(ends) if ends.len() > 1 => ends,
        _ => return Ok(vec![coords]),
    };
    let mut parts = Vec::with_capacity(ends.len());
    let mut start = 0;
    for end in ends {
        let end = end as usize;
        parts.push(coords.get(start..end).ok_or("the rings do not fit the coordinates")?.to_vec());
        start = end;
    }
    Ok(parts)
}

fn read_geometry(
    geometry: &FgbGeometry,
    kind: FgbType,
    depth: usize,
    tally: &mut Tally,
) -> Result<Option<Geometry<f64>>, String> {
    if depth > MAX_NESTING {
        return Err(format!("the geometry is nested deeper than MAX_NESTING ({MAX_NESTING})"));
    }
    let kind = if kind == FgbType::Unknown { geometry.type_() } else { kind };
    Ok(match kind {
        FgbType::Point => coords(geometry).first().map(|&coord| Point(coord).into()),
        FgbType::MultiPoint => Some(MultiPoint(coords(geometry).into_iter().map(Point).collect()).into()),
        FgbType::LineString => Some(LineString(coords(geometry)).into()),
        FgbType::MultiLineString => {
            Some(MultiLineString(lines(geometry)?.into_iter().map(LineString).collect()).into())
        }
        FgbType::Polygon => polygon(lines(geometry)?, tally).map(Into::into),
        FgbType::MultiPolygon => {
            let mut polygons: Vec<Polygon<f64>> = Vec::new();
            match geometry.parts() {
                Some(parts) => {
                    for part in parts {
                        polygons.extend(polygon(lines(&part)?, tally));
                    }
                }
                None => polygons.extend(polygon(lines(geometry)?, tally)),
            }
            Some(MultiPolygon(polygons).into())
        }
        FgbType::GeometryCollection => {
            let mut collected = Vec::new();
            for part in geometry.parts().into_iter().flatten() {
                collected.extend(read_geometry(&part, FgbType::Unknown, depth + 1, tally)?);
            }
            Some(Geometry::GeometryCollection(GeometryCollection(collected)))
        }
        other => {
            let name = other.variant_name().unwrap_or("unknown");
            return Err(format!("geometry type {name} is not supported; convert curves and surfaces first"));
        }
    })
}

impl Iterator for FgbReader {
    type Item = Result<SourceFeature, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        match self.frame() {
            Ok(true) => {
                self.row += 1;
                Some(self.parse())
            }
            Ok(false) => {
                self.over = true;
                self.schema.remarks.extend(self.tally.take());
                None
            }
            Err(error) => {
                self.over = true;
                self.schema.remarks.extend(self.tally.take());
                Some(Err(error))
            }
        }
    }
}

impl Reader for FgbReader {
    fn schema(&self) -> &SourceSchema {
        &self.schema
    }
}

#[cfg(test)]
mod tests;
