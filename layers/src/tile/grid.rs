//! The WebMercatorQuad grid (OGC 17-083r4, annex D): tile numbers, y growing southwards.

use thiserror::Error;

use crate::limits::MAX_ZOOM;

/// Tile units across a tile.
pub const EXTENT: u32 = 4096;
/// Tile units around a tile that are drawn too, so that strokes meet across borders.
pub const BUFFER: u32 = 64;

/// Why there is no such tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TileError {
    /// Deeper than the grid.
    #[error("zoom {0} is deeper than {MAX_ZOOM}, the deepest level served")]
    Zoom(u32),
    /// Column or row outside the matrix of the zoom.
    #[error("{axis} {value} lies outside zoom {zoom}, which has columns and rows 0 to {last}")]
    Outside {
        /// `x` or `y`.
        axis: char,
        /// The column or row asked for.
        value: u32,
        /// The zoom.
        zoom: u8,
        /// The last column and row of the zoom.
        last: u32,
    },
}

/// A tile of the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TileId {
    /// Zoom level.
    pub z: u8,
    /// Column, from the west.
    pub x: u32,
    /// Row, from the north.
    pub y: u32,
}

impl TileId {
    /// A tile by its numbers.
    ///
    /// # Errors
    /// When the grid has no such tile.
    pub fn new(z: u32, x: u32, y: u32) -> Result<Self, TileError> {
        if z > MAX_ZOOM.into() {
            return Err(TileError::Zoom(z));
        }
        let (zoom, last) = (z as u8, (1_u32 << z) - 1);
        for (axis, value) in [('x', x), ('y', y)] {
            if value > last {
                return Err(TileError::Outside { axis, value, zoom, last });
            }
        }
        Ok(Self { z: zoom, x, y })
    }

    /// The tile that holds a position given in world units.
    pub fn holding(world: [u32; 2], z: u8) -> Self {
        let [x, y] = world.map(|value| ((u64::from(value) << z) >> 32) as u32);
        Self { z, x, y }
    }

    /// Smallest and largest world unit of the tile with its buffer, clamped to the world.
    pub fn world_bounds(self) -> ([u32; 2], [u32; 2]) {
        let size = 1_i64 << (32 - u32::from(self.z));
        let buffer = size * i64::from(BUFFER) / i64::from(EXTENT);
        let bound = |column: u32| {
            let start = i64::from(column) * size;
            let clamp = |value: i64| value.clamp(0, i64::from(u32::MAX)) as u32;
            (clamp(start - buffer), clamp(start + size + buffer))
        };
        let ((west, east), (north, south)) = (bound(self.x), bound(self.y));
        ([west, north], [east, south])
    }

    /// World units to tile units of this tile, rounded to the nearest; positions outside the tile give
    /// numbers outside `0..4096`.
    pub fn project(self) -> impl Fn([u32; 2]) -> [i32; 2] + Copy {
        let z = u32::from(self.z);
        let origin = [i64::from(self.x) << (32 - z), i64::from(self.y) << (32 - z)];
        move |world| {
            [0, 1].map(|axis| {
                let offset = i64::from(world[axis]) - origin[axis];
                // 2^(32 - z) world units make 2^12 tile units.
                match 20_u32.checked_sub(z) {
                    None => (offset << (z - 20)) as i32,
                    Some(0) => offset as i32,
                    Some(shift) => ((offset + (1 << (shift - 1))) >> shift) as i32,
                }
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_outside_the_grid_are_refused_with_the_reason() {
        assert_eq!(TileId::new(23, 0, 0), Err(TileError::Zoom(23)));
        let error = TileId::new(3, 8, 0).expect_err("outside").to_string();
        assert_eq!(error, "x 8 lies outside zoom 3, which has columns and rows 0 to 7");
        assert!(TileId::new(22, (1 << 22) - 1, (1 << 22) - 1).is_ok());
    }

    #[test]
    fn neighbours_agree_on_every_vertex() {
        for z in [0, 5, 14, 18, 20, 22] {
            let world = [2_400_000_123, 1_500_000_321];
            let here = TileId::holding(world, z);
            let own = here.project()(world);
            assert!(own.iter().all(|value| (0..=4096).contains(value)), "{own:?}");
            if here.x > 0 {
                let west = TileId { x: here.x - 1, ..here };
                assert_eq!(west.project()(world), [own[0] + 4096, own[1]]);
            }
        }
    }

    #[test]
    fn bounds_hold_the_buffer_and_stay_in_the_world() {
        let (min, max) = TileId { z: 0, x: 0, y: 0 }.world_bounds();
        assert_eq!((min, max), ([0, 0], [u32::MAX, u32::MAX]));
        let (min, max) = TileId { z: 1, x: 1, y: 0 }.world_bounds();
        assert_eq!(min, [(1 << 31) - (1 << 25), 0]);
        assert_eq!(max, [u32::MAX, (1 << 31) + (1 << 25)]);
    }
}
