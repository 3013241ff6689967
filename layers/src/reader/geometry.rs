//! From the coordinates of a file to geometries: rings, collections, and the checks that every row passes.

use geo_types::{
    Coord, Geometry, GeometryCollection, LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon,
};

use super::tally::Tally;
use super::{ReadError, SourceFeature};
use crate::feature::Value;
use crate::limits::{MAX_RINGS, MAX_VERTICES};

/// A polygon of rings, the first of which is the outer one. `None` when there is no ring with a position.
pub(super) fn polygon(rings: Vec<Vec<Coord<f64>>>, tally: &mut Tally) -> Option<Polygon<f64>> {
    let mut rings = rings.into_iter().filter(|ring| !ring.is_empty()).map(|ring| {
        // `Polygon::new` closes open rings without a word.
        if ring.first() != ring.last() {
            tally.closed_rings += 1;
        }
        LineString::new(ring)
    });
    let outer = rings.next()?;
    let holes = rings.collect();
    Some(Polygon::new(outer, holes))
}

/// Several geometries as one: of one kind where they are of one kind, a collection otherwise.
pub(super) fn gather(mut parts: Vec<Geometry<f64>>) -> Option<Geometry<f64>> {
    if parts.len() == 1 {
        return parts.pop();
    }
    let first = parts.first()?;
    let kind = std::mem::discriminant(first);
    if !parts.iter().all(|part| std::mem::discriminant(part) == kind) {
        return Some(Geometry::GeometryCollection(GeometryCollection(parts)));
    }
    let gathered = match first {
        Geometry::Point(_) => Geometry::MultiPoint(MultiPoint(parts.into_iter().filter_map(as_point).collect())),
        Geometry::LineString(_) => {
            Geometry::MultiLineString(MultiLineString(parts.into_iter().filter_map(as_line).collect()))
        }
        Geometry::Polygon(_) => {
            Geometry::MultiPolygon(MultiPolygon(parts.into_iter().filter_map(as_polygon).collect()))
        }
        Geometry::MultiPolygon(_) => Geometry::MultiPolygon(MultiPolygon(
            parts.into_iter().filter_map(|part| MultiPolygon::try_from(part).ok()).flatten().collect(),
        )),
        _ => Geometry::GeometryCollection(GeometryCollection(parts)),
    };
    Some(gathered)
}

fn as_point(geometry: Geometry<f64>) -> Option<Point<f64>> {
    Point::try_from(geometry).ok()
}

fn as_line(geometry: Geometry<f64>) -> Option<LineString<f64>> {
    LineString::try_from(geometry).ok()
}

fn as_polygon(geometry: Geometry<f64>) -> Option<Polygon<f64>> {
    Polygon::try_from(geometry).ok()
}

/// A row, after the checks that no consumer should have to repeat: every coordinate finite, no more vertices and
/// rings than [`MAX_VERTICES`] and [`MAX_RINGS`]. An empty geometry is no geometry.
pub(super) fn feature(
    row: u64,
    geometry: Option<Geometry<f64>>,
    values: Vec<Value>,
) -> Result<SourceFeature, ReadError> {
    let Some(geometry) = geometry else {
        return Ok(SourceFeature { row, geometry: None, values });
    };
    let mut survey = Survey::default();
    survey.geometry(&geometry);
    if let Some(reason) = survey.complaint() {
        return Err(ReadError::Row { row, reason, place: survey.place });
    }
    let geometry = (survey.vertices > 0).then_some(geometry);
    Ok(SourceFeature { row, geometry, values })
}

/// An unreadable row without a place.
pub(super) fn row_error(row: u64, reason: impl Into<String>) -> ReadError {
    ReadError::Row { row, reason: reason.into(), place: None }
}

/// A walk over all coordinates of a geometry.
#[derive(Default)]
struct Survey {
    vertices: usize,
    rings: usize,
    bad: Option<[f64; 2]>,
    place: Option<[f64; 2]>,
}

