//! Features as GeoJSON (RFC 7946): longitude before latitude, WGS 84, eight decimals (about a millimetre); or in another
//! CRS where somebody asks for that (OGC API Features 2), in its authority's order of axes.

use std::io::Write as _;

use super::number::{write_integer, write_number, write_position};
use crate::cache::{GeometryKind, RowRef, Snapshot, ValueRef};
use crate::crs::{Crs, with_transformer};
use crate::definition::{LayerDefinition, Scope};

/// Writes features of one layer, with the fields that a scope may read.
#[derive(Debug)]
pub struct FeatureWriter<'a> {
    definition: &'a LayerDefinition,
    /// By their positions in the definition.
    fields: Vec<usize>,
    positions: Positions,
}

/// In which coordinates.
#[derive(Debug)]
enum Positions {
    LonLat,
    In(Crs),
    /// Without geometries.
    None,
}

impl FeatureWriter<'_> {
    /// Coordinates in this CRS, in its authority's order of axes. A feature that has no place there has no geometry.
    #[must_use]
    pub fn in_crs(self, crs: &Crs) -> Self {
        let positions = if *crs == Crs::crs84() { Positions::LonLat } else { Positions::In(crs.clone()) };
        Self { positions, ..self }
    }

    /// Only these fields, by their positions in the definition; those that the scope may not read are left out.
    #[must_use]
    pub fn only(mut self, fields: &[usize]) -> Self {
        self.fields.retain(|field| fields.contains(field));
        self
    }

    /// Without geometries.
    #[must_use]
    pub fn without_geometry(self) -> Self {
        Self { positions: Positions::None, ..self }
    }

    /// Appends a feature as a JSON object with `type`, `id`, `geometry`, `bbox` and `properties`.
    pub fn write(&self, out: &mut Vec<u8>, row: RowRef) {
        out.extend(b"{\"type\":\"Feature\",\"id\":");
        write_integer(out, row.id());
        self.write_geometry(out, row);
        out.extend(b",\"properties\":{");
        for (position, field) in self.fields.iter().enumerate() {
            if position > 0 {
                out.push(b',');
            }
            write_text(out, &self.definition.fields[*field].name);
            out.push(b':');
            write_value(out, row.base.value(row.row, *field));
        }
        out.extend(b"}}");
    }

    fn write_geometry(&self, out: &mut Vec<u8>, row: RowRef) {
        let packed = row.base.geometry();
        let crs = match &self.positions {
            _ if packed.kind(row.row) == GeometryKind::None => return out.extend(b",\"geometry\":null"),
            Positions::None => return out.extend(b",\"geometry\":null"),
            Positions::LonLat => {
                let mut lonlat = row.base.lonlat_of_each();
                return write_geometry(out, row, |node| lonlat(packed.grid().unpack(node)));
            }
            Positions::In(crs) => crs,
        };
        let ordered = |[x, y]: [f64; 2]| if crs.north_first() { [y, x] } else { [x, y] };
        if crs == row.base.crs() {
            return write_geometry(out, row, |node| ordered(packed.grid().unpack(node)));
        }
        let has_place = with_transformer(row.base.crs(), crs, |transformer| {
            let place = |node: [i32; 2]| transformer.point(packed.grid().unpack(node));
            if packed.nodes(row.row).iter().all(|node| place(*node).is_ok()) {
                write_geometry(out, row, |node| ordered(place(node).unwrap_or_default()));
                return true;
            }
            false
        });
        if !has_place.unwrap_or(false) {
            out.extend(b",\"geometry\":null");
        }
    }
}

impl Snapshot {
    /// A writer of this layer's features for a scope.
    pub fn writer(&self, scope: Scope) -> FeatureWriter<'_> {
        let fields = scope.fields(self.definition()).map(|(field, _)| field).collect();
        FeatureWriter { definition: self.definition(), fields, positions: Positions::LonLat }
    }
}

/// Appends `geometry` and, since every position has been computed by then, `bbox`.
fn write_geometry(out: &mut Vec<u8>, row: RowRef, mut place: impl FnMut([i32; 2]) -> [f64; 2]) {
    let geometry = row.base.geometry();
    let (kind, multi) = (geometry.kind(row.row), geometry.is_multi(row.row));
    let (mut low, mut high) = ([f64::MAX; 2], [f64::MIN; 2]);
    let mut position = |node: &[i32; 2]| {
        let [x, y] = place(*node);
        (low, high) = ([low[0].min(x), low[1].min(y)], [high[0].max(x), high[1].max(y)]);
        [x, y]
    };
    let name = match kind {
        GeometryKind::Point => "Point",
        GeometryKind::Line => "LineString",
        _ => "Polygon",
    };
    out.extend(b",\"geometry\":{\"type\":\"");
    if multi {
        out.extend(b"Multi");
    }
    out.extend(name.as_bytes());
    out.extend(b"\",\"coordinates\":");
    if multi {
        out.push(b'[');
    }
    let mut first = true;
    for ring in geometry.rings(row.row) {
        if !first {
            // A shell after the first closes the polygon before it.
            let end = if kind == GeometryKind::Polygon && !ring.hole { &b"],"[..] } else { b"," };
            out.extend(end);
        }
        match kind {
            GeometryKind::Polygon => {
                if !ring.hole {
                    out.push(b'[');
                }
                write_positions(out, ring.nodes.iter().chain(ring.nodes.first()).map(&mut position));
            }
            GeometryKind::Line => write_positions(out, ring.nodes.iter().map(&mut position)),
            _ => write_position(out, position(&ring.nodes[0])),
        }
        first = false;
    }
    if kind == GeometryKind::Polygon && !first {
        out.push(b']');
    }
    if multi {
        out.push(b']');
    }
    out.extend(b"},\"bbox\":[");
    for (position, value) in [low[0], low[1], high[0], high[1]].into_iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        write_number(out, value);
    }
    out.push(b']');
}

fn write_positions(out: &mut Vec<u8>, positions: impl Iterator<Item = [f64; 2]>) {
    for (index, position) in positions.enumerate() {
        out.push(if index == 0 { b'[' } else { b',' });
        write_position(out, position);
    }
    out.push(b']');
}

fn write_value(out: &mut Vec<u8>, value: ValueRef) {
    match value {
        ValueRef::Null => out.extend(b"null"),
        ValueRef::Integer(number) => write_integer(out, number),
        ValueRef::Text(text) => write_text(out, text),
        ValueRef::Boolean(flag) => out.extend(if flag { &b"true"[..] } else { b"false" }),
        ValueRef::Date(date) => {
            // Writing to a vector cannot fail.
            let _ = write!(out, "\"{date}\"");
        }
        ValueRef::Real(_) | ValueRef::DateTime(_) => {
            let _ = serde_json::to_writer(out, &value);
        }
    }
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    if text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        let _ = serde_json::to_writer(out, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_text_is_valid_json(text in "\\PC*") {
            let mut out = Vec::new();
            write_text(&mut out, &text);
            prop_assert_eq!(serde_json::from_slice::<String>(&out).expect("json"), text);
        }
    }
}
