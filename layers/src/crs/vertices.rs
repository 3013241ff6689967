//! Every vertex of a geometry, in place.

use geo_types::{Coord, Geometry, LineString, Polygon};

/// Calls `change` for every vertex, the closing ones of rings too, until it fails. A rectangle becomes a polygon
/// first: turned into another CRS it is none any more.
pub(super) fn try_each_vertex<E>(
    geometry: &mut Geometry<f64>,
    change: &mut dyn FnMut(&mut Coord<f64>) -> Result<(), E>,
) -> Result<(), E> {
    match geometry {
        Geometry::Point(point) => change(&mut point.0),
        Geometry::Line(line) => change(&mut line.start).and_then(|()| change(&mut line.end)),
        Geometry::LineString(line) => each_of_line(line, change),
        Geometry::Polygon(polygon) => each_of_polygon(polygon, change),
        Geometry::MultiPoint(points) => points.iter_mut().try_for_each(|point| change(&mut point.0)),
        Geometry::MultiLineString(lines) => lines.iter_mut().try_for_each(|line| each_of_line(line, change)),
        Geometry::MultiPolygon(polygons) => {
            polygons.iter_mut().try_for_each(|polygon| each_of_polygon(polygon, change))
        }
        Geometry::GeometryCollection(parts) => parts.iter_mut().try_for_each(|part| try_each_vertex(part, change)),
        Geometry::Rect(rect) => {
            *geometry = Geometry::Polygon(rect.to_polygon());
            try_each_vertex(geometry, change)
        }
        Geometry::Triangle(triangle) => {
            *geometry = Geometry::Polygon(triangle.to_polygon());
            try_each_vertex(geometry, change)
        }
    }
}

fn each_of_line<E>(
    line: &mut LineString<f64>,
    change: &mut dyn FnMut(&mut Coord<f64>) -> Result<(), E>,
) -> Result<(), E> {
    line.0.iter_mut().try_for_each(change)
}

fn each_of_polygon<E>(
    polygon: &mut Polygon<f64>,
    change: &mut dyn FnMut(&mut Coord<f64>) -> Result<(), E>,
) -> Result<(), E> {
    let mut result = Ok(());
    // `exterior_mut` closes the ring again with its first vertex, which is what its last becomes anyway.
    polygon.exterior_mut(|ring| result = each_of_line(ring, change));
    result?;
    let mut result = Ok(());
    polygon.interiors_mut(|rings| result = rings.iter_mut().try_for_each(|ring| each_of_line(ring, change)));
    result
}
