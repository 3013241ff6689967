//! Geometries: type, snapping, validity, repair. All in the storage CRS of the layer, x before y.
//!
//! The ladder, cheapest step first: a polygon without holes and with few vertices is snapped, turned and judged
//! in one pass without allocating ([`ring`]); anything else is judged by a sweep over its segments
//! ([`validity`]); only what fails is rebuilt ([`repair`]), judged again, and refused when the surface that
//! comes out is not the one that went in.
//!
//! Stored surfaces are valid in the sense of OGC 06-103r4 clause 6.1.11, with outer rings counter-clockwise and
//! holes clockwise, and their coordinates are multiples of the layer's resolution.

mod repair;
mod ring;
mod shape;
pub mod validity;

use geo_types::{Coord, Geometry, LineString, Point, Polygon};

use super::finding::{Flaw, Notes, Reason, Refusal, Repair, RingName, Unrepaired};
use crate::definition::GeometryType;
use crate::limits::{MAX_RINGS, MAX_VERTICES};
use shape::Shape;

/// Snaps coordinates to a resolution.
#[derive(Debug, Clone, Copy)]
pub struct Grid {
    resolution: f64,
    /// 1 / resolution when that is a whole number: dividing by it gives the decimal that people expect
    /// (0.3, not 0.30000000000000004), the same on every machine.
    steps: Option<f64>,
}

impl Grid {
    /// A grid of a resolution above zero, in units of the storage CRS.
    pub fn new(resolution: f64) -> Self {
        let steps = (1.0 / resolution).round();
        let whole = steps >= 1.0 && (steps * resolution - 1.0).abs() < 1e-9;
        Self { resolution, steps: whole.then_some(steps) }
    }

    /// Distance between neighbouring coordinates.
    pub const fn resolution(&self) -> f64 {
        self.resolution
    }

    /// The nearest point of the grid.
    #[inline]
    pub fn snap(&self, at: Coord<f64>) -> Coord<f64> {
        // Adding 0.0 turns −0 into 0, so that equal points have equal bytes.
        match self.steps {
            Some(steps) => Coord { x: (at.x * steps).round() / steps + 0.0, y: (at.y * steps).round() / steps + 0.0 },
            None => Coord {
                x: (at.x / self.resolution).round() * self.resolution + 0.0,
                y: (at.y / self.resolution).round() * self.resolution + 0.0,
            },
        }
    }
}

/// Judges the geometries of one layer.
#[derive(Debug, Clone, Copy)]
pub struct GeometryCheck {
    wanted: GeometryType,
    grid: Grid,
}

/// What must hold before a geometry is even transformed: finite coordinates, within the limits.
///
/// # Errors
/// [`Reason::NotFinite`], [`Reason::TooManyVertices`], [`Reason::TooManyRings`].
pub fn admit(geometry: &Geometry<f64>) -> Result<(), Refusal> {
    let mut census = Census::default();
    census.geometry(geometry);
    if census.infinite {
        return Err(Refusal { reason: Reason::NotFinite, place: census.last });
    }
    if census.vertices > MAX_VERTICES {
        return Err(Refusal { reason: Reason::TooManyVertices(census.vertices), place: census.last });
    }
    if census.rings > MAX_RINGS {
        return Err(Refusal { reason: Reason::TooManyRings(census.rings), place: census.last });
    }
    Ok(())
}

#[derive(Default)]
struct Census {
    vertices: usize,
    rings: usize,
    infinite: bool,
    /// Any finite point, to say where.
    last: Option<[f64; 2]>,
}

impl Census {
    fn points(&mut self, points: &[Coord<f64>]) {
        self.vertices += points.len();
        self.rings += 1;
        // A sum is not finite when any of its terms is not (or when they overflow, which no place on Earth does).
        let sum: f64 = points.iter().map(|at| at.x + at.y).sum();
        if !sum.is_finite() {
            self.infinite = true;
        }
        if let Some(at) = points.iter().find(|at| at.x.is_finite() && at.y.is_finite()) {
            self.last = Some([at.x, at.y]);
        }
    }

    fn polygon(&mut self, polygon: &Polygon<f64>) {
        self.points(&polygon.exterior().0);
        polygon.interiors().iter().for_each(|hole| self.points(&hole.0));
    }

