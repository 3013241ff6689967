//! Packed geometries: all vertices of a layer in one flat array of storage coordinates (exact, for answers), each
//! with the zoom from which tiles draw it.

use std::ops::Range;

use geo_types::{Coord, Geometry, LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::detail::Detail;
use super::plane::WorldPlane;
use super::runs::{Run, Runs};

/// What a packed geometry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum GeometryKind {
    /// No geometry.
    None = 0,
    /// One position per ring.
    Point = 1,
    /// One line per ring.
    Line = 2,
    /// Shells and holes; the closing vertex of a ring is not stored.
    Polygon = 3,
}

pub(super) const MULTI: u8 = 0x80;
pub(super) const HOLE: u32 = 1 << 31;
/// Origins of grids are multiples of this many steps; three quarters of the reach are left each way.
const ROUND: f64 = (1_u32 << 30) as f64;
/// Rows that one thread works on at a time.
const CHUNK: usize = 4096;

/// The integer grid of a layer's storage coordinates: `coordinate = (origin + i) * step`.
///
/// `step` is the layer's resolution (made coarser by powers of ten only where a layer spans more than an
/// `i32` can hold), so that the packed coordinates are the stored ones exactly.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CoordinateGrid {
    origin: [i64; 2],
    per_unit: f64,
}

impl CoordinateGrid {
    /// A grid of the given resolution (units of the storage CRS) around a position. Its origin is a round number of
    /// steps, so that the cells of [`WorldPlane`] are the same for every layer.
    pub fn around(position: [f64; 2], resolution: f64) -> Self {
        let per_unit = (1.0 / resolution).round().max(1.0);
        let per_unit = if resolution > 1.0 { 1.0 / resolution } else { per_unit };
        let round = |value: f64| (value * per_unit / ROUND).round() as i64 * ROUND as i64;
        Self { origin: position.map(round), per_unit }
    }

    /// Steps per unit of the storage CRS.
    pub fn per_unit(&self) -> f64 {
        self.per_unit
    }

    /// A storage coordinate in grid steps from the origin, not rounded.
    pub fn steps(&self, position: [f64; 2]) -> [f64; 2] {
        [position[0] * self.per_unit - self.origin[0] as f64, position[1] * self.per_unit - self.origin[1] as f64]
    }

    /// The grid node of a storage coordinate, or `None` when it is too far from the origin.
    pub fn pack(&self, position: [f64; 2]) -> Option<[i32; 2]> {
        let node = |axis: usize| {
            let value = (position[axis] * self.per_unit).round();
            if !value.is_finite() {
                return None;
            }
            i32::try_from(value as i64 - self.origin[axis]).ok()
        };
        Some([node(0)?, node(1)?])
    }

    /// The storage coordinate of a position in steps.
    pub fn position(&self, steps: [f64; 2]) -> [f64; 2] {
        [0, 1].map(|axis| (self.origin[axis] as f64 + steps[axis]) / self.per_unit)
    }

    /// The storage coordinate of a grid node.
    pub fn unpack(&self, node: [i32; 2]) -> [f64; 2] {
        let value = |axis: usize| (self.origin[axis] + i64::from(node[axis])) as f64 / self.per_unit;
        [value(0), value(1)]
    }
}

/// One ring, line or position of a packed geometry.
#[derive(Debug, Clone, Copy)]
pub struct Ring<'a> {
    /// Storage coordinates, in steps of the layer's [`CoordinateGrid`].
    pub nodes: &'a [[i32; 2]],
    /// For each vertex the zoom from which tiles draw it.
    pub zooms: &'a [u8],
    pub(super) runs: &'a [Run],
    /// A hole of the shell before it.
    pub hole: bool,
}

/// The geometries of a layer by row.
#[derive(Debug)]
pub struct Packed {
    pub(super) grid: CoordinateGrid,
    pub(super) kinds: Vec<u8>,
    /// First ring of each row, and one past the last.
    pub(super) rows: Vec<u32>,
    /// First vertex of each ring (top bit: hole), and one past the last.
    pub(super) rings: Vec<u32>,
    pub(super) nodes: Vec<[i32; 2]>,
    /// See [`Ring::zooms`]; filled by [`Packed::detail`].
    pub(super) zooms: Vec<u8>,
    runs: Runs,
}

