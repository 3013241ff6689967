//! Surfaces of layers as zones, with the names that people know them by.

use bricola_layers::cache::{RowRef, Snapshot, ValueRef};
use bricola_layers::query::{Positions, Vicinity};
use bricola_territory::Exact;
use bricola_territory::overlay::Zone;
use chrono::NaiveDate;
use geo_types::{Geometry, MultiPolygon, Rect};

use super::near::widened;
use super::{near, reference};

/// A surface with its code and its name.
#[derive(Debug, Clone)]
pub struct Named {
    /// What overlays take.
    pub zone: Zone,
    /// Its name.
    pub name: String,
}

/// The surfaces of a row, where it is one.
pub fn surface_of(row: RowRef<'_>) -> Option<MultiPolygon<f64>> {
    match Positions::LonLat.geometry(row)? {
        Geometry::Polygon(polygon) => Some(MultiPolygon(vec![polygon])),
        Geometry::MultiPolygon(polygons) => Some(polygons),
        _ => None,
    }
}

/// A row as a zone with all of its outline, where it is a surface.
pub fn named(snapshot: &Snapshot, row: RowRef<'_>) -> Option<Named> {
    let zone = Zone { code: code_of(snapshot, row), feature: reference(snapshot, row), geometry: surface_of(row)? };
    Some(Named { zone, name: name_of(snapshot, row) })
}

/// The surfaces of a layer about a box (degrees) and so many metres around it, those that are valid on the day, in order of
/// id: as zones, each with as much of its outline as matters there.
pub fn zones_about<'a>(
    snapshot: &'a Snapshot,
    frame: Rect<f64>,
    metres: f64,
    day: Option<NaiveDate>,
) -> Vec<(RowRef<'a>, Named)> {
    let Some(about) = Vicinity::new(snapshot, widened(frame, metres)) else { return Vec::new() };
    let zone = |row: RowRef<'a>| {
        let geometry = about.surface(row)?;
        let zone = Zone { code: code_of(snapshot, row), feature: reference(snapshot, row), geometry };
        Some((row, Named { zone, name: name_of(snapshot, row) }))
    };
    near(snapshot, frame, metres, day).into_iter().filter_map(zone).collect()
}

/// What a feature is called by: the value of the field `code`, or of the first field of the key, or its id.
pub fn code_of(snapshot: &Snapshot, row: RowRef<'_>) -> String {
    let definition = snapshot.definition();
    let key = definition.key.first().map(String::as_str);
    ["code"].into_iter().chain(key).find_map(|name| words(snapshot, row, name)).unwrap_or_else(|| row.id().to_string())
}

/// What a feature is named, or else its code.
pub fn name_of(snapshot: &Snapshot, row: RowRef<'_>) -> String {
    let label = snapshot.definition().label.as_deref();
    label.and_then(|name| words(snapshot, row, name)).unwrap_or_else(|| code_of(snapshot, row))
}

/// Square metres that the cadastre registers for a parcel, with two decimals: those with legal value.
pub fn registered_m2(snapshot: &Snapshot, row: RowRef<'_>) -> Option<Exact> {
    let (position, _) = snapshot.definition().field("area_m2")?;
    match row.base.value(row.row, position) {
        ValueRef::Real(area) => Exact::measured(area, 2),
        ValueRef::Integer(area) => u64::try_from(area).ok().map(Exact::from),
        _ => None,
    }
}

/// The value of a field as a text, where the layer has it and the row says something.
pub fn words(snapshot: &Snapshot, row: RowRef<'_>, name: &str) -> Option<String> {
    let (position, _) = snapshot.definition().field(name)?;
    match row.base.value(row.row, position) {
        ValueRef::Null => None,
        ValueRef::Boolean(value) => Some(value.to_string()),
        ValueRef::Integer(value) => Some(value.to_string()),
        ValueRef::Real(value) => Some(value.to_string()),
        ValueRef::Text(value) => Some(value.to_owned()).filter(|value| !value.is_empty()),
        ValueRef::Date(value) => Some(value.to_string()),
        ValueRef::DateTime(value) => Some(value.to_rfc3339()),
    }
}