    fn geometry(&mut self, geometry: &Geometry<f64>) {
        match geometry {
            Geometry::Point(point) => self.points(&[point.0]),
            Geometry::Line(line) => self.points(&[line.start, line.end]),
            Geometry::LineString(line) => self.points(&line.0),
            Geometry::Polygon(polygon) => self.polygon(polygon),
            Geometry::MultiPoint(points) => {
                points.iter().for_each(|point| self.points(&[point.0]));
                // Points are cheap: only vertices count.
                self.rings = self.rings.min(1);
            }
            Geometry::MultiLineString(lines) => lines.iter().for_each(|line| self.points(&line.0)),
            Geometry::MultiPolygon(polygons) => polygons.iter().for_each(|polygon| self.polygon(polygon)),
            Geometry::GeometryCollection(members) => members.iter().for_each(|member| self.geometry(member)),
            Geometry::Rect(rect) => self.polygon(&rect.to_polygon()),
            Geometry::Triangle(triangle) => self.polygon(&triangle.to_polygon()),
        }
    }
}

impl GeometryCheck {
    /// A judge for a layer of a geometry type and a resolution (units of the storage CRS).
    pub fn new(wanted: GeometryType, resolution: f64) -> Self {
        Self { wanted, grid: Grid::new(resolution) }
    }

    /// The geometry as it is to be stored, or `None` when it is empty. It must have been [`admit`]ted.
    ///
    /// # Errors
    /// Why the row must be refused, with the place in the storage CRS.
    pub fn judge(&self, geometry: Geometry<f64>, notes: &mut Notes) -> Result<Option<Geometry<f64>>, Refusal> {
        let geometry = match geometry {
            Geometry::Polygon(polygon) if self.takes_surfaces() => match self.simple(polygon, notes) {
                Ok(polygon) => return Ok(Some(self.dressed(polygon))),
                Err(polygon) => Geometry::Polygon(polygon),
            },
            Geometry::MultiPolygon(mut parts) if self.takes_surfaces() && parts.0.len() == 1 => {
                match self.simple(parts.0.remove(0), notes) {
                    Ok(polygon) if self.wanted == GeometryType::Geometry => {
                        parts.0.push(polygon);
                        return Ok(Some(Geometry::MultiPolygon(parts)));
                    }
                    Ok(polygon) => return Ok(Some(self.dressed(polygon))),
                    Err(polygon) => {
                        parts.0.push(polygon);
                        Geometry::MultiPolygon(parts)
                    }
                }
            }
            other => other,
        };
        let place = shape::first_point(&geometry);
        let Some(shape) = Shape::of(geometry, self.wanted, notes).map_err(|reason| Refusal { reason, place })? else {
            return Ok(None);
        };
        let Shape { parts, multi } = match shape {
            Shape { parts: shape::Parts::Points(points), multi } => {
                let points = points.into_iter().map(|point| Point(self.grid.snap(point.0))).collect();
                Shape { parts: shape::Parts::Points(points), multi }
            }
            Shape { parts: shape::Parts::Lines(lines), multi } => {
                let lines = self.lines(lines, notes).ok_or(Refusal { reason: Reason::Collapsed, place })?;
                Shape { parts: shape::Parts::Lines(lines), multi }
            }
            Shape { parts: shape::Parts::Polygons(polygons), multi } => {
                let polygons = self.surfaces(polygons, place, notes)?;
                Shape { parts: shape::Parts::Polygons(polygons), multi }
            }
        };
        shape::assemble(parts, multi, self.wanted).map(Some).map_err(|reason| Refusal { reason, place })
    }

    fn takes_surfaces(&self) -> bool {
        matches!(self.wanted, GeometryType::Polygon | GeometryType::MultiPolygon | GeometryType::Geometry)
    }

    fn dressed(&self, polygon: Polygon<f64>) -> Geometry<f64> {
        if self.wanted == GeometryType::MultiPolygon {
            Geometry::MultiPolygon(geo_types::MultiPolygon(vec![polygon]))
        } else {
            Geometry::Polygon(polygon)
        }
    }

