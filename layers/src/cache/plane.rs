//! The way from packed coordinates to the integer plane on which tiles are cut.
//!
//! World coordinates are not stored beside the exact ones: a lattice of exact corners every 2¹⁸ steps (262 m at a
//! millimetre) with straight interpolation between them is within half a world unit (5 mm on the equator) of the projection,
//! costs a few nanoseconds a vertex, and halves the memory of the geometries. The cells lie where they lie in the CRS,
//! not where the layer begins: the place of a vertex is a function of its coordinates alone, so that neighbours share it
//! in every tile, and every server that holds the layer draws the same.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use super::packed::CoordinateGrid;
use crate::crs::MercatorApprox;

/// Bits of a lattice cell: 2¹⁸ steps of a millimetre or of 1e-8° are less than 300 m.
pub(super) const CELL_BITS: u32 = 18;
const MASK: i32 = (1 << CELL_BITS) - 1;
/// Corners of a lattice at most (16 MB); the cells of a layer that is spread wider are worked out when they are needed.
const MAX_CORNERS: usize = 1 << 20;
/// World units by which interpolation may miss the projection.
const TOLERANCE: f64 = 0.5;

/// Packed coordinates to Web Mercator world units.
#[derive(Debug)]
pub(super) struct WorldPlane {
    lattice: Option<Lattice>,
    grid: CoordinateGrid,
    mercator: MercatorApprox,
    number: u64,
}

/// The cells of the layer.
#[derive(Debug)]
struct Lattice {
    /// Cell of the south-west corner.
    origin: [i32; 2],
    cells: [usize; 2],
    /// Row by row, one more each way than there are cells.
    corners: Vec<[f64; 2]>,
    /// Cells in which interpolation misses the projection, row by row; empty when there are none.
    bent: Vec<bool>,
}

/// The corners of a cell (south-west, south-east, north-west, north-east); `None` where interpolation does not hold.
type Corners = Option<[[f64; 2]; 4]>;

thread_local! {
    /// The plane and cell worked out last: neighbouring vertices are mostly in the same.
    static LAST: Cell<(u64, [i32; 2], Corners)> = const { Cell::new((0, [0; 2], None)) };
}

impl WorldPlane {
    /// A plane that is quickest for the nodes between two corners.
    pub(super) fn new(grid: CoordinateGrid, mercator: MercatorApprox, min: [i32; 2], max: [i32; 2]) -> Self {
        static PLANES: AtomicU64 = AtomicU64::new(1);
        let number = PLANES.fetch_add(1, Ordering::Relaxed);
        let mut plane = Self { lattice: None, grid, mercator, number };
        plane.lattice = Lattice::new(&plane, min, max);
        plane
    }

    /// Whether it leads away from this grid.
    pub(super) fn is_of(&self, grid: &CoordinateGrid) -> bool {
        self.grid == *grid
    }

    /// A node in world units, to the nearest.
    #[inline]
    pub(super) fn world(&self, node: [i32; 2]) -> [u32; 2] {
        const PER_CELL: f64 = 1.0 / (1_u32 << CELL_BITS) as f64;
        let cell = node.map(|steps| steps >> CELL_BITS);
        let within = node.map(|steps| f64::from(steps & MASK) * PER_CELL);
        let corners = match &self.lattice {
            Some(lattice) => lattice.corners(cell).unwrap_or_else(|| self.elsewhere(cell)),
            None => self.elsewhere(cell),
        };
        match corners {
            Some(corners) => interpolate(&corners, within).map(|value| (value + 0.5) as u32),
            None => self.mercator.world(self.grid.unpack(node)),
        }
    }

    /// The projection itself, for positions that are no nodes.
    pub(super) fn mercator(&self) -> &MercatorApprox {
        &self.mercator
    }

    /// A cell that is not in the lattice.
    #[cold]
    fn elsewhere(&self, cell: [i32; 2]) -> Corners {
        let (plane, last, corners) = LAST.get();
        if plane == self.number && last == cell {
            return corners;
        }
        let [column, row] = cell.map(f64::from);
        let corners = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)].map(|(u, v)| self.exact(column + u, row + v));
        let corners = self.holds(cell, &corners).then_some(corners);
        LAST.set((self.number, cell, corners));
        corners
    }

    /// The projection of a place counted in cells.
    fn exact(&self, column: f64, row: f64) -> [f64; 2] {
        let cell = f64::from(1_u32 << CELL_BITS);
        self.mercator.world_f64(self.grid.position([column * cell, row * cell]))
    }

    /// Interpolation is worst in the middle of a cell.
    fn holds(&self, [column, row]: [i32; 2], corners: &[[f64; 2]; 4]) -> bool {
        let exact = self.exact(f64::from(column) + 0.5, f64::from(row) + 0.5);
        let found = interpolate(corners, [0.5; 2]);
        (0..2).all(|axis| (exact[axis] - found[axis]).abs() <= TOLERANCE)
    }
}

