//! Which CRS numbers without a declared one may be in: by magnitude, then by where they would fall.
//!
//! The ranges are those of Italian data (domain specification, section 2.5). They overlap on purpose: what
//! decides is the envelope of the tenant, so that a comune's data are told apart even where the nation's are not.

use std::borrow::Cow;

use super::{Crs, with_transformer};

/// What a magnitude may mean.
struct Candidate {
    code: u32,
    east: [f64; 2],
    north: [f64; 2],
    what: &'static str,
}

/// Italy with its seas: west, south, east, north in degrees. Where numbers must fall when no tenant is known.
pub(super) const ITALY: [f64; 4] = [5.9, 35.2, 19.0, 47.3];
/// Points of a sample that are looked at.
const SAMPLE: usize = 500;
/// How far a tenant's data may lie beyond its envelope, in parts of the envelope's size and in degrees.
const PAD: (f64, f64) = (0.1, 0.02);

const NORTHINGS: [f64; 2] = [3_800_000.0, 5_300_000.0];

/// Best first among equals.
const CANDIDATES: &[Candidate] = &[
    candidate(4326, [-180.0, 180.0], [-90.0, 90.0], "degrees"),
    candidate(7795, [2_450_000.0, 3_600_000.0], NORTHINGS, "eastings of zone 12 (false easting 3 000 000)"),
    candidate(3003, [1_300_000.0, 1_950_000.0], NORTHINGS, "Gauss-Boaga west (false easting 1 500 000)"),
    candidate(3004, [2_250_000.0, 2_850_000.0], NORTHINGS, "Gauss-Boaga east (false easting 2 520 000)"),
    candidate(7794, [6_500_000.0, 7_600_000.0], NORTHINGS, "eastings of the Italy zone (false easting 7 000 000)"),
    candidate(7791, [50_000.0, 1_350_000.0], NORTHINGS, "UTM zone 32 (EPSG:25832 and 32632 have the same numbers)"),
    candidate(7792, [-200_000.0, 950_000.0], NORTHINGS, "UTM zone 33 (EPSG:25833 and 32633 have the same numbers)"),
    candidate(3857, [650_000.0, 2_120_000.0], [4_190_000.0, 6_000_000.0], "Web Mercator metres"),
    candidate(3035, [3_900_000.0, 5_200_000.0], [1_300_000.0, 2_800_000.0], "the European grid (LAEA)"),
];

const fn candidate(code: u32, east: [f64; 2], north: [f64; 2], what: &'static str) -> Candidate {
    Candidate { code, east, north, what }
}

/// A CRS that undeclared coordinates may be in.
#[derive(Debug, Clone, PartialEq)]
pub struct Guess {
    /// The CRS, of those with the same numbers the one that Italian law names.
    pub crs: Crs,
    /// The numbers stand north (or latitude) first: each pair must be swapped.
    pub swapped: bool,
    /// Share of the sampled points that fall where they should, 0 to 1.
    pub inside: f64,
    /// Why, in words for the person who reads the report.
    pub reason: String,
}

/// The CRSs that the coordinates of a file may be in, best first; none when no range fits.
///
/// `sample`: pairs as they stand in the file. `envelope`: where the data should lie (the tenant), west, south, east,
/// north in degrees; Italy when absent. When points fall inside the envelope in some CRS, those
/// in which none does are left out.
pub fn guess_crs(sample: &[[f64; 2]], envelope: Option<[f64; 4]>) -> Vec<Guess> {
    let step = sample.len().div_ceil(SAMPLE).max(1);
    let sample: Vec<[f64; 2]> =
        sample.iter().step_by(step).copied().filter(|point| point.iter().all(|value| value.is_finite())).collect();
    let Some(typical) = median(&sample) else { return Vec::new() };
    let mut guesses = Vec::new();
    for candidate in CANDIDATES {
        for swapped in [false, true] {
            if fits(candidate, ordered(typical, swapped)) {
                guesses.extend(weigh(candidate, swapped, &sample, envelope));
            }
        }
    }
    if guesses.iter().any(|guess| guess.inside > 0.0) {
        guesses.retain(|guess| guess.inside > 0.0);
    }
    // The sort is stable: among equals the order of the table stands.
    guesses.sort_by(|one, other| other.inside.total_cmp(&one.inside));
    guesses
}

