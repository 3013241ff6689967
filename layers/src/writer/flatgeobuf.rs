//! `FlatGeobuf` 3 without an index: features one after the other, so that nothing is held of them. The crate's writer wants
//! a file of its own that it sorts; only what it makes of a feature's bytes is used here.

use flatbuffers::{FlatBufferBuilder, WIPOffset};
use flatgeobuf::{
    Column, ColumnArgs, ColumnType, Crs as FgbCrs, CrsArgs, Feature, FeatureArgs, Geometry, GeometryArgs,
    GeometryType as FgbType, Header, HeaderArgs, VERSION,
};

use super::{Contents, geometry_type, id_column};
use crate::cache::{RowRef, ValueRef};
use crate::crs::CrsError;
use crate::definition::{FieldType, GeometryType, LayerDefinition};
use crate::query::Positions;

const MAGIC: [u8; 8] = [b'f', b'g', b'b', VERSION, b'f', b'g', b'b', 0];

/// Writes features as a `FlatGeobuf` file.
pub struct FlatGeobufWriter {
    builder: FlatBufferBuilder<'static>,
    fields: Vec<usize>,
    positions: Option<Positions>,
    /// Of the file; each feature says its own where they differ.
    kind: FgbType,
    places: Vec<[f64; 2]>,
    xy: Vec<f64>,
    ends: Vec<u32>,
    properties: Vec<u8>,
}

impl FlatGeobufWriter {
    /// Appends the head of a file of `count` features of a layer, under a title for people.
    ///
    /// # Errors
    /// When the CRS cannot be written as WKT.
    pub fn begin(
        definition: &LayerDefinition,
        contents: &Contents,
        title: &str,
        count: u64,
        out: &mut Vec<u8>,
    ) -> Result<Self, CrsError> {
        let kind = if contents.geometry { fgb_type(definition.geometry) } else { FgbType::Unknown };
        let mut builder = FlatBufferBuilder::new();
        write_header(&mut builder, definition, contents, (title, kind, count))?;
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(builder.finished_data());
        builder.reset();
        Ok(Self {
            builder,
            fields: contents.fields.clone(),
            positions: contents.positions(),
            kind,
            places: Vec::new(),
            xy: Vec::new(),
            ends: Vec::new(),
            properties: Vec::new(),
        })
    }

    /// Appends a feature.
    pub fn write(&mut self, out: &mut Vec<u8>, row: RowRef<'_>) {
        let has_place = self.positions.as_ref().is_some_and(|positions| positions.of(row, &mut self.places));
        let geometry = if has_place { self.geometry(row) } else { None };
        self.properties.clear();
        put_property(&mut self.properties, 0, ValueRef::Integer(row.id()));
        for (column, field) in (1..).zip(&self.fields) {
            put_property(&mut self.properties, column, row.base.value(row.row, *field));
        }
        let properties = Some(self.builder.create_vector(&self.properties));
        let feature = Feature::create(&mut self.builder, &FeatureArgs { geometry, properties, columns: None });
        self.builder.finish_size_prefixed(feature, None);
        out.extend_from_slice(self.builder.finished_data());
        self.builder.reset();
    }

    /// The geometry of a row whose positions are known; what the type of the file cannot hold is none.
    fn geometry(&mut self, row: RowRef<'_>) -> Option<WIPOffset<Geometry<'static>>> {
        let own = fgb_type(geometry_type(row)?);
        let is_same = self.kind == FgbType::Unknown || self.kind == own || multi(own) == self.kind;
        if !is_same {
            return None;
        }
        let type_ = if self.kind == FgbType::Unknown { own } else { FgbType::Unknown };
        let kind = if self.kind == FgbType::Unknown { own } else { self.kind };
        let packed = row.base.geometry();
        let is_surface = matches!(own, FgbType::Polygon | FgbType::MultiPolygon);
        let (mut parts, mut rest) = (Vec::new(), &self.places[..]);
        for ring in packed.rings(row.row) {
            if is_surface && !ring.hole && !self.xy.is_empty() && kind == FgbType::MultiPolygon {
                parts.push(part(&mut self.builder, &mut self.xy, &mut self.ends, FgbType::Unknown));
            }
            let (here, after) = rest.split_at(ring.nodes.len());
            rest = after;
            let closing = here.first().filter(|_| is_surface);
            self.xy.extend(here.iter().chain(closing).flatten());
            self.ends.push(self.xy.len() as u32 / 2);
        }
        if matches!(own, FgbType::Point | FgbType::MultiPoint) {
            // Points are told apart without.
            self.ends.clear();
        }
        if kind != FgbType::MultiPolygon {
            return Some(part(&mut self.builder, &mut self.xy, &mut self.ends, type_));
        }
        parts.push(part(&mut self.builder, &mut self.xy, &mut self.ends, FgbType::Unknown));
        let parts = Some(self.builder.create_vector(&parts));
        Some(Geometry::create(&mut self.builder, &GeometryArgs { type_, parts, ..GeometryArgs::default() }))
    }
}

/// A geometry of the positions so far, which are let go.
fn part(
    builder: &mut FlatBufferBuilder<'static>,
    xy: &mut Vec<f64>,
    ends: &mut Vec<u32>,
    type_: FgbType,
) -> WIPOffset<Geometry<'static>> {
    let positions = Some(builder.create_vector(xy));
    // One ring ends where the positions end.
    let ends_of = (ends.len() > 1).then(|| builder.create_vector(ends));
    xy.clear();
    ends.clear();
    Geometry::create(builder, &GeometryArgs { xy: positions, ends: ends_of, type_, ..GeometryArgs::default() })
}

