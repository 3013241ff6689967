//! Where a file lies: which CRS its coordinates are in, whether their axes are swapped, what falls outside.
//!
//! The decision is made once, on a sample of the first rows, and explained in the report. What is declared is
//! believed as long as it is possible. Axes are swapped only when that puts right nearly all of the sample.
//! A declared CRS is replaced only when its numbers cannot be places in it at all (metres in a column called
//! longitude); otherwise a better fit is suggested, and rows that fall far away are refused one by one.

use std::fmt::Write as _;

use geo::{BoundingRect, MapCoordsInPlace};
use geo_types::{Coord, Geometry};
use thiserror::Error;

use super::finding::text;
use crate::crs::{Crs, CrsError, Guess, Transformer, guess_crs, with_transformer};
use crate::definition::Text;
use crate::reader::SourceCrs;

/// Rows that the decision is made on.
pub const SAMPLE: usize = 1_000;
/// Outside the envelope by up to this, a row is loaded with a warning.
pub const NEAR_KM: f64 = 5.0;

/// Share of a sample that makes a sign clear.
const CLEAR: f64 = 0.9;
/// Share of a sample below which it speaks against a CRS.
const HARDLY: f64 = 0.1;
/// Italy and what touches it: west, south, east, north in degrees. Axes are told by it when no envelope is known.
const ITALY: [f64; 4] = [6.0, 35.0, 19.0, 47.5];
/// Kilometres of a degree of latitude.
const DEGREE_KM: f64 = 111.2;

/// Why no place could be found.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum PlaceError {
    /// Nothing is declared and the numbers fit nothing.
    #[error(
        "the file does not say its CRS and its coordinates (such as {x}, {y}) fit none of the usual ones; say which with --crs"
    )]
    Unknown {
        /// East of a sample point.
        x: f64,
        /// North of it.
        y: f64,
    },
    /// The CRS that was declared or asked for cannot be used.
    #[error("{origin}: {reason}")]
    Unusable {
        /// Who says so: `--crs` or the file.
        origin: &'static str,
        /// Why it cannot be used.
        reason: CrsError,
    },
    /// No way leads from there to the storage CRS.
    #[error(transparent)]
    NoWay(#[from] CrsError),
}

/// The CRS of a file, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Placing {
    /// CRS of the coordinates.
    pub crs: Crs,
    /// Whether x and y must be swapped first.
    pub swapped: bool,
    /// Why this CRS.
    pub how: Text,
    /// What else a person should know.
    pub remarks: Vec<Text>,
}

/// How well a CRS explains a sample.
#[derive(Debug, Clone, Copy)]
struct Fit {
    /// Share that is a place in it at all.
    possible: f64,
    /// Share that lies where it is expected.
    expected: f64,
    /// Share that lies in Italy.
    italy: f64,
}

fn inside([x, y]: [f64; 2], [west, south, east, north]: [f64; 4]) -> bool {
    (west..=east).contains(&x) && (south..=north).contains(&y)
}

/// An envelope with a margin: half of its size, and at least 0.05° (5 km).
fn grown([west, south, east, north]: [f64; 4]) -> [f64; 4] {
    let (x, y) = (((east - west) / 2.0).max(0.05), ((north - south) / 2.0).max(0.05));
    [west - x, south - y, east + x, north + y]
}

fn fit(crs: &Crs, swapped: bool, sample: &[[f64; 2]], expected: [f64; 4]) -> Fit {
    let mut counts = [0_usize; 3];
    let counted = with_transformer(crs, &Crs::crs84(), |transformer| {
        for &[x, y] in sample {
            let point = if swapped { [y, x] } else { [x, y] };
            let Ok(lonlat) = transformer.point(point) else { continue };
            counts[0] += 1;
            counts[1] += usize::from(inside(lonlat, expected));
            counts[2] += usize::from(inside(lonlat, ITALY));
        }
    });
    let share = |count: usize| if counted.is_ok() { count as f64 / sample.len().max(1) as f64 } else { 0.0 };
    Fit { possible: share(counts[0]), expected: share(counts[1]), italy: share(counts[2]) }
}

