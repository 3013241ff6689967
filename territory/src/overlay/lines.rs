//! A line among surfaces.

use geo::orient::Direction;
use geo::{BooleanOps as _, BoundingRect as _, Intersects as _, Orient as _, unary_union};
use geo_types::{MultiLineString, MultiPolygon};

use super::check::{self, Unmeasurable};
use super::geodesic::length_m;
use super::surfaces::widened;
use super::{NOISE_M, Zone, cut};

/// A line and the zones that it runs through.
#[derive(Debug, Clone)]
pub struct LineOverlay {
    /// The line's metres.
    pub total_m: f64,
    /// The parts in zones, in the order of the zones. What runs along a border that two zones share is in both.
    pub pieces: Vec<LinePiece>,
    /// What runs through no zone.
    pub gap: MultiLineString<f64>,
    /// Its metres.
    pub gap_m: f64,
    /// Metres that are in more than one zone, each as often as it is too much.
    pub overlap_m: f64,
}

/// A part in one zone.
#[derive(Debug, Clone)]
pub struct LinePiece {
    /// Which of the zones that were handed over.
    pub zone: usize,
    /// Metres.
    pub m: f64,
    /// The part.
    pub geometry: MultiLineString<f64>,
}

/// Cuts a line by zones.
///
/// # Errors
/// A line that is empty or not in degrees.
pub fn overlay_line(line: &MultiLineString<f64>, zones: &[Zone]) -> Result<LineOverlay, Unmeasurable> {
    check::lines(line)?;
    let total_m = length_m(line);
    let Some(frame) = line.bounding_rect() else {
        return Ok(LineOverlay { total_m, pieces: vec![], gap: line.clone(), gap_m: total_m, overlap_m: 0.0 });
    };
    let near = widened(frame);
    let mut pieces = Vec::new();
    let mut surfaces: Vec<MultiPolygon<f64>> = Vec::new();
    for (i, zone) in zones.iter().enumerate() {
        if !zone.geometry.bounding_rect().is_some_and(|rect| rect.intersects(&frame)) {
            continue;
        }
        let zone = cut(&zone.geometry, near);
        let geometry = zone.clip(line, false);
        let m = length_m(&geometry);
        if m >= NOISE_M {
            pieces.push(LinePiece { zone: i, m, geometry });
            surfaces.push(zone.orient(Direction::Default));
        }
    }
    let covered = unary_union(&surfaces);
    let gap = if covered.0.is_empty() { line.clone() } else { covered.clip(line, true) };
    let gap_m = length_m(&gap);
    let (gap, gap_m) = if gap_m < NOISE_M { (MultiLineString(vec![]), 0.0) } else { (gap, gap_m) };
    let overlap_m = pieces.iter().map(|piece| piece.m).sum::<f64>() - (total_m - gap_m);
    let overlap_m = if overlap_m < NOISE_M { 0.0 } else { overlap_m };
    Ok(LineOverlay { total_m, pieces, gap, gap_m, overlap_m })
}
