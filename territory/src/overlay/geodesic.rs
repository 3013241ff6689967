//! Areas and lengths on the GRS80 ellipsoid (Karney 2013): the only measures where money depends on them.
//!
//! Coordinates are longitude and latitude in degrees, of ETRS89 or RDN2008. Edges are geodesics.

use std::sync::LazyLock;

use geo_types::{Coord, LineString, MultiLineString, MultiPolygon, Polygon};
use geographiclib_rs::{Geodesic, InverseGeodesic as _, PolygonArea, Winding};

/// Semi-major axis of GRS80, in metres.
pub(super) const A: f64 = 6_378_137.0;
/// Flattening of GRS80.
pub(super) const F: f64 = 1.0 / 298.257_222_101;

static GRS80: LazyLock<Geodesic> = LazyLock::new(|| Geodesic::new(A, F));

/// Square metres, whatever way the rings turn; holes are taken off.
pub fn area_m2(polygons: &MultiPolygon<f64>) -> f64 {
    polygons.iter().map(polygon_area).sum()
}

/// Metres of all rings.
pub fn perimeter_m(polygons: &MultiPolygon<f64>) -> f64 {
    polygons
        .iter()
        .map(|polygon| length(polygon.exterior()) + polygon.interiors().iter().map(length).sum::<f64>())
        .sum()
}

/// Metres of all lines.
pub fn length_m(lines: &MultiLineString<f64>) -> f64 {
    lines.iter().map(length).sum()
}

fn polygon_area(polygon: &Polygon<f64>) -> f64 {
    let holes: f64 = polygon.interiors().iter().map(ring_area).sum();
    (ring_area(polygon.exterior()) - holes).max(0.0)
}

fn ring_area(ring: &LineString<f64>) -> f64 {
    if ring.0.len() < 4 {
        return 0.0;
    }
    let mut area = PolygonArea::new(&GRS80, Winding::CounterClockwise);
    // The closing vertex is implied.
    for coord in &ring.0[..ring.0.len() - 1] {
        area.add_point(coord.y, coord.x);
    }
    let (_, square_metres, _) = area.compute(true);
    square_metres.abs()
}

fn length(line: &LineString<f64>) -> f64 {
    line.lines().map(|segment| segment_m(segment.start, segment.end)).sum()
}

/// Metres between two places.
pub fn segment_m(from: Coord<f64>, to: Coord<f64>) -> f64 {
    GRS80.inverse(from.y, from.x, to.y, to.x)
}
