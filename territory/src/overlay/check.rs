//! Whether a drawn shape can be measured at all.

use geo::line_intersection::{LineIntersection, line_intersection};
use geo_types::{Coord, Line, LineString, MultiLineString, MultiPolygon};
use serde::Serialize;

use crate::Text;

/// Most vertices of one shape.
pub const MAX_VERTICES: usize = 100_000;

/// Why a shape cannot be measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Unmeasurable {
    /// Which reason, for programs.
    pub code: &'static str,
    /// Where: longitude and latitude in degrees.
    pub place: Option<[f64; 2]>,
    /// What is wrong, and what to do.
    pub text: Text,
}

impl Unmeasurable {
    fn new(code: &'static str, place: Option<Coord<f64>>, it: impl Into<String>, en: impl Into<String>) -> Self {
        Self { code, place: place.map(Into::into), text: Text::new(it, en) }
    }
}

impl std::fmt::Display for Unmeasurable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} [{}]", self.text.en, self.code)
    }
}

impl std::error::Error for Unmeasurable {}

/// Refuses what is no surface: too few corners, edges that cross, numbers that are no degrees.
pub(super) fn surface(polygons: &MultiPolygon<f64>) -> Result<(), Unmeasurable> {
    let rings = || polygons.iter().flat_map(|polygon| std::iter::once(polygon.exterior()).chain(polygon.interiors()));
    degrees(rings())?;
    if rings().next().is_none() {
        return Err(empty());
    }
    for ring in rings() {
        let mut corners: Vec<_> = ring.0.iter().map(|c| (c.x.to_bits(), c.y.to_bits())).collect();
        corners.sort_unstable();
        corners.dedup();
        if corners.len() < 3 {
            return Err(Unmeasurable::new(
                "too-few-corners",
                ring.0.first().copied(),
                "un poligono ha bisogno di almeno tre vertici distinti",
                "a polygon needs three distinct corners at least",
            ));
        }
    }
    match crossing(rings()) {
        None => Ok(()),
        Some(place) => Err(Unmeasurable::new(
            "self-crossing",
            Some(place),
            format!("il contorno si incrocia presso {:.7}, {:.7} (lon, lat): ridisegnarlo", place.x, place.y),
            format!("the outline crosses itself near {:.7}, {:.7} (lon, lat): draw it anew", place.x, place.y),
        )),
    }
}

/// Refuses what is no line.
pub(super) fn lines(lines: &MultiLineString<f64>) -> Result<(), Unmeasurable> {
    degrees(lines.iter())?;
    if lines.iter().all(|line| line.lines().all(|segment| segment.start == segment.end)) {
        return Err(empty());
    }
    Ok(())
}

fn empty() -> Unmeasurable {
    Unmeasurable::new("empty", None, "la geometria è vuota", "the geometry is empty")
}

fn degrees<'a>(lines: impl Iterator<Item = &'a LineString<f64>>) -> Result<(), Unmeasurable> {
    let mut vertices = 0;
    for coord in lines.flat_map(|line| &line.0) {
        vertices += 1;
        // Also false for what is no number.
        if !(coord.x.abs() <= 180.0 && coord.y.abs() <= 90.0) {
            return Err(Unmeasurable::new(
                "not-degrees",
                None,
                format!(
                    "{}, {} non sono longitudine e latitudine in gradi: convertire le coordinate",
                    coord.x, coord.y
                ),
                format!("{}, {} are no longitude and latitude in degrees: convert the coordinates", coord.x, coord.y),
            ));
        }
    }
    if vertices > MAX_VERTICES {
        return Err(Unmeasurable::new(
            "too-many-vertices",
            None,
            format!("{vertices} vertici: il massimo è {MAX_VERTICES}"),
            format!("{vertices} vertices: at most {MAX_VERTICES} are measured"),
        ));
    }
    Ok(())
}

/// Where two edges cross, or lie on each other; touching corners are none.
fn crossing<'a>(rings: impl Iterator<Item = &'a LineString<f64>>) -> Option<Coord<f64>> {
    let mut segments: Vec<Line<f64>> = rings.flat_map(LineString::lines).filter(|s| s.start != s.end).collect();
    let left = |segment: &Line<f64>| segment.start.x.min(segment.end.x);
    let right = |segment: &Line<f64>| segment.start.x.max(segment.end.x);
    segments.sort_by(|a, b| left(a).total_cmp(&left(b)));
    let mut active: Vec<Line<f64>> = Vec::new();
    for segment in segments {
        active.retain(|other| right(other) >= left(&segment));
        for other in &active {
            match line_intersection(*other, segment) {
                Some(LineIntersection::SinglePoint { intersection, is_proper: true }) => return Some(intersection),
                Some(LineIntersection::Collinear { intersection }) if intersection.start != intersection.end => {
                    return Some(intersection.start);
                }
                _ => {}
            }
        }
        active.push(segment);
    }
    None
}