impl Packed {
    pub(super) fn new(grid: CoordinateGrid) -> Self {
        Self {
            grid,
            kinds: Vec::new(),
            rows: vec![0],
            rings: vec![0],
            nodes: Vec::new(),
            zooms: Vec::new(),
            runs: Runs::default(),
        }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.kinds.len()
    }

    /// True when there is no row.
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// The grid of the storage coordinates.
    pub fn grid(&self) -> &CoordinateGrid {
        &self.grid
    }

    /// What the geometry of a row is.
    pub fn kind(&self, row: u32) -> GeometryKind {
        match self.kinds[row as usize] & !MULTI {
            1 => GeometryKind::Point,
            2 => GeometryKind::Line,
            3 => GeometryKind::Polygon,
            _ => GeometryKind::None,
        }
    }

    /// Whether the row holds a `Multi*` geometry (even of one part).
    pub fn is_multi(&self, row: u32) -> bool {
        self.kinds[row as usize] & MULTI != 0
    }

    /// Rings (lines, positions) of a row.
    pub fn ring_count(&self, row: u32) -> usize {
        (self.rows[row as usize + 1] - self.rows[row as usize]) as usize
    }

    /// Vertices of a row, all rings together.
    pub fn vertex_count(&self, row: u32) -> usize {
        let (from, to) = (self.rows[row as usize] as usize, self.rows[row as usize + 1] as usize);
        ((self.rings[to] & !HOLE) - (self.rings[from] & !HOLE)) as usize
    }

    /// All vertices of a row, in steps of the grid.
    pub fn nodes(&self, row: u32) -> &[[i32; 2]] {
        let (from, to) = (self.rows[row as usize] as usize, self.rows[row as usize + 1] as usize);
        &self.nodes[(self.rings[from] & !HOLE) as usize..(self.rings[to] & !HOLE) as usize]
    }

