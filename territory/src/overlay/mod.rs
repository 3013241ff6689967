//! What share of a surface or line lies in which zone.
//!
//! Coordinates are longitude before latitude, in degrees of ETRS89 or RDN2008. Edges are cut as straight in degrees
//! (RFC 7946, 3.1.1) and measured as geodesics on GRS80 ([`METHOD`]). In the middle of an edge of 100 m the two are 0.2 mm
//! apart, of one of 1 km 2 cm: pieces of a surface with such edges sum up to the whole to about a hundred-thousandth, which
//! [`measured_pieces`] and the certificate close. The series of geodesic areas leave noise of some 10⁻⁵ m² a surface.

mod check;
mod frame;
mod geodesic;
mod lines;
mod measures;
mod plane;
mod surfaces;

use geo_types::MultiPolygon;

use crate::FeatureRef;

pub use check::{MAX_VERTICES, Unmeasurable};
pub(crate) use frame::cut;
pub use geodesic::{area_m2, length_m, perimeter_m, segment_m};
pub use lines::{LineOverlay, LinePiece, overlay_line};
pub use measures::measured_pieces;
pub(crate) use plane::Plane;
pub use surfaces::{Overlap, Overlay, Piece, Subject, overlay};

/// How pieces are measured, as evidence says it.
pub const METHOD: &str = "geodesic-grs80";
/// Pieces smaller than this are noise of the coordinates, which are known to a millimetre: a square centimetre.
pub const NOISE_M2: f64 = 1e-4;
/// Pieces of lines shorter than this are noise: a millimetre.
pub const NOISE_M: f64 = 1e-3;

/// A zone that may lie at the place.
#[derive(Debug, Clone)]
pub struct Zone {
    /// Its code.
    pub code: String,
    /// The feature.
    pub feature: FeatureRef,
    /// Its surface.
    pub geometry: MultiPolygon<f64>,
}

#[cfg(test)]
mod tests;
