//! What lies at a place: every layer that covers it, and points and lines near it.

use std::sync::Arc;

use bricola_layers::cache::{Snapshot, Validity};
use bricola_layers::crs::CrsError;
use bricola_layers::definition::Scope;
use bricola_layers::limits::MAX_HITS_PER_LAYER;
use bricola_layers::query::{Place, at_when, write_number};
use chrono::NaiveDate;

/// Metres within which points and lines are found when nobody says.
pub const DEFAULT_RADIUS_M: f64 = 25.0;

/// Where to look.
#[derive(Debug, Clone)]
pub struct Lookup {
    /// The layers, each as of one moment.
    pub layers: Vec<Arc<Snapshot>>,
    /// Metres for points and lines.
    pub radius_m: f64,
    /// The day on which features must be valid.
    pub valid_on: Option<NaiveDate>,
    /// What the caller may see.
    pub scope: Scope,
}

impl Lookup {
    /// Appends the hits at a place as a JSON array of `{"layer", "feature", "distance_m"}`, in order of layer and then
    /// of distance.
    ///
    /// # Errors
    /// When the place has no coordinates in the storage CRS of a layer.
    pub fn write_hits(&self, out: &mut Vec<u8>, place: &Place) -> Result<(), CrsError> {
        out.push(b'[');
        let mut first = true;
        for snapshot in &self.layers {
            let validity = Validity::of(snapshot.definition(), self.valid_on);
            let hits = at_when(snapshot, place, self.radius_m, MAX_HITS_PER_LAYER, &validity)?;
            if hits.is_empty() {
                continue;
            }
            let writer = snapshot.writer(self.scope);
            for hit in hits {
                if !first {
                    out.push(b',');
                }
                first = false;
                out.extend_from_slice(b"{\"layer\":\"");
                // Layer ids are lower-case letters, digits and hyphens: nothing to escape.
                out.extend_from_slice(snapshot.definition().id.as_bytes());
                out.extend_from_slice(b"\",\"feature\":");
                writer.write(out, hit.row);
                out.extend_from_slice(b",\"distance_m\":");
                write_number(out, (hit.distance_m * 1000.0).round() / 1000.0);
                out.push(b'}');
            }
        }
        out.push(b']');
        Ok(())
    }
}