    /// The rings (lines, positions) of a row.
    pub fn rings(&self, row: u32) -> impl Iterator<Item = Ring<'_>> + Clone {
        let (from, to) = (self.rows[row as usize] as usize, self.rows[row as usize + 1] as usize);
        (from..to).map(|ring| {
            let start = self.rings[ring];
            let span = (start & !HOLE) as usize..(self.rings[ring + 1] & !HOLE) as usize;
            Ring {
                runs: self.runs.get(ring, span.len()),
                nodes: &self.nodes[span.clone()],
                zooms: self.zooms.get(span).unwrap_or_default(),
                hole: start & HOLE != 0,
            }
        })
    }

    /// Adds a row. `false` (and nothing added) when a coordinate lies too far from the grid's origin.
    pub(super) fn push(&mut self, geometry: Option<&Geometry<f64>>) -> bool {
        let (rings, nodes) = (self.rings.len(), self.nodes.len());
        let Some(kind) = geometry.map_or(Some(0), |geometry| self.push_geometry(geometry)) else {
            self.rings.truncate(rings);
            self.nodes.truncate(nodes);
            // The last mark is the open end; a hole may have been noted on it.
            self.rings[rings - 1] = nodes as u32;
            return false;
        };
        // What has no vertex (an empty geometry, which another program may have stored) is no geometry.
        self.kinds.push(if self.nodes.len() == nodes { 0 } else { kind });
        self.rows.push(self.rings.len() as u32 - 1);
        true
    }

    /// Appends the rows of another pack on the same grid (before [`Self::detail`]).
    pub(super) fn append(&mut self, other: &Self) {
        let (ring_shift, node_shift) = (self.rings.len() as u32 - 1, self.nodes.len() as u32);
        self.kinds.extend_from_slice(&other.kinds);
        self.rows.extend(other.rows[1..].iter().map(|ring| ring + ring_shift));
        self.rings.pop();
        self.rings.extend(other.rings.iter().map(|start| start + node_shift));
        self.nodes.extend_from_slice(&other.nodes);
    }

    /// Decides for every vertex from which zoom it is drawn, and finds the runs of long outlines.
    pub(super) fn detail(&mut self, plane: &WorldPlane) {
        self.zooms = by_chunks(self.len(), |rows| {
            let (mut detail, mut zooms, mut world) = (Detail::default(), Vec::new(), Vec::new());
            for row in rows {
                for ring in self.rings(row) {
                    world.clear();
                    world.extend(ring.nodes.iter().map(|node| plane.world(*node)));
                    match self.kind(row) {
                        GeometryKind::Polygon => detail.ring(&world, &mut zooms),
                        _ => detail.line(&world, &mut zooms),
                    }
                }
            }
            zooms
        });
        self.find_runs();
    }

    /// Puts boxes around the runs of long outlines.
    pub(super) fn find_runs(&mut self) {
        let ends = self.rings.windows(2).map(|pair| (pair[0] & !HOLE) as usize..(pair[1] & !HOLE) as usize);
        self.runs = Runs::of(ends.map(|span| &self.nodes[span]));
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        self.nodes.len() * 9 + self.runs.bytes() + self.rings.len() * 4 + self.rows.len() * 4 + self.kinds.len()
    }

    pub(super) fn shrink(&mut self) {
        self.kinds.shrink_to_fit();
        self.rows.shrink_to_fit();
        self.rings.shrink_to_fit();
        self.nodes.shrink_to_fit();
    }

    fn push_geometry(&mut self, geometry: &Geometry<f64>) -> Option<u8> {
        match geometry {
            Geometry::Point(point) => self.push_ring(&[point.0], false).map(|()| 1),
            Geometry::MultiPoint(points) => {
                points.0.iter().try_for_each(|point| self.push_ring(&[point.0], false)).map(|()| 1 | MULTI)
            }
            Geometry::LineString(line) => self.push_ring(&line.0, false).map(|()| 2),
            Geometry::MultiLineString(lines) => {
                lines.0.iter().try_for_each(|line| self.push_ring(&line.0, false)).map(|()| 2 | MULTI)
            }
            Geometry::Polygon(polygon) => self.push_polygon(polygon).map(|()| 3),
            Geometry::MultiPolygon(polygons) => {
                polygons.0.iter().try_for_each(|polygon| self.push_polygon(polygon)).map(|()| 3 | MULTI)
            }
            _ => None,
        }
    }

    fn push_polygon(&mut self, polygon: &Polygon<f64>) -> Option<()> {
        let open = |ring: &LineString<f64>| ring.0.len().saturating_sub(1);
        let shell = polygon.exterior();
        if shell.0.is_empty() {
            return Some(());
        }
        self.push_ring(&shell.0[..open(shell)], false)?;
        polygon.interiors().iter().try_for_each(|hole| self.push_ring(&hole.0[..open(hole)], true))
    }

    fn push_ring(&mut self, vertices: &[Coord<f64>], hole: bool) -> Option<()> {
        if vertices.is_empty() {
            return Some(());
        }
        if hole && let Some(start) = self.rings.last_mut() {
            *start |= HOLE;
        }
        for vertex in vertices {
            self.nodes.push(self.grid.pack([vertex.x, vertex.y])?);
        }
        self.rings.push(self.nodes.len() as u32);
        Some(())
    }

    /// The geometry of a row; `position` gives the coordinate of a vertex (storage or geographic).
    pub fn geometry(
        &self,
        row: u32,
        position: impl Fn(&CoordinateGrid, [i32; 2]) -> [f64; 2],
    ) -> Option<Geometry<f64>> {
        let coord = |node: &[i32; 2]| {
            let [x, y] = position(&self.grid, *node);
            Coord { x, y }
        };
        let lines = || self.rings(row).map(|ring| LineString(ring.nodes.iter().map(coord).collect()));
        let multi = self.is_multi(row);
        Some(match self.kind(row) {
            GeometryKind::None => return None,
            GeometryKind::Point if multi => {
                Geometry::MultiPoint(MultiPoint(self.rings(row).map(|ring| Point(coord(&ring.nodes[0]))).collect()))
            }
            GeometryKind::Point => Geometry::Point(Point(coord(self.rings(row).next()?.nodes.first()?))),
            GeometryKind::Line if multi => Geometry::MultiLineString(MultiLineString(lines().collect())),
            GeometryKind::Line => Geometry::LineString(lines().next()?),
            GeometryKind::Polygon => {
                let mut polygons: Vec<Polygon<f64>> = Vec::new();
                for (ring, line) in self.rings(row).zip(lines()) {
                    match polygons.last_mut() {
                        Some(polygon) if ring.hole => polygon.interiors_push(line),
                        _ => polygons.push(Polygon::new(line, Vec::new())),
                    }
                }
                if multi {
                    Geometry::MultiPolygon(MultiPolygon(polygons))
                } else {
                    Geometry::Polygon(polygons.into_iter().next()?)
                }
            }
        })
    }
}