/// Decides the CRS of a file from what it declares, what the operator says (`wish`), a sample of its raw
/// coordinates and the envelope in which they are expected (west, south, east, north in degrees).
///
/// # Errors
/// [`PlaceError`]
pub fn decide(
    declared: &SourceCrs,
    wish: Option<&str>,
    sample: &[[f64; 2]],
    envelope: Option<[f64; 4]>,
) -> Result<Placing, PlaceError> {
    let said = match (wish, declared) {
        (Some(wish), _) => Some((Crs::from_definition(wish), "--crs", text("indicato con --crs", "given with --crs"))),
        (None, SourceCrs::Epsg(code)) => Some((Crs::epsg(*code), "CRS of the file", by_file())),
        (None, SourceCrs::Definition(wkt)) => Some((Crs::from_definition(wkt), "CRS of the file", by_file())),
        (None, SourceCrs::Undeclared) => None,
    };
    let Some((crs, origin, how)) = said else {
        return guessed(sample, envelope);
    };
    let crs = crs.map_err(|reason| PlaceError::Unusable { origin, reason })?;
    let mut placing = Placing { crs, swapped: false, how, remarks: Vec::new() };
    if !sample.is_empty() {
        doubt(&mut placing, wish.is_some(), sample, envelope);
    }
    Ok(placing)
}

fn by_file() -> Text {
    text("dichiarato dal file o fissato dal suo formato", "declared by the file or fixed by its format")
}

fn guessed(sample: &[[f64; 2]], envelope: Option<[f64; 4]>) -> Result<Placing, PlaceError> {
    let Some(&[x, y]) = sample.first() else {
        // Rows without a place are in no CRS.
        let how = text("nessuna coordinata", "no coordinates");
        return Ok(Placing { crs: Crs::wgs84(), swapped: false, how, remarks: Vec::new() });
    };
    let mut guesses = guess_crs(sample, envelope).into_iter();
    // Metres that fall nowhere near are nothing to go by; degrees are degrees wherever they fall.
    let best = guesses.next().filter(|best| best.inside > 0.0 || best.crs.is_geographic());
    let Guess { crs, swapped, inside, reason } = best.ok_or(PlaceError::Unknown { x, y })?;
    let how = text(format!("non dichiarato, dedotto: {reason}"), format!("not declared, guessed: {reason}"));
    let mut remarks = Vec::new();
    if swapped {
        remarks.push(swapped_remark());
    }
    if let Some(other) = guesses.find(|other| other.swapped == swapped && other.inside >= CLEAR * inside) {
        let Guess { crs: other, reason: why, .. } = other;
        remarks.push(text(
            format!("potrebbe essere anche {other} ({why}): in tal caso indicare --crs"),
            format!("it might also be {other} ({why}): if so, say --crs"),
        ));
    }
    Ok(Placing { crs, swapped, how, remarks })
}

fn swapped_remark() -> Text {
    text(
        "gli assi erano scambiati (nord prima di est) in tutto il file: rimessi a posto",
        "axes were swapped (north before east) in the whole file: put right",
    )
}

