//! Lengths and areas on the GRS80 ellipsoid: the only measures used where money depends on them.
//!
//! A projection stretches: the same square of 25.99 m² reads 26.01 in EPSG:3003 and 52.78 in Web Mercator.
//! Geodesic measures (Karney 2013) have no such choice in them. ETRS89 and RDN2008 are on GRS80.

use std::sync::LazyLock;

use geo_types::{Geometry, LineString, Polygon};
use geographiclib_rs::{Geodesic, InverseGeodesic, PolygonArea, Winding};

static GRS80: LazyLock<Geodesic> = LazyLock::new(|| Geodesic::new(6_378_137.0, 1.0 / 298.257_222_101));

/// Area in square metres of the polygons of a geometry, whatever way their rings turn; holes are taken off, points
/// and lines have none. Coordinates are longitude and latitude in degrees.
pub fn geodesic_area_m2(lonlat: &Geometry<f64>) -> f64 {
    match lonlat {
        Geometry::Polygon(polygon) => polygon_area(polygon),
        Geometry::MultiPolygon(polygons) => polygons.iter().map(polygon_area).sum(),
        Geometry::Rect(rect) => polygon_area(&rect.to_polygon()),
        Geometry::Triangle(triangle) => polygon_area(&triangle.to_polygon()),
        Geometry::GeometryCollection(parts) => parts.iter().map(geodesic_area_m2).sum(),
        _ => 0.0,
    }
}

/// Length in metres of the lines of a geometry, or of all rings of its polygons (the perimeter); points have
/// none. Coordinates are longitude and latitude in degrees.
pub fn geodesic_length_m(lonlat: &Geometry<f64>) -> f64 {
    match lonlat {
        Geometry::Line(line) => geodesic_distance_m(line.start.into(), line.end.into()),
        Geometry::LineString(line) => line_length(line),
        Geometry::MultiLineString(lines) => lines.iter().map(line_length).sum(),
        Geometry::Polygon(polygon) => perimeter(polygon),
        Geometry::MultiPolygon(polygons) => polygons.iter().map(perimeter).sum(),
        Geometry::Rect(rect) => perimeter(&rect.to_polygon()),
        Geometry::Triangle(triangle) => perimeter(&triangle.to_polygon()),
        Geometry::GeometryCollection(parts) => parts.iter().map(geodesic_length_m).sum(),
        Geometry::Point(_) | Geometry::MultiPoint(_) => 0.0,
    }
}

/// Distance in metres between two points, `[longitude, latitude]` in degrees.
pub fn geodesic_distance_m(a: [f64; 2], b: [f64; 2]) -> f64 {
    GRS80.inverse(a[1], a[0], b[1], b[0])
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

fn perimeter(polygon: &Polygon<f64>) -> f64 {
    line_length(polygon.exterior()) + polygon.interiors().iter().map(line_length).sum::<f64>()
}

fn line_length(line: &LineString<f64>) -> f64 {
    line.lines().map(|segment| geodesic_distance_m(segment.start.into(), segment.end.into())).sum()
}
