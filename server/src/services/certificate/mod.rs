//! The certificate of planning destination (*certificato di destinazione urbanistica*, CDU) of parcels.

mod helvetica;
mod pdf;
mod pieces;

use std::collections::BTreeMap;
use std::sync::Arc;

use bricola_layers::cache::{RowAt, RowRef, Snapshot};
use bricola_layers::log::Seq;
use bricola_territory::cdu::{Certificate, Layer, Options, Parcel, PlanStatus, PlanZone, certify};
use bricola_territory::overlay::Unmeasurable;
use bricola_territory::{Exact, FeatureRef, canonical_json};
use chrono::NaiveDate;
use serde_json::{Value, json};
use thiserror::Error;

use super::jobs::Progress;
use super::site::{Evidence, Named, Seen, Site, reference, registered_m2, surface_of, words, zones_about};

pub use pdf::pdf;
pub use pieces::{NoFile, geopackage};

/// Version of the way in which plans are found; the arithmetic has its own.
pub const ENGINE: &str = "bricola-certificate/1";
/// Metres around a parcel in which zones are looked for beside the maps' tolerance.
const AROUND_M: f64 = 2.0;

/// Which parcels, among which plans, on which day.
#[derive(Debug)]
pub struct Question {
    /// The layer of parcels, and the parcels.
    pub parcels: Vec<(Arc<Snapshot>, RowAt)>,
    /// The layers of plans and constraints.
    pub layers: Vec<Arc<Snapshot>>,
    /// The day as of which it is issued.
    pub day: NaiveDate,
    /// The last change that the answer reflects.
    pub seq: Seq,
    /// How far it is.
    pub progress: Progress,
}

/// The certificates, and the document of all of them.
pub struct Issued {
    /// One for each parcel, in the order in which they were asked for.
    pub certificates: Vec<Certificate>,
    /// All of them with their evidence: canonical, so that equal certificates are equal bytes.
    pub document: Value,
}

/// Why there is no certificate.
#[derive(Debug, Error)]
pub enum NotIssued {
    /// A parcel that cannot be measured.
    #[error("the parcel {0}: {1}")]
    Unmeasurable(String, Unmeasurable),
    /// Nobody wants it any more.
    #[error("it was called off")]
    Dismissed,
    /// A parcel without a surface.
    #[error("the parcel {0} has no surface on the map")]
    NoSurface(String),
}

/// Issues the certificates.
///
/// # Errors
/// A parcel that has no surface, or one that cannot be measured.
pub fn issue(question: &Question) -> Result<Issued, NotIssued> {
    let (mut certificates, mut used) = (Vec::new(), Vec::new());
    for (done, (snapshot, at)) in question.parcels.iter().enumerate() {
        question.progress.reach(done as u64, question.parcels.len() as u64);
        if question.progress.is_dismissed() {
            return Err(NotIssued::Dismissed);
        }
        let parcel = parcel(snapshot, snapshot.row_at(*at))?;
        let frame = geo::BoundingRect::bounding_rect(&parcel.geometry);
        let mut layers = Vec::new();
        for plan in &question.layers {
            let tolerance = plan.definition().planning.as_ref().and_then(|it| it.tolerance_m);
            let around = tolerance.unwrap_or(Options::default().tolerance_m.to_f64()) + AROUND_M;
            let zones = frame.map(|frame| zones_about(plan, frame, around, Some(question.day))).unwrap_or_default();
            layers.extend(plans(plan, zones));
        }
        let certificate = certify(&parcel, &layers, question.day, &Options::default())
            .map_err(|error| NotIssued::Unmeasurable(parcel.reference.clone(), error))?;
        used.extend(features(&certificate));
        certificates.push(certificate);
    }
    let mut document = json!({"day": question.day, "certificates": certificates});
    let seen: Vec<Arc<Snapshot>> =
        question.parcels.iter().map(|(layer, _)| layer).chain(&question.layers).map(Arc::clone).collect();
    Evidence::new(ENGINE, &Site::nowhere(), (Some(question.day), question.seq), Seen::of(&seen), used)
        .seal(&mut document);
    let document = serde_json::from_str(&canonical_json(&document)).unwrap_or(document);
    Ok(Issued { certificates, document })
}

fn features(certificate: &Certificate) -> Vec<FeatureRef> {
    let pieces = certificate.layers.iter().flat_map(|layer| layer.zones.iter().chain(&layer.accessory));
    let near = certificate.layers.iter().flat_map(|layer| layer.near.iter().map(|near| near.feature.clone()));
    pieces.map(|piece| piece.feature.clone()).chain(near).chain([certificate.feature.clone()]).collect()
}

fn parcel(snapshot: &Snapshot, row: RowRef<'_>) -> Result<Parcel, NotIssued> {
    let name = words(snapshot, row, "national_ref").unwrap_or_else(|| row.id().to_string());
    let Some(geometry) = surface_of(row) else { return Err(NotIssued::NoSurface(name)) };
    let registered_m2 = registered_m2(snapshot, row);
    Ok(Parcel { reference: name, feature: reference(snapshot, row), geometry, registered_m2 })
}

/// The zones of a layer by how far their plans have come. Several plans of one status divide the ground among them (one for
/// the old town, one for the rest): each zone says which is its.
fn plans(snapshot: &Snapshot, zones: Vec<(RowRef<'_>, Named)>) -> Vec<Layer> {
    let definition = snapshot.definition();
    let planning = definition.planning.clone().unwrap_or_default();
    let mut by_status: BTreeMap<PlanStatus, Vec<PlanZone>> = BTreeMap::new();
    for (row, zone) in zones {
        let of = |name: &str| words(snapshot, row, name);
        let status = match of("status").as_deref() {
            Some("adopted") => PlanStatus::Adopted,
            _ => PlanStatus::Approved,
        };
        by_status.entry(status).or_default().push(PlanZone {
            code: of("zone").unwrap_or_else(|| zone.zone.code.clone()),
            name: of("name").unwrap_or(zone.name),
            article: of("article"),
            plan: of("plan"),
            act: of("act"),
            feature: zone.zone.feature,
            geometry: zone.zone.geometry,
        });
    }
    let layers = by_status.into_iter().map(|(status, zones)| Layer {
        id: definition.id.clone(),
        plan: definition.title.it.clone(),
        act: String::new(),
        status,
        // An adopted plan may be for some places only: where none of its zones lies, it leaves no gap.
        exclusive: planning.exclusive && status == PlanStatus::Approved,
        tolerance_m: planning.tolerance_m.and_then(|metres| Exact::measured(metres, 3)),
        // Zones that do not hold on the day were left out one by one.
        valid_from: None,
        valid_to: None,
        zones,
    });
    layers.collect()
}