/// Compares what is declared with where the sample lies.
fn doubt(placing: &mut Placing, wished: bool, sample: &[[f64; 2]], envelope: Option<[f64; 4]>) {
    let expected = grown(envelope.unwrap_or_else(|| placing.crs.area_of_use()));
    let as_is = fit(&placing.crs, false, sample, expected);
    let looks_abroad = envelope.is_none() && as_is.italy <= HARDLY;
    if as_is.expected > 0.5 && !looks_abroad {
        return;
    }
    let swapped = fit(&placing.crs, true, sample, expected);
    let clear = if envelope.is_some() {
        swapped.expected >= CLEAR && as_is.expected <= HARDLY
    } else {
        swapped.italy >= CLEAR && as_is.italy <= HARDLY
    };
    if clear {
        placing.swapped = true;
        placing.remarks.push(swapped_remark());
        return;
    }
    if as_is.expected > 0.5 {
        return;
    }
    let mut guesses = guess_crs(sample, envelope).into_iter();
    let best = guesses.find(|guess| guess.crs != placing.crs && guess.inside >= CLEAR);
    let declared = placing.crs.to_string();
    match best {
        Some(Guess { crs, swapped, reason, .. }) if as_is.possible <= HARDLY && !wished => {
            placing.how = text(
                format!("il file dichiara {declared}, ma i numeri non possono esserlo; dedotto: {reason}"),
                format!("the file says {declared}, which the numbers cannot be; guessed: {reason}"),
            );
            placing.crs = crs;
            placing.swapped = swapped;
            if swapped {
                placing.remarks.push(swapped_remark());
            }
        }
        best => {
            let share = (1.0 - as_is.expected) * 100.0;
            let (mut it, mut en) = (
                format!("in {declared} il {share:.0} % dei punti provati cade fuori dall'area attesa"),
                format!("in {declared}, {share:.0} % of the points tried fall outside the expected area"),
            );
            if let Some(Guess { crs, reason, .. }) = best {
                let _ = write!(it, "; come {crs} tornerebbero ({reason}): indicare --crs");
                let _ = write!(en, "; as {crs} they would fit ({reason}): say --crs");
            }
            placing.remarks.push(text(it, en));
        }
    }
}

/// Outside a CRS's area of use by this many degrees, lengths and areas measured in it are no longer to be trusted.
const ABROAD_DEGREES: f64 = 1.0;

/// A remark when most of a sample lies far outside the area of use of the CRS it is to be stored in.
pub fn abroad(placing: &Placing, storage: &Crs, sample: &[[f64; 2]]) -> Option<Text> {
    let [west, south, east, north] = storage.area_of_use();
    let area = [west - ABROAD_DEGREES, south - ABROAD_DEGREES, east + ABROAD_DEGREES, north + ABROAD_DEGREES];
    let Fit { possible, expected, .. } = fit(&placing.crs, placing.swapped, sample, area);
    let share = (possible - expected) * 100.0;
    (share > 50.0).then(|| {
        text(
            format!(
                "il {share:.0} % dei punti provati cade lontano da dove vale {storage}, in cui lo strato è conservato: \
                 lunghezze e aree saranno falsate; dare allo strato (crs nella definizione) o all'ente un CRS del luogo"
            ),
            format!(
                "{share:.0} % of the points tried lie far from where {storage} holds, in which the layer is stored: \
                 lengths and areas will be off; give the layer (crs in its definition) or the tenant a CRS of the place"
            ),
        )
    })
}

/// Swaps x and y.
pub fn swap(geometry: &mut Geometry<f64>) {
    geometry.map_coords_in_place(|Coord { x, y }| Coord { x: y, y: x });
}

/// Where a geometry stands against the tenant's envelope.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Standing {
    /// Inside, at least in part.
    Inside,
    /// Outside by this many kilometres.
    Outside(f64),
}

/// The tenant's envelope, ready to be compared with geometries in the storage CRS.
#[derive(Debug, Clone, PartialEq)]
pub struct Fence {
    /// West, south, east, north in degrees.
    envelope: [f64; 4],
    /// A rectangle of the storage CRS that lies inside the envelope: what touches it needs no transformation.
    inner: Option<[f64; 4]>,
}

