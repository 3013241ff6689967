//! Geometry types: from what a source holds to what a layer holds.

use geo_types::{Geometry, LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon};

use crate::check::finding::{Notes, Reason, Repair};
use crate::definition::GeometryType;

/// The parts of a geometry, all of one dimension.
#[derive(Debug)]
pub enum Parts {
    Points(Vec<Point<f64>>),
    Lines(Vec<LineString<f64>>),
    Polygons(Vec<Polygon<f64>>),
}

/// A geometry taken apart.
#[derive(Debug)]
pub struct Shape {
    pub parts: Parts,
    /// Whether it came as a multi geometry.
    pub multi: bool,
}

#[derive(Default)]
struct Sorted {
    points: Vec<Point<f64>>,
    lines: Vec<LineString<f64>>,
    polygons: Vec<Polygon<f64>>,
    multi: bool,
}

impl Sorted {
    fn add(&mut self, geometry: Geometry<f64>) {
        match geometry {
            Geometry::Point(point) => self.points.push(point),
            Geometry::Line(line) => self.lines.push(line.into()),
            Geometry::LineString(line) => self.line(line),
            Geometry::Polygon(polygon) => self.polygon(polygon),
            Geometry::Rect(rect) => self.polygon(rect.to_polygon()),
            Geometry::Triangle(triangle) => self.polygon(triangle.to_polygon()),
            Geometry::MultiPoint(points) => {
                self.multi = true;
                self.points.extend(points);
            }
            Geometry::MultiLineString(lines) => {
                self.multi = true;
                lines.into_iter().for_each(|line| self.line(line));
            }
            Geometry::MultiPolygon(polygons) => {
                self.multi = true;
                polygons.into_iter().for_each(|polygon| self.polygon(polygon));
            }
            Geometry::GeometryCollection(members) => {
                self.multi |= members.len() > 1;
                members.into_iter().for_each(|member| self.add(member));
            }
        }
    }

    fn line(&mut self, line: LineString<f64>) {
        if !line.0.is_empty() {
            self.lines.push(line);
        }
    }

    fn polygon(&mut self, polygon: Polygon<f64>) {
        if !polygon.exterior().0.is_empty() {
            self.polygons.push(polygon);
        }
    }

    fn highest(&self) -> Option<u8> {
        if !self.polygons.is_empty() {
            Some(2)
        } else if !self.lines.is_empty() {
            Some(1)
        } else {
            (!self.points.is_empty()).then_some(0)
        }
    }
}

impl Shape {
    /// Takes a geometry apart; `None` when it is empty. From a mixed collection only the members of the layer's
    /// dimension are kept, if the others are of a lower one (the crumbs that overlays leave behind).
    pub fn of(geometry: Geometry<f64>, wanted: GeometryType, notes: &mut Notes) -> Result<Option<Self>, Reason> {
        let mut sorted = Sorted::default();
        sorted.add(geometry);
        let Some(highest) = sorted.highest() else { return Ok(None) };
        let Sorted { points, lines, polygons, multi } = sorted;
        if wanted.dimension().is_some_and(|dimension| dimension != highest) {
            let (found, parts) = match highest {
                0 => ("POINT", points.len()),
                1 => ("LINESTRING", lines.len()),
                _ => ("POLYGON", polygons.len()),
            };
            return Err(Reason::WrongGeometry { found, parts, wanted });
        }
        let mixed = match highest {
            0 => false,
            1 => !points.is_empty(),
            _ => !points.is_empty() || !lines.is_empty(),
        };
        if mixed {
            let place = points.first().map(|point| [point.x(), point.y()]);
            notes.repaired(Repair::CollectionReduced, place);
        }
        let parts = match highest {
            0 => Parts::Points(points),
            1 => Parts::Lines(lines),
            _ => Parts::Polygons(polygons),
        };
        Ok(Some(Self { parts, multi }))
    }
}

/// Puts the parts together as the layer's type: single becomes multi, and multi with one part single, where the
/// layer says so; a layer of any geometry keeps what came.
pub fn assemble(parts: Parts, multi: bool, wanted: GeometryType) -> Result<Geometry<f64>, Reason> {
    let (count, found) = match &parts {
        Parts::Points(points) => (points.len(), "MULTIPOINT"),
        Parts::Lines(lines) => (lines.len(), "MULTILINESTRING"),
        Parts::Polygons(polygons) => (polygons.len(), "MULTIPOLYGON"),
    };
    let multi = match wanted {
        GeometryType::Geometry => multi || count > 1,
        GeometryType::Point | GeometryType::LineString | GeometryType::Polygon => false,
        _ => true,
    };
    if !multi && count > 1 {
        return Err(Reason::WrongGeometry { found, parts: count, wanted });
    }
    let whole = match parts {
        Parts::Points(points) if multi => Geometry::MultiPoint(MultiPoint(points)),
        Parts::Lines(lines) if multi => Geometry::MultiLineString(MultiLineString(lines)),
        Parts::Polygons(polygons) if multi => Geometry::MultiPolygon(MultiPolygon(polygons)),
        Parts::Points(mut points) => points.pop().map(Geometry::Point).ok_or(Reason::NoGeometry)?,
        Parts::Lines(mut lines) => lines.pop().map(Geometry::LineString).ok_or(Reason::NoGeometry)?,
        Parts::Polygons(mut polygons) => polygons.pop().map(Geometry::Polygon).ok_or(Reason::NoGeometry)?,
    };
    Ok(whole)
}

/// Any point of a geometry, to say where it is.
pub fn first_point(geometry: &Geometry<f64>) -> Option<[f64; 2]> {
    let of = |line: &LineString<f64>| line.0.first().map(|at| [at.x, at.y]);
    match geometry {
        Geometry::Point(point) => Some([point.x(), point.y()]),
        Geometry::Line(line) => Some([line.start.x, line.start.y]),
        Geometry::LineString(line) => of(line),
        Geometry::Polygon(polygon) => of(polygon.exterior()),
        Geometry::MultiPoint(points) => points.0.first().map(|point| [point.x(), point.y()]),
        Geometry::MultiLineString(lines) => lines.iter().find_map(of),
        Geometry::MultiPolygon(polygons) => polygons.iter().find_map(|polygon| of(polygon.exterior())),
        Geometry::GeometryCollection(members) => members.iter().find_map(first_point),
        Geometry::Rect(rect) => Some([rect.min().x, rect.min().y]),
        Geometry::Triangle(triangle) => Some([triangle.v1().x, triangle.v1().y]),
    }
}