/// Properties are the number of a column and its value, one after the other; what has no value is left out.
fn put_property(out: &mut Vec<u8>, column: u16, value: ValueRef<'_>) {
    let text = |out: &mut Vec<u8>, text: &str| {
        out.extend_from_slice(&(text.len() as u32).to_le_bytes());
        out.extend_from_slice(text.as_bytes());
    };
    if value.is_null() {
        return;
    }
    out.extend_from_slice(&column.to_le_bytes());
    match value {
        ValueRef::Null => {}
        ValueRef::Boolean(value) => out.push(value.into()),
        ValueRef::Integer(value) => out.extend_from_slice(&value.to_le_bytes()),
        ValueRef::Real(value) => out.extend_from_slice(&value.to_le_bytes()),
        ValueRef::Text(value) => text(out, value),
        ValueRef::Date(day) => text(out, &day.to_string()),
        ValueRef::DateTime(instant) => text(out, &instant.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)),
    }
}

fn write_header(
    builder: &mut FlatBufferBuilder<'static>,
    definition: &LayerDefinition,
    contents: &Contents,
    (title, geometry_type, features_count): (&str, FgbType, u64),
) -> Result<(), CrsError> {
    let mut columns = vec![column(builder, id_column(definition), ColumnType::Long, None)];
    for (_, field) in contents.columns(definition) {
        columns.push(column(builder, &field.name, column_type(field.kind), Some(&field.title.it)));
    }
    let columns = Some(builder.create_vector(&columns));
    let crs = if contents.geometry { Some(write_crs(builder, contents)?) } else { None };
    let name = Some(builder.create_string(&definition.id));
    let title = Some(builder.create_string(title));
    let header = Header::create(
        builder,
        &HeaderArgs {
            name,
            geometry_type,
            columns,
            features_count,
            index_node_size: 0,
            crs,
            title,
            ..HeaderArgs::default()
        },
    );
    builder.finish_size_prefixed(header, None);
    Ok(())
}

fn write_crs(
    builder: &mut FlatBufferBuilder<'static>,
    contents: &Contents,
) -> Result<WIPOffset<FgbCrs<'static>>, CrsError> {
    let name = Some(builder.create_string(contents.crs.name()));
    let args = match contents.crs.code() {
        Some(code) => {
            let org = Some(builder.create_string("EPSG"));
            CrsArgs { org, code: code as i32, name, ..CrsArgs::default() }
        }
        None => CrsArgs { wkt: Some(builder.create_string(&contents.crs.wkt()?)), name, ..CrsArgs::default() },
    };
    Ok(FgbCrs::create(builder, &args))
}

fn column(
    builder: &mut FlatBufferBuilder<'static>,
    name: &str,
    type_: ColumnType,
    title: Option<&str>,
) -> WIPOffset<Column<'static>> {
    let name = Some(builder.create_string(name));
    let title = title.map(|title| builder.create_string(title));
    Column::create(builder, &ColumnArgs { name, type_, title, ..ColumnArgs::default() })
}

const fn column_type(kind: FieldType) -> ColumnType {
    match kind {
        FieldType::Text => ColumnType::String,
        FieldType::Integer => ColumnType::Long,
        FieldType::Real => ColumnType::Double,
        FieldType::Boolean => ColumnType::Bool,
        // The format has no days; GDAL writes them so too.
        FieldType::Date | FieldType::DateTime => ColumnType::DateTime,
    }
}

const fn fgb_type(kind: GeometryType) -> FgbType {
    match kind {
        GeometryType::Point => FgbType::Point,
        GeometryType::MultiPoint => FgbType::MultiPoint,
        GeometryType::LineString => FgbType::LineString,
        GeometryType::MultiLineString => FgbType::MultiLineString,
        GeometryType::Polygon => FgbType::Polygon,
        GeometryType::MultiPolygon => FgbType::MultiPolygon,
        GeometryType::Geometry => FgbType::Unknown,
    }
}

const fn multi(kind: FgbType) -> FgbType {
    match kind {
        FgbType::Point => FgbType::MultiPoint,
        FgbType::LineString => FgbType::MultiLineString,
        FgbType::Polygon => FgbType::MultiPolygon,
        other => other,
    }
}