impl Fence {
    /// An envelope (west, south, east, north in degrees) for geometries of a storage CRS.
    pub fn new(envelope: [f64; 4], storage: &Crs) -> Self {
        const STEPS: usize = 16;
        let [west, south, east, north] = envelope;
        let inner = with_transformer(&Crs::crs84(), storage, |transformer| {
            let along = |from: f64, to: f64, step: usize| from + (to - from) * step as f64 / STEPS as f64;
            let mut inner = [f64::MIN, f64::MIN, f64::MAX, f64::MAX];
            for step in 0..=STEPS {
                let (x, y) = (along(west, east, step), along(south, north, step));
                inner[0] = inner[0].max(transformer.point([west, y]).ok()?[0]);
                inner[1] = inner[1].max(transformer.point([x, south]).ok()?[1]);
                inner[2] = inner[2].min(transformer.point([east, y]).ok()?[0]);
                inner[3] = inner[3].min(transformer.point([x, north]).ok()?[1]);
            }
            (inner[0] < inner[2] && inner[1] < inner[3]).then_some(inner)
        });
        Self { envelope, inner: inner.ok().flatten() }
    }

    /// Where a geometry of the storage CRS stands; `to_lonlat` leads from there to CRS84.
    pub fn standing(&self, geometry: &Geometry<f64>, to_lonlat: &Transformer) -> Standing {
        let Some(bounds) = geometry.bounding_rect() else { return Standing::Inside };
        let (min, max) = (bounds.min(), bounds.max());
        let touches = |[west, south, east, north]: [f64; 4], min: [f64; 2], max: [f64; 2]| {
            min[0] <= east && max[0] >= west && min[1] <= north && max[1] >= south
        };
        if self.inner.is_some_and(|inner| touches(inner, [min.x, min.y], [max.x, max.y])) {
            return Standing::Inside;
        }
        let corners = [[min.x, min.y], [max.x, min.y], [max.x, max.y], [min.x, max.y]];
        let placed: Vec<[f64; 2]> = corners.iter().filter_map(|corner| to_lonlat.point(*corner).ok()).collect();
        if placed.is_empty() {
            return Standing::Inside;
        }
        let least = |axis: usize| placed.iter().map(|at| at[axis]).fold(f64::MAX, f64::min);
        let most = |axis: usize| placed.iter().map(|at| at[axis]).fold(f64::MIN, f64::max);
        let (min, max) = ([least(0), least(1)], [most(0), most(1)]);
        if touches(self.envelope, min, max) {
            return Standing::Inside;
        }
        let [west, south, east, north] = self.envelope;
        let across = (west - max[0]).max(min[0] - east).max(0.0);
        let up = (south - max[1]).max(min[1] - north).max(0.0);
        let narrowing = f64::midpoint(south, north).to_radians().cos();
        Standing::Outside((across * narrowing).hypot(up) * DEGREE_KM)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VENICE: [f64; 4] = [12.16, 45.23, 12.6, 45.58];

    fn sample(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
        points.iter().cycle().take(100).copied().collect()
    }

    #[test]
    fn a_declared_crs_that_fits_is_believed() {
        let placing = decide(&SourceCrs::Epsg(4326), None, &sample(&[[12.33, 45.43]]), Some(VENICE)).expect("decides");
        assert_eq!((placing.crs, placing.swapped, placing.remarks.len()), (Crs::wgs84(), false, 0));
    }

    #[test]
    fn swapped_axes_are_put_right_with_and_without_an_envelope() {
        for envelope in [Some(VENICE), None] {
            let placing = decide(&SourceCrs::Epsg(4326), None, &sample(&[[45.43, 12.33]]), envelope).expect("decides");
            assert_eq!((placing.swapped, placing.remarks.len()), (true, 1), "{envelope:?}");
        }
        let utm =
            decide(&SourceCrs::Epsg(25833), None, &sample(&[[5_034_000.0, 290_000.0]]), Some(VENICE)).expect("decides");
        assert!(utm.swapped);
    }

    #[test]
    fn a_place_abroad_is_left_where_it_is() {
        let placing = decide(&SourceCrs::Epsg(4326), None, &sample(&[[1.6, 46.9]]), None).expect("decides");
        assert_eq!((placing.crs, placing.swapped, placing.remarks.len()), (Crs::wgs84(), false, 0));
    }

    #[test]
    fn metres_called_degrees_are_recognised() {
        let metres = sample(&[[2_310_000.0, 5_034_000.0], [2_311_000.0, 5_035_000.0]]);
        let placing = decide(&SourceCrs::Epsg(4326), None, &metres, Some(VENICE)).expect("decides");
        assert_eq!(placing.crs.code(), Some(3004), "{:?}", placing.how);
        assert!(placing.how.en.contains("EPSG:4326"));
    }

    #[test]
    fn a_possible_but_unlikely_crs_is_kept_and_the_better_one_suggested() {
        // Zone 33 numbers declared as zone 32: six degrees west, but a place all the same.
        let placing =
            decide(&SourceCrs::Epsg(25832), None, &sample(&[[290_000.0, 5_034_000.0]]), Some(VENICE)).expect("decides");
        assert_eq!(placing.crs.code(), Some(25832));
        assert!(placing.remarks.iter().any(|remark| remark.en.contains("--crs")), "{:?}", placing.remarks);
    }

    #[test]
    fn an_undeclared_crs_is_guessed_and_nonsense_is_refused() {
        let placing = decide(&SourceCrs::Undeclared, None, &sample(&[[12.33, 45.43]]), Some(VENICE)).expect("decides");
        assert!(placing.crs.is_geographic() && !placing.swapped);
        let error = decide(&SourceCrs::Undeclared, None, &sample(&[[1e12, -4e15]]), Some(VENICE)).expect_err("refused");
        assert!(error.to_string().contains("--crs"), "{error}");
    }

    #[test]
    fn data_far_from_where_the_storage_crs_holds_are_told() {
        let zone_12 = Crs::epsg(7795).expect("known");
        let placing = |point: [f64; 2]| {
            let placing = decide(&SourceCrs::Epsg(4326), None, &sample(&[point]), None).expect("decides");
            abroad(&placing, &zone_12, &sample(&[point]))
        };
        assert_eq!(placing([12.33, 45.43]), None);
        assert_eq!(placing([6.6, 35.5]), None, "Lampedusa and Bardonecchia are near enough");
        let remark = placing([1.4, 46.5]).expect("France is far").en;
        assert!(remark.contains("100 %") && remark.contains("EPSG:7795"), "{remark}");
    }

    #[test]
    fn the_operator_overrides_the_file() {
        let placing =
            decide(&SourceCrs::Epsg(25832), Some("EPSG:25833"), &sample(&[[290_000.0, 5_034_000.0]]), Some(VENICE))
                .expect("decides");
        assert_eq!((placing.crs.code(), placing.remarks.len()), (Some(25833), 0));
        let error = decide(&SourceCrs::Undeclared, Some("EPSG:1"), &[], None).expect_err("refused").to_string();
        assert!(error.contains("--crs"), "{error}");
    }

    #[test]
    fn distance_from_the_envelope_is_told_in_kilometres() {
        let storage = Crs::epsg(25833).expect("known");
        let fence = Fence::new(VENICE, &storage);
        let to_lonlat = Transformer::new(&storage, &Crs::crs84()).expect("transforms");
        let at = |lon: f64, lat: f64| {
            let [x, y] =
                with_transformer(&Crs::crs84(), &storage, |t| t.point([lon, lat])).expect("made").expect("placed");
            fence.standing(&Geometry::Point(geo_types::Point::new(x, y)), &to_lonlat)
        };
        assert_eq!(at(12.33, 45.43), Standing::Inside);
        assert_eq!(at(12.161, 45.231), Standing::Inside);
        let Standing::Outside(km) = at(13.6, 45.4) else { panic!("Istria is outside") };
        assert!((km - 78.0).abs() < 1.0, "{km}");
    }
}