/// A position inside a cell, each part of it from 0 to 1.
#[inline]
fn interpolate([south_west, south_east, north_west, north_east]: &[[f64; 2]; 4], [u, v]: [f64; 2]) -> [f64; 2] {
    [0, 1].map(|axis| {
        let low = south_west[axis] + (south_east[axis] - south_west[axis]) * u;
        let high = north_west[axis] + (north_east[axis] - north_west[axis]) * u;
        low + (high - low) * v
    })
}

impl Lattice {
    fn new(plane: &WorldPlane, min: [i32; 2], max: [i32; 2]) -> Option<Self> {
        let [origin, last] = [min, max].map(|node| node.map(|steps| steps >> CELL_BITS));
        let cells = [0, 1].map(|axis| last[axis].abs_diff(origin[axis]) as usize + 1);
        let [columns, rows] = cells.map(|cells| cells + 1);
        if columns.checked_mul(rows)? > MAX_CORNERS {
            return None;
        }
        let at =
            |index: usize, columns: usize| [origin[0] + (index % columns) as i32, origin[1] + (index / columns) as i32];
        let corner = |index| {
            let [column, row] = at(index, columns).map(f64::from);
            plane.exact(column, row)
        };
        let corners = (0..rows * columns).into_par_iter().map(corner).collect();
        let mut lattice = Self { origin, cells, corners, bent: Vec::new() };
        let bent = |index| {
            let cell = at(index, cells[0]);
            lattice.corners(cell).flatten().is_none_or(|corners| !plane.holds(cell, &corners))
        };
        let bent: Vec<bool> = (0..cells[0] * cells[1]).into_par_iter().map(bent).collect();
        if bent.contains(&true) {
            lattice.bent = bent;
        }
        Some(lattice)
    }

    /// The corners of a cell; `None` where the lattice does not reach.
    #[inline]
    fn corners(&self, cell: [i32; 2]) -> Option<Corners> {
        let [column, row] = [0, 1].map(|axis| cell[axis].wrapping_sub(self.origin[axis]) as u32 as usize);
        if column >= self.cells[0] || row >= self.cells[1] {
            return None;
        }
        if !self.bent.is_empty() && self.bent[row * self.cells[0] + column] {
            return Some(None);
        }
        let columns = self.cells[0] + 1;
        let south = row * columns + column;
        let (south, north) = (&self.corners[south..south + 2], &self.corners[south + columns..][..2]);
        Some(Some([south[0], south[1], north[0], north[1]]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crs::Crs;

    fn plane(crs: &str, bounds: [f64; 4], resolution: f64) -> WorldPlane {
        let crs = Crs::parse(crs).expect("a CRS");
        let mercator = MercatorApprox::build(&crs, bounds).expect("a projection");
        let middle = [f64::midpoint(bounds[0], bounds[2]), f64::midpoint(bounds[1], bounds[3])];
        let grid = CoordinateGrid::around(middle, resolution);
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
    fn a_vertex_is_where_it_is_whatever_the_layer() {
        let near = plane("EPSG:7795", [3_050_000.0, 5_020_000.0, 3_052_000.0, 5_021_000.0], 0.001);
        let wide = plane("EPSG:7795", [2_600_000.0, 4_500_000.0, 3_400_000.0, 5_200_000.0], 0.001);
        assert!(near.lattice.is_some() && wide.lattice.is_none());
        for step in 0..3_000_i32 {
            let position =
                [3_049_000.0 + f64::from(step * 7919 % 4000), 5_019_000.0 + f64::from(step * 104_729 % 3000)];
            let [a, b] = [&near, &wide].map(|plane| plane.world(plane.grid.pack(position).expect("on the grid")));
            assert_eq!(a, b, "{position:?}");
        }
    }

    #[test]
    fn on_a_coarse_grid_cells_bend_and_vertices_are_projected() {
        let bounds = [-170.0, -80.0, 170.0, 80.0];
        let plane = plane("EPSG:4326", bounds, 1e-5);
        assert!(plane.lattice.as_ref().is_some_and(|lattice| lattice.bent.contains(&true)));
        assert!(worst(&plane, bounds) <= 0.5 + TOLERANCE);
    }

    #[test]
    fn a_layer_as_wide_as_a_continent_has_no_lattice_and_is_as_true() {
        let bounds = [-10.0, 35.0, 11.0, 56.0];
        let plane = plane("EPSG:4326", bounds, 1e-8);
        assert!(plane.lattice.is_none());
        assert!(worst(&plane, bounds) <= 0.5 + TOLERANCE);
    }
}
