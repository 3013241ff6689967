//! The way from packed coordinates to the integer plane on which tiles are cut.
//!
//! World coordinates are not stored beside the exact ones: a lattice of exact corners every 2¹⁸ steps (262 m at a
//! millimetre) with straight interpolation between them is within half a world unit (5 mm on the equator) of the projection,
//! costs a few nanoseconds a vertex, and halves the memory of the geometries. It is a function of the position alone,
//! so neighbours that share a vertex share it in every tile.

use rayon::prelude::*;

use super::packed::CoordinateGrid;
use crate::crs::MercatorApprox;

/// Bits of a lattice cell: 2¹⁸ steps of a millimetre or of 1e-8° are less than 300 m.
const CELL_BITS: u32 = 18;
/// Corners of a lattice at most (16 MB); a layer that is spread wider is projected vertex by vertex.
const MAX_CORNERS: usize = 1 << 20;
/// World units by which interpolation may miss the projection.
const TOLERANCE: f64 = 0.5;

/// Packed coordinates to Web Mercator world units.
#[derive(Debug)]
pub(super) struct WorldPlane {
    /// Nodes for which it was made.
    bounds: [[i32; 2]; 2],
    lattice: Option<Lattice>,
    grid: CoordinateGrid,
    mercator: MercatorApprox,
}

#[derive(Debug)]
struct Lattice {
    /// Node of the south-west corner.
    origin: [i32; 2],
    columns: usize,
    corners: Vec<[f64; 2]>,
}

impl WorldPlane {
    /// A plane for the nodes between two corners.
    pub(super) fn new(grid: CoordinateGrid, mercator: MercatorApprox, min: [i32; 2], max: [i32; 2]) -> Self {
        let lattice = Lattice::new(&grid, &mercator, min, max);
        Self { bounds: [min, max], lattice, grid, mercator }
    }

    /// Whether it leads away from this grid.
    pub(super) fn is_of(&self, grid: &CoordinateGrid) -> bool {
        self.grid == *grid
    }

    /// Whether all nodes between two corners are ones for which it was made.
    pub(super) fn covers(&self, min: [i32; 2], max: [i32; 2]) -> bool {
        (0..2).all(|axis| self.bounds[0][axis] <= min[axis] && max[axis] <= self.bounds[1][axis])
    }

    /// A node in world units, to the nearest.
    #[inline]
    pub(super) fn world(&self, node: [i32; 2]) -> [u32; 2] {
        match &self.lattice {
            Some(lattice) => lattice.interpolate(node).map(|value| (value + 0.5) as u32),
            None => self.mercator.world(self.grid.unpack(node)),
        }
    }

    /// The projection itself, for positions that are no nodes.
    pub(super) fn mercator(&self) -> &MercatorApprox {
        &self.mercator
    }
}

impl Lattice {
    fn new(grid: &CoordinateGrid, mercator: &MercatorApprox, min: [i32; 2], max: [i32; 2]) -> Option<Self> {
        let cells = [0, 1].map(|axis| (max[axis].abs_diff(min[axis]) >> CELL_BITS) as usize + 1);
        let [columns, rows] = cells.map(|cells| cells + 1);
        if columns.checked_mul(rows)? > MAX_CORNERS {
            return None;
        }
        let cell = f64::from(1_u32 << CELL_BITS);
        let exact = |column: f64, row: f64| {
            let steps = [f64::from(min[0]) + column * cell, f64::from(min[1]) + row * cell];
            mercator.world_f64(grid.position(steps))
        };
        let corners = (0..rows * columns)
            .into_par_iter()
            .map(|index| exact((index % columns) as f64, (index / columns) as f64))
            .collect();
        let lattice = Self { origin: min, columns, corners };
        // Interpolation is worst in the middle of a cell.
        let holds = (0..cells[0] * cells[1]).into_par_iter().all(|index| {
            let (column, row) = (index % cells[0], index / cells[0]);
            let (middle, found) =
                (exact(column as f64 + 0.5, row as f64 + 0.5), lattice.within([column, row], [0.5; 2]));
            (0..2).all(|axis| (middle[axis] - found[axis]).abs() <= TOLERANCE)
        });
        holds.then_some(lattice)
    }

