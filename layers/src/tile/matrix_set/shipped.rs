//! The grids that every server has.

use super::{DEGREE_M, PIXEL_M, TileMatrix, TileMatrixSet, zoom_of};
use crate::crs::Crs;
use crate::definition::Text;

/// Identifier of the grid of web maps.
pub const WEB_MERCATOR_QUAD: &str = "WebMercatorQuad";
/// Where OGC's registry has its grids.
const REGISTRY: &str = "http://www.opengis.net/def/tilematrixset/OGC/1.0/";
/// Half the side of the Web Mercator square in metres.
const HALF_M: f64 = std::f64::consts::PI * 6_378_137.0;
/// Pixels along a side of a tile.
const TILE: u32 = 256;

/// What tells one grid of halved cells from another.
struct Quad {
    id: &'static str,
    title: [&'static str; 2],
    crs: Crs,
    axes: [&'static str; 2],
    scales: Option<&'static str>,
    is_registered: bool,
    /// Upper left corner, x before y.
    origin: [f64; 2],
    /// Columns and rows of the first matrix.
    first: [u32; 2],
    /// Side of a tile of the first matrix, units of the CRS.
    side: f64,
    levels: u32,
}

impl Quad {
    fn set(self) -> TileMatrixSet {
        let metres = if self.crs.is_geographic() { DEGREE_M } else { 1.0 };
        let matrix = |level: u32| {
            let cell_size = self.side / f64::from(TILE) / f64::from(1_u32 << level);
            let scale_denominator = cell_size * metres / PIXEL_M;
            TileMatrix {
                id: level.to_string(),
                scale_denominator,
                cell_size,
                origin: self.origin,
                tile_size: TILE,
                columns: self.first[0] << level,
                rows: self.first[1] << level,
                zoom: zoom_of(&self.crs, scale_denominator, TILE),
            }
        };
        let [it, en] = self.title.map(str::to_owned);
        let matrices = (0..self.levels).map(matrix).collect();
        TileMatrixSet {
            id: self.id.to_owned(),
            title: Text { it, en },
            uri: self.is_registered.then(|| format!("{REGISTRY}{}", self.id)),
            ordered_axes: self.axes.map(str::to_owned).to_vec(),
            well_known_scale_set: self.scales.map(|name| format!("http://www.opengis.net/def/wkss/OGC/1.0/{name}")),
            matrices,
            crs: self.crs,
        }
    }
}

/// The shipped grids (17-083r4, annex D), and one for Italy: metres of RDN2008, cells whose sides are powers of two.
pub(super) fn all() -> Vec<TileMatrixSet> {
    // Codes that EPSG has had for long; the tests read each of them.
    let epsg = |code| Crs::epsg(code).ok();
    let mercator = Quad {
        id: WEB_MERCATOR_QUAD,
        title: ["Mappe web (Mercatore), tutto il mondo", "Web maps (Mercator), the whole world"],
        crs: Crs::web_mercator(),
        axes: ["X", "Y"],
        scales: Some("GoogleMapsCompatible"),
        is_registered: true,
        origin: [-HALF_M, HALF_M],
        first: [1, 1],
        side: 2.0 * HALF_M,
        levels: 25,
    };
    let world = Quad {
        id: "WorldCRS84Quad",
        title: ["Longitudine e latitudine, tutto il mondo", "Longitude and latitude, the whole world"],
        crs: Crs::crs84(),
        axes: ["Lon", "Lat"],
        scales: Some("GoogleCRS84Quad"),
        is_registered: true,
        origin: [-180.0, 90.0],
        first: [2, 1],
        side: 180.0,
        levels: 24,
    };
    let europe = epsg(3035).map(|crs| Quad {
        id: "EuropeanETRS89_LAEAQuad",
        title: ["Europa, Lambert equivalente (ETRS89)", "Europe, Lambert equal area (ETRS89)"],
        crs,
        axes: ["Y", "X"],
        scales: None,
        is_registered: true,
        origin: [2_000_000.0, 5_500_000.0],
        first: [1, 1],
        side: 4_500_000.0,
        levels: 16,
    });
    let italy = epsg(7792).map(|crs| Quad {
        id: "ItalyRDN2008_UTM33NQuad",
        title: ["Italia, RDN2008 / UTM fuso 33N, in metri", "Italy, RDN2008 / UTM zone 33N, in metres"],
        crs,
        axes: ["E", "N"],
        scales: None,
        is_registered: false,
        // Cells of 8,192 m at level 0, of 1 m at level 13.
        origin: [-600_000.0, 5_600_000.0],
        first: [1, 1],
        side: 2_097_152.0,
        levels: 18,
    });
    [Some(mercator), Some(world), europe, italy].into_iter().flatten().map(Quad::set).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crs::with_transformer;

    #[test]
    fn scales_and_cells_are_those_of_the_registry() {
        let sets = all();
        assert_eq!(sets.len(), 4);
        // Level, scale and cell as OGC's registry gives them, rounded there.
        for (id, level, scale, cell, columns, rows) in [
            ("WebMercatorQuad", 0, 559_082_264.028_717, 156_543.033_928_041, 1, 1),
            ("WebMercatorQuad", 18, 2_132.729_583_849_78, 0.597_164_283_477_939, 262_144, 262_144),
            ("WebMercatorQuad", 24, 33.323_899_747_652_8, 0.009_330_691_929_342_8, 16_777_216, 16_777_216),
            ("WorldCRS84Quad", 0, 279_541_132.014_358, 0.703_125, 2, 1),
            ("WorldCRS84Quad", 23, 33.323_899_747_652_8, 0.000_000_083_819_031_715_39, 16_777_216, 8_388_608),
            ("EuropeanETRS89_LAEAQuad", 0, 62_779_017.857_142_8, 17_578.125, 1, 1),
            ("EuropeanETRS89_LAEAQuad", 15, 1_915.863_582_066_12, 0.536_441_803, 32_768, 32_768),
            ("ItalyRDN2008_UTM33NQuad", 13, 1.0 / 0.000_28, 1.0, 8_192, 8_192),
        ] {
            let set = sets.iter().find(|set| set.id == id).expect("a set");
            let matrix = &set.matrices[level];
            assert!(
                (matrix.scale_denominator / scale - 1.0).abs() < 1e-9,
                "{id} {level}: {}",
                matrix.scale_denominator
            );
            assert!((matrix.cell_size / cell - 1.0).abs() < 1e-7, "{id} {level}: {}", matrix.cell_size);
            assert_eq!((matrix.columns, matrix.rows), (columns, rows), "{id} {level}");
        }
    }

    #[test]
    fn all_of_italy_lies_in_its_grid() {
        let sets = all();
        let set = sets.last().expect("a set");
        let [x, y] = set.matrices[0].origin;
        let side = set.matrices[0].side();
        with_transformer(&Crs::wgs84(), &set.crs, |to_grid| {
            for lon in [6.6, 12.0, 18.6] {
                for lat in [35.4, 41.0, 47.1] {
                    let [east, north] = to_grid.point([lon, lat]).expect("a place");
                    assert!(
                        east > x && east < x + side && north < y && north > y - side,
                        "{lon} {lat}: {east} {north}"
                    );
                }
            }
        })
        .expect("a way");
    }
}
