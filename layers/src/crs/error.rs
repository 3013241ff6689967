//! What can go wrong between two reference systems.

use thiserror::Error;

/// Why a CRS was not understood or a coordinate not transformed.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum CrsError {
    /// The text names no CRS that we or PROJ know.
    #[error("CRS {definition:?} is not known: {reason}; give a code such as EPSG:7795 or EPSG:4326")]
    Unknown {
        /// What was given (shortened).
        definition: String,
        /// Why it was not understood.
        reason: String,
    },
    /// The CRS exists but is of no use for maps (vertical, geocentric, engineering …).
    #[error("CRS {name} is a {kind}; a geographic or projected CRS is needed, such as EPSG:7795 or EPSG:4326")]
    Unsupported {
        /// Its name.
        name: String,
        /// Its type in PROJJSON.
        kind: String,
    },
    /// No operation other than a null shift leads from one datum to the other.
    #[error(
        "no transformation with a known accuracy leads from {from} to {to}: their datums are not related; \
         declare the CRS that the data were really surveyed in"
    )]
    NoOperation {
        /// Source CRS.
        from: String,
        /// Target CRS.
        to: String,
    },
    /// A coordinate is NaN or infinite.
    #[error("coordinate ({x}, {y}) is not a finite number")]
    NotFinite {
        /// East or longitude.
        x: f64,
        /// North or latitude.
        y: f64,
    },
    /// The point has no image in the target CRS.
    #[error("point ({x}, {y}) of {from} cannot be placed in {to}: {reason}; check the CRS and the axis order")]
    OutOfDomain {
        /// East or longitude, in the source CRS.
        x: f64,
        /// North or latitude, in the source CRS.
        y: f64,
        /// Source CRS.
        from: String,
        /// Target CRS.
        to: String,
        /// What PROJ or the range check said.
        reason: String,
    },
    /// PROJ has no usable database.
    #[error("the coordinate reference system database cannot be used: {0}")]
    Database(String),
}
