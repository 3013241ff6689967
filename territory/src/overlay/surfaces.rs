//! A surface among surfaces.

use geo::orient::Direction;
use geo::{BooleanOps as _, BoundingRect as _, Centroid as _, Intersects as _, Orient as _, unary_union};
use geo_types::{Coord, MultiPolygon, Rect};

use super::check::{self, Unmeasurable};
use super::geodesic::area_m2;
use super::{NOISE_M2, Zone, cut};

/// A surface and the zones that it lies in.
#[derive(Debug, Clone)]
pub struct Overlay {
    /// The surface's square metres.
    pub total_m2: f64,
    /// The parts in zones, in the order of the zones.
    pub pieces: Vec<Piece>,
    /// What lies in no zone.
    pub gap: MultiPolygon<f64>,
    /// Its square metres.
    pub gap_m2: f64,
    /// What lies in two zones at once.
    pub overlaps: Vec<Overlap>,
    /// The zone in which the surface's centroid lies, the first of them.
    pub centroid: Option<usize>,
}

/// A part in one zone.
#[derive(Debug, Clone)]
pub struct Piece {
    /// Which of the zones that were handed over.
    pub zone: usize,
    /// Square metres.
    pub m2: f64,
    /// Its surface.
    pub geometry: MultiPolygon<f64>,
}

/// What lies in two zones.
#[derive(Debug, Clone)]
pub struct Overlap {
    /// Which zones.
    pub zones: [usize; 2],
    /// Square metres.
    pub m2: f64,
    /// Its surface.
    pub geometry: MultiPolygon<f64>,
}

/// Cuts a surface by zones. Zones that only touch it have no piece.
///
/// # Errors
/// A surface that crosses itself, is empty or is not in degrees: why, and where.
pub fn overlay(surface: &MultiPolygon<f64>, zones: &[Zone]) -> Result<Overlay, Unmeasurable> {
    check::surface(surface)?;
    // Parts that touch or lie on each other are one surface; rings turn as they should.
    let surface = unary_union(&surface.orient(Direction::Default));
    let total_m2 = area_m2(&surface);
    let Some(frame) = surface.bounding_rect() else {
        return Ok(Overlay { total_m2, pieces: vec![], gap: surface, gap_m2: 0.0, overlaps: vec![], centroid: None });
    };
    let near = widened(frame);
    let centroid = surface.centroid();
    let mut pieces = Vec::new();
    let mut centre = None;
    for (i, zone) in zones.iter().enumerate() {
        if !zone.geometry.bounding_rect().is_some_and(|rect| rect.intersects(&frame)) {
            continue;
        }
        let zone = cut(&zone.geometry, near);
        let geometry = surface.intersection(&zone);
        let m2 = area_m2(&geometry);
        if m2 < NOISE_M2 {
            continue;
        }
        if centre.is_none() && centroid.is_some_and(|centroid| zone.intersects(&centroid)) {
            centre = Some(i);
        }
        pieces.push(Piece { zone: i, m2, geometry });
    }
    let covered = unary_union(pieces.iter().map(|piece| &piece.geometry));
    let gap = if covered.0.is_empty() { surface } else { surface.difference(&covered) };
    let gap_m2 = area_m2(&gap);
    let (gap, gap_m2) = if gap_m2 < NOISE_M2 { (MultiPolygon(vec![]), 0.0) } else { (gap, gap_m2) };
    Ok(Overlay { total_m2, overlaps: overlaps(&pieces), pieces, gap, gap_m2, centroid: centre })
}

/// A tenth of its size wider, so that nothing that matters lies on its border.
pub(super) fn widened(frame: Rect<f64>) -> Rect<f64> {
    let margin = 0.1 * frame.width().max(frame.height()).max(1e-7);
    Rect::new(
        Coord { x: frame.min().x - margin, y: frame.min().y - margin },
        Coord { x: frame.max().x + margin, y: frame.max().y + margin },
    )
}

fn overlaps(pieces: &[Piece]) -> Vec<Overlap> {
    let boxes: Vec<_> = pieces.iter().map(|piece| piece.geometry.bounding_rect()).collect();
    let mut overlaps = Vec::new();
    for (i, a) in pieces.iter().enumerate() {
        for (j, b) in pieces.iter().enumerate().skip(i + 1) {
            if !boxes[i].zip(boxes[j]).is_some_and(|(a, b)| a.intersects(&b)) {
                continue;
            }
            let geometry = a.geometry.intersection(&b.geometry);
            let m2 = area_m2(&geometry);
            if m2 >= NOISE_M2 {
                overlaps.push(Overlap { zones: [a.zone, b.zone], m2, geometry });
            }
        }
    }
    overlaps
}
