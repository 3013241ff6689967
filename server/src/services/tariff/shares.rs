//! What share of an occupation lies in a layer, for reductions that are given somewhere only.

use bricola_layers::cache::Snapshot;
use bricola_territory::overlay::{overlay, overlay_line};
use bricola_territory::tariff::question::LayerShare;
use bricola_territory::{Exact, FeatureRef};
use chrono::NaiveDate;

use super::NoFee;
use crate::services::site::{Shape, reference};
use crate::services::zones::{candidates, covering};

/// Decimals of percentages.
const DECIMALS: u32 = 4;

/// The share, in percent, and the features that it lies in.
///
/// # Errors
/// A shape that cannot be measured, or without coordinates in the CRS of the layer.
pub fn share(snapshot: &Snapshot, shape: &Shape, day: NaiveDate) -> Result<LayerShare, NoFee> {
    let (share, features): (f64, Vec<FeatureRef>) = match shape {
        Shape::Point(point) => {
            let rows = covering(snapshot, *point, Some(day))?;
            let features: Vec<_> = rows.into_iter().map(|row| reference(snapshot, row)).collect();
            (if features.is_empty() { 0.0 } else { 1.0 }, features)
        }
        Shape::Surface(surface) => {
            let zones: Vec<_> = candidates(snapshot, shape, Some(day)).into_iter().map(|(_, it)| it.zone).collect();
            let cut = overlay(surface, &zones)?;
            let features = cut.pieces.iter().map(|piece| zones[piece.zone].feature.clone()).collect();
            (1.0 - cut.gap_m2 / cut.total_m2, features)
        }
        Shape::Lines(lines) => {
            let zones: Vec<_> = candidates(snapshot, shape, Some(day)).into_iter().map(|(_, it)| it.zone).collect();
            let cut = overlay_line(lines, &zones)?;
            let features = cut.pieces.iter().map(|piece| zones[piece.zone].feature.clone()).collect();
            (1.0 - cut.gap_m / cut.total_m, features)
        }
    };
    let percent = Exact::measured(share.clamp(0.0, 1.0) * 100.0, DECIMALS).unwrap_or_else(Exact::zero);
    Ok(LayerShare { percent, features })
}
