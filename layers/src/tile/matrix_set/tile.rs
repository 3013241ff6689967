//! Tiles of a grid.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::{TileMatrix, TileMatrixSet};
use crate::crs::{self, Crs, CrsError};
use crate::tile::grid::{BUFFER, EXTENT, TileId};
use crate::tile::plane::WORLD_RADIUS;

/// Where a tile lies.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Place {
    /// In WebMercatorQuad.
    Mercator(TileId),
    /// In another grid.
    Grid(GridTile),
}

impl Place {
    /// The zoom of WebMercatorQuad whose features are drawn.
    pub fn zoom(&self) -> u8 {
        match self {
            Self::Mercator(tile) => tile.z,
            Self::Grid(tile) => tile.zoom(),
        }
    }
}

/// A tile of a grid that is not WebMercatorQuad.
#[derive(Clone)]
pub struct GridTile {
    set: Arc<TileMatrixSet>,
    /// Place of the matrix in the set.
    matrix: usize,
    column: u32,
    row: u32,
}

/// Grid, matrix, row and column, as in addresses.
impl fmt::Debug for GridTile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}/{}/{}", self.set.id, self.matrix().id, self.row, self.column)
    }
}

impl PartialEq for GridTile {
    fn eq(&self, other: &Self) -> bool {
        let numbers = |tile: &Self| (tile.matrix, tile.column, tile.row);
        self.set.id == other.set.id && numbers(self) == numbers(other)
    }
}

impl Eq for GridTile {}

impl Hash for GridTile {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.set.id, self.matrix, self.column, self.row).hash(state);
    }
}

impl GridTile {
    /// A tile by the place of its matrix in the set, its column and its row; `None` where there is none.
    pub fn new(set: &Arc<TileMatrixSet>, matrix: usize, column: u32, row: u32) -> Option<Self> {
        let of = set.matrices.get(matrix)?;
        let set = Arc::clone(set);
        (column < of.columns && row < of.rows).then_some(Self { set, matrix, column, row })
    }

    /// Its grid.
    pub fn set(&self) -> &Arc<TileMatrixSet> {
        &self.set
    }

    /// Its matrix.
    pub fn matrix(&self) -> &TileMatrix {
        &self.set.matrices[self.matrix]
    }

    /// Column and row.
    pub fn numbers(&self) -> (u32, u32) {
        (self.column, self.row)
    }

    /// The CRS in which it is cut.
    pub fn crs(&self) -> &Crs {
        &self.set.crs
    }

    /// The zoom of WebMercatorQuad whose features are drawn.
    pub fn zoom(&self) -> u8 {
        self.matrix().zoom
    }

    /// West, south, east, north in its CRS, without the buffer.
    pub fn bounds(&self) -> [f64; 4] {
        let (side, [x, y]) = (self.matrix().side(), self.matrix().origin);
        let (column, row) = (f64::from(self.column), f64::from(self.row));
        [x + column * side, y - (row + 1.0) * side, x + (column + 1.0) * side, y - row * side]
    }

    /// The tile with its buffer in world units.
    ///
    /// # Errors
    /// When there is no way from its CRS to longitude and latitude.
    pub(in crate::tile) fn reach(&self) -> Result<([u32; 2], [u32; 2]), CrsError> {
        let buffer = self.matrix().side() * f64::from(BUFFER) / f64::from(EXTENT);
        let [west, south, east, north] = self.bounds();
        let found = crs::reach(self.crs(), [west - buffer, south - buffer, east + buffer, north + buffer])?;
        // Between two points a side bends by less than this.
        let swell = (f64::from(found.step).powi(2) / WORLD_RADIUS) as u32;
        Ok((found.min.map(|low| low.saturating_sub(swell)), found.max.map(|high| high.saturating_add(swell))))
    }

    /// A position of its CRS in units of the tiles of its matrix, counted from the upper left corner of the first one:
    /// whichever tile is asked, the numbers are the same.
    pub(in crate::tile) fn units(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let (per_unit, origin) = (f64::from(EXTENT) / self.matrix().side(), self.matrix().origin);
        [(x - origin[0]) * per_unit, (origin[1] - y) * per_unit]
    }

    /// The nearest unit of this tile; `None` so far away that it has no number.
    pub(in crate::tile) fn round(&self, units: [f64; 2]) -> Option<[i32; 2]> {
        let corner = [self.column, self.row].map(|number| i64::from(number) * i64::from(EXTENT));
        let near = |axis: usize| {
            let whole = units[axis].round();
            // Far inside of what an i64 holds, so that nothing is lost.
            let whole = (whole.abs() < 1e15).then_some(whole as i64)?;
            i32::try_from(whole - corner[axis]).ok().filter(|unit| unit.unsigned_abs() < 1 << 30)
        };
        Some([near(0)?, near(1)?])
    }
}
