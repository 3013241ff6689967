//! World units: the integer plane on which tiles are cut.
//!
//! The Web Mercator square (EPSG:3857, ±20 037 508.34 m) is divided into 2³² units each way, counted from its west
//! edge eastwards and from its **north** edge southwards; one unit is 9.33 mm at the equator. The top `z` bits
//! of a pair are the column and row of its tile at zoom `z` (OGC Two Dimensional Tile Matrix Set, annex D.1).
//!
//! A layer is moved there in bulk, so a projected CRS is not asked of PROJ point by point: a grid of bicubic
//! patches through exact points stands in for it, and each patch is compared with PROJ before it is used.

use std::f64::consts::PI;

use super::{Crs, CrsError, Transformer, with_transformer};

/// World units along one side of the square.
const UNITS: f64 = 4_294_967_296.0;
/// Half the side of the Web Mercator square in its own metres: π times the semi-major axis.
const HALF_SIDE_M: f64 = PI * 6_378_137.0;
/// What a patch may differ from PROJ at its test points, in world units (0.05 mm at the equator). The bound
/// that is promised, 0.01, leaves room for the places between them.
const TOLERANCE: f64 = 0.005;
/// Side of a patch in metres; a degree is taken for 100 km.
const SIDE_M: f64 = 32_000.0;
/// How often a patch that is off may be split in four: down to 2 km.
const SPLITS: usize = 4;
/// Patches of one grid before splitting: 4000 km each way.
const MAX_PATCHES: f64 = 16_384.0;
/// Nodes of a patch along one side: Chebyshev points, where interpolation errs least.
const NODES: usize = 4;

/// Longitude and latitude (degrees, WGS 84 or a datum held to be the same) in fractional world units. Latitudes
/// past ±85.0511° give the edge of the square.
pub fn lonlat_to_world_f64([lon, lat]: [f64; 2]) -> [f64; 2] {
    let sine = lat.to_radians().sin();
    let y = 0.5 - ((1.0 + sine) / (1.0 - sine)).ln() / (4.0 * PI);
    [((lon / 360.0 + 0.5) * UNITS).clamp(0.0, UNITS), (y * UNITS).clamp(0.0, UNITS)]
}

/// Longitude and latitude (degrees) in world units, to the nearest.
pub fn lonlat_to_world(lonlat: [f64; 2]) -> [u32; 2] {
    to_units(lonlat_to_world_f64(lonlat))
}

/// World units as longitude and latitude in degrees.
pub fn world_to_lonlat(world: [u32; 2]) -> [f64; 2] {
    world_to_lonlat_f64(world.map(f64::from))
}

/// Fractional world units as longitude and latitude in degrees.
pub fn world_to_lonlat_f64([x, y]: [f64; 2]) -> [f64; 2] {
    let mercator = PI * (1.0 - 2.0 * y / UNITS);
    [x / UNITS * 360.0 - 180.0, mercator.sinh().atan().to_degrees()]
}

/// To the nearest unit; the cast saturates at the edges of the square.
fn to_units([x, y]: [f64; 2]) -> [u32; 2] {
    [(x + 0.5) as u32, (y + 0.5) as u32]
}

/// From a storage CRS to world units, within 0.01 unit of PROJ and many times as fast. Shared between threads.
pub struct MercatorApprox(Kind);

impl std::fmt::Debug for MercatorApprox {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match &self.0 {
            Kind::Geographic => "geographic",
            Kind::WebMercator => "Web Mercator",
            Kind::Grid(_) => "grid",
            Kind::Exact(_) => "PROJ",
        };
        formatter.debug_tuple("MercatorApprox").field(&kind).finish()
    }
}

enum Kind {
    /// Longitude and latitude: closed form.
    Geographic,
    /// Web Mercator: a change of scale.
    WebMercator,
    /// Patches over the box of the layer; PROJ outside it.
    Grid(Grid),
    /// PROJ for each point.
    Exact(Crs),
}