/// One candidate against the sample.
fn weigh(candidate: &Candidate, swapped: bool, sample: &[[f64; 2]], envelope: Option<[f64; 4]>) -> Option<Guess> {
    let crs = Crs::epsg(candidate.code).ok()?;
    let area = padded(envelope.unwrap_or(ITALY));
    let inside = with_transformer(&crs, &Crs::wgs84(), |transformer| {
        let falls = |point: &&[f64; 2]| {
            let point = ordered(**point, swapped);
            fits(candidate, point) && transformer.point(point).is_ok_and(|lonlat| contains(area, lonlat))
        };
        sample.iter().filter(falls).count() as f64 / sample.len() as f64
    })
    .ok()?;
    let place = if envelope.is_some() { "the area of the ente" } else { "Italy" };
    let order = match (swapped, crs.is_geographic()) {
        (false, _) => Cow::Borrowed(""),
        (true, true) => Cow::Borrowed(", latitude first"),
        (true, false) => Cow::Borrowed(", northing first"),
    };
    let reason = format!(
        "the numbers look like {}{order}; as {crs}, {:.0} % of {} sampled points fall in {place}",
        candidate.what,
        inside * 100.0,
        sample.len()
    );
    Some(Guess { crs, swapped, inside, reason })
}

/// The median of each coordinate: a few zeros or strays do not move it.
fn median(sample: &[[f64; 2]]) -> Option<[f64; 2]> {
    let middle = |axis: usize| {
        let mut values: Vec<f64> = sample.iter().map(|point| point[axis]).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    };
    Some([middle(0)?, middle(1)?])
}

fn fits(candidate: &Candidate, [x, y]: [f64; 2]) -> bool {
    (candidate.east[0]..=candidate.east[1]).contains(&x) && (candidate.north[0]..=candidate.north[1]).contains(&y)
}

/// A pair in (east, north) order.
pub(super) fn ordered([first, second]: [f64; 2], swapped: bool) -> [f64; 2] {
    if swapped { [second, first] } else { [first, second] }
}

/// An envelope with room for what lies on its border.
pub(super) fn padded([west, south, east, north]: [f64; 4]) -> [f64; 4] {
    let (x, y) = (((east - west) * PAD.0).max(PAD.1), ((north - south) * PAD.0).max(PAD.1));
    [west - x, south - y, east + x, north + y]
}

pub(super) fn contains([west, south, east, north]: [f64; 4], [lon, lat]: [f64; 2]) -> bool {
    (west..=east).contains(&lon) && (south..=north).contains(&lat)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VENICE: [f64; 4] = [12.16, 45.23, 12.6, 45.6];

    fn first(sample: &[[f64; 2]], envelope: Option<[f64; 4]>) -> (Option<u32>, bool) {
        let guesses = guess_crs(sample, envelope);
        guesses.first().map_or((None, false), |guess| (guess.crs.code(), guess.swapped))
    }

    #[test]
    fn each_system_is_told_from_its_numbers_in_venice() {
        for (code, point) in [
            (4326, [12.3388, 45.4342]),
            (7795, [3_026_510.775_9, 5_033_255.480_6]),
            (3003, [1_761_183.998_1, 5_036_629.489_4]),
            (3004, [2_311_853.068_2, 5_034_649.200_8]),
            (7794, [7_026_471.009_7, 5_025_705.597_4]),
            (7791, [761_151.348_1, 5_036_610.447_1]),
            (7792, [291_847.960_5, 5_034_631.545_0]),
            (3857, [1_373_548.933_0, 5_690_138.374_3]),
            (3035, [4_504_252.510_1, 2_483_083.878_0]),
        ] {
            assert_eq!(first(&[point], Some(VENICE)), (Some(code), false), "{code}");
            assert_eq!(first(&[[point[1], point[0]]], Some(VENICE)), (Some(code), true), "{code} north first");
        }
    }

    #[test]
    fn without_an_envelope_both_utm_zones_stay_open() {
        let guesses = guess_crs(&[[291_847.960_5, 5_034_631.545_0]], None);
        let codes: Vec<_> = guesses.iter().filter_map(|guess| guess.crs.code()).collect();
        assert!(codes.contains(&7792), "{codes:?}");
        assert!(guesses.iter().all(|guess| !guess.swapped));
        assert!(guesses[0].reason.contains("Italy"), "{}", guesses[0].reason);
    }

    #[test]
    fn strays_do_not_hide_the_system_of_the_rest() {
        let mut sample = vec![[3_026_510.0, 5_033_255.0]; 40];
        sample.extend([[0.0, 0.0], [f64::NAN, 1.0], [1e300, -1e300]]);
        let guesses = guess_crs(&sample, Some(VENICE));
        assert_eq!(guesses[0].crs.code(), Some(7795));
        assert!((0.9..1.0).contains(&guesses[0].inside));
    }

    #[test]
    fn numbers_of_no_system_give_no_guess() {
        assert!(guess_crs(&[[1e9, 1e9]], None).is_empty());
        assert!(guess_crs(&[], None).is_empty());
        assert!(guess_crs(&[[f64::NAN, f64::NAN]], Some(VENICE)).is_empty());
    }
}