    #[inline]
    fn interpolate(&self, node: [i32; 2]) -> [f64; 2] {
        const MASK: u32 = (1 << CELL_BITS) - 1;
        const PER_CELL: f64 = 1.0 / (MASK as f64 + 1.0);
        let offset = [0, 1].map(|axis| node[axis].wrapping_sub(self.origin[axis]) as u32);
        self.within(offset.map(|steps| (steps >> CELL_BITS) as usize), offset.map(|s| f64::from(s & MASK) * PER_CELL))
    }

    /// A position inside a cell, each part of it from 0 to 1.
    #[inline]
    fn within(&self, [column, row]: [usize; 2], [u, v]: [f64; 2]) -> [f64; 2] {
        let south = row * self.columns + column;
        let (south, north) = (&self.corners[south..south + 2], &self.corners[south + self.columns..][..2]);
        [0, 1].map(|axis| {
            let low = south[0][axis] + (south[1][axis] - south[0][axis]) * u;
            let high = north[0][axis] + (north[1][axis] - north[0][axis]) * u;
            low + (high - low) * v
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crs::Crs;

    fn plane(crs: &str, bounds: [f64; 4], resolution: f64) -> WorldPlane {
        let crs = Crs::parse(crs).expect("a CRS");
        let mercator = MercatorApprox::build(&crs, bounds).expect("a projection");
        let grid = CoordinateGrid::around([bounds[0], bounds[1]], resolution);
        let node = |x, y| grid.pack([x, y]).expect("on the grid");
        let (min, max) = (node(bounds[0], bounds[1]), node(bounds[2], bounds[3]));
        WorldPlane::new(grid, mercator, min, max)
    }

    fn worst(plane: &WorldPlane, bounds: [f64; 4]) -> f64 {
        let (grid, mercator) = (&plane.grid, plane.mercator());
        let mut worst = 0.0_f64;
        for step in 0..2000 {
            let (u, v) = (f64::from(step % 97) / 96.0, f64::from(step % 89) / 88.0);
            let position = [bounds[0] + u * (bounds[2] - bounds[0]), bounds[1] + v * (bounds[3] - bounds[1])];
            let node = grid.pack(position).expect("on the grid");
            let (found, exact) = (plane.world(node), mercator.world_f64(grid.unpack(node)));
            worst = (0..2).map(|axis| (f64::from(found[axis]) - exact[axis]).abs()).fold(worst, f64::max);
        }
        worst
    }

    #[test]
    fn interpolation_stays_within_a_world_unit_of_the_projection() {
        for (crs, bounds, resolution) in [
            ("EPSG:7795", [3_050_000.0, 5_020_000.0, 3_090_000.0, 5_060_000.0], 0.001),
            ("EPSG:4326", [12.1, 45.2, 12.7, 45.7], 1e-8),
            ("EPSG:3857", [1_360_000.0, 5_680_000.0, 1_390_000.0, 5_700_000.0], 0.001),
        ] {
            let plane = plane(crs, bounds, resolution);
            assert!(plane.lattice.is_some(), "{crs}");
            let worst = worst(&plane, bounds);
            assert!(worst <= 0.5 + TOLERANCE, "{crs}: {worst}");
        }
    }

    #[test]
    fn a_layer_as_wide_as_a_continent_is_projected_vertex_by_vertex() {
        let bounds = [-10.0, 35.0, 11.0, 56.0];
        let plane = plane("EPSG:4326", bounds, 1e-8);
        assert!(plane.lattice.is_none());
        assert!(worst(&plane, bounds) <= 0.5);
    }
}
