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

#[cfg(test)]
mod tests {
    use geo_types::{Coord, Rect, polygon};

    use super::*;
    use crate::crs::{Crs, Transformer};

    #[test]
    fn a_square_of_25_99_m2_in_san_marco_measures_what_the_projections_only_approach() {
        // The square is laid out in zone 12, whose area factor there is 1.00002.
        let (x, y, side) = (3_026_510.775_9, 5_033_255.480_6, 25.9905_f64.sqrt());
        let rect = Rect::new(Coord { x, y }, Coord { x: x + side, y: y + side });
        let mut square = Geometry::Rect(rect);
        Transformer::new(&Crs::epsg(7795).unwrap(), &Crs::epsg(6706).unwrap()).unwrap().geometry(&mut square).unwrap();
        assert!((geodesic_area_m2(&square) - 25.99).abs() < 2e-3, "{}", geodesic_area_m2(&square));
        assert!((geodesic_length_m(&square) - 4.0 * 25.99_f64.sqrt()).abs() < 1e-3);
    }

    #[test]
    fn areas_do_not_depend_on_the_way_rings_turn_and_holes_are_taken_off() {
        let ring = polygon![(x: 12.0, y: 45.0), (x: 12.1, y: 45.0), (x: 12.1, y: 45.1), (x: 12.0, y: 45.1)];
        let turned = polygon![(x: 12.0, y: 45.0), (x: 12.0, y: 45.1), (x: 12.1, y: 45.1), (x: 12.1, y: 45.0)];
        let holed = polygon!(
            exterior: [(x: 12.0, y: 45.0), (x: 12.1, y: 45.0), (x: 12.1, y: 45.1), (x: 12.0, y: 45.1)],
            interiors: [[(x: 12.02, y: 45.02), (x: 12.04, y: 45.02), (x: 12.04, y: 45.04), (x: 12.02, y: 45.04)]],
        );
        let area = geodesic_area_m2(&Geometry::Polygon(ring));
        // Authalic area between the parallels, computed apart with geographiclib in Python.
        assert!((area - 87_548_393.448).abs() < 0.01, "{area}");
        assert!((geodesic_area_m2(&Geometry::Polygon(turned)) - area).abs() < 1e-6);
        assert!(geodesic_area_m2(&Geometry::Polygon(holed)) < area * 0.97);
        assert!(geodesic_area_m2(&Geometry::Point((12.0, 45.0).into())).abs() < f64::EPSILON);
    }

    #[test]
    fn one_minute_of_latitude_is_a_nautical_mile_or_so() {
        let metres = geodesic_distance_m([12.0, 45.0], [12.0, 45.0 + 1.0 / 60.0]);
        assert!((metres - 1_852.199_0).abs() < 1e-4, "{metres}");
        assert!(geodesic_distance_m([12.0, 45.0], [12.0, 45.0]).abs() < f64::EPSILON);
    }
}
