//! The arithmetic of the certificate of planning destination (*certificato di destinazione urbanistica*, DPR 380/2001,
//! art. 30): which share of a parcel lies in which zone of which plan.
//!
//! Zones of an *exclusive* layer divide the ground among them: their shares close to 100.00 by the largest remainder, and
//! what is in none or in two of them is told. Zones of an *overlay* (constraints) may lie on each other and cover nothing.
//! Pieces that come from the inexactness of the maps are *accessory*: listed apart, never left out.

mod certificate;
mod document;

pub use certificate::{Layer, Options, Parcel, PlanStatus, PlanZone, certify};
pub use document::{Certificate, LayerResult, Near, OverlapResult, PieceResult, document_json};

/// Version of the arithmetic: another answer to the same question needs another.
pub const ENGINE: &str = "bricola-cdu/1";

#[cfg(test)]
mod tests;
