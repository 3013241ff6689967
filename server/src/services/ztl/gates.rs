//! The gates of the zones at a place.

use bricola_layers::cache::{RowRef, Snapshot, Validity};
use bricola_layers::feature::Value;
use bricola_layers::query::Positions;
use bricola_territory::FeatureRef;
use bricola_territory::ztl::{Answer, Regulations};
use geo::{Distance as _, Euclidean};
use serde::Serialize;

use super::Question;
use crate::services::site::{code_of, in_metres, name_of, reference, words};

/// Gates that an answer tells of, the nearest.
const MOST: usize = 12;

/// A gate.
#[derive(Debug, Clone, Serialize)]
pub struct Gate {
    /// Its layer's code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// The zone.
    pub zone: String,
    /// In which direction one passes it.
    pub direction: Option<String>,
    /// Degrees from north.
    pub heading_deg: Option<String>,
    /// Metres from the place.
    pub distance_m: String,
    /// The feature.
    pub feature: FeatureRef,
}

/// The gates of the zones that are in force at the place, the nearest first.
pub fn gates(regulations: &Regulations, question: &Question, answer: &Answer) -> Vec<Gate> {
    let Some(frame) = question.site.shape.frame() else { return Vec::new() };
    let here = in_metres(&question.site.shape.geometry(), frame);
    let mut found: Vec<(f64, Gate)> = Vec::new();
    for regulation in regulations.all() {
        let snapshot = regulation.gates.as_ref().and_then(|layer| question.layers.get(layer));
        let Some(snapshot) = snapshot else { continue };
        let Some((field, _)) = snapshot.definition().field("ztl_code") else { continue };
        let validity = Validity::of(snapshot.definition(), Some(question.day));
        for zone in answer.zones.iter().filter(|zone| zone.layer == regulation.layer) {
            let code = Value::Text(zone.code.clone());
            for row in snapshot.find(field, &code).filter(|row| validity.holds(*row)) {
                let Some(there) = Positions::LonLat.geometry(row) else { continue };
                let metres = Euclidean.distance(&here, &in_metres(&there, frame));
                found.push((metres, gate(snapshot, row, zone.code.clone(), metres)));
            }
        }
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.feature.cmp(&b.1.feature)));
    found.dedup_by(|a, b| a.1.feature == b.1.feature);
    found.into_iter().take(MOST).map(|(_, gate)| gate).collect()
}

fn gate(snapshot: &Snapshot, row: RowRef<'_>, zone: String, metres: f64) -> Gate {
    Gate {
        code: code_of(snapshot, row),
        name: name_of(snapshot, row),
        zone,
        direction: words(snapshot, row, "direction"),
        heading_deg: words(snapshot, row, "heading_deg"),
        distance_m: format!("{metres:.0}"),
        feature: reference(snapshot, row),
    }
}
