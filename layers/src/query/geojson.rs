//! Features as GeoJSON (RFC 7946): longitude before latitude, WGS 84, eight decimals (about a millimetre); or in another
//! CRS where somebody asks for that (OGC API Features 2), in its authority's order of axes. And as JSON-FG (OGC 21-045r1),
//! which is GeoJSON with more members.

use std::io::Write as _;

use super::number::{write_integer, write_number, write_position};
use super::positions::Positions;
use crate::cache::{GeometryKind, RowRef, Snapshot, ValueRef};
use crate::crs::Crs;
use crate::definition::{FieldType, LayerDefinition, Scope};

/// What a feature is written as (JSON-FG 1, clause 14).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// GeoJSON and no more; `geometry` is in the CRS that is asked for.
    #[default]
    Rfc7946,
    /// With `time` and `place`. `geometry` is in CRS84 or null: what is in another CRS is in `place`.
    JsonFg,
    /// As [`Self::JsonFg`], with `geometry` in CRS84 beside each `place`, for readers who know GeoJSON only.
    JsonFgPlus,
}

/// Writes features of one layer, with the fields that a scope may read.
#[derive(Debug)]
pub struct FeatureWriter<'a> {
    definition: &'a LayerDefinition,
    scope: Scope,
    /// By their positions in the definition.
    fields: Vec<usize>,
    /// Without geometries where there is none.
    positions: Option<Positions>,
    profile: Profile,
    /// See [`FeatureWriter::interval`]; asked for where `time` is written.
    interval: [Option<usize>; 2],
}

impl FeatureWriter<'_> {
    /// Coordinates in this CRS, in its authority's order of axes. A feature that has no place there has no geometry.
    #[must_use]
    pub fn in_crs(self, crs: &Crs) -> Self {
        Self { positions: Some(Positions::in_crs(crs)), ..self }
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
        Self { positions: None, ..self }
    }

    /// As another profile.
    #[must_use]
    pub fn with_profile(self, profile: Profile) -> Self {
        let interval = if profile == Profile::Rfc7946 { [None; 2] } else { self.interval() };
        Self { profile, interval, ..self }
    }

    /// The fields of the beginning and the end of validity that the scope may read.
    fn interval(&self) -> [Option<usize>; 2] {
        let seen = ["valid_from", "valid_to"]
            .map(|name| self.definition.field(name).filter(|(_, it)| self.scope.sees(it.visibility)));
        let kind = seen.iter().flatten().map(|(_, field)| field.kind).find(|kind| is_temporal(*kind));
        // Both ends are days, or both are instants (JSON-FG 1, requirement of intervals).
        seen.map(|it| it.filter(|(_, field)| Some(field.kind) == kind).map(|(position, _)| position))
    }

    /// Appends a feature as a JSON object with `type`, `id`, `geometry`, `bbox` and `properties`; as JSON-FG with `time`
    /// and `place` besides.
    pub fn write(&self, out: &mut Vec<u8>, row: RowRef) {
        out.extend(b"{\"type\":\"Feature\",\"id\":");
        write_integer(out, row.id());
        match self.profile {
            Profile::Rfc7946 => self.write_geometry(out, row),
            Profile::JsonFg | Profile::JsonFgPlus => {
                self.write_time(out, row);
                self.write_place(out, row);
            }
        }
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
        let mut places = Vec::new();
        match &self.positions {
            Some(positions) if positions.of(row, &mut places) => {
                out.extend(b",\"geometry\":");
                write_geometry(out, row, &places, positions.north_first());
                write_bbox(out, &places, positions.north_first());
            }
            _ => out.extend(b",\"geometry\":null"),
        }
    }

    /// `time` (JSON-FG 1, 8.3): the interval of `valid_from` and `valid_to`. Days are given with the last one on which the
    /// feature is valid; in the data `valid_to` is the first on which it is not any more.
    fn write_time(&self, out: &mut Vec<u8>, row: RowRef) {
        let [from, to] =
            self.interval.map(|field| field.map_or(ValueRef::Null, |field| row.base.value(row.row, field)));
        out.extend(b",\"time\":");
        if from.is_null() && to.is_null() {
            return out.extend(b"null");
        }
        let to = match to {
            ValueRef::Date(day) => ValueRef::Date(day.pred_opt().unwrap_or(day)),
            other => other,
        };
        out.extend(b"{\"interval\":[");
        for (end, value) in [from, to].into_iter().enumerate() {
            if end > 0 {
                out.push(b',');
            }
            if value.is_null() { out.extend(b"\"..\"") } else { write_value(out, value) }
        }
        out.extend(b"]}");
    }

    /// `geometry`, `bbox` and `place` (JSON-FG 1, 8.4).
    fn write_place(&self, out: &mut Vec<u8>, row: RowRef) {
        let mut places = Vec::new();
        let elsewhere = self.positions.as_ref().filter(|positions| **positions != Positions::LonLat);
        let is_lonlat = self.positions.is_some() && (elsewhere.is_none() || self.profile == Profile::JsonFgPlus);
        if is_lonlat && Positions::LonLat.of(row, &mut places) {
            out.extend(b",\"geometry\":");
            write_geometry(out, row, &places, false);
            write_bbox(out, &places, false);
        } else {
            out.extend(b",\"geometry\":null");
        }
        out.extend(b",\"place\":");
        match elsewhere {
            Some(positions) if positions.of(row, &mut places) => {
                write_geometry(out, row, &places, positions.north_first());
            }
            _ => out.extend(b"null"),
        }
    }
}

