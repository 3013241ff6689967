//! A surface among surfaces.

use geo::orient::Direction;
use geo::{Area as _, BooleanOps as _, BoundingRect as _, Centroid as _, Intersects as _, Orient as _, unary_union};
use geo_types::{Coord, MultiPolygon, Point, Rect};

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

/// A surface that is to be cut by the zones of one layer after another: what is the same for all of them is found once.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Parts that touch or lie on each other are one surface; rings turn as they should.
    surface: MultiPolygon<f64>,
    total_m2: f64,
    frame: Option<Rect<f64>>,
    centroid: Option<Point<f64>>,
}

impl Subject {
    /// Looks at a surface.
    ///
    /// # Errors
    /// A surface that crosses itself, is empty or is not in degrees: why, and where.
    pub fn new(surface: &MultiPolygon<f64>) -> Result<Self, Unmeasurable> {
        check::surface(surface)?;
        let surface = unary_union(&surface.orient(Direction::Default));
        Ok(Self { total_m2: area_m2(&surface), frame: surface.bounding_rect(), centroid: surface.centroid(), surface })
    }

    /// Its square metres.
    pub const fn total_m2(&self) -> f64 {
        self.total_m2
    }

    /// Cuts it by zones. Zones that only touch it have no piece.
    pub fn overlay(&self, zones: &[Zone]) -> Overlay {
        let (total_m2, surface) = (self.total_m2, &self.surface);
        let Some(frame) = self.frame else {
            let gap = surface.clone();
            return Overlay { total_m2, pieces: vec![], gap, gap_m2: 0.0, overlaps: vec![], centroid: None };
        };
        let near = widened(frame);
        let (mut pieces, mut centre, mut is_covered) = (Vec::new(), None, false);
        for (i, zone) in zones.iter().enumerate() {
            if !zone.geometry.bounding_rect().is_some_and(|rect| rect.intersects(&frame)) {
                continue;
            }
            let zone = cut(&zone.geometry, near);
            if zone.0.is_empty() {
                continue;
            }
            // Most surfaces lie in one zone, far from its border.
            let is_inside = is_all_of(&zone, near);
            let geometry = if is_inside { surface.clone() } else { surface.intersection(&zone) };
            let m2 = if is_inside { total_m2 } else { area_m2(&geometry) };
            if m2 < NOISE_M2 {
                continue;
            }
            is_covered |= is_inside;
            if centre.is_none() && self.centroid.is_some_and(|centroid| zone.intersects(&centroid)) {
                centre = Some(i);
            }
            pieces.push(Piece { zone: i, m2, geometry });
        }
        let (gap, gap_m2) = if is_covered { (MultiPolygon(vec![]), 0.0) } else { self.gap(&pieces) };
        Overlay { total_m2, overlaps: overlaps(&pieces), pieces, gap, gap_m2, centroid: centre }
    }

    /// What lies in none of the pieces.
    fn gap(&self, pieces: &[Piece]) -> (MultiPolygon<f64>, f64) {
        let covered = unary_union(pieces.iter().map(|piece| &piece.geometry));
        let gap = if covered.0.is_empty() { self.surface.clone() } else { self.surface.difference(&covered) };
        let gap_m2 = area_m2(&gap);
        if gap_m2 < NOISE_M2 { (MultiPolygon(vec![]), 0.0) } else { (gap, gap_m2) }
    }
}

/// Cuts a surface by zones: [`Subject::overlay`] of one layer.
///
/// # Errors
/// See [`Subject::new`].
pub fn overlay(surface: &MultiPolygon<f64>, zones: &[Zone]) -> Result<Overlay, Unmeasurable> {
    Ok(Subject::new(surface)?.overlay(zones))
}

/// Whether what was cut to a frame is the whole frame: all of its corners lie at those of the frame, which are also all of the
/// corners that it goes round.
fn is_all_of(zone: &MultiPolygon<f64>, frame: Rect<f64>) -> bool {
    let [polygon] = zone.0.as_slice() else { return false };
    let (min, max) = (frame.min(), frame.max());
    let is_corner = |at: &Coord<f64>| [min.x, max.x].contains(&at.x) && [min.y, max.y].contains(&at.y);
    let whole = frame.width() * frame.height();
    polygon.interiors().is_empty()
        && polygon.exterior().0.iter().all(is_corner)
        && (polygon.unsigned_area() - whole).abs() <= whole * 1e-9
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