    /// The fast path: one ring, few vertices, nothing wrong. Gives the (snapped) polygon back otherwise.
    fn simple(&self, polygon: Polygon<f64>, notes: &mut Notes) -> Result<Polygon<f64>, Polygon<f64>> {
        if !polygon.interiors().is_empty() || polygon.exterior().0.len() > ring::SMALL {
            return Err(polygon);
        }
        let (LineString(mut points), _) = polygon.into_inner();
        let repeated = ring::snap(&mut points, self.grid);
        if repeated {
            notes.repaired(Repair::RepeatedPoints, place(&points));
        }
        if ring::is_simple(&points) {
            if ring::signed_area(&points) < 0.0 {
                points.reverse();
                notes.repaired(Repair::RingOrder, place(&points));
            }
            return Ok(Polygon::new(LineString(points), Vec::new()));
        }
        Err(Polygon::new(LineString(points), Vec::new()))
    }

    fn lines(&self, lines: Vec<LineString<f64>>, notes: &mut Notes) -> Option<Vec<LineString<f64>>> {
        let count = lines.len();
        let mut kept = Vec::with_capacity(count);
        for LineString(mut points) in lines {
            if ring::snap(&mut points, self.grid) {
                notes.repaired(Repair::RepeatedPoints, place(&points));
            }
            if points.len() >= 2 {
                kept.push(LineString(points));
            } else {
                notes.repaired(Repair::CollapsedPart, place(&points));
            }
        }
        (!kept.is_empty()).then_some(kept)
    }

    fn surfaces(
        &self,
        polygons: Vec<Polygon<f64>>,
        place: Option<[f64; 2]>,
        notes: &mut Notes,
    ) -> Result<Vec<Polygon<f64>>, Refusal> {
        let collapsed = Refusal { reason: Reason::Collapsed, place };
        let mut kept = Vec::with_capacity(polygons.len());
        for polygon in polygons {
            kept.extend(self.tidy(polygon, notes));
        }
        if kept.is_empty() {
            return Err(collapsed);
        }
        let Some((flaw, at)) = validity::first_flaw(&kept) else {
            return Ok(kept);
        };
        let invalid = |because| Refusal { reason: Reason::Invalid { flaw, because }, place: Some(at) };
        if flaw == Flaw::TooComplex {
            return Err(invalid(Unrepaired::Stubborn));
        }
        let repaired = repair::rebuild(kept, self.grid).map_err(invalid)?;
        if repaired.polygons.is_empty() {
            return Err(collapsed);
        }
        notes.repaired(Repair::MadeValid { flaw, area_change: repaired.area_change }, Some(at));
        Ok(repaired.polygons)
    }

    /// Snaps, removes repeated points and spikes, turns rings; `None` when the outer ring vanishes.
    fn tidy(&self, polygon: Polygon<f64>, notes: &mut Notes) -> Option<Polygon<f64>> {
        let (exterior, holes) = polygon.into_inner();
        let exterior = self.tidy_ring(exterior, true, notes)?;
        let holes = holes.into_iter().filter_map(|hole| self.tidy_ring(hole, false, notes)).collect();
        Some(Polygon::new(exterior, holes))
    }

    fn tidy_ring(&self, ring: LineString<f64>, outer: bool, notes: &mut Notes) -> Option<LineString<f64>> {
        let LineString(mut points) = ring;
        if points.is_empty() {
            return None;
        }
        let first = place(&points);
        if ring::snap(&mut points, self.grid) {
            notes.repaired(Repair::RepeatedPoints, first);
        }
        if let Some(at) = ring::cut_spikes(&mut points) {
            notes.repaired(Repair::Spike, Some(at));
        }
        if points.len() < 4 {
            notes.repaired(Repair::CollapsedPart, first);
            return None;
        }
        let area = ring::signed_area(&points);
        if (area < 0.0) == outer && area != 0.0 {
            points.reverse();
            notes.repaired(Repair::RingOrder, first);
        }
        Some(LineString(points))
    }
}

fn place(points: &[Coord<f64>]) -> Option<[f64; 2]> {
    points.first().map(|at| [at.x, at.y])
}

/// The name of a ring for people: the part is only counted when there are several.
fn ring_name(parts: usize, part: usize, hole: usize) -> RingName {
    RingName { part: if parts > 1 { part + 1 } else { 0 }, hole }
}

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;