struct Grid {
    from: Crs,
    /// South-west corner in the storage CRS.
    origin: [f64; 2],
    /// Side of a square, inverted: squares per unit of the CRS.
    per_unit: f64,
    columns: usize,
    rows: usize,
    nodes: Vec<Node>,
}

/// A square of the grid.
#[expect(clippy::large_enum_variant, reason = "nearly all are patches, and a lookup should not follow a pointer")]
enum Node {
    Patch(Patch),
    /// South-west, south-east, north-west, north-east quarter.
    Split(Box<[Node; 4]>),
    /// PROJ is asked: a border between two operations runs through it, or it has no image.
    Exact,
}

/// Coefficients of vⁱuʲ (row i, column j) for x and y side by side, so that both are worked out at once; u and v
/// run from -1 to 1 across the square.
struct Patch([[[f64; 2]; NODES]; NODES]);

impl MercatorApprox {
    /// Prepares the way from `from` to world units for coordinates in `bbox` (west, south, east, north in that
    /// CRS); others are exact too, only slower.
    ///
    /// # Errors
    /// [`CrsError::NotFinite`] for a box that is none, and as [`Transformer::new`].
    pub fn build(from: &Crs, bbox: [f64; 4]) -> Result<Self, CrsError> {
        if from.is_wgs84_like() {
            return Ok(Self(Kind::Geographic));
        }
        if *from == Crs::web_mercator() {
            return Ok(Self(Kind::WebMercator));
        }
        if let Some(wrong) = bbox.iter().position(|value| !value.is_finite()) {
            return Err(CrsError::NotFinite { x: bbox[wrong & !1], y: bbox[wrong | 1] });
        }
        let grid = with_transformer(from, &Crs::wgs84(), |transformer| grid(transformer, bbox))?;
        Ok(Self(grid.map_or_else(|| Kind::Exact(from.clone()), Kind::Grid)))
    }

    /// A coordinate of the storage CRS (x east, y north) in world units, to the nearest. Past the limits of the
    /// square (±85.0511°) it is its edge; a coordinate that PROJ cannot place at all (never one that passed the
    /// checks on entry) gives the north-west corner.
    pub fn world(&self, point: [f64; 2]) -> [u32; 2] {
        to_units(self.world_f64(point))
    }

    /// As [`MercatorApprox::world`] before rounding.
    pub fn world_f64(&self, point: [f64; 2]) -> [f64; 2] {
        match &self.0 {
            Kind::Geographic => lonlat_to_world_f64(point),
            Kind::WebMercator => [
                ((point[0] / HALF_SIDE_M + 1.0) * (UNITS / 2.0)).clamp(0.0, UNITS),
                ((1.0 - point[1] / HALF_SIDE_M) * (UNITS / 2.0)).clamp(0.0, UNITS),
            ],
            Kind::Grid(grid) => grid.world(point),
            Kind::Exact(from) => exact(from, point).unwrap_or_default(),
        }
    }

    /// A coordinate of the storage CRS as longitude and latitude in degrees, within a tenth of a millimetre of
    /// PROJ.
    pub fn lonlat(&self, point: [f64; 2]) -> [f64; 2] {
        match &self.0 {
            Kind::Geographic => point,
            _ => world_to_lonlat_f64(self.world_f64(point)),
        }
    }

    /// True when PROJ is asked for every point, because the box is too large for a grid.
    pub fn is_exact(&self) -> bool {
        matches!(self.0, Kind::Exact(_))
    }
}

/// By PROJ.
fn exact(from: &Crs, point: [f64; 2]) -> Option<[f64; 2]> {
    with_transformer(from, &Crs::wgs84(), |to_wgs84| by(to_wgs84, point)).ok()?
}

fn by(to_wgs84: &Transformer, point: [f64; 2]) -> Option<[f64; 2]> {
    Some(lonlat_to_world_f64(to_wgs84.point(point).ok()?))
}

