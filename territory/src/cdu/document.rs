//! What a certificate says.

use chrono::NaiveDate;
use geo_types::MultiPolygon;
use serde::Serialize;

use super::PlanStatus;
use crate::text::Warning;
use crate::{FeatureRef, canonical_json};

/// One parcel among the zones of all layers in force on a day.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Certificate {
    /// The parcel's reference.
    pub parcel: String,
    /// The feature.
    pub feature: FeatureRef,
    /// The day as of which it holds.
    pub day: NaiveDate,
    /// Square metres of the parcel on the map, two decimals.
    pub area_m2: String,
    /// Square metres that the cadastre registers, which are the ones with legal value.
    pub registered_m2: Option<String>,
    /// Layer by layer, in the order in which they were handed over.
    pub layers: Vec<LayerResult>,
    /// What somebody should look at.
    pub warnings: Vec<Warning>,
    /// How areas were measured.
    pub measure: &'static str,
    /// Version of the arithmetic.
    pub engine: &'static str,
    /// SHA-256 of parcel, layers and options, geometries included.
    pub inputs_sha256: String,
    /// SHA-256 of the certificate without this member.
    pub sha256: String,
}

/// One layer of a plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayerResult {
    /// The layer's id.
    pub id: String,
    /// The plan.
    pub plan: String,
    /// The act: number and date.
    pub act: String,
    /// Adopted (*in salvaguardia*) or approved.
    pub status: PlanStatus,
    /// Whether its zones divide the ground among them.
    pub exclusive: bool,
    /// The zones that count, the largest first.
    pub zones: Vec<PieceResult>,
    /// Pieces that come from inexactness of the maps.
    pub accessory: Vec<PieceResult>,
    /// Square metres in no zone; none for overlays.
    pub gap_m2: Option<String>,
    /// Percent in no zone, two decimals; none for overlays.
    pub gap_percent: Option<String>,
    /// Places in two zones at once; none for overlays.
    pub overlaps: Vec<OverlapResult>,
    /// Zones that it lies beside, nearer than the maps are exact.
    pub near: Vec<Near>,
}

/// The part in one zone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PieceResult {
    /// The zone's code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Article of the rules.
    pub article: Option<String>,
    /// The plan that it is of, where the layer holds those of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// That plan's act.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub act: Option<String>,
    /// The feature.
    pub feature: FeatureRef,
    /// Square metres, two decimals.
    pub m2: String,
    /// Percent of the parcel, two decimals.
    pub percent: String,
    /// Metres of its mean width (twice the area over the perimeter), two decimals.
    pub mean_width_m: String,
    /// The piece itself, for maps and files; not in the document.
    #[serde(skip)]
    pub geometry: MultiPolygon<f64>,
}

/// A place in two zones of an exclusive layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OverlapResult {
    /// Their codes.
    pub zones: [String; 2],
    /// Square metres, two decimals.
    pub m2: String,
}

/// A zone beside the parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Near {
    /// Its code.
    pub code: String,
    /// The feature.
    pub feature: FeatureRef,
    /// Metres to it, two decimals; 0.00 where it is touched, or has an accessory piece.
    pub distance_m: String,
    /// Metres within which the maps are exact.
    pub tolerance_m: String,
}

/// The certificate's canonical bytes: the same for the same parcel, layers and day, whenever it is issued.
pub fn document_json(certificate: &Certificate) -> String {
    // Nothing in it cannot be told in JSON.
    canonical_json(&serde_json::to_value(certificate).unwrap_or_default())
}
