//! The parts of an occupation in the zones of one set, or beside its streets.

use bricola_layers::cache::Snapshot;
use bricola_layers::query::Positions;
use bricola_territory::Exact;
use bricola_territory::overlay::{measured_pieces, overlay, overlay_line};
use bricola_territory::tariff::TariffPlan;
use bricola_territory::tariff::plan::{Occupation, ZoneKind, ZoneSet};
use bricola_territory::tariff::question::{Piece, Place};
use chrono::NaiveDate;
use geo::{Distance as _, Euclidean};

use super::{NoFee, Question};
use crate::services::site::{Shape, code_of, in_metres, near, reference};
use crate::services::zones::{candidates, covering};

/// Metres from a street within which a place is taken to be on it, where the plan does not say.
const ON_STREET_M: f64 = 15.0;
/// A street that is so many metres farther than the nearest is as near, by what maps can tell.
const AS_NEAR_M: f64 = 0.5;

/// How the place of an occupation is found in a set of zones.
pub struct Way<'a> {
    /// The set.
    pub set: &'a ZoneSet,
    /// Decimals of measured quantities.
    pub decimals: u32,
    /// Whether it counts by its surface.
    pub by_area: bool,
    /// Width of a line that counts by its surface.
    pub width_m: Option<&'a Exact>,
    /// The street and house number that were declared.
    pub street: Option<&'a (String, Option<u64>)>,
    /// The day on which zones must be valid.
    pub day: NaiveDate,
}

/// Parts, and the whole where it was measured.
#[derive(Default)]
pub struct Found {
    /// The parts.
    pub pieces: Vec<Piece>,
    /// Square metres or metres of the whole.
    pub total: Option<Exact>,
}

/// Finds the parts.
///
/// # Errors
/// A shape that cannot be measured, or without coordinates in the CRS of the layer.
pub fn pieces(way: &Way<'_>, snapshot: &Snapshot, shape: &Shape) -> Result<Found, NoFee> {
    match way.set.kind {
        ZoneKind::Street | ZoneKind::StreetSegment => Ok(Found { pieces: streets(way, snapshot, shape), total: None }),
        ZoneKind::Polygon | ZoneKind::Water => zones(way, snapshot, shape),
    }
}

fn zones(way: &Way<'_>, snapshot: &Snapshot, shape: &Shape) -> Result<Found, NoFee> {
    if let Shape::Point(point) = shape {
        let pieces = covering(snapshot, *point, Some(way.day))?.into_iter().map(|row| Piece {
            set: way.set.code.clone(),
            place: Place::Zone { code: code_of(snapshot, row) },
            quantity: None,
            front: false,
            centroid: true,
            feature: Some(reference(snapshot, row)),
        });
        return Ok(Found { pieces: pieces.collect(), total: None });
    }
    let zones: Vec<_> = candidates(snapshot, shape, Some(way.day)).into_iter().map(|(_, named)| named.zone).collect();
    if let Shape::Surface(surface) = shape {
        let (total, pieces) = measured_pieces(&overlay(surface, &zones)?, &zones, &way.set.code, way.decimals);
        return Ok(Found { pieces, total: Some(total) });
    }
    let Shape::Lines(lines) = shape else { return Ok(Found::default()) };
    let cut = overlay_line(lines, &zones)?;
    let counted = |metres: f64| {
        let metres = Exact::measured(metres, way.decimals).unwrap_or_else(Exact::zero);
        match way.width_m {
            Some(width) if way.by_area => metres * width,
            _ => metres,
        }
    };
    let pieces = cut.pieces.iter().map(|piece| Piece {
        set: way.set.code.clone(),
        place: Place::Zone { code: zones[piece.zone].code.clone() },
        quantity: Some(counted(piece.m)),
        front: false,
        centroid: false,
        feature: Some(zones[piece.zone].feature.clone()),
    });
    Ok(Found { pieces: pieces.collect(), total: Some(counted(cut.total_m)) })
}

/// The street that was declared, or else the nearest within the plan's distance.
fn streets(way: &Way<'_>, snapshot: &Snapshot, shape: &Shape) -> Vec<Piece> {
    let piece = |code: String, number, distance_m, feature| Piece {
        set: way.set.code.clone(),
        place: Place::Street { code, number, distance_m },
        quantity: None,
        front: true,
        centroid: false,
        feature,
    };
    if let Some((code, number)) = way.street {
        return vec![piece(code.clone(), *number, None, None)];
    }
    let most = way.set.max_distance_m.as_ref().map_or(ON_STREET_M, Exact::to_f64);
    let Some(frame) = shape.frame() else { return Vec::new() };
    let here = in_metres(&shape.geometry(), frame);
    let mut found: Vec<_> = near(snapshot, frame, most, Some(way.day))
        .into_iter()
        .filter_map(|row| {
            let there = in_metres(&Positions::LonLat.geometry(row)?, frame);
            let metres = Euclidean.distance(&here, &there);
            (metres <= most).then_some((metres, row))
        })
        .collect();
    found.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.id().cmp(&b.1.id())));
    let nearest = found.first().map_or(0.0, |(metres, _)| *metres);
    let mut pieces: Vec<Piece> = Vec::new();
    for (metres, row) in found.into_iter().filter(|(metres, _)| *metres <= nearest + AS_NEAR_M) {
        let code = code_of(snapshot, row);
        let is_there = |it: &Piece| matches!(&it.place, Place::Street { code: other, .. } if *other == code);
        if !pieces.iter().any(is_there) {
            pieces.push(piece(code, None, Exact::measured(metres, 2), Some(reference(snapshot, row))));
        }
    }
    pieces
}

/// A declared street without a place on the map.
pub fn by_street(plan: &TariffPlan, occupation: &Occupation, question: &mut Question) {
    let Some((code, number)) = question.street.clone() else { return };
    let sets = plan.zone_sets_for(occupation.vertical, question.asked.day);
    let by_street = sets.filter(|set| matches!(set.kind, ZoneKind::Street | ZoneKind::StreetSegment));
    question.asked.pieces.extend(by_street.map(|set| Piece {
        set: set.code.clone(),
        place: Place::Street { code: code.clone(), number, distance_m: None },
        quantity: None,
        front: true,
        centroid: false,
        feature: None,
    }));
}
