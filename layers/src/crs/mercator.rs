//! World units: the integer plane on which tiles are cut.
//!
//! The Web Mercator square (EPSG:3857, ±20 037 508.34 m) is divided into 2³² units each way, counted from its west
//! edge eastwards and from its **north** edge southwards; one unit is 9.33 mm at the equator. The top `z` bits
//! of a pair are the column and row of its tile at zoom `z` (OGC Two Dimensional Tile Matrix Set, annex D.1).
//!
//! A layer is moved there in bulk, so a projected CRS is not asked of PROJ point by point: [`Patches`] stand in for it.

use std::collections::HashMap;
use std::f64::consts::{FRAC_PI_2, PI};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use super::patches::Patches;
use super::{Crs, CrsError, Transformer, with_transformer};

/// World units along one side of the square.
const UNITS: f64 = 4_294_967_296.0;
/// Half the side of the Web Mercator square in its own metres: π times the semi-major axis.
const HALF_SIDE_M: f64 = PI * 6_378_137.0;
/// What a patch may differ from PROJ at its test points, in world units (0.05 mm at the equator). The bound
/// that is promised, 0.01, leaves room for the places between them.
const TOLERANCE: f64 = 0.005;

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
    // The same as the arc tangent of sinh, by the function of the two that is cheaper.
    [x / UNITS * 360.0 - 180.0, (2.0 * mercator.exp().atan() - FRAC_PI_2).to_degrees()]
}

/// Degrees of places that mostly lie near each other, such as the vertices of an outline: as
/// [`world_to_lonlat_f64`], which costs an exponential and an arc tangent for each of them.
#[derive(Debug, Clone, Copy)]
struct NearPlaces {
    /// The Mercator ordinate, radians, around which the series holds.
    ordinate: f64,
    /// Coefficients of the latitude, radians, by powers of the distance from there.
    series: [f64; 4],
}

impl NearPlaces {
    /// Radians (1.3 km on the equator) within which the first term that is left out is lost in rounding.
    const REACH: f64 = 2e-4;

    const fn new() -> Self {
        Self { ordinate: f64::INFINITY, series: [0.0; 4] }
    }

    /// The series of the Gudermannian function around an ordinate.
    fn around(ordinate: f64) -> Self {
        let grown = ordinate.exp();
        let latitude = 2.0 * grown.atan() - FRAC_PI_2;
        let (sine, cosine) = latitude.sin_cos();
        let cubic = cosine * (sine * sine - cosine * cosine) / 6.0;
        Self { ordinate, series: [latitude, cosine, -sine * cosine / 2.0, cubic] }
    }

    #[inline]
    fn lonlat(&mut self, [x, y]: [f64; 2]) -> [f64; 2] {
        let ordinate = PI * (1.0 - 2.0 * y / UNITS);
        if (ordinate - self.ordinate).abs() > Self::REACH {
            *self = Self::around(ordinate);
        }
        let off = ordinate - self.ordinate;
        let [a, b, c, d] = self.series;
        [x / UNITS * 360.0 - 180.0, (a + off * (b + off * (c + off * d))).to_degrees()]
    }
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
            Kind::Grid(..) => "grid",
        };
        formatter.debug_tuple("MercatorApprox").field(&kind).finish()
    }
}

enum Kind {
    /// Longitude and latitude: closed form.
    Geographic,
    /// Web Mercator: a change of scale.
    WebMercator,
    /// Patches; PROJ where they do not hold.
    Grid(Crs, Arc<Patches>),
}

/// The patches of every CRS met, so that all layers in it share them.
static KNOWN: LazyLock<Mutex<HashMap<Crs, Arc<Patches>>>> = LazyLock::new(Mutex::default);

fn patches_of(crs: &Crs) -> Arc<Patches> {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let made = || Arc::new(Patches::new(crs.is_geographic(), TOLERANCE));
    Arc::clone(known.entry(crs.clone()).or_insert_with(made))
}

impl MercatorApprox {
    /// Prepares the way from `from` to world units for coordinates in `bbox` (west, south, east, north in that
    /// CRS). Others are brought there just as well, once the first near them has been waited for: a coordinate has the
    /// same place whatever the box.
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
        let patches = patches_of(from);
        with_transformer(from, &Crs::wgs84(), |transformer| {
            patches.prepare(bbox, &|point| by(transformer, point));
        })?;
        Ok(Self(Kind::Grid(from.clone(), patches)))
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
            Kind::Grid(from, patches) => {
                let exact = |point| exact(from, point);
                patches.at(point, &exact).unwrap_or_else(|| exact(point).unwrap_or_default())
            }
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

    /// [`MercatorApprox::lonlat`] for one vertex of an outline after the other, several times as fast.
    pub fn lonlat_of_each(&self) -> impl FnMut([f64; 2]) -> [f64; 2] {
        let mut near = NearPlaces::new();
        move |point| match &self.0 {
            Kind::Geographic => point,
            _ => near.lonlat(self.world_f64(point)),
        }
    }
}

/// By PROJ.
fn exact(from: &Crs, point: [f64; 2]) -> Option<[f64; 2]> {
    with_transformer(from, &Crs::wgs84(), |to_wgs84| by(to_wgs84, point)).ok()?
}

fn by(to_wgs84: &Transformer, point: [f64; 2]) -> Option<[f64; 2]> {
    Some(lonlat_to_world_f64(to_wgs84.point(point).ok()?))
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;
    use std::time::Instant;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn places_near_each_other_have_the_same_degrees_as_each_alone(
            start in 0.0..UNITS,
            steps in proptest::collection::vec((-300_000.0..300_000.0_f64, 0.0..UNITS), 1..60),
        ) {
            let mut near = NearPlaces::new();
            let mut y = start;
            for (step, x) in steps {
                y = (y + step).clamp(0.0, UNITS);
                let (series, closed) = (near.lonlat([x, y]), world_to_lonlat_f64([x, y]));
                prop_assert!((series[0] - closed[0]).abs() == 0.0);
                // A hundred-millionth of a millimetre or so: what the closed form itself loses by rounding.
                prop_assert!((series[1] - closed[1]).abs() < 1e-13, "{series:?} {closed:?}");
            }
        }
    }

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

    #[test]
    fn a_place_is_where_it_is_whatever_the_box() {
        let from = Crs::epsg(7795).unwrap();
        let city = MercatorApprox::build(&from, BOXES[0].1).unwrap();
        let country = MercatorApprox::build(&from, BOXES[1].1).unwrap();
        let nowhere = MercatorApprox::build(&from, [0.0; 4]).unwrap();
        let mut state = 3;
        for _ in 0..2_000 {
            let point =
                [2_400_000.0 + random(&mut state) * 1_200_000.0, 4_000_000.0 + random(&mut state) * 1_300_000.0];
            let places = [&city, &country, &nowhere].map(|way| way.world_f64(point).map(f64::to_bits));
            assert!(places.iter().all(|place| *place == places[0]), "{point:?}");
        }
    }

    proptest! {
        #[test]
        fn world_units_come_back_as_the_place_they_were(lon in -180.0..180.0_f64, lat in -85.0..85.0_f64) {
            let [back_lon, back_lat] = world_to_lonlat(lonlat_to_world([lon, lat]));
            prop_assert!((back_lon - lon).abs() < 1e-7 && (back_lat - lat).abs() < 1e-7);
        }
    }
}
