//! Features near a place.

use bricola_layers::cache::{RowRef, Snapshot, Validity};
use bricola_layers::crs::lonlat_to_world_f64;
use bricola_territory::FeatureRef;
use chrono::NaiveDate;
use geo::MapCoords as _;
use geo_types::{Coord, Geometry, Rect};

/// World units that are looked beyond the box: some decimetres.
const SLACK: f64 = 64.0;
/// Degrees of latitude in a metre, about.
const DEGREES_A_METRE: f64 = 1.0 / 111_000.0;

/// Metres in a degree of latitude, on a sphere.
const METRES_A_DEGREE: f64 = 111_194.9;

/// The features whose boxes reach within so many metres of a box, and that are valid on the day, in order of id.
pub fn near(snapshot: &Snapshot, frame: Rect<f64>, metres: f64, day: Option<NaiveDate>) -> Vec<RowRef<'_>> {
    let frame = by_metres(frame, metres);
    let (low, high) = (frame.min(), frame.max());
    // y grows to the south in the world.
    let min = lonlat_to_world_f64([low.x, high.y]).map(|value| (value - SLACK).max(0.0) as u32);
    let max = lonlat_to_world_f64([high.x, low.y]).map(|value| (value + SLACK) as u32);
    let validity = Validity::of(snapshot.definition(), day);
    let mut rows = Vec::new();
    snapshot.search(min, max, |row, _| {
        if validity.holds(row) {
            rows.push(row);
        }
    });
    rows.sort_unstable_by_key(RowRef::id);
    rows.dedup_by_key(|row| row.id());
    rows
}

/// A box in degrees, so many metres wider.
fn by_metres(frame: Rect<f64>, metres: f64) -> Rect<f64> {
    let (low, high) = (frame.min(), frame.max());
    let tall = metres * DEGREES_A_METRE;
    let wide = tall / low.y.abs().max(high.y.abs()).min(89.0).to_radians().cos();
    Rect::new(Coord { x: low.x - wide, y: low.y - tall }, Coord { x: high.x + wide, y: high.y + tall })
}

/// The box of what matters to overlays of a place: these look a tenth of its size, and so many metres, beyond it.
pub(super) fn widened(frame: Rect<f64>, metres: f64) -> Rect<f64> {
    let margin = 0.2 * frame.width().max(frame.height());
    let (low, high) = (frame.min(), frame.max());
    let frame =
        Rect::new(Coord { x: low.x - margin, y: low.y - margin }, Coord { x: high.x + margin, y: high.y + margin });
    by_metres(frame, metres + 1.0)
}

/// A feature as evidence names it.
pub fn reference(snapshot: &Snapshot, row: RowRef<'_>) -> FeatureRef {
    let version = u64::try_from(row.base.version(row.row)).unwrap_or_default();
    FeatureRef { layer: snapshot.definition().id.clone(), id: row.id().to_string(), version }
}

/// On a plane in which degrees around a place are metres: distances of some tens of metres are right to a millimetre.
pub fn in_metres(geometry: &Geometry<f64>, frame: Rect<f64>) -> Geometry<f64> {
    let Coord { x, y } = frame.center();
    let wide = METRES_A_DEGREE * y.to_radians().cos();
    geometry.map_coords(|at| Coord { x: (at.x - x) * wide, y: (at.y - y) * METRES_A_DEGREE })
}
