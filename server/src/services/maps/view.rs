//! Which part of the earth is drawn, and on how many pixels.

use bricola_layers::crs::lonlat_to_world_f64;
use bricola_layers::tile::TileId;

/// Pixels of a side of the world at zoom 0, as `MapLibre` counts zooms.
const WORLD_PIXELS: f64 = 512.0;
/// World units of a side of the world.
const WORLD_UNITS: f64 = 4_294_967_296.0;
/// Deepest zoom.
const DEEPEST: f64 = 22.0;

/// A view in Web Mercator, north up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    /// The middle, in parts of the world from its upper left corner.
    centre: [f64; 2],
    /// The zoom as `MapLibre` counts it: the world is 512 × 2^zoom pixels wide.
    pub zoom: f64,
    /// Width and height in pixels, before `ratio`.
    pub size: [u32; 2],
    /// Pixels per pixel.
    pub ratio: f64,
}

/// The tiles that a view needs of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Covering(pub Vec<TileId>);

impl View {
    /// By its middle, longitude and latitude in degrees.
    pub fn at(lonlat: [f64; 2], zoom: f64, size: [u32; 2], ratio: f64) -> Self {
        let centre = lonlat_to_world_f64(lonlat).map(|unit| unit / WORLD_UNITS);
        Self { centre, zoom: zoom.clamp(0.0, DEEPEST), size, ratio }
    }

    /// The one in which a box just has room: west, south, east, north in degrees.
    pub fn around([west, south, east, north]: [f64; 4], size: [u32; 2], ratio: f64) -> Self {
        let [low, high] =
            [[west, north], [east, south]].map(|lonlat| lonlat_to_world_f64(lonlat).map(|unit| unit / WORLD_UNITS));
        let centre = [f64::midpoint(low[0], high[0]), f64::midpoint(low[1], high[1])];
        let zoom = (0..2)
            .map(|axis| (f64::from(size[axis]) / (WORLD_PIXELS * (high[axis] - low[axis]).abs().max(1e-12))).log2())
            .fold(DEEPEST, f64::min);
        Self { centre, zoom: zoom.clamp(0.0, DEEPEST), size, ratio }
    }

    /// The same at another zoom.
    #[must_use]
    pub fn zoomed(self, zoom: f64) -> Self {
        Self { zoom: zoom.clamp(0.0, DEEPEST), ..self }
    }

    /// Width and height in pixels of the picture.
    pub fn pixels(&self) -> [u32; 2] {
        self.size.map(|side| (f64::from(side) * self.ratio).round() as u32)
    }

    /// Pixels of the picture of a side of the world.
    fn scale(&self) -> f64 {
        WORLD_PIXELS * self.zoom.exp2() * self.ratio
    }

    /// Where a place (longitude, latitude in degrees) is in the picture, in pixels from its upper left corner.
    pub fn pixel(&self, lonlat: [f64; 2]) -> [f64; 2] {
        let world = lonlat_to_world_f64(lonlat);
        [0, 1].map(|axis: usize| {
            (world[axis] / WORLD_UNITS - self.centre[axis]).mul_add(self.scale(), f64::from(self.pixels()[axis]) / 2.0)
        })
    }

    /// Upper left corner and side of a tile, in pixels of the picture.
    pub fn frame(&self, tile: TileId) -> ([f64; 2], f64) {
        let side = self.scale() / f64::from(1_u32 << tile.z);
        let corner = |axis: usize, number: u32| {
            f64::from(self.pixels()[axis]) / 2.0 + f64::from(number).mul_add(side, -self.centre[axis] * self.scale())
        };
        ([corner(0, tile.x), corner(1, tile.y)], side)
    }

    /// The tiles of a source with these zooms that the view needs; none before its first zoom.
    pub fn covering(&self, [first, last]: [u8; 2]) -> Covering {
        let z = (self.zoom.floor() as u8).min(last);
        if z < first {
            return Covering(Vec::new());
        }
        let count = f64::from(1_u32 << z);
        let reach = |axis: usize| {
            let half = f64::from(self.pixels()[axis]) / 2.0 / self.scale();
            let at = |part: f64| (part * count).floor().clamp(0.0, count - 1.0) as u32;
            at(self.centre[axis] - half)..=at(self.centre[axis] + half)
        };
        let tiles = reach(1).flat_map(|y| reach(0).map(move |x| TileId { z, x, y }));
        Covering(tiles.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_has_room_and_its_tiles_fill_the_picture() {
        let view = View::around([12.3, 45.42, 12.36, 45.45], [400, 300], 2.0);
        let ([left, top], [right, bottom]) = (view.pixel([12.3, 45.45]), view.pixel([12.36, 45.42]));
        assert!((left + right - 800.0).abs() < 1e-2 && (top + bottom - 600.0).abs() < 1e-2);
        assert!((left.abs() < 1e-2 || top.abs() < 1e-2) && left > -1e-2 && top > -1e-2, "{left} {top}");
        assert_eq!(view.pixels(), [800, 600]);
        let Covering(tiles) = view.covering([0, 18]);
        assert_eq!(tiles[0].z, view.zoom.floor() as u8);
        let frames: Vec<_> = tiles.iter().map(|tile| view.frame(*tile)).collect();
        let left = frames.iter().map(|([x, _], _)| *x).fold(f64::INFINITY, f64::min);
        let right = frames.iter().map(|([x, _], side)| x + side).fold(0.0, f64::max);
        let bottom = frames.iter().map(|([_, y], side)| y + side).fold(0.0, f64::max);
        assert!(left <= 0.0 && right >= 800.0 && bottom >= 600.0);
        assert!(frames.iter().all(|(_, side)| (1024.0..2048.0).contains(side)));
        assert_eq!(view.covering([18, 18]), Covering(Vec::new()));
        assert!(view.covering([0, 4]).0.iter().all(|tile| tile.z == 4));
    }
}