impl Snapshot {
    /// A writer of this layer's features for a scope.
    pub fn writer(&self, scope: Scope) -> FeatureWriter<'_> {
        let definition: &LayerDefinition = self.definition();
        let fields = scope.fields(definition).map(|(field, _)| field).collect();
        let (positions, profile) = (Some(Positions::LonLat), Profile::Rfc7946);
        FeatureWriter { definition, scope, fields, positions, profile, interval: [None; 2] }
    }
}

const fn is_temporal(kind: FieldType) -> bool {
    matches!(kind, FieldType::Date | FieldType::DateTime)
}

/// Appends a geometry object; `places` are the positions of its vertices.
fn write_geometry(out: &mut Vec<u8>, row: RowRef, places: &[[f64; 2]], north_first: bool) {
    let geometry = row.base.geometry();
    let (kind, multi) = (geometry.kind(row.row), geometry.is_multi(row.row));
    let ordered = |[x, y]: [f64; 2]| if north_first { [y, x] } else { [x, y] };
    let name = match kind {
        GeometryKind::Point => "Point",
        GeometryKind::Line => "LineString",
        _ => "Polygon",
    };
    out.extend(b"{\"type\":\"");
    if multi {
        out.extend(b"Multi");
    }
    out.extend(name.as_bytes());
    out.extend(b"\",\"coordinates\":");
    if multi {
        out.push(b'[');
    }
    let (mut first, mut rest) = (true, places);
    for ring in geometry.rings(row.row) {
        let (here, after) = rest.split_at(ring.nodes.len());
        rest = after;
        if !first {
            // A shell after the first closes the polygon before it.
            let end = if kind == GeometryKind::Polygon && !ring.hole { &b"],"[..] } else { b"," };
            out.extend(end);
        }
        let positions = here.iter().copied().map(ordered);
        match kind {
            GeometryKind::Polygon => {
                if !ring.hole {
                    out.push(b'[');
                }
                write_positions(out, positions.chain(here.first().copied().map(ordered)));
            }
            GeometryKind::Line => write_positions(out, positions),
            _ => positions.take(1).for_each(|position| write_position(out, position)),
        }
        first = false;
    }
    if kind == GeometryKind::Polygon && !first {
        out.push(b']');
    }
    if multi {
        out.push(b']');
    }
    out.push(b'}');
}

/// Appends `bbox`.
fn write_bbox(out: &mut Vec<u8>, places: &[[f64; 2]], north_first: bool) {
    let (mut low, mut high) = ([f64::MAX; 2], [f64::MIN; 2]);
    for [x, y] in places {
        (low, high) = ([low[0].min(*x), low[1].min(*y)], [high[0].max(*x), high[1].max(*y)]);
    }
    let [x, y] = if north_first { [1, 0] } else { [0, 1] };
    out.extend(b",\"bbox\":[");
    for (position, value) in [low[x], low[y], high[x], high[y]].into_iter().enumerate() {
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
