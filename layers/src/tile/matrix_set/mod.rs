//! Tile matrix sets: grids of tiles in any CRS (OGC Two Dimensional Tile Matrix Set and Tileset Metadata 2.0, 17-083r4,
//! clause 6).
//!
//! Layers say at which zooms of WebMercatorQuad they are drawn, and ladders decide there what of them. A tile matrix of
//! another grid shows what the zoom shows whose tiles are as large on the ground, or up to twice as large each way.

mod folder;
mod read;
mod shipped;
mod tile;

use super::grid::{BUFFER, EXTENT};
use crate::crs::{Crs, with_transformer};
use crate::definition::Text;

pub use folder::{FolderError, MatrixSets};
pub use read::MatrixSetError;
pub use shipped::WEB_MERCATOR_QUAD;
pub use tile::{GridTile, Place};

/// Metres of a pixel of the standard (17-083r4, 6.1.1).
pub(crate) const PIXEL_M: f64 = 0.000_28;
/// Metres of a degree of the standard, on the equator of WGS 84.
pub(crate) const DEGREE_M: f64 = std::f64::consts::PI * 6_378_137.0 / 180.0;
/// Scale of zoom 0 of WebMercatorQuad on the equator, with tiles of 256 pixels.
const ZOOM_0: f64 = 559_082_264.028_717;
/// At which latitude the sizes of tiles are compared: 45°, near enough for all of Italy.
const COSINE: f64 = std::f64::consts::FRAC_1_SQRT_2;
/// Points along each side of a box that tell how far it reaches in the CRS of a grid.
const STEPS: u32 = 16;
/// The part by which such a box is made wider.
const SLACK: f64 = 256.0;
/// Latitude at which the Web Mercator square ends.
const MERCATOR_END: f64 = 85.051_128_779_806_6;
/// Deepest zoom that a matrix is told to show; layers end before it.
const DEEPEST: f64 = 30.0;

/// A grid of tiles at several scales.
#[derive(Debug, Clone, PartialEq)]
pub struct TileMatrixSet {
    /// Identifier in URLs: begins with a capital letter, which no layer's does.
    pub id: String,
    /// Title for people.
    pub title: Text,
    /// Where it is registered, if it is.
    pub uri: Option<String>,
    /// The CRS of its coordinates.
    pub crs: Crs,
    /// What the axes are called, in the authority's order.
    pub ordered_axes: Vec<String>,
    /// The well-known scale set that it follows, if it follows one.
    pub well_known_scale_set: Option<String>,
    /// From the coarsest to the finest.
    pub matrices: Vec<TileMatrix>,
}

/// One scale of a grid. Columns count eastwards and rows southwards from the upper left corner.
#[derive(Debug, Clone, PartialEq)]
pub struct TileMatrix {
    /// Identifier in URLs.
    pub id: String,
    /// Denominator of the scale, with pixels of 0.28 mm.
    pub scale_denominator: f64,
    /// Side of a pixel in units of the CRS.
    pub cell_size: f64,
    /// Upper left corner, x (east) before y (north), in units of the CRS.
    pub origin: [f64; 2],
    /// Pixels along a side of a tile.
    pub tile_size: u32,
    /// Number of columns.
    pub columns: u32,
    /// Number of rows.
    pub rows: u32,
    /// The zoom of WebMercatorQuad whose features it shows.
    pub zoom: u8,
}

impl TileMatrixSet {
    /// A matrix and its place in the list.
    pub fn matrix(&self, id: &str) -> Option<(usize, &TileMatrix)> {
        self.matrices.iter().enumerate().find(|(_, matrix)| matrix.id == id)
    }

    /// A position (x, y) in the authority's order of axes, and back.
    pub fn in_order(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        if self.crs.north_first() { [y, x] } else { [x, y] }
    }

    /// Whether this is WebMercatorQuad itself, whose tiles are those of `/tiles/{layers}/{z}/{x}/{y}`.
    pub fn is_web_mercator_quad(&self) -> bool {
        self.id == WEB_MERCATOR_QUAD
    }

    /// The box of the CRS around one of degrees (west, south, east, north), a little wider than it must be; the whole grid
    /// where it has no image.
    pub fn cover(&self, lonlat: [f64; 4]) -> [f64; 4] {
        if self.crs == Crs::crs84() {
            return lonlat;
        }
        let [west, south, east, north] = lonlat;
        let inside = [west, south.max(-MERCATOR_END), east, north.min(MERCATOR_END)];
        let found = with_transformer(&Crs::wgs84(), &self.crs, |transformer| {
            let points = border(if self.crs == Crs::web_mercator() { inside } else { lonlat });
            points.into_iter().try_fold([f64::MAX, f64::MAX, f64::MIN, f64::MIN], |[left, low, right, high], point| {
                let [x, y] = transformer.point(point).ok()?;
                Some([left.min(x), low.min(y), right.max(x), high.max(y)])
            })
        });
        let Some([left, low, right, high]) = found.ok().flatten() else {
            return [f64::MIN, f64::MIN, f64::MAX, f64::MAX];
        };
        // The sides bend between the points.
        let (wide, tall) = ((right - left) / SLACK, (high - low) / SLACK);
        [left - wide, low - tall, right + wide, high + tall]
    }