impl Survey {
    fn complaint(&self) -> Option<String> {
        if let Some([x, y]) = self.bad {
            return Some(format!(
                "coordinate ({x}, {y}) is not a finite number; correct it in the source or delete the feature"
            ));
        }
        if self.vertices > MAX_VERTICES {
            return Some(format!(
                "geometry has {} vertices, more than MAX_VERTICES ({MAX_VERTICES}); split or simplify it",
                self.vertices
            ));
        }
        if self.rings > MAX_RINGS {
            return Some(format!(
                "geometry has {} rings or parts, more than MAX_RINGS ({MAX_RINGS}); split it",
                self.rings
            ));
        }
        None
    }

    fn coords(&mut self, coords: &[Coord<f64>]) {
        self.vertices += coords.len();
        self.rings += 1;
        // One sum is NaN or infinite as soon as one coordinate is: the common case costs one pass of additions.
        let sum: f64 = coords.iter().map(|c| c.x * 0.0 + c.y * 0.0).sum();
        if sum.is_finite() {
            if self.place.is_none() {
                self.place = coords.first().map(|c| [c.x, c.y]);
            }
            return;
        }
        for c in coords {
            if c.x.is_finite() && c.y.is_finite() {
                self.place.get_or_insert([c.x, c.y]);
            } else {
                self.bad.get_or_insert([c.x, c.y]);
            }
        }
    }

    fn polygon(&mut self, polygon: &Polygon<f64>) {
        self.coords(&polygon.exterior().0);
        for hole in polygon.interiors() {
            self.coords(&hole.0);
        }
    }

    fn geometry(&mut self, geometry: &Geometry<f64>) {
        match geometry {
            Geometry::Point(point) => self.coords(&[point.0]),
            Geometry::Line(line) => self.coords(&[line.start, line.end]),
            Geometry::LineString(line) => self.coords(&line.0),
            Geometry::Polygon(polygon) => self.polygon(polygon),
            Geometry::MultiPoint(points) => points.iter().for_each(|point| self.coords(&[point.0])),
            Geometry::MultiLineString(lines) => lines.iter().for_each(|line| self.coords(&line.0)),
            Geometry::MultiPolygon(polygons) => polygons.iter().for_each(|polygon| self.polygon(polygon)),
            Geometry::GeometryCollection(parts) => parts.iter().for_each(|part| self.geometry(part)),
            Geometry::Rect(rect) => self.polygon(&rect.to_polygon()),
            Geometry::Triangle(triangle) => self.polygon(&triangle.to_polygon()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo_types::{line_string, point};

    #[test]
    fn a_coordinate_that_is_no_number_costs_its_row_and_says_where() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let line = line_string![(x: 1.0, y: 2.0), (x: bad, y: 3.0)];
            let Err(ReadError::Row { row, reason, place }) = feature(7, Some(line.into()), vec![]) else {
                panic!("{bad} passed");
            };
            assert_eq!((row, place), (7, Some([1.0, 2.0])));
            assert!(reason.contains("not a finite number"), "{reason}");
        }
        assert!(feature(1, Some(point!(x: f64::MAX, y: -f64::MAX).into()), vec![]).is_ok());
    }

    #[test]
    fn empty_geometries_are_no_geometries() {
        let empty = Geometry::MultiPolygon(MultiPolygon(vec![]));
        assert_eq!(feature(1, Some(empty), vec![]).expect("a row").geometry, None);
    }

    #[test]
    fn open_rings_are_closed_and_counted() {
        let mut tally = Tally::default();
        let square = [(0.0, 0.0), (4.0, 0.0), (4.0, 4.0)].map(Coord::from);
        let polygon = polygon(vec![square.to_vec(), vec![]], &mut tally).expect("a polygon");
        assert_eq!(polygon.exterior().0.len(), 4);
        assert_eq!(polygon.exterior().0.first(), polygon.exterior().0.last());
        assert_eq!(tally.closed_rings, 1);
    }

    #[test]
    fn parts_of_one_kind_become_a_multi_geometry() {
        let parts = vec![point!(x: 1.0, y: 1.0).into(), point!(x: 2.0, y: 1.0).into()];
        assert!(matches!(gather(parts), Some(Geometry::MultiPoint(points)) if points.0.len() == 2));
        let mixed = vec![point!(x: 1.0, y: 1.0).into(), line_string![(x: 2.0, y: 1.0), (x: 3.0, y: 1.0)].into()];
        assert!(matches!(gather(mixed), Some(Geometry::GeometryCollection(_))));
        assert_eq!(gather(vec![]), None);
    }
}
