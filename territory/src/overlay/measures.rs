//! From measured pieces to the numbers of a bill.

use super::{Overlay, Zone};
use crate::Exact;
use crate::remainder::largest_remainder;
use crate::tariff::question::{Piece, Place};

/// The whole surface and its pieces, in m² of so many decimals (4 at most), for a question about its fee. Where zones
/// neither overlap nor leave gaps, the pieces sum up to the whole to the last decimal.
pub fn measured_pieces(overlay: &Overlay, zones: &[Zone], set: &str, decimals: u32) -> (Exact, Vec<Piece>) {
    let scale = 10_f64.powi(decimals.min(4) as i32);
    let exact = |units: u64| Exact::from(units) / &Exact::from(scale as u64);
    let total = (overlay.total_m2 * scale).round() as u64;
    let mut values: Vec<f64> = overlay.pieces.iter().map(|piece| piece.m2).collect();
    values.push(overlay.gap_m2);
    let units = if overlay.overlaps.is_empty() {
        largest_remainder(&values, total)
    } else {
        values.iter().map(|value| (value * scale).round() as u64).collect()
    };
    let pieces = overlay.pieces.iter().zip(units).map(|(piece, units)| {
        let zone = &zones[piece.zone];
        Piece {
            set: set.to_owned(),
            place: Place::Zone { code: zone.code.clone() },
            quantity: Some(exact(units)),
            front: false,
            centroid: overlay.centroid == Some(piece.zone),
            feature: Some(zone.feature.clone()),
        }
    });
    (exact(total), pieces.collect())
}