    /// The matrices that show one of some zooms of WebMercatorQuad.
    pub fn showing(&self, zooms: std::ops::RangeInclusive<u8>) -> impl Iterator<Item = &TileMatrix> {
        self.matrices.iter().filter(move |matrix| zooms.contains(&matrix.zoom))
    }
}

impl TileMatrix {
    /// Side of a tile in units of the CRS.
    pub fn side(&self) -> f64 {
        self.cell_size * f64::from(self.tile_size)
    }

    /// As [`Self::limits`], with the tiles in whose buffers something of the box is drawn.
    pub fn limits_with_buffer(&self, [west, south, east, north]: [f64; 4]) -> Option<[u32; 4]> {
        let buffer = self.side() * f64::from(BUFFER + 1) / f64::from(EXTENT);
        self.limits([west - buffer, south - buffer, east + buffer, north + buffer])
    }

    /// The tiles that touch a box of the CRS (west, south, east, north): first and last column, first and last row; `None`
    /// where the box lies outside.
    pub fn limits(&self, [west, south, east, north]: [f64; 4]) -> Option<[u32; 4]> {
        let range = |low: f64, high: f64, count: u32| {
            let last = f64::from(count - 1);
            let (first, end) = ((low / self.side()).floor(), (high / self.side()).floor());
            (end >= 0.0 && first <= last).then(|| [first.max(0.0) as u32, end.min(last) as u32])
        };
        let [left, right] = range(west - self.origin[0], east - self.origin[0], self.columns)?;
        let [top, bottom] = range(self.origin[1] - north, self.origin[1] - south, self.rows)?;
        Some([left, right, top, bottom])
    }
}

/// Points on the sides of a box, the corners among them.
fn border([west, south, east, north]: [f64; 4]) -> Vec<[f64; 2]> {
    let steps = (0..=STEPS).map(|step| f64::from(step) / f64::from(STEPS));
    let sides = steps.flat_map(|share| {
        let (x, y) = (west + (east - west) * share, south + (north - south) * share);
        [[x, south], [x, north], [west, y], [east, y]]
    });
    sides.collect()
}

/// The zoom of WebMercatorQuad whose features a matrix shows: the deepest whose tiles are not smaller on the ground.
fn zoom_of(crs: &Crs, scale_denominator: f64, tile_size: u32) -> u8 {
    let on_ground = if *crs == Crs::web_mercator() { scale_denominator * COSINE } else { scale_denominator };
    let zoom = (ZOOM_0 * COSINE * 256.0 / (on_ground * f64::from(tile_size))).log2();
    // Scales are rounded in files.
    (zoom + 1e-6).floor().clamp(0.0, DEEPEST) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_shows_what_fits_its_tiles() {
        let sets = MatrixSets::shipped();
        let zooms = |id: &str| sets.get(id).expect("a set").matrices.iter().map(|it| it.zoom).collect::<Vec<_>>();
        assert!(zooms("WebMercatorQuad").into_iter().eq(0..=24));
        assert!(zooms("WorldCRS84Quad").into_iter().eq(0..=23));
        // 4,500 km at level 0, where zoom 2 has 7,085 km at 45° and zoom 3 has 3,542.
        assert!(zooms("EuropeanETRS89_LAEAQuad").into_iter().eq(2..=17));
        assert!(zooms("ItalyRDN2008_UTM33NQuad").into_iter().eq(3..=20));
    }

    #[test]
    fn limits_are_the_tiles_that_a_box_touches() {
        let sets = MatrixSets::shipped();
        let set = sets.get("ItalyRDN2008_UTM33NQuad").expect("a set");
        let (_, matrix) = set.matrix("1").expect("a matrix");
        let [x, y] = matrix.origin;
        let side = matrix.side();
        assert_eq!(matrix.limits([x + 1.0, y - 2.0, x + 2.0, y - 1.0]), Some([0, 0, 0, 0]));
        assert_eq!(matrix.limits([x - 9.0, y - side - 1.0, x + side, y + 9.0]), Some([0, 1, 0, 1]));
        assert_eq!(matrix.limits([x - 9.0, y - 9.0, x - 1.0, y - 1.0]), None);
        assert_eq!(matrix.limits([x, y - 3.0 * side, x + 9.0, y - 2.0 * side - 1.0]), None);
    }
}