/// Patches over a box, split where one is not enough; none when the box is larger than any map.
fn grid(to_wgs84: &Transformer, [west, south, east, north]: [f64; 4]) -> Option<Grid> {
    let from = to_wgs84.from_crs();
    let unit = if from.is_geographic() { 1e-5 } else { 1.0 };
    let pad = (0.02 * (east - west).max(north - south)).max(500.0 * unit);
    let (origin, width, height) = ([west - pad, south - pad], east - west + 2.0 * pad, north - south + 2.0 * pad);
    // A small layer gets one patch of its own size.
    let side = (SIDE_M * unit).min(width.max(height));
    let (columns, rows) = ((width / side).ceil().max(1.0), (height / side).ceil().max(1.0));
    if columns * rows > MAX_PATCHES {
        return None;
    }
    let (columns, rows) = (columns as usize, rows as usize);
    let nodes = (0..rows * columns)
        .map(|index| {
            let corner = [origin[0] + (index % columns) as f64 * side, origin[1] + (index / columns) as f64 * side];
            node(to_wgs84, corner, side, SPLITS)
        })
        .collect();
    Some(Grid { from: from.clone(), origin, per_unit: 1.0 / side, columns, rows, nodes })
}

/// A square as one patch, else as four quarters.
fn node(to_wgs84: &Transformer, [x, y]: [f64; 2], side: f64, splits: usize) -> Node {
    if let Some(patch) = patch(to_wgs84, [x, y], side) {
        return Node::Patch(patch);
    }
    if splits == 0 {
        return Node::Exact;
    }
    let half = side / 2.0;
    let quarters = [[x, y], [x + half, y], [x, y + half], [x + half, y + half]];
    Node::Split(Box::new(quarters.map(|corner| node(to_wgs84, corner, half, splits - 1))))
}

/// A patch through exact points, if it holds between them.
fn patch(to_wgs84: &Transformer, corner: [f64; 2], side: f64) -> Option<Patch> {
    let at = |u: f64, v: f64| {
        let point = [corner[0] + f64::midpoint(u, 1.0) * side, corner[1] + f64::midpoint(v, 1.0) * side];
        by(to_wgs84, point)
    };
    let mut x = [[0.0; NODES]; NODES];
    let mut y = x;
    for (i, v) in nodes().into_iter().enumerate() {
        for (j, u) in nodes().into_iter().enumerate() {
            [x[i][j], y[i][j]] = at(u, v)?;
        }
    }
    let (x, y) = (coefficients(x), coefficients(y));
    let patch = Patch(std::array::from_fn(|i| std::array::from_fn(|j| [x[i][j], y[i][j]])));
    // Corners and edges, where interpolation errs most, and three lines between.
    for v in [-1.0, -0.6, 0.0, 0.6, 1.0] {
        for u in [-1.0, -0.6, 0.0, 0.6, 1.0] {
            let (near, true_place) = (patch.at(u, v), at(u, v)?);
            if (near[0] - true_place[0]).abs() > TOLERANCE || (near[1] - true_place[1]).abs() > TOLERANCE {
                return None;
            }
        }
    }
    Some(patch)
}

/// Chebyshev points of the first kind.
fn nodes() -> [f64; NODES] {
    std::array::from_fn(|k| -((2 * k + 1) as f64 * PI / (2 * NODES) as f64).cos())
}

/// From values at the nodes to coefficients of powers, in both directions.
fn coefficients(values: [[f64; NODES]; NODES]) -> [[f64; NODES]; NODES] {
    let along_rows = values.map(polynomial);
    let mut result = [[0.0; NODES]; NODES];
    for j in 0..NODES {
        let column = polynomial(along_rows.map(|row| row[j]));
        for i in 0..NODES {
            result[i][j] = column[i];
        }
    }
    result
}

