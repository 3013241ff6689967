//! What a person types for a place: degrees, degrees-minutes-seconds, or metres in any CRS.

mod numbers;
mod scan;

use serde::Serialize;
use thiserror::Error;

use self::scan::{Axis, Typed};
use super::guess::{ITALY, contains, ordered, padded};
use super::{Crs, CrsError, guess_crs, with_transformer};

/// Characters that are looked at: nobody types more for one place.
const MAX_CHARS: usize = 300;

/// One reading of what was typed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Interpretation {
    /// The CRS that the numbers are in.
    #[serde(serialize_with = "as_text")]
    pub crs: Crs,
    /// East or longitude in that CRS.
    pub x: f64,
    /// North or latitude in that CRS.
    pub y: f64,
    /// Longitude, WGS 84, degrees.
    pub lon: f64,
    /// Latitude, WGS 84, degrees.
    pub lat: f64,
    /// Why it was read so, in words.
    pub reason: String,
    /// The second number typed is the x.
    pub swapped: bool,
}

fn as_text<S: serde::Serializer>(crs: &Crs, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(crs)
}

/// Why a text is no place. Each says what to type instead.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum TextError {
    /// Nothing was typed.
    #[error("nothing to look up; type a place such as 45.4342, 12.3388 or 3026510.77 5033255.48")]
    Empty,
    /// Far longer than any place.
    #[error("the text has more than {MAX_CHARS} characters; type one place such as 45.4342, 12.3388")]
    TooLong,
    /// A word or sign that has no meaning in a coordinate.
    #[error("{0:?} is not part of a coordinate; type numbers, such as 45.4342, 12.3388 or 45°26'03\"N 12°20'20\"E")]
    NotUnderstood(String),
    /// Not two coordinates.
    #[error("{found} number(s) found in {text:?} where two coordinates are needed; type for instance 45.4342, 12.3388")]
    Count {
        /// Numbers found.
        found: usize,
        /// What was typed.
        text: String,
    },
    /// A number that cannot be what its place or mark says.
    #[error("{value} cannot be {what}: {reason}")]
    Range {
        /// The number as typed.
        value: String,
        /// What it stands for.
        what: &'static str,
        /// Why not.
        reason: &'static str,
    },
    /// Both coordinates claim the same axis.
    #[error("both coordinates are marked as {0}; mark one as N or S and the other as E or W")]
    SameAxis(&'static str),
    /// Numbers that lie nowhere.
    #[error("({first}, {second}) is no place {scope}: {hint}")]
    Nowhere {
        /// First number.
        first: f64,
        /// Second number.
        second: f64,
        /// In which CRS or region it was sought.
        scope: String,
        /// What to do.
        hint: &'static str,
    },
    /// The CRS named is not known, or of no use.
    #[error(transparent)]
    Crs(#[from] CrsError),
}

/// Reads a place as a person types it; the readings come best first and there is at least one.
///
/// Understood: decimal degrees (`45.4342, 12.3388`, `45,4342 12,3388`, `12.3388 E 45.4342 N`), degrees, minutes and
/// seconds (`45°26'03.1"N 12°20'19.7"E`, `45 26 03 N, 12 20 20 E`), metres (`3026510.77 5033255.48`,
/// `E 291847.96 N 5034631.55`), with a CRS before or after (`EPSG:7792 …`) or given apart, WKT points. `O` and `Ovest`
/// are west.
///
/// `crs`: the CRS that the caller knows; one in the text wins. `envelope`: where the tenant lies (west, south, east,
/// north in degrees); it decides the CRS, the zone and the order of unmarked numbers.
///
/// # Errors
/// [`TextError`], whose message names the value, the reason and what to type instead.
pub fn parse_place(
    text: &str,
    crs: Option<&Crs>,
    envelope: Option<[f64; 4]>,
) -> Result<Vec<Interpretation>, TextError> {
    if text.chars().nth(MAX_CHARS).is_some() {
        return Err(TextError::TooLong);
    }
    let (rest, named) = scan::take_crs(text)?;
    let typed = scan::read(&rest)?;
    let crs = named.or_else(|| crs.cloned());
    let crs = if typed.angular && crs.as_ref().is_none_or(|crs| !crs.is_geographic()) {
        if let Some(crs) = crs {
            let hint = "degrees, minutes and seconds belong to a geographic CRS: leave the CRS out, or type metres";
            return Err(nowhere(&typed, format!("in {crs}"), hint));
        }
        Some(Crs::wgs84())
    } else {
        crs
    };
    match crs {
        Some(crs) => in_crs(&typed, &crs, envelope),
        None => guessed(&typed, envelope),
    }
}

/// The orders of the two numbers to try: marked ones have one, unmarked ones two, the customary one first.
fn orders(typed: &Typed, geographic: bool) -> Vec<bool> {
    match typed.first {
        Some(Axis::East) => vec![false],
        Some(Axis::North) => vec![true],
        // People write latitude before longitude, but easting before northing.
        None if geographic => vec![true, false],
        None => vec![false, true],
    }
}

/// Readings in a CRS that is known.
fn in_crs(typed: &Typed, crs: &Crs, envelope: Option<[f64; 4]>) -> Result<Vec<Interpretation>, TextError> {
    let mut found: Vec<(u8, Interpretation)> = Vec::new();
    for swapped in orders(typed, crs.is_geographic()) {
        let [x, y] = ordered(typed.values, swapped);
        let placed = with_transformer(crs, &Crs::wgs84(), |transformer| transformer.point([x, y]))?;
        let Ok([lon, lat]) = placed else { continue };
        let (rank, place) = rank([lon, lat], crs, envelope);
        let order = match (typed.first.is_some(), swapped, crs.is_geographic()) {
            (true, ..) => "axes as marked",
            (_, true, true) => "latitude first",
            (_, true, false) => "northing first",
            (_, false, true) => "longitude first",
            (_, false, false) => "easting first",
        };
        let reason = format!("read in {crs} ({}), {order}; {place}", crs.name());
        found.push((rank, Interpretation { crs: crs.clone(), x, y, lon, lat, reason, swapped }));
    }
    let best = found.iter().map(|(rank, _)| *rank).min();
    let Some(best) = best.filter(|rank| *rank < OUTSIDE || crs.is_geographic() || typed.first.is_some()) else {
        let hint = "check the numbers and the CRS (an EPSG code such as EPSG:7795 may be typed before them)";
        return Err(nowhere(typed, format!("in {crs} ({})", crs.name()), hint));
    };
    Ok(found.into_iter().filter(|(rank, _)| *rank == best).map(|(_, reading)| reading).collect())
}

/// Rank of a place that even its CRS is not meant for.
const OUTSIDE: u8 = 3;

/// How plausible a place is (0 = in the tenant's area), and how to say so.
fn rank(lonlat: [f64; 2], crs: &Crs, envelope: Option<[f64; 4]>) -> (u8, &'static str) {
    if envelope.is_some_and(|envelope| contains(padded(envelope), lonlat)) {
        (0, "it falls in the area of the ente")
    } else if contains(ITALY, lonlat) {
        (1, if envelope.is_some() { "it falls in Italy, outside the area of the ente" } else { "it falls in Italy" })
    } else if contains(padded(crs.area_of_use()), lonlat) {
        (2, "it falls outside Italy")
    } else {
        (OUTSIDE, "it falls outside the area that the CRS is meant for")
    }
}

/// Readings of numbers without a CRS.
fn guessed(typed: &Typed, envelope: Option<[f64; 4]>) -> Result<Vec<Interpretation>, TextError> {
    let in_area = guess_crs(&[typed.values], envelope);
    let anywhere =
        if in_area.iter().any(|guess| guess.inside > 0.0) { in_area } else { guess_crs(&[typed.values], None) };
    let mut found = Vec::new();
    for guess in anywhere.into_iter().filter(|guess| guess.inside > 0.0) {
        if !orders(typed, guess.crs.is_geographic()).contains(&guess.swapped) {
            continue;
        }
        let [x, y] = ordered(typed.values, guess.swapped);
        let placed = with_transformer(&guess.crs, &Crs::wgs84(), |transformer| transformer.point([x, y]))?;
        let Ok([lon, lat]) = placed else { continue };
        let (_, place) = rank([lon, lat], &guess.crs, envelope);
        let looks = guess.reason.split(';').next().unwrap_or_default();
        let reason = format!("{looks}: {} ({}); {place}", guess.crs, guess.crs.name());
        found.push(Interpretation { crs: guess.crs, x, y, lon, lat, reason, swapped: guess.swapped });
    }
    if !found.is_empty() {
        return Ok(found);
    }
    if typed.values.iter().all(|value| value.abs() <= 180.0) {
        return in_crs(typed, &Crs::wgs84(), envelope);
    }
    let hint = "type the CRS too, such as EPSG:7795 3026510.77 5033255.48, or degrees such as 45.4342, 12.3388";
    Err(nowhere(typed, "in any CRS used in Italy".to_owned(), hint))
}

fn nowhere(typed: &Typed, scope: String, hint: &'static str) -> TextError {
    TextError::Nowhere { first: typed.values[0], second: typed.values[1], scope, hint }
}

#[cfg(test)]
mod tests;