/// Works on all rows, and puts together in their order what comes of it. For the few rows of a change no other thread is
/// woken: that costs more than they do.
pub(super) fn by_chunks<T: Clone + Send>(rows: usize, work: impl Fn(Range<u32>) -> Vec<T> + Sync) -> Vec<T> {
    if rows <= CHUNK {
        return work(0..rows as u32);
    }
    let span = |chunk: usize| (chunk * CHUNK) as u32..((chunk + 1) * CHUNK).min(rows) as u32;
    let parts: Vec<Vec<T>> = (0..rows.div_ceil(CHUNK)).into_par_iter().map(|chunk| work(span(chunk))).collect();
    parts.concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo_types::{line_string, polygon};

    fn pack(geometries: &[Geometry<f64>]) -> Packed {
        let mut packed = Packed::new(CoordinateGrid::around([3_000_000.0, 5_000_000.0], 0.001));
        for geometry in geometries {
            assert!(packed.push(Some(geometry)));
        }
        packed
    }

    fn samples() -> Vec<Geometry<f64>> {
        let house = polygon!(exterior: [(x: 3_000_000.001, y: 5_000_000.3), (x: 3_000_010.0, y: 5_000_000.0), (x: 3_000_010.0, y: 5_000_010.7)],
            interiors: [[(x: 3_000_008.0, y: 5_000_002.0), (x: 3_000_009.0, y: 5_000_002.0), (x: 3_000_009.0, y: 5_000_003.0)]]);
        vec![
            Geometry::Point(Point::new(2_999_000.123, 5_000_001.999)),
            Geometry::Polygon(house.clone()),
            Geometry::MultiPolygon(MultiPolygon(vec![house.clone(), house])),
            Geometry::LineString(line_string![(x: 1.0, y: 4_999_999.0), (x: 2.0, y: 5_000_000.0)]),
            Geometry::MultiPoint(MultiPoint(vec![
                Point::new(3_000_000.0, 5_000_000.0),
                Point::new(3_000_000.1, 5_000_000.2),
            ])),
        ]
    }

    #[test]
    fn what_goes_in_comes_out_exactly() {
        let samples: Vec<_> = samples().into_iter().filter(|g| !matches!(g, Geometry::LineString(_))).collect();
        let packed = pack(&samples);
        for (row, sample) in samples.iter().enumerate() {
            assert_eq!(packed.geometry(row as u32, CoordinateGrid::unpack).as_ref(), Some(sample));
        }
    }

    #[test]
    fn a_coordinate_out_of_reach_is_refused_and_leaves_no_trace() {
        let mut packed = pack(&samples()[..2]);
        let (rings, nodes) = (packed.rings.clone(), packed.nodes.clone());
        assert!(!packed.push(Some(&samples()[3])));
        assert_eq!((packed.rings.clone(), packed.nodes.clone(), packed.len()), (rings, nodes, 2));
        assert!(packed.push(Some(&samples()[1])));
        assert_eq!(packed.rings(2).map(|ring| ring.hole).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn empty_geometries_and_empty_parts_leave_nothing() {
        let empty = Polygon::new(LineString(vec![]), vec![]);
        let Geometry::Polygon(house) = &samples()[1] else { panic!("a polygon") };
        let packed = pack(&[
            Geometry::Polygon(empty.clone()),
            Geometry::MultiPolygon(MultiPolygon(vec![])),
            Geometry::LineString(LineString(vec![])),
            Geometry::MultiPolygon(MultiPolygon(vec![house.clone(), empty])),
        ]);
        let read = |row| packed.geometry(row, CoordinateGrid::unpack);
        assert_eq!([read(0), read(1), read(2)], [None, None, None]);
        assert_eq!(read(3), Some(Geometry::MultiPolygon(MultiPolygon(vec![house.clone()]))));
    }

    #[test]
    fn appended_packs_read_as_one() {
        let all: Vec<_> = samples().into_iter().filter(|g| !matches!(g, Geometry::LineString(_))).collect();
        let mut first = pack(&all[..2]);
        first.append(&pack(&all[2..]));
        for (row, sample) in all.iter().enumerate() {
            assert_eq!(first.geometry(row as u32, CoordinateGrid::unpack).as_ref(), Some(sample));
        }
    }
}