/// Coefficients of the cubic through four values at the nodes (Newton's divided differences, expanded).
fn polynomial(values: [f64; NODES]) -> [f64; NODES] {
    let nodes = nodes();
    let mut differences = values;
    for order in 1..NODES {
        for k in (order..NODES).rev() {
            differences[k] = (differences[k] - differences[k - 1]) / (nodes[k] - nodes[k - order]);
        }
    }
    let mut powers = [0.0; NODES];
    for k in (0..NODES).rev() {
        for power in (1..NODES).rev() {
            powers[power] = powers[power - 1] - nodes[k] * powers[power];
        }
        powers[0] = differences[k] - nodes[k] * powers[0];
    }
    powers
}

impl Patch {
    #[inline]
    fn at(&self, u: f64, v: f64) -> [f64; 2] {
        cubic(&self.0.each_ref().map(|row| cubic(row, u)), v)
    }
}

/// A cubic in Estrin's form: shorter chains than Horner's.
#[inline]
fn cubic(c: &[[f64; 2]; NODES], u: f64) -> [f64; 2] {
    let square = u * u;
    std::array::from_fn(|k| (c[3][k] * u + c[2][k]) * square + (c[1][k] * u + c[0][k]))
}

impl Grid {
    #[inline]
    fn world(&self, point: [f64; 2]) -> [f64; 2] {
        let (column, row) = ((point[0] - self.origin[0]) * self.per_unit, (point[1] - self.origin[1]) * self.per_unit);
        if column >= 0.0 && row >= 0.0 && column < self.columns as f64 && row < self.rows as f64 {
            // By way of u32: a shorter conversion than to usize.
            let (i, j) = (row as u32 as usize, column as u32 as usize);
            let (mut node, mut u, mut v) = (&self.nodes[i * self.columns + j], column - j as f64, row - i as f64);
            loop {
                match node {
                    Node::Patch(patch) => return patch.at(2.0 * u - 1.0, 2.0 * v - 1.0),
                    Node::Exact => break,
                    Node::Split(quarters) => {
                        let (east, north) = (usize::from(u >= 0.5), usize::from(v >= 0.5));
                        (u, v) = (2.0 * u - east as f64, 2.0 * v - north as f64);
                        node = &quarters[2 * north + east];
                    }
                }
            }
        }
        exact(&self.from, point).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;
    use std::time::Instant;

    use proptest::prelude::*;

    use super::*;

    /// Deterministic numbers from 0 to 1.
    fn random(state: &mut u64) -> f64 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*state >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Boxes of a city and of a country: CRS, west, south, east, north.
    const BOXES: &[(u32, [f64; 4])] = &[
        (7795, [2_990_000.0, 5_010_000.0, 3_050_000.0, 5_060_000.0]),
        (7795, [2_550_000.0, 4_000_000.0, 3_550_000.0, 5_220_000.0]),
        (7792, [260_000.0, 5_000_000.0, 320_000.0, 5_060_000.0]),
        (25832, [310_000.0, 4_000_000.0, 1_300_000.0, 5_220_000.0]),
        (3003, [1_740_000.0, 5_010_000.0, 1_790_000.0, 5_060_000.0]),
        (3003, [1_390_000.0, 4_000_000.0, 2_100_000.0, 5_220_000.0]),
        (2154, [100_000.0, 6_050_000.0, 1_240_000.0, 7_110_000.0]),
        (6706, [6.6, 35.4, 18.6, 47.1]),
        (4265, [6.6, 35.4, 18.6, 47.1]),
        (3857, [700_000.0, 4_300_000.0, 2_100_000.0, 6_000_000.0]),
    ];

    #[test]
    fn the_grid_keeps_within_a_hundredth_of_a_unit_of_proj() {
        for (code, bbox) in BOXES {
            let from = Crs::epsg(*code).unwrap();
            let started = Instant::now();
            let approx = MercatorApprox::build(&from, *bbox).unwrap();
            let built = started.elapsed();
            assert!(!approx.is_exact(), "{code}");
            let mut state = u64::from(*code);
            let mut worst = 0.0_f64;
            for _ in 0..5_000 {
                let point = [
                    bbox[0] + random(&mut state) * (bbox[2] - bbox[0]),
                    bbox[1] + random(&mut state) * (bbox[3] - bbox[1]),
                ];
                let (near, proj) = (approx.world_f64(point), exact(&from, point).unwrap());
                worst = worst.max((near[0] - proj[0]).abs()).max((near[1] - proj[1]).abs());
            }
            println!("EPSG:{code}: {worst:.4} units at most, built in {built:?}");
            assert!(worst < 0.01, "EPSG:{code} is {worst} units off");
        }
    }

    #[test]
    fn a_grid_is_much_faster_than_proj() {
        let bbox = BOXES[0].1;
        let approx = MercatorApprox::build(&Crs::epsg(7795).unwrap(), bbox).unwrap();
        let mut state = 7;
        let points: Vec<[f64; 2]> = (0..10_000)
            .map(|_| [bbox[0] + random(&mut state) * 60_000.0, bbox[1] + random(&mut state) * 50_000.0])
            .collect();
        let time = |work: &dyn Fn(&[f64; 2])| {
            let started = Instant::now();
            points.iter().for_each(work);
            started.elapsed().as_secs_f64() / points.len() as f64 * 1e9
        };
        let grid = (0..5).map(|_| time(&|point| _ = black_box(approx.world(*point)))).fold(f64::MAX, f64::min);
        let from = Crs::epsg(7795).unwrap();
        let proj = time(&|point| _ = black_box(exact(&from, *point)));
        println!("grid {grid:.1} ns, PROJ {proj:.1} ns per point");
        assert!(grid * 4.0 < proj, "grid {grid} ns, PROJ {proj} ns");
    }

    #[test]
    fn the_square_is_cut_where_tiles_are() {
        assert_eq!(lonlat_to_world([0.0, 0.0]), [1 << 31, 1 << 31]);
        assert_eq!(lonlat_to_world([-180.0, 85.051_128_779_806_6]), [0, 0]);
        assert_eq!(lonlat_to_world([180.0, -89.9]), [u32::MAX, u32::MAX]);
        assert_eq!(lonlat_to_world([-180.0, 90.0]), [0, 0]);
        // Tile 14/8753/5865 of S. Marco, as any web map asks for it.
        let [x, y] = lonlat_to_world([12.3388, 45.4342]);
        assert_eq!([x >> 18, y >> 18], [8753, 5865]);
    }

    #[test]
    fn a_point_outside_the_box_or_a_box_without_size_is_exact_too() {
        let from = Crs::epsg(7795).unwrap();
        let approx = MercatorApprox::build(&from, [3_026_510.0, 5_033_255.0, 3_026_510.0, 5_033_255.0]).unwrap();
        for point in [[3_026_510.0, 5_033_255.0], [3_026_900.0, 5_033_255.0], [2_800_000.0, 4_700_000.0]] {
            let (near, proj) = (approx.world_f64(point), exact(&from, point).unwrap());
            assert!((near[0] - proj[0]).abs() < 0.1 && (near[1] - proj[1]).abs() < 0.1, "{point:?}");
        }
        assert!(MercatorApprox::build(&from, [0.0, f64::NAN, 1.0, 1.0]).is_err());
        assert_eq!(approx.world([f64::NAN, f64::INFINITY]), [0, 0]);
    }

    proptest! {
        #[test]
        fn world_units_come_back_as_the_place_they_were(lon in -180.0..180.0_f64, lat in -85.0..85.0_f64) {
            let [back_lon, back_lat] = world_to_lonlat(lonlat_to_world([lon, lat]));
            prop_assert!((back_lon - lon).abs() < 1e-7 && (back_lat - lat).abs() < 1e-7);
        }
    }
}
